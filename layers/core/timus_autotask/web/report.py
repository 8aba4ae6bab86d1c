"""The console's view as one file, to mail or to keep: it loads nothing, runs nothing, and every link leads to a place in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from timus_autotask.operate.month_end import Looked
from timus_autotask.operate.terms import terms_in_force
from timus_autotask.watch.adjustments import ListedAdjustment
from timus_autotask.watch.check import CheckResult
from timus_autotask.watch.grouping import FOR_PEOPLE
from timus_autotask.watch.names import Directory
from timus_autotask.web.desk import Desk, Everything
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.pages.changes import ChangesQuery, recent
from timus_autotask.web.pages.customers import CustomerPage, customer_page
from timus_autotask.web.pages.layout import Layout, layout
from timus_autotask.web.pages.month import KINDS, ReadyPage, ready_page
from timus_autotask.web.pages.overview import OverviewPage, overview_page
from timus_autotask.web.pages.terms import TermsPage, rules, terms_page
from timus_autotask.web.rendering import FOLDER, environment, slug


@dataclass(frozen=True, slots=True)
class Report:
    """What the template shows."""

    at: datetime
    today: date
    around: Layout
    names: Directory
    overview: OverviewPage
    customers: tuple[CustomerPage, ...]
    changes: tuple[ListedAdjustment, ...]
    ready: ReadyPage
    not_asked: Failure | None
    """Why Autotask said nothing of the month."""
    terms: TermsPage
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report, and what it says at a glance."""

    html: str
    sentence: str
    customers: int
    need: int
    """Customers who need a person."""

    def to_json(self, file: str) -> dict[str, Any]:
        """For programs, with the file that has it."""
        return {"file": file, "customers": self.customers, "need_a_person": self.need}


def report(desk: Desk, month: date) -> WrittenReport:
    """Everything as it is now. Raises what reading the table raises; Autotask may be away."""
    seen = desk.everything.fresh()
    if seen.value is None:
        raise seen.failed or RuntimeError("nothing was read")
    found, today = seen.value, desk.deployment.today
    looked = desk.month(month).fresh()
    shown = _report(desk, found, looked.value, month, failure_of(looked.failed) if looked.failed else None)
    pages = environment(desk.deployment.zone, lambda: desk.now)
    pages.filters["customer_address"] = lambda customer: f"#{place_of(customer)}"
    pages.filters["place"] = place_of
    style = (FOLDER / "static" / "console.css").read_text(encoding="utf-8")
    html = pages.get_template("report.html").render(
        report=shown,
        names=shown.names,
        style=style,
        month=month,
        today=today,
        form_token="",
        address="",
        kinds=KINDS,
    )
    need = sum(group.standing in FOR_PEOPLE for group in found.groups)
    return WrittenReport(html, shown.overview.sentence, len(found.groups), need)


def place_of(customer: str) -> str:
    """Where a customer stands in the file: two ids never have the same place."""
    return f"customer-{slug(customer)}-{customer.encode().hex()[:64]}"


def _report(
    desk: Desk, found: Everything, looked: Looked | None, month: date, failure: Failure | None
) -> Report:
    today, running = desk.deployment.today, looked.ready if looked else None
    books = looked.books if looked else None
    customers = (customer_page(found, group.customer, today, books) for group in found.groups)
    records = found.survey.records.customers
    own = sorted(id_ for id_, one in records.items() if one.terms and one.terms.value.values)
    return Report(
        desk.now,
        today,
        layout(desk),
        found.status.names,
        overview_page(found, running, today),
        tuple(one for one in customers if one is not None),
        tuple(recent(found, ChangesQuery(), today)),
        ready_page(desk.month(month).seen, month, today, everything=True),
        failure,
        terms_page(terms_in_force(desk.deployment.store, None), own, rules()),
        desk.checks.seen.value or (),
    )
