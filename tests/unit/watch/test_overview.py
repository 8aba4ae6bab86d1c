"""What ``status`` and ``doctor`` read: everything, in requests that hardly grow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.bench.growth import metered
from tests.bench.units import Tally
from tests.crowd import settled
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.domain.provisioning import NewContract, Provisioning
from timus_autotask.ports.queue import QueueDepth
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.customers import Notice, put_notice
from timus_autotask.store.keys import mapping_key
from timus_autotask.store.troubles import Trouble, put_trouble
from timus_autotask.watch.health import Limits, check_health
from timus_autotask.watch.overview import Overview, overview
from timus_autotask.watch.status import gather, status_of

YEAR = timedelta(days=365)


def status(world: World) -> Overview:
    """What ``status`` shows."""
    return overview(world.ports.store, 0, 0, world.clock.now(), world.zone)


def requests(world: World, look: Callable[[], object]) -> int:
    """How many requests of DynamoDB a look takes."""
    tally: Tally = metered(world.table)
    look()
    return sum(tally.requests.values())


@pytest.fixture
def hundred() -> World:
    """A hundred customers of three lines each. It is only read here."""
    return settled(100)


def test_the_status_of_three_hundred_lines_is_ten_requests(hundred: World) -> None:
    """Due work, the partner's records with the last comparison, seven lists, and one request by keys; one more where something waits."""
    assert len(status(hundred).status.lines) == 300
    assert requests(hundred, lambda: status(hundred)) <= 10


def test_the_checks_of_three_hundred_lines_are_a_few_requests(hundred: World) -> None:
    """The same, with what only ``doctor`` says: the newest events, the gauges and what the last comparison found."""
    ports = hundred.ports
    assert requests(hundred, lambda: [*check_health(ports, QueueDepth(0, 0, 0), 0, None, Limits())]) <= 18


@pytest.mark.slow
def test_the_status_of_three_thousand_lines_is_a_few_dozen_requests() -> None:
    """A hundred contracts are one request more, and a list is as many as it has megabytes."""
    world = settled(1000)
    assert len(status(world).status.lines) == 3000
    assert requests(world, lambda: status(world)) <= 30


def test_what_waits_is_seen_as_of_now() -> None:
    """What only due work names: an opening, a trouble, and contracts that are still to be told what is new."""
    world = World()
    store, now = world.ports.store, world.clock.now()
    wanted = NewContract("timus-1", 601, "x", now.date(), now.date() + YEAR, 1, customer_id="cus_new")
    opening, sick = Provisioning(wanted), mapping_key("cus_sick")
    trouble = Trouble(sick.pk, "KeyError('units')", now, 2, now + timedelta(minutes=4))
    world.map_customer()
    world.tell(1, {ADV: 5})
    world.work()
    store.commit(put_provisioning(opening, 0, now))
    store.commit(put_trouble(sick, trouble, 0))
    store.commit(put_notice(Notice(CUSTOMER, (CONTRACT,), now), 0, now))
    found = status(world).status
    assert found.provisionings == (opening,)
    assert found.troubles == (trouble,)
    read = status_of(gather(store, lambda: 0), now, world.zone)
    assert sorted(found.outstanding) == sorted(read.outstanding)
    assert len(found.outstanding) == 3
