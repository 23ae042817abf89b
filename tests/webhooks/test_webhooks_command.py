"""``ghanti hook``: what an operator sees of an account's hooks."""

from __future__ import annotations

import asyncio
import json
import os

from click.testing import Result
from typer.testing import CliRunner

from ghanti.cli import app
from ghanti.database.session import transaction
from ghanti.encryption import SecretBox
from ghanti.webhooks import service
from ghanti.webhooks.schemas import HookOrder
from hooks_world import Hooks, principal

KEY = "a key of these tests"


async def test_hooks_deliveries_and_the_secret_are_shown(
    hooks: Hooks, account: int, engine_database: str
) -> None:
    def run(*arguments: str) -> Result:
        nothing = {name: None for name in os.environ if name.startswith("GHANTI_")}
        environment = {**nothing, "GHANTI_DATABASE_URL": engine_database, "GHANTI_SECRET_KEY": KEY}
        return CliRunner().invoke(app, ["hook", *arguments], env=environment)

    order = HookOrder("lead", "https://a.example/?t=sesame", "POST", headers={"X-Key": "sesame"})
    async with transaction(hooks.world.sessions) as session:
        await service.save(session, principal(account), order, SecretBox(KEY.encode()))
    await hooks.called(account)
    shown = await asyncio.to_thread(run, "list", str(account))
    hook = json.loads(shown.stdout)
    assert (hook["name"], hook["path"], hook["headers"]) == ("lead", "https://a.example/", {"X-Key": "***"})
    delivery = json.loads((await asyncio.to_thread(run, "deliveries", str(account))).stdout)
    assert (delivery["hook"], delivery["state"], delivery["attempts"]) == ("lead", "waiting", 0)
    first, again = [(await asyncio.to_thread(run, "secret", str(account))).stdout for _ in range(2)]
    assert first == again
    assert json.loads(first)["secret"].startswith("whsec_")
    assert (await asyncio.to_thread(run, "secret", str(account), "--renew")).stdout != first
    nobody = await asyncio.to_thread(run, "list", "nobody@example.com")
    assert nobody.exit_code == 1
    assert "nobody@example.com" in nobody.stderr
