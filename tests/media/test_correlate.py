import itertools

import numpy as np
import pytest

from ghanti.media.correlate import compare, similarity
from ghanti.media.g711 import Pcm, alaw_to_pcm, pcm_to_alaw, pcm_to_ulaw, ulaw_to_pcm
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.template import fill
from ghanti.speech.text import normalise
from ghanti.speech.voices import VOICES, Voice

TEMPLATE = (
    "नमस्ते {name}, तपाईंको खानेपानी महसुल रु. {amount} बाँकी छ। कृपया यही महिनाभित्र "
    "नजिकको कार्यालयमा गई भुक्तानी गर्नुहोला। धन्यवाद।"
)
SHORT = "{name}, रु {amount} तिर्नुहोस्।"
CONTACTS = [("राम", 500), ("श्याम", 1500), ("गीता कुमारी", 1250), ("Hari", 50000), ("सरिता", 1501)]
SILENCE = np.zeros(4000, np.int16)


def spoken(voice: Voice, template: str = TEMPLATE) -> list[Pcm]:
    engine = Espeak()
    texts = [fill(template, {"name": name, "amount": amount}).text for name, amount in CONTACTS]
    return [engine.synthesise(normalise(text, "np"), voice.engine_voice, 1.0) for text in texts]


def over_the_phone(pcm: Pcm) -> Pcm:
    return ulaw_to_pcm(pcm_to_ulaw(pcm))


@pytest.mark.parametrize(
    "voice", [voice for voice in VOICES if voice.language == "np"], ids=lambda voice: str(voice.id)
)
@pytest.mark.parametrize("template", [TEMPLATE, SHORT], ids=["long", "short"])
def test_tells_messages_of_one_template_apart(voice: Voice, template: str) -> None:
    messages = spoken(voice, template)
    for heard, expected in itertools.product(messages, messages):
        score = similarity(over_the_phone(heard), expected)
        assert score > 0.95 if heard is expected else score < 0.5


def test_tells_one_name_from_another_when_all_else_is_equal() -> None:
    engine = Espeak()
    ram, binod = (
        engine.synthesise(
            normalise(TEMPLATE.format(name=name, amount=500), "np"), VOICES[0].engine_voice, 1.0
        )
        for name in ("राम", "बिनोद श्रेष्ठ")
    )
    assert similarity(over_the_phone(ram), binod) < 0.5


@pytest.fixture(scope="module")
def messages() -> list[Pcm]:
    return spoken(VOICES[0])


@pytest.mark.parametrize(
    "distort",
    [
        lambda pcm: np.concatenate([SILENCE, pcm, SILENCE]),
        lambda pcm: pcm[800:],
        lambda pcm: np.concatenate([SILENCE, pcm[800:]]),
        lambda pcm: pcm[: len(pcm) // 2],
        lambda pcm: pcm[8000:-8000],
        lambda pcm: (pcm * 0.3).astype(np.int16),
        lambda pcm: alaw_to_pcm(pcm_to_alaw(pcm)),
        lambda pcm: pcm + np.int16(200),
        lambda pcm: np.concatenate([pcm[:20000], np.zeros(160, np.int16), pcm[20160:]]),
    ],
    ids=["padded", "late", "late and padded", "half", "middle", "quiet", "alaw", "offset", "lost packet"],
)
def test_recognises_what_a_phone_makes_of_a_message(messages: list[Pcm], distort) -> None:
    heard = distort(over_the_phone(messages[0]))
    assert similarity(heard, messages[0]) > 0.9
    assert similarity(heard, messages[1]) < 0.5


@pytest.mark.parametrize("inserted", [160, 320], ids=["one packet", "two packets"])
def test_survives_a_slip_of_the_jitter_buffer(messages: list[Pcm], inserted: int) -> None:
    pcm = over_the_phone(messages[0])
    slipped = np.concatenate([pcm[:20000], np.zeros(inserted, np.int16), pcm[20000:]])
    assert similarity(slipped, messages[0]) > 0.8


@pytest.mark.parametrize("lag", [-1200, 0, 4000])
def test_finds_the_lag_of_either_sign(messages: list[Pcm], lag: int) -> None:
    expected = messages[0]
    heard = expected[-lag:] if lag < 0 else np.concatenate([np.zeros(lag, np.int16), expected])
    match = compare(heard, expected)
    assert match.lag == lag
    assert match.windows > 20


def test_a_missing_passage_is_noticed(messages: list[Pcm]) -> None:
    heard = messages[0].copy()
    heard[len(heard) // 3 : 2 * len(heard) // 3] = 0
    assert similarity(heard, messages[0]) < 0.5


@pytest.mark.parametrize("heard", [np.zeros(0, np.int16), np.zeros(8000, np.int16), np.ones(1, np.int16)])
def test_nothing_heard_is_no_match(messages: list[Pcm], heard: Pcm) -> None:
    assert similarity(heard, messages[0]) == 0
    assert similarity(messages[0], heard) == 0
