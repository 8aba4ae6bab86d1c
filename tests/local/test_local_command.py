"""`timus-autotask local` as other programs use it: its env file, its `ready`, the standard variables, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.emulator import ROOT
from local.leash import Leashed
from local.timus import change

pytestmark = pytest.mark.emulator

COMMAND = (sys.executable, "-c", "import sys; from timus_autotask.cli import main; sys.exit(main())")
CLEAN = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core"))),
    "LANG": "C.UTF-8",
}
USER = {"userName": "api@msp.example", "secret": "of the user", "integrationCode": "CODE"}


@contextmanager
def local(folder: Path, *options: str, **environment: str) -> Iterator[Mapping[str, str]]:
    """A stack that runs on its own until Ctrl-C; gives what it wrote to the env file."""
    output, env_file = folder / "output", folder / "env"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*COMMAND, "local", "--port", "0", "--env-file", env_file, "--settle-seconds", "5", *options],
            env={**CLEAN, **environment},
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 180
        while "ready" not in output.read_text().splitlines():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.wait()
    assert not env_file.exists()
    assert not list((ROOT / ".run").glob(f"local-{process.pid}-*"))


@pytest.fixture
def another_simulator(tmp_path: Path) -> Iterator[str]:
    """An Autotask-compatible server that somebody else started, and that lets one user in; gives its base URL."""
    server = Leashed(
        Path(sys.executable), "local.autotask", ("--port", "0"), CLEAN, tmp_path, tmp_path / "autotask.log"
    )
    deadline = time.monotonic() + 60
    while not server.log.read_text().startswith("ready ") and time.monotonic() < deadline:
        time.sleep(0.05)
    url = server.log.read_text().split()[1]
    control(url, "PUT", "credentials", USER)
    yield url
    server.stop()


def control(url: str, method: str, route: str, body: Mapping[str, Any] | None = None) -> Any:
    """Ask a simulator for its ground truth, or pull one of its levers."""
    data = None if body is None else json.dumps(body).encode()
    address = f"{url.rsplit('/', 1)[0]}/_control/{route}"
    with urllib.request.urlopen(urllib.request.Request(address, data, method=method), timeout=60) as answer:
        return json.load(answer)


def operator(variables: Mapping[str, str], *words: str, body: str = "") -> Any:
    """What the operator's command prints with `--json`, given the variables of the env file and nothing else."""
    done = subprocess.run(
        [*COMMAND, *words, "--json"],
        env={**CLEAN, **variables},
        input=body,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def event(version: int, units: int) -> str:
    """Contoso Dental has so many users since yesterday."""
    return change(
        "sub_contoso",
        version,
        "cus_contoso",
        {"SASE-ADV-USER": units, "SASE-GATEWAY": 1},
        datetime.now(UTC) - timedelta(days=1),
        customer_name="Contoso Dental",
        term=(date(2026, 1, 1), date(2126, 12, 31)),
    )


def follow(variables: Mapping[str, str]) -> None:
    """Map a client, send an event, and wait until it is applied."""
    operator(variables, "map", "customer", "cus_contoso", "--company", "600", "--contract", "29683949")
    assert operator(variables, "send", "-", body=event(2, 17))["status"] == 202
    deadline = time.monotonic() + 120
    while not (status := operator(variables, "status"))["at_rest"]:
        assert time.monotonic() < deadline, status
    line = next(line for line in status["lines"] if line["sku"] == "SASE-ADV-USER")
    expected = {
        "customer": "cus_contoso",
        "sku": "SASE-ADV-USER",
        "contract_id": 29683949,
        "service_id": 45,
        "timus_quantity": 17,
        "autotask_units": 17,
        "state": "applied",
        "reason": None,
    }
    assert {name: line[name] for name in expected} == expected


def units(url: str) -> int:
    """The Advanced users that a simulator bills today."""
    lines = control(url, "GET", "state")["contracts"][0]["lines"]
    return next(int(line["unitsToday"]) for line in lines if line["sku"] == "SASE-ADV-USER")


def test_a_stack_with_another_autotask_server(tmp_path: Path, another_simulator: str) -> None:
    """With `--autotask-url` the product speaks to that server, as the user of the environment, and starts none itself.

    Mapping, sending and looking work with the variables of the env file alone, and Ctrl-C takes the file away.
    """
    credentials = {
        "AUTOTASK_USERNAME": USER["userName"],
        "AUTOTASK_SECRET": USER["secret"],
        "AUTOTASK_INTEGRATION_CODE": USER["integrationCode"],
    }
    with local(tmp_path, "--autotask-url", another_simulator, **credentials) as variables:
        assert variables["AUTOTASK_URL"] == another_simulator
        assert "AUTOTASK_CONTROL_URL" not in variables
        follow(variables)
        assert units(another_simulator) == 17
        statuses = {request["status"] for request in control(another_simulator, "GET", "requests")}
        assert statuses == {200}
    assert units(another_simulator) == 17, "it is not ours to stop"


def test_what_it_prints_can_be_pasted(tmp_path: Path) -> None:
    """Its lines in another terminal that has nothing else set: a client is mapped, an event is taken in and applied."""
    with local(tmp_path) as variables:
        printed = (tmp_path / "output").read_text()
        exports = [line for line in printed.splitlines() if line.startswith("export ")]
        steps = [line.strip() for line in printed.splitlines() if line.startswith("  timus-autotask ")]
        assert [line.removeprefix("export ").partition("=")[0] for line in exports] == list(variables)
        assert [step.split()[1] for step in steps] == ["map", "send", "status"]
        command = tmp_path / "bin" / "timus-autotask"
        command.parent.mkdir()
        command.write_text(f"#!{COMMAND[0]}\n{COMMAND[2]}\n")
        command.chmod(0o755)
        done = subprocess.run(
            ["/bin/bash", "-euc", "\n".join([*exports, *steps])],
            env={**CLEAN, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "accepted" in done.stdout
        deadline = time.monotonic() + 120
        while not (shown := operator(variables, "status"))["at_rest"]:
            assert time.monotonic() < deadline, shown
        assert [line["state"] for line in shown["lines"]] == ["applied", "applied"]


def test_a_server_without_its_credentials_is_refused_at_once(tmp_path: Path) -> None:
    """The message names what is missing, and nothing is started."""
    done = subprocess.run(
        [*COMMAND, "local", "--port", "0", "--autotask-url", "http://127.0.0.1:9/ATServicesRest"],
        env={**CLEAN, "AUTOTASK_USERNAME": "api@msp.example"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "AUTOTASK_SECRET, AUTOTASK_INTEGRATION_CODE" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--scenario", "nope", "the scenario nope cannot be read"),
        ("--time-zone", "Mars/Base", "there is no time zone Mars/Base"),
        ("--settle-seconds", "0", "must be a number not less than 1"),
        ("--env-file", "/dev/null/env", "/dev/null/env cannot be written"),
    ],
)
def test_an_option_that_cannot_be_is_told_in_words(
    tmp_path: Path, option: str, value: str, words: str
) -> None:
    """Nothing but the reason is said, and nothing keeps running."""
    done = subprocess.run(
        [*COMMAND, "local", "--port", "0", option, value],
        env=CLEAN,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "Fatal" not in done.stderr
