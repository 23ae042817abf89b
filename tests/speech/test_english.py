import pytest

from ghanti.speech.text import normalise as normalise_for

SPOKEN = [
    # Numbers
    ("50,000 people", "fifty thousand people"),
    ("५०,००० people", "fifty thousand people"),
    ("1,00,000", "one lakh"),
    ("100,000", "one lakh"),
    ("12345678", "one crore twenty three lakh forty five thousand six hundred seventy eight"),
    ("0", "zero"),
    ("1.5", "one point five"),
    ("0.05", "zero point zero five"),
    ("10.00", "ten"),
    ("-5 degrees", "minus five degrees"),
    ("007", "zero zero seven"),
    ("1,2,3", "one, two, three"),
    ("12345678901234", "one two three four five, six seven eight nine zero, one two three four"),
    ("5-10 people", "five to ten people"),
    ("10–15%", "ten to fifteen percent"),
    ("1/2", "one over two"),
    ("21st", "twenty first"),
    ("1st 2nd 3rd", "first second third"),
    ("12th 20th 100th", "twelfth twentieth one hundredth"),
    # Money
    ("Rs. 500", "five hundred rupees"),
    ("Rs 1", "one rupee"),
    ("रु ५००", "five hundred rupees"),
    ("Rs. 1,500.50 /-", "one thousand five hundred rupees and fifty paisa"),
    ("NPR 1,00,000.00", "one lakh rupees"),
    ("500/-", "five hundred rupees"),
    ("Rs.500 rupees", "five hundred rupees"),
    ("Rs 5 lakh", "five lakh rupees"),
    ("Rs -500", "minus five hundred rupees"),
    ("$10.25", "ten dollars and twenty five cents"),
    ("₹100", "one hundred Indian rupees"),
    ("INR 1", "one Indian rupee"),
    # Dates and times
    ("2082-03-25", "the twenty fifth of Asar two thousand eighty two B S"),
    ("2025/07/09", "the ninth of July two thousand twenty five"),
    ("09/07/2025", "the ninth of July two thousand twenty five"),
    ("07/25/2025", "the twenty fifth of July two thousand twenty five"),
    ("1999-12-31", "the thirty first of December nineteen ninety nine"),
    ("2005-01-01", "the first of January two thousand five"),
    ("2025-13-45", "two thousand twenty five, thirteen, forty five"),
    ("FY 2082/83", "F Y two thousand eighty two eighty three"),
    ("14:46", "fourteen forty six"),
    ("14:05", "fourteen oh five"),
    ("14:00", "fourteen hundred hours"),
    ("10:00", "ten o'clock"),
    ("10 o'clock", "ten o'clock"),
    ("5:30 PM", "five thirty P M"),
    ("10 am", "ten ay M"),
    # Phones
    ("9851012345", "nine eight five one zero, one two three four five"),
    ("+977-9851012345", "plus nine seven seven, nine eight five one zero one two three four five"),
    ("+91 98765 43210", "plus nine one, nine eight seven six five, four three two one zero"),
    ("81234 56789", "eight one two three four, five six seven eight nine"),
    ("80000-90000", "eighty thousand to ninety thousand"),
    ("01-5970425", "zero one, five nine seven zero four two five"),
    ("1660-01-23456", "one six six zero, zero one, two three four five six"),
    # Units
    ("5kg", "five kilograms"),
    ("1 km", "one kilometre"),
    ("3.5 m", "three point five metres"),
    ("15%", "fifteen percent"),
    ("25°C", "twenty five degrees Celsius"),
    ("4G", "four G"),
    # Letters
    ("NTC by SMS", "N T C by S M S"),
    ("ATM", "ay T M"),
    ("KYC", "K Y C"),
    ("N.T.C.", "N T C"),
    ("A fine. MY BILL. I AM", "A fine. MY BILL. I AM"),
    ("RAM BAHADUR KC", "RAM BAHADUR K C"),
    ("Dr. Hari, Mr. Ram", "Doctor Hari, Mister Ram"),
    ("Ghanti Pvt. Ltd.", "Ghanti Private Limited"),
    ("No. 5", "number five"),
    ("#5", "number five"),
    ("John's", "John's"),
    ("info@ghanti.com.np", "info at ghanti dot com dot N P"),
    ("https://www.ntc.net.np/pay?id=5", "N T C dot net dot N P slash pay"),
    # Symbols, punctuation
    ("🎉 Well done!!! 😀", "Well done!"),
    ("Ram & Sita", "Ram and Sita"),
    ("राम बहादुर", "राम बहादुर"),
    ("(Kathmandu)", "Kathmandu"),
    ("check-in - now", "check in, now"),
    ("Dear {name}", "Dear name"),
    ("first\n\nsecond", "first. second"),
    ("Thanks ।", "Thanks."),
    ("😀 ... !", ""),
]


def normalise(text: str) -> str:
    return normalise_for(text, "en")


@pytest.mark.parametrize(("written", "spoken"), SPOKEN)
def test_is_spoken_as(written: str, spoken: str) -> None:
    assert normalise(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"), [pair for pair in SPOKEN if pair[1] and pair[0][-1] not in ")!।."]
)
def test_is_spoken_alike_inside_a_sentence(written: str, spoken: str) -> None:
    assert normalise(f"Here {written} is.") == f"Here {spoken} is."
