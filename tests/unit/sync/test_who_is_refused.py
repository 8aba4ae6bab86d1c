"""What concerns every request stops every request, and says so; what concerns one request stops no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.crowd import tenant
from tests.fakes.memory_secrets import CREDENTIALS
from tests.world import ADV, ESS, SERVICES, InProcess, World
from timus_autotask.autotask.http import Request, Response
from timus_autotask.bootstrap import autotask_client
from timus_autotask.domain.line import State
from timus_autotask.ports.secrets import Credentials
from timus_autotask.store.partner import MANY_FAILING

CUSTOMERS = 12
"""More than may be tried: the bounds below hold for any number."""


@pytest.fixture
def world() -> World:
    """Some customers, each with a contract of his own, at rest."""
    made = World(scenario=tenant(CUSTOMERS, 2026))
    made.map_plan(ADV, SERVICES[ADV])
    for n in range(1, CUSTOMERS + 1):
        made.map_customer(f"cus_{n}", n, 10_000 + n)
        made.tell(1, {ADV: 5}, customer=f"cus_{n}", subscription=f"sub_{n}")
    made.work()
    made.pass_time(minutes=1)
    return made


def an_hour_of_changes(world: World) -> int:
    """Every customer changes; how many requests with the secret Autotask got in an hour, a sweep each minute."""
    world.control.clear_requests()
    world.happened.clear()
    for n in range(1, CUSTOMERS + 1):
        world.tell(2, {ADV: 8}, customer=f"cus_{n}", subscription=f"sub_{n}")
    world.work()
    for _ in range(60):
        world.pass_time(minutes=1)
    return sum(one["entity"] != "ZoneInformation" for one in world.control.requests())


def told(world: World) -> list[str]:
    """What was told of Autotask."""
    return [name for name, _ in world.happened if name in ("credentials-refused", "autotask-away")]


def all_are_served(world: World) -> bool:
    """Every customer's change is in Autotask, and nothing is parked."""
    applied = {line.state for line in world.ports.store.lines()} <= {State.APPLIED, State.SCHEDULED}
    return applied and all(
        world.units(ADV, world.ports.today(), 10_000 + n) == 8 for n in range(1, CUSTOMERS + 1)
    )


def _credentials(user: str = "", secret: str = "", code: str = "") -> Callable[[World], None]:
    def change(world: World) -> None:
        world.control.set_credentials(
            user or CREDENTIALS.username, secret or CREDENTIALS.secret, code or CREDENTIALS.integration_code
        )

    return change


def _switch(**switches: Any) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.control.set_switches(switches)

    return change


CALLER: dict[str, Callable[[World], None]] = {
    "another secret": _credentials(secret="another"),
    "another tracking identifier": _credentials(code="ANOTHER"),
    "another user": _credentials(user="another@msp.example"),
    "blocked, 403": _switch(blocked_user="403"),
    "blocked, 404": _switch(blocked_user="404"),
    "locked, 500": _switch(blocked_user="500"),
    "may not read contracts": _switch(denied=["Contracts"]),
    "may not read contracts, 401": _switch(denied=["Contracts"], denied_answer="401"),
    "may not adjust": _switch(denied=["ContractServiceAdjustments create"]),
    "may not adjust, 401": _switch(denied=["ContractServiceAdjustments create"], denied_answer="401"),
}


@pytest.mark.parametrize("case", CALLER)
def test_a_caller_who_is_refused_is_not_tried_with_every_contract(world: World, case: str) -> None:
    """Once in a quarter of an hour, two requests at most where one does not tell; a person is called; nothing is parked."""
    CALLER[case](world)
    requests = an_hour_of_changes(world)
    assert told(world)
    assert set(told(world)) == {"credentials-refused"}
    assert requests <= 5 * (4 if "adjust" in case else 2)  # a post that is refused was read and decided first
    circuit = world.ports.store.partner().circuit.value
    assert circuit.credentials
    assert not [line for line in world.ports.store.lines() if line.state is State.PARKED]

    world.control.set_credentials(None)
    world.control.set_switches({"blocked_user": "no", "denied": [], "denied_answer": "500"})
    for _ in range(30):
        world.pass_time(minutes=1)
    assert all_are_served(world)


def test_a_secret_that_a_worker_still_holds_says_nothing_about_the_one_that_was_stored_since(
    world: World,
) -> None:
    """Otherwise everybody stands still for a quarter of an hour, and reads that the right API user was refused."""
    world.control.set_credentials("api@msp.example", "secret", "CODE")
    world.ports.autotask().contract(10_001)  # a worker signed in a moment ago
    world.control.set_credentials("api@msp.example", "rotated", "CODE")
    world.secrets.replace_credentials(Credentials("api@msp.example", "rotated", "CODE"))
    world.tell(2, {ADV: 8}, customer="cus_1", subscription="sub_1")
    for _ in range(3):
        world.pass_time(minutes=1)
    assert told(world) == []
    assert not world.ports.store.circuit().value.open(world.clock.now())
    assert world.units(ADV, world.clock.now().date(), 10_001) == 8


def test_a_caller_who_may_do_nothing_at_all_is_not_tried_with_every_new_sku(world: World) -> None:
    """The look for a new SKU's service meets it first, and is a request that not every change needs."""
    world.control.set_switches({"denied": ["Contracts", "Services", "ContractServiceUnits", "Companies"]})
    for n in range(1, CUSTOMERS + 1):
        world.tell(2, {ADV: 8, ESS: 3}, customer=f"cus_{n}", subscription=f"sub_{n}")
    requests = an_hour_of_changes(world)
    assert set(told(world)) == {"credentials-refused"}
    assert requests <= 5 * 2


AWAY = [
    "html_502",
    "html_503",
    "redirect_302",
    "timeout_before",
    "truncated_body",
    "throttle_429",
    "not_sent",
]


@pytest.mark.parametrize("kind", AWAY)
def test_a_service_that_answers_nobody_is_away(world: World, kind: str) -> None:
    """Two requests a minute find out whether it is back; afterwards everything is done."""
    world.api.faults.add(Fault(kind, times=None))
    requests = an_hour_of_changes(world)
    assert set(told(world)) == {"autotask-away"}
    assert requests <= 2 * 61
    world.api.faults.clear()
    for _ in range(30):
        world.pass_time(minutes=1)
    assert all_are_served(world)


NONSENSE: dict[str, Callable[[Request], bytes]] = {
    "no page": lambda _: b'{"items":null,"pageDetails":null}',
    "texts": lambda _: b'{"items":["x"],"pageDetails":{"count":1,"nextPageUrl":null}}',
    "a row of somebody": lambda _: b'{"items":[{"id":7}],"pageDetails":{"count":1,"nextPageUrl":null}}',
    "pages without end": lambda request: json.dumps(
        {"items": [], "pageDetails": {"nextPageUrl": request.url}}
    ).encode(),
    "a page in place of JSON": lambda _: b"<html>",
}


@pytest.mark.parametrize("case", NONSENSE)
def test_a_service_that_answers_nonsense_is_away(world: World, case: str) -> None:
    """Status 200 alone says nothing: it is found out, told and ended as any other outage."""
    nonsense = False

    def send(request: Request) -> Response:
        if nonsense and "zoneinformation" not in request.url.lower():
            asked.append(request.url)
            return Response(200, {"content-type": "application/json"}, NONSENSE[case](request))
        return tenant(request)

    tenant, asked = InProcess(world.api), list[str]()
    client, refused = autotask_client(send, world.secrets, "https://autotask.test/ATServicesRest")
    world.ports = replace(world.ports, autotask=client, credentials_refused=refused)
    nonsense = True
    an_hour_of_changes(world)
    assert set(told(world)) == {"autotask-away"}
    assert len(asked) <= 2 * 61
    assert world.ports.store.circuit().value.open(world.clock.now())
    nonsense = False
    for _ in range(30):
        world.pass_time(minutes=1)
    assert all_are_served(world)


@pytest.mark.parametrize("kind", ["html_502", "html_503", "timeout_before"])
def test_a_kind_of_request_that_fails_for_every_contract_is_the_services_trouble(
    world: World, kind: str
) -> None:
    """Others are answered, so each contract alone could be at fault; several in a row are not. Afterwards everything is done."""
    world.api.faults.add(Fault(kind, entity="ContractServiceUnits", times=None))
    requests = an_hour_of_changes(world)
    assert set(told(world)) == {"autotask-away"}
    assert requests <= 3 * (
        12 + 2 * MANY_FAILING
    )  # some at once, then one or two each pause, which grows to eight minutes
    circuit = world.ports.store.circuit().value
    assert "several contracts" in circuit.reason
    world.api.faults.clear()
    for _ in range(30):
        world.pass_time(minutes=1)
    assert all_are_served(world)
    circuit = world.ports.store.circuit().value
    assert (circuit.failing, circuit.pauses) == ((), 0)


def test_contracts_that_fail_while_others_are_served_stop_nobody(world: World) -> None:
    """Half of them answer nothing for an hour: between any two failures somebody is served, or soon after them."""
    for n in range(1, CUSTOMERS, 2):
        world.api.faults.add(
            Fault("html_503", entity="ContractServiceUnits", contract_id=10_000 + n, times=None)
        )
    an_hour_of_changes(world)
    served = [n for n in range(2, CUSTOMERS + 1, 2) if world.units(ADV, world.ports.today(), 10_000 + n) == 8]
    assert len(served) == CUSTOMERS // 2


@pytest.mark.parametrize("kind", ["html_502", "html_503", "json_500", "timeout_before", "unauthorized"])
def test_one_contracts_trouble_is_its_own(world: World, kind: str) -> None:
    """Every other customer is served, and nobody is told that Autotask is away."""
    world.api.faults.add(Fault(kind, entity="ContractServices", contract_id=10_001, times=None))
    world.api.faults.add(Fault(kind, entity="ContractServiceUnits", contract_id=10_001, times=None))
    if kind == "unauthorized":
        world.api.faults.clear(2)  # 401 on what every change needs is taken as the caller's
    an_hour_of_changes(world)
    assert told(world) == []
    served = [n for n in range(2, CUSTOMERS + 1) if world.units(ADV, world.ports.today(), 10_000 + n) == 8]
    assert len(served) == CUSTOMERS - 1


@pytest.mark.parametrize("style", ["500", "401", "403"])
def test_a_permission_that_seats_do_not_need(world: World, style: str) -> None:
    """Tickets, billing rules and companies are refused, seats are changed."""
    world.control.set_switches(
        {"denied": ["Tickets", "ContractBillingRules", "Companies"], "denied_answer": style}
    )
    an_hour_of_changes(world)
    assert told(world) == []
    assert all_are_served(world)
