"""A process that is gone in the middle of its work, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Died(BaseException):
    """The process is gone."""


@dataclass
class Dying:
    """Does each thing in its turn, and dies once: before or ``after`` the thing of this number, from 0."""

    step: int
    after: bool
    steps: int = 0
    """How many things it was told to do so far."""

    def __call__(self, act: Callable[[], Any]) -> Any:
        """Do it, or die."""
        self.steps += 1
        if self.steps - 1 == self.step and not self.after:
            raise Died
        done = act()
        if self.steps - 1 == self.step:
            raise Died
        return done
