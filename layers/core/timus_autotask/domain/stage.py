"""The stage of a stack and of each customer: live, or observing.

For who observes, events are taken in, merged, decided and shown as for everybody else, and Autotask is only read. See decision 0025.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stage:
    """Whether changes reach Autotask: of everybody, or of one customer, whose own goes before."""

    live: bool
    at: datetime | None = None
    """Since when."""
    by: str = ""
    """Who said so; empty: the product itself, when it began."""


LIVE = Stage(live=True)


def is_live(partner: Stage, customers: Iterable[Stage | None]) -> bool:
    """Whether everything of these customers is live. None: a customer without a stage of his own, who goes with the partner's.

    A contract is live only if all who are mapped onto it are. Without anybody it goes with the partner's stage.
    """
    return all(stage.live for stage in [own or partner for own in customers] or [partner])
