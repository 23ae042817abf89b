"""The forty people of the demo, and the workbook they come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import xlsxwriter

MESSAGE = "नमस्ते {name} जी, तपाईंको यस महिनाको खानेपानी महसुल रु. {amount} बाँकी छ। कृपया समयमै तिर्नुहोला।"
SMS_MESSAGE = "{name} जी, खानेपानी महसुल रु. {amount} बाँकी छ।"

_NAMES = (
    "राम श्रेष्ठ",
    "सीता गुरुङ",
    "हरि प्रसाद अधिकारी",
    "गीता थापा",
    "कृष्ण बहादुर के.सी.",
    "मीना राई",
    "विष्णु पौडेल",
    "लक्ष्मी तामाङ",
    "शिव कुमार यादव",
    "सरस्वती भट्टराई",
    "अर्जुन मगर",
    "पार्वती खड्का",
    "दीपक बस्नेत",
    "सुनिता लामा",
    "राजेश महर्जन",
    "कविता शाक्य",
    "नारायण ढकाल",
    "रेखा चौधरी",
    "सुरेश नेपाल",
    "अनिता शर्मा",
    "प्रकाश बराल",
    "निर्मला कार्की",
    "गोपाल दाहाल",
    "सविता सुवेदी",
    "महेश पन्त",
    "बिमला ओली",
    "उमेश जोशी",
    "शान्ति डंगोल",
    "रमेश लिम्बू",
    "कमला घिमिरे",
    "दिनेश सापकोटा",
    "उर्मिला रेग्मी",
    "भरत खनाल",
    "मञ्जु आचार्य",
    "केशव पराजुली",
    "राधा न्यौपाने",
    "तेज बहादुर विष्ट",
    "पवित्रा मिश्र",
    "सन्तोष झा",
    "इन्दिरा रिजाल",
)

# The last two digits choose what a simulated phone does (docs/simulator.md): thirty listen to the end.
_ENDINGS = (
    *range(10, 37),
    *(80, 81, 82),
    *(90, 190, 91, 191, 92, 192, 93, 193, 293, 95),
)

BEFORE_NUMBER = 984_100_0000


@dataclass(frozen=True, slots=True)
class Person:
    number: str
    name: str
    amount: int

    @property
    def e164(self) -> str:
        return f"+977{self.number}"

    def fill(self, template: str) -> str:
        return template.replace("{name}", self.name).replace("{amount}", str(self.amount))


def people() -> list[Person]:
    return [
        Person(str(BEFORE_NUMBER + ending), name, 350 + 137 * index)
        for index, (name, ending) in enumerate(zip(_NAMES, _ENDINGS, strict=True))
    ]


def write_workbook(path: Path, rows: list[Person]) -> None:
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet("ग्राहक")
        for column, title in enumerate(("number", "name", "amount")):
            sheet.write(0, column, title)
        for row, person in enumerate(rows, start=1):
            sheet.write_number(row, 0, int(person.number))
            sheet.write_string(row, 1, person.name)
            sheet.write_number(row, 2, person.amount)
