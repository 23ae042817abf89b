"""Survey templates over HTTP: the printed shapes and errors, and campaigns that get their steps from one."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from api_world import Tenant, assert_error, execute, scalar
from audio_files import audio_file
from ghanti.database.session import SessionFactory
from ghanti.settings import Settings

CONTENT = [
    {"order": 0, "content_type": "say", "response_type": "dtmf", "input_name": "rating", "audio_file": None},
    {"order": 1, "content_type": "info", "text_or_url": "धन्यवाद"},
]
BODY = {
    "name": "Customer satisfaction",
    "voice": {"voice_internal_name": "np_shreegya"},
    "length_factor": 1.2,
    "content": CONTENT,
}
PRINTED = {
    "id": 3,
    "name": "Customer satisfaction",
    "voice": {
        "id": 5,
        "voice_display_name": "Shreegya",
        "voice_internal_name": "np_shreegya",
        "is_premium": False,
        "is_beta": False,
    },
    "length_factor": "1.20",
    "content": CONTENT[:1],
    "created_at": "2026-06-02T12:00:00Z",
}
APPLIED = {
    "message": "Template applied successfully.",
    "steps": [
        {
            "id": 101,
            "order": 0,
            "content_type": "say",
            "response_type": "dtmf",
            "input_name": "rating",
            "audio_file": None,
            "survey": 15,
        }
    ],
}
NO_TEMPLATE = {"detail": "No SurveyTemplate matches the given query."}


def assert_shape(printed: Any, answered: Any) -> None:
    """Every printed key, its type and its order; more keys are allowed."""
    if isinstance(printed, dict):
        assert isinstance(answered, dict)
        assert [key for key in answered if key in printed] == list(printed)
        for key, value in printed.items():
            assert_shape(value, answered[key])
    elif isinstance(printed, list):
        assert isinstance(answered, list)
        for expected, item in zip(printed, answered, strict=False):
            assert_shape(expected, item)
    else:
        assert type(answered) is type(printed)


async def _template(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    answer = await tenant.http.post("survey-templates/", json={**BODY, **fields})
    assert answer.status_code == 201, answer.text
    template: dict[str, Any] = answer.json()
    return template


async def _survey(tenant: Tenant) -> dict[str, Any]:
    steps = [{"content_type": "say", "text_or_url": "old", "response_type": "dtmf"}]
    return await tenant.create(services="SURVEY", message="", steps=steps)


async def _apply(tenant: Tenant, template: dict[str, Any], body: Any) -> Any:
    return await tenant.http.post(f"survey-templates/{template['id']}/apply-to-campaign/", json=body)


async def test_create_read_and_list(tenant: Tenant) -> None:
    template = await _template(tenant)
    assert_shape(PRINTED, template)
    assert template["voice"] == PRINTED["voice"]
    assert template["length_factor"] == "1.20"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", template["created_at"])
    assert [step["content_type"] for step in template["content"]] == ["say", "info"]
    assert template["content"][1]["response_type"] == "none"
    assert (await tenant.http.get(f"survey-templates/{template['id']}/")).json() == template
    page = (await tenant.http.get("survey-templates/")).json()
    assert list(page) == ["count", "next", "previous", "results"]
    assert page == {"count": 1, "next": None, "previous": None, "results": [template]}


async def test_with_the_word_token(tenant: Tenant) -> None:
    headers = {"Authorization": f"Token {tenant.token}"}
    assert (await tenant.http.get("survey-templates/", headers=headers)).status_code == 200


async def test_pages(tenant: Tenant) -> None:
    made = [(await _template(tenant, name=f"t{number}"))["id"] for number in range(5)]
    seen, url = [], "survey-templates/?search=t&page_size=2"
    pages = []
    while url:
        page = (await tenant.http.get(url)).json()
        assert page["count"] == 5
        seen += [template["id"] for template in page["results"]]
        pages.append(page)
        url = page["next"]
    assert seen == sorted(made, reverse=True)
    assert len(pages) == 3
    assert pages[0]["previous"] is None
    assert (await tenant.http.get(pages[2]["previous"])).json()["results"] == pages[1]["results"]
    assert "search=t" in pages[0]["next"]
    past = await tenant.http.get("survey-templates/?page=9")
    assert (past.status_code, past.json()["results"]) == (200, [])
    for query in ("page=0", "page_size=0", "page=x", "page_size=-1"):
        assert (await tenant.http.get(f"survey-templates/?{query}")).status_code == 400


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("WATER", ["Water supply"]),
        ("पानी", ["पानी_100%"]),
        ("100%", ["पानी_100%"]),
        ("0_", []),
        ("पानी_", ["पानी_100%"]),
        ("complaint", ["Water supply"]),
        ("कस्तो", ["Water supply"]),
        ("content_type", []),
        ("'; DROP TABLE", []),
    ],
)
async def test_search(tenant: Tenant, search: str, found: list[str]) -> None:
    step = {"order": 0, "content_type": "say", "text_or_url": "कस्तो छ?", "input_name": "complaint"}
    await _template(tenant, name="Water supply", content=[step])
    await _template(tenant, name="पानी_100%", content=[])
    page = (await tenant.http.get("survey-templates/", params={"search": search})).json()
    assert [template["name"] for template in page["results"]] == found


async def test_create_from_a_form_with_audio(tenant: Tenant, settings: Settings) -> None:
    content = [{"order": 4, "content_type": "play"}, {"order": 2, "content_type": "play"}]
    answer = await tenant.http.post(
        "survey-templates/",
        data={"name": "x", "voice": json.dumps(BODY["voice"]), "content": json.dumps(content)},
        files={"step_2_audio_file": ("step.mp3", audio_file("mp3", 1.0), "audio/mpeg")},
    )
    assert answer.status_code == 201, answer.text
    steps = answer.json()["content"]
    assert [step["order"] for step in steps] == [2, 4]
    assert steps[0]["audio_file"].startswith("http://ghanti.test/api/v1/media/")
    assert steps[1]["audio_file"] is None
    assert len(list(settings.media_folder.rglob("*.ulaw"))) == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"voice": 99}, "voice"),
        ({"voice": {"voice_internal_name": "np_nobody"}}, "voice"),
        ({"voice": None}, "voice"),
        ({"voice": "{"}, "voice"),
        ({"length_factor": 3}, "length_factor"),
        ({"content": [{"order": 0}]}, "content"),
        ({"content": [{"content_type": "say"}]}, "content"),
        ({"content": CONTENT[:1] * 2}, "content"),
        ({"content": "nothing"}, "content"),
        ({"content": [{"order": -1, "content_type": "say"}]}, "content"),
    ],
)
async def test_wrong_fields_are_named(tenant: Tenant, fields: dict[str, Any], wrong: str) -> None:
    answer = await tenant.http.post("survey-templates/", json={**BODY, **fields})
    assert answer.status_code == 400, answer.text
    assert_error(answer)
    assert wrong in answer.json()
    assert (await tenant.http.get("survey-templates/")).json()["count"] == 0


async def test_missing_fields_are_named(tenant: Tenant) -> None:
    answer = await tenant.http.post("survey-templates/", json={})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["name", "voice", "content"]


async def test_a_voice_that_is_not_there_is_told_as_clients_read_it(tenant: Tenant) -> None:
    answer = await tenant.http.post("survey-templates/", json={**BODY, "voice": 99})
    assert isinstance(answer.json()["voice"]["non_field_errors"][0], str)


async def test_a_voice_of_another_language(tenant: Tenant, sessions: SessionFactory) -> None:
    template = await _template(tenant)
    await execute(sessions, "UPDATE voices SET language = 'si' WHERE id = 4")
    try:
        for answer in (
            await tenant.http.post("survey-templates/", json={**BODY, "voice": {"id": 4}}),
            await tenant.http.patch(f"survey-templates/{template['id']}/", json={"voice": 4}),
        ):
            assert answer.status_code == 400
            assert answer.json()["voice"] == (
                "This voice belongs to the 'si' language but your account language is 'np'. "
                "Please select a voice that matches your language."
            )
    finally:
        await execute(sessions, "UPDATE voices SET language = 'np' WHERE id = 4")


async def test_a_premium_voice_without_leave(tenant: Tenant, sessions: SessionFactory) -> None:
    await execute(sessions, "UPDATE accounts SET premium = false")
    answer = await tenant.http.post("survey-templates/", json={**BODY, "voice": {"id": 2}})
    assert answer.status_code == 403


async def test_change_parts(tenant: Tenant) -> None:
    template = await _template(tenant)
    path = f"survey-templates/{template['id']}/"
    renamed = (await tenant.http.patch(path, json={"name": "other"})).json()
    assert renamed == {**template, "name": "other"}
    changed = (await tenant.http.patch(path, json={"voice": {"voice_internal_name": "np_binod"}})).json()
    assert changed["voice"]["id"] == 4
    replaced = await tenant.http.patch(path, json={"content": [{"order": 9, "content_type": "info"}]})
    assert [step["order"] for step in replaced.json()["content"]] == [9]
    assert replaced.json()["name"] == "other"
    assert (await tenant.http.patch("survey-templates/99999/", json={"name": "x"})).json() == NO_TEMPLATE


async def test_audio_of_a_template_comes_and_goes(tenant: Tenant, settings: Settings) -> None:
    def stored() -> set[str]:
        return {path.name for path in settings.media_folder.rglob("*") if path.is_file()}

    content = [{"order": 0, "content_type": "play"}]
    form = {"data": {"content": json.dumps(content)}, "files": {"0": ("a.wav", audio_file("wav-s16", 1.0))}}
    template = await _template(tenant, content=[])
    path = f"survey-templates/{template['id']}/"
    first = (await tenant.http.patch(path, **form)).json()
    before = stored()
    assert len(before) == 2
    again = await tenant.http.patch(path, json={"content": first["content"]})
    assert again.status_code == 200, again.text
    assert again.json()["content"][0]["audio_file"] is not None
    assert stored() == before
    await tenant.http.patch(path, **form)
    assert len(stored()) == 2
    assert stored() != before
    gone = await tenant.http.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert stored() == set()
    missing = await tenant.http.get(path)
    assert (missing.status_code, missing.json()) == (404, NO_TEMPLATE)


async def test_apply(tenant: Tenant) -> None:
    template, campaign = await _template(tenant), await _survey(tenant)
    answer = await _apply(tenant, template, {"campaign_id": campaign["id"]})
    assert answer.status_code == 201, answer.text
    assert_shape(APPLIED, answer.json())
    assert answer.json()["message"] == APPLIED["message"]
    detail = await tenant.get(campaign["id"])
    assert (detail["voice"], detail["length_factor"]) == (5, "1.20")
    assert [step["input_name"] for step in detail["survey"]["steps"]] == ["rating", "field_2"]
    assert [step["id"] for step in detail["survey"]["steps"]] == [
        step["id"] for step in answer.json()["steps"]
    ]
    assert all(step["survey"] == detail["survey"]["id"] for step in answer.json()["steps"])


async def test_apply_in_part(tenant: Tenant, sessions: SessionFactory) -> None:
    template, campaign = await _template(tenant), await _survey(tenant)
    await execute(sessions, "UPDATE survey_templates SET content = content #- '{1,content_type}'")
    answer = await _apply(tenant, template, {"campaign_id": str(campaign["id"])})
    assert answer.status_code == 207, answer.text
    steps = (await tenant.get(campaign["id"]))["survey"]["steps"]
    assert answer.json() == {
        "created": [{"id": steps[0]["id"], "order": 0}],
        "errors": [{"content_type": ["This field is required."]}],
    }
    assert [step["input_name"] for step in steps] == ["rating"]


async def test_apply_nothing(tenant: Tenant, sessions: SessionFactory) -> None:
    template, campaign = await _template(tenant, content=CONTENT[:1]), await _survey(tenant)
    await execute(sessions, "UPDATE survey_templates SET content = content #- '{0,content_type}'")
    before = await tenant.get(campaign["id"])
    answer = await _apply(tenant, template, {"campaign_id": campaign["id"]})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"content_type": ["This field is required."]}]
    assert await tenant.get(campaign["id"]) == before


async def test_apply_refusals(tenant: Tenant, other: Tenant, sessions: SessionFactory) -> None:
    template, empty = await _template(tenant), await _template(tenant, content=[])
    survey, phone, theirs = await _survey(tenant), await tenant.create(), await _survey(other)
    cases = [
        (template, {}, 400, {"error": "campaign_id is required."}),
        (template, {"campaign_id": "x"}, 400, {"error": "campaign_id is required."}),
        (
            template,
            {"campaign_id": phone["id"]},
            400,
            {"error": "Template can only be applied to SURVEY campaigns."},
        ),
        (empty, {"campaign_id": survey["id"]}, 400, {"error": "Template has no steps to apply."}),
        (template, {"campaign_id": theirs["id"]}, 404, {"error": "Campaign not found."}),
        (template, {"campaign_id": 2**62}, 404, {"error": "Campaign not found."}),
        ({"id": 99999}, {"campaign_id": survey["id"]}, 404, NO_TEMPLATE),
    ]
    for applied, body, status, printed in cases:
        answer = await _apply(tenant, applied, body)
        assert (answer.status_code, body) == (status, body), answer.text
        assert_error(answer)
        assert {key: answer.json()[key] for key in printed} == printed
    await execute(sessions, "UPDATE campaigns SET status = 'Completed'")
    answer = await _apply(tenant, template, {"campaign_id": survey["id"]})
    assert answer.status_code == 400
    assert [step["text_or_url"] for step in (await tenant.get(survey["id"]))["survey"]["steps"]] == ["old"]


async def test_audio_is_shared_with_the_campaign_and_outlives_the_template(
    tenant: Tenant, settings: Settings
) -> None:
    answer = await tenant.http.post(
        "survey-templates/",
        data={
            "name": "x",
            "voice": "5",
            "content": json.dumps([{"order": 0, "content_type": "play"}]),
        },
        files={"step_0_audio_file": ("a.wav", audio_file("wav-s16", 1.0))},
    )
    template, campaign = answer.json(), await _survey(tenant)
    assert (await _apply(tenant, template, {"campaign_id": campaign["id"]})).status_code == 201
    assert (await tenant.http.delete(f"survey-templates/{template['id']}/")).status_code == 204
    step = (await tenant.get(campaign["id"]))["survey"]["steps"][0]
    assert (await tenant.http.get(step["audio_file"])).content == audio_file("wav-s16", 1.0)
    assert (await tenant.http.delete(f"campaign/{campaign['id']}/")).status_code == 200
    assert not [path for path in settings.media_folder.rglob("*") if path.is_file()]


async def test_audio_that_is_there_no_more_is_told(tenant: Tenant, settings: Settings) -> None:
    content = [{"order": 0, "content_type": "play"}, *[{**CONTENT[0], "order": 1}]]
    answer = await tenant.http.post(
        "survey-templates/",
        data={"name": "x", "voice": "5", "content": json.dumps(content)},
        files={"step_0_audio_file": ("a.wav", audio_file("wav-s16", 1.0))},
    )
    for path in settings.media_folder.rglob("*.wav"):
        path.unlink()
    applied = await _apply(tenant, answer.json(), {"campaign_id": (await _survey(tenant))["id"]})
    assert applied.status_code == 207
    assert list(applied.json()["errors"][0]) == ["audio_file"]
    assert [step["order"] for step in applied.json()["created"]] == [1]


async def test_two_applied_at_once_leave_the_steps_of_one(tenant: Tenant) -> None:
    campaign = await _survey(tenant)
    templates = [
        await _template(
            tenant,
            content=[{**CONTENT[0], "order": order, "input_name": f"{name}{order}"} for order in range(4)],
        )
        for name in "abcd"
    ]
    answers = await asyncio.gather(
        *(_apply(tenant, template, {"campaign_id": campaign["id"]}) for template in templates)
    )
    assert {answer.status_code for answer in answers} == {201}
    names = {step["input_name"][0] for step in (await tenant.get(campaign["id"]))["survey"]["steps"]}
    assert len(names) == 1


async def test_another_account_finds_none(tenant: Tenant, other: Tenant, sessions: SessionFactory) -> None:
    template, theirs = await _template(tenant), await _survey(other)
    path = f"survey-templates/{template['id']}/"
    for answer in (
        await other.http.get(path),
        await other.http.patch(path, json={"name": "mine"}),
        await other.http.delete(path),
        await other.http.post(f"{path}apply-to-campaign/", json={"campaign_id": theirs["id"]}),
    ):
        assert (answer.status_code, answer.json()) == (404, NO_TEMPLATE)
    assert (await other.http.get("survey-templates/")).json()["count"] == 0
    assert await scalar(sessions, "SELECT name FROM survey_templates") == BODY["name"]
