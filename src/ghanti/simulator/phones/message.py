"""SIP messages as the simulated phones need them: parse, change, write (RFC 3261 sections 7, 18, 20).

Deliberately not shared with `ghanti.voice`: a caller must not be proved against its own parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

Address = tuple[str, int]

DEFAULT_PORT = 5060

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
}
_LISTS = frozenset({"via", "route", "record-route"})
_LARGEST = 16_384
_URI = re.compile(
    r"(?:sips?|tel):(?:(?P<user>[^@;>?]*(?:;[^@>?]*)?)@)?(?P<host>\[[^\]]+\]|[^:;>?\s]+)(?::(?P<port>\d+))?"
)
_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*\w+\s+(?P<host>\[[^\]]+\]|[^:;\s]+)(?:\s*:\s*(?P<port>\d+))?(?P<params>.*)"
)


class MalformedMessageError(ValueError):
    """A datagram that is no SIP message, or lacks what every SIP message must have."""


@dataclass(slots=True)
class Message:
    """One request or response; header names are in lower case and long form, in their order."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """The request's method, or that of the request which a response answers."""
        return self.start.split(" ", 1)[0] if self.is_request else self.cseq[1]

    @property
    def uri(self) -> str:
        return self.start.split(" ")[1]

    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def cseq(self) -> tuple[int, str]:
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def transaction(self) -> tuple[str, int]:
        """What an INVITE, its ACK and its CANCEL share."""
        return self.call_id, self.cseq[0]

    @property
    def in_dialog(self) -> bool:
        return parameter(self.get("to"), "tag") is not None

    def get(self, name: str) -> str:
        """The first value of a header, empty when absent."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def push(self, name: str, value: str) -> None:
        """Put a header above all others."""
        self.headers.insert(0, (name, value))

    def pop(self, name: str) -> str | None:
        """Take the topmost value of a header away, and return it."""
        for index, (key, value) in enumerate(self.headers):
            if key == name:
                del self.headers[index]
                return value
        return None

    def set(self, name: str, value: str) -> None:
        """Replace the topmost value of a header."""
        index = next(i for i, (key, _) in enumerate(self.headers) if key == name)
        self.headers[index] = (name, value)

    def encode(self) -> bytes:
        lines = [
            self.start,
            *(f"{name}: {value}" for name, value in self.headers if name != "content-length"),
        ]
        head = "\r\n".join([*lines, f"content-length: {len(self.body)}", "", ""])
        return head.encode("utf-8", "surrogateescape") + self.body


def parse(datagram: bytes) -> Message:
    """Read one datagram.

    Raises:
        MalformedMessageError: no SIP/2.0, or a header that RFC 3261 section 8.1.1 demands is missing.
    """
    if len(datagram) > _LARGEST:
        raise MalformedMessageError("larger than any message a phone expects")
    head, _, body = datagram.partition(b"\r\n\r\n")
    text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
    start, *lines = text.split("\r\n")
    if not re.fullmatch(r"(SIP/2\.0 [1-6]\d\d( .*)?)|([A-Z]+ \S+ SIP/2\.0)", start):
        raise MalformedMessageError("no SIP start line")
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedMessageError("header without a colon")
        key = name.strip().lower()
        key = _COMPACT.get(key, key)
        values = _split(value) if key in _LISTS else [value]
        headers.extend((key, part.strip()) for part in values)
    message = Message(start, headers, body)
    if not all(message.get(name) for name in ("via", "from", "to", "call-id")):
        raise MalformedMessageError("mandatory header missing")
    if not re.fullmatch(r"\d{1,10} +[A-Z]+", message.get("cseq")):
        raise MalformedMessageError("CSeq missing or wrong")
    return message


def _split(value: str) -> list[str]:
    """A header's values, which commas outside quotes and angle brackets separate."""
    parts, quoted, bracketed = [""], False, False
    for sign in value:
        quoted ^= sign == '"'
        if not quoted:
            bracketed = sign == "<" or (bracketed and sign != ">")
        if sign == "," and not quoted and not bracketed:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def response(request: Message, code: int, phrase: str, tag: str, *extra: tuple[str, str]) -> Message:
    """The answer to a request, its To tagged unless the request's is (RFC 3261 section 8.2.6)."""
    headers = [
        (name, value)
        for name, value in request.headers
        if name in ("via", "from", "to", "call-id", "cseq", "record-route")
    ]
    answer = Message(f"SIP/2.0 {code} {phrase}", [*headers, *extra])
    if not request.in_dialog and code > 100:
        answer.set("to", f"{request.get('to')};tag={tag}")
    return answer


def number_of(message: Message) -> str:
    """The dialled number as the request line has it, without escapes and parameters."""
    uri = message.uri
    user = uri[4:] if uri.startswith("tel:") else (m["user"] or "" if (m := _URI.match(uri)) else "")
    return unquote(user.partition(";")[0])


def uri_address(value: str) -> Address | None:
    """Host and port of the first SIP URI in a header or request line."""
    found = _URI.search(value)
    return (found["host"].strip("[]"), int(found["port"] or DEFAULT_PORT)) if found else None


def parameter(value: str, name: str) -> str | None:
    """A parameter outside angle brackets: its value, empty when it has none, None when absent."""
    found = re.search(rf";\s*{name}\s*(?:=\s*([^;\s,]*))?\s*(?=;|$)", value.rpartition(">")[2], re.IGNORECASE)
    return None if found is None else found[1] or ""


def stamp_via(message: Message, source: Address) -> None:
    """Note in the topmost Via where the request came from (RFC 3261 section 18.2.1, RFC 3581 section 4)."""
    via = re.sub(r";\s*(received|rport)(=[^;]*)?(?=;|$)", "", message.get("via"), flags=re.IGNORECASE)
    via += f";received={source[0]}"
    if parameter(message.get("via"), "rport") is not None:
        via += f";rport={source[1]}"
    message.set("via", via)


def via_address(message: Message) -> Address | None:
    """Where a response whose topmost Via this is must go (RFC 3261 section 18.2.2, RFC 3581 section 4)."""
    found = _VIA.match(message.get("via"))
    if found is None:
        return None
    params = found["params"]
    port = parameter(params, "rport") or found["port"] or ""
    host = parameter(params, "received") or found["host"].strip("[]")
    return host, int(port) if port.isdigit() else DEFAULT_PORT
