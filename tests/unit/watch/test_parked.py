"""What a parked event would change: said in seat-days by evidence, ledger and ready, and only what can concern a month keeps it from a yes."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest

from tests.deployment import deployment_of
from tests.drift_table import aligned
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.domain.policy import BillingSchedule, EffectiveDay, Policy
from timus_autotask.operate.month_end import ledger_csv, ledger_since, may_be_posted
from timus_autotask.operate.parked_events import accept, dismiss
from timus_autotask.plain import as_json
from timus_autotask.watch.forms import evidence_form, ledger_form, ready_form
from timus_autotask.watch.month.digest import digest
from timus_autotask.watch.month.evidence import LateEvent, evidence
from timus_autotask.watch.month.ledger import Ledger
from timus_autotask.watch.month.line_evidence import Month
from timus_autotask.watch.month.parked import effects_of
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


def seat_days(one: LateEvent) -> int | None:
    """What its SKUs come to together."""
    return None if one.by_sku is None else sum(each.more - each.fewer for each in one.by_sku)


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
    assert (one.event.outcome, seat_days(one)) == ("parked", 5 * 15)
    assert one.sentence == f"By it: +75 {ADV} seat-days."
    [form] = evidence_form(evidence(world.ports, CUSTOMER, Month.of(MARCH)))["events"]
    assert (form["seat_days_by_sku"], form["seat_days_in_words"]) == (
        [{"sku": ADV, "more": 75, "fewer": 0}],
        one.sentence,
    )


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
    assert seat_days(one) == 5 * 30


def test_what_was_said_is_what_an_acceptance_makes() -> None:
    """Its seat-days are those that the customer has more of, once it is accepted."""
    world = disputed(adv=33)
    said = seat_days(late(world))
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
    used_before = sum(
        one.seat_days.used for one in ledger_since(deployment_of(world), MARCH).months[0].entries
    )
    world = disputed(adv=33)
    world.pass_time(days=2)
    found = ledger_since(deployment_of(world), MARCH)
    [one] = found.undecided
    assert (one.sku, one.seat_days, one.event.event_id) == (ADV, 5 * 3, "again_1")
    assert one.estimate is not None
    assert one.estimate > 0
    assert all(entry.seat_days.adds_up for entry in found.months[0].entries)
    assert sum(one.seat_days.used for one in found.months[0].entries) == used_before
    [form] = ledger_form(found)["undecided"]
    assert (form["sku"], form["seat_days"], form["id"]) == (ADV, 15, "again_1")
    assert ledger_since(deployment_of(world), MARCH, CUSTOMER).undecided == found.undecided


def test_days_with_more_and_days_with_fewer_do_not_make_up_for_each_other() -> None:
    """One parked event has five seats more from the 17th on, another three fewer from the 19th on: told apart, with the money of each."""
    world = disputed(adv=33)
    world.pass_time(days=2)
    world.tell(2, {ADV: 25, GATEWAY: 1}, event_id="again_2")
    world.work()
    assert len([*world.ports.store.parked_events()]) == 2
    found = [one for one in waiting(ready(world)) if one.sku]
    assert [(one.first, one.seats, one.seat_days) for one in found] == [
        (date(2026, 3, 17), -5, -10),
        (date(2026, 3, 19), 3, 3 * 13),
    ]
    assert [one.estimate is not None and (one.estimate < 0) for one in found] == [True, False]
    world.pass_time(days=2)
    ledger = ledger_since(deployment_of(world), MARCH)
    assert [(one.sku, one.seat_days) for one in ledger.undecided if one.sku] == [(ADV, 10), (ADV, -9)]
    assert [row["undecided_seat_days"] for row in rows(ledger) if row["undecided_seat_days"]] == [
        "10",
        "-9",
        "0",
    ]


def rows(found: Ledger) -> list[dict[str, str]]:
    """Of the ledger's file, as a spreadsheet shows them."""
    read = csv.DictReader(StringIO(ledger_csv(found)))
    return [{name: re.sub(r'^="(.*)"$', r"\1", cell) for name, cell in row.items()} for row in read]


def test_the_ledgers_file_has_a_row_for_each_month_that_it_would_change() -> None:
    """With columns of its own, so that every other column still sums to what is billed and lacking, and a pivot by month finds it."""
    world = disputed(adv=33)
    world.pass_time(days=16)  # it is 2 April
    found = ledger_since(deployment_of(world), MARCH)
    waits = [row for row in rows(found) if row["undecided_event"]]
    assert [(row["month"], row["customer_id"], row["skus"]) for row in waits] == [
        ("2026-03", CUSTOMER, ADV),
        ("2026-04", CUSTOMER, ADV),
    ]
    assert [int(row["undecided_seat_days"]) for row in waits] == [5 * 15, 5 * 2]
    [one] = found.undecided
    assert sum(Decimal(row["estimate_undecided"]) for row in waits) == one.estimate
    assert [(row["contract_id"], row["service_id"]) for row in waits] == [
        (str(CONTRACT), str(SERVICES[ADV]))
    ] * 2
    assert all(row["used"] == row["billed"] == row["cause_held"] == "" for row in waits)
    assert waits[0]["undecided_why"].endswith(f"By it: +75 {ADV} seat-days.")
    [form] = ledger_form(found)["undecided"]
    assert [(each["month"], each["seat_days"]) for each in form["months"]] == [
        ("2026-03", 75),
        ("2026-04", 10),
    ]
    without = [row for row in rows(found) if not row["undecided_event"]]
    assert len(without) == sum(len(month.entries) for month in found.months)
    assert {row["undecided_seat_days"] for row in without} == {""}


def test_what_cannot_be_counted_has_a_row_of_its_own_in_the_ledgers_file() -> None:
    """Without a month and without a number: its words say why."""
    world = known()
    unreadable(world, 2.5)
    [row] = [row for row in rows(ledger_since(deployment_of(world), MARCH)) if row["undecided_event"]]
    assert (row["month"], row["undecided_seat_days"], row["estimate_undecided"]) == ("", "", "")
    assert row["undecided_why"].endswith("so its seat-days cannot be counted.")


def test_a_move_counts_all_that_it_says_with_the_new_customer() -> None:
    """And says that it ends with the other one."""
    world = known()
    world.tell(41, {ADV: 28}, customer="cus_b", customer_name="Branch", event_id="moves")
    world.work()
    one = late(world, "cus_b")
    assert seat_days(one) == 28 * 15
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
    assert seat_days(one) == (33 - 28) * 3
    assert one.sentence.endswith("What happened later counts from 2026-03-21 in any case.")


@pytest.mark.parametrize("quantity", ["many", 2.5, None])
def test_what_cannot_be_read_says_so(quantity: object) -> None:
    """In words, in evidence, ledger and ready alike, and it keeps the month from a yes."""
    world = known()
    unreadable(world, quantity)
    said = "What it says cannot be read, so its seat-days cannot be counted."
    assert (seat_days(late(world)), late(world).sentence) == (None, said)
    [one] = ledger_since(deployment_of(world), MARCH).undecided
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
    assert seat_days(late(world)) is None
    assert late(world).sentence == "Somebody set it aside as a mistake: it counts for nothing."
    assert ready(world).ready
    assert ledger_since(deployment_of(world), MARCH).undecided == ()


# -- Several of one subscription


def several(*seats: int) -> World:
    """Level at 28 seats, and events of a counter that began again say so many from 17 March on, one each day."""
    world = known()
    for version, units in enumerate(seats, 1):
        world.tell(version, {ADV: units, GATEWAY: 1}, event_id=f"again_{version}")
        world.work()
        world.pass_time(days=1)
    assert len([*world.ports.store.parked_events()]) == len(seats)
    return world


def quantities(world: World, customer: str = CUSTOMER) -> dict[date, int]:
    """Timus's units of March by day, as our records have them."""
    history = world.ports.store.customer(customer).subscriptions["sub_8f2c1a"].value
    return {day: history.quantity(ADV).at(day) for day in Month.of(MARCH).days}


def test_several_events_of_a_subscription_are_counted_as_its_history_with_all_of_them() -> None:
    """33 seats for one day and 30 from then on: 5 + 2 × 14 seat-days, not 5 × 15 + 2 × 14; each event still stands there."""
    world = several(33, 30)
    late_ones = evidence(world.ports, CUSTOMER, Month.of(MARCH)).late
    assert [(one.event.event_id, seat_days(one)) for one in late_ones] == [("again_1", 33), ("again_2", 0)]
    first, second = late_ones
    assert (
        first.sentence
        == f"By it and the other parked event of the subscription together: +33 {ADV} seat-days."
    )
    assert second.sentence == f"What it changes is counted with event {first.event.key}."
    open_ = waiting(ready(world))
    assert [(one.seats, one.seat_days) for one in open_] == [(-5, -33), (0, 0)]
    assert all("events accept" in one.remedy for one in open_)
    undecided = ledger_since(deployment_of(world), MARCH).undecided
    assert [(one.sku, one.seat_days) for one in undecided] == [(ADV, 5 + 2 + 2), ("", 0)]


def test_what_several_say_together_is_what_the_first_one_s_acceptance_makes() -> None:
    """Those that follow are merged again with it, so its customer has just so many more."""
    world = several(33, 30, 35)
    said = sum(seat_days(one) or 0 for one in evidence(world.ports, CUSTOMER, Month.of(MARCH)).late)
    before = quantities(world)
    accept(deployment_of(world), "again_1", "j.doe").commit()
    world.work()
    after = quantities(world)
    assert [*world.ports.store.parked_events()] == []
    assert said == sum(after.values()) - sum(before.values())


def test_the_money_at_risk_is_that_of_the_history_with_all_of_them() -> None:
    """Five seats more for a day and two fewer from then on, not the one beside the other."""
    alone = ready(several(33)).at_risk
    both = ready(several(33, 26)).at_risk
    assert both < alone
    [more, fewer, other] = waiting(ready(several(33, 26)))
    assert (more.seat_days, fewer.seat_days, other.seat_days) == (-5, 2 * 14, 0)


def test_an_event_that_only_says_what_is_known_again_ends_what_an_earlier_one_would_change() -> None:
    """It is not parked, since it changes nothing; with the earlier one accepted it would be merged again."""
    world = several(33)
    world.tell(2, {ADV: 28, GATEWAY: 1}, event_id="back_2")
    world.work()
    [event] = world.ports.store.parked_events()
    assert event.event_id == "again_1"
    assert [
        seat_days(one) for one in evidence(world.ports, CUSTOMER, Month.of(MARCH)).late if one.event.parked
    ] == [5]
    assert [one.seat_days for one in waiting(ready(world))] == [-5]
    assert [one.seat_days for one in ledger_since(deployment_of(world), MARCH).undecided] == [5]
    before = quantities(world)
    accept(deployment_of(world), "again_1", "j.doe").commit()
    world.work()
    after = quantities(world)
    assert sum(after.values()) - sum(before.values()) == 5


def test_one_that_would_have_to_be_accepted_after_the_earlier_one_counts_too() -> None:
    """Its number is lower than that of the earlier one, so it is parked once that one is accepted."""
    world = known()
    for version, units in ((39, 33), (3, 28)):
        world.tell(version, {ADV: units, GATEWAY: 1}, event_id=f"e_{version}")
        world.work()
        world.pass_time(days=1)
    before = quantities(world)
    [said] = [one for one in evidence(world.ports, CUSTOMER, Month.of(MARCH)).late if one.event.parked]
    for event in ("e_39", "e_3"):
        accept(deployment_of(world), event, "j.doe").commit()
        world.work()
    assert seat_days(said) == sum(quantities(world).values()) - sum(before.values()) == 5


def test_several_events_of_a_move_are_counted_once() -> None:
    """The second one says how many seats the new customer has from its day on."""
    world = known()
    world.tell(41, {ADV: 28}, customer="cus_b", customer_name="Branch", event_id="moves")
    world.work()
    world.pass_time(days=5)
    world.tell(42, {ADV: 30}, customer="cus_b", customer_name="Branch", event_id="grows")
    world.work()
    late_ones = evidence(world.ports, "cus_b", Month.of(MARCH)).late
    assert [seat_days(one) for one in late_ones] == [28 * 5 + 30 * 10, 0]
    accept(deployment_of(world), "moves", "j.doe").commit()
    world.work()
    assert sum(quantities(world, "cus_b").values()) == 28 * 5 + 30 * 10


def test_events_that_cannot_be_the_newest_count_until_the_next_of_them() -> None:
    """Each until what happened after it, and what happened later holds in any case."""
    world = known()
    world.pass_time(days=4)
    world.tell(41, {ADV: 30, GATEWAY: 1})
    world.work()
    for version, units, ago in ((40, 33, 3), (39, 31, 1)):
        then = world.clock.now() - timedelta(days=ago)
        world.tell(version, {ADV: units, GATEWAY: 1}, occurred=then, effective=then)
        world.work()
    assert {one.parked.code for one in world.ports.store.parked_events() if one.parked} == {
        "version-overtaken"
    }
    late_ones = evidence(world.ports, CUSTOMER, Month.of(MARCH)).late
    [other, counted] = sorted(late_ones, key=lambda one: seat_days(one) or 0)
    assert (seat_days(counted), seat_days(other)) == (5 * 2 + 3 * 1, 0)
    assert counted.sentence.endswith("What happened later counts from 2026-03-21 in any case.")


def test_of_several_only_those_of_the_month_keep_it_from_a_yes() -> None:
    """What they change in it stands with the one that concerns it, also where another one came first."""
    world = known()
    world.pass_time(days=1)
    world.tell(1, {ADV: 33, GATEWAY: 1}, effective=APRIL, event_id="again_1")
    world.work()
    world.pass_time(days=1)
    world.tell(2, {ADV: 35, GATEWAY: 1}, event_id="again_2")
    world.work()
    found = ready(world)
    [one] = waiting(found)
    assert (one.seats, one.seat_days) == (-7, -7 * 13)
    [later] = found.later
    assert later.seat_days == 0


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
    assert one.message.endswith(
        "It is of 2026-04-05, after what would be posted, and changes no earlier day."
    )
    assert (
        found.after == "1 parked event is of later days alone, and does not keep 2026-03 from being posted."
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
    [effect] = effects_of([event], {CUSTOMER: customer}, schedules, world.zone)
    assert effect.first == first
    assert effect.concerns(date(2026, 3, 31)) is (first != date(2026, 4, 5))


def test_a_move_of_whom_nobody_knows_may_concern_every_month() -> None:
    """The former customer's terms are not known, so it keeps each month from a yes."""
    world = known()
    world.tell(41, {ADV: 28}, customer="cus_b", customer_name="Branch", effective=APRIL)
    world.work()
    [event] = world.ports.store.parked_events()
    [effect] = effects_of([event], {}, {}, world.zone)
    assert effect.concerns(MARCH)
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
        ledger_form(ledger_since(deployment_of(world), MARCH)),
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
