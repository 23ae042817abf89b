"""A process that delivers: ``python one_deliverer.py DATABASE_URL``; killed by the test that starts it."""

import asyncio
import sys

from ghanti.database import tables  # noqa: F401 - foreign keys need every model
from ghanti.database.session import create_session_factory, opened
from ghanti.settings import Settings
from ghanti.webhooks.delivering import Deliverer
from hooks_world import BOX


async def deliver(url: str) -> None:
    async with opened(url) as engine:
        settings = Settings(fetch_networks="127.0.0.1")
        deliverer = Deliverer(create_session_factory(engine), settings, BOX)
        while True:
            await deliverer.pass_once()


asyncio.run(deliver(sys.argv[1]))
