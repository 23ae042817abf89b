"""SDP offers and answers for one G.711 audio stream (RFC 4566, RFC 3264)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ghanti.voice.protocol import Codec

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
# The static payload types of RFC 3551, table 4; a peer need not map them.
PAYLOAD: dict[Codec, int] = {"PCMU": 0, "PCMA": 8}
_STATIC = {number: codec for codec, number in PAYLOAD.items()}
TELEPHONE_EVENT = 101
_ANSWERS: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}


class SdpError(ValueError):
    """A session description that can't be used for a call."""


@dataclass(frozen=True)
class Media:
    """The peer's audio stream: where it listens, and which payload types mean what."""

    host: str
    port: int
    codecs: dict[Codec, int] = field(default_factory=dict)
    telephone_event: int | None = None
    direction: Direction = "sendrecv"

    @property
    def held(self) -> bool:
        """Whether the peer asked not to be sent audio; 0.0.0.0 is the older way to say so (RFC 3264, 8.4)."""
        return self.direction in ("sendonly", "inactive") or self.host == "0.0.0.0"  # noqa: S104

    def choose(self, allowed: Sequence[Codec]) -> Codec:
        """The peer's first codec that is allowed.

        Raises:
            SdpError: there is none.
        """
        for codec in self.codecs:
            if codec in allowed:
                return codec
        raise SdpError("no codec in common")


def describe(
    address: str,
    port: int,
    codecs: Sequence[Codec],
    *,
    session: int,
    version: int = 1,
    direction: Direction = "sendrecv",
    payloads: dict[Codec, int] | None = None,
    telephone_event: int | None = TELEPHONE_EVENT,
) -> str:
    """Our session description; ``payloads`` overrides the payload types when answering an offer."""
    numbers = {codec: (payloads or PAYLOAD).get(codec, PAYLOAD[codec]) for codec in codecs}
    formats = [str(number) for number in numbers.values()]
    attributes = [f"a=rtpmap:{number} {codec}/8000" for codec, number in numbers.items()]
    if telephone_event is not None:
        formats.append(str(telephone_event))
        attributes += [f"a=rtpmap:{telephone_event} telephone-event/8000", f"a=fmtp:{telephone_event} 0-15"]
    lines = [
        "v=0",
        f"o=- {session} {version} IN IP4 {address}",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(formats)}",
        *attributes,
        "a=ptime:20",
        f"a={direction}",
    ]
    return "".join(line + "\r\n" for line in lines)


def answer_direction(offered: Direction) -> Direction:
    """RFC 3264, 6.1."""
    return _ANSWERS[offered]


def parse(text: str) -> Media:
    """Read the first audio stream of a session description.

    Raises:
        SdpError: there is none that we can send to.
    """
    session, audio = _sections(text)
    fields = audio[0].split()
    if len(fields) < 4 or fields[2].upper() != "RTP/AVP":
        raise SdpError("the audio stream is not RTP/AVP")
    port = _port(fields[1])
    numbers = [int(item) for item in fields[3:] if item.isascii() and item.isdigit() and len(item) < 4]
    codecs, telephone_event = _payloads(numbers, _rtpmaps(audio))
    return Media(
        host=_host(_value(audio, "c=") or _value(session, "c=")),
        port=port,
        codecs=codecs,
        telephone_event=telephone_event,
        direction=_direction(audio) or _direction(session) or "sendrecv",
    )


def _sections(text: str) -> tuple[list[str], list[str]]:
    """The session's lines, and the first audio section's, whose first line is the value of its m=."""
    session: list[str] = []
    sections: list[list[str]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("m="):
            sections.append([line[2:]])
        elif sections:
            sections[-1].append(line)
        else:
            session.append(line)
    for section in sections:
        if section[0].lower().startswith("audio "):
            return session, section
    raise SdpError("no audio stream")


def _value(lines: list[str], prefix: str) -> str | None:
    return next((line[len(prefix) :] for line in lines if line.startswith(prefix)), None)


def _host(connection: str | None) -> str:
    fields = (connection or "").split()
    if len(fields) != 3 or fields[1] != "IP4":
        raise SdpError("no IPv4 connection address")
    try:
        return str(ipaddress.IPv4Address(fields[2].split("/")[0]))
    except ValueError:
        raise SdpError("the connection address is not an IPv4 address") from None


def _port(value: str) -> int:
    number = value.split("/")[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 0 < int(number) < 65536):
        raise SdpError("the audio stream is refused")
    return int(number)


def _rtpmaps(lines: list[str]) -> dict[int, str]:
    """Payload type to encoding name in upper case, of the 8 kHz mono encodings."""
    maps: dict[int, str] = {}
    for line in lines:
        if not line.startswith("a=rtpmap:"):
            continue
        number, _, encoding = line[len("a=rtpmap:") :].strip().partition(" ")
        name, _, rate = encoding.strip().partition("/")
        if number.isascii() and number.isdigit() and len(number) < 4:
            maps[int(number)] = name.upper() if rate in ("8000", "8000/1") else ""
    return maps


def _payloads(numbers: list[int], maps: dict[int, str]) -> tuple[dict[Codec, int], int | None]:
    codecs: dict[Codec, int] = {}
    telephone_event = None
    for number in numbers:
        name = maps.get(number, _STATIC.get(number, ""))
        if name in PAYLOAD and number < 128:
            codecs.setdefault("PCMU" if name == "PCMU" else "PCMA", number)
        elif name == "TELEPHONE-EVENT" and telephone_event is None and number < 128:
            telephone_event = number
    return codecs, telephone_event


def _direction(lines: list[str]) -> Direction | None:
    return next((word for line in lines for word in _ANSWERS if line == f"a={word}"), None)
