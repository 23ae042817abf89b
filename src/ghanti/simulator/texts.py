"""Messages as a phone reads them: alphabets and the joining of parts.

Written apart from ghanti.sms on purpose, so that a mistake there can't cancel itself out here.
"""

from __future__ import annotations

from dataclasses import dataclass

_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_ESCAPED = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


@dataclass(frozen=True, slots=True)
class Fragment:
    """One part as it arrived: `number` of `total` under `reference`, its octets without header."""

    reference: int
    total: int
    number: int
    octets: bytes


class Joiner:
    """Collects the parts of texts, per sender and receiver, in any order."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._open: dict[tuple[str, str, int, int], dict[int, tuple[str, bytes]]] = {}

    def add(
        self, source: str, destination: str, fragment: Fragment, message_id: str
    ) -> tuple[list[str], bytes] | None:
        """The ids and the joined octets of the text that this fragment completes, if it does."""
        if fragment.total == 1:
            return [message_id], fragment.octets
        key = (source, destination, fragment.reference, fragment.total)
        parts = self._open.setdefault(key, {})
        parts[fragment.number] = (message_id, fragment.octets)
        if len(parts) < fragment.total:
            if len(self._open) > self._limit:
                del self._open[next(iter(self._open))]
            return None
        del self._open[key]
        ordered = [parts[number] for number in sorted(parts)]
        return [part[0] for part in ordered], b"".join(part[1] for part in ordered)


def read_fragment(octets: bytes, has_header: bool) -> Fragment:
    """Split a user data header (3GPP TS 23.040, 9.2.3.24) off; only concatenation is read."""
    if not has_header or not octets:
        return Fragment(0, 1, 1, octets)
    end = 1 + octets[0]
    reference, total, number = 0, 1, 1
    at = 1
    while at + 2 <= min(end, len(octets)):
        kind, size = octets[at], octets[at + 1]
        value = octets[at + 2 : at + 2 + size]
        if kind in (0x00, 0x08) and len(value) == size == (3 if kind == 0x00 else 4):
            reference, total, number = int.from_bytes(value[:-2]), value[-2], value[-1]
        at += 2 + size
    if not 1 <= number <= total:
        reference, total, number = 0, 1, 1
    return Fragment(reference, total, number, octets[end:])


def decode_text(octets: bytes, data_coding: int) -> str:
    """The text in the alphabet of `data_coding`: 0 GSM, one septet an octet; 3 Latin-1; 8 UTF-16."""
    if data_coding == 8:
        return octets.decode("utf-16-be", "replace")
    if data_coding == 3:
        return octets.decode("latin-1")
    characters: list[str] = []
    escaped = False
    for octet in octets:
        if escaped:
            characters.append(_GSM_ESCAPED.get(octet, " "))
            escaped = False
        elif octet == 0x1B:
            escaped = True
        else:
            characters.append(_GSM[octet & 0x7F])
    return "".join(characters)
