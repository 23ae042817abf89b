"""Pages of other sites may use the Toingg API from a browser, with a token and without cookies."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ghanti.settings import Settings
from toingg_world import Speaker

SHOP = "https://shop.example"
PREFLIGHT = {
    "Origin": SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}
PATHS = ["/api/make_toingg/", "/make_toingg", "/api/webhook", "/api/v3/make_call", "/api/v3/get_campaigns/"]


def _cors(answer: httpx.Response) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-")
    }


async def test_preflight(site: httpx.AsyncClient) -> None:
    for path in PATHS:
        answer = await site.options(path, headers=PREFLIGHT)
        assert answer.status_code == 200
        told = _cors(answer)
        assert told["allow-origin"] == "*"
        assert {"GET", "POST"} <= set(told["allow-methods"].split(", "))
        assert told["allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
        assert "allow-credentials" not in told


async def test_answers_and_refusals_may_be_read(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    origin = {"Origin": SHOP}
    bearer = {**origin, "Authorization": f"Bearer {speaker.key}"}
    body = {"campaign": "tax", "name": "S", "phoneNumber": "9841000001"}
    answers = [
        await speaker.first("/make_toingg/", body, headers=origin),
        await speaker.first("/make_toingg/", {}, headers=origin),
        await speaker.http.post("/make_toingg?apiKey=x", json=body, headers=origin),
        await speaker.http.get("/api/make_toingg/", headers=origin),
        await speaker.http.get("/api/x", headers=origin),
        await speaker.http.get("/api/openapi.json", headers=origin),
        await speaker.http.get("/api/v3/get_campaigns", headers=bearer),
        await speaker.http.get("/api/v3/get_campaigns", headers=origin),
        await speaker.http.get("/api/v3/x", headers=origin),
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 422, 401, 405, 404, 200, 200, 401, 404]
    for answer in answers:
        told = _cors(answer)
        assert told["allow-origin"] == "*"
        assert "Retry-After" in told["expose-headers"]
        assert "allow-credentials" not in told


async def test_tingtings_api_stays_as_it_is(speaker: Speaker) -> None:
    """Its cookies are for our own pages alone."""
    for path in ("/api/v1/campaign/", "/api/v1/auths/login/", "/healthz", "/x"):
        answers = [
            await speaker.http.options(path, headers=PREFLIGHT),
            await speaker.http.get(path, headers={"Origin": SHOP}),
            await speaker.http.post(path, headers={"Origin": SHOP}),
        ]
        assert [_cors(answer) for answer in answers] == [{}, {}, {}]
        assert answers[0].status_code in (404, 405)


class TestOfAList:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"cors_origins": f"{SHOP}, http://localhost:3000"})

    @pytest.mark.parametrize("origin", [SHOP, "http://localhost:3000"])
    async def test_those_in_it(self, site: httpx.AsyncClient, origin: str) -> None:
        for path in PATHS:
            preflight = await site.options(path, headers={**PREFLIGHT, "Origin": origin})
            assert preflight.status_code == 200
            answer = await site.post(path, headers={"Origin": origin})
            for told in (_cors(preflight), _cors(answer)):
                assert told["allow-origin"] == origin
                assert "allow-credentials" not in told
            assert "origin" in answer.headers["vary"].lower()

    @pytest.mark.parametrize("origin", ["https://other.example", "http://shop.example", "null"])
    async def test_those_that_are_not(self, site: httpx.AsyncClient, origin: str) -> None:
        preflight = await site.options("/api/make_toingg/", headers={**PREFLIGHT, "Origin": origin})
        answer = await site.post("/api/make_toingg/", headers={"Origin": origin})
        assert preflight.status_code == 400
        assert "allow-origin" not in _cors(preflight)
        assert "allow-origin" not in _cors(answer)


@pytest.mark.parametrize("text", ["*", "https://a.example", "https://a.example,http://b.example:8080", ""])
def test_settings(text: str) -> None:
    assert Settings(cors_origins=text).cors_origins == text


@pytest.mark.parametrize(
    "text", ["a.example", "https://a.example/", "https://a.example/x", "ftp://a.example", "https://", "x,*"]
)
def test_settings_that_cannot_be(text: Any) -> None:
    with pytest.raises(ValueError, match="origins"):
        Settings(cors_origins=text)
