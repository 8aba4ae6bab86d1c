"""The table of commands, walked: each example runs, and whatever can be foreseen to fail is one sentence and an exit status."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk, Said
from tests.world import ADV, CONTRACT, CUSTOMER, World
from timus_autotask.cli.command import COMMANDS, Command
from timus_autotask.cli.failure import UNREACHABLE, Failed
from timus_autotask.operate.deployment import Deployment
from timus_autotask.ports.errors import (
    Conflict,
    CredentialsRefused,
    OutcomeUnknown,
    QueueUnavailable,
    RetryLater,
    SecretsUnavailable,
    TableUnavailable,
)
from timus_autotask.ports.secrets import Credentials
from timus_autotask.ports.table import Key, Put

ROOT = Path(__file__).parents[3]
EXPORT = (
    "customer_id,subscription_id,sku,quantity,term_end\ncus_41d0,sub_8f2c1a,SASE-ADV-USER,25,2026-12-31\n"
    "cus_41d0,sub_8f2c1a,SASE-GATEWAY,1,2026-12-31\n"
)
REFUSED_HERE = {
    "drift": "there is no drift to decide about",
    "approve": "nothing is held",
    "reject": "nothing is held",
    "undo": "there is no such change",
    "events show": "there is no such event",
    "events accept": "there is no such event",
    "events dismiss": "there is no such event",
    "go-live": "without a person it needs --yes",
    "map review": "it needs a terminal",
    "map ignore": "Timus has not reported the customer",
    "map confirm": "no name is in doubt",
    "map unignore": "the SKU is not ignored",
    "restore": "the table in memory has no earlier state",
    "setup": "its example leaves the secret to be asked for, and nobody can be asked",
    "credentials set": "its example leaves the secret to be asked for, and nobody can be asked",
}
"""Examples that are refused in the world of these tests, with the reason."""


@pytest.fixture
def settled(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A client who is mapped and level; the files that the examples name are there, and nothing leaves the process."""
    (tmp_path / "events").symlink_to(ROOT / "events")
    (tmp_path / "subscriptions.csv").write_text(EXPORT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "timus_autotask.cli.access.webhook_at", lambda _url: lambda _headers, _body: (202, "{}")
    )
    desk.world.map_customer()
    desk.world.tell(1, {ADV: 25, "SASE-GATEWAY": 1})
    desk.world.work()
    desk.world.pass_time(minutes=1)
    desk.told("map", "export", "mappings.csv")
    return desk


def example(desk: Desk, command: Command, *more: str) -> Said:
    """What the example of a command says and leaves, to a program."""
    said = desk.run(*shlex.split(command.example), *more)
    assert "Traceback" not in said.err
    return said


def well_formed(said: Said) -> None:
    """JSON or nothing on standard output; sentences on standard error if it failed, and else only of records that cannot be read."""
    if said.out:
        assert isinstance(json.loads(said.out), dict)
    assert bool(said.err) is (said.status != 0) or said.err.startswith("Some records cannot be read"), said
    assert all(line.strip() for line in said.err.splitlines())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_example_runs(settled: Desk, command: Command) -> None:
    """With ``--json``: one object; what is refused here says why."""
    said = example(settled, command, "--json")
    well_formed(said)
    if command.name in REFUSED_HERE:
        assert said.status in (1, 2), REFUSED_HERE[command.name]
    else:
        assert said.status == 0, said
        assert said.out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_example_runs_for_people(settled: Desk, command: Command) -> None:
    """With the same exit status, and something to read."""
    said = example(settled, command)
    assert (said.status == 0) is (command.name not in REFUSED_HERE), said
    assert said.out or said.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_no_command_fails_on_an_empty_stack(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """On the first day: nothing is known, and the files are not there."""
    monkeypatch.chdir(tmp_path)
    said = example(desk, command, "--json")
    well_formed(said)
    assert said.status in (0, 1, 2)


# -- Questions change nothing

ASKS = (
    "status",
    "preview",
    "ready",
    "doctor",
    "changes",
    "events",
    "ledger",
    "digest",
    "policy show",
    "map suggest",
)
"""Commands that only look."""
DRY = [one for one in COMMANDS if any("--dry-run" in argument.names for argument in one.arguments)]
KEPT_BY = {"reconcile": "RECONCILE"}
"""What a dry run keeps nevertheless, as its help says: by command, the first word of the key."""


@pytest.fixture
def undecided(settled: Desk) -> Desk:
    """A stack whose stage nobody has decided, with the files of the examples; a client is mapped, and his seats wait in the inbox."""
    world = World(live=None)
    world.map_customer()
    world.tell(1, {ADV: 28, "SASE-GATEWAY": 1})
    settled.world = world
    settled.__post_init__()
    return settled


def written(desk: Desk, *words: str) -> set[Key]:
    """The keys of what the table has otherwise after a command was run."""
    before = {one.key: one for one in desk.world.table.documents()}
    said = desk.run(*words)
    assert "Traceback" not in said.err
    after = {one.key: one for one in desk.world.table.documents()}
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


@pytest.mark.parametrize("command", ASKS)
def test_a_question_writes_nothing(undecided: Desk, command: str) -> None:
    """Not even which stage holds, where nobody has decided that yet."""
    assert written(undecided, *command.split()) == set()


@pytest.mark.parametrize("command", DRY, ids=lambda command: command.name)
def test_a_dry_run_writes_nothing(undecided: Desk, command: Command) -> None:
    """Whatever the command would do, and whether or not the stage is decided."""
    more = () if "--dry-run" in command.example else ("--dry-run",)
    found = written(undecided, *shlex.split(command.example), *more)
    assert {key.sk.partition("#")[0] for key in found} <= {KEPT_BY.get(command.name)}


# -- What can be foreseen to fail


class Broken:
    """Something of AWS that is out of reach, whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fails(*_: Any, **__: Any) -> Any:
            raise self._error

        return fails


def _no_table(found: Deployment) -> Deployment:
    return replace(
        found, ports=replace(found.ports, table=Broken(TableUnavailable("the table does not answer")))
    )


def _no_queue(found: Deployment) -> Deployment:
    broken: Any = Broken(QueueUnavailable("the queue does not answer"))
    return replace(found, queue=broken, dead_letters=broken, ports=replace(found.ports, wake_ups=broken))


def _no_secrets(found: Deployment) -> Deployment:
    broken: Any = Broken(SecretsUnavailable("the secrets do not answer"))

    def autotask() -> Any:
        raise SecretsUnavailable("the secrets do not answer")

    def store(_given: Credentials) -> None:
        raise SecretsUnavailable("the secrets do not answer")

    return replace(
        found, secrets=broken, store_credentials=store, ports=replace(found.ports, autotask=autotask)
    )


AWS: Mapping[str, Callable[[Deployment], Deployment]] = {
    "the table": _no_table,
    "the queue": _no_queue,
    "the secrets": _no_secrets,
}


def _fault(kind: str) -> Callable[[World], None]:
    def happens(world: World) -> None:
        world.api.faults.add(Fault(kind, times=None))

    return happens


def _refused(world: World) -> None:
    world.control.set_credentials("somebody@else.example", "another", "CODE")


def _denied(world: World) -> None:
    world.control.set_switches(
        {"denied": ["Companies", "Contracts", "ContractServices", "Services", "ContractServiceUnits"]}
    )


def _unset(world: World) -> None:
    world.secrets.rotate()
    world.secrets.replace_credentials(None)
    world.clock.advance(600)


def _odd(world: World) -> None:
    world.secrets.replace_credentials(Credentials("a user ", "se\ncret", "CODE"))
    world.clock.advance(600)


def _damaged(world: World) -> None:
    for pk, sk, kind in (
        (f"CUSTOMER#{CUSTOMER}", "MAPPING", "mapping"),
        (f"CONTRACT#{CONTRACT}", "LINE#45", "line"),
        ("PARTNER", "PLAN#SASE-ADV-USER", "plan"),
    ):
        document = world.table.get(Key(pk, sk))
        rev = document.rev if document else 0
        world.table.write([Put(Key(pk, sk), {"of a newer version": 1}, rev, kind=kind, sort="x")])


OUTSIDE: Mapping[str, Callable[[World], None]] = {
    "Autotask out of reach": _fault("not_sent"),
    "Autotask without an answer": _fault("timeout_before"),
    "a page in place of an answer": _fault("html_503"),
    "half an answer": _fault("truncated_body"),
    "a redirect": _fault("redirect_302"),
    "too many requests": _fault("throttle_429"),
    "an API user that is refused": _refused,
    "permissions that are missing": _denied,
    "secrets that nobody has set": _unset,
    "secrets that no header can carry": _odd,
    "records that cannot be read": _damaged,
}


@pytest.mark.parametrize("what", AWS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_aws_out_of_reach_is_one_sentence(
    settled: Desk, monkeypatch: pytest.MonkeyPatch, command: Command, what: str
) -> None:
    """With status 3 where the command needs it."""
    plain = settled.deployment
    monkeypatch.setattr(settled, "deployment", lambda stack="": AWS[what](plain(stack)))
    said = example(settled, command, "--json")
    well_formed(said)
    assert said.status in (0, 1, 2, UNREACHABLE)


@pytest.mark.parametrize("what", OUTSIDE)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_what_goes_wrong_outside_is_no_traceback(settled: Desk, command: Command, what: str) -> None:
    """Each command either does without, or says what is the matter."""
    OUTSIDE[what](settled.world)
    said = example(settled, command, "--json")
    well_formed(said)
    assert said.status in (0, 1, 2, UNREACHABLE)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_stack_that_is_not_there_is_one_sentence(
    settled: Desk, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """Status 3; only what needs no stack goes on."""

    def missing(_stack: str = "") -> Deployment:
        raise Failed("There is no stack.", UNREACHABLE)

    monkeypatch.setattr(settled, "deployment", missing)
    said = example(settled, command, "--json")
    well_formed(said)
    assert said.status == UNREACHABLE


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict(), 1),
        (RetryLater(60, "Autotask throttles requests", everywhere=True), 1),
        (CredentialsRefused("Autotask does not accept the secret"), 1),
        (OutcomeUnknown("no answer"), 1),
    ],
)
def test_what_no_command_expected_is_a_sentence_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """A command that is still to be written may forget one of them."""

    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr("timus_autotask.cli.watching.minimum", fails)
    said = desk.run("minimum")
    assert (said.status, len(said.err.splitlines())) == (status, 1)
    assert "Try again" in said.err or "timus-autotask doctor" in said.err
