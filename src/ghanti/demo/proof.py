"""What the phones heard and read, compared with what each should have."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ghanti.demo.people import MESSAGE, SMS_MESSAGE, Person
from ghanti.media.correlate import similarity
from ghanti.media.g711 import Pcm, ulaw_to_pcm
from ghanti.media.wav import read_wav
from ghanti.simulator.behaviour import PhoneBehaviour, phone_behaviour
from ghanti.speech.cache import Rendered
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.speech.voices import VOICES

OWN_AT_LEAST = 0.9
OTHER_AT_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Heard:
    """One answered phone: how well its recording fits its own message, and at best another's."""

    person: Person
    wav: Path
    own: float
    other: float
    to_the_end: bool

    @property
    def right(self) -> bool:
        return self.own > OWN_AT_LEAST and self.other < OTHER_AT_MOST


@dataclass(frozen=True, slots=True)
class Evidence:
    heard: list[Heard]
    invites: int
    called_twice: list[str]
    texts: int
    wrong_texts: list[str]
    expected_answers: int

    @property
    def all_heard(self) -> bool:
        """Whether every phone that was to answer heard its own message, and no other's."""
        return len(self.heard) == self.expected_answers and all(item.right for item in self.heard)

    @property
    def holds(self) -> bool:
        return self.all_heard and not self.called_twice and not self.wrong_texts


def gather(folder: Path, media: Path, people: list[Person], voice_id: int) -> Evidence:
    """Read the simulators' own logs and recordings: they share no telephony code with the server."""
    phones = _lines(folder / "phones.jsonl")
    messages = _lines(folder / "messages.jsonl")
    invited = [line["number"] for line in phones if line["event"] == "invite"]
    recordings = {line["number"]: Path(line["wav"]) for line in phones if line.get("wav")}
    by_number = {person.e164: person for person in people}
    expected = asyncio.run(_render(media, people, voice_id))
    heard = [_compare(by_number[number], wav, people, expected) for number, wav in recordings.items()]
    texts = {f"+{line['to'].lstrip('+')}": line["text"] for line in messages}
    wrong = [p.number for p in people if texts.get(p.e164) != p.fill(SMS_MESSAGE)]
    answering = (PhoneBehaviour.ANSWER, PhoneBehaviour.HANG_UP, PhoneBehaviour.PRESS_KEYS)
    return Evidence(
        heard=heard,
        invites=len(invited),
        called_twice=sorted({number for number in invited if invited.count(number) > 1}),
        texts=len(messages),
        wrong_texts=wrong,
        expected_answers=sum(phone_behaviour(p.number) in answering for p in people),
    )


async def _render(media: Path, people: list[Person], voice_id: int) -> dict[str, Pcm]:
    """Each person's message as the server renders it, from the server's own cache where it is there."""
    voice = next(voice for voice in VOICES if voice.id == voice_id)
    async with SpeechPool(media) as pool:
        answers = await pool.render_many(
            [RenderRequest(person.fill(MESSAGE), voice.engine_voice) for person in people]
        )
    rendered: dict[str, Pcm] = {}
    for person, answer in zip(people, answers, strict=True):
        if not isinstance(answer, Rendered):
            raise answer
        rendered[person.number] = ulaw_to_pcm(answer.path.read_bytes())
    return rendered


def _compare(person: Person, wav: Path, people: list[Person], expected: dict[str, Pcm]) -> Heard:
    recording, _rate = read_wav(wav)
    neighbour = people[(people.index(person) + 1) % len(people)]
    return Heard(
        person=person,
        wav=wav,
        own=similarity(recording, expected[person.number]),
        other=similarity(recording, expected[neighbour.number]),
        to_the_end=phone_behaviour(person.number) is not PhoneBehaviour.HANG_UP,
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
