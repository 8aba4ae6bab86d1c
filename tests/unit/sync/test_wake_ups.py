"""A wake-up is followed at once, at whatever instant it comes."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.world import ADV, World


@pytest.mark.parametrize("microsecond", [0, 1, 500_000, 999_999])
def test_a_change_does_not_wait_for_the_next_full_second(microsecond: int) -> None:
    """Due times are whole seconds; a contract that is due now is so within the very second, without a sweep."""
    world = World(start=datetime(2026, 3, 15, 9, 12, 44, microsecond, tzinfo=UTC))
    world.map_customer()
    world.tell(7, {ADV: 28})
    world.work()
    assert world.units(ADV, date(2026, 3, 15)) == 28
