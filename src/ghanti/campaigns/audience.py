"""A campaign's contacts: adding them, also while it runs, and changing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NotFoundError
from ghanti.accounts.service import Principal
from ghanti.campaigns import repository, running, views
from ghanti.contacts import service as contacts
from ghanti.contacts.models import Contact
from ghanti.contacts.results import AddResult, ImportResult, NewContact
from ghanti.credits import service as credits
from ghanti.database.lookups import Lookups
from ghanti.dialing import erasing, ownership
from ghanti.settings import Settings
from ghanti.webhooks import service as webhooks


@dataclass(frozen=True, slots=True)
class Imported:
    """``replaced`` is the key of the campaign's former upload, to be removed after the commit."""

    result: ImportResult
    replaced: str | None


async def add_one(
    session: AsyncSession,
    principal: Principal,
    campaign_id: int,
    number: Any,
    variables: Mapping[str, Any],
    region: str,
    lookups: Lookups | None = None,
) -> NewContact:
    """Add one contact. Raises NotFoundError, and InvalidError for a bad or known number.

    Args:
        lookups: To add it in a transaction of its own, which others wait for less, when nothing is under way
            that it must join; ``session`` is then not used.
    """
    if lookups is not None:
        with _refusals():
            added = await contacts.add_one_if(
                lookups, repository.IDLE, principal.account_id, campaign_id, number, variables, region
            )
        if added is not None:
            return added
    with _refusals(), _gone_meanwhile():
        contact = await contacts.add_one(
            session, principal.account_id, campaign_id, number, variables, region
        )
    if not await repository.hold_idle(session, principal.account_id, campaign_id):
        await running.join(session, principal.account_id, campaign_id, [contact.id])
    return contact


async def add_many(
    session: AsyncSession,
    principal: Principal,
    campaign_id: int,
    items: Sequence[Mapping[str, Any]],
    region: str,
) -> AddResult:
    """Add many contacts; good ones are kept beside bad ones. Raises NotFoundError."""
    await views.found(session, principal.account_id, campaign_id)
    with _gone_meanwhile():
        result = await contacts.add_many(session, principal.account_id, campaign_id, items, region)
    if result.created:
        await running.join(
            session, principal.account_id, campaign_id, [contact.id for contact in result.created]
        )
    return result


async def import_file(
    session: AsyncSession,
    principal: Principal,
    campaign_id: int,
    path: Path,
    filename: str,
    media_key: str,
    settings: Settings,
) -> Imported:
    """Add the contacts of an uploaded file, which the media store has under ``media_key``.

    Raises NotFoundError, and InvalidError for a file that is none of contacts; then nothing is kept.
    """
    await views.found(session, principal.account_id, campaign_id)
    try:
        with _gone_meanwhile():
            result = await contacts.import_file(
                session, principal.account_id, campaign_id, path, filename, settings
            )
    except contacts.ImportRefused as error:
        raise InvalidError(
            error.message, fields={"bulk_file": [error.message]}, extra={"error_list": error.error_list}
        ) from None
    campaign = await running.join(session, principal.account_id, campaign_id)
    replaced, campaign.bulk_file = campaign.bulk_file, media_key
    await repository.touch(session, campaign)
    return Imported(result, replaced)


async def contact(session: AsyncSession, principal: Principal, contact_id: int) -> Contact:
    """The account's contact. Raises NotFoundError."""
    with _refusals():
        return await contacts.get(session, principal.account_id, contact_id)


async def merge_variables(
    session: AsyncSession, principal: Principal, contact_id: int, variables: Mapping[str, Any]
) -> Contact:
    """Set variables and keep the others, for a contact that waits in a run too.

    Raises NotFoundError and InvalidError.
    """
    # Targets before the contact, as those that renumber or delete it lock them.
    await ownership.lock_contact(session, principal.account_id, contact_id)
    with _refusals():
        changed = await contacts.merge_variables(session, principal.account_id, contact_id, variables)
    await ownership.unprepare_waiting(session, principal.account_id, contact_id)
    return changed


async def update_number(
    session: AsyncSession, principal: Principal, contact_id: int, number: Any, region: str
) -> Contact:
    """Give a contact another number. Raises NotFoundError, and InvalidError when it is bad, taken or in use.

    A contact that waits in a run is called on its new number.
    """
    if await ownership.lock_contact(session, principal.account_id, contact_id):
        raise InvalidError.of("number", "The contact is being called; change it when the call is over.")
    with _refusals():
        changed = await contacts.update_number(session, principal.account_id, contact_id, number, region)
    await ownership.renumber_waiting(
        session, principal.account_id, contact_id, changed.number, changed.carrier
    )
    return changed


async def delete(session: AsyncSession, principal: Principal, contact_id: int) -> None:
    """Remove a contact, out of a run too; while it is being called it is hung up. Raises NotFoundError.

    What it answered goes with it, and requests that tell of it and were not sent yet; its calls still count.
    """
    # Balance before targets: the order that every transaction keeps.
    await credits.lock(session, [principal.account_id])
    await ownership.withdraw_contact(session, principal.account_id, contact_id)
    await webhooks.forget_contact(session, principal.account_id, contact_id)
    await erasing.forget_contact(session, principal.account_id, contact_id)
    with _refusals():
        await contacts.delete(session, principal.account_id, contact_id)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the rules of contacts refuse, as an answer."""
    try:
        yield
    except contacts.ContactNotFound:
        raise NotFoundError from None
    except contacts.ContactError as error:
        raise InvalidError.of(error.field, error.message) from None


@contextmanager
def _gone_meanwhile() -> Iterator[None]:
    """A contact cannot be added to a campaign that there is not, or that was deleted meanwhile."""
    try:
        yield
    except IntegrityError:
        raise NotFoundError from None
