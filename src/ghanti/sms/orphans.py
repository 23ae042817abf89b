"""Receipts that arrived before the part they belong to was recorded.

An SMSC may send the receipt in the same packet as the submit response, so a caller that looks the id up in
its database may look too early. It puts such a receipt here and asks again when it records an id.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ghanti.sms.receipts import Receipt, canonical_id, same_phone


class Orphans:
    """Keeps receipts by id, at most `limit` of them and for at most `seconds`, the oldest going first."""

    def __init__(
        self, limit: int = 100_000, seconds: float = 600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._arrivals: deque[tuple[float, Receipt]] = deque()
        self._by_id: dict[str, list[Receipt]] = {}
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def keep(self, receipt: Receipt) -> None:
        """Hold a receipt whose part isn't known yet."""
        self._arrivals.append((self._clock(), receipt))
        for candidate in receipt.candidates:
            self._by_id.setdefault(candidate, []).append(receipt)
        self._held += 1
        self._forget()

    def claim(self, message_id: str, recipient: str) -> list[Receipt]:
        """Take the receipts of a part that was now recorded, in the order of their arrival."""
        self._forget()
        waiting = self._by_id.get(canonical_id(message_id), ())
        claimed = [receipt for receipt in waiting if same_phone(receipt.recipient, recipient)]
        for receipt in claimed:
            self._drop(receipt)
        return claimed

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._arrivals and (len(self._arrivals) > self._limit or self._arrivals[0][0] < oldest):
            self._drop(self._arrivals.popleft()[1])

    def _drop(self, receipt: Receipt) -> None:
        found = False
        for candidate in receipt.candidates:
            bucket = self._by_id.get(candidate, [])
            for index, held in enumerate(bucket):
                if held is receipt:
                    del bucket[index]
                    found = True
                    break
            if not bucket:
                self._by_id.pop(candidate, None)
        self._held -= found
