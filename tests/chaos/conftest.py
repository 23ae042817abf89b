from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from chaos_campaign import ChaosCampaign

from serving import Served, shared_server


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The shared server. What its processes said goes into the report of a test that fails."""
    failed_before = request.session.testsfailed
    server = shared_server(request.config)
    yield server
    if request.session.testsfailed > failed_before:
        request.node.add_report_section("teardown", "server logs", server.said())


@pytest.fixture
def new_campaign(served: Served) -> Iterator[Callable[..., ChaosCampaign]]:
    """``new_campaign(...)`` makes a campaign with what its class takes after the server."""
    with ExitStack() as made:
        yield lambda *arguments, **options: made.enter_context(
            closing(ChaosCampaign(served, *arguments, **options))
        )


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if item.path.parent.name == "chaos":
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.timeout(240))
