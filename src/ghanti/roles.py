"""The worker processes of ``ghanti serve``: ``python -m ghanti.roles dialler|sms|speech|transcribe``.

Each says ``{"ready": true}`` on its standard output once it is at work. SIGTERM ends it in order:
nothing new is begun, what is under way is recorded.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from ghanti.api import previews
from ghanti.campaigns import handlers as campaigns
from ghanti.database import tables  # noqa: F401 - foreign keys need every model
from ghanti.database.schema import wait_until_current
from ghanti.database.session import SessionFactory, create_session_factory, opened, transaction
from ghanti.dialing import discarding, preparation, sessions, sweeping
from ghanti.dialing.dialler import Dialler
from ghanti.dialing.models import URGENT
from ghanti.dialing.texter import Texter
from ghanti.dialing.worker import Drained, every, until_committed
from ghanti.encryption import SecretBox, secret_box
from ghanti.media.store import MediaStore
from ghanti.otp import service as otps
from ghanti.settings import Settings, get_settings
from ghanti.sockets import voice_socket
from ghanti.speech.pool import SpeechPool
from ghanti.transcripts import service as transcripts
from ghanti.transcripts.worker import Transcriber

logger = logging.getLogger(__name__)

_URGENT_PROCESSES = 2
_SCRATCH_SECONDS = 3600
"""Far longer than any upload takes: what is older was left by a process that died."""

Work = Callable[[SessionFactory, Settings, SecretBox, asyncio.Event], Awaitable[None]]
"""A role's work, until the event asks it to drain."""


async def dialler(
    factory: SessionFactory, settings: Settings, box: SecretBox, draining: asyncio.Event
) -> None:
    await Dialler(factory, settings, box, voice_socket(settings), draining).run()


async def sms(factory: SessionFactory, settings: Settings, box: SecretBox, draining: asyncio.Event) -> None:
    await Texter(factory, settings, box, draining).run()


async def speech(
    factory: SessionFactory, settings: Settings, box: SecretBox, draining: asyncio.Event
) -> None:
    worker = uuid4()
    store = MediaStore(settings.media_folder)

    async def open_session() -> None:
        async with transaction(factory) as session:
            await sessions.open_session(session, worker, "speech")

    async def beat() -> None:
        async with transaction(factory) as session:
            await sessions.heartbeat(session, worker)

    async def discard() -> None:
        await discarding.discard_audio(factory, store, settings.audio_keep_seconds)

    async def sweep() -> None:
        await discarding.sweep_audio(factory, store, settings.audio_keep_seconds)

    async def tidy() -> None:
        await asyncio.to_thread(previews.discard, store)
        await asyncio.to_thread(store.discard_scratch, _SCRATCH_SECONDS)

    async def erase() -> None:
        await otps.erase_old(factory, settings.otp_keep_days)

    async def erase_recordings() -> None:
        await transcripts.erase_old(factory, store, settings.recording_days)

    await until_committed(open_session, "opening the speech session")
    media = settings.media_folder
    try:
        async with (
            SpeechPool(media) as pool,
            SpeechPool(media, _URGENT_PROCESSES, batch=1, at_once=True) as urgent_pool,
            asyncio.TaskGroup() as tasks,
        ):
            bulk = preparation.Preparer(factory, settings, box, pool, worker, preparation.NOT_URGENT)
            urgent = preparation.Preparer(factory, settings, box, urgent_pool, worker, URGENT)
            tasks.create_task(every(0, bulk.run, "preparation"))
            tasks.create_task(every(0, urgent.run_at_once, "urgent preparation"))
            tasks.create_task(every(1, beat, "heartbeat"))
            tasks.create_task(every(60, discard, "audio clean-up"))
            tasks.create_task(every(1, lambda: discarding.discard_secrets(factory, store), "secret audio"))
            tasks.create_task(
                every(10, lambda: discarding.sweep_secrets(factory, store), "lost secret audio")
            )
            tasks.create_task(every(600, tidy, "clean-up of files"))
            tasks.create_task(every(600, lambda: sweeping.sweep_recordings(factory, store), "recordings"))
            tasks.create_task(every(600, sweep, "forgotten audio"))
            tasks.create_task(every(3600, erase, "erasing of old codes"))
            tasks.create_task(every(3600, erase_recordings, "erasing of old recordings"))
            await draining.wait()
            # What was being rendered is rendered again: nothing of it was promised.
            raise Drained
    except* Drained:
        logger.info("drained")


async def transcribe(
    factory: SessionFactory, settings: Settings, _: SecretBox, draining: asyncio.Event
) -> None:
    transcriber = Transcriber(factory, settings)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(0, transcriber.run, "drafts of recordings"))
            await draining.wait()
            # What was being heard is heard again from its beginning.
            raise Drained
    except* Drained:
        logger.info("drained")


ROLES: dict[str, Work] = {"dialler": dialler, "sms": sms, "speech": speech, "transcribe": transcribe}


async def work(role: str, settings: Settings) -> None:
    assert settings.database_url is not None, "GHANTI_DATABASE_URL names the database"
    campaigns.register()
    draining = asyncio.Event()
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(ending, draining.set)
    url = settings.database_url.get_secret_value()
    async with opened(url, application_name=f"ghanti {role}") as engine:
        if not await _current(engine, draining):
            return
        box = secret_box(settings)
        print('{"ready": true}', flush=True)  # noqa: T201 - the supervisor waits for this line
        await ROLES[role](create_session_factory(engine), settings, box, draining)


async def _current(engine: AsyncEngine, draining: asyncio.Event) -> bool:
    """Wait for the schema; False when told to end before the database has it."""
    schema = asyncio.create_task(wait_until_current(engine))
    ending = asyncio.create_task(draining.wait())
    await asyncio.wait((schema, ending), return_when=asyncio.FIRST_COMPLETED)
    current = schema.done()
    for task in (schema, ending):
        task.cancel()
    await asyncio.wait((schema, ending))
    if current:
        schema.result()
    return current


def main(arguments: list[str]) -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if len(arguments) != 1 or arguments[0] not in ROLES:
        sys.exit(f"usage: python -m ghanti.roles {'|'.join(ROLES)}")
    asyncio.run(work(arguments[0], get_settings()))


if __name__ == "__main__":
    main(sys.argv[1:])
