"""What Autotask would refuse is parked with words and a command, and goes on by itself once a person has mended the cause."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.line import Outcome, State
from timus_autotask.domain.mapping import PlanMapping
from timus_autotask.domain.reasons import Parked
from timus_autotask.ports.errors import Refused
from timus_autotask.ports.psa import Service
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.services import find_services
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.status import gather, status_of

TODAY = date(2026, 3, 15)


@pytest.fixture
def world() -> World:
    """One client, mapped, with 25 seats and a gateway as Autotask has them."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    return world


def parked(world: World) -> Parked:
    """Why the seats are parked."""
    line = world.line(ADV)
    assert line.state is State.PARKED
    assert line.parked is not None
    return line.parked


def edited(world: World, **fields: Any) -> None:
    """A person edits the contract."""
    world.control.person_edits_contract(CONTRACT, fields)


Act = Callable[[World], None]
EDITS: dict[str, tuple[Act, Act]] = {
    "contract-not-recurring": (
        lambda world: edited(world, contractType=1),
        lambda world: edited(world, contractType=7),
    ),
    "contract-of-another-company": (
        lambda world: edited(world, companyID=601),
        lambda world: edited(world, companyID=600),
    ),
    "contract-inactive": (lambda world: edited(world, status=0), lambda world: edited(world, status=1)),
    "contract-not-found": (
        lambda world: world.api.set_switch("hidden_contracts", [CONTRACT]),
        lambda world: world.api.set_switch("hidden_contracts", []),
    ),
    "contract-ended": (
        lambda world: edited(world, endDate="2026-03-14"),
        lambda world: edited(world, endDate="2026-12-31"),
    ),
}


@pytest.mark.parametrize("code", EDITS)
def test_a_contract_that_cannot_be_billed(world: World, code: str) -> None:
    """Nothing is posted while it lasts, and what waited is posted from its own day when it is over."""
    break_, mend = EDITS[code]
    break_(world)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert parked(world).code == code
    assert "timus-autotask" in remedy_of(parked(world))
    mend(world)
    world.pass_time(minutes=16)
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert world.line(ADV).state is State.APPLIED


@pytest.mark.parametrize("answer", ["500", "401"])
def test_a_service_that_may_not_be_looked_for(world: World, answer: str) -> None:
    """Only the SKU that is new waits, in Autotask's words and with a command; it goes on by itself once services may be read."""
    world.control.set_switches({"denied": ["Services"], "denied_answer": answer})
    world.tell(8, {ADV: 28, GATEWAY: 1, ESS: 4})
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert world.line(ADV).state is State.APPLIED
    world.control.clear_requests()
    world.pass_time(minutes=120)
    assert sum(one["entity"] == "Services" for one in world.control.requests()) <= 120 // 15 + 1
    [line] = [
        one
        for one in status_of(gather(world.ports.store, lambda: 0), world.clock.now(), world.ports.zone).lines
        if one.sku == ESS
    ]
    assert (line.state, line.reason_code) == (State.PARKED, "sku-refused")
    assert line.reason is not None
    assert "refused to look for one: " in line.reason
    assert "map plan SASE-ESS-USER --service N" in (line.remedy or "")
    world.control.set_switches({"denied": [], "denied_answer": "500"})
    world.pass_time(minutes=15)
    assert world.ports.store.partner().plan(ESS).value.matched
    world.pass_time(minutes=1)
    assert world.posted()[1:] == [(46, 4, "2026-03-15")]


def test_the_services_of_all_new_skus_are_looked_for_in_one_request(world: World) -> None:
    """However many there are: a customer may bring sixty at once, and a run has a minute."""
    world.control.clear_requests()
    world.tell(8, {ADV: 28, ESS: 4} | {f"NEW-{number:02}": 1 for number in range(60)})
    world.work()
    assert [one["entity"] for one in world.control.requests()].count("Services") == 1
    assert world.ports.store.partner().plan(ESS).value.matched
    assert world.ports.store.partner().plan("NEW-59").value.choices == ()


class Picky:
    """An Autotask that refuses to look for one SKU, alone or among others."""

    def services_by_sku(self, skus: Collection[str]) -> list[Service]:
        """Each has the number of its place in the alphabet."""
        if "B" in skus:
            raise Refused(("not B",), 500)
        return [Service(ord(sku), sku, sku, True, 1, Decimal(10)) for sku in skus]


def test_where_one_sku_is_refused_the_others_are_found(world: World) -> None:
    """Each is asked for by itself then, and only the one that is refused waits, in Autotask's words."""
    ports = replace(world.ports, autotask=Picky)  # type: ignore[arg-type]
    found = find_services([PlanMapping(sku) for sku in "ABC"], ports)
    assert {sku: (one.matched, one.refused) for sku, one in found.items()} == {
        "A": (True, ""),
        "B": (False, "not B"),
        "C": (True, ""),
    }


def test_an_ended_contract_is_noticed_without_any_event(world: World) -> None:
    """On the day after its end its seats are billed nowhere, and that is told; extended, they are level again."""
    world.clock.advance((date(2027, 1, 1) - TODAY).days * 86400)
    world.sweep()
    assert parked(world).code == "contract-ended"
    assert parked(world).facts["units"] == 25
    edited(world, endDate="2027-12-31")
    world.pass_time(minutes=16)
    assert world.line(ADV).state is State.APPLIED
    assert world.posted() == []


def test_a_service_that_is_on_the_contract_twice(world: World) -> None:
    """Nobody knows which of the two lines to change, until one of them is gone."""
    second = world.control.person_adds_line(CONTRACT, 45, TODAY.toordinal(), 4)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert parked(world).code == "line-duplicated"
    world.control.person_removes_line(second)
    world.pass_time(minutes=16)
    assert world.posted() == [(45, 3, "2026-03-15")]


REFUSALS = (
    "ContractServiceAdjustment effectiveDate must be between the start date and end date of the Contract referenced by contractID.",
    "ContractServiceAdjustment unitChange would result in a negative number of units.",
    "ContractServiceAdjustments can only be created for Contracts of type Recurring Service.",
    "The Contract referenced by contractID is inactive.",
)


@pytest.mark.parametrize("text", REFUSALS)
def test_what_autotask_says_is_shown_as_it_says_it(world: World, text: str) -> None:
    """Somebody's edit between our read and our post: parked in Autotask's words, and sent again when it may be."""
    world.api.faults.add(Fault("json_500", entity="ContractServiceAdjustments", times=1, text=text))
    world.tell(8, {ADV: 20, GATEWAY: 1})
    world.work()
    assert parked(world).code == "refused"
    assert text in parked(world).message
    assert remedy_of(parked(world)).endswith(f"timus-autotask retry {CONTRACT}")
    world.pass_time(minutes=16)
    assert world.posted() == [(45, -5, "2026-03-15")]


def while_we_post(world: World, act: Act) -> None:
    """Let somebody act between our read and our next adjustment, once."""
    handle = world.api.handle
    done: list[bool] = []

    def acted(method: str, url: str, headers: Any, body: bytes) -> Any:
        if method == "POST" and url.endswith("/ContractServiceAdjustments") and not done:
            done.append(True)
            act(world)
        return handle(method, url, headers, body)

    world.api.handle = acted  # type: ignore[method-assign, assignment]


def lowered(world: World, units: int) -> None:
    """Somebody changes the seats from April on."""
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.control.person_adjusts(line.id, date(2026, 4, 1).toordinal(), units)


RACES: dict[str, tuple[Act, str, str, Act]] = {
    "outside of the contract": (
        lambda world: edited(world, endDate="2026-03-14"),
        "effectiveDate",
        "contract-ended",
        lambda world: edited(world, endDate="2026-12-31"),
    ),
    "not recurring": (
        lambda world: edited(world, contractType=1),
        "Recurring Service",
        "contract-not-recurring",
        lambda world: edited(world, contractType=7),
    ),
    "below zero": (
        lambda world: lowered(world, -23),
        "negative",
        "outcome-unclear",
        lambda world: lowered(world, 23),
    ),
}


@pytest.mark.parametrize("name", RACES)
def test_what_a_person_does_between_our_read_and_our_post(world: World, name: str) -> None:
    """Autotask itself refuses. What it held has changed as well, so the next looks tell what is in the way; the mend is found by itself."""
    break_, words, code, mend = RACES[name]
    while_we_post(world, break_)
    world.tell(8, {ADV: 20, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert [p.outcome for p in world.api.postings] == ["refused"]
    assert words in str(world.api.postings[0].error)
    for _ in range(3):
        world.pass_time(minutes=16)
    assert parked(world).code == code
    assert "timus-autotask" in remedy_of(parked(world))
    mend(world)
    for _ in range(2):
        world.pass_time(hours=1)
    assert world.posted() == [(45, -5, "2026-03-15")]
    assert world.line(ADV).state is State.APPLIED
    refused = [change for change in world.ports.store.changes() if change.outcome is Outcome.REFUSED]
    assert all(words in change.message for change in refused)


def test_units_that_would_fall_below_zero(world: World) -> None:
    """A person has taken seats off for a day to come: both numbers are shown, and it goes on when the edit is undone."""
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.control.person_adjusts(line.id, date(2026, 4, 1).toordinal(), -20)
    world.tell(8, {ADV: 15, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert parked(world).code == "drift"
    world.control.person_adjusts(line.id, date(2026, 4, 1).toordinal(), 20)
    world.ports.store.commit(*wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    world.work()
    world.sweep()
    assert world.posted() == [(45, -10, "2026-03-15")]


def test_units_that_fall_below_zero_at_first_sight() -> None:
    """The very first look takes what it finds for known; a decrease that would leave a later day below 0 is parked before it is sent."""
    world = World()
    line = world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    world.control.person_adjusts(line.id, date(2026, 4, 1).toordinal(), -20)
    world.map_customer()
    world.tell(7, {ADV: 15, GATEWAY: 1})
    world.work()
    assert world.posted() == []
    assert parked(world).code == "below-zero-later"
    assert "below 0" in parked(world).message
    world.control.person_adjusts(line.id, date(2026, 4, 1).toordinal(), 20)
    world.ports.store.commit(*wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    world.work()
    world.sweep()
    assert world.posted() == [(45, -10, "2026-03-15")]
    assert world.line(ADV).state is State.APPLIED


@pytest.mark.parametrize("same_day", ["refuse", "sum"])
def test_a_second_change_of_a_day_where_autotask_is_said_to_sum(world: World, same_day: str) -> None:
    """It is tried on the same day; if Autotask refuses after all, once, and then the next free day takes it."""
    store = world.ports.store
    store.commit(
        put_terms(None, {"same_day": "attempt"}, 0), *wake_contracts(CUSTOMER, [CONTRACT], world.ports)
    )
    world.api.set_switch("same_day", same_day)
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    world.tell(9, {ADV: 30, GATEWAY: 1})
    world.work()
    if same_day == "sum":
        assert world.posted() == [(45, 3, "2026-03-15"), (45, 2, "2026-03-15")]
    else:
        assert world.posted() == [(45, 3, "2026-03-15")]
        assert world.line(ADV).scheduled == ((date(2026, 3, 16), 2),)
        world.pass_time(days=1)
        assert world.posted()[-1] == (45, 2, "2026-03-16")
    attempts = [p for p in world.api.postings if p.unit_change == 2]
    assert len(attempts) == (1 if same_day == "sum" else 2)


@pytest.mark.parametrize("kind", ["json_500", "json_500_after"])
def test_an_unexpected_error_of_autotask_is_no_refusal(world: World, kind: str) -> None:
    """Its errors list says nothing about the effect: the line settles, is read back, and has what Timus says, once."""
    text = "An unexpected error has occurred.  If the problem persists, please contact Autotask Support."
    world.api.faults.add(Fault(kind, entity="ContractServiceAdjustments", text=text))
    world.tell(8, {ADV: 28, GATEWAY: 1})
    world.work()
    assert world.line(ADV).state is State.SETTLING
    world.pass_time(minutes=16)
    world.pass_time(minutes=1)
    assert world.line(ADV).state is State.APPLIED
    assert world.units(ADV, TODAY) == 28
    assert [units for service, units, _ in world.posted() if service == 45] == [3]
