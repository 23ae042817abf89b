"""What is written in Latin letters: abbreviations letter by letter, addresses, titles.

Other Latin words stay: the engine reads them by its English rules.
"""

from __future__ import annotations

import re

from ghanti.speech.text.language import Language
from ghanti.speech.text.numbers import Numbers
from ghanti.speech.text.rule import Rule

# Words in capitals are otherwise names from somebody's sheet.
_SPELLED_WORDS = """
ADB AI AIDS ATM BA BBA BE CA CAAN CEO CIAA COD CPI DAO DIY DOB EMI EMS EV FAQ GPA HIV IC ICU ID IME INGO
IOE IP IPO IRD ISO ISP IT IVR LOC MBA MOU NEA NEB NIC NIMB NMA NOC OPD OTP PO QA SEBON SEE SOP TIA TU UAE
UK UN UPS USA USB UTL VAT VIP VOIP AM IOS API URL UPI EPF SIA EDC AGM BOD CIB ECA IEMIS
"""
SPELLED = frozenset(_SPELLED_WORDS.split())
"""Abbreviations of Nepal, and of everywhere, that are spelled although they have a vowel."""

_LABEL = r"[A-Za-z0-9-]{1,63}"
_ENDING = r"(?:com|org|net|gov|edu|info|np|io|app|co|me|in)"
_LONGEST_PATH = 40


class Latin:
    """Reads Latin letters in one language."""

    def __init__(self, language: Language, numbers: Numbers) -> None:
        self._language = language
        self._numbers = numbers

    def addresses(self) -> tuple[Rule, ...]:
        return (
            Rule(r"(?:https?://|(?<![A-Za-z0-9])[Ww][Ww][Ww]\.)[^\s।<>\"'{}]+", self._address),
            Rule(rf"(?<![\w.+-])[A-Za-z0-9_.+-]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{1,6}}", self._address),
            Rule(
                rf"(?<![A-Za-z0-9.-])(?=[\d.-]*[A-Za-z]){_LABEL}(?:\.{_LABEL}){{0,5}}\.{_ENDING}(?![A-Za-z0-9-])"
                r"(?:/[^\s।<>\"'{}]*)?",
                self._address,
            ),
        )

    def words(self) -> tuple[Rule, ...]:
        words = self._language
        rules = [
            Rule(
                r"(?<![A-Za-z])(?:[A-Z]\.\s?){1,8}[A-Z](?![A-Za-z])\.?",
                lambda match: f" {words.spell(match[0])} ",
            ),
            Rule(
                rf"(?<![A-Za-z])({'|'.join(words.titles)})\b\.?", lambda match: f" {words.titles[match[1]]} "
            ),
            Rule(r"(?<![A-Za-z])No\.\s?(?=\d)", lambda _: f" {words.numbered} "),
        ]
        if words.abbreviations:
            short = "|".join(re.escape(abbreviation) for abbreviation in words.abbreviations)
            rules.append(
                Rule(rf"(?<![\u0900-\u097f])(?:{short})", lambda match: f" {words.abbreviations[match[0]]} ")
            )
        return *rules, Rule(r"[A-Za-z]+", lambda match: self._word(match[0]))

    def _word(self, text: str) -> str:
        """One run of Latin letters as it is said."""
        words = self._language
        if (said := words.said.get(text.lower())) is not None:
            return f" {said} "
        if text in words.words_of_one or not text.isupper():
            return text
        if len(text) == 1 or text in words.spelled or not set(text) & words.vowels:
            return f" {words.spell(text)} "
        return text

    def _address(self, match: re.Match[str]) -> str:
        """A mail or web address with its dots and slashes, without query and without a long path."""
        text = re.sub(r"^[A-Za-z]{3,5}://", "", match[0]).split("?")[0].split("#")[0].rstrip(".,।!/)")
        text = re.sub(r"^www\.", "", text, flags=re.IGNORECASE)
        host, slash, path = text.partition("/")
        whole = host + (slash + path if len(path) <= _LONGEST_PATH else "")
        pieces = re.findall(r"[A-Za-z]+|\d+|[@./_-]", whole)
        return " " + " ".join(self._piece(piece) for piece in pieces) + " "

    def _piece(self, piece: str) -> str:
        words = self._language
        if piece in words.marks:
            return words.marks[piece]
        if piece.isdigit():
            return self._numbers.digit_by_digit(piece)
        if piece.lower() in words.said:
            return words.said[piece.lower()]
        short = len(piece) <= 2 or not set(piece.upper()) & set("AEIOUY")
        return words.spell(piece) if short else piece.lower()
