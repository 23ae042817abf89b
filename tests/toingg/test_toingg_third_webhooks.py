"""Web hooks of the third generation: kept for scripts that name them."""

from __future__ import annotations

from typing import Any

from api_world import *  # noqa: F403 - its fixtures, which it lists
from api_world import scalar
from ghanti.database.session import SessionFactory
from third_world import *  # noqa: F403
from third_world import CAMPAIGN, Third

HOOK: dict[str, Any] = {
    "name": "tell the ward",
    "path": "https://example.com/answers",
    "method": "POST",
    "description": None,
    "headers": {"X-Token": "secret"},
    "params": {"ward": "4"},
    "json_data": {"name": "{name}"},
}
SCRIPT = "Will you come? [1: yes -> tell the ward] [2: no]"


async def test_both_paths_and_both_forms_of_headers_are_taken(third: Third, sessions: SessionFactory) -> None:
    pairs = {"headers": [{"name": "X-Token", "value": "secret"}], "params": [{"name": "ward", "value": 4}]}
    first = await third.result("POST", "add_webhook", json=HOOK)
    again = await third.result("POST", "webhooks/add_webhook/", json={**HOOK, **pairs, "method": "put"})
    assert first == again
    assert await scalar(sessions, "SELECT method FROM web_hooks") == "PUT"
    assert await third.result("POST", "webhooks/add_webhook", json={**HOOK, "name": "other"}) != first


async def test_a_script_names_hooks_that_there_are(third: Third, sessions: SessionFactory) -> None:
    refused = await third.http.post("create_campaign", json={**CAMPAIGN, "script": SCRIPT})
    assert refused.status_code == 422
    assert "tell the ward" in refused.json()["detail"][0]["msg"]
    await third.result("POST", "add_webhook", json=HOOK)
    campaign_id = await third.create(script=SCRIPT)
    await third.call(campaign_id)
    content = await scalar(sessions, "SELECT call_content FROM plans")
    assert content["hooks"] == {"question_1": {"1": "tell the ward"}}
    refused = await third.update(campaign_id, script="Well? [1 -> nobody]")
    assert refused.json()["detail"][0]["loc"] == ["body", "script"]


async def test_a_hook_of_another_account_is_none(third: Third, third_other: Third) -> None:
    await third_other.result("POST", "add_webhook", json=HOOK)
    refused = await third.http.post("create_campaign", json={**CAMPAIGN, "script": SCRIPT})
    assert refused.status_code == 422


async def test_what_is_no_hook_is_422(third: Third) -> None:
    wrong: tuple[tuple[str, Any], ...] = (
        ("name", ""),
        ("path", "file:///etc/passwd"),
        ("path", ""),
        ("method", "PATCH"),
        ("headers", {"Host": "x"}),
        ("headers", 5),
        ("json_data", [1]),
    )
    for field, value in wrong:
        answer = await third.http.post("add_webhook", json={**HOOK, field: value})
        assert (field, value, answer.status_code) == (field, value, 422), answer.text
        assert answer.json()["detail"][0]["loc"][:2] == ["body", field]
    missing = (await third.http.post("add_webhook", json={})).json()["detail"]
    assert [item["loc"][1] for item in missing] == ["name", "path", "method"]
