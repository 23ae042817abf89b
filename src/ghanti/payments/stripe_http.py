"""How Stripe's library reaches its API from here: directly, with a deadline, without a thread.

The library's own client would take a proxy from the environment, and keeps connections beyond the event
loop that they belong to. Checkouts are rare enough for a connection each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NoReturn

import httpx
import stripe

_SECONDS = 15.0
"""For one request; the library repeats one that fails, under the same key."""


class DirectClient(stripe.HTTPClient):
    name = "ghanti"

    def __init__(self) -> None:
        super().__init__()
        self._trust = httpx.create_ssl_context(trust_env=False)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Raises stripe.APIConnectionError."""
        try:
            async with httpx.AsyncClient(trust_env=False, verify=self._trust, timeout=_SECONDS) as client:
                answer = await client.request(method, url, headers=headers, content=post_data)
        except httpx.HTTPError as error:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                type(error).__name__, should_retry=True
            ) from None
        return answer.content, answer.status_code, answer.headers

    async def sleep_async(self, secs: float) -> None:
        await asyncio.sleep(secs)

    def request(self, *_arguments: Any, **_options: Any) -> NoReturn:
        raise NotImplementedError("requests are made without blocking")
