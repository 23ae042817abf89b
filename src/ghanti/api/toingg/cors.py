"""Browsers of other sites may use the Toingg API: with a token, never with a cookie."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ghanti.api.idempotency import REPLAYED
from ghanti.settings import Settings

_PREFLIGHT_SECONDS = 600


def across_origins(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application with the headers that let the allowed origins read its answers, errors included."""
    return CORSMiddleware(
        app,
        allow_origins=[origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()],
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=["*"],
        expose_headers=["Retry-After", *REPLAYED],
        max_age=_PREFLIGHT_SECONDS,
    )
