"""The operator's command ``timus-autotask``."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # that of `typing` would be one more import before anything is caught
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

STOPPED = 130
"""Exit status after Ctrl-C, as a shell has it: 128 and the number of the signal."""


def main(argv: Sequence[str] | None = None, find_stack: Callable[[str], Any] | None = None) -> int:
    """Do what the command line says; returns the exit status. ``find_stack`` finds the deployment by its name.

    What the command needs is imported here: Ctrl-C in the first second is no traceback.
    """
    try:
        from timus_autotask.cli import running

        return running.main(argv, find_stack)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED
