"""The guided first run: few answers, each step said, safe to repeat, and no secret where it does not belong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.unit.cli.desk import Desk
from timus_autotask.cli.enabling import Shown
from timus_autotask.cli.failure import NoSuchStack
from timus_autotask.cli.terminal import Terminal
from timus_autotask.operate.deployment import Deployment
from timus_autotask.ports.secrets import Credentials
from timus_autotask.watch.check import CheckResult, CheckVerdict

GIVEN = ("--username", "new@msp.example", "--secret", "hush", "--integration-code", "CODE")
Answers = Callable[..., list[str]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """A person at a terminal, with these answers; gives the questions as they come."""

    def give(*typed: str) -> list[str]:
        left: Iterator[str] = iter(typed)
        asked: list[str] = []

        def ask(_terminal: Terminal, question: str, *, hidden: bool = False) -> str:
            asked.append(question)
            return next(left)

        monkeypatch.setattr(Terminal, "ask", ask)
        monkeypatch.setattr(Terminal, "asks", property(lambda terminal: terminal.interactive))
        monkeypatch.setattr("timus_autotask.cli.terminal.Terminal", _AtTerminal)
        return asked

    return give


class _AtTerminal(Terminal):
    """One with a person before it."""

    def __init__(self, json: bool = False, interactive: bool = True, **more: Any) -> None:
        super().__init__(json, True if not more else interactive, **more)


def verdicts(found: Any) -> dict[str, str]:
    """By the name of the check."""
    return {one["name"]: one["verdict"] for one in found["checks"]}


def test_a_first_run_needs_three_answers(desk: Desk, answers: Answers) -> None:
    """User, secret and tracking identifier; then everything is tried, and the next commands are said."""
    desk.world.secrets.replace_credentials(None)
    asked = answers("new@msp.example", "hush", "CODE")
    said = desk.told("setup")
    assert len(asked) == 3
    assert desk.stored == [Credentials("new@msp.example", "hush", "CODE")]
    assert f"  URL     https://api.test/webhooks/timus\n  Secret  {WEBHOOK_SECRET}\n" in said
    assert "hush" not in said
    assert "taken in by the worker" in said
    assert "What comes next" in said


def test_a_registered_vendor_needs_two_answers(desk: Desk, answers: Answers, monkeypatch: Any) -> None:
    """The stack knows the vendor's tracking identifier."""
    desk.world.secrets.replace_credentials(None)
    plain = desk.deployment

    def of_vendor(stack: str = "") -> Deployment:
        return replace(plain(stack), vendor_code="VENDOR")

    monkeypatch.setattr(desk, "deployment", of_vendor)
    asked = answers("new@msp.example", "hush")
    said = desk.told("setup")
    assert len(asked) == 2
    assert "integration vendor" in said
    assert desk.stored == [Credentials("new@msp.example", "hush", "VENDOR")]


def test_a_second_run_asks_nothing(desk: Desk, answers: Answers) -> None:
    """What is stored works, so it is kept."""
    asked = answers()
    desk.told("setup")
    assert (asked, desk.stored) == ([], [])


def test_without_questions_everything_is_given(desk: Desk) -> None:
    """By options, as by the environment."""
    desk.world.secrets.replace_credentials(None)
    said = desk.run("setup", "--yes", *GIVEN)
    assert said.status == 0, said
    assert desk.stored == [Credentials("new@msp.example", "hush", "CODE")]
    assert WEBHOOK_SECRET not in said.out, "a log must not hold it"


def test_what_is_missing_is_one_wrong_check(desk: Desk) -> None:
    """The others are made all the same; status 1."""
    desk.world.secrets.replace_credentials(None)
    said = desk.run("setup", "--yes", "--json")
    assert said.status == 1
    assert said.json["verdict"] == "wrong"
    assert verdicts(said.json) == {
        "stack": "ok",
        "API user": "wrong",
        "time zone": "warn",
        "webhook": "ok",
        "test event": "ok",
    }
    assert WEBHOOK_SECRET not in said.out


def test_a_refused_user_is_never_stored(desk: Desk, answers: Answers) -> None:
    """What is wrong with it is said, with what to do, after one try."""
    desk.world.control.set_credentials("new@msp.example", "right", "CODE")
    said = desk.run("setup", *GIVEN)
    assert said.status == 1
    assert "does not accept the API user's secret" in said.out
    assert "nothing was stored" in said.out
    assert "Generate a new secret" in said.out
    assert desk.stored == []
    logins = [one for one in desk.world.control.requests() if one["entity"] != "ZoneInformation"]
    assert len(logins) == 1


def test_a_stored_user_that_is_refused_is_asked_for_again(desk: Desk, answers: Answers) -> None:
    """Once."""
    desk.world.control.set_credentials("new@msp.example", "hush", "CODE")
    asked = answers("new@msp.example", "hush", "CODE")
    said = desk.run("setup")
    assert len(asked) == 3
    assert "The API user that is stored: Autotask does not know the API user api@msp.example" in said.out
    assert said.status == 0
    assert len(desk.stored) == 1


def test_a_part_that_is_missing_is_a_matter_of_usage(desk: Desk) -> None:
    """And characters that no header can carry."""
    assert "AUTOTASK_SECRET is missing" in desk.refused("setup", "--yes", "--username", "a", status=2)
    odd = ("--username", "a b ", "--secret", "x ", "--integration-code", "c")
    assert "empty, or has blanks" in desk.refused("setup", "--yes", *odd, status=2)


def test_the_stack_can_be_chosen(desk: Desk, answers: Answers, monkeypatch: Any) -> None:
    """Where there is none of the name, those of ours are listed."""
    plain = desk.deployment
    looked: list[str] = []

    def find(stack: str) -> Deployment:
        looked.append(stack)
        if stack != "acme":
            raise NoSuchStack("There is no stack timus-autotask. Of ours there are: acme.", ["acme"])
        return plain(stack)

    monkeypatch.setattr(desk, "deployment", find)
    assert "Of ours there are: acme" in desk.refused("setup", "--yes", status=3)
    asked = answers("acme")
    desk.told("setup")
    assert (looked, len(asked)) == (["timus-autotask", "timus-autotask", "acme"], 1)


def test_once_timus_has_sent_something_the_secret_is_not_shown(desk: Desk, answers: Answers) -> None:
    """It is shown to whoever registers it, not to whoever looks again."""
    answers()
    desk.world.tell(1, {"SASE-ADV-USER": 3})
    desk.world.work()
    said = desk.told("setup")
    assert WEBHOOK_SECRET not in said
    assert "Timus has sent webhooks, the last one at 2026-03-15 09:12 UTC" in said


def test_a_narrow_terminal_keeps_what_was_found_in_its_column(desk: Desk) -> None:
    """Also at 80 columns, and no word is cut."""
    screen = StringIO()
    console = Console(
        file=screen, width=80, force_terminal=True, no_color=True, markup=False, highlight=False
    )
    found = "the API user lacks a permission that every change needs, and Autotask says why"
    Shown(Terminal(console=console)).add(
        CheckResult("read contracts", found, CheckVerdict.WRONG, "timus-autotask setup")
    )
    first, second, remedy = screen.getvalue().splitlines()
    assert first == "wrong  read contracts          the API user lacks a permission that every change"
    assert second == f"{'':<31}needs, and Autotask says why"
    assert remedy == "       → timus-autotask setup"


# -- doctor


def test_doctor_has_a_line_for_each_check(desk: Desk) -> None:
    """With its remedy below; a warning is no failure unless somebody wants that."""
    said = desk.told("doctor")
    lines = said.splitlines()
    checks = [line for line in lines if line.startswith(("ok ", "warn ", "wrong "))]
    assert len(checks) == len(desk.ask("doctor")["checks"]) == 31
    assert "Nothing is wrong." in said
    assert "31 checks found something to know" in desk.refused("doctor", "--strict")
    assert desk.run("doctor", "--strict", "--json").json["verdict"] == "warn"


def test_doctor_fails_when_something_is_wrong(desk: Desk) -> None:
    """Status 1, with everything that was found, for a monitor."""
    desk.dead_letters.send("cus_41d0", "lost")
    said = desk.run("doctor", "--json")
    assert said.status == 1
    assert [one["name"] for one in said.json["checks"] if one["verdict"] == "wrong"] == ["dead letters"]
    assert "1 of 31 checks" in said.err


def test_doctor_in_a_loop_locks_nobody(desk: Desk) -> None:
    """A monitor asks each minute; after a refusal Autotask is asked once in a quarter of an hour."""
    desk.world.control.set_credentials("api@msp.example", "another", "CODE")
    for _ in range(14):
        assert verdicts(desk.run("doctor", "--json").json)["API user"] == "wrong"
        desk.world.clock.advance(60)
    logins = [one for one in desk.world.control.requests() if one["entity"] != "ZoneInformation"]
    assert len(logins) == 1


def test_doctor_sends_nothing_to_the_webhook(desk: Desk) -> None:
    """Each minute's look would be an event."""
    desk.ask("doctor")
    assert list(desk.world.ports.store.events()) == []


def test_every_check_is_on_the_page_of_operations(desk: Desk) -> None:
    """With what is a warning and what is wrong; a monitor may go by the names."""
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    section = page.split("## Doctor, for monitoring")[1].split("\n## ")[0]
    names = [one["name"] for one in desk.ask("doctor")["checks"]]
    assert len(set(names)) == len(names)
    missing = [name for name in names if f"`{name}`" not in section and not name.startswith("read ")]
    assert missing == []
