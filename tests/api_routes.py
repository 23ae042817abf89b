"""Every operation that the application answers, taken from the application itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from toingg_world import generation

OPEN = frozenset(
    {
        "/healthz",
        "/api/v1/openapi.json/",
        "/api/v1/docs/",
        "/api/v1/auths/login/",
        "/api/v1/auths/login/refresh/",
        "/api/v1/media/{token}/{filename}/",
        "/payment/success/",
        "/payment/cancelled/",
    }
)
"""Paths that want no bearer: the door, what describes it, and links that are a credential themselves."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A method on a path; ``path`` has its parameters as ``{campaign_id}``, whatever converts them."""

    method: str
    path: str

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def url(self, **ids: int) -> str:
        """An absolute URL in the tests' world. Raises KeyError for a parameter without an id."""
        return "http://ghanti.test" + self.path.format(**ids)


def operations(app: FastAPI) -> list[Operation]:
    """All of them, aliases and what the OpenAPI document leaves out included."""
    return [
        Operation(method, re.sub(r"{(\w+):\w+}", r"{\1}", route.path))
        for route in iter_route_contexts(app.routes)
        if route.path is not None
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def toingg_operations(app: FastAPI, prefix: str) -> list[Operation]:
    """Those of the generation of the Toingg API that is mounted at ``/api`` or ``/api/v3``, its pages too."""
    return [
        Operation(operation.method, prefix + operation.path)
        for operation in operations(generation(app, prefix))
    ]


def guarded(app: FastAPI) -> list[Operation]:
    """Those that want a bearer."""
    return [operation for operation in operations(app) if operation.path not in OPEN]
