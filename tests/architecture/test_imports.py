"""Imports run downwards only: the picture of the architecture (docs/architecture.md), drawn from the code."""

from __future__ import annotations

from functools import cache

import pytest
from source_tree import Module, modules

LAYERS = (
    ("cli", "commands", "demo", "serve", "prepare", "roles", "app", "sockets"),
    ("api", "dashboard"),
    ("campaigns", "surveys", "otp", "reports", "webhooks", "direct", "toingg", "transcripts"),
    ("dialing",),
    ("voice", "sms", "simulator"),
    ("contacts", "optouts", "trunks", "credits", "payments", "speech", "media"),
    ("idempotency",),
    ("accounts",),
    (
        "database",
        "settings",
        "carrier",
        "encryption",
        "folders",
        "confinement",
        "fetching",
        "networks",
        "tls",
        "supervisor",
        "turns",
    ),
)
"""From the top; a part may import from its own layer and from those below."""

CLIMBS = {
    ("ghanti.database.tables", "*"): "the metadata is whole only when every noun's models are imported",
    ("ghanti.accounts.service", "credits"): "an account is opened with its balances, in one transaction",
}
"""Arrows that climb, with the reason. Migrations reach the models through ``database.tables``."""

OWN_WORLD = {
    "voice": {"voice", "media"},
    "sms": {"sms"},
    "simulator": {"simulator"},
    "supervisor": {"supervisor"},
}
"""Parts that may import only these: channels know no plan, contact, account or database; the simulator
shares no SIP, RTP or SMPP code with them, or a mistake there would cancel itself out."""

_ALL = modules()
_DEPTH = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}


@cache
def _arrows(module: Module) -> set[str]:
    """The parts of ghanti that a module imports from."""
    return {name.split(".")[1] for name in module.imports() if name.startswith("ghanti.")}


def _argued(module: Module, part: str) -> bool:
    return (module.name, part) in CLIMBS or (module.name, "*") in CLIMBS


def test_every_part_has_a_layer() -> None:
    assert {module.part for module in _ALL} - {""} <= _DEPTH.keys()


@pytest.mark.parametrize("module", _ALL, ids=lambda module: module.name)
def test_no_arrow_climbs(module: Module) -> None:
    if not module.part:
        assert not _arrows(module)
        return
    depth = _DEPTH[module.part]
    climbing = {part for part in _arrows(module) if _DEPTH[part] < depth and not _argued(module, part)}
    assert not climbing, f"{module.name} imports from above"


def test_argued_exceptions_are_in_use() -> None:
    found = {module.name: _arrows(module) for module in _ALL}
    for name, part in CLIMBS:
        above = {other for other in found[name] if _DEPTH[other] < _DEPTH[name.split(".")[1]]}
        assert above if part == "*" else part in above, f"{name} no longer needs its exception"


@pytest.mark.parametrize("part", OWN_WORLD)
def test_channels_and_simulator_stay_among_themselves(part: str) -> None:
    inside = [module for module in _ALL if module.part == part]
    assert inside
    strangers = {
        (module.name, other) for module in inside for other in _arrows(module) if other not in OWN_WORLD[part]
    }
    assert not strangers


@pytest.mark.parametrize("part", OWN_WORLD)
def test_channels_know_no_database_driver(part: str) -> None:
    roots = {name.split(".")[0] for module in _ALL if module.part == part for name in module.imports()}
    assert not roots & {"sqlalchemy", "psycopg", "alembic"}
