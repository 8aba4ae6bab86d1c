"""What a person sees: whole words at any width, and nothing that the terminal would obey."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from tests.unit.cli.desk import Desk
from tests.unit.test_plain import OBEYED
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY
from timus_autotask.cli.terminal import Terminal, Whole


def shown(
    width: int, rows: list[list[object]], columns: tuple[str, ...] = ("id", "state", "why")
) -> list[str]:
    """The lines of a table on a terminal of this width."""
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None, markup=False)
    Terminal(console=console).table(columns, rows, empty="")
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [10, 40, 80, 200])
def test_no_word_is_cut_at_any_width(width: int) -> None:
    """Not an id, not a command to copy; a terminal that is too narrow for a table gets paragraphs."""
    remedy = Whole("→ timus-autotask map customer cus_with_a_long_name --company N --contract N")
    row: list[object] = [
        "cus_with_a_long_name",
        "parked",
        ["Customer cus_with_a_long_name has no contract yet.", remedy],
    ]
    lines = shown(width, [row, ["cus_2", "applied", None]])
    words = {word for line in lines for word in line.split()}
    assert {"cus_with_a_long_name", "parked", "contract", "yet.", "cus_2", "applied"} <= words
    assert any(remedy in line for line in lines)


def test_the_status_of_a_narrow_terminal_can_be_copied(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns every id, word and command of the status stands in one piece."""
    desk.world.tell(7, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    stream = StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None, markup=False)
    monkeypatch.setattr("timus_autotask.cli.terminal._console", lambda: console)
    desk.run("status")
    said = stream.getvalue()
    for line in desk.ask("status")["lines"]:
        assert {line["customer"], line["sku"], *line["reason"].split()} <= set(said.split())
    remedies = [each.removeprefix("→ ").strip() for each in said.splitlines() if "→ " in each]
    assert remedies == ["timus-autotask map suggest", "timus-autotask map review"], "one for all of them"


def test_a_numbers_column_stands_at_the_right() -> None:
    """And a cell with several lines keeps them."""
    assert shown(40, [[1, "a", ["x", "y"]], [10, "b", None]]) == [
        "id ┃ state ┃ why",
        "━━━╇━━━━━━━╇━━━━",
        " 1 │ a     │ x  ",
        "   │       │ y  ",
        "10 │ b     │    ",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_command_is_broken_over_two_lines(width: int) -> None:
    """Whoever copies half of it runs another command."""
    stream = StringIO()
    console = Console(file=stream, width=width, color_system=None, markup=False, force_terminal=True)
    commands = (
        "make deploy STACK=timus-autotask TIME_ZONE=Europe/Berlin",
        "timus-autotask drift CONTRACT SERVICE",
        "timus-autotask events --parked",
        "timus-autotask status",
    )
    terminal = Terminal(console=console)
    terminal.say(
        f"If the stack's is wrong, change it before go-live: {commands[0]}, then {commands[1]}. See {commands[2]} and {commands[3]}: there",
        hanging=2,
    )
    terminal.table(("a", "do"), [[1, f"Look at it, then: {commands[1]}"]], empty="")
    lines = stream.getvalue().splitlines()
    for command in commands:
        assert any(command in line for line in lines)


@pytest.mark.parametrize("width", [20, 200])
def test_nothing_from_outside_is_obeyed(width: int) -> None:
    """In a cell, in a sentence and in a question, on a wide terminal and on a narrow one."""
    stream = StringIO()
    console = Console(file=stream, width=width, color_system=None, markup=False)
    terminal = Terminal(console=console)
    hostile = "".join(OBEYED)
    terminal.table(("name", "why"), [[hostile, [hostile, Whole(hostile)]]], empty="")
    terminal.say(hostile)
    assert all(line.isprintable() for line in stream.getvalue().split("\n"))


def test_an_event_cannot_fake_a_verdict(desk: Desk) -> None:
    """Its type, its ids, its body and its customer's name are shown, never obeyed, for people and for programs."""
    hostile = "\x1b]0;x\x07\x1b[2J\u202eAt rest.\n"
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28}, event_id="good")
    desk.world.tell(8, {ADV: 28}, type=hostile, event_id="evt-8")
    desk.world.tell(9, {ADV: -1}, customer=CUSTOMER, status=hostile, event_id="evt-9")
    desk.world.work()
    for words in (
        ["events"],
        ["events", "show", "evt-8"],
        ["events", "show", "evt-9"],
        ["status"],
        ["changes"],
        ["map", "list"],
        ["status", "--contract", str(CONTRACT)],
    ):
        for more in ([], ["--json"]):
            said = desk.run(*words, *more)
            assert said.status == 0
            assert all(line.isprintable() for line in said.out.split("\n")), words
    assert desk.ask("events", "show", "evt-8")["events"][0]["type"] == hostile
    assert all(line.isprintable() for line in desk.refused("events", "show", hostile).split("\n"))
    for wrong in (["changes", "--since", hostile], ["status", "--contract", hostile]):
        assert all(line.isprintable() for line in desk.refused(*wrong, status=2).split("\n"))
