"""The audio of calls: what each target is to hear, filled, rendered and measured."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.dialing import contents, personal
from ghanti.dialing.contents import CallContent
from ghanti.dialing.models import Outcome
from ghanti.dialing.stock import Ready
from ghanti.encryption import DecryptionError, SecretBox
from ghanti.media.g711 import SAMPLE_RATE
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech import template
from ghanti.speech.cache import Rendered, media_key
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.errors import SpeechError
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.voice.player import MAX_FILE_BYTES

SECRET_FOLDER = "secret"  # noqa: S105 - a folder
"""Where in the media store secret audio lies while its target is open."""

_LONGEST_MS = MAX_FILE_BYTES * 1000 // SAMPLE_RATE

Refusal = tuple[Outcome, str]
_Answered = Mapping[str, tuple[RenderRequest, Rendered | SpeechError]]
"""What became of each audio that one target needed."""


@dataclass(slots=True)
class Made:
    """Targets with their contents, and those that can have none, by id, with the reason."""

    ready: list[Ready] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)


class Speaker:
    """Makes the contents of calls with a pool of speech processes."""

    def __init__(self, pool: SpeechPool, store: MediaStore, box: SecretBox, settings: Settings) -> None:
        self._pool = pool
        self._store = store
        self._box = box
        self._longest_ms = settings.longest_call_seconds * 1000

    async def speak(
        self, content: CallContent, voice: EngineVoice | None, rows: Sequence[Any], tariffs: Tariffs
    ) -> Made:
        """The contents of targets (``id``, ``variables``, ``personal``); equal texts share a file."""
        made = Made()
        if fault := await asyncio.to_thread(self._fault_of, content):
            made.refused = {row.id: (Outcome.FAILED, fault) for row in rows}
            return made
        wanted: dict[int, dict[str, RenderRequest]] = {}
        for row in rows:
            try:
                wanted[row.id] = self._requests(content, voice, row)
            except (template.MissingTags, DecryptionError, SpeechError) as error:
                made.refused[row.id] = (Outcome.FAILED, str(error))
        flat = [request for requests in wanted.values() for request in requests.values()]
        answers = iter(await self._pool.render_many(flat))
        numbers = {row.id: row.number for row in rows}
        for target_id, requests in wanted.items():
            answered = {name: (request, next(answers)) for name, request in requests.items()}
            self._conclude(made, target_id, content, answered, tariffs.of(numbers[target_id]))
        return made

    async def forget(self, ready: Sequence[Ready]) -> None:
        """Delete the secret audio of contents that came too late to be used."""
        for item in ready:
            for key in item.content.get("secrets", {}).values():
                await asyncio.to_thread(self._store.delete, key)

    def _fault_of(self, content: CallContent) -> str | None:
        """Why no call can play the audio that is given, which would be tried for ever."""
        for name, given in content.media.items():
            if not 0 < (self._store.size(given.key) or 0) <= MAX_FILE_BYTES:
                return f"the audio {name} is missing, empty or too long"
        return None

    def _requests(
        self, content: CallContent, voice: EngineVoice | None, row: Any
    ) -> dict[str, RenderRequest]:
        if voice is None and content.spoken:
            raise SpeechError("the campaign's voice exists no more")
        requests = {}
        for name, text in self._texts(content, row).items():
            assert voice is not None
            keep_as = f"{SECRET_FOLDER}/{secrets.token_hex(16)}.ulaw" if name in content.secrets else None
            requests[name] = RenderRequest(text, voice, content.length_factor, keep_as)
        return requests

    def _texts(self, content: CallContent, row: Any) -> dict[str, str]:
        variables = personal.variables_of(row.variables, row.personal)
        templates = personal.templates_of(content.templates, row.personal)
        texts = {name: template.fill(said, variables).text for name, said in templates.items()}
        return texts | {name: contents.unseal(sealed, self._box) for name, sealed in content.secrets.items()}

    def _conclude(
        self, made: Made, target_id: int, content: CallContent, answered: _Answered, tariff: Tariff
    ) -> None:
        """One target: ready when all its audios are, else refused."""
        lengths = {name: given.ms for name, given in content.media.items()}
        told: dict[str, dict[str, str]] = {}
        for name, (request, answer) in answered.items():
            if not isinstance(answer, Rendered):
                # What an engine says may quote the text.
                why = (
                    "the message cannot be spoken"
                    if request.keep_as
                    else f"the message cannot be spoken: {answer}"
                )
                made.refused[target_id] = (Outcome.FAILED, why)
                return
            if answer.ms > _LONGEST_MS:
                made.refused[target_id] = (Outcome.FAILED, "the message is too long to be played")
                return
            lengths[name] = answer.ms
            if request.keep_as:
                told.setdefault("secrets", {})[name] = request.keep_as
            else:
                told.setdefault("audios", {})[name] = media_key(answer.key)
        hold = tariff.hold(min(content.script.longest_ms(lengths), self._longest_ms))
        total = sum(lengths[name] for name in content.script.told)
        made.ready.append(
            Ready(target_id, {**told, "ms": total}, hold, tariff.pulse_seconds, tariff.credits_per_pulse)
        )
