"""How a one-time password is read out: character by character, slowly, and all of it twice."""

from __future__ import annotations

from ghanti.otp.texts import delivered
from ghanti.speech.text import named


def spelled(code: str, language: str) -> str:
    """Each character of a code as a word of its own with a pause behind it.

    The words are those that the normaliser of ``language`` would write, so it leaves them as they are.
    """
    return ", ".join(named(character, language) for character in code)


def spoken(message: str, code: str, company_name: str, language: str) -> str:
    """The whole call: the message with its code spelled, and once more."""
    # Words written against the tag would else become one with the code's.
    apart = message.replace("{", " {").replace("}", "} ")
    once = delivered(apart, spelled(code, language), company_name).strip()
    if once[-1] not in "।.?!":
        once += "।"
    return f"{once} {once}"
