"""The HTTP application, and its server: ``python -m ghanti.app``."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Sequence
from functools import partial

import uvicorn
from fastapi import FastAPI

from ghanti.accounts.throttle import LoginThrottle
from ghanti.accounts.tokens import SessionTokens
from ghanti.api import docs, errors, health, payment_pages, tingting
from ghanti.api.authentication import Authenticator
from ghanti.api.context import Parts
from ghanti.api.downloads import Downloads
from ghanti.api.limits import RequestLimits
from ghanti.api.media import MediaLinks
from ghanti.api.previews import Previews
from ghanti.api.proxies import TrustedProxies
from ghanti.api.slashes import FinalSlash
from ghanti.api.toingg import apps as toingg
from ghanti.campaigns import handlers
from ghanti.credits.service import expire_due
from ghanti.database.lookups import Lookups
from ghanti.database.schema import wait_until_current
from ghanti.database.session import SessionFactory, create_session_factory, opened, reading
from ghanti.dialing.worker import every
from ghanti.encryption import SecretBox, secret_box
from ghanti.fetching import SafeFetcher
from ghanti.idempotency.service import AnswerSafe, sweep
from ghanti.media.store import MediaStore
from ghanti.payments.providers import provider_of
from ghanti.payments.service import Payments
from ghanti.settings import Settings, get_settings
from ghanti.sockets import listener
from ghanti.tls import Certificate, certificate_of
from ghanti.webhooks.delivering import Deliverer

_POOL = 20
"""Connections, all of which are kept: to open one costs more than most requests."""

_MOST_CONNECTIONS = 900
"""Of clients, idle ones included; more are answered 503. Many systems allow a process 1,024 files in all."""

_GRACE_SECONDS = 10
_SWEEP_SECONDS = 600
_EXPIRY_SECONDS = 60
_RENEW_SECONDS = 30
_RECONCILE_SECONDS = 60


def create_app(settings: Settings, sessions: SessionFactory, box: SecretBox) -> FastAPI:
    """The application over a migrated database."""
    handlers.register()
    tokens = SessionTokens(box.derive("sessions"))
    store = MediaStore(settings.media_folder)
    app = FastAPI(
        title="Ghanti", version="1", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    parts = Parts(
        settings=settings,
        sessions=sessions,
        readings=reading(sessions),
        lookups=Lookups(sessions),
        tokens=tokens,
        authenticator=Authenticator(
            sessions,
            tokens,
            RequestLimits(settings.api_requests_per_minute, settings.api_failures_per_minute),
            settings.credential_memory_seconds,
        ),
        throttle=LoginThrottle(),
        store=store,
        links=MediaLinks(box.derive("media links")),
        box=box,
        answers=AnswerSafe(box),
        downloads=Downloads(settings.downloads_at_once, settings.download_seconds),
        fetcher=SafeFetcher(settings),
        previews=Previews(store, settings.preview_megabytes),
        payments=Payments(sessions, provider_of(settings), settings),
    )
    app.include_router(health.router)
    app.include_router(payment_pages.router)
    app.include_router(tingting.router)
    docs.install(app)
    errors.install(app)
    app.state.parts = parts
    toingg.mount(app, parts)
    app.add_middleware(FinalSlash, prefix=tingting.PREFIX + "/")
    if settings.trusted_proxies:
        app.add_middleware(TrustedProxies, trusted=settings.trusted_proxies, header=settings.forwarded_header)
    return app


class Server(uvicorn.Server):
    """Says in one JSON line on standard output when it listens, and where."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            port = sockets[0].getsockname()[1]
            sys.stdout.write(json.dumps({"ready": True, "port": port}) + "\n")
            sys.stdout.flush()


def server_config(app: FastAPI, certificate: Certificate | None = None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ssl_certfile=certificate.cert if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
        proxy_headers=False,  # those that are trusted are read by ghanti.api.proxies
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


async def serve(settings: Settings) -> None:
    """Serve, once the database is migrated, until SIGTERM or SIGINT; requests under way are finished first.

    Raises OSError when the address cannot be listened on, ValueError without a database URL.
    """
    if settings.database_url is None:
        raise ValueError("GHANTI_DATABASE_URL is not set")
    bound = listener(settings.host, settings.port)
    url = settings.database_url.get_secret_value()
    pooled = settings.database_direct_url is not None
    async with opened(
        url, pool_size=_POOL, overflow=0, application_name="ghanti api", pooled=pooled
    ) as engine:
        await wait_until_current(engine)
        factory = create_session_factory(engine)
        app = create_app(settings, factory, secret_box(settings))
        certificate = certificate_of(settings)
        config = server_config(app, certificate)
        tasks = [
            asyncio.create_task(every(_SWEEP_SECONDS, partial(sweep, factory), "sweep of answers")),
            asyncio.create_task(every(_EXPIRY_SECONDS, partial(expire_due, factory), "expiry of credits")),
        ]
        if app.state.parts.payments.offered:
            asking = every(_RECONCILE_SECONDS, app.state.parts.payments.reconcile, "asking for payments")
            tasks.append(asyncio.create_task(asking))
        if certificate is not None:
            config.load()
            assert config.ssl is not None
            renewing = every(
                _RENEW_SECONDS, partial(certificate.renew, config.ssl), "renewal of the certificate"
            )
            tasks.append(asyncio.create_task(renewing))
        deliverer = Deliverer(factory, settings, app.state.parts.box)
        tasks.append(asyncio.create_task(every(0, deliverer.pass_once, "web hooks")))
        try:
            async with app.state.parts.previews:
                await Server(config).serve([bound])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await deliverer.close()


def main(_arguments: Sequence[str]) -> None:
    """Serve by the settings; like the other roles' it is handed arguments, and has no use for them."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(get_settings()))


if __name__ == "__main__":
    main(sys.argv[1:])
