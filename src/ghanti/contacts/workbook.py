"""Reading .xlsx workbooks with calamine, which trusts what it is given.

One cell in the last row and column makes it ask for 400 GB and abort; cells that share one long
text get a copy each. So this runs under a memory limit, and what can be seen in the archive's
directory is refused before calamine sees it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import python_calamine
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from ghanti.contacts import cells
from ghanti.contacts.columns import Row
from ghanti.contacts.errors import ImportRefused
from ghanti.contacts.reading import Sheet

_MOST_MEMBERS = 10_000
_DAMAGED = "The workbook is damaged, or isn't an .xlsx file."


def open_sheet(path: Path, limit: int) -> Sheet:
    """The first visible sheet that holds anything.

    Args:
        limit: bytes that the archive may unpack to.

    Raises:
        ImportRefused: no workbook, or none that can be read.
    """
    _check_archive(path, limit)
    try:
        sheet = _first_with_data(CalamineWorkbook.from_path(path))
    except python_calamine.PasswordError as error:
        raise ImportRefused("The workbook is protected by a password.") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise ImportRefused(_DAMAGED) from error
    assert sheet.start is not None
    return Sheet(_rows(sheet), cells.from_workbook, offset=sheet.start[1])


def _check_archive(path: Path, limit: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ImportRefused(_DAMAGED) from error
    names = {member.filename.lower().replace("\\", "/") for member in members}
    if "xl/workbook.xml" not in names:
        raise ImportRefused("The file isn't an .xlsx workbook; save it as .xlsx or .csv.")
    if any(member.flag_bits & 1 for member in members):
        raise ImportRefused("The workbook is protected by a password.")
    if len(members) > _MOST_MEMBERS:
        raise ImportRefused(f"The workbook has {len(members)} parts; at most {_MOST_MEMBERS} are read.")
    if sum(member.file_size for member in members) > limit:
        raise ImportRefused(f"The workbook unpacks to more than {limit >> 20} MB.")


def _first_with_data(workbook: CalamineWorkbook) -> CalamineSheet:
    for index, sheet in enumerate(workbook.sheets_metadata):
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible:
            found = workbook.get_sheet_by_index(index)
            if found.start is not None:
                return found
    raise ImportRefused("The workbook is empty.")


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    return enumerate(sheet.iter_rows(), start=1)
