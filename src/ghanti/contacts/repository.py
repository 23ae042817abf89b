"""The SQL of contacts. Every statement is bound to one account."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.contacts.models import Contact
from ghanti.contacts.numbers import PhoneNumber
from ghanti.contacts.results import NewContact
from ghanti.database.lookups import Lookups
from ghanti.database.session import raw_connection

_CONFLICT = ("account_id", "campaign_id", "number")
_INSERT_STAGED = """
    INSERT INTO contacts (account_id, campaign_id, number, number_sent, carrier, variables, uuid)
    SELECT :account_id, :campaign_id, number, number_sent, carrier, variables, uuid
      FROM staged_contacts
     ORDER BY position
    ON CONFLICT (account_id, campaign_id, number) DO NOTHING
"""
_INSERT_ONE = select(Contact).from_statement(
    text(
        """
        INSERT INTO contacts (account_id, campaign_id, number, number_sent, carrier, variables)
        SELECT :account_id, :campaign_id, :number, :number_sent, :carrier, CAST(:variables AS json)
          FROM (SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))) locked
        ON CONFLICT (account_id, campaign_id, number) DO NOTHING
        RETURNING contacts.*
        """
    ).columns(*Contact.__table__.columns)
)

_INSERT_IF = """
    INSERT INTO contacts (account_id, campaign_id, number, number_sent, carrier, variables)
    SELECT %(account_id)s::bigint, %(campaign_id)s::bigint, %(number)s::text, %(number_sent)s::text,
           %(carrier)s::text, %(variables)s::json
      FROM (SELECT pg_advisory_xact_lock(hashtextextended(%(key)s::text, 0))::text AS taken OFFSET 0) locked
     CROSS JOIN LATERAL ({condition}) held
    ON CONFLICT (account_id, campaign_id, number) DO NOTHING
    RETURNING id, number_sent, carrier, variables, updated_at
"""


async def create_staging(session: AsyncSession) -> None:
    """Have a table for rows on their way, until the transaction's end."""
    await session.execute(
        text(
            """
            CREATE TEMPORARY TABLE IF NOT EXISTS staged_contacts (
                position bigint, number text, number_sent text, carrier text, variables json, uuid uuid
            ) ON COMMIT DROP
            """
        )
    )


async def stage(session: AsyncSession, lines: bytes | str) -> None:
    """Stage rows, lines of :func:`ghanti.contacts.copying.row`, in place of those staged before."""
    await session.execute(text("TRUNCATE staged_contacts"))
    connection = await raw_connection(session)
    async with connection.cursor() as cursor, cursor.copy("COPY staged_contacts FROM STDIN") as copy:
        await copy.write(lines)


async def lock_campaign(session: AsyncSession, account_id: int, campaign_id: int) -> None:
    """Let one transaction at a time add contacts to a campaign, or remove the campaign.

    Two that insert the same numbers in different orders would wait for each other for ever; so would
    one that adds, and locks the campaign after, and one that removes it.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": _lock_key(account_id, campaign_id)},
    )


def _lock_key(account_id: int, campaign_id: int) -> str:
    return f"contacts of campaign {account_id}/{campaign_id}"


async def insert_staged(session: AsyncSession, account_id: int, campaign_id: int) -> int:
    """Keep the staged rows that the campaign lacks, the first of each number, in their order.

    Returns how many.
    """
    result = await session.execute(
        text(_INSERT_STAGED), {"account_id": account_id, "campaign_id": campaign_id}
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


async def insert_staged_returning(
    session: AsyncSession, account_id: int, campaign_id: int
) -> Sequence[Contact]:
    """As :func:`insert_staged`, answering the contacts themselves."""
    statement = text(_INSERT_STAGED + " RETURNING contacts.*").columns(*Contact.__table__.columns)
    found = await session.scalars(
        select(Contact).from_statement(statement), {"account_id": account_id, "campaign_id": campaign_id}
    )
    return found.all()


async def insert_one(
    session: AsyncSession, account_id: int, campaign_id: int, number: PhoneNumber, variables: str
) -> Contact | None:
    """The new contact, or None when the campaign has its number; takes the lock of :func:`lock_campaign`."""
    found = await session.scalars(
        _INSERT_ONE,
        {
            "key": _lock_key(account_id, campaign_id),
            "account_id": account_id,
            "campaign_id": campaign_id,
            "number": number.number,
            "number_sent": number.sent,
            "carrier": number.carrier,
            "variables": variables,
        },
    )
    return found.one_or_none()


async def insert_one_if(
    lookups: Lookups, condition: str, account_id: int, campaign_id: int, number: PhoneNumber, variables: str
) -> NewContact | None:
    """The new contact, committed, in one round trip; None if the condition has no row or as above.

    Args:
        condition: A query of ``%(account_id)s`` and ``%(campaign_id)s``, which may lock what it finds;
            ``{after}`` in it stands for a condition of its own, by which it comes after the lock of
            :func:`lock_campaign`.
    """
    found = await lookups.rows(
        _INSERT_IF.format(condition=condition.format(after="locked.taken IS NOT NULL")),
        {
            "key": _lock_key(account_id, campaign_id),
            "account_id": account_id,
            "campaign_id": campaign_id,
            "number": number.number,
            "number_sent": number.sent,
            "carrier": number.carrier,
            "variables": variables,
        },
    )
    return found[0] if found else None


async def find(
    session: AsyncSession, account_id: int, contact_id: int, *, lock: bool = False
) -> Contact | None:
    """One contact as the database has it now, locked against changes if asked."""
    return await session.get(
        Contact,
        (account_id, contact_id),
        populate_existing=True,
        with_for_update={"key_share": True} if lock else None,
    )


async def remove(session: AsyncSession, account_id: int, contact_id: int) -> bool:
    statement = (
        delete(Contact)
        .where(Contact.account_id == account_id, Contact.id == contact_id)
        .returning(Contact.id)
        .execution_options(synchronize_session="fetch")
    )
    return (await session.scalars(statement)).one_or_none() is not None


async def carriers(session: AsyncSession, account_id: int, campaign_id: int) -> dict[str, int]:
    """Contacts by carrier, the most frequent first; only carriers present."""
    rows = await session.execute(
        text(
            """
            SELECT carrier, sum(contacts)::bigint AS contacts FROM contact_totals
             WHERE account_id = :account_id AND campaign_id = :campaign_id
             GROUP BY carrier HAVING sum(contacts) > 0 ORDER BY contacts DESC, carrier
            """
        ),
        {"account_id": account_id, "campaign_id": campaign_id},
    )
    return {row.carrier: row.contacts for row in rows}


async def counts(session: AsyncSession, account_id: int, campaign_ids: Sequence[int]) -> dict[int, int]:
    """How many contacts each of these campaigns has; those without any are left out."""
    rows = await session.execute(
        text(
            """
            SELECT campaign_id, sum(contacts)::bigint AS contacts FROM contact_totals
             WHERE account_id = :account_id AND campaign_id = ANY(:campaign_ids)
             GROUP BY campaign_id
            """
        ),
        {"account_id": account_id, "campaign_ids": list(campaign_ids)},
    )
    return {row.campaign_id: row.contacts for row in rows}


async def variable_keys(session: AsyncSession, account_id: int, campaign_id: int) -> list[str]:
    """Names of variables over the whole campaign, in the order of the first contact with each."""
    rows = await session.scalars(
        text(
            """
            SELECT name FROM campaign_variables
             WHERE account_id = :account_id AND campaign_id = :campaign_id
             ORDER BY contact_id, place, name
            """
        ),
        {"account_id": account_id, "campaign_id": campaign_id},
    )
    return list(rows)


async def has_value(session: AsyncSession, account_id: int, campaign_id: int, names: Sequence[str]) -> bool:
    found = await session.scalar(
        text(
            """
            SELECT EXISTS (
                   SELECT FROM contacts, unnest(CAST(:names AS text[])) AS name
                    WHERE account_id = :account_id AND campaign_id = :campaign_id
                      AND variables ->> name ~ '\\S')
            """
        ),
        {"account_id": account_id, "campaign_id": campaign_id, "names": list(names)},
    )
    return bool(found)


async def touch(session: AsyncSession, contact: Contact) -> None:
    """Write a changed contact, its time of change included."""
    contact.updated_at = literal_column("now()")
    await session.flush()
    await session.refresh(contact, ["updated_at"])
