"""From written to spoken: what engines read wrong is written out before they see it."""

from __future__ import annotations

from ghanti.speech.text import ne

_LANGUAGES = {"np": ne.normalise}


def normalise(text: str, language: str) -> str:
    """The words to be spoken, with no digit, brace or symbol left. Empty when nothing is.

    ``language`` is a voice's code, ``np`` for Nepali. Never raises for a known language; the same
    result comes out again when it is put in.

    Raises:
        KeyError: no rules for this language.
    """
    return _LANGUAGES[language](text)
