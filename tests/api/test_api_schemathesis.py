"""Requests that nobody thought of, made from the OpenAPI document: each is answered as the document says."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests import Request
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api_world import PASSWORD, Tenant

EXAMPLES = 8
"""Of each operation."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
UNWELL = {"/healthz"}
"""Answers 503 here, where no worker lives."""


def printed_body(case: Case) -> Any:
    """The body that the document shows."""
    return case.operation.definition.raw["requestBody"]["content"]["application/json"]["example"]


async def test_answers_are_as_documented(tenant: Tenant, http: httpx.AsyncClient, app: FastAPI) -> None:
    # A login outlives the API tokens that are generated on the way.
    login = await http.post("auths/login/", json={"email": tenant.email, "password": PASSWORD})
    access = login.cookies["access"]
    campaign = await tenant.ready()
    spare = await tenant.create()
    contacts = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["results"]
    known = {
        "campaign_id": [campaign["id"], spare["id"]],
        "survey_id": [campaign["id"]],
        "contact_id": [contact["id"] for contact in contacts],
        "template_id": [1],
        "payment_id": [await tenant.payment()],
    }
    loop = asyncio.get_running_loop()
    document = schemathesis.openapi.from_dict(app.openapi())
    failures: list[str] = []
    seen: set[int] = set()

    async def ask(case: Case) -> None:
        asked = Request(**case.as_transport_kwargs(base_url="http://ghanti.test")).prepare()
        headers = {**asked.headers, "Authorization": f"Bearer {access}"}
        answer = await http.request(case.method, asked.url, headers=headers, content=asked.body)
        seen.add(answer.status_code)
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            failures.extend(f"{case.method} {case.path}: {failure}" for failure in group.exceptions)

    def attack() -> None:
        for result in document.get_all_operations():
            operation = result.ok()
            if operation.path in UNWELL:
                continue

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(
                operation.as_strategy(GenerationMode.POSITIVE),
                st.fixed_dictionaries({name: st.sampled_from(ids) for name, ids in known.items()}),
                st.booleans(),
                st.booleans(),
            )
            def attack_one(case: Case, ids: dict[str, int], exists: bool, printed: bool) -> None:
                if exists:
                    for name in case.path_parameters:
                        case.path_parameters[name] = ids[name]
                if printed and case.media_type == "application/json":
                    case.body = printed_body(case)
                asyncio.run_coroutine_threadsafe(ask(case), loop).result(60)

            attack_one()

    await asyncio.to_thread(attack)
    assert not failures, "\n\n".join(dict.fromkeys(failures))
    assert seen >= {200, 201, 400, 404}
