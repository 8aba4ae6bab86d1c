"""What waits for a person and is no line's own keeps the verdict from being clean."""

from __future__ import annotations

from datetime import date
from shlex import quote

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CUSTOMER


@pytest.fixture
def parked(desk: Desk) -> Desk:
    """Level at 25 by version 40; then a version 1 came, which is parked."""
    desk.world.map_customer()
    desk.world.tell(40, {ADV: 25})
    desk.world.work()
    desk.world.clock.advance(60)
    desk.world.tell(1, {ADV: 33}, event_id="again")
    desk.world.work()
    desk.world.pass_time(minutes=30)
    assert desk.world.units(ADV, date(2026, 3, 31)) == 25
    return desk


def test_the_lines_of_a_customer_with_a_parked_event_are_not_aligned(parked: Desk) -> None:
    """It may say what they should have; the line itself says which event and how it is looked at."""
    said = " ".join(parked.told("status").split())
    assert "Aligned" not in said
    assert "Waiting for a person (1)" in said
    [event] = parked.ask("events", "--parked")["events"]
    assert f"event {event['key']} of {CUSTOMER} waits for a person" in said
    assert "At rest." not in said
    assert f"At rest, but for what a person has to decide: → event {event['key']}" in said


def test_a_parked_event_is_outstanding_with_its_command(parked: Desk) -> None:
    """It needs a person, and nothing happens by itself; once it is dismissed, the verdict is clean."""
    said = parked.ask("status")
    [event] = said["events"]
    assert (said["at_rest"], said["waits_for_person"]) == (True, True)
    assert said["outstanding"] == [
        f"event {event['key']} of {CUSTOMER} waits for a person: timus-autotask events show {quote(event['key'])}"
    ]
    parked.told("events", "dismiss", event["key"], "--reason", "a test")
    said = parked.ask("status")
    assert (said["at_rest"], said["waits_for_person"], said["outstanding"]) == (True, False, [])
    words = parked.told("status")
    assert "Aligned (1)" in words
    assert "At rest." in words


def test_of_many_parked_events_some_are_named(parked: Desk) -> None:
    """The verdict stays a few lines long."""
    for number in range(7):
        parked.world.clock.advance(60)
        parked.world.tell(1, {ADV: 34 + number}, event_id=f"again-{number}")
    parked.world.work()
    assert len(parked.ask("status")["events"]) == 8
    assert parked.ask("status")["outstanding"][5:] == ["3 more: timus-autotask status --all"]


def test_what_waits_beside_a_line_waits_of_everybody(parked: Desk) -> None:
    """As whether everything is at rest does, whatever is shown."""
    parked.world.map_customer("cus_2", 601, 29683950)
    said = parked.ask("status", "--customer", "cus_2")
    assert (said["events"], said["waits_for_person"]) == ([], True)


def test_a_line_that_waits_for_a_person_is_told_to_programs(desk: Desk) -> None:
    """Also without an event: at rest alone is no good news."""
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    assert desk.ask("status")["waits_for_person"] is True
