"""The whole product on one machine: AWS emulator, template, webhook gateway and Autotask simulator.

    with LocalStack(port=0) as stack:
        requests.post(stack.webhook_url, …)

``python -m local.stack`` and ``timus-autotask local`` keep one running until Ctrl-C. Any number of stacks run side by
side: each has its own ports, files and processes, and leaves none of them behind.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.build import deploy
from local.emulator import (
    CREDENTIALS,
    REGION,
    ROOT,
    START_SECONDS,
    Emulator,
    StartFailed,
    keep_to_this_machine,
)
from local.gateway import Gateway
from local.leash import Leashed
from local.zones import is_zone
from timus_autotask.aws.dynamodb import DynamoTable
from timus_autotask.domain.stage import Stage
from timus_autotask.store.terms import put_stage

DEFAULT_PORT = 8765
STACK = "timus-autotask"
SWEEP_EVERY = 2.0
"""Seconds between sweeps. On AWS it is a minute; nobody in front of a terminal should wait for that."""

SIMULATOR_CREDENTIALS = {
    "username": "api-user@msp.example",
    "secret": "simulated",
    "integration_code": "SIMULATED",
}
"""What the stack's secret holds for the simulator, which lets every user in unless a test says otherwise."""


class LocalStack:
    """The product deployed on an emulator of its own; everything is up between entering and leaving the context.

    Args:
        port: where webhooks are served on 127.0.0.1; 0 picks a free one.
        autotask_url: an Autotask-compatible server (``http://…/ATServicesRest``) in place of the built-in simulator.
        credentials: ``username``, ``secret`` and ``integration_code`` for that server.
        scenario: the simulator's tenant, a name or a file; None is its own default.
        settle_seconds: how long a change whose answer was lost is left alone.
        quiet_seconds: how long an event waits for others of its customer.
        time_zone: the partner's, by its IANA name.
        parameters: more of the template's parameters.
        env_file: gets :meth:`environment` as ``KEY=value`` lines, and is removed at the end.
        run_dir: where logs and state go; kept. None: a folder that is removed at the end.
        observe: begin as a stack that was just deployed, which observes; else it is live from the start.
        sweep_every: seconds between sweeps besides the schedule's; None: only the schedule's, each minute.
        progress: called with what happens next.

    Entering raises :class:`StartFailed` when something does not start, after stopping what did.
    """

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        *,
        autotask_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        scenario: str | None = None,
        settle_seconds: int = 900,
        quiet_seconds: int = 0,
        time_zone: str = "UTC",
        parameters: Mapping[str, str] | None = None,
        env_file: Path | None = None,
        run_dir: Path | None = None,
        observe: bool = False,
        sweep_every: float | None = SWEEP_EVERY,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._port = port
        self._given_autotask_url = autotask_url
        self._credentials = dict(credentials or SIMULATOR_CREDENTIALS)
        self._scenario = scenario
        self._parameters = {
            "TimeZone": time_zone,
            "QuietSeconds": str(quiet_seconds),
            "SettleSeconds": str(settle_seconds),
            **(parameters or {}),
        }
        self._env_file = env_file
        self._run_dir = run_dir
        self._observe = observe
        self._sweep_every = sweep_every
        self._progress = progress
        self._undo: list[Callable[[], None]] = []
        self._children: dict[str, Emulator | Leashed] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop everything and leave nothing behind. Harmless when nothing runs."""
        while self._undo:
            self._undo.pop()()

    def _start(self) -> None:
        if self._run_dir is None:
            self._run_dir = _new_run_dir(ROOT / ".run")
            self._undo.append(lambda: shutil.rmtree(str(self._run_dir), ignore_errors=True))
        else:
            self._run_dir.mkdir(parents=True, exist_ok=True)

        self._progress("starting the AWS emulator")
        emulator = Emulator(self._run_dir)
        self._undo.append(emulator.stop)
        self._children["the AWS emulator"] = emulator
        self.endpoint_url = emulator.url

        self.autotask_control_url: str | None = None
        if self._given_autotask_url:
            self.autotask_url = self._given_autotask_url
        else:
            self._progress("starting the Autotask simulator")
            self._start_simulator(self._run_dir)

        self._progress("deploying template.yaml")
        self.session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        parameters = self._parameters | {"AutotaskUrl": self.autotask_url}
        self.outputs = deploy(self.session, emulator.url, STACK, parameters)
        if not self._observe:
            table = DynamoTable(self.client("dynamodb"), self.outputs["TableName"])
            table.write([put_stage(None, Stage(True, datetime.now(UTC)), 0)])
        secrets = self.session.client("secretsmanager", endpoint_url=emulator.url)
        secrets.put_secret_value(
            SecretId=self.outputs["AutotaskSecretArn"], SecretString=json.dumps(self._credentials)
        )
        secret = json.loads(
            secrets.get_secret_value(SecretId=self.outputs["WebhookSecretArn"])["SecretString"]
        )
        self.webhook_secret = f"whsec_{secret['current']}"
        # No retries: a function that runs long is still running.
        patient = Config(read_timeout=70, retries={"max_attempts": 0})
        self._lambda = self.session.client("lambda", endpoint_url=emulator.url, config=patient)

        try:
            gateway = Gateway(self._port, emulator.url, self.outputs["HttpApiId"])
        except (OSError, OverflowError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise StartFailed(
                f"port {self._port} cannot be used ({why}); choose another with --port"
            ) from error
        self._undo.append(gateway.stop)
        self.webhook_url = f"{gateway.url}/webhooks/timus"
        self._wait_for_the_webhook()

        if self._sweep_every is not None:
            self._start_sweeping(self._sweep_every)
        if self._env_file is not None:
            self._write_env_file(self._env_file)

    def _start_simulator(self, folder: Path) -> None:
        arguments = ["--port", "0"]
        if self._scenario:
            path = Path(self._scenario)
            arguments += ["--scenario", str(path.resolve()) if path.suffix else self._scenario]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        simulator = Leashed(
            Path(sys.executable), "local.autotask", arguments, environment, folder, folder / "autotask.log"
        )
        self._undo.append(simulator.stop)
        deadline = time.monotonic() + START_SECONDS
        while simulator.alive and time.monotonic() < deadline:
            for line in simulator.log.read_text(errors="replace").splitlines():
                if line.startswith("ready "):
                    self.autotask_url = line.split()[1]
                    self.autotask_control_url = self.autotask_url.rsplit("/", 1)[0] + "/_control"
                    self._children["the Autotask simulator"] = simulator
                    return
            time.sleep(0.05)
        raise StartFailed(f"the Autotask simulator did not start:\n{simulator.last_output()}")

    def _wait_for_the_webhook(self) -> None:
        """Ask until the function answers; its cold start is over then. An unsigned request changes nothing."""
        self._progress("waiting for the webhook")
        deadline = time.monotonic() + START_SECONDS
        answer = "nothing"
        while time.monotonic() < deadline:
            try:
                request = urllib.request.Request(self.webhook_url, b"{}", method="POST")  # noqa: S310 - our own address
                with urllib.request.urlopen(request, timeout=15):  # noqa: S310 - our own address
                    return
            except urllib.error.HTTPError as error:
                error.close()
                if error.code < 500:
                    return
                answer = str(error.code)
            except OSError as error:
                answer = str(error)
            time.sleep(0.5)
        raise StartFailed(f"the webhook answers {answer}:\n{self.function_log('ReceiveWebhook')}")

    def _start_sweeping(self, every: float) -> None:
        stopped = threading.Event()

        def sweep() -> None:
            while not stopped.wait(every):
                try:
                    self.invoke("Sweep")
                except (BotoCoreError, ClientError, RuntimeError):
                    continue  # being stopped, or the function failed: its log says why

        threading.Thread(target=sweep, daemon=True).start()
        self._undo.append(stopped.set)

    def _write_env_file(self, path: Path) -> None:
        lines = "".join(f"{name}={value}\n" for name, value in self.environment().items())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds a secret
        except OSError as error:
            raise StartFailed(
                f"{path} cannot be written ({error.strerror}); choose another file with --env-file"
            ) from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(lines)
        self._undo.append(lambda: path.unlink(missing_ok=True))

    def environment(self) -> dict[str, str]:
        """The variables with which ``timus-autotask`` and any AWS client speak to this stack."""
        variables = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            **CREDENTIALS,
            "TIMUS_AUTOTASK_STACK": STACK,
            "TIMUS_WEBHOOK_URL": self.webhook_url,
            "TIMUS_WEBHOOK_SECRET": self.webhook_secret,
            "AUTOTASK_URL": self.autotask_url,
        }
        if self.autotask_control_url:
            variables["AUTOTASK_CONTROL_URL"] = self.autotask_control_url
        return variables

    def client(self, service: str) -> Any:
        """A boto3 client for a service of this stack."""
        client: Any = self.session.client  # its overloads want the name as a literal
        return client(service, endpoint_url=self.endpoint_url)

    def invoke(self, function: str, event: Mapping[str, Any] | None = None) -> Any:
        """What a function (by its logical id) answers to an event; raises RuntimeError with its error."""
        answer = self._lambda.invoke(
            FunctionName=self.outputs[f"{function}Name"], Payload=json.dumps(dict(event or {})).encode()
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise RuntimeError(f"{function}: {payload}")
        return payload

    def function_log(self, function: str) -> str:
        """What a function (by its logical id) has logged so far."""
        logs = self.client("logs")
        name = self.outputs[f"{function}Name"]
        group = self.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"][
            "LogGroup"
        ]
        events = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return "".join(event["message"].rstrip() + "\n" for page in events for event in page["events"])

    def check(self) -> None:
        """Raise :class:`StartFailed` if something that the stack stands on has ended unexpectedly."""
        for name, child in self._children.items():
            if not child.alive:
                raise StartFailed(f"{name} has ended unexpectedly")


def _new_run_dir(parent: Path) -> Path:
    """A folder named for this process; those of processes that were killed are cleared away."""
    parent.mkdir(exist_ok=True)
    for folder in parent.glob("local-*-*"):
        try:
            os.kill(int(folder.name.split("-")[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            continue
    return Path(tempfile.mkdtemp(prefix=f"local-{os.getpid()}-", dir=parent))


def _time_zone(name: str) -> str:
    if not is_zone(name):
        raise argparse.ArgumentTypeError(f"there is no time zone {name}; write it as in America/New_York")
    return name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``timus-autotask local``."""
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="serve the webhook here (default %(default)s)"
    )
    parser.add_argument(
        "--autotask-url",
        help="use this Autotask-compatible server instead of the simulator, with AUTOTASK_USERNAME, AUTOTASK_SECRET and "
        "AUTOTASK_INTEGRATION_CODE",
    )
    parser.add_argument("--env-file", type=Path, help="write the variables that reach this stack to a file")
    parser.add_argument("--scenario", help="the simulator's tenant: a name or a file")
    parser.add_argument(
        "--settle-seconds",
        type=int,
        default=900,
        help="how long a change whose answer was lost is left alone (default %(default)s)",
    )
    parser.add_argument(
        "--quiet-seconds",
        type=int,
        default=0,
        help="how long an event waits for others (default %(default)s)",
    )
    parser.add_argument(
        "--observe",
        action="store_true",
        help="begin as a deployed stack does: nothing is written to Autotask until `timus-autotask go-live`",
    )
    parser.add_argument(
        "--time-zone", type=_time_zone, default="UTC", help="the partner's time zone (default %(default)s)"
    )


def run_local(arguments: argparse.Namespace, environment: Mapping[str, str] | None = None) -> int:
    """Keep a stack running until Ctrl-C or SIGTERM; returns the exit status."""
    environment = os.environ if environment is None else environment
    names = ("username", "secret", "integration_code")
    credentials = None
    if arguments.autotask_url:
        credentials = {name: environment.get(f"AUTOTASK_{name.upper()}", "") for name in names}
        if missing := [f"AUTOTASK_{name.upper()}" for name, value in credentials.items() if not value]:
            print(f"--autotask-url needs {', '.join(missing)} in the environment", file=sys.stderr)
            return 2

    keep_to_this_machine()
    interrupt_once()
    began = time.monotonic()
    try:
        with LocalStack(
            arguments.port,
            autotask_url=arguments.autotask_url,
            credentials=credentials,
            scenario=arguments.scenario,
            settle_seconds=arguments.settle_seconds,
            quiet_seconds=arguments.quiet_seconds,
            time_zone=arguments.time_zone,
            env_file=arguments.env_file,
            observe=arguments.observe,
            progress=lambda text: print(
                f"{time.monotonic() - began:5.1f} s  {text}", file=sys.stderr, flush=True
            ),
        ) as stack:
            for name, value in stack.environment().items():
                print(f"export {name}={shlex.quote(value)}")
            print(_next_steps(arguments))
            print("ready", flush=True)
            while True:
                time.sleep(1)
                stack.check()
    except KeyboardInterrupt:
        return 0
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1


def _next_steps(arguments: argparse.Namespace) -> str:
    """What a person does now, for people; programs read the env file."""
    command = Path(sys.argv[0]) if Path(sys.argv[0]).name == "timus-autotask" else Path("timus-autotask")
    steps = [f"{command} status"]
    simulated = not arguments.autotask_url and not arguments.scenario
    if simulated:  # its tenant has this company and contract
        steps = [
            f"{command} map customer cus_41d0 --company 600 --contract 29683949",
            f"{command} send {ROOT / 'events' / 'timus' / 'subscription.updated.json'}",
            *steps,
        ]
    if arguments.observe:
        steps += [f"{command} preview", f"{command} go-live"]
    lines = "\n".join(f"  {step}" for step in steps)
    return (
        f"\nPaste the lines above into another terminal, then:\n{lines}\n\nCtrl-C ends it; nothing is kept."
    )


_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_once() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt, the first one of them only.

    Ctrl-C too, because a shell starts what it runs in the background with that ignored.
    """
    for number in _ENDINGS:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # once is enough: what follows is the cleaning up
    raise KeyboardInterrupt


def main() -> None:
    """Run ``python -m local.stack``."""
    parser = argparse.ArgumentParser(prog="python -m local.stack", description=__doc__.splitlines()[0])
    add_arguments(parser)
    sys.exit(run_local(parser.parse_args()))


if __name__ == "__main__":
    main()
