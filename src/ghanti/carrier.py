"""The choice of a carrier; apart from the settings, so that the command line starts without pydantic."""

from __future__ import annotations

from enum import StrEnum


class Carrier(StrEnum):
    """Where calls and messages go: to the bundled simulators, or to the owner's trunks."""

    SIMULATED = "simulated"
    LIVE = "live"
