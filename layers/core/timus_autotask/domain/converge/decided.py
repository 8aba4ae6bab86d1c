"""What people have decided on a line: which approvals and rejections still count, and what is left to make without the rejected changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from timus_autotask.domain.adjustments import Adjustment
from timus_autotask.domain.approval import is_approved, is_newer
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.gaps import open_day_of, taken_days
from timus_autotask.domain.line import Approved, HeldChange, Rejection


def decided(draft: LineDraft, contract: Contract) -> LineDraft:
    """The line with the decisions that still count, and without the changes that were rejected among its adjustments."""
    if draft.line.rejections:
        standing, overtaken = _rejections(draft, contract)
        line = replace(draft.line, rejections=(*standing, *overtaken))
        draft = replace(_without_rejected(replace(draft, line=line), standing, contract), overtaken=overtaken)
    if draft.line.approved:
        fitting = [
            _with_versions(one, draft.versions) for one in draft.line.approved if _fits(one, draft, contract)
        ]
        draft = replace(draft, line=replace(draft.line, approved=tuple(fitting)))
    return draft


def change_of(draft: LineDraft, adjustment: Adjustment) -> HeldChange:
    """An adjustment as an operator decides on it."""
    # What goes out after the first one finds its price on the line already.
    price = draft.price if adjustment == draft.in_turn[0] else None
    return HeldChange(adjustment.day, adjustment.delta, price, versions=draft.versions)


def _rejections(draft: LineDraft, contract: Contract) -> tuple[tuple[Rejection, ...], tuple[Rejection, ...]]:
    """Those that stand, for Timus has reported nothing newer; and those that only another customer's news have ended.

    All are over as soon as Autotask has what the line should have.
    """
    if draft.level(contract):
        return (), ()
    standing = [one for one in draft.line.rejections if not is_newer(draft.versions, one.versions)]
    overtaken = [
        one for one in draft.line.rejections if one not in standing and with_nothing_newer(one, draft)
    ]
    return tuple(replace(one, versions=one.versions or draft.versions) for one in standing), tuple(overtaken)


def with_nothing_newer(rejection: Rejection, draft: LineDraft) -> set[str]:
    """The customers of a line of whom Timus has reported nothing newer since the rejection; nobody where only one has units there."""
    if len(draft.customers) < 2:
        return set()
    shown = rejection.versions
    newer = {one.customer_id for one in draft.causes if one.number > shown.get(one.subscription_id, 0)}
    return {*draft.customers} - newer


def _fits(approved: Approved, draft: LineDraft, contract: Contract) -> bool:
    """True if it is for one of the adjustments, or for one that waits with a rejected one. Else it is over: it must not let a change of a later day through."""
    due = (*draft.adjustments, *at_the_end(draft, contract, date.min)) if draft.adjustments else ()
    waiting = (one for one in draft.set_aside if one.rejection is None)
    changes = (*waiting, *(change_of(draft, adjustment) for adjustment in due))
    return any(is_approved(change, approved) for change in changes)


def _with_versions(approved: Approved, versions: Mapping[str, int]) -> Approved:
    return replace(approved, versions=approved.versions or versions)


# -- What is left to make


def _without_rejected(draft: LineDraft, standing: Sequence[Rejection], contract: Contract) -> LineDraft:
    """The line with the rejected changes set aside.

    A later change the other way first takes back what is set aside: if +3 is rejected, a -2 after it changes nothing, and the end of
    28 seats, of which 25 are billed, is -25. So is the end of 25 seats that stay on a plan which they were to leave. A due change that is not
    made without the rejected one after it is set aside with it. What brings an edit back takes nothing back of what is set aside: if +3 is
    rejected and somebody adds 2 later, these 2 come off.
    """
    unmatched = [*standing]
    goes: list[Adjustment] = []
    aside: list[HeldChange] = []
    units = 0  # by how many all that is set aside, and not taken back yet, would change the line
    before: date | None = None
    out_of_reach = _out_of_reach(draft, standing)
    for adjustment in draft.adjustments:
        edited = _of_edits(draft, before, adjustment.day)
        own = adjustment.delta - edited
        if out_of_reach:
            own, edited, units = 0, adjustment.delta - out_of_reach, units + out_of_reach
        before, out_of_reach = adjustment.day, 0
        rejection = next((one for one in unmatched if _is_rejected(adjustment, one, draft)), None)
        if rejection is not None:
            unmatched.remove(rejection)
            with_it = [one for one in goes if draft.changes_a_later_day(one)]
            goes = [one for one in goes if one not in with_it]
            aside += [change_of(draft, one) for one in with_it]
            aside.append(replace(change_of(draft, adjustment), price=draft.price, rejection=rejection))
            units += sum(one.delta for one in (*with_it, adjustment))
            continue
        delta, units = _less(own, units, ends=not draft.wanted.at(adjustment.day))
        if delta + edited:
            goes.append(replace(adjustment, delta=delta + edited))
    if units < 0:
        goes += at_the_end(draft, contract, _last_day(aside, unmatched))
    return replace(draft, adjustments=tuple(goes), set_aside=tuple(aside))


def _last_day(aside: Sequence[HeldChange], out_of_reach: Sequence[Rejection]) -> date:
    """The last day of what is set aside, or was rejected and takes no adjustment any more."""
    return max([*(one.day for one in aside), *(one.day for one in out_of_reach)])


def _out_of_reach(draft: LineDraft, standing: Sequence[Rejection]) -> int:
    """Units that were rejected and whose day takes no adjustment any more, where an edit is brought back: they do not come with that.

    An example: +8 of the 10th was rejected, and somebody added 12 on the 14th. These 12 come off on the 15th, not only the 4 that are
    more than Timus says.
    """
    if not (draft.enforced or draft.line.enforcing):
        return 0
    has, wanted = draft.observed.units, draft.wanted
    return sum(
        one.delta
        for one in standing
        if has.at(one.day) != wanted.at(one.day)
        and not any(_is_rejected(adjustment, one, draft) for adjustment in draft.adjustments)
    )


def _of_edits(draft: LineDraft, before: date | None, day: date) -> int:
    """What of a change makes up for other units that Autotask has since the change before; nothing of the first one, which has the rest in it."""
    units = draft.observed.units
    return units.at(before) - units.at(day) if before else 0


def at_the_end(draft: LineDraft, contract: Contract, since: date) -> Iterator[Adjustment]:
    """What ends seats that stay on an old plan because its plan change of ``since`` was rejected.

    Timus later ends the new plan, and says nothing more of the old one. Its seats are still there, so the end is made there.
    """
    if draft.over_from is None or draft.over_from <= since:
        return
    day = open_day_of(taken_days(draft.line, draft.policy), draft.observed.closed, contract.end)(
        draft.over_from
    )
    units = draft.observed.units.at(day) if day else 0
    if day and units:
        yield Adjustment(draft.key, day, -units)


def _is_rejected(adjustment: Adjustment, rejection: Rejection, draft: LineDraft) -> bool:
    """True if this is what was rejected: on its own day, or moved because nothing can be adjusted on that day any more.

    A price does not matter: who does not want the seats does not want them at another price either.
    """
    day = rejection.day
    if adjustment.delta != rejection.delta or adjustment.day < day:
        return False
    lacking = draft.observed.units.at(day) != draft.wanted.at(day)
    return adjustment.day == day or (lacking and all(one.day != day for one in draft.adjustments))


def _less(delta: int, aside: int, *, ends: bool) -> tuple[int, int]:
    """What is made of a change after ``aside`` units that were set aside, and how many of these are left then."""
    back = delta * aside < 0
    if ends or (back and abs(delta) >= abs(aside)):
        return delta + aside, 0
    return (0, aside + delta) if back else (delta, aside)
