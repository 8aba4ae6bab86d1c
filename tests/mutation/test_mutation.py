"""What is told of a mutation run is right: names, verdicts, and that properties are mutated too."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutation.__main__ import (
    _PROPERTY,
    COPIED,
    MUTATED,
    ROOT,
    TESTS,
    Figures,
    Survivor,
    _figures,
    _forget,
    _justified,
    _plainly,
    _survivor,
    report,
)

PACKAGE = ROOT / "layers" / "core" / "timus_autotask"
DIFF = """--- domain/days.py
+++ domain/days.py
@@ -1,2 +1,2 @@
-    if a < b:
+    if a <= b:
"""


def test_properties_are_written_as_methods() -> None:
    """The class says the same, but no function of it is decorated."""
    source = (
        "class Seats:\n"
        "    @property\n"
        "    def free(self) -> int:\n"
        '        """How many."""\n'
        "        return 7\n"
        "\n"
        "    def used(self) -> int:\n"
        "        return 1\n"
    )
    plain = _PROPERTY.sub(_plainly, source)
    assert "@property" not in plain
    found: dict[str, type] = {}
    exec(plain, found)  # noqa: S102 - our own source from above
    seats = found["Seats"]()
    assert (seats.free, seats._free_(), seats.used()) == (7, 7, 1)


def _imports(source: Path) -> Iterator[str]:
    """Every module of the tests that a file imports."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            yield str(node.module)


def _needed(files: list[Path]) -> set[Path]:
    """The files and all that they import of the tests, directly or not."""
    needed: set[Path] = set()
    files = list(files)
    while files:
        file = files.pop()
        if file not in needed:
            needed.add(file)
            files += [ROOT / f"{module.replace('.', '/')}.py" for module in _imports(file)]
    return needed


def test_the_unit_tests_of_the_deciding_code_need_nothing_that_is_not_copied() -> None:
    """Else no mutant can be tried at all. A test that needs a whole world is no unit test of the domain."""
    tests = [ROOT / test for test in TESTS if test.endswith(".py")]
    tests += [file for test in TESTS for file in (ROOT / test).rglob("*.py")]
    elsewhere = [
        str(file.relative_to(ROOT))
        for file in _needed(tests)
        if not any(file.is_relative_to(ROOT / path) for path in COPIED)
    ]
    assert len(tests) > len(TESTS)
    assert elsewhere == []
    finds_others = [str(file) for file in tests if "__file__" in file.read_text(encoding="utf-8")]
    assert finds_others == []  # by their place in the tree, of which the copy has a part only


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("timus_autotask.domain.days.x_local_midnight__mutmut_9", "domain.days.local_midnight"),
        ("timus_autotask.domain.days.x__period_start__mutmut_9", "domain.days.period_start"),
        ("timus_autotask.domain.line.xǁLineǁ_key___mutmut_1", "domain.line.Line.key"),
        ("timus_autotask.domain.policy.xǁGridǁdated__mutmut_3", "domain.policy.Grid.dated"),
    ],
)
def test_a_survivor_is_named_by_its_place_and_its_change(name: str, where: str) -> None:
    """Mutmut's own numbers move with every line that is added above."""
    assert _survivor(name, DIFF) == Survivor(where, "if a <= b:")


@pytest.mark.parametrize(
    ("killed", "justified", "status"), [(95, True, 0), (95, False, 1), (89, True, 1), (90, True, 0)]
)
def test_the_verdict_counts_every_mutant(killed: int, justified: bool, status: int) -> None:
    """Nine tenths of all have to be killed, time-outs are not kills, and each survivor needs its reason."""
    one = Survivor("domain.days.local_midnight", "if a <= b:")
    figures = {"domain/days.py": Figures(killed, 99 - killed, [one], not_reached=1)}
    found, text = report(figures, {one: "the same"} if justified else {})
    assert found == status
    assert ("not explained" in text) is not justified
    assert (
        f"| **all** | **100** | **{killed}** | **{99 - killed}** | **1** | **1** | **{killed}.0%** |" in text
    )


def test_an_explanation_of_what_did_not_survive_is_a_fault() -> None:
    """The mutant is killed, or there is none of that kind any more: the entry of the file goes."""
    one, other = (Survivor("domain.days.local_midnight", becomes) for becomes in ("if a <= b:", "if a > b:"))
    figures = {"domain/days.py": Figures(99, 0, [one])}
    found, text = report(figures, {one: "the same", other: "the same"})
    assert found == 1
    assert "`if a > b:` – **explained, but did not survive**" in text


def test_every_explanation_is_of_a_function_that_is_mutated() -> None:
    """Modules and functions that were renamed or have gone leave their entries behind."""
    assert [path for path in MUTATED if not (PACKAGE / path).exists()] == []
    functions = {where for path in MUTATED for where in _functions(path)}
    assert sorted({survivor.where for survivor in _justified()} - functions) == []


def _functions(path: str) -> Iterator[str]:
    module = path.removesuffix(".py").replace("/", ".")
    for node in ast.parse((PACKAGE / path).read_text()).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for one in inner:
            if isinstance(one, ast.FunctionDef):
                owner = [node.name.strip("_")] if isinstance(node, ast.ClassDef) else []
                yield ".".join([module, *owner, one.name.strip("_")])


def noted(folder: Path, codes: dict[str, int | None]) -> Path:
    """What mutmut noted of the mutants of a module, in a folder that is kept."""
    meta = folder / "mutants" / "src" / "timus_autotask" / "domain" / "days.py.meta"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"exit_code_by_key": codes}))
    return meta


def test_a_run_that_was_cut_off_says_nothing_of_what_it_did_not_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither killed nor survived: interrupted (2), killed from outside (-9), never begun."""
    monkeypatch.setattr("tests.mutation.__main__._mutmut", lambda *_, **__: DIFF)
    codes: dict[str, int | None] = {"a": 1, "b": 0, "c": 33, "d": -24, "e": 2, "f": -9, "g": None}
    noted(tmp_path, codes)
    figures = _figures(tmp_path, "domain/days.py")
    assert (figures.killed, len(figures.survivors), figures.not_reached, figures.timeout) == (1, 2, 1, 1)
    assert figures.untried == ["e", "f", "g"]


def test_a_run_that_goes_on_tries_all_but_the_killed_and_looks_anew_what_the_tests_reach(
    tmp_path: Path,
) -> None:
    """A function with a new name is reached by tests that were there before."""
    meta = noted(tmp_path, {"a": 1, "b": 0, "c": 33, "d": None})
    stats = tmp_path / "mutants" / "mutmut-stats.json"
    stats.write_text("{}")
    _forget(tmp_path)
    assert json.loads(meta.read_text())["exit_code_by_key"] == {"a": 1, "b": None, "c": None, "d": None}
    assert not stats.exists()
