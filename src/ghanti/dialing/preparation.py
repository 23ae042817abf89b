"""Content before dialling: tags filled, audio rendered, segments counted, over a rolling horizon.

A target is leasable only when its content is ready, so that no phone rings before its message
exists. Audio is rendered at most ``horizon_seconds`` ahead of what the trunks can start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from ghanti.credits import tariffs
from ghanti.credits.tariff import Tariffs
from ghanti.database.lookups import Lookups
from ghanti.database.outage import DATABASE_ERRORS
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import closing, contents, personal, stock
from ghanti.dialing.models import URGENT, Channel, Outcome, Plan, PlanClass, PlanState
from ghanti.dialing.speaking import Made, Speaker
from ghanti.dialing.stock import Ready
from ghanti.encryption import DecryptionError, SecretBox
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.sms.segments import TooLongError, segment
from ghanti.speech import template
from ghanti.speech.pool import SpeechPool

logger = logging.getLogger(__name__)

BATCH = 48
NOT_URGENT = tuple(each for each in PlanClass if each not in URGENT)

_PUT_OFF_SECONDS = 5.0
_IDLE_SECONDS = 0.1
_URGENT_SECONDS = 0.05
_MOST_AT_ONCE = 8
_Key = tuple[int, int, Channel]


class Preparer:
    """Prepares plans of some classes, a batch a plan and channel at a time."""

    def __init__(
        self,
        sessions: SessionFactory,
        settings: Settings,
        box: SecretBox,
        pool: SpeechPool,
        worker: UUID,
        classes: Collection[PlanClass] = tuple(PlanClass),
    ) -> None:
        self._sessions = sessions
        self._lookups = Lookups(sessions)
        self._settings = settings
        self._box = box
        self._worker = worker
        self._classes = classes
        self._speaker = Speaker(pool, MediaStore(settings.media_folder), box, settings)
        self._put_off: dict[_Key, float] = {}

    async def run(self) -> None:
        """One plan after the other, for as long as there is work, without a pause."""
        while True:
            if not await self.pass_once():
                await asyncio.sleep(_IDLE_SECONDS)

    async def pass_once(self) -> int:
        """Prepare what is next of every plan that runs; answers how many targets were settled."""
        done = 0
        for key in await self._due():
            done += await self._try(key)
        return done

    async def run_at_once(self) -> None:
        """Each plan as soon as it is there, behind no other: for what people wait for."""
        under_way: dict[_Key, asyncio.Task[int]] = {}
        try:
            while True:
                for key in await self._due():
                    if key not in under_way and len(under_way) < _MOST_AT_ONCE:
                        under_way[key] = asyncio.create_task(self._try(key))
                await asyncio.sleep(_URGENT_SECONDS)
                for key in [key for key, task in under_way.items() if task.done()]:
                    under_way.pop(key).result()
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def _due(self) -> list[_Key]:
        if not await stock.any_live(self._lookups, self._classes):
            return []
        async with transaction(self._sessions) as session:
            rows = await stock.unready_plans(session, self._settings.horizon_seconds, self._classes)
        return [(row.account_id, row.id, Channel(row.channel)) for row in rows]

    async def _try(self, key: _Key) -> int:
        """Prepare a batch; a plan that cannot be prepared is put off and holds up no other."""
        if self._put_off.get(key, 0.0) > time.monotonic():
            return 0
        self._put_off.pop(key, None)
        try:
            return await self._prepare(*key)
        except DATABASE_ERRORS:
            raise
        except Exception:
            logger.exception("plan %d could not be prepared and is put off", key[1])
            self._put_off[key] = time.monotonic() + _PUT_OFF_SECONDS
            return 0

    async def _prepare(self, account_id: int, plan_id: int, channel: Channel) -> int:
        """No lock is held while the speech is made: a stop must not wait for it."""
        async with transaction(self._sessions) as session:
            plan = await session.get(Plan, (account_id, plan_id))
            if plan is None or plan.state not in (PlanState.RUNNING, PlanState.PAUSED):
                return 0
            rows = await stock.unready(session, plan, channel, BATCH)
            prices = await tariffs.current(session, self._settings)
            voice_id = (plan.call_content or {}).get("voice_id")
            voice = await stock.engine_voice(session, voice_id) if rows and channel is Channel.CALL else None
        if channel is Channel.CALL:
            made = await self._speaker.speak(contents.read(plan.call_content or {}), voice, rows, prices)
        else:
            made = self._measure(plan.sms_content or {}, rows, prices)
        async with transaction(self._sessions) as session:
            current = await stock.lock_current(session, account_id, rows)
            await stock.mark_ready(
                session, account_id, [item for item in made.ready if item.target_id in current]
            )
            still = {
                target_id: refusal for target_id, refusal in made.refused.items() if target_id in current
            }
            await closing.refuse(session, plan, still, self._worker)
        await self._speaker.forget([item for item in made.ready if item.target_id not in current])
        return len(current)

    def _measure(self, content: Mapping[str, Any], rows: Sequence[Any], prices: Tariffs) -> Made:
        """Texts and their parts; of a secret one only the parts are told."""
        made = Made()
        for row in rows:
            try:
                if secret := content.get("secret"):
                    parts = len(segment(contents.unseal(secret, self._box)).parts)
                    told: dict[str, Any] = {"parts": parts}
                else:
                    said = personal.template_of(str(content.get("template", "")), row.personal)
                    body = template.fill(said, personal.variables_of(row.variables, row.personal)).text
                    parts = len(segment(body).parts)
                    told = {"text": body, "parts": parts}
            except (template.MissingTags, TooLongError, DecryptionError) as error:
                made.refused[row.id] = (Outcome.FAILED, str(error))
            else:
                tariff = prices.of(row.number)
                units = tariff.message(parts)
                made.ready.append(
                    Ready(row.id, told, units, tariff.pulse_seconds, tariff.credits_per_segment)
                )
        return made
