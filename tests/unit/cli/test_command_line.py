"""The command line itself: its help, its remedies, and how it fails."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV
from timus_autotask import bootstrap
from timus_autotask.cli import main as started
from timus_autotask.cli.command import COMMANDS, PROGRAM
from timus_autotask.cli.failure import UNREACHABLE, Failed
from timus_autotask.cli.parsing import parser
from timus_autotask.cli.running import main
from timus_autotask.cli.terminal import Terminal
from timus_autotask.domain.reasons import REASONS
from timus_autotask.ports.errors import QueueUnavailable, SecretsUnavailable, StackMissing, TableUnavailable
from timus_autotask.watch.remedy import OR, WORDS


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_and_an_example_that_is_right(desk: Desk, command: Any) -> None:
    """Help says what it does, and the example can be typed as it stands."""
    said = desk.run(*command.name.split(), "--help")
    assert said.status == 0
    assert "Example: timus-autotask" in " ".join(said.out.split())
    arguments = parser().parse_args(shlex.split(command.example))
    assert arguments.command is command


def test_output_that_nobody_reads_ends_what_would_write_with_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As behind a pipe that is closed: nothing is written, and it is said. What only looks ends quietly."""
    stopped = Terminal()

    def closed(*_: object) -> None:
        stopped.console.on_broken_pipe()

    before = desk.world.table.documents()
    monkeypatch.setattr(Terminal, "_print", closed)
    assert main(["map", "plan", "SASE-ADV-USER", "--service", "45", "--yes"], desk.deployment) == 1
    assert desk.world.table.documents() == before
    assert "because the output was closed" in capfd.readouterr().err
    assert main(["status"], desk.deployment) == 0


@pytest.mark.parametrize("code", REASONS)
def test_every_remedy_can_be_typed(code: str) -> None:
    """What a reason recommends is a command that there is, with what is said only where it is known and without it."""
    told = OR.join(WORDS[way] for way in REASONS[code].ways)
    with_it, without = re.sub(r"[\[\]]", "", told), re.sub(r"\[[^\]]*\]", "", told)
    remedy = re.sub(r"\{[a-z_]+\}", "7", OR.join((with_it, without)))
    for typed in re.findall(PROGRAM + " ([^,;|]+)", remedy):
        parser().parse_args([re.sub("^(N|…)$", "7", word) for word in shlex.split(typed)])


@pytest.mark.parametrize(
    "words", [(), ("map",), ("map", "customer"), ("nonsense",), ("retry", "x"), ("status", "--nonsense")]
)
def test_what_is_not_understood_is_a_matter_of_usage(desk: Desk, words: tuple[str, ...]) -> None:
    """Exit status 2, with the usage on standard error."""
    assert "usage:" in desk.refused(*words, status=2)


@pytest.mark.parametrize(
    "error",
    [
        TableUnavailable("no table"),
        QueueUnavailable("no queue"),
        SecretsUnavailable("no secrets"),
        Failed("no stack", UNREACHABLE),
    ],
)
def test_infrastructure_out_of_reach_is_one_sentence(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """Exit status 3 and no traceback, with and without ``--json``."""

    def away(_stack: str) -> Any:
        raise error

    for words in (["status"], ["status", "--json"]):
        assert main(words, away) == 3
        said = capsys.readouterr()
        assert said.out == ""
        assert str(error) in said.err.lower()
        assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ENDPOINT_URL": "nonsense"}, "AWS cannot be reached: Invalid endpoint: nonsense. Check"),
        ({"AWS_REGION": "us east"}, "AWS cannot be reached: Provided region_name"),
        (
            {"AWS_PROFILE": "nobody"},
            "AWS cannot be asked: The config profile (nobody) could not be found. Set",
        ),
    ],
)
def test_an_environment_that_leads_nowhere_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    words: str,
) -> None:
    """Whatever the AWS library makes of it, the command says which variables to look at."""
    usual = {"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null"}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    for name, value in {**usual, **keys, **variables}.items():
        monkeypatch.setenv(name, value)
    assert main(["status"]) == UNREACHABLE
    said = capsys.readouterr()
    assert said.err.startswith(words)
    assert "AWS_REGION" in said.err


def test_a_stack_that_is_not_there_is_told_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name may have been mistyped, or the account be another."""

    def missing(_stack: str) -> Any:
        raise StackMissing

    monkeypatch.setattr(bootstrap, "deployment", missing)
    for there, words in (
        (["acme", "bravo"], "Of ours there are: acme, bravo."),
        ([], "There is none of ours."),
    ):
        monkeypatch.setattr(bootstrap, "stacks", lambda there=there: there)
        assert main(["status"]) == UNREACHABLE
        assert words in capsys.readouterr().err


def test_a_reader_who_has_seen_enough_is_no_failure(desk: Desk) -> None:
    """`timus-autotask status --json | head` ends quietly, whenever the other side of the pipe closes."""
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "w") as pipe, redirect_stdout(pipe):  # noqa: PTH123 - a descriptor has no path
        status = main(["status", "--json"], desk.deployment)
    assert status == 0


@pytest.mark.parametrize(
    "words",
    [
        ("map", "customer", "", "--company", "600"),
        ("map", "plan", " ", "--service", "45"),
        ("pause", "--customer", ""),
    ],
)
def test_an_empty_name_is_none(desk: Desk, words: tuple[str, ...]) -> None:
    """A variable that a script forgot to set maps nobody, and does not pause everybody."""
    assert "empty" in desk.refused(*words, status=2)


def test_missing_credentials_name_the_command(desk: Desk) -> None:
    """Wherever they are needed."""
    desk.world.secrets.rotate()
    said = desk.refused("webhook", "show")
    assert "webhook secret" in said


def test_options_for_all_commands_stand_anywhere(desk: Desk) -> None:
    """``--json`` before or after the command."""
    assert desk.run("--json", "status").json == desk.run("status", "--json").json


def test_the_stack_is_named_by_option_or_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The option wins over the variable, which wins over the default."""
    asked: list[str] = []

    def find(stack: str) -> Any:
        asked.append(stack)
        raise Failed("enough")

    monkeypatch.delenv("TIMUS_AUTOTASK_STACK", raising=False)
    main(["status"], find)
    monkeypatch.setenv("TIMUS_AUTOTASK_STACK", "of-the-variable")
    main(["status"], find)
    main(["status", "--stack", "of-the-option"], find)
    assert asked == ["timus-autotask", "of-the-variable", "of-the-option"]
    assert capsys.readouterr().err == "enough\n" * 3


def test_a_person_can_say_no(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal a mapping is written only after a yes; --yes and --json do not ask."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(Terminal, "confirm", lambda *_: False)
    words = ("map", "customer", "cus_41d0", "--company", "600", "--contract", "29683949")
    monkeypatch.setattr("timus_autotask.cli.running.sys.stdin", _Tty())
    assert "Nothing was written" in desk.refused(*words)
    assert desk.run(*words, "--yes").status == 0


class _Tty:
    def isatty(self) -> bool:
        return True


def test_outside_a_checkout_there_is_no_local_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says from where it runs."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("timus_autotask.cli.running.import_module", missing)
    assert main(["local"]) == 2
    assert "checkout" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--secret", "--username", "--integration-code"])
def test_a_value_that_begins_with_a_dash_is_told_how_to_give(desk: Desk, option: str) -> None:
    """A generated secret may begin with one; argparse takes it for an option."""
    said = desk.refused("credentials", "set", option, "-aB3$k", status=2)
    assert f"a value that begins with - is given with =, as in {option}=-x" in said
    given = ("--username=-u@msp.example", "--secret=-aB3$k", "--integration-code=-CODE", "--unchecked")
    assert desk.ask("credentials", "set", *given)["stored"] is True
    assert desk.stored[0].secret == "-aB3$k"


def test_ctrl_c_in_the_first_second_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While the command is still being imported."""

    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("timus_autotask.cli.running.main", interrupted)
    assert started(["status"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_help_needs_nothing_of_aws() -> None:
    """It comes at once, on a machine without AWS too."""
    program = (
        "import sys; sys.modules |= dict.fromkeys(('boto3', 'botocore', 'httpx', 'pydantic', 'rich'));"
        "from timus_autotask.cli import main; main(['map', 'customer', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Example: timus-autotask map customer" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_a_function(command: Any) -> None:
    """It is named only, so that the command line needs no import."""
    module, _, function = command.run.partition(".")
    assert callable(getattr(import_module(f"timus_autotask.cli.{module}"), function))


@pytest.mark.parametrize("name", ["local", "demo"])
def test_what_runs_on_this_machine_prints_no_json(name: str, desk: Desk) -> None:
    """It says so in a sentence, wherever the option stands; every other command takes it."""
    for words in ((name, "--json"), ("--json", name), ("--stack", "x", name)):
        assert "take neither --json nor --stack" in desk.refused(*words, status=2)


def test_what_a_terminal_cannot_show_is_escaped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An arrow must not end a command that has written already."""
    out = TextIOWrapper(BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", out)
    desk.world.tell(1, {ADV: 2})
    desk.world.work()
    status = main(["status", "--all"], desk.deployment)
    out.flush()
    said = out.buffer.getvalue().decode("latin-1")
    assert (status, "\\u2192 timus-autotask" in said) == (0, True)


def test_a_pause_takes_yes(desk: Desk) -> None:
    """Whoever stops everything in a hurry has no time for usage; it asks nothing either way."""
    assert desk.ask("pause", "--yes")["paused"]
