"""``python -m tests.crowds``: much of one thing, through the whole product, and how large the writes get that it takes.

``--write`` runs the full sizes and records the figures in ``docs/crowds.md``. The small form is in ``tests/unit/sync/test_crowds.py``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.fakes.memory_table import MemoryTable, item_size
from tests.pages import write_part
from tests.world import ADV, CUSTOMER, SCENARIO, World
from timus_autotask.domain.mapping import CustomerMapping, Route, Routing
from timus_autotask.domain.stage import Stage
from timus_autotask.ports.table import Put, Write
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.terms import put_stage
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.merge import merge_inbox, wake_contracts

NEW_YEAR = datetime(2026, 1, 1, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 0, 5, tzinfo=UTC)


class Measured(MemoryTable):
    """A table that keeps the largest of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.most = 0
        self.largest = 0
        self.document = 0

    def write(self, changes: Sequence[Write]) -> None:
        """Write, and measure."""
        super().write(changes)
        sizes = [item_size(change) for change in changes if isinstance(change, Put)]
        self.writes += 1
        self.most = max(self.most, len(changes))
        self.largest = max(self.largest, sum(sizes))
        self.document = max(self.document, *sizes, 0)


@dataclass(frozen=True)
class Crowd:
    """What a crowd took."""

    what: str
    transactions: int
    most_writes: int
    """In one transaction."""
    largest: int
    """Bytes of one transaction."""
    document: int
    """Bytes of the largest document."""
    calls: int
    """Requests that were made of Autotask."""
    adjustments: int
    seconds: float
    """Of one processor."""


def empty(**changes: Any) -> World:
    """A world without lines, whose table measures what it is given and whose workers may hand on."""
    contract = {**SCENARIO["contracts"][0], "lines": []}
    world = World(scenario={**SCENARIO, "contracts": [contract], **changes})
    world.table = Measured()
    MemoryTable.write(world.table, [put_stage(None, Stage(True), 0)])  # before anything is measured
    world.ports = replace(world.ports, table=world.table, wake_ups=world.queue)
    world.receive_ports = replace(world.receive_ports, table=world.table)
    return world


def rest(world: World) -> None:
    """Wake-ups and sweeps until nothing is due any more."""
    for _ in range(1000):
        while received := world.queue.receive(10):
            for customer in {json.loads(message.body)["customer"] for message in received}:  # once a batch
                apply_customer(customer, world.ports, world.deadline)
            for message in received:
                world.queue.delete(message.receipt)
        if not world.table.due(int(world.clock.now().timestamp()), 1):
            return
        world.pass_time(minutes=1)
    raise AssertionError("it never comes to rest")


def measured(what: str, number: int, run: Callable[[int], World]) -> Crowd:
    """Run a crowd of a size and say what it took. Raises ``AssertionError`` where it does not end right."""
    begun = time.process_time()
    world = run(number)
    table = world.table
    assert isinstance(table, Measured)
    return Crowd(
        what=f"{number:,} {what}",
        transactions=table.writes,
        most_writes=table.most,
        largest=table.largest,
        document=table.document,
        calls=len(world.control.requests()),
        adjustments=len(world.posted()),
        seconds=round(time.process_time() - begun, 1),
    )


def subscriptions(number: int) -> World:
    """So many subscriptions of one customer on one contract, each with a seat more from one and the same day on."""
    world = empty()
    world.map_customer()
    world.work()
    for n in range(number):
        world.tell(1, {ADV: 1}, subscription=f"sub_{n}", effective=APRIL)
    rest(world)
    world.clock.advance(17 * 86400)
    rest(world)
    assert world.units(ADV, date(2026, 3, 31)) == 0
    assert world.units(ADV, date(2026, 4, 2)) == number
    assert len(world.posted()) == 1
    records = world.ports.store.customer(CUSTOMER)
    assert {stored.value.floor for stored in records.subscriptions.values()} == {1}
    return world


def customers(number: int) -> World:
    """So many customers on one contract, each with a seat more from one and the same day on."""
    world = empty()
    names = [f"cus_{n}" for n in range(number)]
    for name in names:
        world.map_customer(name)
        world.tell(1, {ADV: 1}, customer=name, subscription=f"sub_{name}", effective=APRIL)
    for name in names:  # one wake-up each; the contract is looked at once all are merged
        world.clock.advance(1)
        merge_inbox(name, world.ports, world.deadline)
    rest(world)
    world.clock.advance(17 * 86400)
    rest(world)
    assert world.units(ADV, date(2026, 4, 2)) == number
    assert len(world.posted()) == 1
    return world


def versions(number: int) -> World:
    """So many versions of one subscription over 73 days, none of which may be applied until its customer is mapped."""
    world = empty()
    for n in range(number):
        world.tell(n + 1, {ADV: 1 + n % 50}, effective=NEW_YEAR + timedelta(days=n * 73 // number))
    rest(world)
    assert not world.posted()
    world.map_customer()
    rest(world)
    last = {n * 73 // number: 1 + n % 50 for n in range(number)}
    for day, units in last.items():
        assert world.units(ADV, NEW_YEAR.date() + timedelta(days=day)) == units, day
    return world


def skus(number: int) -> World:
    """So many SKUs of one subscription, each a line of one contract."""
    names = {f"SKU-{n:04}": 100 + n for n in range(number)}
    services = [
        {
            "id": service,
            "name": name,
            "sku": name,
            "billingCodeID": 9,
            "periodType": 2,
            "isActive": True,
            "unitPrice": 1,
        }
        for name, service in names.items()
    ]
    world = empty(services=services)
    world.map_customer()
    world.work()
    world.tell(1, dict.fromkeys(names, 3))
    rest(world)
    found = {service: delta for service, delta, _ in world.posted()}
    assert found == dict.fromkeys(names.values(), 3)
    assert len(world.posted()) == number
    return world


def waiting(number: int) -> World:
    """So many events of one customer that waited while nobody merged them, a tenth of them of each of ten subscriptions."""
    world = empty()
    world.map_customer()
    world.work()
    for n in range(number):
        world.tell(n // 10 + 1, {ADV: 1 + n // 10 % 7}, subscription=f"sub_{n % 10}")
    rest(world)
    assert not world.ports.store.customer(CUSTOMER).inbox
    assert world.units(ADV, date(2026, 3, 16)) == 10 * (1 + (number // 10 - 1) % 7)
    return world


def many_contracts(number: int) -> tuple[World, CustomerMapping]:
    """A customer whose seats go to so many contracts, two to each; the mapping is not stored yet."""
    contract = {**SCENARIO["contracts"][0], "lines": []}
    ids = range(1, number + 1)
    world = empty(contracts=[{**contract, "id": id_} for id_ in ids])
    routes = tuple(Route(contract["companyID"], id_, units=2) for id_ in ids)
    return world, CustomerMapping(CUSTOMER, (Routing(routes),))


def contracts(number: int) -> World:
    """So many contracts of one customer: mapped all at once, and half of them get their seats by a second event."""
    world, mapping = many_contracts(number)
    world.tell(1, {ADV: number})
    rest(world)
    world.ports.store.commit(
        put_mapping(mapping, 0), *wake_contracts(CUSTOMER, mapping.contract_ids, world.ports)
    )
    rest(world)
    world.tell(2, {ADV: 2 * number})
    rest(world)
    found = Counter((p.contract_id, p.unit_change) for p in world.api.postings if p.committed)
    assert found == Counter((contract, 2) for contract in mapping.contract_ids)
    assert world.ports.store.notice(CUSTOMER) is None
    return world


CROWDS: Mapping[str, tuple[str, int, int, Callable[[int], World]]] = {
    "subscriptions": ("subscriptions of one customer on one contract", 1000, 150, subscriptions),
    "customers": ("customers on one contract", 1000, 120, customers),
    "versions": ("versions of one subscription, none applied at first", 10_000, 650, versions),
    "skus": ("SKUs on one contract", 700, 105, skus),
    "contracts": ("contracts of one customer", 500, 106, contracts),
    "waiting": ("events of one customer that wait", 5000, 400, waiting),
}
"""By name: what it is, how many in full, how many in the small form, and how it is done."""


def table_of(crowds: Sequence[Crowd]) -> str:
    """The figures as a Markdown table."""
    head = (
        "| crowd | transactions | most writes in one | largest, KB | largest document, KB "
        "| Autotask calls | adjustments | CPU, s |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
    )
    return head + "\n".join(
        f"| {c.what} | {c.transactions:,} | {c.most_writes} | {c.largest // 1024:,} | {c.document // 1024:,} "
        f"| {c.calls:,} | {c.adjustments:,} | {c.seconds:,.0f} |"
        for c in crowds
    )


def main(arguments: Sequence[str]) -> int:
    """Run the crowds that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowds", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(CROWDS)}; none: all")
    parser.add_argument("--small", action="store_true", help="the small form")
    parser.add_argument("--write", action="store_true", help="record the figures in docs/crowds.md")
    given = parser.parse_args(arguments)
    found = []
    for name in given.names or CROWDS:
        what, full, small, run = CROWDS[name]
        found.append(measured(what, small if given.small else full, run))
        sys.stdout.write(f"{found[-1]}\n")
        sys.stdout.flush()
    if given.write:
        write_part("crowds.md", "crowds", "make crowds", table_of(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
