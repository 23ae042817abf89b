"""Whether something can be read in what was stored: every column of every table, every file of a folder."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql


def tables_with(connection: psycopg.Connection[Any], clear: str) -> list[str]:
    """The tables whose rows hold a text, as it is, escaped, or among the bytes of a binary column."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    found = []
    for (table,) in rows:
        everything = sql.SQL("SELECT coalesce(string_agg(t::text, ' '), '') FROM {} t")
        [dump] = connection.execute(everything.format(sql.Identifier(table))).fetchone() or [""]
        if any(form in dump for form in _forms(clear)):
            found.append(table)
    return found


def files_with(folder: Path, clear: str) -> list[Path]:
    """The files below a folder that hold a text, in UTF-8 or UTF-16."""
    encodings = [clear.encode(), clear.encode("utf-16-le"), clear.encode("utf-16-be")]
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in encodings)
    ]


def _forms(clear: str) -> Iterator[str]:
    yield clear
    yield clear.encode("unicode_escape").decode()
    yield clear.encode().hex()
    for skipped in range(3):  # in base64 it looks otherwise at each of three places
        encoded = base64.b64encode(b"\0" * skipped + clear.encode()).decode().rstrip("=")
        yield encoded[4 if skipped else 0 : -1]
