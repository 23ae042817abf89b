"""The inside of a confined process: what it lays upon itself before it looks at the file."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path


def confine(megabytes: int, seconds: int) -> None:
    """Limit this process' memory (on Linux) and CPU time, and leave no core behind (setrlimit(2))."""
    memory = megabytes << 20
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        # Should the machine run out of memory first, this process goes, not the database.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


def open_nothing_more() -> None:
    """From here on no file and no socket can be opened; those that are open stay so."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
