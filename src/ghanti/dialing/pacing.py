"""How many starts the clock allows, and whose turn it is. Pure: no clock, no database.

Pacing is GCRA, the leaky bucket as a meter (ITU-T I.371): a gateway has one number, the theoretical
arrival time of its next start. The bucket is one tick deep, because carriers reject bursts
inside a second.

Urgent classes have a reserve. The meter runs slower by it, and urgent starts may be as much ahead
of the meter: bulk always leaves room for them, and no second holds more than before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Allowance:
    """``starts`` may begin now, or ``urgent`` ones, which include them; ``shared`` are all urgent ones but
    one of the reserve, which is for the most urgent alone.

    ``after`` tells the arrival time after so many of either.
    """

    starts: int
    shared: int
    urgent: int
    base: datetime
    interval: timedelta

    def after(self, n: int) -> datetime:
        return self.base + self.interval * n


def allowance(
    now: datetime, next_at: datetime, per_second: float, tick: timedelta, reserved: float = 0.0
) -> Allowance:
    """Starts due at ``now`` for a gateway that may begin ``per_second`` a second.

    A silence saves one tick's worth: less, and ticks that come a little late would lose their rate; more,
    and a burst would follow. So any window of t seconds, t from 1 when there are ``reserved`` starts a
    second, holds at most ``per_second * (t + tick) + 1``.
    """
    interval = timedelta(seconds=1 / (per_second - reserved))
    base = max(next_at, now - tick)

    def due(by: datetime) -> int:
        return 0 if base > by else (by - base) // interval + 1

    shared = max(0.0, reserved - 1)
    return Allowance(due(now), due(now + interval * shared), due(now + interval * reserved), base, interval)


def reserved_starts(per_second: float, percent: int) -> float:
    """Of the starts a second, those kept for urgent classes: a share, and at least one.

    Of a slow gateway no more than a fifth: where starts are a second apart, being the next in line is
    nearly all that can be had.
    """
    if not percent:
        return 0.0
    return max(per_second * percent / 100, min(1.0, per_second / 5))


def reserved_channels(capacity: int, percent: int) -> int:
    """Of the attempts at one time, those kept for urgent classes: a share, at least one, and never all."""
    if not percent:
        return 0
    return min(capacity - 1, max(1, math.ceil(capacity * percent / 100)))


class DeficitRoundRobin:
    """Shares the starts of each tick among plans, remembering what each was denied.

    A plan that cannot use its share forfeits it: deficits never pass one round.
    """

    def __init__(self) -> None:
        self._deficits: dict[int, float] = {}

    def shares(self, waiting: Mapping[int, int], starts: int) -> dict[int, int]:
        """Starts of each plan, of which ``waiting`` says how many it can use; together at most ``starts``.

        What one plan cannot use goes to the others in the same round.
        """
        plans = [plan for plan, count in waiting.items() if count > 0]
        if not plans or starts <= 0:
            self._deficits = {}
            return {}
        quantum = starts / len(plans)
        self._deficits = {p: min(self._deficits.get(p, 0.0) + quantum, quantum + 1) for p in plans}
        granted = dict.fromkeys(plans, 0)
        for _ in range(min(starts, sum(waiting[plan] for plan in plans))):
            plan = max(
                (plan for plan in plans if granted[plan] < waiting[plan]),
                key=lambda plan: self._deficits[plan],
            )
            self._deficits[plan] -= 1
            granted[plan] += 1
        return {plan: count for plan, count in granted.items() if count}
