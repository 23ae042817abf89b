"""The page on the API has a line for every operation that there is, and for none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI

from api_routes import operations

PAGE = Path(__file__).parents[2] / "docs" / "tingting.md"
PREFIX = "/api/v1/"
NOT_IN_THE_TABLE = {"openapi.json/", "docs/", "media/{}/{}/"}


def _bare(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def _table() -> set[tuple[str, str]]:
    """Each method that a row names, with each path that it names."""
    named = set()
    section = PAGE.read_text(encoding="utf-8").partition("## Endpoints")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| ((?:GET|POST|PATCH|PUT|DELETE).*) \|$", section, re.MULTILINE):
        methods = re.findall(r"\b(GET|POST|PATCH|PUT|DELETE)\b", row)
        paths = [path for path in re.findall(r"`([^`]+)`", row) if path.endswith("/")]
        named |= {(method, _bare(path)) for method in methods for path in paths}
    return named


def test_every_operation_has_its_line(app: FastAPI) -> None:
    known = {
        (operation.method, _bare(operation.path.removeprefix(PREFIX)))
        for operation in operations(app)
        if operation.path.startswith(PREFIX)
    }
    known = {(method, path) for method, path in known if path not in NOT_IN_THE_TABLE}
    assert len(known) > 50
    assert known - _table() == set()


def test_every_line_has_its_operation(app: FastAPI) -> None:
    known = {_bare(operation.path.removeprefix(PREFIX)) for operation in operations(app)}
    assert {path for _, path in _table()} - known == set()
