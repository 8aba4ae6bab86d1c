"""What Autotask has of a line, over the contract services that counted for it one after the other."""

from __future__ import annotations

from datetime import date, timedelta

from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.timeline import NOTHING, Timeline

ONE_DAY = timedelta(days=1)
FIRST = date(2026, 3, 10)
UNITS = Timeline.of([(FIRST - 5 * ONE_DAY, 4), (FIRST, 7), (FIRST + 5 * ONE_DAY, 9)])
EARLIER = Timeline.of([(date(2026, 1, 1), 20), (FIRST - 3 * ONE_DAY, 21), (FIRST + ONE_DAY, 0)])


def test_until_another_contract_service_counts_the_one_before_does() -> None:
    """What the newer one had on those days is not the line's, nor what the older one has from then on."""
    seen = Observed(UNITS, (2,), earlier=EARLIER, first_day=FIRST).by_day
    days = (
        date(2026, 1, 1),
        FIRST - 4 * ONE_DAY,
        FIRST - ONE_DAY,
        FIRST,
        FIRST + ONE_DAY,
        FIRST + 5 * ONE_DAY,
    )
    assert [seen.at(day) for day in days] == [20, 20, 21, 7, 7, 9]


def test_where_nothing_counted_before_every_day_is_its_own() -> None:
    """It was always this one, or the one before never had a unit."""
    assert Observed(UNITS, (2,), earlier=EARLIER).by_day == UNITS
    assert Observed(UNITS, (2,), earlier=NOTHING, first_day=FIRST).by_day == UNITS
