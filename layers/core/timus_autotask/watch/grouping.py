"""The lines of ``status`` by customer, those that need a person first, and those that are level and have nothing to say apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from timus_autotask.domain.line import State
from timus_autotask.watch.status import UNMAPPED_CUSTOMER, StatusLine


class Standing(StrEnum):
    """How a customer stands, in the order in which people look at it."""

    UNMAPPED = "Not mapped yet"
    WAITING = "Waiting for a person"
    MOVING = "On the way"
    OBSERVING = "Observing"
    SCHEDULED = "Scheduled, or with something to know"
    LEVEL = "Aligned"
    IGNORED = "Ignored"


FOR_PEOPLE = (Standing.UNMAPPED, Standing.WAITING)
"""What waits for somebody to decide."""
_BY_STATE: Mapping[State, Standing] = {
    State.PARKED: Standing.WAITING,
    State.PENDING: Standing.MOVING,
    State.SETTLING: Standing.MOVING,
    State.OBSERVING: Standing.OBSERVING,
    State.SCHEDULED: Standing.SCHEDULED,
    State.APPLIED: Standing.LEVEL,
    State.IGNORED: Standing.IGNORED,
}
_ORDER = list(Standing)


@dataclass(frozen=True, slots=True)
class Group:
    """A customer with all of its lines."""

    customer: str
    lines: tuple[StatusLine, ...]
    standing: Standing


def standing_of(line: StatusLine) -> Standing:
    """How one line stands, with what waits beside the lines of its customer."""
    standing = own_standing(line)
    if line.undecided and _ORDER.index(standing) < _ORDER.index(Standing.IGNORED):
        return min(Standing.WAITING, standing, key=_ORDER.index)
    return standing


def own_standing(line: StatusLine) -> Standing:
    """How one line stands by itself: what waits beside it is no work at the line."""
    if line.reason_code in UNMAPPED_CUSTOMER:
        return Standing.UNMAPPED
    if line.state is State.OBSERVING and line.reason_code:
        return Standing.WAITING  # go-live would not change that
    standing = _BY_STATE.get(line.state, Standing.WAITING)
    if standing is Standing.LEVEL and (line.explanation or line.past_days or line.reason or line.linked):
        standing = Standing.SCHEDULED
    return standing


def grouped(lines: Iterable[StatusLine]) -> Sequence[Group]:
    """By customer; each stands as the line that most needs a look."""
    of: dict[str, list[StatusLine]] = {}
    for line in lines:
        of.setdefault(line.customer, []).append(line)
    groups = [
        Group(customer, tuple(found), min(map(standing_of, found), key=_ORDER.index))
        for customer, found in of.items()
    ]
    return sorted(groups, key=lambda group: (_ORDER.index(group.standing), group.customer))
