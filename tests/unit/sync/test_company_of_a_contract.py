"""A contract is billed only for customers who are mapped to it as its own company's (promise I4)."""

from __future__ import annotations

import pytest

from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.customer import Customer
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.domain.placement import Placement
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.mapping import choose as mapping
from timus_autotask.watch.remedy import remedy_of

OTHERS_CONTRACT = 29683950


@pytest.fixture(params=["cus_1st", "cus_last"])
def world(request: pytest.FixtureRequest) -> World:
    """Two customers on one contract, the second as another company's; it sorts before or after the first."""
    world = World()
    world.other = request.param  # type: ignore[attr-defined]
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    world.map_customer(request.param, company=601)
    world.tell(1, {ADV: 50, ESS: 4}, customer=request.param, subscription="sub_other")
    world.work()
    return world


def test_seats_of_another_companys_customer_are_never_billed(world: World) -> None:
    """Whatever the order of their ids; the line says whose mapping is wrong, and the lines that only it has do too."""
    assert world.posted() == []
    for sku in (ADV, ESS):
        line = world.line(sku)
        assert line.parked is not None
        assert line.parked.code == "contract-of-another-company"
        assert world.other in line.parked.message  # type: ignore[attr-defined]
        assert world.other in remedy_of(line.parked)  # type: ignore[attr-defined]


def test_the_others_lines_go_on(world: World) -> None:
    """The gateway is the first customer's alone."""
    world.tell(8, {ADV: 25, GATEWAY: 3})
    world.work()
    assert world.posted() == [(47, 2, "2026-03-15")]
    assert world.line(GATEWAY).state is State.APPLIED


def test_mapped_to_its_own_contract_everything_goes_on(world: World) -> None:
    """From its first day: nothing was ever billed for it on the other company's contract."""
    world.pass_time(days=2)
    world.tell(8, {ADV: 27, GATEWAY: 1})
    world.work()
    routed = mapping.route_customer(
        deployment_of(world),
        world.other,  # type: ignore[attr-defined]
        Route(601, OTHERS_CONTRACT),
        "pat",
    )
    assert routed.result.first_day is None
    routed.commit()
    world.work()
    world.sweep()
    assert world.units(ADV, world.clock.now().date()) == 27
    assert sorted(world.posted()) == [(45, 2, "2026-03-17"), (45, 50, "2026-03-15"), (46, 4, "2026-03-15")]
    assert world.line(ADV).parked is None


def test_every_route_of_a_customer_to_a_line_counts() -> None:
    """A SKU's own route and the general one may lead to one line and name two companies."""
    routes = (Route(601, CONTRACT, sku=ADV, units=5), Route(600, CONTRACT))
    customer = Customer(CUSTOMER, CustomerMapping(CUSTOMER, (Routing(routes),)), ())
    placement = Placement(customer, {ADV: PlanMapping(ADV, (ServiceChoice(45),))})
    first = World().start.date()
    [part] = placement.placed(ADV, Timeline.of([(first, 9)]), first)
    assert part.companies == {600, 601}
    assert part.units.at(first) == 9
