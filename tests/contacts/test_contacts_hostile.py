"""Files made to do harm, and files that aren't what they say: each a refusal that says why."""

from __future__ import annotations

import asyncio
import os
import random
import re
import struct
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ghanti.contacts import reading_process
from ghanti.contacts.errors import ImportRefused
from ghanti.contacts.reading import Summary
from ghanti.settings import Settings

Write = Callable[..., Path]


async def discard(rows: bytes) -> None:
    pass


async def refusal(path: Path, settings: Settings, name: str | None = None) -> ImportRefused:
    with pytest.raises(ImportRefused) as caught:
        await reading_process.read(path, name or path.name, settings, discard)
    assert caught.value.message.endswith((".", "?"))
    return caught.value


def edit(path: Path, **members: Callable[[bytes], bytes]) -> Path:
    """Rewrite members of a workbook, named by their file's stem."""
    with zipfile.ZipFile(path) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            change = members.get(Path(name).stem, bytes)
            archive.writestr(name, change(content))
    return path


async def test_one_cell_in_the_last_corner(workbook: Write, settings: Settings) -> None:
    path = workbook([["number", "name"], ["9841234567", "Ram"]])
    corner = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    edit(path, sheet1=lambda xml: xml.replace(b"</sheetData>", corner))
    assert path.stat().st_size < 8_000
    error = await refusal(path, settings)
    assert "1024 MB of memory" in error.message


async def test_a_long_text_shared_by_many_cells(workbook: Write, settings: Settings) -> None:
    path = workbook([["number", "name"], ["9841234567", "shared"]])
    cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>3</v></c></row>' % (n, n) for n in range(3, 200_000))
    edit(
        path,
        sheet1=lambda xml: xml.replace(b"</sheetData>", cells + b"</sheetData>"),
        sharedStrings=lambda xml: xml.replace(b">shared<", b">" + b"x" * 32_000 + b"<"),
    )
    error = await refusal(path, settings)
    assert "1024 MB of memory" in error.message


async def test_a_bomb_is_seen_in_the_directory(workbook: Write, settings: Settings) -> None:
    path = workbook([["number"], [9841234567]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/x.xml", "w") as member:
        for _ in range(1100):
            member.write(bytes(1 << 20))
    assert "unpacks to more than 1024 MB" in (await refusal(path, settings)).message


async def test_a_bomb_that_lies_about_its_size(workbook: Write) -> None:
    path = workbook([["number"], [9841234567]])
    edit(path, sheet1=lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + b" " * (300 << 20)))
    content = path.read_bytes()
    real, small = struct.pack("<I", uncompressed(path)), struct.pack("<I", 1000)
    assert content.count(real) == 2
    path.write_bytes(content.replace(real, small))
    await refusal(path, Settings(import_megabytes=128))


def uncompressed(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return archive.getinfo("xl/worksheets/sheet1.xml").file_size


async def test_entities_do_not_expand(workbook: Write, settings: Settings) -> None:
    path = workbook([["number", "name"], ["9841234567", "shared"]])
    doctype = '<!DOCTYPE x [<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
    )
    edit(
        path,
        sharedStrings=lambda xml: re.sub(rb"(<sst)", doctype.encode() + rb"]>\1", xml).replace(
            b">shared<", b">&a11;<"
        ),
    )
    await refusal(path, settings)


async def test_too_slow(text_file: Write) -> None:
    path = text_file("number,name\n" + "01-4412345,x\n" * 400_000)
    error = await refusal(path, Settings(import_seconds=0.6))
    assert error.message == "Reading the file takes longer than 0.6 s."


async def test_too_large(text_file: Write) -> None:
    path = text_file(b"number\n" + b"9841234567\n" * 100_000)
    assert (await refusal(path, Settings(upload_megabytes=1))).message == "The file is larger than 1 MB."


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "contacts.xlsx", "is empty"),
        (b"", "contacts.csv", "is empty"),
        (b"\n\n , \n", "contacts.csv", "is empty"),
        (b"\xef\xbb\xbf", "contacts.csv", "is empty"),
        (b"number,name\n9841234567,Ram\n", "contacts.xlsx", "named like a workbook"),
        (b"PK\x03\x04 and no more", "contacts.xlsx", "is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "contacts.xls", "old .xls kind"),
        (b"%PDF-1.7 number", "contacts.pdf", "kind .pdf"),
        (b"number,name\n", "contacts.csv", "no rows under its header"),
        (b"name,amount\nRam,5\n", "contacts.csv", "No column of phone numbers"),
        (b"number\n" + b"x," * 300 + b"x\n", "contacts.csv", "301 columns"),
        (
            b"number," + b",".join(b"c%d" % n for n in range(200)) + b"\n9841234567\n",
            "contacts.csv",
            "201 columns",
        ),
        (b"number," + b"x" * 300 + b"\n1234567,1\n", "contacts.csv", "name of a column"),
        (b'number,name\n9841234567,"Ram' + b"x\n" * 60_000, "contacts.csv", "quotation mark"),
    ],
)
async def test_what_is_no_list(
    content: bytes, name: str, reason: str, text_file: Write, settings: Settings
) -> None:
    assert reason in (await refusal(text_file(content, name), settings)).message


@pytest.mark.parametrize("name", ["contacts.csv", "contacts.xlsx", "contacts"])
async def test_ten_megabytes_of_junk(name: str, text_file: Write, settings: Settings) -> None:
    junk = random.Random(5).randbytes(10 << 20)
    await refusal(text_file(junk, name), settings)
    await refusal(text_file(b"PK\x03\x04" + junk, name), settings)


async def test_bad_rows_alone_come_with_their_reasons(text_file: Write, settings: Settings) -> None:
    error = await refusal(text_file("number,name\nabc,Ram\n12,Sita\n"), settings)
    assert error.message == "The file holds no valid phone number."
    assert [(row["row"], row["number"]) for row in error.error_list] == [(2, "abc"), (3, 12)]


async def test_other_zip_files(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "contacts.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert "isn't an .xlsx workbook" in (await refusal(path, settings)).message


async def test_damaged_workbooks(workbook: Write, text_file: Write, settings: Settings) -> None:
    whole = workbook([["number", "name"], *[[9841234567 + n, "x"] for n in range(50)]]).read_bytes()
    chance = random.Random(7)
    refused = 0
    for trial in range(12):
        broken = bytearray(whole)
        for _ in range(20):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path = text_file(bytes(broken), f"broken{trial}.xlsx")
        try:
            summary = await reading_process.read(path, path.name, settings, discard)
        except ImportRefused:
            refused += 1
        else:
            assert summary.rows + summary.error_count <= 51
    assert refused


async def test_no_process_stays_behind(text_file: Write, settings: Settings) -> None:
    path = text_file("number,name\n" + "01-4412345,x\n" * 400_000)
    started = asyncio.Event()

    async def never(rows: bytes) -> None:
        started.set()
        await asyncio.Event().wait()

    reading = asyncio.create_task(reading_process.read(path, path.name, settings, never))
    async with asyncio.timeout(30):
        await started.wait()
    (child,) = children()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert child not in running()


@pytest.fixture
def reading_waits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once the reading waits for room among the batches that are to be written."""
    waits = asyncio.Event()

    class Watched(asyncio.Queue[bytes | None]):
        async def put(self, item: bytes | None) -> None:
            if self.full():
                waits.set()
            await super().put(item)

    monkeypatch.setattr(reading_process, "Batches", Watched)
    return waits


@pytest.fixture
def many_batches(text_file: Write) -> Path:
    return text_file("number,name\n" + f"01-4412345,{'x' * 9000}\n" * 3000)


async def test_a_write_that_fails_while_the_reading_waits_ends_it(
    many_batches: Path, settings: Settings, reading_waits: asyncio.Event
) -> None:
    async def fail(rows: bytes) -> None:
        await reading_waits.wait()
        raise ConnectionError("the database is away")

    async with asyncio.timeout(60):
        with pytest.raises(ConnectionError):
            await reading_process.read(many_batches, many_batches.name, settings, fail)
    assert not children()


async def test_waiting_for_the_writes_is_no_time_of_reading(
    many_batches: Path, settings: Settings, reading_waits: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    clock, skipped = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: clock() + skipped)

    async def write_slowly(rows: bytes) -> None:
        nonlocal skipped
        await reading_waits.wait()
        if not skipped:
            skipped = 2 * settings.import_seconds
            await asyncio.sleep(0.01)

    summary = await reading_process.read(many_batches, many_batches.name, settings, write_slowly)
    assert summary.rows == 3000


def children() -> list[str]:
    """Pids of reading processes started by this one."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for file in listed for pid in file.read_text().split()]
    return [pid for pid in pids if b"ghanti.contacts.reader" in command(pid)]


def command(pid: str) -> bytes:
    """The command line of a process; empty when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def running() -> set[str]:
    return {entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def environment(pid: str) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_the_reading_process_sees_no_secret(
    text_file: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHANTI_SECRET_KEY", "secret")
    path = text_file("number\n" + "01-4412345\n" * 100_000)
    seen: list[bytes] = []

    async def look(rows: bytes) -> None:
        if not seen:
            (child,) = children()
            seen.append(environment(child))

    await reading_process.read(path, path.name, settings, look)
    assert b"LC_ALL" in seen[0]
    assert b"GHANTI" not in seen[0]


async def test_two_files_are_read_at_a_time(text_file: Write, settings: Settings) -> None:
    # So long that its reader waits, and lives, while its first rows are held.
    long = text_file("number\n" + "9841234567\n" * 100_000, "long.csv")
    path = text_file("number\n" + "9841234567\n" * 5000)
    seen: list[int] = []

    async def look(rows: bytes) -> None:
        seen.append(len(children()))

    async def hold(rows: bytes) -> None:
        async with asyncio.timeout(30):
            while 2 not in seen:
                await asyncio.sleep(0.01)
                seen.append(len(children()))

    async def read(account_id: int, path: Path, write: Callable[[bytes], Awaitable[None]]) -> Summary:
        async with reading_process.turn(account_id):
            return await reading_process.read(path, path.name, settings, write)

    summaries = await asyncio.gather(
        read(0, long, hold), *(read(1 + other, path, look) for other in range(6))
    )
    assert [summary.rows for summary in summaries] == [100_000] + [5000] * 6
    assert max(seen) == 2
