"""What the next step of a contract is decided from, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.line import JournalEntry, Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.price import ObservedPrice
from timus_autotask.domain.provisioning import NewContract
from timus_autotask.domain.timeline import NOTHING, Timeline


@dataclass(frozen=True, slots=True)
class ContractServiceSeen:
    """One of several contract services of the same service."""

    id: int
    units: Timeline
    unit_price: str | None = None
    """None: Autotask shows none."""

    def message(self, day: date) -> str:
        """With its units of a day and its price, for people."""
        price = f" at {self.unit_price}" if self.unit_price is not None else ""
        return f"{self.id} with {self.units.at(day)} units{price}"


@dataclass(frozen=True, slots=True)
class Observed:
    """What Autotask has of a service on a contract, as read now."""

    units: Timeline = NOTHING
    contract_service_ids: tuple[int, ...] = ()
    """More than one: the service is on the contract more than once, and nobody has chosen."""
    closed: tuple[tuple[date, date], ...] = ()
    """Approved and posted stretches, inclusive, in order."""
    missing: int | None = None
    """The contract service that a person chose, if it is not on the contract any more. Then nothing else is looked at."""
    earlier: Timeline = NOTHING
    """What the contract services had that counted before ``first_day``, up to then."""
    first_day: date | None = None
    """From when the contract service counts that a person chose; None: always."""
    offered: tuple[ContractServiceSeen, ...] = ()
    """The contract services among which a person has to choose."""

    @property
    def by_day(self) -> Timeline:
        """What was billed for the line on each day, on the contract service that counted then."""
        first_day, earlier, units = self.first_day, self.earlier, self.units
        if first_day is None or not earlier.steps:
            return units
        days = (*earlier.days, first_day, *units.days)
        return Timeline.sampled(days, lambda day: earlier.at(day) if day < first_day else units.at(day))

    def is_posted(self, day: date) -> bool:
        """Whether a day is in a period that is approved and posted."""
        return any(first <= day <= last for first, last in self.closed)


@dataclass(frozen=True, slots=True)
class ChangedUnits:
    """Units that our adjustments added or took off on one day, by customer."""

    day: date | None = None
    units: Mapping[str, int] = field(default_factory=dict)
    again: int = 0
    """What of it counts for more than one customer, without its first time."""

    def on(self, day: date) -> Mapping[str, int]:
        """Those of a day."""
        return self.units if day == self.day else {}

    def in_all(self, day: date) -> int:
        """Those of a day of all customers together."""
        return sum(self.units.values()) - self.again if day == self.day else 0

    def plus(self, day: date, customers: Collection[str], delta: int) -> ChangedUnits:
        """With one more adjustment. On a line that several customers share it counts for each of them, and once for all together."""
        units, again = (dict(self.units), self.again) if day == self.day else ({}, 0)
        every = dict.fromkeys(customers or ("",))
        for customer in every:
            units[customer] = units.get(customer, 0) + abs(delta)
        return ChangedUnits(day, units, again + abs(delta) * (len(every) - 1))


@dataclass(frozen=True, slots=True)
class FormerTerms:
    """What was wanted by the terms before one change of them."""

    desired: Desired
    by: str
    """Who made the change."""
    changed: tuple[str, ...]
    """Each term that was changed, as ``policy set`` writes it."""


def _no_former_terms(_customers: Collection[str], _since: datetime | None) -> Iterable[FormerTerms]:
    return ()


@dataclass(frozen=True, slots=True)
class View:
    """All that was gathered for one contract, under its lease."""

    contract_id: int
    contract: Contract | None
    """None: Autotask does not have it."""
    observed: Mapping[int, Observed]
    """By service; a service that is not in it has nothing on the contract."""
    desired: Desired
    lines: Mapping[LineKey, Line]
    """The lines of this contract, and of others where a plan change links them."""
    policies: Mapping[str, Policy]
    """By customer; the partner's own under the empty name."""
    zone: ZoneInfo
    now: datetime
    today: date
    alive_until: datetime
    """The end of the lease: by then the sender is surely dead."""
    settle: timedelta
    changed_today: ChangedUnits = field(default_factory=ChangedUnits)
    """For the limits of a day."""
    prices: Mapping[int, ObservedPrice] = field(default_factory=dict)
    """By service; only those that a step asked for."""
    renews: int | None = None
    """The contract that this one carries on, if we opened it for a renewed term."""
    renewed: date | None = None
    """The last day of the latest renewal that the contract was seen to cover, or that Autotask refused for now."""
    live: bool = True
    """Whether anything may be written to Autotask. Otherwise the next step is never a write, and says what would be done."""
    former_terms: Callable[[Collection[str], datetime | None], Iterable[FormerTerms]] = _no_former_terms
    """By the customers of a line, and of changes since a time only; the newest change first. A function, because each is worked out only where it
    is asked for."""
    looks: int = 0
    """How many times this contract was read since the last adjustment: read-after-write may lag."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next. The line that is adjusted and the state of its contract are written in one transaction, before the adjustment is sent.

    The other lines, each with its entries of the journal, may be written before it in transactions of their own. So each of them has to be
    true by itself.
    """

    lines: tuple[Line, ...] = ()
    """Those that changed."""
    journal: tuple[JournalEntry, ...] = ()
    adjust: Line | None = None
    """Adjust this line now, as its intent says."""
    extend: date | None = None
    """Extend the contract to this day first, then look again: its term was renewed."""
    renewed: date | None = None
    """The last day of the latest renewal that the contract covers."""
    ask_prices: Mapping[int, int | None] = field(default_factory=dict)
    """Read the prices of these services first, then decide again with nothing else changed. With the line of each on the contract; None:
    the service is new there."""
    successor: NewContract | None = None
    """Open this contract: the term was renewed, and the partner wants a new one for it."""
    look_again: bool = False
    """An accepted adjustment is not to be seen yet: read again in a moment."""
    due_at: datetime | None = None
    """When the contract must be looked at next if nothing else happens."""
