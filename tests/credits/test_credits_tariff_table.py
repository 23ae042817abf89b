"""Tariffs by prefix: which is a number's, how they are written, what a change changes, and files of them."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from engine_world import World
from ghanti.cli import app
from ghanti.credits import tariff_files, tariffs
from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.credits.tariffs import TariffError, read_prefix
from ghanti.database.session import transaction
from ghanti.settings import Settings

NORMAL, DEAR, FREE = Tariff(), Tariff(30, 7, 3), Tariff(60, 0, 0)
MOBILE, NTC, NCELL = "+9779851000001", "+9779841000001", "+9779801000001"

digits = st.text("0123456789", max_size=15)


@given(prefixes=st.sets(digits, max_size=30), number=st.text("0123456789", min_size=7, max_size=15))
def test_the_longest_prefix_that_begins_a_number_is_its_own(prefixes: set[str], number: str) -> None:
    priced = {prefix: Tariff(len(prefix) + 1, index) for index, prefix in enumerate({"", *prefixes})}
    best = max((prefix for prefix in priced if number.startswith(prefix)), key=len)
    table = Tariffs(priced)
    assert table.of("+" + number) == table.of(number) == priced[best]
    # The first digits are enough, of which runs count their contacts.
    assert table.of(number[: table.longest]) == priced[best]


@pytest.mark.parametrize(
    "written", ["977984", "+977984", "+977 984", "00977984", "977-984", " (977) 984 ", "९७७९८४", "＋977984"]
)
def test_a_prefix_however_it_is_written(written: str) -> None:
    assert read_prefix(written) == "977984"


@pytest.mark.parametrize("written", ["", " ", "*"])
def test_the_prefix_of_everything(written: str) -> None:
    assert read_prefix(written) == ""


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("977a", "digits only"),
        ("+", "digits only"),
        ("00", "digits only"),
        ("984*", "digits only"),
        ("+00977", "country code"),
        ("0984", "country code"),
        ("9" * 16, "more than 15"),
    ],
)
def test_what_is_no_prefix(written: str, word: str) -> None:
    with pytest.raises(TariffError, match=word):
        read_prefix(written)


class _Operator:
    """Changes tariffs in transactions of their own, and asks what a number costs."""

    def __init__(self, world: World, **values: int) -> None:
        self._sessions = world.sessions
        self._settings = Settings(**values)  # type: ignore[arg-type]

    async def put(self, prefix: str, tariff: Tariff, valid_from: datetime | None = None) -> bool:
        async with transaction(self._sessions) as session:
            return bool(await tariffs.put(session, [(prefix, tariff)], valid_from))

    async def remove(self, prefix: str, valid_from: datetime | None = None) -> bool:
        async with transaction(self._sessions) as session:
            return await tariffs.remove(session, prefix, valid_from)

    async def of(self, number: str) -> Tariff:
        async with transaction(self._sessions) as session:
            return (await tariffs.current(session, self._settings)).of(number)

    async def to_come(self) -> list[str]:
        async with transaction(self._sessions) as session:
            return [priced.prefix for priced in await tariffs.to_come(session)]


async def test_the_settings_are_the_first_tariff_and_nothing_after_that(world: World) -> None:
    assert await _Operator(world, pulse_seconds=30, credits_per_pulse=2).of(MOBILE) == Tariff(30, 2, 1)
    async with transaction(world.sessions) as session:
        await tariffs.establish(session, Settings(pulse_seconds=7))
    assert await world.value("SELECT count(*) FROM tariffs") == 1
    other = _Operator(world, pulse_seconds=7)
    await other.put("1", NORMAL)  # What was read before is thereby read anew.
    assert await other.of(MOBILE) == Tariff(30, 2, 1)


async def test_two_that_start_at_once_make_one_first_tariff(world: World) -> None:
    async def start(pulse: int) -> None:
        async with transaction(world.sessions) as session:
            await tariffs.establish(session, Settings(pulse_seconds=pulse))

    await asyncio.gather(*(start(pulse) for pulse in range(1, 7)))
    assert await world.value("SELECT count(*) FROM tariffs") == 1


async def test_a_prefix_is_priced_anew_and_removed(world: World) -> None:
    operator = _Operator(world)
    assert await operator.of(NTC) == NORMAL
    assert await operator.put("+977 984", DEAR)
    assert (await operator.of(NTC), await operator.of(NCELL)) == (DEAR, NORMAL)
    assert not await operator.put("977984", DEAR)
    assert await operator.put("977984", FREE)
    assert await operator.of(NTC) == FREE
    assert await operator.remove("00977984")
    assert await operator.of(NTC) == NORMAL
    assert not await operator.remove("977984")
    assert await operator.put("977984", DEAR)
    assert await operator.of(NTC) == DEAR
    assert await world.value("SELECT count(*) FROM tariffs WHERE prefix = '977984'") == 4


async def test_a_price_to_come_holds_from_its_moment(world: World) -> None:
    operator = _Operator(world)
    now = await world.value("SELECT now()")
    await operator.put("977", DEAR, now + timedelta(days=1))
    assert (await operator.of(NTC), await operator.to_come()) == (NORMAL, ["977"])
    # Time passes for the row: it is in force as soon as its moment has come.
    await world.execute("UPDATE tariffs SET valid_from = now() WHERE prefix = '977'")
    await operator.put("1", FREE)
    assert (await operator.of(NTC), await operator.to_come()) == (DEAR, [])


async def test_a_removal_drops_what_was_to_come_after_it(world: World) -> None:
    operator = _Operator(world)
    now = await world.value("SELECT now()")
    await operator.put("977984", FREE)
    await operator.put("977984", DEAR, now + timedelta(days=1))
    assert await operator.remove("977984")
    assert (await operator.of(NTC), await operator.to_come()) == (NORMAL, [])
    await operator.put("977980", DEAR, now + timedelta(days=1))
    assert await operator.remove("977980")
    assert await operator.to_come() == []


async def test_nothing_is_priced_in_the_past_nor_without_bounds(world: World) -> None:
    operator = _Operator(world)
    now = await world.value("SELECT now()")
    with pytest.raises(TariffError, match="past"):
        await operator.put("977", DEAR, now - timedelta(seconds=1))
    with pytest.raises(TariffError, match="tariff of everything stays"):
        await operator.remove("*")
    for wrong in (Tariff(0), Tariff(3601), Tariff(60, -1), Tariff(60, 1, -1), Tariff(60, 1_000_001)):
        with pytest.raises(TariffError):
            await operator.put("977", wrong)
    with pytest.raises(TariffError, match="two prices"):
        async with transaction(world.sessions) as session:
            await tariffs.put(session, [("+977", DEAR), ("977", FREE)])
    assert await operator.of(NTC) == NORMAL


HEADER = "prefix,pulse_seconds,credits_per_pulse,credits_per_segment\n"


def _file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "prices.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_a_file_of_tariffs(tmp_path: Path) -> None:
    path = _file(
        tmp_path, "Prefix, note," + HEADER[7:] + "+977 984,NTC,30,7,3\n*,,60,1,1\n,,,,\n", "utf-8-sig"
    )
    assert tariff_files.read(path) == [("977984", DEAR), ("", NORMAL)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["name the columns", "prefix"]),
        ("prefix,pulse_seconds\n977,60\n", ["missing: credits_per_pulse, credits_per_segment"]),
        (HEADER, ["no prefix"]),
        (HEADER + "977,60,0.5,1\n", ["line 2", "credits_per_pulse", "no parts of credits"]),
        (HEADER + "977,60,1\n", ["line 2", "credits_per_segment"]),
        (HEADER + "977,60,1,1\n+977,30,1,1\n", ["line 3", "'977' is in line 2 too"]),
        (HEADER + "977,0,1,1\nabc,60,1,1\n", ["line 2", "1 to 3600", "line 3", "'abc'"]),
        (HEADER + "977,60,-1,1\n", ["line 2", "-1"]),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_line(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(TariffError) as refused:
        tariff_files.read(_file(tmp_path, text))
    assert [word for word in words if word not in str(refused.value)] == []


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TariffError, match="cannot be read"):
        tariff_files.read(tmp_path / "nowhere.csv")
    (tmp_path / "latin.csv").write_bytes(b"prefix\xe9")
    with pytest.raises(TariffError, match="cannot be read"):
        tariff_files.read(tmp_path / "latin.csv")


class _Commands:
    def __init__(self, url: str, data: Path) -> None:
        self._environment = {
            "GHANTI_DATABASE_URL": url,
            "GHANTI_DATA": str(data),
            "GHANTI_SECRET_KEY": "a key for these tests",
            "GHANTI_PULSE_SECONDS": "45",
            "GHANTI_TIME_ZONE": "Asia/Kathmandu",
        }

    def __call__(self, *arguments: str) -> list[dict[str, Any]]:
        done = CliRunner().invoke(app, ["tariff", *arguments], env=self._environment)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def refused(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, ["tariff", *arguments], env=self._environment)
        assert done.exit_code == 1, done.output
        assert not done.stdout
        assert "Traceback" not in done.stderr
        return str(done.stderr)

    def prices(self) -> dict[str, tuple[int, int, int]]:
        return {
            row["prefix"]: (row["pulse_seconds"], row["credits_per_pulse"], row["credits_per_segment"])
            for row in self("list")
            if "to_come" not in row
        }


def test_commands(engine_database: str, tmp_path: Path) -> None:
    tariff = _Commands(engine_database, tmp_path)
    assert tariff.prices() == {"": (45, 1, 1)}
    tariff("set", "+977 984", "--credits-per-pulse", "3")
    tariff("set", "*", "--pulse-seconds", "60", "--credits-per-segment", "2")
    assert tariff.prices() == {"": (60, 1, 2), "977984": (45, 3, 1)}
    assert tariff("set", "977984", "--pulse-seconds", "45") == [{"changed": 0}]
    (planned,) = tariff("set", "977", "--credits-per-pulse", "0", "--from", "2099-01-01")
    assert planned["valid_from"] == "2099-01-01T00:00:00+05:45"
    assert [row["prefix"] for row in tariff("list") if "to_come" in row] == ["977"]
    prices = _file(tmp_path, HEADER + "977984,45,3,1\n97798,30,2,2\n")
    assert tariff("import", str(prices)) == [{"prefixes": 2, "changed": 1}]
    assert tariff("remove", "977984") == [{"removed": "977984"}]
    assert tariff.prices() == {"": (60, 1, 2), "97798": (30, 2, 2)}
    assert "no tariff of its own" in tariff.refused("remove", "977984")
    assert "stays" in tariff.refused("remove", "*")
    assert "past" in tariff.refused("set", "977", "--from", "2020-01-01")
    assert "1 to 3600" in tariff.refused("set", "977", "--pulse-seconds", "0")
    assert "line 2" in tariff.refused("import", str(_file(tmp_path, HEADER + "977984,45,x,1\n")))
    assert tariff.prices() == {"": (60, 1, 2), "97798": (30, 2, 2)}
