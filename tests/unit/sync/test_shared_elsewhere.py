"""Seats that come from a line of another contract wait for that line as a whole: the seats of others who share it are not too many."""

from __future__ import annotations

from copy import deepcopy
from datetime import date

import pytest

from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, ESS, SCENARIO, World
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.store.customers import put_mapping
from timus_autotask.sync.merge import wake_contracts

OTHER = "cus_b"
ELSEWHERE = 29683950
"""A second contract of the same company, to which the other customer's ESS goes."""
LATER = date(2026, 4, 20)


def world_of(first: int) -> World:
    """Two customers share the ADV of one contract: so many seats of the first, 5 of the other."""
    scenario = deepcopy(dict(SCENARIO))
    [there] = [one for one in scenario["contracts"] if one["id"] == ELSEWHERE]
    there["companyID"] = COMPANY
    world = World(scenario=scenario)
    world.map_customer()
    routes = (Route(COMPANY, CONTRACT), Route(COMPANY, ELSEWHERE, sku=ESS))
    mapping = CustomerMapping(OTHER, (Routing(routes),))
    world.ports.store.commit(
        put_mapping(mapping, 0), *wake_contracts(OTHER, mapping.contract_ids, world.ports)
    )
    if first:
        world.tell(1, {ADV: first}, subscription="sub_a", customer=CUSTOMER)
    world.tell(1, {ADV: 5}, subscription="sub_b", customer=OTHER)
    settled(world)
    assert world.units(ADV, LATER) == first + 5
    return world


def settled(world: World) -> None:
    """Two days pass, and all of it is done."""
    for _ in range(2):
        world.work()
        world.pass_time(days=1)
        world.pass_time(hours=1)


@pytest.mark.parametrize("first", [0, 5, 40])
@pytest.mark.parametrize(("adv", "ess"), [(2, 3), (0, 5), (0, 9)])
def test_seats_come_once_the_shared_line_has_come_down(first: int, adv: int, ess: int) -> None:
    """All of them, or a part; what others have on the old line holds up nothing."""
    world = world_of(first)
    world.tell(2, {ADV: adv, ESS: ess} if adv else {ESS: ess}, subscription="sub_b", customer=OTHER)
    settled(world)
    assert world.units(ADV, LATER) == first + adv
    assert world.units(ESS, LATER, ELSEWHERE) == ess
