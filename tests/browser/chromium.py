"""Where Chromium is, and what is said where there is none."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = bool(os.environ.get("CHROMIUM_REQUIRED"))
"""A run without a browser fails, as it does in continuous integration."""
INSTALL = "tests/browser/install-chromium installs Debian's; CHROMIUM=/path names another one"


def executable() -> str | None:
    """The browser to drive: the one that ``CHROMIUM`` names, or else one that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def lacking() -> str:
    """Why nothing can be driven; empty: it can."""
    if missing := [
        name for name in ("playwright", "axe_playwright_python", "PIL") if find_spec(name) is None
    ]:
        return f"{' and '.join(missing)} is not installed: make setup"
    if executable() is None:
        return f"there is no Chromium: {INSTALL}"
    return ""
