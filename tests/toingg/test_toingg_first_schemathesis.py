"""Requests that nobody thought of, made from the first generation's document: none is a failure of ours."""

from __future__ import annotations

import asyncio

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests import Request
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from toingg_world import NUMBER, Speaker, generation

EXAMPLES = 15
"""Of each operation."""

NOT_FOR_SALE = {"/create-checkout-session", "/webhook"}
"""Answers 501 here, where no payment provider is set."""


async def test_answers_are_as_documented(speaker: Speaker, app: FastAPI) -> None:
    await speaker.tenant.create(name="tax", message="{name}")
    sid = (await speaker.call()).json()
    loop = asyncio.get_running_loop()
    document = schemathesis.openapi.from_dict(generation(app, "/api").openapi())
    failures: list[str] = []
    seen: set[int] = set()

    async def ask(case: Case) -> None:
        asked = Request(**case.as_transport_kwargs(base_url="http://ghanti.test/api")).prepare()
        answer = await speaker.http.request(
            case.method, asked.url, headers=dict(asked.headers), content=asked.body
        )
        seen.add(answer.status_code)
        try:
            checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
            case.validate_response(answer, checks=checks)
        except FailureGroup as group:
            failures.extend(f"{case.method} {case.path}: {failure}" for failure in group.exceptions)

    def attack() -> None:
        for result in document.get_all_operations():
            operation = result.ok()
            if operation.path in NOT_FOR_SALE:
                continue

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(operation.as_strategy(GenerationMode.POSITIVE), st.booleans(), st.booleans())
            def attack_one(case: Case, known: bool, numbered: bool) -> None:
                if known:
                    case.query["apiKey"] = speaker.key
                    if "callSid" in case.query:
                        case.query["callSid"] = sid
                if numbered and isinstance(case.body, dict):
                    sent = {"campaign": "tax", "phoneNumber": NUMBER}
                    case.body |= {name: value for name, value in sent.items() if name in case.body}
                asyncio.run_coroutine_threadsafe(ask(case), loop).result(60)

            attack_one()

    await asyncio.to_thread(attack)
    assert not failures, "\n\n".join(dict.fromkeys(failures))
    assert seen >= {200, 401, 422}
