"""A rehearsal behaves as the table it stands on, and leaves it as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.memory_table import MemoryTable
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Check, Delete, Key, Put, Table, Write
from timus_autotask.watch.rehearsal import ForgetfulTable

KEYS = [Key("A", "1"), Key("A", "2"), Key("B", "1")]

change: st.SearchStrategy[Write] = st.one_of(
    st.builds(
        Put,
        st.sampled_from(KEYS),
        st.fixed_dictionaries({"n": st.integers(-9, 9)}),
        st.integers(0, 3),
        st.integers(0, 9),
    ),
    st.builds(Delete, st.sampled_from(KEYS), st.integers(0, 3)),
    st.builds(Check, st.sampled_from(KEYS), st.integers(0, 3)),
)
writes = st.lists(st.lists(change, min_size=1, max_size=3, unique_by=lambda each: each.key), max_size=8)


def written(table: Table, changes: list[Write]) -> list[Key] | None:
    """The keys in conflict, or None."""
    try:
        table.write(changes)
    except Conflict as conflict:
        return sorted(conflict.keys)
    return None


@given(writes, writes)
def test_a_rehearsal_is_the_table_with_its_own_writes(
    before: list[list[Write]], after: list[list[Write]]
) -> None:
    """Reads, revisions and conflicts are those that the table itself would have had."""
    stage, model = MemoryTable(), MemoryTable()
    for changes in before:
        assert written(stage, changes) == written(model, changes)
    rehearsal, untouched = ForgetfulTable(stage), stage.documents()
    for changes in after:
        assert written(rehearsal, changes) == written(model, changes)
        for key in KEYS:
            assert rehearsal.get(key) == model.get(key)
        assert rehearsal.range("A", "", "~") == model.range("A", "", "~")
        assert rehearsal.range("A", "2", "2") == model.range("A", "2", "2")
        assert rehearsal.range("A", "", "~", 1) == model.range("A", "", "~", 1)
    assert stage.documents() == untouched
