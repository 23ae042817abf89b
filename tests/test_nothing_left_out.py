"""In CI a test that is skipped, deselected or expected to fail is a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILES = {
    "skipped": "import pytest\n@pytest.mark.skip(reason='no modem')\ndef test_a(): ...\ndef test_b(): ...\n",
    "module": "import pytest\npytest.skip('no such peer', allow_module_level=True)\n",
    "xfailed": "import pytest\n@pytest.mark.xfail(reason='not yet')\ndef test_a(): assert False\n",
    "deselected": "def test_a(): ...\ndef test_left(): ...\n",
    "whole": "def test_a(): ...\n",
}


def _run(folder: Path, kind: str, ci: str, *extra: str) -> subprocess.CompletedProcess[str]:
    for file in ("conftest.py", "processes.py"):
        shutil.copy(Path(__file__).with_name(file), folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(FILES[kind])
    command = [sys.executable, "-m", "pytest", "-q", "-k", "not left", "-p", "no:cacheprovider", *extra]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("skipped", "no modem"),
        ("module", "no such peer"),
        ("xfailed", "expected to fail: not yet"),
        ("deselected", "deselected"),
    ],
)
def test_what_is_left_out_fails_in_ci_only(tmp_path: Path, kind: str, why: str) -> None:
    in_ci = _run(tmp_path, kind, "1")
    assert in_ci.returncode == 1
    assert "left out, which fails in CI" in in_ci.stdout
    elsewhere = _run(tmp_path, kind, "")
    assert elsewhere.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert f"1  test_it.py  {why}" in elsewhere.stdout


@pytest.mark.parametrize("kind", ["skipped", "deselected"])
def test_what_a_worker_leaves_out_fails_too(tmp_path: Path, kind: str) -> None:
    done = _run(tmp_path, kind, "1", "-n", "1")
    assert done.returncode == 1
    assert "left out, which fails in CI" in done.stdout


def test_a_whole_run_passes_in_ci(tmp_path: Path) -> None:
    done = _run(tmp_path, "whole", "1")
    assert done.returncode == 0
    assert "left out" not in done.stdout
