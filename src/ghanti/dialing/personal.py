"""What is said to one person alone, as ``targets.personal`` holds it.

``{"variables": {name: value}, "text": "… {tags} …"}``. The variables go before those of the contact, if there
is one. The text stands in place of the plan's own: of a call's audio ``message``, of a message's template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ghanti.speech.template import as_text, spellings
from ghanti.voice.script import MAIN_AUDIO

Personal = Mapping[str, Any]


def personal(variables: Mapping[str, Any], text: str | None = None) -> dict[str, Any]:
    """As a target holds it."""
    return {"variables": dict(variables)} | ({} if text is None else {"text": text})


def variables_of(contact: Mapping[str, Any], own: Personal | None) -> Mapping[str, Any]:
    """What fills the tags: the person's own values, and where those are blank or absent the contact's."""
    if not own or not own["variables"]:
        return contact
    given = {name: value for name, value in own["variables"].items() if as_text(value)}
    # Every spelling, since the contact's would else be found before the person's own.
    hidden = {spelling for name in given for spelling in spellings(name)}
    return {name: value for name, value in contact.items() if name not in hidden} | given


def template_of(template: str, own: Personal | None) -> str:
    """The text in place of a plan's own, if there is one."""
    return template if own is None else str(own.get("text", template))


def templates_of(templates: Mapping[str, str], own: Personal | None) -> Mapping[str, str]:
    """What a call says, by the names of its audios."""
    if own is None or "text" not in own:
        return templates
    return {**templates, MAIN_AUDIO: str(own["text"])}
