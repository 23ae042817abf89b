"""Keeps the roles of one machine running, and ends them in order.

One thread, one selector: children's output, signals by way of a descriptor, and deadlines.
As PID 1 of a container it reaps orphans too.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ghanti.supervisor import fork
from ghanti.supervisor.output import Journal, LineReader
from ghanti.supervisor.role import Role, Standing, State, in_order
from ghanti.supervisor.signals import signal_descriptor, signal_name
from ghanti.supervisor.spawn import launch_command, spawn
from ghanti.supervisor.status import remove_status, write_status

POLL_SECONDS = 0.02
STEADY_SECONDS = 30.0
LONGEST_BACKOFF_SECONDS = 10.0
LAST_SECONDS = 2.0
ATTEMPTS_TO_START = 3
"""A role that ends this often before it was ever ready will not start: the supervisor gives up."""


class Supervisor:
    """Runs ``roles`` until told to stop.

    Args:
        roles: What to run; ``after`` gives the order of starting, reversed at the end.
        folder: The data folder: output goes to ``log/<role>.log``, states to ``run/supervisor.json``.
        on_ready: Called once, when every role is ready.

    Raises:
        ValueError: roles that could never start.
    """

    def __init__(
        self, roles: Sequence[Role], folder: Path, *, on_ready: Callable[[], None] | None = None
    ) -> None:
        self._standings = {role.name: Standing(role) for role in in_order(roles)}
        self._folder = folder
        self._on_ready = on_ready
        self._journal = Journal(folder)
        self._selector = selectors.DefaultSelector()
        self._draining = False
        self._exit_code = 0

    def run(self) -> int:
        """Start the roles and keep them running until SIGTERM, SIGINT or SIGHUP; for the main thread only.

        The first signal drains, roles that others rely on last; a second ends everything at once.

        Returns:
            0 after a drain, 128 + the signal's number after a second signal, 1 if a role would not run.
        """
        with signal_descriptor() as signals, self._selector:
            self._selector.register(signals, selectors.EVENT_READ, lambda: self._heed(os.read(signals, 512)))
            self._advance()
            while any(standing.state is not State.ENDED for standing in self._standings.values()):
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._advance()
            self._selector.unregister(signals)
            for key in list(self._selector.get_map().values()):
                while not key.data():
                    pass
        remove_status(self._folder)
        self._journal.close()
        return self._exit_code

    def _patience(self) -> float | None:
        """Seconds until something is due; None if nothing is."""
        now = time.monotonic()
        waits = []
        for standing in self._standings.values():
            if standing.state in (State.RESTARTING, State.STOPPING):
                waits.append(standing.due_at - now)
            elif standing.state is State.STARTING and callable(standing.role.ready):
                waits.append(POLL_SECONDS)
        return max(0.0, min(waits)) if waits else None

    def _enter(self, standing: Standing, state: State) -> None:
        standing.state = state
        with suppress(OSError):  # what runs goes on when the disk is full
            write_status(self._folder, self._standings.values())

    # Starting

    def _advance(self) -> None:
        for standing in self._standings.values():
            role = standing.role
            if standing.state is State.WAITING and not self._draining:
                if all(self._standings[name].satisfied for name in role.after):
                    self._start(standing)
            elif standing.state is State.RESTARTING and time.monotonic() >= standing.due_at:
                self._start(standing)
            if standing.state is State.STARTING and callable(role.ready):
                self._ask(standing, role.ready)
        if self._draining:
            self._drain()

    def _start(self, standing: Standing) -> None:
        role = standing.role
        standing.started_at = time.monotonic()
        try:
            if role.before:
                role.before()
            standing.pid, descriptor = _begin(role)
        except Exception as error:
            self._lost(standing, f"can't be started: {error}")
            return
        self._listen(standing, LineReader(descriptor))
        self._enter(standing, State.STARTING)
        if role.ready is None and role.restart:
            self._mark_ready(standing)

    def _ask(self, standing: Standing, ready: Callable[[], bool]) -> None:
        try:
            is_ready = ready()
        except Exception as error:
            self._journal.note(f"{standing.role.name} can't be asked whether it is ready: {error}")
            self._send(standing, signal.SIGKILL)  # its end is a failed start, and counts as one
            return
        if is_ready:
            self._mark_ready(standing)

    def _mark_ready(self, standing: Standing) -> None:
        self._enter(standing, State.READY)
        self._journal.note(f"{standing.role.name} is ready, pid {standing.pid}")
        self._satisfy(standing)

    def _satisfy(self, standing: Standing) -> None:
        if standing.satisfied:
            return
        standing.satisfied = True
        if self._on_ready and all(other.satisfied for other in self._standings.values()):
            self._on_ready()

    def _listen(self, standing: Standing, reader: LineReader) -> None:
        def read() -> bool:
            lines, over = reader.read()
            for line in lines:
                self._hear(standing, line)
            if over:
                self._selector.unregister(reader.descriptor)
                reader.close()
            return over or not lines

        self._selector.register(reader.descriptor, selectors.EVENT_READ, read)

    def _hear(self, standing: Standing, line: bytes) -> None:
        ready = standing.role.ready
        self._journal.relay(standing.role.name, line)
        if standing.state is State.STARTING and isinstance(ready, str) and ready.encode() in line:
            self._mark_ready(standing)

    # Ending

    def _heed(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGCHLD:
                self._reap()
            elif self._draining:
                self._end_at_once(number)
            else:
                self._draining = True
                self._journal.note(
                    f"{signal_name(number)}: draining; a second signal ends everything at once"
                )

    def _reap(self) -> None:
        """Collect every child that ended, orphans that PID 1 inherits included."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = ended
                for standing in self._standings.values():
                    if standing.pid == pid:
                        self._collect(standing, pid, os.waitstatus_to_exitcode(status))

    def _collect(self, standing: Standing, pid: int, code: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # whatever it had started itself
        standing.pid = None
        if code == 0 and not standing.role.restart:
            self._enter(standing, State.ENDED)
            self._satisfy(standing)
        else:
            self._lost(standing, f"ended by {signal_name(-code)}" if code < 0 else f"ended with {code}")

    def _lost(self, standing: Standing, how: str) -> None:
        role = standing.role
        self._journal.note(f"{role.name} {how}")
        if standing.state is State.STOPPING or (self._draining and not self._relied_on(role)):
            self._enter(standing, State.ENDED)
            return
        steady = standing.satisfied and time.monotonic() - standing.started_at > STEADY_SECONDS
        standing.failures = 1 if steady else standing.failures + 1
        if not role.restart or (not standing.satisfied and standing.failures >= ATTEMPTS_TO_START):
            self._give_up(standing)
            return
        wait = 0.0 if standing.failures == 1 else min(LONGEST_BACKOFF_SECONDS, 2.0 ** (standing.failures - 3))
        standing.restarts += 1
        standing.due_at = time.monotonic() + wait
        self._enter(standing, State.RESTARTING)
        self._journal.note(f"{role.name} starts again in {wait:g} s")

    def _give_up(self, standing: Standing) -> None:
        name = standing.role.name
        self._journal.note(f"giving up, because {name} would not run; see {self._journal.folder / name}.log")
        self._enter(standing, State.ENDED)
        self._exit_code = 1
        self._draining = True

    def _drain(self) -> None:
        for standing in reversed(self._standings.values()):
            if self._relied_on(standing.role):
                continue
            if standing.state in (State.WAITING, State.RESTARTING):
                self._enter(standing, State.ENDED)
            elif standing.state in (State.STARTING, State.READY):
                self._enter(standing, State.STOPPING)
                standing.due_at = time.monotonic() + standing.role.grace
                self._send(standing, standing.role.stop_signal)
            elif standing.state is State.STOPPING and time.monotonic() >= standing.due_at:
                self._force(standing)

    def _relied_on(self, role: Role) -> bool:
        return any(
            role.name in other.role.after and other.state is not State.ENDED
            for other in self._standings.values()
        )

    def _end_at_once(self, number: int) -> None:
        self._exit_code = 128 + number
        for standing in self._standings.values():
            if standing.pid is None:
                self._enter(standing, State.ENDED)
            else:
                self._enter(standing, State.STOPPING)
                self._force(standing)

    def _force(self, standing: Standing) -> None:
        number = signal.SIGKILL if standing.forced else standing.role.quit_signal
        self._journal.note(f"{standing.role.name} is told to end at once, by {number.name}")
        standing.forced = True
        standing.due_at = time.monotonic() + LAST_SECONDS
        self._send(standing, number)

    def _send(self, standing: Standing, number: signal.Signals) -> None:
        if standing.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(standing.pid, number)


def _begin(role: Role) -> tuple[int, int]:
    if role.entry is not None and fork.AVAILABLE:
        return fork.fork(role.entry, role.env, f"ghanti {role.name}", role.death_signal)
    command = launch_command(role.argv, user=role.user, death_signal=role.death_signal)
    env = dict(role.env) if role.clean_env else {**os.environ, "PYTHONUNBUFFERED": "1", **role.env}
    return spawn(command, env)
