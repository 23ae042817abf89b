"""Phone numbers, digit by digit."""

from __future__ import annotations

import re

from ghanti.speech.text.language import Language
from ghanti.speech.text.numbers import Numbers
from ghanti.speech.text.rule import Rule


def rules(language: Language, numbers: Numbers) -> tuple[Rule, ...]:
    def international(match: re.Match[str]) -> str:
        return f" {language.plus} {numbers.digit_by_digit(match[0])} "

    def national(match: re.Match[str]) -> str:
        return f" {numbers.digit_by_digit(match[0])} "

    return (
        Rule(r"\+\d(?:[ -]?\d){6,14}(?![\d,])", international),
        Rule(r"(?<![\d,.])9[678]\d[ -]?\d{3}[ -]?\d{4}(?![\d,])", national),
        Rule(r"(?<![\d,.])9[678]\d{3}[ -]\d{5}(?![\d,])", national),
        # Mobiles of India; with a dash it would be a range of quantities.
        Rule(r"(?<![\d,.])[6-9]\d{4} \d{5}(?![\d,])", national),
        # Landlines with their area code, toll-free and short numbers such as 1660-01-23456.
        Rule(r"(?<![\d,.])0\d{1,3}[ -]\d{6,8}(?![\d,])", national),
        Rule(r"(?<![\d,.])1[68]\d0-\d{2,3}-\d{3,6}(?![\d,])", national),
    )
