from ghanti.speech.voices import DEFAULT_VOICE, VOICES


def test_the_voices_that_programs_know() -> None:
    assert [(voice.id, voice.display_name, voice.internal_name, voice.premium) for voice in VOICES] == [
        (1, "Rija", "np_rija", False),
        (2, "Rija premium", "np_rija", True),
        (3, "Prashanna", "np_prashanna", False),
        (4, "Binod", "np_binod", False),
        (5, "Shreegya", "np_shreegya", False),
        (6, "Maya", "en_maya", False),
        (7, "Arjun", "en_arjun", False),
        (8, "Ananya", "hi_ananya", False),
        (9, "Rohan", "hi_rohan", False),
    ]
    assert len({voice.engine_voice for voice in VOICES}) == len(VOICES)


def test_names_tell_the_language() -> None:
    assert all(voice.internal_name.startswith(f"{voice.language}_") for voice in VOICES)
    assert {voice.language for voice in VOICES} == {"np", "en", "hi"}


def test_the_default_needs_no_leave() -> None:
    assert not DEFAULT_VOICE.premium
