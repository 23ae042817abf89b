"""Whose turn it is to submit."""

from __future__ import annotations

import asyncio

from ghanti.sms.smpp.pacing import Pacer
from ghanti.sms.smpp.turns import Turns


async def _order(turns: Turns, asked: list[tuple[str, bool]], given_up: str = "") -> list[str]:
    """The names in the order in which their turns came; one may give up while it waits."""
    came: list[str] = []
    waiting = {}
    for name, urgent in asked:
        turn = turns.ask(urgent)
        turn.add_done_callback(lambda done, name=name: None if done.cancelled() else came.append(name))
        waiting[name] = turn
    if given_up:
        waiting.pop(given_up).cancel()
    async with asyncio.timeout(30):
        await asyncio.gather(*waiting.values())
        await asyncio.sleep(0)
    return came


async def test_urgent_ones_pass_all_others_and_keep_their_own_order() -> None:
    turns = Turns(Pacer(100, asyncio.get_running_loop().time))
    # The depth of the bucket lets two go before the pace is felt.
    asked = [(f"bulk{n}", False) for n in range(6)] + [("code1", True), ("code2", True)]
    came = await _order(turns, asked)
    first = came.index("code1")
    assert first <= 3
    assert came[first + 1] == "code2"
    assert [name for name in came if name.startswith("bulk")] == [f"bulk{n}" for n in range(6)]


async def test_one_that_gives_up_loses_nobody_a_turn() -> None:
    turns = Turns(Pacer(100, asyncio.get_running_loop().time))
    asked = [(f"bulk{n}", False) for n in range(6)]
    came = await _order(turns, asked, given_up="bulk4")
    assert came == ["bulk0", "bulk1", "bulk2", "bulk3", "bulk5"]
