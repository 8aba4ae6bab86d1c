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
TABLET = (900, 1100)


@pytest.mark.parametrize(
    ("size", "scheme", "rules"),
    [(DESK, "light", TAGS), (PHONE, "dark", TAGS), (DESK, "dark", COLOURS), (PHONE, "light", COLOURS)],
    ids=["desk, light", "phone, dark", "desk, dark", "phone, light"],
)
def test_axe_finds_nothing_on_any_page(
    visitor: Visitor, size: tuple[int, int], scheme: str, rules: Sequence[str]
) -> None:
    """Names, roles, landmarks, order of headings, contrast; all of it at both widths, and contrast in each scheme at each."""
    visitor.look(size, scheme)
    found = {address: violations(visitor.page, rules) for address in pages(visitor)}
    assert len(found) > 15
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("size", [PHONE, ENLARGED, TABLET, DESK], ids=["phone", "200 %", "tablet", "desk"])
def test_no_page_scrolls_sideways(visitor: Visitor, size: tuple[int, int]) -> None:
    """Everything is within the width; a wide chart scrolls by itself."""
    visitor.look(size, "light")
    found = {address: too_wide(visitor.page) for address in pages(visitor)}
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


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
