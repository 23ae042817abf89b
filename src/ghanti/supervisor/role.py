"""What a role is, and where it stands."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ghanti.supervisor.spawn import User


@dataclass(frozen=True)
class Role:
    """One program to keep running.

    Attributes:
        name: Names its log file, its lines on the terminal and its entry in the status file.
        argv: The command; it is never given to a shell.
        entry: Where the kernel allows it, called in a fork of the supervisor in place of the command, which
            does the same: a role in Python then starts at once, and shares what ``before`` imported.
        env: Added to the supervisor's environment, or the whole of it with ``clean_env``.
        ready: When others may rely on it: a text that one of its output lines contains, or a function
            asked every 20 ms; None means as soon as it runs (with ``restart=False``: once it ended well).
        after: Roles that must be ready before it starts, and that outlive it at the end.
        restart: Start it again whenever it ends. Without, it runs once: ending with 0 is success,
            anything else ends the supervisor.
        stop_signal: Asks it to drain.
        grace: Seconds it may drain before ``quit_signal``, two more before SIGKILL.
        death_signal: What the kernel sends it when the supervisor itself is killed.
        before: Called before each start, to clear what a predecessor left.
        user: Whom to drop to.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str | Callable[[], bool] | None = None
    after: Sequence[str] = ()
    restart: bool = True
    stop_signal: signal.Signals = signal.SIGTERM
    quit_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals = signal.SIGKILL
    grace: float = 10.0
    before: Callable[[], None] | None = None
    user: User | None = None
    clean_env: bool = False
    entry: Callable[[], object] | None = None


class State(StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    ENDED = "ended"


@dataclass
class Standing:
    """A role's state, as the supervisor keeps it; instants are of the monotonic clock, in seconds."""

    role: Role
    state: State = State.WAITING
    pid: int | None = None
    restarts: int = 0
    failures: int = 0
    """Ends in a row, none of which came after half a minute of service."""
    satisfied: bool = False
    """Whether roles that come after it may start: it was ready once, or ended well."""
    started_at: float = 0.0
    due_at: float = 0.0
    """When the next step comes: a restart, or the end of the grace."""
    forced: bool = False


def in_order(roles: Sequence[Role]) -> list[Role]:
    """The roles, each behind all that it comes after.

    Raises:
        ValueError: two roles of one name, an unknown name in ``after``, or a circle.
    """
    if len({role.name for role in roles}) != len(roles):
        raise ValueError("two roles have the same name")
    ordered: list[Role] = []
    left = list(roles)
    while left:
        settled = {role.name for role in ordered}
        free = [role for role in left if settled.issuperset(role.after)]
        if not free:
            names = ", ".join(role.name for role in left)
            raise ValueError(f"these roles wait for each other or for a stranger: {names}")
        ordered += free
        left = [role for role in left if role not in free]
    return ordered
