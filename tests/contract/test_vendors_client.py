"""The hosted service's own Python client, unmodified, in everything it can do against a served instance."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import tingting

from audio_files import audio_file
from serving import Served, wait_until

BROKER = "+97715970969"


@pytest.fixture(scope="module")
def _once() -> set[str]:
    """What was made ready for the tests of this file."""
    return set()


@pytest.fixture
def client(served: Served, _once: set[str]) -> tingting.TingTingClient:
    """The client, and the shared caller number that its makers test with: id 10, +97715970969."""
    if "broker" not in _once:
        added = served.ghanti("number", "add", BROKER, "--shared")
        with served.connect() as connection:
            connection.execute("UPDATE caller_numbers SET id = 10 WHERE id = %s", [added["id"]])
        _once.add("broker")
    return tingting.TingTingClient(served.url, served.token)


@pytest.fixture
def campaign(client: tingting.TingTingClient) -> tingting.Campaign:
    return _campaign(client).create()


def _campaign(client: tingting.TingTingClient, **fields: Any) -> tingting.Campaign:
    fields = {"name": "client", "message": "नमस्ते {name}", "smsMessage": "{name}", "voiceId": 1} | fields
    return tingting.Campaign(client=client, **fields)


def _contact(client: tingting.TingTingClient, number: str, **attributes: Any) -> tingting.Contact:
    return tingting.Contact(client=client, phoneNumber=number, attributes={"name": "John", **attributes})


def _status(client: tingting.TingTingClient, campaign: tingting.Campaign) -> tingting.CampaignStatus:
    return client.get_campaign(campaign.id).status


def _numbers(client: tingting.TingTingClient, campaign: tingting.Campaign) -> list[str]:
    """The client reads contacts and throws them away; this reads them for it."""
    client.get_contacts(campaign)
    page = client.get_data(f"api/v1/campaign-detail/{campaign.id}/", {"limit": 100})
    return [row["number"] for row in page["results"]]


def test_user(client: tingting.TingTingClient) -> None:
    user = client.get_user()
    assert isinstance(user.id, int)
    assert user.json()["email"] == user.email == "ward@example.com"


def test_dialers(client: tingting.TingTingClient) -> None:
    assert BROKER in [dialer.phoneNumber for dialer in client.get_dialers()]
    assert client.get_dialer_by_id(10).phoneNumber == BROKER
    assert client.get_dialer_by_number(BROKER).id == 10
    assert client.get_dialer_by_id(999_999) is None


def test_voices(client: tingting.TingTingClient) -> None:
    voices = client.get_voices()
    assert all(isinstance(voice.id, int) and voice.internalName for voice in voices)
    assert client.get_voice_by_id(1).displayName.lower() == "rija"
    assert client.get_voice_by_name("rija").id == 1
    assert client.get_voice_by_name("nobody") is None


def test_no_token(served: Served) -> None:
    """It sends an empty Authorization then."""
    with pytest.raises(requests.HTTPError) as refused:
        tingting.TingTingClient(served.url).get_user()
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    "services", [tingting.Services.PHONE, tingting.Services.SMS, tingting.Services.SMS_PHONE]
)
@pytest.mark.parametrize("category", list(tingting.Category))
def test_create(
    client: tingting.TingTingClient, services: tingting.Services, category: tingting.Category
) -> None:
    made = _campaign(client, services=services, category=category, dialers=[10]).create()
    assert (made.services, made.category, made.dialers) == (services, category, [10])
    assert (made.message, made.smsMessage, made.voiceId) == ("नमस्ते {name}", "{name}", 1)
    assert made.status is tingting.CampaignStatus.NOT_STARTED
    assert (made.creditLimit, made.failoverTarget, made.draft) == (0, [], False)


def test_create_with_little(client: tingting.TingTingClient) -> None:
    """No voice and no dialers: the key of the voice is left out, and the list is empty."""
    made = tingting.Campaign(client=client).create()
    assert (made.voiceId, made.dialers, made.schedule) == (None, [], None)
    assert made.name == "Test Campaign"


def test_create_with_dialers_voice_and_failover(client: tingting.TingTingClient) -> None:
    made = _campaign(
        client,
        dialers=client.get_dialers(),
        voice=client.get_voices()[0],
        failoverTarget=[tingting.FailoverTarget.UNANSWERED, tingting.FailoverTarget.FAILED],
        lengthFactor=1.2,
        creditLimit=7,
    ).create()
    assert made.dialers == [dialer.id for dialer in client.get_dialers()]
    assert made.failoverTarget == [tingting.FailoverTarget.UNANSWERED, tingting.FailoverTarget.FAILED]
    assert made.creditLimit == 7


def test_schedule(client: tingting.TingTingClient) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    made = _campaign(client, schedule=at).create()
    assert made.schedule.tzinfo is not None
    assert abs(made.schedule - at) < timedelta(seconds=10)
    made.add_contact(_contact(client, "9990000000"))
    made.run()
    assert _status(client, made) is tingting.CampaignStatus.SCHEDULED
    assert client.get_campaign(made.id).schedule == made.schedule
    client.stop_campaign(made)
    assert _status(client, made) is tingting.CampaignStatus.TERMINATED


def test_lists(client: tingting.TingTingClient, campaign: tingting.Campaign) -> None:
    assert campaign.id in [row.id for row in client.get_campaigns()]
    named = _campaign(client, name="a needle in hay").create()
    assert [row.id for row in client.get_campaigns_by_name("needle")] == [named.id]
    filtered = client.get_campaigns_with_filter(
        name="needle",
        status=tingting.CampaignStatus.NOT_STARTED,
        sort_by="des",
        from_date=int((datetime.now(UTC) - timedelta(days=1)).timestamp()),
        to_date=int(datetime.now(UTC).timestamp()),
    )
    assert [row.id for row in filtered] == [named.id]
    assert filtered[0].get_voice().id == 1
    assert client.get_campaigns_with_filter(name="needle", draft=True) == []


def test_contacts_one_by_one_and_from_a_file(
    client: tingting.TingTingClient, campaign: tingting.Campaign
) -> None:
    contact = campaign.add_contact(_contact(client, "9990000001", age=100))
    assert (contact.phoneNumber, contact.status) == ("9990000001", tingting.ContactStatus.NOT_STARTED)
    assert contact.attributes == {"name": "John", "age": 100}
    assert (contact.duration, contact.playback, contact.carrier) == ("0s", "", "other")
    campaign.add_contact_from_file(io.BytesIO(b"number,name\n9990000002,Ram\n9990000003,Sita\n"))
    assert sorted(_numbers(client, campaign)) == ["9990000001", "9990000002", "9990000003"]
    assert client.get_campaign(campaign.id).contactCount == 3


def test_contacts_change_and_go(client: tingting.TingTingClient, campaign: tingting.Campaign) -> None:
    contact = campaign.add_contact(_contact(client, "9990000001", age=100))
    contact.phoneNumber = "9841000001"
    contact.save()
    assert _numbers(client, campaign) == ["9841000001"]
    attributes = client.get_data(f"api/v1/campaign/{contact.id}/attributes/")
    assert attributes == {"name": "John", "age": 100}
    contact.delete()
    assert _numbers(client, campaign) == []


def test_its_attribute_methods_ask_the_path_that_deletes(
    client: tingting.TingTingClient, campaign: tingting.Campaign
) -> None:
    """Reading is answered; the one that is to change them sends a DELETE, and a DELETE deletes."""
    contact = campaign.add_contact(_contact(client, "9990000001"))
    client.get_contact_attribute(contact)
    assert _numbers(client, campaign) == ["9990000001"]
    client.update_contact_attribute(contact)
    assert _numbers(client, campaign) == []


def test_run_to_the_end_and_report(client: tingting.TingTingClient, served: Served) -> None:
    """The numbers of its own examples begin with 999, which nobody has: they fail, and cost nothing."""
    campaign = _campaign(client, services=tingting.Services.SMS_PHONE, message="hi {name}").create()
    for number in ("9841000001", "9841000002", "9841000090", "9990000000"):
        campaign.add_contact(_contact(client, number))
    campaign.run()
    over = (tingting.CampaignStatus.COMPLETED, tingting.CampaignStatus.TERMINATED)
    wait_until(lambda: _status(client, campaign) in over, "the campaign is over")
    assert _status(client, campaign) is tingting.CampaignStatus.COMPLETED
    assert client.get_campaign(campaign.id).progressPercent == 100
    client.get_campaign_report(campaign)
    with served.client() as http:
        report = http.post(f"download/report/{campaign.id}/", data={"id": str(campaign.id)})
    rows = list(csv.DictReader(io.StringIO(report.content.decode("utf-8-sig"))))
    assert {row["number"]: (row["status"], row["credit_consumed"]) for row in rows} == {
        "9841000001": ("completed", "1"),
        "9841000002": ("completed", "1"),
        "9841000090": ("unanswered", "0"),
        "9990000000": ("failed", "0"),
    }


def _survey(
    client: tingting.TingTingClient, *, audio: bool, name: str = "survey"
) -> tuple[tingting.Campaign, list[str]]:
    """A survey of three steps, as its makers test with; its texts."""
    texts = ["एक थिच्नुहोस्", 'it\'s "two"', ""] if audio else ["एक थिच्नुहोस्", 'it\'s "two"', "तीन"]
    campaign = _campaign(client, name=name, services=tingting.Services.SURVEY, message="", smsMessage="")
    for index, text in enumerate(texts):
        sound = ("sample_audio.mp3", io.BytesIO(audio_file("mp3-mono", 0.5, seed=index)))
        campaign.add_survey_step(
            tingting.SurveyStep(
                client=client,
                contentType=tingting.SurveyContentType.PLAY if audio else tingting.SurveyContentType.SAY,
                textOrUrl=text,
                responseType=tingting.SurveyResponseType.DTMF if index else tingting.SurveyResponseType.NONE,
                inputName=f"field_{index + 1}",
                audioFile=sound if audio else None,
            )
        )
    return campaign.create(), texts


@pytest.mark.parametrize("audio", [True, False])
def test_survey(client: tingting.TingTingClient, *, audio: bool) -> None:
    """With audio its steps come as Python writes them, without it they come in the first request only."""
    campaign, texts = _survey(client, audio=audio)
    assert campaign.services is tingting.Services.SURVEY
    steps = client.get_survey_steps(campaign)
    assert [step.textOrUrl for step in steps] == texts
    assert [step.order for step in steps] == [0, 1, 2]
    assert [step.inputName for step in steps] == ["field_1", "field_2", "field_3"]
    assert [step.contentType for step in steps] == ["play" if audio else "say"] * 3
    assert [step.responseType for step in steps] == ["none", "dtmf", "dtmf"]
    assert [bool(step.audioFile) for step in steps] == [audio] * 3
    for step in steps:
        if audio:
            sound = requests.get(step.audioFile, timeout=30)
            assert sound.status_code == 200
            assert sound.content == audio_file("mp3-mono", 0.5, seed=step.order)


def test_survey_is_updated(client: tingting.TingTingClient) -> None:
    """A file by the index of its step replaces that step's audio; the others stay."""
    campaign, texts = _survey(client, audio=True, name="survey to change")
    campaign.name = "changed survey"
    other = audio_file("mp3-mono", 0.5, seed=7)
    updated = client.update_survey_campaign(campaign, {"1": ("other.mp3", io.BytesIO(other))})
    assert updated.name == "changed survey"
    steps = client.get_survey_steps(campaign)
    assert [step.textOrUrl for step in steps] == texts
    assert len(updated.surveySteps) == len(steps)
    sounds = [requests.get(step.audioFile, timeout=30).content for step in steps]
    first, _, third = (audio_file("mp3-mono", 0.5, seed=index) for index in range(3))
    assert sounds == [first, other, third]


def test_survey_is_tried_and_run(client: tingting.TingTingClient) -> None:
    """The number's phone presses 1, and then 5 and #."""
    campaign, _ = _survey(client, audio=True, name="survey to run")
    contact = campaign.add_contact(_contact(client, "9841000094"))
    contact.test_survey()
    campaign.run()
    over = tingting.CampaignStatus.COMPLETED
    wait_until(lambda: _status(client, campaign) is over, "the survey is over")
    assert client.get_campaign(campaign.id).progressPercent == 100
    report = client.get_data(f"api/v1/download/survey/{campaign.id}/report/", {"format": "json"})
    answers = report["results"][0]["answers"]
    assert answers == {"field_2": {"value": "1"}, "field_3": {"value": "5"}}


def test_voice_is_heard_before_anybody_is_called(
    client: tingting.TingTingClient, campaign: tingting.Campaign
) -> None:
    """Answers a JSON string, which the client hands on with its quotes."""
    campaign.add_contact(_contact(client, "9841000001"))
    address = campaign.test_voice()
    assert (address[:8], address[-1]) == ('"http://', '"')
    sound = requests.get(address.strip('"'), timeout=30)
    assert sound.status_code == 200
    assert sound.headers["content-type"] == "audio/mpeg"


def test_demo_call(client: tingting.TingTingClient, campaign: tingting.Campaign) -> None:
    contact = campaign.add_contact(_contact(client, "9841000001"))
    contact.test_call()
    page = client.get_data(f"api/v1/campaign-detail/{campaign.id}/")
    assert page["results"][0]["status"] == "not started"


def test_stop(client: tingting.TingTingClient, campaign: tingting.Campaign) -> None:
    for index in range(3):
        campaign.add_contact(_contact(client, f"984100000{index}"))
    campaign.run()
    client.stop_campaign(campaign)
    assert _status(client, campaign) is tingting.CampaignStatus.TERMINATED


def test_update_and_delete_post_the_same_form(
    client: tingting.TingTingClient, campaign: tingting.Campaign
) -> None:
    """Its delete cannot be told from its update, so that it changes what it says and deletes nothing."""
    campaign.name, campaign.description = "renamed", "why"
    client.update_campaign(campaign)
    found = client.get_campaign(campaign.id)
    assert (found.name, found.description, found.voiceId) == ("renamed", "why", 1)
    client.delete_campaign(campaign)
    assert client.get_campaign(campaign.id).name == "renamed"


def test_its_methods_that_do_nothing(campaign: tingting.Campaign) -> None:
    assert campaign.save() is None
    assert campaign.stop() is None
    assert campaign.get_report() is None
    assert campaign.delete() is None


def test_any_other_request(client: tingting.TingTingClient) -> None:
    made = client.post_data(
        "api/v1/campaign/create/", {"name": "x", "services": "SMS", "user_phone": [], "sms_message": "x"}
    )
    assert client.get_data(f"api/v1/campaign/{made['id']}/")["name"] == "x"
