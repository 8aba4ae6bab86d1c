"""A sentence of the pages can be read in one breath: none is longer than 45 words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LONGEST = 45
"""Words. A cell of a table, an item of a list and a heading end a sentence, too; a colon and a semicolon do not."""
WRITTEN = re.compile(
    r"<!-- ([\w-]+): written by .*?<!-- /\1 -->|<!-- Written by [^>]*do not edit\. -->.*", re.DOTALL
)
"""What a command writes: a part of a page, or the rest of it."""
CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"(?<=\])\([^)\s]*\)")
ITEM = re.compile(r"(?:[*-]|\d+\.) ")
CELL = re.compile(r"(?<!\\)\|")
END = re.compile(r"""(?<=[.!?])[*)"'`]*\s+""")


def blocks(text: str) -> Iterator[str]:
    """Each paragraph, heading, item of a list and cell of a table, in one line."""
    block: list[str] = []
    for line in map(str.strip, [*ADDRESS.sub("", CODE.sub("\n", WRITTEN.sub("\n", text))).splitlines(), ""]):
        if not line or line.startswith(("|", "#")) or ITEM.match(line):
            yield " ".join(block)
            block = []
        if line.startswith("|"):
            yield from CELL.split(line)
        elif line.startswith("#"):
            yield line
        elif line:
            block.append(line)


def too_long(text: str) -> list[str]:
    """The sentences of a page that have more than 45 words, each with their number."""
    counted = (
        (len(re.findall(r"\S*\w\S*", sentence)), sentence)
        for block in blocks(text)
        for sentence in END.split(block)
    )
    return [f"{words} words: {sentence}" for words, sentence in counted if words > LONGEST]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_sentence_is_longer_than_a_breath(page: Path) -> None:
    """What has more to say is several sentences, a list or a table."""
    assert too_long(page.read_text(encoding="utf-8")) == []


WORDS = "word " * LONGEST


@pytest.mark.parametrize(
    "text",
    [
        f"Short. {WORDS}\nmore.",
        f"* item\n* {WORDS}\n  more",
        f"| a cell | {WORDS} more |",
        f"<!-- part: written by `make it` -->\n{WORDS} more\n<!-- /part -->\n\n{WORDS} more",
    ],
    ids=("paragraph", "item", "cell", "after what is written"),
)
def test_a_sentence_that_is_too_long_is_seen(text: str) -> None:
    """Wherever it stands."""
    [found] = too_long(text)
    assert found.startswith("46 words: ")


@pytest.mark.parametrize(
    "text",
    [
        f"{WORDS}.\nMore.",
        f"* {WORDS}\n* more",
        f"| {WORDS} | more |",
        f"```\n{WORDS} more\n```",
        f"[{WORDS}](more.md) – –",
        f"<!-- part: written by `make it` -->\n{WORDS} more\n<!-- /part -->",
        f"<!-- Written by `make it`; do not edit. -->\n\n{WORDS} more",
    ],
    ids=("two sentences", "two items", "two cells", "code", "address and dashes", "part", "page"),
)
def test_what_may_stand_is_not_reported(text: str) -> None:
    """Neither a sentence that ends in time, nor what is no prose of ours."""
    assert too_long(text) == []
