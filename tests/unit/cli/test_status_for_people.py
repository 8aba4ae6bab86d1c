"""What a person reads of ``status``: what needs somebody first, what is level counted, and nothing cut."""

from __future__ import annotations

import re
from contextlib import suppress
from io import StringIO

import pytest
from rich.console import Console

from tests import tenant
from tests.unit.cli.desk import Desk
from tests.world import ADV, CUSTOMER, World
from timus_autotask.cli import terminal as terminals
from timus_autotask.cli.command import COMMANDS
from timus_autotask.cli.enabling import doctor
from timus_autotask.cli.failure import Failed
from timus_autotask.cli.parsing import parser
from timus_autotask.cli.terminal import Terminal
from timus_autotask.cli.watching import status
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import Alias
from timus_autotask.ports.queue import QueueDepth
from timus_autotask.watch.check import CheckVerdict
from timus_autotask.watch.grouping import Standing, grouped
from timus_autotask.watch.health import Limits, check_health
from timus_autotask.watch.names import name_of
from timus_autotask.watch.status import StatusLine


@pytest.fixture
def told() -> Desk:
    """Forty clients: fifteen are mapped and level, the others are not mapped; one is ignored."""
    desk = Desk(tenant.told(World(scenario=tenant.scenario(companies=60))))
    desk.ask("map", "suggest", "--apply-exact", "--yes")
    desk.ask("map", "ignore", "plan", tenant.TRIAL, "--reason", "free")
    desk.ask("map", "plan", tenant.BACKUP, "--service", "49")
    desk.ask("map", "ignore", "customer", tenant.customer(tenant.NOBODY), "--reason", "ours")
    desk.world.work()
    desk.world.pass_time(minutes=1)
    desk.world.work()
    return desk


def seen(desk: Desk, width: int, *words: str, colour: bool = False) -> str:
    """What stands on a terminal of this width."""
    out = StringIO()
    console = Console(file=out, width=width, height=50, force_terminal=True, markup=False, highlight=False)
    if not colour:
        console = Console(file=out, width=width, force_terminal=True, color_system=None, markup=False)
    status(desk.deployment(), parser().parse_args(["status", *words]), Terminal(False, False, console))
    return re.sub(r"[^\n]*\r", "", out.getvalue())  # what was written over


def test_what_is_unmapped_stands_on_top_with_the_command(told: Desk) -> None:
    """People drive it to zero; what is ignored is beside it."""
    assert told.told("status").split("\n")[:2] == [
        "Not mapped yet: 24 customers.",
        "→ timus-autotask map suggest",
    ]


def test_what_is_ignored_is_named(told: Desk) -> None:
    """At the end, with how much it is; of many the first ones."""
    nobody = tenant.customer(tenant.NOBODY)
    name = told.deployment().store.customer(nobody)
    for words in ((), ("--all",)):
        said = told.told("status", *words)
        assert f"Ignored: 1 customer, {nobody} {name_of(name)}; 1 SKU, {tenant.TRIAL}." in said
    assert "Ignored: " not in told.told("status", "--customer", "cus_0001")
    for number in range(20, 30):
        told.ask("map", "ignore", "plan", f"SKU-{number}", "--reason", "free", "--unknown")
    said = told.told("status")
    assert "11 SKUs, " in said
    assert " and 6 more." in said


def test_of_many_who_observe_some_are_named(told: Desk) -> None:
    """Forty names in a banner are read by nobody."""
    who = [tenant.customer(number) for number in range(20)]
    told.ask("observe", *(word for one in who for word in ("--customer", one)), "--yes")
    first = told.told("status").split("\n")
    [banner] = [line for line in first if line.startswith("Observing, while everybody else is live")]
    assert banner.endswith(" and 15 more.")
    assert "→ timus-autotask go-live --customer CUSTOMER" in first


def test_what_is_level_is_counted_and_what_needs_somebody_is_shown_first(told: Desk) -> None:
    """``--all`` shows everything; so does asking for one customer."""
    words = told.told("status")
    assert words.index("Not mapped yet (24)") < words.index("15 customers aligned (--all shows them).")
    assert "and 14 more (--all shows them)." in words
    assert "cus_0001 Birch Dental" not in words
    everything = told.told("status", "--all")
    assert "cus_0001 Birch Dental" in everything
    assert "5001 Birch Dental SASE" in everything
    assert "cus_0001 Birch Dental" in told.told("status", "--customer", "cus_0001")


def test_what_needs_a_person_is_first_and_counted_in_observation_too() -> None:
    """A service that is on the contract twice would hold go-live up: ``status`` begins with it, and ``doctor`` counts it."""
    world = tenant.told(World(scenario=tenant.scenario(companies=60), live=False))
    world.map_plan(tenant.BACKUP, 49)
    for number in (0, 1, 2, 5, 6, 7, tenant.TWICE):
        seen = (
            Alias(tenant.name(number), tenant.company(number)),
        )  # the companies are called otherwise here
        world.map_customer(
            tenant.customer(number), tenant.company(number), tenant.contract(number), aliases=seen
        )
    for _ in range(3):
        world.pass_time(minutes=20)
        world.work()
    desk = Desk(world)
    words = desk.told("status", "--all")
    assert words.index("Waiting for a person (1)") < words.index("Observing (")
    folded = desk.told("status")
    assert "customers observing (--all shows them)." in folded
    assert "map line 5039 45 --contract-service 9039" in folded
    assert "cus_0001 Birch Dental, contract" not in folded
    [line] = [one for one in desk.ask("status")["lines"] if one["contract_id"] == 5039 and one["reason"]]
    assert line["state"] == "observing"
    [parked] = [
        one
        for one in check_health(world.ports, QueueDepth(0, 0, 0), 0, None, Limits())
        if one.name == "parked"
    ]
    assert (parked.verdict, parked.found.partition("; in ")[2]) == (
        CheckVerdict.WARN,
        "observation 1 line, which go-live would not bill",
    )


def test_few_customers_are_not_folded(desk: Desk) -> None:
    """Who has one client wants to see it."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    assert f"{CUSTOMER} Contoso Dental" in desk.told("status")


@pytest.mark.parametrize("width", [80, 100, 140])
def test_neither_ids_nor_commands_are_broken(told: Desk, width: int) -> None:
    """From eighty columns on; only a command may be longer than a line."""
    words = seen(told, width, "--all")
    lines = words.split("\n")
    assert [line for line in lines if len(line) > width and "→" not in line] == []
    for number in range(tenant.CLIENTS):
        assert any(re.search(rf"\b{tenant.customer(number)}\b", line) for line in lines)
    assert [line for line in lines if "--company N" in line] == [], (
        "one command for all, and no blanks to fill in"
    )
    assert "→ timus-autotask map review" in lines


def test_colours_are_left_out_where_they_are_not_wanted(told: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://no-color.org."""
    colours = re.compile("\x1b\\[[0-9;]*3[0-7]m")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours.search(seen(told, 140, colour=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours.search(seen(told, 140, colour=True))


@pytest.mark.parametrize(("height", "paged"), [(3, True), (100, False)])
def test_what_is_longer_than_the_screen_is_paged(
    height: int, paged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a person reads; a pipe gets everything at once. Nothing is lost if it fails in the middle."""
    shown: list[str] = []
    monkeypatch.setattr(terminals, "pager", shown.append)
    out = StringIO()
    terminal = Terminal(False, True, Console(file=out, width=80, height=height, force_terminal=True))

    def speak() -> None:
        with terminal.pages():
            terminal.say(*"abcdef")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        speak()
    assert len(shown) == paged
    assert "f" in (shown[0] if paged else out.getvalue())
    shown.clear()
    piped = Terminal(False, False, Console(file=out, width=80, height=height))
    with piped.pages():
        piped.say("piped")
    assert shown == []
    assert "piped" in out.getvalue()


@pytest.mark.parametrize("name", ["doctor", "minimum", "events show", "policy show", "status", "ready"])
def test_what_may_be_long_and_asks_nothing_is_paged(name: str) -> None:
    """Also what finds something wrong, which is the longest."""
    [command] = [one for one in COMMANDS if one.name == name]
    assert command.pages


def test_doctor_says_how_far_it_is_while_a_screen_is_prepared(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check takes its time, and what it found is read afterwards, whole."""
    shown: list[str] = []
    monkeypatch.setattr(terminals, "pager", shown.append)
    out = StringIO()
    terminal = Terminal(False, True, Console(file=out, width=80, height=9, force_terminal=True))

    def look() -> None:
        with terminal.pages():
            doctor(desk.deployment(), parser().parse_args(["doctor"]), terminal)

    with suppress(Failed):
        look()
    [page] = shown
    assert "API user" in page
    assert "secrets" in page
    assert "3 checks are made …" in out.getvalue()
    assert out.getvalue().endswith("\r"), "nothing is left of it"


def test_without_the_pager_that_is_named_everything_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that does not find it would lose all of it."""
    monkeypatch.setenv("PAGER", "no-such-pager -R")
    out = StringIO()
    terminal = Terminal(False, True, Console(file=out, width=80, height=3, force_terminal=True))
    with terminal.pages():
        terminal.say(*"abcdef")
    assert "f" in out.getvalue()


def line(customer: str, state: State, **more: object) -> StatusLine:
    """A line in a state."""
    return StatusLine(customer, ADV, 1, 2, 3, 3, state, **more)  # type: ignore[arg-type]


def test_a_customer_stands_as_its_line_that_most_needs_a_look() -> None:
    """One parked line is enough; what has something to say is not folded away."""
    groups = grouped(
        [
            line("a", State.APPLIED),
            line("a", State.PARKED, reason_code="drift"),
            line("b", State.APPLIED),
            line("c", State.APPLIED, reason="look"),
            line("d", State.PARKED, reason_code="customer-unmapped"),
            line("e", State.IGNORED, reason_code="customer-ignored"),
        ]
    )
    assert [(one.customer, one.standing) for one in groups] == [
        ("d", Standing.UNMAPPED),
        ("a", Standing.WAITING),
        ("c", Standing.SCHEDULED),
        ("b", Standing.LEVEL),
        ("e", Standing.IGNORED),
    ]
