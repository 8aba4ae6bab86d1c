"""Seats that a mapping sends to no contract: said for every day, agreed to, and no check calls it well."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.deployment import deployment_of
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, World
from timus_autotask.cli.failure import note_words
from timus_autotask.domain.mapping import Route
from timus_autotask.operate.mapping.choose import route_customer
from timus_autotask.operate.mapping.first_day import FirstDay
from timus_autotask.operate.mapping.importing import import_mappings
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.proposal import Proposal

TODAY, LATER, OTHER = date(2026, 3, 15), date(2026, 3, 25), 29683950
HEAD = "customer_id,company_id,contract_id,sku,units,first_day"
ALWAYS = f"{CUSTOMER},600,{CONTRACT},,,always"
FEBRUARY = datetime(2026, 2, 20, 12, tzinfo=UTC)


def billed() -> World:
    """A client with 25 users and 4 gateways, all on one contract."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 4})
    world.work()
    return world


def waiting() -> World:
    """A client with 9 users since February, whom nobody has mapped."""
    world = World()
    world.tell(1, {ADV: 9}, effective=FEBRUARY)
    world.work()
    return world


def given(world: World, *rows: str) -> Proposal[Any]:
    """A file of mappings."""
    data = "\n".join([HEAD, *rows]).encode()
    return import_mappings(deployment_of(world), "clients.csv", data, "kim")


def sent(world: World, route: Route, first_day: date | None = None, **more: Any) -> Proposal[Any]:
    """What ``map customer --from`` proposes."""
    day = FirstDay(first_day, follows=False) if first_day else FirstDay()
    return route_customer(deployment_of(world), CUSTOMER, route, "kim", first_day=day, **more)


def nowhere(proposal: Proposal[Any]) -> list[str]:
    """What would lose its contract."""
    return [str(one) for one in proposal.doubts if "billed nowhere" in str(one)]


def lost(units: str, sku: str, day: date) -> str:
    """How it is said."""
    return f"From {day} on customer {CUSTOMER} has contracts, but none of them takes {units} of {sku}: they would be billed nowhere."


@pytest.mark.parametrize("day", [LATER, TODAY + timedelta(days=1)])
def test_a_row_of_a_later_day_that_takes_other_seats_off_every_contract_is_asked_about(day: date) -> None:
    """The rows of the day are all that holds from it on; one more row keeps the others."""
    world = billed()
    moved = f"{CUSTOMER},601,{OTHER},{ADV},,{day}"
    assert nowhere(given(world, ALWAYS, moved)) == [lost("4 units", GATEWAY, day)]
    assert nowhere(given(world, ALWAYS, moved, f"{CUSTOMER},600,{CONTRACT},,,{day}")) == []


def test_parts_that_are_fewer_than_the_seats_are_asked_about() -> None:
    """In a file and by the command, also where it holds from today on."""
    world = billed()
    part = f"{CUSTOMER},601,{OTHER},{ADV},10,{LATER}"
    assert nowhere(given(world, part)) == [
        lost("15 units", ADV, LATER),
        lost("4 units", GATEWAY, LATER),
    ]
    assert nowhere(sent(world, Route(601, OTHER, ADV, 10), LATER)) == []
    assert nowhere(sent(world, Route(600, CONTRACT, units=20), LATER)) == [lost("5 units", ADV, LATER)]
    assert nowhere(sent(world, Route(600, CONTRACT, units=20))) == [lost("5 units", ADV, TODAY)]


def test_a_first_mapping_that_takes_seats_off_again_later_is_asked_about() -> None:
    """A file may say both days at once."""
    world = World()
    world.tell(1, {ADV: 25, GATEWAY: 4})
    world.work()
    later = f"{CUSTOMER},601,{OTHER},{ADV},,{LATER}"
    for first in (ALWAYS, f"{CUSTOMER},600,{CONTRACT},,,"):
        proposal = given(world, first, later)
        assert nowhere(proposal) == [lost("4 units", GATEWAY, LATER)]
        assert proposal.notes == ()


def test_what_had_no_contract_before_is_not_asked_about_again() -> None:
    """Who has agreed to it moves other seats without a word."""
    world = billed()
    given(world, f"{CUSTOMER},601,{OTHER},{ADV},,{LATER}").commit()
    assert nowhere(sent(world, Route(600, CONTRACT, ADV), LATER + timedelta(days=5))) == []


def test_a_script_has_to_say_yes() -> None:
    """The sentence says what, how much, whose and from when, and how to do it otherwise."""
    desk = Desk(billed())
    words = ["map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT), "--units", "20"]
    said = desk.refused(*words, "--from", str(LATER))
    assert lost("5 units", ADV, LATER) in said
    assert "To have them billed, say where they go from that day on" in said
    assert desk.ask(*words, "--from", str(LATER), "--yes")["written"] is True


def test_the_days_before_a_first_mapping_of_a_later_day_are_named() -> None:
    """Nothing is taken away, so it is a note; whoever chose with --bill-from has seen what stays unbilled."""
    world = waiting()
    proposal = sent(world, Route(600, CONTRACT), LATER)
    [note] = map(note_words, proposal.notes)
    assert note == (
        f"Note: From 2026-02-20 to 2026-03-24 9 units of {ADV} of {CUSTOMER} are billed nowhere, because its mapping holds only from {LATER} on. "
        "To bill these days too: --from an earlier day, or always (in a file: first_day). Else bill them by hand."
    )
    assert proposal.doubts == ()
    assert given(world, f"{CUSTOMER},600,{CONTRACT},,,{LATER}").notes == proposal.notes
    assert sent(world, Route(600, CONTRACT), bill_from=BillFrom.TODAY).notes == ()
    assert sent(world, Route(600, CONTRACT), date(2026, 2, 20)).notes == ()


def test_a_sum_of_reasons_names_what_is_on_no_contract() -> None:
    """And not the days from which changes are billed."""
    world = billed()
    given(world, f"{CUSTOMER},600,{CONTRACT},{ADV},10,{TODAY + timedelta(days=1)}").commit()
    for _ in range(2):
        world.clock.advance(86_400)
        world.work()
        world.sweep()
    lines = Desk(world).ask("status", "--all")["lines"]
    [line] = [one for one in lines if one["sku"] == ADV and one["contract_id"]]
    assert line["explanation"] == "10 = 25 in Timus, -15 on no contract of the mapping"
