"""The rules of one-time passwords: what may be sent, what it costs, when it is too late, what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ForbiddenError, InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import statuses
from ghanti.credits import service as credits
from ghanti.credits import tariffs
from ghanti.credits.repository import Balances
from ghanti.credits.tariff import Tariff
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import contents
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Channel, Delivery, PlanClass, TargetState
from ghanti.encryption import DecryptionError, SecretBox
from ghanti.otp import limits, repository, texts
from ghanti.otp.models import Origin, SentOtp, Way
from ghanti.otp.schemas import OWNER_KIND, Accepted, Listed, OtpOrder
from ghanti.otp.spoken import spoken
from ghanti.settings import Settings
from ghanti.sms.segments import segment
from ghanti.speech.estimating import estimated_ms
from ghanti.speech.models import Voice
from ghanti.trunks import repository as numbers
from ghanti.trunks import service as trunks

_FASTEST, _SLOWEST = Decimal("0.50"), Decimal("2.00")
_ERASE_BATCH = 500


async def send(
    session: AsyncSession, principal: Principal, order: OtpOrder, settings: Settings, box: SecretBox
) -> Accepted:
    """Order one: it leaves before all bulk traffic, or, when it is late, never.

    Raises:
        InvalidError: A field is wrong, the number may not be called, or credits are short.
        ForbiddenError: The voice is a premium one that the account does not have.
        ThrottledError: The account sent too many of late.
    """
    _check(order, settings.home_country)
    voice = await _voice(session, principal, order.voice) if order.way is Way.VOICE else None
    await limits.check(session, principal.account_id, order.number.number, limits.limits_of(settings))
    code = order.code or texts.generated(order.length)
    message = texts.delivered(order.message, code, order.company_name)
    said = spoken(order.message, code, order.company_name, voice.language) if voice else message
    tariff = (await tariffs.current(session, settings)).of(order.number.number)
    needed = _needed(said, order, tariff)
    remaining = await _spend(session, principal.account_id, needed, settings.otp_expiry_seconds)
    row = SentOtp(
        account_id=principal.account_id,
        number=order.number.number,
        number_sent=order.number.sent,
        way=order.way,
        origin=order.origin,
        code=box.encrypt(code),
        message=box.encrypt(message),
        credits=needed.phone + needed.sms,
    )
    await repository.add(session, row)
    await _place(session, row, order, voice, contents.seal(said, box), settings)
    return Accepted(row.id, message, code, row.credits, remaining, voice.internal_name if voice else None)


async def page(
    session: AsyncSession, account_id: int, box: SecretBox, limit: int, offset: int
) -> tuple[int, list[Listed]]:
    """How many the account sent, and some of them, the newest first."""
    rows = await repository.page(session, account_id, limit, offset)
    return await repository.total(session, account_id), [_listed(row, box) for row in rows]


async def erase_old(sessions: SessionFactory, keep_days: int) -> int:
    """Erase codes and texts that are older than ``keep_days``; answers of how many."""
    total = 0
    while True:
        async with transaction(sessions) as session:
            erased = await repository.erase(session, keep_days, _ERASE_BATCH)
        total += erased
        if erased < _ERASE_BATCH:
            return total


def _check(order: OtpOrder, home_country: str) -> None:
    errors: dict[str, list[str]] = {}
    if refusal := trunks.destination_refusal(order.number.number, home_country):
        errors["number"] = [f"This number cannot be reached: {refusal}."]
    if unknown := texts.unknown_tags(order.message):
        named = ", ".join(f"{{{tag}}}" for tag in unknown)
        errors["message"] = [f"Only {{otp}} is filled in here, not {named}."]
    elif not texts.has_code(order.message):
        errors["message"] = ["The message must contain {otp}, where the code goes."]
    if order.code is not None and not texts.is_own_code(order.code):
        errors["otp"] = ["An OTP has 3 to 12 digits or Latin letters."]
    if not texts.SHORTEST_GENERATED <= order.length <= texts.LONGEST_GENERATED:
        errors["otp_length"] = [
            f"The length must be between {texts.SHORTEST_GENERATED} and {texts.LONGEST_GENERATED}."
        ]
    if not _FASTEST <= order.length_factor <= _SLOWEST:
        errors["length_factor"] = [f"The length factor must be between {_FASTEST} and {_SLOWEST}."]
    if errors:
        raise InvalidError.of_fields(errors)


async def _voice(session: AsyncSession, principal: Principal, wanted: int | str | None) -> Voice:
    voice = await repository.voice(session, principal.default_voice_id if wanted is None else wanted)
    if voice is None:
        raise InvalidError.of("voice_input", f"There is no voice {wanted}; voice-models lists them.")
    if voice.is_premium and not principal.premium:
        raise ForbiddenError(f"{voice.display_name} is a premium voice, which this account does not have.")
    return voice


def _needed(said: str, order: OtpOrder, tariff: Tariff) -> Balances:
    """What one attempt is to hold; a call's length is known only when it is rendered, so it is estimated."""
    if order.way is Way.TEXT:
        return Balances(sms=tariff.message(len(segment(said).parts)))
    return Balances(phone=tariff.hold(estimated_ms(said, float(order.length_factor))))


async def _spend(session: AsyncSession, account_id: int, needed: Balances, expiry_seconds: int) -> Balances:
    """The balances that are left, the account's locked. Raises InvalidError when there is too little.

    The engine takes the hold itself when it sends; until then this is promised, and counted here.
    """
    balance = (await credits.lock(session, [account_id])).get(account_id, Balances())
    promised = await repository.promised(session, account_id, expiry_seconds)
    has = Balances(max(0, balance.phone - promised.phone), max(0, balance.sms - promised.sms))
    if has.phone < needed.phone or has.sms < needed.sms:
        need, kind, have = (
            (needed.phone, "phone", has.phone) if needed.phone else (needed.sms, "SMS", has.sms)
        )
        raise InvalidError(
            f"Not enough credits: the OTP needs {need} {kind} credits, the account has {have}.",
            extra={
                "needed_phone_credits": needed.phone,
                "needed_sms_credits": needed.sms,
                "remaining_sms_credits": has.sms,
                "remaining_phone_credits": has.phone,
            },
        )
    return Balances(has.phone - needed.phone, has.sms - needed.sms)


async def _place(
    session: AsyncSession,
    row: SentOtp,
    order: OtpOrder,
    voice: Voice | None,
    sealed: str,
    settings: Settings,
) -> None:
    call = None
    if voice is not None:
        call = {
            "voice_id": voice.id,
            "length_factor": f"{order.length_factor:.2f}",
            "audios": {"message": {"secret": sealed}},
        }
    plan = await dialing.create_plan(
        session,
        dialing.PlanOrder(
            account_id=row.account_id,
            owner_kind=OWNER_KIND,
            owner_id=row.id,
            plan_class=PlanClass.OTP,
            call_content=call,
            sms_content=None if call else {"secret": sealed},
            caller_numbers=await _caller_numbers(session, row.account_id),
            expires_at=row.created_at + timedelta(seconds=settings.otp_expiry_seconds),
            ring_seconds=settings.ring_seconds,
        ),
    )
    channel = Channel.CALL if call else Channel.SMS
    target_id = await dialing.add_number(session, plan, channel, row.number, order.number.carrier)
    row.plan_id, row.target_id = plan.id, target_id
    await session.flush()


async def _caller_numbers(session: AsyncSession, account_id: int) -> list[str]:
    """The account's own numbers, else the shared ones."""
    usable: Sequence[Any] = await numbers.usable_caller_numbers(session, account_id)
    own = [number.number for number in usable if number.account_id is not None]
    return own or [number.number for number in usable]


def _listed(row: Any, box: SecretBox) -> Listed:
    otp: SentOtp = row[0]
    return Listed(
        id=otp.id,
        number=otp.number_sent,
        message=_clear(otp.message, box),
        code=_clear(otp.code, box),
        origin=Origin(otp.origin),
        way=Way(otp.way),
        created_at=otp.created_at,
        status=_status(row),
        delivery=statuses.SMS_DELIVERY[Delivery(row.delivery)] if row.delivery else None,
        credits=_credits(otp, row),
        reason=row.reason or "",
    )


def _clear(sealed: bytes | None, box: SecretBox) -> str | None:
    """What was kept; None once it is erased, or was kept under another installation's key."""
    try:
        return None if sealed is None else box.decrypt(sealed)
    except DecryptionError:
        return None


def _status(row: Any) -> str:
    if row.state == TargetState.FINAL:
        return statuses.FINAL[row.outcome]
    if row.state == TargetState.ACTIVE:
        return statuses.IN_FLIGHT[row.attempt_state]
    return statuses.NOT_STARTED


def _credits(otp: SentOtp, row: Any) -> int:
    if row.state == TargetState.FINAL:
        return int(row.credits)
    return int(row.held) if row.state == TargetState.ACTIVE else otp.credits
