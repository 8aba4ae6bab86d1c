"""What would help, where a use case refuses or a check finds something: a value there, which the command and the console put into words."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from timus_autotask.cli import failure, foreseen
from timus_autotask.cli.command import COMMANDS
from timus_autotask.cli.parsing import parser
from timus_autotask.domain.reasons import Parked
from timus_autotask.operate import refusal as refusing
from timus_autotask.operate.files.tables import FileRefused, Problem
from timus_autotask.operate.foreseen import KINDS, Foreseen
from timus_autotask.operate.refusal import Doubt, NotDone, Note, Way, not_asked
from timus_autotask.ports.errors import (
    Conflict,
    CredentialsRefused,
    NotConfigured,
    RetryLater,
    SecretsUnavailable,
    TableUnavailable,
)
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.terms import TermsUnreadable
from timus_autotask.watch import remedy as remedies
from timus_autotask.watch.check import CheckResult
from timus_autotask.watch.remedy import COMMAND, CheckWay, NextWay, said, ways
from timus_autotask.web import failing

OPTION = re.compile(r"--[a-z-]+")


def options(of: argparse.ArgumentParser) -> Iterator[str]:
    """Every option of the command, whichever subcommand it belongs to."""
    for action in of._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from options(each)


@pytest.mark.parametrize("way", Way)
def test_the_command_names_an_option_that_there_is(way: Way) -> None:
    """Each way has words, and what they name can be typed."""
    words = failure.WAYS[way]
    named = OPTION.findall(words)
    assert named or COMMAND.search(words)
    assert {*named} <= {*options(parser())}


@pytest.mark.parametrize("way", Way)
def test_the_console_names_no_option(way: Way) -> None:
    """Whoever looks at a form cannot type one."""
    said = failing.failure_of(NotDone("It is not.", way, day=date(2026, 3, 10))).message
    assert said.startswith("It is not.")
    assert "{" not in said
    assert not OPTION.search(said)
    assert "timus-autotask" not in said


RECORDED = {"reconcile --after-restore", "reconcile --timus-invoice"}
"""Kinds of decisions, as they are stored."""
OPERATE = sorted(Path(refusing.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("module", OPERATE, ids=lambda path: path.stem)
def test_a_use_case_says_no_option_and_no_command(module: Path) -> None:
    """Not in a sentence of its own, and not with words that a command line is made of: it names a way, and each reader has words for it."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    said = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    assert [one for one in said if OPTION.search(one) or COMMAND.search(one)] == [
        one for one in said if one in RECORDED
    ]
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == remedies.__name__
        for alias in node.names
    }
    assert imported <= {"CheckWay", "NextWay"}


@pytest.mark.parametrize(
    "error",
    [
        NotDone("the line is not held"),
        RecordUnreadable("LINE#1", "it is damaged"),
        TermsUnreadable(["seats: not a number"]),
        NotConfigured("there is no API user"),
        Conflict(),
        RetryLater(60, "it is busy"),
        TableUnavailable("it is away"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_command_and_the_console_both_say_what_is_foreseen(error: Exception) -> None:
    """One list of what may go wrong for both, so that none is a sentence here and a bug there."""
    assert foreseen.said_of(error) is not None
    assert "nobody foresaw" not in failing.failure_of(error).title


def test_every_kind_that_is_foreseen_has_words() -> None:
    """A refusal has its own."""
    kinds = {*Foreseen} - {Foreseen.NOT_DONE}
    assert {*foreseen.FAILURES} == {*failing.FAILURES} == kinds
    assert {*KINDS.values()} == {*Foreseen}


@pytest.mark.parametrize("way", CheckWay)
def test_a_check_names_a_command_that_there_is(way: CheckWay) -> None:
    """With options that it takes, a line each, so that it can be copied from a terminal and from the console's page."""
    said = CheckResult("it", "", way=way, facts={"stack": "acme", "zone": "Europe/Berlin"}).remedy
    commands = [one[0] for one in COMMAND.finditer(said)]
    ours = [one.removeprefix("timus-autotask ") for one in commands if one.startswith("timus-autotask")]
    assert all(any(f"{one} ".startswith(f"{there.name} ") for there in COMMANDS) for one in ours)
    named = OPTION.findall(said)
    assert commands or named
    assert {*named} <= {*options(parser())}
    assert "{" not in said
    assert all(len(COMMAND.findall(one)) <= 1 for one in ways(said))


@pytest.mark.parametrize("way", NextWay)
def test_what_a_person_does_next_is_a_command_that_there_is(way: NextWay) -> None:
    """With options that it takes, and one of them, so that it can be copied from a mail as from a terminal."""
    words = said(way, customer="cus_1", contract=5, change="c1", month="2026-03", since="2026-03-01")
    [command] = [one[0].removeprefix("timus-autotask ") for one in COMMAND.finditer(words)]
    assert any(f"{command} ".startswith(f"{there.name} ") for there in COMMANDS)
    assert {*OPTION.findall(words)} <= {*options(parser())}
    assert "{" not in words


def test_a_name_in_doubt_is_confirmed_or_mapped_in_each_ones_words() -> None:
    """The command for each; the console has a page for one of both."""
    doubt = Doubt("It is called otherwise.", (Way.NAME_IN_DOUBT,), what="a b")
    assert failure.doubt_words(doubt) == (
        "It is called otherwise. If that is right: timus-autotask map confirm 'a b'; if not: timus-autotask map customer 'a b' "
        "--company N --contract N"
    )
    assert failing.doubt_words(doubt) == (
        "It is called otherwise. If it is another company, choose that one on the page Mapping; that it is right is said with the command."
    )


def test_what_is_in_doubt_can_be_done_otherwise_in_both() -> None:
    """With the day from which it is right."""
    doubt = Doubt("25 units would be billed twice.", (Way.ONCE_FROM,), date(2026, 4, 1))
    assert (
        failure.doubt_words(doubt)
        == "25 units would be billed twice. To bill them once: --from 2026-04-01 (in a file: first_day 2026-04-01)."
    )
    assert (
        failing.doubt_words(doubt)
        == "25 units would be billed twice. To bill them once, let it hold from 2026-04-01 on."
    )
    assert (
        failure.doubt_words(Doubt("It goes live."))
        == failing.doubt_words(Doubt("It goes live."))
        == "It goes live."
    )


def test_the_earliest_day_is_said_in_both() -> None:
    """It can be typed, or chosen."""
    refused = NotDone("Too early.", Way.FROM_DAY, day=date(2026, 3, 10))
    assert failure.refusal(refused) == "Too early. So say: --from 2026-03-10."
    assert failing.failure_of(refused).message == "Too early. Choose 2026-03-10, or a later day."


def test_what_a_way_is_about_is_named_as_a_shell_takes_it() -> None:
    """An id may be anything that Timus says; the console has no place for it."""
    refused = NotDone("It is merged.", Way.SHOW_EVENT, what="e 1")
    assert failure.refusal(refused) == "It is merged. See: timus-autotask events show 'e 1'"
    assert failing.failure_of(refused).message == "It is merged. What the event says is shown by the command."


def test_what_a_way_is_about_may_be_nothing() -> None:
    """A pause is of everybody, or of a customer."""
    everybody, one = NotDone("No.", Way.PAUSE), NotDone("No.", Way.PAUSE, what="a b")
    assert failure.refusal(everybody) == "No. It is said with: timus-autotask pause"
    assert failure.refusal(one) == "No. It is said with: timus-autotask pause --customer 'a b'"


def test_what_has_to_end_first_is_a_command_that_can_be_copied_in_both() -> None:
    """In the console beside the sentence, and not within it."""
    refused = NotDone("It is paused.", first=Parked("paused", {}))
    assert failure.refusal(refused) == "It is paused. First: timus-autotask resume"
    shown = failing.failure_of(refused)
    assert (shown.message, shown.remedy) == ("It is paused.", "timus-autotask resume")


def test_what_is_to_be_chosen_from_is_said_in_both() -> None:
    """A command for each, or the page that has them."""
    facts: dict[str, int | str] = {"contract": 7, "service": 45, "choices": "1201 | 1202"}
    doubt = Doubt("It stands there twice.", choose=Parked("line-duplicated", facts))
    assert failure.doubt_words(doubt) == (
        "It stands there twice. Choose one: timus-autotask map line 7 45 --contract-service 1201, or: "
        "timus-autotask map line 7 45 --contract-service 1202"
    )
    assert failing.doubt_words(doubt) == "It stands there twice. Choose one on the page Mapping."


def test_a_note_says_what_would_help_in_both() -> None:
    """One that needs no help is the same."""
    note = Note("Customer a b is not mapped.", (Way.MAP_CUSTOMER,), "a b")
    assert (
        failure.note_words(note)
        == "Customer a b is not mapped. To map it: timus-autotask map customer 'a b' --company N --contract N"
    )
    assert failing.note_words(note) == "Customer a b is not mapped. The page Mapping maps it."
    assert failure.note_words("Done.") == failing.note_words("Done.") == str(Note("Done."))


@pytest.mark.parametrize("error", [RetryLater(60, "busy"), SecretsUnavailable("AWS is out of reach")])
def test_autotask_that_cannot_be_asked_is_looked_into_where_waiting_does_not_help(error: Exception) -> None:
    """By the command, or on its page."""
    refused = not_asked(error, more="Nothing was written.")
    waits = isinstance(error, RetryLater)
    assert ("try again in a minute" in str(refused)) is waits
    assert str(refused).endswith(" Nothing was written.")
    assert ("timus-autotask doctor" in failure.refusal(refused)) is not waits
    assert ("The page Health" in failing.failure_of(refused).message) is not waits


@pytest.mark.parametrize("error", [CredentialsRefused("unknown"), NotConfigured("nobody is set")])
def test_an_api_user_is_set_where_that_is_what_is_wrong(error: Exception) -> None:
    """No time and no other look helps."""
    said = failure.refusal(not_asked(error))
    assert said.endswith("). Set an API user with: timus-autotask credentials set.")
    assert failing.failure_of(not_asked(error)).message.endswith("An API user is set with the command.")


@pytest.mark.parametrize(("seconds", "when"), [(5, "a minute"), (60, "a minute"), (61, "2 minutes")])
def test_when_autotask_is_asked_again_is_said_in_minutes(seconds: int, when: str) -> None:
    """Rounded up."""
    assert (
        str(not_asked(RetryLater(seconds, "busy")))
        == f"Autotask cannot be asked (busy); try again in {when}."
    )


def test_a_problem_of_a_file_says_what_would_help_too() -> None:
    """Beside the row, in each reader's words; a question keeps its mark."""
    problem = Problem("is not known; did you mean cus_1?", 2, "customer_id", "cus_l", (Way.STILL_TO_COME,))
    helped = (
        "row 2: customer_id is not known; did you mean cus_1? If it is meant, and still to come: --unknown."
    )
    assert failure.problem_words(problem) == helped
    assert failure.problem_words(Problem("is empty", 3, "sku")) == "row 3: sku is empty"
    [shown] = failing.failure_of(FileRefused(problem)).details
    assert shown.endswith("did you mean cus_1? If it is meant: tick “still to come”.")
