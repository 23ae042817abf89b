"""The SMS worker's settings: which SMSCs it binds to."""

from __future__ import annotations

import asyncio

from engine_world import World
from ghanti.database.session import transaction
from ghanti.dialing.texter import Texter
from ghanti.encryption import SecretBox
from ghanti.settings import Carrier, Settings
from ghanti.trunks.service import SmscOrder, put_smsc

BOX = SecretBox(b"a key for this test alone")
TOO_LONG = "NagarPalika Office Kathmandu"


async def test_an_smsc_that_cannot_be_does_not_stop_the_others(world: World) -> None:
    connected, draining = asyncio.Event(), asyncio.Event()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with transaction(world.sessions) as session:
        await put_smsc(session, BOX, SmscOrder("bad", "127.0.0.1", "a", "b", source_address=TOO_LONG))
        await put_smsc(session, BOX, SmscOrder("good", "127.0.0.1", "a", "b", port=port))
    texter = Texter(world.sessions, Settings(carrier=Carrier.LIVE), BOX, draining)
    async with server, asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(texter.run())
        await connected.wait()
        draining.set()
