"""Whether everything goes on as it should: the alarms' numbers, each with a remedy, and nothing is written for it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.domain.stage import Stage
from timus_autotask.ports.psa import Psa
from timus_autotask.ports.queue import QueueDepth
from timus_autotask.ports.table import Key, Put
from timus_autotask.store.runs import gauges
from timus_autotask.store.terms import put_stage, put_terms
from timus_autotask.watch.check import CheckResult, CheckVerdict, worst
from timus_autotask.watch.gauges import measured, report_gauges
from timus_autotask.watch.health import Limits, check_health
from timus_autotask.watch.listing import listed
from timus_autotask.watch.reconcile import reconcile
from timus_autotask.watch.remedy import COMMAND, ways

OK, WARN, WRONG = CheckVerdict.OK, CheckVerdict.WARN, CheckVerdict.WRONG
EMPTY = QueueDepth(0, 0, 0)


@pytest.fixture
def world() -> World:
    """A client who is mapped and level, a minute after the sweep and the reconcile."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25, "SASE-GATEWAY": 1})
    world.work()
    world.pass_time(minutes=1)
    report_gauges(world.ports, world.deadline)
    reconcile(world.ports, world.deadline)
    return world


def health(
    world: World,
    *,
    queued: QueueDepth = EMPTY,
    dead: int = 0,
    age: timedelta | None = timedelta(days=1),
    autotask: Psa | None = None,
) -> dict[str, CheckResult]:
    """The checks by name; those that are not right have a remedy, and only those."""
    found = {one.name: one for one in check_health(world.ports, queued, dead, age, Limits(), autotask)}
    assert all(bool(one.remedy) is (one.verdict is not OK) for one in found.values())
    assert all(len(COMMAND.findall(way)) <= 1 for one in found.values() for way in ways(one.remedy))
    return found


def test_all_is_well(world: World) -> None:
    """Nothing is written and nobody is asked for it."""
    before, asked = world.table.documents(), len(world.control.requests())
    found = health(world)
    assert worst(found.values()) is OK, [one for one in found.values() if one.verdict is not OK]
    assert world.table.documents() == before
    assert len(world.control.requests()) == asked


def test_a_new_stack_is_not_wrong() -> None:
    """It has heard nothing yet."""
    found = health(World(), age=None)
    assert {one.name for one in found.values() if one.verdict is WARN} == {
        "last webhook",
        "sweep",
        "last reconcile",
    }
    assert worst(found.values()) is WARN


def test_the_worst_of_nothing_is_right() -> None:
    """And of several it is the worst."""
    assert worst([]) is OK
    assert worst([CheckResult("a", "", WARN), CheckResult("b", "", WRONG), CheckResult("c", "")]) is WRONG


def test_who_observes_is_said(world: World) -> None:
    """On purpose, so it is not wrong."""
    assert health(world)["stage"].found == "live: changes reach Autotask"
    store, now = world.ports.store, world.clock.now()
    own = Stage(live=False, at=now, by="ops")
    store.commit(put_stage(CUSTOMER, own, 0))
    found = health(world)["stage"]
    assert (found.verdict, found.found) == (WARN, f"live, but 1 customer observed only: {CUSTOMER}")
    assert found.remedy == f"It is shown first: timus-autotask go-live --customer {CUSTOMER}"
    partner = store.partner().stage
    store.commit(put_stage(None, own, partner.rev if partner else 0))
    found = health(world)["stage"]
    assert (found.verdict, found.found) == (WARN, "observing: nothing reaches Autotask")
    assert found.remedy == "It is shown first: timus-autotask go-live"


def test_wake_ups_that_failed_for_good_are_wrong(world: World) -> None:
    """A queue that is not empty is its business."""
    assert health(world, dead=2)["dead letters"].verdict is WRONG
    queue = health(world, queued=QueueDepth(3, 2, 1))["queue"]
    assert (queue.verdict, queue.found) == (OK, "3 wake-ups ready, 2 being worked on, 1 in the quiet period")


def test_a_sweep_that_does_not_run_is_wrong(world: World) -> None:
    """It counts each quarter of an hour."""
    world.clock.advance(3599 - 60)
    assert health(world)["sweep"].verdict is OK
    world.clock.advance(120)
    assert health(world)["sweep"].verdict is WRONG


def test_a_change_that_waits_for_an_hour_is_wrong(world: World) -> None:
    """Until then it is told only."""
    world.api.faults.add(Fault("html_503", times=None))
    world.tell(2, {ADV: 28, "SASE-GATEWAY": 1})
    world.work()
    world.clock.advance(600)
    change = health(world)["oldest change"]
    assert (change.verdict, change.found) == (OK, "one waits for 10 minutes that needs no decision")
    world.clock.advance(3000)
    assert health(world)["oldest change"].verdict is WRONG


def test_what_is_not_mapped_is_named(world: World) -> None:
    """Customers and SKUs; parked for longer than a day is wrong."""
    world.tell(1, {ADV: 3}, customer="cus_new", subscription="sub_new")
    world.tell(2, {ADV: 25, "SASE-GATEWAY": 1, "UNKNOWN": 2})
    world.work()
    world.pass_time(minutes=1)
    found = health(world)
    assert found["unmapped"].found == "1 customer: cus_new; 1 SKU: UNKNOWN"
    assert (found["unmapped"].verdict, found["parked"].verdict) == (WARN, WARN)
    world.pass_time(days=2)
    assert health(world)["parked"].verdict is WRONG


def test_drift_is_wrong(world: World) -> None:
    """A person has to decide."""
    world.control.person_adjusts(1201, date(2026, 3, 15).toordinal(), 5)
    world.tell(2, {ADV: 28, "SASE-GATEWAY": 1})
    world.work()
    drift = health(world)["drift"]
    words = "1 line: units or a contract in Autotask are not as the line needs them"
    assert (drift.verdict, drift.found) == (WRONG, words)


def test_a_contract_that_is_over_is_no_edit_of_somebodys(world: World) -> None:
    """It counts, because a person has to decide; nobody is said to have changed anything."""
    world.pass_time(days=300)
    world.tell(2, {ADV: 28, "SASE-GATEWAY": 1})
    world.work()
    parked = world.line(ADV).parked
    assert parked is not None
    assert parked.code == "contract-ended"
    assert health(world)["drift"].found.startswith("2 lines: units or a contract")


def test_a_pause_and_approvals_are_said(world: World) -> None:
    """They are somebody's decision, or wait for one."""
    store = world.ports.store
    terms = store.partner().terms
    held = terms.value.changed({"approve_increases": {"above_units": 1}}, "ops", world.clock.now(), None)
    store.commit(put_terms(None, held, terms.rev))
    world.tell(2, {ADV: 30, "SASE-GATEWAY": 1})
    world.work()
    assert health(world)["approvals"].verdict is WARN
    terms = store.partner().terms
    store.commit(put_terms(None, terms.value.pause("ops", world.clock.now()), terms.rev))
    paused = health(world)["paused"]
    assert (paused.verdict, paused.found) == (WARN, "everybody, by ops")
    assert paused.remedy == "When it is time: timus-autotask resume"


def test_the_command_that_ends_a_pause_is_that_of_who_is_paused(world: World) -> None:
    """That of everybody ends no customer's own pause. Of several customers status has each one's."""
    world.ports.store.commit(put_terms(CUSTOMER, {"paused": True}, 0))
    assert health(world)["paused"].remedy == f"When it is time: timus-autotask resume --customer {CUSTOMER}"
    world.map_customer("cus_other", 601, 29683950)
    world.ports.store.commit(put_terms("cus_other", {"paused": True}, 0))
    assert health(world)["paused"].remedy == "When it is time: timus-autotask status"


def test_silence_of_timus_is_wrong_where_there_is_usually_something(world: World) -> None:
    """One webhook in a month says nothing."""
    world.clock.advance(timedelta(days=8).total_seconds())
    assert health(world)["last webhook"].verdict is OK
    for version in (2, 3):
        world.tell(version, {ADV: 25, "SASE-GATEWAY": 1})
        world.work()
    world.clock.advance(timedelta(days=8).total_seconds())
    silence = health(world)["last webhook"]
    assert (silence.verdict, "8 days ago" in silence.found) == (WRONG, True)


def test_a_reconcile_that_was_missed_is_wrong(world: World) -> None:
    """One night may be."""
    world.clock.advance(timedelta(hours=35).total_seconds())
    assert health(world)["last reconcile"].verdict is OK
    world.clock.advance(timedelta(hours=2).total_seconds())
    assert health(world)["last reconcile"].verdict is WRONG


def test_a_contract_that_ends_before_its_subscription_is_named(world: World) -> None:
    """As the last reconcile found it."""
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-04-01"})
    reconcile(world.ports, world.deadline, anew=True)
    ending = health(world)["contracts that end"]
    assert (ending.verdict, f"{CONTRACT} on 2026-04-01" in ending.found) == (WARN, True)


def test_old_secrets_are_said(world: World) -> None:
    """They work all the same."""
    assert health(world, age=timedelta(days=364))["secrets"].verdict is OK
    assert health(world, age=timedelta(days=365))["secrets"].verdict is WARN
    assert health(world, age=None)["secrets"].verdict is OK


def test_a_record_that_cannot_be_read_is_wrong(world: World) -> None:
    """The other checks are made all the same."""
    document = world.table.get(Key(f"CUSTOMER#{CUSTOMER}", "MAPPING"))
    assert document is not None
    world.table.write([Put(document.key, {"customer_id": 5}, document.rev, kind="mapping", sort=CUSTOMER)])
    failures = health(world)["failures"]
    assert (failures.verdict, "cannot be read" in failures.found) == (WRONG, True)


def test_the_numbers_are_those_of_the_alarms(world: World) -> None:
    """Counted at once or in portions."""
    world.tell(1, {ADV: 3}, customer="cus_new", subscription="sub_new")
    world.work()
    world.pass_time(minutes=16)
    world.happened.clear()
    report_gauges(world.ports, world.deadline)
    [told] = [fields for name, fields in world.happened if name == "vitals"]
    assert gauges(world.table) is not None
    del told["secret_age_days"]
    assert dict(measured(listed(world.ports.store), world.ports)) == told


def test_what_goes_on_after_its_contract_is_said(world: World) -> None:
    """Wrong within a week, where no renewal by the terms comes first; to know before that."""
    assert health(world)["coverage"].verdict is OK
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-04-20"})
    Desk(world).told("retry", str(CONTRACT), "--yes")
    world.work()
    far = health(world)["coverage"]
    assert (far.verdict, f"{CONTRACT} on 2026-04-20" in far.found) == (WARN, True)
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    Desk(world).told("retry", str(CONTRACT), "--yes")
    world.work()
    assert health(world)["coverage"].verdict is WRONG


def test_what_has_ended_with_seats_is_wrong_and_not_counted_as_ending(world: World) -> None:
    """Nobody bills it now."""
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    world.pass_time(days=10)
    Desk(world).told("retry", str(CONTRACT), "--yes")
    world.work()
    over = health(world)["coverage"]
    assert over.verdict is WRONG
    assert f"26 seats go on after their contract has ended: first {CONTRACT} on 2026-03-20" in over.found
    assert "within" not in over.found


def test_what_ends_is_as_autotask_says_now(world: World) -> None:
    """A person has moved a contract's last day, and no event tells it; where Autotask is not asked, it says as of when it knows."""
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-04-10"})
    known = health(world)
    assert "workers last read them, the longest ago on 2026-03-15" in known["coverage"].found
    assert known["contracts that end"].found.endswith("at the last reconcile")
    autotask = world.ports.autotask()
    calls = autotask.calls
    asked = health(world, autotask=autotask)["coverage"]
    assert (asked.verdict, autotask.calls - calls) == (WARN, 1)
    assert "26 seats go on after their contract ends: 1 subscription within 60 days, " in asked.found
    assert "not asked" not in asked.found
    fault = world.control.add_fault("html_503", times=None)
    assert "Autotask was not asked" in health(world, autotask=autotask)["coverage"].found
    world.control.clear_faults(fault)


def test_seats_that_a_mapping_sends_to_no_contract_are_not_covered(world: World) -> None:
    """From a day to come: to know, and wrong within a week. Nothing else would say it before that day."""
    move = ("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT), "--units", "20")
    Desk(world).told(*move, "--from", "2026-04-10", "--yes")
    far = health(world)["coverage"]
    assert (far.verdict, far.found.split(" (Autotask")[0]) == (
        WARN,
        f"5 seats are on no contract by the mapping: first 5 SASE-ADV-USER of {CUSTOMER}, from 2026-04-10",
    )
    world.pass_time(days=20)
    assert health(world)["coverage"].verdict is WRONG


def test_seats_before_the_first_day_of_a_mapping_are_not_covered() -> None:
    """A person chose that day, so it is to know only."""
    world = World()
    world.tell(1, {"SASE-ADV-USER": 9})
    world.work()
    Desk(world).told(
        "map",
        "customer",
        CUSTOMER,
        "--company",
        "600",
        "--contract",
        str(CONTRACT),
        "--from",
        "2026-03-25",
        "--yes",
    )
    found = health(world)["coverage"]
    assert found.verdict is WARN
    assert (
        f"9 seats are billed nowhere before the mapping begins: first 9 SASE-ADV-USER of {CUSTOMER}, billed from 2026-03-25"
        in found.found
    )
