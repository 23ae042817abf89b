"""The rules of contacts: what is kept, what is skipped, what is refused.

Nothing here commits. Each function works in the caller's transaction, behind a savepoint where a
refusal comes after a write, so that the session stays good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.contacts import copying, reading_process, repository
from ghanti.contacts import variables as rules
from ghanti.contacts.errors import ContactError, ContactNotFound, DuplicateContact, ImportRefused, shown
from ghanti.contacts.models import Contact
from ghanti.contacts.numbers import parse
from ghanti.contacts.reading_process import turn as reading_turn
from ghanti.contacts.results import AddResult, ImportResult, ItemError, NewContact
from ghanti.database.lookups import Lookups
from ghanti.settings import Settings

_HOME = "NP"


async def import_file(
    session: AsyncSession, account_id: int, campaign_id: int, path: Path, filename: str, settings: Settings
) -> ImportResult:
    """Add the contacts of an uploaded .xlsx or .csv file to a campaign; all good rows or nothing.

    Call it in one's ``reading_turn``. Rows are inserted while the next are read; others who add
    contacts to the campaign wait until the commit.

    Args:
        path: where the upload lies; it must stay there until this returns.
        filename: the name it came with; only its ending counts.

    Raises:
        ImportRefused: the file as a whole is no list of contacts, or too big.
    """
    created = 0

    async def insert(lines: bytes) -> None:
        nonlocal created
        await repository.stage(session, lines)
        created += await repository.insert_staged(session, account_id, campaign_id)

    async with session.begin_nested():
        await repository.lock_campaign(session, account_id, campaign_id)
        await repository.create_staging(session)
        summary = await reading_process.read(path, filename, settings, insert)
    return ImportResult(
        error_list=summary.error_list,
        error_count=summary.error_count,
        samples=summary.samples,
        total_validated_rows=summary.rows,
        created=created,
        skipped=summary.rows - created,
    )


async def add_one(
    session: AsyncSession,
    account_id: int,
    campaign_id: int,
    number: str | int | float | None,
    variables: Mapping[str, Any],
    region: str = _HOME,
) -> Contact:
    """Add one contact.

    Raises:
        NumberError: not a phone number.
        VariableError: a variable that can't be kept.
        DuplicateContact: the campaign has the number.
    """
    parsed = parse(number, region)
    contact = await repository.insert_one(session, account_id, campaign_id, parsed, rules.to_json(variables))
    if contact is None:
        raise _duplicate(parsed.sent)
    return contact


async def add_one_if(
    lookups: Lookups,
    condition: str,
    account_id: int,
    campaign_id: int,
    number: str | int | float | None,
    variables: Mapping[str, Any],
    region: str = _HOME,
) -> NewContact | None:
    """Add one contact in a transaction of its own, if a query has a row (``repository.insert_one_if``).

    None when it has not, or the campaign has the number. Raises NumberError and VariableError as ``add_one``.
    """
    parsed = parse(number, region)
    return await repository.insert_one_if(
        lookups, condition, account_id, campaign_id, parsed, rules.to_json(variables)
    )


async def add_many(
    session: AsyncSession,
    account_id: int,
    campaign_id: int,
    items: Sequence[Mapping[str, Any]],
    region: str = _HOME,
) -> AddResult:
    """Add contacts given as ``{"number": …, "other_variables": {…}}``; bad ones are left out.

    Numbers that the campaign has, and all but the first of equal ones, are skipped.
    """
    # In a thread, because numbers of other countries take a while and calls go on meanwhile.
    rows, errors = await asyncio.to_thread(_to_rows, items, region)
    if not rows:
        return AddResult([], 0, errors)
    async with session.begin_nested():
        await repository.lock_campaign(session, account_id, campaign_id)
        await repository.create_staging(session)
        await repository.stage(session, "".join(rows))
        created = await repository.insert_staged_returning(session, account_id, campaign_id)
    return AddResult(created, len(rows) - len(created), errors)


async def get(session: AsyncSession, account_id: int, contact_id: int, *, lock: bool = False) -> Contact:
    """One contact of the account; ``lock`` keeps others from changing it until the commit.

    Raises:
        ContactNotFound: the account has none of this id.
    """
    contact = await repository.find(session, account_id, contact_id, lock=lock)
    if contact is None:
        raise ContactNotFound(f"There is no contact {contact_id}.")
    return contact


async def update_number(
    session: AsyncSession,
    account_id: int,
    contact_id: int,
    number: str | int | float | None,
    region: str = _HOME,
) -> Contact:
    """Give a contact another number, and the carrier of that number.

    Raises:
        ContactNotFound: the account has no such contact.
        NumberError: not a phone number.
        DuplicateContact: another contact of the campaign has the number.
    """
    contact = await get(session, account_id, contact_id, lock=True)
    parsed = parse(number, region)
    try:
        async with session.begin_nested():
            contact.number, contact.number_sent, contact.carrier = parsed
            await repository.touch(session, contact)
    except IntegrityError as error:
        raise _duplicate(parsed.sent) from error
    return contact


async def merge_variables(
    session: AsyncSession, account_id: int, contact_id: int, variables: Mapping[str, Any]
) -> Contact:
    """Set the given variables of a contact and keep its others.

    Raises:
        ContactNotFound: the account has no such contact.
        VariableError: a variable that can't be kept.
    """
    contact = await get(session, account_id, contact_id, lock=True)
    merged = {**contact.variables, **variables}
    rules.check(merged)
    contact.variables = merged
    await repository.touch(session, contact)
    return contact


async def delete(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Remove a contact. Whoever may be calling it hangs up first.

    Raises:
        ContactNotFound: the account has no such contact.
    """
    if not await repository.remove(session, account_id, contact_id):
        raise ContactNotFound(f"There is no contact {contact_id}.")


async def hold_additions(session: AsyncSession, account_id: int, campaign_id: int) -> None:
    """Wait for those that are adding contacts to a campaign, and let no other until the commit."""
    await repository.lock_campaign(session, account_id, campaign_id)


async def count(session: AsyncSession, account_id: int, campaign_id: int) -> int:
    return (await repository.counts(session, account_id, [campaign_id])).get(campaign_id, 0)


async def variable_keys(session: AsyncSession, account_id: int, campaign_id: int) -> list[str]:
    """The names of all variables of a campaign's contacts, in order of the first contact with each.

    One stays when the last contact that has it goes.
    """
    return await repository.variable_keys(session, account_id, campaign_id)


async def has_value(session: AsyncSession, account_id: int, campaign_id: int, names: Sequence[str]) -> bool:
    """Whether any contact of a campaign has a value under one of these names, the spellings of one tag.

    A value that is null or blank counts as none.
    """
    return await repository.has_value(session, account_id, campaign_id, names)


def _to_rows(items: Sequence[Mapping[str, Any]], region: str) -> tuple[list[str], list[ItemError]]:
    rows: list[str] = []
    errors: list[ItemError] = []
    for index, item in enumerate(items):
        number = item.get("number")
        try:
            variables = item.get("other_variables")
            rows.append(
                copying.row(
                    index, parse(number, region), rules.to_json({} if variables is None else variables)
                )
            )
        except ContactError as error:
            errors.append(
                {"index": index, "number": shown(number), "field": error.field, "message": error.message}
            )
    return rows, errors


def _duplicate(sent: str) -> DuplicateContact:
    return DuplicateContact(f"The campaign already has a contact with the number {sent}.")


__all__ = [
    "AddResult",
    "ContactError",
    "ContactNotFound",
    "DuplicateContact",
    "ImportRefused",
    "ImportResult",
    "add_many",
    "add_one",
    "add_one_if",
    "count",
    "delete",
    "get",
    "has_value",
    "hold_additions",
    "import_file",
    "merge_variables",
    "reading_turn",
    "update_number",
    "variable_keys",
]
