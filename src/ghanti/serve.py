"""``ghanti serve``: every role of one machine as processes of their own, supervised."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from pydantic import SecretStr

from ghanti.database.embedded import EmbeddedPostgres
from ghanti.settings import Carrier, Settings
from ghanti.simulator.rehearsal import RehearsalPorts, free_ports
from ghanti.sockets import listener, voice_socket
from ghanti.supervisor.role import Role
from ghanti.supervisor.supervisor import Supervisor
from ghanti.tls import certificate_of

READY = '"ready"'
_STOP_MARGIN_SECONDS = 6
_VOICE_GRACE_SECONDS = 2
"""The dialler drains first and leaves no call behind, so a voice process has little to wait for."""


class AddressTaken(Exception):  # noqa: N818 - named for what is the matter
    """The API cannot listen where it is told to."""


def serve(settings: Settings, *, on_ready: Callable[[], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT; answers the exit code.

    Raises:
        DataFolderInUse: another server has the data folder.
        EmbeddedServerError: the embedded database cannot be made.
        AddressTaken: the API cannot listen on its address.
        CertificateError: the API cannot serve https with the files that it is given.
    """
    if (certificate := certificate_of(settings)) is not None:
        certificate.check()
    # OpenBLAS would start a thread a core: idle memory, and in the way of a process that forks.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    postgres = EmbeddedPostgres(settings.data)
    # Made closed and locked also where the database is the owner's: media and sockets are in it.
    database = [postgres.role()] if settings.database_url is None else []
    if not database:
        postgres.acquire()
    try:
        for folder in (settings.run_folder, settings.media_folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        _check_address(settings.host, settings.port)
        url = postgres.url if settings.database_url is None else settings.database_url.get_secret_value()
        return Supervisor(
            database + roles(settings, url, behind=[role.name for role in database]),
            settings.data,
            on_ready=on_ready,
        ).run()
    finally:
        postgres.release()


def _check_address(host: str, port: int) -> None:
    """Say at once what the API would only find out after everything else has started."""
    try:
        with listener(host, port) as probe:
            probe.listen()
    except OSError as error:
        raise AddressTaken(f"the API cannot listen on {host}, port {port}: {error.strerror}") from error


def roles(settings: Settings, url: str, *, behind: list[str]) -> list[Role]:
    """The processes of this machine; all end before those named in ``behind``."""
    env = environment(settings, url)
    simulated = settings.carrier is Carrier.SIMULATED
    ports = free_ports() if simulated else None
    socket_path = voice_socket(settings)
    drain = settings.drain_seconds + _STOP_MARGIN_SECONDS
    simulators = _simulators(settings, ports) if ports else []
    names = [role.name for role in simulators]

    def worker(name: str, after: list[str]) -> Role:
        return _forked(Role(name, _python("ghanti.roles", name), env, READY, after, grace=drain))

    # Voice comes first, as it is a command: it loads while this process imports what the others share.
    return [
        *simulators,
        Role(
            "voice",
            _python(
                "ghanti.voice",
                *("--socket", str(socket_path)),
                *("--sip-address", settings.sip_address),
                *("--sip-port", str(settings.sip_port)),
                *("--capacity", str(settings.calls_per_process)),
                *("--recordings", str(settings.media_folder / "recordings")),
                *("--grace", str(_VOICE_GRACE_SECONDS)),
            ),
            ready="ready on",
            after=names,
            grace=_STOP_MARGIN_SECONDS,
        ),
        _forked(
            Role(
                "prepare",
                _python("ghanti.prepare", *(_port_arguments(ports) if ports else ())),
                env,
                after=[*behind, *names],
                restart=False,
            )
        ),
        # Behind prepare: a dialler that began before it would call where the last start's simulators were.
        worker("dialler", [*behind, "voice", "prepare"]),
        worker("sms", [*behind, *names, "prepare"]),
        worker("speech", [*behind, *names]),
        *([worker("transcribe", [*behind, *names])] if settings.transcribe else ()),
        _forked(Role("api", _python("ghanti.app"), env, READY, [*behind, *names], grace=drain)),
    ]


def preload() -> None:
    """Import what the roles that are forks of this process share; only the first call takes time."""
    import ghanti.app
    import ghanti.prepare
    import ghanti.roles  # noqa: F401

    # What is frozen is left alone by the forks' garbage collectors, so its pages stay shared.
    gc.freeze()


def _forked(role: Role) -> Role:
    """The same role, as a fork of this process that calls ``main`` of the module that its command runs."""
    _, _, module, *arguments = role.argv
    return replace(role, before=preload, entry=lambda: import_module(module).main(arguments))


def _simulators(settings: Settings, ports: RehearsalPorts) -> list[Role]:
    folder = settings.data / "simulator"
    folder.mkdir(mode=0o700, exist_ok=True)
    return [
        Role(
            "phones",
            _python(
                "ghanti.simulator.phones",
                *("--port", str(ports.sip)),
                *("--recordings", str(folder / "recordings")),
                *("--log", str(folder / "phones.jsonl")),
            ),
            ready=READY,
        ),
        Role(
            "smsc",
            _python(
                "ghanti.simulator.smsc",
                *("--port", str(ports.smpp)),
                *("--log", str(folder / "messages.jsonl")),
            ),
            ready=READY,
        ),
    ]


def environment(settings: Settings, url: str) -> dict[str, str]:
    """The settings, as a child reads them; secrets it reads in our environment, where alone they can be."""
    env = {"GHANTI_DATABASE_URL": url}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is None or isinstance(value, SecretStr):
            continue
        env[f"GHANTI_{name.upper()}"] = str(value.resolve() if isinstance(value, Path) else value)
    return env


def _port_arguments(ports: RehearsalPorts) -> tuple[str, ...]:
    return ("--sip-port", str(ports.sip), "--smpp-port", str(ports.smpp))


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
