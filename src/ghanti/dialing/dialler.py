"""The dialler: leases for a voice process' free slots, orders calls, records what becomes of them.

It holds nothing that a crash could lose. What it has leased and not sent goes back to the queue; what
it has sent, the voice process goes on with, and tells its successor.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from ghanti.database.outage import DATABASE_ERRORS
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import answers, attempts, outcomes, recordings, sessions
from ghanti.dialing.attempts import Lease
from ghanti.dialing.calls import SEND_WITHIN_SECONDS, call_id, dial_order, max_seconds, way_out
from ghanti.dialing.events import EventRecorder
from ghanti.dialing.leasing import Leaser, trunk_gateway
from ghanti.dialing.models import Channel, Outcome
from ghanti.dialing.outcomes import AttemptOutcome
from ghanti.dialing.pacing import reserved_channels
from ghanti.dialing.worker import (
    Drained,
    Sweeper,
    every,
    gathered,
    record_batch,
    take_back,
    until_committed,
)
from ghanti.encryption import SecretBox
from ghanti.media.store import MediaStore
from ghanti.settings import Carrier, Settings
from ghanti.trunks import repository as trunks
from ghanti.trunks.models import Trunk
from ghanti.voice import protocol
from ghanti.voice.client import VoiceClient, VoiceGoneError
from ghanti.voice.protocol import Dial, Ended, Event, ProtocolError

logger = logging.getLogger(__name__)

ROLE = "call"
_HANG_UP_SECONDS = 3.0
_RETOLD_SECONDS = 2.0
_KEPT_PERCENT = 5
"""Of a voice process' calls, those that only urgent plans may have."""
_ABANDONED_SECONDS = 2.0


class Dialler:
    """One dialler for one voice process; it connects again whenever either of them is replaced."""

    def __init__(
        self,
        factory: SessionFactory,
        settings: Settings,
        box: SecretBox,
        voice_socket: Path,
        draining: asyncio.Event,
    ) -> None:
        self._sessions = factory
        self._settings = settings
        self._box = box
        self._socket = voice_socket
        self._draining = draining

    async def run(self) -> None:
        """Work until ``draining`` is set and all that was under way is recorded."""
        gone: UUID | None = None
        while not self._draining.is_set():
            try:
                client = await VoiceClient.connect(self._socket)
            except (VoiceGoneError, ProtocolError) as error:
                logger.info("waiting for the voice process: %s", error)
                await asyncio.sleep(0.2)
                continue
            if gone is not None and client.session != gone:
                await self._mourn(gone)
            logger.info(
                "speaking to voice process %s with %d calls", client.session, len(client.welcome.calls)
            )
            try:
                await Conversation(self._sessions, self._settings, self._box, client, self._draining).run()
            except* Drained:
                logger.info("drained")
            except* (VoiceGoneError, ProtocolError) as group:
                logger.warning("lost the voice process: %s", group.exceptions[0])
            finally:
                gone = client.session
                await client.close()

    async def _mourn(self, session_id: UUID) -> None:
        """Another process answers on the socket, so the calls of the one before are lost."""

        async def declare_dead() -> None:
            async with transaction(self._sessions) as session:
                await sessions.end_session(session, session_id)

        await until_committed(declare_dead, "ending a voice session")


class Conversation:
    """What passes between the engine and one voice process over one connection."""

    def __init__(
        self,
        factory: SessionFactory,
        settings: Settings,
        box: SecretBox,
        client: VoiceClient,
        draining: asyncio.Event,
    ) -> None:
        self._sessions = factory
        self._settings = settings
        self._box = box
        self._client = client
        self._draining = draining
        self._worker = client.session
        self._store = MediaStore(settings.media_folder)
        self._recorder = EventRecorder(factory, self._store, self._worker)
        self._leaser = Leaser(
            self._worker, Channel.CALL, settings.tick_seconds, settings.lease_seconds, settings.home_country
        )
        self._live: set[UUID] = set(client.welcome.calls)
        self._hung_up: set[UUID] = set()
        self._ordering: set[UUID] = set()
        self._sweeper = Sweeper(factory, settings, self._worker)
        self._ticking = asyncio.Lock()
        self._unusable: set[int] = set()
        self._idle = asyncio.Event()
        if not self._live:
            self._idle.set()
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def run(self) -> None:
        await until_committed(self._open, "opening a voice session")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._commit_events())
            tasks.create_task(self._settle_unaccounted())
            tasks.create_task(self._sweeper.run())
            tasks.create_task(every(self._settings.tick_seconds, self._tick, "tick"))
            tasks.create_task(every(0.2, self._hang_up_stopped, "hang-up"))
            tasks.create_task(every(_ABANDONED_SECONDS, self._lose_abandoned, "abandoned recordings"))
            tasks.create_task(self._drain())

    async def _open(self) -> None:
        async with transaction(self._sessions) as session:
            await sessions.open_session(session, self._worker, ROLE)
            # What the dialler before had leased here was never ordered: it goes back at once.
            await attempts.void_leased_of_session(session, self._worker)

    async def _settle_unaccounted(self) -> None:
        """Sent, but the voice process has no call of it: the order was lost, with our forerunner perhaps.

        What it has told and we have not committed is in ``_live`` too. An order that never reached it is
        declared void and waits again; one that did, and of which it tells nothing, is unknown.
        """
        voided: set[UUID] = set()

        async def settle() -> None:
            async with transaction(self._sessions) as session:
                missing = await sessions.unaccounted(
                    session, self._worker, [*self._live, *self._ordering], 2 * SEND_WITHIN_SECONDS
                )
                lost = [entry for entry in missing if entry.attempt_id in voided]
                await outcomes.record(session, lost, self._worker)
            voided.clear()
            for entry in missing:
                if entry not in lost:
                    voided.add(entry.attempt_id)
                    await self._client.void(entry.attempt_id)

        # A voice process tells what it has kept first; by then it is here.
        await asyncio.sleep(_RETOLD_SECONDS)
        await every(_RETOLD_SECONDS, settle, "settling lost orders")

    async def _drain(self) -> None:
        """Begin nothing more; let calls go on for the grace, hang up what is left, record all."""
        await self._draining.wait()
        async with self._ticking:
            pass  # A tick under way orders what it has leased.
        await self._until_idle(self._settings.drain_seconds)
        for attempt_id in list(self._live):
            await self._client.hang_up(attempt_id)
        await self._until_idle(_HANG_UP_SECONDS)
        await self._events.join()
        raise Drained

    async def _until_idle(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def _tick(self) -> None:
        async with self._ticking:
            if self._sweeper.busy and not self._draining.is_set():
                await self._lease_and_send()

    async def _lease_and_send(self) -> None:
        capacity = min(self._client.capacity, self._settings.calls_per_process)
        free, kept = capacity - len(self._live), reserved_channels(capacity, _KEPT_PERCENT)
        if free <= 0:
            return
        for trunk in await self._trunks():
            if free <= 0:
                return
            way = self._way_out(trunk)
            if way is None:
                continue
            async with transaction(self._sessions) as session:
                leases = await self._leaser.grant(session, trunk_gateway(trunk.id), free, kept)
                answered = await answers.answered(session, leases)
            if leases:
                free -= len(leases)
                await self._send(trunk, way, leases, answered)

    async def _trunks(self) -> Sequence[Trunk]:
        async with transaction(self._sessions) as session:
            return await trunks.trunks(session, simulated=self._settings.carrier is Carrier.SIMULATED)

    def _way_out(self, trunk: Trunk) -> protocol.Trunk | None:
        try:
            way = way_out(trunk, self._box)
        except Exception as error:
            if trunk.id not in self._unusable:
                self._unusable.add(trunk.id)
                logger.error("trunk %s cannot be used: %s", trunk.name, type(error).__name__)
            return None
        self._unusable.discard(trunk.id)
        return way

    async def _send(
        self, trunk: Trunk, way: protocol.Trunk, leases: Sequence[Lease], answered: Mapping[int, set[str]]
    ) -> None:
        """Second commit, then the orders. Whatever could fail in making an order fails before it."""
        dials, impossible = self._orders(trunk, way, leases, answered)
        if impossible:
            await until_committed(lambda: self._give_up(impossible), "refusing orders")
        self._ordering = set(dials)
        try:
            await self._commit_and_order(trunk, leases, dials)
        finally:
            self._ordering = set()

    async def _commit_and_order(
        self, trunk: Trunk, leases: Sequence[Lease], dials: Mapping[UUID, Dial]
    ) -> None:
        try:
            sending = await self._begin_sending(trunk, [x for x in leases if x.attempt_id in dials])
        except DATABASE_ERRORS:
            # Perhaps committed, perhaps not; not ordered in any case.
            await take_back(self._sessions, list(dials))
            raise
        for attempt_id, dial in dials.items():
            if attempt_id in sending:
                # No await between these two: whoever finds it live may hang it up.
                self._live.add(attempt_id)
                self._idle.clear()
                await self._client.dial(dial)

    async def _begin_sending(self, trunk: Trunk, leases: Sequence[Lease]) -> set[UUID]:
        async with transaction(self._sessions) as session:
            sending = await attempts.begin_sending(session, [lease.attempt_id for lease in leases])
            legs = [
                (lease.account_id, lease.attempt_id, 1, trunk.id, call_id(lease, 1))
                for lease in leases
                if lease.attempt_id in sending
            ]
            if legs:
                await attempts.insert_legs(session, legs)
        return sending

    def _orders(
        self, trunk: Trunk, way: protocol.Trunk, leases: Sequence[Lease], answered: Mapping[int, set[str]]
    ) -> tuple[dict[UUID, Dial], list[AttemptOutcome]]:
        """Orders by attempt, and failures of what no order can be made of: it would never be dialled."""
        dials: dict[UUID, Dial] = {}
        impossible = []
        for lease in leases:
            try:
                dials[lease.attempt_id] = dial_order(
                    lease,
                    trunk,
                    way,
                    self._store,
                    answered=answered.get(lease.target_id, ()),
                    max_seconds=max_seconds(lease, self._settings.longest_call_seconds),
                    home_country=self._settings.home_country,
                    record=self._settings.transcribe,
                )
            except Exception as error:
                logger.exception("attempt %s cannot be ordered", lease.attempt_id)
                reason = f"cannot be dialled: {type(error).__name__}"
                impossible.append(AttemptOutcome(lease.attempt_id, Outcome.FAILED, reason, datetime.now(UTC)))
        return dials, impossible

    async def _give_up(self, impossible: Sequence[AttemptOutcome]) -> None:
        async with transaction(self._sessions) as session:
            await outcomes.record(session, impossible, self._worker)

    async def _hang_up_stopped(self) -> None:
        """Hang up what belongs to stopped plans or to contacts that were deleted, or was to be hung up."""
        if not self._live:
            return
        async with transaction(self._sessions) as session:
            stopped = await session.scalars(
                text(
                    """
                    SELECT a.id FROM attempts a
                      JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id
                      JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
                     WHERE a.session_id = :session_id AND a.state IN ('sending', 'ringing', 'answered')
                       AND (p.state = 'stopped' OR t.withdrawn OR t.hung_up)
                    """
                ),
                {"session_id": self._worker},
            )
            found = (set(stopped) & self._live) - self._hung_up
        for attempt_id in found:
            self._hung_up.add(attempt_id)
            await self._client.hang_up(attempt_id)

    async def _lose_abandoned(self) -> None:
        async with transaction(self._sessions) as session:
            await answers.lose_abandoned(session)
        await recordings.adopt_abandoned(self._sessions, self._store)

    async def _listen(self) -> None:
        async for event in self._client.events():
            self._live.add(event.attempt)
            self._idle.clear()
            await self._events.put(event)

    async def _commit_events(self) -> None:
        while True:
            batch = await gathered(self._events)
            await record_batch(
                self._recorder.record, batch, "recording call events", lambda event: event.attempt
            )
            await self._client.ack(batch[-1].seq)
            for event in batch:
                if isinstance(event, Ended):
                    self._live.discard(event.attempt)
                    if not self._live:
                        self._idle.set()
                    self._hung_up.discard(event.attempt)
                self._events.task_done()
