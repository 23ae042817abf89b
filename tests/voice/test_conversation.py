"""What a callee presses while a script goes on, over a stream of the media thread."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from ghanti.voice import conversation, sdp
from ghanti.voice.conversation import Conversation
from ghanti.voice.plane import MediaPlane
from ghanti.voice.protocol import Answer, Dial

DEADLINE = 30.0
AUDIO = b"\x55" * 1600


@pytest.fixture
def plane() -> Iterator[MediaPlane]:
    plane = MediaPlane("127.0.0.1")
    plane.start()
    yield plane
    plane.stop()


def _script(*, asked: bool) -> dict[str, Any]:
    """Two listens of one key and a terminator; without ``asked`` the second has no question."""
    steps: list[dict[str, Any]] = []
    for name in ("q1", "q2"):
        if asked or name == "q1":
            steps.append({"do": "play", "audio": "question"})
        listen = {"do": "listen", "name": name, "terminator": "#", "timeout_ms": 500}
        steps.append({**listen, "max_digits": 1 if name == "q1" else 2})
    return {"v": 1, "steps": steps}


async def _conversation(plane: MediaPlane, pressed: list[str], *, asked: bool = True) -> dict[str, str]:
    """The answers of one who presses the first keys at once, and each further item behind an answer."""
    order = {
        "attempt": str(uuid4()),
        "call_id": "c",
        "send_by": 0,
        "to": "100",
        "from": "101",
        "trunk": {"host": "127.0.0.1"},
        "script": _script(asked=asked),
        "audio": {"question": "-"},
    }
    talk: Conversation

    def press(keys: str) -> None:
        for key in keys:
            talk.press(key, "rtp")

    def report(event: type, _attempt: object = None, _leg: object = None, **_fields: object) -> None:
        if event is Answer and left:
            # Behind the step that tells of it, as a callee's next key is.
            asyncio.get_running_loop().call_soon(press, left.pop(0))

    left = list(pressed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee:
        callee.bind(("127.0.0.1", 0))
        stream = plane.open(lambda key: None)
        dial = Dial.model_validate(order)
        talk = Conversation(dial, plane, stream, {"question": AUDIO}, None, report)
        media = sdp.parse(sdp.describe("127.0.0.1", callee.getsockname()[1], ["PCMU"], session=1))
        talk.connect(media, "PCMU")
        asyncio.get_running_loop().call_later(0.1, press, left.pop(0))
        try:
            await asyncio.wait_for(talk.run(0, 0), DEADLINE)
        finally:
            plane.close(stream)
    return talk.answers


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("pressed", [["1", "#2#"], ["1#", "2#"]], ids=["late", "at once"])
async def test_a_terminator_behind_a_full_answer_is_none_of_the_next_question(
    plane: MediaPlane, pressed: list[str], asked: bool
) -> None:
    assert await _conversation(plane, pressed, asked=asked) == {"q1": "1", "q2": "2"}


async def test_a_terminator_that_comes_much_later_is_an_answer(
    plane: MediaPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "SWALLOW_SECONDS", 0.0)
    assert await _conversation(plane, ["1", "#2"]) == {"q1": "1", "q2": ""}
