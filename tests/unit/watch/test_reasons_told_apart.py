"""A reason for parking is told apart in several places. Whoever adds one says here what ends it, and is led to each of them."""

from __future__ import annotations

from collections import Counter

from timus_autotask.domain.converge.holds import AWAITING_APPROVAL, BELOW_ZERO_LATER, BY_DECISION
from timus_autotask.domain.reasons import REASONS
from timus_autotask.sync.merge import DISPUTED
from timus_autotask.watch import gauges
from timus_autotask.watch.month import causes
from timus_autotask.watch.status import UNMAPPED_CUSTOMER

APPROVED = {
    "held-for-approval",
    "held-over-limit",
    "held-over-day-limit",
    "held-posted-period",
    "held-with-plan-change",
}
"""``approve`` or ``reject`` ends it: `holds.AWAITING_APPROVAL`, counted as held."""
DECIDED = {"paused", "rejected", "no-subscription"}
"""Another decision ends it, and it costs no look until then: `holds.BY_DECISION`."""
ON_ITS_DAY = {"below-zero-later"}
"""A day ends it, and it costs no look until then: `next_step._look_again`, `holds.stays_whatever_is_approved`."""
OF_AN_EVENT = {
    "not-understood",
    "contradictory",
    "version-restarted",
    "version-overtaken",
    "subscription-moved",
}
"""An event waits, and no line. A person accepts or dismisses it."""
LOOKED_AT_AGAIN = {
    "opening-off",
    "opening-refused",
    "opening-differs",
    "opening-doubled",
    "opening-unclear",
    "customer-unmapped",
    "sku-unmapped",
    "sku-ambiguous",
    "sku-refused",
    "sku-unrouted",
    "contract-not-found",
    "contract-of-another-company",
    "contract-not-recurring",
    "contract-inactive",
    "contract-ended",
    "line-duplicated",
    "line-missing",
    "drift",
    "outcome-unclear",
    "refused",
    "waits-for-decrease",
    "old-plan-unmapped",
}
"""Somebody changes something in Autotask, in the mapping or on another line: it is looked at again, which costs calls. Counted as parked;
as drift too if it is in `finding.DRIFT`."""


def test_each_reason_is_ended_in_one_way() -> None:
    """A new one is put into one of these sets, and into what its text names."""
    sets = (APPROVED, DECIDED, ON_ITS_DAY, OF_AN_EVENT, LOOKED_AT_AGAIN)
    times = Counter(code for each in sets for code in each)
    assert times == Counter([*REASONS]), "say what ends it"


def test_what_ends_a_reason_is_what_the_workers_go_by() -> None:
    """Else it is looked at for nothing, or never again."""
    assert set(AWAITING_APPROVAL) == APPROVED
    assert set(BY_DECISION) == APPROVED | DECIDED
    assert {BELOW_ZERO_LATER} == ON_ITS_DAY
    assert set(DISPUTED) <= OF_AN_EVENT


def test_what_is_shown_apart_is_a_reason() -> None:
    """A code that is renamed is renamed there too."""
    assert {*UNMAPPED_CUSTOMER, *gauges._DRIFTING} <= LOOKED_AT_AGAIN
    assert set(causes._BY_CODE) <= set(REASONS)
