"""Phone numbers, digit by digit."""

from __future__ import annotations

import re

from ghanti.speech.text.ne.numbers import digit_by_digit
from ghanti.speech.text.ne.rule import Rule


def _international(match: re.Match[str]) -> str:
    return f" प्लस {digit_by_digit(match[0])} "


def _national(match: re.Match[str]) -> str:
    return f" {digit_by_digit(match[0])} "


RULES: tuple[Rule, ...] = (
    Rule(r"\+\d(?:[ -]?\d){6,14}(?![\d,])", _international),
    Rule(r"(?<![\d,.])9[678]\d[ -]?\d{3}[ -]?\d{4}(?![\d,])", _national),
    Rule(r"(?<![\d,.])9[678]\d{3}[ -]\d{5}(?![\d,])", _national),
    # Landlines with their area code, toll-free and short numbers such as 1660-01-23456.
    Rule(r"(?<![\d,.])0\d{1,2}[ -]\d{6,7}(?![\d,])", _national),
    Rule(r"(?<![\d,.])1[68]\d0-\d{2}-\d{3,6}(?![\d,])", _national),
)
