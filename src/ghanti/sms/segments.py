"""A text as short messages: its encoding, its parts and what they cost.

3GPP TS 23.038 gives the GSM 7-bit default alphabet, TS 23.040 section 9.2.3.24.1 the concatenation
header. A text that the alphabet can't hold goes as UCS-2 (UTF-16, as every phone reads it), at less than
half the characters a part, so a single stray character may double what a message costs; `Segments.forced`
names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import smsutil

MAX_PARTS = 255
"""The concatenation header counts parts in one octet."""

REPLACEMENTS = {
    "‘": "'",
    "’": "'",
    "‚": ",",
    "“": '"',
    "”": '"',
    "`": "'",
    "´": "'",
    "–": "-",
    "—": "-",
    "‑": "-",
    "…": "...",
    "•": "-",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
    "\t": " ",
    "₹": "Rs",
    "₨": "Rs",
}
"""Characters that word processors leave behind, and what says the same in the GSM alphabet."""


class Encoding(StrEnum):
    """How a text travels; one for all its parts."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"

    @property
    def data_coding(self) -> int:
        """SMPP v3.4 section 5.2.19: 0 is the SMSC's default alphabet, 8 is UCS-2."""
        return 0 if self is Encoding.GSM7 else 8


class TooLongError(ValueError):
    """The text needs more than `MAX_PARTS` parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One short message of a text.

    `octets` is the text alone, without a header: septets unpacked, one an octet, or UTF-16 big endian.
    """

    text: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class Segments:
    """A text, split."""

    encoding: Encoding
    parts: tuple[Part, ...]

    @property
    def units(self) -> int:
        """What the operators bill by: septets (an escaped character is two) or UTF-16 code units."""
        octets = sum(len(part.octets) for part in self.parts)
        return octets if self.encoding is Encoding.GSM7 else octets // 2

    @property
    def forced(self) -> tuple[str, ...]:
        """The distinct characters that ruled the GSM alphabet out, in their order in the text."""
        text = "".join(part.text for part in self.parts)
        return tuple(dict.fromkeys(character for character in text if character not in _ALPHABET))

    @property
    def replaceable(self) -> dict[str, str]:
        """What to replace to bring the text back to the GSM alphabet; empty when that is impossible."""
        forced = self.forced
        if all(character in REPLACEMENTS for character in forced):
            return {character: REPLACEMENTS[character] for character in forced}
        return {}

    def short_messages(self, reference: int) -> list[bytes]:
        """The `short_message` of each part, with a concatenation header when there are several.

        `reference` tells this text from others to the same phone; its low octet is used.
        """
        total = len(self.parts)
        if total == 1:
            return [self.parts[0].octets]
        return [
            concatenation_header(reference, total, number) + part.octets
            for number, part in enumerate(self.parts, start=1)
        ]


def segment(text: str) -> Segments:
    """Split `text` into as few parts as its encoding allows.

    Surrogates without a partner, which no encoding can carry, become U+FFFD.
    Raises `TooLongError` above `MAX_PARTS` parts.
    """
    text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
    if _ALPHABET.issuperset(text):
        encoding, codec, single, split = Encoding.GSM7, "gsm0338", 160, smsutil.gsm_split
    else:
        encoding, codec, single, split = Encoding.UCS2, "utf-16-be", 140, smsutil.unicode_split
    octets = text.encode(codec)
    if len(octets) <= single:
        return Segments(encoding, (Part(text, octets),))
    parts = tuple(Part(part.content, part.content.encode(codec)) for part in split(text).parts)
    if len(parts) > MAX_PARTS:
        raise TooLongError(f"{len(parts)} parts; a message has at most {MAX_PARTS}")
    return Segments(encoding, parts)


def concatenation_header(reference: int, total: int, number: int) -> bytes:
    """The user data header of part `number` (from 1) of `total`, with an 8-bit reference."""
    return bytes((5, 0, 3, reference & 0xFF, total, number))


# The escape itself (0x1B) is in the library's alphabet, yet as text it would swallow the next character.
_ALPHABET = frozenset(smsutil.codecs.GSM_CHARSET) - {"\x1b"}
