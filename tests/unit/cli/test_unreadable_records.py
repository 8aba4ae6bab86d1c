"""A record that cannot be read stops nothing but what it is about: no command, no sweep, nobody else (promise I9)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, ESS, GATEWAY, World
from timus_autotask.domain.converge.view import ChangedUnits
from timus_autotask.domain.finding import Finding, Kind
from timus_autotask.domain.provisioning import NewContract, Provisioning
from timus_autotask.ports.table import Document, Key, Put
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.partner import Circuit, put_changed_today, put_circuit
from timus_autotask.store.runs import Tickets, put_found, put_tickets
from timus_autotask.store.troubles import Trouble, put_trouble
from timus_autotask.watch.gauges import report_gauges
from timus_autotask.watch.reconcile import reconcile

SICK, SICK_CONTRACT = "cus_sick", 29683950
NONSENSE = {
    "values": 5,
    "open_until": "x",
    "units": 5,
    "started": "x",
    "at": "x",
    "tickets": 5,
    "customers": 5,
    "findings": 5,
}

KINDS = {
    "mapping": Key(f"CUSTOMER#{SICK}", "MAPPING"),
    "own terms": Key(f"CUSTOMER#{SICK}", "POLICY"),
    "subscription": Key(f"CUSTOMER#{SICK}", "SUBSCRIPTION#sub_sick"),
    "owner": Key("SUBSCRIPTION#sub_sick", "OWNER"),
    "inbox": Key(f"CUSTOMER#{SICK}", "INBOX#"),
    "event": Key(f"CUSTOMER#{SICK}", "EVENT#sub_sick-v1"),
    "parked event": Key(f"CUSTOMER#{SICK}", "EVENT#parked"),
    "contract": Key(f"CONTRACT#{SICK_CONTRACT}", "CONTRACT"),
    "line": Key(f"CONTRACT#{SICK_CONTRACT}", "LINE#46"),
    "change": Key(f"CONTRACT#{SICK_CONTRACT}", "CHANGE#"),
    "plan": Key("PARTNER", f"PLAN#{ESS}"),
    "terms": Key("PARTNER", "POLICY"),
    "circuit": Key("PARTNER", "AUTOTASK"),
    "moved": Key("PARTNER", "MOVED"),
    "run": Key("PARTNER", "RECONCILE"),
    "findings": Key("PARTNER", "RECONCILE#CONTRACT"),
    "gauges": Key("PARTNER", "VITALS"),
    "tickets": Key("PARTNER", "TICKETS"),
    "decision": Key("DECISIONS", "2026"),
    "opening": Key("OPENING#timus-1", "OPENING"),
    "trouble": Key("CUSTOMER#cus_other", "TROUBLE"),
}
SHOWN_BY = {
    "mapping": ("status", "map list"),
    "own terms": ("status",),
    "subscription": ("status", "minimum"),
    "inbox": ("status",),
    "event": ("events",),
    "parked event": ("status", "events"),
    "contract": ("status",),
    "line": ("status",),
    "change": ("changes",),
    "plan": ("status", "map list"),
    "terms": ("status",),
    "moved": ("status",),
    "findings": ("reconcile --last",),
    "decision": ("changes",),
    "opening": ("status",),
    "trouble": ("status",),
}
"""The commands that have to name the record, and show everything else."""
EVERYBODYS = ("terms", "moved")
"""Without these nothing can be done for anybody."""
COMMANDS = [
    "status",
    "status --json",
    "minimum",
    "changes",
    "events",
    "events --parked",
    "events show sub_8f2c1a-v7",
    "map list",
    "policy show",
    f"policy show --customer {SICK}",
    "reconcile --last",
    f"map customer cus_41d0 --company 600 --contract {CONTRACT} --dry-run",
    f"map customer {SICK} --company 601 --contract {SICK_CONTRACT} --dry-run",
    f"map plan {ADV} --service 45 --dry-run",
    f"map plan {ESS} --service 46 --dry-run",
    "policy set minimum.SASE-ADV-USER=40 --dry-run",
    f"policy set minimum.SASE-ADV-USER=40 --customer {SICK} --dry-run",
    "reconcile",
    "redrive",
    "pause",
    "resume",
    f"pause --customer {SICK}",
    f"resume --customer {SICK}",
    f"retry {CONTRACT}",
    f"retry {SICK_CONTRACT}",
    "retry timus-1",
    f"drift {SICK_CONTRACT} 46 --adopt",
    f"approve {SICK_CONTRACT} 46",
    f"reject {SICK_CONTRACT} 46 --reason no",
    "replay --since 2026-03-01",
    f"replay --since 2026-03-01 --customer {SICK}",
    "reconcile --after-restore",
    "restore --to 2026-03-15T09:13",
]


def prepared() -> World:
    """Two customers, each on a contract of its own, and a record of every kind."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.map_customer(SICK, 601, SICK_CONTRACT)
    world.tell(1, {ESS: 4}, customer=SICK, subscription="sub_sick")
    world.work()
    world.tell(1, {ESS: 5}, customer=SICK, subscription="sub_sick", event_id="parked")
    world.work()
    desk = Desk(world)
    desk.told("policy", "set", "partner_day_limit=1000")
    desk.told("policy", "set", "excluded=SASE-GATEWAY", "--customer", SICK)
    world.work()
    desk.told("reconcile")
    report_gauges(world.ports, world.deadline)
    store, now = world.ports.store, world.clock.now()
    start = now.date()
    new = NewContract("timus-1", 601, "x", start, start + timedelta(days=300), 1, customer_id="cus_new")
    finding = Finding(Kind.PARKED_LONG, "it is parked", SICK_CONTRACT)
    other = Key("CUSTOMER#cus_other", "MAPPING")
    store.commit(
        put_provisioning(Provisioning(new), 0, now + timedelta(days=1)),
        put_circuit(Circuit(), 0),
        put_tickets(Tickets(now), 0),
        put_found(f"CONTRACT#{SICK_CONTRACT:020}", "r", [finding], world.table),
        put_trouble(other, Trouble("CUSTOMER#cus_other", "?", now, 1, now + timedelta(days=1)), 0),
    )
    if not world.table.get(Key("PARTNER", "MOVED")):
        store.commit(put_changed_today(ChangedUnits(), 0))
    world.clock.advance(86400)
    world.tell(2, {ESS: 8}, customer=SICK, subscription="sub_sick")
    for message in world.queue.receive(10):
        world.queue.delete(message.receipt)
    return world


def broken(world: World, kind: str) -> Document:
    """Damage the first record of a kind."""
    pk, first = KINDS[kind]
    found = world.table.range(pk, first, first + "\U0010ffff")[0]
    world.table.write(
        [Put(found.key, NONSENSE, found.rev, found.due_at, found.kind, found.sort, found.expires_at)]
    )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_command_fails_with_a_traceback(kind: str) -> None:
    """Each is done, or refuses in a sentence that names a record; what shows records names the damaged one and shows the others."""
    world = prepared()
    desk, record = Desk(world), "/".join(broken(world, kind).key)
    for words in COMMANDS:
        said = desk.run(*words.split())
        text = said.out + said.err
        assert said.status in (0, 1), (words, text)
        assert "Traceback" not in text, words
        if words in SHOWN_BY.get(kind, ()):
            assert said.status == 0, (words, text)
            assert record in text.replace("\n", " "), (words, text)
            assert "timus-autotask restore" in text, words


@pytest.mark.parametrize("kind", ["own terms", "mapping", "subscription"])
def test_others_go_live_although_a_record_of_a_customer_cannot_be_read(kind: str) -> None:
    """The record is named, and whoever has it can be left in observation."""
    world = prepared()
    record = "/".join(broken(world, kind).key)
    desk = Desk(world)
    desk.told("observe")
    for words in (("preview",), ("go-live", "--except", SICK, "--yes"), ("go-live", "--yes")):
        said = desk.run(*words)
        assert said.status == 0, said
        assert record in said.out + said.err
    assert not world.ports.store.stage(SICK).value.live  # type: ignore[union-attr]
    stage = world.ports.store.partner().stage
    assert stage is not None
    assert stage.value.live


def test_who_goes_live_with_terms_that_make_no_sense_is_not_called_observing() -> None:
    """It becomes live, and nothing is adjusted until the terms can be read: that is said, with what to do."""
    world = prepared()
    desk = Desk(world)
    desk.told("observe")
    world.work()
    key = KINDS["own terms"]
    terms = world.table.get(key)
    assert terms is not None
    senseless = {**terms.data, "values": {"no_such_term": 1}}
    world.table.write([Put(key, senseless, terms.rev, terms.due_at, terms.kind, terms.sort)])
    for words in (("preview",), ("go-live", "--dry-run")):
        shown = desk.told(*words)
        assert "CUSTOMER#cus_sick cannot be handled" in shown
        assert "its terms cannot be read: there is no term no_such_term\n→ Update timus-autotask" in shown
        assert "In observation" not in shown
    for told_to in ("show", "set minimum.SASE-ESS-USER=5"):
        told = desk.refused("policy", *told_to.split(), "--customer", SICK)
        assert told.startswith("The stored terms cannot be read: there is no term no_such_term. See: ")
    said = desk.ask("go-live", "--yes")
    assert said["in_observation"]["contracts"] == []
    assert [one["subject"] for one in said["unhandled"]] == ["CUSTOMER#cus_sick"]
    assert SICK_CONTRACT not in [one["contract_id"] for one in said["preview"]]


@pytest.mark.parametrize("kind", ["own terms", "plan", "line", "subscription"])
def test_what_cannot_be_handled_is_said_with_what_to_do(kind: str) -> None:
    """In a preview as in status; and what was scheduled before is neither shown nor counted, for it is not made."""
    world = prepared()
    broken(world, kind)
    desk = Desk(world)
    shown = desk.told("policy", "set", "minimum.SASE-ADV-USER=40", "--dry-run")
    assert "cannot be handled" in shown
    assert "→ Update timus-autotask, if a newer version wrote it" in shown
    assert str(SICK_CONTRACT) not in shown.split("cannot be handled")[0].rpartition("\n")[0]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in EVERYBODYS])
def test_nobody_else_waits_for_it(kind: str) -> None:
    """The sweep and the workers go on for every other customer; what cannot be done is noted with its reason."""
    world = prepared()
    damaged = broken(world, kind)
    world.tell(8, {ADV: 31, GATEWAY: 1})
    for minute in range(4):
        world.pass_time(minutes=1 + minute)
        report_gauges(world.ports, world.deadline)
    assert world.units(ADV, world.clock.now().date()) == 31
    assert reconcile(world.ports, world.clock.now() + timedelta(minutes=30), anew=True).finished
    if kind in ("mapping", "own terms", "subscription", "inbox", "contract", "line", "plan", "opening"):
        assert "/".join(damaged.key) in " ".join(one.error for one in world.ports.store.troubles()) or (
            kind == "opening"
        )


@pytest.mark.parametrize("kind", ["mapping", "own terms", "subscription", "contract", "line", "plan"])
def test_a_preview_names_what_cannot_be_handled_and_shows_the_others(kind: str) -> None:
    """What is set for everybody is shown and done for everybody else."""
    world = prepared()
    broken(world, kind)
    said = Desk(world).ask("policy", "set", "minimum.SASE-ADV-USER=40")
    assert world.units(ADV, world.clock.now().date()) == 25
    shown = [
        (line["service_id"], one["unit_change"])
        for contract in said["preview"]
        for line in contract["lines"]
        for one in line["adjustments"]
    ]
    assert (45, 15) in shown
    assert len(shown) == 1 or kind == "plan" or [one["subject"] for one in said["unhandled"]]
    world.pass_time(minutes=1)
    assert world.posted()[-1] == (45, 15, "2026-03-16")


@pytest.mark.parametrize("kind", ["mapping", "subscription", "contract", "line", "plan", "inbox"])
def test_once_it_can_be_read_again_nothing_was_lost(kind: str) -> None:
    """What waited is made, from its own day."""
    world = prepared()
    damaged = broken(world, kind)
    world.pass_time(minutes=1)
    world.pass_time(minutes=1)
    assert world.units(ESS, world.clock.now().date(), SICK_CONTRACT) == 4
    now = world.table.get(damaged.key)
    assert now is not None
    fields = (now.due_at, now.kind, now.sort, now.expires_at)
    world.table.write([Put(damaged.key, damaged.data, now.rev, *fields)])
    world.pass_time(minutes=20)
    assert world.units(ESS, world.clock.now().date(), SICK_CONTRACT) == 8


def test_an_inbox_record_that_cannot_be_read_holds_up_no_other_event() -> None:
    """It stays where it is; newer news of the same customer is merged and billed."""
    world = prepared()
    broken(world, "inbox")
    world.tell(3, {ESS: 9}, customer=SICK, subscription="sub_sick")
    world.pass_time(minutes=1)
    world.pass_time(minutes=1)
    assert world.units(ESS, world.clock.now().date(), SICK_CONTRACT) == 9
