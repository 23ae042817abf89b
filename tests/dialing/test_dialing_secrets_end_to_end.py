"""A one-time password by all processes, spoken and texted: heard and read, and kept nowhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from running_engine import eventually, running

from ghanti.dialing.contents import seal
from ghanti.dialing.models import Channel, PlanClass
from ghanti.encryption import secret_box
from ghanti.media.correlate import similarity
from ghanti.media.g711 import ulaw_to_pcm
from ghanti.settings import Settings
from ghanti.speech.cache import Rendered
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.speech.voices import DEFAULT_VOICE
from recordings import read_wav

CODE = "तपाईंको कोड 7 3 1 9 हो"


async def _as_rendered(folder: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    async with SpeechPool(folder) as pool:
        (answer,) = await pool.render_many([RenderRequest(CODE, DEFAULT_VOICE.engine_voice)])
    assert isinstance(answer, Rendered)
    return ulaw_to_pcm(answer.path.read_bytes())


async def test_a_code_reaches_its_phone_and_leaves_nothing_behind(
    engine_database: str, tmp_path: Path
) -> None:
    async with running(engine_database) as engine:
        sealed = seal(CODE, secret_box(Settings(data=engine.folder)))
        plan = await engine.campaign(
            [10],
            Channel.CALL,
            Channel.SMS,
            plan_class=PlanClass.OTP,
            call_content={"voice_id": DEFAULT_VOICE.id, "audios": {"message": {"secret": sealed}}},
            sms_content={"secret": sealed},
        )
        await engine.finished(plan)
        assert await engine.world.rows("SELECT DISTINCT outcome FROM targets") == [("completed",)]
        (end,) = await engine.all_calls_ended()
        heard = read_wav(end["wav"]).astype(np.int16)
        assert similarity(heard, await _as_rendered(tmp_path)) > 0.9
        assert [line["text"] for line in engine.texts() if "text" in line] == [CODE]

        media = engine.folder / "media"

        async def files() -> list[Path]:
            return [path for path in media.rglob("*") if path.is_file()]

        await eventually(files, lambda found: not found)
        for table in ("plans", "targets", "attempts", "message_parts", "delivery_receipts"):
            assert not [
                row
                for row in await engine.world.rows(f"SELECT t::text FROM {table} t")
                if "7 3 1 9" in row[0]
            ]
