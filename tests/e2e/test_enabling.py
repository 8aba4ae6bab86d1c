"""From `ready` to a partner who is live with forty clients: typed at a terminal, on a stack that was just deployed.

Each step is a function that takes the journey so far; ``walked`` takes them one after the other and prints how many answers, keystrokes
and seconds they took. ``docs/enabling.md`` gives the same steps and counts to people.
"""

from __future__ import annotations

import codecs
import csv
import json
import os
import re
import select
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from local.emulator import ROOT
from local.stack import LocalStack
from local.timus import change
from tests import tenant
from tests.world import ADV
from timus_autotask.cli.command import COMMANDS
from timus_autotask.timus.signatures import sign

pytestmark = pytest.mark.emulator

USER = {"userName": "api@msp.example", "secret": "of the user", "integrationCode": "CODE"}
MOST_ANSWERS = 6
"""Typed before the first mapping is reviewed."""
MOST_CALLS = 30
"""Requests to Autotask for suggesting and taking in forty clients."""
MOST_SECONDS = 180
"""For all of it, with a person who never hesitates."""
AT_MOST = 120.0
"""Seconds that one command may take."""
PAGE = " ".join((ROOT / "docs" / "enabling.md").read_text(encoding="utf-8").split())
NOBODY, TWICE = tenant.customer(tenant.NOBODY), tenant.customer(tenant.TWICE)

SUGGESTION = re.compile(r"\d+ of \d+  (\w+ [^\n]*)\n")
"""The heading of a suggestion that is asked about."""

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
    keys: int = 0
    """Pressed so far."""
    asked_at: int = 0
    """Requests that Autotask had got when the last question was asked."""
    done: list[str] = field(default_factory=list)
    """The steps that were taken."""
    to_review: list[dict[str, Any]] = field(default_factory=list)
    """The table as it was before the first mapping."""
    counts: list[str] = field(default_factory=list)
    """What it took, in the words of the page."""
    previewed: Any = None
    """What `preview` gave before go-live."""

    @property
    def seconds(self) -> float:
        """Since `ready`."""
        return time.monotonic() - self.started

    def typed(self, words: str, *answers: str, key: Callable[[str], str] | None = None) -> str:
        """What a command shows at a terminal, with each answer typed when it asks for one. It must end well.

        ``key`` gives the keystroke for a suggestion, by its heading.
        """
        master, slave = os.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, os.ttyname(slave), *shlex.split(words)],
            env=self._environment() | {"TERM": "xterm", "COLUMNS": "160", "NO_COLOR": "1", "PAGER": "cat"},
            cwd=self.folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        try:
            shown = self._conversation(master, answers, key)
            assert process.wait(timeout=AT_MOST) == 0, shown
        finally:
            process.kill()
            process.wait()
            os.close(master)
        return shown

    def _conversation(self, master: int, answers: Sequence[str], key: Callable[[str], str] | None) -> str:
        shown, left, asked = "", [*answers], 0
        decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
        until = time.monotonic() + AT_MOST
        while time.monotonic() < until:
            if not select.select([master], [], [], 0.2)[0]:
                if left and shown[asked:].endswith((": ", "[y/N] ")):
                    self.asked_at = self.calls()
                    os.write(master, f"{left.pop(0)}\n".encode())
                    self.answers += 1
                    asked = len(shown)
                continue
            try:
                part = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            shown += decoder.decode(part).replace("\r\n", "\n")
            if key and (heading := SUGGESTION.search(shown, asked)):
                pressed = key(heading[1])
                os.write(master, pressed.encode())
                self.keys += len(pressed)
                asked = heading.end()
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

    def autotask(self, route: str) -> Any:
        """What the simulator's own books say."""
        with urllib.request.urlopen(f"{self.stack.autotask_control_url}/{route}", timeout=30) as answer:
            return json.load(answer)

    def calls(self) -> int:
        """The requests that Autotask has got so far."""
        total: int = self.autotask("counters")["total"]
        return total

    def written_to_autotask(self) -> list[Any]:
        """The requests that could have changed something in Autotask."""
        requests = self.autotask("requests")
        return [
            one
            for one in requests
            if one["method"] != "GET" and not one["path"].endswith(("/query", "/query/next"))
        ]

    def stand_in_the_docs(self) -> None:
        """Every count is printed, and is what the page says."""
        print(*self.counts, sep="\n")  # noqa: T201 - a result
        assert [one for one in self.counts if one not in PAGE] == []

    def tell(self, number: int, version: int, items: Mapping[str, int], effective: datetime) -> None:
        """Let Timus tell of a client, by a signed webhook."""
        body = change(
            f"sub_{number}",
            version,
            tenant.customer(number),
            items,
            effective,
            customer_name=tenant.name(number),
            customer_domain=f"client{number}.example",
            term=(date(effective.year, 1, 1), date(effective.year + 2, 12, 31)),
        ).encode()
        signed = sign(f"evt_{number}_{version}", int(time.time()), body, self.stack.webhook_secret)
        headers = {"content-type": "application/json", **signed}
        request = urllib.request.Request(self.stack.webhook_url, body, headers, method="POST")
        for _ in range(10):  # whoever sends webhooks tries again where the service is busy
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    assert answer.status == 202
                return
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(0.5)
        raise AssertionError("the webhook stays busy")

    def comes_to_rest(self) -> dict[str, Any]:
        """`status`, once nothing is under way any more."""
        until = time.monotonic() + AT_MOST
        while True:
            status: dict[str, Any] = self.asked("status")
            if status["at_rest"]:
                return status
            assert time.monotonic() < until, status["outstanding"]

    def table(self) -> list[dict[str, Any]]:
        """Every item of the table, as DynamoDB writes it."""
        pages = self.stack.client("dynamodb").get_paginator("scan")
        name = self.stack.outputs["TableName"]
        return [
            item for page in pages.paginate(TableName=name, ConsistentRead=True) for item in page["Items"]
        ]

    def begin_again(self) -> None:
        """Let the table and Autotask be as they were before the first mapping."""
        dynamodb, name = self.stack.client("dynamodb"), self.stack.outputs["TableName"]
        for item in self.table():
            dynamodb.delete_item(TableName=name, Key={key: item[key] for key in ("pk", "sk")})
        for item in self.to_review:
            dynamodb.put_item(TableName=name, Item=item)
        reset = urllib.request.Request(f"{self.stack.autotask_control_url}/reset", method="POST")
        with urllib.request.urlopen(reset, timeout=30):
            pass


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """A stack that was just deployed: it observes, and nobody has told it anything."""
    folder = tmp_path_factory.mktemp("enabling")
    (folder / "events").symlink_to(ROOT / "events")
    (folder / "tenant.json").write_text(json.dumps(tenant.scenario()))
    with LocalStack(
        port=0,
        scenario=str(folder / "tenant.json"),
        settle_seconds=2,
        run_dir=folder / "run",
        observe=True,
    ) as stack:
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


def timus_reports(journey: Journey) -> None:
    """Timus tells of forty clients with seats since the month began; no answer of a person."""
    began = datetime.now(UTC).replace(day=1, hour=0)
    with ThreadPoolExecutor(4) as pool:
        clients = range(tenant.CLIENTS)
        [*pool.map(lambda number: journey.tell(number, 1, tenant.skus(number), began), clients)]
    status = journey.comes_to_rest()
    assert len(status["unmapped"]["customers"]) == tenant.CLIENTS
    journey.to_review = journey.table()


def see_suggestions(journey: Journey) -> None:
    """What each may be, and the next command."""
    before = journey.calls()
    shown = journey.typed("map suggest")
    assert "40 customers and 6 SKUs are to be mapped." in shown
    assert "timus-autotask map review" in shown
    journey.counts.append(f"{journey.calls() - before} calls of Autotask for the suggestions")


def review(journey: Journey) -> None:
    """One keystroke for each suggestion; from which day the late ones are billed, and one question for all of it."""

    def key(heading: str) -> str:
        if heading.startswith(f"Customer {TWICE} "):
            return "a1"  # and which contract service, where the service is on the contract twice
        return "i" if heading.startswith((f"Customer {NOBODY} ", f"SKU {tenant.TRIAL},")) else "a"

    before = journey.calls()
    journey.typed("map review --reason 'our own'", "", "y", key=key)
    assert journey.keys == tenant.CLIENTS + len(tenant.SKUS) + 1
    calls = journey.asked_at - before
    assert calls <= MOST_CALLS
    print(f"{calls} calls of Autotask to suggest and take in forty clients")  # noqa: T201 - a result
    journey.counts.append(f"at most {MOST_CALLS} calls of Autotask")
    status = journey.comes_to_rest()
    assert status["unmapped"] == {"customers": [], "skus": []}
    assert status["ignored"] == {"customers": [NOBODY], "skus": [tenant.TRIAL]}


def keep_it(journey: Journey) -> None:
    """What was chosen as a file, with the contract service of the client whose service is on the contract twice."""
    written = journey.folder / "clients.csv"
    journey.asked("map", "export", str(written))
    rows = [*csv.DictReader(written.read_text("utf-8-sig").splitlines())]
    assert [one["contract_service_id"] for one in rows if one["contract_service_id"]] == [
        str(9000 + tenant.TWICE)
    ]


def preview(journey: Journey) -> None:
    """What would be posted, with names and an estimate; nothing waits for a person any more."""
    shown = journey.typed("preview")
    assert all(tenant.name(number) in shown for number in range(tenant.CLIENTS) if number != tenant.NOBODY)
    assert "parked" not in shown
    assert "timus-autotask go-live" in shown
    journey.previewed = journey.asked("preview")


def go_live(journey: Journey) -> None:
    """One question; then just what was shown is in Autotask, seat for seat."""
    journey.typed("go-live", "y")
    status = journey.comes_to_rest()
    billed = [line for line in status["lines"] if line["state"] != "ignored"]
    assert [line for line in billed if line["timus_quantity"] != line["autotask_units"]] == []
    made = journey.autotask("adjustments")
    assert len(made) == journey.previewed["totals"]["lines"]
    assert sum(one["unitChange"] for one in made) == journey.previewed["totals"]["units_up"]


def first_seat(journey: Journey) -> None:
    """One seat more in Timus is one seat more in Autotask, from today."""
    before = len(journey.autotask("adjustments"))
    items = tenant.skus(0)
    journey.tell(0, 2, {**items, ADV: items[ADV] + 1}, datetime.now(UTC))
    until = time.monotonic() + AT_MOST
    while len(made := journey.autotask("adjustments")[before:]) < 1 and time.monotonic() < until:
        time.sleep(0.1)
    assert [(one["contractID"], one["unitChange"]) for one in made] == [(tenant.contract(0), 1)]


UNTIL_LIVE = (set_up, look_after_it, timus_reports, see_suggestions, review, keep_it, preview)
STEPS = (*UNTIL_LIVE, go_live, first_seat)


def walked(journey: Journey) -> Journey:
    """The journey, with every step taken; none is taken twice."""
    for step in STEPS[len(journey.done) :]:
        step(journey)
        journey.done.append(step.__name__)
        print(  # noqa: T201 - a result
            f"{step.__name__}: {journey.answers} answers and {journey.keys} keystrokes, "
            f"{journey.seconds:.0f} s since ready"
        )
        if step in UNTIL_LIVE:
            assert journey.written_to_autotask() == []
        if step is see_suggestions:
            assert journey.answers <= MOST_ANSWERS
            journey.counts.append(f"{journey.answers} answers before the review")
    return journey


# -- The tests


def test_from_ready_to_live(journey: Journey) -> None:
    """One step after the other, with few answers; nothing is written to Autotask before go-live."""
    walked(journey)
    assert journey.seconds <= MOST_SECONDS
    journey.counts += [f"{journey.keys} keystrokes", f"{journey.answers} answers in all"]
    journey.stand_in_the_docs()


def test_the_same_clients_by_one_file(journey: Journey) -> None:
    """What the review had chosen is exported, and taken in as a whole by a stack that knows none of it: the same is previewed."""
    walked(journey).begin_again()
    before = journey.calls()
    journey.typed("map import clients.csv", "y")
    calls = journey.asked_at - before
    assert calls <= MOST_CALLS
    print(f"{calls} calls of Autotask for the file")  # noqa: T201 - a result
    journey.comes_to_rest()
    previewed = journey.asked("preview")
    assert previewed["totals"] == journey.previewed["totals"]
    assert previewed["contracts"] == journey.previewed["contracts"]
    assert journey.written_to_autotask() == []


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
        # The emulator has no earlier state of a table, and a console is served until somebody stops it.
        if command.name not in ("restore", "console")
    }
    for name, done in answers.items():
        assert "Traceback" not in done.stderr, (name, done.stderr)
        assert done.returncode in (0, 1, 2), (name, done.stderr)
        assert done.stderr if done.returncode else isinstance(json.loads(done.stdout), dict), name
    looks = (
        "doctor",
        "events",
        "minimum",
        "map list",
        "policy show",
        "webhook show",
        "logs queries",
    )
    assert {name for name in looks if answers[name].returncode} == set()
    for name in ("preview", "status", "changes"):  # their examples name a client of another tenant
        assert answers[name].returncode
        assert journey.program(name).returncode == 0, name
