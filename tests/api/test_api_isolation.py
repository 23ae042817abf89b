"""Another account's rows do not exist: every route of the document, walked as a second account."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from api_world import Tenant


async def test_second_account_finds_nothing(tenant: Tenant, other: Tenant, app: FastAPI) -> None:
    campaign = await tenant.ready()
    contact = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["results"][0]
    await tenant.run(campaign["id"])
    before = await tenant.get(campaign["id"])
    walked = 0
    for path, operations in app.openapi()["paths"].items():
        if "{" not in path:
            continue
        url = "http://ghanti.test" + path.format(campaign_id=campaign["id"], contact_id=contact["id"])
        for method in operations:
            body = {"number": "9841999999", "name": "mine", "voice": 1, "category": "Text"}
            if url.endswith("/detail/"):
                file = {"bulk_file": ("c.csv", b"number\n9841999999\n", "text/csv")}
                answer = await other.http.request(method, url, files=file)
            else:
                answer = await other.http.request(method, url, json=body)
            assert (answer.status_code, method, url) == (404, method, url)
            walked += 1
    assert walked >= 14
    assert await tenant.get(campaign["id"]) == before


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


async def test_every_route_but_the_door_wants_a_credential(http: httpx.AsyncClient, app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        if path == "/healthz" or "/auths/login/" in path:
            continue
        url = "http://ghanti.test" + path.format(campaign_id=1, contact_id=1)
        for method in operations:
            answer = await http.request(method, url)
            assert (answer.status_code, method, url) == (401, method, url)
