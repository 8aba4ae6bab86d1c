"""The shadow report: what people changed by hand in Autotask, day by day, against what the product would have done.

Autotask's unit rows are dated by themselves, so nothing is recorded for it: the rows of each day since then are compared with what each line
should have had on that day. That has limits, and the report says them:

* It compares days that are billed, not the moments at which somebody typed. What was typed late and dated back rightly counts as right.
* What each day should have had is what Timus has reported by now, on the terms of now. A report that came late moves the blame to the hand.
* All days are priced with the line's price of today; a service that is not on the contract yet with the catalogue's.
* A change that was put right before anybody looked, and dated back, leaves no trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import chain, pairwise

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import wanted_units
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.psa import ContractService, Psa, UnitRow
from timus_autotask.sync.gather import observed_of
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.listing import listed
from timus_autotask.watch.money import of_timeline
from timus_autotask.watch.names import NOBODY, Directory, known_names
from timus_autotask.watch.status import Each, Records, wanted_of


class ByHand(StrEnum):
    """What a hand did otherwise than the product would have."""

    MISSED = "missed"
    """Timus changed, and Autotask did not follow."""
    LATE = "late"
    """Autotask followed, from a later day on."""
    WRONG_DAY = "wrong-day"
    """Autotask was changed before Timus's day."""
    WRONG_QUANTITY = "wrong-quantity"
    """Autotask was changed to something that Timus never said, or was not asked to change."""
    BEFORE = "from-before"
    """They differed by as much on the day before the first one that was asked about, so these days do not show how it came about."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Days in a row on which a line had so many units more, or fewer, than it should."""

    kind: ByHand
    first: date
    until: date
    """The first day that is not among them; the day after today if it lasts."""
    seats: int
    """How many too many on each of them; negative: too few."""

    @property
    def seat_days(self) -> int:
        """Units × days that were billed too many; negative: that were not billed."""
        return self.seats * (self.until - self.first).days


@dataclass(frozen=True, slots=True)
class ShadowLine:
    """An episode of a line, with money."""

    key: LineKey
    sources: tuple[tuple[str, str], ...]
    episode: Episode
    wanted: int
    """On the last of its days."""
    autotask: int
    estimate: Decimal | None
    """What was billed too much, estimated; negative: not billed. None: Autotask shows no price, or has no such service."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """The report."""

    since: date
    until: date
    """The last day that was compared: today."""
    lines: tuple[ShadowLine, ...]
    level: int
    """Lines that were right on each day."""
    not_compared: int = 0
    """Lines whose contract Autotask does not have."""
    names: Directory = NOBODY

    @property
    def kinds(self) -> Mapping[ByHand, int]:
        """How often each happened."""
        return Counter(line.episode.kind for line in self.lines)

    @property
    def too_many(self) -> int:
        """Seat-days that were billed too many."""
        return sum(max(0, line.episode.seat_days) for line in self.lines)

    @property
    def too_few(self) -> int:
        """Seat-days that were not billed."""
        return sum(max(0, -line.episode.seat_days) for line in self.lines)

    @property
    def without_price(self) -> int:
        """How many of them have no known price; they are not in the money."""
        return sum(one.estimate is None for one in self.lines)

    @property
    def overbilled(self) -> Decimal:
        """What was billed too much, estimated."""
        return sum((max(Decimal(), one.estimate or Decimal()) for one in self.lines), Decimal("0.00"))

    @property
    def unbilled(self) -> Decimal:
        """What was not billed, estimated."""
        return sum((max(Decimal(), -(one.estimate or Decimal())) for one in self.lines), Decimal("0.00"))


def episodes(
    wanted: Timeline, has: Timeline, first: date, last: date, *, known_before: bool = True
) -> Iterator[Episode]:
    """Each stretch from ``first`` to ``last`` on which a line had other units than it should, with what a hand did wrong.

    A new one begins wherever the difference changes. ``known_before``: it could differ on the day before the first one already.
    """
    off = has.minus(wanted)
    days = sorted({first, *(day for day in off.days if first < day <= last)})
    stretches = [
        _Stretch(day, until, off.at(day)) for day, until in pairwise((*days, last + ONE_DAY)) if day <= last
    ]
    before = off.at(first - ONE_DAY) if known_before else 0
    seats, kind = before, ByHand.BEFORE
    for number, one in enumerate(stretches):
        is_rest = 0 < one.seats * seats < seats * seats and not _changes(has, one.first)
        seats = one.seats
        if not seats:
            before = 0
            continue
        if seats == before:
            kind = ByHand.BEFORE
        elif not is_rest:
            kind = _kind(wanted, has, one, stretches[number + 1 :])
        yield Episode(kind, one.first, one.until, seats)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Days in a row with one and the same difference."""

    first: date
    until: date
    seats: int


def _kind(wanted: Timeline, has: Timeline, one: _Stretch, later: Sequence[_Stretch]) -> ByHand:
    """What a hand did wrong, from how the difference came about and how it ended."""
    if _changes(has, one.first):
        level = bool(later) and later[0].seats == 0
        early = level and not _changes(has, one.until) and not _changes(wanted, one.first)
        return ByHand.WRONG_DAY if early else ByHand.WRONG_QUANTITY
    for following in later:
        moved = has.at(following.first) - has.at(following.first - ONE_DAY)
        if moved * one.seats < 0:
            return ByHand.LATE
        if following.seats == 0:
            break
    return ByHand.MISSED


def _changes(timeline: Timeline, day: date) -> bool:
    return timeline.at(day) != timeline.at(day - ONE_DAY)


@dataclass(frozen=True, slots=True)
class _Compared:
    """A line, with what it should have had and had."""

    key: LineKey
    sources: tuple[tuple[str, str], ...]
    wanted: Timeline
    has: Timeline
    episodes: tuple[Episode, ...]


def shadow(ports: Ports, since: date, customer: str | None = None, each: Each = map) -> Shadow:
    """Compare the days since then. Raises ``AutotaskError``, ``NotConfigured`` and ``SecretsUnavailable``."""
    today, autotask = ports.today(), ports.autotask()
    records = listed(ports.store)
    demands = {
        key: one for key, one in wanted_of(records, today).items() if customer in (None, *_customers(one))
    }
    ids = sorted({key.contract_id for key in demands})
    contracts = {id_: one for id_, one in autotask.contracts(ids).items() if one.recurring} if ids else {}
    rows = autotask.units_of_contracts(contracts, since - ONE_DAY) if contracts else []
    compared = [*_compared(demands, records, contracts, rows, since, today)]
    prices = _prices({one.key for one in compared if one.episodes}, autotask, records, each)
    lines = [line for one in compared for line in _episodes(one, prices, contracts)]
    return Shadow(
        since,
        today,
        tuple(sorted(lines, key=lambda one: (one.sources, one.key, one.episode.first))),
        level=sum(not one.episodes for one in compared),
        not_compared=len(demands) - len(compared),
        names=known_names(ports.store),
    )


def _prices(
    keys: Collection[LineKey], autotask: Psa, records: Records, each: Each
) -> Mapping[LineKey, Decimal | None]:
    """Unit prices by line.

    Of a service of which a person chose the contract service, it is that one's; of one that is not on the contract, the catalogue's.
    """

    def counts(line: ContractService) -> bool:
        choice = records.contracts[line.contract_id].state.value.chosen.get(line.service_id)
        return choice is None or choice.contract_service_id == line.id

    ids = sorted({key.contract_id for key in keys})
    lines = chain.from_iterable(each(autotask.contract_services, ids))
    prices = {LineKey(line.contract_id, line.service_id): line.unit_price for line in lines if counts(line)}
    new = [key for key in keys if key not in prices]
    catalogue = autotask.services(sorted({key.service_id for key in new})) if new else {}
    return prices | {key: catalogue[key.service_id].unit_price for key in new if key.service_id in catalogue}


def _customers(demand: Demand) -> list[str]:
    return [source.customer_id for source in demand.sources]


def _compared(
    demands: Mapping[LineKey, Demand],
    records: Records,
    contracts: Mapping[int, Contract],
    rows: Iterable[UnitRow],
    since: date,
    today: date,
) -> Iterator[_Compared]:
    by_contract: dict[int, list[UnitRow]] = {id_: [] for id_ in contracts}
    for row in rows:
        by_contract[row.contract_id].append(row)
    observed = {
        id_: observed_of(by_contract[id_], contract.end, records.contracts[id_].state.value.chosen)
        for id_, contract in contracts.items()
    }
    for key, demand in demands.items():
        contract = contracts.get(key.contract_id)
        if contract is None:
            continue
        has = observed[contract.id].get(key.service_id, Observed()).units
        wanted = wanted_units(demand, _line(key, records))
        begun, last = max(demand.start, contract.start), min(today, contract.end)
        found = episodes(wanted, has, max(since, begun), last, known_before=begun < since)
        sources = tuple((source.customer_id, source.sku) for source in demand.sources)
        yield _Compared(key, sources, wanted, has, tuple(found))


def _episodes(
    one: _Compared, prices: Mapping[LineKey, Decimal | None], contracts: Mapping[int, Contract]
) -> Iterator[ShadowLine]:
    """The episodes of a line, with money."""
    price = prices.get(one.key)
    schedule = contracts[one.key.contract_id].schedule
    for episode in one.episodes:
        last = episode.until - ONE_DAY
        off = one.has.minus(one.wanted)
        estimate = None if price is None else of_timeline(off, price, episode.first, last, schedule)
        yield ShadowLine(one.key, one.sources, episode, one.wanted.at(last), one.has.at(last), estimate)


def _line(key: LineKey, records: Records) -> Line:
    contract = records.contracts.get(key.contract_id)
    stored = contract.lines.get(key.service_id) if contract else None
    return stored.value if stored else Line(key.contract_id, key.service_id)
