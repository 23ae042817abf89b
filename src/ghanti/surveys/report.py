"""What a survey's contacts answered, as a table for spreadsheets and as JSON for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import NotFoundError
from ghanti.campaigns import statuses, views
from ghanti.contacts import service as contacts
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing.models import AnswerState, Outcome, TargetState
from ghanti.surveys import report_repository, repository
from ghanti.surveys.compiling import answer_name, expects_answer
from ghanti.surveys.models import ResponseType, SurveyStep
from ghanti.surveys.schemas import SurveyView

_PAGE = 1000
_MOST_VARIABLES = 1500
_BEFORE = ("number",)
_AFTER = ("answered", "call_duration", "attempts", "started_at", "ended_at")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Link = Callable[[str | None], str | None]
"""An absolute URL of a file of the media store, by its key."""

Shape = Callable[[SurveyView], dict[str, Any]]


class Given(NamedTuple):
    """An answer; see ``dialing.models.Answer``."""

    state: str
    keys: str | None
    media_key: str | None
    ms: int | None

    @property
    def is_answer(self) -> bool:
        return self.keys is not None or self.media_key is not None


class Line:
    """A contact, what became of its call, and its answers by the name of the step.

    Args:
        row: A row of ``report_repository.lines_after``.
    """

    def __init__(self, row: Any) -> None:
        self.row = row
        self.answers = {name: Given(*given) for name, given in (row.answers or {}).items()}

    @property
    def status(self) -> str:
        if self.row.state == TargetState.FINAL:
            return statuses.FINAL[Outcome(self.row.outcome)]
        if self.row.state == TargetState.ACTIVE:
            return statuses.IN_FLIGHT.get(self.row.attempt_state, "dialing")
        return statuses.NOT_STARTED

    @property
    def answered(self) -> int:
        """How many questions have an answer."""
        return sum(given.is_answer for given in self.answers.values())

    @property
    def seconds(self) -> int:
        """Begun seconds of the call."""
        return -(-(self.row.duration_ms or 0) // 1000)


async def as_csv(
    sessions: SessionFactory, account_id: int, either_id: int, zone: ZoneInfo, link: Link
) -> AsyncGenerator[bytes, None]:
    """The report: a line a contact, in the order they were added, with a column a question.

    UTF-8 with a byte order mark. All of it shows one moment; memory stays flat. The transaction is the
    generator's own. ``either_id`` is the survey's or its campaign's.

    Raises NotFoundError before the first chunk.
    """
    async with transaction(sessions) as session:
        report = await _Report.of(session, account_id, either_id)
        variables = (await contacts.variable_keys(session, account_id, report.view.campaign.id))[
            :_MOST_VARIABLES
        ]
        yield b"\xef\xbb\xbf" + _csv([_header(variables, report.questions)])
        async for lines in report.pages(session):
            yield _csv([_row(line, variables, report.questions, zone, link) for line in lines])


async def as_json(
    sessions: SessionFactory, account_id: int, either_id: int, zone: ZoneInfo, link: Link, shape: Shape
) -> AsyncGenerator[bytes, None]:
    """The report: ``survey`` as ``shape`` has it, ``summary`` and ``results``; else as ``as_csv``."""
    async with transaction(sessions) as session:
        report = await _Report.of(session, account_id, either_id)
        summary = await _summary(session, report)
        head = {"survey": shape(report.view), "summary": summary, "results": []}
        yield orjson.dumps(head).removesuffix(b"]}")
        comma = b""
        async for lines in report.pages(session):
            rows = [orjson.dumps(_object(line, report.questions, zone, link)) for line in lines]
            yield comma + b",".join(rows)
            comma = b","
        yield b"]}"


@dataclass(frozen=True, slots=True)
class _Report:
    view: SurveyView
    questions: Sequence[SurveyStep]
    plans: Sequence[int]

    @classmethod
    async def of(cls, session: AsyncSession, account_id: int, either_id: int) -> _Report:
        await report_repository.hold_still(session)
        survey = await repository.of_either_id(session, account_id, either_id)
        if survey is None:
            raise NotFoundError
        campaign = await views.found(session, account_id, survey.campaign_id)
        steps = await repository.steps(session, account_id, survey.id)
        plans = await report_repository.plan_ids(session, account_id, campaign.id)
        return cls(SurveyView(campaign, survey.id, steps), [*filter(expects_answer, steps)], plans)

    async def pages(self, session: AsyncSession) -> AsyncGenerator[list[Line], None]:
        campaign = self.view.campaign
        last = 0
        while rows := await report_repository.lines_after(
            session, campaign.account_id, campaign.id, self.plans, last, _PAGE
        ):
            last = rows[-1].id
            yield [Line(row) for row in rows]


async def _summary(session: AsyncSession, report: _Report) -> dict[str, Any]:
    """How many contacts there are, and how many gave each answer to each question."""
    account_id, campaign_id = report.view.campaign.account_id, report.view.campaign.id
    answered = await report_repository.totals(session, account_id, report.plans)
    questions: dict[str, dict[str, Any]] = {}
    by_name: dict[str, dict[str, Any]] = {}
    for step in report.questions:
        name = answer_name(step.id)
        recorded = step.response_type == ResponseType.RAW_RECORD
        by_name[name] = {
            "answered": answered.get(name, 0),
            "unanswered": 0,
            **({"recordings": {}} if recorded else {"answers": {}}),
        }
        questions[step.input_name] = by_name[name]
    for row in await report_repository.counts(session, account_id, report.plans):
        told = by_name.get(row.name)
        if told is None:
            continue
        if "recordings" in told and row.state != AnswerState.GIVEN:
            told["recordings"][row.state] = row.answers
        elif row.pressed is not None:
            told["answers"][row.pressed] = row.answers
        else:
            told["unanswered"] += row.answers
    return {
        "contacts": await report_repository.contact_count(session, account_id, campaign_id),
        "questions": questions,
    }


def _object(line: Line, questions: Sequence[SurveyStep], zone: ZoneInfo, link: Link) -> dict[str, Any]:
    given = {
        step.input_name: _answer_object(answer, link)
        for step in questions
        if (answer := line.answers.get(answer_name(step.id))) is not None
    }
    return {
        "id": line.row.id,
        "number": line.row.number,
        "other_variables": line.row.variables,
        "status": line.status,
        "answers": given,
        "answered": line.answered,
        "call_duration": f"{line.seconds}s",
        "attempts": line.row.attempts or 0,
        "started_at": _moment(line.row.sent_at, zone, "microseconds") or None,
        "ended_at": _moment(line.row.ended_at, zone, "microseconds") or None,
    }


def _answer_object(answer: Given, link: Link) -> dict[str, Any]:
    if answer.state == AnswerState.GIVEN:
        return {"value": answer.keys}
    seconds = None if answer.ms is None else answer.ms / 1000
    return {"recording": link(answer.media_key), "state": answer.state, "seconds": seconds}


def _row(
    line: Line, variables: Sequence[str], questions: Sequence[SurveyStep], zone: ZoneInfo, link: Link
) -> list[str]:
    own = line.row.variables
    return [
        _defused(line.row.number),
        *(_defused(_cell(own.get(name))) for name in variables),
        line.status,
        *(_answer_cell(line.answers.get(answer_name(step.id)), link) for step in questions),
        str(line.answered),
        f"{line.seconds}s",
        str(line.row.attempts or 0),
        _moment(line.row.sent_at, zone, "seconds"),
        _moment(line.row.ended_at, zone, "seconds"),
    ]


def _answer_cell(answer: Given | None, link: Link) -> str:
    """Keys; a link to a recording, or its state while there is none; empty without an answer."""
    if answer is None:
        return ""
    if answer.state == AnswerState.GIVEN:
        return answer.keys or ""
    return link(answer.media_key) or answer.state


def _moment(value: datetime | None, zone: ZoneInfo, precision: str) -> str:
    return "" if value is None else value.astimezone(zone).isoformat(timespec=precision)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _header(variables: Sequence[str], questions: Sequence[SurveyStep]) -> list[str]:
    """No two columns have the same name, or programs that read by name would lose one."""
    taken = {*_BEFORE, "status", *_AFTER}
    columns = [f"tags_{name}" if name in taken else name for name in variables]
    taken |= {*columns}
    asked = [
        f"answer_{step.input_name}" if step.input_name in taken else step.input_name for step in questions
    ]
    return [*_BEFORE, *map(_defused, columns), "status", *map(_defused, asked), *_AFTER]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    lines = io.StringIO()
    # A carriage return ends a row for spreadsheets, but the writer quotes it only if its own rows end so.
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return lines.getvalue().encode()


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
