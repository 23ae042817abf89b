"""Campaigns of the third generation: made, changed and listed, beside TingTing's and as TingTing's."""

from __future__ import annotations

import asyncio
from typing import Any

from api_world import *  # noqa: F403 - its fixtures, which it lists
from api_world import scalar
from ghanti.database.session import SessionFactory
from ghanti.toingg.service import MOST_BYTES
from third_world import *  # noqa: F403
from third_world import CAMPAIGN, Third


def _wrong(answer: Any, field: str) -> str:
    """What a 422 says of one field of the body."""
    assert answer.status_code == 422, answer.text
    found = [item for item in answer.json()["detail"] if item["loc"][-1] == field]
    assert found, answer.text
    assert all(set(item) == {"loc", "msg", "type"} for item in answer.json()["detail"])
    assert found[0]["loc"][0] == "body"
    said: str = found[0]["msg"]
    return said


async def test_languages_and_voices_are_those_that_are_there(third: Third) -> None:
    languages = (await third.result("GET", "get_supported_languages"))["languages"]
    assert languages == ["nepali", "english", "hindi"]
    voices = (await third.result("GET", "get_supported_voices/"))["voice"]
    names = [voice["name"] for voice in voices]
    assert len(set(names)) == len(names) == 9
    assert voices[1] == {"name": "rija premium", "type": "premium", "language": "nepali"}
    assert {voice["language"] for voice in voices} == set(languages)


async def test_what_the_vendors_apps_send_is_kept_and_shown_again(third: Third) -> None:
    campaign_id = await third.create()
    assert len(campaign_id) == 24
    assert int(campaign_id, 16) > 0
    shown = await third.shown(campaign_id)
    assert {name: shown[name] for name in CAMPAIGN} == CAMPAIGN
    assert (shown["campID"], shown["name"], shown["status"]) == (campaign_id, "Ward meeting", "Not Started")
    assert (shown["callCount"], shown["totalNumCall"], shown["totalSpent"]) == (0, 0, 0)
    assert shown["createdAt"].endswith("+00:00")


async def test_the_answer_says_which_fields_do_nothing(third: Third) -> None:
    extra = {"maxCallTimeout": 1, "timeZone": "UTC", "integrations": [{"provider": "x"}]}
    made = await third.result("POST", "create_campaign/", json={**CAMPAIGN, **extra})
    assert made["onlyKept"] == sorted([*extra, "purpose", "knowledgeBase", "calendar", "tone"])
    shown = await third.shown(made["campaignId"])
    assert {name: shown[name] for name in extra} == extra


async def test_figures_are_real_whatever_a_client_sends_of_them(third: Third) -> None:
    campaign_id = await third.create(totalNumCall=7, totalSpent=3.5, campID="mine", callCount=9)
    shown = await third.shown(campaign_id)
    assert (shown["totalNumCall"], shown["totalSpent"], shown["callCount"]) == (0, 0, 0)
    assert shown["campID"] == campaign_id


async def test_it_is_tingtings_campaign_too(third: Third) -> None:
    campaign_id = await third.create()
    campaign = await third.tenant.get(int(campaign_id[8:], 16))
    assert campaign["message"] == f"Namaste.\n\n{CAMPAIGN['script']}"
    assert (campaign["name"], campaign["services"], campaign["voice"]) == ("Ward meeting", "PHONE", 6)
    await third.tenant.add(campaign["id"], "9841000001", name="Sita")
    assert (await third.tenant.run(campaign["id"])).status_code == 200
    shown = await third.shown(campaign_id)
    assert (shown["status"], shown["callCount"], shown["contactCount"]) == ("Running", 1, 1)


async def test_its_run_asks_for_keys(third: Third, sessions: SessionFactory) -> None:
    campaign_id = await third.create(script="Well?\n\n[1: yes] [2: no]", firstLine="")
    await third.tenant.add(int(campaign_id[8:], 16), "9841000001")
    await third.tenant.run(int(campaign_id[8:], 16))
    content = await scalar(sessions, "SELECT call_content FROM plans")
    assert [step["do"] for step in content["script"]["steps"]] == ["play", "listen"]
    assert content["audios"]["question_1"] == {"template": "Well?"}


async def test_tingtings_message_is_one_play_whatever_it_says(third: Third, sessions: SessionFactory) -> None:
    campaign = await third.tenant.ready(message="१ थिच्नुहोस्। [1: yes]")
    await third.tenant.run(campaign["id"])
    content = await scalar(sessions, "SELECT call_content FROM plans")
    assert content["audios"] == {"message": {"template": "१ थिच्नुहोस्। [1: yes]"}}


async def test_tingtings_campaigns_are_listed_and_changed_here(third: Third) -> None:
    made = await third.tenant.create(name="tax", message="Pay by Friday.", description="old", voice=6)
    [(campaign_id, shown)] = (await third.result("GET", "get_campaigns")).items()
    assert (shown["title"], shown["script"], shown["firstLine"]) == ("tax", "Pay by Friday.", "")
    assert (shown["voice"], shown["language"], shown["description"]) == ("maya", "english", "old")
    whole = {name: shown[name] for name in CAMPAIGN}
    assert (await third.update(campaign_id, **{**whole, "tone": "stern"})).status_code == 200
    assert (await third.tenant.get(made["id"]))["message"] == "Pay by Friday."
    assert (await third.update(campaign_id, script="Will you pay? Press 1.")).status_code == 200
    assert (await third.tenant.get(made["id"]))["message"] == "Will you pay? Press 1."
    assert (await third.shown(campaign_id))["tone"] == "stern"


async def test_what_tingting_changes_is_what_is_shown(third: Third) -> None:
    campaign_id = await third.create()
    number = int(campaign_id[8:], 16)
    answer = await third.tenant.http.patch(
        f"campaign/{number}/", json={"name": "tax", "message": "Pay.", "voice": 8}
    )
    assert answer.status_code == 200, answer.text
    shown = await third.shown(campaign_id)
    assert (shown["title"], shown["firstLine"], shown["script"]) == ("tax", "", "Pay.")
    assert (shown["voice"], shown["language"]) == ("ananya", "hindi")


async def test_an_update_changes_what_it_names_and_leaves_the_rest(third: Third) -> None:
    campaign_id = await third.create()
    assert (await third.update(campaign_id, title="Water", tone=None)).status_code == 200
    shown = await third.shown(campaign_id)
    assert {name: shown[name] for name in CAMPAIGN} == {**CAMPAIGN, "title": "Water"}
    answer = await third.http.put(
        "update_campaign/", json={"campaignModelData": {"firstLine": "Hi."}, "campId": campaign_id}
    )
    assert answer.json()["result"]["campaignId"] == campaign_id
    assert (await third.shown(campaign_id))["firstLine"] == "Hi."


async def test_a_running_campaign_keeps_what_it_says(third: Third) -> None:
    campaign_id = await third.create()
    await third.tenant.add(int(campaign_id[8:], 16), "9841000001", name="Sita")
    await third.tenant.run(int(campaign_id[8:], 16))
    assert "Running" in _wrong(await third.update(campaign_id, script="Hello."), "script")
    assert "Running" in _wrong(await third.update(campaign_id, voice="arjun"), "voice")
    whole = {**CAMPAIGN, "title": "Water", "tone": "stern"}
    assert (await third.update(campaign_id, **whole)).status_code == 200
    shown = await third.shown(campaign_id)
    assert (shown["title"], shown["tone"], shown["script"]) == ("Water", "stern", CAMPAIGN["script"])


async def test_a_language_alone_chooses_a_voice_of_it(third: Third) -> None:
    for language, spoken in (("nepali", "nepali"), ("Hindi", "hindi"), ("en", "english"), ("ne", "nepali")):
        campaign_id = await third.create(voice="", language=language)
        assert (await third.shown(campaign_id))["language"] == spoken


async def test_without_either_the_accounts_own_voice_speaks(third: Third) -> None:
    campaign_id = await third.create(voice=None, language=None)
    assert (await third.shown(campaign_id))["voice"] == "rija"


async def test_what_cannot_be_is_refused_with_what_can(third: Third) -> None:
    async def create(**fields: Any) -> Any:
        return await third.http.post("create_campaign", json={**CAMPAIGN, **fields})

    assert "rija, rija premium" in _wrong(await create(voice="nova", language=None), "voice")
    assert "that speaks hindi" in _wrong(await create(voice="maya", language="hindi"), "voice")
    assert "nepali, english, hindi" in _wrong(await create(language="klingon"), "language")
    assert "blank" in _wrong(await create(title="  "), "title")
    assert "nothing to say" in _wrong(await create(script=" ", firstLine=""), "script")
    assert "named twice" in _wrong(await create(script="Well? [1: a] [1: b]"), "script")
    assert "at most 20" in _wrong(await create(script="Press 1.\n\n" * 21), "script")
    assert "10000 characters" in _wrong(await create(script="x" * 10_000), "script")
    assert "256 kB" in _wrong(await create(knowledgeBase="x" * MOST_BYTES), "knowledgeBase")
    missing = await third.http.post("create_campaign", json={})
    assert _wrong(missing, "title") == "Field required"
    assert missing.json()["detail"][0]["type"] == "missing"


async def test_a_voice_is_found_in_any_case_and_a_script_may_be_short(third: Third) -> None:
    campaign_id = await third.create(voice=" MAYA ", script="Hi.")
    assert (await third.shown(campaign_id))["voice"] == "maya"


_CONVERSATIONS: tuple[dict[str, Any], ...] = (
    {"script": "", "isFreeflow": True},
    {"script": "", "systemPrompt": "You are a friendly agent."},
    {"humanHandoff": True},
    {"humanHandoff": {"enabled": True}},
    {"autoPilot": True},
)


async def test_what_needs_a_conversational_model_is_not_pretended(third: Third) -> None:
    campaign_id = await third.create()
    before = await third.result("GET", "get_campaigns")
    for fields in _CONVERSATIONS:
        answer = await third.http.post("create_campaign", json={**CAMPAIGN, **fields})
        assert answer.status_code == 501
        assert "conversational model" in answer.json()["detail"]
        assert (await third.update(campaign_id, **fields)).status_code == 501
    assert await third.result("GET", "get_campaigns") == before


async def test_a_free_flow_with_a_script_is_spoken(third: Third) -> None:
    await third.create(isFreeflow=True, humanHandoff=False, autoPilot={"enabled": False})


async def test_campaigns_are_listed_by_the_page(third: Third) -> None:
    made = [await third.create(title=f"campaign {number}") for number in range(4)]
    assert list(await third.result("GET", "get_campaigns")) == made[::-1]
    page = await third.result("GET", "get_campaigns", params={"skip": 1, "limit": 2, "sort": -1})
    assert list(page) == [made[2], made[1]]
    page = await third.result("GET", "get_campaigns/", params={"skip": 0, "limit": 1, "sort": 1})
    assert list(page) == [made[0]]
    assert await third.result("GET", "get_campaigns", params={"skip": 9}) == {}
    for wrong in ({"skip": -1}, {"limit": 0}, {"limit": "x"}, {"sort": 5}):
        answer = await third.http.get("get_campaigns", params=wrong)
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"][0] == "query"


async def test_an_id_that_is_none_is_told_from_one_that_is_not_there(third: Third) -> None:
    campaign_id = await third.create()
    assert (await third.update(campaign_id.upper(), title="x")).status_code == 200
    for malformed in ("", "12", campaign_id[:-1], f"{campaign_id}0", "z" * 24, "١" * 24):
        assert "24 hexadecimal" in _wrong(await third.update(malformed, title="x"), "campId")
    other_second = f"{int(campaign_id[:8], 16) + 1:08x}{campaign_id[8:]}"
    for unknown in (other_second, f"{campaign_id[:-4]}ffff", "f" * 24, "0" * 24):
        assert (await third.update(unknown, title="x")).status_code == 404


async def test_contacts_are_added_to_the_campaign_of_the_lists_name(third: Third) -> None:
    people = [
        {"name": "Sita", "phone": "9779841000001", "extraParams": {"context": "ward 4"}},
        {"name": "Ram", "phone": "919876543210"},
        {"name": "Again", "phone": "9841000001"},
        {"name": "Bad", "phone": "12"},
        {"name": "Odd", "phone": "9841000003", "extraParams": 5},
    ]
    added = await third.result("POST", "add_contacts", params={"contactList": "Ward 4"}, json=people)
    assert (added["added"], added["skipped"], added["contactList"]) == (2, 1, "Ward 4")
    assert [(error["index"], error["field"]) for error in added["errors"]] == [
        (3, "phone"),
        (4, "extraParams"),
    ]
    number = int(added["campaignId"][8:], 16)
    campaign = await third.tenant.get(number)
    assert (campaign["draft"], campaign["campaign_action_count"]) == (True, 2)
    details = (await third.tenant.http.get(f"campaign-detail/{number}/")).json()["results"]
    assert {contact["number"] for contact in details} == {"9779841000001", "+919876543210"}
    contact = next(each for each in details if each["number"] == "9779841000001")
    attributes = (await third.tenant.http.get(f"campaign/{contact['id']}/attributes/")).json()
    assert attributes == {"context": "ward 4", "name": "Sita"}


async def test_a_draft_list_becomes_a_campaign_by_its_script(third: Third) -> None:
    people = [{"name": "Sita", "phone": "9779841000001"}]
    added = await third.result("POST", "add_contacts/", params={"contactList": "Ward 4"}, json=people)
    assert (await third.shown(added["campaignId"]))["draft"] is True
    assert (await third.update(added["campaignId"], script="Hi {name}. Press 1.")).status_code == 200
    number = int(added["campaignId"][8:], 16)
    assert (await third.tenant.get(number))["draft"] is False
    assert (await third.tenant.run(number)).status_code == 200


async def test_contacts_join_the_campaign_that_bears_the_name(third: Third) -> None:
    campaign_id = await third.create(title="Ward meeting")
    people = [{"name": "Sita", "phone": "9779841000001"}]
    added = await third.result("POST", "add_contacts", params={"contactList": "Ward meeting"}, json=people)
    assert added["campaignId"] == campaign_id


async def test_of_lists_made_at_once_there_is_one(third: Third) -> None:
    async def add(digit: int) -> str:
        people = [{"name": "x", "phone": f"984100000{digit}"}]
        added = await third.result("POST", "add_contacts", params={"contactList": "new"}, json=people)
        campaign_id: str = added["campaignId"]
        return campaign_id

    assert len(set(await asyncio.gather(*map(add, range(6))))) == 1
    [shown] = (await third.result("GET", "get_campaigns")).values()
    assert shown["contactCount"] == 6


async def test_what_is_no_list_of_contacts_is_422(third: Third) -> None:
    for body in ('{"name": "x"}', "[1]", "[", "", "null", '[{"phone": "12"}]', '"x"'):
        answer = await third.http.post("add_contacts", params={"contactList": "new"}, content=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"][0]["loc"][0] == "body"
    assert await third.result("GET", "get_campaigns") == {}


async def test_analytics_are_figures_of_the_engine(third: Third) -> None:
    campaign_id = await third.create()
    await third.create(title="other")
    await third.tenant.add(int(campaign_id[8:], 16), "9841000001", "9841000002", name="Sita")
    await third.tenant.run(int(campaign_id[8:], 16))
    told = await third.result("GET", "get_campaign_analytics", params={"limit": 1})
    assert (told["overall"]["totalCampaigns"], told["overall"]["callCount"]) == (2, 2)
    [(listed, figures)] = told["campaigns"].items()
    assert (listed, figures["callCount"], figures["status"]) == (campaign_id, 2, "Running")


async def test_the_balance_is_the_accounts(third: Third) -> None:
    assert await third.result("GET", "get_balance") == {"phoneCredits": 1000, "smsCredits": 1000}


async def test_keys_of_both_faces_are_made_here(third: Third) -> None:
    made = await third.result("POST", "generate_api_key", json={"face": "tingting"})
    assert made["face"] == "tingting"
    assert len(made["apiKey"]) == 64
    assert (await third.tenant.http.get("campaign/")).status_code == 401
    made = await third.result("POST", "generate_api_key/", json={})
    assert made["apiKey"].startswith("tg_")
    assert (await third.http.get("get_campaigns")).status_code == 401
    assert (await third.http.post("generate_api_key", json={})).status_code == 401


async def test_whatsapp_is_not_pretended(third: Third) -> None:
    answer = await third.http.post("send_whatsapp_templates", json=[])
    assert answer.status_code == 501
    assert "WhatsApp" in answer.json()["detail"]
