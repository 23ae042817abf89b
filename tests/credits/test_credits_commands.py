"""``ghanti credits`` on a database: JSON and CSV on standard output, an error as one line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from api_world import api_database, shared_database
from ghanti.cli import app

__all__ = ["api_database", "shared_database"]

WARD = "ward@example.com"


class _Commands:
    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self._environment = {
            "GHANTI_DATABASE_URL": url,
            "GHANTI_DATA": str(data),
            "GHANTI_SECRET_KEY": "a key for these tests",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=self._environment)

    def __call__(self, *arguments: str) -> Any:
        done = self.run("credits", *arguments)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def refused(self, *arguments: str) -> str:
        done = self.run("credits", *arguments)
        assert done.exit_code != 0
        assert "Traceback" not in done.output
        return done.stderr

    def statement(self, *arguments: str) -> list[dict[str, str]]:
        done = self.run("credits", "statement", WARD, *arguments)
        assert done.exit_code == 0, done.output
        assert done.stdout_bytes.startswith(b"\xef\xbb\xbf")
        return list(csv.DictReader(io.StringIO(done.stdout_bytes.decode("utf-8-sig"))))


@pytest.fixture
def commands(api_database: str, tmp_path: Path) -> _Commands:
    commands = _Commands(api_database, tmp_path)
    made = commands.run("account", "create", WARD, "--password", "long enough 1", "--phone-credits", "50")
    assert made.exit_code == 0, made.output
    return commands


def test_credits_are_added_and_adjusted_in_the_operators_name(commands: _Commands) -> None:
    added = commands(
        "add", WARD, "--phone", "100", "--sms", "20", "--cause", "=invoice 12", "--operator", "sita"
    )
    assert (added["phone"]["balance"], added["sms"]["balance"]) == (150, 20)
    by_id = commands(
        "adjust", str(added["account_id"]), "sms", "-5", "--cause", "miscounted", "--operator", "sita"
    )
    assert by_id["sms"]["balance"] == 15
    lines = commands.statement()
    assert [(line["kind"], line["currency"], line["amount"], line["balance_after"]) for line in lines] == [
        ("purchase", "phone", "50", "50"),
        ("purchase", "phone", "100", "150"),
        ("purchase", "sms", "20", "20"),
        ("adjust", "sms", "-5", "15"),
    ]
    assert [(line["cause"], line["reference"]) for line in lines] == [
        ("opening balance", ""),
        ("'=invoice 12", "operator sita"),
        ("'=invoice 12", "operator sita"),
        ("miscounted", "operator sita"),
    ]
    assert all(line["time"].endswith("+05:45") for line in lines)
    assert commands.statement("--to", "2020-01-01") == []


def test_credits_that_expire_are_shown(commands: _Commands) -> None:
    added = commands("add", WARD, "--phone", "10", "--expires", "2090-12-31")
    # The last day ends at midnight in Kathmandu.
    assert added["phone"]["expiring"] == [10, "2090-12-31T18:15:00+00:00"]
    assert commands("show", WARD) == added


def test_an_account_has_thresholds_of_its_own(commands: _Commands) -> None:
    assert commands("alerts", WARD, "phone", "60")["phone"]["alert"] == "low"
    assert commands("alerts", WARD, "phone")["phone"]["low_threshold"] == 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "nobody@example.com"), "nobody@example.com"),
        (("show", "999"), "999"),
        (("add", WARD), "--phone"),
        (("adjust", WARD, "phone", "-51", "--cause", "x"), "only 50"),
        (("adjust", WARD, "phone", "-1"), "--cause"),
        (("adjust", WARD, "phone", "0", "--cause", "x"), "zero"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    commands: _Commands, arguments: tuple[str, ...], told: str
) -> None:
    assert told in commands.refused(*arguments)
    assert commands("show", WARD)["phone"]["balance"] == 50


def test_check_finds_what_differs_from_the_ledger(commands: _Commands) -> None:
    assert commands.run("credits", "check").exit_code == 0
    with psycopg.connect(commands.url) as database:
        database.execute("UPDATE credit_balances SET phone = 49, sms_held = 3, sms_owed = 2")
    done = commands.run("credits", "check")
    assert done.exit_code == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["currency"], line["what"], line["kept"], line["found"]) for line in found] == [
        ("phone", "balance", 49, 50),
        ("sms", "owed", 2, 0),
        ("sms", "held", 3, 0),
    ]
