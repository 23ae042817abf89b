"""One call, from its order to its end: signalling, media and script brought together on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ghanti.voice import conversation, dtmf, outcomes, sdp
from ghanti.voice.agent import Final
from ghanti.voice.plane import MediaPlane
from ghanti.voice.player import AudioCache, AudioError, duration_ms
from ghanti.voice.protocol import Answered, Codec, Dial, Ended, EventType, Party, Ringing, Said, Sent
from ghanti.voice.sip import Invite, Leg, Signalling

logger = logging.getLogger(__name__)

# How long the final response to a CANCEL may take; a 200 that comes later is still answered with a BYE.
CANCEL_SECONDS = 5.0
# How long the first response may take once we gave up; a CANCEL has to wait for it (RFC 3261, 9.1).
FIRST_RESPONSE_SECONDS = 1.0
# A BYE right behind the last packet would cut what waits in the callee's jitter buffer.
TAIL_SECONDS = 0.2
PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class Services:
    """What every call of the process shares."""

    signalling: Signalling
    plane: MediaPlane
    audio: AudioCache
    address: str
    report: Callable[..., None]
    recordings: Path | None = None
    lead_seconds: float = 0.2
    rtp_timeout: float | None = None


class NotSentError(Exception):
    """Why no INVITE left."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass
class Outcome:
    """What the ended event says, gathered while the call goes on."""

    reason: str = "error"
    detail: str | None = None
    sip_code: int | None = None
    hungup_by: Party | None = None
    answered: bool = False
    not_sent: bool = False
    ring_ms: int = 0
    duration_ms: int = 0
    played_ms: int = 0
    total_ms: int = 0
    keys: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)


class Call:
    """A call in flight. ``run`` carries it to its end and reports every event on the way."""

    def __init__(self, dial: Dial, services: Services) -> None:
        self.dial = dial
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[str] = self._loop.create_future()
        self._limit: asyncio.TimerHandle | None = None
        self._answered_at: float | None = None
        self._sent_at: float | None = None
        self._invited = False
        self._rang = False
        self._session = secrets.randbits(31)
        self._version = 1
        self._outcome = Outcome()
        self._talk: conversation.Conversation | None = None
        self._over = False

    def stop(self, reason: str) -> None:
        """Cancel or hang up; the first reason given is the one reported."""
        if not self._stopped.done():
            self._stopped.set_result(reason)

    def extend(self, max_seconds: float) -> None:
        """Let it last so many seconds from its answer; without effect before it."""
        if self._answered_at is not None:
            self._limit_to(max_seconds)

    async def run(self) -> None:
        """Carry the call to its end. Reports an ended event in any case and raises nothing."""
        outcome = self._outcome
        try:
            await self._carry()
        except NotSentError as error:
            outcome.not_sent, outcome.reason, outcome.detail = True, error.reason, error.detail
        except Exception:
            logger.exception("call %s failed", self.dial.call_id)
            outcome.reason, outcome.not_sent = "error", not self._invited
        finally:
            if self._limit is not None:
                self._limit.cancel()
            self._report(Ended, **vars(outcome))
            self._over = True

    def _report(self, event: EventType, **fields: Any) -> None:
        # A peer may ring, or send keys, long after the call was given up; ended stays the last event.
        if not self._over:
            self._services.report(event, self.dial.attempt, self.dial.leg, **fields)

    async def _carry(self) -> None:
        try:
            # A disk or a name server may hang, and a call that was never sent must end all the same.
            async with asyncio.timeout(max(0.0, self.dial.send_by - time.time())):
                audio = await self._load()
                address = await self._resolve()
        except TimeoutError:
            raise NotSentError("too_late") from None
        if self._stopped.done():
            raise NotSentError(self._stopped.result())
        try:
            stream = self._services.plane.open(
                lambda key: self._loop.call_soon_threadsafe(self._key, key, "rtp")
            )
        except OSError as error:
            raise NotSentError("no_media_port", str(error)) from error
        self._talk = conversation.Conversation(
            self.dial, self._services.plane, stream, audio, self._services.recordings, self._report
        )
        leg = Leg(
            self._loop,
            on_sent=self._sent,
            on_ringing=self._ringing,
            on_info=lambda body: self._key(dtmf.parse_info(body), "info"),
            on_offer=self._reoffered,
        )
        try:
            self._invited = True
            self._services.signalling.invite(self._invite(address, stream.port), leg)
            await self._follow(leg, self._talk)
        finally:
            self._services.plane.close(stream)
            if not leg.ended.done():
                leg.hang_up()

    async def _load(self) -> dict[str, bytes]:
        dial = self.dial
        if (dial.script.records or dial.record) and self._services.recordings is None:
            raise NotSentError("no_recordings")
        missing = [name for name in dial.script.audios if name not in dial.audio]
        if missing:
            raise NotSentError("audio", f"no file given for {', '.join(missing)}")
        try:
            audio = {
                name: await self._services.audio.load(dial.audio[name], keep=name not in dial.secret)
                for name in dial.script.audios
            }
        except AudioError as error:
            raise NotSentError("audio", str(error)) from error
        self._outcome.total_ms = sum(duration_ms(len(audio[name])) for name in dial.script.told)
        return audio

    async def _resolve(self) -> tuple[str, int]:
        trunk = self.dial.trunk
        with contextlib.suppress(ValueError):
            return str(ipaddress.IPv4Address(trunk.host)), trunk.port
        try:
            found = await self._loop.getaddrinfo(
                trunk.host, trunk.port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except (OSError, UnicodeError) as error:
            raise NotSentError("unresolvable", str(error)) from error
        return str(found[0][4][0]), trunk.port

    def _invite(self, address: tuple[str, int], port: int) -> Invite:
        dial, trunk = self.dial, self.dial.trunk
        return Invite(
            call_id=dial.call_id,
            to=dial.to,
            from_=dial.from_,
            display=dial.display,
            host=trunk.host,
            address=address,
            username=trunk.username,
            password=trunk.password,
            sdp=sdp.describe(self._services.address, port, trunk.codecs, session=self._session),
            send_by=dial.send_by,
        )

    def _sent(self, at: float) -> None:
        self._sent_at = time.monotonic()
        self._report(Sent, at=at)

    def _ringing(self, code: int) -> None:
        if not self._rang:
            self._rang = True
            self._report(Ringing, code=code)

    def _key(self, key: str | None, source: str) -> None:
        if key is not None and self._talk is not None:
            self._talk.press(key, source)

    def _reoffered(self, description: str | None) -> str | None:
        """Answer a re-INVITE; None refuses it."""
        assert self._talk is not None
        self._version += 1
        return self._talk.reoffered(description, self._services.address, self._session, self._version)

    async def _follow(self, leg: Leg, talk: conversation.Conversation) -> None:
        waiting: set[asyncio.Future[Any]] = {leg.answered, leg.ended, self._stopped}
        await asyncio.wait(waiting, timeout=self.dial.ring_seconds, return_when=asyncio.FIRST_COMPLETED)
        if leg.answered.done():
            await self._converse(leg, talk)
        elif leg.ended.done():
            self._unanswered(leg.ended.result())
        else:
            await self._cancel(leg)

    async def _cancel(self, leg: Leg) -> None:
        reason = self._stopped.result() if self._stopped.done() else "no_answer"
        leg.hang_up()
        await asyncio.wait({leg.ended}, timeout=FIRST_RESPONSE_SECONDS)
        if leg.heard:
            await asyncio.wait({leg.ended}, timeout=CANCEL_SECONDS)
        if leg.ended.done():
            final = leg.ended.result()
        else:
            final = Final(None, None, time.monotonic(), silent=not leg.heard)
        if final.crossed or leg.answered.done():
            outcome = self._outcome
            outcome.answered, outcome.sip_code, outcome.hungup_by = True, 200, "us"
            outcome.reason = "cancelled"
            self._measure_ringing(final.at)
        else:
            self._unanswered(final, given_up=reason)

    def _unanswered(self, final: Final, given_up: str | None = None) -> None:
        """Tell what a final response without an answer means; ``given_up`` is why we cancelled, if we did."""
        if final.not_sent is not None:
            raise NotSentError(final.not_sent)
        self._measure_ringing(final.at)
        self._outcome.sip_code = final.code
        if given_up is not None and final.code in (None, 487) and not final.silent:
            self._outcome.reason = given_up
        elif final.code is None:
            self._outcome.reason = "silent"
        else:
            self._outcome.reason = outcomes.reason_of(final.code)

    def _measure_ringing(self, until: float) -> None:
        if self._sent_at is not None:
            self._outcome.ring_ms = _milliseconds(until - self._sent_at)

    async def _converse(self, leg: Leg, talk: conversation.Conversation) -> None:
        outcome = self._outcome
        self._answered_at = leg.answered_at or time.monotonic()
        self._measure_ringing(self._answered_at)
        outcome.answered, outcome.sip_code = True, 200
        try:
            media = sdp.parse(leg.answered.result())
            codec: Codec = media.choose(self.dial.trunk.codecs)
        except sdp.SdpError as error:
            outcome.reason, outcome.detail, outcome.hungup_by = "no_media", str(error), "us"
        else:
            self._report(Answered, codec=codec)
            talk.connect(media, codec)
            self._limit_to(self.dial.max_seconds)
            await self._talk_to_the_end(leg, talk)
        if not leg.ended.done():
            leg.hang_up()
            await asyncio.wait({leg.ended}, timeout=CANCEL_SECONDS)
        ended_at = leg.ended.result().at if leg.ended.done() else time.monotonic()
        outcome.duration_ms = _milliseconds(ended_at - self._answered_at)

    async def _talk_to_the_end(self, leg: Leg, talk: conversation.Conversation) -> None:
        outcome = self._outcome
        talking = asyncio.create_task(talk.run(self._services.lead_seconds, TAIL_SECONDS))
        watching = asyncio.create_task(self._watch(talk))
        if self.dial.record:
            talk.record_call()
        waiting: set[asyncio.Future[Any]] = {talking, leg.ended, self._stopped}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        talk.hush()
        if talk.completed:
            outcome.reason = "completed"
        elif talk.gave_up:
            outcome.reason = "no_input"
        elif leg.ended.done():
            outcome.reason = "hungup"
        elif self._stopped.done():
            outcome.reason = self._stopped.result()
        outcome.hungup_by = leg.ended.result().by if leg.ended.done() else "us"
        if outcome.reason == "rtp_timeout":
            outcome.hungup_by = "network"
        outcome.played_ms = talk.heard_ms
        # The BYE goes out before a recording is written to disk.
        if not leg.ended.done():
            leg.hang_up()
        for task in (talking, watching):
            task.cancel()
        results = await asyncio.gather(talking, watching, return_exceptions=True)
        await talk.keep_call()
        outcome.keys, outcome.answers, outcome.said = talk.keys, talk.answers, talk.said
        if talk.lost_recordings:
            outcome.detail = f"not recorded: {', '.join(talk.lost_recordings)}"
        for result in results:
            if isinstance(result, Exception):
                logger.error("call %s: its script failed", self.dial.call_id, exc_info=result)
                outcome.detail = "script"

    async def _watch(self, talk: conversation.Conversation) -> None:
        """Report progress, and notice a peer that has gone."""
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            talk.report_progress()
            limit = self._services.rtp_timeout
            if limit is not None and talk.silent_seconds() > limit:
                self.stop("rtp_timeout")

    def _limit_to(self, max_seconds: float) -> None:
        if self._limit is not None:
            self._limit.cancel()
        assert self._answered_at is not None
        if self._talk is not None:
            self._talk.limit_recording_to(max_seconds)
        # loop.time() is time.monotonic() on every platform that asyncio's own loop runs on.
        self._limit = self._loop.call_at(self._answered_at + max_seconds, self.stop, "max_duration")


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))
