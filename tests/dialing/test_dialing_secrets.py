"""Secret contents: in clear nowhere but in the mouth, and gone once they were said."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import discarding
from ghanti.dialing.calls import dial_order, way_out
from ghanti.dialing.contents import seal
from ghanti.dialing.discarding import discard_secrets, sweep_secrets
from ghanti.dialing.models import Channel, PlanClass
from ghanti.dialing.preparation import Preparer
from ghanti.encryption import SecretBox
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech.pool import SpeechPool
from ghanti.trunks.models import Trunk

CODE = "कोड 4 8 1 5 1 6"
BOX = SecretBox(b"k" * 32)


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


@pytest.fixture
async def preparer(world: World, store: MediaStore, tmp_path: Path) -> AsyncIterator[Preparer]:
    async with SpeechPool(store.folder) as pool:
        yield Preparer(world.sessions, Settings(data=tmp_path), BOX, pool, uuid4())


def _content(*, secret: str | None = None) -> dict[str, Any]:
    """A code behind a greeting that anybody may know."""
    return {
        "voice_id": 1,
        "script": {
            "v": 1,
            "steps": [{"do": "play", "audio": "hello"}, {"do": "play", "audio": "code"}],
        },
        "audios": {"hello": {"template": "नमस्ते"}, "code": {"secret": secret or seal(CODE, BOX)}},
    }


async def _plan(world: World, *channels: Channel, contacts: int = 1, **content: Any) -> None:
    contents = {"call_content": _content(), "sms_content": {"secret": seal(CODE, BOX)}}
    account = await world.account()
    order = {**contents, "plan_class": PlanClass.OTP, **content}
    await world.plan(account, contacts, *channels, ready=False, **order)


def _files(store: MediaStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


def _secrets(store: MediaStore) -> list[Path]:
    return [path for path in _files(store) if "secret" in path.parts]


async def _nothing_in_clear(world: World, store: MediaStore) -> None:
    async with transaction(world.sessions) as session:
        tables = await session.scalars(
            text("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        )
        for table in tables.all():
            rows = await session.scalars(text(f"SELECT t::text FROM {table} t"))
            assert not [row for row in rows if CODE in row or "4 8 1 5" in row], table
    assert not [path for path in _files(store) if CODE.encode() in path.read_bytes()]


async def test_a_secret_is_spoken_apart_and_its_audio_goes_with_its_target(
    world: World, preparer: Preparer, store: MediaStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await _plan(world, contacts=2)
    assert await preparer.pass_once() == 2
    first, second = await world.rows("SELECT content FROM targets WHERE ready ORDER BY id")
    keys = [row.content["secrets"]["code"] for row in (first, second)]
    # Equal texts share the greeting's file, never the secret's.
    assert first.content["audios"] == second.content["audios"]
    assert len(set(keys)) == 2
    assert sorted(_secrets(store)) == sorted(map(store.path, keys))
    assert {path.stat().st_mode & 0o777 for path in _secrets(store)} == {0o600}
    assert len(_files(store)) == 3
    await _nothing_in_clear(world, store)

    trunk = await world.trunk()
    await world.open()
    leases = await world.lease(world.leaser(), trunk)
    row = Trunk(name="t", host="h", port=5060, codecs=["PCMU"], number_format="e164")
    order = dial_order(leases[0], row, way_out(row, BOX), store, max_seconds=60, home_country="NP")
    assert order.audio["code"] in map(str, map(store.path, keys))
    assert order.secret == ["code"]
    await world.send(leases)
    assert await discard_secrets(world.sessions, store) == 0
    await world.record(*(outcome(lease) for lease in leases))
    assert await discard_secrets(world.sessions, store) == 2
    assert _secrets(store) == []
    assert len(_files(store)) == 1
    assert await world.rows("SELECT DISTINCT content ? 'secrets' FROM targets") == [(False,)]
    await _nothing_in_clear(world, store)
    assert "4 8 1 5" not in caplog.text


async def test_a_secret_message_is_counted_and_not_kept(
    world: World, preparer: Preparer, store: MediaStore
) -> None:
    await _plan(world, Channel.SMS)
    assert await preparer.pass_once() == 1
    assert await world.rows("SELECT content, units FROM targets") == [({"parts": 1}, 1)]
    await _nothing_in_clear(world, store)


@pytest.mark.parametrize("channel", [Channel.CALL, Channel.SMS])
async def test_a_secret_of_another_key_ends_its_target(
    world: World, preparer: Preparer, channel: Channel
) -> None:
    foreign = seal(CODE, SecretBox(b"o" * 32))
    await _plan(world, channel, call_content=_content(secret=foreign), sms_content={"secret": foreign})
    assert await preparer.pass_once() == 1
    (target,) = await world.rows("SELECT state, outcome, reason FROM targets")
    assert target[:2] == ("final", "failed")
    assert "encrypted with another key" in target.reason


async def test_why_a_secret_cannot_be_spoken_does_not_quote_it(
    world: World, preparer: Preparer, store: MediaStore
) -> None:
    await _plan(world, call_content=_content(secret=seal("🎉", BOX)))
    assert await preparer.pass_once() == 1
    assert await world.rows("SELECT reason FROM targets") == [("the message cannot be spoken",)]
    assert _secrets(store) == []


async def test_a_secret_that_came_too_late_is_deleted(
    world: World, preparer: Preparer, store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _plan(world)
    render = SpeechPool.render_many

    async def stopped_meanwhile(pool: SpeechPool, requests: Any) -> Any:
        answers = await render(pool, requests)
        assert _secrets(store)
        await world.stop(
            SimpleNamespace(**(await world.rows("SELECT account_id, id FROM plans"))[0]._asdict())
        )
        return answers

    monkeypatch.setattr(SpeechPool, "render_many", stopped_meanwhile)
    assert await preparer.pass_once() == 0
    assert _secrets(store) == []


async def test_secret_audio_of_a_process_that_died_is_swept(
    world: World, preparer: Preparer, store: MediaStore
) -> None:
    await _plan(world)
    await preparer.pass_once()
    (needed,) = _secrets(store)
    left, fresh = store.put("secret/left.ulaw", b"x"), store.put("secret/fresh.ulaw", b"x")
    for path in (needed, left):
        os.utime(path, (0, path.stat().st_mtime - discarding.ORPHAN_SECONDS - 1))
    assert await sweep_secrets(world.sessions, store) == 1
    assert sorted(_secrets(store)) == sorted([needed, fresh])
    await world.execute("DELETE FROM plans")
    assert await sweep_secrets(world.sessions, store) == 1
    assert _secrets(store) == [fresh]
