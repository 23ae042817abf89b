"""Which calls order requests, and that each orders one."""

from __future__ import annotations

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing.erasing import forget_contact
from ghanti.dialing.models import Outcome
from ghanti.webhooks import service
from hooks_world import CONTENT, Hooks

ORDERED = "SELECT account_id, target_id, step, variables FROM web_hook_deliveries ORDER BY target_id, step"
WHOSE = (
    "SELECT t.contact_id FROM web_hook_deliveries d"
    " JOIN targets t ON t.account_id = d.account_id AND t.id = d.target_id"
)
URL = "https://crm.example.com/"


async def test_a_key_with_a_hook_orders_one_request_when_its_call_ends(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    (lease,) = await hooks.leases(account)
    await hooks.press(lease)
    assert await hooks.world.rows(ORDERED) == []
    await hooks.world.record(outcome(lease, Outcome.HUNGUP))
    await hooks.world.record(outcome(lease, Outcome.HUNGUP))
    (row,) = await hooks.world.rows(ORDERED)
    assert (row.account_id, row.target_id, row.step) == (account, lease.target_id, "question_1")
    assert row.variables == {"name": "Sita", "amount": 1500.0, "key": "1", "number": lease.number}


async def test_each_step_orders_its_own(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    (lease,) = await hooks.leases(account)
    await hooks.press(lease)
    await hooks.press(lease, step="question_2")
    await hooks.world.record(outcome(lease))
    assert [row.step for row in await hooks.world.rows(ORDERED)] == ["question_1", "question_2"]


async def test_other_keys_other_plans_and_other_accounts_order_nothing(hooks: Hooks, account: int) -> None:
    other = await hooks.world.account()
    await hooks.save(other, URL)
    await hooks.called(account)
    await hooks.save(account, URL)
    (lease,) = await hooks.leases(account)
    await hooks.press(lease, key="2")
    await hooks.world.record(outcome(lease))
    await hooks.called(account, call_content={key: CONTENT[key] for key in ("script", "audios")})
    unnamed = {**CONTENT, "hooks": {"question_1": {"1": "nobody's"}}}
    await hooks.called(account, call_content=unnamed)
    assert await hooks.world.rows(ORDERED) == []


async def test_an_unknown_outcome_that_the_truth_replaces_orders_once(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    (lease,) = await hooks.leases(account)
    await hooks.press(lease)
    await hooks.world.record(outcome(lease, Outcome.UNKNOWN, provisional=True))
    assert len(await hooks.world.rows(ORDERED)) == 1
    await hooks.press(lease, step="question_2")
    await hooks.world.record(outcome(lease, Outcome.COMPLETED))
    assert [row.step for row in await hooks.world.rows(ORDERED)] == ["question_1", "question_2"]


async def test_a_call_that_is_tried_again_orders_when_it_is_over(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    again = {"hungup": {"times": 1, "gap_seconds": 0}}
    (lease,) = await hooks.leases(account, retries=again)
    await hooks.press(lease)
    await hooks.world.record(outcome(lease, Outcome.HUNGUP))
    assert await hooks.world.rows(ORDERED) == []
    (second,) = await hooks.world.lease_all(hooks.world.leaser(), await hooks.world.trunk())
    await hooks.world.send([second])
    await hooks.world.record(outcome(second, Outcome.HUNGUP))
    assert len(await hooks.world.rows(ORDERED)) == 1


async def test_a_person_called_directly_fills_the_tags(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    (lease,) = await hooks.leases(account)
    await hooks.world.execute("UPDATE plans SET owner_kind = 'direct'")
    await hooks.world.execute("""UPDATE targets SET personal = '{"variables": {"name": "Gita"}}'""")
    await hooks.press(lease)
    await hooks.world.record(outcome(lease))
    (row,) = await hooks.world.rows(ORDERED)
    assert (row.variables["name"], row.variables["amount"]) == ("Gita", 1500.0)


async def test_of_a_contact_that_was_deleted_in_the_call_nothing_is_told(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    (lease,) = await hooks.leases(account)
    await hooks.press(lease)
    await _forgotten(hooks.world, account)
    await hooks.world.record(outcome(lease))
    assert await hooks.world.rows(ORDERED) == []


async def test_a_contact_that_is_deleted_afterwards_takes_what_was_not_sent_along(
    hooks: Hooks, account: int
) -> None:
    await hooks.save(account, URL)
    await hooks.called(account, 2)
    contact = await hooks.world.value("SELECT min(id) FROM contacts")
    async with transaction(hooks.world.sessions) as session:
        await service.forget_contact(session, account, contact)
    assert [row.contact_id for row in await hooks.world.rows(WHOSE)] != [contact]
    assert len(await hooks.world.rows(ORDERED)) == 1


async def test_what_is_deleted_takes_its_deliveries_along(hooks: Hooks, account: int) -> None:
    await hooks.save(account, URL)
    await hooks.called(account, 2)
    assert len(await hooks.world.rows(ORDERED)) == 2
    await hooks.world.execute("DELETE FROM targets WHERE id = (SELECT min(id) FROM targets)")
    assert len(await hooks.world.rows(ORDERED)) == 1
    await hooks.world.execute("DELETE FROM web_hooks")
    assert await hooks.world.rows(ORDERED) == []


async def _forgotten(world: World, account: int) -> None:
    contact = await world.value("SELECT id FROM contacts")
    async with transaction(world.sessions) as session:
        await forget_contact(session, account, contact)
