"""The command line beside a running server, and without one: results as JSON, errors in plain words."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ghanti.cli import app
from ghanti.database.embedded import EmbeddedPostgres
from serving import EMAIL, Served, run_ghanti


def _plain_error(code: int, said: str, complained: str) -> str:
    """What a refused command said: one line, no traceback, nothing on standard output."""
    assert code == 1
    assert said == ""
    assert "Traceback" not in complained
    assert complained.startswith("error: ")
    assert len(complained.strip().splitlines()) == 1
    return complained


def _refused(*arguments: str, **environment: str) -> str:
    """The error of a command run in this process: importing everything anew is not what is tested."""
    nothing = {name: None for name in os.environ if name.startswith("GHANTI_")}
    done = CliRunner().invoke(app, list(arguments), env={**nothing, **environment})
    assert isinstance(done.exception, SystemExit), done.exception
    return _plain_error(done.exit_code, done.stdout, done.stderr)


def test_account_numbers_and_token(served: Served) -> None:
    made = served.ghanti("account", "create", "bank@example.com", "--password", "long enough 1")
    assert set(made) == {"account_id", "email", "api_token"}
    assert made["email"] == "bank@example.com"
    own = served.ghanti("number", "add", "+97715970001", "--account", str(made["account_id"]))
    shared = served.ghanti("number", "add", "+97715970002", "--shared")
    assert (own["phone_number"], own["account_id"]) == ("+97715970001", made["account_id"])
    assert (shared["phone_number"], shared["account_id"]) == ("+97715970002", None)
    with served.client() as client:
        client.headers["Authorization"] = f"Bearer {made['api_token']}"
        own_seen = client.get("phone-number/active/").json()
        shared_seen = client.get("active-broker-phone/").json()
    assert [phone["phone_number"] for phone in own_seen] == ["+97715970001"]
    assert "+97715970002" in {phone["phone_number"] for phone in shared_seen}


def test_an_account_has_the_zone_of_the_settings(served: Served) -> None:
    command = ("account", "create", "london@example.com", "--password", "long enough 1")
    zoned = {"GHANTI_TIME_ZONE": "Europe/London"}
    made = CliRunner().invoke(app, [*command, "--data", str(served.data)], env=zoned)
    assert made.exit_code == 0, made.stderr
    with served.connect() as database:
        row = database.execute(
            "SELECT time_zone FROM accounts WHERE id = %s", [json.loads(made.stdout)["account_id"]]
        ).fetchone()
    assert row == ("Europe/London",)
    nowhere = _refused(*command, "--data", str(served.data), GHANTI_TIME_ZONE="Asia/Atlantis")
    assert "Asia/Atlantis" in nowhere


def test_the_settings_are_the_first_tariff_from_the_start(served: Served) -> None:
    with served.connect() as database:
        rows = database.execute(
            "SELECT prefix, pulse_seconds, credits_per_pulse, credits_per_segment FROM tariffs"
        ).fetchall()
    assert rows == [("", 60, 1, 1)]
    assert served.ghanti("tariff", "list")["prefix"] == ""


def test_trunk_and_smsc_are_kept_with_their_passwords_encrypted(served: Served) -> None:
    trunk = served.ghanti(
        *("trunk", "add", "carrier", "--host", "sip.example.net"),
        *("--username", "ghanti", "--password", "sip secret", "--codec", "PCMA"),
    )
    smsc = served.ghanti(
        *("smsc", "add", "carrier", "--host", "smpp.example.net"),
        *("--system-id", "ghanti", "--password", "smpp pw"),
    )
    assert (trunk["name"], trunk["port"]) == ("carrier", 5060)
    assert (smsc["name"], smsc["port"]) == ("carrier", 2775)
    changed = served.ghanti("trunk", "add", "carrier", "--host", "sip2.example.net", "--port", "5070")
    assert (changed["id"], changed["host"], changed["port"]) == (trunk["id"], "sip2.example.net", 5070)
    with served.connect() as database:
        stored = database.execute("SELECT to_jsonb(s)::text FROM smscs s WHERE name = 'carrier'").fetchone()
    assert stored is not None
    assert "ghanti" in stored[0]
    assert "smpp pw" not in stored[0]


def test_a_second_account_of_one_address_is_refused(served: Served) -> None:
    done = served.run("account", "create", EMAIL, "--password", "another one 1")
    assert EMAIL in _plain_error(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("account", "create", "nobody", "--password", "long enough 1"), "email"),
        (("account", "create", "short@example.com", "--password", "x"), "password"),
        (("number", "add", "12", "--shared"), "international form"),
        (("number", "add", "+97715970003"), "--shared or --account"),
        (("number", "add", "+97715970003", "--account", "99999"), "no account 99999"),
        (("trunk", "add", "t", "--host", "sip.example.net", "--codec", "OPUS"), "codec"),
        (("trunk", "add", "t", "--host", "sip.example.net", "--number-format", "roman"), "format"),
    ],
)
def test_what_cannot_be_is_refused_in_plain_words(
    served: Served, arguments: tuple[str, ...], told: str
) -> None:
    assert told in _refused(*arguments, "--data", str(served.data)).lower()


def test_the_url_is_one_that_psql_takes(served: Served) -> None:
    url = served.run("database", "url").stdout.strip()
    psql = EmbeddedPostgres(served.data).program("psql")
    asked = subprocess.run(
        [psql, url, "-XAtc", "SELECT email FROM users ORDER BY id LIMIT 1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout == f"{EMAIL}\n"


def test_the_url_of_an_owners_database_is_too() -> None:
    owned = {"GHANTI_DATABASE_URL": "postgresql+psycopg://ghanti:word@db.example/ghanti?sslmode=require"}
    done = CliRunner().invoke(app, ["database", "url"], env=owned)
    assert done.stdout == "postgresql://ghanti:word@db.example/ghanti?sslmode=require\n"


def test_without_a_server_a_command_says_how_to_start_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = ("account", "create", EMAIL, "--password", "long enough 1")
    error = _refused(*command, "--data", str(data))
    assert "start ghanti" in error
    assert not data.exists(), "asking makes nothing"


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://ghanti:hidden-word@127.0.0.1:1/ghanti"
    command = ("number", "add", "+97715970001", "--shared")
    key = {"GHANTI_SECRET_KEY": "as the server has it"}
    error = _refused(*command, "--data", str(tmp_path), GHANTI_DATABASE_URL=url, **key)
    assert "does not answer" in error
    assert "hidden-word" not in error


def test_a_command_makes_no_key_beside_the_servers(tmp_path: Path) -> None:
    command = ("trunk", "add", "carrier", "--host", "127.0.0.1", "--password", "word")
    error = _refused(
        *command, "--data", str(tmp_path), GHANTI_DATABASE_URL="postgresql://ghanti@127.0.0.1:1/ghanti"
    )
    assert "GHANTI_SECRET_KEY" in error
    assert list(tmp_path.iterdir()) == []


def test_a_way_past_a_pooler_needs_the_pooler(tmp_path: Path) -> None:
    direct = {"GHANTI_DATABASE_DIRECT_URL": "postgresql://ghanti@127.0.0.1:1/ghanti"}
    done = CliRunner().invoke(app, ["database", "url", "--data", str(tmp_path)], env=direct)
    assert done.exit_code == 1
    assert "database_url" in done.stderr


def test_help_names_every_command() -> None:
    done = run_ghanti("--help")
    assert done.returncode == 0
    for command in ("serve", "demo", "account", "number", "trunk", "smsc", "database", "simulate"):
        assert command in done.stdout


def test_settings_that_make_no_sense_are_refused_in_plain_words(tmp_path: Path) -> None:
    error = _refused("serve", GHANTI_RING_SECONDS="soon", GHANTI_DATA=str(tmp_path / "data"))
    assert "GHANTI_RING_SECONDS" in error
