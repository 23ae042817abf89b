"""Whether a server takes connections, asked as PQping does: by opening one (protocol 3.0, section 54.7)."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_PROTOCOL = 3 << 16
_CANNOT_CONNECT_NOW = b"C57P03\0"
_SECONDS = 1.0


def accepts_connections(socket_folder: Path, port: int, user: str, database: str) -> bool:
    """True once the server answers a start-up packet with anything but "starting up" or "shutting down"."""
    body = struct.pack("!I", _PROTOCOL)
    for name, value in (("user", user), ("database", database)):
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(socket_folder / f".s.PGSQL.{port}"))
            connection.sendall(struct.pack("!I", len(body) + 4) + body)
            answer = connection.recv(1024)
    except OSError:
        return False
    return answer[:1] == b"R" or (answer[:1] == b"E" and _CANNOT_CONNECT_NOW not in answer)
