"""``ghanti packages``: what an operator puts on sale."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ghanti.cli import app

WARD = ("--name", "100 calls", "--amount", "25000", "--currency", "NPR", "--phone", "100")
SHOWN = {
    "slug": "ward",
    "name": "100 calls",
    "phone": 100,
    "sms": 0,
    "amount": 25000,
    "currency": "npr",
    "valid_days": None,
    "active": True,
    "position": 0,
}


class Operator:
    def __init__(self, database: str) -> None:
        nothing = {name: None for name in os.environ if name.startswith("GHANTI_")}
        self._environment = {
            **nothing,
            "GHANTI_DATABASE_URL": database,
            "GHANTI_SECRET_KEY": "a key of these tests",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["packages", *arguments], env=self._environment)

    def shown(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def operator(api_database: str) -> Operator:
    return Operator(api_database)


def test_a_package_is_put_on_sale_changed_and_removed(operator: Operator) -> None:
    assert operator.shown("list") == []
    assert operator.shown("set", "ward", *WARD) == [SHOWN]
    more = ("--sms", "7", "--valid-days", "365", "--inactive", "--position", "3")
    changed = SHOWN | {"sms": 7, "valid_days": 365, "active": False, "position": 3}
    assert operator.shown("set", "ward", *WARD, *more) == [changed]
    operator.shown("set", "school", *WARD)
    assert [each["slug"] for each in operator.shown("list")] == ["school", "ward"]
    assert operator.shown("remove", "ward") == [{"removed": "ward"}]
    assert [each["slug"] for each in operator.shown("list")] == ["school"]


@pytest.mark.parametrize(
    ("slug", "options", "told"),
    [
        ("Ward", {}, "slug"),
        ("-", {}, "slug"),
        ("ward", {"--name": " "}, "name"),
        ("ward", {"--currency": "rupees"}, "currency"),
        ("ward", {"--phone": "0"}, "holds credits"),
        ("ward", {"--amount": "9999999999999"}, "amount"),
    ],
)
def test_what_cannot_be_sold_is_refused(
    operator: Operator, slug: str, options: dict[str, str], told: str
) -> None:
    given = dict(zip(WARD[::2], WARD[1::2], strict=True)) | options
    done = operator.run("set", *(part for pair in given.items() for part in pair), "--", slug)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert told in done.stderr
    assert operator.shown("list") == []


def test_one_that_there_is_not_cannot_be_removed(operator: Operator) -> None:
    done = operator.run("remove", "gold")
    assert (done.exit_code, done.stderr) == (1, "error: There is no package gold.\n")
