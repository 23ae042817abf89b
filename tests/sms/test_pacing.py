from __future__ import annotations

import pytest

from ghanti.sms.smpp.pacing import Pacer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sent_in(pacer: Pacer, clock: Clock, seconds: float) -> int:
    """How many turns come up when the sender always waits as it is told."""
    end = clock.now + seconds
    count = 0
    while True:
        clock.now += pacer.reserve()
        if clock.now >= end:
            return count
        pacer.accepted()
        count += 1


def test_a_run_starts_low_and_reaches_the_ceiling() -> None:
    clock = Clock()
    pacer = Pacer(400, clock)
    assert sent_in(pacer, clock, 1) <= 100 + 400 * 0.05 + 1
    sent_in(pacer, clock, 3)
    assert pacer.rate == 400
    assert sent_in(pacer, clock, 10) == pytest.approx(4000, rel=0.01)


def test_a_pause_saves_up_no_burst() -> None:
    clock = Clock()
    pacer = Pacer(100, clock)
    pacer.rate = 100
    pacer.reserve()
    clock.now += 3600
    burst = 0
    while pacer.reserve() == 0:
        burst += 1
    assert burst <= 6


def test_throttling_halves_once_a_window_and_creeps_back() -> None:
    clock = Clock()
    pacer = Pacer(400, clock)
    pacer.rate = 400
    for _ in range(50):
        pacer.throttled()
    assert pacer.rate == 200
    clock.now += 1
    pacer.throttled()
    assert pacer.rate == 100
    clock.now += 1
    pacer.accepted()
    pacer.accepted()
    assert pacer.rate == 108


def test_the_rate_stays_above_its_floor_and_below_its_ceiling() -> None:
    clock = Clock()
    pacer = Pacer(0.5, clock)
    for _ in range(10):
        clock.now += 1
        pacer.throttled()
    assert pacer.rate == 0.5
    for _ in range(10):
        clock.now += 1
        pacer.accepted()
    assert pacer.rate == 0.5


def test_it_settles_under_a_limit_it_was_not_told() -> None:
    """An SMSC that takes 300 a second, by whole seconds, behind a ceiling of 1000."""
    clock = Clock()
    pacer = Pacer(1000, clock)
    end = clock.now + 120
    second, in_second, accepted, refused = 0, 0, 0, 0
    while clock.now < end:
        clock.now += pacer.reserve()
        if int(clock.now) != second:
            second, in_second = int(clock.now), 0
        in_second += 1
        if in_second > 300:
            pacer.throttled()
            refused += 1
        else:
            pacer.accepted()
            accepted += 1
    assert accepted > 120 * 300 * 0.6
    assert refused < accepted * 0.1
