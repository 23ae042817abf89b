"""Whom an order names: numbers that may be called, each once, and values for all tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ghanti.accounts.errors import InvalidError
from ghanti.contacts import variables as rules
from ghanti.contacts.errors import NumberError, VariableError
from ghanti.contacts.numbers import PhoneNumber, parse
from ghanti.direct.schemas import Person, Refused
from ghanti.speech.template import MissingTags, resolve
from ghanti.trunks import service as trunks

NUMBER = "number"
VARIABLES = "variables"


@dataclass(slots=True)
class Sorted:
    """A list of people by their places in it: the numbers to call, and who is refused."""

    numbers: dict[int, PhoneNumber] = field(default_factory=dict)
    refused: dict[int, Refused] = field(default_factory=dict)


def called(person: Person, home_country: str) -> PhoneNumber:
    """The number of somebody who may be called. Raises InvalidError."""
    try:
        return _called(person, home_country)
    except _RefusedError as error:
        raise InvalidError.of(error.refused.field, error.refused.message) from None


def sort_out(people: Sequence[Person], home_country: str) -> Sorted:
    """Who may be called, of equal numbers the first. Takes a while, so call it in a thread."""
    found = Sorted()
    places: dict[str, int] = {}
    for place, person in enumerate(people):
        try:
            number = _called(person, home_country)
        except _RefusedError as error:
            found.refused[place] = error.refused
            continue
        first = places.setdefault(number.number, place)
        if first == place:
            found.numbers[place] = number
        else:
            found.refused[place] = Refused(
                NUMBER, f"The number is in the list before, at index {first}; it is called once."
            )
    return found


def lacking(tags: Sequence[str], variables: Mapping[str, Any]) -> Refused | None:
    """Who has no value for some tags, and which; None when there is one for each."""
    missing = [tag for tag in tags if resolve(tag, variables) is None]
    return Refused(VARIABLES, f"There is {MissingTags(missing)}.") if missing else None


class _RefusedError(Exception):
    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.refused = Refused(field_name, message)


def _called(person: Person, home_country: str) -> PhoneNumber:
    try:
        number = parse(person.number, home_country)
        rules.check(person.variables)
    except NumberError as error:
        raise _RefusedError(NUMBER, error.message) from None
    except VariableError as error:
        raise _RefusedError(VARIABLES, f"{error.field}: {error.message}") from None
    if refusal := trunks.destination_refusal(number.number, home_country):
        raise _RefusedError(NUMBER, f"This number cannot be reached: {refusal}.")
    return number
