"""What a call and a message cost, in credits."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tariff:
    """Calls cost by begun pulses of ``pulse_seconds``; messages by segments."""

    pulse_seconds: int = 60
    credits_per_pulse: int = 1
    credits_per_segment: int = 1

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
