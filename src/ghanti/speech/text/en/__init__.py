"""English, as Nepal and India write it."""

from __future__ import annotations

from ghanti.speech.text.en import dates, numbers
from ghanti.speech.text.language import Language, uncounted
from ghanti.speech.text.latin import SPELLED

_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAISA, _CENT = uncounted("paisa"), ("cent", "cents")
_DOLLAR, _EURO, _INDIAN = ("dollar", "dollars"), ("euro", "euros"), ("Indian rupee", "Indian rupees")
_PERCENT = uncounted("percent")

# In a text that is all in capitals these are words.
_WORDS = {"AM", "BE", "IT", "SEE"}

LANGUAGE = Language(
    stop=".",
    digits=numbers.DIGITS,
    cardinal=numbers.cardinal,
    ordinal=numbers.ordinal,
    ordinal_ending="औं|औँ|ओं|ौं|ौँ",
    point="point",
    minus="minus",
    plus="plus",
    until="to",
    over="over",
    numbered="number",
    joint="and",
    multiplier=numbers.MULTIPLIER,
    date=dates.spoken_date,
    time=dates.spoken_time,
    oclock=r"o['’]clock\b",
    rupees=(("rupee", "rupees"), _PAISA),
    currencies={
        "$": (_DOLLAR, _CENT),
        "USD": (_DOLLAR, _CENT),
        "€": (_EURO, _CENT),
        "EUR": (_EURO, _CENT),
        "£": (("pound", "pounds"), ("penny", "pence")),
        "₹": (_INDIAN, _PAISA),
        "INR": (_INDIAN, _PAISA),
    },
    rupees_written=r"[Rr]upees?\b",
    units={
        "km/h": ("kilometre per hour", "kilometres per hour"),
        "kmph": ("kilometre per hour", "kilometres per hour"),
        "km": ("kilometre", "kilometres"),
        "kg": ("kilogram", "kilograms"),
        "gm": ("gram", "grams"),
        "g": ("gram", "grams"),
        "mg": ("milligram", "milligrams"),
        "cm": ("centimetre", "centimetres"),
        "mm": ("millimetre", "millimetres"),
        "m": ("metre", "metres"),
        "ft": ("foot", "feet"),
        "ml": ("millilitre", "millilitres"),
        "ltr": ("litre", "litres"),
        "l": ("litre", "litres"),
        "L": ("litre", "litres"),
        "kWh": ("kilowatt hour", "kilowatt hours"),
        "kW": ("kilowatt", "kilowatts"),
        "MW": ("megawatt", "megawatts"),
        "GB": uncounted("G B"),
        "MB": uncounted("M B"),
        "Mbps": uncounted("M B P S"),
        "hrs": ("hour", "hours"),
        "hr": ("hour", "hours"),
        "min": ("minute", "minutes"),
        "mins": ("minute", "minutes"),
        "sec": ("second", "seconds"),
        "°C": ("degree Celsius", "degrees Celsius"),
        "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
        "°": ("degree", "degrees"),
        "%": _PERCENT,
    },
    symbols={
        "&": " and ",
        "@": " at ",
        "+": " plus ",
        "=": " equals ",
        "%": " percent ",
        "°": " degrees ",
        "₹": " rupees ",
        "$": " dollars ",
        "€": " euros ",
        "£": " pounds ",
    },
    # The engine reads each capital by its name, but A as the article.
    letters=dict(zip(_CAPITALS, _CAPITALS, strict=True)) | {"A": "ay"},
    words_of_one=frozenset("AI"),
    vowels=frozenset("AEIOUY"),
    spelled=SPELLED - _WORDS | {"KYC", "FY"},
    titles={
        "Dr": "Doctor",
        "Mr": "Mister",
        "Mrs": "Missis",
        "Ms": "Miss",
        "Prof": "Professor",
        "Er": "Engineer",
        "Pvt": "Private",
        "Ltd": "Limited",
        "Govt": "Government",
        "Dept": "Department",
        "Approx": "Approximately",
        "approx": "approximately",
    },
    said={"rs": "rupees", "nrs": "rupees", "npr": "rupees", "inr": "Indian rupees", "ok": "okay"},
    marks={"@": "at", ".": "dot", "/": "slash", "_": "underscore", "-": "dash"},
    abbreviations={"नं.": "number", "रु.": "rupees", "रू.": "rupees"},
)
