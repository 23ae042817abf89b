"""Answers given in calls: kept once, however often and in whatever pieces they are told."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine_world import World
from ghanti.database.session import transaction
from ghanti.dialing import answers, discarding
from ghanti.dialing.answers import GivenAnswer
from ghanti.dialing.attempts import Lease
from ghanti.dialing.calls import dial_order, moment, way_out
from ghanti.dialing.erasing import forget_contact
from ghanti.dialing.events import EventRecorder
from ghanti.dialing.models import AnswerKind, AnswerState
from ghanti.dialing.sessions import take_over
from ghanti.dialing.sweeping import UNTOLD_SECONDS, sweep_recordings
from ghanti.encryption import SecretBox
from ghanti.media.store import MediaStore
from ghanti.trunks.models import Trunk
from ghanti.voice.protocol import Answer, Answered, Ended, Event

SURVEY: dict[str, Any] = {
    "script": {
        "v": 1,
        "steps": [
            {"do": "play", "audio": "one"},
            {"do": "listen", "name": "q1"},
            {"do": "play", "audio": "two"},
            {"do": "listen", "name": "q2"},
            {"do": "play", "audio": "three"},
            {"do": "record", "name": "r3"},
        ],
    },
    "audios": {name: {"media": f"given/{name}.ulaw", "ms": 1000} for name in ("one", "two", "three")},
}
ALL = "SELECT name, state, keys, media_key, ms FROM answers ORDER BY name"


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


@pytest.fixture
def recorder(world: World, store: MediaStore) -> EventRecorder:
    return EventRecorder(world.sessions, store, world.worker)


async def _sent(world: World, **order: Any) -> Lease:
    """An attempt of a survey that is under way."""
    await world.open()
    await world.plan(await world.account(), 1, call_content=SURVEY, **order)
    return await _leased(world, await world.trunk())


async def _leased(world: World, trunk: int) -> Lease:
    await world.rewind()
    (lease,) = await world.lease(world.leaser(), trunk)
    await world.send([lease])
    return lease


def _told(lease: Lease, name: str, state: str, **more: Any) -> Answer:
    kind = "recording" if name.startswith("r") else "keys"
    return Answer.model_validate(
        {"seq": 1, "attempt": lease.attempt_id, "leg": 1, "at": time.time(), "name": name, "kind": kind}
        | {"state": state, **more}
    )


def _ended(lease: Lease, reason: str = "hungup") -> Ended:
    return Ended(
        seq=9, attempt=lease.attempt_id, leg=1, at=time.time(), reason=reason, answered=True, duration_ms=4000
    )


def _recorded(folder: Path, name: str = "a-1-r3.wav") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(b"RIFF")
    return path


async def test_answers_are_kept_as_they_come_and_recordings_moved(
    world: World, recorder: EventRecorder, store: MediaStore, tmp_path: Path
) -> None:
    lease = await _sent(world)
    path = _recorded(tmp_path / "voice")
    begun = Answered(seq=1, attempt=lease.attempt_id, leg=1, at=time.time(), codec="PCMU")
    await recorder.record([begun, _told(lease, "q1", "given", keys="2"), _told(lease, "q2", "given")])
    assert await world.rows(ALL) == [("q1", "given", "2", None, None), ("q2", "given", None, None, None)]
    await recorder.record([_told(lease, "r3", "pending")])
    assert (await world.rows(ALL))[2] == ("r3", "pending", None, None, None)
    stored = _told(lease, "r3", "stored", path=str(path), ms=1500)
    await recorder.record([stored])
    key = f"recordings/{lease.account_id}/{path.name}"
    assert (await world.rows(ALL))[2] == ("r3", "stored", None, key, 1500)
    assert store.path(key).read_bytes() == b"RIFF"
    assert not path.exists()
    # Told again, in whole or in part, after an ack that never came.
    kept = await world.rows(ALL)
    for again in ([stored], [_told(lease, "q1", "given", keys="2"), _told(lease, "r3", "pending")], [stored]):
        await recorder.record(again)
        assert await world.rows(ALL) == kept
    await recorder.record([_ended(lease)])
    assert await world.rows(ALL) == kept
    await world.check()


async def test_a_recording_on_another_disk_is_copied(
    world: World, recorder: EventRecorder, store: MediaStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lease = await _sent(world)
    path = _recorded(tmp_path / "voice")

    def other_disk(_self: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    with monkeypatch.context() as there:
        there.setattr(MediaStore, "put_file", lambda *_: other_disk(path, path))
        await recorder.record([_told(lease, "r3", "stored", path=str(path), ms=10)])
    key = await world.value("SELECT media_key FROM answers")
    assert store.path(key).read_bytes() == b"RIFF"
    assert not path.exists()


async def test_a_recording_that_is_gone_is_lost(
    world: World, recorder: EventRecorder, tmp_path: Path
) -> None:
    lease = await _sent(world)
    gone = _told(lease, "r3", "stored", path=str(tmp_path / "gone.wav"), ms=10)
    await recorder.record([_told(lease, "r3", "pending"), gone])
    assert await world.rows(ALL) == [("r3", "lost", None, None, 10)]


async def test_what_is_pending_when_the_call_ends_is_lost(world: World, recorder: EventRecorder) -> None:
    lease = await _sent(world)
    await recorder.record(
        [_told(lease, "q1", "given", keys="1"), _told(lease, "r3", "pending"), _ended(lease)]
    )
    assert [(row.name, row.state) for row in await world.rows(ALL)] == [("q1", "given"), ("r3", "lost")]


async def test_what_is_pending_when_its_channel_dies_is_lost_until_the_truth_is_told(
    world: World, recorder: EventRecorder, tmp_path: Path
) -> None:
    lease = await _sent(world)
    await recorder.record([_told(lease, "r3", "pending")])
    async with transaction(world.sessions) as session:
        await answers.lose_abandoned(session)
    assert await world.value("SELECT state FROM answers") == "pending"
    await world.execute("UPDATE attempts SET state = 'ended', ended_at = now(), outcome = 'unknown'")
    async with transaction(world.sessions) as session:
        await answers.lose_abandoned(session)
    assert await world.value("SELECT state FROM answers") == "lost"
    path = _recorded(tmp_path / "voice")
    await recorder.record([_told(lease, "r3", "stored", path=str(path), ms=10)])
    assert await world.value("SELECT state FROM answers") == "stored"


async def test_a_retry_asks_what_was_not_answered(
    world: World, recorder: EventRecorder, store: MediaStore
) -> None:
    first = await _sent(world, retries={"hungup": {"times": 1, "gap_seconds": 0}})
    await recorder.record(
        [_told(first, "q1", "given", keys="1"), _told(first, "r3", "pending"), _ended(first)]
    )
    second = await _leased(world, await world.value("SELECT id FROM trunks"))
    assert (second.target_id, second.attempt_id == first.attempt_id) == (first.target_id, False)
    async with transaction(world.sessions) as session:
        answered = await answers.answered(session, [second])
    assert answered == {second.target_id: {"q1"}}
    trunk = Trunk(name="t", host="h", port=5060, codecs=["PCMU"], number_format="e164")
    way = way_out(trunk, SecretBox(b"k" * 32))
    order = dial_order(
        second, trunk, way, store, answered=answered[second.target_id], max_seconds=60, home_country="NP"
    )
    assert order.script.asks == ["q2", "r3"]
    assert order.audio == {name: str(store.path(f"given/{name}.ulaw")) for name in ("two", "three")}
    # The lost recording gives way to that of the second call; what stands is left alone.
    await recorder.record([_told(second, "q1", "given", keys="9"), _told(second, "r3", "pending")])
    rows = await world.rows("SELECT name, state, keys, attempt_id FROM answers ORDER BY name")
    assert rows == [
        ("q1", "given", "1", first.attempt_id),
        ("r3", "pending", None, second.attempt_id),
    ]


AGAIN = {outcome: {"times": 2, "gap_seconds": 0} for outcome in ("hungup", "unknown")}


async def _all_answered(lease: Lease, recorder: EventRecorder, folder: Path, r3: str = "stored") -> None:
    path = str(_recorded(folder)) if r3 == "stored" else None
    await recorder.record(
        [
            _told(lease, "q1", "given", keys="1"),
            _told(lease, "q2", "given"),
            _told(lease, "r3", r3, path=path, ms=10),
        ]
    )


async def test_a_callee_who_leaves_behind_the_last_answer_is_not_called_to_be_told_nothing(
    world: World, recorder: EventRecorder, tmp_path: Path
) -> None:
    lease = await _sent(world, retries=AGAIN)
    await _all_answered(lease, recorder, tmp_path / "voice")
    await recorder.record([_ended(lease)])
    assert await world.rows("SELECT state, outcome, reason FROM targets") == [
        ("final", "completed", "all answered, then hungup")
    ]
    assert await world.value("SELECT charged FROM attempts") == 1
    await world.check()


async def test_a_call_whose_voice_process_died_behind_the_last_answer_is_complete(
    world: World, recorder: EventRecorder, tmp_path: Path
) -> None:
    lease = await _sent(world, retries=AGAIN)
    await _all_answered(lease, recorder, tmp_path / "voice")
    await world.execute("UPDATE worker_sessions SET heartbeat_at = '-infinity'")
    await take_over(world.sessions, UUID(int=5), 5)
    assert await world.value("SELECT outcome FROM targets") == "completed"
    # The truth, late: it is charged, and the outcome stays.
    await recorder.record([_ended(lease)])
    assert await world.rows("SELECT outcome, charged, provisional FROM attempts") == [("completed", 1, False)]
    await world.check()


@pytest.mark.parametrize("r3", ["pending", "lost"])
async def test_a_callee_who_leaves_before_the_last_answer_is_kept_is_called_again(
    world: World, recorder: EventRecorder, tmp_path: Path, r3: str
) -> None:
    lease = await _sent(world, retries=AGAIN)
    await _all_answered(lease, recorder, tmp_path / "voice", r3)
    await recorder.record([_ended(lease)])
    assert await world.rows("SELECT state, outcome FROM targets") == [("waiting", None)]


async def test_an_answer_of_an_attempt_that_is_no_more_is_dropped(world: World) -> None:
    stranger = GivenAnswer(UUID(int=1), "q1", AnswerKind.KEYS, AnswerState.GIVEN, moment(time.time()), "1")
    async with transaction(world.sessions) as session:
        await answers.record(session, [stranger])
    assert await world.rows(ALL) == []


async def test_one_event_at_a_time_or_all_at_once_is_the_same(
    world: World, recorder: EventRecorder, tmp_path: Path
) -> None:
    told = []
    for one_by_one in (True, False):
        lease = await _sent(world)
        path = _recorded(tmp_path / "voice", f"{lease.attempt_id}.wav")
        events: list[Event] = [
            _told(lease, "q1", "given", keys="1"),
            _told(lease, "r3", "pending"),
            _told(lease, "r3", "stored", path=str(path), ms=7),
            _ended(lease, "completed"),
        ]
        for batch in [[event] for event in events] if one_by_one else [events]:
            await recorder.record(batch)
        told.append(
            await world.rows(
                "SELECT name, state, keys, ms FROM answers WHERE attempt_id = :id ORDER BY name",
                id=lease.attempt_id,
            )
        )
    assert told[0] == told[1] == [("q1", "given", "1", None), ("r3", "stored", None, 7)]


async def test_recordings_of_what_was_deleted_are_swept(
    world: World, recorder: EventRecorder, store: MediaStore, tmp_path: Path
) -> None:
    lease = await _sent(world)
    path = _recorded(tmp_path / "voice", f"{lease.attempt_id}-1-r3.wav")
    await recorder.record([_told(lease, "r3", "stored", path=str(path), ms=10), _ended(lease)])
    kept = store.path(await world.value("SELECT media_key FROM answers"))
    never_told = store.put(f"recordings/{UUID(int=7)}-1-r3.wav", b"RIFF")
    fresh = store.put(f"recordings/{UUID(int=8)}-1-r3.wav", b"RIFF")
    for old in (kept, never_told):
        os.utime(old, (0, old.stat().st_mtime - discarding.ORPHAN_SECONDS - 1))
    assert await sweep_recordings(world.sessions, store) == 1
    assert [path.exists() for path in (kept, never_told, fresh)] == [True, False, True]
    await world.execute("DELETE FROM plans")
    assert await sweep_recordings(world.sessions, store) == 1
    assert [path.exists() for path in (kept, fresh)] == [False, True]


async def test_the_recording_of_a_contact_that_is_deleted_is_swept(
    world: World, recorder: EventRecorder, store: MediaStore, tmp_path: Path
) -> None:
    lease = await _sent(world)
    names = [f"{lease.attempt_id}-1-r{number}.wav" for number in (3, 4)]
    paths = [_recorded(tmp_path / "voice", name) for name in names]
    await recorder.record([_told(lease, "r3", "stored", path=str(paths[0]), ms=10)])
    kept = _age(store.path(await world.value("SELECT media_key FROM answers")), 120)
    assert lease.contact_id is not None
    async with transaction(world.sessions) as session:
        await forget_contact(session, lease.account_id, lease.contact_id)
    # What the call recorded yet is taken in, and not kept either.
    await recorder.record([_told(lease, "r4", "stored", path=str(paths[1]), ms=10)])
    late = _age(store.path(f"recordings/{lease.account_id}/{names[1]}"), 120)
    assert await sweep_recordings(world.sessions, store) == 2
    assert [kept.exists(), late.exists()] == [False, False]


def _age(path: Path, seconds: float) -> Path:
    os.utime(path, (0, time.time() - seconds))
    return path


async def test_a_recording_that_was_not_told_of_yet_waits_for_a_day(world: World, store: MediaStore) -> None:
    lease = await _sent(world)
    untold = store.put(f"recordings/{lease.attempt_id}-1-r3.wav", b"RIFF")
    _age(untold, UNTOLD_SECONDS - 60)
    assert await sweep_recordings(world.sessions, store) == 0
    _age(untold, UNTOLD_SECONDS + 60)
    assert await sweep_recordings(world.sessions, store) == 1
    assert not untold.exists()


async def test_pieces_of_recordings_are_swept(world: World, store: MediaStore) -> None:
    name = f"recordings/{UUID(int=7)}-1-r3.part"
    writing, left = store.put(name, b"RI"), store.put(name.replace("-1-", "-2-"), b"RI")
    _age(left, discarding.ORPHAN_SECONDS + 1)
    assert await sweep_recordings(world.sessions, store) == 1
    assert [writing.exists(), left.exists()] == [True, False]


async def test_a_recording_that_is_told_of_late_is_not_swept_before_its_answer_is_kept(
    world: World, store: MediaStore, tmp_path: Path
) -> None:
    lease = await _sent(world)
    path = _age(_recorded(tmp_path / "voice", f"{lease.attempt_id}-1-r3.wav"), UNTOLD_SECONDS)
    for _ in range(2):
        key = answers.adopt(store, lease.account_id, path)
        assert key is not None
        assert await sweep_recordings(world.sessions, store) == 0
        assert store.exists(key)
        # Told again, since the commit failed.
        _age(store.path(key), UNTOLD_SECONDS)
