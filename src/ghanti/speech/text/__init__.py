"""From written to spoken: what engines read wrong is written out before they see it."""

from __future__ import annotations

from functools import cache

from ghanti.speech.text import en, hi, ne
from ghanti.speech.text.reading import Reader

_LANGUAGES = {"np": ne.LANGUAGE, "en": en.LANGUAGE, "hi": hi.LANGUAGE}


def normalise(text: str, language: str) -> str:
    """The words to be spoken, with no digit, brace or symbol left. Empty when nothing is.

    ``language`` is a voice's code, ``np`` for Nepali. Never raises for a known language; the same
    result comes out again when it is put in.

    Raises:
        KeyError: no rules for this language.
    """
    return _reader(language).normalise(text)


def named(character: str, language: str) -> str:
    """A digit or Latin letter by its name, as :func:`normalise` leaves it; anything else stays.

    Raises:
        KeyError: no rules for this language.
    """
    return _reader(language).character(character)


@cache
def _reader(language: str) -> Reader:
    # Made when it is first needed: most installations speak one language.
    return Reader(_LANGUAGES[language])
