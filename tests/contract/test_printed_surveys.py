"""The vendor's examples of survey steps, survey templates and survey reports."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from printed import assert_like, curl, json_of

from api_world import Tenant, execute, scalar
from audio_files import audio_file
from ghanti.database.session import SessionFactory

STEPS: list[dict[str, Any]] = [
    {"order": 0, "content_type": "say", "text_or_url": "एक थिच्नुहोस्", "response_type": "dtmf"},
    {"order": 1, "content_type": "info", "text_or_url": "धन्यवाद", "response_type": "none"},
]

STEP = """{"id": 101, "survey": 15, "order": 0, "content_type": "say", "text_or_url": "x",
 "response_type": "dtmf", "input_name": "field_1", "audio_file": null}"""

TEMPLATE = """{"id": 3, "name": "Customer feedback",
 "voice": {"id": 5, "voice_display_name": "Shreegya", "voice_internal_name": "np_shreegya",
           "is_premium": false, "is_beta": false},
 "length_factor": "1.00",
 "content": [{"order": 0, "content_type": "say", "response_type": "dtmf", "input_name": "rating",
              "audio_file": null}],
 "created_at": "2026-06-02T12:00:00Z"}"""

APPLIED = """{"message": "Template applied successfully.",
 "steps": [{"id": 101, "order": 0, "content_type": "say", "response_type": "dtmf", "input_name": "rating",
            "audio_file": null, "survey": 15}]}"""

NEW: dict[str, Any] = {
    "name": "Customer feedback",
    "voice": {"voice_internal_name": "np_shreegya"},
    "length_factor": "1.00",
    "content": [
        {
            "order": 0,
            "content_type": "say",
            "response_type": "dtmf",
            "input_name": "rating",
            "text_or_url": "एक देखि पाँच थिच्नुहोस्",
        }
    ],
}


async def _survey(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    return await tenant.create(**{"services": "SURVEY", "message": "", "steps": STEPS} | fields)


async def _template(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    answer = await tenant.http.post("survey-templates/", json=NEW | fields)
    assert answer.status_code == 201, answer.text
    template: dict[str, Any] = answer.json()
    return template


async def test_steps(printed: Tenant) -> None:
    campaign = await _survey(printed)
    assert campaign["services"] == "SURVEY"
    path = f"campaign/create/{campaign['id']}/survey/"
    answer = await printed.http.get(path)
    assert answer.status_code == 200
    assert_like({"count": 2, "results": [json_of(STEP)]}, answer.json())
    rows = answer.json()["results"]
    for row, sent in zip(rows, STEPS, strict=True):
        assert {name: row[name] for name in sent} == sent
    replaced = await printed.http.post(path, json={"steps": STEPS[1:]})
    assert replaced.status_code == 200
    assert [row["content_type"] for row in (await printed.http.get(path)).json()["results"]] == ["info"]


async def test_survey_of_a_campaign(printed: Tenant) -> None:
    """The campaign's detail has its survey; an id of either names the same report."""
    campaign = await _survey(printed)
    survey = (await printed.get(campaign["id"]))["survey"]
    assert_like({"id": 15, "steps": [json_of(STEP)]}, survey)
    assert "survey" not in await printed.get((await printed.create())["id"])
    assert survey["id"] != campaign["id"]
    await printed.add(campaign["id"], "9841349152")
    by_survey, by_campaign = [
        await printed.http.get(f"download/survey/{one}/report/?format=json")
        for one in (survey["id"], campaign["id"])
    ]
    assert by_survey.status_code == 200
    assert by_survey.json() == by_campaign.json()


async def test_report(printed: Tenant, sessions: SessionFactory) -> None:
    await execute(sessions, "ALTER TABLE campaigns ALTER id RESTART WITH 12")
    campaign = await _survey(printed)
    assert campaign["id"] == 12
    await printed.add(12, "9841349152", name="राम")
    as_json = await curl(
        printed,
        """curl --request GET \\
  --url 'https://app.tingting.io/api/v1/download/survey/12/report/?format=json' \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert as_json.status_code == 200
    assert as_json.headers["content-type"].startswith("application/json")
    (row,) = as_json.json()["results"]
    assert row["number"] == "9841349152"
    for query in ("", "?format=csv"):
        as_csv = await printed.http.get(f"download/survey/12/report/{query}")
        assert as_csv.headers["content-type"].startswith("text/csv")
        assert as_csv.headers["content-disposition"].startswith("attachment")
        (line,) = csv.DictReader(io.StringIO(as_csv.content.decode("utf-8-sig")))
        assert line["number"] == "9841349152"
    other = await printed.http.get("download/survey/12/report/?format=xml")
    assert other.status_code == 400
    assert other.json()["format"]


async def test_templates(printed: Tenant) -> None:
    """Pages of templates are numbered, and their envelope has no total_pages."""
    first, second = await _template(printed), await _template(printed, name="Second")
    assert_like(json_of(TEMPLATE), first)
    for name in ("name", "length_factor"):
        assert first[name] == NEW[name]
    assert (await printed.http.get(f"survey-templates/{first['id']}/")).json() == first
    page = (await printed.http.get("survey-templates/?page=1&page_size=1")).json()
    assert list(page) == ["count", "next", "previous", "results"]
    assert (page["count"], page["results"], page["previous"]) == (2, [second], None)
    assert page["next"].partition("/survey-templates/?")[2] in ("page=2&page_size=1", "page_size=1&page=2")
    found = (await printed.http.get("survey-templates/?search=FEEDBACK")).json()
    assert found["results"] == [first]


async def test_template_with_an_uploaded_step(printed: Tenant) -> None:
    """In a form the voice and the steps are JSON, and the audio is named by the step's order."""
    form = {name: json.dumps(value) if name != "name" else value for name, value in NEW.items()}
    form["length_factor"] = "1.20"
    step = {"order": 0, "content_type": "play", "response_type": "none", "input_name": "intro"}
    form["content"] = json.dumps([step])
    files = {"step_0_audio_file": ("intro.wav", audio_file("wav-s16", 0.5), "audio/wav")}
    answer = await printed.http.post("survey-templates/", data=form, files=files)
    assert answer.status_code == 201, answer.text
    assert answer.json()["length_factor"] == "1.20"
    (content,) = answer.json()["content"]
    assert content["audio_file"].startswith("http://")
    assert (await printed.http.get(content["audio_file"])).status_code == 200


async def test_template_changes_in_part(printed: Tenant) -> None:
    template = await _template(printed)
    path = f"survey-templates/{template['id']}/"
    named = await printed.http.patch(path, json={"name": "renamed"})
    assert named.status_code == 200
    assert named.json() == template | {"name": "renamed"}
    steps = [{"order": 0, "content_type": "info"}, {"order": 1, "content_type": "say"}]
    for step in steps:
        step["text_or_url"] = "नमस्ते"
    replaced = await printed.http.patch(path, json={"content": steps})
    assert replaced.status_code == 200, replaced.text
    assert [row["content_type"] for row in replaced.json()["content"]] == ["info", "say"]
    assert (await printed.http.delete(path)).status_code == 204
    gone = await printed.http.get(path)
    assert (gone.status_code, gone.json()) == (
        404,
        {"detail": "No SurveyTemplate matches the given query."},
    )


async def test_template_in_a_voice_of_another_language(printed: Tenant, sessions: SessionFactory) -> None:
    template = await _template(printed)
    await execute(sessions, "UPDATE voices SET language = 'si' WHERE id = 3")
    path = f"survey-templates/{template['id']}/"
    answer = await printed.http.patch(path, json={"voice": {"id": 3}})
    await execute(sessions, "UPDATE voices SET language = 'np' WHERE id = 3")
    assert answer.status_code == 400
    assert answer.json()["voice"] == (
        "This voice belongs to the 'si' language but your account language is 'np'. "
        "Please select a voice that matches your language."
    )


async def test_apply_to_campaign(printed: Tenant) -> None:
    template = await _template(printed, length_factor="1.20")
    campaign = await _survey(printed)
    path = f"survey-templates/{template['id']}/apply-to-campaign/"
    answer = await printed.http.post(path, json={"campaign_id": campaign["id"]})
    assert answer.status_code == 201, answer.text
    assert_like(json_of(APPLIED), answer.json())
    detail = await printed.get(campaign["id"])
    assert (detail["voice"], detail["length_factor"]) == (5, "1.20")
    assert [step["input_name"] for step in detail["survey"]["steps"]] == ["rating"]
    assert answer.json()["steps"][0]["survey"] == detail["survey"]["id"]


async def test_apply_in_part(printed: Tenant, sessions: SessionFactory) -> None:
    template = await _template(printed)
    broken = json.dumps([{"order": 1, "input_name": "x"}])
    await execute(
        sessions,
        "UPDATE survey_templates SET content = content || CAST(:broken AS jsonb)",
        broken=broken,
    )
    campaign = await _survey(printed)
    path = f"survey-templates/{template['id']}/apply-to-campaign/"
    answer = await printed.http.post(path, json={"campaign_id": campaign["id"]})
    assert answer.status_code == 207, answer.text
    example = json_of("""{"created": [{"id": 103, "order": 0}],
 "errors": [{"content_type": ["This field is required."]}]}""")
    assert_like(example, answer.json())
    assert answer.json()["errors"] == example["errors"]


@pytest.mark.parametrize(
    ("body", "status", "printed_body"),
    [
        ({}, 400, {"error": "campaign_id is required."}),
        ({"campaign_id": "phone"}, 400, {"error": "Template can only be applied to SURVEY campaigns."}),
        ({"campaign_id": 999_999}, 404, {"error": "Campaign not found."}),
    ],
)
async def test_apply_is_refused_as_printed(
    printed: Tenant, body: dict[str, Any], status: int, printed_body: dict[str, str]
) -> None:
    template = await _template(printed)
    if body.get("campaign_id") == "phone":
        body = {"campaign_id": (await printed.create())["id"]}
    path = f"survey-templates/{template['id']}/apply-to-campaign/"
    answer = await printed.http.post(path, json=body)
    assert answer.status_code == status
    assert_like(printed_body, answer.json())
    assert answer.json()["error"] == printed_body["error"]


async def test_apply_of_no_template_and_of_no_steps(printed: Tenant, sessions: SessionFactory) -> None:
    campaign = await _survey(printed)
    body = {"campaign_id": campaign["id"]}
    unknown = await printed.http.post("survey-templates/999999/apply-to-campaign/", json=body)
    assert unknown.status_code == 404
    assert unknown.json()["detail"] == "No SurveyTemplate matches the given query."
    template = await _template(printed)
    await execute(sessions, "UPDATE survey_templates SET content = '[]'")
    empty = await printed.http.post(f"survey-templates/{template['id']}/apply-to-campaign/", json=body)
    assert empty.status_code == 400
    assert empty.json()["error"] == "Template has no steps to apply."
    steps = await scalar(sessions, "SELECT count(*) FROM survey_steps")
    assert steps == len(STEPS)
