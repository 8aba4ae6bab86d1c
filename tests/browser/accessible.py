"""Whether a page can be used by everybody: what axe-core finds, and whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
"""Up to WCAG 2.2 AA, contrast included. https://github.com/dequelabs/axe-core/blob/develop/doc/API.md#axe-core-tags"""

COLOURS = ("color-contrast",)
"""The one rule that depends on the scheme."""

TOO_WIDE = """() => {
  const seen = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= seen) return [];
  return [...document.body.querySelectorAll("*")]
    .filter(e => e.getBoundingClientRect().right > seen + 1 && !e.closest(".wide, details"))
    .map(e => `${e.tagName}.${e.className} to ${e.getBoundingClientRect().right}: ${e.innerText?.slice(0, 40)}`).slice(0, 5)
    .concat(["the page scrolls sideways"]);
}"""


@cache
def axe() -> str:
    """The source of axe-core."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, rules: Sequence[str] = TAGS) -> list[str]:
    """What axe-core finds wrong: the rule, and where. ``rules``: rules or tags; none finds nothing."""
    if not rules:
        return []
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(axe())
    found: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", list(rules)
    )
    return [
        f"{one['id']}: {node['html'][:120]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways."""
    return list(page.evaluate(TOO_WIDE))
