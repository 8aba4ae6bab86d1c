"""Units that move to another line: never billed on both without a word, and never left behind."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.deployment import deployment_of
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, SCENARIO, World
from timus_autotask.cli.failure import doubt_words, refusal
from timus_autotask.domain.mapping import Route
from timus_autotask.operate import terms
from timus_autotask.operate.mapping import choose as mapping
from timus_autotask.operate.mapping.first_day import FirstDay
from timus_autotask.operate.mapping.importing import import_mappings
from timus_autotask.operate.mapping.service_choice import choose_service
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.refusal import NotDone
from timus_autotask.operate.terms import TermChange
from timus_autotask.operate.undo import undo

BY, ONE_DAY = "j.doe", timedelta(days=1)
OTHER, THIRD = 29683950, 29683951
JANUARY = datetime(2026, 1, 1, 12, tzinfo=UTC)
HERE, THERE = Route(600, CONTRACT), Route(601, OTHER)


def level() -> World:
    """A client whose 25 seats were on the contract before we came."""
    first = {**SCENARIO["contracts"][0], "lines": [{"id": 1201, "serviceID": 45, "units": 25}]}
    third = {**SCENARIO["contracts"][1], "id": THIRD}
    world = World(scenario={**SCENARIO, "contracts": [first, *SCENARIO["contracts"][1:], third]})
    world.map_customer()
    world.tell(1, {ADV: 25}, effective=JANUARY)
    settle(world)
    assert world.posted() == []
    return world


def settle(world: World, *, days: int = 0) -> None:
    """Let the workers do what is due, and again each morning."""
    for day in range(days + 1):
        world.clock.advance(86_400 if day else 0)
        world.work()
        for _ in range(20):
            world.sweep()


def moved(world: World, route: Route, **more: Any) -> Proposal[Any]:
    """What a move comes to; it is done."""
    proposal = mapping.route_customer(deployment_of(world), CUSTOMER, route, BY, **more)
    proposal.commit()
    settle(world)
    return proposal


def twice(proposal: Proposal[Any]) -> list[str]:
    """What would be billed on both lines."""
    return [words for words in map(doubt_words, proposal.doubts) if "billed twice" in words]


def billed(world: World, day: date) -> tuple[int, int]:
    """Seats on the first contract and on the other one."""
    return world.units(ADV, day), world.units(ADV, day, OTHER)


def test_a_mistake_that_is_corrected_on_the_same_day_leaves_nothing_behind() -> None:
    """Both lines carry an adjustment of today, so the seats go back tomorrow; no day has more of them than Timus."""
    world = level()
    today = world.ports.today()
    moved(world, THERE)
    assert billed(world, today) == (0, 25)
    proposal = moved(world, HERE)
    assert proposal.result.first_day == today + ONE_DAY
    assert proposal.doubts == ()
    settle(world, days=2)
    assert [billed(world, today + n * ONE_DAY) for n in range(3)] == [(0, 25), (25, 0), (25, 0)]


def test_a_mistake_that_nobody_has_followed_yet_is_as_if_it_had_never_been() -> None:
    """Whatever the wrong contract has is somebody else's, and stays."""
    world = level()
    mapping.route_customer(deployment_of(world), CUSTOMER, THERE, BY).commit()
    proposal = moved(world, HERE)
    assert proposal.result.first_day == world.ports.today()
    assert world.posted() == []


def test_units_do_not_leave_a_line_on_the_day_on_which_they_came() -> None:
    """Nothing would take them off again."""
    world = level()
    today = world.ports.today()
    moved(world, THERE)
    with pytest.raises(NotDone, match=f"from {today + ONE_DAY} on at the earliest"):
        moved(world, HERE, first_day=FirstDay(today, follows=False))


def test_a_wrong_service_that_is_corrected_on_the_same_day_leaves_nothing_behind() -> None:
    """The same for a service, for everybody."""
    world = level()
    today, deployment = world.ports.today(), deployment_of(world)
    choose_service(deployment, ADV, 46, BY).commit()
    settle(world)
    choose_service(deployment, ADV, 45, BY).commit()
    settle(world, days=1)
    there = world.api.model.find_line(CONTRACT, 46)
    assert there is not None
    assert [there.units_on((today + n * ONE_DAY).toordinal()) for n in (0, 1)] == [25, 0]
    assert world.units(ADV, today + ONE_DAY) == 25


def test_a_move_waits_until_the_line_that_is_left_takes_an_adjustment() -> None:
    """Three seats came today: on one day no line takes a second adjustment."""
    world = level()
    today = world.ports.today()
    world.tell(2, {ADV: 28})
    settle(world)
    assert moved(world, THERE).result.first_day == today + ONE_DAY
    settle(world, days=1)
    assert [billed(world, today + n * ONE_DAY) for n in (0, 1)] == [(28, 0), (0, 28)]


def test_who_moves_units_that_stay_billed_on_the_old_line_is_told_on_which_days() -> None:
    """Its period is posted: with the first day on which both are right."""
    world = level()
    world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    world.tell(2, {ADV: 25}, effective=JANUARY)
    settle(world)
    [doubt] = twice(moved(world, THERE))
    assert doubt == (
        "From 2026-03-15 to 2026-03-31 25 units of SASE-ADV-USER of cus_41d0 would be billed twice: contract 29683949 (service 45) "
        "keeps them, because its period is approved and posted. To bill them once: --from 2026-04-01 (in a file: first_day 2026-04-01)."
    )


def test_a_contract_that_has_ended_keeps_no_units() -> None:
    """Who moves to another one is billed once: on the days after the last one, nothing is billed any more."""
    world = level()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    settle(world, days=10)
    proposal = moved(world, THERE)
    assert twice(proposal) == []
    assert [units for _, units, _ in world.posted()] == [25]


def ended() -> World:
    """The contract of 25 seats ended four days ago, and a worker has seen it."""
    world = level()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    settle(world, days=10)
    Desk(world).told("retry", str(CONTRACT), "--yes")
    settle(world)
    assert world.ports.today() == date(2026, 3, 25)
    return world


def between(proposal: Proposal[Any]) -> list[str]:
    """What would stay with a contract that has ended."""
    return [words for words in map(doubt_words, proposal.doubts) if "has ended" in words]


def file_with(*, first_day: str = "") -> bytes:
    """A file that moves the customer."""
    return f"customer_id,company_id,contract_id,first_day\n{CUSTOMER},601,{OTHER},{first_day}\n".encode()


@pytest.mark.parametrize("by_file", [False, True], ids=["by hand", "by a file"])
@pytest.mark.parametrize("there", [0, 25], ids=["none there", "renewed by hand"])
def test_who_moves_units_after_their_contract_ended_is_told_of_the_days_in_between(
    there: int, by_file: bool
) -> None:
    """They stay with a contract that bills nothing then; extended, both would bill them. From the day after its end on they are billed once."""
    world = ended()
    if there:
        world.control.person_adds_line(OTHER, 45, date(2026, 3, 21).toordinal(), there)
    deployment = deployment_of(world)
    proposal: Proposal[Any] = (
        import_mappings(deployment, "m.csv", file_with(), BY)
        if by_file
        else mapping.route_customer(deployment, CUSTOMER, THERE, BY)
    )
    [doubt] = between(proposal)
    has = f", and contract {OTHER} has {there} units of them there already" if there else ""
    assert doubt == (
        f"From 2026-03-21 to 2026-03-24 25 units of SASE-ADV-USER of cus_41d0 would stay with contract {CONTRACT} (service 45), which has "
        f"ended and bills nothing on these days{has}. To bill them once: --from 2026-03-21 (in a file: first_day 2026-03-21)."
    )
    as_told: Proposal[Any] = (
        import_mappings(deployment, "m.csv", file_with(first_day="2026-03-21"), BY)
        if by_file
        else mapping.route_customer(
            deployment, CUSTOMER, THERE, BY, first_day=FirstDay(date(2026, 3, 21), follows=False)
        )
    )
    assert between(as_told) == []
    as_told.commit()
    settle(world, days=1)
    days = [date(2026, 3, 20) + n * ONE_DAY for n in range(7)]
    assert [billed(world, day) for day in days] == [(25, 0), *[(0, 25)] * 6]
    assert Desk(world).ask("status")["waits_for_person"] is False


def test_who_moves_units_to_a_contract_that_begins_only_after_a_gap_is_told_that_nothing_bills_it() -> None:
    """No day to map from would bill it."""
    world = ended()
    world.control.person_edits_contract(OTHER, {"startDate": "2026-04-10"})
    [doubt] = between(mapping.route_customer(deployment_of(world), CUSTOMER, THERE, BY))
    assert doubt.endswith(
        f"bills nothing on these days. Contract {OTHER} begins only on 2026-04-10: bill the days before by hand."
    )


def test_units_that_have_moved_on_since_are_no_matter_of_another_move() -> None:
    """The days in between were the matter of the first one."""
    world = ended()
    moved(world, THERE)
    settle(world, days=2)
    assert between(moved(world, Route(601, THIRD))) == []


def test_who_moves_units_whose_decrease_awaits_approval_is_told_that_both_are_billed() -> None:
    """Until somebody decides."""
    world = level()
    deployment = deployment_of(world)
    always = [TermChange("approve_decreases", "always")]
    terms.set_terms(deployment, always, None, BY, from_today_if_billed=True).commit()
    settle(world)
    [doubt] = twice(moved(world, THERE))
    assert doubt.startswith(
        "From 2026-03-15 until somebody decides 25 units of SASE-ADV-USER of cus_41d0 would be billed twice"
    )
    assert doubt.endswith("because a change of -25 on 2026-03-15 awaits approval.")


# -- Taking a move back


def moved_seats(move: str) -> World:
    """All seats, or four of them, are on the other contract since yesterday; or all are billed as another service."""
    world = level()
    if move == "service":
        choose_service(deployment_of(world), ADV, 46, BY).commit()
        settle(world, days=1)
        return world
    moved(world, THERE if move == "all" else Route(601, OTHER, ADV, 4))
    settle(world, days=1)
    return world


def not_taken_back(world: World, delta: int) -> str:
    """Why a change that was made is not undone."""
    [made] = [one.id for one in world.ports.store.changes() if one.delta == delta]
    with pytest.raises(NotDone) as refused:
        undo(deployment_of(world), made, "by mistake", BY)
    return refusal(refused.value)


@pytest.mark.parametrize(("move", "units"), [("all", 25), ("four", 4), ("service", 25)])
def test_no_half_of_a_move_is_taken_back_alone(move: str, units: int) -> None:
    """Its seats would be billed on both lines, or on none; the refusal says where they are, and how they are moved back."""
    world = moved_seats(move)
    there, way = {
        "service": (f"service 46 on contract {CONTRACT}", f"timus-autotask map plan {ADV} --service N"),
        "all": (
            f"service 45 on contract {OTHER}",
            f"timus-autotask map customer {CUSTOMER} --company 600 --contract {CONTRACT}",
        ),
        "four": (
            f"service 45 on contract {OTHER}",
            f"timus-autotask map customer {CUSTOMER} --company N --contract N",
        ),
    }[move]
    twice, nowhere = not_taken_back(world, -units), not_taken_back(world, units)
    assert (
        f"one half of a move to {there}: {ADV} is billed there instead, and its seats would be billed twice"
        in twice
    )
    assert f"one half of a move from service 45 on contract {CONTRACT}: " in nowhere
    assert "its seats would be billed nowhere" in nowhere
    assert twice.endswith(way)
    assert nowhere.endswith(way)


def test_seats_are_not_to_be_mapped_back_to_a_contract_that_has_ended() -> None:
    """Mapping refuses it, so another way is named."""
    world = moved_seats("all")
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    Desk(world).told("retry", str(CONTRACT), "--yes")
    settle(world, days=8)
    assert not_taken_back(world, 25).endswith(
        f"Contract {CONTRACT} has ended, so they cannot be mapped back. Let Timus report the right quantity; or change the units in Autotask, "
        f"then: timus-autotask drift {OTHER} 45 --adopt"
    )


def test_the_half_that_was_made_is_not_taken_back_while_the_other_one_is_held() -> None:
    """Once it is approved, the seats would be billed twice."""
    world = level()
    terms.set_terms(deployment_of(world), [TermChange("approve_increases", "always")], None, BY).commit()
    moved(world, THERE)
    settle(world, days=1)
    assert billed(world, world.ports.today()) == (0, 0)
    assert "would be billed twice" in not_taken_back(world, -25)


def test_a_half_that_was_made_on_a_later_day_is_known_by_the_day_of_the_move() -> None:
    """The seats stay on the old line until the end of its posted period."""
    world = level()
    world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    moved(world, THERE)
    settle(world, days=18)
    assert "would be billed twice" in not_taken_back(world, -25)


def test_what_timus_reports_of_seats_that_are_split_is_taken_back_as_ever() -> None:
    """Nothing moved between the two lines by it, although both bill the SKU."""
    world = moved_seats("four")
    world.tell(2, {ADV: 28})
    settle(world, days=1)
    [made] = [one.id for one in world.ports.store.changes() if one.delta == 3]
    assert undo(deployment_of(world), made, "ordered twice", BY).result.sides[0].delta == -3


@pytest.mark.parametrize("term", [("approve_new_lines", "yes"), ("approve_increases", "always")])
def test_who_moves_units_to_a_line_that_waits_for_approval_is_told_that_none_are_billed(
    term: tuple[str, str],
) -> None:
    """The old line comes down at once; only an approval bills them, from the day of the move on."""
    world = level()
    name, value = term
    change = [TermChange(name, value)]
    terms.set_terms(deployment_of(world), change, None, BY, from_today_if_billed=True).commit()
    settle(world)
    proposal = moved(world, THERE)
    [doubt] = [words for words in map(doubt_words, proposal.doubts) if "not be billed anywhere" in words]
    assert doubt.startswith(
        "From 2026-03-15 until somebody decides 25 units of SASE-ADV-USER of cus_41d0 would not be billed anywhere: contract 29683950 "
        "(service 45) waits for them, because a change of +25 on 2026-03-15 awaits approval."
    )
    assert (world.units(ADV, date(2026, 3, 15)), twice(proposal)) == (0, [])


def test_who_moves_units_whose_line_comes_down_only_in_a_new_term_is_told_how_long_both_are_billed() -> None:
    """The new periods of a renewed contract are empty, so that what is taken off of the old ones waits for the first day of the new ones."""
    world = level()
    world.control.set_switches({"extended_periods": "empty"})
    world.tell(2, {ADV: 25}, type="subscription.renewed", term_end=date(2027, 12, 31))
    settle(world)
    [doubt] = twice(mapping.route_customer(deployment_of(world), CUSTOMER, THERE, BY))
    assert doubt.startswith(
        "From 2026-03-15 to 2026-12-31 25 units of SASE-ADV-USER of cus_41d0 would be billed twice: contract 29683949 (service 45) keeps them"
    )
    assert "--from 2027-01-01" in doubt


def test_a_move_to_a_contract_that_begins_later_says_what_is_billed_nowhere_until_then() -> None:
    """The old one comes down at once; with its first day as --from, nothing is lost."""
    world = level()
    world.control.person_edits_contract(OTHER, {"startDate": "2026-05-01"})
    today = world.ports.today()
    deployment = deployment_of(world)
    proposal = mapping.route_customer(deployment, CUSTOMER, THERE, BY)
    [said] = [words for words in map(doubt_words, proposal.doubts) if "billed" in words]
    assert said == (
        f"From {today} to 2026-04-30 25 units of {ADV} of {CUSTOMER} would not be billed anywhere: contract {OTHER} begins only after that. "
        "To bill them once: --from 2026-05-01 (in a file: first_day 2026-05-01)."
    )
    later = mapping.route_customer(
        deployment, CUSTOMER, THERE, BY, first_day=FirstDay(date(2026, 5, 1), follows=False)
    )
    assert not [words for words in map(doubt_words, later.doubts) if "billed" in words]
    desk = Desk(world)
    where = ("map", "customer", CUSTOMER, "--company", "601", "--contract", str(OTHER))
    assert "if it is meant: --yes" in desk.run(*where).err
    desk.told(*where, "--yes")
    settle(world)
    [check] = [
        one for one in json.loads(desk.run("doctor", "--json").out)["checks"] if one["name"] == "coverage"
    ]
    assert (check["verdict"], check["found"]) == (
        "wrong",
        f"25 seats are billed nowhere before a contract begins: first {OTHER} on 2026-05-01",
    )


def test_a_name_that_was_confirmed_is_not_asked_about_again_for_the_same_company() -> None:
    """Another contract of that company says nothing new of the name."""
    world = level()
    moved(world, THERE)
    again = mapping.route_customer(deployment_of(world), CUSTOMER, Route(601, OTHER), BY)
    assert not [words for words in map(doubt_words, again.doubts) if "calls" in words]
    back = mapping.route_customer(deployment_of(world), CUSTOMER, HERE, BY)
    assert not [words for words in map(doubt_words, back.doubts) if "calls" in words]
