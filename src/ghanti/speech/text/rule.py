"""What the reading of every language is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Say = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for, and how it is said.

    Attributes:
        pattern: a regular expression without named groups. Its repetitions are bounded or can't
            overlap, so that hostile text takes linear time.
        say: from a match of the pattern to words.
    """

    pattern: str
    say: Say


class Rules:
    """Several rules as one pass over a text; at any place the first rule that matches has it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(re.compile(rule.pattern), rule.say) for rule in rules]
        # The rules' own groups are for the second look; here they would hide which rule it was.
        plain = (re.sub(r"(?<!\\)\((?!\?)", "(?:", rule.pattern) for rule in rules)
        self._any = re.compile("|".join(f"({pattern})" for pattern in plain))

    def apply(self, text: str) -> str:
        return self._any.sub(self._said, text)

    def _said(self, match: re.Match[str]) -> str:
        pattern, say = self._rules[(match.lastindex or 1) - 1]
        # At its place in the whole text, because rules look at what stands before and behind.
        own = pattern.match(match.string, match.start())
        return say(own) if own else match[0]
