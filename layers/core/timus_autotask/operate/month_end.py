"""Use cases of finance at month end: the ledger, and whether a month may be posted. Autotask is only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from timus_autotask.domain.days import local_midnight
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import DECIMAL, TEXT, Column, as_csv, code, whole
from timus_autotask.operate.mapping.known import require_customer_to_show
from timus_autotask.operate.refusal import Senseless, not_asked
from timus_autotask.ports.errors import NO_ANSWER
from timus_autotask.watch.forms import names_form
from timus_autotask.watch.listing import listed
from timus_autotask.watch.month.billing_items import billing_items, left_to_post
from timus_autotask.watch.month.books import Books, LinePrice, first_change_of, open_books
from timus_autotask.watch.month.causes import BY_TERMS, WhyDiffers
from timus_autotask.watch.month.ledger import (
    Ledger,
    LedgerEntry,
    LedgerMonth,
    UndecidedEvent,
    UndecidedMonth,
    ledger,
    with_superseded,
)
from timus_autotask.watch.month.months import month_of
from timus_autotask.watch.month.parked import effects
from timus_autotask.watch.month.posted import Posted, posted
from timus_autotask.watch.month.ready import Ready, beside_of, ready
from timus_autotask.watch.month.to_post import items_since
from timus_autotask.watch.status import gather

EARLIER = timedelta(days=31)
"""What came so long before the first month may still say something of it."""
YEAR = timedelta(days=366)
"""A billing period that has days in a month began no longer before it."""


@contextmanager
def asking_autotask() -> Iterator[None]:
    """Raise :class:`NotDone` where Autotask cannot be asked."""
    try:
        yield
    except NO_ANSWER as error:
        raise not_asked(error) from error


@dataclass(frozen=True, slots=True)
class Looked:
    """Whether a month may be posted, and the books that say so."""

    ready: Ready
    books: Books


def may_be_posted(deployment: Deployment, month: date | None = None) -> Ready:
    """Whether a month (this one, unless given) may be approved and posted. Raises :class:`NotDone` when Autotask cannot be asked."""
    return look_at_month(deployment, month).ready


def look_at_month(deployment: Deployment, month: date | None = None) -> Looked:
    """The same, with every line's prices and with what Autotask has, day by day."""
    store, today = deployment.store, deployment.today
    first, last = month_of(month or today)
    dead = deployment.dead_letters.depth().visible
    records = gather(store, lambda: 0, deployment.each)
    since = first_change_of(records, first - EARLIER)
    changes = store.changes(local_midnight(since, deployment.zone))
    with asking_autotask():
        books = open_books(deployment.ports, records, first - YEAR, changes)
        left, books = left_to_post(deployment.ports, books, first, last)
    books = with_superseded(books, store.events(local_midnight(first - EARLIER, deployment.zone)))
    beside = beside_of(records, deployment.clock.now(), deployment.zone, dead)
    return Looked(ready(books, first, beside, left), books)


def what_was_posted(deployment: Deployment, month: date | None = None) -> Posted:
    """Every billing item of a month (this one, unless given), and what explains it. Raises :class:`NotDone` when Autotask cannot be asked."""
    store, today = deployment.store, deployment.today
    first, _ = month_of(month or today)
    records = replace(listed(store), names=tuple(store.all_names()))
    since = first - YEAR
    changes = store.changes(local_midnight(since, deployment.zone))
    with asking_autotask():
        books = open_books(deployment.ports, records, since, changes)
        items, books = billing_items(deployment.ports, books, items_since(books, first))
    books = with_superseded(books, store.events(local_midnight(first - EARLIER, deployment.zone)))
    return posted(books, items, first)


def ledger_since(deployment: Deployment, since: date, customer: str | None = None) -> Ledger:
    """The ledger from the month of ``since`` until today. Raises :class:`NotDone` when Autotask cannot be asked."""
    if since > deployment.today:
        raise Senseless(f"{since:%Y-%m} is a month to come: name the first month of the ledger.")
    if customer is not None:
        require_customer_to_show(deployment, customer)
    store, first = deployment.store, since.replace(day=1)
    moment = local_midnight(first, deployment.zone)
    records = replace(listed(store), names=tuple(store.all_names()))
    changes = store.changes(local_midnight(first_change_of(records, first), deployment.zone))
    with asking_autotask():
        books = open_books(deployment.ports, records, first, changes)
    parked = effects(records.parked_events, books, deployment.zone)
    return ledger(books, first, store.events(moment - EARLIER), customer, parked)


# -- As a file

_ID = code(str)
_NUMBER = whole(-(10**12), 10**12)
_COLUMNS = (
    *(Column(name, _ID) for name in ("month", "customer_id", "contract_id", "service_id", "skus")),
    *(Column(name, TEXT) for name in ("customer_name", "company_name", "contract_name", "service_name")),
    Column("used", _NUMBER),
    *(Column(f"terms_{why.value}".replace("-", "_"), _NUMBER) for why in BY_TERMS),
    Column("billed", _NUMBER),
    *(Column(f"cause_{why.value}".replace("-", "_"), _NUMBER) for why in WhyDiffers if why not in BY_TERMS),
    *(Column(name, DECIMAL) for name in ("unit_price", "unit_cost")),
    Column("unit_price_by_hand", TEXT),
    *(
        Column(f"estimate_{name}", DECIMAL)
        for name in ("used", "by_terms", "billed", "not_billed", "too_many", "cost", "margin")
    ),
    Column("undecided_event", _ID),
    Column("undecided_seat_days", _NUMBER),
    Column("estimate_undecided", DECIMAL),
    Column("undecided_why", TEXT),
)


def ledger_csv(found: Ledger) -> str:
    """The ledger as a file of CSV: seat-days of each month, customer and line, and estimates in money.

    Parked events have rows and columns of their own, so that no other column sums what nobody has decided about.
    """
    return as_csv(_COLUMNS, _csv_rows(found))


def _csv_rows(found: Ledger) -> Iterator[dict[str, object]]:
    for month in found.months:
        yield from (_csv_row(month, entry, found) for entry in month.entries)
        yield from (
            _csv_undecided(one, found, part)
            for one in found.undecided
            for part in one.months
            if part.first == month.first
        )
    yield from (_csv_undecided(one, found) for one in found.undecided if not one.months)


def _csv_row(month: LedgerMonth, entry: LedgerEntry, found: Ledger) -> dict[str, object]:
    days, price = entry.seat_days, entry.price
    return {
        **_csv_whose(month.first, entry.customer, entry.key, found),
        "skus": " ".join(entry.skus),
        "used": days.used,
        **{f"terms_{why.value}".replace("-", "_"): units for why, units in days.granted.items()},
        "billed": days.billed,
        **{f"cause_{why.value}".replace("-", "_"): units for why, units in days.causes.items()},
        **_csv_price(price),
        **_csv_money(entry),
    }


def _csv_undecided(
    one: UndecidedEvent, found: Ledger, part: UndecidedMonth | None = None
) -> dict[str, object]:
    """What a parked event would change in a month; without one, why it changes none, or why nobody can say."""
    event, said = one.event, part or one
    why = (event.parked.message if event.parked else "", said.sentence)
    return {
        **_csv_whose(part.first if part else None, event.customer_id, one.key, found),
        "skus": one.sku or None,
        **_csv_price(one.price),
        "undecided_event": event.event_id,
        "undecided_seat_days": said.seat_days,
        "estimate_undecided": said.estimate,
        "undecided_why": " ".join(filter(None, why)),
    }


def _csv_whose(month: date | None, customer: str, key: LineKey | None, found: Ledger) -> dict[str, object]:
    contract_id, service_id = (key.contract_id, key.service_id) if key else (None, None)
    return {
        "month": f"{month:%Y-%m}" if month else None,
        "customer_id": customer or None,
        "contract_id": contract_id,
        "service_id": service_id,
        **names_form(found.names, customer, contract_id, service_id),
    }


def _csv_price(price: LinePrice) -> dict[str, object]:
    return {
        "unit_price": price.price,
        "unit_cost": price.cost,
        "unit_price_by_hand": "yes" if price.by_hand else None,
    }


def _csv_money(entry: LedgerEntry) -> dict[str, object]:
    money = entry.estimate
    if money is None:
        return {}
    return {
        "estimate_used": money.used,
        "estimate_by_terms": sum(money.granted.values(), Decimal("0.00")),
        "estimate_billed": money.billed,
        "estimate_not_billed": money.not_billed,
        "estimate_too_many": money.too_many,
        "estimate_cost": entry.cost,
        "estimate_margin": entry.margin,
    }
