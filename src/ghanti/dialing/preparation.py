"""Content before dialling: tags filled, audio rendered, segments counted, over a rolling horizon.

A target is leasable only when its content is ready, so that no phone rings before its message
exists. Audio is rendered at most ``horizon_seconds`` ahead of what the trunks can start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.tariff import Tariff
from ghanti.database.outage import DATABASE_ERRORS
from ghanti.database.session import SessionFactory, dump_json, transaction
from ghanti.dialing import closing
from ghanti.dialing.models import Channel, Outcome, Plan, PlanClass, PlanState
from ghanti.dialing.worker import tariff_of
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.sms.segments import TooLongError, segment
from ghanti.speech import template
from ghanti.speech.cache import Rendered, media_key
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.pool import RenderRequest, SpeechPool

logger = logging.getLogger(__name__)

BATCH = 48
_LEAST_AHEAD = 200
_PUT_OFF_SECONDS = 5.0

Refusal = tuple[Outcome, str]
Ready = tuple[int, dict[str, Any], int]
"""Target id, content, credits one attempt holds."""


class Preparer:
    """One pass prepares at most one batch a plan and channel; passes repeat while there is work."""

    def __init__(self, sessions: SessionFactory, settings: Settings, pool: SpeechPool, worker: UUID) -> None:
        self._sessions = sessions
        self._settings = settings
        self._pool = pool
        self._worker = worker
        self._tariff: Tariff = tariff_of(settings)
        self._put_off: dict[tuple[int, int, str], float] = {}

    async def pass_once(self) -> int:
        """Prepare what is next of every plan that runs; answers how many targets were settled."""
        async with transaction(self._sessions) as session:
            due = await _unready_plans(session, self._settings.horizon_seconds)
        done = 0
        for account_id, plan_id, channel in due:
            done += await self._try(account_id, plan_id, Channel(channel))
        return done

    async def run(self) -> None:
        while True:
            if not await self.pass_once():
                await asyncio.sleep(0.1)

    async def _try(self, account_id: int, plan_id: int, channel: Channel) -> int:
        """Prepare a batch; a plan that cannot be prepared is put off and holds up no other."""
        key = (account_id, plan_id, channel)
        if self._put_off.get(key, 0.0) > time.monotonic():
            return 0
        self._put_off.pop(key, None)
        try:
            return await self._prepare(account_id, plan_id, channel)
        except DATABASE_ERRORS:
            raise
        except Exception:
            logger.exception("plan %d could not be prepared and is put off", plan_id)
            self._put_off[key] = time.monotonic() + _PUT_OFF_SECONDS
            return 0

    async def _prepare(self, account_id: int, plan_id: int, channel: Channel) -> int:
        """No lock is held while the speech is made: a stop must not wait for it."""
        async with transaction(self._sessions) as session:
            plan = await session.get(Plan, (account_id, plan_id))
            if plan is None or plan.state not in (PlanState.RUNNING, PlanState.PAUSED):
                return 0
            rows = await _unready(session, plan, channel)
            content = (plan.call_content if channel is Channel.CALL else plan.sms_content) or {}
            voice = await _engine_voice(session, content.get("voice_id")) if rows else None
        texts, refusals = _fill(rows, str(content.get("template", "")))
        if channel is Channel.CALL:
            ready, refused = await self._render(voice, float(content.get("length_factor", 1)), texts)
        else:
            ready, refused = self._measure(texts)
        refused |= refusals
        async with transaction(self._sessions) as session:
            current = await _lock_current(session, account_id, rows)
            await _mark_ready(session, account_id, [item for item in ready if item[0] in current])
            still = {target_id: refusal for target_id, refusal in refused.items() if target_id in current}
            await closing.refuse(session, plan, still, self._worker)
        return len(current)

    async def _render(
        self, voice: EngineVoice | None, factor: float, texts: dict[int, str]
    ) -> tuple[list[Ready], dict[int, Refusal]]:
        if voice is None:
            return [], dict.fromkeys(texts, (Outcome.FAILED, "the campaign's voice exists no more"))
        answers = await self._pool.render_many(
            [RenderRequest(spoken, voice, factor) for spoken in texts.values()]
        )
        ready: list[Ready] = []
        refusals: dict[int, Refusal] = {}
        for target_id, answer in zip(texts, answers, strict=True):
            if isinstance(answer, Rendered):
                hold = self._tariff.hold(answer.ms)
                ready.append((target_id, {"audio": answer.key, "ms": answer.ms}, hold))
            else:
                refusals[target_id] = (Outcome.FAILED, f"the message cannot be spoken: {answer}")
        return ready, refusals

    def _measure(self, texts: dict[int, str]) -> tuple[list[Ready], dict[int, Refusal]]:
        ready: list[Ready] = []
        refusals: dict[int, Refusal] = {}
        for target_id, body in texts.items():
            try:
                parts = len(segment(body).parts)
            except TooLongError as error:
                refusals[target_id] = (Outcome.FAILED, str(error))
            else:
                ready.append((target_id, {"text": body, "parts": parts}, self._tariff.message(parts)))
        return ready, refusals


def _fill(rows: Sequence[Any], message: str) -> tuple[dict[int, str], dict[int, Refusal]]:
    """The text of each target; a contact that lacks a tag's value fails, free of charge."""
    texts: dict[int, str] = {}
    refusals: dict[int, Refusal] = {}
    for row in rows:
        try:
            filled = template.fill(message, row.variables)
        except template.MissingTags as missing:
            refusals[row.id] = (Outcome.FAILED, str(missing))
        else:
            texts[row.id] = filled.text
    return texts, refusals


async def _unready_plans(session: AsyncSession, horizon_seconds: int) -> list[Any]:
    """Plans and channels with targets to prepare whose stock does not reach the horizon.

    The plans that run share the pace and so the horizon; one that waits for credits keeps a small stock.
    """
    rows = await session.execute(
        text(
            """
            WITH pace AS (
                SELECT 'call' AS channel, coalesce(sum(cps), 0) AS per_second FROM trunks WHERE active
                UNION ALL
                SELECT 'sms', coalesce(sum(messages_per_second), 0) FROM smscs WHERE active),
            due AS (
                SELECT p.account_id, p.id, p.plan_class, p.state FROM plans p
                 WHERE (p.state = 'running' OR (p.state = 'paused' AND p.state_reason = 'credits'))
                   AND p.starts_at < now() + make_interval(secs => :horizon)),
            stock AS (
                SELECT pace.channel,
                       greatest(:least, (pace.per_second * :horizon
                                         / greatest(1, (SELECT count(*) FROM due)))::bigint) AS enough
                  FROM pace)
            SELECT p.account_id, p.id, stock.channel
              FROM due p CROSS JOIN stock
              -- A lateral LIMIT, since EXISTS may be planned as one scan of all targets of all plans.
              JOIN LATERAL (SELECT FROM targets t
                             WHERE t.account_id = p.account_id AND t.plan_id = p.id
                               AND t.channel = stock.channel
                               AND t.state = 'waiting' AND NOT t.ready LIMIT 1) unready ON true
             WHERE (SELECT count(*) FROM (
                           SELECT FROM targets t
                            WHERE t.account_id = p.account_id AND t.plan_id = p.id
                              AND t.channel = stock.channel
                              AND t.state = 'waiting' AND t.ready
                            LIMIT CASE p.state WHEN 'running' THEN stock.enough ELSE :least END) ahead)
                   < CASE p.state WHEN 'running' THEN stock.enough ELSE :least END
             ORDER BY array_position(CAST(:classes AS text[]), p.plan_class), p.id
            """
        ),
        {"horizon": horizon_seconds, "least": _LEAST_AHEAD, "classes": list(PlanClass)},
    )
    return list(rows)


async def _unready(session: AsyncSession, plan: Plan, channel: Channel) -> list[Any]:
    rows = await session.execute(
        text(
            """
            SELECT t.id, c.variables, c.updated_at FROM targets t
              JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
             WHERE t.account_id = :account_id AND t.plan_id = :plan_id AND t.channel = :channel
               AND t.state = 'waiting' AND NOT t.ready
             ORDER BY t.due_at, t.id LIMIT :limit
            """
        ),
        {"account_id": plan.account_id, "plan_id": plan.id, "channel": channel, "limit": BATCH},
    )
    return list(rows)


async def _lock_current(session: AsyncSession, account_id: int, rows: Sequence[Any]) -> set[int]:
    """Of these targets those that still wait for content, their contacts as they were read."""
    current = await session.scalars(
        text(
            """
            SELECT t.id
              FROM unnest(CAST(:ids AS bigint[]), CAST(:read AS timestamptz[])) AS v (id, updated_at)
              JOIN targets t ON t.account_id = :account_id AND t.id = v.id
              JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
             WHERE t.state = 'waiting' AND NOT t.ready AND c.updated_at = v.updated_at
             ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
            """
        ),
        {
            "ids": [row.id for row in rows],
            "read": [row.updated_at for row in rows],
            "account_id": account_id,
        },
    )
    return set(current)


async def _mark_ready(session: AsyncSession, account_id: int, ready: Sequence[Ready]) -> None:
    if not ready:
        return
    await session.execute(
        text(
            """
            UPDATE targets t SET ready = true, content = v.content::jsonb, units = v.units
              FROM unnest(CAST(:ids AS bigint[]), CAST(:contents AS text[]), CAST(:units AS bigint[]))
                   AS v (id, content, units)
             WHERE t.account_id = :account_id AND t.id = v.id
            """
        ),
        {
            "account_id": account_id,
            "ids": [item[0] for item in ready],
            "contents": [dump_json(item[1]) for item in ready],
            "units": [item[2] for item in ready],
        },
    )


async def _engine_voice(session: AsyncSession, voice_id: int | None) -> EngineVoice | None:
    row = (
        await session.execute(
            text("SELECT engine, engine_voice, language FROM voices WHERE id = :id"), {"id": voice_id}
        )
    ).one_or_none()
    return None if row is None else EngineVoice(row.engine, row.engine_voice, row.language)


async def discard_audio(sessions: SessionFactory, store: MediaStore, keep_seconds: int) -> int:
    """Delete personal audio of targets that are long final; answers how many files went.

    Audio that an open target of any account still needs stays, since equal messages share a file.
    """
    async with transaction(sessions) as session:
        rows = await session.scalars(
            text(
                """
                WITH old AS (
                    SELECT account_id, id, content->>'audio' AS audio FROM targets
                     WHERE state = 'final' AND content ? 'audio'
                       AND final_at < now() - make_interval(secs => :keep)
                     ORDER BY final_at LIMIT 500 FOR UPDATE SKIP LOCKED),
                cleared AS (
                    UPDATE targets t SET content = t.content - 'audio'
                      FROM old WHERE t.account_id = old.account_id AND t.id = old.id)
                SELECT DISTINCT audio FROM old
                 WHERE NOT EXISTS (SELECT FROM targets t WHERE t.state <> 'final' AND t.ready
                                                           AND t.content->>'audio' = old.audio)
                """
            ),
            {"keep": keep_seconds},
        )
        keys = list(rows)
    for key in keys:
        await asyncio.to_thread(store.delete, media_key(key))
    return len(keys)
