"""The SQL of transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import dump_json


async def call(session: AsyncSession, account_id: int, sid: UUID) -> Any | None:
    """A call by its sid, or by the id of any of its attempts, with all that is known of what was said in it.

    Of several attempts that were answered it is the latest.
    """
    return (
        await session.execute(
            text(
                """
                SELECT t.id AS target_id, t.state AS target_state, t.withdrawn, t.personal,
                       coalesce((t.content ->> 'ms')::bigint, 0) AS content_ms,
                       p.call_content, p.owner_kind, p.owner_id,
                       coalesce(c.variables, '{}') AS variables, coalesce(v.language, '') AS language,
                       a.id AS attempt_id, a.state, a.answered_at, a.duration_ms, a.played_ms, a.total_ms,
                       a.keys, l.plays,
                       r.state AS recording_state, r.media_key, r.ms AS recording_ms,
                       d.state AS draft_state, d.reason AS draft_reason, d.turns AS draft_turns
                  FROM targets t
                  JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
                  LEFT JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
                  LEFT JOIN voices v ON v.id = (p.call_content ->> 'voice_id')::bigint
                  LEFT JOIN LATERAL (
                       SELECT * FROM attempts
                        WHERE account_id = t.account_id AND target_id = t.id
                        ORDER BY answered_at DESC NULLS LAST, leased_at DESC LIMIT 1) a ON true
                  LEFT JOIN call_logs l ON l.account_id = t.account_id AND l.attempt_id = a.id
                  LEFT JOIN call_recordings r ON r.account_id = t.account_id AND r.attempt_id = a.id
                  LEFT JOIN transcript_drafts d ON d.account_id = t.account_id AND d.attempt_id = a.id
                 WHERE t.account_id = :account_id AND t.channel = 'call'
                   AND t.id = coalesce(
                       (SELECT id FROM targets WHERE account_id = :account_id AND sid = :sid),
                       (SELECT target_id FROM attempts WHERE account_id = :account_id AND id = :sid))
                """
            ),
            {"account_id": account_id, "sid": sid},
        )
    ).one_or_none()


async def answers(session: AsyncSession, account_id: int, target_id: int) -> Sequence[Any]:
    """What was answered at the steps of a call; steps of a survey bear the names of its report."""
    rows = await session.execute(
        text(
            """
            SELECT r.name, coalesce(s.input_name, r.name) AS step, r.attempt_id, r.kind, r.state, r.keys,
                   r.ms, r.answered_at
              FROM answers r
              LEFT JOIN survey_steps s ON s.account_id = r.account_id AND r.name = 'step_' || s.id
             WHERE r.account_id = :account_id AND r.target_id = :target_id
             ORDER BY r.answered_at, r.name
            """
        ),
        {"account_id": account_id, "target_id": target_id},
    )
    return rows.all()


async def wanted_analysis(session: AsyncSession, account_id: int, campaign_id: int) -> dict[str, Any]:
    """The schema of the analysis that a campaign's owner wants; empty without any."""
    schema = await session.scalar(
        text(
            "SELECT fields -> 'postCallAnalysisSchema' FROM toingg_campaigns"
            " WHERE account_id = :account_id AND campaign_id = :campaign_id"
        ),
        {"account_id": account_id, "campaign_id": campaign_id},
    )
    return schema if isinstance(schema, dict) else {}


async def take(session: AsyncSession, least_seconds: int, patience: int) -> Any | None:
    """Take up the oldest recording without a draft, for ``least_seconds`` and ``patience`` times its length.

    One that was taken up by a worker that did not finish in its time is taken up again.
    """
    return (
        await session.execute(
            text(
                """
                WITH next AS (
                    SELECT r.account_id, r.attempt_id, r.media_key, r.ms, coalesce(v.language, '') AS language
                      FROM call_recordings r
                      JOIN attempts a ON a.account_id = r.account_id AND a.id = r.attempt_id
                      JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id
                      LEFT JOIN voices v ON v.id = (p.call_content ->> 'voice_id')::bigint
                      LEFT JOIN transcript_drafts d
                             ON d.account_id = r.account_id AND d.attempt_id = r.attempt_id
                     WHERE r.state = 'stored' AND NOT r.drafted AND a.state = 'ended'
                       AND (d.taken_until IS NULL OR d.taken_until < now())
                     ORDER BY r.begun_at LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED),
                taken AS (
                    INSERT INTO transcript_drafts AS d (account_id, attempt_id, state, language, taken_until)
                    SELECT account_id, attempt_id, 'pending', language,
                           now() + make_interval(secs => :least + :patience * ms / 1000)
                      FROM next
                    ON CONFLICT (account_id, attempt_id) DO UPDATE
                       SET tries = d.tries + 1, taken_until = excluded.taken_until
                    RETURNING attempt_id, tries)
                SELECT next.*, taken.tries FROM next JOIN taken USING (attempt_id)
                """
            ),
            {"least": least_seconds, "patience": patience},
        )
    ).one_or_none()


async def put_back(session: AsyncSession, account_id: int, attempt_id: UUID) -> None:
    """Leave a recording to whoever comes next, as if it had not been taken up."""
    await session.execute(
        text(
            "UPDATE transcript_drafts SET taken_until = now(), tries = tries - 1"
            " WHERE account_id = :account_id AND attempt_id = :attempt_id AND state = 'pending'"
        ),
        {"account_id": account_id, "attempt_id": attempt_id},
    )


async def finish(
    session: AsyncSession,
    account_id: int,
    attempt_id: UUID,
    state: str,
    turns: Sequence[dict[str, Any]],
    reason: str | None,
) -> None:
    """Write a draft; of a recording that is erased meanwhile nothing is kept."""
    key = {"account_id": account_id, "attempt_id": attempt_id}
    stored = await session.execute(
        text(
            "UPDATE call_recordings SET drafted = true"
            " WHERE account_id = :account_id AND attempt_id = :attempt_id AND state = 'stored'"
        ),
        key,
    )
    if stored.rowcount:  # type: ignore[attr-defined]
        await session.execute(
            text(
                "UPDATE transcript_drafts SET state = :state, reason = :reason, turns = CAST(:turns AS jsonb)"
                " WHERE account_id = :account_id AND attempt_id = :attempt_id"
            ),
            {**key, "state": state, "reason": reason, "turns": dump_json(list(turns))},
        )


async def old_recordings(session: AsyncSession, days: int, limit: int) -> Sequence[Any]:
    """Recordings that were kept for long enough, locked."""
    rows = await session.execute(
        text(
            """
            SELECT account_id, attempt_id, media_key FROM call_recordings
             WHERE state <> 'erased' AND begun_at < now() - make_interval(days => :days)
             ORDER BY begun_at LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
            """
        ),
        {"days": days, "limit": limit},
    )
    return rows.all()


async def erase(session: AsyncSession, recordings: Sequence[Any]) -> None:
    """Forget recordings, and the drafts made of them; that there were some stays."""
    keys = [{"account_id": row.account_id, "attempt_id": row.attempt_id} for row in recordings]
    if keys:
        of_one = "WHERE account_id = :account_id AND attempt_id = :attempt_id"
        await session.execute(text(f"DELETE FROM transcript_drafts {of_one}"), keys)  # noqa: S608
        await session.execute(
            text(
                f"UPDATE call_recordings SET state = 'erased', media_key = NULL, ms = NULL {of_one}"  # noqa: S608
            ),
            keys,
        )
