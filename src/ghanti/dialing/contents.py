"""What a plan says, as ``plans.call_content`` and ``plans.sms_content`` hold it.

Call content::

    {"voice_id": 1, "length_factor": "1.00",
     "script": {…},                            # a call script; absent: plays the audio "message"
     "audios": {"message": {"template": "… {tags} …"},
                "closing": {"media": "<media store key of raw µ-law>", "ms": 4200},
                "code": {"secret": "<base64 of SecretBox.encrypt(text)>"}},
     "hooks": {"question_1": {"1": "<name of a web hook>"}},
     "labels": {"question_1": {"1": "yes"}},
     "record": true}

``hooks`` says which web hook a key calls that is given at a step of the script; absent: none. ``labels`` says
what keys mean. With ``record`` the whole call is recorded, where the operator has calls recorded.
A template is spoken with each contact's variables; one without tags is spoken once, for all. A secret
is decrypted only to be spoken; its audio is kept apart and goes when its target is final.

Message content is ``{"template": "…"}`` or ``{"secret": "…"}``, which is decrypted only to be sent.

A target's own ``content``, once it is ready: ``{"audios": {name: key}, "secrets": {name: key}, "ms": n}``,
keys of the media store and the length of all audios of the script, or ``{"text": "…", "parts": n}``,
without the text where it is secret. Given audio stays in the plan.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghanti.encryption import SecretBox
from ghanti.voice.script import MAIN_AUDIO, Script

SAY_MESSAGE = Script.model_validate({"v": 1, "steps": [{"do": "play", "audio": MAIN_AUDIO}]})
"""The script of a plan that brings none."""


@dataclass(frozen=True, slots=True)
class Media:
    """Audio that lies in the media store already: raw µ-law of so many milliseconds."""

    key: str
    ms: int


@dataclass(frozen=True, slots=True)
class CallContent:
    """What a call says; ``templates``, ``media`` and ``secrets`` are its audios by name."""

    voice_id: int | None
    length_factor: float
    script: Script
    templates: Mapping[str, str] = field(default_factory=dict)
    media: Mapping[str, Media] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def spoken(self) -> bool:
        """Whether a voice is needed."""
        return bool(self.templates or self.secrets)


def script_of(content: Mapping[str, Any]) -> Script:
    """The script of a call content. Raises pydantic's ValidationError for one that is none."""
    raw = content.get("script")
    return SAY_MESSAGE if raw is None else Script.model_validate(raw)


def read(content: Mapping[str, Any]) -> CallContent:
    """Read a call content.

    Raises:
        ValueError: it is none, or its script plays what it has no audio for.
    """
    script = script_of(content)
    audios: Mapping[str, Mapping[str, Any]] = content.get("audios", {})
    if missing := [name for name in script.audios if name not in audios]:
        raise ValueError(f"the script plays what is not there: {', '.join(missing)}")
    wanted = {name: audios[name] for name in script.audios}
    return CallContent(
        voice_id=content.get("voice_id"),
        length_factor=float(content.get("length_factor", 1)),
        script=script,
        templates={name: audio["template"] for name, audio in wanted.items() if "template" in audio},
        media={
            name: Media(audio["media"], int(audio["ms"]))
            for name, audio in wanted.items()
            if "media" in audio
        },
        secrets={name: audio["secret"] for name, audio in wanted.items() if "secret" in audio},
    )


def seal(text: str, box: SecretBox) -> str:
    """A text as contents hold it under ``secret``."""
    return base64.b64encode(box.encrypt(text)).decode()


def unseal(secret: str, box: SecretBox) -> str:
    """The clear text. Raises DecryptionError when it was sealed with another key."""
    return box.decrypt(base64.b64decode(secret))
