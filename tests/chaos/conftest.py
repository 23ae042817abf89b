from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from chaos_campaign import ChaosCampaign

from serving import Served, served

__all__ = ["new_campaign", "served"]


@pytest.fixture
def new_campaign(served: Served) -> Iterator[Callable[..., ChaosCampaign]]:
    """``new_campaign(...)`` makes a campaign with what its class takes after the server."""
    with ExitStack() as made:
        yield lambda *arguments, **options: made.enter_context(
            closing(ChaosCampaign(served, *arguments, **options))
        )
