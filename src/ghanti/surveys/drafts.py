"""Reading steps as callers write them, and what a step may be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ghanti.surveys.models import ContentType, ResponseType
from ghanti.surveys.schemas import DEFAULTS, MOST_STEPS, StepDraft, StepOptions

LONGEST_TEXT = 10_000
LONGEST_NAME = 128
_LONGEST_URL = 2048
_MOST_DIGITS = 32
_MOST_ANSWERS = 50
_MOST_TRIES = 5
_BIGGEST_ID = 2**63 - 1
_BIGGEST_ORDER = 1_000_000

_DEFAULT_NAME = re.compile(r"field_\d+")
_KEYS = re.compile(r"[0-9*#A-D]+")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_REQUIRED = "This field is required."

Messages = dict[str, list[str]]
T = TypeVar("T")
E = TypeVar("E", ContentType, ResponseType)


class StepError(ValueError):
    """A step that cannot be; ``fields`` are messages by the name of what is wrong."""

    def __init__(self, fields: Messages) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in fields.items()))
        self.fields = fields


class StepsError(ValueError):
    """Steps that cannot be; ``messages`` say which, and why."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(" ".join(messages))
        self.messages = list(messages)


class _WrongError(ValueError):
    pass


def is_url(text: str) -> bool:
    """Whether a text is an address of a file rather than something to say."""
    return len(text) <= _LONGEST_URL and _URL.fullmatch(text.strip()) is not None


def read_steps(items: Sequence[Any], *, ordered: bool = False, nulls_keep: bool = False) -> list[StepDraft]:
    """Steps in the order in which they were written, each with an ``order`` of its own.

    With ``ordered`` every step must say its order; without, orders that are missing or doubled are those in
    which the steps were written. With ``nulls_keep`` a null ``audio_file`` leaves a known step its audio, as
    an absent one does.

    Raises StepsError naming each step that is wrong.
    """
    if len(items) > MOST_STEPS:
        raise StepsError([f"A survey has at most {MOST_STEPS} steps."])
    drafts, messages = [], []
    for index, item in enumerate(items):
        try:
            drafts.append(read_step(item, index, ordered=ordered, nulls_keep=nulls_keep))
        except StepError as error:
            messages.append(f"Step {index + 1}: {error}")
    if messages:
        raise StepsError(messages)
    orders = [draft.order for draft in drafts]
    if len(set(orders)) < len(orders):
        if ordered:
            raise StepsError(["Two steps have the same order."])
        drafts = [replace(draft, order=index) for index, draft in enumerate(drafts)]
    return _named(drafts)


def read_step(item: Any, index: int, *, ordered: bool = False, nulls_keep: bool = False) -> StepDraft:
    """One step. Raises StepError."""
    if not isinstance(item, Mapping):
        raise StepError({"step": ["Enter an object."]})
    sent = _Sent(item)
    content = sent.get("content_type", _choice(ContentType))
    if content is None:
        sent.errors.setdefault("content_type", [_REQUIRED])
    order = sent.get("order", _whole(0, _BIGGEST_ORDER))
    if order is None and ordered:
        sent.errors.setdefault("order", [_REQUIRED])
    url = sent.get("audio_file", _url)
    text = sent.get("text_or_url", _text(LONGEST_TEXT)) or ""
    response = sent.get("response_type", _choice(ResponseType))
    name = sent.get("input_name", _name) or sent.get("field_name", _name)
    options = _options(sent)
    if sent.errors:
        raise StepError(sent.errors)
    return StepDraft(
        order=index if order is None else order,
        content_type=content or ContentType.SAY,
        response_type=response or ResponseType.NONE,
        input_name=name or f"field_{index + 1}",
        text_or_url=text,
        options=options,
        step_id=_id_of(item.get("id")),
        audio_url=url or (text.strip() if is_url(text) else None),
        keeps_sound="audio_file" not in item or (nulls_keep and not item["audio_file"]),
    )


class _Sent:
    """What was sent of a step; ``errors`` are the messages so far, by field."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        self._item = item
        self.errors: Messages = {}

    def __contains__(self, name: str) -> bool:
        return name in self._item

    def get(self, name: str, reader: Callable[[Any], T]) -> T | None:
        """The value of a field; None when it is absent, null, empty or wrong."""
        value = self._item.get(name)
        if value is None or value == "":
            return None
        try:
            return reader(value)
        except _WrongError as error:
            self.errors[name] = [str(error)]
            return None

    def wrong(self, name: str, message: str) -> None:
        self.errors.setdefault(name, []).append(message)


def _named(drafts: Sequence[StepDraft]) -> list[StepDraft]:
    """Each step with a name of its own: clients repeat the default ones, which are then given out anew."""
    taken: set[str] = set()
    doubled = []
    for draft in drafts:
        if draft.input_name not in taken:
            taken.add(draft.input_name)
        elif not _DEFAULT_NAME.fullmatch(draft.input_name):
            raise StepsError([f"Two steps have the input_name {draft.input_name!r}."])
        else:
            doubled.append(draft)
    if not doubled:
        return list(drafts)
    free = (name for number in range(1, 2 * MOST_STEPS) if (name := f"field_{number}") not in taken)
    again = {id(draft): name for draft, name in zip(doubled, free, strict=False)}
    return [replace(draft, input_name=again.get(id(draft), draft.input_name)) for draft in drafts]


def _options(sent: _Sent) -> StepOptions:
    valid = sent.get("valid_answers", _answers) or ()
    most = sent.get("max_digits", _whole(1, _MOST_DIGITS)) or max(map(len, valid), default=1)
    least = sent.get("min_digits", _whole(1, _MOST_DIGITS)) or DEFAULTS.min_digits
    terminator = sent.get("terminator", _key) if "terminator" in sent else DEFAULTS.terminator
    if least > most:
        sent.wrong("min_digits", "It is more than max_digits.")
    if any(not least <= len(answer) <= most for answer in valid):
        sent.wrong("valid_answers", "One is shorter than min_digits or longer than max_digits.")
    if terminator is not None and any(terminator in answer for answer in valid):
        sent.wrong("valid_answers", "One holds the terminator.")
    longest = sent.get("max_record_seconds", _seconds(1, 600)) or DEFAULTS.max_record_seconds
    shortest = sent.get("min_record_seconds", _seconds(0, 600))
    if shortest is None:
        shortest = DEFAULTS.min_record_seconds
    elif shortest > longest:
        sent.wrong("min_record_seconds", "It is more than max_record_seconds.")
    silence = DEFAULTS.silence_seconds
    if "silence_seconds" in sent:
        silence = sent.get("silence_seconds", _seconds(0.2, 60))
    barge_in, beep = sent.get("barge_in", _boolean), sent.get("beep", _boolean)
    return StepOptions(
        max_digits=most,
        min_digits=least,
        terminator=terminator,
        timeout_seconds=sent.get("timeout_seconds", _seconds(1, 120)) or DEFAULTS.timeout_seconds,
        inter_digit_seconds=sent.get("inter_digit_seconds", _seconds(1, 120)) or DEFAULTS.inter_digit_seconds,
        valid_answers=valid,
        tries=sent.get("tries", _whole(1, _MOST_TRIES)) or DEFAULTS.tries,
        barge_in=DEFAULTS.barge_in if barge_in is None else barge_in,
        max_record_seconds=longest,
        min_record_seconds=shortest,
        silence_seconds=silence,
        beep=DEFAULTS.beep if beep is None else beep,
    )


def _id_of(value: Any) -> int | None:
    """Clients give new steps ids of their own making; only a number can be one of ours."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    known = re.fullmatch(r"[1-9][0-9]{0,18}", text)
    return int(text) if known and int(text) <= _BIGGEST_ID else None


def _choice(kind: type[E]) -> Callable[[Any], E]:
    def read(value: Any) -> E:
        try:
            return kind(str(value).strip().lower())
        except ValueError:
            raise _WrongError(f"Enter one of {', '.join(kind)}.") from None

    return read


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _WrongError("Enter text.")
        text = str(value)
        if len(text) > longest:
            raise _WrongError(f"At most {longest} characters are allowed.")
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise _WrongError("It holds characters that cannot be kept.")
        return text

    return read


def _name(value: Any) -> str:
    return _text(LONGEST_NAME)(value).strip()


def _url(value: Any) -> str:
    text = _text(_LONGEST_URL)(value).strip()
    if not is_url(text):
        raise _WrongError("Enter an absolute http or https URL, or upload a file.")
    return text


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = _number(value)
        if not number.is_integer() or not least <= number <= most:
            raise _WrongError(f"Enter a whole number from {least} to {most}.")
        return int(number)

    return read


def _seconds(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        number = _number(value)
        if not least <= number <= most:
            raise _WrongError(f"Enter {least:g} to {most:g} seconds.")
        return int(number) if number.is_integer() else number

    return read


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, bool | bytes) else float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _WrongError("Enter a number.")
    return number


def _boolean(value: Any) -> bool:
    spelling = str(value).strip().lower()
    if spelling not in ("true", "false", "1", "0"):
        raise _WrongError("Enter true or false.")
    return spelling in ("true", "1")


def _key(value: Any) -> str:
    text = str(value).strip()
    if len(text) != 1 or not _KEYS.fullmatch(text):
        raise _WrongError("Enter one of 0-9, *, #, A-D, or null for none.")
    return text


def _answers(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise _WrongError("Enter a list of answers.")
    answers = [
        str(item).strip() for item in items if isinstance(item, str | int) and not isinstance(item, bool)
    ]
    if len(answers) < len(items) or not all(map(_KEYS.fullmatch, answers)):
        raise _WrongError("Enter a list of answers, each of the keys 0-9, *, # and A-D.")
    if len(answers) > _MOST_ANSWERS or any(len(answer) > _MOST_DIGITS for answer in answers):
        raise _WrongError(f"At most {_MOST_ANSWERS} answers of {_MOST_DIGITS} keys are allowed.")
    return tuple(dict.fromkeys(answers))
