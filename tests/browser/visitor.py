"""Somebody at a real browser. Whatever they do, no page may run, load or obey anything that is not the console's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.browser.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, Response

DESK, PHONE = (1280, 860), (360, 740)
"""Widths and heights in CSS pixels. A page at 200 % has half of them."""
FAILED_TO_LOAD = "Failed to load resource"
"""Chromium says so of each answer that is no success; tests of such answers look at these themselves."""


@dataclass
class Visitor:
    """A page, and what the browser complained about."""

    served: Served
    page: Page
    complaints: list[str] = field(default_factory=list)

    def go(self, address: str) -> Response:
        """Go to a page by its address."""
        answer = self.page.goto(f"{self.served.home}{address}")
        assert answer is not None
        return answer

    def words(self, of: str = "main") -> str:
        """What is read there, on one line."""
        return " ".join(self.page.locator(of).first.inner_text().split())

    def look(self, size: tuple[int, int], scheme: str) -> None:
        """See it at another width, by day or by night."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    def press(self, button: str | Locator) -> None:
        """Press what leads to another page, and be there: a click alone may return while the old page still stands."""
        with self.page.expect_navigation():
            (self.page.locator(button) if isinstance(button, str) else button).click()

    def agree(self) -> None:
        """Do what a preview shows."""
        self.press("#commit")
        self.page.locator("#proposal[data-state=done]").wait_for()
        self.served.world.work()
        self.served.world.clock.advance(10)  # what was read meanwhile is old

    @property
    def focused(self) -> str:
        """What the keyboard speaks to: its words, or else its id."""
        return str(
            self.page.evaluate("(e => (e.innerText || e.id || e.tagName).trim())(document.activeElement)")
        )


@contextmanager
def visiting(browser: Browser, served: Served, **context: Any) -> Iterator[Visitor]:
    """Open the first address in a fresh browser. Fails at the end if a page complained, asked a stranger, or ran something."""
    options: dict[str, Any] = {
        "viewport": {"width": DESK[0], "height": DESK[1]},
        "reduced_motion": "reduce",
        "locale": "en-GB",
        **context,
    }
    with browser.new_context(**options) as window:
        window.set_default_timeout(10_000)
        page = window.new_page()
        visitor = Visitor(served, page)
        watch(visitor)
        page.goto(served.first_address)
        yield visitor
    assert visitor.complaints == []


def watch(visitor: Visitor) -> None:
    """Write down whatever no page of ours may do."""
    page, complain = visitor.page, visitor.complaints.append

    def dialog(shown: Dialog) -> None:
        complain(f"a dialog: {shown.message}")
        shown.dismiss()

    def console(said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and FAILED_TO_LOAD not in said.text:
            complain(f"{said.type}: {said.text}")

    def request(asked: Request) -> None:
        if urlsplit(asked.url).netloc != urlsplit(visitor.served.home).netloc:
            complain(f"asked {asked.url}")

    page.on("pageerror", lambda error: complain(f"a script failed: {error}"))
    page.on("dialog", dialog)
    page.on("console", console)
    page.on("request", request)
