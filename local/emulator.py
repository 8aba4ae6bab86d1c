"""The AWS emulator: API Gateway, Lambda, SQS, DynamoDB and the rest of the template's services in one process.

It runs in an interpreter of its own (``make setup`` installs it into ``.tools/emulator``), is bound to 127.0.0.1, keeps its
files in a folder of its own, and checks every call of the functions against the policies of their roles.
"""

from __future__ import annotations

import os
import socket
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

from local.leash import Leashed

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".tools" / "emulator" / "bin" / "python"
"""The emulator's interpreter; the functions run in it too, so the layer is built for it."""

REGION = "us-east-1"
ACCOUNT = "123456789012"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""Placeholders that the emulator takes for the account's owner."""

START_SECONDS = 60
"""Patience for a busy machine; it is up within a second on an idle one."""


class StartFailed(Exception):
    """Something of the local stack did not start; the message has the end of its output."""


def keep_to_this_machine() -> None:
    """Let no proxy and no AWS profile of this process's environment come between it and what runs on 127.0.0.1."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Emulator:
    """A running emulator. ``folder`` exists and is the caller's to remove afterwards."""

    def __init__(self, folder: Path) -> None:
        if not PYTHON.exists():
            raise StartFailed("the AWS emulator is not installed yet: run `make setup` in the checkout")
        for attempt in range(3):  # between finding a free port and listening on it, somebody else may take it
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            self._child = Leashed(
                PYTHON, "ministack", (), _environment(folder, port), folder, folder / "emulator.log"
            )
            try:
                _wait_until_ready(self._child, f"{self.url}/_ministack/ready")
            except StartFailed:
                self._child.stop()
                if attempt == 2:
                    raise
            except BaseException:
                self._child.stop()
                raise
            else:
                return

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.alive

    def stop(self) -> None:
        """End it and its functions."""
        self._child.stop()


def _environment(folder: Path, port: int) -> dict[str, str]:
    """A clean one: the functions inherit it, and nothing of this machine's shall reach them."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    return {
        **CREDENTIALS,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "AUTH": "true",  # IAM decides, by the template's own policies
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        "DOCKER_HOST": f"unix://{folder}/no-docker",  # whatever containers run here are none of its business
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }


def _wait_until_ready(child: Leashed, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if not child.alive:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - an address of our own
                if answer.status == 200:
                    return
        except (URLError, OSError):
            pass
        time.sleep(0.05)
    raise StartFailed(f"the AWS emulator did not start:\n{child.last_output()}")
