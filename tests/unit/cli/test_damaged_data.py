"""A document that a hand has damaged is named by its key, and everything else is shown and billed: for each kind of record there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.unit.cli.test_unreadable_records import SICK, SICK_CONTRACT, prepared
from tests.world import ADV, CONTRACT, ESS, GATEWAY, World
from timus_autotask.operate.recover import put_back
from timus_autotask.ports.table import Damaged, Document, Put
from timus_autotask.store.records import Store
from timus_autotask.watch.gauges import report_gauges
from timus_autotask.watch.reconcile import reconcile

VALUES: dict[str, Any] = {"a number": 7, "a text": "{}", "a list": [], "nothing": None}
"""What stands where its data should be."""
NO_REVISION = "no revision"
DAMAGES = (*VALUES, NO_REVISION)
EVERYBODYS = ("PARTNER/POLICY", "PARTNER/MOVED", "PARTNER/LIVE")
"""Without these nothing can be decided for anybody."""
WRITTEN_AGAIN = (
    "CONTRACT/NAMES",
    "PARTNER/AUTOTASK",
    "PARTNER/RECONCILE",
    "PARTNER/VITALS",
    "PARTNER/TICKETS",
)
READ_BY_FEW = {
    "CONTRACT/CHANGE": ("changes", "ready --posted", "ledger", "digest"),
    "CUSTOMER/EVENT": ("events", "ready --posted", "ledger", "digest"),
    "DECISIONS": ("changes",),
    "SUBSCRIPTION/OWNER": (),
    **dict.fromkeys(WRITTEN_AGAIN, ()),
}
"""Who has to name these: no other command reads them."""
READ_BY_ALL = ("status", "status --json", "preview --since 2026-03-01", "doctor", "ready", "ledger", "digest")
"""Who has to name every other record."""
COMMANDS = [
    *READ_BY_ALL,
    "preview",
    "changes",
    "events",
    "map list",
    "map suggest",
    "minimum",
    "policy show",
    "ready --posted",
    "reconcile --last",
    f"evidence --customer {SICK} --month 2026-03",
]


def kind_of(document: Document) -> str:
    """What kind of record it is: its keys without what makes it one of many."""
    pk, sk = (part.partition("#")[0] for part in document.key)
    return pk if pk == "DECISIONS" else f"{pk}/{sk}"


@cache
def shown() -> World:
    """A world that is only looked at."""
    return prepared()


def kinds_in(world: World) -> dict[str, Document]:
    """A record of each kind that a table has, none of the customer who is well."""
    found: dict[str, Document] = {}
    for document in world.table.documents():
        if not {str(CONTRACT), "cus_41d0", ADV} & {part for key in document.key for part in key.split("#")}:
            found.setdefault(kind_of(document), document)
    return found


@cache
def kinds() -> dict[str, Document]:
    """The same of the world that is only looked at."""
    return kinds_in(shown())


def write(world: World, document: Document, data: Any) -> None:
    """Put this in place of the data of a document, as a hand in the DynamoDB console would."""
    now = world.table.get(document.key)
    assert now is not None
    world.table.write([Put(now.key, data, now.rev, now.due_at, now.kind, now.sort, now.expires_at)])


def damage(document: Document, how: str) -> Damaged:
    """What stands there once it is damaged so."""
    return Damaged(document.data, unrevised=True) if how == NO_REVISION else Damaged(VALUES[how])


@contextmanager
def damaged(world: World, document: Document, how: str) -> Iterator[str]:
    """While it is damaged; gives its key, as it has to be named."""
    write(world, document, damage(document, how))
    yield "/".join(document.key)
    write(world, document, document.data)


def test_every_kind_of_record_is_tried() -> None:
    """What a test of kinds would miss is what nobody prepared."""
    assert {"CONTRACT/CONTRACT", "CONTRACT/LINE", "CONTRACT/NAMES", "CONTRACT/CHANGE"} <= {*kinds()}
    assert {"CUSTOMER/MAPPING", "CUSTOMER/SUBSCRIPTION", "CUSTOMER/POLICY", "CUSTOMER/INBOX"} <= {*kinds()}
    assert {"PARTNER/AUTOTASK", "PARTNER/PLAN", "OPENING/OPENING", *EVERYBODYS} <= {*kinds()}


@pytest.mark.parametrize("value", DAMAGES)
@pytest.mark.parametrize("kind", kinds())
def test_every_command_names_it_and_none_has_a_traceback(kind: str, value: str) -> None:
    """Those that read it name its key; status, which shows the rest, names the remedy too."""
    world = shown()
    with damaged(world, kinds()[kind], value) as record:
        for words in COMMANDS if value == "a number" else ("status", "preview", "doctor"):
            said = Desk(world).run(*words.split())
            text = (said.out + said.err).replace("\n", " ")
            assert said.status in (0, 1), (words, text)
            assert "Traceback" not in text, words
            reads_all = (*READ_BY_ALL, "preview") if kind in EVERYBODYS else READ_BY_ALL
            if words in READ_BY_FEW.get(kind, reads_all) and (kind, words) not in NOT_THERE:
                assert record in text, (words, text)
            if words == "status" and kind not in READ_BY_FEW:
                assert "timus-autotask restore" in text
                assert "cus_41d0" in text or "Contoso" in text


NOT_THERE = [("PARTNER/PLAN", "preview --since 2026-03-01"), ("PARTNER/PLAN", "ledger")]
"""These go by the lines there are, and not by the service of a SKU."""


def test_several_at_once_are_all_named() -> None:
    """By status and by doctor: one of them does not hide another."""
    world = prepared()
    some = [kinds_in(world)[kind] for kind in ("CUSTOMER/SUBSCRIPTION", "CONTRACT/CONTRACT", "CONTRACT/LINE")]
    for document in some:
        write(world, document, Damaged(7))
    for command in ("status", "doctor"):
        text = Desk(world).run(command).out.replace("\n", " ")
        assert all("/".join(document.key) in text for document in some), text


@pytest.mark.parametrize("value", ["a number", "nothing", NO_REVISION])
@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind not in EVERYBODYS])
def test_others_go_on_and_nothing_is_posted_on_it(kind: str, value: str) -> None:
    """Worker, sweep, gauges and reconcile; and when the record is back, what waited is made."""
    world = prepared()
    document = kinds_in(world)[kind]
    write(world, document, damage(document, value))
    world.tell(8, {ADV: 31, GATEWAY: 1})
    for minute in range(3):
        world.pass_time(minutes=1 + minute)
        report_gauges(world.ports, world.deadline)
    today = world.clock.now().date()
    assert world.units(ADV, today) == 31
    assert reconcile(world.ports, world.clock.now() + timedelta(minutes=30), anew=True).finished
    if kind in NEEDED:
        assert world.units(ESS, today, SICK_CONTRACT) == 4
        record = "/".join(document.key)
        assert any(record in one.error for one in world.ports.store.troubles())
        write(world, document, document.data)
        world.pass_time(minutes=20)
    if kind in (*NEEDED, *WRITTEN_AGAIN):
        assert world.units(ESS, today, SICK_CONTRACT) == 8


NEEDED = (
    "CUSTOMER/MAPPING",
    "CUSTOMER/POLICY",
    "CUSTOMER/SUBSCRIPTION",
    "CUSTOMER/INBOX",
    "CONTRACT/CONTRACT",
    "CONTRACT/LINE",
    "PARTNER/PLAN",
)
"""Without these the sick customer's change is not made, and that is noted with the key."""


def test_nothing_is_posted_for_anybody_on_what_concerns_everybody() -> None:
    """The partner's terms, the stage and the units of the day are needed by every change."""
    for kind in EVERYBODYS:
        world = prepared()
        before = world.posted()
        write(world, kinds_in(world)[kind], Damaged(7))
        world.tell(8, {ADV: 31, GATEWAY: 1})
        for minute in range(3):
            world.pass_time(minutes=1 + minute)
        assert world.posted() == before


def test_an_event_that_cannot_be_read_hides_no_other_that_is_on_its_way() -> None:
    """`events show` looks through the inbox for an id."""
    world = prepared()
    write(world, kinds_in(world)["CUSTOMER/INBOX"], Damaged(7))
    assert "no merged event evt_unknown" in Desk(world).refused("events", "show", "evt_unknown")


def test_restore_brings_back_what_has_no_revision() -> None:
    """It writes over it, and the record counts on."""
    world = prepared()
    for kind in ("CONTRACT/LINE", "CUSTOMER/MAPPING", "PARTNER/MOVED"):
        whole = kinds_in(world)[kind]
        write(world, whole, damage(whole, NO_REVISION))
        assert put_back([whole], world.table) == 1
        now = world.table.get(whole.key)
        assert now is not None
        assert now.data == whole.data


def test_restore_does_not_put_back_what_was_no_record() -> None:
    """What is there now stays: a record of which nothing can be read is no better."""
    world = prepared()
    for kind in ("PARTNER/POLICY", "CONTRACT/LINE"):
        now = kinds_in(world)[kind]
        earlier = Document(now.key, now.rev, Damaged(7), now.due_at, now.kind, now.sort, now.expires_at)
        assert put_back([earlier], world.table) == 0
        assert world.table.get(now.key) == now


def test_a_listing_tells_of_each() -> None:
    """A head of a history too, which is looked into before it is read."""
    world = prepared()
    write(world, kinds_in(world)["CUSTOMER/SUBSCRIPTION"], Damaged("x"))
    told: list[str] = []
    assert [one.id for one in Store(world.table, lambda error: told.append(str(error))).subscriptions()]
    assert told == [
        "the record CUSTOMER#cus_sick/SUBSCRIPTION#sub_sick cannot be read: its data must be a map, but it is 'x'"
    ]
