"""Kills in the middle of a campaign: nobody is called or texted twice, all ends, every sum is right."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from chaos_campaign import LISTENING, ChaosCampaign

from serving import Served, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]
NewCampaign = Callable[..., ChaosCampaign]

LONG_MESSAGE = " ".join(["नमस्ते {name} जी, तपाईंको यस महिनाको खानेपानी महसुल बाँकी छ।"] * 4)
"""Of more than ten seconds."""


@pytest.mark.parametrize("role", ["dialler", "voice", "postgresql"])
def test_a_role_killed_during_calls(served: Served, new_campaign: NewCampaign, role: str) -> None:
    campaign = new_campaign()
    campaign.run()
    campaign.wait_for_live_calls()
    killed_at = served.kill(role)
    served.wait_back(role)
    campaign.wait_final()
    outcomes = campaign.check_books()
    live = [call for call in campaign.calls() if call.was_live(killed_at)]
    assert live, f"{role} was killed while no call was live"
    assert [call for call in campaign.calls() if call.began_at > killed_at], "nothing was left to dial"
    if role == "voice":
        assert outcomes["call", "unknown"] >= 1, "calls of a voice process that died are known"
    else:
        # Calls go on without their dialler and without the database.
        assert [reason for reason in campaign.reasons("unknown") if reason[0] == "call"] == []
        assert outcomes["call", "completed"] == len(LISTENING)


def test_sms_killed_while_texts_are_sent(served: Served, new_campaign: NewCampaign) -> None:
    campaign = new_campaign(endings=tuple(range(80)))
    campaign.run()
    campaign.wait_for_texts()
    served.kill("sms")
    before = len(campaign.texts())
    served.wait_back("sms")
    campaign.wait_final()
    outcomes = campaign.check_books()
    assert 0 < before < len(campaign.texts())
    assert outcomes["sms", "completed"] + outcomes["sms", "unknown"] == len(campaign.numbers)


def test_everything_killed_at_once(served: Served, new_campaign: NewCampaign) -> None:
    campaign = new_campaign()
    campaign.run()
    campaign.wait_for_live_calls()
    killed_at = served.kill_everything()
    served.start()
    served.wait_ready()
    campaign.wait_final()
    outcomes = campaign.check_books()
    assert [call for call in campaign.calls() if call.was_live(killed_at)]
    assert outcomes["call", "unknown"] >= 1
    assert outcomes["call", "completed"] >= 1


def test_drain_lets_live_calls_end_and_the_next_start_goes_on(
    served: Served, new_campaign: NewCampaign
) -> None:
    campaign = new_campaign()
    campaign.run()
    campaign.wait_for_live_calls()
    asked_at = time.time()
    assert served.stop() == 0
    before = campaign.calls()
    assert [call for call in before if call.was_live(asked_at)]
    assert all(call.ended_at is not None for call in before), "a call was abandoned"
    assert len(before) < len(campaign.numbers), "a server that drains goes on dialling"
    served.start()
    served.wait_ready()
    campaign.wait_final()
    outcomes = campaign.check_books()
    assert campaign.reasons("unknown") == []
    assert outcomes["call", "completed"] >= len(LISTENING)


def test_emergency_stop_hangs_up_and_dials_no_more(new_campaign: NewCampaign) -> None:
    campaign = new_campaign(LONG_MESSAGE)
    campaign.run()
    campaign.wait_for_live_calls()
    answer = campaign.stop()
    stopped_at = time.time()
    assert answer["data"]["status"] == "Terminated"
    live = [call for call in campaign.calls() if call.was_live(stopped_at)]
    assert live
    wait_until(lambda: all(call.ended_at is not None for call in campaign.calls()), "every call has ended")
    campaign.wait_final("Terminated")
    calls = campaign.calls()
    # The two seconds are the promise of docs/how-a-call-flows.md, read off the phones' own log.
    assert all(call.ended_at and call.ended_at <= stopped_at + 2 for call in calls)
    assert all(call.began_at <= stopped_at + 2 for call in calls)
    assert {call.hungup_by for call in calls if call.was_live(stopped_at)} == {"caller"}
    outcomes = campaign.check_books()
    assert outcomes["call", "cancelled"] >= 1
    assert not outcomes["call", "completed"]
    assert len(calls) < len(campaign.numbers)
    statuses = {contact["status"] for contact in campaign.contacts()}
    assert "terminated" in statuses
