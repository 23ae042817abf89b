"""Taking up what a provider told: facts, and the credits that follow from them, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.credits.models import Currency, Source
from ghanti.credits.schemas import Reference
from ghanti.payments import repository
from ghanti.payments.facts import Facts, Reversal, Told, contradiction, due, learn, state
from ghanti.payments.models import Payment, PaymentState
from ghanti.payments.port import Event
from ghanti.payments.repository import Key

logger = logging.getLogger(__name__)

_ENDED = frozenset(set(PaymentState) - {PaymentState.CREATED, PaymentState.OPEN, PaymentState.PROCESSING})
"""States in which there is nothing left to ask the provider about."""


async def take_up(session: AsyncSession, provider: str, live: bool, event: Event) -> None:
    """Take up an event, once however often it comes; it waits if its payment is still to be known.

    Locks the intent, then the account's balance, then the payment.
    """
    told = event.told
    if told.intent is not None:
        await repository.lock_intent(session, provider, told.intent)
    key = await repository.find(session, provider, live, told)
    if key is None and told.reference is not None:
        logger.info("an event %s of a payment of another installation", event.type)
        return
    if await repository.note(session, provider, event, key) and key is not None:
        await _take_up(session, key, told)


async def take_up_found(session: AsyncSession, provider: str, key: Key, told: Told) -> None:
    """Take up what the provider answered about a payment."""
    if told.intent is not None:
        await repository.lock_intent(session, provider, told.intent)
    await _take_up(session, key, told)


async def _take_up(session: AsyncSession, key: Key, told: Told) -> None:
    await credits.lock(session, [key.account_id])
    payment = await repository.locked(session, key)
    news = [told]
    if told.intent is not None and payment.intent_id is None:
        payment.intent_id = told.intent
        news += await repository.waiting(session, payment.provider, told.intent, key)
    await _learn(session, payment, news)


async def _learn(session: AsyncSession, payment: Payment, news: Sequence[Told]) -> None:
    known = await repository.reversals(session, payment)
    facts = facts_of(payment, known)
    for told in news:
        if wrong := contradiction(facts, told):
            _raise_alarm(payment, wrong)
            continue
        payment.session_id = payment.session_id or told.session
        if told.paid and payment.paid_at is None:
            payment.paid_at = told.at
        facts = learn(facts, told)
    changed = [each for name, each in facts.reversals.items() if known.get(name) != each]
    await repository.put_reversals(session, payment, changed)
    write(payment, facts)
    await _settle(session, payment, facts)


def _raise_alarm(payment: Payment, wrong: str) -> None:
    """Nothing is given for it, and nothing asked any more, until somebody has looked."""
    payment.look_at = None
    if payment.alarm == wrong:
        return
    payment.alarm = wrong
    logger.error("payment %d of account %d: %s", payment.id, payment.account_id, wrong)


def facts_of(payment: Payment, reversals: dict[str, Reversal]) -> Facts:
    return Facts(
        amount=payment.amount,
        currency=payment.currency,
        phone=payment.phone,
        sms=payment.sms,
        opened=payment.session_id is not None,
        processing=payment.processing,
        paid=payment.paid,
        failed=payment.failed,
        expired=payment.expired,
        refunded=payment.refunded_total,
        reversals=reversals,
    )


def write(payment: Payment, facts: Facts) -> None:
    """Keep the facts, and what follows from them, in the payment's row."""
    payment.processing = facts.processing
    payment.paid = facts.paid
    payment.failed = facts.failed
    payment.expired = facts.expired
    payment.refunded_total = facts.refunded
    payment.state = state(facts)
    payment.updated_at = datetime.now(UTC)
    if payment.state in _ENDED:
        payment.look_at = None


async def _settle(session: AsyncSession, payment: Payment, facts: Facts) -> None:
    """Enter the difference between the credits that are due and those that the ledger has given."""
    wanted = due(facts)
    await _enter(session, payment, Currency.PHONE, wanted.phone - payment.given_phone)
    await _enter(session, payment, Currency.SMS, wanted.sms - payment.given_sms)
    payment.given_phone, payment.given_sms = wanted.phone, wanted.sms


async def _enter(session: AsyncSession, payment: Payment, currency: Currency, difference: int) -> None:
    told_by = Reference(Source.PAYMENT, str(payment.id))
    cause = f"payment {payment.id}: {payment.description} ({payment.state})"
    if difference > 0:
        ends = datetime.now(UTC) + timedelta(days=payment.valid_days) if payment.valid_days else None
        await credits.purchase(
            session,
            payment.account_id,
            currency,
            difference,
            cause,
            expires_at=ends,
            reference=told_by,
        )
    elif difference < 0:
        await credits.take_back(session, payment.account_id, currency, -difference, cause, reference=told_by)
