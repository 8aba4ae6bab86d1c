"""What a look at everything can find that no message announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .reasons import CONTRACT_ENDED


class Kind(StrEnum):
    """What can be found."""

    EDITED_UP = "edited-up"
    EDITED_DOWN = "edited-down"
    LINE_REMOVED = "line-removed"
    FUTURE_EDIT = "future-edit"
    SERVICE_TWICE = "service-twice"
    CONTRACT_MISSING = "contract-missing"
    CONTRACT_MOVED = "contract-moved"
    CONTRACT_NOT_RECURRING = "contract-not-recurring"
    CONTRACT_INACTIVE = "contract-inactive"
    CONTRACT_ENDED = "contract-ended"
    CONTRACT_SHORTENED = "contract-shortened"
    CHANGED_WHILE_OBSERVING = "changed-while-observing"
    """Nobody's mistake: until go-live, people change units in Autotask by hand."""
    NOT_LEVEL = "not-level"
    PAST_DAY_OFF = "past-day-off"
    BILLING_RULE = "billing-rule"
    NO_SUBSCRIPTION = "line-without-subscription"
    ENDS_FIRST = "contract-ends-first"
    RENEWAL = "renewal"
    PARKED_LONG = "parked-long"
    NOT_MERGED = "not-merged"


_EDITED = frozenset({"drift", "outcome-unclear"})
DRIFT: Mapping[Kind, frozenset[str]] = {
    Kind.EDITED_UP: _EDITED,
    Kind.EDITED_DOWN: _EDITED,
    Kind.LINE_REMOVED: _EDITED | {"line-missing"},
    Kind.FUTURE_EDIT: _EDITED,
    Kind.SERVICE_TWICE: frozenset({"line-duplicated"}),
    Kind.CONTRACT_MISSING: frozenset({"contract-not-found"}),
    Kind.CONTRACT_MOVED: frozenset({"contract-of-another-company"}),
    Kind.CONTRACT_NOT_RECURRING: frozenset({"contract-not-recurring"}),
    Kind.CONTRACT_INACTIVE: frozenset({"contract-inactive"}),
    Kind.CONTRACT_ENDED: frozenset({CONTRACT_ENDED}),
    Kind.CONTRACT_SHORTENED: frozenset(),
    Kind.NOT_LEVEL: frozenset(),
}
"""What somebody else did, so that the worker has to look at the contract; with the reasons under which the worker parks it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person may have to know."""

    kind: Kind
    message: str
    contract_id: int | None = None
    service_id: int | None = None
    customer_id: str = ""
    day: date | None = None
    """The day that the numbers are of, or on which something happens."""
    ours: int | None = None
    """Units that we left behind; of ``not-level`` those that the line should have."""
    autotask: int | None = None
    """Units that Autotask has."""
    known: bool = False
    """The worker has parked it already."""

    @property
    def is_drift(self) -> bool:
        """Whether somebody else did it, and not just time."""
        return self.kind in DRIFT
