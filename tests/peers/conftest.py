"""Peers that this project did not write; a test that wants one that is missing is skipped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


def _binary(name: str, told: str) -> Path:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip(f"needs {told} (make peers)")
    return Path(found)


@pytest.fixture(scope="session")
def sipp() -> Path:
    return _binary("sipp", "SIPp")


@pytest.fixture(scope="session")
def kamailio() -> Path:
    return _binary("kamailio", "Kamailio")
