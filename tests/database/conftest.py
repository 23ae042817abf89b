from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghanti.database.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def pristine_folder() -> Iterator[Path]:
    """A data folder whose server was started once."""
    with tempfile.TemporaryDirectory(prefix="ghanti-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "data")
        server.start()
        server.stop()
        yield Path(folder) / "data"


@pytest.fixture
def made_folder(pristine_folder: Path, data_folder: Path) -> Path:
    """A copy of it, of this test's own: initdb would be most of the test's time."""
    subprocess.run(["cp", "-a", str(pristine_folder), str(data_folder)], check=True)
    return data_folder
