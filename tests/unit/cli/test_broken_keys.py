"""A record under a key that nobody reads is named, and everything else is shown and billed: for each kind of record there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.unit.cli.desk import Desk
from tests.unit.cli.test_damaged_data import COMMANDS, EVERYBODYS, kinds, kinds_in, shown
from tests.unit.cli.test_unreadable_records import prepared
from tests.world import ADV, GATEWAY, World
from timus_autotask.ports.table import Delete, Document, Key, Put
from timus_autotask.store.keys import OF_PARTNER, PARTNER, TROUBLE
from timus_autotask.watch.gauges import report_gauges
from timus_autotask.watch.reconcile import reconcile

LISTED = ("mapping", "policy", "stage", "subscription", "line", "names", "parked-event")
"""Kinds that `status` lists whole."""


def broken(key: Key) -> dict[str, Key]:
    """A key as a hand may have broken it."""
    pk, sk = key
    found = {"another sort key": Key(pk, sk.replace("#", "-", 1) if "#" in sk else f"{sk}-x")}
    if "#" in pk:
        found |= {
            "no id": Key(pk.partition("#")[0] + "#", sk),
            "another separator": Key(pk.replace("#", "-", 1), sk),
        }
    if pk.startswith("CONTRACT#"):
        found["no number"] = Key("CONTRACT#x1", sk)
    if "#" in sk:
        found["no id in the sort key"] = Key(pk, sk.partition("#")[0] + "#")
    return found


CASES = [(kind, how) for kind, document in kinds().items() for how in broken(document.key)]


def moved(world: World, document: Document, to: Key) -> None:
    """The record under another key."""
    now = world.table.get(document.key)
    assert now is not None
    put = Put(to, now.data, 0, now.due_at, now.kind, now.sort, now.expires_at)
    world.table.write([Delete(now.key, now.rev), put])


@contextmanager
def under(world: World, document: Document, to: Key) -> Iterator[str]:
    """While it is there; gives its key, as it has to be named."""
    moved(world, document, to)
    yield "/".join(to)
    there = world.table.get(to)
    assert there is not None
    world.table.write([Delete(to, there.rev)])
    world.table.write(
        [Put(document.key, there.data, 0, there.due_at, there.kind, there.sort, there.expires_at)]
    )


def is_seen(document: Document, to: Key) -> bool:
    """Whether anything reads it there that `status` shows; a trouble about what is not there is forgotten by the sweep."""
    if to.sk == TROUBLE:
        return False
    of_partner = to.pk == PARTNER and OF_PARTNER[0] <= to.sk <= OF_PARTNER[1]
    return of_partner or document.kind in LISTED or document.due_at is not None


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_it_is_named_with_what_to_do_and_no_command_has_a_traceback(kind: str, how: str) -> None:
    """Status and doctor say that it is to be deleted, and each other command does what it can."""
    world, document = shown(), kinds()[kind]
    to = broken(document.key)[how]
    with under(world, document, to) as record:
        for words in COMMANDS if how == "no id" else ("status", "doctor", "preview", "map list", "ready"):
            said = Desk(world).run(*words.split())
            text = " ".join((said.out + said.err).split())
            assert said.status in (0, 1), (words, text)
            assert "Traceback" not in text, words
            if words in ("status", "doctor") and is_seen(document, to):
                assert record in text.replace(" ", ""), (words, text)
            if words == "status" and is_seen(document, to):
                assert "delete it in the DynamoDB console" in text


@pytest.mark.parametrize(("kind", "how"), [case for case in CASES if case[0] not in EVERYBODYS])
def test_others_go_on_and_once_it_is_deleted_nothing_is_left_of_it(kind: str, how: str) -> None:
    """Worker, sweep, gauges and reconcile; the note of what failed goes with the record."""
    world = prepared()
    document = kinds_in(world)[kind]
    to = broken(document.key)[how]
    moved(world, document, to)
    world.tell(8, {ADV: 31, GATEWAY: 1})
    for minute in range(3):
        world.pass_time(minutes=1 + minute)
        report_gauges(world.ports, world.deadline)
    assert world.units(ADV, world.clock.now().date()) == 31
    assert reconcile(world.ports, world.clock.now() + timedelta(minutes=30), anew=True).finished
    record = "/".join(to)
    if to.sk != TROUBLE and document.due_at is not None and document.due_at <= world.clock.now().timestamp():
        assert any(record in one.error for one in world.ports.store.troubles())
    there = world.table.get(to)
    if there is not None:
        world.table.write([Delete(to, there.rev)])
    world.pass_time(minutes=30)
    assert not [one for one in world.ports.store.troubles() if record in one.error]
