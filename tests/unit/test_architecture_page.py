"""docs/architecture.md says what the tree is: its modules, its imports and the keys of the table are compared with the code."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.test_simulator_is_independent import imported_modules
from timus_autotask.cli.command import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core" / "timus_autotask"
PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
ANY = "<>"
"""Stands for the part of a key that differs from record to record."""

Names = Mapping[str, ast.expr]


def section(title: str) -> str:
    """The text beneath a heading, up to the next one of its level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"{PAGE.name} has no section {title}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every row of a Markdown table whose first cell names code."""
    return [
        [cell.strip() for cell in line[1 : line.rindex("|")].split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]


def quoted(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def modules() -> dict[str, ast.Module]:
    """Every module of the package, by its path within it."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py")
    }


MODULES = modules()


# -- Modules


def test_every_module_has_a_row() -> None:
    """Whoever looks for the place of a rule finds each module, with one sentence on what it is for."""
    named = {name for row in rows(section("Where everything is")) for name in quoted(row[0])}
    missing = sorted(
        {*MODULES, *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("local/[a-z]*.py"))} - named
    )
    assert not missing, f"add a row for {', '.join(missing)} to a table of 'Where everything is' in {PAGE}"


def test_no_file_is_named_that_is_not_there() -> None:
    """A module that was moved or taken out is moved or taken out on the page too."""
    named = {name for name in quoted(TEXT) if re.fullmatch(r"[\w/.-]+\.(py|yaml|json|md)", name)}
    gone = sorted(
        name for name in named if not any((base / name).exists() for base in (PACKAGE, ROOT, PAGE.parent))
    )
    assert not gone, f"{PAGE} names {', '.join(gone)}: there is no such file (any more)"


def test_every_command_is_in_the_row_of_its_module() -> None:
    """Whoever looks for a command finds where it is read and printed."""
    named = {row[0].strip("`"): quoted(row[1]) for row in rows(section("Where everything is"))}
    missing = [
        command.name
        for command in COMMANDS
        if command.name not in named[f"cli/{command.run.partition('.')[0]}.py"]
    ]
    assert not missing, f"name {', '.join(missing)} in the row of its module in {PAGE}"


# -- Imports


def folder_of(module: str) -> str:
    """The first part of a module's path within the package: ``sync`` or ``settings.py``."""
    return module.partition("/")[0]


def imports() -> Iterator[tuple[str, str, str]]:
    """(module, its folder, the folder that it imports) for every import from another folder of the package."""
    for module in MODULES:
        source = (PACKAGE / module).read_text(encoding="utf-8")
        inner = ".".join(["timus_autotask", *module.split("/")[:-1]])
        for name in imported_modules(source, inner):
            parts = name.split(".")
            if parts[0] != "timus_autotask" or len(parts) < 2:
                continue
            folder = parts[1] if (PACKAGE / parts[1]).is_dir() else f"{parts[1]}.py"
            if (PACKAGE / folder).exists() and folder != folder_of(module):
                yield module, folder_of(module), folder


def rules() -> dict[str, set[str]]:
    """By folder: what the page lets it import."""
    return {
        quoted(first)[0].rstrip("/"): {name.rstrip("/") for name in quoted(second)}
        for first, second, *_ in rows(section("Who may import whom"))
    }


def test_each_folder_has_an_import_rule() -> None:
    """A new folder says what it stands on."""
    lacking = {folder_of(module) for module in MODULES} - set(rules())
    assert not lacking, f"add a row for {', '.join(sorted(lacking))} to 'Who may import whom' in {PAGE}"


def test_the_import_rules_are_kept() -> None:
    """Nothing imports a folder that its rule does not name."""
    broken = sorted(
        {
            f"{module} imports {folder}"
            for module, own, folder in imports()
            if folder not in rules().get(own, set())
        }
    )
    assert not broken, f"against 'Who may import whom' in {PAGE}: {'; '.join(broken)}"


def test_the_import_rules_allow_nothing_that_nobody_needs() -> None:
    """A rule that is wider than the code lets in what it was written against."""
    found = {(own, folder) for _, own, folder in imports()}
    unused = sorted(
        f"{own} need not import {folder}"
        for own, allowed in rules().items()
        for folder in allowed
        if (own, folder) not in found
    )
    assert not unused, f"take it out of 'Who may import whom' in {PAGE}: {'; '.join(unused)}"


LIBRARIES = {"aws_lambda_powertools": "Powertools"}
"""Libraries that the page calls otherwise than Python does."""


def foreign() -> Iterator[tuple[str, str]]:
    """(module, library) for every import from outside the package and the standard library. Types of boto3 count as boto3."""
    for module in MODULES:
        for name in imported_modules((PACKAGE / module).read_text(encoding="utf-8"), "timus_autotask"):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "timus_autotask":
                yield module, "boto3" if top.startswith("mypy_boto3") else LIBRARIES.get(top, top)


def libraries() -> dict[str, set[str]]:
    """By folder: the libraries that the page lets it import."""
    return {
        quoted(first)[0].rstrip("/"): set(third.split(", ")) - {""}
        for first, _, third in rows(section("Who may import whom"))
    }


def test_each_folder_uses_its_own_libraries_only() -> None:
    """The domain stands on the standard library alone; Autotask's HTTP client is met in one folder, and the command meets none of AWS."""
    allowed = libraries()
    broken = sorted(
        {
            f"{module} imports {library}"
            for module, library in foreign()
            if library not in allowed.get(folder_of(module), set())
        }
    )
    assert not broken, f"against 'Who may import whom' in {PAGE}: {'; '.join(broken)}"


def test_the_page_lends_no_library_that_nobody_uses() -> None:
    """The command builds its clients through ``bootstrap``, for example."""
    found = {(folder_of(module), library) for module, library in foreign()}
    unused = sorted(
        f"{folder} does without {library}"
        for folder, allowed in libraries().items()
        for library in allowed
        if (folder, library) not in found
    )
    assert not unused, f"take it out of 'Who may import whom' in {PAGE}: {'; '.join(unused)}"


# -- Keys


def assigned(trees: Mapping[str, ast.Module]) -> Names:
    """The strings that modules give a name, and what the functions return that make a part of a key."""
    found: dict[str, ast.expr] = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
            elif isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return):
                value = node.body[-1].value
                if isinstance(value, ast.JoinedStr | ast.Constant):
                    found[node.name] = value
    return found


def pattern(node: ast.expr, names: Names) -> str:
    """The string that an expression makes, with ``<>`` for what is not known before it runs."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(pattern(part, names) for part in parts)
        case ast.BinOp(left=left, right=right):
            return pattern(left, names) + pattern(right, names)
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)) if name in names:
            return pattern(names[name], names)
        case _:
            return ANY


def keys(trees: Mapping[str, ast.Module]) -> set[tuple[str, str]]:
    """(pk, sk) of every key that the code makes."""
    names = assigned(trees)
    return {
        (pattern(node.args[0], names), pattern(node.args[1], names))
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Key"
        and len(node.args) == 2
    } - {(ANY, ANY)}


def kinds(trees: Mapping[str, ast.Module]) -> set[str]:
    """Every kind under which the code lists a document."""
    return {
        each.value
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Put"
        for keyword in node.keywords
        if keyword.arg == "kind"
        for each in branches(keyword.value)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


def branches(node: ast.expr) -> list[ast.expr]:
    """The values that a conditional expression may have."""
    return [*branches(node.body), *branches(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def page_keys(table: Sequence[Sequence[str]]) -> set[tuple[str, str]]:
    """(pk, sk) of every row of the page's table; a cell may name several."""
    return {
        (re.sub("<[^>]*>", ANY, pk), re.sub("<[^>]*>", ANY, sk))
        for row in table
        for pk in quoted(row[0])
        for sk in quoted(row[1])
    }


def test_the_table_has_the_keys_that_the_code_makes() -> None:
    """Every key that is written stands on the page, and no other."""
    made, named = keys(MODULES), page_keys(rows(section("The table")))
    assert made, "no key was found in the code: this test has gone blind"
    missing = ", ".join(f"`{pk}` / `{sk}`" for pk, sk in sorted(made - named))
    gone = ", ".join(f"`{pk}` / `{sk}`" for pk, sk in sorted(named - made))
    assert not missing, f"add a row to the table of 'The table' in {PAGE} for {missing}"
    assert not gone, f"{PAGE} names keys that the code does not make (any more): {gone}"


def test_the_table_has_the_kinds_that_the_code_lists() -> None:
    """What ``Table.list`` can be asked for stands on the page."""
    named = {kind for row in rows(section("The table")) for kind in quoted(row[2])}
    assert kinds(MODULES) == named, f"the column 'kind' in {PAGE} differs from the code"


# -- The checks themselves


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('Key("PARTNER", "POLICY")', ("PARTNER", "POLICY")),
        ('Key(f"CUSTOMER#{one}", f"EVENT#{key}")', ("CUSTOMER#<>", "EVENT#<>")),
        ('P = "PARTNER"\nF = "FOUND#"\nKey(P, F + subject)', ("PARTNER", "FOUND#<>")),
        (
            'def pk(id):\n    """Doc."""\n    return f"CONTRACT#{id}"\nKey(pk(7), "CONTRACT")',
            ("CONTRACT#<>", "CONTRACT"),
        ),
        ('def late():\n    if x:\n        return Key("A", f"{a:020}#{b}")', ("A", "<>#<>")),
    ],
)
def test_the_check_sees_every_way_to_make_a_key(source: str, found: tuple[str, str]) -> None:
    """Constants, f-strings, sums, named strings and functions that make a part of a key."""
    assert keys({"m": ast.parse(source)}) == {found}


def test_the_check_knows_the_kinds_of_a_conditional() -> None:
    """A kind may depend on the record."""
    assert kinds({"m": ast.parse('Put(k, d, 0, kind="a" if r == "x" else "b", sort="c")')}) == {"a", "b"}
