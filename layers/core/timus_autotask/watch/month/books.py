"""Our records and Autotask's rows of some days, side by side and read once: what the reports for finance are made of. Read-only.

Three calls of Autotask for each five hundred contracts, and one for the catalogue. What the API user may not read is noted, and the rest
stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import policy_of, wanted_units, whose_terms
from timus_autotask.domain.converge.holds import LineSeen, held_later
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import ONE_DAY, period_containing
from timus_autotask.domain.desired import Demand, Desired
from timus_autotask.domain.history import Merge
from timus_autotask.domain.line import JournalEntry, Line
from timus_autotask.domain.mapping import LineKey, PlanMapping, service_on
from timus_autotask.domain.placement import Placement
from timus_autotask.domain.policy import BillingSchedule, Policy, PostedPeriod
from timus_autotask.domain.price import ObservedPrice
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING as NO_UNITS
from timus_autotask.domain.timeline import Timeline
from timus_autotask.domain.undone import without_undone
from timus_autotask.ports.errors import Refused
from timus_autotask.ports.psa import ContractService, Service, UnitRow
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.sync.gather import observed_of
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.names import NOBODY, Directory, directory, name_of
from timus_autotask.watch.status import Records, desired_of, is_live, policies_of, stage_of_everybody

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LinePrice:
    """What one unit of a line costs the client, and the partner, in a whole period."""

    price: Decimal | None = None
    """None: Autotask shows none."""
    cost: Decimal | None = None
    """None: Autotask shows none, or the API user may not read costs."""
    by_hand: bool | None = None
    """Somebody set the price: it is neither the catalogue's nor the one that we sent last. None: the catalogue was not looked at."""

    @property
    def margin(self) -> Decimal | None:
        """What the partner keeps of it; None: one of the two is not known."""
        return None if self.price is None or self.cost is None else self.price - self.cost


UNKNOWN = LinePrice()
REJECTED_BEFORE = timedelta(days=92)
"""A change is rejected at most so long before its day."""
NO_COSTS = "All costs read as 0: none are set, or the API user may not read them. There is no margin."
NOTHING = Observed()
WITHOUT_PART = (Merge.SUPERSEDED, Merge.DUPLICATE)
"""What became of an event that is merged again once an earlier one, which is parked, is accepted."""


@dataclass(frozen=True, slots=True)
class BookLine:
    """One line: what it should have, what Autotask has, and all that may say why they differ."""

    key: LineKey
    demand: Demand | None
    """None: no subscription maps to it (any more)."""
    line: Line
    contract: Contract | None
    """None: Autotask has no such contract, or hides it."""
    observed: Observed = NOTHING
    price: LinePrice = UNKNOWN
    live: bool = True
    chosen: int | None = None
    """The contract service that a person chose, where its service is on the contract more than once."""
    changes: tuple[JournalEntry, ...] = ()
    """Of the journal, those of this line."""
    held_later: Mapping[date, Parked] = field(default_factory=dict)
    """What is scheduled and will be held by the terms on its day; see ``held_later``."""
    posted_period: PostedPeriod = PostedPeriod.NEXT_OPEN_DAY
    """What the terms that count on it say of a change whose day is posted."""

    @property
    def shut(self) -> tuple[tuple[date, date], ...]:
        """(first, last) of the posted stretches in which the terms let nothing be adjusted any more."""
        return self.observed.closed if self.posted_period is PostedPeriod.NEXT_OPEN_DAY else ()

    def is_shut(self, day: date) -> bool:
        """Whether a day is posted, so that whatever is decided today counts from a later one."""
        return self.posted_period is PostedPeriod.NEXT_OPEN_DAY and self.observed.is_posted(day)

    @property
    def wanted(self) -> Timeline:
        """What it should have, with what a person put on top and somebody wanted to keep.

        An edit that was over before anybody had decided on it was not kept by anybody: what it left on days past is billed, and not wanted.
        """
        line = replace(self.line, by_hand=NO_UNITS) if self.line.by_hand.steps else self.line
        return wanted_units(self.demand, line)

    @property
    def undone(self) -> Timeline:
        """What people undid: units that it would have, and is wanted without; negative: it is wanted with more."""
        units = self.demand.units if self.demand else NO_UNITS
        return units.minus(without_undone(self.demand, self.line.undone))

    @property
    def kept(self) -> Timeline:
        """Units that it would have without an edit in Autotask that is kept; negative: it is wanted with more."""
        if not self.line.offset.steps:
            return NO_UNITS
        return without_undone(self.demand, self.line.undone).minus(self.wanted)

    @property
    def has(self) -> Timeline:
        """What Autotask has: nothing after the contract's last day, where the units that were read stay as they were for ever."""
        units = self.observed.by_day
        return units.set_from(self.contract.end + ONE_DAY, 0) if self.contract else units

    def other_than(self, contract_service_id: int) -> bool:
        """Whether a person chose another contract service of the same service for this line."""
        return self.chosen is not None and self.chosen != contract_service_id

    @property
    def customers(self) -> tuple[str, ...]:
        """Whose it is, sorted; those it was last, if nobody maps to it any more."""
        sources = (
            [source.customer_id for source in self.demand.sources]
            if self.demand
            else [customer for customer, _ in self.line.sources]
        )
        return tuple(sorted(set(sources)))

    @property
    def skus(self) -> tuple[str, ...]:
        """What is billed on it, sorted."""
        sources = [source.sku for source in self.demand.sources] if self.demand else []
        return tuple(sorted({*sources, *(sku for _, sku in self.line.sources if not sources)}))


@dataclass(frozen=True, slots=True)
class Books:
    """All that was read."""

    today: date
    first: date
    """From this day on Autotask's rows were read."""
    records: Records
    customers: Mapping[str, Customer]
    desired: Desired
    contracts: Mapping[int, Contract]
    lines: Mapping[LineKey, BookLine]
    services: Mapping[int, LinePrice] = field(default_factory=dict)
    """The catalogue's own prices, of the services that are mapped."""
    contract_services: Mapping[int, ContractService] = field(default_factory=dict)
    """By id, on these contracts, also those that we have nothing to do with."""
    names: Directory = NOBODY
    notes: tuple[str, ...] = ()
    """What could not be read, for people."""
    plans: Mapping[str, PlanMapping] = field(default_factory=dict)
    rows: tuple[UnitRow, ...] = ()
    """Autotask's own, of whole contracts."""
    without_part: tuple[EventRecord, ...] = ()
    """Of subscriptions with parked events: events that changed nothing, and are merged again once an earlier one is accepted."""
    superseded: Mapping[tuple[str, str], Timeline] = field(default_factory=dict)
    """By customer and SKU: units that Timus had by superseded events beyond what is known without them; negative: fewer. Empty until asked for."""


def first_change_of(records: Records, first: date) -> date:
    """From which day on the journal may say something of the days from ``first`` on: an earlier one, where an edit that is over has left units on them.

    What somebody rejected before the edit may be what these days lack.
    """
    found = [first]
    for line in (stored.value for one in records.contracts.values() for stored in one.lines.values()):
        left = line.by_hand
        if any(left.at(day) for day in (first, *left.days) if day >= first):
            found.append(left.days[0] - REJECTED_BEFORE)
    return min(found)


def rejected_units(line: Line) -> Timeline:
    """Units that a person rejected, and that are lacking still; negative: it has more."""
    found = NO_UNITS
    for change in line.set_aside:
        if change.rejection is not None:
            found = found.add_from(change.day, change.delta)
    return found


def days_of_period(books: Books, key: LineKey | None, day: date) -> int:
    """Days of the billing period that a day is in; without a contract those of its month."""
    contract = books.contracts.get(key.contract_id) if key else None
    schedule = BillingSchedule(day.replace(day=1))
    if contract is not None and day >= contract.start:
        schedule = contract.schedule
    first, last = period_containing(day, schedule.start, schedule.months)
    return (last - first).days + 1


def price_of_sku(books: Books, customer: str, sku: str) -> tuple[LinePrice, LineKey | None]:
    """The price of a customer's SKU, and the line that bills it; without a line the catalogue's, as far as there is one."""
    for key, line in books.lines.items():
        sources = line.demand.sources if line.demand else ()
        if any((one.customer_id, one.sku) == (customer, sku) for one in sources):
            return line.price, key
    return price_without_line(books, customer, sku), None


def price_without_line(books: Books, customer: str, sku: str) -> LinePrice:
    """The catalogue's price of a SKU that has no line, if a service is chosen for it."""
    one = books.customers.get(customer)
    placement = Placement(one, books.plans) if one else None
    service = service_on(placement.mapping, books.plans, sku, books.today) if placement else None
    return books.services.get(service, UNKNOWN) if service is not None else UNKNOWN


def open_books(ports: Ports, records: Records, first: date, changes: Iterable[JournalEntry] = ()) -> Books:
    """Read what Autotask has from ``first`` on of every contract that we know.

    Raises ``AutotaskError``, ``NotConfigured`` and ``SecretsUnavailable``; prices and costs that are refused are noted instead.
    """
    return _Reader(ports, records, first).books(changes)


class _Reader:
    def __init__(self, ports: Ports, records: Records, first: date) -> None:
        self._autotask = ports.autotask()
        self._store = ports.store
        self._records = records
        self._first = first
        self._today = ports.today()
        self._notes: list[str] = []

    def books(self, changes: Iterable[JournalEntry]) -> Books:
        records, autotask = self._records, self._autotask
        customers, wanted = desired_of(records, self._today)
        ids = sorted({*records.contracts, *(key.contract_id for key in wanted.demands)})
        contracts = autotask.contracts(ids) if ids else {}
        recurring = [id_ for id_, one in contracts.items() if one.recurring]
        rows = autotask.units_of_contracts(recurring, self._first) if recurring else []
        there = self._contract_services(contracts)
        plans = records.partner.plan_mappings
        catalogue = self._catalogue(customers.values(), plans, there)
        lines = _lines(records, wanted, contracts, rows, _by_line(changes))
        lines = _with_terms(lines, policies_of(customers, records), self._today)
        costs = self._costs()
        prices = _prices(there, catalogue, lines, costs=costs)
        self._notes += [
            f"Autotask has no contract {id_}, or the API user may not see it."
            for id_ in ids
            if id_ not in contracts
        ]
        return Books(
            self._today,
            self._first,
            records,
            customers,
            wanted,
            contracts,
            {key: replace(line, price=prices.get(key, UNKNOWN)) for key, line in lines.items()},
            {id_: LinePrice(service.unit_price) for id_, service in catalogue.items()},
            {one.id: one for one in there},
            directory(
                {id_: name_of(found) for id_, found in records.customers.items()},
                records.names,
                contracts.values(),
            ),
            tuple(self._notes),
            plans,
            tuple(rows),
            tuple(self._without_part()),
        )

    def _without_part(self) -> Iterator[EventRecord]:
        """One read for each customer with an event that is parked."""
        parked = {(one.customer_id, one.subscription_id) for one in self._records.parked_events}
        for customer in sorted({customer for customer, subscription in parked if subscription}):
            yield from (
                one
                for one in self._store.events_of(customer)
                if one.outcome in WITHOUT_PART and (customer, one.subscription_id) in parked
            )

    def _contract_services(self, contracts: Iterable[int]) -> list[ContractService]:
        none: list[ContractService] = []
        ids = [*contracts]
        if not ids:
            return none
        there = self._if_shown("Prices of contracts", lambda: self._autotask.contract_services_of(ids), none)
        if any(one.foreign for one in there):
            self._notes.append(
                "Some clients pay in another currency than yours: sums add the numbers of all currencies."
            )
        return there

    def _if_shown(self, what: str, question: Callable[[], T], none: T) -> T:
        """What the API user may not see is noted."""
        try:
            return question()
        except Refused as error:
            self._notes.append(f"{what} could not be read: {error}")
            return none

    def _costs(self) -> bool:
        def visible() -> bool:
            return bool(self._autotask.costs_visible())

        before = len(self._notes)
        seen = self._if_shown("Costs", visible, False)
        if not seen and len(self._notes) == before:
            self._notes.append(NO_COSTS)
        return seen

    def _catalogue(
        self,
        customers: Iterable[Customer],
        plans: Mapping[str, PlanMapping],
        there: Iterable[ContractService],
    ) -> Mapping[int, Service]:
        own = (choices for one in customers if one.mapping for choices in one.mapping.services.values())
        choices = [*own, *(plan.choices for plan in plans.values())]
        ids = {choice.service_id for each in choices for choice in each} | {one.service_id for one in there}
        none: dict[int, Service] = {}
        if not ids:
            return none
        return self._if_shown("The catalogue's prices", lambda: self._autotask.services(sorted(ids)), none)


def _lines(
    records: Records,
    wanted: Desired,
    contracts: Mapping[int, Contract],
    rows: Iterable[UnitRow],
    changes: Mapping[LineKey, tuple[JournalEntry, ...]],
) -> dict[LineKey, BookLine]:
    by_contract: dict[int, list[UnitRow]] = {}
    for row in rows:
        by_contract.setdefault(row.contract_id, []).append(row)
    chosen = {id_: one.state.value.chosen for id_, one in records.contracts.items()}
    observed = {
        id_: observed_of(by_contract.get(id_, ()), contract.end, chosen.get(id_, {}))
        for id_, contract in contracts.items()
    }
    recorded = {
        stored.value.key: stored.value for one in records.contracts.values() for stored in one.lines.values()
    }
    live = {id_: is_live(stored.state.value, records) for id_, stored in records.contracts.items()}
    return {
        key: BookLine(
            key,
            wanted.demands.get(key),
            recorded.get(key, Line(key.contract_id, key.service_id)),
            contracts.get(key.contract_id),
            observed.get(key.contract_id, {}).get(key.service_id, NOTHING),
            chosen=choice.contract_service_id
            if (choice := chosen.get(key.contract_id, {}).get(key.service_id))
            else None,
            live=live.get(key.contract_id, stage_of_everybody(records).live),
            changes=changes.get(key, ()),
        )
        for key in sorted({*wanted.demands, *recorded})
    }


def _with_terms(
    lines: Mapping[LineKey, BookLine], policies: Mapping[str, Policy], today: date
) -> dict[LineKey, BookLine]:
    """With what the terms of today do to each line: what they will hold, and which days they leave as they were posted."""
    later = held_later(
        (LineSeen(one.line, one.demand, one.observed) for one in lines.values()), policies, today
    )
    return {
        key: replace(one, held_later=later.get(key, {}), posted_period=_posted_period(one, policies, today))
        for key, one in lines.items()
    }


def with_changes(books: Books, changes: Iterable[JournalEntry]) -> Books:
    """The books with these changes of the journal in place of those that they were opened with."""
    of = _by_line(changes)
    return replace(
        books, lines={key: replace(line, changes=of.get(key, ())) for key, line in books.lines.items()}
    )


def _posted_period(line: BookLine, policies: Mapping[str, Policy], today: date) -> PostedPeriod:
    demand = line.demand
    customers = whose_terms(demand, line.observed.units, wanted_units(demand, line.line), today)
    return policy_of(demand, policies, customers).posted_period


def _by_line(changes: Iterable[JournalEntry]) -> Mapping[LineKey, tuple[JournalEntry, ...]]:
    found: dict[LineKey, list[JournalEntry]] = {}
    for change in changes:
        found.setdefault(change.line, []).append(change)
    return {key: tuple(these) for key, these in found.items()}


def _by_hand(there: ContractService, line: Line, listed: Service | None) -> bool | None:
    """Whether a person has set the price: it is neither the one that we sent last nor the catalogue's, which is None where it is not known."""
    sent = Decimal(line.price) if line.price is not None else None
    return ObservedPrice(there.unit_price, sent, listed.unit_price).by_hand if listed else None


def _prices(
    there: Iterable[ContractService],
    catalogue: Mapping[int, Service],
    lines: Mapping[LineKey, BookLine],
    *,
    costs: bool,
) -> Mapping[LineKey, LinePrice]:
    """The price of each line; of a service that stands on a contract twice, that of the one that bills."""
    found: dict[LineKey, LinePrice] = {}
    for one in sorted(there, key=lambda one: one.id):
        key = LineKey(one.contract_id, one.service_id)
        line = lines.get(key)
        billing = line.observed.contract_service_ids if line else ()
        if line is None or (billing and one.id not in billing) or line.other_than(one.id):
            continue
        by_hand = _by_hand(one, line.line, catalogue.get(one.service_id))
        found[key] = LinePrice(one.unit_price, one.unit_cost if costs else None, by_hand)
    for key in lines:
        if key not in found and key.service_id in catalogue:
            found[key] = LinePrice(
                catalogue[key.service_id].unit_price, by_hand=False
            )  # it is new on the contract
    return found
