"""A preview names what was going to be made and is not any more, as it names what is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.deployment import deployment_of
from tests.unit.cli.desk import Desk
from tests.unit.operate.test_moves import BY, HERE, JANUARY, OTHER, THERE, THIRD, level, settle
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.domain.mapping import Route
from timus_autotask.domain.reasons import BY_DECISION, REJECTED
from timus_autotask.operate import decisions, terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.choose import route_customer
from timus_autotask.operate.mapping.first_day import FirstDay
from timus_autotask.operate.mapping.importing import import_mappings
from timus_autotask.operate.mapping.service_choice import choose_service
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.terms import TermChange
from timus_autotask.operate.undo import undo

APRIL = date(2026, 4, 1)
Adjustments = Counter[tuple[int, int, date, int]]
"""(contract, service, day, change of units)."""
Act = Callable[[World, Deployment], Proposal[Any]]


def five_fewer(*, day: date = APRIL) -> World:
    """25 seats, of which five go on a day to come."""
    world = level()
    fewer(world, 20, day)
    return world


def fewer(world: World, seats: int, day: date, version: int = 2) -> None:
    """Timus reports another quantity from a day on."""
    world.tell(version, {ADV: seats}, effective=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    settle(world)


def from_(day: date) -> FirstDay:
    """Said by a person."""
    return FirstDay(day, follows=False)


def to_come(world: World) -> Adjustments:
    """What the lines have scheduled, but for what only a decision lets go."""
    return Counter(
        (line.contract_id, line.service_id, day, delta)
        for line in world.ports.store.lines()
        if line.parked is None or line.parked.code not in BY_DECISION or line.parked.code == REJECTED
        for day, delta in line.scheduled
    )


def posted(world: World) -> Adjustments:
    """What was made."""
    world.api.tick()
    return Counter(
        (one.contract_id or 0, one.service_id or 0, date.fromordinal(one.day or 1), one.unit_change)
        for one in world.api.postings
        if one.committed
    )


def falls_away(proposal: Proposal[Any]) -> Adjustments:
    """What a preview says is no longer made."""
    return Counter(
        (contract.contract_id or 0, line.service_id, one.day, one.delta)
        for contract in proposal.preview.contracts
        for line in contract.lines
        for one in line.no_longer_made
    )


def minimum(_world: World, deployment: Deployment) -> Proposal[Any]:
    """The terms bill as many as there are."""
    return terms.set_terms(deployment, [TermChange("minimum", "25", ADV)], None, BY)


def smaller_minimum(_world: World, deployment: Deployment) -> Proposal[Any]:
    """The terms let fewer go."""
    return terms.set_terms(deployment, [TermChange("minimum", "22", ADV)], None, BY)


def later_decreases(_world: World, deployment: Deployment) -> Proposal[Any]:
    """The terms let them go another day."""
    return terms.set_terms(deployment, [TermChange("decreases", "start-of-next-period")], None, BY)


def moved_before(_world: World, deployment: Deployment) -> Proposal[Any]:
    """All seats go to another contract first."""
    return route_customer(deployment, CUSTOMER, THERE, BY, first_day=from_(date(2026, 3, 20)))


def split(_world: World, deployment: Deployment) -> Proposal[Any]:
    """Some go there."""
    some = Route(601, OTHER, ADV, 22)
    return route_customer(deployment, CUSTOMER, some, BY, first_day=from_(date(2026, 3, 20)))


def another_service(_world: World, deployment: Deployment) -> Proposal[Any]:
    """They are billed with another service, now."""
    return choose_service(deployment, ADV, 46, BY)


def a_file(_world: World, deployment: Deployment) -> Proposal[Any]:
    """A file moves them, on the day on which five would go."""
    data = f"customer_id,company_id,contract_id,first_day\n{CUSTOMER},601,{OTHER},{APRIL}\n"
    return import_mappings(deployment, "m.csv", data.encode(), BY)


def resumed(world: World, deployment: Deployment) -> Proposal[Any]:
    """A pause ends in which Timus took the decrease back."""
    terms.pause(deployment, None, BY)
    settle(world)
    fewer(world, 25, APRIL, 3)
    return terms.resume(deployment, None, BY)


def held(world: World, deployment: Deployment) -> None:
    """Three more today, which wait for a person."""
    terms.set_terms(deployment, [TermChange("approve_increases", "always")], None, BY).commit()
    settle(world)
    fewer(world, 28, world.ports.today(), 3)
    fewer(world, 20, APRIL, 4)


def approved(world: World, deployment: Deployment) -> Proposal[Any]:
    """A held increase is let go."""
    held(world, deployment)
    return decisions.approve(deployment, CONTRACT, 45, BY)


def rejected(world: World, deployment: Deployment) -> Proposal[Any]:
    """A held increase is set aside."""
    held(world, deployment)
    return decisions.reject(deployment, CONTRACT, 45, "not ordered", BY)


def undone(world: World, deployment: Deployment) -> Proposal[Any]:
    """What was made today is taken back, while the decrease is still to come."""
    fewer(world, 28, world.ports.today(), 3)
    fewer(world, 20, APRIL, 4)
    settle(world, days=1)
    [made] = [one for one in world.ports.store.changes() if one.delta == 3]
    return undo(deployment, made.id, "a mistake", BY)


FALLS = (minimum, smaller_minimum, later_decreases, moved_before, split, another_service, a_file, undone)
NOTHING_FALLS = (resumed, approved, rejected)


@pytest.mark.parametrize("act", [*FALLS, *NOTHING_FALLS])
@pytest.mark.parametrize("day", [APRIL, date(2026, 4, 10)], ids=["April 1", "April 10"])
def test_what_falls_away_is_what_was_scheduled_and_is_not_made(act: Act, day: date) -> None:
    """Whatever is asked for: by the records before, and by Autotask and the records after."""
    world = five_fewer(day=day)
    proposal = act(world, deployment_of(world))
    before, there = to_come(world), posted(world)
    proposal.commit()
    settle(world)
    made = posted(world) - there
    assert falls_away(proposal) == before - (made + to_come(world))
    stays = act in NOTHING_FALLS or (act is later_decreases and day == APRIL)  # it is such a first day
    assert (not falls_away(proposal)) is stays


def test_a_decrease_that_the_terms_take_back_is_named() -> None:
    """In words, by line and in the sums; its contract does not stay as it is."""
    desk = Desk(five_fewer())
    words = desk.told("policy", "set", f"minimum.{ADV}=25", "--dry-run")
    assert f"no longer made: -5 on {APRIL}" in words
    assert "as it is" not in words
    assert "nothing to adjust" not in words
    said = desk.ask("policy", "set", f"minimum.{ADV}=25", "--dry-run")
    [contract] = said["preview"]
    [line] = contract["lines"]
    assert line["adjustments"] == []
    assert line["no_longer_made"] == [{"day": str(APRIL), "unit_change": -5, "estimate": None}]
    assert said["totals"]["no_longer_made"] == {
        "lines": 1,
        "units_up": 0,
        "units_down": 5,
        "estimate": None,
    }


def test_what_is_no_longer_made_has_its_money_where_prices_are_read() -> None:
    """As what is made has: ``preview`` and ``go-live`` read them."""
    world = five_fewer()
    april = datetime(2026, 4, 1, 12, tzinfo=UTC)
    world.tell(3, {ADV: 25}, effective=april)  # no worker has taken it in yet
    said = Desk(world).ask("preview")
    assert said["totals"]["no_longer_made"] == {
        "lines": 1,
        "units_up": 0,
        "units_down": 5,
        "estimate": {"so_far": "-62.50", "each_period": "-62.50", "without_price": 0},
    }
    words = Desk(world).told("preview")
    assert "no longer made: +0 and -5 units on 1 line, about -62.50, then -62.50 a period" in words


# -- Mappings of days to come


def export(desk: Desk, tmp_path: Any) -> str:
    """A file of all mappings as they are."""
    file = str(tmp_path / "mappings.csv")
    desk.told("map", "export", file)
    return file


def test_a_file_that_drops_a_move_of_a_day_to_come_is_asked_about(tmp_path: Any) -> None:
    """It was exported before somebody scheduled the move; with who did, and a script has to say that it is meant."""
    desk = Desk(level())
    file = export(desk, tmp_path)
    to = ["--company", "601", "--contract", str(OTHER), "--from", str(APRIL)]
    desk.told("map", "customer", CUSTOMER, *to, "--by", "ada", "--yes")
    settle(desk.world)
    refused = desk.refused("map", "import", file)
    assert (
        f"From {APRIL} on {CUSTOMER} was to be billed on contract {OTHER}, as ada said on 2026-03-15. "
        f"That is dropped by this: it would be on contract {CONTRACT} then." in refused
    )
    assert to_come(desk.world)
    assert f"no longer made: -25 on {APRIL}" in desk.told("map", "import", file, "--yes")
    settle(desk.world)
    assert not to_come(desk.world)


def test_a_file_that_drops_a_service_of_a_day_to_come_is_asked_about(tmp_path: Any) -> None:
    """For everybody, and for one customer."""
    desk = Desk(level())
    desk.told("map", "plan", ADV, "--service", "45", "--from", "always", "--yes")
    settle(desk.world)
    file = export(desk, tmp_path)
    desk.told("map", "plan", ADV, "--service", "46", "--from", str(APRIL), "--by", "ada", "--yes")
    settle(desk.world)
    words = f"From {APRIL} on {ADV} was to be billed with service 46, as ada said on 2026-03-15."
    assert words in desk.refused("map", "import", file)
    assert words in desk.refused("map", "plan", ADV, "--service", "45")


@pytest.mark.parametrize(
    ("route", "day"), [(HERE, None), (Route(601, THIRD), date(2026, 3, 20))], ids=["as now", "another"]
)
def test_another_contract_from_an_earlier_day_drops_a_later_move_with_a_question(
    route: Route, day: date | None
) -> None:
    """Also where it is the present one: nobody sees otherwise that it holds for ever."""
    world = level()
    deployment = deployment_of(world)
    route_customer(deployment, CUSTOMER, THERE, "ada", first_day=from_(APRIL)).commit()
    settle(world)
    first_day = from_(day) if day else FirstDay()
    doubts = [str(one) for one in route_customer(deployment, CUSTOMER, route, BY, first_day=first_day).doubts]
    assert any("That is dropped by this" in one and "as ada said on 2026-03-15" in one for one in doubts)


def test_what_keeps_a_later_move_is_not_asked_about() -> None:
    """The same move on an earlier day, and a contract for another SKU."""
    world = level()
    deployment = deployment_of(world)
    route_customer(deployment, CUSTOMER, THERE, BY, first_day=from_(APRIL)).commit()
    settle(world)
    earlier = route_customer(deployment, CUSTOMER, THERE, BY, first_day=from_(date(2026, 3, 20)))
    other_sku = route_customer(deployment, CUSTOMER, Route(600, CONTRACT, "SASE-GATEWAY"), BY, unknown=True)
    assert not [one for one in (*earlier.doubts, *other_sku.doubts) if "dropped" in str(one)]


# -- Hand-overs ahead of time


@pytest.mark.parametrize("until", [0, 10, 16], ids=["far ahead", "ahead", "on the last day"])
@pytest.mark.parametrize("sku", [None, ADV])
def test_a_move_from_the_day_after_the_end_of_a_contract_bills_nothing_twice(
    sku: str | None, until: int
) -> None:
    """Beyond its last day the old contract bills nothing, so there is nothing to ask."""
    world = level()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-31"})
    settle(world, days=until)
    route = Route(601, OTHER, sku)
    proposal = route_customer(deployment_of(world), CUSTOMER, route, BY, first_day=from_(APRIL))
    assert [str(one) for one in proposal.doubts if "twice" in str(one)] == []
    proposal.commit()
    settle(world, days=20 - until)
    day = APRIL + timedelta(days=1)
    assert world.units(ADV, day) == 0
    assert world.units(ADV, day, OTHER) == 25


def test_a_contract_that_begins_after_the_old_one_has_ended_leaves_days_that_nothing_bills() -> None:
    """That is said without an advice: on no day of them either contract could bill."""
    world = level()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-31"})
    world.control.person_edits_contract(OTHER, {"startDate": "2026-04-11"})
    world.tell(2, {ADV: 25}, effective=JANUARY)
    settle(world)
    proposal = route_customer(deployment_of(world), CUSTOMER, THERE, BY, first_day=from_(APRIL))
    [doubt] = [one for one in proposal.doubts if "would not be billed anywhere" in one.message]
    assert doubt.message.startswith(f"From {APRIL} to 2026-04-10 25 units of {ADV}")
    assert doubt.ways == ()
