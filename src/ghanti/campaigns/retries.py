"""When a contact is called again: rules by what became of the call before."""

from __future__ import annotations

from typing import Any

from ghanti.accounts.errors import InvalidError
from ghanti.dialing.models import Outcome

RETRIED = (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.FAILED, Outcome.HUNGUP)
"""Outcomes after which another call may be of use."""

MOST_TIMES = 10
SHORTEST_GAP, LONGEST_GAP = 60, 7 * 24 * 3600
"""Seconds between the end of a call and the next."""


def retry_rules(value: Any) -> dict[str, dict[str, int]]:
    """``{"busy": {"times": 2, "gap_seconds": 300}, …}`` as it may stand. Raises InvalidError."""
    if not isinstance(value, dict):
        raise _wrong('Enter an object such as {"busy": {"times": 2, "gap_seconds": 300}}.')
    return {outcome: _rule(outcome, rule) for outcome, rule in value.items()}


def _rule(outcome: str, rule: Any) -> dict[str, int]:
    if outcome not in RETRIED:
        raise _wrong(f"There are no retries after {outcome}, only after {', '.join(RETRIED)}.")
    if not isinstance(rule, dict) or rule.keys() != {"times", "gap_seconds"}:
        raise _wrong(f"{outcome}: enter an object of times and gap_seconds.")
    times, gap = rule["times"], rule["gap_seconds"]
    if type(times) is not int or not 0 <= times <= MOST_TIMES:
        raise _wrong(f"{outcome}: times is a whole number from 0 to {MOST_TIMES}.")
    if type(gap) is not int or not SHORTEST_GAP <= gap <= LONGEST_GAP:
        raise _wrong(f"{outcome}: gap_seconds is a whole number from {SHORTEST_GAP} to {LONGEST_GAP}.")
    return {"times": times, "gap_seconds": gap}


def _wrong(message: str) -> InvalidError:
    return InvalidError.of("retries", message)
