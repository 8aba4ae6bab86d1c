"""Every page that a person reads: its links lead somewhere, and the files that it names are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "events/*.md", "local/**/*.md", "tests/**/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


@cache
def anchors(page: Path) -> frozenset[str]:
    """Those of every heading of a page."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return frozenset(anchor(one) for one in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def dead_links(page: Path) -> Iterator[str]:
    """Links within the project that lead nowhere. Links to other hosts are not followed."""
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (fragment and fragment not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """Each file is there, and each heading."""
    assert [*dead_links(page)] == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    """A missing file, a missing heading, and one that is only in an example."""
    (tmp_path / "other.md").write_text("# Known: it\n\n```\n# no heading\n```\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](gone.md) [b](other.md#known-it) [c](other.md#no-heading) [d](#here) [e](https://x.example/y)\n\n## Here\n",
        encoding="utf-8",
    )
    assert [*dead_links(page)] == ["gone.md", "other.md#no-heading"]


# -- Files that are named

PACKAGE = ROOT / "layers" / "core" / "timus_autotask"
AS_IT_WAS = ("CHANGELOG.md", "docs/exactness-mutation.md")
"""What was there at the time, and what is written by a run of hours."""
FILE = re.compile(r"\w[\w/.-]*\.(py|yaml|json|md|html)")
FOLDER = re.compile(r"(\w[\w/.<>-]*)/[\w.<>*-]*")
MODULE = re.compile(r"\b(?:timus_autotask|tests|local)(?:\.\w+)+")


def gone(page: Path) -> Iterator[str]:
    """Files and modules that a page names and that are not there. A bare name may be in any folder that the page names too."""
    text = page.read_text(encoding="utf-8")
    bases = (PACKAGE, ROOT, page.parent)
    quoted = {*re.findall(r"`([^`\n]+)`", FENCE.sub("", text))}
    folders = {re.sub("<[^>]*>", "*", found[1]) for found in map(FOLDER.fullmatch, quoted) if found}
    for name in sorted(one for one in quoted if FILE.fullmatch(one)):
        there = any((base / name).exists() for base in bases)
        near = "/" not in name and any(
            [*base.glob(f"{folder}/{name}")] for folder in folders for base in bases
        )
        if not there and not near:
            yield name
    for name in sorted({*MODULE.findall(text)}):
        path = name.replace(".", "/")
        if not any((base / one).exists() for base in (PACKAGE.parent, ROOT) for one in (path, f"{path}.py")):
            yield name


@pytest.mark.parametrize(
    "page",
    [one for one in PAGES if one.relative_to(ROOT).as_posix() not in AS_IT_WAS],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_no_file_is_named_that_is_not_there(page: Path) -> None:
    """What was moved or taken out is moved or taken out on every page too."""
    assert [*gone(page)] == []


def test_a_file_that_is_gone_is_seen(tmp_path: Path) -> None:
    """By its path, by its bare name beside a folder where it is not, and as a module that is run."""
    page = tmp_path / "page.md"
    page.write_text(
        "`sync/sweep.py` `sync/gone.py`, in `autotask/` `answers.py` `sweep.yaml`, `web/templates/<page>.html` on `base.html`\n\n"
        "```\npython -m tests.gone\npython -m tests.simulation --seed 1\n```\n",
        encoding="utf-8",
    )
    assert [*gone(page)] == ["sweep.yaml", "sync/gone.py", "tests.gone"]


# -- Decisions


def test_each_decision_has_a_number_and_a_row() -> None:
    """In the list of decisions, in order, each under its own title; no number is given twice."""
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    rows = re.findall(
        r"^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert [name for _, name, _ in rows] == records
    assert [number for number, _, _ in rows] == [name[:4] for name in records]
    assert len({name[:4] for name in records}) == len(records)
    titles = [(folder / name).read_text("utf-8").partition("\n")[0].removeprefix("# ") for name in records]
    assert [title for _, _, title in rows] == titles
