"""Any sequence of operations on a table, compared with a model that one sees to be right."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.contract.conftest import Emulator, create_table
from tests.fakes.memory_table import MemoryTable
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Check, Delete, Document, Key, Put, Table, Write

names = st.sampled_from(["A", "INBOX#1", "INBOX#2", "LINE#10", "LINE#9", "é", "\U0001f642"])
keys = st.builds(Key, st.sampled_from(["P", "Q"]), names)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), inner, max_size=3)
    ),
    max_leaves=6,
)
data = st.dictionaries(names, values, max_size=3)
maybe_time = st.none() | st.integers(0, 20)
kinds = st.none() | st.sampled_from(["mapping", "contract"])
sorts = st.sampled_from(["", "a", "b", "é"])


class TableMachine(RuleBasedStateMachine):
    """The table under test beside a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.table = self.make()
        self.model: dict[Key, Document] = {}

    def make(self) -> Table:
        """An empty table."""
        raise NotImplementedError

    @rule(draw=st.data(), touched=st.lists(keys, min_size=1, max_size=4, unique=True))
    def write(self, draw: st.DataObject, touched: list[Key]) -> None:
        """Mostly at the right revisions; all of it happens, or the conflict is exact and nothing does."""
        changes = [self._change(draw, key) for key in touched]
        moved = [change.key for change in changes if self._rev(change.key) != change.expected]
        if moved:
            with pytest.raises(Conflict) as conflict:
                self.table.write(changes)
            assert set(conflict.value.keys) == set(moved)
            return
        self.table.write(changes)
        for change in changes:
            self._apply(change)

    @rule(key=keys)
    def get(self, key: Key) -> None:
        """A document is as it was last written."""
        assert repr(self.table.get(key)) == repr(self.model.get(key))

    @rule(
        pk=st.sampled_from(["P", "Q"]),
        first=names | st.just(""),
        last=names | st.just("\U0010ffff"),
        limit=st.none() | st.integers(1, 3),
    )
    def key_range(self, pk: str, first: str, last: str, limit: int | None) -> None:
        """A range is what a filter over everything finds."""
        found = [d for d in self.model.values() if d.key.pk == pk and first <= d.key.sk <= last]
        assert (
            self.table.range(pk, first, last, limit)
            == sorted(found, key=lambda document: document.key)[:limit]
        )

    @rule(keys=st.lists(keys, max_size=8))
    def get_many(self, keys: list[Key]) -> None:
        """Each that there is, once, in the order in which it was asked for."""
        assert self.table.get_many(keys) == [
            self.model[key] for key in dict.fromkeys(keys) if key in self.model
        ]

    @rule(until=st.integers(0, 20), limit=st.integers(0, 6))
    def due(self, until: int, limit: int) -> None:
        """The earliest are given; which of equals comes first is nobody's promise."""
        found = [d for d in self.indexed() if d.due_at is not None and d.due_at <= until]
        given = self.table.due(until, limit)
        assert [d.due_at for d in given] == sorted(d.due_at or 0 for d in found)[:limit]
        assert {(d.key, d.due_at) for d in given} <= {(d.key, d.due_at) for d in found}
        assert len({document.key for document in given}) == len(given)

    @rule(kind=st.sampled_from(["mapping", "contract"]), first=sorts, last=sorts | st.just("\U0010ffff"))
    def listing(self, kind: str, first: str, last: str) -> None:
        """A listing is what a filter over everything finds, by sort."""
        found = [d for d in self.indexed() if d.kind == kind and first <= d.sort <= last]
        given = [*self.table.list(kind, first, last)]
        assert [document.sort for document in given] == sorted(document.sort for document in found)
        assert sorted(document.key for document in given) == sorted(document.key for document in found)
        assert all(document in found for document in given)

    def indexed(self) -> list[Document]:
        """What the indexes know."""
        return [*self.model.values()]

    def _change(self, draw: st.DataObject, key: Key) -> Write:
        right = draw.draw(st.integers(0, 5)) > 0
        expected = self._rev(key) if right else draw.draw(st.integers(0, 3))
        match draw.draw(st.sampled_from(["put", "put", "put", "delete", "check"])):
            case "delete":
                return Delete(key, expected)
            case "check":
                return Check(key, expected)
        return draw.draw(
            st.builds(
                Put,
                key=st.just(key),
                data=data,
                expected=st.just(expected),
                due_at=maybe_time,
                kind=kinds,
                sort=sorts,
                expires_at=maybe_time,
            )
        )

    def _rev(self, key: Key) -> int:
        return self.model[key].rev if key in self.model else 0

    def _apply(self, change: Write) -> None:
        if isinstance(change, Put):
            sort = change.sort if change.kind is not None else ""
            self.model[change.key] = Document(
                change.key,
                change.expected + 1,
                change.data,
                change.due_at,
                change.kind,
                sort,
                change.expires_at,
            )
        elif isinstance(change, Delete):
            self.model.pop(change.key, None)


class MemoryMachine(TableMachine):
    """With what only the table in memory can be told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Document] | None = None

    def make(self) -> MemoryTable:
        """The table in memory."""
        self.memory = MemoryTable()
        return self.memory

    @rule()
    def hold_indexes(self) -> None:
        """From now on the indexes show what is there at this moment."""
        self.memory.hold_indexes()
        self.held = [*self.model.values()]

    @rule()
    def let_indexes_follow(self) -> None:
        """The indexes show everything again."""
        self.memory.let_indexes_follow()
        self.held = None

    @rule(now=st.integers(0, 20))
    def expire(self, now: int) -> None:
        """What has expired may go, and nothing else."""
        dead = [d.key for d in self.model.values() if d.expires_at is not None and d.expires_at < now]
        assert self.memory.expire(now) == len(dead)
        for key in dead:
            del self.model[key]

    @invariant()
    def everything_is_there(self) -> None:
        """Nothing else than what was written is in the table."""
        assert self.memory.documents() == sorted(self.model.values(), key=lambda document: document.key)

    def indexed(self) -> list[Document]:
        """Nothing new while the indexes are held."""
        return super().indexed() if self.held is None else self.held


def test_the_table_in_memory_is_the_model() -> None:
    """Whatever is done to it, lagging indexes and expiry included."""
    run_state_machine_as_test(MemoryMachine, settings=settings(max_examples=100, stateful_step_count=40))


@pytest.mark.emulator
def test_the_table_on_dynamodb_is_the_model(emulator: Emulator) -> None:
    """The same sequences, fewer of them, through the adapter."""
    client: Any = emulator.client("dynamodb")

    class EmulatorMachine(TableMachine):
        """Each example in a table of its own."""

        def make(self) -> Table:
            name = f"table-{uuid.uuid4()}"
            create_table(client, name)
            return DynamoTable(client, name)

    run_state_machine_as_test(
        EmulatorMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
