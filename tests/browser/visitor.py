"""Somebody at a real browser. Whatever they do, no page may run, load or obey anything that is not the console's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.browser.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

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

    @property
    def focused(self) -> str:
        """What the keyboard speaks to: its words, or else its id."""
        return str(self.page.evaluate("(e => (e.innerText || e.id || e.tagName).trim())(document.activeElement)"))


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
    page, complaints = visitor.page, visitor.complaints
    page.on("pageerror", lambda error: complaints.append(f"a script failed: {error}"))
    page.on("dialog", lambda dialog: (complaints.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
    page.on(
        "console",
        lambda message: complaints.append(f"{message.type}: {message.text}")
        if message.type in ("error", "warning") and FAILED_TO_LOAD not in message.text
        else None,
    )
    page.on(
        "request",
        lambda request: complaints.append(f"asked {request.url}")
        if urlsplit(request.url).netloc != urlsplit(visitor.served.home).netloc
        and not request.url.startswith(("data:", "blob:"))
        else None,
    )
