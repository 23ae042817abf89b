"""What is known of a payment depends on what was told, not on the order or the repetition of the telling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.payments.facts import (
    Credits,
    Facts,
    Reversal,
    ReversalKind,
    Stage,
    Told,
    contradiction,
    disputed,
    due,
    learn,
    refunded,
    state,
)
from ghanti.payments.models import PaymentState

ORDERED = Facts(amount=1000, currency="npr", phone=100, sms=7)
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def reversal(kind: ReversalKind, name: str, amount: int, stage: Stage, seconds: int = 0) -> Told:
    taken = Reversal(kind=kind, id=name, amount=amount, currency="npr", stage=stage, at=at(seconds))
    return Told(at=at(seconds), reversal=taken)


def refund(name: str, amount: int, stage: Stage = Stage.TAKEN, seconds: int = 0) -> Told:
    return reversal(ReversalKind.REFUND, name, amount, stage, seconds)


def dispute(stage: Stage, seconds: int = 0, amount: int = 1000) -> Told:
    return reversal(ReversalKind.DISPUTE, "dp", amount, stage, seconds)


PAID = Told(at=START, session="cs", amount=1000, currency="npr", paid=True)

told = st.one_of(
    st.builds(
        Told,
        at=st.just(START),
        session=st.sampled_from([None, "cs"]),
        processing=st.booleans(),
        paid=st.booleans(),
        failed=st.booleans(),
        expired=st.booleans(),
        refunded=st.integers(0, 1200),
    ),
    st.builds(refund, st.sampled_from("ab"), st.integers(1, 1200), st.sampled_from(Stage), st.integers(0, 3)),
    st.builds(dispute, st.sampled_from(Stage), st.integers(0, 3), st.integers(1, 1200)),
)


def known(news: list[Told]) -> Facts:
    facts = ORDERED
    for each in news:
        facts = learn(facts, each)
    return facts


@st.composite
def two_tellings(draw: st.DrawFn) -> tuple[list[Told], list[Told]]:
    """The same news twice, in two orders, each with repetitions."""
    news = draw(st.lists(told, max_size=8))
    again = st.lists(st.sampled_from(news), max_size=4) if news else st.just([])
    return draw(st.permutations(news + draw(again))), draw(st.permutations(news + draw(again)))


@given(two_tellings())
def test_order_and_repetition_do_not_matter(tellings: tuple[list[Told], list[Told]]) -> None:
    one, other = map(known, tellings)
    assert one == other


@given(st.lists(told, max_size=8))
def test_what_is_due_lies_between_nothing_and_what_was_ordered(news: list[Told]) -> None:
    facts = known(news)
    credits = due(facts)
    assert 0 <= credits.phone <= 100
    assert 0 <= credits.sms <= 7
    if not facts.paid:
        assert credits == Credits(0, 0)


@pytest.mark.parametrize(
    ("refunds", "phone", "sms"),
    [((), 100, 7), ((1,), 100, 7), ((333,), 67, 5), ((500, 499), 1, 1), ((1000,), 0, 0), ((900, 900), 0, 0)],
)
def test_credits_go_with_the_money_and_are_rounded_up(refunds: tuple[int, ...], phone: int, sms: int) -> None:
    news = [PAID] + [refund(f"re_{index}", amount) for index, amount in enumerate(refunds)]
    assert due(known(news)) == Credits(phone, sms)


def test_a_total_without_its_refunds_counts() -> None:
    facts = known([PAID, Told(at=START, refunded=400)])
    assert (refunded(facts), state(facts)) == (400, PaymentState.PARTLY_REFUNDED)


def test_a_refund_that_failed_gives_its_part_back() -> None:
    news = [PAID, Told(at=START, refunded=800), refund("a", 500), refund("b", 300)]
    assert refunded(known(news)) == 800
    news.append(refund("a", 500, Stage.BACK, 9))
    assert refunded(known(news)) == 300
    news += [refund("c", 600), Told(at=START, refunded=900)]
    assert refunded(known(news)) == 900


def test_a_refund_that_failed_stays_failed() -> None:
    assert refunded(known([refund("a", 500, Stage.BACK, 0), refund("a", 500, Stage.TAKEN, 5)])) == 0


@pytest.mark.parametrize(
    ("stages", "takes"),
    [
        ([Stage.ASKED], 0),
        ([Stage.TAKEN], 1000),
        ([Stage.ASKED, Stage.TAKEN], 1000),
        ([Stage.TAKEN, Stage.BACK], 0),
        ([Stage.TAKEN, Stage.LOST], 1000),
        ([Stage.TAKEN, Stage.LOST, Stage.BACK], 0),
        ([Stage.TAKEN, Stage.BACK, Stage.TAKEN], 1000),
    ],
)
def test_a_dispute_is_what_was_told_last(stages: list[Stage], takes: int) -> None:
    news = [dispute(stage, seconds) for seconds, stage in enumerate(stages)]
    for order in (news, news[::-1]):
        assert disputed(known([PAID, *order])) == takes


def test_of_one_second_the_later_stage_counts() -> None:
    assert disputed(known([dispute(Stage.BACK, 5), dispute(Stage.TAKEN, 5)])) == 0


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        ([], PaymentState.CREATED),
        ([Told(at=START, session="cs")], PaymentState.OPEN),
        ([Told(at=START, session="cs", processing=True)], PaymentState.PROCESSING),
        ([Told(at=START, processing=True, failed=True)], PaymentState.FAILED),
        ([Told(at=START, expired=True)], PaymentState.EXPIRED),
        ([Told(at=START, expired=True), PAID], PaymentState.PAID),
        ([PAID, refund("a", 1)], PaymentState.PARTLY_REFUNDED),
        ([PAID, refund("a", 1000)], PaymentState.REFUNDED),
        ([PAID, dispute(Stage.LOST)], PaymentState.DISPUTED),
        ([PAID, dispute(Stage.LOST, 1), dispute(Stage.BACK, 2)], PaymentState.PAID),
    ],
)
def test_its_state(news: list[Told], expected: PaymentState) -> None:
    assert state(known(news)) == expected


def test_another_amount_or_currency_contradicts() -> None:
    assert contradiction(ORDERED, PAID) is None
    for wrong in (
        Told(at=START, amount=999, currency="npr", paid=True),
        Told(at=START, amount=1000, currency="usd", paid=True),
        Told(at=START, paid=True),
        Told(at=START, amount=100, currency="npr", refunded=100),
    ):
        assert contradiction(ORDERED, wrong)
    other = Reversal(
        kind=ReversalKind.DISPUTE, id="dp", amount=8, currency="usd", stage=Stage.TAKEN, at=START
    )
    assert contradiction(ORDERED, Told(at=START, reversal=other))
