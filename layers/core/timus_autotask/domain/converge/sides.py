"""What the two sides of a plan change mean to each other: the old plan comes down before the new one goes up (promise I7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from timus_autotask.domain.adjustments import Adjustment
from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.line import HeldChange
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link, Unplaced

Drafts = Mapping[LineKey, LineDraft]
"""The lines of a contract, by key."""


def plans_left(up: LineKey, view: View, by: date = date.max) -> list[LineKey]:
    """The lines that seats may leave for ``up`` by a day, in the order of their plan changes; before them the others of its families."""
    downs = [link.down for link in view.desired.links if link.up == up and link.day <= by]
    family = sorted(line for lines in view.desired.families if up in lines for line in lines if line != up)
    return list(dict.fromkeys((*family, *downs)))


def old_side_settles(up: LineKey, drafts: Drafts, view: View) -> datetime | None:
    """When the last adjustment of a line that has to come down before ``up`` has settled, if one is open.

    What was refused before and is only tried again is not looked forward to: ``up`` stays parked, since when it was.
    """
    downs = (drafts[down] for down in plans_left(up, view) if down in drafts)
    return max(
        (draft.waits_until for draft in downs if draft.waits_until and not draft.line.tries_again),
        default=None,
    )


def waits_for(up: LineKey, drafts: Drafts, view: View) -> dict[str, int | str]:
    """The service that has to come down before ``up`` may go up, as facts for people: one that has too many, if that is known.

    It may be one from which seats come by way of a third line.
    """
    down = _old_side(up, drafts, view)
    if down is None:
        return {"down": ""}
    links = (one for one in view.desired.links if (one.down, one.up) == (down, up))
    return {"down": down.service_id, **by_guess(*links)}


def by_guess(*changes: Link | Unplaced) -> dict[str, str]:
    """The SKUs of which people may say that they are add-ons, as a fact, where it is a guess that seats move; else nothing."""
    return next(({"unsaid": " | ".join(one.unsaid)} for one in changes if one.unsaid), {})


def _old_side(up: LineKey, drafts: Drafts, view: View) -> LineKey | None:
    downs = plans_left(up, view)
    thirds = [*downs]
    for third in thirds:
        thirds += [one for one in plans_left(third, view) if one not in (up, *thirds)]
    for near in (downs, thirds):
        too_many = [down for down in near if down in drafts and drafts[down].too_many]
        if too_many:
            return too_many[-1]
    return downs[-1] if downs else None


def old_plan_without_service(up: LineKey, view: View) -> Unplaced | None:
    """The old plan that ``up`` came in place of, if nobody has chosen a service for it."""
    return next((one for one in view.desired.unplaced if one.up == up), None)


def falls_first(adjustment: Adjustment, drafts: Drafts, view: View) -> set[LineKey]:
    """The lines that come down before this adjustment is made. What is parked or was rejected comes down at another time."""
    if adjustment.delta <= 0:
        return set()
    downs = (down for down in plans_left(adjustment.line, view, adjustment.day) if down in drafts)
    return {
        down
        for down in downs
        if not drafts[down].parked
        and any(one.delta < 0 and one.day <= adjustment.day for one in drafts[down].adjustments)
    }


def lacking(draft: LineDraft) -> tuple[Adjustment | HeldChange, ...]:
    """What a line lacks, whether it is made or was rejected."""
    return (*draft.set_aside, *draft.adjustments)


def moves_both_sides(link: Link, down: LineDraft, up: Iterable[Adjustment | HeldChange]) -> bool:
    """True if a plan change is due on its old side and among these changes of its new one: the seats leave no later than they come."""
    falls = [adjustment.day for adjustment in down.due if adjustment.delta < 0]
    rises = [adjustment.day for adjustment in up if adjustment.delta > 0 and adjustment.day >= link.day]
    return bool(falls and rises) and min(falls) <= max(rises)


def other_sides(
    key: LineKey, adjustment: Adjustment | HeldChange, drafts: Drafts, view: View
) -> tuple[LineKey, ...]:
    """The other lines of the plan change that an adjustment is a part of: those that move the other way on its day."""
    rises, day = adjustment.delta > 0, adjustment.day
    others = {
        link.down if rises else link.up
        for link in view.desired.links
        if link.day <= day and key == (link.up if rises else link.down) and not link.across
    }

    def moves(other: LineKey) -> bool:
        """Whether it has an adjustment on that day, made or still to come."""
        if other in drafts:
            return day in (*drafts[other].line.adjusted, *(each.day for each in lacking(drafts[other])))
        there = view.lines.get(other)
        return there is not None and day in (*there.adjusted, *(each for each, _ in there.scheduled))

    return tuple(sorted(other for other in others if moves(other)))
