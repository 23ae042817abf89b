"""A migrated database, accounts with campaigns, and files to import."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from contacts_place import Place
from sqlalchemy import text

from clean_database import empty, migrated_database
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.settings import Settings


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture(scope="session")
def shared_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a migrated database, which tests use one after the other."""
    with migrated_database(postgres_server) as url:
        yield url


@pytest.fixture
async def sessions(shared_database: str) -> AsyncIterator[SessionFactory]:
    empty(shared_database)
    engine = create_engine(shared_database)
    yield create_session_factory(engine)
    await engine.dispose()


@pytest.fixture
def new_place(sessions: SessionFactory) -> Callable[[], Any]:
    """``await new_place()`` makes an account with a campaign."""

    async def make() -> Place:
        async with transaction(sessions) as session:
            account = await session.scalar(text("INSERT INTO accounts (name) VALUES ('ward') RETURNING id"))
            campaign = await session.scalar(
                text(
                    "INSERT INTO campaigns (account_id, name, services) VALUES (:account, 'tax', 'PHONE')"
                    " RETURNING id"
                ),
                {"account": account},
            )
        return Place(account, campaign)

    return make


@pytest.fixture
async def place(new_place: Callable[[], Any]) -> Place:
    return await new_place()


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    """``workbook(rows, …)`` writes an .xlsx with one sheet for each list of rows."""

    def write(*sheets: list[list[Any]], name: str = "contacts.xlsx") -> Path:
        path = tmp_path / name
        with xlsxwriter.Workbook(
            path, {"strings_to_formulas": False, "default_date_format": "yyyy-mm-dd"}
        ) as book:
            for rows in sheets:
                sheet = book.add_worksheet()
                for index, row in enumerate(rows):
                    sheet.write_row(index, 0, row)
        return path

    return write


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "contacts.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
