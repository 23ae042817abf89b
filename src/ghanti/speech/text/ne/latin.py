"""What is written in Latin letters: abbreviations letter by letter, addresses, titles.

Other Latin words stay: the engine reads them by its English rules.
"""

from __future__ import annotations

import re

from ghanti.speech.text.ne.numbers import digit_by_digit
from ghanti.speech.text.ne.rule import Rule

_NAMES = "ए बी सी डी ई एफ जी एच आई जे के एल एम एन ओ पी क्यु आर एस टी यु भी डब्लु एक्स वाई जेड"
_LETTERS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _NAMES.split(), strict=True))
# Spelled although they have a vowel. Words in capitals are otherwise names from somebody's sheet.
_SPELLED_WORDS = """
ADB AI AIDS ATM BA BBA BE CA CAAN CEO CIAA COD CPI DAO DIY DOB EMI EMS EV FAQ GPA HIV IC ICU ID IME INGO
IOE IP IPO IRD ISO ISP IT IVR LOC MBA MOU NEA NEB NIC NIMB NMA NOC OPD OTP PO QA SEBON SEE SOP TIA TU UAE
UK UN UPS USA USB UTL VAT VIP VOIP AM IOS API URL UPI EPF SIA EDC AGM BOD CIB ECA IEMIS
"""
_SPELLED = frozenset(_SPELLED_WORDS.split())
_TITLES = {
    "Dr": "डाक्टर",
    "Mr": "मिस्टर",
    "Mrs": "मिसेज",
    "Prof": "प्रोफेसर",
    "Er": "इन्जिनियर",
    "Pvt": "प्राइभेट",
    "Ltd": "लिमिटेड",
}
_SAID = {"rs": "रुपैयाँ", "nrs": "रुपैयाँ", "npr": "रुपैयाँ", "ok": "ओके", "com": "कम"}
_DEVANAGARI = {
    "प्रा.लि.": "प्राइभेट लिमिटेड",
    "प्रा. लि.": "प्राइभेट लिमिटेड",
    "वि.सं.": "विक्रम संवत्",
    "वि. सं.": "विक्रम संवत्",
    "ई.सं.": "ईस्वी संवत्",
    "कि.मी.": "किलोमिटर",
    "के.जी.": "केजी",
    "म.न.पा.": "महानगरपालिका",
    "न.पा.": "नगरपालिका",
    "गा.पा.": "गाउँपालिका",
    "आ.व.": "आर्थिक वर्ष",
    "डा.": "डाक्टर",
    "प्रा.": "प्राध्यापक",
    "नं.": "नम्बर",
    "रु.": "रुपैयाँ",
    "रू.": "रुपैयाँ",
}
_LABEL = r"[A-Za-z0-9-]{1,63}"
_ENDING = r"(?:com|org|net|gov|edu|info|np|io|app|co|me|in)"
_LONGEST_PATH = 40


def spell(letters: str) -> str:
    """The names of Latin letters; everything else in ``letters`` is skipped."""
    return " ".join(_LETTERS[letter] for letter in letters.upper() if letter in _LETTERS)


def word(text: str) -> str:
    """One run of Latin letters as it is said."""
    if (said := _SAID.get(text.lower())) is not None:
        return f" {said} "
    if text.isupper() and (len(text) == 1 or text in _SPELLED or not set(text) & set("AEIOU")):
        return f" {spell(text)} "
    return text


def _address(match: re.Match[str]) -> str:
    """A mail or web address with its dots and slashes, without query and without a long path."""
    text = re.sub(r"^[A-Za-z]{3,5}://", "", match[0]).split("?")[0].split("#")[0].rstrip(".,।!/)")
    text = re.sub(r"^www\.", "", text, flags=re.IGNORECASE)
    host, slash, path = text.partition("/")
    pieces = re.findall(r"[A-Za-z]+|\d+|[@./_-]", host + (slash + path if len(path) <= _LONGEST_PATH else ""))
    return " " + " ".join(_piece(piece) for piece in pieces) + " "


_MARKS = {"@": "एट", ".": "डट", "/": "स्ल्यास", "_": "अन्डरस्कोर", "-": "ड्यास"}


def _piece(piece: str) -> str:
    if piece in _MARKS:
        return _MARKS[piece]
    if piece.isdigit():
        return digit_by_digit(piece)
    if piece.lower() in _SAID:
        return _SAID[piece.lower()]
    short = len(piece) <= 2 or not set(piece.upper()) & set("AEIOUY")
    return spell(piece) if short else piece.lower()


ADDRESSES: tuple[Rule, ...] = (
    Rule(r"(?:https?://|(?<![A-Za-z0-9])[Ww][Ww][Ww]\.)[^\s।<>\"'{}]+", _address),
    Rule(rf"(?<![\w.+-])[A-Za-z0-9_.+-]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{1,6}}", _address),
    Rule(
        rf"(?<![A-Za-z0-9.-])(?=[\d.-]*[A-Za-z]){_LABEL}(?:\.{_LABEL}){{0,5}}\.{_ENDING}(?![A-Za-z0-9-])"
        r"(?:/[^\s।<>\"'{}]*)?",
        _address,
    ),
)

_ABBREVIATIONS = "|".join(re.escape(short) for short in _DEVANAGARI)
WORDS: tuple[Rule, ...] = (
    Rule(r"(?<![A-Za-z])(?:[A-Z]\.\s?){1,8}[A-Z](?![A-Za-z])\.?", lambda match: f" {spell(match[0])} "),
    Rule(rf"(?<![A-Za-z])({'|'.join(_TITLES)})\b\.?", lambda match: f" {_TITLES[match[1]]} "),
    Rule(r"(?<![A-Za-z])No\.\s?(?=\d)", lambda _: " नम्बर "),
    Rule(rf"(?<![\u0900-\u097f])(?:{_ABBREVIATIONS})", lambda match: f" {_DEVANAGARI[match[0]]} "),
    Rule(r"[A-Za-z]+", lambda match: word(match[0])),
)
