"""The OpenAPI document tells everything the API has, and its examples fit its schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from jsonschema_rs import ValidationError, validate

from ghanti.api.openapi import GROUPS, schema_of

UNDOCUMENTED = {
    "/api/v1/docs/",
    "/api/v1/openapi.json/",
    "/api/v1/media/{token}/{filename}/",
    "/payment/success/",
    "/payment/cancelled/",
}
"""Not for programs, or reached by a signed link alone."""


def _operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            yield path, method, operation


def _media(app: FastAPI) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, method, operation in _operations(app):
        parts = [operation.get("requestBody", {}), *operation["responses"].values()]
        for part in parts:
            for kind, media in part.get("content", {}).items():
                yield f"{method} {path} {kind}", media


def test_every_path_is_documented(app: FastAPI) -> None:
    known = set(app.openapi()["paths"]) | UNDOCUMENTED
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            assert route.path is not None
            assert route.path.replace(":row", "") in known, route.path


def test_every_operation_is_in_a_group_and_has_a_summary(app: FastAPI) -> None:
    for path, method, operation in _operations(app):
        (tag,) = operation["tags"]
        assert tag in GROUPS, (method, path)
        assert operation["summary"], (method, path)


def test_every_example_fits_its_schema(app: FastAPI) -> None:
    examples = 0
    for name, media in _media(app):
        if "example" in media:
            examples += 1
            try:
                validate(media["schema"], media["example"])
            except ValidationError as error:
                pytest.fail(f"{name}: {error.message}")
    assert examples > 40


def test_every_success_shows_an_example(app: FastAPI) -> None:
    for path, method, operation in _operations(app):
        for status, response in operation["responses"].items():
            if status == "200" and path != "/healthz":
                assert any("example" in media for media in response["content"].values()), (method, path)


def test_every_answer_has_a_schema(app: FastAPI) -> None:
    for name, media in _media(app):
        assert media["schema"], name


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"id": 1}, {"id": "1"}),
        ({"id": 1}, {}),
        ([{"id": 1}], [{"id": None}]),
        ({"flag": True}, {"flag": 1}),
        ({"price": 1.5}, {"price": "1.5"}),
    ],
)
def test_schema_refuses_other_types(value: Any, wrong: Any) -> None:
    schema = schema_of(value)
    validate(schema, value)
    with pytest.raises(ValidationError):
        validate(schema, wrong)


@pytest.mark.parametrize("value", [{"voice": 3}, {"voice": None}])
def test_schema_lets_fields_be_empty(value: Any) -> None:
    validate(schema_of({"voice": 3}), value)


def test_items_need_what_all_of_them_have() -> None:
    schema = schema_of([{"a": 1, "b": 2}, {"a": 1}])
    validate(schema, [{"a": 2}])
    with pytest.raises(ValidationError):
        validate(schema, [{"b": 2}])
