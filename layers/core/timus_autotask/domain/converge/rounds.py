"""Which lines go now and which wait, where one waits for another: judged in rounds until nothing new is kept back.

While a decrease is parked or was rejected, its seats are still billed. So none of them may be billed on another plan as well: what goes up is
decided again without that decrease. Seats that move from there wait, all others go.

An example. Of 25 seats of ADV, 15 move to PRO on the 15th, and 3 more of PRO are bought.

1. The first round has -15 on ADV and +18 on PRO. The terms hold the -15 for approval.
2. The second round leaves it out. ADV bills 15 too many, so as many seats of PRO wait: +3 are made today, and -15 keeps its reason.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from timus_autotask.domain.adjustments import Adjustments
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.gaps import adjustments_of, may_rise, with_past_days
from timus_autotask.domain.converge.holds import (
    by_itself,
    parked_or_waiting,
    rejected,
    stays_whatever_is_approved,
)
from timus_autotask.domain.converge.pricing import priced
from timus_autotask.domain.converge.sides import Drafts, waits_for
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.mapping import LineKey


def judged_in_rounds(
    drafts: Sequence[LineDraft], adjustments: Adjustments, contract: Contract, view: View
) -> Drafts:
    """Every line as it goes now, is parked or waits. ``adjustments`` are those that would make all of them level.

    What is kept back keeps the reason of the round that found it. There are two kinds of rounds:

    1. As long as a round finds seats that stay whatever a person approves, the next one leaves out only these. What goes up is judged
       once all of them are found, because a person is asked for what can be made.
    2. Then everything that is kept back is left out, until a round finds nothing new.

    This ends: what one round keeps back, the next ones keep back too, and each round but the last adds a line to it.
    """
    kept_back: Drafts = {}
    stuck: AbstractSet[LineKey] = frozenset()
    while True:
        this = _round(drafts, adjustments, kept_back, contract, view)
        if this.stuck.keys() <= stuck:  # nothing of this round goes up that has to wait for one of these
            return this.judged
        kept_back = this.kept_back_now
        stuck = this.stuck.keys() & kept_back.keys()
        adjustments = adjustments_of(drafts, contract, view, stuck)
        whole = {} if this.surely_stuck else _approved_as_a_whole(this, adjustments, view)
        whole |= _rejected_as_a_whole(kept_back, stuck, drafts, contract, view)
        kept_back = {**kept_back, **whole}


@dataclass(frozen=True, slots=True)
class _Round:
    """All lines with the adjustments of one round, before and after they are judged."""

    kept_back: Drafts
    """What the rounds before have kept back: nothing of it is among these adjustments."""
    asked: Drafts
    """Each line with what would be made of it."""
    judged: Drafts
    """The same, parked or waiting where it may not be made now."""

    @property
    def stuck(self) -> Drafts:
        """The lines whose seats should leave, and stay billed."""
        return {key: draft for key, draft in self.judged.items() if draft.stays_up}

    @property
    def surely_stuck(self) -> Drafts:
        """Those that this round has found, and whose seats stay whatever a person approves."""
        new = {key: draft for key, draft in self.stuck.items() if key not in self.kept_back}
        return {key: by_itself(draft) for key, draft in new.items() if stays_whatever_is_approved(draft)}

    @property
    def kept_back_now(self) -> Drafts:
        """What is kept back by what this round has found: see the two kinds of rounds."""
        surely = self.surely_stuck
        if surely:
            return {**self.kept_back, **surely}
        return {key: draft for key, draft in self.judged.items() if draft.is_kept_back}


def _round(
    drafts: Sequence[LineDraft], adjustments: Adjustments, kept_back: Drafts, contract: Contract, view: View
) -> _Round:
    asked = {
        draft.key: with_past_days(draft.with_adjustments(adjustments), contract, view) for draft in drafts
    }
    with_prices = {key: priced(draft, view) for key, draft in asked.items()}
    return _Round(kept_back, asked, parked_or_waiting(with_prices, kept_back, contract, view))


def _rejected_as_a_whole(
    kept_back: Drafts,
    stuck: Collection[LineKey],
    drafts: Sequence[LineDraft],
    contract: Contract,
    view: View,
) -> Drafts:
    """What goes on of a line after a rejection, parked with what was rejected where it would be billed beside the plan that stays with it.

    So a plan change is rejected as a whole, also where more of the new plan comes on a later day.
    """
    goes_on = {key: draft for key, draft in kept_back.items() if draft.due and not draft.stopped}
    return {
        key: rejected(draft)
        for key, draft in goes_on.items()
        if draft.due[0].delta > 0 and not may_rise(draft.due[0], drafts, contract, view, stuck)
    }


def _approved_as_a_whole(
    this: _Round, without_kept_back: Adjustments, view: View
) -> dict[LineKey, LineDraft]:
    """What a person has approved and of which only a part goes now, parked with its approval until the decreases are decided on, too.

    What a person has rejected a part of is judged as a whole by that.
    """
    return {
        key: draft.park("waits-for-decrease", **waits_for(key, this.judged, view))
        for key, draft in this.judged.items()
        if not draft.stopped
        and draft.line.approved
        and not draft.set_aside
        and draft.with_adjustments(without_kept_back).adjustments != this.asked[key].adjustments
    }
