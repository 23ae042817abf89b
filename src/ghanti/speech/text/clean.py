"""The first and the last step: one spelling of every character, then only words and pauses."""

from __future__ import annotations

import re
import unicodedata

from ghanti.speech.text.language import Language

_DIGIT = re.compile(r"[^\D0-9]")
_MINUS = re.compile("[‐-―−]")
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")

# Between letters of Devanagari the joiners shape conjuncts; everywhere else they are dropped.
_STRAY_JOINER = re.compile("(?<!\u094d)[\u200c\u200d]")
_BLANKS = re.compile(r"[^\S\r\n\v\f\u2028\u2029]+")
_LINE_END = re.compile(r"[\r\n\v\f\u2028\u2029]+\s*")
_DANDA = re.compile("[।॥]")
_PAUSE = re.compile(r"\s-+\s|--+|[:;()\[\]|]")
_INNER_APOSTROPHE = re.compile(r"(?<=[A-Za-z])['’](?=[A-Za-z])")
_KEPT_APOSTROPHE = "\ue000"
_PAUSES = re.compile(r" ?[,।.?!][,।.?! ]*")


def fold(text: str) -> str:
    """Compatibility forms (①, ½, ％, …), digits of every script, dashes: as ASCII has them."""
    text = unicodedata.normalize("NFKC", text)
    text = _DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)
    text = _INVISIBLE.sub("", text).replace("\u2044", "/")
    return _BLANKS.sub(" ", _MINUS.sub("-", text))


def tidy(text: str, language: Language) -> str:
    """Letters, marks and single pauses; what has no sound is dropped, what has one is named."""
    text = _STRAY_JOINER.sub("", text)
    text = _LINE_END.sub(f"{language.stop} ", _DANDA.sub(language.stop, text))
    text = _PAUSE.sub(", ", text)
    text = "".join(language.symbols.get(character, character) for character in text)
    text = _INNER_APOSTROPHE.sub(_KEPT_APOSTROPHE, text)
    text = "".join(character if _sounds(character) else " " for character in text)
    text = " ".join(text.replace(_KEPT_APOSTROPHE, "'").split())
    text = _PAUSES.sub(_one_pause, text).lstrip(",।.?! ").rstrip(" ,")
    return unicodedata.normalize("NFC", text)


def _sounds(character: str) -> bool:
    if character in ",।.?!\u200c\u200d" or character == _KEPT_APOSTROPHE:
        return True
    return unicodedata.category(character)[0] in "LM"


def _one_pause(match: re.Match[str]) -> str:
    """The strongest of several marks in a row."""
    return next(mark for mark in "?!।.," if mark in match[0]) + " "
