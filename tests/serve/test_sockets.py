"""Where the voice process listens when the data folder's path is too long for a socket."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from ghanti.settings import Settings
from ghanti.sockets import voice_socket


@pytest.fixture
def deep(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a long path, beside a folder for temporary files of this test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(data_folder.parent))
    return Settings(data=data_folder / ("x" * 60) / ("y y" * 20))


def test_a_short_folder_of_our_own_is_made(deep: Settings, data_folder: Path) -> None:
    path = voice_socket(deep)
    assert path.parent.parent == data_folder.parent
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with socket.socket(socket.AF_UNIX) as voice:
        voice.bind(str(path))
    assert voice_socket(deep) == path, "every process finds the same"


def test_a_short_path_stays_in_the_run_folder(data_folder: Path) -> None:
    assert voice_socket(Settings(data=data_folder)) == data_folder / "run" / "voice.sock"


def test_a_planted_link_is_refused(deep: Settings, data_folder: Path) -> None:
    folder = voice_socket(deep).parent
    folder.rmdir()
    data_folder.mkdir(mode=0o700)
    folder.symlink_to(data_folder)
    with pytest.raises(PermissionError, match="should be a folder of user"):
        voice_socket(deep)


def test_a_folder_that_others_can_enter_is_refused(deep: Settings) -> None:
    folder = voice_socket(deep).parent
    folder.chmod(0o755)
    with pytest.raises(PermissionError, match=f"{folder.name} should be a folder of user {os.geteuid()}"):
        voice_socket(deep)
