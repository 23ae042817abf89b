"""Another account's rows do not exist: every operation of the application, walked as a second account."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI

from api_routes import guarded
from api_world import Tenant

STEP = {"order": 0, "content_type": "say", "text_or_url": "x"}
TEMPLATE = {"name": "mine", "voice": {"id": 1}, "content": [STEP]}
BODY = {
    "number": "9841999999",
    "name": "mine",
    "voice": 1,
    "category": "Text",
    "voice_input": 1,
    "message": "mine",
    "steps": [STEP],
}


async def _ids(tenant: Tenant) -> dict[str, int]:
    """A row of each kind that a path can name."""
    campaign = await tenant.ready(services="SURVEY", steps=[STEP])
    contact = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["results"][0]
    run = await tenant.run(campaign["id"])
    assert run.status_code == 200, run.text
    template = await tenant.http.post("survey-templates/", json=TEMPLATE)
    assert template.status_code == 201, template.text
    otp = {"number": "9841000001", "message": "{otp}", "sms_send_options": "text"}
    assert (await tenant.http.post("auths/send/otp/", json=otp)).status_code == 200
    return {
        "campaign_id": campaign["id"],
        "contact_id": contact["id"],
        "survey_id": campaign["survey"]["id"],
        "template_id": template.json()["id"],
        "payment_id": await tenant.payment(),
    }


async def _everything(tenant: Tenant, app: FastAPI, **ids: int) -> dict[str, Any]:
    """What each reading operation answers whose path these ids complete."""
    return {
        operation.path: (await tenant.http.get(operation.url(**ids))).content
        for operation in guarded(app)
        if operation.method == "GET" and set(operation.parameters) <= ids.keys()
    }


async def test_second_account_finds_nothing(tenant: Tenant, other: Tenant, app: FastAPI) -> None:
    """A new operation with a parameter that ``_ids`` knows nothing of fails here."""
    ids = await _ids(tenant)
    before = await _everything(tenant, app, **ids)
    walked = 0
    for operation in guarded(app):
        if not operation.parameters:
            continue
        parts: dict[str, Any] = {"json": BODY}
        if operation.path.endswith("/detail/"):
            parts = {"files": {"bulk_file": ("c.csv", b"number\n9841999999\n", "text/csv")}}
        answer = await other.http.request(operation.method, operation.url(**ids), **parts)
        assert (answer.status_code, operation) == (404, operation), answer.text
        walked += 1
    assert walked >= 39
    assert await _everything(tenant, app, **ids) == before


async def test_what_one_account_does_changes_no_answer_to_another(
    tenant: Tenant, other: Tenant, app: FastAPI
) -> None:
    before = await _everything(other, app)
    assert len(before) >= 5
    await _ids(tenant)
    assert await _everything(other, app) == before


async def test_ones_own_template_finds_no_campaign_of_another(tenant: Tenant, other: Tenant) -> None:
    ids = await _ids(tenant)
    template = (await other.http.post("survey-templates/", json=TEMPLATE)).json()
    path = f"survey-templates/{template['id']}/apply-to-campaign/"
    answer = await other.http.post(path, json={"campaign_id": ids["campaign_id"]})
    assert answer.status_code == 404
    assert (await tenant.get(ids["campaign_id"]))["survey"]["steps"][0]["text_or_url"] == "x"


async def test_lists_hold_only_ones_own(tenant: Tenant, other: Tenant) -> None:
    await tenant.ready()
    assert (await other.http.get("campaign/")).json()["count"] == 0
    numbers = (await other.http.get("phone-number/active/")).json()
    assert [number["id"] for number in numbers] == other.phones


async def test_caller_number_of_another_account_is_unknown(tenant: Tenant, other: Tenant) -> None:
    body = {"name": "x", "services": "PHONE", "user_phone": tenant.phones, "message": "y"}
    answer = await other.http.post("campaign/create/", json=body)
    assert answer.status_code == 400
    assert str(tenant.phones[0]) in answer.json()["user_phone"][0]


async def test_every_operation_but_the_door_wants_a_credential(http: httpx.AsyncClient, app: FastAPI) -> None:
    for operation in guarded(app):
        ids = dict.fromkeys(operation.parameters, 1)
        answer = await http.request(operation.method, operation.url(**ids))
        assert (answer.status_code, operation) == (401, operation)
