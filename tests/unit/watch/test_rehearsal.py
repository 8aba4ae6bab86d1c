"""A rehearsal behaves as the table it stands on, and leaves it as it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, CONTRACT, World
from timus_autotask.domain import history
from timus_autotask.operate import decisions, terms
from timus_autotask.operate.terms import TermChange
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Check, Delete, Key, Put, Table, Write
from timus_autotask.sync import merge as merging
from timus_autotask.sync.ports import Ports
from timus_autotask.watch import rehearsal as rehearsing
from timus_autotask.watch.rehearsal import ForgetfulTable, Rehearsal

SICK = "cus_sick"
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


@pytest.mark.parametrize("error", [ValueError("too large"), RuntimeError("?")], ids=repr)
def test_a_customer_whose_merge_raises_is_named_and_the_others_are_shown(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The workers leave that customer alone too; nothing of it is posted, and everything else is."""
    world = World()
    world.map_customer()
    world.map_customer(SICK, 601, 29683950)
    world.tell(7, {ADV: 25})
    world.work()
    world.tell(1, {ADV: 4}, customer=SICK, subscription="sub_sick")
    for message in world.queue.receive(10):
        world.queue.delete(message.receipt)
    merged = history.merge

    def poisoned(known: Any, news: Any, day: Any, *more: Any) -> Any:
        if news.customer_id == SICK:
            raise error
        return merged(known, news, day, *more)

    monkeypatch.setattr(merging, "merge", poisoned)
    deployment = deployment_of(world)
    proposal = terms.set_terms(deployment, [TermChange("minimum", "40", ADV)], None, "pat")
    assert [(one.subject, one.error) for one in proposal.preview.unhandled] == [
        (f"CUSTOMER#{SICK}", str(error))
    ]
    shown = {contract.contract_id: contract for contract in proposal.preview.contracts}
    [line] = [line for line in shown[CONTRACT].lines if line.service_id == 45]
    assert [one.delta for one in line.adjustments] == [15]
    proposal.commit()
    world.sweep()
    assert world.posted() == [(45, 15, "2026-03-15")]


def test_a_note_on_a_contract_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It bills nothing, so an approval's preview shows the change alone; and nobody looks for a SKU of that name."""
    world = World()
    deployment = deployment_of(world)
    changes = [TermChange("approve_increases", "always"), TermChange("contract_notes", "yes")]
    terms.set_terms(deployment, changes, None, "pat").commit()
    world.map_customer()
    world.tell(1, {ADV: 28})
    world.work()
    looked_for: list[str] = []

    def refresh_plan(sku: str, _ports: Ports) -> tuple[str, ...]:
        looked_for.append(sku)
        return ()

    monkeypatch.setattr(rehearsing, "refresh_plan", refresh_plan)
    proposal = decisions.approve(deployment, CONTRACT, 45, "j.doe")
    assert proposal.preview.totals.units_up_at_once == 3
    assert proposal.preview.unhandled == ()
    assert "NOTE" not in looked_for


@pytest.mark.parametrize("key", [Key("DECISIONS", "2026#1"), Key("PARTNER", "TICKETS")], ids="/".join)
def test_a_record_that_nobody_works_on_is_named_where_it_is_due(key: Key) -> None:
    """It is no SKU that is looked for: what is due and has no worker is in trouble, here and in the sweep."""
    world = World()
    world.table.write([Put(key, {}, 0, due_at=1)])
    world.sweep()
    [trouble] = world.ports.store.troubles()
    assert "nothing is known to be due at" in trouble.error
    rehearsal = Rehearsal(World().ports)
    rehearsal.run(lambda ports: ports.table.write([Put(key, {}, 0, due_at=1)]))
    [error] = rehearsal.troubles.values()
    assert "nothing is known to be due at" in str(error)
