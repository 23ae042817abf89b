"""What a web hook may be, and what is seen of it."""

from __future__ import annotations

from typing import Any

import pytest

from ghanti.accounts.errors import ForbiddenError, InvalidError, NotFoundError
from ghanti.accounts.models import Role
from ghanti.database.session import transaction
from ghanti.webhooks import service
from ghanti.webhooks.schemas import MOST_HOOKS, HookOrder
from hooks_world import BOX, Hooks, principal

TOKEN = "sesame-open-9876"
GOOD: dict[str, Any] = {"name": "lead", "path": "https://crm.example.com/leads", "method": "POST"}
SECRET: dict[str, Any] = {
    "path": f"https://u:{TOKEN}@crm.example.com/leads?token={TOKEN}",
    "headers": {"Authorization": f"Bearer {TOKEN}"},
    "params": {"token": TOKEN, "who": ["{name}", 1]},
    "json_data": {"auth": {"token": TOKEN}, "list": [TOKEN, None]},
}


async def test_a_hook_is_kept_encrypted_and_shown_without_its_values(hooks: Hooks, account: int) -> None:
    hook_id = await hooks.save(account, **SECRET, description="asks the CRM")
    row = (await hooks.world.rows("SELECT * FROM web_hooks"))[0]
    assert TOKEN not in repr(row)
    assert TOKEN.encode() not in row.sealed
    async with transaction(hooks.world.sessions) as session:
        (view,) = await service.listed(session, account, BOX)
    assert (view.id, view.name, view.method, view.description) == (hook_id, "lead", "POST", "asks the CRM")
    assert view.path == "https://crm.example.com/leads"
    assert view.headers == {"Authorization": "***"}
    assert view.params == {"token": "***", "who": ["***", "***"]}
    assert view.json_data == {"auth": {"token": "***"}, "list": ["***", None]}
    assert TOKEN not in repr(HookOrder(**{**GOOD, **SECRET, "path": "https://x.example"}))


async def test_the_same_name_is_the_same_hook_in_one_account_only(hooks: Hooks, account: int) -> None:
    other = await hooks.world.account()
    first = await hooks.save(account, "https://a.example/1")
    assert await hooks.save(account, "https://a.example/2", method="PUT") == first
    assert await hooks.save(account, "https://a.example/2", name="another") != first
    assert await hooks.save(other, "https://b.example/") != first
    async with transaction(hooks.world.sessions) as session:
        assert [(hook.name, hook.path) for hook in await service.listed(session, account, BOX)] == [
            ("another", "https://a.example/2"),
            ("lead", "https://a.example/2"),
        ]
        assert await service.unknown(session, other, ["lead", "another"]) == ["another"]


async def test_only_its_own_account_deletes_a_hook(hooks: Hooks, account: int) -> None:
    other = await hooks.world.account()
    hook_id = await hooks.save(account, "https://a.example/")
    async with transaction(hooks.world.sessions) as session:
        with pytest.raises(NotFoundError):
            await service.delete(session, principal(other), hook_id)
        await service.delete(session, principal(account), hook_id)
        with pytest.raises(NotFoundError):
            await service.delete(session, principal(account), hook_id)


async def test_a_viewer_changes_nothing(hooks: Hooks, account: int) -> None:
    hook_id = await hooks.save(account, "https://a.example/")
    viewer = principal(account, Role.VIEWER)
    async with transaction(hooks.world.sessions) as session:
        with pytest.raises(ForbiddenError):
            await service.save(session, viewer, HookOrder(**GOOD), BOX)
        with pytest.raises(ForbiddenError):
            await service.delete(session, viewer, hook_id)


async def test_an_account_has_so_many_at_most(hooks: Hooks, account: int) -> None:
    await hooks.save(account, "https://a.example/", name="h1")
    await hooks.world.execute(
        "INSERT INTO web_hooks (account_id, name, method, sealed)"
        " SELECT :account, 'h' || n, 'GET', '' FROM generate_series(2, :most) n",
        account=account,
        most=MOST_HOOKS,
    )
    assert await hooks.save(account, "https://a.example/", name="h1")
    with pytest.raises(InvalidError, match=str(MOST_HOOKS)):
        await hooks.save(account, "https://a.example/", name="one more")


async def test_the_signing_secret_stays_until_it_is_renewed(hooks: Hooks, account: int) -> None:
    other = await hooks.world.account()
    async with transaction(hooks.world.sessions) as session:
        first = await service.signing_secret(session, account, BOX)
        assert first.startswith("whsec_")
        assert await service.signing_secret(session, account, BOX) == first
        assert await service.signing_secret(session, other, BOX) != first
        renewed = await service.signing_secret(session, account, BOX, renew=True)
        assert renewed != first
        assert await service.signing_secret(session, account, BOX) == renewed
    row = (await hooks.world.rows("SELECT sealed FROM web_hook_secrets ORDER BY account_id"))[0]
    assert renewed.encode() not in row.sealed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "n" * 101),
        ("name", "a\0b"),
        ("name", "half \ud800"),
        ("path", ""),
        ("path", "/leads"),
        ("path", "ftp://example.com/"),
        ("path", "https://"),
        ("path", "https://e.example/" + "p" * 2000),
        ("method", "PATCH"),
        ("method", "get"),
        ("description", "d" * 2001),
        ("headers", {"Host": "internal"}),
        ("headers", {"Content-Length": 5}),
        ("headers", {"webhook-signature": "v1,forged"}),
        ("headers", {"X-A": "one\r\nX-B: two"}),
        ("headers", {"X A": "one"}),
        ("headers", {"X-A": {"deep": 1}}),
        ("headers", {f"X-{number}": "" for number in range(51)}),
        ("params", {"a": {"deep": 1}}),
        ("params", {"a": [[1]]}),
        ("json_data", {"a": "x" * 32_768}),
        ("json_data", {"a": object()}),
        ("json_data", {"a": "half \ud800"}),
    ],
)
def test_what_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidError) as caught:
        HookOrder(**{**GOOD, field: value}).checked()
    assert list(caught.value.fields) == [field]
    assert field == "json_data" or str(value) not in caught.value.message or len(str(value)) < 10


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidError) as caught:
        HookOrder("", "nowhere", "POKE").checked()
    assert set(caught.value.fields) == {"name", "path", "method"}


def test_what_is_kept_is_clean() -> None:
    made = HookOrder(" lead ", " https://a.example/ ", "GET", headers={"X-A": " b ", "X-N": 5, "X-T": True})
    assert made.checked() == HookOrder(
        "lead", "https://a.example/", "GET", headers={"X-A": "b", "X-N": "5", "X-T": "true"}
    )
