"""The whole way: a phone presses a key in a real call, and a web server is asked, once."""

from __future__ import annotations

import pytest

from ghanti.database.session import transaction
from ghanti.encryption import secret_box
from ghanti.settings import Settings
from ghanti.webhooks import service
from ghanti.webhooks.schemas import HookOrder
from hooks_world import principal
from receiver import receiving, says
from running_engine import running

PRESSES_ONE, LISTENS = 94, 0
"""Endings of numbers: whose phone presses 1, 5 and #, and whose presses nothing (docs of the simulator)."""

CONTENT = {
    "voice_id": 6,
    "script": {
        "v": 1,
        "steps": [
            {"do": "play", "audio": "question_1"},
            {"do": "listen", "name": "question_1", "valid": ["1", "2"], "timeout_ms": 4000},
        ],
    },
    "audios": {"question_1": {"template": "We owe you {amount} rupees. Press 1 to be called back."}},
    "hooks": {"question_1": {"1": "call back"}},
}


async def test_a_pressed_key_asks_a_web_server_once(
    engine_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHANTI_FETCH_NETWORKS", "127.0.0.1")
    monkeypatch.setenv("GHANTI_PORT", "0")
    async with (
        receiving(says(503), says(200)) as receiver,
        running(engine_database, "dialler", "speech") as engine,
    ):
        order = HookOrder(
            "call back",
            f"{receiver.url}/call-back",
            "POST",
            json_data={"number": "{number}", "amount": "{amount}", "key": "{key}"},
        )
        box = secret_box(Settings(data=engine.folder))
        async with transaction(engine.world.sessions) as session:
            await service.save(session, principal(engine.account), order, box)
        await engine.start("api", "ghanti.app")
        plan = await engine.campaign([PRESSES_ONE, LISTENS], call_content=CONTENT)
        await engine.finished(plan)
        # The first answer is a 503, so it comes again after a pause.
        await engine.until(
            "SELECT state FROM web_hook_deliveries", lambda rows: [row.state for row in rows] == ["delivered"]
        )
        first, second = receiver.got
        assert first.json == second.json == {"number": "+9779840000094", "amount": "0", "key": "1"}
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.path == "/call-back"
        await engine.world.check()
