"""The partner's terms, from the webhook to Autotask's units, in one process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from local.autotask.faults import Fault
from local.autotask.values import day_ms
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.domain.line import Approved, State, Why
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.lines import put_line
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts

TODAY = date(2026, 3, 15)


@pytest.fixture
def world() -> World:
    """One client, mapped, with 25 seats and a gateway as Autotask has them."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    return world


def terms(world: World, customer: str | None = None, **values: Any) -> None:
    """Set the partner's terms, or a customer's."""
    store = world.ports.store
    known = store.customer(customer).terms if customer else store.partner().terms
    store.commit(
        put_terms(customer, values, known.rev if known else 0),
        *wake_contracts(CUSTOMER, [CONTRACT], world.ports),
    )


def approve(world: World, sku: str) -> None:
    """A person's word on what a line has planned first."""
    stored = world.ports.store.contract(CONTRACT).lines[{ADV: 45, ESS: 46, GATEWAY: 47}[sku]]
    day, delta = stored.value.scheduled[0]
    approved = replace(stored.value, approved=(Approved(day, delta, "pat"),))
    world.ports.store.commit(
        put_line(approved, stored.rev), *wake_contracts(CUSTOMER, [CONTRACT], world.ports)
    )
    world.sweep()


def code(world: World, sku: str) -> str | None:
    """Why a line is parked."""
    parked = world.line(sku).parked
    return parked.code if parked else None


def test_a_held_decrease_waits_for_a_persons_word(world: World) -> None:
    """Decreases held, increases at once: the drop is shown and posted when somebody approves it."""
    terms(world, approve_decreases={"above_units": 0})
    world.tell(8, {ADV: 20, GATEWAY: 2})
    world.work()
    assert world.posted() == [(47, 1, "2026-03-15")]
    assert code(world, ADV) == "held-for-approval"
    assert world.line(ADV).scheduled == ((TODAY, -5),)
    world.pass_time(days=3)
    assert len(world.posted()) == 1
    approve(world, ADV)
    assert world.posted()[-1] == (45, -5, "2026-03-15")


def test_an_approval_is_for_what_was_shown(world: World) -> None:
    """When the plan changes after the approval, the new plan waits again."""
    terms(world, approve_decreases={"above_units": 0})
    world.tell(8, {ADV: 20, GATEWAY: 1})
    world.work()
    stored = world.ports.store.contract(CONTRACT).lines[45]
    approved = replace(stored.value, approved=(Approved(TODAY, -4, "pat"),))
    world.ports.store.commit(
        put_line(approved, stored.rev), *wake_contracts(CUSTOMER, [CONTRACT], world.ports)
    )
    world.sweep()
    assert world.posted() == []


def test_a_plan_of_two_days_waits_for_a_held_decrease_and_is_made_as_a_whole(world: World) -> None:
    """It says that it waits, though it ends while the old plan is still billed; approved after its end, it is billed for its two days."""
    terms(world, approve_decreases={"above_units": 0})
    world.tell(8, {ESS: 25, GATEWAY: 1}, cancel_at=date(2026, 3, 17))
    world.work()
    assert [code(world, sku) for sku in (ADV, ESS)] == ["held-for-approval", "waits-for-decrease"]
    world.pass_time(days=3)
    assert code(world, ESS) == "waits-for-decrease"
    approve(world, ADV)
    approve(world, ESS)
    assert world.posted() == [(45, -25, "2026-03-15"), (46, 25, "2026-03-15"), (46, -25, "2026-03-17")]


def test_a_plan_change_whose_new_side_is_held_keeps_the_old_one(world: World) -> None:
    """A client is never without a plan because half of a change waits for a person."""
    terms(world, approve_new_lines=True)
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert (code(world, ADV), code(world, ESS)) == ("held-with-plan-change", "held-for-approval")
    approve(world, ESS)
    assert world.posted() == [(45, -25, "2026-03-15"), (46, 25, "2026-03-15")]


@pytest.mark.parametrize("limit", ["customer_day_limit", "partner_day_limit"])
def test_the_limit_of_a_day_judges_a_plan_change_as_a_whole(world: World, limit: str) -> None:
    """25 leave and 25 come: over 30. The old plan was taken off, and the new one held, so that nothing was billed."""
    terms(world, None, **{limit: 30})
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert (code(world, ADV), code(world, ESS)) == ("held-with-plan-change", "held-over-day-limit")
    approve(world, ESS)
    assert world.posted() == [(45, -25, "2026-03-15"), (46, 25, "2026-03-15")]


@pytest.mark.parametrize(("limit", "comes", "made"), [(50, 25, 25), (49, 25, 0), (54, 27, 27), (51, 27, 0)])
def test_what_comes_in_place_of_what_was_taken_off_is_not_judged_again(
    world: World, limit: int, comes: int, made: int
) -> None:
    """Within the limit both sides go, whatever else is changed between the two; what is more than that counts."""
    terms(world, customer_day_limit=limit)
    world.tell(8, {ESS: comes, GATEWAY: 1})
    world.work()
    assert world.units(ESS, TODAY) == made
    assert world.units(ADV, TODAY) == (0 if made else 25)


def test_changes_over_a_limit_are_held(world: World) -> None:
    """The largest change of one line."""
    terms(world, line_limit=10)
    world.tell(8, {ADV: 36, GATEWAY: 1})
    world.work()
    assert code(world, ADV) == "held-over-limit"


def test_the_limit_of_a_day_counts_all_lines(world: World) -> None:
    """What was posted today and what would come together stay within the customer's limit."""
    terms(world, customer_day_limit=10)
    world.tell(8, {ADV: 33, GATEWAY: 4})
    world.work()
    assert world.posted() == [(45, 8, "2026-03-15")]
    assert code(world, GATEWAY) == "held-over-day-limit"
    world.tell(9, {ADV: 33, GATEWAY: 3})
    world.work()
    assert world.posted()[-1] == (47, 2, "2026-03-15")


@pytest.mark.parametrize("limit", ["customer_day_limit", "partner_day_limit"])
def test_what_the_limit_of_a_day_holds_waits_for_a_persons_word(world: World, limit: str) -> None:
    """The next day has its own limit, but what was held is posted when somebody approves it, or raises the limit."""
    terms(world, None, **{limit: 10})
    world.tell(8, {ADV: 33, GATEWAY: 4})
    world.work()
    world.pass_time(days=2)
    world.tell(9, {ADV: 34, GATEWAY: 4})
    world.work()
    assert world.posted() == [(45, 8, "2026-03-15"), (45, 1, "2026-03-17")]
    assert code(world, GATEWAY) == "held-over-day-limit"
    approve(world, GATEWAY)
    assert world.posted()[-1] == (47, 3, "2026-03-15")
    world.tell(10, {ADV: 34, GATEWAY: 40})
    world.work()
    assert code(world, GATEWAY) == "held-over-day-limit"
    terms(world, None, **{limit: 100})
    world.sweep()
    assert world.posted()[-1] == (47, 36, "2026-03-17")


def test_a_pause_holds_everything_and_its_end_posts_it(world: World) -> None:
    """Paused for one customer: nothing is posted, and what waited goes out afterwards."""
    terms(world, CUSTOMER, paused=True)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert code(world, ADV) == "paused"
    terms(world, CUSTOMER, paused=False)
    world.sweep()
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_posted_periods_move_a_change_to_the_next_open_day(world: World) -> None:
    """March is approved and posted: the change is dated 1 April, and waits for it."""
    world.api.model.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.line(ADV).scheduled == ((date(2026, 4, 1), 3),)
    world.pass_time(days=17)
    assert world.posted() == [(45, 3, "2026-04-01")]


def test_posted_periods_can_be_held(world: World) -> None:
    """By setting, a change in a posted period waits for a person, who may post it on its day."""
    terms(world, posted_period="hold")
    world.api.model.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert code(world, ADV) == "held-posted-period"
    approve(world, ADV)
    assert world.posted() == [(45, 3, "2026-03-15")]


@pytest.mark.parametrize("adjusted_by", ["an approval", "somebody"])
def test_a_posted_period_stays_posted_once_it_carries_an_adjustment(world: World, adjusted_by: str) -> None:
    """Autotask does not mark the days from there on. What comes later waits all the same."""
    terms(world, posted_period="hold", drift="adopt")
    world.api.model.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    if adjusted_by == "somebody":
        line = world.api.model.find_line(CONTRACT, 45)
        assert line is not None
        world.control.person_adjusts(line.id, TODAY.toordinal(), 3)
    else:
        world.tell(8, {ADV: 28, GATEWAY: 1})
        world.work()
        approve(world, ADV)
    made = world.posted()
    world.pass_time(days=1)
    world.tell(9, {ADV: 20, GATEWAY: 1})
    world.work()
    assert (code(world, ADV), world.posted()) == ("held-posted-period", made)


@pytest.mark.parametrize(("drift", "units"), [("adopt", 33), ("enforce", 28)])
def test_drift_by_the_terms(world: World, drift: str, units: int) -> None:
    """Adopt keeps a person's five on top of what Timus says; enforce takes them back."""
    terms(world, drift=drift)
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, date(2026, 3, 14).toordinal(), 5)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.units(ADV, TODAY) == units
    assert world.line(ADV).state is State.APPLIED


@pytest.mark.parametrize("drift", ["park", "adopt", "enforce"])
def test_periods_that_our_renewal_adds_without_units_are_made_level_and_are_no_edit(
    world: World, drift: str
) -> None:
    """On a tenant whose new periods are empty, the new term is billed from its first day, and the old one's changes go on."""
    new_term = date(2027, 12, 31)
    terms(world, drift=drift)
    world.tell(8, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.set_switch("extended_periods", "empty")
    world.tell(9, {ADV: 25, GATEWAY: 1}, term_end=new_term, type="subscription.renewed")
    world.work()
    assert [world.line(sku).state for sku in (ADV, GATEWAY)] == [State.SCHEDULED] * 2
    world.tell(10, {ADV: 28, GATEWAY: 1}, term_end=new_term)
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    world.pass_time(days=300)
    assert world.posted()[1:] == [(45, 25, "2027-01-01"), (47, 1, "2027-01-01")]
    assert (world.units(ADV, date(2026, 12, 31)), world.units(ADV, date(2027, 1, 1))) == (28, 28)
    assert {world.line(sku).state for sku in (ADV, GATEWAY)} == {State.APPLIED}


@pytest.mark.parametrize(
    ("ask", "renewed", "on_its_day"),
    [
        ({"approve_increases": {"above_units": 0}}, 25, 25),
        ({"approve_increases": {"above_units": 0}}, 28, 0),
        ({"approve_increases": {"above_units": 3}}, 28, 28),
        ({"approve_increases": {"above_percent": 10}}, 27, 27),
        ({"approve_increases": {"above_percent": 10}}, 28, 0),
        ({"approve_increases": {"above_units": 0}}, 22, 22),
        ({"approve_decreases": {"above_units": 0}}, 22, 0),
        ({"line_limit": 2}, 25, 25),
        ({"line_limit": 2}, 28, 0),
        ({"customer_day_limit": 2, "partner_day_limit": 2}, 25, 25),
        ({"customer_day_limit": 2, "partner_day_limit": 2}, 27, 27),
        ({"customer_day_limit": 2, "partner_day_limit": 2}, 28, 0),
    ],
)
def test_terms_judge_of_a_new_period_what_is_news_in_it(
    world: World, ask: Mapping[str, Any], renewed: int, on_its_day: int
) -> None:
    """To fill periods that our renewal added without units, with those of the day before, is nothing that anybody ordered."""
    new_end = date(2027, 12, 31)
    terms(world, **ask)
    world.api.set_switch("extended_periods", "empty")
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=new_end, type="subscription.renewed")
    world.work()
    new_term = datetime(2027, 1, 1, tzinfo=world.ports.zone)
    assert not world.units(ADV, new_term.date())
    world.tell(9, {ADV: renewed, GATEWAY: 1}, term_end=new_end, effective=new_term)
    world.work()
    world.pass_time(days=300)
    assert world.units(ADV, new_end) == on_its_day
    assert (world.line(ADV).state is State.PARKED) == (not on_its_day)
    assert world.units(GATEWAY, new_end) == 1


def test_units_that_somebody_took_off_are_no_empty_period(world: World) -> None:
    """To bring them back is asked for, as the terms say, although the line then has what is billed on the day before."""
    terms(world, drift="enforce", line_limit=2)
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, (TODAY + timedelta(days=1)).toordinal(), -25)
    world.tell(8, {ADV: 25, GATEWAY: 2})
    world.work()
    world.pass_time(days=2)
    assert world.posted() == [(47, 1, "2026-03-15")]
    assert code(world, ADV) == "held-over-limit"


@pytest.mark.parametrize("units", [20, 0])
def test_a_decrease_after_a_renewal_is_made_when_the_empty_periods_are_level(
    world: World, units: int
) -> None:
    """It would leave them below 0, so it comes directly after the increase of their first day, and from its own day on."""
    terms(world, None)
    world.tell(8, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.set_switch("extended_periods", "empty")
    new_term = date(2027, 12, 31)
    world.tell(9, {ADV: 25, GATEWAY: 1}, term_end=new_term, type="subscription.renewed")
    world.work()
    world.tell(10, {ADV: units, GATEWAY: 1}, term_end=new_term)
    world.work()
    assert (world.posted(), code(world, ADV)) == ([], "below-zero-later")
    world.pass_time(days=300)
    assert world.posted()[:2] == [(45, 25, "2027-01-01"), (45, units - 25, "2026-03-15")]
    days = (date(2026, 3, 14), date(2026, 3, 15), date(2026, 12, 31), date(2027, 1, 1), new_term)
    assert [world.units(ADV, day) for day in days] == [25, units, units, units, units]
    assert world.line(ADV).state is State.APPLIED


@pytest.mark.parametrize("units", [20, 0])
def test_a_decrease_that_comes_with_a_renewal_is_made_at_once(world: World, units: int) -> None:
    """The contract is extended after it: the empty periods of the new term would refuse it."""
    terms(world, None)
    world.tell(8, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.set_switch("extended_periods", "empty")
    new_term = date(2027, 12, 31)
    world.tell(9, {ADV: units, GATEWAY: 1}, term_end=new_term, type="subscription.renewed")
    world.work()
    assert world.posted() == [(45, units - 25, "2026-03-15")]
    assert world.api.model.contracts[CONTRACT].end == new_term.toordinal()
    world.pass_time(days=300)
    days = (date(2026, 3, 14), date(2026, 3, 15), date(2026, 12, 31), date(2027, 1, 1), new_term)
    assert [world.units(ADV, day) for day in days] == [25, units, units, units, units]
    assert world.line(ADV).state is State.APPLIED


@pytest.mark.parametrize("other", [29683950, 29683940], ids=["looked at after it", "looked at before it"])
def test_what_waits_on_another_contract_for_such_a_decrease_is_billed_from_its_own_day(other: int) -> None:
    """Advanced leaves for Essentials and a gateway. The gateway's contract waits until Advanced has come down, and says so."""
    first, second = SCENARIO["contracts"]
    lines = [line for line in first["lines"] if line["serviceID"] == 45]
    theirs = [{**first, "lines": lines}, {**second, "id": other, "companyID": COMPANY}]
    world = World(scenario={**SCENARIO, "contracts": theirs})
    routes = (Route(COMPANY, CONTRACT), Route(COMPANY, other, sku=GATEWAY))
    world.ports.store.commit(
        put_mapping(CustomerMapping(CUSTOMER, (Routing(routes),)), 0),
        *wake_contracts(CUSTOMER, [CONTRACT, other], world.ports),
    )
    world.tell(8, {ADV: 25})
    world.work()
    world.api.set_switch("extended_periods", "empty")
    new_term = date(2027, 12, 31)
    world.tell(9, {ADV: 25}, term_end=new_term, type="subscription.renewed")
    world.work()
    world.tell(10, {ESS: 20, GATEWAY: 2}, term_end=new_term)
    world.work()
    waits = world.line(GATEWAY, other)
    assert waits.parked is not None
    assert (code(world, ADV), waits.parked.code) == ("below-zero-later", "waits-for-decrease")
    eve = datetime(2026, 12, 31, 23, 30, tzinfo=world.ports.zone)
    for moment in (eve, *(eve + timedelta(hours=n) for n in (1, 2, 3))):
        world.pass_time(seconds=(moment - world.clock.now()).total_seconds())  # at midnight both are due
    for day in (TODAY, date(2026, 12, 31), date(2027, 1, 1)):
        assert [world.units(ADV, day), world.units(ESS, day), world.units(GATEWAY, day, other)] == [0, 20, 2]
    assert world.line(GATEWAY, other).past_days == ()


@pytest.mark.parametrize(
    ("drift", "periods", "units"),
    [("adopt", "empty", 30), ("adopt", "quantity", 30), ("enforce", "quantity", 25)],
)
def test_an_edit_in_the_old_term_is_still_an_edit_once_the_contract_is_longer(
    world: World, drift: str, periods: str, units: int
) -> None:
    """Five units that a person added stay, or go, by the terms; in the new periods too, whatever Autotask made of them."""
    terms(world, drift=drift)
    world.tell(8, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.set_switch("extended_periods", periods)
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, date(2026, 3, 20).toordinal(), 5)
    world.api.model.edit_contract(CONTRACT, {"endDate": day_ms(date(2027, 12, 31).toordinal())})
    world.pass_time(days=10)
    world.tell(9, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31), type="subscription.renewed")
    world.work()
    world.pass_time(days=300)
    assert world.units(ADV, date(2027, 2, 1)) == units


def test_a_renewal_extends_the_contract_and_touches_nothing_else(world: World) -> None:
    """The contract's end follows the renewed term; lines and units stay."""
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31), type="subscription.renewed")
    world.work()
    contract = world.ports.autotask().contract(CONTRACT)
    assert contract is not None
    assert contract.end == date(2027, 12, 31)
    assert world.posted() == []
    assert world.units(ADV, date(2027, 12, 31)) == 25
    assert [c.message for c in world.ports.store.changes()] == [
        "contract extended from 2026-12-31 to 2027-12-31: the term was renewed"
    ]


def test_a_renewal_names_what_is_billed_of_it(world: World) -> None:
    """A SKU that the terms leave out has no part in it."""
    terms(world, excluded=[GATEWAY])
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31), type="subscription.renewed")
    world.work()
    [entry] = [one for one in world.ports.store.changes() if one.why is Why.RENEWED]
    assert entry.sources == ((CUSTOMER, ADV),)


def test_a_contract_that_a_person_shortened_after_the_renewal_stays_short(world: World) -> None:
    """A renewal is followed once; an end that somebody sets afterwards is not fought."""
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-06-30"})
    world.tell(9, {ADV: 26, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    contract = world.ports.autotask().contract(CONTRACT)
    assert contract is not None
    assert contract.end == date(2026, 6, 30)
    assert world.posted() == [(45, 1, "2026-03-15")]


def test_a_refused_renewal_does_not_stop_seats(world: World) -> None:
    """Seats go on; the refusal is told with Autotask's words and tried again."""
    world.api.faults.add(Fault("json_500", entity="Contracts", operation="update", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert "renewal to 2027-12-31 was refused" in world.ports.store.contract(CONTRACT).state.value.trouble
    world.pass_time(hours=2)
    contract = world.ports.autotask().contract(CONTRACT)
    assert contract is not None
    assert contract.end == date(2027, 12, 31)
    assert world.ports.store.contract(CONTRACT).state.value.trouble == ""


def prices(world: World) -> list[Any]:
    """The unit prices that were sent, None where none was."""
    return [p.body.get("adjustedUnitPrice") for p in world.api.postings]


def test_a_price_is_sent_only_where_the_partner_set_one(world: World) -> None:
    """The catalogue's price gives way to the partner's; without one nothing is sent."""
    world.tell(8, {ADV: 26, GATEWAY: 2})
    terms(world, prices={ADV: "11.00"})
    world.work()
    assert prices(world) == [11.0, None]


def test_a_price_set_by_hand_is_never_overwritten(world: World) -> None:
    """A contract price that is neither the catalogue's nor ours stays."""
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, date(2026, 2, 1).toordinal(), 0, price=990000)
    terms(world, prices={ADV: "11.00"})
    world.tell(8, {ADV: 26, GATEWAY: 1})
    world.work()
    assert prices(world) == [None]
