"""Delivery receipts: what an SMSC says became of a message part, and which part it means.

SMPP v3.4 leaves the text of a receipt to the SMSC and suggests one (appendix B); the optional parameters
receipted_message_id and message_state (sections 5.3.2.12, 5.3.2.35) say the same in binary and win.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ghanti.sms.smpp.commands import RECEIPT_TYPES, Tag
from ghanti.sms.smpp.pdus import MAX_MESSAGE_ID, DeliverSm, message_id


class DeliveryState(StrEnum):
    """What became of a part. Only `ACCEPTED` promises that another receipt will follow."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


_BY_NUMBER = {
    1: DeliveryState.ACCEPTED,
    2: DeliveryState.DELIVERED,
    3: DeliveryState.EXPIRED,
    4: DeliveryState.UNDELIVERED,
    5: DeliveryState.UNDELIVERED,
    6: DeliveryState.ACCEPTED,
    7: DeliveryState.UNKNOWN,
    8: DeliveryState.REJECTED,
}

_BY_WORD = {
    "ENROUTE": DeliveryState.ACCEPTED,
    "ACCEPTD": DeliveryState.ACCEPTED,
    "ACCEPTED": DeliveryState.ACCEPTED,
    "BUFFERED": DeliveryState.ACCEPTED,
    "DELIVRD": DeliveryState.DELIVERED,
    "DELIVERED": DeliveryState.DELIVERED,
    "EXPIRED": DeliveryState.EXPIRED,
    "DELETED": DeliveryState.UNDELIVERED,
    "UNDELIV": DeliveryState.UNDELIVERED,
    "UNDELIVERABLE": DeliveryState.UNDELIVERED,
    "FAILED": DeliveryState.UNDELIVERED,
    "REJECTD": DeliveryState.REJECTED,
    "REJECTED": DeliveryState.REJECTED,
    "UNKNOWN": DeliveryState.UNKNOWN,
}

# "text:" ends the receipt proper: what follows quotes the message, which may hold anything.
_QUOTED = re.compile(r"\btext:", re.IGNORECASE)
_FIELD = re.compile(r"\b(id|stat|err|done date):\s*([^\s]+)", re.IGNORECASE)
_DECIMAL = re.compile(r"[0-9]{1,40}")
_TIME = re.compile(r"[0-9]{10}(?:[0-9]{2})?")
_HEX = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt.

    `message_id` is the SMSC's, as it wrote it; `recipient` the phone's number, as the SMSC writes numbers;
    `error` its own code; `done_at` its own local time, without a zone.
    """

    message_id: str
    state: DeliveryState
    recipient: str
    error: str | None = None
    done_at: datetime | None = None

    @property
    def final(self) -> bool:
        return self.state is not DeliveryState.ACCEPTED

    @property
    def candidates(self) -> tuple[str, ...]:
        """The canonical ids under which the part may have been kept, likeliest first."""
        return candidate_ids(self.message_id)


def parse_receipt(pdu: DeliverSm) -> Receipt | None:
    """The receipt in a deliver_sm, or None when it is something else, such as a message from a phone.

    The text alone doesn't make a receipt: any phone can send one that looks like it.
    """
    told_id = pdu.tlvs.get(Tag.RECEIPTED_MESSAGE_ID)
    if not pdu.esm_class & RECEIPT_TYPES and told_id is None:
        return None
    fields = _text_fields(pdu)
    identity = message_id(told_id or b"").strip() or fields.get("id", "")
    if not identity:
        return None
    return Receipt(
        message_id=identity[:MAX_MESSAGE_ID],
        state=_state(pdu.tlvs.get(Tag.MESSAGE_STATE), fields.get("stat")),
        recipient=pdu.source.digits,
        error=_network_error(pdu.tlvs.get(Tag.NETWORK_ERROR_CODE)) or fields.get("err"),
        done_at=_time(fields.get("done date")),
    )


def canonical_id(message_id: str) -> str:
    """The form in which an id is kept and looked up: no NUL, no blanks, no leading zeros, lower case."""
    trimmed = message_id.split("\0", 1)[0].strip().lower()
    return trimmed.lstrip("0") or trimmed[:1]


def candidate_ids(message_id: str) -> tuple[str, ...]:
    """The canonical ids that a receipt for `message_id` may mean, likeliest first.

    Many SMSCs answer a submit in hexadecimal and write the receipt in decimal, or the other way round.
    The conversions may, rarely, name another message: take the first whose recipient is the receipt's.
    """
    plain = canonical_id(message_id)
    candidates = [plain]
    if _DECIMAL.fullmatch(plain):
        candidates.append(f"{int(plain):x}")
    if _HEX.fullmatch(plain):
        candidates.append(str(int(plain, 16)))
    return tuple(dict.fromkeys(filter(None, candidates)))


def _text_fields(pdu: DeliverSm) -> dict[str, str]:
    text = pdu.payload.decode("utf-16-be" if pdu.data_coding == 8 else "latin-1", "replace")
    receipt = _QUOTED.split(text, maxsplit=1)[0]
    return {name.lower(): value for name, value in _FIELD.findall(receipt)}


def _state(number: bytes | None, word: str | None) -> DeliveryState:
    if number is not None and len(number) == 1:
        return _BY_NUMBER.get(number[0], DeliveryState.UNKNOWN)
    return _BY_WORD.get((word or "").upper(), DeliveryState.UNKNOWN)


def _network_error(value: bytes | None) -> str | None:
    """The code in a network_error_code (section 5.3.2.31), whose first octet tells the network's type."""
    return str(int.from_bytes(value[1:])) if value is not None and len(value) == 3 else None


def _time(digits: str | None) -> datetime | None:
    """A YYMMDDhhmm of appendix B, or the YYMMDDhhmmss that some SMSCs write."""
    if digits is None or not _TIME.fullmatch(digits):
        return None
    year, month, day, hour, minute = (int(digits[at : at + 2]) for at in range(0, 10, 2))
    try:
        return datetime(2000 + year, month, day, hour, minute, int(digits[10:] or 0))
    except ValueError:
        return None
