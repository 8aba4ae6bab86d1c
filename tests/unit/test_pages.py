"""Every page that a person reads: its links lead somewhere."""

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
