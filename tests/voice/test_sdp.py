"""Session descriptions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.voice import sdp

ANSWER = """v=0
o=pbx 1 1 IN IP4 192.0.2.9
s=-
c=IN IP4 192.0.2.9
t=0 0
m=audio 4000 RTP/AVP 8 0 96
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
"""


def test_an_answer() -> None:
    media = sdp.parse(ANSWER)
    assert (media.host, media.port, media.telephone_event) == ("192.0.2.9", 4000, 96)
    assert media.codecs == {"PCMA": 8, "PCMU": 0}
    assert (media.direction, media.held) == ("sendrecv", False)
    assert media.choose(["PCMU", "PCMA"]) == "PCMA"
    assert media.choose(["PCMU"]) == "PCMU"


def test_our_offer_is_one_we_understand() -> None:
    media = sdp.parse(sdp.describe("192.0.2.1", 5000, ["PCMA", "PCMU"], session=1))
    assert media.codecs == {"PCMA": 8, "PCMU": 0}
    assert media.telephone_event == 101


def test_our_answer_keeps_the_offers_payload_types() -> None:
    text = sdp.describe(
        "192.0.2.1",
        5000,
        ["PCMU"],
        session=1,
        direction="recvonly",
        payloads={"PCMU": 97},
        telephone_event=None,
    )
    media = sdp.parse(text)
    assert media.codecs == {"PCMU": 97}
    assert (media.telephone_event, media.direction) == (None, "recvonly")


def test_dynamic_payload_types_go_by_their_map() -> None:
    text = ANSWER.replace("8 0 96", "0 97 98").replace(
        "a=fmtp", "a=rtpmap:97 pcma/8000/1\na=rtpmap:98 PCMU/16000\na=rtpmap:0 G729/8000\na=fmtp"
    )
    assert sdp.parse(text).codecs == {"PCMA": 97}


def test_wideband_telephone_event_is_not_ours() -> None:
    assert sdp.parse(ANSWER.replace("telephone-event/8000", "telephone-event/48000")).telephone_event is None


@pytest.mark.parametrize(
    ("line", "held"),
    [("a=sendonly", True), ("a=inactive", True), ("a=recvonly", False), ("a=sendrecv", False)],
)
def test_direction(line: str, held: bool) -> None:
    assert sdp.parse(ANSWER + line).held is held
    assert sdp.parse(ANSWER.replace("t=0 0", f"t=0 0\n{line}")).held is held


def test_the_older_hold() -> None:
    assert sdp.parse(ANSWER.replace("192.0.2.9", "0.0.0.0")).held


def test_a_media_level_address_counts_first() -> None:
    assert sdp.parse(ANSWER + "c=IN IP4 192.0.2.77/127\n").host == "192.0.2.77"


def test_the_first_audio_of_several_streams() -> None:
    text = ANSWER.replace("m=audio", "m=video 5 RTP/AVP 31\nm=audio") + "m=audio 7 RTP/AVP 0\n"
    assert sdp.parse(text).port == 4000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        ANSWER.replace("m=audio 4000", "m=audio 0"),
        ANSWER.replace("m=audio 4000", "m=audio 70000"),
        ANSWER.replace("m=audio 4000", "m=audio ٤٠٠٠"),
        ANSWER.replace("RTP/AVP", "RTP/SAVP"),
        ANSWER.replace("IN IP4", "IN IP6"),
        ANSWER.replace("c=IN IP4 192.0.2.9", "c=IN IP4 pbx.example"),
        ANSWER.replace("c=IN IP4 192.0.2.9", ""),
    ],
)
def test_what_cannot_be_sent_to(text: str) -> None:
    with pytest.raises(sdp.SdpError):
        sdp.parse(text)


def test_no_codec_in_common() -> None:
    with pytest.raises(sdp.SdpError):
        sdp.parse(ANSWER.replace("8 0 96", "18 96")).choose(["PCMU", "PCMA"])


LINES = st.sampled_from(
    [
        "m=audio 9 RTP/AVP 0",
        "c=IN IP4 1.2.3.4",
        "c=",
        "m=",
        "m=audio ",
        "a=rtpmap:",
        "a=rtpmap:0",
        "a=sendonly",
    ]
)


@given(st.lists(LINES | st.text(max_size=40), max_size=12))
def test_hostile_text_is_read_or_refused(lines: list[str]) -> None:
    try:
        media = sdp.parse("\r\n".join(lines))
    except sdp.SdpError:
        return
    assert 0 < media.port < 65536
