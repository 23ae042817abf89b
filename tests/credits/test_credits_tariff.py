"""What calls and messages cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ghanti.credits.tariff import Tariff

tariffs = st.builds(Tariff, st.integers(1, 120), st.integers(0, 10), st.integers(0, 10))


@given(tariff=tariffs, milliseconds=st.integers(0, 3_600_000))
def test_a_call_costs_its_begun_pulses(tariff: Tariff, milliseconds: int) -> None:
    pulse = tariff.pulse_seconds * 1000
    pulses = tariff.pulses(milliseconds)
    assert pulses >= 1
    assert (pulses - 1) * pulse <= milliseconds <= pulses * pulse
    assert tariff.call(milliseconds) == pulses * tariff.credits_per_pulse


@given(tariff=tariffs, message=st.integers(0, 600_000))
def test_a_hold_covers_the_message_and_one_pulse_more(tariff: Tariff, message: int) -> None:
    assert tariff.hold(message) == tariff.call(message) + tariff.credits_per_pulse
    assert tariff.call(message + tariff.pulse_seconds * 1000) <= tariff.hold(message)


@given(tariff=tariffs, held=st.integers(0, 1000))
def test_a_call_within_its_seconds_costs_no_more_than_was_held(tariff: Tariff, held: int) -> None:
    seconds = tariff.seconds(held)
    if seconds is None:
        assert tariff.call(3_600_000) == 0
    elif seconds:
        assert tariff.call(seconds * 1000) <= held < tariff.call(seconds * 1000 + 1)


def test_a_minute_to_the_millisecond_is_one_pulse() -> None:
    tariff = Tariff()
    assert [tariff.call(ms) for ms in (0, 1, 60_000, 60_001)] == [1, 1, 1, 2]
    assert tariff.hold(60_000) == 2
    assert tariff.message(3) == 3
