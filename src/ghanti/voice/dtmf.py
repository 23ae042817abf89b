"""Keys pressed by the callee: telephone-event packets (RFC 4733) and SIP INFO."""

from __future__ import annotations

import re
from collections import deque

from ghanti.voice.rtp import Packet

EVENTS = "0123456789*#ABCD"
_LONGEST_SEGMENT = 0xFFFF
_SIGNAL = re.compile(r"^\s*signal\s*=\s*([0-9A-D*#]{1,2})\s*$", re.IGNORECASE | re.MULTILINE)
_BARE = re.compile(r"^\s*([0-9A-D*#])\s*$", re.IGNORECASE)


class KeyReader:
    """Turns telephone-event packets into keys: each key once, at its first packet that arrives.

    A sender repeats its packets, the last one three times, all with the timestamp of the key's start
    (RFC 4733, 2.5.1); any of them may be lost, doubled or late.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque(maxlen=16)

    def read(self, packet: Packet) -> str | None:
        """The key that this packet is the first sign of, or None."""
        if len(packet.payload) < 4 or packet.payload[0] >= len(EVENTS):
            return None
        code = packet.payload[0]
        key = (packet.timestamp, code)
        if key in self._seen:
            return None
        continued = not packet.marker and self._continues(packet.timestamp, code)
        self._seen.append(key)
        return None if continued else EVENTS[code]

    def _continues(self, timestamp: int, code: int) -> bool:
        """Whether this is a further segment of one long key press (RFC 4733, 2.5.1.3)."""
        return ((timestamp - _LONGEST_SEGMENT) % (1 << 32), code) in self._seen


def parse_info(body: str) -> str | None:
    """The key in the body of a SIP INFO: ``application/dtmf-relay`` or ``application/dtmf``."""
    found = _SIGNAL.search(body) or _BARE.match(body)
    if found is None:
        return None
    signal = found.group(1).upper()
    if signal in ("10", "11"):
        return EVENTS[int(signal)]
    return signal if signal in EVENTS and len(signal) == 1 else None
