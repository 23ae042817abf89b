"""The API's own documentation: its OpenAPI document, and a page made from it on the server.

The page loads nothing from elsewhere, so it also works on a machine without internet.
"""

from __future__ import annotations

import html
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response

from ghanti.api.openapi import adapt
from ghanti.api.responses import answer

router = APIRouter(include_in_schema=False)

_UNTAGGED = "default"

_DESCRIPTION = (
    "Bulk voice and SMS campaigns. Send `Authorization: Bearer <token>` with every request; bodies may be "
    "JSON, urlencoded or multipart forms. Errors are JSON objects with `message` or `detail`."
)


@router.get("/api/v1/openapi.json/")
async def openapi(request: Request) -> Response:
    return answer(request.app.openapi())


@router.get("/api/v1/docs/")
async def shown(request: Request) -> Response:
    return HTMLResponse(page(request.app.openapi(), "/api/v1/openapi.json"))


def install(app: FastAPI) -> None:
    """Make the OpenAPI document say what the API does, whose bad input is 400, not FastAPI's 422."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=_DESCRIPTION, routes=app.routes
            )
            adapt(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
    app.include_router(router)


def page(schema: dict[str, Any], address: str) -> str:
    """A page of an OpenAPI document, which stands at an address."""
    sections: dict[str, list[str]] = {tag["name"]: [] for tag in schema.get("tags", [])}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", [_UNTAGGED])[0]
            sections.setdefault(tag, []).append(_operation(method, path, operation))
    parts = [f"<h2>{html.escape(tag)}</h2>{''.join(items)}" for tag, items in sections.items()]
    return _PAGE.format(
        title=html.escape(schema["info"]["title"]),
        description=_prose(schema["info"].get("description", "")),
        address=html.escape(address),
        body="".join(parts),
        schemas="".join(map(_schema, schema.get("components", {}).get("schemas", {}).items())),
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [_prose(operation.get("description", ""))]
    parameters = [
        f"<li><code>{html.escape(item['name'])}</code> {_prose(item.get('description', ''))}</li>"
        for item in operation.get("parameters", [])
    ]
    if parameters:
        parts.append(f"<ul>{''.join(parameters)}</ul>")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if "example" in content:
            parts.append(f"<h4>Request, {html.escape(kind)}</h4>{_example(content['example'])}")
        elif kind == "multipart/form-data" and content["schema"].get("properties"):
            names = ", ".join(map(html.escape, content["schema"]["properties"]))
            parts.append(f"<h4>Request, {kind}</h4><pre>{names}</pre>")
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values():
            if "example" in content:
                parts.append(f"<h4>Answer {html.escape(str(status))}</h4>{_example(content['example'])}")
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{html.escape(path)}</code> "
        f"{html.escape(operation.get('summary', ''))}</summary>{''.join(parts)}</details>"
    )


def _schema(named: tuple[str, dict[str, Any]]) -> str:
    name, schema = named
    return f"<details><summary><code>{html.escape(name)}</code></summary>{_example(schema)}</details>"


def _prose(text: str) -> str:
    """Escaped text, its backquoted parts as code."""
    pieces = html.escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if index % 2 else piece for index, piece in enumerate(pieces))


def _example(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return f"<pre>{html.escape(text)}</pre>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:16px/1.5 Mukta,"Noto Sans Devanagari",system-ui,sans-serif;max-width:60rem;
margin:2rem auto;padding:0 1rem}}
pre{{background:#f4f4f2;padding:.75rem;overflow:auto}}
details{{margin:.4rem 0;padding:.3rem .6rem;border:1px solid #ddd}}
summary{{cursor:pointer}}
h4{{margin:.8rem 0 .2rem}}
@media(prefers-color-scheme:dark){{
body{{background:#181818;color:#eee}} pre{{background:#262626}} details{{border-color:#444}} a{{color:#9cf}}
}}
</style></head><body><h1>{title}</h1><p>{description}</p>
<p><a href="{address}">openapi.json</a></p>{body}<h2>Schemas</h2>{schemas}</body></html>
"""
