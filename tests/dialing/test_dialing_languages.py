"""Calls in other languages than Nepali: from a template with tags to audio that is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from engine_world import World
from ghanti.dialing.preparation import Preparer
from ghanti.encryption import SecretBox
from ghanti.media.correlate import similarity
from ghanti.media.g711 import ulaw_to_pcm
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.pool import SpeechPool
from ghanti.speech.voices import VOICES, Voice

BOX = SecretBox(b"k" * 32)
TEMPLATES = {
    "en": (
        "Dear {name}, please pay Rs. {amount}.",
        "Dear Sita, please pay one thousand five hundred rupees.",
    ),
    "hi": ("नमस्ते {name}, कृपया रु. {amount} जमा करें।", "नमस्ते Sita, कृपया एक हज़ार पाँच सौ रुपये जमा करें।"),
}
OTHERS = [voice for voice in VOICES if voice.language != "np"]


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[SpeechPool]:
    async with SpeechPool(tmp_path / "media") as pool:
        yield pool


@pytest.mark.parametrize("voice", OTHERS, ids=lambda voice: voice.internal_name)
async def test_a_template_is_filled_read_in_its_language_and_kept(
    world: World, pool: SpeechPool, tmp_path: Path, voice: Voice
) -> None:
    template, said = TEMPLATES[voice.language]
    content = {"voice_id": voice.id, "length_factor": "1.00", "audios": {"message": {"template": template}}}
    await world.plan(await world.account(), 3, ready=False, call_content=content)
    await world.execute("""UPDATE contacts SET variables = '{"name": "Sita", "amount": 1500.0}'""")
    preparer = Preparer(world.sessions, Settings(data=tmp_path), BOX, pool, uuid4())
    assert await preparer.pass_once() == 3
    (key,) = {
        row.content["audios"]["message"]
        for row in await world.rows("SELECT content FROM targets WHERE ready")
    }
    heard = ulaw_to_pcm(MediaStore(tmp_path / "media").path(key).read_bytes())
    assert 2 < len(heard) / 8000 < 8
    assert np.abs(heard.astype(np.int32)).max() > 20_000
    espeak = Espeak()
    assert similarity(heard, espeak.synthesise(said, voice.engine_voice, 1.0)) > 0.95
    assert similarity(heard, espeak.synthesise(said, VOICES[0].engine_voice, 1.0)) < 0.5


async def test_the_table_has_the_voices_of_the_module(world: World) -> None:
    rows = await world.rows(
        "SELECT id, display_name, internal_name, is_premium, engine, engine_voice, language"
        " FROM voices ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        (
            voice.id,
            voice.display_name,
            voice.internal_name,
            voice.premium,
            voice.engine_voice.engine,
            voice.engine_voice.name,
            voice.language,
        )
        for voice in VOICES
    ]
