"""After posting: every billing item of a month with what explains it, what is missing, and what was posted otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from timus_autotask.plain import as_json
from timus_autotask.watch.forms import posted_form
from timus_autotask.watch.month.explained import BY_US, Explained, Item
from timus_autotask.watch.month.posted import Posted
from timus_autotask.watch.wording import counted
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.kept import Seen
from timus_autotask.web.pages.month import chosen_month, months_until, read_now
from timus_autotask.web.showing import Showing, back_to, download, see_other, text_of, with_form

FEW = 40
"""So many billing items are shown without being asked for."""


@dataclass(frozen=True, slots=True)
class PostedPage:
    """What the template shows."""

    month: date
    months: tuple[date, ...]
    posted: Posted | None
    right: bool
    """Everything is explained, and that still counts."""
    sentence: str
    items: tuple[Item, ...]
    """Those that nothing explains first, then those of somebody else."""
    folded: int
    """So many more are explained by units and adjustments."""
    looking: bool
    failure: Failure | None


def posted_page(
    seen: Seen[Posted], month: date, today: date, *, everything: bool = False, current: bool = True
) -> PostedPage:
    """What was seen last of a month. ``everything``: also the items that are explained by us, where there are many.

    ``current``: that it still counts.
    """
    found = seen.value
    items = sorted(found.items, key=_order) if found else []
    shown = [one for one in items if everything or len(items) <= FEW or _order(one) < 2]
    return PostedPage(
        month,
        months_until(today),
        found,
        current and found is not None and found.right,
        _sentence(found, current=current),
        tuple(shown),
        len(items) - len(shown),
        seen.reading,
        failure_of(seen.failed) if seen.failed else None,
    )


def _order(one: Item) -> int:
    if one.by is Explained.UNEXPLAINED or one.amount_differs:
        return 0
    return 2 if one.by in BY_US else 1


def _sentence(found: Posted | None, *, current: bool) -> str:
    lacking = found.seat_days_in_no_posting if found else 0
    return _of_items(found, current=current) + (
        f". {counted(lacking, 'seat-day is', 'seat-days are')} in no posting" if lacking else ""
    )


def _of_items(found: Posted | None, *, current: bool) -> str:
    if found is None:
        return "Nobody has looked yet"
    month = f"{found.month:%B %Y}"
    if found.right and not current:
        return f"Nothing was wrong in what was posted in {month} when this was looked at: look again"
    if not found.read:
        return f"Billing items may not be read, so what was posted in {month} is not explained"
    if not found.items and found.right:
        return f"No billing item of {month} was posted yet"
    if found.right:
        return f"Everything that was posted in {month} is explained"
    wrong = sum(_order(one) == 0 for one in found.items) + len(found.missing) + len(found.passed)
    return f"{counted(wrong, 'thing')} to look at in what was posted in {month}"


def routes(pages: Showing) -> list[Route]:
    """What was posted, to look at and to keep."""
    desk = pages.desk

    def show(request: Request) -> Response:
        today = desk.deployment.today
        month = chosen_month(request.query_params.get("month"), today)
        kept = desk.posted(month)
        pages.visit(request, kept)
        names = kept.seen.value.names if kept.seen.value else pages.everything().status.names
        page = posted_page(
            kept.seen,
            month,
            today,
            everything=bool(request.query_params.get("all")),
            current=desk.current(kept),
        )
        return pages.shown(request, "posted.html", page=page, names=names, at=kept.seen.at)

    def look(_request: Request, form: FormData) -> Response:
        desk.posted(chosen_month(text_of(form, "month"), desk.deployment.today)).soon()
        return see_other(back_to(form, "/posted"))

    def file(request: Request) -> Response:
        month = chosen_month(request.query_params.get("month"), desk.deployment.today)
        found = read_now(desk, desk.posted(month))
        return download(as_json(posted_form(found)), f"posted-{month:%Y-%m}.json", "application/json")

    return [
        Route("/posted", show),
        Route("/posted/look", with_form(look), methods=["POST"]),
        Route("/posted/posted.json", file),
    ]
