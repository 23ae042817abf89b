"""Toingg's third generation over HTTP: a client that speaks for an account, by a token of that face."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant

__all__ = ["CAMPAIGN", "Third", "as_third", "third", "third_other"]

CAMPAIGN: dict[str, Any] = {
    "title": "Ward meeting",
    "voice": "maya",
    "language": "english",
    "script": "Hello {name}. The ward meets on Friday.\n\nWill you come? [1: yes] [2: no]\n\nThank you.",
    "purpose": "Invite people",
    "knowledgeBase": "https://example.com/ward.pdf",
    "calendar": "10Am to 10Pm IST",
    "firstLine": "Namaste.",
    "tone": "friendly",
    "postCallAnalysis": False,
    "postCallAnalysisSchema": {},
}
"""The eleven fields that the vendor's apps send."""


@dataclass
class Third:
    tenant: Tenant
    http: httpx.AsyncClient

    async def result(self, method: str, path: str, **parts: Any) -> Any:
        """The result in the envelope of a good answer."""
        answer = await self.http.request(method, path, **parts)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == ["status", "message", "result"], body
        assert body["status"] is True, body
        assert isinstance(body["message"], str), body
        return body["result"]

    async def create(self, **fields: Any) -> str:
        """A campaign's id."""
        made = await self.result("POST", "create_campaign", json={**CAMPAIGN, **fields})
        campaign_id: str = made["campaignId"]
        return campaign_id

    async def update(self, campaign_id: str, **fields: Any) -> httpx.Response:
        return await self.http.post(
            "update_campaign", json={"campaignModelData": fields, "campId": campaign_id}
        )

    async def shown(self, campaign_id: str) -> dict[str, Any]:
        campaigns = await self.result("GET", "get_campaigns")
        shown: dict[str, Any] = campaigns[campaign_id]
        return shown

    async def call(self, campaign_id: str, number: str = "9841000001", **fields: Any) -> str:
        body = {"name": "Sita", "phoneNumber": number, "campID": campaign_id, **fields}
        call_id: str = (await self.result("POST", "make_call", json=body))["callId"]
        return call_id

    async def status(self, call_id: str) -> dict[str, Any]:
        told: dict[str, Any] = await self.result("GET", "call_status", params={"callId": call_id})
        return told


AsThird = Callable[[Tenant], Awaitable[Third]]


@pytest.fixture
async def as_third(app: FastAPI) -> AsyncIterator[AsThird]:
    """``await as_third(tenant)`` is a client with a token of the tenant's for Toingg."""
    async with AsyncExitStack() as open_clients:

        async def make(tenant: Tenant) -> Third:
            made = await tenant.http.post("auths/generate-api-keys/", json={"face": "toingg"})
            assert made.status_code == 200, made.text
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://ghanti.test/api/v3/",
                headers={"Authorization": f"Bearer {made.json()['token']}"},
            )
            return Third(tenant, await open_clients.enter_async_context(client))

        yield make


@pytest.fixture
async def third(as_third: AsThird, tenant: Tenant) -> Third:
    return await as_third(tenant)


@pytest.fixture
async def third_other(as_third: AsThird, other: Tenant) -> Third:
    return await as_third(other)
