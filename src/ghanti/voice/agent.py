"""sippy's user agent for one outgoing call, with what it leaves open mended.

Everything here runs on sippy's thread.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any, Protocol

from sippy.CCEvents import CCEventConnect, CCEventFail, CCEventInfo, CCEventRing, CCEventUpdate
from sippy.MsgBody import MsgBody
from sippy.SipContact import SipContact
from sippy.Time.Timeout import Timeout
from sippy.UA import UA
from sippy.UacStateCancelling import UacStateCancelling
from sippy.UasStateUpdating import UasStateUpdating

from ghanti.voice.protocol import Party

logger = logging.getLogger(__name__)

_HANDLED = ("INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS")


@dataclass(frozen=True)
class Final:
    """The end of a leg. ``at`` is on the monotonic clock, in seconds."""

    code: int | None
    by: Party | None
    at: float
    silent: bool = False
    """Nothing ever answered the INVITE: whether the phone rang is unknown."""
    crossed: bool = False
    """The callee answered while our CANCEL was on its way; the call was hung up at once."""
    not_sent: str | None = None
    """Why no INVITE left."""


class Observer(Protocol):
    """Who is told what happens to the call."""

    def ringing(self, code: int) -> None: ...
    def connected(self, description: str, at: float) -> None: ...
    def info(self, body: str) -> None: ...
    def offered(self, description: str | None) -> None: ...
    def finished(self, final: Final) -> None: ...


class Agent(UA):  # type: ignore[misc]
    """One outgoing call."""

    rSDP: Any  # noqa: N815 - sippy's name

    def __init__(
        self,
        observer: Observer,
        config: dict[str, Any],
        address: tuple[str, int],
        username: str | None,
        password: str | None,
    ) -> None:
        super().__init__(
            config,
            event_cb=self._happened,
            username=username,
            password=password,
            nh_address=address,
            conn_cbs=(self._connected,),
            disc_cbs=(self._disconnected,),
            fail_cbs=(self._failed,),
        )
        self.lContact = SipContact()
        self.lContact.address.name = None
        self._observer = observer
        self.heard = False
        """Whether anything answered the newest INVITE; may be read on any thread."""
        self._local_response = False
        self._without_offer = False

    def leave(self) -> None:
        """CANCEL a call that rings, BYE one that is answered; nothing when it is over."""
        if self.state is None or self.isDead() or isinstance(self.state, UacStateCancelling):
            return
        transaction = self.tr
        self.disconnect(origin="us")
        # A CANCEL may not precede the first response (RFC 3261, 9.1). sippy sends it when one comes; until
        # then the INVITE must at least not be repeated.
        if not self.heard and not self.connect_ts and transaction.teA is not None:
            transaction.teA.cancel()
            transaction.teA = None

    def accept(self, description: str | None) -> None:
        """Answer a re-INVITE with our description, or refuse it with 488."""
        if not isinstance(self.state, UasStateUpdating):
            return
        if description is not None:
            self.recvEvent(CCEventConnect((200, "OK", MsgBody(description))))
            return
        remote: Any = self.rSDP
        self.recvEvent(CCEventFail((488, "Not Acceptable Here")))
        self.rSDP = remote

    def recvResponse(self, response: Any, transaction: Any) -> None:  # noqa: N802
        """Take a response to our INVITE."""
        if isinstance(self.state, UacStateCancelling) and 200 <= response.getSCode()[0] < 300:
            # sippy would say BYE before the ACK, which it sends when this returns.
            Timeout(self._take, 0, 1, response, transaction)
        else:
            self._take(response, transaction)

    def _take(self, response: Any, transaction: Any) -> None:
        if self.isDead():
            return
        code = response.getSCode()[0]
        cancelling = isinstance(self.state, UacStateCancelling)
        # sippy makes the 408 of a transaction that timed out itself; it then has no source.
        self._local_response = response.source is None
        self.heard = self.heard or not self._local_response
        if cancelling and code in (401, 407) and self.reqs:
            # Else sippy would answer the challenge by a new INVITE, after we cancelled.
            self.reqs.clear()
        _lower_transports(response)
        super().recvResponse(response, transaction)
        if code in (401, 407) and not cancelling:
            # If a new INVITE answers the challenge, that one is unheard.
            self.heard = False
        if cancelling and code >= 200:
            self._finish(code, crossed=code < 300, silent=self._local_response and not self.heard)

    def recvRequest(self, request: Any, transaction: Any) -> Any:  # noqa: N802
        """Take a request within the dialog; methods that sippy leaves unanswered are refused."""
        method = request.getMethod()
        if method == "REFER":
            return request.genResponse(603, "Decline"), None, None
        if method not in _HANDLED:
            return request.genResponse(501, "Not Implemented"), None, None
        # sippy takes a re-INVITE without an offer for a hold; it asks for ours (RFC 3261, 14.2).
        self._without_offer = method == "INVITE" and request.getBody() is None
        return super().recvRequest(request, transaction)

    def newTransaction(self, request: Any, **options: Any) -> Any:  # noqa: N802
        """Send a request; a BYE that is challenged is repeated with credentials."""
        if request.getMethod() == "BYE" and self.username is not None and "resp_cb" not in options:
            options["resp_cb"] = self._bye_answered
        return super().newTransaction(request, **options)

    def _bye_answered(self, response: Any) -> None:
        kind = {401: "www-authenticate", 407: "proxy-authenticate"}.get(response.getSCode()[0])
        if kind is None or self.state is None or self.isDead():
            return
        for challenge in response.getHFBodys(kind):
            supported, qop = challenge.supportedAlgorithm()
            if supported:
                request = self.genRequest("BYE", cqop=(challenge, qop))
                super().newTransaction(request)
                return

    def _connected(self, _agent: Any, _at: Any, _origin: Any) -> None:
        self._observer.connected(_description(self.rSDP) or "", time.monotonic())

    def _disconnected(self, _agent: Any, _at: Any, origin: str | None, _result: int = 0) -> None:
        """Called for a BYE of either side, and when we cancel: then the final response is still to come."""
        if self.connect_ts is not None:
            self._finish(200, by="callee" if origin == "callee" else "us")

    def _failed(self, _agent: Any, _at: Any, _origin: Any, code: int) -> None:
        self._finish(code, silent=self._local_response)

    def _finish(
        self, code: int | None, *, by: Party | None = None, silent: bool = False, crossed: bool = False
    ) -> None:
        code = None if silent else code
        self._observer.finished(Final(code, "us" if crossed else by, time.monotonic(), silent, crossed))

    def _happened(self, event: Any, _agent: Any) -> None:
        try:
            if isinstance(event, CCEventRing):
                code = event.getData()[0]
                if code > 100:
                    self._observer.ringing(code)
            elif isinstance(event, CCEventUpdate):
                self._observer.offered(None if self._without_offer else _description(event.getData()) or "")
            elif isinstance(event, CCEventInfo) and event.getData() is not None:
                self._observer.info(str(event.getData()))
        except Exception:
            logger.exception("an event of call %s was not handled", self.cId)


def _description(body: Any) -> str | None:
    """The session description in a message body, as it came."""
    if body is None or body.getType() != "application/sdp":
        return None
    return str(body)


def _lower_transports(message: Any) -> None:
    """Make every next hop plain UDP: sippy compares transports by case, and a peer may write ``UDP``.

    A header that can't be parsed is left for sippy to refuse.
    """
    for name in ("contact", "record-route"):
        for header in message.getHFs(name):
            try:
                header.getBody().getUrl().transport = "udp"
            except Exception:
                logger.debug("a %s header could not be parsed", name)
