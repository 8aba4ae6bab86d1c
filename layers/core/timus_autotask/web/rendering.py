"""Templates: everything from outside is escaped, and what could turn a text round or hide is shown instead of obeyed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from timus_autotask.handouts.pages import shown
from timus_autotask.store.inbox import NOBODY
from timus_autotask.watch.adjustments import BECAME
from timus_autotask.watch.happened import by_whom
from timus_autotask.watch.month.asked import events_of
from timus_autotask.watch.month.line_evidence import runs
from timus_autotask.watch.remedy import remedy_of, will_wait
from timus_autotask.watch.wording import NO_CUSTOMER
from timus_autotask.web.failing import doubt_words, note_words
from timus_autotask.web.formats import Formats
from timus_autotask.web.pages.actions import customer_address

FOLDER = Path(__file__).parent
DECIDED: Mapping[str, str] = {
    "approve": "approved",
    "reject": "rejected",
    "undo": "undid",
    "undo-withdrawn": "withdrew the undo of",
    "retry": "had it tried again:",
    "pause": "paused changes",
    "resume": "had changes made again",
    "policy set": "set a term:",
    "map customer": "mapped a customer",
    "map plan": "chose a service:",
    "map import": "took in a file of mappings:",
    "map ignore": "ignored",
    "go-live": "went live",
    "observe": "went back to observing",
    "credentials set": "stored an API user:",
    "setup": "stored an API user:",
    "reconcile --after-restore": "made the restored table safe:",
    "redrive": "had failed wake-ups tried again",
    "events accept": "took an event as right:",
    "events dismiss": "dismissed an event:",
}
"""What people decided, by the kind under which it is recorded: mostly the command. Any other decision is shown as that kind."""
PIECES = re.compile(r"[^A-Za-z0-9_-]+")


def environment(zone: ZoneInfo, now: Callable[[], datetime]) -> Environment:
    """The console's templates, with words for days, times and numbers."""
    pages = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    pages.filters.update(Formats(zone, now).filters())
    pages.filters["quoted"] = quote  # a command may be copied into a shell
    pages.filters["runs"] = runs
    pages.filters["by_whom"] = by_whom
    pages.filters["asked_by"] = events_of
    pages.filters["begun"] = lambda words: words[:1].upper() + words[1:]  # names within keep their capitals
    pages.filters["doubt"] = doubt_words
    pages.filters["noted"] = note_words
    pages.filters["remedy_of"] = remedy_of
    pages.filters["will_wait"] = will_wait
    pages.filters["style"] = Markup  # our own style sheet, in a file that loads nothing
    pages.filters["slug"] = slug
    pages.filters["customer_address"] = customer_address
    pages.globals["nobody"] = NOBODY
    pages.globals["no_customer"] = NO_CUSTOMER
    pages.globals["became"] = BECAME
    pages.globals["decided"] = DECIDED
    return pages


def slug(text: Any) -> str:
    """A text as a part of an id of HTML."""
    return PIECES.sub("-", str(text)).strip("-").lower()
