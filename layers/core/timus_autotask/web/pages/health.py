"""What ``doctor`` says: each check with what was found, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from timus_autotask.watch.check import CheckResult, CheckVerdict, worst
from timus_autotask.watch.wording import counted
from timus_autotask.web.failing import Failure, failure_of
from timus_autotask.web.kept import Seen

PLACES = {
    "parked": ("/customers?standing=waiting", "Who waits"),
    "drift": ("/customers?standing=waiting", "Who waits"),
    "unmapped": ("/mapping", "Map them"),
    "approvals": ("/changes?state=awaits", "Decide about them"),
    "paused": ("/terms", "Resume there"),
    "coverage": ("/ready", "What has ended, and what ends soon"),
}
"""Where a check that is not right is dealt with here: address, and what the link says."""


@dataclass(frozen=True, slots=True)
class HealthPage:
    """What the template shows."""

    checks: tuple[CheckResult, ...]
    """Those that are not right first."""
    verdict: CheckVerdict | None
    sentence: str
    calm: bool
    """Nothing is wrong, and that still counts."""
    at: datetime | None
    looking: bool
    failure: Failure | None


def health_page(seen: Seen[tuple[CheckResult, ...]], *, current: bool = True) -> HealthPage:
    """What was seen last. ``current``: that it still counts."""
    checks = seen.value or ()
    order = (CheckVerdict.WRONG, CheckVerdict.WARN, CheckVerdict.OK)
    wrong = sum(one.verdict is CheckVerdict.WRONG for one in checks)
    warn = sum(one.verdict is CheckVerdict.WARN for one in checks)
    if checks and not wrong and not current:
        sentence = "Nothing was wrong when this was looked at: look again"
    elif wrong:
        sentence = f"{counted(wrong, 'thing is', 'things are')} wrong"
    elif warn:
        sentence = f"Everything works; {counted(warn, 'thing wants', 'things want')} a look"
    else:
        sentence = "Everything is right" if checks else "Nobody has looked yet"
    return HealthPage(
        tuple(sorted(checks, key=lambda one: order.index(one.verdict))),
        worst(checks) if checks else None,
        sentence,
        current and not wrong,
        seen.at,
        seen.reading,
        failure_of(seen.failed) if seen.failed else None,
    )
