"""A path without its final slash means the one with it: no redirect, which would lose the body."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class FinalSlash:
    """ASGI middleware that completes paths under ``prefix``."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(self._prefix) and not path.endswith("/"):
                scope = {**scope, "path": path + "/", "raw_path": scope.get("raw_path", b"") + b"/"}
        await self._app(scope, receive, send)
