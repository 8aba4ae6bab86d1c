"""What is said of a customer's line in a month: the units of each day, its changes, and what differs; and how people read it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.days import ONE_DAY, each_day
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.line import HeldChange, JournalEntry, Line, Outcome, State, Undone
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.store.journal import Journal
from timus_autotask.watch.explanation import (
    Because,
)
from timus_autotask.watch.happened import undone_by
from timus_autotask.watch.month.asked import (
    AskedFor,
)
from timus_autotask.watch.month.books import UNKNOWN, LinePrice
from timus_autotask.watch.wording import counted


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the partner's zone; both days inclusive."""

    first: date
    last: date

    @classmethod
    def of(cls, day: date) -> Month:
        """The month of a day."""
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - ONE_DAY)

    @property
    def days(self) -> tuple[date, ...]:
        """All of them."""
        return tuple(each_day(self.first, self.last))

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class DayUnits:
    """A line on one day. None: the contract does not bill the day, or nobody knows."""

    day: date
    timus: int
    """The customer's own quantity of the SKUs that are billed here, as Timus says it."""
    part: int
    """What of the line is the customer's, on the partner's terms."""
    journal: int | None
    """The whole line, as it follows from the journal."""
    autotask: int | None
    """The whole line, as Autotask has it now."""
    why: tuple[Because, ...] = ()
    """Why the part is not what Timus says, or is not billed, and what an edit that is kept adds to the whole line."""


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """An edit that somebody made on a line in Autotask and that is kept, in the month."""

    first: date
    seat_days: int = 0
    """Units × days until today that are billed by it beyond Timus's on the terms; negative: short of them."""
    by: str = ""
    """Who decided last to keep an edit of the line; empty: it is kept by the terms, or the decision is too old to be looked for."""
    at: datetime | None = None
    """When, in the partner's zone."""

    @property
    def message(self) -> str:
        """For people."""
        who = (
            f"{self.by} decided so on {self.at:%Y-%m-%d}"
            if self.at
            else "so say the terms, or an older decision"
        )
        much = f"{counted(abs(self.seat_days), 'seat-day')} {'more' if self.seat_days > 0 else 'fewer'}"
        return (
            f"Somebody changed units in Autotask, and that is kept from {self.first} on ({who}): "
            f"{much if self.seat_days else 'by it no seat-day more or fewer'} until today than Timus and the terms come to."
        )


@dataclass(frozen=True, slots=True)
class JournalDifference:
    """A stretch of days on which journal and Autotask differ."""

    first: date
    last: date
    """Inclusive."""
    journal: int
    autotask: int

    @property
    def seat_days(self) -> int:
        """Units × days that Autotask has too many by the journal; negative: too few."""
        return (self.autotask - self.journal) * ((self.last - self.first).days + 1)

    @property
    def message(self) -> str:
        """For people."""
        days = f"on {self.first}" if self.first == self.last else f"from {self.first} to {self.last}"
        return f"Autotask has {self.autotask} {days}, and by the journal it is {self.journal}"


@dataclass(frozen=True, slots=True)
class SeatDays:
    """Units × days of the month until today that a line has otherwise than by Timus and the terms. Neither makes up for the other."""

    too_many: int = 0
    not_billed: int = 0

    @property
    def message(self) -> str:
        """For people: "9 too many and 6 too few"; empty: there are none."""
        sides = ((self.too_many, "too many"), (self.not_billed, "too few"))
        return " and ".join(f"{units} {much}" for units, much in sides if units)

    def with_units(self, units: int) -> SeatDays:
        """With one day more; ``units`` are not billed, or too many, if negative."""
        return SeatDays(self.too_many + max(-units, 0), self.not_billed + max(units, 0))


@dataclass(frozen=True, slots=True)
class LineEvidence:
    """One line in the month."""

    line: Line
    skus: tuple[str, ...]
    """Of the customer."""
    others: tuple[str, ...]
    """The other customers who are billed on it; their seats are in its units too."""
    days: tuple[DayUnits, ...]
    changes: tuple[JournalEntry, ...]
    """Those that concern the month: of a day in it, or made in it. In order."""
    journal: Journal
    """All of it, since the line is known."""
    broken: int | None
    """The number of the first entry that does not follow from the one before; None: the chain is whole."""
    differences: tuple[JournalDifference, ...]
    seat_days: SeatDays = field(default_factory=SeatDays)
    """All but what is kept of an edit, and days before the line is our concern."""
    by_undo: SeatDays = field(default_factory=SeatDays)
    """What of it is so because a person took a change back."""
    own_seat_days: SeatDays | None = None
    """Of a line of several customers: what the customer has otherwise than its own part; None: the line is its own."""
    unsaid: SeatDays = field(default_factory=SeatDays)
    """Of a line of several customers: what of ``seat_days`` is of days of which nobody can say whose seats are billed."""
    contract: Contract | None = None
    """As Autotask last said."""
    price: LinePrice = UNKNOWN
    """Of one unit and a whole period, as Autotask has it now."""
    estimate: Decimal | None = None
    """What Autotask's units of the days of the month come to at that price, the whole line; None: not known."""
    margin: Decimal | None = None
    """What the partner keeps of it; None: price or cost is not known."""
    whole: Demand | None = None
    """What all who share the line are billed on it, by Timus and the terms; None: it is the customer's own."""
    part: Timeline = NOTHING
    """What of the line is the customer's on each day, by Timus and the terms, as ``days`` have it."""
    asked: Mapping[str, AskedFor] = field(default_factory=dict)
    """Who asked for each of ``changes``, by its id."""
    kept: KeptEdit | None = None
    """What somebody changed in Autotask, and what is kept."""

    @property
    def key(self) -> LineKey:
        """Contract and service."""
        return self.line.key

    @property
    def of_customer(self) -> SeatDays:
        """What of ``seat_days`` is the customer's, as far as anybody can say."""
        return self.seat_days if self.own_seat_days is None else self.own_seat_days

    @property
    def undone_by(self) -> Mapping[str, str]:
        """By entry of the journal: the one that took it back."""
        return undone_by(self.journal.entries)

    @property
    def open_changes(self) -> tuple[HeldChange, ...]:
        """What awaits a person, and what was set aside."""
        held = (self.line.awaiting,) if self.line.awaiting else ()
        return (*held, *(one for one in self.line.set_aside if one != self.line.awaiting))

    @property
    def parked(self) -> Parked | None:
        """Why it is not followed, if so."""
        return self.line.parked if self.line.state in (State.PARKED, State.OBSERVING) else None


def by_journal(entries: Iterable[JournalEntry], line: Line) -> Timeline | None:
    """A line's units by day, as they follow from its journal; None: nobody has looked at it yet.

    An entry says what was there before it, or it goes on from the entry before it. One that landed adds its units from its day on. After
    ``restore``, an adjustment may be settled a second time: it counts once. A line without an entry has what it had when it was read last.
    """
    units: Timeline | None = None
    landed: set[str] = set()
    for entry in entries:
        if not entry.number:
            continue  # of an earlier version: the first entry of the chain says what came of it
        if entry.found is not None:
            units = entry.found
        if entry.outcome is Outcome.LANDED and entry.id not in landed:
            landed.add(entry.id)
            units = (units or NOTHING).add_from(entry.day, entry.delta)
    if line.found is not None:
        return line.found
    return line.known_units if units is None else units


def money_of(line: LineEvidence) -> str:
    """A line's price, cost and margin, and what its month comes to, for people; empty: nothing is known of it."""
    price = line.price
    if price.price is None:
        return ""
    said = f"Unit price {price.price:.2f}"
    if price.cost is not None:
        said += f", cost {price.cost:.2f}, margin {price.price - price.cost:.2f}"
    if line.estimate is not None:
        said += f"; the days of the month come to about {line.estimate}"
    return said + (f", margin about {line.margin}" if line.margin is not None else "")


def seat_days_of(line: LineEvidence) -> str:
    """What a line has too many or too few of, for people; empty: nothing."""
    found = line.seat_days
    if not found.message:
        return ""
    number, _, rest = found.message.partition(" ")
    are = "is" if found.too_many + found.not_billed == 1 else "are"
    said = f"{counted(int(number), 'seat-day')} {rest} {are} billed in this month until today."
    said += f" Of that, by what was undone: {line.by_undo.message}." if line.by_undo.message else ""
    if line.own_seat_days is None:
        return said
    said += f" That is the whole line; of this customer: {line.own_seat_days.message or 'none'}."
    return (
        f"{said} Of days of which nobody can say whose: {line.unsaid.message}."
        if line.unsaid.message
        else said
    )


def undone_of(line: LineEvidence) -> Iterator[str]:
    """Each undo that holds for some days, for people: what the line has on them, and who wanted it so."""
    again = {one.entry: one.day for one in line.line.undone}
    for one in line.line.undone:
        until = min((day for day in (one.until, again.get(one.opposite)) if day), default=None)
        if until and until <= one.day:
            continue  # newer news came first
        days = f"From {one.day}" + (f" to before {until}" if until else "")
        instead = _instead(one, [each for each in line.days if not (until and until <= each.day)])
        yield f"{days}, {one.units}{instead}: change {one.entry} was undone by {one.by}: {one.reason}"


def _instead(one: Undone, until: Sequence[DayUnits]) -> str:
    """Instead of which units these are, within a sentence; also where the days until its end have those, for the undo came too late."""
    if one.units == one.instead_of:
        return ", as Timus says"
    said, own = f" instead of {one.instead_of}", [each for each in until if one.day <= each.day]
    late = own and all(each.autotask == one.instead_of for each in own)
    return f"{said} was meant; these days are past changing and have {one.instead_of}" if late else said


@dataclass(frozen=True, slots=True)
class DaysAlike:
    """Days in a row with the same numbers."""

    first: date
    last: date
    """Inclusive."""
    units: DayUnits


def runs(days: Iterable[DayUnits]) -> list[DaysAlike]:
    """The days of a line, those with the same numbers as one."""
    found: list[DaysAlike] = []
    for one in days:
        if found and replace(found[-1].units, day=one.day) == one:
            found[-1] = replace(found[-1], last=one.day)
        else:
            found.append(DaysAlike(one.day, one.day, one))
    return found
