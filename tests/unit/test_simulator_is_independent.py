"""The simulator and the product share no code, so that no misunderstanding can hide on both sides at once."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIMULATOR = ROOT / "local" / "autotask"
PRODUCT = ROOT / "layers" / "core" / "timus_autotask"


def imported_modules(source: str, package: str) -> Iterator[str]:
    """Full names of everything that a module imports, relative imports resolved against its package."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            stem = ".".join(part for part in (base, node.module) if part)
            yield stem
            yield from (f"{stem}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__", "run_module"):
                yield str(node.args[0].value)


def forbidden(folder: Path, package: str, prefix: str) -> list[str]:
    """The imports beneath a folder that lie within ``prefix``."""
    found: list[str] = []
    for path in sorted(folder.rglob("*.py")):
        inner = ".".join([package, *path.relative_to(folder).parent.parts])
        found += [
            f"{path.relative_to(ROOT)} imports {name}"
            for name in imported_modules(path.read_text(encoding="utf-8"), inner)
            if name == prefix or name.startswith(prefix + ".")
        ]
    return found


def test_simulator_imports_nothing_of_the_product() -> None:
    """No module of the simulator imports the product."""
    assert list(SIMULATOR.rglob("*.py"))
    assert forbidden(SIMULATOR, "local.autotask", "timus_autotask") == []


def test_product_imports_nothing_of_the_simulator() -> None:
    """No module of the product imports the simulator, nor anything else that is local only."""
    assert forbidden(PRODUCT, "timus_autotask", "local") == []


def test_what_stands_in_for_timus_imports_nothing_of_the_product() -> None:
    """The bodies of webhooks are written from the description of the schema, not by the code that reads them."""
    source = (ROOT / "local" / "timus.py").read_text(encoding="utf-8")
    assert not any(name.startswith("timus_autotask") for name in imported_modules(source, "local"))


def test_simulator_needs_the_standard_library_only() -> None:
    """Every import of the simulator is its own or of the standard library."""
    known = {*sys.stdlib_module_names, "local"}
    foreign = {
        f"{path.name}: {name}"
        for path in SIMULATOR.rglob("*.py")
        for name in imported_modules(path.read_text(encoding="utf-8"), "local.autotask")
        if name.partition(".")[0] not in known
    }
    assert foreign == set()


@pytest.mark.parametrize(
    "source",
    [
        "import timus_autotask",
        "from timus_autotask.domain import x",
        "import importlib\nimportlib.import_module('timus_autotask.store.records')",
        "def late():\n    from timus_autotask import y",
    ],
)
def test_the_check_sees_every_way_to_import(source: str) -> None:
    """The check finds plain, nested and dynamic imports."""
    assert any(
        name.partition(".")[0] == "timus_autotask" for name in imported_modules(source, "local.autotask")
    )


def test_the_check_resolves_relative_imports() -> None:
    """A relative import counts as the module that it means."""
    assert "local.autotask.rules" in set(imported_modules("from . import rules", "local.autotask"))
    assert "local.sign" in set(imported_modules("from ..sign import x", "local.autotask"))
