"""The voice process as a whole, without a call."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

DEADLINE = 30.0


async def test_a_voice_process_whose_sip_engine_fails_ends(tmp_path: Path) -> None:
    """Calls could be neither placed nor ended any more: whoever supervises starts another."""
    program = (
        "import sys\n"
        "from sippy.Core.EventDispatcher import ED2\n"
        "from ghanti.voice import process, sip\n"
        "started = sip.Signalling.start\n"
        "async def start(self):\n"
        "    await started(self)\n"
        "    ED2.callFromThread(sys.exit)\n"
        "sip.Signalling.start = start\n"
        "sys.exit(process.main())\n"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "--socket", tmp_path / "s", stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(DEADLINE):
        _, said = await child.communicate()
    assert child.returncode == 1
    assert b"the SIP engine failed" in said
