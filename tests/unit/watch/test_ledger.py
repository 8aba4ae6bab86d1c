"""The leak ledger: what is used, what is billed, and what is between them, to the seat-day."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.months import ADV, ESS, FIRST, GATEWAY, STORIES, TERMS, Months
from tests.world import SERVICES
from timus_autotask.operate.month_end import leaks
from timus_autotask.watch.causes import Leak
from timus_autotask.watch.ledger import Ledger


def of(months: Months) -> Ledger:
    """Since March."""
    return leaks(deployment_of(months.world), FIRST)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(TERMS, st.booleans(), STORIES)
def test_it_adds_up_over_random_months(
    terms: tuple[str, ...], mapped: bool, story: list[tuple[str, object, int]]
) -> None:
    """Used and billed are those of Timus and of Autotask to the seat-day; all that is between them has a cause; so has the money."""
    months = Months()
    months.begin(terms, mapped)
    months.play(story)
    months.work()
    found = of(months)
    for month in found.months:
        days = months.days(month.first, month.last)
        for entry in month.entries:
            assert entry.seat_days.adds_up
            assert entry.estimate is None or entry.estimate.adds_up
            assert Leak.OTHER not in entry.seat_days.causes, entry
        lines = {entry.key.service_id for entry in month.entries if entry.key}
        assert sum(entry.seat_days.billed for entry in month.entries) == sum(
            months.billed(service, day)
            for service in (SERVICES.values() if mapped else lines)
            for day in days
        )
        assert sum(entry.seat_days.used for entry in month.entries) == sum(
            months.used(sku, day) for sku in (ADV, ESS, GATEWAY) for day in days
        )
