"""The SMS worker: leases for the free places of each SMSC session, sends, records, matches receipts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from ghanti.database.outage import DATABASE_ERRORS
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import attempts, contents, outcomes, receipts, sessions
from ghanti.dialing.attempts import Lease
from ghanti.dialing.leasing import Leaser, smsc_gateway
from ghanti.dialing.models import Channel, Delivery, Outcome
from ghanti.dialing.outcomes import AttemptOutcome
from ghanti.dialing.worker import (
    Drained,
    Sweeper,
    every,
    gathered,
    record_batch,
    take_back,
    until_committed,
)
from ghanti.encryption import DecryptionError, SecretBox
from ghanti.settings import Carrier, Settings
from ghanti.sms.port import OnReceipts, OutgoingSms, SendOutcome, SendResult, SmsChannel
from ghanti.sms.receipts import Receipt
from ghanti.sms.smpp.channel import SmppChannel
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.pdus import PduError
from ghanti.trunks import repository as trunks
from ghanti.trunks.models import Smsc

logger = logging.getLogger(__name__)

ROLE = "sms"
_RECONFIGURE_SECONDS = 2.0
_SETTLE_SECONDS = 5.0
_STOP_SECONDS = 5.0

_OUTCOMES = {
    SendOutcome.ACCEPTED: Outcome.COMPLETED,
    SendOutcome.REFUSED: Outcome.FAILED,
    SendOutcome.PARTLY: Outcome.FAILED,
    SendOutcome.UNKNOWN: Outcome.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class _Sent:
    smsc_id: int
    lease: Lease
    result: SendResult


class Texter:
    def __init__(
        self, factory: SessionFactory, settings: Settings, box: SecretBox, draining: asyncio.Event
    ) -> None:
        self._draining = draining
        self._sessions = factory
        self._settings = settings
        self._box = box
        self._worker = uuid4()
        self._leaser = Leaser(
            self._worker, Channel.SMS, settings.tick_seconds, settings.lease_seconds, settings.home_country
        )
        self._channels: dict[int, tuple[SmscConfig, SmsChannel]] = {}
        self._sweeper = Sweeper(factory, settings, self._worker)
        self._ticking = asyncio.Lock()
        self._unusable: set[int] = set()
        self._in_hand: set[UUID] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self._sent: asyncio.Queue[_Sent] = asyncio.Queue()
        self._receipts_came = asyncio.Event()

    async def run(self) -> None:
        """Work until ``draining`` is set and all that was under way is recorded."""
        await until_committed(self._open, "opening the SMS session")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._sweeper.run())
                tasks.create_task(every(_RECONFIGURE_SECONDS, self._configure, "SMSC settings"))
                tasks.create_task(every(self._settings.tick_seconds, self._tick, "tick"))
                tasks.create_task(self._commit_results())
                tasks.create_task(every(_SETTLE_SECONDS, self._settle_unaccounted, "settling lost texts"))
                tasks.create_task(every(0.25, self._match_receipts, "receipts"))
                tasks.create_task(every(3600, self._forget_receipts, "old receipts"))
                tasks.create_task(self._drain())
        except* Drained:
            logger.info("drained")
        finally:
            await self._stop_channels()

    async def _drain(self) -> None:
        await self._draining.wait()
        async with self._ticking:
            pass  # A tick under way sends what it has leased.
        if self._sending:
            await asyncio.wait(self._sending, timeout=self._settings.drain_seconds)
        # What is still under way gets its result from the end of its channel.
        await self._stop_channels()
        if self._sending:
            await asyncio.wait(self._sending, timeout=_STOP_SECONDS)
        await self._sent.join()
        raise Drained

    async def _stop_channels(self) -> None:
        for _, channel in list(self._channels.values()):
            await channel.stop()

    async def _settle_unaccounted(self) -> None:
        """Begun, but not in our hands: a failure came between; whether anything left is unknown."""
        async with transaction(self._sessions) as session:
            lost = await sessions.unaccounted(session, self._worker, list(self._in_hand), _SETTLE_SECONDS)
            await outcomes.record(session, lost, self._worker)

    async def _open(self) -> None:
        async with transaction(self._sessions) as session:
            await sessions.open_session(session, self._worker, ROLE)

    async def _configure(self) -> None:
        """Bind to the SMSCs in use; one that was changed is bound anew, one that cannot be is passed over."""
        if self._draining.is_set():
            return
        async with transaction(self._sessions) as session:
            rows = await trunks.smscs(session, simulated=self._settings.carrier is Carrier.SIMULATED)
        wanted = {row.id: config for row in rows if (config := self._usable(row))}
        for smsc_id, (config, channel) in list(self._channels.items()):
            if wanted.get(smsc_id) != config:
                del self._channels[smsc_id]
                await channel.stop()
        for smsc_id, config in wanted.items():
            if smsc_id not in self._channels:
                channel = SmppChannel(config, self._keeper(smsc_id))
                self._channels[smsc_id] = (config, channel)
                await channel.start()

    def _usable(self, row: Smsc) -> SmscConfig | None:
        try:
            config = self._config(row)
        except (PduError, DecryptionError) as error:
            if row.id not in self._unusable:
                logger.error("SMSC %s cannot be used: %s", row.name, error)
            self._unusable.add(row.id)
            return None
        self._unusable.discard(row.id)
        return config

    def _config(self, row: Smsc) -> SmscConfig:
        return SmscConfig(
            host=row.host,
            port=row.port,
            system_id=row.system_id,
            password=self._box.decrypt(row.password),
            system_type=row.system_type,
            source=row.source_address,
            destination_ton=row.destination_ton,
            destination_npi=row.destination_npi,
            window=row.window_size,
            messages_per_second=float(row.messages_per_second),
        )

    def _keeper(self, smsc_id: int) -> OnReceipts:
        async def keep(batch: list[Receipt]) -> None:
            async with transaction(self._sessions) as session:
                await receipts.keep(session, smsc_id, batch)
            self._receipts_came.set()

        return keep

    async def _tick(self) -> None:
        async with self._ticking:
            if self._sweeper.busy and not self._draining.is_set():
                await self._lease_and_send()

    async def _lease_and_send(self) -> None:
        for smsc_id, (_, channel) in list(self._channels.items()):
            if channel.free <= 0:
                continue
            async with transaction(self._sessions) as session:
                leases = await self._leaser.grant(session, smsc_gateway(smsc_id), channel.free)
            if leases:
                await self._send(smsc_id, channel, leases)

    async def _send(self, smsc_id: int, channel: SmsChannel, leases: Sequence[Lease]) -> None:
        ids = [lease.attempt_id for lease in leases]
        try:
            async with transaction(self._sessions) as session:
                sending = await attempts.begin_sending(session, ids)
        except DATABASE_ERRORS:
            # Perhaps committed, perhaps not; not sent in any case.
            await take_back(self._sessions, ids)
            raise
        for lease in leases:
            if lease.attempt_id in sending:
                self._in_hand.add(lease.attempt_id)
                task = asyncio.create_task(self._send_one(smsc_id, channel, lease))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _send_one(self, smsc_id: int, channel: SmsChannel, lease: Lease) -> None:
        try:
            result = await channel.send(OutgoingSms(lease.number, self._text(lease), urgent=lease.urgent))
        except Exception:
            logger.exception("sending attempt %s failed in an unforeseen way", lease.attempt_id)
            result = SendResult(SendOutcome.UNKNOWN, 0, reason="internal error")
        await self._sent.put(_Sent(smsc_id, lease, result))

    def _text(self, lease: Lease) -> str:
        """The text to send; a secret one is in clear here and nowhere else."""
        secret = lease.said.get("secret")
        return str(lease.content["text"]) if secret is None else contents.unseal(secret, self._box)

    async def _commit_results(self) -> None:
        while True:
            batch = await gathered(self._sent)
            await record_batch(
                self._record, batch, "recording SMS results", lambda sent: sent.lease.attempt_id
            )
            self._receipts_came.set()
            for sent in batch:
                self._in_hand.discard(sent.lease.attempt_id)
                self._sent.task_done()

    async def _record(self, batch: Sequence[_Sent]) -> None:
        async with transaction(self._sessions) as session:
            ended = [sent for sent in batch if sent.result.attempted]
            await attempts.lock_balances(session, [sent.lease.attempt_id for sent in batch])
            recorded = await outcomes.record(session, [_outcome(sent) for sent in ended], self._worker)
            accepted = [
                receipts.Accepted(sent.smsc_id, sent.lease.account_id, sent.lease.attempt_id, part)
                for sent in ended
                if sent.lease.attempt_id in recorded
                for part in sent.result.parts
            ]
            await receipts.insert_parts(session, accepted)
            unsent = {x.lease.attempt_id: str(x.result.outcome) for x in batch if not x.result.attempted}
            await attempts.void_unsent_each(session, unsent)

    async def _match_receipts(self) -> None:
        if not self._receipts_came.is_set():
            return
        self._receipts_came.clear()
        try:
            async with transaction(self._sessions) as session:
                matched = await receipts.match(session)
        except BaseException:
            self._receipts_came.set()
            raise
        if matched:
            self._receipts_came.set()

    async def _forget_receipts(self) -> None:
        async with transaction(self._sessions) as session:
            await receipts.forget_unmatched(session)
        self._receipts_came.set()


def _outcome(sent: _Sent) -> AttemptOutcome:
    result = sent.result
    return AttemptOutcome(
        attempt_id=sent.lease.attempt_id,
        outcome=_OUTCOMES[result.outcome],
        reason=result.reason or result.outcome,
        ended_at=datetime.now(UTC),
        parts=len(result.parts),
        delivery=_delivery(result),
    )


def _delivery(result: SendResult) -> Delivery | None:
    """What there is to wait for; of a text of unknown fate nothing can be said."""
    if result.parts:
        return Delivery.AWAITED
    return None if result.outcome is SendOutcome.UNKNOWN else Delivery.NOT_OFFERED
