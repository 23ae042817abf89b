"""What a language has to say for the rules that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Noun = tuple[str, str]
"""A thing that is counted: of one, and of any other number."""

Currency = tuple[Noun, Noun]
"""Its unit and the hundredth of it."""


@dataclass(frozen=True, slots=True)
class Language:
    """The words of one language. Patterns are regular expressions without groups that capture.

    Attributes:
        stop: the mark that ends a sentence.
        digits: the names of 0 to 9.
        cardinal: a number of at most 15 digits in words.
        ordinal: which one, of a number of at most 9 digits and the ending that was written behind it.
        ordinal_ending: pattern of such endings, ``st`` and its like apart.
        point: what separates the whole from its decimals.
        minus: before a negative number.
        plus: before the code of a country.
        until: between the ends of a range.
        over: between the two numbers of a fraction.
        numbered: before a number that stands behind ``#`` or ``No.``
        joint: between an amount and its hundredths; may be empty.
        multiplier: pattern of words such as *lakh* behind an amount.
        date: a valid day of the Bikram (True) or Gregorian year in words: year, month, day, which.
        time: an hour, a minute and ``AM``, ``PM`` or nothing in words.
        oclock: pattern of words behind a time that ``time`` says already.
        rupees: the currency of an amount whose sign names none.
        currencies: others, by their signs in capitals.
        rupees_written: pattern of the currency's name behind an amount that has a sign.
        units: what is measured, by how it is written.
        symbols: the names of signs that have a sound.
        letters: the names of A to Z.
        words_of_one: single capitals that are words.
        vowels: capitals without any of them are spelled.
        spelled: abbreviations that are spelled although they have a vowel.
        titles: abbreviations before names and in those of companies, with or without a dot.
        said: words in Latin letters, in small letters, that are said otherwise.
        marks: the names of ``@ . / _ -`` in addresses.
        abbreviations: whole abbreviations in Devanagari.
    """

    stop: str
    digits: tuple[str, ...]
    cardinal: Callable[[int], str]
    ordinal: Callable[[int, str], str]
    ordinal_ending: str
    point: str
    minus: str
    plus: str
    until: str
    over: str
    numbered: str
    joint: str
    multiplier: str
    date: Callable[[int, int, int, bool], str]
    time: Callable[[int, int, str], str]
    oclock: str
    rupees: Currency
    currencies: Mapping[str, Currency]
    rupees_written: str
    units: Mapping[str, Noun]
    symbols: Mapping[str, str]
    letters: Mapping[str, str]
    words_of_one: frozenset[str]
    vowels: frozenset[str]
    spelled: frozenset[str]
    titles: Mapping[str, str]
    said: Mapping[str, str]
    marks: Mapping[str, str]
    abbreviations: Mapping[str, str]

    def spell(self, letters: str) -> str:
        """The names of Latin letters; everything else in ``letters`` is skipped."""
        return " ".join(self.letters[letter] for letter in letters.upper() if letter in self.letters)


def uncounted(word: str) -> Noun:
    """A noun that is the same for one and for many."""
    return word, word
