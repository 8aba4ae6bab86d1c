"""Month end: may it be posted, the ledger, and a customer's evidence; each to look at and to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.handouts.pages import client_page, evidence_page
from timus_autotask.operate.files.evidence_file import to_csv
from timus_autotask.operate.mapping.known import require_customer_to_show
from timus_autotask.operate.month_end import Looked, ledger_csv
from timus_autotask.operate.refusal import Senseless
from timus_autotask.plain import as_json
from timus_autotask.watch.forms import evidence_form, ledger_form, ready_form
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.client_month import client_month
from timus_autotask.watch.month.evidence import MonthEvidence, evidence, verdict_of
from timus_autotask.watch.month.ledger import Ledger, LedgerEntry, Total, UndecidedEvent, total
from timus_autotask.watch.month.line_evidence import Month, money_of, seat_days_of
from timus_autotask.watch.month.ready import Open, Period, Ready, Waits
from timus_autotask.watch.month.to_post import that_came_since
from timus_autotask.watch.status import StatusLine
from timus_autotask.watch.wording import counted
from timus_autotask.web.desk import Desk
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.formats import money
from timus_autotask.web.kept import Kept, Seen
from timus_autotask.web.pages.actions import Action, settling
from timus_autotask.web.showing import Showing, back_to, download, see_other, text_of, with_form

T = TypeVar("T")

FEW = 10
"""So many periods that are level are shown without being asked for."""
MONTHS = 13
"""So many months can be chosen."""


def chosen_month(text: str | None, today: date) -> date:
    """The first day of a month as it stands in the address; what makes no sense, or is beyond ten years, is the running one."""
    running = today.replace(day=1)
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return running
    return month if abs(month.year - running.year) <= 10 else running


def months_until(today: date, number: int = MONTHS) -> tuple[date, ...]:
    """The first days of so many months, the running one first."""
    found = [today.replace(day=1)]
    while len(found) < number:
        found.append((found[-1] - ONE_DAY).replace(day=1))
    return tuple(found)


# -- Ready to post

KINDS: Mapping[str, str] = {
    **{one.value: one.label for one in WhyDiffers},
    WhyDiffers.UNMAPPED: "not mapped yet",
    WhyDiffers.DRIFT: "edited in Autotask",
    WhyDiffers.HELD: "awaiting approval",
    WhyDiffers.PARKED: "waiting for a person",
    WhyDiffers.REFUSED: "refused by Autotask",
    WhyDiffers.OBSERVING: "only observed",
    WhyDiffers.SETTLING: "under way",
    WhyDiffers.PENDING: "on the way",
    Waits.EVENT: "not taken in yet",
    Waits.CONTRACT: "without a contract",
    Waits.NAME: "called otherwise",
    Waits.FAILED: "unreadable",
}
"""What is open, in words that fit beside one of it and after a number."""


@dataclass(frozen=True, slots=True)
class ReadyPage:
    """What the template shows."""

    month: date
    months: tuple[date, ...]
    ready: Ready | None
    yes: bool
    """It may be posted, and that still counts."""
    sentence: str
    opens: tuple[tuple[int | None, Open], ...]
    """(contract, what is open), the most money first."""
    stays: tuple[tuple[int | None, Open], ...]
    later: tuple[tuple[None, Open], ...]
    """Parked events that concern only days after the month."""
    periods: tuple[Period, ...]
    """With something open; or all that were asked for."""
    level: int
    """So many more are level."""
    actions: Mapping[Open, Sequence[Action]]
    """What settles a thing here."""
    looking: bool
    failure: Failure | None


def ready_page(
    seen: Seen[Looked],
    month: date,
    today: date,
    lines: Iterable[StatusLine] = (),
    *,
    everything: bool = False,
    current: bool = True,
) -> ReadyPage:
    """What was seen last of a month. ``lines``: as they stand now. ``everything``: also the periods that are level, where there are many.

    ``current``: that it still counts; a yes that does not is none.
    """
    found = seen.value.ready if seen.value else None
    periods = found.periods if found else ()
    level = sum(period.level for period in periods)
    folded = level > FEW and not everything
    shown = tuple(period for period in periods if not (folded and period.level))
    opens = sorted(found.things, key=lambda each: -abs(each[1].estimate or Decimal())) if found else []
    stays = found.staying if found else ()
    return ReadyPage(
        month,
        months_until(today),
        found,
        current and _is_ready(found),
        _sentence(found, current=current),
        tuple(opens),
        stays,
        _later(found),
        shown,
        len(periods) - len(shown),
        settling((one for _, one in (*opens, *stays)), lines),
        seen.reading,
        failure_of(seen.failed) if seen.failed else None,
    )


def _is_ready(found: Ready | None) -> bool:
    return found is not None and found.ready and not (found.posted and found.left)


def _later(found: Ready | None) -> tuple[tuple[None, Open], ...]:
    return tuple((None, one) for one in found.later) if found else ()


def _sentence(found: Ready | None, *, current: bool) -> str:
    if found is None:
        return "Nobody has looked yet"
    if found.ready and not current:
        return f"Nothing was open in {found.month:%B %Y} when this was looked at: look again before you post"
    if found.ready and not found.periods:
        return f"Nothing of it waits, and nothing is billed for Timus in {found.month:%B %Y}"
    if found.ready and found.posted and found.left:
        return f"{found.month:%B %Y} is approved and posted already, and {that_came_since(found.left)}"
    if found.ready and found.posted:
        return f"{found.month:%B %Y} is approved and posted already, and nothing is left to settle for it"
    if found.ready:
        return f"Yes: {found.month:%B %Y} may be approved and posted"
    things = counted(len(found.everything), "thing has", "things have")
    if found.posted:
        return f"{found.month:%B %Y} is approved and posted already, and {things} to be settled: it is billed with a later posting"
    return f"Not yet: {things} to be settled before {found.month:%B %Y} is posted"


# -- Ledger


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """What the template shows."""

    since: date
    months: tuple[date, ...]
    ledger: Ledger | None
    sentence: str
    totals: tuple[tuple[str, Total], ...]
    lines: tuple[LedgerEntry, ...]
    """With a difference; or all that were asked for."""
    level: int
    """So many lines have none."""
    undecided: tuple[UndecidedEvent, ...]
    """Parked events, of whom is looked for."""
    everything: bool
    looking: bool
    failure: Failure | None


def ledger_page(
    seen: Seen[Ledger], since: date, today: date, text: str = "", *, everything: bool = False
) -> LedgerPage:
    """``text``: only customers who have it in their name or id."""
    found = seen.value
    lines = [one for one in found.by_line if _has(one, text, found)] if found else []
    shown = [one for one in lines if everything or text or one.seat_days.causes]
    shown.sort(key=lambda one: -_open_money(one))
    months = [(f"{month.first:%B %Y}", total(month.entries)) for month in found.months] if found else []
    years = [(f"{year} together", sums) for year, sums in found.years.items()] if found else []
    return LedgerPage(
        since,
        months_until(today, 25),
        found,
        _leaks(found, since),
        (*months, *years),
        tuple(shown),
        len(lines) - len(shown),
        _undecided(found, text),
        everything,
        seen.reading,
        failure_of(seen.failed) if seen.failed else None,
    )


def _leaks(found: Ledger | None, since: date) -> str:
    """What is not billed, and what is billed too much, in money."""
    if found is None:
        return "Nobody has looked yet"
    sums = total(one for month in found.months for one in month.entries)
    said = (
        [f"about {money(sums.estimate.not_billed)} is used and not billed"]
        if sums.seat_days.not_billed
        else []
    )
    said += [f"about {money(sums.estimate.too_many)} is billed too much"] if sums.seat_days.too_many else []
    differs = any(one.seat_days.causes for one in found.by_line)
    nothing = f"nothing is billed too little or too much{', but for days before customers came to us' if differs else ''}"
    return f"Since {since:%B %Y}, {' and '.join(said) or nothing}"


def _has(one: LedgerEntry, text: str, found: Ledger) -> bool:
    return _names(one.customer, text, found)


def _undecided(found: Ledger | None, text: str) -> tuple[UndecidedEvent, ...]:
    """Of whom is looked for."""
    waiting = found.undecided if found else ()
    return tuple(one for one in waiting if found and _names(one.event.customer_id, text, found))


def _names(customer: str, text: str, found: Ledger) -> bool:
    wanted = text.casefold()
    return not wanted or any(
        wanted in name.casefold() for name in (customer, found.names.customers.get(customer, ""))
    )


def _open_money(one: LedgerEntry) -> Decimal:
    return sum((abs(each) for each in one.estimate.causes.values()), Decimal()) if one.estimate else Decimal()


def causes_of(one: LedgerEntry) -> list[tuple[WhyDiffers, int]]:
    """What lies between both sides of a line: by the terms, and otherwise."""
    return [*one.seat_days.granted.items(), *one.seat_days.causes_apart]


# -- Asking


def routes(pages: Showing) -> list[Route]:
    """What is looked at at month end."""
    handlers = _Handlers(pages)
    return [
        Route("/ready", handlers.ready),
        Route("/ready/look", with_form(handlers.look_ready), methods=["POST"]),
        Route("/ready/ready.json", handlers.ready_file),
        Route("/ledger", handlers.ledger),
        Route("/ledger/look", with_form(handlers.look_ledger), methods=["POST"]),
        Route("/ledger/ledger.{kind}", handlers.ledger_file),
        Route("/evidence", handlers.evidence),
        Route("/evidence/evidence.{kind}", handlers.evidence_file),
        Route("/evidence/client.html", handlers.client_file),
    ]


class _Handlers:
    """The pages *Before posting*, *Ledger* and evidence: what is asked of them, and what their forms do."""

    def __init__(self, pages: Showing) -> None:
        self._pages = pages
        self._desk = pages.desk

    @property
    def _today(self) -> date:
        return self._desk.deployment.today

    def ready(self, request: Request) -> Response:
        month = chosen_month(request.query_params.get("month"), self._today)
        kept = self._desk.month(month)
        self._pages.visit(request, kept)
        status = self._pages.everything().status
        names = kept.seen.value.ready.names if kept.seen.value else status.names
        everything = bool(request.query_params.get("all"))
        current = self._desk.current(kept)
        page = ready_page(kept.seen, month, self._today, status.lines, everything=everything, current=current)
        return self._pages.shown(request, "ready.html", page=page, names=names, at=kept.seen.at, kinds=KINDS)

    def look_ready(self, _request: Request, form: FormData) -> Response:
        self._desk.month(chosen_month(text_of(form, "month"), self._today)).soon()
        return see_other(back_to(form, "/ready"))

    def ready_file(self, request: Request) -> Response:
        month = chosen_month(request.query_params.get("month"), self._today)
        looked = read_now(self._desk, self._desk.month(month))
        return download(as_json(ready_form(looked.ready)), f"ready-{month:%Y-%m}.json", "application/json")

    def ledger(self, request: Request) -> Response:
        query = request.query_params
        since = chosen_month(query.get("since") or f"{self._today.year}-01", self._today)
        kept = self._desk.ledger(since)
        self._pages.visit(request, kept)
        names = kept.seen.value.names if kept.seen.value else self._pages.everything().status.names
        text = query.get("q", "").strip()[:200]
        page = ledger_page(kept.seen, since, self._today, text, everything=bool(query.get("all")))
        return self._pages.shown(
            request, "ledger.html", page=page, names=names, at=kept.seen.at, text=text, causes_of=causes_of
        )

    def look_ledger(self, _request: Request, form: FormData) -> Response:
        self._desk.ledger(chosen_month(text_of(form, "since"), self._today)).soon()
        return see_other(back_to(form, "/ledger"))

    def ledger_file(self, request: Request) -> Response:
        since = chosen_month(request.query_params.get("since"), self._today)
        found = read_now(self._desk, self._desk.ledger(since))
        match request.path_params["kind"]:
            case "csv":
                return download(ledger_csv(found), f"ledger-{since:%Y-%m}.csv", "text/csv")
            case "json":
                text = as_json(ledger_form(found))
                return download(text, f"ledger-{since:%Y-%m}.json", "application/json")
        raise HTTPException(404)

    def _evidence(self, request: Request) -> MonthEvidence:
        customer = request.query_params.get("customer", "")
        month = chosen_month(request.query_params.get("month"), self._today)
        found = evidence(self._desk.deployment.ports, customer, Month.of(month))
        if not found.known:
            require_customer_to_show(self._desk.deployment, customer)
        return found

    def evidence(self, request: Request) -> Response:
        found = self._evidence(request)
        return self._pages.shown(
            request,
            "evidence.html",
            found=found,
            verdict=verdict_of(found),
            money_of=money_of,
            seat_days_of=seat_days_of,
            names=found.names,
            months=months_until(self._today),
        )

    def evidence_file(self, request: Request) -> Response:
        found = self._evidence(request)
        name = f"evidence-{found.customer}-{found.month}"
        match request.path_params["kind"]:
            case "csv":
                return download(to_csv(found), f"{name}.csv", "text/csv")
            case "json":
                return download(as_json(evidence_form(found)) + "\n", f"{name}.json", "application/json")
            case "html":
                return download(evidence_page(found), f"{name}.html", "text/html")
        raise HTTPException(404)

    def client_file(self, request: Request) -> Response:
        """In the client's words: no money, no ids, nothing that is open."""
        partner = request.query_params.get("partner", "").strip()
        if not partner:
            raise Senseless("The client's page has your company's name on it: fill it in.")
        found = self._evidence(request)
        page = client_page(client_month(found, partner[:200], self._desk.deployment.zone))
        return download(page, f"seats-{found.customer}-{found.month}.html", "text/html")


def read_now(desk: Desk, kept: Kept[T]) -> T:
    """What a file is made of, read now unless it is current. Raises what reading it raised: a file does not say how old it is."""
    seen = kept.seen if desk.current(kept) else kept.fresh()
    if seen.value is None or seen.failed is not None:
        raise seen.failed or HTTPException(404)
    return seen.value
