"""Documents that must say what the code says."""

from __future__ import annotations

import re

from source_tree import PACKAGE, REPOSITORY, modules

from ghanti.settings import Settings


def test_settings_are_documented_with_their_defaults() -> None:
    page = (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(GHANTI_\w+)` \| (?:`([^`]*)`)? ?\|", page, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a setting is listed twice"
    defaults = {
        f"GHANTI_{name.upper()}": "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert dict(rows) == defaults


def test_every_setting_is_used() -> None:
    code = "".join(m.path.read_text(encoding="utf-8") for m in modules() if m.name != "ghanti.settings")
    properties = (PACKAGE / "settings.py").read_text(encoding="utf-8").partition("@property")[2]
    read = set(re.findall(r"settings(?:_for\(data\)|\(\))?\.(\w+)", code))
    read |= set(re.findall(r"self\.(\w+)", properties))
    unused = set(Settings.model_fields) - read
    assert not unused


def test_the_map_of_folders_is_complete() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z]+)/` \|", page, re.MULTILINE))
    assert named == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
