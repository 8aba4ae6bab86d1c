"""``python -m tests.mutation``: mutate the deciding code, run its unit tests on every mutant, and write down what survived.

Mutmut works on a copy of the tree, so nothing here is touched but ``docs/exactness-mutation.md``. It leaves decorated functions
alone; therefore the copy writes each property ``name`` as a plain method ``_name_`` with ``name = property(_name_)`` below it,
and what properties decide is mutated like everything else.

Exit status 1: fewer than 90 % of the mutants were killed, one survived that ``justified.toml`` does not explain, or one that it explains did
not survive. 2: not every mutant was tried to its end, so that nothing can be said, and nothing is written down.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
MUTMUT = ROOT / ".tools" / "mutation" / "bin" / "mutmut"
JUSTIFIED = Path(__file__).with_name("justified.toml")
REPORT = ROOT / "docs" / "exactness-mutation.md"

MUTATED = (
    "timus/signatures.py",
    "timus/peek.py",
    "autotask/answers.py",
    *(
        f"domain/{name}.py"
        for name in (
            "approval",
            "converge/decided",
            "converge/draft",
            "converge/gaps",
            "converge/holds",
            "converge/next_step",
            "converge/pricing",
            "converge/rounds",
            "converge/settling",
            "converge/sides",
            "converge/undo",
            "converge/view",
            "customer",
            "dating",
            "days",
            "desired",
            "gap",
            "history",
            "line",
            "mapping",
            "placement",
            "adjustments",
            "plan_change",
            "policy",
            "price",
            "terms",
            "timeline",
            "undone",
        )
    ),
)
"""The deciding code: verify, classify answers, merge, desired, plan, settle, converge, terms, dates."""

TESTS = ("tests/unit/domain", "tests/unit/autotask/test_answers.py", "tests/unit/timus/test_signatures.py")
"""Unit tests of exactly this code; nothing above it may be needed to notice a fault in it."""

COPIED = tuple(Path("tests", name) for name in ("unit", "fakes", "samples", "mutation"))
"""What those tests are and import."""

NOT_HERE = "not starts_without_pydantic"
"""Starts an interpreter of its own, which would not know which mutant it is about."""

EXAMPLES = "not hypothesis"
"""Only tests with examples of their own: what the fiftieth made-up example of a property would notice is better held to one. Of 158 mutants
that the examples had left, the properties noticed 6, in more time than all the rest took."""

ENOUGH = 0.9

_PROPERTY = re.compile(
    r"^    @property\n    def (?P<name>\w+)\((?P<rest>.*?)(?=^    \S|^\S|\Z)", re.DOTALL | re.MULTILINE
)

# What mutmut notes of a mutant. Any other number, or none, says that its run was cut off.
_SURVIVED = 0
_KILLED = frozenset({1, 3})
_TIMEOUT = frozenset({36, 24, 152, 255, -24})
_NOT_REACHED = frozenset({5, 33})


class Survivor(NamedTuple):
    """A mutant that no test noticed, named so that the name outlives other changes of the code."""

    where: str
    """Module and function, ``domain.days.local_midnight``."""
    becomes: str
    """The changed lines as they are in the mutant, without their indentation."""


@dataclass
class Figures:
    """How the mutants of a module ended."""

    killed: int = 0
    timeout: int = 0
    survivors: list[Survivor] = field(default_factory=list)
    """Including those that no test reaches."""
    not_reached: int = 0
    """How many of the survivors no test reaches at all."""
    untried: list[str] = field(default_factory=list)
    """Mutmut's names of those whose run did not begin or was cut off."""

    @property
    def all(self) -> int:
        """How many were tried."""
        return self.killed + self.timeout + len(self.survivors)


def main(arguments: list[str] | None = None) -> int:
    """Run, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time (default %(default)s)")
    parser.add_argument(
        "--keep", type=Path, help="work in this folder, keep it, and try only what is new or survived"
    )
    parser.add_argument(
        "--only", nargs="*", default=[], help="mutants by name (with *); no report is written"
    )
    chosen = parser.parse_args(arguments)
    if not MUTMUT.exists():
        print("mutmut is not installed yet: run `make mutation`", file=sys.stderr)
        return 2
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="timus-autotask-mutation-"))
    try:
        _copy(folder)
        _forget(folder)
        run = ("run", "--max-children", str(chosen.jobs), *chosen.only)
        _mutmut(folder, *run)
        figures = {path: _figures(folder, path) for path in MUTATED}
        untried = [name for one in figures.values() for name in one.untried]
        if untried and not chosen.only:
            print(f"{len(untried)} mutants were not tried, {untried[0]} the first of them", file=sys.stderr)
            return 2
        justified = _justified()
        if chosen.only:
            survivors = {survivor for one in figures.values() for survivor in one.survivors}
            justified = {one: why for one, why in justified.items() if one in survivors}
        status, text = report(figures, justified)
        print(text)
        if not chosen.only:
            REPORT.write_text(text)
        return status
    finally:
        if chosen.keep is None:
            shutil.rmtree(folder)


def _copy(folder: Path) -> None:
    """The package, its unit tests and what they import, laid out as mutmut expects it."""
    package = folder / "src" / "timus_autotask"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "layers" / "core" / "timus_autotask", package, ignore=ignore, dirs_exist_ok=True)
    for copied in COPIED:
        shutil.rmtree(folder / copied, ignore_errors=True)
        shutil.copytree(ROOT / copied, folder / copied, ignore=ignore)
    for path in MUTATED:
        source_text = (package / path).read_text()
        (package / path).write_text(_PROPERTY.sub(_plainly, source_text))
    pytest = {
        "addopts": ["--import-mode=importlib"],
        "pythonpath": [".", "src"],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in pytest.items()]
    markers = json.dumps(["loopback", "emulator"])
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\n"
        + "\n".join(lines)
        + f"\nmarkers = {markers}\n\n[tool.mutmut]\n"
        + f"source_paths = {json.dumps(['src/timus_autotask'])}\n"
        + f"only_mutate = {json.dumps([f'src/timus_autotask/{path}' for path in MUTATED])}\n"
        + f"pytest_add_cli_args_test_selection = {json.dumps(TESTS)}\n"
        + f"pytest_add_cli_args = {json.dumps(['-k', NOT_HERE, '-m', EXAMPLES])}\n"
        + "use_git_change_detection = false\n"
        + 'on_dependency_change = "ignore"\n'
        + "timeout_constant = 10.0\ntimeout_multiplier = 3.0\n"
    )


def _plainly(found: re.Match[str]) -> str:
    name = found["name"]
    return f"    def _{name}_({found['rest'].rstrip()}\n\n    {name} = property(_{name}_)\n\n"


def _forget(folder: Path) -> None:
    """Let an earlier run's survivors be tried again; what was killed stays so until its function changes.

    Which test reaches which function is found out again: mutmut looks at new tests only, so that a function which is new, or has
    a new name, would be reached by none of the old ones.
    """
    (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    for meta in folder.glob("mutants/**/*.meta"):
        results = json.loads(meta.read_text())
        codes = results["exit_code_by_key"]
        results["exit_code_by_key"] = {
            name: code if code in _KILLED else None for name, code in codes.items()
        }
        meta.write_text(json.dumps(results))


def _mutmut(folder: Path, *arguments: str, quiet: bool = False) -> str:
    environment = {**os.environ, "PATH": f"{MUTMUT.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [str(MUTMUT), *arguments],
        cwd=folder,
        env=environment,
        check=True,
        text=True,
        stdout=subprocess.PIPE if quiet else None,
    )
    return done.stdout or ""


def _figures(folder: Path, path: str) -> Figures:
    results = json.loads((folder / "mutants" / "src" / "timus_autotask" / f"{path}.meta").read_text())
    figures = Figures()
    for name, code in results["exit_code_by_key"].items():
        if code in _KILLED:
            figures.killed += 1
        elif code in _TIMEOUT:
            figures.timeout += 1
        elif code == _SURVIVED or code in _NOT_REACHED:
            figures.survivors.append(_survivor(name, _mutmut(folder, "show", name, quiet=True)))
            figures.not_reached += code in _NOT_REACHED
        else:
            figures.untried.append(name)
    return figures


def _survivor(name: str, diff: str) -> Survivor:
    module, _, mangled = name.removeprefix("timus_autotask.").rpartition(".")
    function = mangled.partition("__mutmut_")[0]
    # x_name, or xǁClassǁname; a property is written _name_ in the copy.
    parts = function.removeprefix("x").strip("_" if function.startswith("x_") else "ǁ").split("ǁ")
    lines = [line[1:].strip() for line in diff.splitlines() if re.match(r"\+(?!\+\+)", line)]
    return Survivor(".".join([module, *(part.strip("_") for part in parts)]), " ".join(lines))


def _justified() -> dict[Survivor, str]:
    """Why a mutant may survive."""
    entries = tomllib.loads(JUSTIFIED.read_text())["survivor"]
    return {
        Survivor(entry["where"], becomes): entry["why"] for entry in entries for becomes in entry["becomes"]
    }


def report(figures: Mapping[str, Figures], justified: Mapping[Survivor, str]) -> tuple[int, str]:
    """The exit status, and the report."""
    total = sum(one.all for one in figures.values())
    killed = sum(one.killed for one in figures.values())
    timeout = sum(one.timeout for one in figures.values())
    not_reached = sum(one.not_reached for one in figures.values())
    survivors = [survivor for one in figures.values() for survivor in one.survivors]
    unexplained = [survivor for survivor in survivors if survivor not in justified]
    needless = [survivor for survivor in justified if survivor not in survivors]
    rows = [
        f"| `{path}` | {one.all} | {one.killed} | {one.timeout} | {len(one.survivors)} "
        f"| {one.not_reached} | {one.killed / one.all:.1%} |"
        for path, one in figures.items()
        if one.all
    ]
    text = [
        "# Mutation testing of the deciding code",
        "",
        "<!-- Written by `make mutation`; do not edit. -->",
        "",
        "Every mutant has one small fault: a comparison turned, a number changed by one, an argument or a value left out.",
        "The unit tests of the deciding code must notice it, by examples alone: properties, which make up theirs, are left out. Mutmut finds",
        "out which tests reach a mutant.",
        "",
        "| module | mutants | killed | timed out | survived | of these not reached by any test | killed of all |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *rows,
        (
            f"| **all** | **{total}** | **{killed}** | **{timeout}** | **{len(survivors)}** | **{not_reached}** "
            f"| **{killed / total:.1%}** |"
        ),
        "",
        "A timeout is a mutant that does not end. It is noticed, but not counted as killed. Mutmut does not mutate constants at module",
        "level and regular expressions; their values have tests of their own.",
        "",
        f"## Survivors: {len(survivors) - len(unexplained)} explained, {len(unexplained)} not",
        "",
        *(f"* `{s.where}`: `{s.becomes}` – **explained, but did not survive**" for s in needless),
        *(f"* `{s.where}`: `{s.becomes}` – **not explained**" for s in unexplained),
        *(f"* `{s.where}`: `{s.becomes}` – {justified[s]}" for s in survivors if s in justified),
        "",
    ]
    return (0 if killed >= ENOUGH * total and not unexplained and not needless else 1), "\n".join(text)


if __name__ == "__main__":
    sys.exit(main())
