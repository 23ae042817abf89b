"""What a call will hold, before its audio is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ghanti.credits.tariff import Tariff
from ghanti.dialing.contents import CallContent
from ghanti.settings import Settings
from ghanti.speech import template
from ghanti.speech.estimating import estimated_ms
from ghanti.speech.text import normalise


def estimated_hold(
    content: CallContent,
    variables: Mapping[str, Any],
    language: str,
    settings: Settings,
    tariff: Tariff,
) -> int:
    """Credits, no less than one attempt will hold that says this to a contact with these variables.

    Raises:
        template.MissingTags: the contact lacks a value that is to be said.
    """
    lengths = {name: given.ms for name, given in content.media.items()}
    for name, said in content.templates.items():
        words = normalise(template.fill(said, variables).text, language)
        lengths[name] = estimated_ms(words, content.length_factor)
    longest_ms = min(content.script.longest_ms(lengths), settings.longest_call_seconds * 1000)
    return tariff.hold(longest_ms)
