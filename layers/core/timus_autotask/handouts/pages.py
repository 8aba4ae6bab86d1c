"""Pages of HTML to keep, print and send: one file each, with nothing to load from elsewhere.

Jinja2 escapes everything that comes from outside. It belongs to the operator's command, and to no function.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from timus_autotask.plain import visible
from timus_autotask.store.invoice import SignOff
from timus_autotask.watch.happened import by_whom
from timus_autotask.watch.month.client_month import ClientMonth, day_of
from timus_autotask.watch.month.evidence import MonthEvidence, verdict_of
from timus_autotask.watch.month.four_sides import FourSides
from timus_autotask.watch.month.line_evidence import money_of, runs, seat_days_of, undone_of
from timus_autotask.watch.month.side_remedy import remedy_of_difference
from timus_autotask.watch.remedy import ways
from timus_autotask.watch.wording import counted, with_sign


def client_page(found: ClientMonth) -> str:
    """For the client."""
    return _pages().get_template("client.html").render(found=found)


def evidence_page(found: MonthEvidence) -> str:
    """For the partner."""
    return _pages().get_template("evidence.html").render(found=found)


def four_sides_page(found: FourSides, file: str, signed: SignOff | None) -> str:
    """For the partner's finance: a month's invoice from Timus beside what was billed."""
    return _pages().get_template("four_sides.html").render(found=found, file=file, signed=signed)


def _pages() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    pages.filters["day"] = day_of
    pages.filters["runs"] = runs
    pages.filters["count"] = counted
    pages.filters["with_sign"] = with_sign
    pages.filters["money_of"] = money_of
    pages.filters["seat_days_of"] = seat_days_of
    pages.filters["undone_of"] = undone_of
    pages.filters["verdict_of"] = verdict_of
    pages.filters["by_whom"] = by_whom
    pages.filters["moment"] = _moment
    pages.filters["ways"] = ways
    pages.globals["remedy_of_difference"] = remedy_of_difference
    return pages


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "not known"


def shown(value: object) -> object:
    """A text without what could turn it round or hide; nothing in place of what is not known."""
    if value is None:
        return ""
    return visible(value) if type(value) is str else value
