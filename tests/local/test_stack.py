"""The template deploys on the emulator, webhooks reach the function, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import ROOT, StartFailed
from local.stack import LocalStack
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.store.records import Store

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with the built-in simulator."""
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(port=0, run_dir=folder / "run", env_file=folder / "env", sweep_every=None) as stack:
        yield stack


def status(url: str, method: str = "POST") -> int:
    """What an unsigned request is answered."""
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_webhook_reaches_the_function(stack: LocalStack) -> None:
    """The function answers the route with any method; the gateway answers the rest."""
    base = stack.webhook_url.removesuffix("/webhooks/timus")
    assert status(stack.webhook_url) == 401
    assert status(stack.webhook_url, "PUT") == 405
    assert status(f"{base}/elsewhere") == 404
    assert status(f"{base}/health") == 404


def test_it_is_live_from_the_start(stack: LocalStack) -> None:
    """Nobody in front of a terminal should have to go live first; ``--observe`` begins as a deployed stack does."""
    stage = Store(DynamoTable(stack.client("dynamodb"), stack.outputs["TableName"])).partner().stage
    assert stage is not None
    assert stage.value.live


def test_timus_has_an_address_that_nobody_guesses(stack: LocalStack) -> None:
    """The one that is registered leads to the function too; with another last part it is the gateway's 404."""
    base = stack.webhook_url.removesuffix("/webhooks/timus")
    path = urllib.parse.urlsplit(stack.outputs["WebhookUrl"]).path
    assert re.fullmatch(r"/webhooks/timus/[0-9a-f-]{36}", path)
    assert status(base + path) == 401
    assert status(base + path, "PUT") == 404
    assert status(f"{base}/webhooks/timus/{'0' * 36}") == 404


def test_every_function_runs_with_the_rights_of_its_own_role(stack: LocalStack) -> None:
    """The sweep reads the table and answers; IAM is enforced, so a missing right would be an error."""
    assert stack.invoke("Sweep") is not None
    assert stack.invoke("ApplyChanges", {"Records": []}) == {"batchItemFailures": []}


def test_the_environment_is_all_that_a_client_needs(stack: LocalStack) -> None:
    """KEY=value lines, readable by nobody else, with a secret that is base64 as Standard Webhooks wants it."""
    variables = stack.environment()
    assert set(variables) == {
        "AWS_ENDPOINT_URL",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "TIMUS_AUTOTASK_STACK",
        "TIMUS_WEBHOOK_URL",
        "TIMUS_WEBHOOK_SECRET",
        "AUTOTASK_URL",
        "AUTOTASK_CONTROL_URL",
    }
    prefix, secret = variables["TIMUS_WEBHOOK_SECRET"][:6], variables["TIMUS_WEBHOOK_SECRET"][6:]
    assert (prefix, len(secret), secret.isalnum()) == ("whsec_", 44, True)
    file = stack._env_file
    assert file is not None
    assert file.read_text() == "".join(f"{name}={value}\n" for name, value in variables.items())
    assert file.stat().st_mode & 0o077 == 0


def test_the_table_forgets_what_has_expired(stack: LocalStack) -> None:
    """Time to live is on, although the emulator does not read it from the template."""
    answer = stack.client("dynamodb").describe_time_to_live(TableName=stack.outputs["TableName"])
    assert answer["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_a_port_in_use_is_said_so_and_nothing_is_left(stack: LocalStack, tmp_path: Path) -> None:
    """A second stack on the same port stops what it had started."""
    port = int(stack.webhook_url.split(":")[2].split("/")[0])
    second = LocalStack(port=port, run_dir=tmp_path, autotask_url="http://127.0.0.1:9/ATServicesRest")
    with pytest.raises(StartFailed, match=f"port {port} cannot be used"), second:
        pass
    assert not processes_in(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stack_ends_with_whoever_runs_it(number: signal.Signals, tmp_path: Path) -> None:
    """`ready` comes when webhooks are accepted; Ctrl-C and SIGTERM leave nothing, and SIGKILL no process."""
    env_file, output = tmp_path / "env", tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.stack", "--port", "0", "--env-file", env_file],
            cwd=ROOT,
            stdout=file,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'core'}"},
        )
    try:
        deadline = time.monotonic() + 180
        while "ready" not in output.read_text().splitlines() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        variables = dict(line.split("=", 1) for line in env_file.read_text().splitlines())
        assert status(variables["TIMUS_WEBHOOK_URL"]) == 401
        process.send_signal(number)
        code = process.wait(timeout=120)
    finally:
        process.kill()
        process.wait()
    port = variables["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]
    assert not eventually_listening(int(port))
    if number != signal.SIGKILL:
        assert code == 0
        assert not env_file.exists()


def processes_in(folder: Path) -> list[str]:
    """Processes whose working directory is this folder, or one below it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink().is_relative_to(folder):
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def eventually_listening(port: int) -> bool:
    """Whether somebody still listens on a port of this machine after half a minute's grace."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED:
                return False
        time.sleep(0.05)
    return True
