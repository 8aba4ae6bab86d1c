"""A subscription that comes under another customer goes there when a person says so: both lines follow, and no day is billed twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SERVICES, World
from timus_autotask.domain.history import Subscription
from timus_autotask.operate.files.timus_export import ExportFile, compare, take_in
from timus_autotask.operate.parked_events import Accepted, accept, dismiss
from timus_autotask.operate.recover import replay, replayable
from timus_autotask.operate.refusal import NotDone
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.sync.sweep import sweep
from timus_autotask.watch.listing import listed
from timus_autotask.watch.status import status_of

OTHER = "cus_b"
OTHERS = 29683950
"""The other customer's contract."""
SUBSCRIPTION = "sub_8f2c1a"
JANUARY = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = date(2026, 4, 20)


def world_of(first: str = CUSTOMER) -> World:
    """Both customers are mapped; the subscription is first seen under one of them, with 25 seats from January."""
    world = World()
    world.map_customer()
    world.map_customer(OTHER, 601, OTHERS)
    world.work()
    said(world, 1, 25, first, effective=JANUARY)
    return world


def said(world: World, version: int, units: int, customer: str, effective: datetime | None = None) -> str:
    """Timus reports it, and a day passes; the event's id."""
    event_id = f"{customer}-{version}"
    world.tell(version, {ADV: units}, customer=customer, effective=effective, event_id=event_id)
    world.work()
    world.pass_time(days=1)
    return event_id


def parked(world: World) -> list[EventRecord]:
    """By version."""
    return sorted(world.ports.store.parked_events(), key=lambda event: event.version)


def accepted(world: World, event: str) -> Accepted:
    """Accept it, and let the workers do what follows; it is what was shown."""
    proposal = accept(deployment_of(world), event, "j.doe")
    shown, before = proposal.preview.totals, len(world.posted())
    done = proposal.commit().result
    for _ in range(5):
        world.work()
        world.pass_time(minutes=1)
    made = [delta for _, delta, _ in world.posted()[before:]]
    assert sum(delta for delta in made if delta > 0) == shown.units_up
    assert -sum(delta for delta in made if delta < 0) == shown.units_down
    world.pass_time(days=1)
    return done


def units(world: World, day: date = LATER) -> tuple[int, int]:
    """What Autotask has on a day: the one customer's, the other's."""
    return world.units(ADV, day), world.units(ADV, day, OTHERS)


def known(world: World, customer: str) -> Subscription:
    """The history there."""
    return world.ports.store.customer(customer).subscriptions[SUBSCRIPTION].value


def test_it_goes_to_the_other_customer_from_the_events_day_on() -> None:
    """The former customer's line comes down and the other's goes up on one day; what was billed before stays, and what follows is followed."""
    world = world_of()
    said(world, 2, 30, OTHER)
    said(world, 3, 32, OTHER)
    assert [event.parked.code for event in parked(world) if event.parked] == ["subscription-moved"] * 2
    assert units(world) == (25, 0)
    done = accepted(world, f"{OTHER}-2")
    assert (done.moved_from, done.customer_id, done.day, done.merged_again) == (
        CUSTOMER,
        OTHER,
        date(2026, 3, 16),
        2,
    )
    assert parked(world) == []
    assert [units(world, date(2026, 3, day)) for day in (15, 16, 17)] == [(25, 0), (0, 30), (0, 32)]
    said(world, 4, 31, OTHER)
    assert units(world) == (0, 31)
    assert [version.number for version in known(world, CUSTOMER).versions] == [1, 2]


def test_units_that_a_later_event_takes_away_are_not_billed_in_between() -> None:
    """The sweep merges what waits, the later event among it, before it looks at the contract."""
    world = world_of()
    world.tell(2, {ADV: 30, GATEWAY: 1}, customer=OTHER, event_id="first")
    world.work()
    world.tell(3, {ADV: 30}, customer=OTHER, event_id="second")
    world.work()
    accept(deployment_of(world), "first", "j.doe").commit()
    sweep(world.ports, world.clock.now() + timedelta(minutes=5))
    assert units(world) == (0, 30)
    assert not any(service == SERVICES[GATEWAY] for service, _, _ in world.posted())


def test_what_is_shown_is_written_in_one_transaction_and_recorded_for_both() -> None:
    """The proposal alone writes nothing."""
    world = world_of()
    event = said(world, 2, 30, OTHER)
    before = world.table.documents()
    proposal = accept(deployment_of(world), event, "j.doe")
    assert world.table.documents() == before
    proposal.commit()
    [decision] = world.ports.store.decisions()
    assert (decision.kind, decision.by, decision.customers) == ("events accept", "j.doe", (CUSTOMER, OTHER))
    assert (
        f"{SUBSCRIPTION} of customer {CUSTOMER} is customer {OTHER}'s from 2026-03-16 on" in decision.detail
    )
    with pytest.raises(NotDone, match="is merged: only an event that says otherwise"):
        accept(deployment_of(world), event, "j.doe")


def test_on_a_line_of_both_only_the_difference_is_adjusted() -> None:
    """One line has the seats of both."""
    world = world_of()
    world.map_customer(OTHER, 600, CONTRACT)
    world.work()
    accepted(world, said(world, 2, 30, OTHER))
    assert world.units(ADV, LATER) == 30
    assert world.posted()[-1][1:] == (5, "2026-03-16")


def test_it_may_come_back() -> None:
    """Each customer is billed for their own days."""
    world = world_of()
    accepted(world, said(world, 2, 30, OTHER))
    event = said(world, 3, 28, CUSTOMER)
    assert units(world) == (0, 30)
    assert accepted(world, event).moved_from == OTHER
    assert [units(world, date(2026, 3, day)) for day in (15, 16, 18)] == [(25, 0), (0, 30), (28, 0)]
    said(world, 4, 27, CUSTOMER)
    assert units(world) == (27, 0)
    assert parked(world) == []


def test_no_day_is_billed_to_both_also_if_an_event_is_dated_back_further() -> None:
    """It holds from the day on which the subscription came here, and so does a further move."""
    world = world_of()
    accepted(world, said(world, 2, 30, OTHER))
    said(world, 3, 31, OTHER, effective=JANUARY)
    assert [units(world, date(2026, 3, day)) for day in (15, 20)] == [(25, 0), (0, 31)]
    assert accepted(world, said(world, 4, 28, CUSTOMER, effective=JANUARY)).day == date(2026, 3, 16)
    assert units(world) == (28, 0)


def test_a_first_event_with_a_wrong_customer_is_taken_back_from_its_first_day_on() -> None:
    """The right one has the same number and says the same day: nothing of it stays billed to the wrong customer."""
    world = world_of()
    accepted(world, said(world, 1, 25, OTHER, effective=JANUARY))
    assert units(world) == (0, 25)
    assert sum(world.units(ADV, date(2026, month, 1)) for month in range(1, 13)) == 0
    assert min(world.units(ADV, date(2026, month, 2), OTHERS) for month in range(1, 13)) == 25
    said(world, 2, 26, OTHER)
    assert units(world) == (0, 26)


def test_a_file_moves_it_from_the_day_that_it_names() -> None:
    """Where no event of Timus's says the right day: the file's is parked like another, and one that is parked already is not doubled."""
    world = world_of()
    said(world, 2, 30, OTHER)
    text = f"customer_id,subscription_id,sku,quantity,effective_date\n{OTHER},{SUBSCRIPTION},{ADV},30,"

    def given(day: str) -> int:
        lines = status_of(records := listed(world.ports.store), world.clock.now(), world.zone).lines
        rows = ExportFile("portal.csv", (text + day + "\n").encode()).subscriptions()
        found = compare(rows, records, lines, world.ports.today(), world.zone, "portal.csv", "j.doe")
        assert [(one.known_as, one.told_as) for one in found.moved] == [(CUSTOMER, OTHER)]
        assert found.released() == ()
        new = take_in(found, world.ports, [one.id for one in found.suspicions])
        world.work()
        world.pass_time(minutes=1)
        return new

    assert given("2026-03-16") == 0
    assert given("2026-01-01") == 1
    assert given("2026-01-01") == 0
    assert units(world) == (25, 0)
    file = next(event for event in parked(world) if event.version == 3)
    accepted(world, file.key)
    assert units(world) == (0, 30)
    assert world.units(ADV, date(2026, 1, 2)) == 0
    assert [event.version for event in parked(world)] == []


def test_an_event_before_the_accepted_one_changes_nothing_any_more() -> None:
    """Else its days would be billed to both. It is kept, with the days and units that it would have changed."""
    world = world_of()
    said(world, 2, 30, OTHER)
    said(world, 3, 32, OTHER)
    accepted(world, f"{OTHER}-3")
    assert [units(world, date(2026, 3, day)) for day in (16, 17)] == [(25, 0), (0, 32)]
    [late] = [event for event in world.ports.store.events_of(OTHER) if event.version == 2]
    assert late.outcome == "superseded"


def test_it_is_not_moved_by_an_event_that_a_newer_one_contradicts() -> None:
    """The former customer's newer event says that it is theirs. It can still be dismissed."""
    world = world_of()
    event = said(world, 2, 30, OTHER)
    said(world, 3, 0, CUSTOMER)
    with pytest.raises(NotDone, match=f"Version 3 .* is newer and says that it is customer {CUSTOMER}'s"):
        accept(deployment_of(world), event, "j.doe")
    dismiss(deployment_of(world), [event], "a mistake", "j.doe")
    assert parked(world) == []


def test_a_customer_who_is_not_mapped_is_named() -> None:
    """The former line comes down at once, and nobody is billed until the other customer is mapped."""
    world = world_of()
    event = said(world, 2, 30, "cus_new")
    proposal = accept(deployment_of(world), event, "j.doe")
    assert [note for note in proposal.notes if "Customer cus_new is not mapped" in str(note)]
    assert proposal.preview.totals.units_down == 25


def test_events_of_before_are_still_the_former_customers() -> None:
    """All that was merged may be replayed, on both sides, and changes nothing."""
    world = world_of()
    said(world, 2, 27, CUSTOMER)
    accepted(world, said(world, 3, 30, OTHER))
    before, posted = [known(world, one).versions for one in (CUSTOMER, OTHER)], world.posted()
    for event in replayable(world.ports.store, JANUARY):
        assert replay(event, world.ports)
    world.pass_time(minutes=2)
    assert [known(world, one).versions for one in (CUSTOMER, OTHER)] == before
    assert world.posted() == posted
    assert parked(world) == []
