"""What one reconcile finds, in how few calls, and how it goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.crowd import settled
from tests.drift_table import CASES, Case, aligned, look, outcome
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.domain.finding import Kind
from timus_autotask.domain.line import Line, State
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.domain.timeline import Timeline
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.lines import put_line
from timus_autotask.store.runs import findings, last_run
from timus_autotask.sync.merge import wake_contract
from timus_autotask.watch.reconcile import reconcile


def kinds(world: World, **how: Any) -> list[str]:
    """What a reconcile finds, sorted."""
    return sorted(finding.kind for finding in look(world, **how))


def calls(world: World) -> list[str]:
    """What was asked of Autotask since the log was cleared."""
    return [
        f"{entry['method']} {entry['path'].rpartition('V1.0/')[2] or entry['path']}"
        for entry in world.control.requests()
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_drift_of_every_kind_is_found(case: Case) -> None:
    """Whatever somebody does to a contract is found by one reconcile, with both numbers, and no correction is posted by it."""
    world = aligned()
    posted = world.posted()
    case.do(world)
    found = [finding for finding in look(world, deep=case.deep) if finding.is_drift]
    assert [finding.kind for finding in found] == ([case.kind] if case.kind else [])
    for finding in found:
        assert finding.service_id is None or (finding.ours is not None and finding.autotask is not None)
    world.pass_time(minutes=1)
    assert world.posted() == posted


def test_what_is_edited_names_both_numbers() -> None:
    """A person sees what we left, what Autotask has, and where."""
    world = aligned()
    world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    [finding] = look(world)
    assert (finding.ours, finding.autotask, finding.day) == (28, 31, date(2026, 3, 16))
    assert (finding.contract_id, finding.service_id, finding.customer_id) == (CONTRACT, 45, CUSTOMER)
    assert (
        finding.message
        == "Service 45 on contract 29683949: we left 28 units for 2026-03-16, Autotask has 31."
    )
    assert not finding.known


def test_the_policy_decides_and_nothing_else() -> None:
    """Parked by default, kept on top with adopt, brought back with enforce: reconcile itself never writes to Autotask."""
    raised = CASES[0]
    assert outcome(raised, "park")[1] == "parked: [`drift`](#drift)"
    assert outcome(raised, "adopt")[1] == "kept: +3 on top of Timus"
    assert outcome(raised, "enforce")[1] == "-3 made from 17 March"


def test_all_is_well() -> None:
    """Where nothing was done nothing is found, nobody is woken, and nothing is kept."""
    world = aligned()
    assert look(world) == []
    run = last_run(world.table).value
    assert (run.contracts, run.of, run.lines, run.drift, run.woken, run.busy) == (1, 1, 1, 0, 0, 0)


def test_what_is_parked_already_is_told_but_nobody_is_woken_for_it() -> None:
    """The second reconcile finds the same edit; the worker has judged it."""
    world = aligned()
    world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    look(world)
    assert last_run(world.table).value.woken == 1
    world.pass_time(minutes=1)
    assert world.line(ADV).state is State.PARKED
    [finding] = look(world)
    assert finding.known
    assert last_run(world.table).value.woken == 0


@pytest.mark.parametrize(("day", "left"), [(17, []), (18, [Kind.PAST_DAY_OFF])])
def test_what_is_mended_is_forgotten(day: int, left: list[Kind]) -> None:
    """The next reconcile does not repeat what is not true any more. A day that stays billed otherwise is a past day."""
    world = aligned()
    world.control.person_adjusts(1201, date(2026, 3, 17).toordinal(), 3)
    assert kinds(world) == [Kind.FUTURE_EDIT]
    world.control.person_adjusts(1201, date(2026, 3, day).toordinal(), -3)
    world.pass_time(days=3)
    assert kinds(world) == left


def test_a_contract_that_a_worker_is_at_is_left_to_it() -> None:
    """Between the listing and the reading a worker may post; what looks like an edit then is its own work."""
    world = aligned()
    world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    world.ports.store.commit(wake_contract(CONTRACT, world.ports))
    assert kinds(world) == []
    assert last_run(world.table).value.busy == 1


def test_a_line_that_is_not_level_without_a_reason_is_looked_at_again() -> None:
    """Should a contract ever not be woken for a change, the day does not end without it."""
    world = aligned()
    line = world.ports.store.contract(CONTRACT).lines[45]
    world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), -2)
    lowered = line.value.baseline.add_from(date(2026, 3, 16), -2) if line.value.baseline else Timeline()
    world.ports.store.commit(put_line(replace(line.value, baseline=lowered), line.rev))
    [finding] = look(world)
    assert (finding.kind, finding.ours, finding.autotask) == (Kind.NOT_LEVEL, 28, 26)
    world.pass_time(minutes=1)
    world.pass_time(days=1)
    assert world.units(ADV, date(2026, 3, 18)) == 28


def test_a_mapped_contract_that_was_never_looked_at_is() -> None:
    """A mapping without a wake-up, from a restore say, does not stay without effect."""
    world = World()
    world.tell(1, {ADV: 28})
    world.work()
    world.pass_time(minutes=1)
    world.ports.store.commit(put_mapping(CustomerMapping(CUSTOMER, (Routing((Route(600, CONTRACT),)),)), 0))
    world.map_plan(ADV, 45)
    plan = world.ports.store.partner().plans[ADV]
    assert plan.rev
    assert Kind.NOT_LEVEL in kinds(world)
    world.pass_time(minutes=1)
    assert world.units(ADV, date(2026, 3, 16)) == 28


class TestWhatIsComing:
    """Findings that nobody's doing is behind."""

    def test_renewals(self) -> None:
        """A month ahead, unless it is cancelled."""
        world = aligned()
        world.tell(2, {ADV: 28}, term_end=date(2026, 4, 10))
        world.tell(1, {ADV: 0}, term_end=date(2026, 4, 10), subscription="sub_2", cancel_at=date(2026, 4, 10))
        world.work()
        world.pass_time(minutes=1)
        [finding] = look(world)
        assert (finding.kind, finding.day, finding.customer_id) == (Kind.RENEWAL, date(2026, 4, 10), CUSTOMER)

    def test_a_contract_that_ends_before_its_subscription(self) -> None:
        """A month ahead, what would not be billed any more is told."""
        world = aligned()
        world.clock.advance(timedelta(days=262).total_seconds())
        world.pass_time(minutes=1)
        found = kinds(world)
        assert Kind.ENDS_FIRST in found
        assert Kind.RENEWAL in found

    def test_a_line_without_a_subscription(self) -> None:
        """What is billed and maps to nothing any more."""
        world = aligned()
        world.ports.store.commit(
            put_line(Line(CONTRACT, SERVICES[GATEWAY], baseline=Timeline.of([(date(2026, 1, 1), 1)])), 0)
        )
        [finding] = look(world)
        assert (finding.kind, finding.autotask) == (Kind.NO_SUBSCRIPTION, 1)

    def test_billing_rules(self) -> None:
        """A rule that counts by itself may bill the same users again; one that is inactive does not."""
        rule = {
            "contractID": CONTRACT,
            "createChargesAsBillable": True,
            "determineUnits": 1,
            "includeItemsInChargeDescription": False,
            "invoiceDescription": "Users",
            "isActive": True,
            "isDailyProrationEnabled": False,
            "productID": 1,
            "startDate": "2026-01-01",
        }
        scenario = {**SCENARIO, "billingRules": [{"id": 7, **rule}, {"id": 8, **rule, "isActive": False}]}
        world = World(scenario=scenario)
        world.map_customer()
        world.work()
        world.pass_time(minutes=1)
        [finding] = look(world)
        assert finding.kind is Kind.BILLING_RULE
        assert "Billing rule 7 (Users)" in finding.message

    def test_billing_rules_that_may_not_be_seen_are_a_note(self) -> None:
        """An API user without that permission still gets everything else, and the circuit stays closed."""
        world = aligned()
        world.control.add_fault("unauthorized", entity="ContractBillingRules", times=None)
        assert look(world) == []
        assert "Billing rules could not be read" in last_run(world.table).value.notes[0]
        assert not world.ports.store.partner().circuit.value.open(world.clock.now())

    def test_what_is_parked_for_longer_than_a_day(self) -> None:
        """A parked line and a parked event are told again until somebody has looked."""
        world = aligned()
        world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
        world.tell(2, {ADV: 28}, status="unheard-of")
        look(world)
        world.work()
        world.pass_time(minutes=1)
        world.pass_time(days=2)
        found = [finding for finding in look(world) if finding.kind is Kind.PARKED_LONG]
        assert len(found) == 2
        assert all(finding.known for finding in found)

    def test_events_that_were_never_merged(self) -> None:
        """An event that still waits after an hour is stuck."""
        world = aligned()
        world.tell(2, {ADV: 30})
        world.clock.advance(2 * 3600)
        [finding] = look(world)
        assert (finding.kind, finding.customer_id) == (Kind.NOT_MERGED, CUSTOMER)


# -- A thousand customers


@pytest.mark.slow
def test_a_thousand_customers_cost_at_most_twenty_calls() -> None:
    """1,000 contracts with 3,000 lines, looked at by a function that has just started, with the calls counted by the other side."""
    world = settled()
    world.control.person_adjusts(10 * 500, date(2026, 3, 15).toordinal(), 2)
    world.control.person_adjusts(10 * 999 + 2, date(2026, 5, 1).toordinal(), -1)
    world.ports.credentials_refused()  # signed in anew, and the zone asked for, as by a cold start
    deadline = world.clock.now() + timedelta(minutes=5)
    run = reconcile(world.ports, deadline)
    found = [*findings(world.table)]
    assert [(f.kind, f.contract_id, f.ours, f.autotask) for f in found if f.is_drift] == [
        (Kind.EDITED_UP, 10_500, 5, 7),
        (Kind.FUTURE_EDIT, 10_999, 7, 6),
    ]
    assert run.finished
    assert (run.contracts, run.lines, run.deep) == (1000, 3000, False)
    assert run.calls == len(world.control.requests()) <= 20

    world.control.clear_requests()

    def die(_run: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # half-way
        reconcile(world.ports, deadline, anew=True, on_progress=die)
    first = len(world.control.requests())
    assert last_run(world.table).value.contracts == 500
    run = reconcile(world.ports, deadline)
    assert (run.contracts, run.busy) == (1000, 2)  # the first run had these two looked at
    asked = [json.loads(one["body"] or "{}") for one in world.control.requests()]
    for half, requests in ((range(10_001, 10_501), asked[:first]), (range(10_501, 11_001), asked[first:])):
        ids = {value for request in requests for value in _ids(request.get("Filter", []))}
        assert ids == {*half}, "no contract is read twice"
    assert run.calls <= 20


def _ids(terms: list[dict[str, Any]]) -> Iterator[int]:
    """Every contract that a filter names."""
    for term in terms:
        yield from _ids(term.get("items", []))
        if term.get("field") in ("contractID", "id"):
            yield from term["value"] if isinstance(term["value"], list) else [term["value"]]


def test_where_there_are_few_rows_every_day_is_compared() -> None:
    """Edits that cancel each other out are found without being asked for, and it costs hardly more."""
    world = aligned()
    world.control.person_adjusts(1201, date(2026, 6, 1).toordinal(), 4)
    world.control.person_adjusts(1201, date(2026, 7, 1).toordinal(), -4)
    run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5))
    assert (run.deep, dict(run.found)) == (True, {Kind.FUTURE_EDIT: 1})
    assert run.calls <= 4
    many = settled(170)
    assert not reconcile(many.ports, many.clock.now() + timedelta(minutes=5)).deep
    few = settled(90)
    run = reconcile(few.ports, few.clock.now() + timedelta(minutes=5))
    assert run.deep
    assert run.calls <= 20


def test_a_run_that_is_interrupted_goes_on_where_it_stopped() -> None:
    """Its time is up half-way; the next call does the rest and no contract twice."""
    world = settled(40)
    world.control.person_adjusts(50, date(2026, 3, 15).toordinal(), 2)
    world.control.person_adjusts(350, date(2026, 3, 15).toordinal(), 2)
    deadlines = iter([world.clock.now() + timedelta(minutes=5), world.clock.now()])

    def die(run: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconcile(world.ports, next(deadlines), on_progress=die, at_once=20)
    assert last_run(world.table).value.contracts == 20
    stopped = reconcile(world.ports, next(deadlines), at_once=20)
    assert (stopped.stopped, stopped.contracts) == ("its time was up", 20)
    run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5), at_once=20)
    assert run.finished
    assert (run.contracts, run.woken, run.found["edited-up"]) == (40, 2, 2)
    assert len([finding for finding in findings(world.table) if finding.is_drift]) == 2


def test_it_runs_once_a_day_unless_it_is_asked_for() -> None:
    """The schedule calls often; what is done is done, until tomorrow or until somebody wants it now."""
    world = aligned()
    deadline = world.clock.now() + timedelta(minutes=5)
    first = reconcile(world.ports, deadline)
    assert first.finished
    assert reconcile(world.ports, deadline) == first
    assert reconcile(world.ports, deadline, anew=True).id != first.id
    world.pass_time(days=1)
    assert reconcile(world.ports, world.clock.now() + timedelta(minutes=5)).id != first.id


def test_two_at_once_do_not_both_write() -> None:
    """One of them gives way."""
    world = settled(4)
    inner: list[str] = []

    def other(_run: object) -> None:
        if not inner:
            inner.append(reconcile(world.ports, world.clock.now() + timedelta(minutes=5)).stopped)

    run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5), on_progress=other, at_once=2)
    assert inner == [""]
    assert run.stopped == "another reconcile is running"
    assert last_run(world.table).value.finished


class TestWhatComesFirst:
    """Live changes have the right of way."""

    def test_the_request_allowance(self) -> None:
        """From three quarters on nothing is read but how much is used; later it goes on."""
        world = aligned()
        world.control.set_switches({"other_requests": 7_500})
        world.control.clear_requests()
        run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5))
        assert run.stopped == "75 % of Autotask's request allowance is used"
        assert len(world.control.requests()) == 1
        world.control.set_switches({"other_requests": 0})
        assert reconcile(world.ports, world.clock.now() + timedelta(minutes=5)).finished

    def test_changes_that_wait(self) -> None:
        """Where the sweep does not keep up, it is left alone."""
        world = settled(30)
        for n in range(1, 31):
            world.ports.store.commit(wake_contract(10_000 + n, world.ports))
        world.clock.advance(180)
        run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5))
        assert run.stopped == "changes are due, and come first"
        assert not world.control.requests()

    def test_an_open_circuit(self) -> None:
        """While nobody asks Autotask, neither does this; and what it finds out, the others know."""
        world = aligned()
        world.control.add_fault("throttle_429", times=None)
        run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5))
        assert run.stopped.startswith("Autotask cannot be asked: ")
        assert world.ports.store.partner().circuit.value.open(world.clock.now())
        world.control.clear_requests()
        run = reconcile(world.ports, world.clock.now() + timedelta(minutes=5))
        assert run.stopped.startswith("Autotask cannot be asked: it is not asked before ")
        assert not world.control.requests()
