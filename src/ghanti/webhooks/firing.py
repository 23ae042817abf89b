"""Which requests the keys of ended calls order, in the transaction that records the calls' outcomes."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing.handlers import TargetOutcome
from ghanti.dialing.models import Channel
from ghanti.dialing.personal import variables_of
from ghanti.webhooks import repository


async def fire(session: AsyncSession, batch: list[TargetOutcome]) -> None:
    """Order the requests of these calls: of each step one, however often its call is told of.

    A provisional outcome orders as well: the key was pressed, whatever became of the call.
    """
    called = [
        (told.account_id, told.target_id) for told in batch if told.channel is Channel.CALL and told.dialled
    ]
    if not called:
        return
    rows = [
        {
            "account_id": row.account_id,
            "id": uuid4(),
            "hook_id": row.hook_id,
            "target_id": row.target_id,
            "step": row.step,
            "variables": {
                **variables_of(row.variables, row.personal),
                "key": row.keys,
                "number": row.number,
            },
        }
        for row in await repository.pressed(session, called)
    ]
    if rows:
        await repository.order(session, rows)
