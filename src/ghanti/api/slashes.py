"""A path with or without its final slash means the same: no redirect, which would lose the body."""

from __future__ import annotations

from collections.abc import Iterable

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


class EitherSlash:
    """ASGI middleware of an application whose paths end as they please: each means its other form too."""

    def __init__(self, app: ASGIApp, paths: Iterable[str]) -> None:
        self._app = app
        self._known = {_other_form(path): path for path in paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root: str = scope.get("root_path", "")
            path = self._known.get(scope["path"].removeprefix(root))
            if path is not None:
                scope = {**scope, "path": root + path, "raw_path": (root + path).encode()}
        await self._app(scope, receive, send)


def both_forms(paths: Iterable[str]) -> frozenset[str]:
    """The paths, with and without their final slash."""
    return frozenset(form for path in paths for form in (path, _other_form(path)))


def _other_form(path: str) -> str:
    return path.removesuffix("/") if path.endswith("/") else path + "/"
