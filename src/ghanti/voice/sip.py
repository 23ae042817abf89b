"""Signalling: sippy on a thread of its own, seen from asyncio.

sippy keeps its state per process, so there is one :class:`Signalling` per process. What happens to a call
reaches the event loop through its :class:`Leg`; what the loop wants is handed to sippy's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sippy.CCEvents import CCEventTry
from sippy.Core.EventDispatcher import ED2
from sippy.MsgBody import MsgBody
from sippy.SipCallId import SipCallId
from sippy.SipConf import SipConf
from sippy.SipTransactionManager import SipTransactionManager
from sippy.Udp_server import Udp_server, Udp_server_opts

from ghanti.voice.agent import Agent, Final

logger = logging.getLogger(__name__)

SipConf.my_uaname = "Ghanti"


@dataclass(frozen=True)
class Invite:
    """An INVITE to send: ``address`` is the resolved trunk, ``host`` what stands in the Request-URI."""

    call_id: str
    to: str
    from_: str
    display: str | None
    host: str
    address: tuple[str, int]
    username: str | None
    password: str | None = field(repr=False)
    sdp: str
    send_by: float


class Leg:
    """One INVITE and its dialog, on the event loop.

    ``answered`` gets the session description of the 200 (empty when it bore none); ``ended`` gets the end,
    whatever it was. The callbacks are called on the loop.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_sent: Callable[[float], None],
        on_ringing: Callable[[int], None],
        on_info: Callable[[str], None],
        on_offer: Callable[[str | None], str | None],
    ) -> None:
        self._loop = loop
        self._agent: Agent | None = None
        self._abandoned = False
        self._on_offer = on_offer
        self.answered: asyncio.Future[str] = loop.create_future()
        self.ended: asyncio.Future[Final] = loop.create_future()
        self.answered_at: float | None = None
        self._on_sent, self._on_ringing, self._on_info = on_sent, on_ringing, on_info

    @property
    def heard(self) -> bool:
        """Whether anything answered the INVITE so far."""
        return self._agent is not None and self._agent.heard

    def hang_up(self) -> None:
        """Cancel, or say BYE; ``ended`` follows once the peer's final response is in."""
        ED2.callFromThread(self._hang_up)

    def _hang_up(self) -> None:
        self._abandoned = True
        if self._agent is not None:
            self._agent.leave()

    # What follows is called by the agent on sippy's thread.

    def sent(self, at: float) -> None:
        self._tell(self._on_sent, at)

    def ringing(self, code: int) -> None:
        self._tell(self._on_ringing, code)

    def info(self, body: str) -> None:
        self._tell(self._on_info, body)

    def connected(self, description: str, at: float) -> None:
        self.answered_at = at
        self._tell(_settle, self.answered, description)

    def finished(self, final: Final) -> None:
        self._tell(_settle, self.ended, final)

    def offered(self, description: str | None) -> None:
        self._tell(self._answer, description)

    def _answer(self, description: str | None) -> None:
        agent = self._agent
        if agent is not None:
            ED2.callFromThread(agent.accept, self._on_offer(description))

    def _tell(self, what: Callable[..., Any], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *args)
        except RuntimeError:
            logger.debug("an event of a call came after the end of the process")

    def place(self, invite: Invite, config: dict[str, Any]) -> None:
        """Send the INVITE unless it is too late; on sippy's thread."""
        if self._abandoned or time.time() > invite.send_by:
            reason = "cancelled" if self._abandoned else "too_late"
            self.finished(Final(code=None, by=None, at=time.monotonic(), not_sent=reason))
            return
        agent = Agent(self, config, invite.address, invite.username, invite.password)
        try:
            agent.recvEvent(_try(invite))
        except Exception:
            logger.exception("call %s could not be placed", invite.call_id)
            if agent.tr is None:
                self.finished(Final(code=None, by=None, at=time.monotonic(), not_sent="error"))
                return
        self._agent = agent
        self.sent(time.time())


def _settle(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _try(invite: Invite) -> Any:
    body = MsgBody(invite.sdp)
    event = CCEventTry((SipCallId(invite.call_id), invite.from_, invite.to, body, None, invite.display))

    def name_the_trunk(agent: Agent) -> None:
        agent.rTarget.host = agent.rUri.address.url.host = invite.host

    event.onUacSetupComplete = name_the_trunk
    return event


class _Options(Udp_server_opts):  # type: ignore[misc]
    """One worker keeps messages in order; no address reuse, so that a port in use is an error."""

    flags = 0
    nworkers = 1


class _SilentLogger:
    """sippy's own logger prints every message, Authorization headers included."""

    def write(self, *args: Any, **kwargs: Any) -> None:
        """Drop it."""

    def shutdown(self) -> None:
        """Nothing to close."""


class Signalling:
    """The SIP engine of this process, on one UDP socket."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self.port = port
        self.ended = asyncio.Event()
        """The engine runs no more: told to, or by a fault after which no call can be ended any more."""
        self._config: dict[str, Any] = {
            "_sip_address": address,
            "_sip_port": port,
            "_sip_logger": _SilentLogger(),
        }
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Bind and serve.

        Raises:
            OSError: the port is in use, or the address is not this machine's.
        """
        loop = asyncio.get_running_loop()
        bound: asyncio.Future[int] = loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(loop, bound), name="sip", daemon=True)
        self._thread.start()
        self.port = await bound

    def _run(self, loop: asyncio.AbstractEventLoop, bound: asyncio.Future[int]) -> None:
        ED2.my_ident = threading.get_ident()
        SipTransactionManager.model_udp_server = (Udp_server, _Options)
        try:
            manager = SipTransactionManager(self._config, _refuse)
        except OSError as error:
            loop.call_soon_threadsafe(bound.set_exception, error)
            return
        self._config["_sip_tm"] = manager
        (server,) = manager.l4r.cache_l2s.values()
        loop.call_soon_threadsafe(bound.set_result, server.uopts.laddress[1])
        try:
            ED2.loop()
            manager.shutdown()
        except BaseException:
            logger.exception("the SIP engine failed")
        finally:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self.ended.set)

    def invite(self, invite: Invite, leg: Leg) -> None:
        """Place a call; what becomes of it shows on ``leg``."""
        ED2.callFromThread(leg.place, invite, self._config)

    async def stop(self) -> None:
        """Stop serving; dialogs that are left are left to the peers' timers."""
        if self._thread is not None:
            ED2.callFromThread(ED2.breakLoop)
            await asyncio.to_thread(self._thread.join)


def _refuse(request: Any, _transaction: Any) -> tuple[Any, None, None]:
    """Answer what belongs to no call of ours: trunks ask OPTIONS; nobody may call us."""
    answers = {"OPTIONS": (200, "OK"), "INVITE": (480, "Temporarily Unavailable")}
    return request.genResponse(*answers.get(request.getMethod(), (481, "Call Does Not Exist"))), None, None
