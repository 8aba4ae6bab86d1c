"""What nobody foresaw: it is left alone, seen by people, tried again, and holds up nobody else (promise I9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.ports.errors import Conflict, TableUnavailable
from timus_autotask.ports.table import Key, Put, Write
from timus_autotask.store.keys import IN_HAND
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.troubles import Trouble
from timus_autotask.sync import merge
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.sweep import CutOff, sweep
from timus_autotask.watch.status import gather, status_of

SICK, WELL = "cus_sick", CUSTOMER


class Bug(Exception):
    """Anything at all."""


class Killed(BaseException):
    """No time is left, or no memory: nothing of the run goes on."""


def two_customers() -> World:
    """One whose events are told before the other's."""
    world = World()
    world.map_customer(WELL)
    world.map_customer(SICK, 601, 29683950)
    world.work()
    world.tell(1, {ADV: 4}, customer=SICK, subscription="sub_sick")
    world.clock.advance(1)
    world.tell(1, {ADV: 31})
    world.clock.advance(120)
    return world


def troubles(world: World) -> list[Trouble]:
    """What is left alone."""
    return [*world.ports.store.troubles()]


class Ill(type(World().table)):  # type: ignore[misc]
    """A table at which one customer's events cannot be merged."""

    raises: BaseException | None = None

    def write(self, changes: list[Write]) -> None:
        """Not for that customer."""
        if self.raises and any(
            one.key == Key(f"CUSTOMER#{SICK}", "SUBSCRIPTION#sub_sick") for one in changes
        ):
            raise self.raises
        super().write(changes)


def ill(world: World, raises: BaseException) -> Ill:
    """The same table, with a customer who makes trouble."""
    table = Ill()
    table.__dict__.update(world.table.__dict__)
    table.raises = raises
    world.ports, world.table = replace(world.ports, table=table), table
    world.receive_ports = replace(world.receive_ports, table=table)
    return table


@pytest.mark.parametrize(
    "raises",
    [Bug("?"), ValueError("too large"), TableUnavailable("the answer was lost"), Conflict()],
    ids=lambda error: type(error).__name__,
)
def test_one_customers_trouble_is_nobody_elses(raises: Exception) -> None:
    """Whatever is raised for one customer, the other's change is made in the same run; the trouble is noted with its reason."""
    world = two_customers()
    ill(world, raises)
    sweep(world.ports, world.deadline)
    assert world.units(ADV, date(2026, 3, 16)) == 31
    [trouble] = troubles(world)
    assert (trouble.kind, trouble.id, trouble.times) == ("customer", SICK, 1)
    assert trouble.error == repr(raises)
    assert [fields["customers"] for name, fields in world.happened if name == "failed"] == [[SICK]]


def test_it_is_tried_again_after_a_pause_that_grows() -> None:
    """The next minute, then after two, three, six minutes, at last each eight: so often that its alarm stays on."""
    world = two_customers()
    ill(world, Bug("?"))
    tried: list[int] = []
    for minute in range(24 * 60):
        before = len(world.happened)
        sweep(world.ports, world.deadline)
        if "failed" in [name for name, _ in world.happened[before:]]:
            tried.append(minute)
        world.clock.advance(60)
    assert tried[:7] == [0, 1, 3, 6, 12, 20, 28]
    assert 170 <= len(tried) <= 190
    [trouble] = troubles(world)
    assert trouble.since == world.start + timedelta(seconds=121)
    assert trouble.times == len(tried)


def test_what_kills_a_run_holds_up_nobody_else() -> None:
    """The next run leaves it alone, and says so; each further death costs one more run, after a pause that grows."""
    world = two_customers()
    ill(world, Killed())
    with pytest.raises(Killed):
        sweep(world.ports, world.deadline)
    assert world.units(ADV, date(2026, 3, 16)) != 31
    sweep(world.ports, world.deadline)
    assert world.units(ADV, date(2026, 3, 16)) == 31
    [trouble] = troubles(world)
    assert (trouble.kind, trouble.id, trouble.times) == ("customer", SICK, 1)
    assert trouble.error == repr(CutOff())
    assert [fields["customers"] for name, fields in world.happened if name == "failed"] == [[SICK]]
    died = 0
    for _ in range(60):
        world.clock.advance(60)
        try:
            sweep(world.ports, world.deadline)
        except Killed:
            died += 1
    assert died == 9
    assert troubles(world)[0].times in (died, died + 1)


def test_what_killed_a_run_once_is_handled_after_its_pause() -> None:
    """And neither the trouble nor what the run had in hand is left."""
    world = two_customers()
    table = ill(world, Killed())
    with pytest.raises(Killed):
        sweep(world.ports, world.deadline)
    table.raises = None
    sweep(world.ports, world.deadline)
    assert [one.id for one in troubles(world)] == [SICK]
    world.clock.advance(60)
    sweep(world.ports, world.deadline)
    assert (troubles(world), world.units(ADV, date(2026, 3, 16), 29683950)) == ([], 4)
    assert world.table.get(IN_HAND) is None


def test_what_was_in_hand_and_is_not_due_any_more_is_no_trouble() -> None:
    """The run was cut off after its last write; or nobody can read what it had in hand."""
    for data in ({"pk": f"CUSTOMER#{SICK}", "sk": "INBOX#gone"}, {"pk": 7}):
        world = two_customers()
        world.sweep()
        world.table.write([Put(IN_HAND, data, 0)])
        world.tell(2, {ADV: 32})
        world.clock.advance(120)
        world.sweep()
        assert (troubles(world), len([*world.ports.store.events()])) == ([], 3)
        assert world.table.get(IN_HAND) is None


def test_once_it_can_be_handled_it_is_and_the_trouble_is_forgotten() -> None:
    """Nothing was lost meanwhile, and nobody has to do anything."""
    world = two_customers()
    table = ill(world, Bug("?"))
    world.sweep()
    table.raises = None
    world.pass_time(minutes=1)
    assert world.units(ADV, date(2026, 3, 16), contract=29683950) == 4
    assert troubles(world) == []


def test_the_worker_may_be_faster() -> None:
    """A wake-up merges it before its time has come; the sweep then finds nothing left to do, and forgets the trouble."""
    world = two_customers()
    table = ill(world, Bug("?"))
    world.sweep()
    table.raises = None
    world.work()
    assert world.units(ADV, date(2026, 3, 16), contract=29683950) == 4
    world.pass_time(minutes=1)
    assert troubles(world) == []


def test_people_see_it_in_the_status() -> None:
    """What it is, why, since when and when it is tried again."""
    world = two_customers()
    ill(world, Bug("the reason"))
    world.sweep()
    found = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone)
    [trouble] = found.troubles
    assert (trouble.id, trouble.error) == (SICK, "Bug('the reason')")
    assert not found.at_rest
    assert any("cus_sick" in what and "the reason" in what for what in found.outstanding)


def test_a_contract_in_trouble_says_so_on_its_lines() -> None:
    """Its customers' lines are not level, for a reason that is named."""
    world = two_customers()
    world.work()
    broken(world, "the reason")
    world.tell(2, {ADV: 32})
    world.pass_time(minutes=2)
    found = status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.zone)
    assert [trouble.subject for trouble in found.troubles] == [f"CONTRACT#{CONTRACT}"]
    [line] = [line for line in found.lines if line.customer == WELL and line.sku == ADV]
    assert line.reason is not None
    assert "the reason" in line.reason


def broken(world: World, why: str) -> None:
    """From now on the contract of one customer cannot be read in Autotask, for a reason that nobody knows."""
    real = world.ports.autotask

    def client() -> Any:
        autotask = real()

        class Broken(type(autotask)):  # type: ignore[misc]
            """Fails for one contract."""

            def units(self, contract_id: int, *args: Any) -> Any:
                """Not of that one."""
                if contract_id == CONTRACT:
                    raise Bug(why)
                return super().units(contract_id, *args)

        copy = Broken.__new__(Broken)
        copy.__dict__.update(autotask.__dict__)
        return copy

    world.ports = replace(world.ports, autotask=client)


def test_a_contract_that_fails_is_not_its_customers_trouble() -> None:
    """The customer's events are merged and its other contracts are done; only the contract is left alone."""
    world = two_customers()
    world.map_customer(WELL, 600, CONTRACT)
    world.work()
    broken(world, "?")
    world.tell(2, {ADV: 32})
    world.pass_time(minutes=2)
    assert world.ports.store.customer(WELL).subscriptions["sub_8f2c1a"].value.newest.number == 2
    assert [trouble.subject for trouble in troubles(world)] == [f"CONTRACT#{CONTRACT}"]


def test_a_table_that_is_away_is_nobodys_trouble() -> None:
    """Then nothing can be done for anybody, and nothing can be noted."""
    world = two_customers()

    class Away(type(world.table)):  # type: ignore[misc]
        """Only the index answers."""

        def get(self, key: Key) -> Any:
            """Nothing."""
            raise TableUnavailable("away")

        def write(self, changes: list[Write]) -> None:
            """Nothing."""
            raise TableUnavailable("away")

    away = Away()
    away.__dict__.update(world.table.__dict__)
    with pytest.raises(TableUnavailable):
        sweep(replace(world.ports, table=away), world.deadline)
    assert troubles(world) == []


def test_a_sku_that_wakes_many_customers_is_not_stopped_by_one_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others learn of the service that was chosen."""
    world = two_customers()
    world.work()
    woken: list[str] = []
    real: Callable[..., bool] = merge.wake_customer

    def waking(customer_id: str, ports: Any) -> bool:
        if customer_id == WELL:
            raise Bug("?")
        woken.append(customer_id)
        return real(customer_id, ports)

    monkeypatch.setattr("timus_autotask.sync.sweep.wake_customer", waking)
    world.map_plan(ADV, 45)
    world.pass_time(minutes=1)
    assert woken == [SICK]
    assert [trouble.subject for trouble in troubles(world)] == [f"PLAN#{ADV}"]


def test_an_event_that_cannot_be_read_holds_up_nothing_of_its_customer() -> None:
    """The others are merged and billed by the same wake-up; once it is repaired it is merged, and the trouble is over."""
    world = World()
    world.map_customer()
    world.work()
    world.tell(3, {ADV: 33})
    [waiting] = world.ports.store.customer(CUSTOMER).inbox
    world.table.write([Put(waiting.key, {"event_id": 7}, waiting.rev, due_at=waiting.due_at)])
    world.tell(2, {ADV: 32})
    with pytest.raises(RecordUnreadable):
        apply_customer(CUSTOMER, world.ports, world.deadline)
    assert world.units(ADV, date(2026, 3, 16)) == 32
    world.pass_time(minutes=5)
    assert [trouble.subject for trouble in troubles(world)] == [f"CUSTOMER#{CUSTOMER}"]
    [broken] = world.table.range(f"CUSTOMER#{CUSTOMER}", "INBOX#", "INBOX#~")
    world.table.write([Put(broken.key, waiting.data, broken.rev, due_at=broken.due_at)])
    world.pass_time(minutes=10)
    assert {e.version for e in world.ports.store.events() if e.outcome == "merged"} == {2, 3}
    world.clock.advance(86400)  # a second change of a day is made on the next one
    world.pass_time(minutes=1)
    assert world.units(ADV, date(2026, 3, 16)) == 33
    assert troubles(world) == []
