"""Notes on contracts: one for each change by the terms, whatever dies or gets lost on the way, and none where they are off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from local.autotask.schema import ENTITIES
from tests.contract.conformity import check
from tests.dying import Died, Dying
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.autotask.http import Request, Response
from timus_autotask.bootstrap import autotask_client
from timus_autotask.domain.line import JournalEntry, Outcome
from timus_autotask.domain.note import note_of
from timus_autotask.ports.table import Write
from timus_autotask.store.notes import put_note
from timus_autotask.sync.sweep import MOST_NOTES, sweep


def begun(*, notes: bool = True, **world: Any) -> World:
    """A client with three seats more than Autotask has."""
    one = World(**world)
    if notes:
        Desk(one).told("policy", "set", "contract_notes=yes", "--yes")
    one.map_customer()
    one.tell(1, {ADV: 28})
    return one


def notes(world: World) -> list[dict[str, Any]]:
    """Ours, that the simulated Autotask has."""
    world.api.tick()
    every = (record.values for record in world.api.model.tables["ContractNotes"].values())
    return [dict(one) for one in every if one["title"].startswith("Timus billing sync")]


def landed(world: World) -> list[JournalEntry]:
    """Changes that were made."""
    return [one for one in world.ports.store.changes() if one.outcome is Outcome.LANDED]


def passes(world: World, minutes: int) -> None:
    """Each minute is a sweep."""
    for _ in range(minutes):
        world.pass_time(minutes=1)
        world.work()


def is_one_for_each(world: World) -> bool:
    """Whether each change has its note, and no note is there twice."""
    marks = sorted(one["title"].rpartition(" [")[2].rstrip("]") for one in notes(world))
    return marks == sorted(one.id for one in landed(world))


def test_a_change_gets_its_note() -> None:
    """What, why and the events; nothing is left in the table; the requests are as Autotask publishes them."""
    world = begun()
    passes(world, 3)
    [one] = notes(world)
    [change] = landed(world)
    assert one["contractID"] == CONTRACT
    assert one["title"] == f"Timus billing sync: +3 {ADV} from {change.day} [{change.id}]"
    assert "25 before, 28 after" in one["description"]
    assert "Reported by Timus." in one["description"]
    assert change.events[0] in one["description"]
    assert not [document for document in world.table.documents() if document.key.pk.startswith("NOTE#")]
    for each in world.control.requests():
        body = json.loads(each["body"]) if each["body"] else None
        query = {"user": ""} if "zone" in each["path"].lower() else {}
        assert check(each["method"], each["path"], query, body) == []


def test_by_default_nothing_is_asked_and_nothing_kept() -> None:
    """The term is off: no call and no record."""
    world = begun(notes=False)
    passes(world, 3)
    assert landed(world)
    assert not notes(world)
    assert not [one for one in world.control.requests() if "Notes" in one["path"]]
    assert not [document for document in world.table.documents() if document.key.pk.startswith("NOTE#")]


def test_a_customers_own_term_goes_before() -> None:
    """On for everybody, off for one."""
    world = World()
    desk = Desk(world)
    desk.told("policy", "set", "contract_notes=yes", "--yes")
    desk.told("policy", "set", "contract_notes=no", "--customer", CUSTOMER, "--unknown", "--yes")
    world.map_customer()
    world.tell(1, {ADV: 28})
    passes(world, 3)
    assert landed(world)
    assert not notes(world)


@pytest.mark.parametrize("own", ["all", "people"])
def test_notes_of_others_are_not_taken_for_ours(own: str) -> None:
    """Autotask may write a note of its own for the same change, and a person may write any."""
    world = begun()
    world.control.set_switches({"own_notes": own})
    world.api.model.create(
        ENTITIES["contractnotes"],
        {"contractID": CONTRACT, "title": "Timus billing sync: by hand", "description": "+10"},
    )
    passes(world, 3)
    assert len(notes(world)) == 2


FAULTS = (
    "timeout_before",
    "timeout_after",
    "land_late",
    "html_502_after",
    "json_500_after",
    "truncated_body",
)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_lost_answer_makes_no_second_note(kind: str) -> None:
    """It is looked for until the request has surely landed or not; only then it is asked for again."""
    world = begun()
    world.control.add_fault(kind, entity="ContractNotes", operation="create", times=1, seconds=600)
    passes(world, 60)
    assert is_one_for_each(world)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(
    st.lists(
        st.fixed_dictionaries({ADV: st.integers(0, 20), ESS: st.integers(0, 5)}), min_size=1, max_size=5
    ),
    st.lists(
        st.tuples(
            st.sampled_from((*FAULTS, "json_500", "throttle_429")), st.sampled_from(("create", "query"))
        ),
        max_size=5,
    ),
    st.integers(1, 40),
)
def test_none_is_doubled_or_lost_under_faults(
    told: list[dict[str, int]], faults: list[tuple[str, str]], between: int
) -> None:
    """Random changes, and answers that get lost, come late or refuse: in the end one note for each change that was made."""
    world = begun()
    for number, items in enumerate(told, 2):
        world.tell(number, items)
        for kind, operation in faults[number - 2 : number - 1]:
            world.control.add_fault(kind, entity="ContractNotes", operation=operation, times=1, seconds=600)
        passes(world, between)
    passes(world, 150)
    assert landed(world)
    assert is_one_for_each(world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", range(5))
def test_a_death_at_any_step_makes_no_second_note(step: int, after: bool) -> None:
    """Before or after whatever was done with the table or with Autotask while the note was written."""
    world = begun()
    world.work()
    once = Dying(step, after)

    write, send = world.table.write, world.api.handle

    def writes(changes: Sequence[Write]) -> None:
        concerns = any(change.key.pk.startswith("NOTE#") for change in changes)
        once(lambda: write(changes)) if concerns else write(changes)

    def transport(request: Request) -> Response:
        def sent() -> Response:
            reply = send(request.method, request.url, request.headers, request.body)
            return Response(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.body)

        answer: Response = once(sent) if "Notes" in request.url else sent()
        return answer

    world.table.write = writes  # type: ignore[method-assign]
    client, _ = autotask_client(transport, world.secrets, "https://autotask.test/ATServicesRest")
    world.ports = replace(world.ports, autotask=client)
    world.tell(2, {ADV: 28, GATEWAY: 3})
    for _ in range(60):
        with suppress(Died):
            world.pass_time(minutes=1)
        with suppress(Died):
            world.work()
    assert len(landed(world)) == 2
    assert is_one_for_each(world)
    assert once.steps > step, "there are fewer steps than that"


def test_two_at_once_make_one() -> None:
    """Whoever comes second finds the record changed, and gives way."""
    world = begun()
    handle = world.api.handle
    inside = False

    def twice(*request: Any) -> Any:
        nonlocal inside
        reply = handle(*request)
        if "ContractNotes/query" in request[1] and not inside:
            inside = True
            sweep(world.ports, world.deadline)
        return reply

    world.api.handle = twice  # type: ignore[method-assign, assignment]
    passes(world, 40)
    assert inside
    assert is_one_for_each(world)


def test_what_is_refused_is_tried_each_hour_for_a_week_and_holds_up_nothing() -> None:
    """A missing permission for notes, answered like bad credentials: changes go on, and it is given up in the end."""
    world = begun()
    world.control.set_switches({"denied": ["ContractNotes"], "denied_answer": "401"})
    passes(world, 5)
    assert [name for name, _ in world.happened if name.startswith("note-")] == ["note-refused"]
    assert not world.ports.store.circuit().value.open(world.clock.now())
    world.tell(2, {ADV: 28, GATEWAY: 3})
    passes(world, 5)
    assert len(landed(world)) == 2
    for _ in range(24 * 8):
        world.pass_time(hours=1)
        world.work()
    assert [name for name, _ in world.happened if name == "note-given-up"] == ["note-given-up"] * 2
    assert not [document for document in world.table.documents() if document.key.pk.startswith("NOTE#")]


def test_after_a_busy_day_they_leave_the_allowance_to_changes() -> None:
    """Some in each sweep, and changes first."""
    world = begun(notes=True)
    passes(world, 2)
    before = len(notes(world))
    for number in range(3 * MOST_NOTES):
        _due(world, number)
    world.control.clear_requests()
    sweep(world.ports, world.deadline)
    assert len(notes(world)) - before == MOST_NOTES
    assert len([one for one in world.control.requests() if "Notes" in one["path"]]) == 2 * MOST_NOTES
    passes(world, 5)
    assert len(notes(world)) - before == 3 * MOST_NOTES


def _due(world: World, number: int) -> None:
    [change, *_] = landed(world)
    one = note_of(replace(change, id=f"other{number}"))
    world.ports.store.commit(put_note(one, 0, world.clock.now() - timedelta(minutes=1)))


def test_one_of_a_contract_that_observes_by_now_waits() -> None:
    """Towards Autotask there are only reads until it is live again."""
    world = begun()
    world.control.add_fault("throttle_429", entity="ContractNotes", times=None)
    passes(world, 2)
    world.control.clear_faults()
    Desk(world).told("observe")
    passes(world, 90)
    assert not notes(world)
    Desk(world).told("go-live", "--yes")
    passes(world, 90)
    assert is_one_for_each(world)
