"""The two applications of the Toingg API, and where they are mounted."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Match, Mount
from starlette.types import ASGIApp, Scope

from ghanti.api import tingting
from ghanti.api.context import Parts
from ghanti.api.slashes import EitherSlash, both_forms
from ghanti.api.toingg import documents, errors
from ghanti.api.toingg.authentication import CHALLENGE_BEARER, CHALLENGE_KEY
from ghanti.api.toingg.cors import across_origins
from ghanti.api.toingg.first.models import MODELS as FIRST_MODELS
from ghanti.api.toingg.first.router import router as first_router
from ghanti.api.toingg.third.models import MODELS as THIRD_MODELS
from ghanti.api.toingg.third.router import router as third_router

FIRST = "/api"
THIRD = "/api/v3"

_OF_FIRST = (
    "Calls and text messages by the campaigns of an account. Send `apiKey` in the query. Errors are "
    '`{"detail": …}`, a sentence or a list of what is wrong where. Beside 422 they are 401 for an unknown '
    "key, 402 without credits, 403 for a viewer, 404 for an unknown campaign or call, 413 for too long a "
    "list, 429 with `Retry-After` for too many requests, and 503."
)
_OF_THIRD = (
    "Campaigns, the calls they make and what became of these. Send `Authorization: Bearer tg_…`. Answers are "
    '`{"status": true, "message": …, "result": …}`, errors `{"detail": …}` with the statuses of the first '
    "generation, and 501 for what this installation does not do."
)


def first_generation(parts: Parts) -> FastAPI:
    """The application of the first generation."""
    app = _application(parts, first_router, CHALLENGE_KEY)
    documents.install(app, FIRST, FIRST_MODELS, title="FastAPI", version="0.1.0", description=_OF_FIRST)
    return _of_either_slash(app)


def third_generation(parts: Parts) -> FastAPI:
    """The application of the third generation."""
    app = _application(parts, third_router, CHALLENGE_BEARER)
    documents.install(app, THIRD, THIRD_MODELS, title="Toingg", version="3", description=_OF_THIRD)
    return _of_either_slash(app)


def mount(app: FastAPI, parts: Parts) -> None:
    """Mount both beside the routes that the application has; the first also without its prefix."""
    settings = parts.settings
    third = across_origins(third_generation(parts), settings)
    first = across_origins(first_generation(parts), settings)
    bare = both_forms(_paths(first_router))
    app.router.routes += [
        Mount(THIRD, third),
        _Part(FIRST, first, lambda path: not f"{path}/".startswith(f"{tingting.PREFIX}/")),
        _Part("", first, lambda path: path in bare),
    ]


class _Part(Mount):
    """A mount that takes only some of the paths under it."""

    def __init__(self, path: str, app: ASGIApp, takes: Callable[[str], bool]) -> None:
        super().__init__(path, app)
        self._takes = takes

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and self._takes(scope["path"]):
            return super().matches(scope)
        return Match.NONE, {}


def _application(parts: Parts, router: APIRouter, challenge: str) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.parts = parts
    app.include_router(router)
    errors.install(app, challenge)
    return app


def _of_either_slash(app: FastAPI) -> FastAPI:
    app.add_middleware(EitherSlash, paths=_paths(app.router))
    return app


def _paths(router: APIRouter) -> frozenset[str]:
    return frozenset(route.path for route in iter_route_contexts(router.routes) if route.path is not None)
