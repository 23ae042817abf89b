"""A message that asks: read into what is said and which keys it waits for, and made a call script of.

A paragraph, set off by blank lines, is a question when it bears marks, ``[1: yes] [2: no -> name of a web
hook]``, which are not spoken, or else when it asks for keys in words: "press 1", "१ थिच्नुहोस्",
"1 दबाएं".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ghanti.surveys.compiling import INVALID_PROMPT, MISSING_PROMPT

MOST_QUESTIONS: Final = 20
_TRIES = 2
_WAIT_MS = 7000

_INVALID, _MISSING = "invalid", "missing"
PROMPTS: Final[Mapping[str, tuple[str, str]]] = {
    "np": (INVALID_PROMPT, MISSING_PROMPT),
    "en": (
        "That key is not one of the choices. Please try again.",
        "We did not get your answer. Please try again.",
    ),
    "hi": (
        "आपने जो अंक दबाया वह विकल्पों में नहीं है। कृपया फिर से प्रयास करें।",
        "हमें आपका उत्तर नहीं मिला। कृपया फिर से प्रयास करें।",
    ),
}
"""What is said before a question is asked again, by the voice's language: after a wrong key, after none."""

_PARAGRAPHS = re.compile(r"\n\s*\n")
_TAG = re.compile(r"\{[^{}]*\}")
_MARK = re.compile(r"\[[ \t]*([0-9०-९*#])[ \t]*((?::|：|->|→)[^\[\]\n]{0,200})\]")
_ARROW = re.compile(r"->|→")

# A digit or sign that is no part of a longer number, a time, a date or a word.
_LONE = r"(?<!\w)(?<!\d[.:/\-])[0-9०-९*#](?!\w|[.:/\-–]\w|,\d\d|[*#])"
_NUMBERS: Final = (
    ("zero", "शून्य"),
    ("one", "एक"),
    ("two", "दुई", "दो"),
    ("three", "तीन"),
    ("four", "चार"),
    ("five", "पाँच", "पांच"),
    ("six", "छ", "छः", "छह"),
    ("seven", "सात"),
    ("eight", "आठ"),
    ("nine", "नौ"),
)
_WORDS: Final[Mapping[str, str]] = {
    **{word: str(number) for number, words in enumerate(_NUMBERS) for word in words},
    **{"star": "*", "hash": "#", "pound": "#"},
}
_WORD = (
    r"(?<![\w\u0900-\u0963])(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")(?![\w\u0900-\u0963])"
)
_KEY = rf"({_LONE}|{_WORD})"
_QUOTED = r"[\"'“‘(\[<#]?"
_UNQUOTED = r"[\"'”’)\]>]?"
_VERB_FIRST = re.compile(
    r"(?<!\w)(?:press(?:ing)?|push|dial)\s+(?:(?:the|a|on|either|key|number|digit|button)\s+){0,3}"
    + _QUOTED
    + _KEY,
    re.IGNORECASE,
)
_VERB_LAST = re.compile(
    _KEY
    + _UNQUOTED
    + r"\s*(?:(?:नम्बर|नंबर|अंक|अङ्क|बटन|कुञ्जी|कुंजी|को|का|मा|पर|वाला|number|key|button)\s*){0,3}"
    + r"(?:थिच|दबा(?![बव])|प्रेस|press|thich|dabau|daba[eiy])",
    re.IGNORECASE,
)
# Further keys of a sentence that asks: "press 1 for yes, 2 for no"; "हो भने १, होइन भने २ थिच्नुहोस्".
_LINKED = re.compile(
    _KEY + _UNQUOTED + r"\s*(?:[,;।.!?]|$|(?:for|to|if|or|and|र|वा|अथवा|या|और|भने)(?![\w\u0900-\u0963]))",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?।\n]+(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Part:
    """What is said in one go, and which keys are then waited for: none for what is only said.

    Attributes:
        text: With its tags, without its marks.
        keys: Each of ``0-9 * #``, in the order in which they are named.
        labels: What a key means, where a mark says so.
        hooks: The name of the web hook that a key calls, where a mark says so.
    """

    text: str
    keys: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    hooks: Mapping[str, str] = field(default_factory=dict)


def read(text: str) -> list[Part]:
    """The parts of a message, in order; of any text whatever, and every word of it is in one of them.

    Paragraphs that only say something are one part together. Marks that stand alone belong to the paragraph
    before them.
    """
    parts: list[Part] = []
    for part in _paragraphs(text):
        if parts and not part.keys and not parts[-1].keys:
            parts[-1] = Part(f"{parts[-1].text}\n\n{part.text}")
        else:
            parts.append(replace(part, keys=tuple(dict.fromkeys(part.keys))))
    return parts


def fault(text: str) -> str | None:
    """Why a message could not ask as it wants to, or None."""
    asking = [part for part in _paragraphs(text) if part.keys]
    if len(asking) > MOST_QUESTIONS:
        return f"It asks {len(asking)} questions; at most {MOST_QUESTIONS} are asked in a call."
    if any(not part.text for part in asking):
        return "It begins with marks for keys, before anything is asked."
    for part in asking:
        if twice := {key for key in part.keys if part.keys.count(key) > 1}:
            return f"The key {min(twice)} is named twice in one question."
    return None


def hooks(text: str) -> list[str]:
    """The names of the web hooks that its keys call, each once."""
    return list(dict.fromkeys(name for part in read(text) for name in part.hooks.values()))


def question_name(number: int) -> str:
    """The name under which the answer to a question is kept; questions count from 1."""
    return f"question_{number}"


def compiled(parts: Sequence[Part], language: str) -> dict[str, Any]:
    """The ``script``, ``audios``, ``hooks`` and ``labels`` of a call content (``dialing/contents.py``).

    A question is asked again once, and then passed over. ``hooks`` are names of web hooks by question and
    key, ``labels`` what keys mean; without any, either is left out.
    """
    steps: list[dict[str, Any]] = []
    audios: dict[str, dict[str, Any]] = {}
    hooked: dict[str, dict[str, str]] = {}
    labelled: dict[str, dict[str, str]] = {}
    asked = 0
    for number, part in enumerate(parts, 1):
        asked += bool(part.keys)
        name = question_name(asked) if part.keys else f"said_{number}"
        audios[name] = {"template": part.text}
        steps.append({"do": "play", "audio": name})
        if part.keys:
            steps.append(_listen(name, part))
        if part.hooks:
            hooked[name] = dict(part.hooks)
        if part.labels:
            labelled[name] = dict(part.labels)
    invalid, missing = PROMPTS.get(language, PROMPTS["en"])
    audios |= {_INVALID: {"template": invalid}, _MISSING: {"template": missing}}
    script = {"v": 1, "steps": steps}
    said: dict[str, Any] = {"script": script, "audios": audios}
    for kind, found in (("hooks", hooked), ("labels", labelled)):
        if found:
            said[kind] = found
    return said


def _listen(name: str, part: Part) -> dict[str, Any]:
    return {
        "do": "listen",
        "name": name,
        "valid": list(part.keys),
        "timeout_ms": _WAIT_MS,
        "tries": _TRIES,
        "invalid": _INVALID,
        "missing": _MISSING,
    }


def _paragraphs(text: str) -> list[Part]:
    """Each paragraph that says something, with the marks that stand below it; a key may be there twice."""
    found: list[Part] = []
    for part in map(_read, _PARAGRAPHS.split(text)):
        if part.keys and not part.text and found:
            found[-1] = _joined(found[-1], part)
        elif part.keys or part.text:
            found.append(part)
    return found


def _read(paragraph: str) -> Part:
    marks = list(_marks(paragraph))
    if not marks:
        return Part(paragraph.strip(), _keys_in_words(_masked(paragraph)))
    text = paragraph
    for _, _, _, (start, end) in reversed(marks):
        text = f"{text[:start].rstrip()} {text[end:].lstrip()}"
    return Part(
        text.strip(),
        tuple(key for key, *_ in marks),
        {key: label for key, label, _, _ in marks if label},
        {key: hook for key, _, hook, _ in marks if hook},
    )


def _joined(question: Part, marks: Part) -> Part:
    """A paragraph with the marks that stand below it, which decide alone when it asked in words only."""
    keys = question.keys + marks.keys if question.labels or question.hooks else marks.keys
    return Part(question.text, keys, {**question.labels, **marks.labels}, {**question.hooks, **marks.hooks})


def _marks(paragraph: str) -> Iterator[tuple[str, str, str, tuple[int, int]]]:
    """Each mark as its key, its label, its hook and where it stands."""
    for match in _MARK.finditer(_masked(paragraph)):
        said = paragraph[match.start(2) : match.end(2)]
        label, *hook = _ARROW.split(said.removeprefix(":").removeprefix("："), maxsplit=1)
        yield _ascii(match[1]), label.strip(), "".join(hook).strip(), match.span()


def _masked(text: str) -> str:
    """The text, as long as before, with nothing of its tags in it."""
    return _TAG.sub(lambda match: "x" * len(match[0]), text)


def _keys_in_words(text: str) -> tuple[str, ...]:
    """The keys of the sentences that ask for one."""
    asked = {match.start(1): match[1] for one in (_VERB_FIRST, _VERB_LAST) for match in one.finditer(text)}
    if not asked:
        return ()
    linked = {match.start(1): match[1] for match in _LINKED.finditer(text)}
    ends = [match.end() for match in _SENTENCE_END.finditer(text)] + [len(text)]
    found: dict[int, str] = dict(asked)
    begin = 0
    for end in ends:
        if any(begin <= at < end for at in asked):
            found |= {at: key for at, key in linked.items() if begin <= at < end}
        begin = end
    return tuple(dict.fromkeys(_ascii(found[at]) for at in sorted(found)))


def _ascii(key: str) -> str:
    """A key in any script, or as a word, as it is on a telephone."""
    known = _WORDS.get(key.lower())
    return known if known is not None else str(int(key)) if key.isdecimal() else key
