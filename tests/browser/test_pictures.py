"""The pictures in docs/ show the console as it is. ``make screenshots`` takes them again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.browser.pictures import SHARE, differing, keep, stored
from tests.browser.served import Served
from tests.browser.visitor import DESK, PHONE, visiting
from tests.partner import HELD, UNMAPPED, contract_of, customer_of
from tests.world import ADV, SERVICES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

TAKE = bool(os.environ.get("SCREENSHOTS"))
SHOWN = {
    "overview": ("/", DESK, "light"),
    "overview-dark": ("/", DESK, "dark"),
    "overview-phone": ("/", PHONE, "light"),
    "customer": (f"/customers/{customer_of(HELD)}", DESK, "light"),
    "changes": ("/changes", DESK, "light"),
    "mapping": ("/mapping", DESK, "light"),
    "terms": ("/terms", DESK, "dark"),
    "ready": ("/ready", DESK, "light"),
    "ledger": ("/ledger", DESK, "light"),
}
"""Address, size and scheme of each."""


def compare(name: str, png: bytes) -> None:
    """With the one that is stored; or store it."""
    if TAKE:
        keep(name, png)
        return
    assert stored(name).exists(), "make screenshots takes it"
    share = differing(stored(name).read_bytes(), png)
    assert share <= SHARE, f"{share:.1%} of {name}.png differs: make screenshots, and look at it"


@pytest.mark.parametrize("name", [*SHOWN])
def test_a_picture_shows_the_page_as_it_is(chromium: Browser, forty: Served, name: str) -> None:
    """What is seen without scrolling."""
    address, size, scheme = SHOWN[name]
    with visiting(chromium, forty) as visitor:
        visitor.look(size, scheme)
        visitor.go(address)
        compare(name, visitor.page.screenshot())


def test_a_picture_shows_a_decision_as_it_is(chromium: Browser, forty: Served) -> None:
    """The preview of an approval, which writes nothing."""
    with visiting(chromium, forty) as visitor:
        visitor.go("/changes?state=awaits")
        visitor.page.check(f"input[value='{contract_of(HELD)}-{SERVICES[ADV]}']")
        visitor.press("#approve")
        compare("approve", visitor.page.screenshot())


def test_another_page_is_another_picture(chromium: Browser, forty: Served) -> None:
    """The comparison sees what somebody would see: a page without its style, and one that shows something else."""
    with visiting(chromium, forty) as visitor:
        overview = visitor.page.screenshot()
        visitor.go(f"/customers/{customer_of(UNMAPPED[0])}")
        assert differing(overview, visitor.page.screenshot()) > SHARE
        visitor.go("/")
        assert differing(overview, visitor.page.screenshot()) < SHARE / 10
        visitor.page.evaluate("document.querySelector('link[rel=stylesheet]').disabled = true")
        assert differing(overview, visitor.page.screenshot()) > SHARE
