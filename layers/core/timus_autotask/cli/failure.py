"""How the command fails: one sentence that says what to do, and an exit status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


class NoSuchStack(Failed):
    """There is no stack of the name; ``stacks`` are those of ours that there are."""

    def __init__(self, message: str, stacks: Sequence[str]) -> None:
        super().__init__(message, UNREACHABLE)
        self.stacks = stacks
