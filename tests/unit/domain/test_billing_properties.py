"""What holds for every history and every policy: decisions driven day by day against a small model of Autotask.

The model knows four rules: an adjustment lies within the contract, takes no day below zero, and is refused on a day that has one
already; a posted stretch is what a person has approved and posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes.examples import examples
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.days import period_containing
from timus_autotask.domain.desired import Desired, desired
from timus_autotask.domain.history import Merge, Subscription, merge
from timus_autotask.domain.line import Answer, JournalEntry, Line, State
from timus_autotask.domain.mapping import CustomerMapping, LineKey, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.domain.policy import EffectiveDay, Policy, PostedPeriod
from timus_autotask.domain.price import ObservedPrice
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.domain.timeline import NOTHING, Timeline

ADV, ESS = "ADV", "ESS"
DAY_TAKEN = "day taken"
CATALOGUE = Decimal("12.50")
"""The catalogue's price of every service."""
SERVICES = {ADV: 45, ESS: 46}
PLANS = {sku: PlanMapping(sku, (ServiceChoice(service),)) for sku, service in SERVICES.items()}
UTC = ZoneInfo("UTC")
FIRST = date(2028, 1, 31)
"""The contract begins on the 31st of a leap year's January: its periods begin on 31 January, 29 February, 31 March, 30 April."""
CONTRACT = Contract(1, 600, recurring=True, active=True, start=FIRST, end=date(2028, 12, 31))
MAPPING = CustomerMapping("cus_1", (Routing((Route(600, 1),)),))


def day(n: int) -> date:
    """The n-th day after the contract's first."""
    return FIRST + timedelta(days=n)


@dataclass
class Autotask:
    """The model."""

    held: dict[int, Timeline] = field(default_factory=dict)
    adjusted: set[tuple[int, date]] = field(default_factory=set)
    closed: dict[int, tuple[date, date]] = field(default_factory=dict)
    """By service: what a person has approved and posted."""
    into_posted: list[tuple[int, date]] = field(default_factory=list)
    """(service, day) of what was posted into a stretch that was closed."""
    posts: list[tuple[int, date, int, date]] = field(default_factory=list)
    """(service, day, units, posted on)."""
    prices: dict[int, Decimal] = field(default_factory=dict)
    """By service: the unit price of its line on the contract."""
    sent: list[tuple[int, date, int, Decimal | None, Decimal | None]] = field(default_factory=list)
    """(service, day, units, unit price before, unit price that came with it), as ``posts``."""

    def adjust(self, service: int, on: date, delta: int, today: date, price: str | None = None) -> str:
        """Take an adjustment; returns the words of a refusal, empty when it is taken."""
        after = self.held.get(service, NOTHING).add_from(on, delta)
        if not CONTRACT.start <= on <= CONTRACT.end:
            return "outside"
        if any(units < 0 for d, units in after.steps if d <= CONTRACT.end):
            return "negative"
        if (service, on) in self.adjusted:
            return DAY_TAKEN
        self.held[service] = after
        self.adjusted.add((service, on))
        self.posts.append((service, on, delta, today))
        set_to = None if price is None else Decimal(price)
        self.sent.append((service, on, delta, self.prices.get(service), set_to))
        self.prices[service] = set_to if set_to is not None else self.prices.get(service, CATALOGUE)
        if service in self.closed and self.closed[service][0] <= on <= self.closed[service][1]:
            self.into_posted.append((service, on))
        return ""

    def approve_and_post(self, today: date) -> None:
        """A person approves and posts everything that there is up to the end of today's period."""
        _, last = period_containing(today, CONTRACT.start, 1)
        for service, units in self.held.items():
            if units.steps:
                self.closed[service] = (units.days[0], last)


@dataclass
class Partner:
    """Our records of one customer and one contract."""

    autotask: Autotask
    policy: Policy = field(default_factory=Policy)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    lines: dict[LineKey, Line] = field(default_factory=dict)
    due_at: datetime | None = None
    """When the sweep comes by."""
    journal: list[JournalEntry] = field(default_factory=list)

    def hear(self, told: Snapshot, on: date) -> Merge:
        """Merge one event."""
        merged = merge(self.subscriptions.get(told.subscription_id), told, on)
        self.subscriptions[told.subscription_id] = merged.subscription
        return merged.outcome

    def wanted(self, today: date) -> Desired:
        """What the lines should have."""
        customer = Customer("cus_1", MAPPING, tuple(self.subscriptions.values()), self.policy)
        return desired([customer], PLANS, {1: CONTRACT.schedule}, today)

    def view(self, today: date) -> View:
        """What a worker gathers on a day at noon."""
        now = datetime.combine(today, time(12), UTC)
        held = {
            service: Observed(units, (service,), tuple(filter(None, [self.autotask.closed.get(service)])))
            for service, units in self.autotask.held.items()
            if units.steps
        }
        policies = {"": self.policy, "cus_1": self.policy}
        wanted = self.wanted(today)
        return View(1, CONTRACT, held, wanted, self.lines, policies, UTC, now, today, now, timedelta())

    def work(self, today: date) -> None:
        """Perform steps until there is none."""
        for _ in range(100):
            view = self.view(today)
            step = next_step(view)
            if step.ask_prices:
                step = next_step(replace(view, prices=self._prices(step.ask_prices)))
            self.lines |= {line.key: line for line in step.lines}
            self.journal += step.journal
            self.due_at = step.due_at
            if step.adjust is None or step.adjust.intent is None:
                break
            intent = step.adjust.intent
            service = step.adjust.service_id
            words = self.autotask.adjust(service, intent.day, intent.delta, today, intent.price)
            answer = Answer.REFUSED if words else Answer.ACCEPTED
            self.lines[step.adjust.key] = replace(
                step.adjust,
                intent=replace(
                    intent,
                    id=f"change-{len(self.autotask.posts)}",
                    answer=answer,
                    message=words,
                    day_taken=words == DAY_TAKEN,
                ),
            )
            self._floor(today)
        else:
            raise AssertionError("it never comes to rest")
        if all(line.state in (State.APPLIED, State.SCHEDULED) for line in self.lines.values()):
            self._floor(today)

    def _prices(self, services: Iterable[int]) -> dict[int, ObservedPrice]:
        """The prices of lines, as a worker reads them."""
        found = {}
        for service in services:
            line = self.lines.get(LineKey(1, service))
            sent = Decimal(line.price) if line and line.price else None
            found[service] = ObservedPrice(self.autotask.prices.get(service), sent, CATALOGUE)
        return found

    def _floor(self, today: date) -> None:
        self.subscriptions = {key: one.raise_floor(today) for key, one in self.subscriptions.items()}


@dataclass(frozen=True)
class Event:
    """A version of the subscription: when it holds, when it arrives, and what it says."""

    effective: int
    arrives: int
    items: Mapping[str, int]
    status: str = "active"
    cancel_at: int | None = None

    def snapshot(self, number: int) -> Snapshot:
        """As the adapter makes it of the event."""
        return Snapshot(
            "sub_1",
            number,
            "cus_1",
            "Contoso",
            None,
            self.status,  # type: ignore[arg-type]
            "monthly",
            tuple(sorted(self.items.items())),
            FIRST,
            CONTRACT.end,
            None if self.cancel_at is None else day(self.cancel_at),
            datetime.combine(day(self.effective), time(12), UTC),
            "subscription.updated",
            f"evt_{number}",
            datetime.combine(FIRST, time(0), UTC)
            + timedelta(minutes=number),  # versions happen in their order
        )


def live(
    events: Sequence[Event], policy: Policy, postings: Sequence[int] = (), *, days: int = 200
) -> Partner:
    """Live through the days: work is done when an event arrives and when it is due, and at no other time."""
    partner = Partner(Autotask(), policy)
    for n in range(days):
        arriving = [(number, event) for number, event in enumerate(events, 1) if event.arrives == n]
        for number, event in arriving:
            partner.hear(event.snapshot(number), day(event.effective))
        if n in postings:
            partner.autotask.approve_and_post(day(n))
        due = partner.due_at is not None and partner.due_at <= datetime.combine(day(n), time(12), UTC)
        if arriving or due:
            partner.work(day(n))
    return partner


items = st.fixed_dictionaries({ADV: st.integers(0, 9), ESS: st.integers(0, 9)})
statuses = st.sampled_from(["active", "active", "active", "past_due", "trial", "canceled"])
events = st.builds(
    lambda effective, late, items, status, ends: Event(
        effective, effective + late, items, status, None if ends is None else effective + ends
    ),
    st.integers(0, 90),
    st.integers(0, 25),
    items,
    statuses,
    st.none() | st.integers(0, 60),
)
histories = st.lists(events, min_size=1, max_size=5)
dating = st.sampled_from(EffectiveDay)
policies = st.builds(
    Policy,
    increases=dating,
    decreases=dating,
    posted_period=st.sampled_from([PostedPeriod.NEXT_OPEN_DAY, PostedPeriod.SAME_DAY]),
    included=st.fixed_dictionaries({}, optional={ADV: st.integers(0, 3)}),
    minimum=st.fixed_dictionaries({}, optional={ADV: st.integers(0, 3)}),
    excluded=st.sampled_from([(), (), (ESS,)]),
)
postings = st.lists(st.integers(0, 100), max_size=2)


@given(histories, policies, postings)
def test_everything_comes_to_what_timus_says(told: list[Event], policy: Policy, posted: list[int]) -> None:
    """Whatever came, late or in the wrong order, on whatever terms: in the end every day ahead is as desired."""
    partner = live(told, policy, posted)
    wanted = partner.wanted(day(200)).demands
    for service in SERVICES.values():
        held = partner.autotask.held.get(service, NOTHING)
        units = wanted[LineKey(1, service)].units if LineKey(1, service) in wanted else NOTHING
        assert held.same(units, day(200), CONTRACT.end)
    assert {line.state for line in partner.lines.values()} <= {State.APPLIED}


@given(histories, policies, postings)
def test_what_is_posted_lies_where_it_may(told: list[Event], policy: Policy, posted: list[int]) -> None:
    """Within the contract, never ahead of its day, once a line and day, and never in a posted period unless the terms say so."""
    partner = live(told, policy, posted)
    seen: set[tuple[int, date]] = set()
    for service, on, delta, today in partner.autotask.posts:
        assert delta
        assert CONTRACT.start <= on <= min(today, CONTRACT.end)
        assert (service, on) not in seen
        seen.add((service, on))
    if policy.posted_period is PostedPeriod.NEXT_OPEN_DAY:
        assert partner.autotask.into_posted == []


@given(histories, dating, dating)
def test_nothing_takes_effect_before_its_day(
    told: list[Event], increases: EffectiveDay, decreases: EffectiveDay
) -> None:
    """On no day is a quantity billed that no version of that day or before has said, unless the terms reach back."""
    partner = live(told, Policy(increases=increases, decreases=decreases))
    reach_back = EffectiveDay.THIS_PERIOD in (increases, decreases)
    for sku, service in SERVICES.items():
        for n in range(200):
            reach = period_containing(day(n), CONTRACT.start, 1)[1] if reach_back else day(n)
            said = {0} | {one.items[sku] for one in told if day(one.effective) <= reach}
            assert partner.autotask.held.get(service, NOTHING).at(day(n)) in said


plan_histories = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20), st.sampled_from([ADV, ESS]), st.integers(0, 9)),
    min_size=1,
    max_size=5,
).map(lambda rows: [Event(d, d + late, {ADV: 0, ESS: 0, sku: n}) for d, late, sku, n in rows])


@given(plan_histories, dating, dating, postings)
@example(
    [Event(0, 0, {ADV: 1, ESS: 0}), Event(1, 1, {ADV: 0, ESS: 0}), Event(1, 1, {ADV: 0, ESS: 1})],
    EffectiveDay.THIS_PERIOD,
    EffectiveDay.CHANGE,
    [],
)
def test_two_plans_are_never_billed_at_once(
    told: list[Event], increases: EffectiveDay, decreases: EffectiveDay, posted: list[int]
) -> None:
    """A subscription that has one plan at a time is billed for one plan at a time, on every day and after every post."""
    partner = live(told, Policy(increases=increases, decreases=decreases), posted, days=150)
    autotask = Autotask()
    for service, on, delta, today in partner.autotask.posts:
        assert autotask.adjust(service, on, delta, today) == ""
        for n in range(150):
            both = [autotask.held.get(each, NOTHING).at(day(n)) for each in SERVICES.values()]
            assert not all(both)


@settings(max_examples=examples(25))
@given(st.integers(1, 9), st.integers(10, 20), st.integers(1, 20), st.integers(1, 60), policies)
def test_what_cancels_out_before_its_day_costs_nothing(
    units: int, at: int, ahead: int, ends: int, policy: Policy
) -> None:
    """A cancellation that is taken back before its day leaves no trace in Autotask."""
    first = Event(0, 0, {ADV: units, ESS: 0})
    cancelled = Event(at, at, {ADV: units, ESS: 0}, cancel_at=at + ahead + ends)
    again = Event(at + ahead - 1, at + ahead - 1, {ADV: units, ESS: 0})
    policy = replace(policy, decreases=EffectiveDay.CHANGE)
    undisturbed = live([first], policy, days=150).autotask.posts
    assert live([first, cancelled, again], policy, days=150).autotask.posts == undisturbed


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_on_time_and_natively_every_day_is_exact(quantities: list[int]) -> None:
    """One change a day, heard on its day: every day is billed with that day's quantity, leap day and period ends among them."""
    told = [Event(n, n, {ADV: units, ESS: 0}) for n, units in enumerate(quantities)]
    held = live(told, Policy(), days=len(told) + 1).autotask.held.get(45, NOTHING)
    assert [held.at(day(n)) for n in range(len(told))] == quantities
