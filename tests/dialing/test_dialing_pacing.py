"""Pacing and fairness, without clock or database."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ghanti.dialing.pacing import DeficitRoundRobin, allowance

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
