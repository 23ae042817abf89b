"""The rules of packages: what is on sale, and for how much."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NotFoundError
from ghanti.payments import repository
from ghanti.payments.models import CreditPackage
from ghanti.payments.schemas import PackageOrder

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_LONGEST_NAME = 200
_MOST = 1_000_000_000
"""Of credits, minor units and days: far above any price, far below what the database can count."""


async def on_sale(session: AsyncSession) -> Sequence[CreditPackage]:
    """In their order; the first one is bought by whoever names none."""
    return await repository.packages(session, on_sale=True)


async def every_one(session: AsyncSession) -> Sequence[CreditPackage]:
    """Those on sale and those that are not, in their order."""
    return await repository.packages(session, on_sale=False)


async def chosen(session: AsyncSession, slug: str | None) -> CreditPackage:
    """The package of that name, or the first one. Raises InvalidError when it is not on sale."""
    sold = await on_sale(session)
    if slug is None and sold:
        return sold[0]
    for package in sold:
        if package.slug == slug:
            return package
    raise InvalidError.of(
        "package", "No package is on sale." if not sold else "There is no package of this name on sale."
    )


async def put(session: AsyncSession, order: PackageOrder) -> CreditPackage:
    """Put a package on sale, or change the one of that name; what was ordered before stays as it was.

    Raises InvalidError.
    """
    wrong: dict[str, list[str]] = {}
    if not _SLUG.fullmatch(order.slug):
        wrong["slug"] = ["Use small letters, digits and hyphens, at most 64."]
    if not 0 < len(order.name.strip()) <= _LONGEST_NAME:
        wrong["name"] = [f"A name has 1 to {_LONGEST_NAME} characters."]
    if not re.fullmatch(r"[a-z]{3}", order.currency):
        wrong["currency"] = ["Use the three letters of ISO 4217, such as npr."]
    for name, least in (("phone", 0), ("sms", 0), ("amount", 1), ("valid_days", 1)):
        value = getattr(order, name)
        if value is not None and not least <= value <= _MOST:
            wrong[name] = [f"Enter a whole number from {least} to {_MOST}."]
    if order.phone == order.sms == 0:
        wrong["phone"] = ["A package holds credits of either kind."]
    if wrong:
        raise InvalidError.of_fields(wrong)
    return await repository.put_package(session, order)


async def remove(session: AsyncSession, slug: str) -> None:
    """Take a package off sale for good. Raises NotFoundError."""
    if not await repository.remove_package(session, slug):
        raise NotFoundError(f"There is no package {slug}.")
