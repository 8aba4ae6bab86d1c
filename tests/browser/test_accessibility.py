"""Everybody can use the console: by day and by night, at a desk, on a phone, and at 200 %."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import COLOURS, TAGS, too_wide, violations
from tests.browser.everything import pages
from tests.browser.visitor import DESK, PHONE, Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ENLARGED = (DESK[0] // 2, DESK[1] // 2)
"""A desk's window at 200 %."""
TABLET, SMALL_DESK = (900, 1100), (1130, 800)
VIEWS: tuple[tuple[tuple[int, int], str, Sequence[str]], ...] = (
    (DESK, "light", TAGS),
    (DESK, "dark", COLOURS),
    (PHONE, "dark", TAGS),
    (PHONE, "light", COLOURS),
    (ENLARGED, "light", ()),
    (TABLET, "light", ()),
    (SMALL_DESK, "light", ()),
)
"""Width and scheme, and by which rules each page is looked at there. Only contrast depends on the scheme."""


def test_everybody_can_use_every_page(visitor: Visitor) -> None:
    """Axe-core finds nothing, by day and by night, at a desk and on a phone; and no page scrolls sideways, also at 200 %, on a tablet and a small desk."""
    found: dict[str, list[str]] = {}
    for address in pages(visitor):
        for size, scheme, rules in VIEWS:
            visitor.look(size, scheme)
            wrong = [*violations(visitor.page, rules), *too_wide(visitor.page)]
            found[f"{address}, {size[0]} pixels, {scheme}"] = wrong
    assert len(found) > 15 * len(VIEWS)
    assert {view: wrong for view, wrong in found.items() if wrong} == {}


def test_what_nobody_could_use_is_found(chromium: Browser) -> None:
    """The tests above see what they are to see: grey on grey, a field without a name, and a page that is too wide."""
    with chromium.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}) as window:
        page = window.new_page()
        page.set_content(
            "<main><h1 style='color:#ccc;background:#bbb'>Grey</h1><input><p style='width:50rem'>wide</p></main>"
        )
        found = " ".join(violations(page))
        assert "color-contrast" in found
        assert "label" in found
        assert too_wide(page) != []
