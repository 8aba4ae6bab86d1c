"""The contract service of a service that stands on a contract more than once: chosen by a person, and only its units count."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.autotask.faults import Fault
from local.autotask.rules import Line as SimulatedLine
from tests.deployment import deployment_of
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, GATEWAY, SERVICES, World
from timus_autotask.cli.failure import doubt_words
from timus_autotask.domain.line import Line, State
from timus_autotask.domain.mapping import LineChoice, Route
from timus_autotask.domain.past_days import WhyPast
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.mapping.choose import route_customer
from timus_autotask.operate.mapping.file import to_csv
from timus_autotask.operate.mapping.first_day import FOLLOWS
from timus_autotask.operate.mapping.importing import Imported, exported, import_mappings
from timus_autotask.operate.mapping.line_choice import LineChosen, choose_line, unchoose_line
from timus_autotask.operate.mapping.listing import mappings
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.store.runs import findings
from timus_autotask.store.terms import put_terms
from timus_autotask.watch.listing import listed
from timus_autotask.watch.month.evidence import evidence
from timus_autotask.watch.month.line_evidence import Month
from timus_autotask.watch.reconcile import reconcile
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.shadow import shadow
from timus_autotask.watch.status import StatusLine, status_of

FULL, JANUARY, TODAY = 1201, date(2026, 1, 1), date(2026, 3, 15)
"""``FULL`` is the contract service that the simulated contract begins with."""
SERVICE = SERVICES[ADV]


def billed(world: World, contract_service: int, day: date) -> int:
    """Units of one contract service."""
    world.api.tick()
    line: SimulatedLine = world.api.model.lines[contract_service]
    return line.units_on(day.toordinal())


def choose(world: World, contract_service: int, *, keep_units: bool = False) -> Proposal[LineChosen]:
    """The choice as it is proposed."""
    deployment = deployment_of(world)
    return choose_line(deployment, CONTRACT, SERVICE, contract_service, "Ada", keep_units=keep_units)


def chosen(world: World, contract_service: int, *, keep_units: bool = False) -> None:
    """Choose it, and let the workers work."""
    choose(world, contract_service, keep_units=keep_units).commit()
    world.work()
    world.pass_time(minutes=1)


def shown(world: World) -> StatusLine:
    """The line of ``ADV`` as people see it."""
    status = status_of(listed(world.ports.store), world.clock.now(), world.zone)
    [line] = [line for line in status.lines if line.sku == ADV]
    return line


def discount(world: World, units: int = 5, day: date = JANUARY, price: str = "9.00") -> int:
    """A second contract service of the same service; gives its id."""
    second = world.control.person_adds_line(CONTRACT, SERVICE, day.toordinal(), units)
    world.control.person_adjusts(second, day.toordinal(), 0, price)
    return second


@pytest.fixture
def world() -> World:
    """A client whose contract has the service at full price (25 units) and at a discount (5 units); Timus says 28."""
    world = World()
    world.second = discount(world)  # type: ignore[attr-defined]
    world.map_customer()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    return world


def second_of(world: World) -> int:
    """The contract service at a discount."""
    second: int = world.second  # type: ignore[attr-defined]
    return second


def test_without_a_choice_it_is_parked_with_the_command_that_chooses(world: World) -> None:
    """The reason lists the contract services with units and price, the remedy names them."""
    parked = world.line(ADV).parked
    assert parked is not None
    assert parked.code == "line-duplicated"
    second = second_of(world)
    assert f"(1201 with 25 units at 12.50, {second} with 5 units at 9.00)" in parked.message
    assert remedy_of(parked) == (
        f"timus-autotask map line {CONTRACT} {SERVICE} --contract-service 1201, or: "
        f"timus-autotask map line {CONTRACT} {SERVICE} --contract-service {second}"
    )
    assert world.posted() == []


@pytest.mark.parametrize("which", ["full", "discount"])
def test_only_the_chosen_one_is_brought_level(world: World, which: str) -> None:
    """The other one of the same service is left alone: it is neither ours nor drift."""
    second = second_of(world)
    ours, other = (FULL, second) if which == "full" else (second, FULL)
    had = billed(world, other, TODAY)
    proposal = choose(world, ours)
    assert any(str(note).startswith(f"Left alone: {other}: {had} units") for note in proposal.notes)
    [line] = [one for one in proposal.preview.contracts[0].lines if one.service_id == SERVICE]
    assert (line.units, line.wanted) == (billed(world, ours, TODAY), 28)
    chosen(world, ours)
    assert [billed(world, ours, day) for day in (TODAY, date(2026, 12, 31))] == [28, 28]
    assert [billed(world, other, day) for day in (JANUARY, TODAY, date(2026, 12, 31))] == [had] * 3
    line_now = world.line(ADV)
    assert (line_now.state, line_now.contract_service_id) == (State.APPLIED, ours)
    assert (shown(world).autotask_units, shown(world).state) == (28, State.APPLIED)


def test_the_decision_is_recorded_and_listed(world: World) -> None:
    """Who chose what, and for whom; and ``map list`` has it."""
    chosen(world, FULL)
    [decision] = world.ports.store.decisions()
    assert (decision.kind, decision.by, decision.contract_id, decision.service_id) == (
        "map line",
        "Ada",
        CONTRACT,
        SERVICE,
    )
    assert decision.customers == (CUSTOMER,)
    assert decision.detail == f"service {SERVICE} on contract {CONTRACT} is contract service 1201"
    [line] = mappings(deployment_of(world)).to_json()["lines"]
    assert (line["contract_id"], line["service_id"], line["contract_service_id"]) == (CONTRACT, SERVICE, FULL)


def test_two_customers_of_one_contract_share_the_choice(world: World) -> None:
    """Whose units go along is said, and both are billed on it."""
    world.map_customer("cus_b")
    world.tell(1, {ADV: 4}, customer="cus_b", subscription="sub_b")
    world.work()
    assert choose(world, FULL).result.customers == (CUSTOMER, "cus_b")
    chosen(world, FULL)
    assert billed(world, FULL, TODAY) == 32
    assert billed(world, second_of(world), TODAY) == 5


@pytest.mark.parametrize("deep", [True, False])
def test_the_other_one_is_no_drift(world: World, deep: bool) -> None:
    """Whatever people do to it; an edit of the chosen one is found as before."""
    chosen(world, FULL)
    world.control.person_adjusts(second_of(world), TODAY.toordinal(), 4)
    run = reconcile(world.ports, world.deadline, anew=True, deep=deep)
    assert run.finished
    assert [*findings(world.table)] == []
    world.pass_time(hours=2)
    assert world.line(ADV).state is State.APPLIED
    world.control.person_adjusts(FULL, (TODAY + timedelta(days=1)).toordinal(), 2)
    world.clock.advance(86400)
    reconcile(world.ports, world.deadline, anew=True, deep=deep)
    assert [one.kind.value for one in findings(world.table)] == ["edited-up"]


def test_the_shadow_report_compares_the_chosen_one(world: World) -> None:
    """Not the sum."""
    chosen(world, FULL)
    report = shadow(world.ports, TODAY)
    assert [line for line in report.lines if line.key.service_id == SERVICE] == []


def test_a_choice_is_taken_back(world: World) -> None:
    """Then both count, and it is parked again; nothing is posted by it."""
    chosen(world, FULL)
    posted = world.posted()
    proposal = unchoose_line(deployment_of(world), CONTRACT, SERVICE, "Ada")
    assert proposal.preview.totals.lines == 0
    proposal.commit()
    world.work()
    assert world.posted() == posted
    parked = world.line(ADV).parked
    assert parked is not None
    assert parked.code == "line-duplicated"
    assert mappings(deployment_of(world)).lines == ()
    with pytest.raises(NotDone, match="No contract service is chosen"):
        unchoose_line(deployment_of(world), CONTRACT, SERVICE, "Ada")


def test_what_is_not_of_the_service_is_refused(world: World) -> None:
    """With those that there are."""
    with pytest.raises(NotDone, match=f"1202 is not one of service {SERVICE}.*1201: 25 units at 12.50"):
        choose(world, 1202)
    with pytest.raises(NotDone, match="no contract 7"):
        choose_line(deployment_of(world), 7, SERVICE, FULL, "Ada")
    with pytest.raises(NotDone, match="Service 46 is not on contract"):
        choose_line(deployment_of(world), CONTRACT, 46, FULL, "Ada")


# -- The chosen one is gone


def test_a_chosen_one_that_vanishes_is_parked(world: World) -> None:
    """Never silently another one, though only one is left."""
    second = second_of(world)
    chosen(world, second)
    posted = world.posted()
    world.control.person_removes_line(second)
    world.tell(8, {ADV: 30, GATEWAY: 1})
    world.work()
    assert world.posted() == posted
    parked = world.line(ADV).parked
    assert parked is not None
    assert parked.code == "line-missing"
    assert f"Contract service {second} was chosen" in parked.message
    assert remedy_of(parked).endswith("--contract-service 1201")
    assert billed(world, FULL, TODAY) == 25


def test_a_chosen_one_without_units_is_filled(world: World) -> None:
    """It has no rows of units, and it is on the contract all the same."""
    second = second_of(world)
    world.control.set_switches({"zero_quantity": "no_row"})
    world.control.person_adjusts(second, JANUARY.toordinal(), -5)
    chosen(world, second)
    assert (billed(world, FULL, TODAY), billed(world, second, TODAY)) == (25, 28)
    world.tell(8, {ADV: 0, GATEWAY: 1})
    world.work()
    world.pass_time(days=1, minutes=20)
    world.tell(9, {ADV: 3, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    assert billed(world, second, TODAY + timedelta(days=3)) == 3
    assert world.line(ADV).state is State.APPLIED


# -- Another one is chosen


def managed(drift: str = "park") -> World:
    """A client who is billed on the only contract service, 28 units; then a second one is added, with 5."""
    world = World()
    if drift != "park":
        world.ports.store.commit(put_terms(None, {"drift": drift}, 0))
    world.map_customer()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    world.second = discount(world, day=TODAY)  # type: ignore[attr-defined]
    world.tell(8, {ADV: 29, GATEWAY: 1})
    world.work()
    parked = world.line(ADV).parked
    assert parked is not None
    assert parked.code == "line-duplicated"
    return world


def test_the_one_that_is_billed_already_goes_on() -> None:
    """Choosing it loses nothing of what is known: the days that carry our adjustments, and what we left."""
    world = managed()
    before = world.line(ADV)
    chosen(world, FULL)
    after = world.line(ADV)
    assert set(before.adjusted) <= set(after.adjusted)
    assert [billed(world, FULL, TODAY + timedelta(days=n)) for n in (0, 1)] == [28, 29]
    assert billed(world, second_of(world), TODAY) == 5


def test_seats_that_a_person_moved_to_the_other_one_are_drift() -> None:
    """Nobody can tell that they were moved, so a person decides."""
    world = managed()
    world.control.person_adjusts(FULL, TODAY.toordinal(), -5)
    chosen(world, FULL)
    parked = world.line(ADV).parked
    assert parked is not None
    assert parked.code == "drift"


@pytest.mark.parametrize("terms", ["park", "enforce", "adopt"])
def test_another_one_is_not_chosen_while_the_first_is_billed(terms: str) -> None:
    """They would be billed twice; what to do is said."""
    world = managed(terms)
    with pytest.raises(NotDone, match=r"billed twice.*Bring it to 0") as refused:
        choose(world, second_of(world))
    assert "Contract service 1201 is billed for cus_41d0 so far, with 28 units today" in str(refused.value)
    assert refused.value.ways == (Way.PAUSE_FIRST, Way.KEEP_UNITS)
    assert mappings(deployment_of(world)).lines == ()


def test_another_one_is_billed_from_the_day_on_which_the_first_is_free() -> None:
    """No day is billed twice, and none is billed nowhere."""
    world = managed()
    second, free = second_of(world), TODAY + timedelta(days=1)
    world.control.person_adjusts(FULL, free.toordinal(), -28)
    proposal = choose(world, second)
    assert proposal.result.choice == LineChoice(second, free, ((free, (FULL,)),))
    assert any("is billed from 2026-03-16 on" in str(note) for note in proposal.notes)
    assert proposal.doubts == ()
    chosen(world, second)
    days = [JANUARY, TODAY, free, free + timedelta(days=1), date(2026, 12, 31)]
    assert [billed(world, FULL, day) for day in days] == [25, 28, 0, 0, 0]
    assert [billed(world, second, day) for day in days] == [0, 5, 29, 29, 29]
    assert world.line(ADV).state is State.APPLIED
    world.pass_time(days=40)
    reconcile(world.ports, world.deadline, anew=True)
    assert [one for one in findings(world.table) if one.service_id == SERVICE] == []


def test_days_that_the_first_one_had_wrong_are_shown() -> None:
    """Seats that came while it was parked, and what Timus reports late: no adjustment makes them up on either, so a person is told."""
    world = managed()
    world.pass_time(days=3)
    today = world.clock.now().date()
    world.control.person_adjusts(FULL, today.toordinal(), -28)
    chosen(world, second_of(world))
    [before] = world.line(ADV).past_days
    assert (before.first, before.until, before.wanted, before.autotask) == (date(2026, 3, 16), today, 29, 28)
    assert "billed on another contract service then" in before.message
    world.tell(9, {ADV: 33, GATEWAY: 1}, effective=world.clock.now() - timedelta(days=2))
    world.work()
    shown_now = [(one.wanted, one.autotask, one.cause) for one in world.line(ADV).past_days]
    elsewhere, taken = WhyPast.BILLED_ELSEWHERE, WhyPast.DAY_TAKEN
    assert shown_now == [(29, 28, elsewhere), (33, 28, elsewhere), (33, 29, taken)]
    world.pass_time(days=1)
    assert billed(world, second_of(world), today + timedelta(days=1)) == 33
    # Corrected by hand where they were billed, they are shown no more.
    world.control.person_adjusts(FULL, date(2026, 3, 16).toordinal(), 1)
    world.control.person_adjusts(FULL, today.toordinal(), -1)
    world.tell(10, {ADV: 34, GATEWAY: 1})
    world.work()
    assert (29, 28) not in [(one.wanted, one.autotask) for one in world.line(ADV).past_days]


def test_the_evidence_of_the_month_has_each_day_where_it_was_billed() -> None:
    """Journal and Autotask agree on every day, before the other one was chosen and after, and again once that is taken back."""
    world = managed()
    second, today = second_of(world), world.clock.now().date()
    world.control.person_adjusts(second, TODAY.toordinal(), -5)
    world.control.person_adjusts(FULL, today.toordinal(), -28)

    def units() -> list[tuple[int | None, int | None]]:
        found = evidence(world.ports, CUSTOMER, Month.of(TODAY))
        [line] = [one for one in found.lines if one.key.service_id == SERVICE]
        assert found.whole
        return [(one.journal, one.autotask) for one in line.days if one.day in (JANUARY, TODAY, today)]

    chosen(world, second)
    assert units() == [(28, 28), (29, 29)]
    world.tell(9, {ADV: 31, GATEWAY: 1})
    world.pass_time(days=1)
    world.work()
    assert units() == [(28, 28), (29, 29)]
    unchoose_line(deployment_of(world), CONTRACT, SERVICE, "Ada").commit()
    world.work()
    assert units() == [(28, 28), (29, 29)]


def test_a_first_one_that_ends_later_is_waited_for() -> None:
    """The day is said on which the choice can be made."""
    world = managed()
    world.control.person_adjusts(FULL, date(2026, 4, 1).toordinal(), -28)
    with pytest.raises(NotDone, match="none from 2026-04-01 on: choose again on that day"):
        choose(world, second_of(world))


def test_units_that_are_not_timus_s_stay_if_a_person_says_so() -> None:
    """It is a doubt that has to be confirmed, and no day of the past is billed again."""
    world = managed()
    second = second_of(world)
    proposal = choose(world, second, keep_units=True)
    assert tuple(map(str, proposal.doubts)) == (
        "What was billed for cus_41d0 so far, 28 units, stays where it is. If it is Timus's, it is billed twice.",
    )
    today = world.clock.now().date()
    chosen(world, second, keep_units=True)
    days = [TODAY, today, today + timedelta(days=1)]
    assert [billed(world, FULL, day) for day in days] == [28, 28, 28]
    assert [billed(world, second, day) for day in days] == [5, 29, 29]


def test_days_that_carry_our_adjustments_are_known_again_after_two_choices() -> None:
    """A second adjustment on one day may be refused, or replace the first: back on the first one, it is not made."""
    world = managed()
    second, adjusted = second_of(world), world.line(ADV).adjusted
    chosen(world, second, keep_units=True)
    assert world.line(ADV).adjusted == (world.clock.now().date(),)
    chosen(world, FULL, keep_units=True)
    assert set(adjusted) <= set(world.line(ADV).adjusted)
    assert world.line(ADV).contract_service_id == FULL


def test_contract_services_that_follow_each_other_are_not_billed_twice() -> None:
    """Until the choice their units counted together; the chosen one is not filled up on the days of the other."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1}, effective=world.clock.now() - timedelta(days=60))
    world.control.person_adjusts(FULL, date(2026, 3, 1).toordinal(), -25)
    second = world.control.person_adds_line(CONTRACT, SERVICE, date(2026, 3, 1).toordinal(), 25)
    world.work()
    assert world.line(ADV).state is State.APPLIED
    third = discount(world, 2, TODAY)
    world.tell(8, {ADV: 27, GATEWAY: 1})
    world.work()
    chosen(world, second)
    days = [date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1), TODAY]
    assert [billed(world, FULL, day) + billed(world, second, day) for day in days] == [25, 25, 25, 27]
    assert billed(world, third, TODAY) == 2


def test_nothing_is_chosen_while_an_adjustment_is_under_way() -> None:
    """Its outcome is read on the contract service to which it was sent."""
    world = World()
    second = discount(world)
    world.map_customer()
    chosen(world, FULL)
    world.api.faults.add(Fault("timeout_before", entity="ContractServiceAdjustments", times=1))
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.line(ADV).intent is not None
    with pytest.raises(NotDone, match="is under way; try again after"):
        choose(world, second)
    with pytest.raises(NotDone, match="is under way"):
        unchoose_line(deployment_of(world), CONTRACT, SERVICE, "Ada")


def test_a_worker_that_comes_between_look_and_choice_is_not_overlooked(world: World) -> None:
    """The line's record is not the one from which the choice follows."""
    chosen(world, FULL)
    proposal = choose(world, second_of(world), keep_units=True)
    world.tell(8, {ADV: 30, GATEWAY: 1})
    world.work()
    with pytest.raises(NotDone):
        proposal.commit()
    assert mappings(deployment_of(world)).lines[0][1].contract_service_id == FULL


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 40), st.just("move")), min_size=1, max_size=8))
def test_whatever_is_chosen_each_day_is_billed_once(happenings: list[int | str]) -> None:
    """Between two contract services, however often the seats are moved: together they have what Timus says, on every day."""
    world = World()
    second = world.control.person_adds_line(CONTRACT, SERVICE, JANUARY.toordinal(), 1)
    world.control.person_adjusts(second, JANUARY.toordinal(), -1)
    world.map_customer()
    world.tell(1, {ADV: 28})
    world.work()
    chosen(world, FULL)
    present, other, seats = FULL, second, 28
    wanted = {world.clock.now().date(): seats}
    for number, happening in enumerate(happenings, 2):
        world.clock.advance(86400)
        today = world.clock.now().date()
        if isinstance(happening, int):
            seats = happening
            world.tell(number, {ADV: seats})
            world.work()
        else:
            if units := billed(world, present, today):
                world.control.person_adjusts(present, today.toordinal(), -units)
            present, other = other, present
            chosen(world, present)
        world.pass_time(minutes=1)
        wanted[today] = seats
    had = {day: billed(world, FULL, day) + billed(world, second, day) for day in wanted}
    assert had == wanted
    assert world.line(ADV).state is State.APPLIED


# -- Before anything is ours


def test_while_a_contract_observes_the_choice_is_free() -> None:
    """Nothing there is ours; go-live takes what the chosen one has as its baseline."""
    world = World(live=False)
    second = discount(world)
    world.map_customer()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    chosen(world, FULL)
    chosen(world, second)
    assert world.line(ADV).state is State.OBSERVING
    assert world.line(ADV).scheduled == ((TODAY, 23),)
    assert world.posted() == []


def test_a_choice_may_come_before_the_mapping() -> None:
    """And mapping to a contract with the service twice is a doubt, with the command, until it is made."""
    world = World()
    second = discount(world)
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.map_plan(ADV, SERVICE)
    deployment = deployment_of(world)

    def doubts() -> tuple[str, ...]:
        proposal = route_customer(deployment, CUSTOMER, Route(COMPANY, CONTRACT), "Ada", first_day=FOLLOWS)
        return tuple(map(doubt_words, proposal.doubts))

    [doubt] = doubts()
    assert doubt == (
        f"Contract {CONTRACT}: {ADV} stands on it more than once: 1201: 25 units at 12.50; {second}: 5 units at 9.00. "
        f"Choose one: timus-autotask map line {CONTRACT} 45 --contract-service 1201, or: "
        f"timus-autotask map line {CONTRACT} 45 --contract-service {second}"
    )
    chosen(world, FULL)
    assert doubts() == ()
    route_customer(deployment, CUSTOMER, Route(COMPANY, CONTRACT), "Ada", first_day=FOLLOWS).commit()
    world.work()
    assert [billed(world, FULL, TODAY), billed(world, second, TODAY)] == [28, 5]


def test_drift_of_the_chosen_one_is_decided_as_ever(world: World) -> None:
    """Enforced, the chosen one comes back, and the other one stays."""
    chosen(world, FULL)
    world.pass_time(days=1)
    world.control.person_adjusts(FULL, (TODAY + timedelta(days=1)).toordinal(), -8)
    reconcile(world.ports, world.deadline, anew=True)
    world.pass_time(minutes=20)
    line: Line = world.line(ADV)
    assert line.parked is not None
    assert line.parked.code == "drift"


def test_an_edit_between_choice_and_look_is_drift() -> None:
    """What the chosen one had is known from the moment of the choice."""
    world = managed()
    choose(world, second_of(world), keep_units=True).commit()
    world.control.person_adjusts(second_of(world), TODAY.toordinal(), 3)
    world.work()
    parked = world.line(ADV).parked
    assert parked is not None
    assert (parked.code, parked.facts["left"], parked.facts["held"]) == ("drift", 5, 8)


@pytest.mark.parametrize("terms", ["park", "adopt", "enforce"])
def test_a_choice_that_moved_seats_is_taken_back(terms: str) -> None:
    """Both count together again, on different days, and nothing of it is taken for anybody's edit."""
    world = managed()
    second, free = second_of(world), TODAY + timedelta(days=1)
    world.control.person_adjusts(second, TODAY.toordinal(), -5)
    world.control.person_adjusts(FULL, free.toordinal(), -28)
    chosen(world, second)
    terms_now = world.ports.store.partner().terms
    world.ports.store.commit(put_terms(None, {"drift": terms}, terms_now.rev))
    world.pass_time(days=1)
    posted = world.posted()
    unchoose_line(deployment_of(world), CONTRACT, SERVICE, "Ada").commit()
    world.work()
    world.pass_time(hours=1)
    assert world.posted() == posted
    assert (world.line(ADV).state, world.line(ADV).offset.steps) == (State.APPLIED, ())
    world.tell(9, {ADV: 31, GATEWAY: 1})
    world.work()
    world.pass_time(hours=1)
    days = [TODAY, free, free + timedelta(days=1), free + timedelta(days=2)]
    assert [billed(world, FULL, day) + billed(world, second, day) for day in days] == [28, 29, 31, 31]
    with pytest.raises(NotDone, match="billed twice"):
        choose(world, FULL)


# -- As a file


def imported(world: World, *rows: str, unchecked: bool = False) -> Proposal[Imported]:
    """A file with these rows, as it is proposed."""
    header = "customer_id,company_id,contract_id,service_id,contract_service_id,first_day"
    data = "\n".join((header, *rows)).encode()
    return import_mappings(deployment_of(world), "lines.csv", data, "Ada", unchecked=unchecked)


def problems(world: World, *rows: str, unchecked: bool = False) -> list[str]:
    """What is wrong with such a file."""
    with pytest.raises(FileRefused) as refused:
        imported(world, *rows, unchecked=unchecked)
    return [
        " ".join([str(problem), *(way.name for way in problem.ways)]) for problem in refused.value.problems
    ]


def test_a_file_chooses_with_the_mapping() -> None:
    """In one proposal, so that nothing is parked in between; what is chosen already is not written again."""
    world = World()
    second = discount(world)
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.map_plan(ADV, SERVICE)
    rows = (f"{CUSTOMER},{COMPANY},{CONTRACT},,,", f",,{CONTRACT},{SERVICE},{second},")
    proposal = imported(world, *rows)
    assert proposal.preview.totals.parked == 0
    proposal.commit()
    world.work()
    assert [billed(world, FULL, TODAY), billed(world, second, TODAY)] == [25, 28]
    assert imported(world, *rows).result.unchanged == 2
    assert [one.kind for one in world.ports.store.decisions()] == ["map import"] * 2


def test_an_export_is_taken_in_without_loss() -> None:
    """With the day from which the contract service is billed."""
    world = managed()
    world.control.person_adjusts(FULL, (TODAY + timedelta(days=1)).toordinal(), -28)
    chosen(world, second_of(world))
    rows = exported(deployment_of(world))
    other = World()
    discount(other)
    file = to_csv(rows).encode()
    import_mappings(deployment_of(other), "a.csv", file, "Ada", unchecked=True, unknown=True).commit()
    [(_, choice)] = mappings(deployment_of(other)).lines
    assert (choice.contract_service_id, choice.first_day) == (second_of(world), TODAY + timedelta(days=1))


def test_two_contract_services_of_one_service_are_refused(world: World) -> None:
    """Everybody on a contract shares the choice, and it stands in a row of its own."""
    line = f",,{CONTRACT},{SERVICE}"
    [twice] = problems(world, f"{line},{FULL},", f"{line},{second_of(world)},")
    assert "everybody on a contract is billed on one contract service of a service" in twice
    [own] = problems(world, f"{CUSTOMER},{COMPANY},{CONTRACT},,{FULL},")
    assert "is the same for everybody on the contract" in own
    [service] = problems(world, f",,{CONTRACT},,{FULL},")
    assert "service_id" in service
    [company] = problems(world, f",{COMPANY},{CONTRACT},{SERVICE},{FULL},")
    assert "company_id" in company


def test_a_file_is_refused_what_the_command_is_refused() -> None:
    """What is not on the contract, what would be billed twice, and what Autotask would have to be asked for."""
    world = managed()
    second = second_of(world)
    line = f",,{CONTRACT},{SERVICE}"
    [strange] = problems(world, f"{line},1202,")
    [billed_twice] = problems(world, f"{line},{second},")
    assert "billed twice" in billed_twice
    [unasked] = problems(world, f"{line},{second},", unchecked=True)
    assert unasked.endswith(Way.ASK_AUTOTASK.name)
    assert strange
    [day] = problems(world, f"{line},{FULL},2026-02-01")
    assert "billed from always" in day


def test_a_contract_service_of_another_service_is_reported() -> None:
    """With those that there are."""
    world = World()
    second = discount(world)
    [strange] = problems(world, f",,{CONTRACT},{SERVICE},1202,")
    assert f"is none of service {SERVICE} on contract {CONTRACT}; there are {FULL}, {second}" in strange
