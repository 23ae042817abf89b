"""Files through the reading process, without a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import orjson
import pytest

from ghanti.contacts import reading_process
from ghanti.contacts.errors import ImportRefused
from ghanti.contacts.reading import Summary
from ghanti.settings import Settings

Write = Callable[..., Path]


async def read(path: Path, settings: Settings) -> tuple[list[tuple[int, str, dict[str, Any]]], Summary]:
    """Row, number and variables of each good contact, and the summary."""
    written = bytearray()

    async def write(rows: bytes) -> None:
        written.extend(rows)

    summary = await reading_process.read(path, path.name, settings, write)
    contacts = []
    for line in written.decode().splitlines():
        position, number, _, _, variables, _ = line.split("\t")
        contacts.append((int(position), number, orjson.loads(variables.replace("\\\\", "\\"))))
    assert summary.rows == len(contacts)
    return contacts, summary


async def test_columns_in_any_order_and_types_kept(workbook: Write, settings: Settings) -> None:
    path = workbook(
        [
            ["name", "paid", "due", "Mobile No.", "at", "amount", "share", "note"],
            ["राम ", True, date(2026, 1, 27), 9841234567, datetime(2026, 1, 27, 17, 5), 5000.0, 0.5, "=1+1"],
            ["Sita", False, date(2026, 2, 1), "+977 980-8684325", time(6, 30), 0, -1.25, ""],
        ]
    )
    contacts, summary = await read(path, settings)
    assert contacts == [
        (
            2,
            "+9779841234567",
            {
                "name": "राम ",
                "paid": True,
                "due": "2026-01-27",
                "at": "2026-01-27T17:05:00",
                "amount": 5000,
                "share": 0.5,
                "note": "=1+1",
            },
        ),
        (
            3,
            "+9779808684325",
            {
                "name": "Sita",
                "paid": False,
                "due": "2026-02-01",
                "at": "06:30:00",
                "amount": 0,
                "share": -1.25,
                "note": "",
            },
        ),
    ]
    assert [type(value) for value in contacts[0][2].values()] == [str, bool, str, str, int, float, str]
    assert summary.error_list == []
    assert summary.samples[0] == {"column": "name", "sample": "राम ", "values": ["राम ", "Sita"]}
    assert summary.samples[3] == {
        "column": "Mobile No.",
        "sample": "9841234567",
        "values": [9841234567, "+977 980-8684325"],
    }
    assert [sample["column"] for sample in summary.samples] == [
        "name", "paid", "due", "Mobile No.", "at", "amount", "share", "note",
    ]  # fmt: skip
    assert summary.samples[1]["sample"] == "true"


@pytest.mark.parametrize(
    "header",
    [
        "number",
        "NUMBERS",
        " Phone ",
        "phone_number",
        "Mobile",
        "Contact No.",
        "MSISDN",
        "फोन",
        "मोबाइल नं.",
        "नम्बर",
    ],
)
async def test_phone_column_by_name(header: str, text_file: Write, settings: Settings) -> None:
    path = text_file(f"code,{header}\n9851111111,1231231234\n")
    contacts, _ = await read(path, settings)
    assert contacts == [(2, "1231231234", {"code": 9851111111})]


async def test_of_two_phone_names_the_one_with_phones(text_file: Write, settings: Settings) -> None:
    path = text_file("contact,number,mobile\nRam,1,9841234567\nSita,2,9841234568\n")
    contacts, _ = await read(path, settings)
    assert contacts[1] == (3, "+9779841234568", {"contact": "Sita", "number": 2})


async def test_phone_column_by_content(text_file: Write, settings: Settings) -> None:
    path = text_file(
        "who,amount,reach at\nRam,1000000,9841234567\nSita,2000000,n/a\nHari,3000000,9841234569\n"
    )
    contacts, summary = await read(path, settings)
    assert [row for row, _, _ in contacts] == [2, 4]
    assert contacts[0][2] == {"who": "Ram", "amount": 1000000}
    assert summary.error_list == [
        {
            "row": 3,
            "number": "n/a",
            "field": "number",
            "message": "A phone number holds digits only, and perhaps a plus before them.",
        }
    ]


async def test_without_header_columns_are_counted(text_file: Write, settings: Settings) -> None:
    contacts, summary = await read(text_file("Ram,9841234567,5\nSita,9841234568,\n"), settings)
    assert contacts == [
        (1, "+9779841234567", {"column_1": "Ram", "column_3": 5}),
        (2, "+9779841234568", {"column_1": "Sita"}),
    ]
    assert [sample["column"] for sample in summary.samples] == ["column_1", "column_2", "column_3"]


async def test_a_column_of_numbers_alone(text_file: Write, settings: Settings) -> None:
    contacts, _ = await read(text_file("9841234567\n९८४१२३४५६८\n"), settings)
    assert contacts == [(1, "+9779841234567", {}), (2, "+9779841234568", {})]


async def test_amounts_are_never_phones(text_file: Write, settings: Settings) -> None:
    with pytest.raises(ImportRefused, match="No column of phone numbers"):
        await read(text_file("name,amount,id\nRam,1000000,1234567890\n"), settings)


async def test_titles_blank_rows_and_names(workbook: Write, settings: Settings) -> None:
    path = workbook(
        [
            [],
            ["", "Taxpayers of ward 5"],
            [],
            ["", "name", "name", "", "phone", 2024, "name_2"],
            ["", "Ram", "Bahadur", "", "9841234567", 1, "z"],
            ["", " ", "", "", ""],
            ["", "Sita", "", "new", "9841234568"],
        ]
    )
    contacts, summary = await read(path, settings)
    assert contacts == [
        (5, "+9779841234567", {"name": "Ram", "name_2": "Bahadur", "2024": 1, "name_2_2": "z"}),
        (7, "+9779841234568", {"name": "Sita", "name_2": "", "column_4": "new", "2024": "", "name_2_2": ""}),
    ]
    assert summary.error_count == 0


async def test_first_sheet_with_data(workbook: Write, settings: Settings) -> None:
    path = workbook([], [["number"], [9841234567]], [["number"], [9841234568]])
    contacts, _ = await read(path, settings)
    assert contacts == [(2, "+9779841234567", {})]


async def test_bad_rows_are_counted_and_listed_up_to_a_thousand(text_file: Write, settings: Settings) -> None:
    path = text_file("number,name\n" + "x,y\n" * 1500 + "9841234567,Ram\n,Sita\n")
    contacts, summary = await read(path, settings)
    assert contacts == [(1502, "+9779841234567", {"name": "Ram"})]
    assert summary.error_count == 1501
    assert len(summary.error_list) == 1000
    assert summary.error_list[0]["row"] == 2


async def test_values_that_cannot_be_kept(text_file: Write, settings: Settings) -> None:
    long = "x" * 10_001
    path = text_file(
        f"number,name\n9841234567,{long}\n9841234568,a\0b\n9841234569,ok\n" + "9841234569,fine\n" * 500
    )
    contacts, summary = await read(path, settings)
    assert len(contacts) == 501
    assert [(error["row"], error["field"]) for error in summary.error_list] == [(2, "name"), (3, "name")]


SHEET = 'number{0}name\n9841234567{0}राम "ठूलो"\n9841234568{0}"एक\nदुई"\n'
EXPECTED = [(2, "+9779841234567", {"name": 'राम "ठूलो"'}), (3, "+9779841234568", {"name": "एक\nदुई"})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
async def test_encodings_and_separators(
    encoding: str, separator: str, text_file: Write, settings: Settings
) -> None:
    path = text_file(SHEET.format(separator).encode(encoding))
    contacts, _ = await read(path, settings)
    assert contacts == EXPECTED


async def test_windows_1252(text_file: Write, settings: Settings) -> None:
    contacts, _ = await read(text_file("number,name\r\n9841234567,André\r\n".encode("cp1252")), settings)
    assert contacts == [(2, "+9779841234567", {"name": "André"})]


async def test_text_stays_as_written_unless_it_is_a_number(text_file: Write, settings: Settings) -> None:
    path = text_file("number,a,b,c,d,e,f,g\n09841234567,007,12,12.5,1.50,1e5,-3,12345678901234567890\n")
    contacts, _ = await read(path, settings)
    assert list(contacts[0][2].values()) == ["007", 12, 12.5, "1.50", "1e5", -3, "12345678901234567890"]


async def test_home_country_is_a_setting(text_file: Write) -> None:
    contacts, _ = await read(text_file("number\n9876543210\n"), Settings(home_country="IN"))
    assert contacts == [(2, "+919876543210", {})]


async def test_a_workbook_is_known_by_its_content(workbook: Write, settings: Settings) -> None:
    contacts, _ = await read(workbook([["number"], [9841234567]], name="contacts.csv"), settings)
    assert contacts == [(2, "+9779841234567", {})]
