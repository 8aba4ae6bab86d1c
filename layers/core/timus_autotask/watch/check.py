"""One thing that was looked at: what was found, whether it is right, and what to do if it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class CheckVerdict(StrEnum):
    """How what was found is to be taken."""

    OK = "ok"
    WARN = "warn"
    """Nothing is billed wrongly for it; a person should know, or has something to decide."""
    WRONG = "wrong"
    """Something does not work, or a number on an invoice may be wrong until a person acts."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What was found at one look."""

    name: str
    """What was looked at, in a few words; the same at every look."""
    found: str
    """What was found, in one sentence or less."""
    verdict: CheckVerdict = CheckVerdict.OK
    remedy: str = ""
    """What a person can do about it, with the command; ``""`` when it is right."""


def worst(checks: Iterable[CheckResult]) -> CheckVerdict:
    """The worst verdict of all; ``OK`` when there are none."""
    found = {check.verdict for check in checks}
    return next(
        (verdict for verdict in (CheckVerdict.WRONG, CheckVerdict.WARN) if verdict in found), CheckVerdict.OK
    )
