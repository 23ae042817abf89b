"""One account at one SMSC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ghanti.sms.smpp.pdus import Address, BindTransceiver, PduError

_INTERNATIONAL = (1, 1)
_ALPHANUMERIC = (5, 0)
_UNKNOWN = (0, 0)


@dataclass(frozen=True, slots=True)
class SmscConfig:
    """How to reach an SMSC and what it demands. Raises `PduError` for fields that SMPP can't carry.

    `messages_per_second` is the most it allows (parts, not texts). `window` is how many submits may wait for
    their response. `source` is the sender: a number, a short code or up to 11 letters; its type is
    told from its form unless `source_ton` and `source_npi` say otherwise.
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""

    source: str = ""
    source_ton: int | None = None
    source_npi: int | None = None
    destination_ton: int = 1
    destination_npi: int = 1
    validity: timedelta | None = None

    window: int = 10
    messages_per_second: float = 20.0
    throttle_retries: int = 5

    connect_seconds: float = 10.0
    response_seconds: float = 10.0
    enquire_seconds: float = 5.0
    enquire_response_seconds: float = 5.0
    reconnect_seconds: float = 1.0
    reconnect_seconds_at_most: float = 60.0
    refused_seconds: float = 300.0
    """Between binds after one was refused for its name or password."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.messages_per_second <= 0:
            raise PduError("window and messages_per_second are positive")
        if not 1 <= self.port <= 65535:
            raise PduError("a port is 1 to 65535")
        self.bind_request().encode(1)
        self.source_address().encode("source_addr")
        self.validity_period()

    def bind_request(self) -> BindTransceiver:
        return BindTransceiver(
            system_id=self.system_id,
            password=self.password,
            system_type=self.system_type,
        )

    def source_address(self, source: str | None = None) -> Address:
        """`source`, or the account's own sender, with its type (sections 5.2.5, 5.2.6)."""
        sender = self.source if source is None else source
        if sender.startswith("+") and sender[1:].isdigit():
            ton, npi = _INTERNATIONAL
        elif sender and not sender.isdigit():
            ton, npi = _ALPHANUMERIC
        else:
            ton, npi = _UNKNOWN
        return Address(
            ton if self.source_ton is None else self.source_ton,
            npi if self.source_npi is None else self.source_npi,
            sender.removeprefix("+"),
        )

    def destination_address(self, number: str) -> Address:
        """`number` in E.164."""
        return Address(self.destination_ton, self.destination_npi, number.removeprefix("+"))

    def validity_period(self, validity: timedelta | None = None) -> str:
        """`validity`, or the account's own, as relative time (section 7.1.1.2), or empty."""
        span = self.validity if validity is None else validity
        if span is None:
            return ""
        if not timedelta(seconds=1) <= span <= timedelta(days=31):
            raise PduError("a message is valid for 1 second to 31 days")
        minutes, seconds = divmod(span.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"0000{span.days:02}{hours:02}{minutes:02}{seconds:02}000R"
