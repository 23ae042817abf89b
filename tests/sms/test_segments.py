"""Texts split into parts, read back by a reader that shares no code with the splitter."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ghanti.simulator.texts import decode_text, read_fragment
from ghanti.sms.segments import Encoding, Segments, TooLongError, segment

GSM_TEXTS = st.text("abc XYZ@£$_^{}\\[~]|€\n\r\fäöñà0123456789'", max_size=700)


def rejoin(segments: Segments, reference: int = 7) -> str:
    fragments = [
        read_fragment(octets, len(segments.parts) > 1) for octets in segments.short_messages(reference)
    ]
    assert [fragment.number for fragment in fragments] == list(range(1, len(fragments) + 1))
    assert {fragment.total for fragment in fragments} == {len(segments.parts)}
    octets = b"".join(fragment.octets for fragment in fragments)
    return decode_text(octets, segments.encoding.data_coding)


@given(st.text(max_size=700))
@example("घण्टी 👨‍👩‍👧‍👦" * 20)
@example("\x1b(" * 3)
@example("\x1b")
@example("")
@example("a" * 69 + "👍" + "b" * 69)
def test_rejoined_parts_are_the_text(text: str) -> None:
    segments = segment(text)
    assert rejoin(segments) == text
    assert "".join(part.text for part in segments.parts) == text


@given(GSM_TEXTS)
def test_gsm_texts_keep_to_the_alphabet_and_its_limits(text: str) -> None:
    segments = segment(text)
    assert segments.encoding is Encoding.GSM7
    assert rejoin(segments) == text
    limit = 160 if len(segments.parts) == 1 else 153
    assert all(len(part.octets) <= limit for part in segments.parts)
    assert not any(part.octets.endswith(b"\x1b") for part in segments.parts)
    assert segments.units == sum(len(part.octets) for part in segments.parts)


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("a" * 160, Encoding.GSM7, 1),
        ("a" * 161, Encoding.GSM7, 2),
        ("a" * 306, Encoding.GSM7, 2),
        ("a" * 307, Encoding.GSM7, 3),
        ("€" * 80, Encoding.GSM7, 1),
        ("€" * 81, Encoding.GSM7, 2),
        ("क" * 70, Encoding.UCS2, 1),
        ("क" * 71, Encoding.UCS2, 2),
        ("क" * 134, Encoding.UCS2, 2),
        ("क" * 135, Encoding.UCS2, 3),
        ("👍" * 35, Encoding.UCS2, 1),
        ("👍" * 36, Encoding.UCS2, 2),
    ],
)
def test_counts_at_the_limits(text: str, encoding: Encoding, parts: int) -> None:
    segments = segment(text)
    assert (segments.encoding, len(segments.parts)) == (encoding, parts)


def test_a_header_precedes_every_part_of_several() -> None:
    messages = segment("a" * 161).short_messages(0x1FF)
    assert [message[:6] for message in messages] == [b"\5\0\3\xff\2\1", b"\5\0\3\xff\2\2"]


def test_no_pair_of_surrogates_is_torn() -> None:
    for part in segment("a" * 66 + "👍" + "क" * 80).parts:
        assert part.octets.decode("utf-16-be") == part.text


def test_the_characters_that_cost_are_named_with_their_replacement() -> None:
    segments = segment("Don’t pay ₹500 – call")
    assert segments.encoding is Encoding.UCS2
    assert segments.forced == ("’", "₹", "–")
    assert segments.replaceable == {"’": "'", "₹": "Rs", "–": "-"}


def test_no_replacement_is_offered_when_it_would_not_help() -> None:
    segments = segment("तिर्नुहोस् – now")
    assert "–" in segments.forced
    assert segments.replaceable == {}


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert rejoin(segment("a\ud83d!")) == "a\ufffd!"


def test_more_parts_than_the_header_can_count() -> None:
    assert len(segment("a" * 153 * 255).parts) == 255
    with pytest.raises(TooLongError, match="256 parts"):
        segment("a" * (153 * 255 + 1))
