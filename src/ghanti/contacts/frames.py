"""How the reading process answers over its pipe: a kind, a length, a payload.

Rows travel as the very bytes that COPY takes, so that the server only passes them on.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:  # The reading process has no use for asyncio, which takes long to import.
    from asyncio import StreamReader

_HEAD = struct.Struct(">cI")
_LONGEST = 64 << 20


class Kind(Enum):
    """What a frame holds."""

    ROWS = b"R"
    """Contacts as COPY's text format."""
    SUMMARY = b"S"
    """The last frame of a file that was read: a JSON object."""
    REFUSAL = b"X"
    """The last frame of a file that was not: a JSON object."""


class FrameError(ValueError):
    """The pipe holds something else than frames."""


def write(pipe: BinaryIO, kind: Kind, payload: bytes) -> None:
    pipe.write(_HEAD.pack(kind.value, len(payload)))
    pipe.write(payload)


async def read(stream: StreamReader) -> tuple[Kind, bytes]:
    """The next frame.

    Raises:
        asyncio.IncompleteReadError: the pipe ended.
        FrameError: not a frame.
    """
    letter, length = _HEAD.unpack(await stream.readexactly(_HEAD.size))
    try:
        kind = Kind(letter)
    except ValueError as error:
        raise FrameError("unknown kind of frame") from error
    if length > _LONGEST:
        raise FrameError("frame too long")
    return kind, await stream.readexactly(length)
