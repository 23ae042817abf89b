"""The socket protocol between the dialler and a voice process, version 2 (docs/voice-protocol.md).

Pure: message types, validation and framing, shared by both ends. Frames are JSON objects, one a line.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ghanti.voice.script import Script

VERSION = 2
MAX_FRAME_BYTES = 1 << 20

Codec = Literal["PCMU", "PCMA"]
# A user part that needs no escaping in a SIP URI (RFC 3261, 25.1), so that a number can't smuggle a header.
Number = Annotated[str, Field(pattern=r"^\+?[0-9A-Za-z*._-]{1,40}$")]
# Values that sippy writes between quotes without escaping them.
Quotable = Annotated[str, Field(max_length=128, pattern=r'^[^"\\\x00-\x1f\x7f<>]*$')]


class ProtocolError(ValueError):
    """A frame that is not a message of this protocol; ``attempt`` and ``leg`` when they could be read."""

    def __init__(self, detail: str, attempt: UUID | None = None, leg: int | None = None) -> None:
        super().__init__(detail)
        self.attempt = attempt
        self.leg = leg


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Trunk(_Message):
    """Where an INVITE goes; ``username`` and ``password`` answer a digest challenge."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,253}$")]
    port: int = Field(5060, ge=1, le=65535)
    username: Quotable | None = None
    password: Annotated[str, Field(max_length=256)] | None = Field(None, repr=False)
    codecs: Annotated[list[Codec], Field(min_length=1, max_length=2)] = ["PCMU", "PCMA"]
    symmetric_rtp: bool = False


class Hello(_Message):
    type: Literal["hello"] = "hello"
    v: int = VERSION


class Dial(_Message):
    """Place one call. ``send_by`` is in Unix seconds; a leg is one try of an attempt on one trunk.

    Of the audios, those named in ``secret`` are forgotten with the call. With ``record``, the callee is
    recorded from the answer to the end, whatever the script does.
    """

    type: Literal["dial"] = "dial"
    attempt: UUID
    leg: int = Field(1, ge=1, le=1000)
    call_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.@_-]{1,128}$")]
    send_by: float
    to: Number
    from_: Number = Field(alias="from")
    display: Quotable | None = None
    trunk: Trunk
    ring_seconds: float = Field(30, ge=1, le=180)
    max_seconds: float = Field(120, ge=1, le=7200)
    script: Script
    audio: dict[str, str] = {}
    secret: list[str] = []
    record: bool = False

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Hangup(_Message):
    """Cancel an attempt that rings, hang up one that was answered."""

    type: Literal["hangup"] = "hangup"
    attempt: UUID


class Extend(_Message):
    """Let an answered call last ``max_seconds`` from its answer."""

    type: Literal["extend"] = "extend"
    attempt: UUID
    max_seconds: float = Field(ge=1, le=7200)


class Void(_Message):
    """Never place a leg that was not ordered yet; a leg that was is left alone, its events tell its state."""

    type: Literal["void"] = "void"
    attempt: UUID
    leg: int = Field(1, ge=1, le=1000)


class Ack(_Message):
    """Every event up to ``seq`` is committed; the voice process forgets them."""

    type: Literal["ack"] = "ack"
    seq: int = Field(ge=0)


class Welcome(_Message):
    """The voice process' answer to hello; ``session`` names this instance of the process."""

    type: Literal["hello"] = "hello"
    v: int = VERSION
    session: UUID
    capacity: int
    calls: list[UUID]


class Refusal(_Message):
    """A frame that could not be understood, or a reason to close; answers no particular attempt."""

    type: Literal["error"] = "error"
    detail: str


class _Event(_Message):
    type: Literal["event"] = "event"
    seq: int
    attempt: UUID
    leg: int
    at: float


class Sent(_Event):
    """The INVITE left."""

    event: Literal["sent"] = "sent"


class Ringing(_Event):
    """The first provisional response above 100; 183 is early media, not an answer."""

    event: Literal["ringing"] = "ringing"
    code: int


class Answered(_Event):
    event: Literal["answered"] = "answered"
    codec: Codec


class Said(_Message):
    """One playing of an audio, begun ``at_ms`` after the answer: so much of it was sent."""

    audio: str
    at_ms: int
    played_ms: int
    total_ms: int


class Played(_Event):
    """Progress while ``audio`` plays: ``played_ms`` of ``total_ms`` of what the script has to say.

    ``said`` is all that was played so far, in order. A newer one replaces an older one that was not acked.
    """

    event: Literal["played"] = "played"
    audio: str
    played_ms: int
    total_ms: int
    said: list[Said] = []


class Key(_Event):
    event: Literal["key"] = "key"
    digit: str


class Answer(_Event):
    """What was answered at a step. Of a recording first that it began, then what became of it.

    ``keys`` are null, and so is ``path``, of a step that was asked as often as it may be for nothing.
    """

    event: Literal["answer"] = "answer"
    name: str
    kind: Literal["keys", "recording"]
    state: Literal["given", "pending", "stored", "lost"]
    keys: str | None = None
    path: str | None = None
    ms: int | None = None


class Recorded(_Event):
    """The recording of the whole call: that it began, with ``at`` the answer, then what became of it.

    ``path`` is there from the beginning: the file is a whole .wav at any time, of what was written so far.
    """

    event: Literal["recorded"] = "recorded"
    state: Literal["pending", "stored", "lost"]
    path: str | None = None
    ms: int | None = None


Party = Literal["callee", "us", "network"]


class Ended(_Event):
    """The last event of a leg. ``played_ms`` of ``total_ms`` is what the callee heard of the script.

    ``said`` is what was played, in order, each as often as it was.
    """

    event: Literal["ended"] = "ended"
    reason: str
    detail: str | None = None
    sip_code: int | None = None
    hungup_by: Party | None = None
    answered: bool = False
    not_sent: bool = False
    ring_ms: int = 0
    duration_ms: int = 0
    played_ms: int = 0
    total_ms: int = 0
    keys: str = ""
    answers: dict[str, str] = {}
    said: list[Said] = []


Event = Annotated[
    Sent | Ringing | Answered | Played | Key | Answer | Recorded | Ended, Field(discriminator="event")
]
EventType = type[Event]
Command = Annotated[Hello | Dial | Hangup | Extend | Void | Ack, Field(discriminator="type")]

_commands: TypeAdapter[Command] = TypeAdapter(Command)
_events: TypeAdapter[Event] = TypeAdapter(Event)


def encode(message: _Message) -> bytes:
    """One frame, with its newline."""
    return orjson.dumps(message.model_dump(mode="json", by_alias=True)) + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ProtocolError("not JSON") from error
    if not isinstance(raw, dict):
        raise ProtocolError("not an object")
    return raw


def _summary(error: ValidationError) -> str:
    """Where and why, without the offending values: they may hold a password."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)
    )


def parse_command(line: bytes) -> Command:
    """Read a frame of the dialler.

    Raises:
        ProtocolError: it is none; a malformed dial carries its attempt and leg where they can be read.
    """
    raw = _object(line)
    try:
        return _commands.validate_python(raw)
    except ValidationError as error:
        attempt, leg = _identity(raw) if raw.get("type") == "dial" else (None, None)
        raise ProtocolError(_summary(error), attempt, leg) from None


def _identity(raw: dict[str, Any]) -> tuple[UUID | None, int | None]:
    try:
        attempt = UUID(raw.get("attempt"))
    except (TypeError, ValueError, AttributeError):
        return None, None
    leg = raw.get("leg", 1)
    return attempt, leg if isinstance(leg, int) and not isinstance(leg, bool) else 1


def parse_report(line: bytes) -> Welcome | Refusal | Event:
    """Read a frame of the voice process.

    Raises:
        ProtocolError: it is none.
    """
    raw = _object(line)
    try:
        match raw.get("type"):
            case "hello":
                return Welcome.model_validate(raw)
            case "error":
                return Refusal.model_validate(raw)
            case _:
                return _events.validate_python(raw)
    except ValidationError as error:
        raise ProtocolError(_summary(error)) from None
