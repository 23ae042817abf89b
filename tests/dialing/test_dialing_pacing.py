"""Pacing and fairness, without clock or database."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ghanti.dialing.pacing import DeficitRoundRobin, allowance, reserved_channels, reserved_starts

START = datetime(2026, 1, 1, tzinfo=UTC)


@given(
    rate=st.floats(0.1, 200),
    tick_ms=st.integers(10, 200),
    gaps_ms=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
)
def test_no_window_holds_more_than_the_rate_and_one_tick_allow(
    rate: float, tick_ms: int, gaps_ms: list[int]
) -> None:
    """However unevenly ticks come, starts in any window are at most rate * (window + tick) + 1."""
    tick = timedelta(milliseconds=tick_ms)
    next_at, now = START - timedelta(hours=1), START
    starts: list[tuple[datetime, int]] = []
    for gap in gaps_ms:
        now += timedelta(milliseconds=gap)
        allowed = allowance(now, next_at, rate, tick)
        if allowed.starts:
            starts.append((now, allowed.starts))
            next_at = allowed.after(allowed.starts)
    for first in range(len(starts)):
        total = 0
        for moment, count in starts[first:]:
            total += count
            window = (moment - starts[first][0] + tick).total_seconds()
            assert total <= rate * window + 1 + 1e-3


@given(rate=st.floats(1, 200))
def test_even_ticks_reach_the_rate(rate: float) -> None:
    tick = timedelta(milliseconds=50)
    next_at, now, total = START, START, 0
    for _ in range(400):
        allowed = allowance(now, next_at, rate, tick)
        total += allowed.starts
        next_at = allowed.after(allowed.starts)
        now += tick
    assert abs(total - rate * 20) <= rate * 0.05 + 1.5


TICK = timedelta(milliseconds=50)

_rates = st.floats(0.2, 300)
_percents = st.integers(0, 50)


@given(
    rate=_rates,
    percent=_percents,
    ticks=st.lists(st.tuples(st.integers(1, 400), st.integers(0, 12)), min_size=1, max_size=80),
)
def test_with_a_reserve_no_second_holds_more_than_the_rate_allows(
    rate: float, percent: int, ticks: list[tuple[int, int]]
) -> None:
    """Bulk takes all it gets, urgent ones come when they will: the bound is the one without a reserve."""
    reserved = reserved_starts(rate, percent)
    next_at, now = START - timedelta(hours=1), START
    starts: list[tuple[datetime, int]] = []
    for gap_ms, urgent in ticks:
        now += timedelta(milliseconds=gap_ms)
        allowed = allowance(now, next_at, rate, TICK, reserved)
        first = min(urgent, allowed.urgent)
        count = first + max(0, min(allowed.urgent, allowed.starts) - first)
        starts.append((now, count))
        next_at = allowed.after(count) if count else next_at
    for first in range(len(starts)):
        total = 0
        for moment, count in starts[first:]:
            total += count
            window = max(1.0, (moment - starts[first][0]).total_seconds()) + TICK.total_seconds()
            assert total <= rate * window + 1 + 1e-3


@given(rate=_rates, percent=_percents, gaps_ms=st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_bulk_never_uses_the_reserve(rate: float, percent: int, gaps_ms: list[int]) -> None:
    """Whenever it has taken all it may, the reserved starts are there for whoever is urgent."""
    reserved = reserved_starts(rate, percent)
    next_at, now = START - timedelta(hours=1), START
    for gap in gaps_ms:
        now += timedelta(milliseconds=gap)
        allowed = allowance(now, next_at, rate, TICK, reserved)
        next_at = allowed.after(allowed.starts) if allowed.starts else next_at
        after = allowance(now, next_at, rate, TICK, reserved)
        assert after.starts == 0
        assert after.urgent >= math.floor(reserved + 1e-6) - (reserved % 1 > 1 - 1e-3)


@given(rate=st.floats(5, 300), percent=st.integers(1, 50), tries=st.integers(1, 30))
def test_what_is_urgent_never_waits_while_the_reserve_is_free(rate: float, percent: int, tries: int) -> None:
    """Bulk saturates the gateway; bursts as large as the reserve come as often as it is free again."""
    reserved = reserved_starts(rate, percent)
    burst = math.floor(reserved + 1e-6)
    until_free = timedelta(seconds=(burst + 1) / (rate - reserved))
    next_at, now = START, START
    for _ in range(tries):
        end = now + until_free
        while now < end:
            now += TICK
            allowed = allowance(now, next_at, rate, TICK, reserved)
            next_at = allowed.after(allowed.starts) if allowed.starts else next_at
        allowed = allowance(now, next_at, rate, TICK, reserved)
        assert allowed.urgent >= burst
        next_at = allowed.after(burst)


@given(rate=st.floats(5, 300), percent=st.integers(1, 50), ahead_ms=st.integers(-100, 1000))
def test_one_start_of_the_reserve_is_not_shared(rate: float, percent: int, ahead_ms: int) -> None:
    """Whatever shares the reserve and takes all it may, one more start is there for the most urgent."""
    reserved = reserved_starts(rate, percent)
    next_at = START + timedelta(milliseconds=ahead_ms)
    allowed = allowance(START, next_at, rate, TICK, reserved)
    assert allowed.starts <= allowed.shared <= allowed.urgent <= allowed.shared + 1
    if allowed.shared:
        next_at = allowed.after(allowed.shared)
        after = allowance(START, next_at, rate, TICK, reserved)
        assert after.shared == 0
        assert after.urgent == 1


@given(rate=_rates, percent=_percents)
def test_bulk_keeps_most_of_the_pace(rate: float, percent: int) -> None:
    reserved = reserved_starts(rate, percent)
    assert 0 <= reserved <= max(rate / 5, rate * percent / 100)
    assert reserved == 0 or reserved >= rate * percent / 100
    assert percent == 0 or rate < 5 or reserved >= 1


@given(capacity=st.integers(1, 2000), percent=_percents)
def test_reserved_channels_are_at_least_one_and_never_all(capacity: int, percent: int) -> None:
    reserved = reserved_channels(capacity, percent)
    assert 0 <= reserved < capacity
    assert reserved * 100 >= min(capacity - 1, capacity * percent / 100) * 100 or percent == 0
    assert (reserved >= 1) == (percent > 0 and capacity > 1)


@given(
    waiting=st.dictionaries(st.integers(1, 20), st.integers(0, 500), max_size=12),
    starts=st.lists(st.integers(0, 12), max_size=80),
)
def test_a_round_is_never_more_than_the_starts_and_wastes_none(
    waiting: dict[int, int], starts: list[int]
) -> None:
    turns = DeficitRoundRobin()
    for count in starts:
        shares = turns.shares(waiting, count)
        assert sum(shares.values()) == min(count, sum(waiting.values()))
        assert all(0 < share <= waiting[plan] for plan, share in shares.items())


@given(plans=st.integers(2, 30), starts=st.integers(1, 10), rounds=st.integers(30, 120))
def test_busy_plans_get_equal_shares(plans: int, starts: int, rounds: int) -> None:
    turns = DeficitRoundRobin()
    granted: Counter[int] = Counter()
    for _ in range(rounds):
        granted.update(turns.shares(dict.fromkeys(range(plans), 1000), starts))
    fair = rounds * starts / plans
    assert all(abs(granted[plan] - fair) <= 2 for plan in range(plans))


def test_a_plan_that_was_idle_claims_no_more_than_a_round() -> None:
    turns = DeficitRoundRobin()
    for _ in range(100):
        turns.shares({1: 10, 2: 0}, 2)
    later: Counter[int] = Counter()
    for _ in range(10):
        later.update(turns.shares({1: 10, 2: 10}, 2))
    assert abs(later[1] - later[2]) <= 2
