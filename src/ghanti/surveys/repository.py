"""The SQL of surveys, their steps and templates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.models import Account
from ghanti.campaigns.schemas import DEMO_KIND
from ghanti.media import uploads
from ghanti.speech.models import Voice
from ghanti.surveys.models import Survey, SurveyStep, SurveyTemplate
from ghanti.surveys.schemas import StepDraft


async def open_survey(session: AsyncSession, account_id: int, campaign_id: int) -> None:
    """Give a campaign a survey, unless it has one."""
    await session.execute(
        insert(Survey)
        .values(account_id=account_id, campaign_id=campaign_id)
        .on_conflict_do_nothing(index_elements=["account_id", "campaign_id"])
    )


async def of_campaign(session: AsyncSession, account_id: int, campaign_id: int) -> Survey | None:
    statement = select(Survey).where(Survey.account_id == account_id, Survey.campaign_id == campaign_id)
    return (await session.scalars(statement)).one_or_none()


async def of_either_id(session: AsyncSession, account_id: int, either_id: int) -> Survey | None:
    """The survey with this id, or of the campaign with this id: both come from one sequence."""
    statement = select(Survey).where(
        Survey.account_id == account_id, or_(Survey.id == either_id, Survey.campaign_id == either_id)
    )
    return (await session.scalars(statement)).one_or_none()


async def steps(session: AsyncSession, account_id: int, survey_id: int) -> Sequence[SurveyStep]:
    statement = (
        select(SurveyStep)
        .where(SurveyStep.account_id == account_id, SurveyStep.survey_id == survey_id)
        .order_by(SurveyStep.position)
    )
    return (await session.scalars(statement)).all()


async def steps_of_campaign(session: AsyncSession, account_id: int, campaign_id: int) -> Sequence[SurveyStep]:
    survey = await of_campaign(session, account_id, campaign_id)
    return await steps(session, account_id, survey.id) if survey is not None else []


async def replace_steps(
    session: AsyncSession, account_id: int, survey_id: int, drafts: Sequence[StepDraft]
) -> Sequence[SurveyStep]:
    """Delete the survey's steps and insert these; answers them, in their order."""
    await session.execute(
        delete(SurveyStep).where(SurveyStep.account_id == account_id, SurveyStep.survey_id == survey_id)
    )
    session.add_all(
        SurveyStep(
            account_id=account_id,
            survey_id=survey_id,
            position=draft.order,
            content_type=draft.content_type,
            text_or_url=draft.text_or_url,
            response_type=draft.response_type,
            input_name=draft.input_name,
            audio_file=draft.sound.key if draft.sound else None,
            audio_ms=draft.sound.ms if draft.sound else None,
            options=draft.options.unusual(),
        )
        for draft in sorted(drafts, key=lambda draft: draft.order)
    )
    await session.flush()
    return await steps(session, account_id, survey_id)


async def sounds(session: AsyncSession, account_id: int, campaign_id: int) -> set[str]:
    """Keys of the audio of a campaign's steps."""
    statement = (
        select(SurveyStep.audio_file)
        .join(Survey, (Survey.account_id == SurveyStep.account_id) & (Survey.id == SurveyStep.survey_id))
        .where(
            Survey.account_id == account_id,
            Survey.campaign_id == campaign_id,
            SurveyStep.audio_file.is_not(None),
        )
    )
    return {str(key) for key in await session.scalars(statement)}


async def waiting_tests(session: AsyncSession, account_id: int, campaign_id: int) -> Sequence[int]:
    """Plans of test calls of a campaign that are under way, and whose phone does not ring yet."""
    rows = await session.scalars(
        text(
            """
            SELECT p.id FROM plans p
             WHERE p.account_id = :account_id AND p.owner_kind = :demo AND p.owner_id = :campaign_id
               AND p.state IN ('running', 'paused')
               AND NOT EXISTS (
                   SELECT FROM targets t
                     JOIN attempts a ON a.account_id = t.account_id AND a.id = t.attempt_id
                    WHERE t.account_id = p.account_id AND t.plan_id = p.id
                      AND t.state = 'active' AND a.state <> 'leased')
             ORDER BY p.id
            """
        ),
        {"account_id": account_id, "campaign_id": campaign_id, "demo": DEMO_KIND},
    )
    return rows.all()


async def disused(session: AsyncSession, account_id: int, dropped: Collection[str]) -> list[str]:
    """Of audio that a step or a template named: all that is to be deleted, since nothing names it any more.

    Steps share audio with the template that they were made from.
    """
    if not dropped:
        return []
    used = await session.scalars(
        text(
            """
            SELECT audio_file FROM survey_steps
             WHERE account_id = :account_id AND audio_file = ANY(:dropped)
            UNION ALL
            SELECT step -> 'sound' ->> 'key' FROM survey_templates, jsonb_array_elements(content) step
             WHERE account_id = :account_id AND step -> 'sound' ->> 'key' = ANY(:dropped)
            """
        ),
        {"account_id": account_id, "dropped": list(dropped)},
    )
    unused = sorted(set(dropped) - set(used))
    return [key for original in unused for key in uploads.keys(original)]


async def language(session: AsyncSession, account_id: int) -> str:
    """The account's language, such as ``np``."""
    found = await session.scalar(select(Account.language).where(Account.id == account_id))
    return str(found)


async def template(
    session: AsyncSession, account_id: int, template_id: int, *, lock: bool = False
) -> SurveyTemplate | None:
    statement = select(SurveyTemplate).where(
        SurveyTemplate.account_id == account_id, SurveyTemplate.id == template_id
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(statement)).one_or_none()


async def template_page(
    session: AsyncSession, account_id: int, search: str | None, limit: int, offset: int
) -> tuple[int, Sequence[Any]]:
    """How many templates there are, and one page of them, newest first, as rows of (template, voice)."""
    wanted = [SurveyTemplate.account_id == account_id]
    if search:
        wanted.append(_mentions(search))
    total = await session.scalar(select(func.count()).select_from(SurveyTemplate).where(*wanted)) or 0
    statement = (
        select(SurveyTemplate, Voice)
        .join(Voice, Voice.id == SurveyTemplate.voice_id)
        .where(*wanted)
        .order_by(SurveyTemplate.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return total, (await session.execute(statement)).all()


def _mentions(search: str) -> ColumnElement[bool]:
    """The text is part of the name, or of what a step says or is called."""
    step = func.jsonb_array_elements(SurveyTemplate.content).column_valued("step")
    in_steps = select(1).where(
        or_(
            *(
                step.op("->>")(field).icontains(search, autoescape=True)
                for field in ("text_or_url", "input_name", "content_type", "response_type")
            )
        )
    )
    return or_(SurveyTemplate.name.icontains(search, autoescape=True), in_steps.exists())


async def save(session: AsyncSession, row: SurveyTemplate) -> None:
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def remove_template(session: AsyncSession, row: SurveyTemplate) -> None:
    await session.delete(row)
    await session.flush()
