"""Personalised messages a second from template to G.711 file, through one speech process.

Anchor: the same texts through bare espeak-ng in this process, the library loaded and its voice chosen once,
its samples thrown away. Both speak every message of a run anew; runs alternate. Every run and the medians
are written to bench/results.json under "speech".

FLOOR: the pipeline reaches at least half of the anchor; else this exits 1.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import espeakng_loader
from _figures import record

from ghanti.speech.cache import Rendered
from ghanti.speech.pool import RenderRequest, SpeechPool
from ghanti.speech.template import fill
from ghanti.speech.text import normalise
from ghanti.speech.voices import DEFAULT_VOICE

FLOOR = 0.5
MESSAGES = 1000
RUNS = 3
TEMPLATE = "नमस्ते {name}, तपाईंको खानेपानी महसुल रु. {amount} बाँकी छ। कृपया 2082-03-25 भित्र भुक्तानी गर्नुहोला। धन्यवाद।"
FIRST = ("राम", "श्याम", "सीता", "गीता", "हरि", "बिनोद", "सरिता", "प्रकाश", "कमला", "निर्मल")
LAST = ("श्रेष्ठ", "थापा", "गुरुङ", "राई", "कार्की", "अधिकारी", "तामाङ", "खड्का", "मगर", "यादव")


def texts() -> list[str]:
    """As many different messages as a run has."""
    people = (f"{FIRST[index % 10]} {LAST[index // 10 % 10]}" for index in range(MESSAGES))
    return [
        fill(TEMPLATE, {"name": name, "amount": 500 + 37 * index}).text for index, name in enumerate(people)
    ]


async def pipeline() -> tuple[float, float]:
    """Seconds for all messages, and seconds of audio that came of them."""
    requests = [RenderRequest(text, DEFAULT_VOICE.engine_voice) for text in texts()]
    with tempfile.TemporaryDirectory() as folder:
        async with SpeechPool(Path(folder)) as pool:
            await pool.render_many([RenderRequest("नमस्ते", DEFAULT_VOICE.engine_voice)])
            begun = time.perf_counter()
            answers = await pool.render_many(requests)
            seconds = time.perf_counter() - begun
    rendered = [answer for answer in answers if isinstance(answer, Rendered)]
    assert len({answer.key for answer in rendered}) == MESSAGES
    return seconds, sum(answer.ms for answer in rendered) / 1000


def bare_espeak() -> float:
    """Seconds for the same words."""
    words = [normalise(text, "np").encode() for text in texts()]
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Initialize(2, 2000, espeakng_loader.get_data_path().encode(), 0x8000)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(lambda *_: 0)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(DEFAULT_VOICE.engine_voice.name.encode())
    library.espeak_SetParameter(1, 160, 0)
    begun = time.perf_counter()
    for word in words:
        assert library.espeak_Synth(word, len(word) + 1, 0, 1, 0, 1, None, None) == 0
    seconds = time.perf_counter() - begun
    library.espeak_Terminate()
    return seconds


def main() -> None:
    rates, anchors, audio = [], [], 0.0
    for _ in range(RUNS):
        anchors.append(MESSAGES / bare_espeak())
        seconds, audio = asyncio.run(pipeline())
        rates.append(MESSAGES / seconds)
    ratio = median(rates) / median(anchors)
    runs = [
        {"messages_per_second": round(rate, 1), "espeak_per_second": round(anchor, 1)}
        for rate, anchor in zip(rates, anchors, strict=True)
    ]
    figures = {
        "messages": MESSAGES,
        "seconds_of_audio_a_message": round(audio / MESSAGES, 1),
        "messages_per_second": round(median(rates), 1),
        "espeak_per_second": round(median(anchors), 1),
        "ratio": round(ratio, 3),
        "floor": FLOOR,
    }
    record("speech", runs, figures)
    print(json.dumps(figures, indent=2))
    if ratio < FLOOR:
        sys.exit(f"{ratio:.2f} of bare espeak-ng, below the floor of {FLOOR}")


if __name__ == "__main__":
    main()
