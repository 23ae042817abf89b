"""What is ordered by number: who may be called, with what, by which plan, and for which credits."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select

from direct_world import GITA, HARI, SITA, Direct, opened, somebody_waits
from engine_world import World, outcome
from ghanti.accounts.errors import InvalidError, NoCreditsError, NotFoundError
from ghanti.campaigns import audience, running, views
from ghanti.campaigns import service as campaigns
from ghanti.campaigns.models import Campaign
from ghanti.database.session import transaction
from ghanti.dialing import attempts, closing, removal, repository, stock
from ghanti.dialing.models import Channel, Outcome, Plan
from ghanti.dialing.personal import variables_of
from ghanti.direct import service as direct
from ghanti.direct.schemas import Person, Placed, Refused, State
from ghanti.reports import dashboard
from ghanti.speech.template import fill

READY = 'UPDATE targets SET ready = true, content = \'{"ms": 5000, "text": "x"}\' WHERE state = \'waiting\''


@pytest.fixture
async def ward(world: World, tmp_path: Path) -> Direct:
    return await opened(world, tmp_path)


async def test_a_call_is_known_by_the_id_of_its_first_attempt(ward: Direct) -> None:
    sid = await ward.call(await ward.campaign())
    waiting = await ward.status(sid)
    assert (waiting.state, waiting.number, waiting.variables) == (State.WAITING, SITA, {"name": "सीता"})
    assert (waiting.attempt_id, waiting.outcome, waiting.sent_at) == (None, None, None)
    await ward.world.execute(READY)
    trunk = await ward.world.trunk()
    (lease,) = await ward.world.lease_all(ward.world.leaser(), trunk)
    assert lease.attempt_id == sid
    assert (await ward.status(sid)).state is State.DIALING
    await ward.world.send([lease])
    await ward.world.record(outcome(lease))
    ended = await ward.status(sid)
    assert (ended.state, ended.outcome, ended.attempt_id) == (State.ENDED, Outcome.COMPLETED, sid)
    assert ended.sent_at is not None
    assert ended.ended_at is not None
    assert (ended.duration_ms, ended.credits) == (5000, 1)
    await ward.world.check()


async def test_a_lease_that_ran_out_gives_a_new_attempt_and_the_sid_finds_it(ward: Direct) -> None:
    sid = await ward.call(await ward.campaign())
    await ward.world.execute(READY)
    trunk = await ward.world.trunk()
    (first,) = await ward.world.lease_all(ward.world.leaser(lease=-1), trunk)
    async with transaction(ward.world.sessions) as session:
        assert await attempts.void_expired_leases(session) == 1
    assert (await ward.status(sid)).state is State.WAITING
    (second,) = await ward.world.lease_all(ward.world.leaser(), trunk)
    assert first.attempt_id == sid
    assert second.attempt_id != sid
    found = await ward.status(sid)
    assert (found.state, found.attempt_id, found.target_id) == (
        State.DIALING,
        second.attempt_id,
        first.target_id,
    )
    await ward.world.check()


async def test_calls_that_say_the_same_share_a_plan(ward: Direct) -> None:
    campaign = await ward.campaign()
    one = await ward.status(await ward.call(campaign))
    two = await ward.status(await ward.call(campaign, HARI, "हरि"))
    again = await ward.status(await ward.call(campaign))
    texts = [
        await ward.status(await ward.call(campaign, GITA, "गीता", text=text)) for text in ("एक {name}", "दुई")
    ]
    assert one.plan_id == two.plan_id == again.plan_id
    assert one.target_id != again.target_id
    assert texts[0].plan_id == texts[1].plan_id != one.plan_id
    assert [call.text for call in texts] == ["एक {name}", "दुई"]
    other = await ward.status(await ward.call(await ward.campaign()))
    assert other.plan_id not in (one.plan_id, texts[0].plan_id)
    await ward.world.check()


async def test_a_plan_that_ends_just_now_is_joined_no_more(ward: Direct) -> None:
    campaign = await ward.campaign()
    first = await ward.call(campaign)
    await ward.hang_up(first)
    async with transaction(ward.world.sessions) as session:
        # The sweep that ends it has it, and has not committed.
        row = (await ward.status(first)).plan_id
        plan = await repository.lock_plan(session, ward.account, row)
        assert plan is not None
        ordering = asyncio.create_task(ward.call(campaign, HARI))
        await somebody_waits(ward.world)
        plan.state, plan.finished_at = "finished", plan.starts_at
    second = await ward.status(await ordering)
    assert second.plan_id != row
    assert second.state is State.WAITING
    await ward.world.check()


async def test_a_person_brings_values_before_their_contact(ward: Direct) -> None:
    campaign = await ward.campaign("{name} {amount}")
    await ward.contact(campaign, SITA, name="सीता", tags_amount=100)
    plain = await ward.call(campaign, name=None)
    own = await ward.call(campaign, name="दिदी")
    # Blank is no value; and a value goes before the contact's, however either spells it.
    blank = await ward.call_many(campaign, [Person(SITA, {"name": " ", "amount": 7})])
    ids = [(await ward.status(sid)).target_id for sid in (plain, own, blank[0].sid)]  # type: ignore[union-attr]
    rows = {row.id: row for row in await _unready(ward)}
    said = [
        fill("{name} {amount}", variables_of(rows[each].variables, rows[each].personal)).text for each in ids
    ]
    assert said == ["सीता 100", "दिदी 100", "सीता 7"]


async def _unready(ward: Direct) -> list[Any]:
    async with transaction(ward.world.sessions) as session:
        plans = (await session.scalars(select(Plan).order_by(Plan.id))).all()
        return [row for plan in plans for row in await stock.unready(session, plan, Channel.CALL, 100)]


async def test_a_tag_without_value_is_named(ward: Direct) -> None:
    campaign = await ward.campaign("{name} {amount}")
    with pytest.raises(InvalidError, match=r"There is no value for \{amount\}") as refused:
        await ward.call(campaign)
    assert list(refused.value.fields) == ["variables"]
    with pytest.raises(InvalidError, match=r"\{due\}"):
        await ward.call(campaign, text="{name}: {due}")
    with pytest.raises(InvalidError, match=r"\{due\}"):
        await ward.message("{due}")
    assert not await ward.world.rows("SELECT FROM plans")


@pytest.mark.parametrize(
    ("number", "why"),
    [("12", "7 to 15 digits"), ("+4915112345678", "outside NP are not allowed"), (None, "missing")],
)
async def test_a_number_that_may_not_be_called_is_refused_at_once(
    ward: Direct, number: str, why: str
) -> None:
    campaign = await ward.campaign("नमस्ते")
    for order in (ward.call(campaign, number), ward.message("नमस्ते", number)):
        with pytest.raises(InvalidError, match=why) as refused:
            await order
        assert list(refused.value.fields) == ["number"]
    assert not await ward.world.rows("SELECT FROM plans")


async def test_what_cannot_be_said_is_refused(ward: Direct) -> None:
    texts_only = await ward.campaign(services="SMS")
    with pytest.raises(InvalidError, match="makes no calls"):
        await ward.call(texts_only)
    with pytest.raises(InvalidError, match="draft"):
        await ward.call(await ward.campaign(draft=True))
    with pytest.raises(InvalidError, match="no steps"):
        await ward.call(await ward.campaign(services="SURVEY"))
    with pytest.raises(InvalidError, match="needs an audio file"):
        await ward.call(await ward.campaign(category="Audio"))
    campaign = await ward.campaign()
    for text in ("", "  ", "x" * 10_001, "\0"):
        with pytest.raises(InvalidError) as refused:
            await ward.call(campaign, text=text)
        assert list(refused.value.fields) == ["text"]
    with pytest.raises(InvalidError, match="At most 50000"):
        await ward.call_many(campaign, [Person(SITA)] * 50_001)


async def test_an_audio_campaign_can_say_a_text(ward: Direct) -> None:
    sid = await ward.call(await ward.campaign("", category="Audio"), text="नमस्ते {name}")
    content = await ward.world.value("SELECT call_content FROM plans")
    assert content == {
        "voice_id": 1,
        "length_factor": "1.00",
        "audios": {"message": {"template": ""}},
    }
    assert (await ward.status(sid)).text == "नमस्ते {name}"


async def test_a_message_that_asks_asks_directly_too(ward: Direct) -> None:
    question = "नमस्ते {name}। [1: yes] [2: no]"
    await ward.call(await ward.campaign(question, asks=True))
    await ward.call(await ward.campaign("x", asks=True), text=question)
    contents = [row.call_content for row in await ward.world.rows("SELECT call_content FROM plans")]
    assert len(contents) == 2
    assert contents[0] == contents[1]
    assert [step["do"] for step in contents[0]["script"]["steps"]].count("listen") == 1


async def test_the_language_chooses_the_voice(ward: Direct) -> None:
    campaign = await ward.campaign("नमस्ते")
    codes = {"nepali": "np", "hindi": "hi", "English": "en"}
    for language, code in codes.items():
        await ward.call(campaign, language=language)
        voice = await ward.world.value(
            "SELECT v.language FROM voices v JOIN plans p ON (p.call_content ->> 'voice_id')::bigint = v.id"
            " ORDER BY p.id DESC LIMIT 1"
        )
        assert voice == code
    for unknown in ("french", ""):
        with pytest.raises(InvalidError, match="nepali, hindi, english") as refused:
            await ward.call(campaign, language=unknown)
        assert list(refused.value.fields) == ["language"]
    await ward.world.execute("UPDATE voices SET active = false WHERE language = 'hi'")
    with pytest.raises(InvalidError, match="no voice for Hindi; there are voices for Nepali, English"):
        await ward.call(campaign, language="hindi")


async def test_a_list_is_one_plan_and_each_is_answered_in_its_place(ward: Direct) -> None:
    campaign = await ward.campaign("{name}")
    await ward.contact(campaign, GITA, name="गीता")
    people = [
        Person(9841000001, {"name": "सीता"}),
        Person("12", {"name": "x"}),
        Person(SITA, {"name": "again"}),
        Person(HARI),
        Person(GITA),
        Person("+14155550100", {"name": "x"}),
        Person("984-100-0004", {"n" * 300: 1}),
    ]
    placed = await ward.call_many(campaign, people)
    assert [type(each) for each in placed] == [Placed, Refused, Refused, Refused, Placed, Refused, Refused]
    refused = [each for each in placed if isinstance(each, Refused)]
    assert [each.field for each in refused] == ["number", "number", "variables", "number", "variables"]
    assert "index 0; it is called once" in refused[1].message
    sids = [each.sid for each in placed if isinstance(each, Placed)]
    calls = [await ward.status(sid) for sid in sids]
    assert [call.number for call in calls] == [SITA, GITA]
    assert {call.plan_id for call in calls} == {await ward.world.value("SELECT id FROM plans")}
    # A single call does not queue up behind a list.
    assert (await ward.status(await ward.call(campaign))).plan_id != calls[0].plan_id
    assert await ward.call_many(campaign, people[1:2]) == [refused[0]]
    assert await ward.world.value("SELECT count(*) FROM plans") == 2
    await ward.world.check()


async def test_of_two_orders_for_the_last_credits_one_is_refused(world: World, tmp_path: Path) -> None:
    ward = await opened(world, tmp_path, phone=3, sms=1)
    campaign = await ward.campaign()
    for orders in (
        [ward.call(campaign), ward.call(campaign, HARI)],
        [ward.message("नमस्ते"), ward.message("नमस्ते", HARI)],
    ):
        done = await asyncio.gather(*orders, return_exceptions=True)
        refusals = [each for each in done if isinstance(each, NoCreditsError)]
        assert len(refusals) == 1
        assert len([each for each in done if isinstance(each, UUID)]) == 1
    assert await world.value("SELECT count(*) FROM targets") == 2


async def test_those_that_wait_have_their_credits_promised(world: World, tmp_path: Path) -> None:
    ward = await opened(world, tmp_path, phone=10)
    campaign = await ward.campaign("नमस्ते")
    people = [Person(f"+97798410001{index:02d}") for index in range(11)]
    with pytest.raises(NoCreditsError, match="11 phone credits are needed, the account has 10") as refused:
        await ward.call_many(campaign, people)
    assert refused.value.extra["needed_phone_credits"] == 11
    assert not await world.rows("SELECT FROM plans")
    placed = await ward.call_many(campaign, people[:9])
    # One is left, and a call holds the pulse of its message and one more.
    with pytest.raises(NoCreditsError, match="2 phone credits are needed, the account has 1"):
        await ward.call(campaign)
    assert isinstance(placed[0], Placed)
    await ward.hang_up(placed[0].sid)
    await ward.call(campaign)
    await world.check()


async def test_messages_share_a_plan_and_are_sent_as_they_were_given(ward: Direct) -> None:
    one = await ward.status(await ward.message("नमस्ते {name}", name="सीता"))
    two = await ward.status(await ward.message("दुई", HARI))
    assert one.plan_id == two.plan_id
    assert (one.channel, one.campaign_id, one.text) == (Channel.SMS, None, "नमस्ते {name}")
    for text in ("", "x" * 10_001):
        with pytest.raises(InvalidError) as refused:
            await ward.message(text)
        assert list(refused.value.fields) == ["text"]


async def test_another_account_finds_nothing(ward: Direct) -> None:
    sid = await ward.call(await ward.campaign())
    stranger = await opened(ward.world, Path())
    for what in (stranger.status(sid), stranger.hang_up(sid), ward.status(uuid4()), ward.hang_up(uuid4())):
        with pytest.raises(NotFoundError):
            await what
    assert (await ward.status(sid)).state is State.WAITING


async def test_a_campaign_is_found_by_its_name(ward: Direct) -> None:
    await ward.campaign(name="tax")
    newest = await ward.campaign(name="tax")
    await ward.campaign(name="tax", draft=True)
    stranger = await opened(ward.world, Path())
    await stranger.campaign(name="water")
    async with transaction(ward.world.sessions) as session:
        assert (await direct.campaign_by_name(session, ward.account, "tax")).id == newest
        with pytest.raises(NotFoundError):
            await direct.campaign_by_name(session, ward.account, "water")


async def test_a_deleted_campaign_takes_its_calls_along(ward: Direct) -> None:
    campaign = await ward.campaign()
    sid = await ward.call(campaign)
    await ward.call_many(campaign, [Person(HARI, {"name": "हरि"})])
    other = await ward.call(await ward.campaign())
    async with transaction(ward.world.sessions) as session:
        seen = await session.get_one(Campaign, (ward.account, campaign))
    async with transaction(ward.world.sessions) as session:
        await campaigns.delete(session, ward.principal, campaign)
    assert (await ward.status(sid)).outcome is Outcome.CANCELLED
    with pytest.raises(NotFoundError):
        async with transaction(ward.world.sessions) as session:
            await direct.call(session, ward.principal, seen, Person(SITA, {"name": "x"}), ward.settings)
    await closing.sweep_plans(ward.world.sessions)
    await removal.remove_deleted(ward.world.sessions)
    assert await ward.world.value("SELECT count(*) FROM plans") == 1
    assert (await ward.status(other)).state is State.WAITING
    with pytest.raises(NotFoundError):
        await ward.status(sid)
    await ward.world.check()


async def test_an_order_that_waited_for_a_deletion_calls_nobody(ward: Direct) -> None:
    campaign = await ward.campaign()
    async with transaction(ward.world.sessions) as deleting:
        await campaigns.delete(deleting, ward.principal, campaign)
        order = asyncio.create_task(ward.call(campaign))
        await somebody_waits(ward.world)
    with pytest.raises(NotFoundError):
        await order
    assert await ward.world.rows("SELECT id FROM plans WHERE owner_kind = 'direct'") == []


async def test_a_deleted_contact_is_called_no_more_and_forgotten(ward: Direct) -> None:
    campaign = await ward.campaign()
    contact = await ward.contact(campaign, SITA, name="सीता")
    sid = await ward.call(campaign)
    async with transaction(ward.world.sessions) as session:
        await audience.delete(session, ward.principal, contact)
    gone = await ward.status(sid)
    assert (gone.state, gone.number, gone.variables) == (State.ENDED, "", {})
    await ward.world.check()


async def test_a_campaign_tells_nothing_of_it_and_the_account_all(ward: Direct) -> None:
    campaign = await ward.campaign()
    await ward.contact(campaign, SITA, name="सीता")
    await ward.call(campaign)
    await ward.world.execute(READY)
    (lease,) = await ward.world.lease_all(ward.world.leaser(), await ward.world.trunk())
    await ward.world.send([lease])
    await ward.world.record(outcome(lease))
    async with transaction(ward.world.sessions) as session:
        view = await views.view(session, await views.found(session, ward.account, campaign))
        day = await dashboard.dashboard(session, ward.account, ward.principal.time_zone, 1)
    assert (view.campaign.status, view.progress_percent, view.credits_consumed) == ("Not Started", 0, 0)
    assert (day.calls, day.used, day.outcomes["completed"]) == (1, 1, 1)
    # Its run calls the contact all the same.
    async with transaction(ward.world.sessions) as session:
        await running.run(session, ward.principal, campaign, ward.settings)
    assert await ward.world.value("SELECT count(*) FROM targets WHERE sid IS NULL") == 1


async def test_what_is_asked_with_each_order_is_read_by_index(ward: Direct) -> None:
    """However many wait, and however many plans there were."""
    campaign = await ward.campaign("नमस्ते")
    await ward.call_many(campaign, [Person(f"+977984{index:07d}") for index in range(300)])
    account = ward.account
    await ward.world.execute(
        "INSERT INTO plans (account_id, owner_kind, owner_id, ring_seconds, state, finished_at)"
        " SELECT :account, 'direct', :campaign, 30, 'finished', now() FROM generate_series(1, 3000)",
        account=account,
        campaign=campaign,
    )
    await ward.world.execute(
        "INSERT INTO targets (account_id, plan_id, channel, number, carrier, state, outcome, sid)"
        " SELECT account_id, id, 'call', '', '', 'final', 'completed', gen_random_uuid()"
        " FROM plans WHERE state = 'finished'"
    )
    await ward.world.execute("ANALYZE")
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, statement: str, values: Any, *_: object) -> None:
        if "sum(units)" in statement or "owner_kind =" in statement:
            asked.append((statement, values))

    async with transaction(ward.world.sessions) as session:
        raw = (await session.connection()).sync_connection
        assert raw is not None
        row = await session.get_one(Campaign, (account, campaign))
        event.listen(raw, "before_cursor_execute", note)
        await direct.call(session, ward.principal, row, Person(SITA), ward.settings)
        event.remove(raw, "before_cursor_execute", note)
        explained = [
            await session.run_sync(
                lambda s, q=statement, v=values: "\n".join(
                    s.connection().exec_driver_sql(f"EXPLAIN {q}", v).scalars()
                )
            )
            for statement, values in asked
        ]
    plans = "\n".join(explained)
    assert "ix_targets_promised" in plans
    assert "ix_plans_live" in plans
    assert "Seq Scan" not in plans
