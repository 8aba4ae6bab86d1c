"""From a signed webhook to Autotask's units, in one process."""

from __future__ import annotations

from datetime import UTC, date, datetime
from shlex import quote
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.world import ADV, CONTRACT, ESS, GATEWAY, World
from timus_autotask.domain.history import WouldChange
from timus_autotask.domain.line import State
from timus_autotask.watch.remedy import remedy_of

TODAY = date(2026, 3, 15)


@pytest.fixture
def world() -> World:
    """One client, mapped."""
    world = World()
    world.map_customer()
    return world


def test_more_seats_reach_the_contract_on_their_day(world: World) -> None:
    """28 seats instead of 25 are one adjustment of +3 on the day of the change."""
    assert world.tell(7, {ADV: 28, GATEWAY: 1}) == 202
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert world.units(ADV, date(2026, 3, 14)) == 25
    assert world.units(ADV, TODAY) == 28
    assert world.line(ADV).state is State.APPLIED


def test_a_byte_order_mark_hides_no_change(world: World) -> None:
    """The signature is over the raw bytes, mark included; the event is its customer's and is billed."""
    assert world.tell(7, {ADV: 28, GATEWAY: 1}, before=b"\xef\xbb\xbf") == 202
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    [event] = world.ports.store.events()
    assert event.customer_id == "cus_41d0"
    assert event.body.startswith("\ufeff")


def test_one_change_costs_four_calls(world: World) -> None:
    """A change asks for the contract and the units, posts, and reads back."""
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.control.clear_requests()
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert [r["entity"] for r in world.control.requests()] == [
        "Contracts",
        "ContractServiceUnits",
        "ContractServiceAdjustments",
        "ContractServiceUnits",
    ]


def test_a_duplicate_posts_nothing(world: World) -> None:
    """The same delivery twice, and the same state under another id, are one adjustment."""
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.tell(7, {ADV: 28, GATEWAY: 1}, event_id="another")
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_an_older_version_after_a_newer_changes_nothing(world: World) -> None:
    """Version 6 after version 7 was applied is superseded, with what it would have changed as evidence."""
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.tell(6, {ADV: 40, GATEWAY: 1}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    [event] = [e for e in world.ports.store.events() if e.version == 6]
    assert event.outcome == "superseded"
    assert WouldChange(ADV, date(2026, 3, 10), date(2026, 3, 15), 40, None) in event.would_change


def test_a_counter_that_begins_again_is_parked_with_both_readings(world: World) -> None:
    """Version 1 of a later day after version 40: it is never quietly superseded, and a person sees what each side says."""
    world.tell(40, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(days=2)
    world.tell(1, {ADV: 33, GATEWAY: 1}, event_id="evt_again")
    world.work()
    [event] = world.ports.store.parked_events()
    assert event.parked is not None
    assert event.parked.code == "version-restarted"
    assert "33 SASE-ADV-USER, 1 SASE-GATEWAY from 2026-03-17 (reported 2026-03-17" in event.parked.message
    assert "25 SASE-ADV-USER, 1 SASE-GATEWAY from 2026-03-15 (reported 2026-03-15" in event.parked.message
    assert f"timus-autotask events accept {quote(event.key)}" in remedy_of(event.parked)
    assert f"timus-autotask events dismiss {quote(event.key)} --reason" in remedy_of(event.parked)
    assert world.posted() == []


@pytest.mark.parametrize(
    ("fields", "told", "known"),
    [
        (
            {"status": "canceled", "cancel_at": date(2026, 3, 20)},
            ", status canceled, cancel_at 2026-03-20 (",
            ", status active, cancel_at none (",
        ),
        ({"status": "trial"}, ", status trial (", ", status active ("),
        ({"term_end": date(2027, 12, 31)}, ", term_end 2027-12-31 (", ", term_end 2026-12-31 ("),
    ],
)
def test_the_readings_name_what_differs(world: World, fields: Any, told: str, known: str) -> None:
    """Also where the units are the same: the rest decides what is billed."""
    world.tell(40, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(days=2)
    world.tell(1, {ADV: 25, GATEWAY: 1}, **fields)
    world.work()
    [event] = world.ports.store.parked_events()
    assert event.parked is not None
    assert f"25 SASE-ADV-USER, 1 SASE-GATEWAY from 2026-03-17{told}" in event.parked.message
    assert f"25 SASE-ADV-USER, 1 SASE-GATEWAY from 2026-03-15{known}" in event.parked.message


def test_changes_that_waited_are_replayed_by_day(world: World) -> None:
    """Two versions that arrive in the wrong order before anybody worked are each billed from their own day."""
    world.tell(8, {ADV: 30, GATEWAY: 1}, effective=datetime(2026, 3, 12, tzinfo=UTC))
    world.tell(7, {ADV: 28, GATEWAY: 1}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    world.work()
    assert world.posted() == [(45, 3, "2026-03-10"), (45, 2, "2026-03-12")]


def test_a_plan_change_goes_down_first(world: World) -> None:
    """The old plan comes to 0 before the new one goes up, both on the same day."""
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.tell(8, {ESS: 25, GATEWAY: 1}, type="subscription.plan_changed")
    world.work()
    assert world.posted() == [(45, -25, "2026-03-15"), (46, 25, "2026-03-15")]


def test_seats_of_a_week_before_a_plan_change_are_billed(world: World) -> None:
    """Told late and all at once: more seats, fewer, then another plan with a gateway more; each day is billed as it was."""
    for version, day, items in (
        (7, 5, {ADV: 57, GATEWAY: 1}),
        (8, 12, {ADV: 24, GATEWAY: 1}),
        (9, 13, {ESS: 23, GATEWAY: 2}),
    ):
        world.tell(version, items, effective=datetime(2026, 3, day, 12, tzinfo=UTC))
    world.work()
    assert world.posted() == [
        (45, 32, "2026-03-05"),
        (45, -33, "2026-03-12"),
        (45, -24, "2026-03-13"),
        (46, 23, "2026-03-13"),
        (47, 1, "2026-03-13"),
    ]


def test_a_refused_decrease_keeps_the_new_plan_down(world: World) -> None:
    """When Autotask refuses the old plan's decrease, the new plan is not billed: never both."""
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.faults.add(Fault("json_500", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ESS: 25, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert world.line(ADV).state is State.PARKED
    waits = world.line(ESS).parked
    assert waits is not None
    assert waits.code == "waits-for-decrease"
    world.pass_time(minutes=16)
    assert world.posted() == [(45, -25, "2026-03-15"), (46, 25, "2026-03-15")]


def test_a_second_change_of_a_day_waits_for_the_next(world: World) -> None:
    """Autotask takes one adjustment of a line and day; the next one is netted into the next day."""
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert world.line(ADV).state is State.SCHEDULED
    world.pass_time(days=1)
    assert world.posted() == [(45, 3, "2026-03-15"), (45, 2, "2026-03-16")]


def test_a_cancellation_at_a_date_waits_and_an_uncancel_removes_it(world: World) -> None:
    """What is scheduled costs no post until its day, and none at all when it is taken back."""
    world.tell(7, {ADV: 25, GATEWAY: 1}, cancel_at=date(2026, 3, 20))
    world.work()
    assert world.line(ADV).state is State.SCHEDULED
    world.pass_time(days=2)
    world.tell(8, {ADV: 25, GATEWAY: 1})
    world.work()
    world.pass_time(days=10)
    assert world.posted() == []
    assert world.line(ADV).state is State.APPLIED


def test_a_cancellation_bills_until_the_day_before(world: World) -> None:
    """On its day a cancelled subscription's lines go to 0."""
    world.tell(7, {ADV: 25, GATEWAY: 1}, cancel_at=date(2026, 3, 20))
    world.work()
    world.pass_time(days=5)
    assert world.posted() == [(45, -25, "2026-03-20"), (47, -1, "2026-03-20")]
    assert world.units(ADV, date(2026, 3, 19)) == 25


def test_a_trial_bills_nothing(world: World) -> None:
    """A proof of concept brings no units, and the first paid day does."""
    world.tell(1, {ESS: 10}, status="trial", subscription="sub_trial")
    world.work()
    assert world.posted() == []
    world.pass_time(days=3)
    world.tell(2, {ESS: 10}, subscription="sub_trial")
    world.work()
    assert world.posted() == [(46, 10, "2026-03-18")]


def test_an_unknown_outcome_settles_before_anything_else(world: World) -> None:
    """After a lost answer nothing is posted until the settling time is over; then a read decides."""
    for kind, expected in (("timeout_after", 1), ("timeout_before", 1)):
        world = World()
        world.map_customer()
        world.tell(7, {ADV: 25, GATEWAY: 1})
        world.work()
        world.api.faults.add(Fault(kind, entity="ContractServiceAdjustments", times=1))
        world.tell(8, {ADV: 28, GATEWAY: 1})
        world.work()
        assert world.line(ADV).state is State.SETTLING
        world.pass_time(minutes=10)
        assert world.line(ADV).state is State.SETTLING
        world.pass_time(minutes=6)
        assert world.line(ADV).state is State.APPLIED
        assert len(world.posted()) == expected
        assert world.units(ADV, TODAY) == 28


def test_somebody_elses_edit_is_parked_with_both_numbers(world: World) -> None:
    """Units that a person changed are never fought."""
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, TODAY.toordinal(), 5)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.line(ADV).state is State.PARKED
    parked = world.line(ADV).parked
    assert parked is not None
    assert (parked.facts["left"], parked.facts["held"], parked.facts["desired"]) == (25, 30, 28)
    assert world.posted() == []


def test_an_unmapped_customer_is_driven_when_the_mapping_comes() -> None:
    """What could not be mapped waits, and is posted with its own day once somebody maps it."""
    world = World()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    world.pass_time(days=2)
    world.map_customer()
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_a_lost_wake_up_is_found_by_the_sweep(world: World) -> None:
    """The queue is only a wake-up: an event whose message vanished is applied all the same."""
    world.tell(7, {ADV: 28, GATEWAY: 1})
    for message in world.queue.receive(10):
        world.queue.delete(message.receipt)
    world.pass_time(minutes=3)
    assert world.posted() == [(45, 3, "2026-03-15")]


def test_an_unclear_outcome_that_is_level_needs_nobody(world: World) -> None:
    """A lost post and a person who made up for it: neither before nor after, but just what Timus says."""
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.api.faults.add(Fault("timeout_before", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.tell(9, {ADV: 30, GATEWAY: 1})
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.api.model.person_adjusts(line.id, TODAY.toordinal(), 5)
    world.work()
    world.pass_time(minutes=20)
    assert world.line(ADV).state is State.APPLIED
    assert world.posted() == []
    assert [c.outcome for c in world.ports.store.changes()] == ["unclear"]
