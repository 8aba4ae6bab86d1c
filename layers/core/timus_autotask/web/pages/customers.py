"""The list of customers: searched, filtered and sorted, a page at a time; and one customer, line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from timus_autotask.domain.line import JournalEntry, Line, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.timeline import Timeline
from timus_autotask.store.decisions import Decision
from timus_autotask.watch.grouping import FOR_PEOPLE, Group, Standing, own_standing
from timus_autotask.watch.month.books import BookLine, Books
from timus_autotask.watch.status import Status, StatusLine
from timus_autotask.web.charts import Chart, Series, step_chart
from timus_autotask.web.desk import Everything
from timus_autotask.web.pages.actions import Action, actions_of
from timus_autotask.web.pages.overview import sentence_of
from timus_autotask.web.showing import address_of, page_of, searched

AT_ONCE = 50
"""Customers on one page."""
NEWEST = 20
"""So many changes and decisions of a customer stand on its page."""


# -- All of them


@dataclass(frozen=True, slots=True)
class CustomersQuery:
    """What of the list was asked for, as it stands in the address."""

    text: str = ""
    standing: str = ""
    """The name of a :class:`Standing`, in small letters."""
    sort: str = "need"
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> CustomersQuery:
        """From the address; what makes no sense is left out."""
        standing, sort = query.get("standing", ""), query.get("sort", "need")
        return cls(
            searched(query),
            standing if standing.upper() in Standing.__members__ else "",
            sort if sort in SORTS else "need",
            page_of(query),
        )

    def address(self, **changes: str | int) -> str:
        """The same list but for these changes."""
        given = {"q": self.text, "standing": self.standing, "sort": self.sort, "page": 1, **changes}
        return address_of("/customers", given, {"q": "", "standing": "", "sort": "need", "page": 1})


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer in the list."""

    customer: str
    name: str
    standing: Standing
    contracts: tuple[int, ...]
    timus: int
    autotask: int | None
    """Of all lines; None: it has none yet."""
    remark: str
    """What stands first about it."""

    @property
    def difference(self) -> int:
        """Autotask's units less Timus's quantities."""
        return 0 if self.autotask is None else self.autotask - self.timus


SORTS: Mapping[str, tuple[str, Callable[[CustomerRow], tuple[object, ...]]]] = {
    "need": (
        "What needs you first",
        lambda row: ([*Standing].index(row.standing), row.name.casefold(), row.customer),
    ),
    "name": ("Name", lambda row: (row.name.casefold() or row.customer, row.customer)),
    "timus": ("Most seats", lambda row: (-row.timus, row.customer)),
    "difference": ("Largest difference", lambda row: (-abs(row.difference), row.customer)),
}


@dataclass(frozen=True, slots=True)
class CustomersPage:
    """What the template shows."""

    asked: CustomersQuery
    rows: tuple[CustomerRow, ...]
    found: int
    of: int
    pages: int
    sentence: str
    standings: tuple[tuple[Standing, int], ...]


def customers_page(found: Everything, asked: CustomersQuery) -> CustomersPage:
    """The rows that were asked for."""
    rows = [_row(group, found.status) for group in found.groups]
    standings = [row.standing for row in rows]
    text = asked.text.casefold()
    lines = {group.customer: group.lines for group in found.groups}
    chosen = [
        row
        for row in rows
        if (not asked.standing or row.standing is Standing[asked.standing.upper()])
        and (not text or any(text in one for one in _searched(row, lines[row.customer], found.status)))
    ]
    chosen.sort(key=SORTS[asked.sort][1])
    pages = max(1, -(-len(chosen) // AT_ONCE))
    page = min(asked.page, pages)
    return CustomersPage(
        replace(asked, page=page),
        tuple(chosen[(page - 1) * AT_ONCE : page * AT_ONCE]),
        len(chosen),
        len(rows),
        pages,
        sentence_of(standings),
        tuple((one, standings.count(one)) for one in Standing if one in standings),
    )


def _row(group: Group, status: Status) -> CustomerRow:
    lines = group.lines
    units = {line.key: line.autotask_units for line in lines if line.key}
    known = [one for one in units.values() if one is not None]
    return CustomerRow(
        group.customer,
        status.names.customers.get(group.customer, ""),
        group.standing,
        tuple(dict.fromkeys(line.contract_id for line in lines if line.contract_id is not None)),
        sum(line.timus_quantity for line in lines),
        sum(known) if known else None,
        _remark(lines),
    )


def _remark(lines: Sequence[StatusLine]) -> str:
    """What stands first about a customer: why something waits for a person, else why both sides rightly differ."""
    waiting = (line.reason for line in lines if own_standing(line) in FOR_PEOPLE)
    beside = (one.message for one in lines[0].undecided)
    reasons = (line.reason for line in lines)
    explanations = (line.explanation for line in lines)
    return next((one for one in (*waiting, *beside, *reasons, *explanations) if one), "")


def _searched(row: CustomerRow, lines: Sequence[StatusLine], status: Status) -> Iterator[str]:
    yield row.name.casefold()
    yield row.customer.casefold()
    for id_ in row.contracts:
        yield str(id_)
        yield status.names.contracts.get(id_, "").casefold()
        company = status.names.company_of.get(id_)
        if company is not None:
            yield str(company)
            yield status.names.companies.get(company, "").casefold()
    for line in lines:
        yield line.sku.casefold()


# -- One of them


@dataclass(frozen=True, slots=True)
class LineView:
    """A line of a customer, with its chart."""

    status: StatusLine
    actions: Sequence[Action]
    chart: Chart | None
    book: BookLine | None
    """With prices, if Autotask was asked."""


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """What the template shows."""

    customer: str
    name: str
    standing: Standing
    companies: tuple[int, ...]
    lines: tuple[LineView, ...]
    changes: tuple[JournalEntry, ...]
    """The newest first."""
    decisions: tuple[Decision, ...]


def customer_page(
    found: Everything, customer: str, today: date, books: Books | None, asked_at: datetime | None = None
) -> CustomerPage | None:
    """None: nobody knows the customer. ``books``: what Autotask said, if it was asked; ``asked_at``: when; None: just now."""
    group = next((one for one in found.groups if one.customer == customer), None)
    if group is None:
        return None
    status = found.status
    contracts = dict.fromkeys(line.contract_id for line in group.lines if line.contract_id is not None)
    companies = dict.fromkeys(
        status.names.company_of[id_] for id_ in contracts if id_ in status.names.company_of
    )
    stored = _stored(found, contracts)
    views = [_view(line, stored, books, asked_at, found, today) for line in group.lines]
    changes = [one for one in found.history.changes if customer in {source for source, _ in one.sources}]
    decisions = [one for one in found.history.decisions if customer in one.customers]
    return CustomerPage(
        customer,
        status.names.customers.get(customer, ""),
        group.standing,
        tuple(companies),
        tuple(views),
        tuple(changes[: -NEWEST - 1 : -1]),
        tuple(decisions[: -NEWEST - 1 : -1]),
    )


def _stored(found: Everything, contracts: Iterable[int]) -> Mapping[LineKey, Line]:
    """The records of the lines of some contracts."""
    known = (found.survey.records.contracts.get(id_) for id_ in contracts)
    return {line.value.key: line.value for one in known if one for line in one.lines.values()}


def _view(
    line: StatusLine,
    stored: Mapping[LineKey, Line],
    books: Books | None,
    asked_at: datetime | None,
    found: Everything,
    today: date,
) -> LineView:
    book = books.lines.get(line.key) if books and line.key else None
    known = stored.get(line.key) if line.key else None
    actions = actions_of(line) if line.reason_code else ()
    # A worker has looked since: its numbers stand in the table, so the chart has them too.
    older = known and known.seen_at and asked_at and asked_at < known.seen_at
    return LineView(line, actions, _chart(line, known, None if older else book, found, today), book)


BEFORE, AFTER = timedelta(days=150), timedelta(days=92)
"""Of a chart, around today."""


def _chart(
    line: StatusLine, stored: Line | None, book: BookLine | None, found: Everything, today: date
) -> Chart | None:
    """Both sides of a line: what it should have, and what Autotask has; what is scheduled goes on from there."""
    if stored is None or line.key is None:
        return None
    contract = found.survey.records.contracts[line.key.contract_id].state.value.contract
    has = book.has if book else stored.baseline if stored.observed is None else stored.observed
    if has is None or contract is None:
        return None
    first, last = max(today - BEFORE, contract.start), min(today + AFTER, contract.end)
    planned = _planned(has, line.scheduled)
    if not any(first < day <= last for day in (*stored.desired.days, *planned.days)):
        return None  # nothing changes: the table above says it all
    series = [
        Series("Should be", "wanted", stored.desired, max((first, *stored.desired.days[:1])), last),
        Series("Autotask", "has", has, first, min(today, last)),
        Series(
            "waiting" if line.state is State.PARKED else "scheduled",
            "scheduled",
            planned,
            min(today, last),
            last,
            named=bool(line.scheduled),
        ),
    ]
    shades = [(start, end, "posted") for start, end in book.observed.closed] if book else []
    return step_chart(f"Units of {line.sku}", series, first, last, today, shades)


def _planned(has: Timeline, scheduled: Iterable[tuple[date, int]]) -> Timeline:
    for day, delta in scheduled:
        has = has.add_from(day, delta)
    return has
