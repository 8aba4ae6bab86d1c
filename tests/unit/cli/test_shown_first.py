"""No command of the manual lets anything be posted that it has not shown: each is walked, and posts are counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local.autotask.faults import Fault
from local.timus import change
from tests.unit.cli.desk import Desk, Said
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.cli.command import COMMANDS
from timus_autotask.cli.terminal import Terminal
from timus_autotask.ports.table import Document
from timus_autotask.store.partner import Circuit, put_circuit
from timus_autotask.sync.apply import apply_customer
from timus_autotask.sync.receive import HttpRequest, receive

NEW = "cus_new"
"""A client who is on no contract yet."""
SENT_AT = str(int(World.start.timestamp()) + 600)


def level() -> World:
    """A client with 25 seats and a gateway, level."""
    contoso, fabrikam = SCENARIO["companies"]
    world = World(scenario={**SCENARIO, "companies": [contoso, {**fabrikam, "companyNumber": NEW}]})
    world.map_customer()
    world.tell(7, {ADV: 25, GATEWAY: 1})
    world.work()
    return world


def lose_wake_ups(world: World) -> None:
    """Nobody comes for what was told last."""
    for message in world.queue.receive(10):
        world.queue.delete(message.receipt)


def told(world: World) -> None:
    """Six seats more wait in the inbox."""
    world.tell(8, {ADV: 31, GATEWAY: 1})
    lose_wake_ups(world)


def held(world: World) -> None:
    """A change that awaits approval."""
    Desk(world).told("policy", "set", "approve_increases=always")
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()


def made(world: World) -> None:
    """Six seats more were made two days ago; the change is ``change-1``."""
    names = count()
    world.ports = replace(world.ports, new_id=lambda: f"change-{next(names)}")
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()
    world.pass_time(days=2)


def paused(world: World) -> None:
    """A change that waits for the end of a pause."""
    Desk(world).told("pause")
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()


def observing(world: World) -> None:
    """A change that is only looked at."""
    Desk(world).told("observe")
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()


def drifted(world: World) -> None:
    """A person has added two seats, and the worker has parked it."""
    world.control.person_adjusts(1201, world.clock.now().date().toordinal() - 1, 2)
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()


def edited(world: World) -> None:
    """A person has added two seats, nobody has looked yet, and the terms bring them back."""
    Desk(world).told("policy", "set", "drift=enforce")
    world.work()
    world.control.person_adjusts(1201, world.clock.now().date().toordinal() - 1, 2)


def refused(world: World) -> None:
    """Autotask refuses a change once."""
    world.api.faults.add(Fault("json_500", entity="ContractServiceAdjustments", times=1))
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()


def signed_out(world: World) -> None:
    """A change waits because Autotask refused the API user."""
    now = world.clock.now()
    known = world.ports.store.circuit()
    until = now + timedelta(minutes=15)
    world.ports.store.commit(put_circuit(Circuit(until, "refused", True, now), known.rev))
    told(world)


def unmapped(world: World) -> None:
    """A client without a contract, whose id is the number of a company."""
    world.tell(1, {ADV: 4}, customer=NEW, subscription="sub_new", customer_name="Fabrikam")
    world.work()


def twice(world: World) -> None:
    """A second contract service of the same service, so that more seats wait for a choice."""
    world.control.person_adds_line(CONTRACT, 45, world.clock.now().date().toordinal(), 5)
    world.tell(8, {ADV: 31, GATEWAY: 1})
    world.work()


def without_a_service(world: World) -> None:
    """A SKU that no service has."""
    world.tell(8, {ADV: 25, GATEWAY: 1, "SASE-GADGET": 3})
    world.work()


def ignored(world: World) -> None:
    """A SKU that is set aside, of which Timus tells, and which has a service."""
    Desk(world).told("map", "ignore", "plan", ESS, "--reason", "free", "--unknown")
    world.tell(8, {ADV: 25, GATEWAY: 1, ESS: 5})
    world.work()


def parked_event(world: World) -> None:
    """A second state of a version that is known."""
    world.tell(7, {ADV: 31, GATEWAY: 1}, event_id="twice")
    world.work()


def misnamed(world: World) -> None:
    """Timus calls the client as Autotask calls another company."""
    world.tell(8, {ADV: 25, GATEWAY: 1}, customer_name="Fabrikam")
    world.work()


def nothing(world: World) -> None:
    """As it is."""


def body(tmp_path: Path) -> str:
    """An event in a file."""
    file = tmp_path / "event.json"
    world = World()
    file.write_bytes(change("sub_8f2c1a", 8, CUSTOMER, {ADV: 31, GATEWAY: 1}, world.clock.now()).encode())
    return str(file)


def export(tmp_path: Path) -> str:
    """What Timus's portal shows."""
    file = tmp_path / "export.csv"
    file.write_text(
        "customer_id,subscription_id,version,status,sku,quantity\n"
        f"{CUSTOMER},sub_8f2c1a,8,active,{ADV},26\n{CUSTOMER},sub_8f2c1a,8,active,{GATEWAY},1\n"
    )
    return str(file)


def mapping_file(tmp_path: Path, customer: str = CUSTOMER) -> str:
    """A mapping that moves the customer to another contract, or maps a new one."""
    file = tmp_path / "map.csv"
    file.write_text(f"customer_id,company_id,contract_id\n{customer},601,29683950\n")
    return str(file)


Words = Callable[[Path], tuple[str, ...]]


@dataclass(frozen=True)
class Walk:
    """A command where something waits that it may set off."""

    prepare: Callable[[World], None]
    words: Words
    posts: bool | None = True
    """False: it never posts anything, whatever waits; None: it only reads, and writes nothing at all."""
    whose: str = CUSTOMER
    """The customer of whom it is."""


def said(*words: str) -> Words:
    """The same words, wherever files are."""
    return lambda _: words


READS = None
WALKS: dict[str, list[Walk]] = {
    "setup": [
        Walk(
            signed_out,
            said("setup", "--no-test-event", "--username", "u", "--secret", "s", "--integration-code", "c"),
        )
    ],
    "console": [Walk(told, said("console"), READS)],
    "digest": [Walk(told, said("digest"), READS)],
    "doctor": [Walk(told, said("doctor"), READS)],
    "report": [Walk(told, lambda folder: ("report", "--html", str(folder / "status.html")), READS)],
    "map customer": [
        Walk(nothing, said("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950")),
        Walk(
            nothing,
            said("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--unchecked"),
        ),
        Walk(unmapped, said("map", "customer", NEW, "--company", "601", "--contract", "29683950"), whose=NEW),
    ],
    "map plan": [Walk(nothing, said("map", "plan", ADV, "--service", "46"))],
    "map line": [Walk(twice, said("map", "line", str(CONTRACT), "45", "--contract-service", "1201"))],
    "map suggest": [Walk(unmapped, said("map", "suggest", "--apply-exact"), whose=NEW)],
    "map review": [Walk(told, said("map", "review"), None)],
    "map ignore": [
        Walk(without_a_service, said("map", "ignore", "plan", "SASE-GADGET", "--reason", "free"), False)
    ],
    "map unignore": [Walk(ignored, said("map", "unignore", "plan", ESS))],
    "map confirm": [Walk(misnamed, said("map", "confirm", CUSTOMER), False)],
    "map list": [Walk(told, said("map", "list"), READS)],
    "map export": [Walk(told, said("map", "export"), READS)],
    "map import": [
        Walk(nothing, lambda tmp: ("map", "import", mapping_file(tmp))),
        Walk(unmapped, lambda tmp: ("map", "import", mapping_file(tmp, NEW)), whose=NEW),
    ],
    "credentials set": [
        Walk(
            signed_out,
            said("credentials", "set", "--username", "u", "--secret", "s", "--integration-code", "c"),
        )
    ],
    "webhook show": [Walk(told, said("webhook", "show"), READS)],
    "status": [Walk(told, said("status"), READS)],
    "preview": [Walk(told, said("preview"), READS)],
    "go-live": [Walk(observing, said("go-live"))],
    "observe": [Walk(told, said("observe"), False)],
    "ready": [Walk(told, said("ready"), READS)],
    "ledger": [Walk(told, said("ledger"), READS)],
    "minimum": [Walk(told, said("minimum"), READS)],
    "changes": [Walk(told, said("changes"), READS)],
    "evidence": [Walk(told, said("evidence", "--customer", CUSTOMER, "--month", "2026-03"), READS)],
    "events": [Walk(told, said("events"), READS)],
    "events show": [Walk(told, said("events", "show", "sub_8f2c1a-v7"), READS)],
    "events accept": [Walk(parked_event, said("events", "accept", "twice"))],
    "events dismiss": [Walk(parked_event, said("events", "dismiss", "twice", "--reason", "no"), False)],
    "send": [Walk(nothing, lambda tmp: ("send", body(tmp), "--timestamp", SENT_AT))],
    "retry": [Walk(refused, said("retry", str(CONTRACT)))],
    "drift": [
        Walk(drifted, said("drift", str(CONTRACT), "45", "--enforce")),
        Walk(drifted, said("drift", str(CONTRACT), "45", "--adopt")),
    ],
    "approve": [Walk(held, said("approve", str(CONTRACT), "45"))],
    "reject": [Walk(held, said("reject", str(CONTRACT), "45", "--reason", "no"), False)],
    "undo": [Walk(made, said("undo", "change-1", "--reason", "no"))],
    "policy show": [Walk(told, said("policy", "show"), READS)],
    "policy set": [Walk(nothing, said("policy", "set", f"minimum.{ADV}=40"))],
    "pause": [Walk(told, said("pause"), False)],
    "resume": [Walk(paused, said("resume"))],
    "reconcile": [
        Walk(edited, said("reconcile")),
        Walk(nothing, lambda tmp: ("reconcile", "--timus-export", export(tmp))),
        Walk(edited, lambda tmp: ("reconcile", "--timus-export", export(tmp))),
        Walk(edited, said("reconcile", "--last"), READS),
        Walk(told, said("reconcile", "--after-restore", "--yes"), False),
    ],
    "redrive": [Walk(told, said("redrive"))],
    "replay": [Walk(told, said("replay", "--since", "2026-03-01"))],
    "restore": [Walk(told, said("restore", "--to", "2026-03-15T09:12", "--yes"), False)],
    "logs queries": [Walk(told, said("logs", "queries"), READS)],
}
CASES = [(name, number) for name, walks in WALKS.items() for number, _ in enumerate(walks)]


def test_every_command_is_walked() -> None:
    """A new command has to say here what it may set off."""
    assert set(WALKS) == {command.name for command in COMMANDS}


@pytest.fixture
def into_the_gateway(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    """``send`` reaches the world's own webhook."""

    def connect(world: World) -> None:
        def deliver(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
            typed = {**headers, "content-type": "application/json"}
            answer = receive(HttpRequest("POST", "/webhooks/timus", typed, body), world.receive_ports)
            return answer.status, answer.body

        monkeypatch.setattr("timus_autotask.cli.access.webhook_at", lambda _url: deliver)

    return connect


def posts(world: World) -> int:
    """How many adjustments were sent to Autotask."""
    return sum(
        request["method"] == "POST"
        and "ContractServiceAdjustments" in request["path"]
        and "query" not in request["path"]
        for request in world.control.requests()
    )


def kept(world: World) -> list[Document]:
    """Everything in the table but what a reconcile found, which it notes whoever looks."""
    return [one for one in world.table.documents() if not one.key.sk.startswith("RECONCILE")]


def shown(said_json: Any) -> list[tuple[int, int]]:
    """(service, units) of everything that any preview in the answer shows as made at once."""
    found = []
    if isinstance(said_json, dict):
        for name, value in said_json.items():
            if name == "preview":
                found += [
                    (line["service_id"], one["unit_change"])
                    for contract in value
                    for line in contract["lines"]
                    for one in line["adjustments"]
                    if one["at_once"]
                ]
            else:
                found += shown(value)
    return found


def previews(said_json: Any) -> int:
    """How many previews an answer has, however deep."""
    if not isinstance(said_json, dict):
        return 0
    return ("preview" in said_json) + sum(map(previews, said_json.values()))


def a_desk(walk: Walk, connect: Callable[[World], None]) -> Desk:
    """A desk where something waits for the command."""
    world = level()
    walk.prepare(world)
    connect(world)
    desk = Desk(world)
    desk.dead_letters.send(CUSTOMER, "dead")
    return desk


def prepared(walk: Walk, connect: Callable[[World], None]) -> Desk:
    """The same, once the event that is sent is signed."""
    desk = a_desk(walk, connect)
    desk.world.clock.advance(600)
    return desk


def made_since(world: World, posted: int) -> list[tuple[int, int]]:
    """(service, units) of everything that workers make from now on, with what was made since ``posted``."""
    for _ in range(3):
        world.work()
        world.pass_time(
            minutes=6
        )  # after refused credentials workers wait as long as they may hold the old ones
    return sorted((service, units) for service, units, _ in world.posted()[posted:])


def by_script(desk: Desk, name: str, words: tuple[str, ...]) -> Said:
    """What a command answers to a script, which says yes where that can be said."""
    [command] = [command for command in COMMANDS if command.name == name]
    asks = any("--yes" in argument.names for argument in command.arguments)
    return desk.run(*words, *(["--yes"] if asks else []), "--json")


@pytest.mark.parametrize(("name", "number"), CASES)
def test_what_a_command_lets_be_posted_it_has_shown_before(
    name: str,
    number: int,
    tmp_path: Path,
    into_the_gateway: Callable[[World], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No post until somebody has agreed; with a no, none follows from it; with a yes, exactly what was shown."""
    walk = WALKS[name][number]
    desk = a_desk(walk, into_the_gateway)
    world = desk.world
    before, posted = posts(world), len(world.posted())
    asked: list[int] = []

    def refuses(_terminal: Terminal, _question: str) -> bool:
        asked.append(posts(world))
        return False

    monkeypatch.setattr(Terminal, "confirm", refuses)
    documents = kept(world)
    desk.run(*walk.words(tmp_path))
    assert all(count == before for count in asked)
    assert posts(world) == before
    if asked or walk.posts is READS:
        assert kept(world) == documents
    monkeypatch.undo()
    into_the_gateway(world)
    if walk.posts is None:
        return
    world.clock.advance(600)  # a dead letter that was looked at is out of sight for a while
    answer = by_script(desk, name, walk.words(tmp_path))
    assert answer.status in (0, 1), answer
    assert not answer.out or previews(json.loads(answer.out)) <= 1  # two could show one change twice
    assert posts(world) == before
    if walk.posts is False:
        for _ in range(3):
            world.work()
            world.pass_time(minutes=1)
        assert len(world.posted()) == posted
        return
    made = made_since(world, posted)
    assert made == sorted(shown(json.loads(answer.out)))
    assert made


# -- Between the preview and the yes


def another_operator(world: World, *words: str) -> None:
    """Somebody else gives a command. While Autotask is not to be asked, he is refused."""
    said = Desk(world).run(*words, "--json")
    assert said.status == 0 or "Autotask" in said.err, said


def event_waits(world: World, walk: Walk) -> None:
    """An event of the customer came in, and no worker has come for it."""
    subscription = f"sub_{walk.whose.removeprefix('cus_')}" if walk.whose == NEW else "sub_8f2c1a"
    name = "Fabrikam" if walk.whose == NEW else "Contoso Dental"
    world.tell(
        20,
        {ADV: 50, GATEWAY: 1},
        event_id="meanwhile",
        customer=walk.whose,
        subscription=subscription,
        customer_name=name,
    )
    lose_wake_ups(world)


def event_is_merged(world: World, walk: Walk) -> None:
    """An event of the customer came in, and a worker has taken it up."""
    event_waits(world, walk)
    apply_customer(walk.whose, world.ports, world.clock.now() + timedelta(minutes=1))


def terms_for_all(world: World, _walk: Walk) -> None:
    """Another operator sets a minimum for everybody."""
    another_operator(world, "policy", "set", f"minimum.{ADV}=70", "--yes")


def own_terms(world: World, walk: Walk) -> None:
    """Another operator sets a minimum for this customer."""
    another_operator(world, "policy", "set", f"minimum.{ADV}=70", "--customer", walk.whose, "--yes")


def own_service(world: World, walk: Walk) -> None:
    """Another operator chooses another service for this customer."""
    another_operator(world, "map", "plan", ADV, "--customer", walk.whose, "--service", "46", "--yes")


def pause_of_all(world: World, _walk: Walk) -> None:
    """Another operator pauses everybody."""
    another_operator(world, "pause")


def edit(world: World, _walk: Walk) -> None:
    """A person adds nine seats to the contract that is billed, in Autotask."""
    world.control.person_adjusts(1201, world.clock.now().date().toordinal(), 9)


def posting(world: World, _walk: Walk) -> None:
    """A person approves and posts the month."""
    world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())


def three_minutes(world: World, _walk: Walk) -> None:
    """Nothing happens: he only thinks for a while."""
    world.clock.advance(180)


MEANWHILE = (
    event_waits,
    event_is_merged,
    terms_for_all,
    own_terms,
    own_service,
    pause_of_all,
    edit,
    posting,
    three_minutes,
)
POSTING = [(name, number) for name, walks in WALKS.items() for number, walk in enumerate(walks) if walk.posts]


@pytest.mark.parametrize(("name", "number"), POSTING)
def test_what_a_person_agrees_to_is_made_or_refused_whatever_has_happened_since_it_was_shown(
    name: str,
    number: int,
    tmp_path: Path,
    into_the_gateway: Callable[[World], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exactly what was shown is made, beside what follows from the other thing alone; or the command is refused, and nothing is written."""
    walk = WALKS[name][number]
    words = walk.words(tmp_path)
    was_shown = sorted(shown(by_script(prepared(walk, into_the_gateway), name, words).json))
    world = prepared(walk, into_the_gateway).world
    posted = len(world.posted())
    due = made_since(world, posted)
    refused = set[str]()
    for meanwhile in MEANWHILE:
        without = prepared(walk, into_the_gateway).world
        meanwhile(without, walk)
        alone = made_since(without, posted)
        desk = prepared(walk, into_the_gateway)
        with monkeypatch.context() as person:
            answer, documents = agreed_to(desk, words, partial(meanwhile, desk.world, walk), person)
        if answer.status:
            refused.add(meanwhile.__name__)
            assert kept(desk.world) == documents, meanwhile.__doc__
            assert made_since(desk.world, posted) == alone, meanwhile.__doc__
        else:
            besides = Counter(alone) - Counter(due)
            both = sorted([*was_shown, *besides.elements()])
            assert made_since(desk.world, posted) in (was_shown, both), meanwhile.__doc__
    assert event_waits.__name__ in refused
    assert three_minutes.__name__ not in refused


def agreed_to(
    desk: Desk, words: tuple[str, ...], meanwhile: Callable[[], None], person: pytest.MonkeyPatch
) -> tuple[Said, list[Document]]:
    """What the command says to a person who says yes to all of it, after something else has happened; and the table by then."""
    asked: list[list[Document]] = []

    def agrees(_terminal: Terminal, _question: str) -> bool:
        if not asked:
            with person.context() as others:
                others.setattr(Terminal, "asks", False)
                meanwhile()
        asked.append(kept(desk.world))
        return True

    person.setattr(Terminal, "asks", True)
    person.setattr(Terminal, "ask", lambda *_words, **_options: "")
    person.setattr(Terminal, "confirm", agrees)
    answer = desk.run(*words)
    return answer, asked[-1]


def test_what_cannot_be_shown_is_not_mapped_unchecked() -> None:
    """While Autotask is away nobody knows what a mapping of a live customer would post; of one that observes it posts nothing."""
    world = level()
    world.api.faults.add(Fault("not_sent", times=None))
    desk = Desk(world)
    words = ("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--unchecked")
    documents = world.table.documents()
    assert "It cannot be shown what would be done" in desk.refused(*words)
    assert world.table.documents() == documents
    desk.told("observe")
    assert desk.ask(*words)["not_shown"]


def test_an_api_user_is_not_stored_unchecked_where_something_waits() -> None:
    """What would be adjusted cannot be shown then."""
    world = level()
    signed_out(world)
    words = (
        "credentials",
        "set",
        "--username",
        "u",
        "--secret",
        "s",
        "--integration-code",
        "c",
        "--unchecked",
    )
    assert "It cannot be shown what would be done" in Desk(world).refused(*words)
