"""A transceiver session with one SMSC that stays up by itself."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ghanti.sms.port import OnReceipts
from ghanti.sms.smpp.commands import BIND_REFUSALS, PERMANENT_REFUSALS, THROTTLES, Status, status_name
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.inbox import Inbox
from ghanti.sms.smpp.link import BindError, Link, NotSentError, UnansweredError
from ghanti.sms.smpp.pacing import Pacer
from ghanti.sms.smpp.pdus import Pdu, PduError, SubmitSm, message_id
from ghanti.sms.smpp.results import SubmitOutcome, SubmitResult
from ghanti.sms.smpp.turns import Turns

logger = logging.getLogger(__name__)


class LinkState(StrEnum):
    """`REFUSED` needs a human: the name, the password or the account is wrong."""

    CONNECTING = "connecting"
    BOUND = "bound"
    DOWN = "down"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SessionState:
    """A state and why; `reason` is for people and empty when there is nothing to say."""

    link: LinkState
    reason: str = ""


OnState = Callable[[SessionState], None]


class SmppSession:
    """Binds, paces, submits and reconnects.

    `on_receipts` gets batches of receipts and must have kept them when it returns (see `Inbox`).
    `on_state` is told every change of state; it must not block.
    """

    def __init__(self, config: SmscConfig, on_receipts: OnReceipts, on_state: OnState | None = None) -> None:
        self._config = config
        self._on_state = on_state
        self._inbox = Inbox(on_receipts)
        self._window = asyncio.Semaphore(config.window)
        self._active = 0
        self._link: Link | None = None
        self._pacer = Pacer(config.messages_per_second, asyncio.get_running_loop().time)
        self._turns = Turns(self._pacer)
        self._keeper: asyncio.Task[None] | None = None
        self._bound = asyncio.Event()
        self.state = SessionState(LinkState.STOPPED)

    @property
    def free(self) -> int:
        """Submits that would find a place in the window now; 0 while the link is down."""
        return max(0, self._config.window - self._active) if self._link is not None else 0

    @property
    def rate(self) -> float:
        """Messages a second that the SMSC was found to bear."""
        return self._pacer.rate

    def start(self) -> None:
        """Begin to connect; returns at once. An SMSC that is down is tried until `stop`."""
        self._inbox.start()
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="smpp session")

    async def stop(self, seconds: float = 5.0) -> None:
        """Wait up to `seconds` for the responses that are under way, then unbind and close."""
        if self._keeper is None:
            return
        link, self._link = self._link, None
        self._keeper.cancel()
        await asyncio.wait((self._keeper,))
        if link is not None:
            await _drained(link, seconds)
            await link.unbind(seconds)
        await self._inbox.stop()
        self._keeper = None
        self._set_state(LinkState.STOPPED)

    async def wait_bound(self) -> None:
        """Return once bound."""
        await self._bound.wait()

    async def submit(self, message: SubmitSm, *, urgent: bool = False) -> SubmitResult:
        """Submit one part, in its turn of window and pace. Never sent again once it may have left.

        An ``urgent`` one is sent before all others that wait for the pace.

        Throttled submits are retried here, at a lower pace, up to `throttle_retries` times.
        """
        self._active += 1
        try:
            async with self._window:
                return await self._submit(message, urgent)
        finally:
            self._active -= 1

    async def _submit(self, message: SubmitSm, urgent: bool) -> SubmitResult:
        refusal = SubmitResult(SubmitOutcome.NOT_SENT, reason="no link to the SMSC")
        for attempt in range(self._config.throttle_retries + 1):
            link = self._link
            if link is None or not await self._turn(link, attempt, urgent):
                return refusal
            try:
                response = await link.request(message.encode)
            except PduError as error:
                return SubmitResult(SubmitOutcome.REFUSED, "", error.status, True, str(error))
            except NotSentError as error:
                return SubmitResult(SubmitOutcome.NOT_SENT, reason=str(error))
            except UnansweredError as error:
                return SubmitResult(SubmitOutcome.UNKNOWN, reason=str(error))
            if response.status not in THROTTLES:
                return self._answered(response)
            self._pacer.throttled()
            refusal = SubmitResult(
                SubmitOutcome.THROTTLED, "", response.status, reason=status_name(response.status)
            )
        return refusal

    def _answered(self, response: Pdu) -> SubmitResult:
        status = response.status
        if status == Status.ESME_ROK:
            self._pacer.accepted()
            return SubmitResult(SubmitOutcome.ACCEPTED, message_id(response.body), status)
        permanent = status in PERMANENT_REFUSALS
        return SubmitResult(SubmitOutcome.REFUSED, "", status, permanent, status_name(status))

    async def _turn(self, link: Link, attempt: int, urgent: bool) -> bool:
        """After a throttled attempt back off, then wait for the pace; False when the link went."""
        if attempt:
            await asyncio.wait((link.closed,), timeout=random.uniform(0.5, 1.0) * 2 ** (attempt - 1))
        turn = self._turns.ask(urgent)
        try:
            await asyncio.wait((link.closed, turn), return_when=asyncio.FIRST_COMPLETED)
        finally:
            turn.cancel()
        return self._link is link

    async def _keep(self) -> None:
        """Connect, bind, wait for the loss of the link, and again."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._set_state(LinkState.CONNECTING, self.state.reason)
            started = loop.time()
            lost = await self._live()
            # An SMSC that drops every link soon after its bind is as good as down.
            lasted = loop.time() - started > self._config.reconnect_seconds_at_most
            failures = 1 if lasted else failures + 1
            self._set_state(lost.link, lost.reason)
            await asyncio.sleep(
                self._config.refused_seconds if lost.link is LinkState.REFUSED else self._backoff(failures)
            )

    async def _live(self) -> SessionState:
        """One link from its connect to its loss; returns why it was lost, or never came to be."""
        try:
            link = await self._connect()
        except BindError as error:
            return SessionState(
                LinkState.REFUSED if error.status in BIND_REFUSALS else LinkState.DOWN, str(error)
            )
        except (OSError, TimeoutError, UnicodeError, NotSentError, UnansweredError) as error:
            return SessionState(LinkState.DOWN, str(error) or "the SMSC did not answer")
        self._link = link
        self._set_state(LinkState.BOUND)
        try:
            await asyncio.wait((link.closed,))
        finally:
            self._link = None
        return SessionState(LinkState.DOWN, link.closed.result())

    async def _connect(self) -> Link:
        config = self._config
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(config.connect_seconds):
            _, link = await loop.create_connection(
                lambda: Link(
                    self._inbox.put,
                    response_seconds=config.response_seconds,
                    enquire_seconds=config.enquire_seconds,
                    enquire_response_seconds=config.enquire_response_seconds,
                ),
                config.host,
                config.port,
            )
        try:
            await link.bind(config.bind_request())
        except BaseException:
            link.abort("bind failed")
            raise
        return link

    def _backoff(self, failures: int) -> float:
        """Exponential, with full jitter above its half, so that workers don't return in step."""
        longest = min(
            self._config.reconnect_seconds_at_most,
            self._config.reconnect_seconds * 2.0 ** min(failures - 1, 16),
        )
        return random.uniform(0.5, 1.0) * longest

    def _set_state(self, state: LinkState, reason: str = "") -> None:
        self.state = SessionState(state, reason)
        if state is LinkState.BOUND:
            self._bound.set()
        else:
            self._bound.clear()
        logger.log(
            logging.WARNING if state in (LinkState.DOWN, LinkState.REFUSED) else logging.INFO,
            "SMSC %s:%d: %s %s",
            self._config.host,
            self._config.port,
            state,
            reason,
        )
        if self._on_state is not None:
            try:
                self._on_state(self.state)
            except Exception:
                # Whoever listens, the session is to stay up.
                logger.exception("a change of the SMSC's state was not taken")


async def _drained(link: Link, seconds: float) -> None:
    """Wait until nothing is awaited any more, the link is gone, or time is up."""
    deadline = asyncio.get_running_loop().time() + seconds
    while link.unanswered and not link.closed.done() and asyncio.get_running_loop().time() < deadline:
        await asyncio.wait((link.closed,), timeout=0.02)
