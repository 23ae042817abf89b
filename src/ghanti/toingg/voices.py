"""Voices and languages by the names that Toingg's clients use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ghanti.accounts.errors import InvalidError
from ghanti.direct import saying
from ghanti.speech.models import Voice

LANGUAGES: Final = {code: name for name, code in saying.LANGUAGES.items()}
"""Names of languages by the codes of our voices."""

_SPELLINGS: Final = {
    **{name: name for name in LANGUAGES.values()},
    **LANGUAGES,
    "ne": "nepali",
}


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A voice under a name that no other has."""

    name: str
    voice: Voice

    @property
    def kind(self) -> str:
        return "premium" if self.voice.is_premium else "standard"

    @property
    def language(self) -> str:
        return language_of(self.voice)


def language_of(voice: Voice) -> str:
    """The language of a voice by its name; by its code where it has none."""
    return LANGUAGES.get(voice.language, voice.language)


def named(voices: Sequence[Voice]) -> list[NamedVoice]:
    """The voices by what people read of them, in lower case; one whose name is taken bears its id too."""
    taken: set[str] = set()
    found = []
    for voice in sorted(voices, key=lambda voice: voice.id):
        name = voice.display_name.strip().lower()
        if name in taken:
            name = f"{name}-{voice.id}"
        taken.add(name)
        found.append(NamedVoice(name, voice))
    return found


def languages(voices: Sequence[NamedVoice]) -> list[str]:
    """The languages that these voices speak, each once."""
    return list(dict.fromkeys(each.language for each in voices))


def choose(
    voices: Sequence[NamedVoice],
    name: str | None,
    language: str | None,
    present: NamedVoice | None,
    *,
    premium: bool,
) -> NamedVoice | None:
    """The voice that is wanted: by its name, or else one of the language, which the present one may be.

    Without a name a premium voice is chosen only for an account that may have one.

    Raises InvalidError, which names the voices there are, for a name or a language that is none of theirs.
    """
    wanted = None if not language else _language(voices, language)
    if name:
        return _by_name(voices, name, wanted)
    if wanted is None or (present is not None and present.language == wanted):
        return present
    speaking = [each for each in voices if each.language == wanted]
    return next((each for each in speaking if premium or not each.voice.is_premium), speaking[0])


def _by_name(voices: Sequence[NamedVoice], name: str, language: str | None) -> NamedVoice:
    speaking = [each for each in voices if language is None or each.language == language]
    found = next((each for each in speaking if each.name == name.strip().lower()), None)
    if found is None:
        of_language = "" if language is None else f" that speaks {language}"
        listed = ", ".join(each.name for each in speaking)
        raise InvalidError.of("voice", f"There is no voice {name[:60]!r}{of_language}. There are: {listed}.")
    return found


def _language(voices: Sequence[NamedVoice], language: str) -> str:
    spoken = languages(voices)
    written = language.strip().lower()
    name = _SPELLINGS.get(written, written)
    if name not in spoken:
        raise InvalidError.of(
            "language", f"No voice speaks {language[:60]!r}. There are voices for: {', '.join(spoken)}."
        )
    return name
