"""Reasons that are shown or counted apart are reasons: a code that is renamed is renamed there too."""

from __future__ import annotations

import pytest

from timus_autotask.domain.line import State
from timus_autotask.domain.reasons import REASONS, Parked
from timus_autotask.sync.merge import DISPUTED
from timus_autotask.watch import gauges
from timus_autotask.watch.grouping import FOR_PEOPLE, own_standing
from timus_autotask.watch.month import causes
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.status import UNMAPPED_CUSTOMER, StatusLine


def test_what_is_shown_or_counted_apart_is_a_reason() -> None:
    """An edit, a customer without a contract, a cause in the ledger, an event that a person settles."""
    assert {*UNMAPPED_CUSTOMER, *gauges._DRIFTING, *causes._BY_CODE, *DISPUTED} <= {*REASONS}


@pytest.mark.parametrize("state", [State.PARKED, State.OBSERVING])
@pytest.mark.parametrize("code", sorted(REASONS))
def test_who_is_said_to_be_waited_for_has_something_to_do(code: str, state: State) -> None:
    """And what needs nobody does not stand among what waits for a person."""
    remedy = remedy_of(Parked(code, {}))
    line = StatusLine("cus", "SKU", 1, 2, 3, 3, state, "why", code, remedy)
    assert (own_standing(line) in FOR_PEOPLE) is ("nothing to do" not in remedy.lower())
