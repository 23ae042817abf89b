"""Real processes, phones and an SMSC: all hear their own words, and are hung up at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import numpy as np

from direct_world import GITA, HARI, SITA, Direct
from ghanti.dialing.models import Outcome
from ghanti.direct.schemas import DirectCall, Person, Placed, Refused, State
from ghanti.media.correlate import similarity
from ghanti.media.g711 import Pcm, ulaw_to_pcm
from ghanti.settings import Settings
from ghanti.speech.cache import Rendered
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.speech.voices import DEFAULT_VOICE
from recordings import read_wav
from running_engine import Running, eventually, running

NEVER_ANSWERS, ANSWERS = "+9779841000091", "+9779841000010"
LONG = "नमस्ते {name} " + "रकम एक दुई तीन चार पाँच छ सात आठ नौ दश रुपैयाँ " * 8


def _ward(engine: Running) -> Direct:
    return Direct(engine.world, engine.account, Settings(data=engine.folder))


async def _until(ward: Direct, sid: UUID, wanted: Callable[[DirectCall], bool]) -> DirectCall:
    async def look() -> DirectCall:
        return await ward.status(sid)

    return await eventually(look, wanted)


async def test_ringing_and_answered_calls_are_hung_up_and_a_restart_forgets_none(
    engine_database: str,
) -> None:
    async with running(engine_database, "dialler", "speech") as engine:
        ward = _ward(engine)
        campaign = await ward.campaign(LONG, retries={"no_answer": {"times": 3, "gap_seconds": 0}})
        # One of each is hung up while a dialler is there, one of each while there is none.
        calls = [
            (await ward.call(campaign, number), state)
            for number, state in (
                (NEVER_ANSWERS, State.RINGING),
                (ANSWERS, State.ANSWERED),
                (NEVER_ANSWERS.replace("1000", "1001"), State.RINGING),
                (ANSWERS.replace("1000", "1001"), State.ANSWERED),
            )
        ]
        for sid, state in calls:
            await _until(ward, sid, lambda call, state=state: call.state is state)
        for sid, _ in calls[:2]:
            await ward.hang_up(sid)
            await _until(ward, sid, lambda call: call.state is State.ENDED)
        await engine.kill("dialler")
        for sid, _ in calls[2:]:
            await ward.hang_up(sid)
        await engine.start_role("dialler")
        for sid, _ in calls[2:]:
            await _until(ward, sid, lambda call: call.state is State.ENDED)
        ends = {line["call_id"]: line for line in await engine.all_calls_ended()}
        assert len(ends) == 4, "nobody was called again"
        for sid, state in calls:
            end, call = ends[f"{sid.hex}-1@ghanti"], await ward.status(sid)
            # The phone's own word: a CANCEL (487) while it rang, a BYE once it had answered.
            answered = state is State.ANSWERED
            assert (end["answered"], end["code"], end["hungup_by"]) == (
                answered,
                200 if answered else 487,
                "caller",
            )
            assert (call.outcome, call.attempt_id, call.credits) == (Outcome.CANCELLED, sid, int(answered))
            assert call.number.endswith(end["number"][-4:])
        await engine.world.check()


async def test_everybody_hears_and_reads_their_own_words(engine_database: str, tmp_path: Path) -> None:
    async with running(engine_database) as engine:
        ward = _ward(engine)
        campaign = await ward.campaign("नमस्ते {name}, तपाईंको कर {amount} रुपैयाँ बाँकी छ")
        await ward.contact(campaign, HARI, name="हरि बहादुर", amount=7000)
        said = {
            SITA: "नमस्ते सीता, तपाईंको कर 2500 रुपैयाँ बाँकी छ",
            HARI: "नमस्ते हरि बहादुर, तपाईंको कर 7000 रुपैयाँ बाँकी छ",
            GITA: "भोलि बिहान दश बजे वडा कार्यालयमा आउनुहोस् गीता",
        }
        (placed,) = await ward.call_many(campaign, [Person(SITA, {"name": "सीता", "amount": 2500})])
        assert isinstance(placed, Placed)
        sids = {
            SITA: placed.sid,
            HARI: await ward.call(campaign, HARI, name=None),
            GITA: await ward.call(
                campaign, GITA, "गीता", text="भोलि बिहान दश बजे वडा कार्यालयमा आउनुहोस् {name}"
            ),
        }
        text = await ward.message("कर तिर्नुहोस् {name}", HARI, name="हरि")
        for sid in (*sids.values(), text):
            ended = await _until(ward, sid, lambda call: call.state is State.ENDED)
            assert ended.outcome is Outcome.COMPLETED
        assert [(line["to"], line["text"]) for line in engine.texts() if "text" in line] == [
            (HARI.removeprefix("+"), "कर तिर्नुहोस् हरि")
        ]
        await _until(ward, text, lambda call: call.delivery == "delivered")
        heard = {
            line["number"]: read_wav(line["wav"]).astype(np.int16) for line in await engine.all_calls_ended()
        }
        expected = await _as_rendered(tmp_path, said)
        for number, recording in heard.items():
            fits = {other: similarity(recording, wanted) for other, wanted in expected.items()}
            assert fits.pop(number) > 0.9, number
            assert max(fits.values()) < 0.5, number
        assert heard.keys() == said.keys()
        await engine.world.check()


async def _as_rendered(folder: Path, said: dict[str, str]) -> dict[str, Pcm]:
    async with SpeechPool(folder) as pool:
        answers = await pool.render_many(
            [RenderRequest(text, DEFAULT_VOICE.engine_voice) for text in said.values()]
        )
    pcm = {}
    for number, answer in zip(said, answers, strict=True):
        assert isinstance(answer, Rendered)
        pcm[number] = ulaw_to_pcm(answer.path.read_bytes())
    return pcm


async def test_of_a_thousand_every_good_phone_rings_once(engine_database: str) -> None:
    async with running(engine_database, "dialler", "speech", cps=100, credit=2000) as engine:
        ward = _ward(engine)
        campaign = await ward.campaign("नमस्ते")
        # Their phones are busy, which takes no time.
        good = [f"+977984{index:05d}90" for index in range(950)]
        bad = ["12", "+4915112345678", "9841", "x", good[0]] * 10
        people = [Person(number) for number in good + bad]
        placed = await ward.call_many(campaign, people)
        assert [type(each) for each in placed] == [Placed] * 950 + [Refused] * 50
        (plan,) = await engine.world.rows("SELECT id FROM plans")
        await engine.until(
            "SELECT state FROM plans WHERE id = :id", lambda rows: rows[0].state == "finished", id=plan.id
        )
        assert Counter(line["number"] for line in engine.phones_saw("invite")) == Counter(good)
        assert await engine.world.rows("SELECT outcome, count(*) FROM targets GROUP BY 1") == [("busy", 950)]
        sids = {each.sid for each in placed if isinstance(each, Placed)}
        assert {row.id for row in await engine.world.rows("SELECT id FROM attempts")} == sids
        await engine.world.check()
