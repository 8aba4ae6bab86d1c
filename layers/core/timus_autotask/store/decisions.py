"""What people decided, as it is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from timus_autotask.ports.table import Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided: who, when and about what. It is written with what was decided, and never changed."""

    id: str
    at: datetime
    kind: str
    """Under which name it is recorded: the command, such as ``policy set``, or ``undo-withdrawn`` or ``sign-off``."""
    by: str
    customers: tuple[str, ...] = ()
    """Whom it concerns; empty: everybody."""
    contract_id: int | None = None
    service_id: int | None = None
    detail: str = ""
    """What was decided, for people."""


_DECISION = Codec(Decision)

decision_in = _DECISION.load
"""What a person decided."""


def put_decision(decision: Decision) -> Put:
    """Note what a person decided."""
    at = decision.at.isoformat()
    key = keys.decision_key(at, decision.id)
    return Put(key, _DECISION.dump(decision), 0, kind="decision", sort=at)
