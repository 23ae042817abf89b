"""The media thread: one clock for the RTP of all calls of a process.

Encoding happens before a call, so a packet costs a slice, a header and a system call. Streams are spread
over four slots of 5 ms so that packets leave evenly and not in one burst every 20 ms. State is changed on
this thread only: other threads submit commands.
"""

from __future__ import annotations

import itertools
import logging
import queue
import select
import socket
import threading
import time
from collections.abc import Callable

from ghanti.voice.rtp import PACKET_SECONDS
from ghanti.voice.stream import Stream

logger = logging.getLogger(__name__)

SLOTS = 4
SLOT_SECONDS = PACKET_SECONDS / SLOTS
# A clock that fell behind by more than this goes on from now instead of sending what it owes in one burst.
_MAX_DEBT_SECONDS = 0.2
_MAX_DATAGRAM = 2048


class MediaPlane:
    """Sends and receives for all streams. ``ports`` bounds the local ports; the kernel chooses without it."""

    def __init__(self, address: str, ports: range | None = None) -> None:
        self._address = address
        self._ports = None if ports is None else itertools.cycle(ports)
        self._port_count = 0 if ports is None else len(ports)
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._slots: list[list[Stream]] = [[] for _ in range(SLOTS)]
        self._streams: dict[int, Stream] = {}
        self._epoll = select.epoll()
        self._running = True
        self._thread = threading.Thread(target=self._run, name="media", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close every socket."""
        self.submit(self._end)
        self._thread.join()

    def open(self, on_key: Callable[[str], object]) -> Stream:
        """Bind a socket for a call; ``on_key`` is called on the media thread.

        Raises:
            OSError: no port is free.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            self._bind(sock)
        except OSError:
            sock.close()
            raise
        stream = Stream(sock, on_key)
        self.submit(lambda: self._add(stream))
        return stream

    def _bind(self, sock: socket.socket) -> None:
        if self._ports is None:
            sock.bind((self._address, 0))
            return
        for port in itertools.islice(self._ports, self._port_count):
            try:
                sock.bind((self._address, port))
            except OSError:
                continue
            return
        raise OSError("no port of the RTP range is free")

    def submit(self, command: Callable[[], None]) -> None:
        """Run a command on the media thread, in order, within one slot."""
        self._commands.put(command)

    def close(self, stream: Stream) -> None:
        """Stop and forget a stream."""
        self.submit(lambda: self._remove(stream))

    def _add(self, stream: Stream) -> None:
        self._streams[stream.sock.fileno()] = stream
        self._epoll.register(stream.sock.fileno(), select.EPOLLIN)
        min(self._slots, key=len).append(stream)

    def _remove(self, stream: Stream) -> None:
        if self._streams.pop(stream.sock.fileno(), None) is None:
            return
        self._epoll.unregister(stream.sock.fileno())
        next(slot for slot in self._slots if stream in slot).remove(stream)
        stream.sock.close()

    def _end(self) -> None:
        for stream in list(self._streams.values()):
            self._remove(stream)
        self._epoll.close()
        self._running = False

    def _run(self) -> None:
        due = time.monotonic()
        for slot in itertools.cycle(range(SLOTS)):
            if not self._streams:
                self._execute(self._commands.get())
                due = time.monotonic()
            while not self._commands.empty():
                self._execute(self._commands.get())
            if not self._running:
                return
            self._receive()
            self._send(self._slots[slot])
            due += SLOT_SECONDS
            delay = due - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            elif delay < -_MAX_DEBT_SECONDS:
                due -= delay

    def _execute(self, command: Callable[[], None]) -> None:
        try:
            command()
        except Exception:
            logger.exception("a command to the media thread failed")

    def _send(self, streams: list[Stream]) -> None:
        for stream in tuple(streams):
            if not stream.connected:
                continue
            try:
                stream.send()
            except OSError as error:
                logger.debug("RTP from port %d was not sent: %s", stream.port, error)
            except Exception:
                self._give_up(stream)

    def _receive(self) -> None:
        """Take at most one datagram of a stream per slot, four times what G.711 needs: floods are bounded."""
        now = time.monotonic()
        for descriptor, _ in self._epoll.poll(0):
            stream = self._streams[descriptor]
            try:
                datagram, source = stream.sock.recvfrom(_MAX_DATAGRAM)
                stream.receive(datagram, source, now)
            except OSError as error:
                logger.debug("RTP to port %d was not read: %s", stream.port, error)
            except Exception:
                self._give_up(stream)

    def _give_up(self, stream: Stream) -> None:
        """A stream that fails, be it by a fault of ours, must not take the others' thread with it."""
        logger.exception("the RTP stream of port %d failed", stream.port)
        self._remove(stream)
