"""One account, two faces: a token is good for one of them, and either can make the other's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant, execute, scalar
from ghanti.accounts import administration
from ghanti.accounts.tokens import Face
from ghanti.database.session import SessionFactory, transaction
from toingg_world import Speaker

TOINGG = re.compile(r"tg_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}-[A-Za-z0-9_-]{22}")
UNKNOWN = "CA" + "0" * 32


async def _first(site: httpx.AsyncClient, token: str) -> int:
    """What the first generation answers to a token: 404 to a good one, which asks for an unknown call."""
    answer = await site.post("/api/hang_up_call/", params={"callSid": UNKNOWN, "apiKey": token})
    return answer.status_code


async def _third(site: httpx.AsyncClient, token: str) -> int:
    answer = await site.get("/api/v3/get_campaigns", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def _tingting(site: httpx.AsyncClient, token: str) -> int:
    answer = await site.get("/api/v1/campaign/", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code


async def _good(site: httpx.AsyncClient, token: str) -> tuple[int, int, int]:
    return await _tingting(site, token), await _first(site, token), await _third(site, token)


async def _generate(tenant: Tenant, **body: Any) -> httpx.Response:
    return await tenant.http.post("auths/generate-api-keys/", json=body)


async def test_a_token_is_good_for_its_own_face(tenant: Tenant, site: httpx.AsyncClient) -> None:
    key = (await _generate(tenant, face="toingg")).json()["token"]
    assert TOINGG.fullmatch(key)
    assert await _good(site, tenant.token) == (200, 401, 401)
    assert await _good(site, key) == (401, 404, 200)


async def test_a_session_of_a_login_is_no_toingg_key(viewer: Tenant, site: httpx.AsyncClient) -> None:
    assert await _good(site, viewer.token) == (200, 401, 401)


async def test_a_new_token_of_a_face_ends_the_former_of_that_face_alone(
    tenant: Tenant, site: httpx.AsyncClient
) -> None:
    first = (await _generate(tenant, face="toingg")).json()["token"]
    second = (await _generate(tenant, face="toingg")).json()["token"]
    assert await _good(site, first) == (401, 401, 401)
    assert await _good(site, second) == (401, 404, 200)
    assert await _tingting(site, tenant.token) == 200
    anew = (await _generate(tenant)).json()["token"]
    assert re.fullmatch("[0-9a-f]{64}", anew)
    assert await _tingting(site, tenant.token) == 401
    assert await _good(site, second) == (401, 404, 200)


async def test_a_toingg_key_makes_tokens_of_either_face(speaker: Speaker, site: httpx.AsyncClient) -> None:
    made = {}
    for face in ("tingting", "toingg"):
        headers = {"Authorization": f"Bearer {speaker.key}"}
        answer = await site.post("/api/v3/generate_api_key", json={"face": face}, headers=headers)
        assert answer.status_code == 200, answer.text
        made[face] = answer.json()["result"]["apiKey"]
    assert await _good(site, made["tingting"]) == (200, 401, 401)
    assert await _good(site, made["toingg"]) == (401, 404, 200)
    assert await _good(site, speaker.key) == (401, 401, 401)
    assert await _tingting(site, speaker.tenant.token) == 401


@pytest.mark.parametrize("face", ["", None, "tingting"])
async def test_tingtings_is_the_face_of_who_names_none(tenant: Tenant, face: str | None) -> None:
    assert re.fullmatch("[0-9a-f]{64}", (await _generate(tenant, face=face)).json()["token"])


@pytest.mark.parametrize("face", ["TOINGG", "x", 7, ["toingg"], {}, True])
async def test_faces_that_there_are_not(tenant: Tenant, face: object) -> None:
    answer = await _generate(tenant, face=face)
    assert answer.status_code == 400
    assert answer.json()["face"] == ["Must be one of tingting, toingg."]


async def test_who_is_kept_out_has_no_token_left(
    speaker: Speaker, site: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    async with transaction(sessions) as session:
        await administration.set_active(session, speaker.tenant.email, False)
    assert await _good(site, speaker.key) == (401, 401, 401)
    assert await _tingting(site, speaker.tenant.token) == 401


async def test_an_operator_makes_a_key_and_leaves_the_other_token(
    tenant: Tenant, site: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    async with transaction(sessions) as session:
        key = await administration.new_token(session, tenant.email, Face.TOINGG)
    assert await _good(site, key) == (401, 404, 200)
    assert await _tingting(site, tenant.token) == 200


async def test_only_hashes_are_kept(speaker: Speaker, sessions: SessionFactory) -> None:
    kept: str = await scalar(sessions, "SELECT string_agg(t::text, ' ') FROM api_tokens t")
    assert speaker.key not in kept
    assert speaker.key.partition("-")[2] not in kept
    assert await scalar(sessions, "SELECT count(*) FROM api_tokens WHERE revoked_at IS NULL") == 2


async def test_the_masked_token_is_this_apis_own(speaker: Speaker) -> None:
    masked = (await speaker.tenant.http.get("auths/get-api-keys/")).json()
    token = speaker.tenant.token
    assert f"{token[:4]}{'*' * 56}{token[-4:]}" in str(masked)


async def test_a_form_of_another_face_is_unknown_even_with_a_known_hash(
    tenant: Tenant, site: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    """The column says the face too, whatever a token looks like."""
    await execute(sessions, "UPDATE api_tokens SET face = 'toingg'")
    assert await _good(site, tenant.token) == (401, 401, 401)


class TestRemembered:
    """With tokens that are taken as good for a while, as they are in a served instance."""

    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return settings.model_copy(update={"credential_memory_seconds": 60})

    async def test_a_revoked_key_is_unknown_at_once(self, tenant: Tenant, site: httpx.AsyncClient) -> None:
        first = (await _generate(tenant, face="toingg")).json()["token"]
        assert await _good(site, first) == (401, 404, 200)
        assert await _tingting(site, tenant.token) == 200
        second = (await _generate(tenant, face="toingg")).json()["token"]
        assert await _good(site, first) == (401, 401, 401)
        assert await _good(site, second) == (401, 404, 200)
        assert await _tingting(site, tenant.token) == 200

    async def test_what_is_remembered_of_one_face_opens_no_other(
        self, speaker: Speaker, site: httpx.AsyncClient
    ) -> None:
        for _ in range(2):
            assert await _good(site, speaker.key) == (401, 404, 200)
            assert await _good(site, speaker.tenant.token) == (200, 401, 401)


async def test_both_faces_count_as_one_user(
    app: FastAPI, speaker: Speaker, site: httpx.AsyncClient, new_speaker: Callable[..., Any], other: Tenant
) -> None:
    """A user's requests are limited over both; the answer says when to come again."""
    limits = app.state.parts.authenticator._limits
    for _ in range(limits._requests.amount):
        limits.count(speaker.tenant.user_id)
    throttled = await speaker.first("/hang_up_call/", params={"callSid": UNKNOWN})
    assert throttled.status_code == 429
    assert throttled.json().keys() == {"detail"}
    assert int(throttled.headers["retry-after"]) >= 1
    assert await _tingting(site, speaker.tenant.token) == 429
    stranger = await new_speaker(other)
    assert (await stranger.first("/hang_up_call/", params={"callSid": UNKNOWN})).status_code == 404


class TestGuessing:
    """Keys that nobody has are counted by the address that tries them."""

    @pytest.fixture
    def settings(self, settings: Any) -> Any:
        return settings.model_copy(update={"api_failures_per_minute": 5})

    async def test_who_guesses_waits(self, tenant: Tenant, site: httpx.AsyncClient) -> None:
        key = (await _generate(tenant, face="toingg")).json()["token"]
        assert await _first(site, key) == 404
        tries = [await _first(site, f"tg_{index}") for index in range(6)]
        assert tries == [401] * 5 + [429]
        assert await _third(site, "tg_x") == 429
        assert await _first(site, key) == 404
