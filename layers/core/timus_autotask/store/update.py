"""The one optimistic update: read, decide, write, and begin again if somebody else wrote first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from timus_autotask.ports.errors import Conflict

T = TypeVar("T")

ATTEMPTS = 20
"""How often a write that somebody else came before is tried. Each attempt that fails means that another one succeeded."""


def update(attempt: Callable[[], T]) -> T:
    """What ``attempt`` returns, which reads, decides and writes. It is called again when it raises ``Conflict``, because what it read has changed.

    Raises the last ``Conflict`` when others come first again and again.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()
