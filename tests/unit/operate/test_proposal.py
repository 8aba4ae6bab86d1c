"""What somebody asks for is shown whole before it is done, or it is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.autotask.faults import Fault
from local.timus import change
from tests.deployment import deployment_of
from tests.fakes.memory_queue import MemoryQueue
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.domain.line import Choice
from timus_autotask.domain.mapping import Route
from timus_autotask.operate import decisions, recover, stage, terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.timus_export import Comparison, MissingEvent
from timus_autotask.operate.mapping import choose as mapping
from timus_autotask.operate.mapping import first_day
from timus_autotask.operate.mapping.known import slips
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.mapping.service_choice import choose_service
from timus_autotask.operate.preview import what_would_be_adjusted
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.reconcile import AgainstTimus, follow_up, last_comparison
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.operate.terms import TermChange
from timus_autotask.ports.errors import QueueUnavailable
from timus_autotask.store.contracts import put_contract_state
from timus_autotask.sync.sweep import refresh_plan
from timus_autotask.watch.money import Estimate
from timus_autotask.watch.preview import Preview

BY = "j.doe"
MINIMUM = [TermChange("minimum", "50", ADV)]
TODAY = date(2026, 3, 15)


def level(world: World | None = None) -> World:
    """A client with 25 seats and a gateway, level."""
    world = world or World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    return world


def crowd(clients: int) -> World:
    """Many clients, each with 10 seats on a contract of its own."""
    contracts = [
        {
            "id": 7000 + n,
            "companyID": 600,
            "contractName": f"Client {n}",
            "startDate": "2026-01-01",
            "endDate": "2026-12-31",
            "lines": [{"id": 9000 + n, "serviceID": 45, "units": 10}],
        }
        for n in range(clients)
    ]
    world = World(scenario={**SCENARIO, "contracts": contracts})
    for n in range(clients):
        world.map_customer(f"cus_{n}", contract=7000 + n)
        world.tell(1, {ADV: 10}, customer=f"cus_{n}", subscription=f"sub_{n}")
    world.work()
    return world


def shown(preview: Preview) -> list[tuple[int, int, str]]:
    """(service, units, day) of everything that would be made at once, as ``World.posted`` has it."""
    return [
        (line.service_id, one.delta, one.day.isoformat())
        for contract in preview.contracts
        for line in contract.lines
        for one in line.adjustments
        if one.at_once
    ]


def prices(world: World) -> list[tuple[int, int, float]]:
    """(service, units, unit price or 0) of everything that took effect, in order."""
    return [
        (p.service_id or 0, p.unit_change or 0, float(p.body.get("adjustedUnitPrice") or 0))
        for p in world.api.postings
        if p.committed
    ]


def set_minimum(deployment: Deployment) -> Proposal[Any]:
    """Terms that ask for 25 seats more."""
    return terms.set_terms(deployment, MINIMUM, None, BY, from_today_if_billed=True)


# -- Nothing is posted that was not shown


def drifted(world: World) -> None:
    """Somebody adds two seats in Autotask, and a change comes."""
    world.control.person_adjusts(1201, TODAY.toordinal() - 1, 2)
    world.tell(8, {ADV: 26, GATEWAY: 1})
    world.work()


def refused(world: World) -> None:
    """Autotask refuses a change."""
    world.api.faults.add(Fault("json_500", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()


def held(world: World) -> None:
    """The terms hold a change for approval."""
    deployment = deployment_of(world)
    terms.set_terms(deployment, [TermChange("approve_increases", "always")], None, BY).commit()
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()


def lose_wake_ups(world: World) -> None:
    """Nobody comes for what was told last."""
    for message in world.queue.receive(10):
        world.queue.delete(message.receipt)


def paused(world: World) -> None:
    """Two changes wait for the end of a pause, one of them not merged yet."""
    terms.pause(deployment_of(world), None, BY)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.tell(9, {ADV: 20, ESS: 10, GATEWAY: 2})
    lose_wake_ups(world)


def waiting(world: World) -> None:
    """An event waits in the inbox; its wake-up failed for good."""
    world.tell(8, {ADV: 31, GATEWAY: 1})
    lose_wake_ups(world)


def history_lost(world: World) -> None:
    """A subscription's history is gone; what it said last was never posted."""
    deployment = deployment_of(world)
    terms.pause(deployment, None, BY)
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()
    for document in world.table.documents():
        if document.key.sk.startswith("SUBSCRIPTION#"):
            world.table._delete(document.key)
    terms.resume(deployment, None, BY).commit()
    world.work()


def to_open(world: World) -> None:
    """A customer who has a company, and no contract, and terms that open none."""
    world.tell(1, {ADV: 4}, customer="cus_2", subscription="sub_2")
    mapping.name_company(deployment_of(world), "cus_2", 600, BY).commit()
    world.work()
    world.sweep()


def redriven(deployment: Deployment) -> Proposal[Any]:
    """The wake-up of the client, sent again."""
    dead = MemoryQueue(deployment.clock)
    dead.send(CUSTOMER, "dead")
    return recover.redrive(replace(deployment, dead_letters=dead), BY)


def missing_event(deployment: Deployment) -> Proposal[Any]:
    """A change that only Timus's portal shows."""
    body = change("sub_8f2c1a", 8, CUSTOMER, {ADV: 33, GATEWAY: 1}, deployment.clock.now())
    missing = MissingEvent(CUSTOMER, "sub_8f2c1a", "timus-export-1", body.encode())
    against = AgainstTimus(Comparison((), (missing,), ()), frozenset())
    return follow_up(deployment, last_comparison(deployment), against, BY)


Ask = Callable[[Deployment], Proposal[Any]]
USE_CASES: dict[str, tuple[Callable[[World], None], Ask]] = {
    "policy set": (lambda _: None, set_minimum),
    "policy set for a customer": (
        lambda _: None,
        lambda d: terms.set_terms(d, [TermChange("excluded", GATEWAY)], CUSTOMER, BY),
    ),
    "policy set that prices": (
        held,
        lambda d: terms.set_terms(
            d, [TermChange("prices", "15.00", ADV), TermChange("approve_increases", "never")], None, BY
        ),
    ),
    "policy set that opens a contract": (
        to_open,
        lambda d: terms.set_terms(d, [TermChange("open_contracts", "yes")], None, BY),
    ),
    "map customer": (
        lambda _: None,
        lambda d: mapping.route_customer(d, CUSTOMER, Route(601, 29683950), BY),
    ),
    "map plan": (lambda _: None, lambda d: choose_service(d, ADV, 46, BY)),
    "map plan for a customer": (
        lambda _: None,
        lambda d: choose_service(d, ADV, 46, BY, customer=CUSTOMER),
    ),
    "retry": (refused, lambda d: decisions.retry(d, CONTRACT, BY)),
    "retry a provisioning": (to_open, lambda d: decisions.retry_provisioning(d, "timus-cus_2", BY)),
    "drift --enforce": (drifted, lambda d: decisions.decide_drift(d, CONTRACT, 45, Choice.ENFORCE, BY)),
    "drift --adopt": (drifted, lambda d: decisions.decide_drift(d, CONTRACT, 45, Choice.ADOPT, BY)),
    "approve": (held, lambda d: decisions.approve(d, CONTRACT, 45, BY)),
    "resume": (paused, lambda d: terms.resume(d, None, BY)),
    "redrive": (waiting, redriven),
    "replay": (
        history_lost,
        lambda d: recover.replay_since(d, datetime(2026, 1, 1, tzinfo=UTC), BY),
    ),
    "reconcile --timus-export": (lambda _: None, missing_event),
}


@pytest.mark.parametrize("name", USE_CASES)
def test_exactly_what_was_shown_is_posted(name: str) -> None:
    """Proposing posts and writes nothing; committing posts what was shown, with its price, and nothing else."""
    prepare, ask = USE_CASES[name]
    world = level()
    prepare(world)
    deployment = deployment_of(world)
    before, posted, waits = world.table.documents(), world.posted(), sum(world.queue.depth())
    proposal = ask(deployment)
    assert world.table.documents() == before
    assert world.posted() == posted
    assert sum(world.queue.depth()) == waits
    done = proposal.commit()
    assert done.result == proposal.result
    for _ in range(3):
        world.work()
        world.sweep()
    assert sorted(world.posted()[len(posted) :]) == sorted(shown(proposal.preview))
    assert sorted(prices(world)[len(posted) :]) == sorted(
        (line.service_id, one.delta, float(one.price.after if one.price else 0))
        for contract in proposal.preview.contracts
        for line in contract.lines
        for one in line.adjustments
        if one.at_once
    )


@pytest.mark.parametrize("name", USE_CASES)
def test_what_is_proposed_a_second_later_is_the_same(name: str) -> None:
    """Where nothing has changed but the time, what somebody agreed to can still be done."""
    prepare, ask = USE_CASES[name]
    world = level()
    prepare(world)
    proposal = ask(deployment_of(world))
    world.clock.advance(1)
    assert ask(deployment_of(world)) == proposal


def test_the_use_cases_show_what_they_are_about() -> None:
    """Each of them is tried where it has something to post."""
    silent = {"retry a provisioning"}
    for name, (prepare, ask) in USE_CASES.items():
        world = level()
        prepare(world)
        preview = ask(deployment_of(world)).preview
        assert bool(shown(preview)) is (name not in silent), name


def test_an_opened_contract_is_shown_with_its_lines() -> None:
    """What would be asked of Autotask first, and what would be billed on it."""
    world = level()
    to_open(world)
    deployment = deployment_of(world)
    proposal = terms.set_terms(deployment, [TermChange("open_contracts", "yes")], None, BY)
    [contract] = [one for one in proposal.preview.contracts if one.opened]
    assert contract.opened
    assert (contract.contract_id, contract.opened.number) == (None, "timus-cus_2")
    assert [(line.service_id, line.wanted) for line in contract.lines] == [(45, 4)]
    assert contract.changes


def extended_by_terms() -> tuple[World, Proposal[Any]]:
    """A renewal that the terms did not follow, and what terms that extend the contract would do."""
    world = level()
    deployment = deployment_of(world)
    terms.set_terms(deployment, [TermChange("renewal", "off")], None, BY).commit()
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    return world, terms.set_terms(deployment, [TermChange("renewal", "extend")], None, BY)


def test_a_renewal_is_shown_with_the_day_to_which_the_contract_moves() -> None:
    """Terms that extend a contract say so."""
    world, proposal = extended_by_terms()
    [contract] = proposal.preview.contracts
    assert contract.extended_to == date(2027, 12, 31)
    proposal.commit()
    world.work()
    found = world.ports.autotask().contract(CONTRACT)
    assert found
    assert found.end == date(2027, 12, 31)


def test_an_ended_contract_that_is_extended_says_what_its_new_days_may_need_at_once() -> None:
    """Whether Autotask adds days with the units of before is seen only once it has; on this tenant it does not."""
    world = level()
    world.control.set_switches({"extended_periods": "empty"})
    deployment = deployment_of(world)
    terms.set_terms(deployment, [TermChange("renewal", "off")], None, BY).commit()
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.pass_time(days=300)
    made = len(world.posted())
    proposal = terms.set_terms(deployment_of(world), [TermChange("renewal", "extend")], None, BY)
    [contract] = proposal.preview.contracts
    assert contract.if_left_empty
    assert contract.if_left_empty.in_words(proposal.preview.names) == (
        "Autotask may add the days from 2027-01-01 on without units. Then this is made there instead of what is shown:",
        "45 SASE-ADV-USER: +25 from 2027-01-01 (at once)",
        "47 SASE-GATEWAY: +1 from 2027-01-01 (at once)",
    )
    proposal.commit()
    world.sweep()
    world.pass_time(days=1)
    assert sorted(world.posted()[made:]) == [(45, 25, "2027-01-01"), (47, 1, "2027-01-01")]


@pytest.mark.parametrize("switches", [{}, {"extended_periods": "empty"}])
def test_what_follows_an_extension_is_shown_for_both_kinds_of_tenants(switches: dict[str, str]) -> None:
    """Where new days have no units, changes of now wait for that or come in another order; either is shown before it is made."""
    world = level()
    world.control.set_switches(switches)
    deployment = deployment_of(world)
    terms.pause(deployment, CUSTOMER, BY)
    for sequence, adv, ess in ((8, 25, 2), (9, 5, 22), (10, 8, 22)):
        world.pass_time(days=2)
        world.tell(sequence, {ADV: adv, ESS: ess, GATEWAY: 1})
    world.tell(11, {ADV: 8, ESS: 22, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    made = len(world.posted())
    proposal = terms.resume(deployment_of(world), CUSTOMER, BY)
    [contract] = proposal.preview.contracts
    assert contract.if_left_empty
    lines = contract.if_left_empty.lines if switches else contract.lines
    expected = [
        (line.service_id, one.delta, one.day.isoformat())
        for line in lines
        for one in line.adjustments
        if one.at_once
    ]
    assert expected
    proposal.commit()
    world.work()
    assert sorted(world.posted()[made:]) == sorted(expected)


def test_an_extension_of_level_days_says_what_empty_new_ones_are_given() -> None:
    """Nothing is due today; on its day the units come back, so it is shown now."""
    _, proposal = extended_by_terms()
    [contract] = proposal.preview.contracts
    assert contract.if_left_empty
    assert not any(line.adjustments for line in contract.lines)
    assert contract.if_left_empty.in_words(proposal.preview.names)[1:] == (
        "45 SASE-ADV-USER: +25 from 2027-01-01",
        "47 SASE-GATEWAY: +1 from 2027-01-01",
    )


def renewed_with_empty_days() -> World:
    """A client whose contract was extended by a year that has no units."""
    world = level()
    world.control.set_switches({"extended_periods": "empty"})
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    return world


def test_units_that_only_go_on_in_an_empty_new_period_are_no_increase() -> None:
    """It is as much as on the day before, so units and money of what is billed stay as they are."""
    found = what_would_be_adjusted(deployment_of(renewed_with_empty_days())).preview
    [contract] = found.contracts
    assert [(line.units, line.units_after) for line in contract.lines] == [(25, 25), (1, 1)]
    assert [one.compared for line in contract.lines for one in line.adjustments] == ["as before", "as before"]
    totals = found.totals
    assert (totals.lines, totals.units_up, totals.units_down) == (2, 0, 0)
    assert totals.estimate
    assert totals.estimate == Estimate(Decimal(0), Decimal(0))


@pytest.mark.parametrize(("seats", "up", "down"), [(20, 0, 5), (28, 3, 0)])
def test_a_change_before_an_empty_new_period_counts_once(seats: int, up: int, down: int) -> None:
    """What goes on after it is neither more nor fewer."""
    world = level()
    world.control.set_switches({"extended_periods": "empty"})
    terms.set_terms(deployment_of(world), [TermChange("approve_decreases", "always")], None, BY).commit()
    terms.set_terms(deployment_of(world), [TermChange("line_limit", "1")], None, BY).commit()
    world.tell(8, {ADV: 25, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    world.pass_time(days=2)
    world.tell(9, {ADV: seats, GATEWAY: 1}, term_end=date(2027, 12, 31))
    world.work()
    proposal = decisions.approve(deployment_of(world), CONTRACT, SERVICES[ADV], BY)
    line = next(one for one in proposal.preview.contracts[0].lines if one.service_id == SERVICES[ADV])
    assert (line.units, line.units_after) == (25, seats)
    assert (proposal.preview.totals.units_up, proposal.preview.totals.units_down) == (up, down)


def test_terms_that_are_so_already_say_that_nothing_follows_from_them() -> None:
    """What is scheduled is shown all the same, and would be taken for their effect."""
    world = level()
    deployment = deployment_of(world)
    assert terms.set_terms(deployment, MINIMUM, None, BY).notes == ()
    terms.set_terms(deployment, MINIMUM, None, BY).commit()
    assert terms.set_terms(deployment, MINIMUM, None, BY).notes == (terms.AS_THEY_ARE,)
    assert terms.set_terms(deployment, [TermChange("renewal", "extend")], None, BY).notes == (
        terms.AS_THEY_ARE,
    )
    assert terms.set_terms(deployment, [TermChange("minimum", "", ADV)], None, BY).notes == ()
    with pytest.raises(NotDone, match=r"^Nothing was changed: minimum of"):
        terms.set_terms(deployment, [TermChange("minimum", "-1", ADV)], None, BY)


# -- All of it


def test_every_contract_is_shown_with_totals() -> None:
    """There is no contract too many; what is read of Autotask is read for many contracts together."""
    world = crowd(45)
    world.control.clear_requests()
    progress: list[tuple[int, int]] = []
    proposal = terms.set_terms(
        deployment_of(world),
        [TermChange("minimum", "12", ADV)],
        None,
        BY,
        from_today_if_billed=True,
        on_progress=lambda done, of: progress.append((done, of)),
    )
    assert len(proposal.preview.contracts) == 45
    totals = proposal.preview.totals
    assert (totals.contracts, totals.lines, totals.units_up, totals.units_down) == (45, 45, 90, 0)
    assert totals.units_up_at_once == 90
    assert progress[-1] == (45, 45)
    assert len(world.control.requests()) < 20
    proposal.commit()
    world.work()
    assert len(world.posted()) == 45


def test_what_is_due_later_is_told_apart_in_the_totals() -> None:
    """A fall that waits for the next period is not made at once."""
    world = level()
    deployment = deployment_of(world)
    terms.set_terms(deployment, [TermChange("decreases", "start-of-next-period")], None, BY).commit()
    world.tell(8, {ADV: 20, GATEWAY: 1})
    world.work()
    totals = terms.set_terms(deployment, [TermChange("line_limit", "50")], None, BY).preview.totals
    assert (totals.units_down, totals.units_down_at_once) == (5, 0)


# -- Or it is refused


@pytest.mark.parametrize("fault", ["not_sent", "json_500", "unauthorized", "throttle_429"])
def test_nothing_is_done_that_could_not_be_shown(fault: str) -> None:
    """Autotask cannot be asked about a contract, so nobody knows what would be adjusted."""
    world = level()
    world.api.faults.add(Fault(fault, times=None))
    before = world.table.documents()
    with pytest.raises(NotDone, match="It cannot be shown what would be done"):
        set_minimum(deployment_of(world))
    assert world.table.documents() == before


def test_nothing_is_done_while_workers_leave_autotask_alone() -> None:
    """They would do it later, unseen."""
    world = level()
    world.api.faults.add(Fault("not_sent", times=None))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.api.faults.clear()
    with pytest.raises(NotDone, match="it is not asked before"):
        set_minimum(deployment_of(world))


def test_a_mapping_can_be_written_without_asking_autotask_and_says_so() -> None:
    """While it observes, nothing can be posted because of it. Of a live customer it is refused, ``unchecked`` or not."""
    world = level()
    world.api.faults.add(Fault("not_sent", times=None))
    deployment = deployment_of(world)
    route = Route(601, 29683950)
    for unchecked in (False, True):
        with pytest.raises(NotDone):
            mapping.route_customer(deployment, CUSTOMER, route, BY, unchecked=unchecked)
    stage.observe(deployment, BY)
    with pytest.raises(NotDone):
        mapping.route_customer(deployment, CUSTOMER, route, BY)
    proposal = mapping.route_customer(deployment, CUSTOMER, route, BY, unchecked=True)
    assert "Autotask cannot be asked" in proposal.not_shown
    assert proposal.preview == Preview()
    proposal.commit()
    known = deployment.store.customer(CUSTOMER).mapping
    assert known
    assert 29683950 in known.value.contract_ids


def test_a_lease_does_not_hide_what_would_be_posted() -> None:
    """A worker is at the contract, or died at it: the preview is the same."""
    world = level()
    deployment = deployment_of(world)
    free = set_minimum(deployment).preview
    state = deployment.store.contract(CONTRACT).state
    until = world.clock.now() + timedelta(seconds=60)
    leased = replace(state.value, lease="somebody", lease_until=until)
    deployment.store.commit(put_contract_state(leased, state.rev, until))
    assert set_minimum(deployment).preview == free
    assert shown(free) == [(45, 25, "2026-03-15")]


def test_what_is_not_settled_yet_is_waited_for_or_refused() -> None:
    """A request was lost: until a read settles it, nobody knows what would be adjusted."""
    world = level()
    world.api.faults.add(Fault("timeout_before", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    with pytest.raises(NotDone, match=r"outcome is not known yet.*try again after 2026-03-15 09:2"):
        set_minimum(deployment_of(world))
    world.pass_time(minutes=20)
    assert world.posted() == [(45, 3, "2026-03-15")]
    [line] = [
        one for one in set_minimum(deployment_of(world)).preview.contracts[0].lines if one.service_id == 45
    ]
    assert (line.units, line.wanted, line.adjustments[0].delta) == (28, 50, 22)


def test_what_has_landed_is_not_shown_as_still_to_be_posted() -> None:
    """Its answer was lost, and its settling time is over before a worker has come to read it back: it was posted all the same."""
    world = level()
    world.api.faults.add(Fault("timeout_after", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.clock.advance(20 * 60)
    proposal = terms.set_terms(deployment_of(world), [TermChange("excluded", GATEWAY)], None, BY)
    assert shown(proposal.preview) == [(47, -1, "2026-03-15")]


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
def test_what_is_under_way_does_not_hold_up_what_it_does_not_touch(kind: str) -> None:
    """Whether it has landed or not, nothing is posted but itself; it is shown as under way where it is not to be seen."""
    world = level()
    world.api.faults.add(Fault(kind, entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    proposal = terms.set_terms(deployment_of(world), [TermChange("excluded", GATEWAY)], None, BY)
    lines = {line.service_id: line for line in proposal.preview.contracts[0].lines}
    assert shown(proposal.preview) == [(47, -1, "2026-03-15")]
    assert lines[45].under_way == (None if kind == "timeout_after" else (TODAY, 3))
    proposal.commit()
    world.work()
    world.pass_time(minutes=20)
    assert sorted(world.posted()) == [(45, 3, "2026-03-15"), (47, -1, "2026-03-15")]


def test_a_worker_that_is_just_at_it_is_waited_for() -> None:
    """It is done in a second or two."""
    world = level()
    deployment = deployment_of(world)
    world.api.faults.add(Fault("timeout_before", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    state = deployment.store.contract(CONTRACT).state
    until = world.clock.now() + timedelta(seconds=60)
    deployment.store.commit(
        put_contract_state(replace(state.value, lease="somebody", lease_until=until), state.rev, until)
    )
    sleep = world.clock.sleep

    def settles(seconds: float) -> None:
        sleep(seconds)
        world.pass_time(minutes=20)

    world.clock.sleep = settles  # type: ignore[method-assign]
    assert set_minimum(deployment).preview.contracts


# -- What has changed since it was shown


def test_what_has_changed_since_is_not_done() -> None:
    """An event came in meanwhile: what would be adjusted is another."""
    world = level()
    proposal = set_minimum(deployment_of(world))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    with pytest.raises(NotDone, match="has changed since it was shown"):
        proposal.commit()
    assert world.posted() == [(45, 3, "2026-03-15")]


@pytest.mark.parametrize(
    ("minimum", "shows"), [("30", [(45, 5, "2026-03-15")]), ("25", []), ("50", [(45, 25, "2026-03-15")])]
)
def test_what_a_worker_has_made_since_is_not_shown_any_more(
    minimum: str, shows: list[tuple[int, int, str]]
) -> None:
    """25 seats more were due when somebody looked at other terms, and they are made before he agrees.

    He would take some of them back, which he was not shown; or he would agree to what is made already.
    """
    world = level()
    deployment = deployment_of(world)
    set_minimum(deployment).commit()
    change = TermChange("minimum", minimum, ADV)
    proposal = terms.set_terms(
        deployment, [change, TermChange("minimum", "1", GATEWAY)], None, BY, from_today_if_billed=True
    )
    assert shown(proposal.preview) == shows
    world.work()
    with pytest.raises(NotDone, match="has changed since it was shown"):
        proposal.commit()
    world.work()
    assert world.posted() == [(45, 25, "2026-03-15")]


def without_gateway_service() -> World:
    """A client with 25 seats and two gateways more, whose service Autotask does not have."""
    world = World()
    name_service(world, GATEWAY, "")
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 3})
    world.work()
    assert not world.ports.store.partner().plans[GATEWAY].value.choices
    return world


def name_service(world: World, sku: str, as_: str) -> None:
    """Let somebody change the SKU that a service carries in Autotask."""
    record = world.api.model.tables["Services"][SERVICES[sku]]
    record.values["sku"] = as_
    record.text = record.subsets = None


GATEWAYS = (47, 2, "2026-03-15")
SEATS = (45, 25, "2026-03-15")


def test_a_service_that_is_to_be_looked_for_again_is_looked_for_in_the_preview() -> None:
    """The sweep would find it a moment later, and more would be adjusted than was shown."""
    world = without_gateway_service()
    name_service(world, GATEWAY, GATEWAY)
    deployment = deployment_of(world)
    assert shown(set_minimum(deployment).preview) == [SEATS]
    world.clock.advance(15 * 60)
    proposal = set_minimum(deployment)
    assert sorted(shown(proposal.preview)) == [SEATS, GATEWAYS]
    proposal.commit()
    world.sweep()
    assert sorted(world.posted()) == [SEATS, GATEWAYS]


@pytest.mark.parametrize("swept", [True, False])
def test_a_service_that_is_found_since_makes_it_another_proposal(*, swept: bool) -> None:
    """It was not known when it was shown. By now the sweep knows it, but has told no contract yet; or it is time to look for it."""
    world = without_gateway_service()
    name_service(world, GATEWAY, GATEWAY)
    proposal = set_minimum(deployment_of(world))
    assert shown(proposal.preview) == [SEATS]
    world.clock.advance(15 * 60)
    if swept:
        refresh_plan(GATEWAY, world.ports)
        assert world.ports.store.partner().plans[GATEWAY].value.choices
    with pytest.raises(NotDone, match="has changed since it was shown"):
        proposal.commit()
    assert world.posted() == []


def test_a_service_that_is_looked_for_in_vain_is_no_reason_to_ask_again() -> None:
    """It was not known, and is not known now."""
    world = without_gateway_service()
    proposal = set_minimum(deployment_of(world))
    world.pass_time(minutes=15)
    proposal.commit()
    world.sweep()
    assert world.posted() == [SEATS]


def test_what_only_settles_is_no_reason_to_ask_again() -> None:
    """It was under way when it was shown, and is known now to have landed: nothing else is adjusted than was shown."""
    world = level()
    world.api.faults.add(Fault("timeout_after", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.line(ADV).intent
    proposal = terms.set_terms(
        deployment_of(world), [TermChange("minimum", "3", GATEWAY)], None, BY, from_today_if_billed=True
    )
    assert shown(proposal.preview) == [(47, 2, "2026-03-15")]
    world.pass_time(minutes=20)
    world.sweep()
    assert not world.line(ADV).intent
    proposal.commit()
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15"), (47, 2, "2026-03-15")]


def test_a_change_that_matters_not_is_no_reason_to_ask_again() -> None:
    """The contract was looked at meanwhile, and everything is as it was."""
    world = level()
    proposal = set_minimum(deployment_of(world))
    decisions.retry(deployment_of(world), CONTRACT, "somebody else").commit()
    proposal.commit()
    world.work()
    assert world.posted() == [(45, 25, "2026-03-15")]


def test_an_approval_is_of_what_was_shown() -> None:
    """What is held now is more than what was approved, so it stays held."""
    world = level()
    held(world)
    proposal = decisions.approve(deployment_of(world), CONTRACT, 45, BY)
    assert (proposal.result.delta, proposal.result.day) == (3, TODAY)
    world.tell(9, {ADV: 90, GATEWAY: 1})
    world.work()
    with pytest.raises(NotDone):
        proposal.commit()
    world.work()
    assert world.posted() == []


def test_the_queue_may_be_away() -> None:
    """The sweep finds what is due; whoever asked is told."""
    world = level()

    class Away:
        def send(self, customer_id: str, dedup_id: str) -> None:
            raise QueueUnavailable("no queue")

        depth = world.queue.depth

    done = set_minimum(replace(deployment_of(world), queue=Away())).commit()
    assert done.queued is False
    world.sweep()
    assert world.posted() == [(45, 25, "2026-03-15")]


def test_a_proposal_that_was_not_proposed_cannot_be_committed() -> None:
    """Only ``propose`` makes one that can."""
    with pytest.raises(ValueError, match="not proposed"):
        Proposal(recover.Redriven(()), Preview()).commit()


# -- Whose contract it is


def test_a_contract_is_shared_only_on_purpose() -> None:
    """One client's seats do not land on another client's invoice by a slip of the pen."""
    world = level()
    world.tell(1, {ADV: 77}, customer="cus_b", subscription="sub_b")
    world.work()
    deployment = deployment_of(world)
    route = Route(600, CONTRACT)
    with pytest.raises(
        NotDone, match=rf"is the contract of customer {CUSTOMER} \(Contoso Dental\)"
    ) as refused:
        mapping.route_customer(deployment, "cus_b", route, BY)
    assert refused.value.ways == (Way.SHARE,)
    proposal = mapping.route_customer(deployment, "cus_b", route, BY, share=True)
    assert proposal.result.shared_with == (f"customer {CUSTOMER} (Contoso Dental)",)
    assert shown(proposal.preview) == [(45, 77, "2026-03-15")]
    mapping.route_customer(deployment, CUSTOMER, route, BY)  # its own


def test_a_contract_that_somebody_has_left_is_free() -> None:
    """From today on nobody else goes there; the days before are the other one's, and a mapping holds from the beginning."""
    world = level()
    world.tell(
        1,
        {ADV: 77},
        customer="cus_b",
        subscription="sub_b",
        effective=datetime(2026, 1, 2, 12, tzinfo=UTC),
    )
    deployment = deployment_of(world)
    mapping.route_customer(deployment, CUSTOMER, Route(601, 29683950), BY).commit()
    world.work()
    route, today = Route(600, CONTRACT), world.ports.today()
    theirs = rf"is the contract of customer {CUSTOMER} \(Contoso Dental\) until 2026-03-14\."
    with pytest.raises(NotDone, match=theirs) as refused:
        mapping.route_customer(deployment, "cus_b", route, BY)
    assert refused.value.ways == (Way.SHARE,)
    from_today = mapping.route_customer(deployment, "cus_b", route, BY, bill_from=BillFrom.TODAY)
    assert from_today.result.shared_with == ()
    said = first_day.FirstDay(today, follows=False)
    assert mapping.route_customer(deployment, "cus_b", route, BY, first_day=said).result.shared_with == ()
    before = first_day.FirstDay(today - timedelta(days=1), follows=False)
    with pytest.raises(NotDone) as refused:
        mapping.route_customer(deployment, "cus_b", route, BY, first_day=before)
    assert refused.value.ways == (Way.SHARE,)
    shared = mapping.route_customer(deployment, "cus_b", route, BY, share=True)
    assert shared.result.shared_with == (f"customer {CUSTOMER} (Contoso Dental) until 2026-03-14",)
    shared.commit()
    mapping.route_customer(deployment, "cus_b", route, BY)  # nothing is new


def test_a_contract_that_somebody_will_come_to_is_shared() -> None:
    """On days to come, too; not where the one leaves it before the other comes."""
    world = level()
    deployment = deployment_of(world)
    ahead = first_day.FirstDay(date(2026, 4, 1), follows=False)
    mapping.route_customer(deployment, CUSTOMER, Route(601, 29683950), BY, first_day=ahead).commit()
    for route in (Route(601, 29683950), Route(600, CONTRACT)):
        with pytest.raises(NotDone, match=r"of customer cus_41d0 \(Contoso Dental\)\. ") as refused:
            mapping.route_customer(deployment, "cus_b", route, BY)
        assert refused.value.ways == (Way.SHARE,)
    proposal = mapping.route_customer(deployment, "cus_b", Route(600, CONTRACT), BY, first_day=ahead)
    assert proposal.result.shared_with == ()


def test_an_id_that_is_a_known_one_but_for_a_slip_is_not_mapped() -> None:
    """With a contract, with a company, or with a service of its own; --unknown says that it is another one."""
    deployment = deployment_of(level())
    slip = CUSTOMER.upper()
    asks: tuple[Callable[..., Any], ...] = (
        lambda **more: mapping.route_customer(deployment, slip, Route(601, 29683950), BY, **more),
        lambda **more: mapping.name_company(deployment, slip, 601, BY, **more),
        lambda **more: choose_service(deployment, ADV, 46, BY, customer=slip, **more),
    )
    for ask in asks:
        with pytest.raises(NotDone, match=rf"did you mean {CUSTOMER}\?") as refused:
            ask()
        assert refused.value.ways == (Way.STILL_TO_COME,)
        ask(unknown=True)


@pytest.mark.parametrize(
    ("name", "slip"),
    [
        ("CUS_41D0", True),
        ("cus_41e0", True),
        ("cus_4d10", True),
        ("cus_41d", False),
        ("cus41d0", True),
        ("cuss_41d0", True),
        ("cus_41d1", False),
        ("cus_41d01", False),
        ("cus_52e1", False),
        ("zzz", False),
    ],
)
def test_what_a_slip_is(name: str, slip: bool) -> None:
    """Capitals, or one character that is no digit."""
    assert slips(name, ["cus_41d0", "zz"]) == (["cus_41d0"] if slip else [])


def test_a_name_that_is_another_is_doubted() -> None:
    """Timus's name and Autotask's are compared once Timus has reported one."""
    world = World()
    deployment = deployment_of(world)
    route = Route(601, 29683950)
    assert mapping.route_customer(deployment, CUSTOMER, route, BY).doubts == ()
    level(world)
    [doubt] = mapping.route_customer(deployment, CUSTOMER, route, BY).doubts
    assert "“Contoso Dental”" in str(doubt)
    assert "“Fabrikam”" in str(doubt)
    assert mapping.route_customer(deployment, CUSTOMER, Route(600, CONTRACT), BY).doubts == ()
    assert mapping.name_company(deployment, "cus_b", 601, BY).doubts == ()
    world.tell(1, {ADV: 1}, customer="cus_b", subscription="sub_b")
    world.work()
    [doubt] = mapping.name_company(deployment, "cus_b", 601, BY).doubts
    assert "“Fabrikam”" in str(doubt)


# -- Who, when


def test_each_decision_names_who_took_it() -> None:
    """With what was decided, in the order in which it was."""
    world = level()
    deployment = deployment_of(world)
    set_minimum(deployment).commit()
    terms.pause(deployment, CUSTOMER, "kim")
    terms.resume(deployment, CUSTOMER, "kim").commit()
    choose_service(deployment, GATEWAY, 46, "pat").commit()
    decisions.retry(deployment, CONTRACT, BY).commit()
    found = [(one.kind, one.by, one.customers, one.contract_id) for one in deployment.store.decisions()]
    assert sorted(found) == [
        ("map plan", "pat", (), None),
        ("pause", "kim", (CUSTOMER,), None),
        ("policy set", BY, (), None),
        ("resume", "kim", (CUSTOMER,), None),
        ("retry", BY, (CUSTOMER,), CONTRACT),
    ]
    assert SERVICES[GATEWAY] == 47


# -- Whatever has happened

QUANTITIES = st.fixed_dictionaries(
    {ADV: st.integers(0, 40), ESS: st.integers(0, 40), GATEWAY: st.integers(0, 3)}
)
HAPPENED = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), QUANTITIES, st.integers(0, 20)),
        st.tuples(st.just("day"), st.none(), st.integers(1, 40)),
        st.tuples(
            st.just("terms"),
            st.sampled_from(
                [
                    "decreases=start-of-next-period",
                    "line_limit=10",
                    "approve_decreases=always",
                    "posted_period=hold",
                ]
            ),
            st.just(0),
        ),
        st.tuples(st.just("split"), st.none(), st.integers(1, 20)),
        st.tuples(st.just("pause"), st.none(), st.just(0)),
    ),
    max_size=6,
)
ASKED: Mapping[str, Ask] = {
    "minimum": set_minimum,
    "excluded": lambda d: terms.set_terms(d, [TermChange("excluded", f"{GATEWAY},{ESS}")], None, BY),
    "increases": lambda d: terms.set_terms(d, [TermChange("increases", "start-of-period")], None, BY),
    "service": lambda d: choose_service(d, ADV, 46, BY),
    "contract": lambda d: mapping.route_customer(d, CUSTOMER, Route(601, 29683950), BY),
    "resume": lambda d: terms.resume(d, None, BY),
    "replay": lambda d: recover.replay_since(d, datetime(2026, 1, 1, tzinfo=UTC), BY),
}


@settings(max_examples=60, deadline=None)
@given(HAPPENED, st.sampled_from(sorted(ASKED)))
def test_whatever_has_happened_what_is_shown_is_what_is_posted(happened: list[Any], asked: str) -> None:
    """Between a proposal and its commit nothing is posted, and after it what was shown."""
    world = level()
    for version, (what, value, number) in enumerate(happened, 8):
        deployment = deployment_of(world)
        match what:
            case "tell":
                day = world.clock.now() - timedelta(days=number)
                world.tell(version, {sku: units for sku, units in value.items() if units}, effective=day)
            case "day":
                world.pass_time(days=number)
            case "terms":
                name, _, setting = value.partition("=")
                terms.set_terms(deployment, [TermChange(name, setting)], None, BY).commit()
            case "split":
                mapping.route_customer(deployment, CUSTOMER, Route(601, 29683950, ADV, number), BY).commit()
            case _:
                terms.pause(deployment, None, BY)
        if version % 2:
            world.work()
    posted = world.posted()
    try:
        proposal = ASKED[asked](deployment_of(world))
    except NotDone:
        assert world.posted() == posted
        return
    proposal.commit()
    for _ in range(4):
        world.work()
        world.sweep()
    assert sorted(world.posted()[len(posted) :]) == sorted(shown(proposal.preview))
