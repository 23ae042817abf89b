"""The documents of the Toingg API, and the pages made of them, shaped as the public ones are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from ghanti.api.docs import page
from ghanti.api.responses import answer

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_ERRORS: Mapping[str, Json] = {
    "HTTPValidationError": {
        "properties": {
            "detail": {
                "items": {"$ref": "#/components/schemas/ValidationError"},
                "type": "array",
                "title": "Detail",
            }
        },
        "type": "object",
        "title": "HTTPValidationError",
    },
    "ValidationError": {
        "properties": {
            "loc": {
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "type": "array",
                "title": "Location",
            },
            "msg": {"type": "string", "title": "Message"},
            "type": {"type": "string", "title": "Error Type"},
        },
        "type": "object",
        "required": ["loc", "msg", "type"],
        "title": "ValidationError",
    },
}
_INVALID: Json = {
    "description": "Validation Error",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HTTPValidationError"}}},
}


def takes(model: type[BaseModel], example: Json) -> Json:
    """What a route says of its body for the document; ``install`` is given the model too."""
    media = {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}, "example": example}
    return {
        "requestBody": {"required": True, "content": {"application/json": media}},
        "responses": {"422": _INVALID},
    }


def install(
    app: FastAPI,
    prefix: str,
    models: Iterable[type[BaseModel]],
    *,
    title: str,
    version: str,
    description: str,
) -> None:
    """Serve the application's document at ``openapi.json``, and the page made of it at ``docs``."""
    schemas = {**_ERRORS, **{model.__name__: _component(model) for model in models}}

    def document() -> Json:
        if app.openapi_schema is None:
            made = get_openapi(
                title=title,
                version=version,
                openapi_version="3.1.0",
                description=description,
                routes=app.routes,
                servers=[{"url": prefix}],
            )
            made["components"] = {"schemas": {name: schemas[name] for name in sorted(schemas)}}
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    app.include_router(_pages(prefix))


def _pages(prefix: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        return answer(request.app.openapi())

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return HTMLResponse(page(request.app.openapi(), f"{prefix}/openapi.json"))

    return router


def _component(model: type[BaseModel]) -> Json:
    """A model as the documents show it: without the fields that are taken beyond it."""
    schema = model.model_json_schema(ref_template=_REFERENCE)
    schema.pop("$defs", None)
    schema.pop("additionalProperties", None)
    return schema
