from __future__ import annotations

from collections.abc import Iterator

import pytest

from serving import Served, shared_server


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The shared server. What its processes said goes into the report of a test that fails."""
    failed_before = request.session.testsfailed
    server = shared_server(request.config)
    yield server
    if request.session.testsfailed > failed_before:
        request.node.add_report_section("teardown", "server logs", server.said())
