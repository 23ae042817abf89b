"""Where the processes of one machine listen: the API on its address, voice on a Unix socket."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from pathlib import Path

from ghanti.folders import own_folder
from ghanti.settings import Settings

_LONGEST_SOCKET = 100


def listener(host: str, port: int) -> socket.socket:
    """A TCP socket bound to the address, for its holder to listen on; OSError when it cannot be."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def voice_socket(settings: Settings) -> Path:
    """Where the voice process listens: in the run folder, or in a short one when that path is too long.

    A Unix socket's path holds at most 107 bytes (unix(7)).

    Raises:
        PermissionError: the short folder is not our own.
    """
    path = settings.run_folder.resolve() / "voice.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET:
        return path
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"ghanti-run-{os.geteuid()}-{key}"
    own_folder(folder)
    return folder / "voice.sock"
