"""The demo keeps to itself: its folder, its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghanti.demo.server import DemoError, DemoServer


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(DemoError, match="holds something else"):
        DemoServer(tmp_path).start()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_no_setting_of_an_installation_reaches_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHANTI_DATABASE_URL", "postgresql://production/ghanti")
    env = DemoServer(tmp_path).env
    assert {name for name in env if name.startswith("GHANTI_")} == {"GHANTI_RING_SECONDS"}
