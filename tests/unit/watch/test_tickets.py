"""Tickets in Autotask for alarms: one for each cause, whatever dies or gets lost on the way, and closed when it is over."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.conformity import check
from tests.dying import Died, Dying
from tests.running import ALARMS, RESOURCES, Running
from tests.world import ADV, World
from timus_autotask.autotask.http import Request, Response
from timus_autotask.bootstrap import _counted, autotask_client, sweep_handler
from timus_autotask.domain.ticket import Alarm
from timus_autotask.ports.table import Write
from timus_autotask.watch.tickets import TicketDesk, keep_tickets

WORDS = "Wake-ups failed five times. Find the cause. Runbook: docs/operations.md#dead-letters"
NAME = "acme-sync-DeadLettersAlarm-1A2B"


class Bells:
    """CloudWatch, with one alarm."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.alarm = Alarm(NAME, WORDS, False, world.clock.now())

    def __call__(self) -> Sequence[Alarm]:
        return [self.alarm]

    def set(self, on: bool) -> None:
        """It goes off, or it is over."""
        self.alarm = replace(self.alarm, on=on, since=self.world.clock.now())


@pytest.fixture
def world() -> World:
    """A partner."""
    return World()


@pytest.fixture
def bells(world: World) -> Bells:
    """An alarm that is off."""
    return Bells(world)


def desk_of(bells: Callable[[], Sequence[Alarm]]) -> TicketDesk:
    """For company 600, in queue 8."""
    return TicketDesk("acme-sync", 600, 8, 2, bells)


def looks(world: World, bells: Bells, minutes: int = 5) -> None:
    """Time passes, and then somebody looks."""
    world.clock.advance(minutes * 60)
    keep_tickets(world.ports, desk_of(bells), world.deadline)


def tickets(world: World) -> list[dict[str, Any]]:
    """What the simulated Autotask has."""
    world.api.tick()
    return [dict(record.values) for record in world.api.model.tables["Tickets"].values()]


def statuses(world: World) -> list[int]:
    """Of every ticket: 1 is new, 5 is complete."""
    return [ticket["status"] for ticket in tickets(world)]


def told(world: World) -> list[str]:
    """What happened to tickets."""
    return [name for name, _ in world.happened if name.startswith("ticket-")]


def test_one_is_opened_and_closed_an_hour_after_the_alarm_is_over(world: World, bells: Bells) -> None:
    """It says what is wrong, and where the runbook is; the requests are as Autotask publishes them."""
    looks(world, bells)
    assert tickets(world) == []
    bells.set(True)
    for _ in range(5):
        looks(world, bells)
    [ticket] = tickets(world)
    assert ticket["title"] == "Timus billing sync: Wake-ups failed five times"
    assert "docs/operations.md#dead-letters" in ticket["description"]
    assert "First look: timus-autotask status\n" in ticket["description"]
    assert (ticket["companyID"], ticket["queueID"], ticket["priority"], ticket["status"]) == (600, 8, 2, 1)
    bells.set(False)
    looks(world, bells, 55)
    assert statuses(world) == [1]
    looks(world, bells)
    assert statuses(world) == [5]
    for one in world.control.requests():
        body = json.loads(one["body"]) if one["body"] else None
        query = {"user": ""} if "zone" in one["path"].lower() else {}
        assert check(one["method"], one["path"], query, body) == []
    assert told(world) == ["ticket-opened", "ticket-closed"]


def test_nothing_is_asked_while_nothing_is_new(world: World, bells: Bells) -> None:
    """A quiet day, and one with an alarm that is known, cost no calls of Autotask."""
    looks(world, bells)
    assert world.control.requests() == []
    bells.set(True)
    looks(world, bells)
    world.control.clear_requests()
    for _ in range(20):
        looks(world, bells)
    assert world.control.requests() == []


def test_one_that_comes_and_goes_is_one_cause(world: World, bells: Bells) -> None:
    """Off for less than an hour is not solved; off for longer, and on again, is another cause."""
    for on in (True, False, True, False, True):
        bells.set(on)
        looks(world, bells, 30)
    assert statuses(world) == [1]
    bells.set(False)
    looks(world, bells, 61)
    bells.set(True)
    looks(world, bells)
    assert statuses(world) == [5, 1]


def test_what_a_person_closed_is_not_opened_again(world: World, bells: Bells) -> None:
    """Not while the alarm is on, and nothing is written to it when it is over."""
    bells.set(True)
    looks(world, bells)
    [record] = world.api.model.tables["Tickets"].values()
    record.values["status"] = 5
    looks(world, bells)
    bells.set(False)
    world.control.clear_requests()
    looks(world, bells, 61)
    assert statuses(world) == [5]
    assert [one["method"] for one in world.control.requests()] == ["POST"]  # the look


def test_an_alarm_that_is_taken_out_of_the_stack_is_over(world: World, bells: Bells) -> None:
    """Its ticket is closed."""
    bells.set(True)
    looks(world, bells)
    world.clock.advance(300)
    keep_tickets(world.ports, desk_of(list), world.deadline)
    assert statuses(world) == [5]


FAULTS = (
    "timeout_before",
    "timeout_after",
    "land_late",
    "html_502_after",
    "json_500_after",
    "truncated_body",
)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("settle", [15, 120])
def test_a_lost_answer_makes_no_second_ticket(kind: str, settle: int) -> None:
    """It is looked for until the request has surely landed or not; only then it is asked for again."""
    world = World(settle=timedelta(minutes=settle))
    bells = Bells(world)
    world.control.add_fault(kind, entity="Tickets", operation="create", times=1, seconds=600)
    bells.set(True)
    for _ in range(40):
        looks(world, bells)
    assert statuses(world) == [1]
    bells.set(False)
    for _ in range(15):
        looks(world, bells)
    assert statuses(world) == [5]


def test_one_whose_alarm_is_over_before_it_landed_is_closed(world: World, bells: Bells) -> None:
    """Nothing is forgotten before it is known."""
    world.settle = timedelta(hours=3)
    world.ports = replace(world.ports, settle=world.settle)
    world.control.add_fault("land_late", entity="Tickets", operation="create", seconds=2 * 3600)
    bells.set(True)
    looks(world, bells)
    bells.set(False)
    for _ in range(40):
        looks(world, bells)
    assert statuses(world) == [5]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(12))
def test_a_death_at_any_step_makes_no_second_ticket(step: int, after: bool) -> None:
    """Before or after whatever was done with the table or with Autotask: one ticket, and it is closed in the end."""
    world = World()
    bells = Bells(world)
    once = Dying(step, after)

    write, send = world.table.write, world.api.handle

    def writes(changes: Sequence[Write]) -> None:
        once(lambda: write(changes))

    def transport(request: Request) -> Response:
        def sent() -> Response:
            reply = send(request.method, request.url, request.headers, request.body)
            return Response(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.body)

        answer: Response = once(sent)
        return answer

    world.table.write = writes  # type: ignore[method-assign]
    client, _ = autotask_client(transport, world.secrets, "https://autotask.test/ATServicesRest")
    world.ports = replace(world.ports, autotask=client)

    def goes_on(times: int) -> None:
        for _ in range(times):
            try:
                looks(world, bells)
            except Died:
                continue

    bells.set(True)
    goes_on(12)
    assert statuses(world) == [1]
    bells.set(False)
    goes_on(16)
    assert statuses(world) == [5]
    assert once.steps > step, "there are fewer steps than that"


def test_two_at_once_make_one(world: World, bells: Bells) -> None:
    """Whoever comes second finds the record changed, and gives way."""
    bells.set(True)
    world.clock.advance(300)
    desk = desk_of(bells)

    def other() -> Sequence[Alarm]:
        keep_tickets(world.ports, desk, world.deadline)
        return bells()

    keep_tickets(world.ports, desk_of(other), world.deadline)
    looks(world, bells)
    assert len(tickets(world)) == 1


def test_a_table_from_an_earlier_time_makes_no_second_ticket(world: World, bells: Bells) -> None:
    """The number of a cause follows from the alarm itself, so it is found again."""
    bells.set(True)
    looks(world, bells)
    for document in world.table.documents():
        world.table._delete(document.key)
    looks(world, bells)
    assert statuses(world) == [1]


class TestWhatIsRefused:
    """A ticket is less than a change."""

    def test_it_is_told_and_tried_again_in_an_hour(self, world: World, bells: Bells) -> None:
        """A queue that there is not, say."""
        world.control.add_fault(
            "json_500", entity="Tickets", operation="create", times=1, text="no such queue"
        )
        bells.set(True)
        for _ in range(12):
            looks(world, bells)
        refused = [fields["detail"] for name, fields in world.happened if name == "ticket-refused"]
        assert refused == ["no such queue"]
        assert tickets(world) == []
        looks(world, bells)
        assert statuses(world) == [1]

    def test_a_missing_permission_stops_no_change(self, world: World, bells: Bells) -> None:
        """Autotask answers 401 to it, as it does to bad credentials; seats are changed all the same."""
        world.control.add_fault("unauthorized", entity="Tickets", times=None)
        bells.set(True)
        looks(world, bells)
        assert told(world) == ["ticket-refused"]
        assert not world.ports.store.partner().circuit.value.open(world.clock.now())

    def test_while_autotask_is_away_it_is_not_asked(self, world: World, bells: Bells) -> None:
        """And the ticket comes when it is back."""
        world.control.add_fault("throttle_429", times=1)
        bells.set(True)
        looks(world, bells)
        assert world.ports.store.partner().circuit.value.open(world.clock.now())
        looks(world, bells)
        assert statuses(world) == [1]


class TestInTheStack:
    """With the alarms of the template, as the running code brings them about."""

    @staticmethod
    def _running(*, wanted: bool) -> Running:
        """An hour after a client was mapped."""
        running = Running(World())
        states: dict[str, tuple[bool, datetime]] = {}

        def alarms() -> Sequence[Alarm]:
            now = running.world.clock.now()
            for name in ALARMS:
                on = running.fires(name)
                if name not in states or states[name][0] != on:
                    states[name] = on, now
            return [
                Alarm(name, RESOURCES[name]["Properties"]["AlarmDescription"], on, since)
                for name, (on, since) in states.items()
            ]

        desk = desk_of(alarms) if wanted else None
        handler = sweep_handler(running.world.ports, running.world.secrets.age, desk)
        running.handlers["Sweep"] = _counted(handler, running.telemetry)
        running.world.map_customer()
        running.world.tell(1, {ADV: 28})
        running.apply()
        running.minutes(70)
        return running

    def test_an_hour_with_a_failure(self) -> None:
        """An alarm goes off and is over: there is one ticket for it, and it is complete."""
        running = self._running(wanted=True)
        world = running.world
        assert tickets(world) == []
        world.control.set_switches({"other_requests": 8_000})
        running.minutes(60)
        titles = {ticket["title"]: ticket["status"] for ticket in tickets(world)}
        title = "Timus billing sync: Much of Autotask's hourly request allowance is used, by all integrations together"
        assert titles == {title: 1}
        world.control.set_switches({"other_requests": 0})
        running.minutes(120)
        assert {ticket["title"]: ticket["status"] for ticket in tickets(world)} == {title: 5}

    def test_alarms_that_cannot_be_asked_for_are_a_failure_of_our_own(self) -> None:
        """The sweep's work goes on, and an alarm of its own says so."""
        running = Running(World())

        def unavailable() -> Sequence[Alarm]:
            raise OSError("CloudWatch does not answer")

        handler = sweep_handler(running.world.ports, desk=desk_of(unavailable))
        running.handlers["Sweep"] = _counted(handler, running.telemetry)
        running.minutes(21)
        assert [line["error"] for line in running.lines if line["message"] == "failed"]
        assert running.fires("WorkFailedAlarm")
        assert not running.fires("SweepErrorsAlarm")

    def test_without_the_parameter_there_are_none(self) -> None:
        """Off unless somebody wants it."""
        running = self._running(wanted=False)
        running.world.control.set_switches({"other_requests": 9_000})
        running.minutes(40)
        assert running.fires("CallBudgetAlarm")
        assert tickets(running.world) == []
