"""What DynamoDB takes in one item and one transaction: never exceeded, and used well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.memory_table import MemoryTable, _row_of, item_size
from timus_autotask.domain.history import Subscription, Version
from timus_autotask.ports.table import MOST_WRITES, Check, Delete, Document, Key, Put, Write
from timus_autotask.store.customers import put_subscription
from timus_autotask.store.records import Store
from timus_autotask.store.sizes import fits, in_batches, in_parts, size_of, size_of_write

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**37), 10**37) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts.filter(bool), inner, max_size=5),
    max_leaves=20,
)
datas = st.dictionaries(texts.filter(bool), values, max_size=6)
puts = st.builds(
    Put,
    key=st.builds(Key, texts.filter(bool), texts.filter(bool)),
    data=datas,
    expected=st.integers(0, 10**6),
    due_at=st.none() | st.integers(0, 2**40),
    kind=st.none() | st.sampled_from(["line", "event"]),
    sort=texts,
    expires_at=st.none() | st.integers(0, 2**40),
)


@given(put=puts)
def test_a_size_is_never_taken_for_less_than_it_is(put: Put) -> None:
    """What we count before a write is what DynamoDB counts, or a few bytes more."""
    exact, counted = item_size(put), size_of_write(put)
    assert exact <= counted <= exact * 1.5 + 20


@given(put=puts)
def test_the_fake_table_measures_every_item_that_may_be_too_large(put: Put) -> None:
    """It counts exactly only where a quick bound is above the limit, and the bound is never too low."""
    assert item_size(put) <= _row_of(put).most_bytes


def test_the_sizes_that_aws_publishes() -> None:
    """The examples of the documentation: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html."""
    empty = item_size(Put(Key("p", "s"), {}, 0))
    assert (
        item_size(Put(Key("p", "s"), {"a": "ü"}, 0)) == empty + 1 + 1 + 2
    )  # UTF-8 bytes, one for each element
    assert item_size(Put(Key("p", "s"), {"ab": None}, 0)) == empty + 1 + 2 + 1
    assert item_size(Put(Key("p", "s"), {"a": []}, 0)) == empty + 1 + 1 + 3
    assert item_size(Put(Key("p", "s"), {"a": [True, False]}, 0)) == empty + 1 + 1 + 3 + 2 * (1 + 1)
    assert item_size(Put(Key("p", "s"), {"a": 12345}, 0)) == empty + 1 + 1 + 3 + 1
    assert item_size(Put(Key("p", "s"), {"a": -12345}, 0)) == empty + 1 + 1 + 3 + 1 + 1


@given(
    sizes=st.lists(st.lists(st.integers(0, 300_000), min_size=1, max_size=4), max_size=60),
    own=st.integers(0, 300_000),
)
def test_many_writes_are_as_few_transactions_as_fit(sizes: list[list[int]], own: int) -> None:
    """Each group is whole, ``last`` comes last, the guard is in every other transaction, and none is more than the table takes."""
    guard = Check(Key("CONTRACT#1", "CONTRACT"), 7)
    last: list[Write] = [guard, Put(Key("own", "x"), {"x": "x" * own}, 0)]
    groups = [
        [Put(Key(f"{number}", f"{at}"), {"x": "x" * size}, 0) for at, size in enumerate(group)]
        for number, group in enumerate(sizes)
    ]
    parts = in_parts(groups, last, guard)
    assert all(fits(part) for part in parts)
    assert all(guard in part and len({write.key for write in part}) == len(part) for part in parts)
    assert [*parts[-1][: len(last)]] == last
    where = {write.key: number for number, part in enumerate(parts) for write in part}
    assert all(len({where[write.key] for write in group}) == 1 for group in groups)
    assert sum(len(part) - 1 for part in parts) == sum(map(len, groups)) + 1
    assert len(parts) == 1 or not fits(
        [write for part in parts for write in part if write != guard] + [guard]
    )


@given(sizes=st.lists(st.integers(0, 300_000), max_size=220))
def test_puts_that_belong_to_nothing_are_as_few_transactions_as_fit(sizes: list[int]) -> None:
    """All of them, in their order, and each transaction with as many as the table takes."""
    puts = [Put(Key(f"{number}", "x"), {"x": "x" * size}, 0) for number, size in enumerate(sizes)]
    batches = [*in_batches(puts)]
    assert [put for batch in batches for put in batch] == puts
    assert all(map(fits, batches))
    assert all(not fits([*one, after[0]]) for one, after in pairwise(batches))


def test_a_hundred_small_writes_are_one_transaction() -> None:
    """Nothing is split that need not be."""
    guard = Check(Key("g", "g"), 1)
    groups: list[list[Write]] = [[Delete(Key(f"{n}", "x"), 1)] for n in range(MOST_WRITES)]
    assert len(in_parts(groups[:-1], [guard], guard)) == 1
    assert len(in_parts(groups, [guard], guard)) == 2


# -- Histories


def version(number: int, size: int = 0) -> Version:
    """A version of about that many bytes."""
    items = tuple((f"SKU-{at:05}", number) for at in range(size // 14))
    return Version(number, date(2026, 3, 1), items, "active", None, None, f"evt_{number}", "x", None)


def stored(store: Store, subscription: Subscription, known: Any = None) -> Any:
    """As it is read again after a write; what was told of its revisions holds for a further write."""
    writes, after = put_subscription(subscription, known)
    store.commit(*writes)
    found = store.customer("cus").subscriptions["sub"]
    assert found.value == subscription
    assert (found.rev, found.parts) == (after.rev, after.parts)
    assert [*store.subscriptions()] == [subscription]
    return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document holds a few hundred bytes of versions, and few parts are many."""
    monkeypatch.setattr("timus_autotask.store.history.LARGEST", 800)
    monkeypatch.setattr("timus_autotask.store.history.HEAD", 800)
    monkeypatch.setattr("timus_autotask.store.history.PART", 600)
    monkeypatch.setattr("timus_autotask.store.history.MOST_PARTS", 5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from([0, 100, 1_000]), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
@pytest.mark.usefixtures("small")
def test_a_history_comes_back_however_it_grew(steps: list[tuple[int, int, bool]]) -> None:
    """Versions come in any order, some are forgotten; what does not fit into one document is in several."""
    store = Store(MemoryTable())
    known: Any = None
    versions: dict[int, Version] = {}
    for number, size, forget in steps:
        versions[number] = version(number, size)
        if forget and len(versions) > 1:
            del versions[min(versions)]
        whole = tuple(versions[each] for each in sorted(versions))
        known = stored(store, Subscription("sub", "cus", whole), known)
    sizes = [size_of(d.data) for d in store.table.range("CUSTOMER#cus", "", "~")]
    assert max(sizes) <= 800 + 1_800 + 200


@pytest.mark.usefixtures("small")
def test_a_history_that_grows_writes_its_newest_part_only() -> None:
    """A further version costs the same, however many came before."""
    store = Store(MemoryTable())
    known: Any = None
    written: list[int] = []
    whole: tuple[Version, ...] = ()
    for number in range(1, 60):
        whole = (*whole, version(number, 100))
        writes, after = put_subscription(Subscription("sub", "cus", whole), known)
        written.append(sum(map(size_of_write, writes)))
        store.commit(*writes)
        known = after
    assert len(known.parts) >= 5
    assert max(written) < 2_500
    assert store.customer("cus").subscriptions["sub"].value.versions == whole


def usual(number: int) -> Version:
    """A version with a plan and a gateway, and ids as long as those of most senders."""
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(hours=number)
    items = (("SASE-ADV-USER", number % 50), ("SASE-GATEWAY", 2))
    return Version(
        number,
        moment.date(),
        items,
        "active",
        None,
        date(2026, 12, 31),
        f"evt_2KWPBgLlAfxdpJ2AI54pPJ{number:05}",
        "subscription.updated",
        "jane.doe@contoso.com",
        moment,
        moment,
    )


def units_of_changes(versions: int, changes: int) -> list[int]:
    """Write units of so many changes of a history, each: what the table counts, twice in a transaction, and the index."""
    store = Store(MemoryTable())
    known: Any = None
    sizes: dict[Key, int] = {}
    units: list[int] = []
    history = Subscription("sub", "cus_41d0", tuple(map(usual, range(1, versions + 1))))
    for newest in range(versions + 1, versions + changes + 2):
        writes, known = put_subscription(history, known)
        store.commit(*writes)
        after = {write.key: item_size(write) if isinstance(write, Put) else 0 for write in writes}
        units.append(sum(3 * ceil(max(sizes.get(key, 0), size, 1) / 1024) for key, size in after.items()))
        assert len(writes) <= 45
        sizes |= after
        history = replace(history, versions=(*history.versions, usual(newest)))
    assert store.customer("cus_41d0").subscriptions["sub"].value == known.value
    return units[1:]


@pytest.mark.parametrize("versions", [2, 200, 10_000])
def test_a_change_costs_the_same_however_many_versions_wait(versions: int) -> None:
    """In most cases one unit of the table, twice, and one of the index; small parts are put together now and then."""
    units = units_of_changes(versions, 100)
    assert sorted(units)[50] <= 6
    assert sum(units) / len(units) <= 9


def test_a_listing_reads_the_parts_of_all_histories_at_once() -> None:
    """Of many customers, from any of them on."""
    table = Asked()
    store = Store(table)
    all_ = [
        Subscription(f"sub_{n}", f"cus_{n % 7}", tuple(usual(each) for each in range(1, 2 + n % 5 * 9)))
        for n in range(40)
    ]
    for one in all_:
        store.commit(*put_subscription(one, None)[0])
    assert {one.id: one for one in store.subscriptions()} == {one.id: one for one in all_}
    later = {one.id for one in all_ if one.customer_id >= "cus_3"}
    assert {one.id for one in store.subscriptions("cus_3")} == later
    assert table.asked == {"subscription": 2, "subscription-part": 2}


def test_a_listing_whose_parts_are_late_reads_the_history_itself() -> None:
    """An index follows a moment later, for each document by itself: no history is shown without its older versions."""
    table = Asked()
    store = Store(table)
    whole = tuple(map(usual, range(1, 30)))
    store.commit(*put_subscription(Subscription("sub", "cus", whole), None)[0])
    table.late = True
    assert [one.versions for one in store.subscriptions()] == [whole]


class Asked(MemoryTable):
    """A table that counts what is listed and read, and whose index of parts may be late."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.late = False

    def range(self, *arguments: Any) -> list[Document]:
        self.asked["range"] += 1
        return super().range(*arguments)

    def list(self, kind: str, *arguments: Any, **more: Any) -> Iterator[Document]:
        self.asked[kind] += 1
        return iter(()) if self.late and kind.endswith("-part") else super().list(kind, *arguments, **more)


def test_parts_that_a_restored_head_does_not_know_are_in_nobodys_way() -> None:
    """A restore brings the head back, and the parts that came since stay: what they say was reported."""
    table = MemoryTable()
    store = Store(table)
    early = Subscription("sub", "cus", (usual(1),))
    [put], known = put_subscription(early, None)
    store.commit(put)
    long = replace(early, versions=tuple(map(usual, range(1, 30))))
    store.commit(*put_subscription(long, known)[0])
    assert isinstance(put, Put)
    store.commit(replace(put, expected=2))
    found = store.customer("cus").subscriptions["sub"]
    assert found.value.versions == long.versions[:-1]
    again = replace(found.value, versions=tuple(map(usual, range(1, 60))))
    assert stored(store, again, found).value == again


def test_a_small_history_is_stored_as_ever() -> None:
    """One document, under the names that earlier versions of the product read."""
    [write], _ = put_subscription(Subscription("sub", "cus", (version(1),)), None)
    assert isinstance(write, Put)
    assert write.data["versions"][0]["number"] == 1
    assert write.kind == "subscription"


def test_an_earlier_version_does_not_take_a_part_for_the_whole() -> None:
    """It finds no versions in the head, and so refuses it, instead of billing what is left."""
    whole = tuple(version(number, 50_000) for number in range(1, 9))
    [head, *parts], _ = put_subscription(Subscription("sub", "cus", whole), None)
    assert parts
    assert isinstance(head, Put)
    assert "versions" not in head.data


@pytest.mark.usefixtures("small")
def test_parts_of_ids_that_begin_alike_are_kept_apart() -> None:
    """A subscription called like a part of another one."""
    store = Store(MemoryTable())
    whole = tuple(version(number, 100) for number in range(1, 30))
    names = ("a", "a#b", "a#0000000000000003", "a#~")
    for name in names:
        store.commit(*put_subscription(Subscription(name, "cus", whole), None)[0])
    assert {one.id: one.versions for one in store.subscriptions()} == dict.fromkeys(names, whole)
    found = store.customer("cus").subscriptions
    assert {key: one.value.versions for key, one in found.items()} == dict.fromkeys(names, whole)
