"""Gauges: the same numbers as ``status``, counted in portions, within the time that the sweep has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bench.growth import metered
from tests.crowd import settled
from tests.crowds import many_contracts
from tests.deployment import deployment_of
from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, World
from timus_autotask.domain.line import State
from timus_autotask.operate import decisions, terms
from timus_autotask.operate.terms import TermChange
from timus_autotask.ports.table import Document, Put
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.runs import gauges
from timus_autotask.watch.gauges import EVERY, LEAST_ROOM, report_gauges
from timus_autotask.watch.listing import of_partner, portions
from timus_autotask.watch.status import gather, status_of


@pytest.fixture(scope="module")
def crowd() -> World:
    """Thirty customers in several states: level, unmapped, held, and with a SKU that nobody has mapped."""
    world = settled(30)
    for n in range(1, 6):
        world.tell(1, {ADV: 3}, customer=f"cus_new_{n}", subscription=f"sub_new_{n}")
    for n in range(1, 4):
        world.tell(2, {ADV: 5, "UNKNOWN": 2}, customer=f"cus_{n}", subscription=f"sub_{n}")
    world.work()
    world.pass_time(minutes=1)
    return world


def told(world: World) -> list[dict[str, Any]]:
    """What the gauges were."""
    return [fields for name, fields in world.happened if name == "vitals"]


def as_status(world: World) -> dict[str, int]:
    """The numbers that follow from the status."""
    lines = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone).lines
    good = (State.APPLIED, State.SCHEDULED)
    customers = {line.customer for line in lines}
    wrong = {line.customer for line in lines if line.state not in good}
    return {
        "customers_aligned": len(customers - wrong),
        "customers_not_aligned": len(wrong),
        "lines_parked": sum(line.state is State.PARKED for line in lines),
        "lines_settling": sum(line.state is State.SETTLING for line in lines),
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
@given(at_once=st.integers(1, 50))
def test_they_say_what_the_status_says_however_they_are_counted(crowd: World, at_once: int) -> None:
    """Each customer is counted once, in whichever portion."""
    crowd.clock.advance(EVERY.total_seconds())
    crowd.happened.clear()
    report_gauges(crowd.ports, crowd.clock.now() + timedelta(minutes=1), at_once=at_once)
    [found] = told(crowd)
    assert found | as_status(crowd) == found
    assert found["customers_not_aligned"] == 8
    assert found["customers_aligned"] == 27


def test_a_count_that_has_no_time_left_goes_on_next_time(crowd: World) -> None:
    """One portion each time where the sweep is busy; nothing is told before all are counted, and then once in a quarter of an hour."""
    crowd.clock.advance(EVERY.total_seconds())
    crowd.happened.clear()
    calls = 0
    while not told(crowd):
        report_gauges(crowd.ports, crowd.clock.now() + LEAST_ROOM, at_once=10)
        calls += 1
    assert calls == 4
    [found] = told(crowd)
    assert found | as_status(crowd) == found
    report_gauges(crowd.ports, crowd.clock.now() + timedelta(minutes=1))
    assert len(told(crowd)) == 1


def test_without_any_time_nothing_is_counted_and_the_circuit_is_told(crowd: World) -> None:
    """The function would be killed in the middle of it."""
    crowd.clock.advance(EVERY.total_seconds())
    crowd.happened.clear()
    report_gauges(crowd.ports, crowd.clock.now() + timedelta(seconds=9))
    assert [name for name, _ in crowd.happened if name in ("vitals", "circuit")] == ["circuit"]
    known = gauges(crowd.table)
    assert known is not None
    assert known.value.tally is not None
    report_gauges(crowd.ports, crowd.clock.now() + timedelta(minutes=1))
    assert len(told(crowd)) == 1


def test_what_awaits_approval_is_paused_or_was_rejected_counts_as_what_it_is() -> None:
    """Who looks at the numbers knows what to do: approve, resume, or nothing."""
    world = World()
    deployment = deployment_of(world)
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    terms.set_terms(deployment, [TermChange("approve_increases", "always")], None, "kim").commit()
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()

    def counted() -> tuple[int, ...]:
        world.clock.advance(EVERY.total_seconds())
        world.happened.clear()
        report_gauges(world.ports, world.clock.now() + timedelta(minutes=1))
        [found] = told(world)
        kinds = ("lines_parked", "lines_held", "lines_paused", "lines_rejected", "parked_long")
        return tuple(found[kind] for kind in kinds)

    assert counted() == (0, 1, 0, 0, 0)
    terms.pause(deployment, None, "kim")
    world.sweep()
    assert counted() == (0, 0, 1, 0, 0)
    world.pass_time(days=2)
    assert counted() == (0, 0, 1, 0, 1)  # a pause that somebody has forgotten
    terms.resume(deployment, None, "kim").commit()
    world.sweep()
    decisions.reject(deployment, CONTRACT, 45, "not ordered", "pat").commit()
    world.pass_time(days=2)
    assert counted() == (0, 0, 0, 1, 0)


def test_a_quantity_that_was_reported_today_is_not_parked_for_long_whatever_its_day() -> None:
    """Who is woken for it wants to know how long it was left alone, and not how far back it is billed."""
    world = World()
    world.tell(7, {"SASE-NEW": 2}, effective=datetime(2026, 3, 1, 8, tzinfo=UTC))
    world.work()

    def long() -> int:
        world.clock.advance(EVERY.total_seconds())
        world.happened.clear()
        report_gauges(world.ports, world.clock.now() + timedelta(minutes=1))
        [found] = told(world)
        return int(found["parked_long"])

    assert long() == 0
    world.pass_time(days=2)
    assert long() > 0


def test_a_count_reads_each_customers_records_once_however_many_portions_it_has(crowd: World) -> None:
    """A list that was begun anew with each portion read whole pages anew, of which it took a few records."""

    def read(at_once: int) -> int:
        crowd.clock.advance(EVERY.total_seconds())
        table = MemoryTable()
        table.__dict__.update(crowd.table.__dict__)
        tally = metered(table)
        report_gauges(
            replace(crowd.ports, table=table), crowd.clock.now() + timedelta(minutes=1), at_once=at_once
        )
        return tally.read_bytes

    assert read(5) <= read(1000) * 1.02


def test_a_portion_ends_with_many_contracts_too() -> None:
    """Each is read by itself: a hundred customers of many contracts would take longer than a run may."""
    world, mapping = many_contracts(30)
    world.ports.store.commit(put_mapping(mapping, 0))
    world.tell(1, {ADV: 3}, customer="zzz", subscription="sub_zzz")
    world.work()
    found = [
        (len(records.customers), len(records.contracts), last)
        for records, last in portions(world.ports.store, "", 20, of_partner(world.ports.store))
    ]
    assert found == [(1, 30, CUSTOMER), (1, 0, None)]


def test_a_record_that_cannot_be_read_is_counted_once_wherever_a_portion_ends() -> None:
    """The portion before it has already come across it."""
    world = settled(4)
    [key] = [one.key for one in world.table.list("subscription") if one.sort == "cus_3"]
    found = world.table.get(key)
    assert found is not None
    world.table.write([Put(key, {"id": 7}, found.rev, kind="subscription", sort="cus_3")])
    for at_once in (1, 2, 3, 100):
        world.clock.advance(EVERY.total_seconds())
        world.happened.clear()
        report_gauges(world.ports, world.clock.now() + timedelta(minutes=1), at_once=at_once)
        assert [fields["parked_long"] for fields in told(world)] == [1]


def test_they_read_no_more_events_than_it_takes_to_know_the_last_webhook() -> None:
    """Thousands came today; three of them say when the last one came, and that some usually do."""
    world = World()
    world.map_customer()
    for version in range(1, 40):
        world.tell(version, {ADV: version})
    world.work()
    read: list[Document] = []

    class Counted(type(world.table)):  # type: ignore[misc]
        """Notes which events were taken."""

        def list(self, kind: str, *bounds: str, **how: bool) -> Iterator[Document]:
            """List, and note."""
            for document in super().list(kind, *bounds, **how):
                if kind == "event":
                    read.append(document)
                yield document

    counted = Counted()
    counted.__dict__.update(world.table.__dict__)
    ports = replace(world.ports, table=counted)
    world.clock.advance(9 * 86400)
    report_gauges(ports, world.clock.now() + timedelta(minutes=1))
    assert [fields["webhook_silence_days"] for fields in told(world)] == [9]
    assert len(read) == 3
