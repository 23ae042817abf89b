"""What is known of calls, from what their voice process told."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from told_calls import ENGLISH, NEPALI, Told, saying

from direct_world import opened
from engine_world import World
from ghanti.accounts.errors import ForbiddenError, NotFoundError
from ghanti.database.session import transaction
from ghanti.dialing.calls import dial_order, way_out
from ghanti.dialing.erasing import forget_contact
from ghanti.dialing.recordings import adopt_abandoned
from ghanti.dialing.sweeping import sweep_recordings
from ghanti.encryption import SecretBox
from ghanti.serve import roles
from ghanti.settings import Carrier, Settings
from ghanti.transcripts.errors import NeedsModelError
from ghanti.transcripts.schemas import TranscriptState
from ghanti.trunks.models import Trunk
from ghanti.voice.protocol import Answered, Played, Recorded, Said

SURVEY: dict[str, Any] = {
    **saying(one="Will you come?", two="How old are you?"),
    "labels": {"q1": {"1": "coming", "2": "staying"}},
    "script": {
        "v": 1,
        "steps": [
            {"do": "play", "audio": "one"},
            {"do": "listen", "name": "q1"},
            {"do": "play", "audio": "two"},
            {"do": "listen", "name": "q2", "max_digits": 2},
        ],
    },
}
PLAYS = [
    Said(audio="one", at_ms=200, played_ms=2000, total_ms=2000),
    Said(audio="two", at_ms=4000, played_ms=1500, total_ms=3000),
]


async def test_the_course_of_a_call_is_kept(told: Told) -> None:
    lease = await told.sent(SURVEY)
    assert (await told.transcript(lease)).state is TranscriptState.IN_PROGRESS
    await told.tell(told.event(Answered, lease, codec="PCMU"))
    progress = {"audio": "two", "played_ms": 2100, "total_ms": 5000, "said": PLAYS[:1]}
    await told.tell(told.event(Played, lease, **progress), told.key(lease, "q1", "1"))
    seen = await told.transcript(lease)
    assert {turn.content for turn in seen.turns} == {"Will you come?", "1 (coming)"}
    await told.tell(told.ended(lease, played_ms=3500, said=PLAYS, keys="1"))
    seen = await told.transcript(lease)
    assert seen.state is TranscriptState.NOT_RECORDED
    assert {turn.content for turn in seen.turns} == {"Will you come?", "1 (coming)", "How old …"}


async def test_a_single_message_needs_no_log(told: Told) -> None:
    lease = await told.sent(saying(message="Hello {name}, pay today."), name="Sita")
    said = [Said(audio="message", at_ms=200, played_ms=5000, total_ms=5000)]
    await told.tell(told.event(Answered, lease, codec="PCMU"), told.ended(lease, played_ms=5000, said=said))
    assert await told.world.value("SELECT count(*) FROM call_logs") == 0
    assert [turn.content for turn in (await told.transcript(lease)).turns] == ["Hello Sita, pay today."]


async def test_a_secret_has_no_transcript(told: Told) -> None:
    content = {"voice_id": NEPALI, "audios": {"message": {"secret": base64.b64encode(b"x").decode()}}}
    lease = await told.sent(content)
    await told.tell(told.ended(lease, played_ms=5000))
    for ask in (told.transcript, told.analysis):
        with pytest.raises(ForbiddenError):
            await ask(lease)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"q1": "coming", "q2": None}),
        ({"q1": "Is the caller coming?"}, {"q1": "coming"}),
        ({"coming": "", "staying": "", "q2": ""}, {"coming": True, "staying": False, "q2": None}),
    ],
)
async def test_an_analysis_is_what_was_pressed(
    told: Told, schema: dict[str, str], expected: dict[str, Any]
) -> None:
    lease = await _surveyed(told, schema)
    assert await told.analysis(lease) == expected


async def test_what_keys_do_not_say_needs_a_model(told: Told) -> None:
    lease = await _surveyed(told, {"q1": "", "sentiment": "Was the caller happy?", "city": ""})
    with pytest.raises(NeedsModelError, match="sentiment, city") as refused:
        await told.analysis(lease)
    assert refused.value.wanted == ("sentiment", "city")


async def _surveyed(told: Told, schema: dict[str, str]) -> Any:
    lease = await told.sent(SURVEY)
    await told.world.execute(
        "INSERT INTO toingg_campaigns (account_id, campaign_id, fields)"
        " SELECT account_id, owner_id, CAST(:fields AS json) FROM plans",
        fields=json.dumps({"postCallAnalysisSchema": schema}),
    )
    await told.tell(told.event(Answered, lease, codec="PCMU"), told.key(lease, "q1", "1"))
    await told.tell(told.key(lease, "q2", None), told.ended(lease, said=PLAYS, keys="1"))
    return lease


async def test_a_recording_is_kept_once_however_often_it_is_told(told: Told) -> None:
    lease = await told.sent(saying(message="Hello."))
    await told.recorded(lease)
    row = (await told.world.rows("SELECT * FROM call_recordings"))[0]
    path = f"recordings/{told.account}/{lease.attempt_id}-1-call.wav"
    assert (row.state, row.media_key, row.ms) == ("stored", path, 1000)
    again = {"path": str(told.store.path("recordings") / path.rpartition("/")[2]), "ms": 1000}
    await told.tell(told.event(Recorded, lease, state="pending", path=again["path"]))
    await told.tell(told.event(Recorded, lease, state="stored", **again))
    assert (await told.world.rows("SELECT * FROM call_recordings"))[0] == row
    seen = await told.transcript(lease)
    assert (seen.state, seen.recording) == (TranscriptState.PENDING, path)


async def test_what_nobody_writes_any_more_is_taken_in(told: Told) -> None:
    written, empty, growing = [await told.sent(saying(message="Hello.")) for _ in range(3)]
    for lease in (written, empty, growing):
        await told.tell(told.event(Recorded, lease, state="pending", path="-"))
        await told.tell(told.ended(lease))
    told.recording(written, seconds=2)
    told.recording(growing).touch()
    await adopt_abandoned(told.world.sessions, told.store)
    found = await told.world.rows("SELECT attempt_id, state, ms FROM call_recordings")
    assert {row.attempt_id: (row.state, row.ms) for row in found} == {
        written.attempt_id: ("stored", 2000),
        empty.attempt_id: ("lost", None),
        growing.attempt_id: ("pending", None),
    }
    assert (await told.transcript(empty)).state is TranscriptState.FAILED


async def test_recorded_is_what_both_want_and_is_not_secret(told: Told) -> None:
    audio = {"media": "given/one.ulaw", "ms": 1000}
    plain = await told.sent({"audios": {"message": audio}})
    trunk = Trunk(name="t", host="h", port=5060, codecs=["PCMU"], number_format="e164")
    way = way_out(trunk, SecretBox(b"k" * 32))
    for wanted, switched_on, secret in itertools.product((True, False), repeat=3):
        content = {"secrets": {"message": "secret/one.ulaw"}} if secret else {}
        lease = replace(plain, said={**plain.said, "record": wanted}, content=content)
        order = dial_order(
            lease, trunk, way, told.store, max_seconds=60, home_country="NP", record=switched_on
        )
        assert order.record is (wanted and switched_on and not secret)


async def test_a_deleted_contact_takes_its_recording_along(told: Told) -> None:
    stays, goes = [await told.sent(saying(message="Hello.")) for _ in range(2)]
    for lease in (stays, goes):
        await told.recorded(lease)
    contact = await told.world.value("SELECT contact_id FROM attempts WHERE id = :id", id=goes.attempt_id)
    async with transaction(told.world.sessions) as session:
        await forget_contact(session, told.account, contact)
    told.long_after()
    assert await sweep_recordings(told.world.sessions, told.store) == 1
    assert told.files() == [f"{stays.attempt_id}-1-call.wav"]
    with pytest.raises(NotFoundError):
        await told.transcript(goes)
    # Told once more, it is not taken in again.
    path = told.recording(goes)
    await told.tell(told.event(Recorded, goes, state="stored", path=str(path), ms=1000))
    assert await told.world.value("SELECT count(*) FROM call_recordings") == 1


async def test_a_text_of_its_own_is_what_was_said(told: Told) -> None:
    lease = await told.sent(saying(message="Hello {name}."), name="Sita")
    await told.world.execute(
        "UPDATE targets SET personal = CAST(:own AS json)",
        own=json.dumps({"variables": {"name": "Hari"}, "text": "Only for {name}."}),
    )
    await told.tell(told.event(Answered, lease, codec="PCMU"), told.ended(lease, played_ms=5000))
    assert [turn.content for turn in (await told.transcript(lease)).turns] == ["Only for Hari."]


@pytest.mark.parametrize("switched_on", [True, False])
async def test_direct_calls_and_messages_that_ask_want_to_be_recorded(
    world: World, tmp_path: Path, switched_on: bool
) -> None:
    direct = await opened(world, tmp_path)
    direct.settings = Settings(data=tmp_path, transcribe=switched_on)
    await direct.call(await direct.campaign())
    await direct.call(await direct.campaign("Well? [1: yes]", asks=True, voice_id=ENGLISH, name="asks"))
    found = await world.rows("SELECT call_content ->> 'record' FROM plans")
    assert [row[0] for row in found] == ["true" if switched_on else None] * 2


def test_the_role_exists_only_where_it_is_wanted(tmp_path: Path) -> None:
    for switched_on in (True, False):
        settings = Settings(data=tmp_path, transcribe=switched_on, carrier=Carrier.LIVE)
        names = [role.name for role in roles(settings, "postgresql://", behind=[])]
        assert ("transcribe" in names) is switched_on
