"""What one change costs the product where there is much of something, counted in the world of the tests: in memory, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench.units import Item, Tally, size_of
from tests.crowd import settled
from tests.crowds import empty, rest
from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, ESS, GATEWAY, World
from timus_autotask.aws.dynamodb import A_FEW, MOST_IN_A_PAGE, item_of
from timus_autotask.bootstrap import apply_handler
from timus_autotask.ports.table import MOST_GOT, Document, Due, Key, Put, Write

BATCH = 10
INDEXES = {"due-index": ("due", "due_at"), "kind-index": ("kind", "sort")}
PAGE = 1024 * 1024
"""Bytes that DynamoDB reads for an answer; what is left is asked for with another request."""
WRITE_ID = "0" * 36
"""As long as the id of a write."""


def metered(table: MemoryTable) -> Tally:
    """Counts from now on what a table is asked, as DynamoDB would bill it."""
    tally = Tally()
    get, between, due, listed, write = table.get, table.range, table.due, table.list, table.write
    get_many = table.get_many

    def counted_get(key: Any) -> Document | None:
        found = get(key)
        _read(tally, "GetItem", [found] if found else [], consistent=True)
        return found

    def counted_get_many(keys: Sequence[Key]) -> list[Document]:
        found = get_many(keys)
        tally.requests["dynamodb.BatchGetItem"] += -(-len(keys) // MOST_GOT)
        for document in found:
            tally.read([item for item in [_item(document)] if item], consistent=True)
        return found

    def counted_range(*arguments: Any, **more: Any) -> list[Document]:
        return _read(tally, "Query", between(*arguments, **more), consistent=True)

    def counted_due(*arguments: Any) -> list[Due]:
        found = due(*arguments)
        tally.requests["dynamodb.Query"] += 1
        tally.read((_entry_of(each) for each in found), consistent=False)
        return found

    def counted_list(*arguments: Any, **more: Any) -> Iterator[Document]:
        for page in _pages(listed(*arguments, **more), A_FEW if more.get("backwards") else MOST_IN_A_PAGE):
            yield from _read(tally, "Query", page, consistent=False)

    def counted_write(changes: Sequence[Write]) -> None:
        if not changes:
            return
        alone = len(changes) == 1 and isinstance(changes[0], Put)
        tally.requests["dynamodb.PutItem" if alone else "dynamodb.TransactWriteItems"] += 1
        old = [get(change.key) for change in changes]
        try:
            write(changes)
        finally:
            for before, change in zip(old, changes, strict=True):
                after = get(change.key)
                tally.wrote(_item(before), _item(after), INDEXES, transaction=not alone)

    for name, method in (
        ("get", counted_get),
        ("get_many", counted_get_many),
        ("range", counted_range),
        ("due", counted_due),
        ("list", counted_list),
        ("write", counted_write),
    ):
        setattr(table, name, method)
    return tally


def _pages(listed: Iterator[Document], most: int) -> Iterator[list[Document]]:
    """What is listed as it is read: a page is read whole with the first document that is taken of it. The last one may be empty."""
    while True:
        page, size = list[Document](), 0
        for document in listed:
            page.append(document)
            size += size_of(_item(document) or {})
            if size >= PAGE or len(page) == most:
                break
        else:
            yield page
            return
        yield page


def _read(tally: Tally, operation: str, found: list[Document], *, consistent: bool) -> list[Document]:
    items = [item for each in found if (item := _item(each))]
    tally.requests[f"dynamodb.{operation}"] += max(1, -(-sum(map(size_of, items)) // PAGE))
    tally.read(items, consistent=consistent)
    return found


def _entry_of(due: Due) -> Item:
    pk, sk = due.key
    return {"pk": {"S": pk}, "sk": {"S": sk}, "due": {"S": "due"}, "due_at": {"N": str(due.due_at)}}


def _item(document: Document | None) -> Item | None:
    if document is None:
        return None
    key, rev, data, due_at, kind, sort, expires_at = (
        document.key,
        document.rev,
        document.data,
        document.due_at,
        document.kind,
        document.sort,
        document.expires_at,
    )
    return item_of(Put(key, data, rev - 1, due_at, kind, sort, expires_at), WRITE_ID)


@dataclass(frozen=True)
class Counts:
    """What a change, from its webhook until its contract is at rest, asks of Autotask and DynamoDB."""

    autotask: float
    reads: float
    writes: float
    read_units: float
    write_units: float
    """With those of the indexes."""


def counted(world: World, change: Callable[[World], None], changes: int = 1) -> Counts:
    """What a change takes in a world, or the share of each of several."""
    world.control.clear_requests()
    world.transport.may_write = lambda: True  # its own look at the table is not the product's
    tally = metered(world.table)
    change(world)
    calls = len(world.control.requests())
    found = (calls, tally.reads, tally.writes, tally.read_units, tally.all_write_units)
    return Counts(*(each / changes for each in found))


def one_change() -> World:
    """One client, level, whose line is known."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25})
    world.work()
    world.pass_time(minutes=20)
    return world


def a_seat_more(world: World) -> None:
    """One change of that client."""
    world.tell(2, {ADV: 28})
    world.work()
    assert world.posted()[-1][:2] == (45, 3)


def a_burst(world: World) -> None:
    """A hundred changes of that client within the quiet period."""
    for n in range(100):
        world.tell(2 + n, {ADV: 26 + n})
    work_in_batches(world)
    assert [posted[:2] for posted in world.posted()] == [(45, 100)]


def of_a_hundred(world: World) -> None:
    """A change of each of a hundred customers, within the quiet period."""
    for n in range(1, 101):
        world.tell(2, _more(), customer=f"cus_{n}", subscription=f"sub_{n}")
    work_in_batches(world)
    assert [posted[:2] for posted in world.posted()] == [(45, 3)] * 100


def work_in_batches(world: World) -> None:
    """Deliver every wake-up as Lambda does: ten at a time, and a customer is handled once a batch."""
    work = apply_handler(world.ports)
    while received := world.queue.receive(BATCH):
        records = [message.record() for message in received]
        assert work({"Records": records}, Warm()) == {"batchItemFailures": []}
        for message in received:
            world.queue.delete(message.receipt)


class Warm:
    """A sandbox with all of its time."""

    def get_remaining_time_in_millis(self) -> int:
        """As the template says."""
        return 60_000


def _more() -> dict[str, int]:
    return {ADV: 8, ESS: 6, GATEWAY: 7}


def many_customers(number: int) -> World:
    """So many customers, mapped and level."""
    return settled(number)


def of_one_customer(world: World) -> None:
    """A seat more for one of them."""
    world.tell(2, _more(), customer="cus_1", subscription="sub_1")
    world.work()
    assert world.posted()[-1][:2] == (45, 3)


def many_events(number: int) -> World:
    """So many events of the customer are stored, which say nothing new."""
    world = one_change()
    for n in range(number):
        world.tell(1, {ADV: 25}, event_id=f"repeated_{n}")
    rest_of(world)
    return world


def many_versions(number: int) -> World:
    """So many versions of the subscription came, spread over the days of the term so far; the last one is of today.

    It comes after the others: with it those are forgotten that are, once and for all.
    """
    world = empty()
    world.map_customer()
    world.work()
    first = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for n in range(number):
        if n == number - 1:
            rest_of(world)
        world.tell(n + 1, {ADV: 10 + n % 7}, effective=first + timedelta(days=n * 72 // number))
    rest_of(world)
    return world


def next_version(number: int) -> Callable[[World], None]:
    """The version after so many: three seats more."""

    def change(world: World) -> None:
        world.tell(number + 1, {ADV: 20})
        world.work()
        assert world.posted()

    return change


def many_subscriptions(number: int) -> World:
    """So many subscriptions of one customer on one contract."""
    world = empty()
    world.map_customer()
    world.work()
    for n in range(number):
        world.tell(1, {ADV: 2}, subscription=f"sub_{n}")
    rest_of(world)
    world.pass_time(days=1)
    return world


def of_one_subscription(world: World) -> None:
    """Three seats more in one of them."""
    world.tell(2, {ADV: 5}, subscription="sub_0")
    world.work()
    assert world.posted()[-1][1] == 3


def rest_of(world: World) -> None:
    """Until nothing is due any more."""
    rest(world)
    world.pass_time(minutes=20)


@dataclass(frozen=True)
class Growth:
    """What one change costs at two sizes."""

    what: str
    few: int
    many: int
    at_few: Counts
    at_many: Counts

    @property
    def per_thousand(self) -> dict[str, float]:
        """By how much each count grows with a thousand more."""
        return {
            name: (getattr(self.at_many, name) - getattr(self.at_few, name)) * 1000 / (self.many - self.few)
            for name in Counts.__dataclass_fields__
        }


def _always(change: Callable[[World], None]) -> Callable[[int], Callable[[World], None]]:
    return lambda _number: change


GROWTHS: Mapping[
    str, tuple[int, int, int, Callable[[int], World], Callable[[int], Callable[[World], None]]]
] = {
    "customers": (10, 1000, 30, many_customers, _always(of_one_customer)),
    "stored events of the customer": (10, 10_000, 100, many_events, _always(a_seat_more)),
    "versions of the subscription": (1, 1000, 60, many_versions, next_version),
    "subscriptions on the contract": (1, 200, 30, many_subscriptions, _always(of_one_subscription)),
}
"""What there is much of: few, many, how many in the short form, the world, and the change that is counted."""


def growths(*, short: bool = False, names: Iterable[str] = GROWTHS) -> Iterator[Growth]:
    """Each of them."""
    for name in names:
        few, many, fewer, world, change = GROWTHS[name]
        most = fewer if short else many
        at_few, at_many = (counted(world(n), change(n)) for n in (few, most))
        yield Growth(name, few, most, at_few, at_many)
