"""Rules of the house that a reader would have to check by hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from source_tree import REPOSITORY, Module, modules, repository_files

_ALL = modules()
_WRITTEN = [module for module in _ALL if ".versions." not in module.name]
"""Without migrations: history, never edited, as long as the schema is."""

_LONGEST_MODULE = 400
_LONGEST_MEAN = 200
_SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")

# Spelled in pieces, so that this file does not find itself.
_ONE_MACHINE = re.compile(
    "|".join((r"/home/" + r"\w", r"/Users/" + r"\w", r"(?<![\w./-])/work/" + r"\w", r"/root/" + r"\w"))
)
_REGISTRY = re.compile(
    "|".join(
        (
            "files." + r"pythonhosted\.org",
            "pypi" + r"\.org/simple",
            "registry." + r"npmjs\.org",
            r"index-" + "url",
        )
    ),
)

_MAY_NAME_AN_INDEX_OPTION = {"Makefile", "scripts/seed", "scripts/sync", "scripts/peers"}
"""They say that no index is to be written down."""


def _calls(module: Module) -> list[ast.Call]:
    return [node for node in ast.walk(module.tree()) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("module", _WRITTEN, ids=lambda module: module.name)
def test_modules_are_short(module: Module) -> None:
    assert len(module.path.read_text(encoding="utf-8").splitlines()) <= _LONGEST_MODULE


def test_modules_are_short_on_average() -> None:
    lengths = [len(module.path.read_text(encoding="utf-8").splitlines()) for module in _WRITTEN]
    assert sum(lengths) / len(lengths) < _LONGEST_MEAN


def test_no_sql_in_services_and_wire_layers() -> None:
    """A noun's SQL is in its repository, its rules in its service."""
    found = [
        f"{module.name}:{call.lineno}"
        for module in _ALL
        if module.name.endswith(".service")
        or (module.part == "api" and not module.name.endswith(".repository"))
        for call in _calls(module)
        if isinstance(call.func, ast.Name)
        and call.func.id == "text"
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and _SQL.match(str(call.args[0].value))
    ]
    assert not found


def test_moments_have_a_zone() -> None:
    """Time is UTC inside: ``now()`` and ``fromtimestamp()`` are told a zone, the naive ones stay away."""
    naive = []
    for module in _ALL:
        if module.part == "simulator":
            continue  # SMPP's receipts are written in local time without a zone (SMPP 3.4, appendix B)
        for call in _calls(module):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            known = len(call.args) + len(call.keywords)
            if (
                name in ("utcnow", "utcfromtimestamp")
                or (name == "now" and not known and "datetime" in ast.unparse(call.func))
                or (name == "fromtimestamp" and known < 2)
            ):
                naive.append(f"{module.name}:{call.lineno}")
    assert not naive


@pytest.mark.parametrize("module", _ALL, ids=lambda module: module.name)
def test_modules_say_what_they_are(module: Module) -> None:
    tree = module.tree()
    if tree.body:
        assert ast.get_docstring(tree), f"{module.name} has no docstring"


def test_no_file_names_a_path_of_one_machine() -> None:
    assert not _mentions(_ONE_MACHINE, allowed=set())


def test_no_file_names_a_package_registry() -> None:
    assert not _mentions(_REGISTRY, allowed=_MAY_NAME_AN_INDEX_OPTION)


def _mentions(pattern: re.Pattern[str], allowed: set[str]) -> list[str]:
    found = []
    for path in repository_files():
        name = path.relative_to(REPOSITORY).as_posix()
        if name in allowed or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    return found
