"""The documents of the first generation show what the public ones do; and pages are made of them."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema_rs import validate

from toingg_world import Speaker, generation

OPERATIONS = [
    ("/make_toingg/", "Make Toingg", ["apiKey"], "makeCallData", True),
    ("/make_toingg_details/", "Make Toingg", ["apiKey"], "makeCallDetailsData", True),
    ("/make_batch_toingg/", "Make Toingg", ["apiKey"], "makeBatchCallData", True),
    ("/send_sms/", "Send Sms", ["apiKey"], "smsData", True),
    ("/hang_up_call/", "Hang Up Call", ["callSid", "apiKey"], None, True),
    ("/create-checkout-session", "Create Checkout Session", [], "APIKey", True),
    ("/webhook", "Stripe Webhook", [], None, False),
]
"""As the public document lists them: path, summary, query, body, and whether it tells of 422."""

IDS = [
    "make_toingg_make_toingg__post",
    "make_toingg_make_toingg_details__post",
    "make_toingg_make_batch_toingg__post",
    "send_sms_send_sms__post",
    "hang_up_call_hang_up_call__post",
    "create_checkout_session_create_checkout_session_post",
    "stripe_webhook_webhook_post",
]

COMPONENTS = {
    "APIKey": {"apikey": "string"},
    "HTTPValidationError": {"detail": "array of ValidationError"},
    "ValidationError": {"loc": "array of string or integer", "msg": "string", "type": "string"},
    "makeBatchCallData": {"campaign": "string", "numberList": "array of numberData"},
    "makeCallData": {"campaign": "string", "name": "string", "phoneNumber": "string"},
    "makeCallDetailsData": {
        "campaignName": "string",
        "campaignScript": "string",
        "name": "string",
        "phoneNumber": "string",
    },
    "numberData": {"clientName": "string", "clientNumber": "string"},
    "smsData": {"name": "string", "phoneNumber": "string", "message": "string"},
}
"""In the order in which they are listed, their fields in theirs."""

OPTIONAL = {"HTTPValidationError": ["detail"]}


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix("#/components/schemas/")
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema["type"] == "array":
        return f"array of {_type(schema['items'])}"
    return str(schema["type"])


@pytest.fixture
async def document(site: httpx.AsyncClient) -> dict[str, Any]:
    answer = await site.get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_head(document: dict[str, Any]) -> None:
    assert (document["info"]["title"], document["info"]["version"]) == ("FastAPI", "0.1.0")
    assert (document["openapi"], document["servers"]) == ("3.1.0", [{"url": "/api"}])
    assert "securitySchemes" not in document["components"]
    assert "tags" not in document


async def test_operations(document: dict[str, Any]) -> None:
    found = []
    for path, methods in document["paths"].items():
        ((method, operation),) = methods.items()
        assert method == "post"
        assert "tags" not in operation
        for parameter in operation.get("parameters", []):
            assert (parameter["in"], parameter["required"]) == ("query", True)
            assert _type(parameter["schema"]) == "string"
        query = [parameter["name"] for parameter in operation.get("parameters", [])]
        content = operation.get("requestBody", {}).get("content", {})
        assert list(content) in ([], ["application/json"])
        body = _type(content["application/json"]["schema"]) if content else None
        assert not content or operation["requestBody"]["required"] is True
        found.append((path, operation["summary"], query, body, "422" in operation["responses"]))
        assert set(operation["responses"]) <= {"200", "422"}
        assert operation["responses"]["200"] == {
            "description": "Successful Response",
            "content": {"application/json": {"schema": {}}},
        }
        if "422" in operation["responses"]:
            refusal = operation["responses"]["422"]
            assert refusal["description"] == "Validation Error"
            assert _type(refusal["content"]["application/json"]["schema"]) == "HTTPValidationError"
    assert found == OPERATIONS
    assert [methods["post"]["operationId"] for methods in document["paths"].values()] == IDS


async def test_components(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert list(schemas) == list(COMPONENTS)
    for name, fields in COMPONENTS.items():
        schema = schemas[name]
        assert (schema["type"], schema["title"]) == ("object", name)
        found = {field: _type(shown) for field, shown in schema["properties"].items()}
        assert list(found.items()) == list(fields.items())
        required = [field for field in fields if field not in OPTIONAL.get(name, [])]
        assert schema.get("required", []) == required
        assert "additionalProperties" not in schema


async def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    shown = 0
    for methods in document["paths"].values():
        for media in methods["post"].get("requestBody", {}).get("content", {}).values():
            name = _type(media["schema"])
            schema = {**document["components"]["schemas"][name], "components": document["components"]}
            validate(schema, media["example"])
            shown += 1
    assert shown == 5


async def test_errors_fit_the_documented_shape(speaker: Speaker, document: dict[str, Any]) -> None:
    components = document["components"]
    schema = {**components["schemas"]["HTTPValidationError"], "components": components}
    answers = [
        await speaker.http.post("/make_toingg/", json={}),
        await speaker.first("/make_toingg/", {}),
        await speaker.first("/send_sms/", {"name": "S", "phoneNumber": "1", "message": "x"}),
        await speaker.first("/make_batch_toingg/", {"campaign": "x", "numberList": [{}]}),
        await speaker.first("/hang_up_call/"),
    ]
    for answer in answers:
        assert answer.status_code == 422
        validate(schema, answer.json())
        assert all(item.keys() == {"loc", "msg", "type"} for item in answer.json()["detail"])


@pytest.mark.parametrize(("prefix", "stranger"), [("/api", "/api/v"), ("/api/v3", "/api/v1")])
async def test_page(site: httpx.AsyncClient, prefix: str, stranger: str) -> None:
    """Made from the document, and of nothing from elsewhere."""
    document = (await site.get(f"{prefix}/openapi.json")).json()
    answer = await site.get(f"{prefix}/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for path in document["paths"]:
        assert f"<code>{path}</code>" in answer.text
    for name in document["components"]["schemas"]:
        assert f"<code>{name}</code>" in answer.text
    assert f'href="{prefix}/openapi.json"' in answer.text
    assert stranger not in answer.text.replace(f"{prefix}/openapi.json", "")
    assert not re.findall(r'(?:src|href)="(?!/)', answer.text)
    assert (await site.get(f"{prefix}/docs/")).text == answer.text


async def test_each_document_is_of_its_own_api(site: httpx.AsyncClient, app: FastAPI) -> None:
    first = (await site.get("/api/openapi.json")).json()
    third = (await site.get("/api/v3/openapi.json")).json()
    tingting = (await site.get("/api/v1/openapi.json")).json()
    assert not first["paths"].keys() & third["paths"].keys()
    assert third["servers"] == [{"url": "/api/v3"}]
    assert all(path.startswith("/api/v1/") or path == "/healthz" for path in tingting["paths"])
    assert not any("/api/" in path for path in [*first["paths"], *third["paths"]])
    assert "toingg" not in str(list(tingting["paths"]))


async def test_every_reference_is_to_a_component(app: FastAPI) -> None:
    for prefix in ("/api", "/api/v3"):
        document = generation(app, prefix).openapi()
        named = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
        assert named <= document["components"]["schemas"].keys()


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/", "/api/docs/x", "/api/redoc"])
async def test_there_are_no_other_pages(site: httpx.AsyncClient, path: str) -> None:
    assert (await site.get(path)).status_code == 404
