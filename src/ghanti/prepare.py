"""What is done once before the workers begin: the newest schema, the first tariff, the simulated ways out."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from ghanti.credits import tariffs
from ghanti.database import tables  # noqa: F401 - foreign keys need every model
from ghanti.database.errors import reason
from ghanti.database.schema import is_current
from ghanti.database.session import create_session_factory, opened, transaction
from ghanti.encryption import secret_box
from ghanti.settings import Settings, get_settings
from ghanti.trunks import service as trunks

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 120
_POLL_SECONDS = 0.5

_SIMULATED = "simulated"


async def register_simulators(settings: Settings, sip_port: int, smpp_port: int) -> None:
    """Point the simulated trunk and SMSC at this start's simulators; their limits are the simulators'."""
    assert settings.database_url is not None
    box = secret_box(settings)
    async with (
        opened(settings.database_url.get_secret_value(), pool_size=1) as engine,
        transaction(create_session_factory(engine)) as session,
    ):
        await trunks.put_trunk(
            session,
            box,
            trunks.TrunkOrder(_SIMULATED, "127.0.0.1", sip_port, cps=10, max_calls=200, simulated=True),
        )
        await trunks.put_smsc(
            session,
            box,
            trunks.SmscOrder(
                _SIMULATED,
                "127.0.0.1",
                "ghanti",
                "rehearse",
                port=smpp_port,
                source_address="Ghanti",
                messages_per_second=50,
                window_size=20,
                simulated=True,
            ),
        )


async def establish_tariff(settings: Settings, url: str) -> None:
    """Make the settings the first tariff, unless there is one."""
    async with opened(url, pool_size=1) as engine, transaction(create_session_factory(engine)) as session:
        await tariffs.establish(session, settings)


def bring_up_to_date(url: str) -> None:
    """Migrate, unless the schema is the newest; Alembic is loaded only when there is something to do.

    A database that starts up beside us is waited for, ``PATIENCE_SECONDS`` long.
    """
    if _answers_that_it_is_current(url):
        return
    from ghanti.database import migrate

    migrate.upgrade(url)


def _answers_that_it_is_current(url: str) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    said = False
    while True:
        try:
            return asyncio.run(is_current(url))
        except OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"the database does not answer: {reason(error)}")
            if not said:
                logger.warning("waiting for the database: %s", reason(error))
            said = True
        time.sleep(_POLL_SECONDS)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser("ghanti.prepare")
    parser.add_argument("--sip-port", type=int)
    parser.add_argument("--smpp-port", type=int)
    ports = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    settings = get_settings()
    url = settings.database_direct_url or settings.database_url
    assert url is not None, "GHANTI_DATABASE_URL names the database"
    bring_up_to_date(url.get_secret_value())
    asyncio.run(establish_tariff(settings, url.get_secret_value()))
    if ports.sip_port:
        asyncio.run(register_simulators(settings, ports.sip_port, ports.smpp_port))


if __name__ == "__main__":
    main(sys.argv[1:])
