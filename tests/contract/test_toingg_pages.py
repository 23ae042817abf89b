"""The pages on the Toingg API tell of the operations and schemas that there are, and of no others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from api_routes import toingg_operations
from toingg_world import generation

DOCS = Path(__file__).parents[2] / "docs" / "toingg"
SECTIONS = {"/api": "## First generation", "/api/v3": "## Third generation"}


def _table(section: str) -> set[tuple[str, str]]:
    """Each method that a row of the section names, with the path that it names first."""
    page = (DOCS / "endpoints.md").read_text(encoding="utf-8")
    part = page.partition(section + "\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([A-Z, ]+) `([^`]+)` \|", part, re.MULTILINE)
    return {(method, path) for methods, path in rows for method in methods.split(", ")}


@pytest.mark.parametrize("prefix", SECTIONS)
def test_every_operation_has_its_line_and_every_line_its_operation(app: FastAPI, prefix: str) -> None:
    known = {
        (operation.method, operation.path.removeprefix(prefix))
        for operation in toingg_operations(app, prefix)
    }
    assert _table(SECTIONS[prefix]) == known


def _shown() -> Iterator[tuple[str, Any]]:
    page = (DOCS / "schema.md").read_text(encoding="utf-8")
    for name, part in re.findall(r"^### (\w+)\n(.*?```\n)", page, re.MULTILINE | re.DOTALL):
        yield name, json.loads(part.partition("```json\n")[2].partition("```")[0])


def test_the_schemas_are_those_of_the_document(app: FastAPI) -> None:
    document: dict[str, Any] = generation(app, "/api").openapi()["components"]["schemas"]
    shown = dict(_shown())
    assert shown.keys() == document.keys()
    for name, example in shown.items():
        assert list(example) == list(document[name]["properties"]), name


def test_every_link_leads_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
