"""Whether a month may be posted: yes exactly when nothing is open."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.months import STORIES, TERMS, Months
from tests.world import CUSTOMER, SERVICES
from timus_autotask.operate.month_end import may_be_posted
from timus_autotask.watch.causes import SETTLED
from timus_autotask.watch.ready import Ready

LAST = date(2026, 3, 31)


def of(months: Months) -> Ready:
    """Of March."""
    return may_be_posted(deployment_of(months.world), date(2026, 3, 1))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(TERMS, st.booleans(), STORIES, st.booleans())
def test_yes_exactly_when_nothing_is_open(
    terms: tuple[str, ...], mapped: bool, story: list[tuple[str, object, int]], at_rest: bool
) -> None:
    """What is named, as open or as staying, is all that differs from Timus's seats on the terms, to the seat-day; and nothing waits at a yes."""
    months = Months()
    months.begin(terms, mapped)
    months.play(story)
    if at_rest:
        months.work()
    found = of(months)
    assert found.ready is not bool(found.everything)
    store = months.world.ports.store
    waits = bool(store.customer(CUSTOMER).inbox) or any(store.parked_events())
    assert not (found.ready and waits)
    stays = [one for period in found.periods for one in period.stays]
    assert all(one.kind in SETTLED for one in stays)
    assert not any(one.kind in SETTLED for one in found.everything)
    words = {what for what, _, _ in story}
    if mapped and not waits and not words & {"adopt", "ignore"} and not set(terms) & {*DATING, "drift=adopt"}:
        assert -sum(one.seat_days for one in (*stays, *found.everything)) == _seat_days_off(months, terms)


DATING = {"decreases=start-of-next-period"}


def _seat_days_off(months: Months, terms: tuple[str, ...]) -> int:
    """Seat-days of March that should be billed and are not, by what Timus said and what the simulated Autotask has."""
    days = months.days(date(2026, 3, 1), LAST)
    superseded = {one.version for one in months.world.ports.store.events() if one.outcome == "superseded"}
    months.told = [one for one in months.told if one.number not in superseded]
    return sum(
        _on_terms(months.used(sku, day, trials=False), sku, terms) - months.billed(service, day)
        for sku, service in SERVICES.items()
        for day in days
    )


def _on_terms(seats: int, sku: str, terms: tuple[str, ...]) -> int:
    """Written anew for the tests."""
    said = dict(term.split("=") for term in terms)
    if not seats or said.get("excluded") == sku:
        return 0
    return max(seats - int(said.get(f"included.{sku}", 0)), int(said.get(f"minimum.{sku}", 0)), 0)
