"""Reading in the console: the first look, looking for somebody, and what is seen without a mouse or without scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.served import Served, serving
from tests.browser.visitor import DESK, PHONE, Visitor, visiting
from tests.partner import HELD, UNMAPPED, customer_of, name_of
from tests.world import World
from timus_autotask.web.kept import in_background

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def test_the_first_address_lets_one_browser_in(chromium: Browser, forty: Served) -> None:
    """The key is gone from the address and from its history, and it opens no second browser."""
    first = forty.first_address
    with visiting(chromium, forty) as visitor:
        assert visitor.page.url == f"{forty.home}/"
        assert "of 39 customers need you." in visitor.words("h1")
        assert visitor.page.evaluate("document.cookie") == ""
        (cookie,) = visitor.page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert visitor.go("/customers").status == 200
        visitor.page.go_back()
        assert visitor.page.url == f"{forty.home}/"
    with chromium.new_context() as another:
        page = another.new_page()
        answer = page.goto(first)
        assert answer is not None
        assert answer.status == 403
        assert page.context.cookies() == []


def test_somebody_is_found_while_typing(visitor: Visitor) -> None:
    """The list follows the keys, the address follows the list, and the way back leads to what was seen before."""
    visitor.go("/customers")
    assert visitor.words("#found") == "40 customers"
    visitor.page.locator("#q").press_sequentially(name_of(HELD)[:6].lower())
    visitor.page.wait_for_url("**/customers?q=*")
    visitor.page.locator("#found", has_text=" of 40 customers").wait_for()
    assert customer_of(HELD) in visitor.words("#list")
    assert visitor.page.locator("#q").evaluate("e => e === document.activeElement")
    visitor.page.reload()
    assert customer_of(HELD) in visitor.words("#list")
    assert visitor.page.locator("#q").input_value() == name_of(HELD)[:6].lower()


def test_customers_are_sorted_as_asked(visitor: Visitor) -> None:
    """The most seats first."""
    visitor.go("/customers")
    visitor.page.select_option("#sort", "timus")
    visitor.page.wait_for_url("**sort=timus*")
    seats = visitor.page.locator("#list td[data-label=Timus]").all_inner_texts()
    assert len(seats) > 20
    assert seats == sorted(seats, key=int, reverse=True)


def test_from_the_first_page_to_what_needs_somebody(visitor: Visitor) -> None:
    """One click on whom it is about: both numbers, the reason, and the chart, which is a table too."""
    visitor.press(visitor.page.get_by_role("link", name=name_of(HELD)))
    assert visitor.page.url == f"{visitor.served.home}/customers/{customer_of(HELD)}"
    assert visitor.words("h1") == name_of(HELD)
    assert "+15" in visitor.words("#lines ~ table")
    visitor.page.get_by_text("The same as a table").first.click()
    assert visitor.page.get_by_role("row", name="1 Jan 2026").first.is_visible()


def test_counts_lead_to_those_they_count(visitor: Visitor) -> None:
    """The three who are unmapped, from the number on the first page."""
    visitor.press(visitor.page.get_by_role("link", name=re.compile("^3 +Not mapped yet")))
    found = visitor.page.locator("[data-customer]")
    assert found.count() == len(UNMAPPED)


def test_health_appears_by_itself(chromium: Browser) -> None:
    """While Autotask is asked the page says so, and the checks take its place without a click."""
    with serving(World(), in_background) as served, visiting(chromium, served) as visitor:
        visitor.go("/health")
        visitor.page.locator("[id^=check-]").first.wait_for()
        assert "Looked at" in visitor.words()


def test_everything_is_reached_by_keyboard(visitor: Visitor) -> None:
    """First the way past the navigation, then each page in turn; what has the focus is drawn so that it is seen."""
    page = visitor.page
    page.keyboard.press("Tab")
    assert visitor.focused == "To the content"
    focused = page.locator(":focus").bounding_box()
    assert focused is not None
    assert focused["x"] >= 0
    page.keyboard.press("Enter")
    assert visitor.focused.startswith(visitor.words("main").split()[0])
    visitor.go("/customers")
    seen: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(visitor.focused)
        assert page.evaluate(SEEN), f"nobody sees that the focus is on {seen[-1]}"
        if seen[-1] == name_of(HELD):
            break
    assert "Overview" in str(seen)
    assert seen.index("q") < seen.index(name_of(HELD))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/customers/{customer_of(HELD)}")


SEEN = """() => {
  const style = getComputedStyle(document.activeElement);
  const box = document.activeElement.getBoundingClientRect();
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.right > 0;
}"""


SPILLED = """() => [...document.querySelectorAll(".card, .chart, .banner")].flatMap(card => [...card.querySelectorAll("*")]
  .filter(e => !e.closest(".unseen, details") && e.getBoundingClientRect().right > card.getBoundingClientRect().right + 1)
  .map(e => e.textContent))"""
LETTERS = """() => [...document.querySelectorAll("figure svg text")].filter(e => e.checkVisibility())
  .map(e => parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a)"""


@pytest.mark.parametrize("size", [DESK, (1000, 800), (640, 430), PHONE])
def test_nothing_leaves_its_card_and_charts_can_be_read(visitor: Visitor, size: tuple[int, int]) -> None:
    """Letters of 9 pixels and more, with the whole of the time and a key to the lines, on a phone too."""
    visitor.look(size, "light")
    for address in ("/", f"/customers/{customer_of(HELD)}"):
        visitor.go(address)
        assert visitor.page.evaluate(SPILLED) == []
        letters = visitor.page.evaluate(LETTERS)
        assert letters
        assert min(letters) >= 9
        assert "today" in (visitor.page.locator("figure svg").first.text_content() or "")
        assert visitor.page.locator(".key li").count() >= 2


def test_everything_can_be_read_without_scripts(chromium: Browser, forty: Served) -> None:
    """Pages, search by its button, and charts as tables."""
    with visiting(chromium, forty, java_script_enabled=False) as visitor:
        assert "of 39 customers need you." in visitor.words("h1")
        visitor.go("/customers")
        visitor.page.fill("#q", customer_of(HELD))
        visitor.press(visitor.page.get_by_role("button", name="Show"))
        assert visitor.words("#found") == "1 of 40 customers"
        visitor.press(visitor.page.get_by_role("link", name=name_of(HELD)))
        assert visitor.page.locator("figure svg").first.is_visible()
        visitor.page.get_by_text("The same as a table").first.click()
        assert visitor.page.locator("figure table").first.is_visible()
        visitor.go("/health")
        assert visitor.page.locator("[id^=check-]").count() > 5
