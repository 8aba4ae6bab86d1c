"""The journal's chain: one successor for each entry, whoever writes, and whatever dies on the way."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.deployment import deployment_of
from tests.fakes.memory_table import MemoryTable
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SERVICES, World
from timus_autotask.domain.line import JournalEntry, Line, Outcome
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.decisions import reject
from timus_autotask.operate.proposal import wake
from timus_autotask.operate.recover import after_restore, put_back, replay, replayable
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Check, Put
from timus_autotask.store.contracts import ContractState, put_contract_state
from timus_autotask.store.journal import (
    contract_with_entries,
    first_broken,
    hash_of,
    journalled,
    line_with_entries,
)
from timus_autotask.store.keys import CHANGE
from timus_autotask.store.lines import put_line
from timus_autotask.store.records import Store
from timus_autotask.store.sizes import in_parts, size_of
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)


def entry(id_: str, service: int = 45, minutes: int = 0) -> JournalEntry:
    """An adjustment of 5 to 6 units."""
    at = NOON + timedelta(minutes=minutes)
    return JournalEntry(id_, LineKey(CONTRACT, service), at.date(), 1, 5, 6, Outcome.LANDED, at, at)


def entries_of(world: World, service: int) -> list[dict[str, Any]]:
    """The stored entries of a line, in order of their chain."""
    found = [
        dict(one.data)
        for one in world.table.documents()
        if one.key.sk.startswith(CHANGE) and one.data["line"]["service_id"] == service
    ]
    return sorted(found, key=lambda one: (one["number"], one["settled_at"]))


def assert_chained(world: World, service: int) -> None:
    """Each entry names the one before, and the line the newest."""
    entries = entries_of(world, service)
    previous = ""
    for number, one in enumerate(entries, 1):
        assert (one["number"], one["previous"]) == (number, previous)
        previous = hash_of(one)
    head = world.ports.store.contract(CONTRACT).lines[service].value.head
    assert head is not None
    assert (head.number, head.hash) == (len(entries), previous)


def adjusted(*quantities: int) -> World:
    """A line that was adjusted to each of these quantities, one a day."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1})
    world.work()
    for version, quantity in enumerate(quantities, 2):
        world.tell(version, {ADV: quantity, GATEWAY: 1})
        world.work()
        world.pass_time(days=1)
    return world


def test_a_hash_is_of_canonical_json() -> None:
    """Keys in order, no spaces, UTF-8: what anybody can compute again."""
    assert (
        hash_of({"b": [1, None], "a": "é"}) == hashlib.sha256('{"a":"é","b":[1,null]}'.encode()).hexdigest()
    )


def test_each_entry_names_the_one_before_and_the_line_the_newest() -> None:
    """Workers write them, each with the line."""
    world = adjusted(28, 27, 30)
    assert_chained(world, 45)
    assert len(entries_of(world, 45)) == 3


def test_an_entry_says_what_its_events_said_and_what_was_there_before() -> None:
    """Who, when it happened, when it arrived, the quantity before and after; and Autotask's units, which no earlier entry says."""
    world = adjusted(28, 27)
    first, second = entries_of(world, 45)
    [cause] = [one for one in first["causes"] if one["number"] == 2]
    assert cause | {"occurred_at": "", "received_at": ""} == {
        "subscription_id": "sub_8f2c1a",
        "number": 2,
        "day": "2026-03-15",
        "event_id": "sub_8f2c1a-v2",
        "occurred_at": "",
        "received_at": "",
        "actor": "j.doe@msp.example",
        "customer_id": CUSTOMER,
        "sku": ADV,
        "before": 25,
        "after": 28,
        "ends": None,
    }
    assert cause["occurred_at"].startswith("2026-03-15T09:12:44")
    assert cause["received_at"].startswith("2026-03-15T09:12:44")
    assert first["found"] == {"steps": [["2026-01-01", 25]]}
    assert first["answer"] == "accepted"
    assert second["found"] is None


def test_what_somebody_else_changed_is_said_by_the_next_entry() -> None:
    """The journal alone gives the units of each day."""
    world = adjusted(28)
    terms = put_terms(None, {"drift": "adopt"}, 0)
    world.ports.store.commit(terms, *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    line = world.api.model.find_line(CONTRACT, 45)
    assert line
    world.api.model.person_adjusts(line.id, date(2026, 3, 16).toordinal(), 5)
    world.pass_time(days=1)
    world.tell(3, {ADV: 30, GATEWAY: 1})
    world.work()
    _, second = entries_of(world, 45)
    assert second["found"]["steps"] == [["2026-01-01", 25], ["2026-03-15", 28], ["2026-03-16", 33]]


def test_a_rejection_is_an_entry_of_the_chain() -> None:
    """A command writes it as a worker does, with what the held change followed from."""
    world = adjusted(28)
    store = world.ports.store
    terms = put_terms(None, {"approve_increases": {"above_units": 0}}, 0)
    store.commit(terms, *wake_contracts(CUSTOMER, [CONTRACT], world.ports))
    world.tell(3, {ADV: 40, GATEWAY: 1})
    world.work()
    proposal = reject(deployment_of(world), CONTRACT, 45, "not ordered", "pat")
    proposal.commit()
    world.sweep()
    assert_chained(world, 45)
    last = entries_of(world, 45)[-1]
    assert (last["outcome"], last["by"], [one["after"] for one in last["causes"]]) == (
        "rejected",
        "pat",
        [40],
    )


def test_two_writers_make_one_successor() -> None:
    """Both saw the same head: the second write fails as a whole."""
    table = MemoryTable()
    line = Line(CONTRACT, 45)
    table.write([put_line(line, 0)])
    _, first = line_with_entries(line, 1, [entry("a")])
    _, second = line_with_entries(line, 1, [entry("b", minutes=1)])
    table.write(first)
    with pytest.raises(Conflict):
        table.write(second)
    assert [one.data["id"] for one in table.documents() if one.key.sk.startswith(CHANGE)] == ["a"]


def test_a_write_that_is_cut_between_parts_leaves_whole_chains() -> None:
    """Each line is in one part, with its entries and its head; the rest is as it was."""
    groups = [
        line_with_entries(Line(CONTRACT, n), 0, [entry(f"a{n}", n), entry(f"b{n}", n, 1)])[1]
        for n in range(1, 90)
    ]
    state = put_contract_state(ContractState(CONTRACT), 0, None)
    first, *others = in_parts(groups, [state], Check(state.key, 0))
    table = MemoryTable()
    table.write(first)
    found = journalled(Store(table), CONTRACT)
    assert 0 < len(found.lines) < len(groups)
    assert len(others) > 1
    for n, line in found.lines.items():
        assert line.head is not None
        assert line.head.number == len(found.journals[n].entries) == 2
        assert first_broken(found.journals[n], line.head) is None
    assert found.lines.keys() == found.journals.keys()


def test_what_concerns_the_contract_has_a_chain_in_its_state() -> None:
    """As renewals: of no line."""
    state, one, two = ContractState(CONTRACT), entry("a", 0), entry("b", 0, 1)
    head, *entries = contract_with_entries(state, 0, None, [one, two])
    contents = [put.data for put in entries]
    assert [(each["number"], each["previous"]) for each in contents] == [(1, ""), (2, hash_of(contents[0]))]
    assert head.data["head"] == {"number": 2, "hash": hash_of(contents[1])}


def test_entries_of_an_earlier_version_stay_outside() -> None:
    """They have no number, and the first entry after them begins the chain and says what Autotask had."""
    world = adjusted(28)
    [document] = [one for one in world.table.documents() if one.key.sk.startswith(CHANGE)]
    old = {
        k: v for k, v in document.data.items() if k not in ("number", "previous", "causes", "found", "answer")
    }
    world.table.write([Put(document.key, old, document.rev, None, document.kind, document.sort)])
    stored = world.ports.store.contract(CONTRACT).lines[45]
    world.table.write([put_line(replace(stored.value, head=None), stored.rev)])
    world.tell(3, {ADV: 30, GATEWAY: 1})
    world.work()
    before, after = world.ports.store.changes()
    assert (before.number, before.previous, before.causes) == (0, "", ())
    assert (after.number, after.previous) == (1, "")
    assert after.found is not None
    assert [after.found.at(date(2026, 3, day)) for day in (14, 15, 16)] == [25, 28, 28]


def test_after_a_restore_the_chain_goes_on_from_the_newest_entry() -> None:
    """The line is older than the journal, which stays whole: nothing gets a second successor."""
    world = adjusted(28)
    earlier = [*world.table.documents()]
    for version, quantity in ((3, 27), (4, 31)):
        world.tell(version, {ADV: quantity, GATEWAY: 1})
        world.work()
        world.pass_time(days=1)
    assert put_back(earlier, world.table)
    assert put_back(earlier, world.table) == 0
    after_restore(world.ports)
    for event in replayable(world.ports.store, world.start):
        replay(event, world.ports)
    wake([CUSTOMER], replace(world.ports, wake_ups=world.queue))
    world.work()
    terms = world.ports.store.partner().terms
    world.ports.store.commit(put_terms(None, terms.value.resume(), terms.rev))
    world.tell(5, {ADV: 31, ESS: 2, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    world.tell(6, {ADV: 35, ESS: 2, GATEWAY: 1})
    world.work()
    world.pass_time(days=1)
    assert world.units(ADV, date(2026, 3, 20)) == 35
    assert_chained(world, 45)
    assert_chained(world, SERVICES[ESS])


def test_an_entry_stays_small_however_many_events_it_follows() -> None:
    """The newest of them are told, at most fifty; the ids of all stand in it."""
    world = World()
    world.map_customer()
    for version in range(1, 121):
        world.tell(version, {ADV: 25 + version, GATEWAY: 1})
    world.work()
    [one] = entries_of(world, 45)
    assert (len(one["events"]), len(one["causes"])) == (120, 50)
    assert one["causes"][-1]["after"] == 145
    assert size_of(one) < 32 * 1024
