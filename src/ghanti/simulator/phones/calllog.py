"""What the simulated phones saw, as JSON lines: one for each INVITE, one for each end of a call."""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from ghanti.simulator.behaviour import PhoneBehaviour

_REMEMBERED = 100_000


@dataclass(slots=True)
class PhoneCall:
    """One call to one simulated phone; times are seconds since the epoch."""

    number: str
    call_id: str
    behaviour: PhoneBehaviour
    answered_at: float | None = None
    code: int | None = None
    hungup_by: str | None = None
    reason: str = ""
    keys: str = ""
    wav: Path | None = None
    ended: bool = False


class CallLog:
    """Appends lines with one write each, unbuffered, so that a reader and a crash find them whole.

    An INVITE that is sent again (same Call-ID and CSeq: RFC 3261 section 17.1.1.2) adds no line.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()

    def invite(self, number: str, call_id: str, cseq: int, caller: str) -> bool:
        """Log an INVITE and return True; return False when it is a retransmission."""
        if (call_id, cseq) in self._seen:
            return False
        self._seen[call_id, cseq] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        self._write({"event": "invite", "number": number, "call_id": call_id, "cseq": cseq, "from": caller})
        return True

    def end(self, call: PhoneCall) -> None:
        """Log the end of a call, once."""
        if call.ended:
            return
        call.ended = True
        now = time.time()
        self._write(
            {
                "event": "end",
                "number": call.number,
                "call_id": call.call_id,
                "behaviour": call.behaviour.value,
                "answered": call.answered_at is not None,
                "code": call.code,
                "seconds": round(now - call.answered_at, 3) if call.answered_at else 0.0,
                "hungup_by": call.hungup_by,
                "reason": call.reason,
                "keys": call.keys,
                "wav": str(call.wav) if call.wav else None,
            }
        )

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, line: dict[str, object]) -> None:
        line["at"] = round(time.time(), 3)
        os.write(self._descriptor, json.dumps(line).encode() + b"\n")
