"""One language's rules put together: from a written text to words and pauses."""

from __future__ import annotations

from ghanti.speech.text import phones
from ghanti.speech.text.clean import fold, tidy
from ghanti.speech.text.dates import Dates
from ghanti.speech.text.language import Language
from ghanti.speech.text.latin import Latin
from ghanti.speech.text.numbers import Numbers
from ghanti.speech.text.quantities import Quantities
from ghanti.speech.text.rule import Rules

_ROUNDS = 5


class Reader:
    """Reads texts of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        numbers = Numbers(language)
        latin = Latin(language, numbers)
        # The first rule that matches at a place has it, so the more special stands first.
        self._rules = Rules(
            (
                *latin.addresses(),
                *Dates(language, numbers).rules(),
                *phones.rules(language, numbers),
                *Quantities(language, numbers).rules(),
                *numbers.rules(),
                *latin.words(),
            )
        )

    def normalise(self, text: str) -> str:
        """See :func:`ghanti.speech.text.normalise`."""
        # A dropped symbol may join what it kept apart ("A🙂T.M."), so again until nothing changes.
        for _ in range(_ROUNDS):
            before, text = text, tidy(self._rules.apply(fold(text)), self._language)
            if text == before:
                break
        return text

    def character(self, character: str) -> str:
        """The name of a digit or a Latin letter; anything else stays."""
        if character.isascii() and character.isdigit():
            return self._language.digits[int(character)]
        return self._language.spell(character) or character
