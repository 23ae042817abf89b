import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from ghanti.speech.cache import Rendered
from ghanti.speech.errors import SpeechError
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.speech.voices import VOICES
from processes import eventually

MISBEHAVING = (sys.executable, str(Path(__file__).with_name("misbehaving.py")))
RIJA = VOICES[0].engine_voice


def asking(*texts: str) -> list[RenderRequest]:
    return [RenderRequest(text, RIJA) for text in texts]


def children() -> list[psutil.Process]:
    """The processes of this test's pools; those of a server that other tests share are not its children."""
    return [p for p in psutil.Process().children() if _speaks(p)]


def _speaks(process: psutil.Process) -> bool:
    try:
        return any("ghanti.speech" in word or "misbehaving" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[SpeechPool]:
    async with SpeechPool(tmp_path, program=MISBEHAVING, text_seconds=30) as pool:
        yield pool


async def test_renders_in_the_order_asked(tmp_path: Path) -> None:
    texts = [f"नमस्ते, रु {amount}" for amount in range(40)]
    async with SpeechPool(tmp_path, processes=2) as pool:
        answers = await pool.render_many([*asking(*texts), *asking(texts[0])])
        assert await pool.render_many(asking(*reversed(texts))) == list(reversed(answers[:-1]))
        assert await pool.render_many([]) == []
    assert answers[0] == answers[-1]
    rendered = [answer for answer in answers if isinstance(answer, Rendered)]
    assert len({answer.key for answer in rendered}) == 40
    assert all(answer.path.stat().st_size // 8 == answer.ms for answer in rendered)
    assert not children()


async def test_an_error_says_nothing_about_the_others(pool: SpeechPool) -> None:
    good, empty, failed, factor, printed = await pool.render_many(
        [*asking("राम", "🎉", "fail"), RenderRequest("राम", RIJA, 9.0), *asking("print")]
    )
    assert isinstance(good, Rendered)
    assert "nothing that can be spoken" in str(empty)
    assert "no space left" in str(failed)
    assert "length factor" in str(factor)
    assert isinstance(printed, Rendered)


async def test_half_a_character_says_nothing_about_the_others(pool: SpeechPool) -> None:
    good, half = await pool.render_many(asking("राम", "\ud800"))
    assert isinstance(good, Rendered)
    assert "half of a character" in str(half)
    assert isinstance((await pool.render_many(asking("सीता")))[0], Rendered)


async def test_only_the_text_that_crashes_the_process_fails(pool: SpeechPool) -> None:
    texts = [f"रु {amount}" for amount in range(30)]
    answers = await pool.render_many(asking(*texts[:5], "crash", *texts[5:]))
    crashed = answers.pop(5)
    assert isinstance(crashed, SpeechError)
    assert f"code {-signal.SIGSEGV}" in str(crashed)
    assert all(isinstance(answer, Rendered) for answer in answers)


async def test_a_text_that_takes_too_long_fails(tmp_path: Path) -> None:
    async with SpeechPool(tmp_path, program=MISBEHAVING, text_seconds=1.5) as pool:
        before, hung, after = await pool.render_many(asking("राम", "hang", "सीता"))
    assert isinstance(before, Rendered)
    assert "no answer within 1.5 s" in str(hung)
    assert isinstance(after, Rendered)
    assert not children()


async def test_killed_processes_are_replaced(pool: SpeechPool) -> None:
    earlier = asyncio.create_task(pool.render_many(asking("राम", "सीता")))
    later = asyncio.create_task(pool.render_many(asking(*(f"रु {amount}" for amount in range(200)))))
    await earlier
    [first] = children()
    first.kill()
    assert all(isinstance(answer, Rendered) for answer in await later)
    [second] = children()
    assert second.pid != first.pid


async def test_a_process_that_answers_nonsense_is_an_error(tmp_path: Path) -> None:
    async with SpeechPool(tmp_path, program=("/bin/echo", "hello")) as pool:
        [answer] = await pool.render_many(asking("राम"))
    assert "does not start" in str(answer)


async def test_a_program_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    async with SpeechPool(tmp_path, program=("/bin/false",)) as pool:
        answers = await pool.render_many(asking("राम", "सीता"))
    assert all("does not start" in str(answer) for answer in answers)


async def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    async with SpeechPool(tmp_path, program=("/nowhere/python",)) as pool:
        [answer] = await pool.render_many(asking("राम"))
    assert "does not start" in str(answer)


async def test_a_caller_who_gives_up_leaves_the_pool_working(pool: SpeechPool) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.render_many(asking(*(f"रु {amount}" for amount in range(1000))))
    [answer] = await pool.render_many(asking("राम"))
    assert isinstance(answer, Rendered)


async def test_a_closed_pool_says_so(tmp_path: Path) -> None:
    pool = SpeechPool(tmp_path)
    with pytest.raises(RuntimeError, match="not open"):
        await pool.render_many(asking("राम"))
    async with pool:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        await pool.render_many(asking("राम"))


async def test_closing_frees_who_still_waits(tmp_path: Path) -> None:
    async with SpeechPool(tmp_path, program=MISBEHAVING) as pool:
        await pool.render_many(asking("राम"))
        waiting = asyncio.create_task(pool.render_many(asking("hang", *(f"रु {n}" for n in range(30)))))
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not children()


async def test_a_free_process_takes_the_next_text(tmp_path: Path) -> None:
    """With batches of one no text waits behind one that takes for ever."""
    async with SpeechPool(tmp_path, 2, program=MISBEHAVING, text_seconds=600, batch=1) as pool:
        stuck = asyncio.create_task(pool.render_many(asking("hang")))
        for text in ("राम", "सीता"):
            [answer] = await pool.render_many(asking(text))
            assert isinstance(answer, Rendered)
        assert not stuck.done()
        stuck.cancel()


async def test_processes_may_start_before_the_first_text(tmp_path: Path) -> None:
    async with SpeechPool(tmp_path, 2, program=MISBEHAVING, at_once=True) as pool:
        await asyncio.to_thread(eventually, lambda: len(children()) == 2)
        started = {process.pid for process in children()}
        await pool.render_many(asking("राम"))
        assert {process.pid for process in children()} == started


PARENT = """
import asyncio, sys
from pathlib import Path
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.speech.voices import VOICES

async def main():
    async with SpeechPool(Path(sys.argv[1]), program=sys.argv[2:]) as pool:
        await pool.render_many([RenderRequest("राम", VOICES[0].engine_voice)])
        print("ready", flush=True)
        await pool.render_many([RenderRequest("hang", VOICES[0].engine_voice)])

asyncio.run(main())
"""


def test_processes_end_with_their_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path), *MISBEHAVING]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"ready\n"
        [child] = psutil.Process(parent.pid).children()
        watch = os.pidfd_open(child.pid)
        parent.kill()
        assert select.select([watch], [], [], 30)[0]
        os.close(watch)
