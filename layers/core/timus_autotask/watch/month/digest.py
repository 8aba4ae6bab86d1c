"""The digest: what finance and the operators should know of the last days, money first. Nothing is written.

The records are listed, and Autotask is asked as for one month of ``ready``, so a thousand customers cost some dozens of reads. The journal is read
once: from the month before on, or from an earlier one where something waits since then. While Autotask is away, the money is missing, and it is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from timus_autotask.domain.days import effective_day, local_midnight
from timus_autotask.domain.line import JournalEntry, Outcome
from timus_autotask.domain.mapping import LineKey
from timus_autotask.ports.errors import AutotaskError, NotConfigured, SecretsUnavailable
from timus_autotask.ports.psa import UnitRow
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.listing import everything
from timus_autotask.watch.money import NOTHING, Estimate, billed, estimated, total
from timus_autotask.watch.month.billing_items import left_to_post
from timus_autotask.watch.month.books import (
    NO_COSTS,
    BookLine,
    Books,
    first_change_of,
    open_books,
    with_changes,
)
from timus_autotask.watch.month.causes import BY_ITSELF, DECIDED, SETTLED, WhyDiffers
from timus_autotask.watch.month.coverage import Coverage
from timus_autotask.watch.month.ledger import with_superseded
from timus_autotask.watch.month.months import month_before, month_of
from timus_autotask.watch.month.periods import periods_within
from timus_autotask.watch.month.posted import Posted, posted
from timus_autotask.watch.month.ready import (
    YEAR,
    Beside,
    Open,
    Ready,
    Waits,
    beside_of,
    open_since,
    ready,
    waits_since,
)
from timus_autotask.watch.month.to_post import NotPosted
from timus_autotask.watch.names import NOBODY, Directory, directory, name_of
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.status import Status, status_of

EARLIER = timedelta(days=31)
"""What came so long before a month may still say something of it."""


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """What was changed on one line."""

    customers: tuple[str, ...]
    key: LineKey
    skus: tuple[str, ...]
    first: date
    """From the earliest of their days on."""
    delta: int
    """Units, together."""
    count: int
    """Adjustments."""
    estimate: Estimate
    """``so_far``: on the next invoice."""
    posted: Decimal = Decimal("0.00")
    """What is on a posted invoice already; it is in no ``estimate``."""
    over: Decimal = Decimal("0.00")
    """What is of billing periods that are over and that nobody has posted yet, likewise."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits for a person."""

    customer: str
    sku: str
    key: LineKey | None
    why: str
    remedy: str
    kind: str
    seats: int = 0
    """Negative: not billed; positive: billed too many."""
    estimate: Decimal | None = None
    """What that comes to until the end of the billing period, likewise; None: no price is known."""
    first: date | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """All of it."""

    since: date
    today: date
    changed: tuple[ChangedLine, ...]
    """The most money first."""
    waiting: tuple[Waiting, ...]
    """Likewise."""
    by_itself: int
    """Things that are open and settled without a person."""
    unmapped_customers: tuple[str, ...]
    unmapped_skus: tuple[str, ...]
    coverage: tuple[Coverage, ...] = ()
    """What ends soon: then no contract bills it."""
    ended: tuple[Coverage, ...] = ()
    """What no contract bills any more, and Timus has seats of."""
    earlier: Ready | None = None
    """The month before, if it has something to post and nobody has posted all of it."""
    passed: tuple[Posted, ...] = ()
    """Of this month and the one before: each with what was posted otherwise than it should and settling does not bring any more, or as people decided, what
    no posting has and no waiting brings, and what of posted periods waits for the next posting."""
    begins: time | None = None
    """The partner's local time on the day ``since`` from which on it tells; None: the whole day."""
    observing: bool = False
    """Whether the stack posts nothing."""
    names: Directory = NOBODY
    notes: tuple[str, ...] = ()
    away: str = ""
    """Why Autotask could not be asked: then there is no money in it, and no coverage."""

    @property
    def changes(self) -> int:
        """Adjustments that were made."""
        return sum(one.count for one in self.changed)

    @property
    def effect(self) -> Estimate:
        """What they do to the next invoice, and to each period after it."""
        return total(one.estimate for one in self.changed)

    @property
    def posted(self) -> Decimal:
        """What of it is on posted invoices already."""
        return sum((one.posted for one in self.changed), Decimal("0.00"))

    @property
    def over(self) -> Decimal:
        """What of it is of billing periods that are over and not posted yet: of an invoice before the next one."""
        return sum((one.over for one in self.changed), Decimal("0.00"))

    @property
    def not_billed(self) -> Decimal:
        """What is not billed by the end of the billing periods while things wait; a positive number."""
        return -sum((min(one.estimate or Decimal(), Decimal()) for one in self.waiting), Decimal("0.00"))

    @property
    def too_much(self) -> Decimal:
        """What is billed too much by then."""
        return sum((max(one.estimate or Decimal(), Decimal()) for one in self.waiting), Decimal("0.00"))


def digest(ports: Ports, since: datetime) -> Digest:
    """What happened since then, and what is open now."""
    records, _ = everything(ports.store, 0)
    now, today = ports.clock.now(), ports.today()
    status = status_of(records, now, ports.zone)
    found = Digest(
        effective_day(since, ports.zone),
        today,
        (),
        _without_autotask(status),
        0,
        status.mapped.customers,
        status.mapped.skus,
        begins=_begins(since, ports.zone),
        observing=not status.stages.partner.live,
        names=directory({id_: name_of(one) for id_, one in records.customers.items()}, records.names),
    )
    circuit = records.partner.circuit.value
    if circuit.open(now):
        return _away(found, circuit.reason, since, ports)
    before, (_, last) = month_before(today), month_of(today)
    try:
        books = open_books(ports, records, today - YEAR - EARLIER)
        left, books = left_to_post(ports, books, before, last)
    except (AutotaskError, NotConfigured, SecretsUnavailable) as error:
        return _away(found, str(error) or type(error).__name__, since, ports)
    books = with_superseded(books, ports.store.events(local_midnight(before - EARLIER, ports.zone)))
    beside = beside_of(records, now, ports.zone)
    # Without the journal more may seem to wait, and for longer: so far back it is read, and then it says what does.
    first = _first_waiting(books, beside)
    said = first_change_of(records, first - EARLIER)
    changes = [*ports.store.changes(min(since, local_midnight(said, ports.zone)))]
    books = with_changes(books, changes)
    waits = open_since(books, _first_waiting(books, beside), beside)
    found = replace(
        found,
        changed=_changed(_made(changes, since), books, ports),
        passed=_passed(books, left),
        notes=_notes(books),
    )
    return _with(found, books, waits, beside)


def _away(found: Digest, why: str, since: datetime, ports: Ports) -> Digest:
    """By our own records, while Autotask cannot be asked."""
    changed = _changed(_made(ports.store.changes(since), since), None, ports)
    return replace(found, changed=changed, away=why)


def _made(changes: Iterable[JournalEntry], since: datetime) -> Sequence[JournalEntry]:
    """The adjustments that were made since then."""
    return [one for one in changes if one.settled_at >= since and one.outcome is Outcome.LANDED and one.delta]


def _passed(books: Books, left: Sequence[NotPosted]) -> tuple[Posted, ...]:
    """What of this month and of the one before was posted otherwise than it should, or not at all."""
    before = month_before(books.today)
    months = (
        _to_correct(
            posted(books, None, month), (one for one in left if max(one.day, before).replace(day=1) == month)
        )
        for month in (books.today.replace(day=1), before)
    )
    return tuple(one for one in months if one.passed or one.decided or one.in_no_posting or one.not_posted)


def _with(found: Digest, books: Books, waits: Sequence[Open], beside: Beside) -> Digest:
    """With what is open today, with how this month stands and whether the one before is posted."""
    month, before = ready(books, books.today, beside), ready(books, month_before(books.today), beside)
    now = [one for one in waits if one.kind not in BY_ITSELF]
    person = [*now, *month.later]  # what is parked of later days waits for a person all the same
    over = (period for period in before.periods if period.last < month.month)
    unposted = any(not period.posted and not period.empty for period in over)
    return replace(
        found,
        waiting=_sorted(_waiting(one) for one in person),
        by_itself=len(waits) - len(now),
        coverage=month.coverage,
        ended=month.ended,
        earlier=before if unposted else None,
    )


def _begins(since: datetime, zone: ZoneInfo) -> time | None:
    whole = since == local_midnight(effective_day(since, zone), zone)
    return None if whole else since.astimezone(zone).time()


def _notes(books: Books) -> tuple[str, ...]:
    return tuple(note for note in books.notes if note != NO_COSTS)  # it shows none


def _first_waiting(books: Books, beside: Beside) -> date:
    """The first day of the month before, or of an earlier one from which something waits."""
    before, oldest = month_before(books.today), (books.today - YEAR).replace(day=1)
    return min(waits_since(books, beside, oldest, before), before).replace(day=1)


def _to_correct(found: Posted, left: Iterable[NotPosted]) -> Posted:
    """With what is left of it, and without what is told with what waits or has ended, nor days before the first one that was chosen: nobody misses these."""
    lost = (one for one in found.in_no_posting if one.cause in SETTLED and one.cause not in DECIDED)
    settled = (one for one in found.passed if not one.comes)
    wanted = (one for one in found.decided if one.cause is not WhyDiffers.BEFORE)
    return replace(
        found,
        passed=tuple(settled),
        decided=tuple(wanted),
        in_no_posting=tuple(lost),
        not_posted=tuple(left),
    )


def _changed(made: Iterable[JournalEntry], books: Books | None, ports: Ports) -> tuple[ChangedLine, ...]:
    found: dict[LineKey, ChangedLine] = {}
    rows: dict[tuple[int, int], list[UnitRow]] = {}
    for row in books.rows if books else ():
        rows.setdefault((row.contract_id, row.service_id), []).append(row)
    for entry in made:
        known = found.get(entry.line)
        of = rows.get((entry.line.contract_id, entry.line.service_id), ())
        estimate, on_posted, over = _estimate(entry, books, of, ports)
        more = ChangedLine(
            tuple(sorted({customer for customer, _ in entry.sources})),
            entry.line,
            tuple(sorted({sku for _, sku in entry.sources})),
            entry.day,
            entry.delta,
            1,
            estimate,
            on_posted,
            over,
        )
        found[entry.line] = _together(known, more) if known else more
    return tuple(
        sorted(
            found.values(),
            key=lambda one: (-abs(one.estimate.so_far + one.posted + one.over), -abs(one.delta), one.key),
        )
    )


def _estimate(
    entry: JournalEntry, books: Books | None, rows: Sequence[UnitRow], ports: Ports
) -> tuple[Estimate, Decimal, Decimal]:
    """What a change does to the next invoice and after it; what of it is on a posted one, and what of periods that are over and not posted.

    ``rows`` are Autotask's of its service.
    """
    line = books.lines.get(entry.line) if books else None
    if line is None or line.contract is None:
        return replace(NOTHING, unknown=1), NOTHING.so_far, NOTHING.so_far
    contract, today, on_posted, over = line.contract, ports.today(), NOTHING.so_far, NOTHING.so_far
    parts = _parts(entry, line)
    if not parts:
        return replace(NOTHING, unknown=1), on_posted, over
    found = total(
        estimated(units, price, entry.day, contract.end, contract.schedule, today) for units, price in parts
    )
    made = effective_day(entry.settled_at, ports.zone)
    for first, last in periods_within(contract, entry.day, max(entry.day, today)):
        day = max(first, entry.day)
        money = sum((billed(units, price, day, last, contract.schedule) for units, price in parts), Decimal())
        if _is_posted(line, day, made, rows):
            on_posted += money
        elif last < today:
            over += money
    return replace(found, so_far=found.so_far - on_posted - over), on_posted, over


def _parts(entry: JournalEntry, line: BookLine) -> list[tuple[int, Decimal]]:
    """(units, money of one in a period) of a change: its units, and what a new price does to those that were there; empty: no price is known."""
    price, new = _price_after(entry, line), entry.price
    parts = [] if price is None else [(entry.delta, price)]
    if price is not None and new is not None and new.before is not None:
        parts.append((entry.units_before, price - Decimal(new.before)))
    return parts


def _price_after(entry: JournalEntry, line: BookLine) -> Decimal | None:
    """The unit price with which a change left the line: its own, the one that the next change with a price found, or today's."""
    if entry.price is not None:
        return Decimal(entry.price.after)
    later = (
        one.price.before
        for one in line.changes
        if one.outcome is Outcome.LANDED and one.number > entry.number and one.price is not None
    )
    before = next(later, None)
    return line.price.price if before is None else Decimal(before)


def _is_posted(line: BookLine, day: date, made: date, rows: Iterable[UnitRow]) -> bool:
    """Whether a change that was made on a day was there when somebody posted the period that it changes."""
    return any(
        row.posted_on is not None and made <= row.posted_on
        for row in rows
        if row.start <= day <= row.end and not line.other_than(row.contract_service_id)
    )


def _together(one: ChangedLine, other: ChangedLine) -> ChangedLine:
    return ChangedLine(
        tuple(sorted({*one.customers, *other.customers})),
        one.key,
        tuple(sorted({*one.skus, *other.skus})),
        min(one.first, other.first),
        one.delta + other.delta,
        one.count + other.count,
        one.estimate + other.estimate,
        one.posted + other.posted,
        one.over + other.over,
    )


def _waiting(one: Open) -> Waiting:
    return Waiting(
        one.customer,
        one.sku,
        one.key,
        one.message,
        one.remedy,
        one.kind.value,
        one.seats,
        one.estimate,
        one.first,
    )


def _sorted(these: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(
        sorted(
            these, key=lambda one: (-abs(one.estimate or Decimal()), -abs(one.seats), one.customer, one.sku)
        )
    )


def _without_autotask(status: Status) -> tuple[Waiting, ...]:
    """What waits for a person by our records alone: with no money."""
    lines: Sequence[Waiting] = [
        Waiting(line.customer, line.sku, line.key, line.reason or "", line.remedy or "", line.state.value)
        for line in status.lines
        if line.remedy
    ]
    events = [
        Waiting(event.customer_id, "", None, event.parked.message, remedy_of(event.parked), Waits.EVENT.value)
        for event in status.parked_events
        if event.parked
    ]
    names = [
        Waiting(one.customers[0], "", None, f"{one.message}.", one.remedy, Waits.NAME.value)
        for one in status.undecided
        if one.of_name
    ]
    return _sorted([*lines, *names, *events])
