"""What FastAPI cannot know of the routes for the OpenAPI document: schemas, statuses, keys and groups.

A route says by example what it takes and gives. The schemas are made of the examples, so that the two
never disagree; a test sends requests of the document's making and holds the answers against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ghanti.api.idempotency import HEADER

GROUPS = (
    "Authentication",
    "Campaign",
    "Surveys",
    "Survey templates",
    "OTP",
    "Phone numbers",
    "Dashboard",
    "Credits",
    "Health",
)

Json = dict[str, Any]

_NULLABLE = frozenset(
    {
        *("audio_file", "bulk_file", "category", "credit_limit", "deleted_at", "last_used", "next", "pace"),
        *("previous", "schedule", "voice", "survey", "status_reason", "paused_reason", "current_streak"),
        *("url", "expires_at", "paid_at", "valid_days"),
        *("expiring", "alert", "days_left", "reference", "plan"),
    }
)
"""Fields that are null where there is nothing to say."""

_FREE = frozenset(
    {
        "other_variables",
        "attributes",
        "carrier_summary",
        "retries",
        "data",
        "values",
        "sample",
        "top_performing_campaign",
    }
)
"""Fields whose keys are the user's, or whose type is."""

_DESCRIPTIONS = {
    400: "Something that was sent cannot be; the messages say what",
    401: "No credential, or none that is good",
    403: "Not for a viewer, or not for this account",
    404: "Not found, or another account's",
    409: "Not in the present state",
    413: "Larger than is read",
    415: "Of a type that is not read",
    422: f"The {HEADER} was used for another request",
    429: "Too many requests; `Retry-After` says how many seconds to wait",
    501: "Not set up on this server; the message says what it needs",
    502: "The payment provider does not answer as it should",
    503: "The database does not answer; `Retry-After` says when to try again",
}
_WAITING = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}}}
_ERROR = {
    "type": "object",
    "anyOf": [{"required": ["message"]}, {"required": ["detail"]}],
    "properties": {
        "message": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {},
    },
}
_KEY = {
    "name": HEADER,
    "in": "header",
    "description": "Sent again with the same key within a day, the request is answered as before and has no "
    "second effect",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9_-]+$"},
}


def adapt(document: Json) -> None:
    """Complete the document that FastAPI made of the routes."""
    components = document.setdefault("components", {})
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    components["schemas"] = {"Error": _ERROR}
    document["security"] = [{"bearer": []}]
    document["tags"] = [{"name": name} for name in GROUPS]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)


def _complete(path: str, method: str, operation: Json) -> None:
    if path == "/healthz":
        operation["security"] = []
        for code, text in (("200", "Every part works"), ("503", "A part is missing")):
            operation["responses"][code] = {
                "description": text,
                "content": {"application/json": {"schema": {"type": "object"}}},
            }
        return
    secured = "/auths/login/" not in path
    if not secured:
        operation["security"] = []
    elif method == "post":
        operation.setdefault("parameters", []).append(_KEY)
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter["schema"] = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    _complete_responses(path, operation["responses"])
    for media in operation.get("requestBody", {}).get("content", {}).values():
        if "example" in media:
            media["schema"] = {**_named(media["example"]), **media["schema"]}
    for status in _refusals(path, method, operation, secured):
        operation["responses"].setdefault(str(status), _failure(status))


def _complete_responses(path: str, responses: Json) -> None:
    responses.pop("422", None)
    if any(status.startswith("2") and status != "200" for status in responses) and not _says(
        responses.get("200")
    ):
        responses.pop("200", None)  # FastAPI assumes one beside whatever else a route says.
    for response in responses.values():
        if _says(response):  # Of the types that FastAPI assumes beside it there is none.
            shown = {kind: media for kind, media in response["content"].items() if "example" in media}
            response["content"] = shown
            for kind, media in shown.items():
                free = path.endswith("/attributes/")
                media["schema"] = {"type": "object"} if free else _of_media(kind, media["example"])
                if "x-also" in media:
                    media["schema"] = {"anyOf": [media["schema"], schema_of(media.pop("x-also"))]}


def _says(response: Json | None) -> bool:
    return response is not None and any("example" in media for media in response.get("content", {}).values())


def _of_media(kind: str, example: Any) -> Json:
    return schema_of(example) if kind == "application/json" else {"type": "string"}


def _refusals(path: str, method: str, operation: Json, secured: bool) -> Iterator[int]:
    """The statuses, besides success, that an operation can answer."""
    yield from (400, 503)
    yield from (401, 429)
    if method != "get" or not secured:
        yield from (403, 413)
    if path.endswith("/credits/checkout/"):
        yield from (404, 501, 502)
    if "{" in path or path.endswith("/get-api-keys/"):
        yield 404
    if method != "get":
        yield 409
    if "requestBody" in operation:
        yield 415
    if method == "post" and secured:
        yield 422


def _failure(status: int) -> Json:
    failure: Json = {
        "description": _DESCRIPTIONS[status],
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    return {**failure, "headers": _WAITING} if status in (429, 503) else failure


def schema_of(value: Any) -> Json:
    """A schema that the value fits, and what is like it: with its keys, of its types."""
    match value:
        case None:
            return {}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": _common([schema_of(item) for item in value])}
        case dict():
            properties = {name: _field(name, item) for name, item in value.items()}
            return {"type": "object", "properties": properties, "required": list(value)}
    raise TypeError(f"{type(value).__name__} is no JSON")


def _field(name: str, value: Any) -> Json:
    if name in _FREE:
        return {}
    schema = schema_of(value)
    return {"anyOf": [schema, {"type": "null"}]} if schema and name in _NULLABLE else schema


def _common(schemas: Sequence[Json]) -> Json:
    """What fits each of several; objects need the keys that all of them have."""
    if not schemas or any(not schema for schema in schemas):
        return {}
    kinds = {schema.get("type") for schema in schemas}
    if kinds != {"object"}:
        return schemas[0] if all(schema == schemas[0] for schema in schemas) else {}
    names = list(dict.fromkeys(name for schema in schemas for name in schema["properties"]))
    return {
        "type": "object",
        "properties": {
            name: _common([s["properties"][name] for s in schemas if name in s["properties"]])
            for name in names
        },
        "required": [name for name in names if all(name in schema["required"] for schema in schemas)],
    }


def _named(example: Any) -> Json:
    """The names that a body may have; types are those of any sane client, so that they are not told."""
    if not isinstance(example, dict):
        return {}
    return {"properties": {name: {"examples": [value]} for name, value in example.items()}}
