"""What roles say: whole lines to the terminal and to a file of bounded size for each role."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

LOG_BYTES = 10 * 2**20
"""A log file that grows past this is kept once, as ``<name>.log.1``."""

_LINE_BYTES = 16 * 2**10
_PIPE_BUF = 4096  # a pipe that polls as writable takes this much without blocking (pipe(7))


class LogFile:
    """An append-only file of lines that rotates by size."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._descriptor = -1
        self._size = 0
        self._open()

    def write(self, line: bytes) -> None:
        """Append a line.

        Raises:
            OSError: the disk did not take it, or not all of it.
        """
        if self._size + len(line) + 1 > self._limit:
            rotate(self._path)
            os.close(self._descriptor)
            self._open()
        self._size += os.write(self._descriptor, line + b"\n")

    def close(self) -> None:
        os.close(self._descriptor)

    def _open(self) -> None:
        self._descriptor = open_log(self._path, self._limit)
        self._size = os.fstat(self._descriptor).st_size


def open_log(path: Path, limit: int = LOG_BYTES) -> int:
    """Open ``path`` for appending, mode 0600, past rotating it when it exceeds ``limit`` bytes."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > limit:
        rotate(path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def rotate(path: Path) -> None:
    path.replace(path.with_name(path.name + ".1"))


class LineReader:
    """Lines out of a non-blocking descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def read(self) -> tuple[list[bytes], bool]:
        """Whole lines that arrived since, and whether the writers are gone.

        A line longer than 16 KiB comes in pieces.
        """
        try:
            chunk = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return [], False
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._rest and (not chunk or len(self._rest) > _LINE_BYTES):
            lines.append(self._rest)
            self._rest = b""
        return lines, not chunk

    def close(self) -> None:
        os.close(self.descriptor)


def say(text: bytes, descriptor: int = 2) -> None:
    """Write a line to the terminal, or let it go: a reader that stalls must not stall every role."""
    line = text[: _PIPE_BUF - 1] + b"\n"
    try:
        if select.select([], [descriptor], [], 0)[1]:
            os.write(descriptor, line)
    except (OSError, ValueError):
        return


class Journal:
    """The terminal and the log files of a data folder's roles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "log"
        self._files: dict[str, LogFile] = {}

    def relay(self, role: str, line: bytes) -> None:
        """Pass on a line that ``role`` wrote."""
        self._write(role, line)
        say(role.encode() + b": " + line)

    def note(self, text: str) -> None:
        """Say something of the supervisor's own."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._write("supervisor", f"{now} {text}".encode())
        say(f"supervisor: {text}".encode())

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def _write(self, name: str, line: bytes) -> None:
        # A full disk must not end the calls that are under way; the terminal still gets the line.
        with suppress(OSError):
            if name not in self._files:
                self._files[name] = LogFile(self.folder / f"{name}.log")
            self._files[name].write(line)
