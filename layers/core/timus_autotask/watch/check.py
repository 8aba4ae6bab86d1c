"""One thing that was looked at: what was found, whether it is right, and what to do if it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from timus_autotask.watch.remedy import CHECK_WORDS, CheckWay, commands, for_customers


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
    advice: str = ""
    """What a person can do about it where no command of ours helps."""
    way: CheckWay | None = None
    """What helps, with a command; it is said behind the advice."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the command is about."""
    customers: tuple[str, ...] = ()
    """Whom the command is about; none: everybody."""

    @property
    def remedy(self) -> str:
        """What a person can do about it, with the command; ``""`` when there is nothing to do."""
        if self.way is None:
            return self.advice
        words = CHECK_WORDS[self.way]
        said = for_customers(words, self.customers) if self.customers else commands(words, self.facts)
        return f"{self.advice} {said}".lstrip()


def worst(checks: Iterable[CheckResult]) -> CheckVerdict:
    """The worst verdict of all; ``OK`` when there are none."""
    found = {check.verdict for check in checks}
    return next(
        (verdict for verdict in (CheckVerdict.WRONG, CheckVerdict.WARN) if verdict in found), CheckVerdict.OK
    )
