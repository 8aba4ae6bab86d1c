"""From `ready` to an enabled stack, as a technician does it: typed at a terminal, on a stack that was just deployed.

Each step is a function that takes the journey so far; ``test_from_ready_to_enabled`` takes them one after the other and says how many
answers and seconds they took.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.emulator import ROOT
from local.stack import LocalStack
from timus_autotask.cli.command import COMMANDS

pytestmark = pytest.mark.emulator

USER = {"userName": "api@msp.example", "secret": "of the user", "integrationCode": "CODE"}
MOST_ANSWERS = 6
"""Typed before the first mapping is reviewed."""
AT_MOST = 120.0
"""Seconds that one command may take."""

# A session leader that opens a terminal has it as its own: getpass asks there.
COMMAND = "import os, sys; os.open(sys.argv.pop(1), os.O_RDWR); from timus_autotask.cli import main; sys.exit(main())"


@dataclass
class Journey:
    """One technician with one stack."""

    stack: LocalStack
    folder: Path
    started: float = field(default_factory=time.monotonic)
    answers: int = 0
    """Typed so far."""

    @property
    def seconds(self) -> float:
        """Since `ready`."""
        return time.monotonic() - self.started

    def typed(self, words: str, *answers: str) -> str:
        """What a command shows at a terminal, with each answer typed when it asks for one. It must end well."""
        master, slave = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, os.ttyname(slave), *shlex.split(words)],
            env=self._environment() | {"TERM": "xterm", "COLUMNS": "160", "NO_COLOR": "1"},
            cwd=self.folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        try:
            shown = self._conversation(master, answers)
            assert process.wait(timeout=AT_MOST) == 0, shown
        finally:
            process.kill()
            process.wait()
            os.close(master)
        return shown

    def _conversation(self, master: int, answers: Sequence[str]) -> str:
        shown, left, asked = "", [*answers], 0
        until = time.monotonic() + AT_MOST
        while time.monotonic() < until:
            if not select.select([master], [], [], 0.2)[0]:
                if left and shown[asked:].endswith(": "):
                    os.write(master, f"{left.pop(0)}\n".encode())
                    self.answers += 1
                    asked = len(shown)
                continue
            try:
                part = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            shown += part.decode().replace("\r\n", "\n")
        assert not left, shown
        return shown

    def program(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command as a script runs it, with ``--json``."""
        return subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from timus_autotask.cli import main; sys.exit(main())",
                *words,
                "--json",
            ],
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=AT_MOST,
        )

    def asked(self, *words: str) -> Any:
        """What a command gives to a script; it must end well."""
        done = self.program(*words)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core"))),
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            **self.stack.environment(),
        }

    def lets_in(self, user: dict[str, str]) -> None:
        """Let the simulated Autotask accept this API user only, and nobody be stored, as after a deployment."""
        assert self.stack.autotask_control_url
        request = urllib.request.Request(
            f"{self.stack.autotask_control_url}/credentials", json.dumps(user).encode(), method="PUT"
        )
        with urllib.request.urlopen(request, timeout=30):
            pass
        empty = json.dumps({"username": "", "secret": "", "integration_code": ""})
        self.stack.client("secretsmanager").put_secret_value(
            SecretId=self.stack.outputs["AutotaskSecretArn"], SecretString=empty
        )

    def written_to_autotask(self) -> list[Any]:
        """The requests that could have changed something in Autotask."""
        with urllib.request.urlopen(f"{self.stack.autotask_control_url}/requests", timeout=30) as answer:
            requests = json.load(answer)
        return [one for one in requests if one["method"] != "GET" and not one["path"].endswith("/query")]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """A stack that was just deployed: it observes, and nobody has told it anything."""
    folder = tmp_path_factory.mktemp("enabling")
    (folder / "events").symlink_to(ROOT / "events")
    with LocalStack(port=0, scenario="demo", settle_seconds=2, run_dir=folder / "run", observe=True) as stack:
        journey = Journey(stack, folder)
        journey.lets_in(USER)
        yield journey


# -- The steps


def set_up(journey: Journey) -> None:
    """Three answers; everything is tried, and what to register in Timus is shown."""
    shown = journey.typed("setup", USER["userName"], USER["secret"], USER["integrationCode"])
    assert USER["secret"] not in shown, "it is not echoed"
    assert "it is stored" in shown
    assert "make adjustments" in shown
    assert f"  URL     {journey.stack.webhook_url}\n  Secret  {journey.stack.webhook_secret}\n" in shown
    assert "taken in by the worker" in shown
    assert "timus-autotask map suggest" in shown
    assert journey.written_to_autotask() == []


def look_after_it(journey: Journey) -> None:
    """Nothing is wrong; what is still to do is a warning."""
    found = journey.asked("doctor")
    verdicts = {one["name"]: one["verdict"] for one in found["checks"]}
    assert "wrong" not in verdicts.values(), found
    assert verdicts["stage"] == verdicts["last webhook"] == "warn"
    assert {
        verdicts[name] for name in ("stack", "API user", "make adjustments", "webhook", "dead letters")
    } == {"ok"}


# Further steps go here: suggestions, their review, go-live, and the first seat that reaches Autotask.
STEPS = (set_up, look_after_it)


# -- The tests


def test_from_ready_to_enabled(journey: Journey) -> None:
    """One step after the other; few answers are typed, and nothing is set up twice."""
    for step in STEPS:
        step(journey)
        print(f"{step.__name__}: {journey.answers} answers, {journey.seconds:.0f} s since ready")  # noqa: T201 - a result
    assert journey.answers <= MOST_ANSWERS


def test_setup_can_be_repeated_without_an_answer(journey: Journey) -> None:
    """Whatever ran before it."""
    if not json.loads(journey.program("doctor").stdout)["checks"][1]["found"].startswith(USER["userName"]):
        set_up(journey)
    before = journey.answers
    journey.typed("setup")
    assert journey.answers == before


def test_every_example_runs_on_a_stack(journey: Journey) -> None:
    """Each ends with one object and no traceback; what a new stack cannot do is refused with a sentence."""
    answers = {
        command.name: journey.program(*shlex.split(command.example))
        for command in COMMANDS
        if command.name != "restore"  # the emulator has no earlier state of a table
    }
    for name, done in answers.items():
        assert "Traceback" not in done.stderr, (name, done.stderr)
        assert done.returncode in (0, 1, 2), (name, done.stderr)
        assert done.stderr if done.returncode else isinstance(json.loads(done.stdout), dict), name
    looks = (
        "doctor",
        "status",
        "preview",
        "changes",
        "events",
        "minimum",
        "map list",
        "policy show",
        "webhook show",
        "logs queries",
    )
    assert {name for name in looks if answers[name].returncode} == set()
