"""Child processes that cannot outlive the process that started them.

A child runs a Python module as the leader of a process group of its own, through this file. It holds one end of a pipe;
when the other end closes, because the parent stopped it or was killed itself, the whole group ends at once. What runs on
the leash keeps nothing worth saving.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


class Leashed:
    """A running module. ``log`` gets everything that it prints."""

    def __init__(
        self,
        python: Path,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path,
        log: Path,
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                # -P: this file's folder stays off the child's import path.
                [str(python), "-P", __file__, module, *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def last_output(self, lines: int = 20) -> str:
        """The end of what it printed, for a message about its failure."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End it with all that it started, and wait until it is gone."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for above
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _end_with_parent() -> None:
    while os.read(0, 1024):  # not sys.stdin, whose lock a module that ends normally would need
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    import runpy

    # The terminal's Ctrl-C is for the parent, which then lets go of the leash.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    module_name = sys.argv[1]
    del sys.argv[0]
    runpy.run_module(module_name, run_name="__main__", alter_sys=True)
