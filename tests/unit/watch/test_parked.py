"""What a parked event would change: said in seat-days by evidence, ledger and ready, and only what can concern a month keeps it from a yes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.deployment import deployment_of
from tests.drift_table import aligned
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.domain.policy import BillingSchedule, EffectiveDay, Policy
from timus_autotask.operate.month_end import leaks, may_be_posted
from timus_autotask.operate.parked_events import accept, dismiss
from timus_autotask.plain import as_json
from timus_autotask.watch.forms import evidence_form, ledger_form, ready_form
from timus_autotask.watch.month.digest import digest
from timus_autotask.watch.month.evidence import LateEvent, Month, evidence
from timus_autotask.watch.month.parked import effect_of
from timus_autotask.watch.month.ready import Open, Ready, Waits

MARCH = date(2026, 3, 1)
APRIL = datetime(2026, 4, 5, 9, tzinfo=UTC)


def known(seats: int = 28) -> World:
    """A client level at so many seats, told as version 40 on 15 March; it is 17 March."""
    world = aligned()
    world.tell(40, {ADV: seats, GATEWAY: 1}, event_id="evt_40")
    world.work()
    world.pass_time(days=1)
    return world


def disputed(**items: int) -> World:
    """And a version 1 of a later time says otherwise from 17 March on."""
    world = known()
    world.tell(
        1,
        {ADV: 28, GATEWAY: 1, **{{"adv": ADV, "ess": ESS}[name]: units for name, units in items.items()}},
        event_id="again_1",
    )
    world.work()
    [event] = world.ports.store.parked_events()
    assert event.parked
    assert event.parked.code == "version-restarted"
    return world


def late(world: World, customer: str = CUSTOMER) -> LateEvent:
    """The event that changed nothing, by the evidence of March."""
    [one] = evidence(world.ports, customer, Month.of(MARCH)).late
    return one


def ready(world: World, month: date = MARCH) -> Ready:
    """May it be posted?"""
    return may_be_posted(deployment_of(world), month)


def waiting(found: Ready) -> list[Open]:
    """The events that keep it from a yes."""
    return [one for one in found.everything if one.kind is Waits.EVENT]


# -- In seat-days


def test_evidence_says_what_it_would_change() -> None:
    """Five seats more on fifteen days of March, of the SKU that it names."""
    world = disputed(adv=33)
    one = late(world)
    assert (one.event.outcome, one.seat_days) == ("parked", 5 * 15)
    assert one.sentence == f"By it: +75 {ADV} seat-days."
    [form] = evidence_form(evidence(world.ports, CUSTOMER, Month.of(MARCH)))["events"]
    assert (form["seat_days"], form["seat_days_in_words"]) == (75, one.sentence)


def test_a_plan_change_does_not_come_to_nothing() -> None:
    """What one SKU loses and another gets is said of each."""
    world = disputed(adv=23, ess=5)
    assert late(world).sentence == f"By it: -75 {ADV}, +75 {ESS} seat-days."
    assert sorted((one.sku, one.seats, one.seat_days) for one in waiting(ready(world))) == [
        (ADV, 5, 75),
        (ESS, -5, -75),
    ]


def test_it_still_says_so_in_the_month_after() -> None:
    """Nobody has decided, and it is about every day of that month too."""
    world = disputed(adv=33)
    [one] = evidence(world.ports, CUSTOMER, Month.of(date(2026, 4, 1))).late
    assert one.seat_days == 5 * 30


def test_what_was_said_is_what_an_acceptance_makes() -> None:
    """Its seat-days are those that the customer has more of, once it is accepted."""
    world = disputed(adv=33)
    said = late(world).seat_days
    history = world.ports.store.customer(CUSTOMER).subscriptions["sub_8f2c1a"].value
    accept(deployment_of(world), "again_1", "j.doe").commit()
    world.work()
    after = world.ports.store.customer(CUSTOMER).subscriptions["sub_8f2c1a"].value
    days = Month.of(MARCH).days
    assert said == sum(after.quantity(ADV).at(day) - history.quantity(ADV).at(day) for day in days)
    assert ready(world).later == ()


def test_ready_has_its_seats_days_and_money() -> None:
    """Negative: if it is right, they are not billed."""
    [one] = waiting(ready(disputed(adv=33)))
    assert (one.sku, one.first, one.seats, one.seat_days) == (ADV, date(2026, 3, 17), -5, -75)
    assert one.estimate is not None
    assert one.estimate < 0
    assert one.message.endswith(f"By it: +75 {ADV} seat-days.")


def test_the_ledger_shows_it_beside_its_sums() -> None:
    """It is in none of them, so they add up with it and without it."""
    world = known()
    world.pass_time(days=2)
    used_before = sum(one.seat_days.used for one in leaks(deployment_of(world), MARCH).months[0].entries)
    world = disputed(adv=33)
    world.pass_time(days=2)
    found = leaks(deployment_of(world), MARCH)
    [one] = found.undecided
    assert (one.sku, one.seat_days, one.event.event_id) == (ADV, 5 * 3, "again_1")
    assert one.estimate is not None
    assert one.estimate > 0
    assert all(entry.seat_days.adds_up for entry in found.months[0].entries)
    assert sum(one.seat_days.used for one in found.months[0].entries) == used_before
    [form] = ledger_form(found)["undecided"]
    assert (form["sku"], form["seat_days"], form["id"]) == (ADV, 15, "again_1")
    assert leaks(deployment_of(world), MARCH, CUSTOMER).undecided == found.undecided


def test_a_move_counts_all_that_it_says_with_the_new_customer() -> None:
    """And says that it ends with the other one."""
    world = known()
    world.tell(41, {ADV: 28}, customer="cus_b", customer_name="Branch", event_id="moves")
    world.work()
    one = late(world, "cus_b")
    assert one.seat_days == 28 * 15
    assert (
        one.sentence
        == f"By it: +420 {ADV} seat-days. What {CUSTOMER} has of the subscription would end on 2026-03-17."
    )


def test_a_trial_counts_as_nothing() -> None:
    """As it would be billed."""
    world = known()
    world.tell(1, {ADV: 28, GATEWAY: 1}, status="trial", event_id="again_1")
    world.work()
    assert late(world).sentence == f"By it: -420 {ADV}, -15 {GATEWAY} seat-days."


def test_what_cannot_be_the_newest_counts_until_what_happened_later() -> None:
    """And what happened later holds in any case."""
    world = known()
    world.pass_time(days=4)
    world.tell(41, {ADV: 30, GATEWAY: 1})
    world.work()
    world.tell(
        40,
        {ADV: 33, GATEWAY: 1},
        occurred=world.clock.now() - timedelta(days=3),
        effective=world.clock.now() - timedelta(days=3),
    )
    world.work()
    [event] = world.ports.store.parked_events()
    assert event.parked
    one = late(world)
    assert event.parked.code == "version-overtaken"
    assert one.seat_days == (33 - 28) * 3
    assert one.sentence.endswith("What happened later counts from 2026-03-21 in any case.")


@pytest.mark.parametrize("quantity", ["many", 2.5, None])
def test_what_cannot_be_read_says_so(quantity: object) -> None:
    """In words, in evidence, ledger and ready alike, and it keeps the month from a yes."""
    world = known()
    unreadable(world, quantity)
    said = "What it says cannot be read, so its seat-days cannot be counted."
    assert (late(world).seat_days, late(world).sentence) == (None, said)
    [one] = leaks(deployment_of(world), MARCH).undecided
    assert (one.seat_days, one.sku, one.sentence) == (None, "", said)
    [open_] = waiting(ready(world))
    assert open_.message.endswith(said)
    assert open_.first is None


def unreadable(world: World, quantity: object) -> None:
    """An event of a quantity that is none, effective in April."""
    before = len([*world.ports.store.parked_events()])
    world.tell(41, {ADV: quantity}, effective=APRIL)  # type: ignore[dict-item]
    world.work()
    assert len([*world.ports.store.parked_events()]) == before + 1


def test_one_that_was_dismissed_counts_for_nothing() -> None:
    """And says why."""
    world = disputed(adv=33)
    dismiss(deployment_of(world), ["again_1"], "a test", "j.doe")
    assert late(world).seat_days is None
    assert late(world).sentence == "Somebody set it aside as a mistake: it counts for nothing."
    assert ready(world).ready
    assert leaks(deployment_of(world), MARCH).undecided == ()


# -- What keeps a month from a yes


def in_april() -> World:
    """Level, and a parked event says otherwise from 5 April on."""
    world = known()
    world.pass_time(days=1)
    world.tell(1, {ADV: 33, GATEWAY: 1}, effective=APRIL, event_id="again_1")
    world.work()
    assert len([*world.ports.store.parked_events()]) == 1
    return world


def test_an_event_of_later_days_alone_does_not_keep_a_month_from_a_yes() -> None:
    """It is named, with its day and why; and April is no yes."""
    world = in_april()
    found = ready(world)
    assert found.ready
    [one] = found.later
    assert (one.kind, one.customer, one.first) == (Waits.EVENT, CUSTOMER, date(2026, 4, 5))
    assert one.message.endswith("It is of 2026-04-05, after the month, and changes no earlier day.")
    assert (
        found.after
        == "1 parked event is of days after 2026-03 alone, and does not keep it from being posted."
    )
    assert len(ready_form(found)["later"]) == 1
    april = ready(world, date(2026, 4, 1))
    assert not april.ready
    assert [(one.seats, one.seat_days) for one in waiting(april)] == [(-5, -5 * 26)]
    assert april.after == ""


@pytest.mark.parametrize(
    ("terms", "contracts", "first"),
    [
        (Policy(), (CONTRACT,), date(2026, 4, 5)),
        (Policy(increases=EffectiveDay.THIS_PERIOD), (CONTRACT,), date(2026, 3, 15)),
        (Policy(decreases=EffectiveDay.THIS_PERIOD), (CONTRACT,), date(2026, 3, 15)),
        (Policy(decreases=EffectiveDay.NEXT_PERIOD), (CONTRACT,), date(2026, 4, 5)),
        (Policy(increases=EffectiveDay.THIS_PERIOD), (), None),
        (Policy(increases=EffectiveDay.THIS_PERIOD), (CONTRACT, 999), None),
    ],
)
def test_terms_that_date_back_to_the_start_of_a_period_are_reckoned_with(
    terms: Policy, contracts: tuple[int, ...], first: date | None
) -> None:
    """A period that began in March may be billed otherwise by an event of April; one of a contract that nobody knows, from any day on."""
    world = in_april()
    [event] = world.ports.store.parked_events()
    history = world.ports.store.customer(CUSTOMER).subscriptions["sub_8f2c1a"].value
    routings = tuple(Routing((Route(1, one),)) for one in contracts)
    customer = Customer(CUSTOMER, CustomerMapping(CUSTOMER, routings), (history,), terms)
    schedules = {CONTRACT: BillingSchedule(date(2026, 1, 15))}
    effect = effect_of(event, {CUSTOMER: customer}, schedules, world.zone)
    assert effect.first == first
    assert effect.concerns(date(2026, 3, 31)) is (first != date(2026, 4, 5))


def test_a_move_of_whom_nobody_knows_may_concern_every_month() -> None:
    """The former customer's terms are not known, so it keeps each month from a yes."""
    world = known()
    world.tell(41, {ADV: 28}, customer="cus_b", customer_name="Branch", effective=APRIL)
    world.work()
    [event] = world.ports.store.parked_events()
    assert effect_of(event, {}, {}, world.zone).concerns(MARCH)
    assert ready(world).ready


def test_an_event_of_the_month_that_changes_no_seat_still_waits() -> None:
    """Somebody has to say which state counts."""
    world = known()
    world.tell(1, {ADV: 28, GATEWAY: 1}, term_end=date(2027, 12, 31), event_id="again_1")
    world.work()
    [one] = waiting(ready(world))
    assert one.message.endswith("By it no seat-day of these days would be other.")
    assert (one.seats, one.estimate) == (0, None)


def test_forms_are_json() -> None:
    """Of all three."""
    world = disputed(adv=33)
    for form in (
        evidence_form(evidence(world.ports, CUSTOMER, Month.of(MARCH))),
        ledger_form(leaks(deployment_of(world), MARCH)),
        ready_form(ready(world)),
    ):
        assert json.loads(as_json(form))


def test_it_stands_in_the_billing_period_of_its_first_day() -> None:
    """A contract whose periods begin in the middle of the month: the period before is level."""
    contract = {**SCENARIO["contracts"][0], "startDate": "2026-01-15"}
    world = World(scenario={**SCENARIO, "contracts": [contract, *SCENARIO["contracts"][1:]]})
    world.map_customer()
    world.tell(40, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=3)
    world.tell(1, {ADV: 33, GATEWAY: 1})
    world.work()
    assert [(period.first, len(period.open)) for period in ready(world).periods] == [
        (date(2026, 2, 15), 0),
        (date(2026, 3, 15), 1),
    ]


def test_the_digest_names_what_is_parked_of_later_days_too() -> None:
    """Somebody has to decide about it, though the month may be posted."""
    world = in_april()
    waiting = digest(world.ports, world.clock.now() - timedelta(days=7)).waiting
    assert [one.customer for one in waiting] == [CUSTOMER]
