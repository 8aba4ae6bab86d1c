"""How the command fails: one sentence that says what to do, and an exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from timus_autotask.operate.files.tables import FileRefused

REFUSED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit statuses: failed or refused; the command line makes no sense; AWS or the stack is out of reach."""


class Failed(Exception):
    """The command cannot do what it was asked. The message is for the person at the terminal."""

    def __init__(
        self,
        message: str,
        status: int = REFUSED,
        result: Mapping[str, Any] | None = None,
        details: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.details = details
        """More, a line each."""
        self.result = result
        """What ``--json`` prints nevertheless."""


def file_refused(name: str, refused: FileRefused) -> Failed:
    """A file that comes in has problems: the first ones, each with its row."""
    few = [*map(str, refused.problems[:10])]
    more = len(refused.problems) - len(few)
    details = (*few, f"and {more} more") if more else few
    return Failed(f"{name} cannot be used; nothing was written.", USAGE, details=details)


class NoSuchStack(Failed):
    """There is no stack of the name; ``stacks`` are those of ours that there are."""

    def __init__(self, message: str, stacks: Sequence[str]) -> None:
        super().__init__(message, UNREACHABLE)
        self.stacks = stacks
