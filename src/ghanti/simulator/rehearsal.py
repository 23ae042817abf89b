"""The trunk and the SMSC of a rehearsal: where the simulators of this machine listen."""

from __future__ import annotations

import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RehearsalPorts:
    """``sip`` is a UDP port, ``smpp`` a TCP port, both on the loopback."""

    sip: int
    smpp: int


def free_ports() -> RehearsalPorts:
    """Ports that the kernel calls free now."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        return RehearsalPorts(udp.getsockname()[1], tcp.getsockname()[1])
