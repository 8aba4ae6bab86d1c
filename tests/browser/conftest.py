"""One Chromium for this folder, and a console of forty clients that is only read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import REQUIRED, executable, lacking
from tests.browser.served import Served, serving
from tests.browser.visitor import Visitor, visiting
from tests.partner import partner

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ATTACKER = "attacker.test"
"""A name of the internet that leads to this machine."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """It reaches this machine and nothing else."""
    if why := lacking():
        (pytest.fail if REQUIRED else pytest.skip)(f"the console was not tried in a browser: {why}")
    from playwright.sync_api import sync_playwright

    rules = f"--host-resolver-rules=MAP {ATTACKER} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as driver:
        # Containers run as root and have a small /dev/shm: neither is what is tested here.
        browser = driver.chromium.launch(
            executable_path=executable(), args=[rules, "--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def forty(chromium: Browser) -> Iterator[Served]:
    """The partner on the morning of 16 March 2026. It is only read here."""
    with serving(partner(40)) as served:
        yield served


@pytest.fixture
def visitor(chromium: Browser, forty: Served) -> Iterator[Visitor]:
    """Somebody who was let in, at a desk."""
    with visiting(chromium, forty) as somebody:
        yield somebody


@pytest.fixture
def clients(chromium: Browser) -> Iterator[Visitor]:
    """Somebody who was let in, over thirty-two clients of their own: what is decided there disturbs nobody."""
    with serving(partner(32, weeks=4)) as served, visiting(chromium, served) as somebody:
        yield somebody


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Nobody takes a run without a browser for a whole one."""
    if why := lacking():
        terminalreporter.section("NOT TRIED IN A BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(f"The tests in tests/browser did not run: {why}.", red=True)
