"""What every table does, the one in memory and the one on DynamoDB."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, TypeVar

import pytest

from tests.contract.conftest import create_table
from tests.fakes.memory_table import MemoryTable
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import LOST, Check, Damaged, Delete, Document, Due, Key, Put, Table, Write

T = TypeVar("T")
A, B, C = Key("CONTRACT#1", "CONTRACT"), Key("CONTRACT#1", "LINE#7"), Key("CUSTOMER#x", "MAPPING")


@pytest.fixture(params=["memory", pytest.param("emulator", marks=pytest.mark.emulator)])
def table(request: pytest.FixtureRequest) -> Table:
    """An empty table, of either sort."""
    if request.param == "memory":
        return MemoryTable()
    client = request.getfixturevalue("emulator").client("dynamodb")
    name = f"table-{uuid.uuid4()}"
    create_table(client, name)
    return DynamoTable(client, name)


def put(table: Table, key: Key, expected: int = 0, /, **data: Any) -> None:
    """Write one document with nothing but data."""
    table.write([Put(key, data, expected)])


def all_of(table: Table, *keys: Key) -> list[Document | None]:
    """What is at each key."""
    return [table.get(key) for key in keys]


def test_a_document_that_was_never_written_is_none(table: Table) -> None:
    """Reading what does not exist is no error."""
    assert table.get(A) is None
    assert table.range(A.pk, "", "\U0010ffff") == []
    assert table.due(2**40, 10) == []
    assert list(table.list("contract")) == []


def test_a_document_comes_back_as_it_was_written(table: Table) -> None:
    """Key, data and every index field survive, and the first revision is 1."""
    table.write(
        [Put(A, {"n": 1}, 0, due_at=1_773_000_000, kind="contract", sort="b", expires_at=1_800_000_000)]
    )
    assert table.get(A) == Document(A, 1, {"n": 1}, 1_773_000_000, "contract", "b", 1_800_000_000)


@pytest.mark.parametrize("found", [7, "{}", [1], None, True])
def test_what_is_no_map_comes_back_as_it_was(table: Table, found: object) -> None:
    """A document that a hand has damaged can be written again without making it an empty one."""
    table.write([Put(A, Damaged(found), 0, kind="contract", sort="b")])
    assert table.get(A) == Document(A, 1, Damaged(found), kind="contract", sort="b")
    assert [one.data for one in table.list("contract")] == [Damaged(found)]


def test_what_has_no_revision_is_written_over_by_who_read_it_so(table: Table) -> None:
    """It is found, and stays without one until a record is written; then it counts on, and a second writer came too late."""
    lost = Damaged({"n": 1}, unrevised=True)
    table.write([Put(A, lost, 0, kind="contract", sort="b")])
    assert table.get(A) == Document(A, LOST, lost, kind="contract", sort="b")
    table.write([Put(A, lost, LOST, due_at=5)])
    assert table.get(A) == Document(A, LOST, lost, due_at=5)
    for expected in (0, 1):
        with pytest.raises(Conflict):
            put(table, A, expected, n=2)
    table.write([Check(A, LOST), Put(B, {}, 0)])
    put(table, A, LOST, n=2)
    assert table.get(A) == Document(A, LOST + 1, {"n": 2})
    with pytest.raises(Conflict):
        put(table, A, LOST, n=3)
    put(table, A, LOST + 1, n=3)
    table.write([Put(B, lost, 1)])
    table.write([Delete(B, LOST)])
    assert table.get(B) is None
    with pytest.raises(Conflict):
        table.write([Delete(B, LOST)])


def test_each_write_replaces_the_whole_document(table: Table) -> None:
    """Nothing of the replaced document stays, its index fields neither."""
    table.write([Put(A, {"a": 1, "b": 2}, 0, due_at=5, kind="contract", sort="x", expires_at=9)])
    table.write([Put(A, {"c": 3}, 1)])
    assert table.get(A) == Document(A, 2, {"c": 3})
    assert table.due(10, 10) == []
    assert list(table.list("contract")) == []


def test_a_sort_without_a_kind_is_not_kept(table: Table) -> None:
    """A sort orders within a kind; alone it means nothing."""
    table.write([Put(A, {}, 0, sort="x")])
    assert table.get(A) == Document(A, 1, {})


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "\x00",
        "Zürich – 東京 🙂 \U0010ffff",
        'a\nb\t"quoted" \\ \' </x>',
        0,
        1,
        -1,
        2**53,
        -(2**53),
        2**63 + 1,
        10**38 - 1,
        1 - 10**38,
        True,
        False,
        None,
        [],
        {},
        [[], {}, [""], {"a": {}}],
        ["b", "a", "b"],
        {"deep": {"deep": {"deep": [1, "1", True, None, {"": ""}.get("x")]}}},
        {"S": "x", "N": "1", "M": {}, "L": [], "NULL": True, "BOOL": False},
        {"a.b": 1, "#a": 2, ":a": 3, " ": 4, "ü": 5, "pk": 6, "data": 7},
    ],
)
def test_data_is_exact(table: Table, value: object) -> None:
    """Every JSON-like value comes back equal and of the same type: 1 is not True, "" is not None."""
    put(table, A, value=value)
    document = table.get(A)
    assert document
    assert repr(document.data) == repr({"value": value})


class Colour(StrEnum):
    RED = "red"


def test_what_counts_as_a_string_a_list_or_a_map_is_stored_as_one(table: Table) -> None:
    """Enumerations and tuples come back as the plain values that JSON would make of them."""
    put(table, A, colour=Colour.RED, pair=(1, (2, 3)))
    document = table.get(A)
    assert document
    assert repr(document.data) == repr({"colour": "red", "pair": [1, [2, 3]]})


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), b"x", {1}, object(), {1: "x"}, {"": "x"}, [0.5], {"a": 2j}]
)
def test_what_is_not_json_like_is_refused(table: Table, value: object) -> None:
    """Floating point above all: units are whole numbers."""
    with pytest.raises(TypeError):
        put(table, A, value=value)
    assert table.get(A) is None


@pytest.mark.parametrize(
    "change",
    [
        Put(Key("", "x"), {}, 0),
        Put(Key("x", ""), {}, 0),
        Put(A, {}, 0, kind=""),
        Put(A, {"x": "x" * 410 * 1024}, 0),
        Put(A, {"x": 10**38}, 0),
    ],
    ids=["pk", "sk", "kind", "400 KB", "39 digits"],
)
@pytest.mark.parametrize("others", [[], [Put(B, {}, 0)]], ids=["alone", "among others"])
def test_what_dynamodb_cannot_hold_is_an_error_of_the_caller(
    table: Table, change: Put, others: list[Write]
) -> None:
    """Empty keys and giants can never succeed, so they are neither a conflict nor an outage."""
    with pytest.raises(ValueError, match=r"."):
        table.write([*others, change])
    assert table.get(B) is None


def test_what_was_read_or_written_is_nobody_elses(table: Table) -> None:
    """Neither the writer's nor the reader's copy leads back into the table."""
    data = {"list": [1], "map": {"a": 1}}
    table.write([Put(A, data, 0)])
    data["list"].append(2)  # type: ignore[attr-defined]
    first = table.get(A)
    assert first
    first.data["map"]["a"] = 9
    second = table.get(A)
    assert second
    assert second.data == {"list": [1], "map": {"a": 1}}


class TestConditions:
    def test_creating_what_exists_conflicts(self, table: Table) -> None:
        """Expected 0 means: not there yet."""
        put(table, A, n=1)
        with pytest.raises(Conflict) as conflict:
            put(table, A, 0, n=2)
        assert conflict.value.keys == (A,)
        assert table.get(A) == Document(A, 1, {"n": 1})

    @pytest.mark.parametrize("expected", [1, 3])
    def test_replacing_another_revision_conflicts(self, table: Table, expected: int) -> None:
        """Only the revision that was read may be replaced."""
        put(table, A, n=1)
        put(table, A, 1, n=2)
        with pytest.raises(Conflict) as conflict:
            put(table, A, expected, n=9)
        assert conflict.value.keys == (A,)
        assert table.get(A) == Document(A, 2, {"n": 2})

    def test_replacing_what_is_gone_conflicts(self, table: Table) -> None:
        """A write never brings a deleted document back by accident."""
        with pytest.raises(Conflict) as conflict:
            put(table, A, 1)
        assert conflict.value.keys == (A,)
        assert table.get(A) is None

    def test_a_document_is_deleted_at_its_revision(self, table: Table) -> None:
        """Deleting takes it out of every read and every index."""
        table.write([Put(A, {}, 0, due_at=1, kind="contract", sort="a")])
        table.write([Delete(A, 1)])
        assert table.get(A) is None
        assert table.range(A.pk, "A", "Z") == list(table.list("contract")) == []
        assert table.due(9, 9) == []

    @pytest.mark.parametrize("expected", [0, 2])
    def test_deleting_another_revision_conflicts(self, table: Table, expected: int) -> None:
        """What somebody wrote in between is not deleted."""
        put(table, A, n=1)
        with pytest.raises(Conflict) as conflict:
            table.write([Delete(A, expected)])
        assert conflict.value.keys == (A,)
        assert table.get(A) == Document(A, 1, {"n": 1})

    def test_deleting_what_is_gone_conflicts(self, table: Table) -> None:
        """Two workers cannot both delete one document."""
        put(table, A)
        table.write([Delete(A, 1)])
        with pytest.raises(Conflict):
            table.write([Delete(A, 1)])

    def test_deleting_what_must_not_exist_is_a_check(self, table: Table) -> None:
        """Expected 0 holds for a document that is not there."""
        table.write([Delete(A, 0)])
        assert table.get(A) is None

    def test_a_document_that_is_created_again_starts_over(self, table: Table) -> None:
        """Revisions count from the creation."""
        put(table, A)
        table.write([Delete(A, 1)])
        put(table, A)
        assert table.get(A) == Document(A, 1, {})

    def test_a_check_alone_changes_nothing(self, table: Table) -> None:
        """It holds or it conflicts."""
        put(table, A, n=1)
        table.write([Check(A, 1)])
        table.write([Check(B, 0)])
        for check in (Check(A, 0), Check(A, 2), Check(B, 1)):
            with pytest.raises(Conflict) as conflict:
                table.write([check])
            assert conflict.value.keys == (check.key,)
        assert all_of(table, A, B) == [Document(A, 1, {"n": 1}), None]


class TestSeveral:
    def test_all_changes_happen(self, table: Table) -> None:
        """One write may create, replace, delete and check, in several partitions."""
        put(table, A, n=1)
        put(table, B, n=1)
        fourth = Key("PARTNER", "POLICY")
        put(table, fourth)
        table.write([Put(A, {"n": 2}, 1), Delete(B, 1), Put(C, {"n": 3}, 0), Check(fourth, 1)])
        assert all_of(table, A, B, C) == [Document(A, 2, {"n": 2}), None, Document(C, 1, {"n": 3})]

    def test_a_conflict_names_every_document_that_moved_and_changes_none(self, table: Table) -> None:
        """All or nothing: the changes that would have held do not happen either."""
        put(table, A, n=1)
        put(table, B, n=1)
        fourth = Key("PARTNER", "POLICY")
        with pytest.raises(Conflict) as conflict:
            table.write([Put(A, {"n": 2}, 1), Delete(B, 7), Put(C, {}, 0), Check(fourth, 1)])
        assert set(conflict.value.keys) == {B, fourth}
        assert all_of(table, A, B, C) == [Document(A, 1, {"n": 1}), Document(B, 1, {"n": 1}), None]

    def test_no_changes_are_nothing_to_do(self, table: Table) -> None:
        """A plan that found nothing to change may be written."""
        table.write([])

    def test_a_hundred_changes_happen_and_more_are_refused(self, table: Table) -> None:
        """DynamoDB takes 100 in one transaction; the caller has to know."""
        table.write([Put(Key("P", f"{n:03}"), {}, 0) for n in range(100)])
        assert len(table.range("P", "0", "9")) == 100
        with pytest.raises(ValueError, match="100"):
            table.write([Check(Key("Q", f"{n:03}"), 0) for n in range(101)])

    def test_two_changes_of_one_document_are_refused(self, table: Table) -> None:
        """Which of them should win?"""
        with pytest.raises(ValueError, match="two changes"):
            table.write([Put(A, {}, 0), Check(A, 0)])
        assert table.get(A) is None


class TestRaces:
    def test_no_increment_is_lost(self, table: Table) -> None:
        """Eight threads that read, add one and write conditionally count exactly."""
        put(table, A, n=0)
        assert in_threads(8, 40, lambda: increment(table)) == [None] * 40
        assert table.get(A) == Document(A, 41, {"n": 40})

    def test_transactions_over_two_documents_stay_together(self, table: Table) -> None:
        """Tens of racing transactions leave both documents at the number of those that succeeded."""
        put(table, A, n=0)
        put(table, C, n=0)

        def attempt() -> bool:
            first, second = table.get(A), table.get(C)
            assert first
            assert second
            moved = [Put(each.key, {"n": each.data["n"] + 1}, each.rev) for each in (first, second)]
            try:
                table.write(moved)
            except Conflict:
                return False
            return True

        wins = sum(in_threads(8, 60, attempt))
        assert wins > 0
        expected = [Document(A, wins + 1, {"n": wins}), Document(C, wins + 1, {"n": wins})]
        assert all_of(table, A, C) == expected

    def test_exactly_one_creates(self, table: Table) -> None:
        """A lease or an event is taken once, however many try at the same time."""

        def attempt() -> bool:
            try:
                put(table, A)
            except Conflict:
                return False
            return True

        assert sum(in_threads(8, 16, attempt)) == 1

    def test_exactly_one_deletes(self, table: Table) -> None:
        """What is consumed is consumed once."""
        put(table, A)

        def attempt() -> bool:
            try:
                table.write([Delete(A, 1)])
            except Conflict:
                return False
            return True

        assert sum(in_threads(8, 16, attempt)) == 1


class TestGetMany:
    def test_it_gives_those_that_there_are_in_the_order_of_the_keys(self, table: Table) -> None:
        """Each once, also of more keys than one request takes."""
        keys = [Key(f"CONTRACT#{n}", "CONTRACT") for n in range(250)]
        for n in range(0, 250, 2):
            put(table, keys[n], n=n)
        asked = [keys[8], *reversed(keys), keys[8]]
        found = table.get_many(asked)
        assert [document.data["n"] for document in found] == [8, *(n for n in range(248, -1, -2) if n != 8)]
        assert found[0] == table.get(keys[8])

    def test_no_keys_give_nothing(self, table: Table) -> None:
        """Without a request."""
        assert table.get_many([]) == []

    def test_it_gives_what_is_more_than_an_answer_holds(self, table: Table) -> None:
        """DynamoDB answers 16 MB at a time, and says which keys are left."""
        keys = [Key("P", f"{n:02}") for n in range(50)]
        for key in keys:
            put(table, key, text="x" * 390_000)
        assert [document.key for document in table.get_many(keys)] == keys

    def test_it_sees_every_finished_write(self, table: Table) -> None:
        """Reads are strongly consistent."""
        for n in range(20):
            put(table, A, n, n=n)
            assert [document.rev for document in table.get_many([B, A])] == [n + 1]


class TestRange:
    def test_it_is_ordered_and_bounds_are_inclusive(self, table: Table) -> None:
        """By the code points of the sort key, both ends belonging to it."""
        names = [
            "LINE#2",
            "CONTRACT",
            "LINE#10",
            "LINE#1",
            "CHANGE#9",
            "a",
            "é",
            "\uffff",
            "\U0001f642",
            "LINE#",
        ]
        for name in names:
            put(table, Key("P", name))
        put(table, Key("Q", "LINE#1"))
        assert sort_keys(table, "", "\U0010ffff") == sorted(names)
        assert sort_keys(table, "CONTRACT", "LINE#10") == ["CONTRACT", "LINE#", "LINE#1", "LINE#10"]
        assert sort_keys(table, "LINE#", "LINE#\U0010ffff") == ["LINE#", "LINE#1", "LINE#10", "LINE#2"]
        assert sort_keys(table, "LINE#1", "LINE#1") == ["LINE#1"]
        assert sort_keys(table, "X", "Y") == []

    @pytest.mark.parametrize(("first", "last"), [("b", "a"), ("a", ""), ("", "")])
    def test_bounds_that_nothing_satisfies_give_nothing(self, table: Table, first: str, last: str) -> None:
        """An empty range is no error."""
        put(table, Key("P", "a"))
        assert sort_keys(table, first, last) == []

    def test_it_gives_all_pages(self, table: Table) -> None:
        """DynamoDB answers 1 MB at a time; a range has no such limit."""
        for n in range(12):
            put(table, Key("P", f"{n:02}"), n=n, text="x" * 200_000)
        documents = table.range("P", "0", "9")
        assert [document.data["n"] for document in documents] == list(range(12))

    def test_a_limit_gives_the_first_of_them(self, table: Table) -> None:
        """However many there are, and also across pages."""
        for n in range(8):
            table.write([Put(Key("P", f"{n}"), {"text": "x" * 200_000}, 0)])
        assert [document.key.sk for document in table.range("P", "0", "9", 7)] == [f"{n}" for n in range(7)]
        assert [document.key.sk for document in table.range("P", "2", "3", 9)] == ["2", "3"]

    def test_it_sees_every_finished_write(self, table: Table) -> None:
        """Reads are strongly consistent."""
        for n in range(20):
            put(table, Key("P", "a"), n, n=n)
            assert [document.rev for document in table.range("P", "a", "a")] == [n + 1]


class TestDue:
    def test_it_is_earliest_first_within_until_and_limit(self, table: Table) -> None:
        """The sweep takes the oldest work, and what is due at this very second too."""
        for n in [40, 10, 30, 20, 1_773_000_000]:
            table.write([Put(Key(f"CONTRACT#{n}", "CONTRACT"), {"n": n}, 0, due_at=n)])
        put(table, A)
        assert [document.due_at for document in table.due(30, 10)] == [10, 20, 30]
        assert [document.due_at for document in table.due(2**31, 10)] == [10, 20, 30, 40, 1_773_000_000]
        assert [document.due_at for document in table.due(2**31, 2)] == [10, 20]
        assert table.due(9, 10) == []
        assert table.due(2**31, 0) == []

    def test_it_gives_keys_and_times(self, table: Table) -> None:
        """The index projects everything."""
        table.write([Put(A, {"n": [1]}, 0, due_at=5, kind="contract", sort="s", expires_at=7)])
        assert table.due(5, 1) == [Due(A, 5)]
        assert table.get_many([A]) == [Document(A, 1, {"n": [1]}, 5, "contract", "s", 7)]

    def test_a_document_moves_with_its_due_at_and_leaves_without_it(self, table: Table) -> None:
        """What is done is due no more."""
        table.write([Put(A, {}, 0, due_at=5)])
        table.write([Put(B, {}, 0, due_at=6)])
        table.write([Put(A, {}, 1, due_at=7)])
        assert [document.key for document in table.due(9, 9)] == [B, A]
        table.write([Put(A, {}, 2)])
        assert [document.key for document in table.due(9, 9)] == [B]

    def test_a_limit_above_a_page_is_filled(self, table: Table) -> None:
        """A page of DynamoDB ends at 1 MB, the limit does not."""
        for n in range(8):
            table.write([Put(Key(f"P{n}", "x"), {"text": "x" * 200_000}, 0, due_at=n)])
        assert [document.due_at for document in table.due(100, 7)] == list(range(7))


class TestList:
    def test_it_gives_a_kind_by_sort_within_bounds(self, table: Table) -> None:
        """Both ends belong to it; other kinds and documents without a kind do not."""
        for n, sort in enumerate(["b", "d", "a", "", "c"]):
            table.write([Put(Key(f"CUSTOMER#{n}", "MAPPING"), {}, 0, kind="mapping", sort=sort)])
        table.write([Put(A, {}, 0, kind="contract", sort="b")])
        put(table, B)
        assert [document.sort for document in table.list("mapping")] == ["", "a", "b", "c", "d"]
        assert [document.sort for document in table.list("mapping", "b", "c")] == ["b", "c"]
        assert [document.sort for document in table.list("mapping", "", "a")] == ["", "a"]
        assert [document.sort for document in table.list("mapping", "", "")] == [""]
        assert list(table.list("mapping", "c", "b")) == list(table.list("mappings")) == []

    def test_it_can_begin_at_the_end(self, table: Table) -> None:
        """Who needs the newest does not read all of them."""
        for n in range(45):
            table.write([Put(Key(f"P{n}", "x"), {}, 0, kind="event", sort=f"{n:02}")])
        newest = table.list("event", backwards=True)
        assert [next(newest).sort for _ in range(3)] == ["44", "43", "42"]
        assert [document.sort for document in newest] == [f"{n:02}" for n in range(41, -1, -1)]
        assert [d.sort for d in table.list("event", "05", "07", backwards=True)] == ["07", "06", "05"]

    def test_equal_sorts_are_all_listed(self, table: Table) -> None:
        """An index is not unique."""
        for n in range(3):
            table.write([Put(Key(f"CUSTOMER#{n}", "MAPPING"), {"n": n}, 0, kind="mapping")])
        assert sorted(document.data["n"] for document in table.list("mapping")) == [0, 1, 2]

    def test_it_gives_all_pages(self, table: Table) -> None:
        """A listing goes on after 1 MB."""
        for n in range(8):
            change = Put(Key(f"P{n}", "x"), {"text": "x" * 200_000}, 0, kind="big", sort=f"{n}")
            table.write([change])
        assert [document.sort for document in table.list("big")] == [f"{n}" for n in range(8)]

    def test_a_document_moves_with_its_kind(self, table: Table) -> None:
        """It is listed where it last said."""
        table.write([Put(A, {}, 0, kind="open", sort="1")])
        table.write([Put(A, {}, 1, kind="closed", sort="2")])
        assert list(table.list("open")) == []
        assert [document.key for document in table.list("closed")] == [A]


def increment(table: Table) -> None:
    """Add one to A, however often somebody else is first."""
    while True:
        document = table.get(A)
        assert document
        try:
            table.write([Put(A, {"n": document.data["n"] + 1}, document.rev)])
        except Conflict:
            continue
        return


def in_threads(threads: int, times: int, work: Callable[[], T]) -> list[T]:
    """What ``work`` returns, called ``times`` times by so many threads that begin together."""
    start = threading.Barrier(threads)
    with ThreadPoolExecutor(threads, initializer=start.wait) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(times)]]


def sort_keys(table: Table, first: str, last: str) -> list[str]:
    """The sort keys of a range of partition P."""
    return [document.key.sk for document in table.range("P", first, last)]
