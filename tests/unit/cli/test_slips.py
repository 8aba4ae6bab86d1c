"""What a person may mistype is refused in words, before anything is asked of the stack."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.cli.parsing import parser
from timus_autotask.domain.line import State
from timus_autotask.domain.reasons import REASONS, Parked
from timus_autotask.watch.remedy import remedy_of


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("map customer c --company 600 --contract 1 --units=-1", "-1 is no number of units: 1 or more"),
        ("map customer c --company 600 --contract 1 --units 0", "0 is no number of units"),
        ("pause --by ''", "--by: it is empty"),
        ("events show ''", "KEY: it is empty"),
        ("restore --to 2026-W10-1", "2026-W10-1 is no day or time"),
        ("restore --to 20260310", "20260310 is no day or time"),
        ("restore --to 0001-01-01T00:00+00:00 --yes", "is no day or time"),
        ("restore --to 9999-12-31T23:59-12:00 --dry-run", "is no day or time"),
        ("ready --month 9999-12", "9999-12 is no month"),
        ("ready --posted --month 0001-01", "0001-01 is no month"),
        ("evidence --all DIR --month 9999-12", "9999-12 is no month"),
        ("ledger --since 0001-01", "0001-01 is no month"),
        ("preview --since 0001-01-01", "0001-01-01 is no day"),
        ("restore --to 2026-03-10T10", "is no day or time"),
        ("changes --since 2026-03-10T10:00+00:00:30", "is no day or time"),
        ("changes --since 2026-03-10T10:00+00:60", "is no day or time"),
        ("policy set minimum.X=5 --from 2026-W10-1", "2026-W10-1 is no day"),
        (f"policy set minimum.{ADV}=5 minimum.{ADV}=6", f"minimum.{ADV}: given more than once"),
        (f"policy set minimum.{ADV}=99999999999", "which is more than 2,000,000,000"),
        (f"policy set minimum.{ADV}=-5", "must be 0 or more units, but is -5"),
    ],
)
def test_a_slip_is_refused_in_words(words: str, says: str) -> None:
    """With the value that stands there, and what is meant to stand there."""
    world = World()
    world.tell(7, {ADV: 25})
    assert says in Desk(world).refused(*shlex.split(words), status=2)


@pytest.mark.parametrize(
    "time", ["2026-03-10", "2026-03-10T10:00", "2026-03-10 10:00:30", "2026-03-10T10:00:30.5+01:00"]
)
def test_times_are_taken_as_people_write_them(time: str) -> None:
    """A day, or a time with or without seconds and offset."""
    Desk().told("changes", "--since", time)


def test_a_remedy_is_written_so_that_a_shell_takes_it() -> None:
    """An id may have blanks and signs that a shell reads."""
    parked = Parked("customer-unmapped", {"customer": "a b;c"})
    assert shlex.split(remedy_of(parked))[3] == "a b;c"
    assert remedy_of(Parked("customer-unmapped", {"customer": CUSTOMER})).split()[3] == CUSTOMER


@pytest.mark.parametrize(
    ("words", "remedy"), [((), "resume"), (("--customer", CUSTOMER), f"resume --customer {CUSTOMER}")]
)
def test_the_remedy_of_a_pause_names_whose_it_is(words: tuple[str, ...], remedy: str) -> None:
    """A customer's own pause is ended for that customer."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25})
    world.work()
    Desk(world).told("pause", *words)
    world.tell(8, {ADV: 28})
    world.work()
    line = world.line(ADV)
    assert line.state is State.PARKED
    assert line.parked
    assert remedy_of(line.parked) == f"timus-autotask {remedy}"


DASHED = {
    "customer": "-x",
    "paused_customer": "--yes",
    "sku": "--json",
    "event": "-e~0a1b",
    "contract": 5,
    "service": 6,
    "company": 7,
    "up": 8,
    "number": "timus-1",
}


@pytest.mark.parametrize("code", sorted(REASONS))
@pytest.mark.parametrize("facts", [DASHED, {**DASHED, "customer": "cus_1", "sku": "A B", "event": "it's"}])
def test_every_remedy_is_a_command_as_it_stands(code: str, facts: dict[str, int | str]) -> None:
    """Whatever the ids are: one that begins with a dash is an id, and no option."""
    given = {str(fact) for fact in facts.values()}
    remedy = remedy_of(Parked(code, {**facts, "choices": "9 | 10"}))
    assert not any(sign in remedy for sign in ("|", ">", "<", "`"))
    for command in re.findall(r"timus-autotask (.+?)(?=; |, or|$)", remedy):
        words = shlex.split(command.replace(" N", " 1"))
        found = vars(parser().parse_args(words))
        taken = {str(value) for value in found.values()} | {
            str(one) for value in found.values() if isinstance(value, list) for one in value
        }
        assert {word for word in words if word in given} <= taken | {"excluded=--json"}
        assert not any(found.get(option) for option in ("yes", "json"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["golive"], "there is no command golive; did you mean go-live?"),
        (["credential", "set"], "there is no command credential; did you mean credentials?"),
        (["map", "sugest"], "there is no command sugest; did you mean suggest?"),
        (["frobnicate"], "there is no command frobnicate; there are setup, doctor, "),
        (["map"], "a command is missing: timus-autotask map --help lists them"),
        (["\x1b[2J"], "there is no command \\x1b[2J; there are setup, "),
    ],
)
def test_a_wrong_command_is_told_what_may_be_meant(desk: Desk, words: list[str], told: str) -> None:
    """Thirty names in a row are read by nobody who mistyped one."""
    assert told in desk.refused(*words, status=2)


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("changes",),
        ("events",),
        ("events", "--parked"),
        ("preview",),
        ("ledger",),
        ("policy", "show"),
    ],
)
def test_who_looks_at_a_customer_that_nobody_knows_is_told_so(desk: Desk, words: tuple[str, ...]) -> None:
    """An empty answer would look as if all of it were well."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25})
    desk.world.work()
    said = desk.refused(*words, "--customer", "cus_41d")
    assert said == f"Timus has not reported a customer cus_41d yet; did you mean {CUSTOMER}?\n"


@pytest.mark.parametrize("command", ["status", "changes"])
def test_who_looks_at_a_contract_that_nobody_knows_is_told_so(desk: Desk, command: str) -> None:
    """With the one that may be meant."""
    desk.world.map_customer()
    desk.world.work()
    said = desk.refused(command, "--contract", "2968394")
    assert said == f"Nobody is mapped to a contract 2968394; did you mean {CONTRACT}?\n"


def test_a_customer_of_whom_only_a_parked_event_is_known_can_be_looked_at(desk: Desk) -> None:
    """It is the only way to it."""
    desk.world.tell(1, {ADV: -1}, customer="cus_new", subscription="sub_new")
    desk.world.work()
    for command in ("status", "events"):
        assert len(desk.ask(command, "--customer", "cus_new")["events"]) == 1


@pytest.mark.parametrize(
    ("words", "dashed"),
    [
        (["events", "show", "-evt"], "-evt"),
        (["events", "show", "--evt"], "--evt"),
        (["map", "customer", "-cus", "--company", "1", "--contract", "2"], "-cus"),
        (["events", "dismiss", "-evt", "--reason=x"], "-evt"),
        (["events", "dismiss", "evt", "-evt", "--reason", "x"], "-evt"),
    ],
)
def test_an_id_that_begins_with_a_dash_is_told_how_it_is_written(
    desk: Desk, words: list[str], dashed: str
) -> None:
    """It is a legal id, and looks like an option."""
    assert f"an id that begins with - is written last, after --, as in -- {dashed}" in desk.refused(
        *words, status=2
    )


def test_who_forgets_an_id_is_not_told_of_dashes(desk: Desk) -> None:
    """An option is one, also where it is written short."""
    for words in (
        ["events", "show", "--json"],
        ["map", "customer", "--comp=1"],
        ["events", "dismiss", "--rea", "x"],
    ):
        assert "begins with -" not in desk.refused(*words, status=2)
    assert "begins with -" not in desk.refused("changes", "--sinse", "2026-03-10", status=2)
