"""``ghanti demo``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards.")] = False,
) -> None:
    """One campaign from an Excel file to ringing phones to a report, on this machine alone."""
    from ghanti.demo.run import run

    sys.exit(run(keep=keep))
