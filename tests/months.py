"""Random months of one client, for the reports of finance: what is told, posted, edited by hand and held, and what is true after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.unit.cli.desk import Desk
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, SERVICES, World

FIRST = date(2026, 3, 1)
ONE_DAY = timedelta(days=1)

TERMS = st.sampled_from(
    [
        (),
        ("included.SASE-ADV-USER=2",),
        ("minimum.SASE-ADV-USER=12",),
        ("decreases=start-of-next-period",),
        ("approve_increases=always",),
        ("approve_decreases=always",),
        ("excluded=SASE-GATEWAY", "included.SASE-ADV-USER=3", "minimum.SASE-ADV-USER=5"),
        ("drift=enforce",),
        ("drift=adopt",),
        ("posted_period=hold",),
        ("posted_period=same-day",),
    ]
)
QUANTITIES = st.fixed_dictionaries(
    {ADV: st.integers(0, 20), ESS: st.integers(0, 6), GATEWAY: st.integers(0, 2)}
)
HAPPENINGS = st.one_of(
    st.tuples(st.just("tell"), QUANTITIES, st.integers(-6, 6)),
    st.tuples(st.just("tell"), QUANTITIES, st.integers(-6, 6)),
    st.tuples(st.just("late"), QUANTITIES, st.integers(-6, 0)),
    st.tuples(st.just("trial"), QUANTITIES, st.just(0)),
    st.tuples(st.just("cancel"), QUANTITIES, st.integers(0, 9)),
    st.tuples(st.just("edit"), st.sampled_from([-2, -1, 1, 2]), st.integers(-4, 4)),
    st.tuples(st.just("post"), st.none(), st.just(0)),
    st.tuples(st.just("approve"), st.none(), st.just(0)),
    st.tuples(st.just("reject"), st.none(), st.just(0)),
    st.tuples(st.just("adopt"), st.none(), st.just(0)),
    st.tuples(st.just("undo"), st.none(), st.integers(0, 2)),
    st.tuples(st.just("lose"), QUANTITIES, st.just(0)),
    st.tuples(st.just("garbage"), st.none(), st.just(0)),
    st.tuples(st.just("ignore"), st.none(), st.just(0)),
    st.tuples(st.just("map"), st.sampled_from(["today", "own-day"]), st.just(0)),
    st.tuples(st.just("wait"), st.none(), st.integers(1, 6)),
    st.tuples(st.just("wait"), st.none(), st.integers(1, 6)),
)
HALF_YEAR = 4
"""Autotask's number of that type of billing period; 2 is a month, and 3 a quarter."""
STORIES = st.lists(HAPPENINGS, min_size=2, max_size=9)
ENDING = st.lists(
    st.one_of(HAPPENINGS, HAPPENINGS, HAPPENINGS, st.tuples(st.just("end"), st.none(), st.integers(0, 9))),
    min_size=2,
    max_size=9,
)
"""With contracts that get another last day."""


def _edited(units: int, days: int, back: int, waits: int, more: list[tuple[str, object, int]]) -> list[Any]:
    return [
        ("wait", None, 4),
        ("edit", units, days),
        ("tell", {ADV: 10 + units, GATEWAY: 1}, -back),
        ("wait", None, waits),
        ("tell", {ADV: 10, GATEWAY: 1}, -back - waits),
        ("wait", None, 1),
        *more,
    ]


EDITED = st.builds(
    _edited,
    st.sampled_from([-5, -2, 1, 10]),
    st.integers(-4, 6),
    st.integers(0, 3),
    st.integers(1, 8),
    st.lists(HAPPENINGS, max_size=4),
)
"""With an edit of an earlier or a later day, a quantity of Timus's that it comes to, and a correction."""


@dataclass
class Told:
    """One version as Timus told it."""

    number: int
    day: date
    items: dict[str, int]
    status: str = "active"
    cancel_at: date | None = None


@dataclass
class Months:
    """The world, and what Timus has said in it."""

    world: World = field(default_factory=lambda: World(start=datetime(2026, 3, 1, 8, tzinfo=UTC)))
    told: list[Told] = field(default_factory=list)
    number: int = 2
    """Odd numbers are left free for what comes late."""

    spoke: datetime = datetime(2026, 3, 1, 8, tzinfo=UTC)
    """When Timus told its newest version."""

    @property
    def desk(self) -> Desk:
        return Desk(self.world)

    @property
    def today(self) -> date:
        return self.world.clock.now().date()

    def begin(self, terms: Sequence[str], mapped: bool) -> None:
        """A client on some terms, mapped or not yet."""
        if terms:
            self.desk.told("policy", "set", *terms, "--from", "always", "--yes")
        if mapped:
            self.world.map_customer()
        self.tell({ADV: 10, GATEWAY: 1}, 0)
        self.work()

    def tell(
        self,
        items: dict[str, int],
        days: int,
        *,
        late: bool = False,
        status: str = "active",
        ends: date | None = None,
    ) -> Told:
        """Timus reports; ``late``: an older version, which comes only now."""
        if late:
            number, when = self.number - 1, self.spoke - timedelta(minutes=1)
            if any(one.number == number for one in self.told):
                return self.told[-1]
        else:
            self.number += 2
            number, when = self.number, self.world.clock.now()
            self.spoke = when
        day = self.today + timedelta(days=days)
        one = Told(number, day, {sku: units for sku, units in items.items() if units}, status, ends)
        self.world.tell(
            number,
            one.items,
            effective=datetime(day.year, day.month, day.day, 6, tzinfo=UTC),
            occurred=when,
            status=status,
            cancel_at=ends,
        )
        self.told.append(one)
        return one

    def work(self) -> None:
        """Every worker comes, and what they leave for a minute later is done too."""
        self.world.work()
        for _ in range(3):
            self.world.pass_time(minutes=20)
            self.world.work()

    def play(self, story: Sequence[tuple[str, object, int]]) -> None:
        """One thing after another, an hour apart."""
        for what, with_, days in story:
            getattr(self, f"_{what}")(with_, days)
            self.world.pass_time(hours=1)

    def _tell(self, items: dict[str, int], days: int) -> None:
        self.tell(items, days)
        self.work()

    def _late(self, items: dict[str, int], days: int) -> None:
        self.tell(items, days, late=True)
        self.work()

    def _trial(self, items: dict[str, int], days: int) -> None:
        self.tell(items, days, status="trial")
        self.work()

    def _cancel(self, items: dict[str, int], days: int) -> None:
        self.tell(items, 0, status="canceled", ends=self.today + timedelta(days=days))
        self.work()

    def _edit(self, units: int, days: int) -> None:
        line = self.world.api.model.find_line(CONTRACT, 45)
        day = self.today + timedelta(days=days)
        if line and all(line.units_on(d) + units >= 0 for d in range(day.toordinal(), day.toordinal() + 90)):
            self.world.control.person_adjusts(line.id, day.toordinal(), units)

    def _post(self, _: None, __: int) -> None:
        self.world.control.approve_and_post(CONTRACT, self.today.toordinal())

    def _end(self, _: None, days: int) -> None:
        """Somebody gives the contract another last day, which is a few days off."""
        last = (self.today + timedelta(days=days)).isoformat()
        self.world.control.person_edits_contract(CONTRACT, {"endDate": last})

    def _approve(self, _: None, __: int) -> None:
        self._decide("approve")

    def _reject(self, _: None, __: int) -> None:
        self._decide("reject", "--reason", "no")

    def _adopt(self, _: None, __: int) -> None:
        self._decide("drift", "--adopt")

    def _undo(self, _: None, back: int) -> None:
        """Somebody undoes the newest change of all, or one of those before it, if that is possible."""
        made = [one for one in self.world.ports.store.changes() if one.outcome == "landed" and one.delta]
        for change in made[-1 - back :][:1]:
            self.desk.run("undo", change.id, "--reason", "a mistake", "--yes")
            self.work()

    def _decide(self, word: str, *more: str) -> None:
        for service in SERVICES.values():
            self.desk.run(word, str(CONTRACT), str(service), *more, "--yes")
        self.work()

    def _lose(self, items: dict[str, int], _: int) -> None:
        """Nobody comes yet for what is told."""
        self.tell(items, 0)
        for message in self.world.queue.receive(10):
            self.world.queue.delete(message.receipt)

    def _garbage(self, _: None, __: int) -> None:
        self.world.tell(3, {ADV: 1}, status="odd", subscription="sub_odd")
        self.work()

    def _map(self, bill_from: str, _: int) -> None:
        """The client is mapped; nothing changes for one who is already, and no contract that has ended is mapped to."""
        if self.world.ports.store.customer(CUSTOMER).mapping is None:
            words = "map", "customer", CUSTOMER, "--company", str(COMPANY), "--contract", str(CONTRACT)
            said = self.desk.run(*words, "--bill-from", bill_from, "--yes")
            assert said.status == 0 or "has ended" in said.err, said.err
            self.work()

    def _ignore(self, _: None, __: int) -> None:
        self.desk.run("map", "ignore", "plan", GATEWAY, "--reason", "free", "--yes")
        self.work()

    def _wait(self, _: None, days: int) -> None:
        for _each in range(days):
            self.world.pass_time(days=1)
            self.work()

    # -- What is true

    def used(self, sku: str, day: date, *, trials: bool = True) -> int:
        """Seats that Timus has on a day: those of the newest version that has begun, parked ones aside."""
        aside = {event.version for event in self.world.ports.store.parked_events()}
        begun = [one for one in self.told if one.day <= day and one.number not in aside]
        one = max(begun, key=lambda one: one.number, default=None)
        if one is None or (one.status == "trial" and not trials):
            return 0
        over = one.cancel_at is not None and max(one.cancel_at, one.day) <= day
        return 0 if over else one.items.get(sku, 0)

    def billed(self, service: int, day: date) -> int:
        """What the simulated Autotask bills."""
        self.world.api.tick()
        line = self.world.api.model.find_line(CONTRACT, service)
        return line.units_on(day.toordinal()) if line else 0

    def days(self, first: date, last: date) -> list[date]:
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]


# -- Changes that leave no posted row


def by_us(months: Months, day: date) -> None:
    """Timus reports three seats more from a day on, by another subscription."""
    months.world.tell(
        2, {ADV: 3}, subscription="sub_two", effective=datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    )
    months.work()


def by_hand(months: Months, day: date) -> None:
    """Somebody adds three units."""
    line = months.world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    months.world.control.person_adjusts(line.id, day.toordinal(), 3)


def posted_until_april(begins: date, *terms: str, period: int = 2) -> Months:
    """Ten seats and a gateway since a day, on a contract that has billed none before; March and April are posted."""
    contract = {**SCENARIO["contracts"][0], "contractPeriodType": period, "lines": []}
    empty = {**SCENARIO, "contracts": [contract]}
    months = Months(
        World(start=datetime(begins.year, begins.month, begins.day, 8, tzinfo=UTC), scenario=empty)
    )
    months.begin(terms, mapped=True)
    months.world.pass_time(days=(date(2026, 4, 9) - begins).days)
    months.work()
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
    return months


FIRST_DAYS = pytest.mark.parametrize(
    ("begins", "terms", "change", "day"),
    [
        (date(2026, 2, 1), ("posted_period=same-day",), by_us, FIRST),
        (date(2026, 2, 1), (), by_hand, FIRST),
        (date(2026, 2, 1), (), by_hand, date(2026, 2, 1)),
        (FIRST, (), by_us, date(2026, 2, 27)),
        (FIRST, ("posted_period=same-day",), by_us, date(2026, 2, 27)),
        (FIRST, (), by_hand, date(2026, 2, 27)),
        (FIRST, (), by_hand, date(2026, 2, 1)),
        (date(2026, 1, 1), (), by_hand, date(2025, 12, 20)),
        (date(2026, 1, 1), ("drift=adopt",), by_hand, date(2025, 12, 31)),
    ],
)
"""Changes that leave no posted row of their period: of a posted period's first day, of a period that had no units, or of a day before the contract's first one."""
