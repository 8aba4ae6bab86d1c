"""Reasons that are shown or counted apart are reasons: a code that is renamed is renamed there too."""

from __future__ import annotations

from timus_autotask.domain.reasons import REASONS
from timus_autotask.sync.merge import DISPUTED
from timus_autotask.watch import gauges
from timus_autotask.watch.month import causes
from timus_autotask.watch.status import UNMAPPED_CUSTOMER


def test_what_is_shown_or_counted_apart_is_a_reason() -> None:
    """An edit, a customer without a contract, a cause in the ledger, an event that a person settles."""
    assert {*UNMAPPED_CUSTOMER, *gauges._DRIFTING, *causes._BY_CODE, *DISPUTED} <= {*REASONS}
