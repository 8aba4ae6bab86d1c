"""Nobody reads "1 seats": where a number stands before its noun, the noun goes with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import timus_autotask

PACKAGE = Path(timus_autotask.__file__).parent
FOLDERS = ("watch", "operate", "handouts", "cli", "web")
"""Where what people read is made."""
NOUNS = [
    "calls",
    "changes",
    "clients",
    "contracts",
    "customers",
    "days",
    "entries",
    "events",
    "hours",
    "items",
    "lines",
    "minutes",
    "periods",
    "records",
    "requests",
    "rows",
    "SKUs",
    "seat-days",
    "seats",
    "subscriptions",
    "things",
    "units",
    "weeks",
    "years",
]
PLURAL = re.compile(rf" ?(more )?({'|'.join(NOUNS)})\b")
IN_TEMPLATE = re.compile(rf"\}}\}} (more )?({'|'.join(NOUNS)})\b")
IN_FORMAT = re.compile(rf"\{{\w*\}} (more )?({'|'.join(NOUNS)})\b")
NEVER_ONE = {
    "access.py": ("used.limit",),  # thousands
    "checks.py": ("entry.row",),  # a verb
    "client_month.py": ("of",),  # the days of a billing period
    "coverage.py": ("days", "farthest"),  # of a horizon
    "draft.py": ("MOST_CONTRACTS",),
    "enabling.py": ("allowance.limit", "allowance.window_minutes"),
    "findings.py": ("numbers",),  # several
    "health.py": ("HORIZONS[-1]",),
    "plausibility.py": ("len(billed)", "way"),  # most of several; "more units"
    "timus_export.py": ("version",),  # a verb
}
"""What is never 1, by file."""


def _of_one(tree: ast.AST) -> set[ast.AST]:
    """What is only reached where a number is not 1, or is more than 1: the other side says it in the singular, or there is none."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp) and "1" in {ast.unparse(one) for one in ast.walk(node.test)}:
            found |= {*ast.walk(node.orelse), *ast.walk(node.body)}
    return found


def plurals_in(source: str, never: tuple[str, ...] = ()) -> Iterator[str]:
    """Each number in a sentence of the source that has its noun in the plural whatever it is."""
    tree = ast.parse(source)
    fine = _of_one(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found.group() for found in IN_FORMAT.finditer(node.value))
        if not isinstance(node, ast.JoinedStr) or node in fine:
            continue
        for number, after in zip(node.values, node.values[1:], strict=False):
            follows = isinstance(after, ast.Constant) and PLURAL.match(str(after.value))
            if isinstance(number, ast.FormattedValue) and follows:
                said = ast.unparse(number.value)
                if said not in never and not said.startswith("counted("):
                    yield f"{said}{follows.group()}"


SOURCES = [path for folder in FOLDERS for path in sorted((PACKAGE / folder).rglob("*.py"))]
PAGES = [path for folder in FOLDERS for path in sorted((PACKAGE / folder).rglob("*.html"))]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_sentence_has_a_plural_that_may_be_one(folder: str) -> None:
    """``counted`` of ``watch/wording.py`` has both forms."""
    found = {
        path.name: [*plurals_in(path.read_text(), NEVER_ONE.get(path.name, ()))]
        for path in SOURCES
        if path.is_relative_to(PACKAGE / folder)
    }
    assert {name: these for name, these in found.items() if these} == {}


def test_no_page_has_a_plural_that_may_be_one() -> None:
    """The filter ``count`` has both forms."""
    found = {path.name: [one.group() for one in IN_TEMPLATE.finditer(path.read_text())] for path in PAGES}
    assert {name: these for name, these in found.items() if these} == {}


def test_such_a_plural_would_be_found() -> None:
    """In an f-string and in a sentence that is filled in later; not where the singular is said too."""
    assert [*plurals_in('f"{n} seats are"')] == ["n seats"]
    assert [*plurals_in('f"of {len(n)} more lines"')] == ["len(n) more lines"]
    assert [*plurals_in('said = "up to {} units"')] == ["{} units"]
    assert [*plurals_in('"1 seat" if n == 1 else f"{n} seats"')] == []
    assert [*plurals_in("f\"{counted(n, 'seat')} days\"")] == []
    assert IN_TEMPLATE.search("{{ n }} seats")
