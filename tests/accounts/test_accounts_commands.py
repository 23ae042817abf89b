"""``ghanti account`` on a database: JSON on standard output, an error as one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from api_world import api_database, shared_database
from ghanti.cli import app

__all__ = ["api_database", "shared_database"]

WARD, CLERK = "ward@example.com", "clerk@example.com"


class _Commands:
    def __init__(self, url: str, data: Path) -> None:
        self._environment = {
            "GHANTI_DATABASE_URL": url,
            "GHANTI_DATA": str(data),
            "GHANTI_SECRET_KEY": "a key for these tests",
            "GHANTI_CREDENTIAL_MEMORY_SECONDS": "0",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["account", *arguments], env=self._environment)

    def __call__(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def account(api_database: str, tmp_path: Path) -> _Commands:
    commands = _Commands(api_database, tmp_path)
    commands("create", WARD, "--password", "long enough 1")
    return commands


def _people(account: _Commands) -> dict[str, dict[str, Any]]:
    return {person["email"]: person for person in account("list")}


def test_people_are_added_disabled_and_enabled(account: _Commands) -> None:
    account("add-user", WARD, CLERK, "--password", "long enough 2", "--role", "viewer")
    people = _people(account)
    assert people[CLERK]["account_id"] == people[WARD]["account_id"]
    assert (people[WARD]["role"], people[CLERK]["role"]) == ("owner", "viewer")
    assert account("disable", CLERK) == [{"email": CLERK, "active": False}]
    assert [person["is_active"] for person in account("list")] == [True, False]
    assert account("enable", CLERK) == [{"email": CLERK, "active": True}]


def test_password_is_given_or_generated(account: _Commands) -> None:
    assert account("reset", WARD, "--password", "another one 1") == [{"email": WARD}]
    (generated,) = account("reset", WARD)
    assert len(generated["password"]) >= 20
    assert account("reset", WARD)[0]["password"] != generated["password"]


def test_token_is_printed_once_and_new(account: _Commands) -> None:
    first, second = account("token", WARD)[0]["api_token"], account("token", WARD)[0]["api_token"]
    assert len(first) == len(second) == 64
    assert first != second


def test_token_is_of_the_face_that_is_named(account: _Commands) -> None:
    (made,) = account("token", WARD, "--face", "toingg")
    assert (made["face"], made["api_token"][:3]) == ("toingg", "tg_")
    assert account("token", WARD)[0]["face"] == "tingting"


def test_account_is_changed(account: _Commands) -> None:
    account("set", WARD, "--no-premium", "--time-zone", "Asia/Tokyo")
    person = _people(account)[WARD]
    assert (person["premium"], person["time_zone"]) == (False, "Asia/Tokyo")
    account("set", WARD, "--premium")
    assert _people(account)[WARD]["premium"] is True


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("disable", "nobody@example.com"), "nobody@example.com"),
        (("token", "nobody@example.com"), "nobody@example.com"),
        (("reset", WARD, "--password", "short"), "8 characters"),
        (("add-user", WARD, WARD, "--password", "long enough 3"), "already"),
        (("set", WARD, "--time-zone", "Mars/Base"), "Mars/Base"),
    ],
)
def test_refusals_are_told_in_a_line(account: _Commands, arguments: tuple[str, ...], told: str) -> None:
    done = account.run(*arguments)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
