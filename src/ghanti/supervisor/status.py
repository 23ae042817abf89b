"""The status file: which roles run, under which pids."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from ghanti.supervisor.role import Standing


def status_file(folder: Path) -> Path:
    """Where the supervisor of the data folder ``folder`` keeps its status."""
    return folder / "run" / "supervisor.json"


def write_status(folder: Path, standings: Iterable[Standing]) -> None:
    """Replace the status file, so that a reader never sees half of one.

    ``{"pid": …, "roles": {"voice": {"pid": …, "state": "ready", "restarts": 0}}}``
    """
    roles = {s.role.name: {"pid": s.pid, "state": s.state.value, "restarts": s.restarts} for s in standings}
    path = status_file(folder)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"pid": os.getpid(), "roles": roles}, indent=1) + "\n")
    fresh.replace(path)


def remove_status(folder: Path) -> None:
    status_file(folder).unlink(missing_ok=True)
