"""Contacts in a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import RFC_4122

import pytest
from contacts_place import Place
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from ghanti.contacts import service
from ghanti.contacts.errors import (
    ContactNotFound,
    DuplicateContact,
    ImportRefused,
    NumberError,
    VariableError,
)
from ghanti.contacts.models import Contact
from ghanti.contacts.results import ImportResult
from ghanti.database.session import SessionFactory, transaction
from ghanti.settings import Settings

Write = Callable[..., Path]
SHEET = "number,name\n9841234567,Ram\n9808684325,Sita\n"


async def import_file(sessions: SessionFactory, place: Place, path: Path, settings: Settings) -> ImportResult:
    async with transaction(sessions) as session:
        return await service.import_file(session, place.account, place.campaign, path, path.name, settings)


async def stored(sessions: SessionFactory, place: Place) -> list[tuple[Any, ...]]:
    async with sessions() as session:
        contacts = await session.scalars(
            select(Contact)
            .where(Contact.account_id == place.account, Contact.campaign_id == place.campaign)
            .order_by(Contact.id)
        )
        return [(each.number, each.number_sent, each.carrier, each.variables) for each in contacts]


async def test_import_keeps_good_rows_in_order(
    sessions: SessionFactory, place: Place, workbook: Write, settings: Settings
) -> None:
    path = workbook(
        [
            ["name", "numbers"],
            ["राम ", 9841234567],
            ["Sita", "+977 980-8684325"],
            ["Hari", "12"],
            ["again", "९८४१२३४५६७"],
            ["back\\slash\ttab\nline", "01\u00a04412345"],
        ]
    )
    result = await import_file(sessions, place, path, settings)
    assert await stored(sessions, place) == [
        ("+9779841234567", "9841234567", "NTC", {"name": "राम "}),
        ("+9779808684325", "+977 980-8684325", "Ncell", {"name": "Sita"}),
        ("+97714412345", "01\u00a04412345", "other", {"name": "back\\slash\ttab\nline"}),
    ]
    assert result.error_list == [
        {
            "row": 4,
            "number": "12",
            "field": "number",
            "message": "A phone number has 7 to 15 digits; this one has 2.",
        }
    ]
    assert (result.total_validated_rows, result.created, result.skipped, result.error_count) == (4, 3, 1, 1)
    async with sessions() as session:
        identity = await session.scalar(select(Contact.id).where(Contact.number_sent == "9841234567"))
        first = await service.get(session, place.account, identity or 0)
        assert first.number == "+9779841234567"
        assert await service.count(session, place.account, place.campaign) == 3


async def test_a_second_import_appends(
    sessions: SessionFactory, place: Place, text_file: Write, settings: Settings
) -> None:
    await import_file(sessions, place, text_file(SHEET), settings)
    result = await import_file(sessions, place, text_file(SHEET + "9841234569,Hari\n"), settings)
    assert (result.total_validated_rows, result.created, result.skipped) == (3, 1, 2)
    again = await import_file(sessions, place, text_file(SHEET), settings)
    assert (again.created, again.skipped) == (0, 2)
    assert [row[0] for row in await stored(sessions, place)] == [
        "+9779841234567",
        "+9779808684325",
        "+9779841234569",
    ]


async def test_a_refused_file_leaves_nothing_and_a_good_session(
    sessions: SessionFactory, place: Place, text_file: Write, settings: Settings
) -> None:
    broken = text_file(
        "number,name\n" + "9841234567,x\n" * 2000 + '9841234568,"' + "x\n" * 60_000, "broken.csv"
    )
    async with transaction(sessions) as session:
        with pytest.raises(ImportRefused):
            await service.import_file(session, place.account, place.campaign, broken, broken.name, settings)
        good = text_file(SHEET)
        for expected in (2, 0):
            result = await service.import_file(
                session, place.account, place.campaign, good, good.name, settings
            )
            assert result.created == expected
    assert len(await stored(sessions, place)) == 2


async def test_an_import_that_is_rolled_back_leaves_nothing(
    sessions: SessionFactory, place: Place, text_file: Write, settings: Settings
) -> None:
    path = text_file(SHEET)
    async with sessions() as session:
        await service.import_file(session, place.account, place.campaign, path, path.name, settings)
        await session.rollback()
    assert await stored(sessions, place) == []


async def test_imports_at_once_make_no_duplicates(
    sessions: SessionFactory, place: Place, text_file: Write, settings: Settings
) -> None:
    rows = [f"98410{n:05},x\n" for n in range(3000)]
    forward = text_file("number,name\n" + "".join(rows), "forward.csv")
    backward = text_file("number,name\n" + "".join(reversed(rows)), "backward.csv")
    results = await asyncio.gather(
        *(import_file(sessions, place, path, settings) for path in (forward, backward, forward, backward))
    )
    assert sum(result.created for result in results) == 3000
    assert sum(result.skipped for result in results) == 9000
    assert len(await stored(sessions, place)) == 3000


async def test_another_accounts_campaign_takes_nothing(
    sessions: SessionFactory, place: Place, new_place: Any, text_file: Write, settings: Settings
) -> None:
    other = await new_place()
    with pytest.raises(IntegrityError):
        await import_file(sessions, Place(other.account, place.campaign), text_file(SHEET), settings)
    assert await stored(sessions, place) == []


async def test_add_one(sessions: SessionFactory, place: Place) -> None:
    async with transaction(sessions) as session:
        contact = await service.add_one(
            session, place.account, place.campaign, 9823561098, {"age": 23, "name": "Rajesh "}
        )
        assert (contact.number, contact.number_sent, contact.carrier) == (
            "+9779823561098",
            "9823561098",
            "Ncell",
        )
        assert contact.uuid.version == 4
        assert contact.created_at == contact.updated_at
        with pytest.raises(DuplicateContact, match="already has"):
            await service.add_one(session, place.account, place.campaign, "+977 9823561098", {})
        with pytest.raises(NumberError):
            await service.add_one(session, place.account, place.campaign, "12", {})
        with pytest.raises(VariableError):
            await service.add_one(session, place.account, place.campaign, 9823561099, {"a": "\0"})
    assert await stored(sessions, place) == [
        ("+9779823561098", "9823561098", "Ncell", {"age": 23, "name": "Rajesh "})
    ]


async def test_add_many(sessions: SessionFactory, place: Place) -> None:
    items = [
        {"number": "9779812345678", "other_variables": {"b": 1, "a": [1, {"x": None}]}},
        {"number": "9841234567"},
        {"number": 9812345678, "other_variables": {}},
        {"number": "none"},
        {"number": "9841234568", "other_variables": {"a": "\ud800"}},
        {},
        {"number": "9841234569", "other_variables": None},
        {"number": "9841234560", "other_variables": "text"},
    ]
    async with transaction(sessions) as session:
        result = await service.add_many(session, place.account, place.campaign, items)
        assert [contact.number_sent for contact in result.created] == [
            "9779812345678",
            "9841234567",
            "9841234569",
        ]
        assert [contact.campaign_id for contact in result.created] == [place.campaign] * 3
        assert result.created[0].variables == {"b": 1, "a": [1, {"x": None}]}
        assert result.skipped == 1
        assert [(error["index"], error["field"]) for error in result.errors] == [
            (3, "number"),
            (4, "a"),
            (5, "number"),
            (7, "other_variables"),
        ]
        again = await service.add_many(session, place.account, place.campaign, items)
        assert (list(again.created), again.skipped) == ([], 4)
        nothing = await service.add_many(session, place.account, place.campaign, [{"number": "x"}])
        assert (nothing.skipped, len(nothing.errors)) == (0, 1)
    assert len({contact.uuid for contact in result.created}) == 3
    assert {(contact.uuid.version, contact.uuid.variant) for contact in result.created} == {(4, RFC_4122)}
    ids = [contact.id for contact in result.created]
    assert ids == sorted(ids)


async def test_update_number(sessions: SessionFactory, place: Place, new_place: Any) -> None:
    async with transaction(sessions) as session:
        contact = await service.add_one(session, place.account, place.campaign, "9841234567", {})
        await service.add_one(session, place.account, place.campaign, "9841234568", {})
    before, identity = contact.updated_at, contact.id
    async with transaction(sessions) as session:
        changed = await service.update_number(session, place.account, identity, 9808684325)
        assert (changed.number, changed.number_sent, changed.carrier) == (
            "+9779808684325",
            "9808684325",
            "Ncell",
        )
        assert changed.updated_at > before
        with pytest.raises(DuplicateContact):
            await service.update_number(session, place.account, identity, "09841234568")
        with pytest.raises(NumberError):
            await service.update_number(session, place.account, identity, "x")
        again = await service.update_number(session, place.account, identity, "+9779808684325")
        assert again.number_sent == "+9779808684325"
    other = await new_place()
    async with transaction(sessions) as session:
        with pytest.raises(ContactNotFound):
            await service.update_number(session, other.account, identity, "9841234569")
    assert [row[0] for row in await stored(sessions, place)] == ["+9779808684325", "+9779841234568"]


async def test_merge_variables(sessions: SessionFactory, place: Place, new_place: Any) -> None:
    async with transaction(sessions) as session:
        contact = await service.add_one(
            session, place.account, place.campaign, "9841234567", {"z": 1, "a": "x "}
        )
    other = await new_place()
    async with transaction(sessions) as session:
        merged = await service.merge_variables(session, place.account, contact.id, {"a": 2, "new": None})
        assert list(merged.variables.items()) == [("z", 1), ("a", 2), ("new", None)]
        with pytest.raises(VariableError):
            await service.merge_variables(session, place.account, contact.id, {str(n): n for n in range(199)})
        with pytest.raises(ContactNotFound):
            await service.merge_variables(session, other.account, contact.id, {"a": 3})
    assert (await stored(sessions, place))[0][3] == {"z": 1, "a": 2, "new": None}


async def test_merges_at_once_lose_nothing(sessions: SessionFactory, place: Place) -> None:
    async with transaction(sessions) as session:
        contact = await service.add_one(session, place.account, place.campaign, "9841234567", {})

    async def merge(name: str) -> None:
        async with transaction(sessions) as session:
            await service.merge_variables(session, place.account, contact.id, {name: name})

    await asyncio.gather(*(merge(f"v{n}") for n in range(8)))
    assert sorted((await stored(sessions, place))[0][3]) == [f"v{n}" for n in range(8)]


async def test_delete(sessions: SessionFactory, place: Place, new_place: Any) -> None:
    async with transaction(sessions) as session:
        contact = await service.add_one(session, place.account, place.campaign, "9841234567", {})
    other = await new_place()
    async with transaction(sessions) as session:
        with pytest.raises(ContactNotFound):
            await service.delete(session, other.account, contact.id)
        await service.delete(session, place.account, contact.id)
        with pytest.raises(ContactNotFound):
            await service.get(session, place.account, contact.id)
        with pytest.raises(ContactNotFound):
            await service.delete(session, place.account, contact.id)
    assert await stored(sessions, place) == []


async def test_variables_of_a_campaign(sessions: SessionFactory, place: Place, new_place: Any) -> None:
    other = await new_place()
    items = [
        {"number": "9841234561", "other_variables": {"z": 1, "b": ""}},
        {"number": "9841234562", "other_variables": {"b": " \u00a0", "a": 0, "blank": " \u00a0\n"}},
        {"number": "9841234563", "other_variables": {"b": "x", "a": None, "z": False, "c": "\u0928"}},
        {"number": "9841234564", "other_variables": {"null": None}},
    ]
    async with transaction(sessions) as session:
        await service.add_many(session, place.account, place.campaign, items)

        async def has_value(*names: str) -> bool:
            return await service.has_value(session, place.account, place.campaign, names)

        assert await service.variable_keys(session, place.account, place.campaign) == [
            *("z", "b", "a", "blank", "c", "null")
        ]
        assert await service.variable_keys(session, other.account, place.campaign) == []
        assert await has_value("z")
        assert await has_value("nowhere", "b")
        assert not await has_value("blank", "null")
        assert not await has_value("nowhere")
        assert not await service.has_value(session, other.account, place.campaign, ["z"])


async def test_ids_and_numbers_survive_the_database(sessions: SessionFactory, place: Place) -> None:
    """Number forms and key order are the owner's: the column is json, not jsonb."""
    async with transaction(sessions) as session:
        await service.add_many(
            session,
            place.account,
            place.campaign,
            [{"number": "9841234567", "other_variables": {"b": 1.0, "a": 1}}],
        )
        raw = await session.scalar(text("SELECT variables::text FROM contacts"))
    assert raw == '{"b":1.0,"a":1}'
