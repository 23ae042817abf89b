"""What a call and a message cost, in credits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

EVERYTHING = ""
"""The prefix of every number."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Calls cost by begun pulses of ``pulse_seconds``; messages by segments. Credits are whole."""

    pulse_seconds: int = 60
    credits_per_pulse: int = 1
    credits_per_segment: int = 1

    @classmethod
    def held_at(cls, pulse_seconds: int, price: int) -> Tariff:
        """What a call or a message is charged by that was held at so many credits a pulse or segment."""
        return cls(pulse_seconds, price, price)

    def pulses(self, milliseconds: int) -> int:
        """Begun pulses of an answered call; an answer alone begins the first."""
        return max(1, math.ceil(milliseconds / (self.pulse_seconds * 1000)))

    def call(self, milliseconds: int) -> int:
        return self.pulses(milliseconds) * self.credits_per_pulse

    def hold(self, message_milliseconds: int) -> int:
        """Credits held before dialling: the pulses of the known message plus one."""
        return (self.pulses(message_milliseconds) + 1) * self.credits_per_pulse

    def seconds(self, held: int) -> int | None:
        """How long a call may last that costs no more than ``held``; None when calls are free."""
        if not self.credits_per_pulse:
            return None
        return held // self.credits_per_pulse * self.pulse_seconds

    def message(self, segments: int) -> int:
        return segments * self.credits_per_segment


class Tariffs:
    """Tariffs by prefix, as they are in force at one moment: of a number's prefixes the longest holds.

    Args:
        by_prefix: digits in international form, without a plus, to tariffs; one is of ``EVERYTHING``.
    """

    def __init__(self, by_prefix: Mapping[str, Tariff]) -> None:
        self._everything = by_prefix[EVERYTHING]
        lengths: dict[int, dict[str, Tariff]] = defaultdict(dict)
        for prefix, tariff in by_prefix.items():
            lengths[len(prefix)][prefix] = tariff
        self._lengths = sorted(lengths.items(), reverse=True)

    @property
    def longest(self) -> int:
        """Digits of the longest prefix: of a number no more matter."""
        return self._lengths[0][0]

    def of(self, number: str) -> Tariff:
        """The tariff of a number as contacts and targets have it: E.164, with its plus or without."""
        digits = number.removeprefix("+")
        for length, tariffs in self._lengths:
            if (found := tariffs.get(digits[:length])) is not None:
                return found
        return self._everything
