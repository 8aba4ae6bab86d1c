"""An operator's desk: the command itself, in process, on a world of fakes."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

from tests.deployment import deployment_of
from tests.fakes.memory_queue import MemoryQueue
from tests.world import World
from timus_autotask.autotask.http import Transport
from timus_autotask.cli.running import main
from timus_autotask.operate.deployment import Deployment
from timus_autotask.ports.secrets import Credentials


@dataclass(frozen=True)
class Said:
    """What the command said and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said, for programs."""
        return json.loads(self.out)


@dataclass
class Desk:
    """Runs ``timus-autotask`` on a world."""

    world: World = field(default_factory=World)
    transport: Transport | None = None
    """In place of the way into the simulator."""

    def __post_init__(self) -> None:
        self.dead_letters = MemoryQueue(self.world.clock)
        self.stored: list[Credentials] = []

    def deployment(self, _stack: str = "") -> Deployment:
        """The world as the command sees it."""
        found = deployment_of(self.world, dead_letters=self.dead_letters, transport=self.transport)
        return replace(found, store_credentials=self._store)

    def _store(self, credentials: Credentials) -> None:
        self.stored.append(credentials)
        self.world.secrets.replace_credentials(credentials)

    def run(self, *words: str) -> Said:
        """Say it."""
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = main(words, self.deployment)
            except SystemExit as stopped:
                status = int(stopped.code or 0)
        return Said(status, out.getvalue(), err.getvalue())

    def ask(self, *words: str) -> Any:
        """Say it with ``--json``, and have it succeed."""
        said = self.run(*words, "--json")
        assert said.status == 0, said.err
        return said.json

    def told(self, *words: str) -> str:
        """Run it, expect success, and return what it printed."""
        said = self.run(*words)
        assert said.status == 0, said.err
        return said.out

    def refused(self, *words: str, status: int = 1) -> str:
        """Say it and have it fail with one sentence."""
        said = self.run(*words)
        assert said.status == status, said
        assert said.err.strip()
        assert "Traceback" not in said.err
        return said.err
