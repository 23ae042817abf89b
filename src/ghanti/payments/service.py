"""The rules of payments: what is ordered is paid once, and whatever was told late or twice is known once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ConflictError, InvalidError, NotFoundError, NotOfferedError, UpstreamError
from ghanti.accounts.service import Principal
from ghanti.database.session import SessionFactory, transaction
from ghanti.payments import learning, packages, repository
from ghanti.payments.facts import Told
from ghanti.payments.models import CreditPackage, Payment, PaymentState
from ghanti.payments.port import ForgedError, Order, Page, Provider, ProviderError
from ghanti.payments.repository import Key, ToLookUp
from ghanti.payments.schemas import Checkout
from ghanti.settings import Settings
from ghanti.turns import Turns

logger = logging.getLogger(__name__)

SUCCESS_PAGE = "/payment/success/"
CANCEL_PAGE = "/payment/cancelled/"

_AT_ONCE, _EACH = 16, 8
_TURN_SECONDS = 30.0

_FIRST_LOOK = timedelta(minutes=10)
_LONGEST_BETWEEN_LOOKS = timedelta(hours=6)
_UNOPENED_AFTER = timedelta(hours=25)
"""Past the day for which a provider keeps the name of a request, so that nothing can come of it."""
_GIVE_UP_AFTER = timedelta(days=60)
_LOOKS_AT_ONCE = 10
_KEEP_EVENTS = timedelta(days=90)
_SWEEP_ROWS = 1000


async def page(
    session: AsyncSession, account_id: int, limit: int, offset: int
) -> tuple[int, Sequence[Payment]]:
    """How many payments an account has, and some of them, the newest first."""
    return await repository.page(session, account_id, limit, offset)


async def one(session: AsyncSession, account_id: int, payment_id: int) -> Payment:
    """Raises NotFoundError."""
    found = await repository.one(session, account_id, payment_id)
    if found is None:
        raise NotFoundError
    return found


class Payments:
    """Buying credits through a provider; without one, nothing is for sale.

    The provider is never asked while a transaction is open.
    """

    def __init__(self, sessions: SessionFactory, provider: Provider | None, settings: Settings) -> None:
        self._sessions = sessions
        self._provider = provider
        self._success_url = settings.payment_success_url
        self._cancel_url = settings.payment_cancel_url
        self._turns = Turns(_AT_ONCE, _EACH)

    @property
    def offered(self) -> bool:
        return self._provider is not None

    async def checkout(self, principal: Principal, package: str | None, base_url: str) -> Checkout:
        """Order a package, by its slug or the first one; answers with the page to pay on.

        ``base_url`` is ours, for the pages that people see afterwards where the settings name none.

        Raises:
            ForbiddenError: A viewer asks.
            InvalidError: It is not on sale.
            NotOfferedError: No provider is set up.
            UpstreamError: The provider does not answer; ``extra`` has the payment, to go on with.
        """
        principal.require_write()
        async with self._turn(principal):
            async with transaction(self._sessions) as session:
                chosen = await packages.chosen(session, package)
                ordered = _ordered(principal, chosen, self._asked_provider())
                await repository.add(session, ordered, _FIRST_LOOK)
            return await self._opened(ordered, base_url)

    async def go_on(self, principal: Principal, payment_id: int, base_url: str) -> Checkout:
        """The page of a payment that was ordered before, made anew if the provider did not answer then.

        Raises as ``checkout`` does, NotFoundError, and ConflictError for one that has ended.
        """
        principal.require_write()
        async with transaction(self._sessions) as session:
            payment = await one(session, principal.account_id, payment_id)
        if payment.state == PaymentState.CREATED:
            async with self._turn(principal):
                return await self._opened(payment, base_url)
        over = payment.expires_at is not None and payment.expires_at <= datetime.now(UTC)
        if payment.state != PaymentState.OPEN or payment.url is None or payment.session_id is None or over:
            raise ConflictError(f"This payment is {'expired' if over else payment.state}.")
        return Checkout(payment.id, payment.session_id, payment.url, payment.expires_at)

    async def handle_event(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Take up what the provider tells. ``headers`` have names in lower case.

        Raises:
            InvalidError: It is not the provider's; the answer does not say why.
            NotOfferedError: No provider is set up, or no secret to know it by.
        """
        provider = self._asked_provider()
        try:
            event = provider.event(body, headers)
        except ForgedError as error:
            logger.warning("an event was refused: %s", error)
            raise InvalidError("This is no event that can be believed.") from None
        if event is None:
            return
        async with transaction(self._sessions) as session:
            await learning.take_up(session, provider.name, provider.live, event)

    async def reconcile(self) -> int:
        """Ask the provider for payments whose end it has not told for long; how many it answered for."""
        provider = self._provider
        if provider is None:
            return 0
        async with transaction(self._sessions) as session:
            await repository.forget_events(session, _KEEP_EVENTS, _SWEEP_ROWS)
        asked = 0
        try:
            while looks := await self._due_looks(provider):
                for look in looks:
                    await self._look_up(provider, look)
                    asked += 1
        except ProviderError as error:
            logger.warning("payments cannot be asked for: %s", error)
        return asked

    async def _due_looks(self, provider: Provider) -> list[ToLookUp]:
        async with transaction(self._sessions) as session:
            return await repository.claim_looks(
                session, provider.name, provider.live, _LOOKS_AT_ONCE, _LONGEST_BETWEEN_LOOKS
            )

    @asynccontextmanager
    async def _turn(self, principal: Principal) -> AsyncIterator[None]:
        end = await self._turns.take_within(_TURN_SECONDS, principal.account_id, "checkouts")
        try:
            yield
        finally:
            end()

    def _asked_provider(self) -> Provider:
        if self._provider is None:
            raise NotOfferedError("Nothing can be bought here yet: set GHANTI_STRIPE_SECRET_KEY.")
        return self._provider

    async def _opened(self, payment: Payment, base_url: str) -> Checkout:
        provider = self._asked_provider()
        if (payment.provider, payment.live) != (provider.name, provider.live):
            raise ConflictError("This payment was ordered in another way than is offered now.")
        order = Order(
            payment.reference,
            payment.amount,
            payment.currency,
            payment.description,
            self._success_url or base_url + SUCCESS_PAGE,
            self._cancel_url or base_url + CANCEL_PAGE,
        )
        try:
            made = await provider.checkout(order)
        except ProviderError as error:
            logger.error("payment %d: no checkout: %s", payment.id, error)
            raise UpstreamError(
                "The payment provider does not answer as it should. Nothing was paid; try again.",
                extra={"payment": payment.id},
            ) from None
        async with transaction(self._sessions) as session:
            await _keep_page(session, Key(payment.account_id, payment.id), made)
        return Checkout(payment.id, made.session, made.url, made.expires_at)

    async def _look_up(self, provider: Provider, look: ToLookUp) -> None:
        told = await _told_of(provider, look)
        async with transaction(self._sessions) as session:
            if told is not None:
                await learning.take_up_found(session, provider.name, look.key, told)
            elif look.age > _GIVE_UP_AFTER:
                await repository.look_no_more(session, look.key)


async def _told_of(provider: Provider, look: ToLookUp) -> Told | None:
    if look.session is not None:
        return await provider.look_up(look.session)
    # Nobody was ever told of a page to pay on.
    return Told(at=datetime.now(UTC), expired=True) if look.age > _UNOPENED_AFTER else None


def _ordered(principal: Principal, package: CreditPackage, provider: Provider) -> Payment:
    return Payment(
        account_id=principal.account_id,
        user_id=principal.user_id,
        provider=provider.name,
        live=provider.live,
        package=package.slug,
        description=package.name,
        phone=package.phone,
        sms=package.sms,
        amount=package.amount,
        currency=package.currency,
        valid_days=package.valid_days,
    )


async def _keep_page(session: AsyncSession, key: Key, made: Page) -> None:
    """An event about it may have come first."""
    payment = await repository.locked(session, key)
    payment.session_id, payment.url, payment.expires_at = made.session, made.url, made.expires_at
    learning.write(payment, learning.facts_of(payment, await repository.reversals(session, payment)))
