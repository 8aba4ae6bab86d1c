"""Why a line differs on a day."""

from __future__ import annotations

from datetime import date

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.months import EDITED, ENDING, FIRST, TERMS, Months
from timus_autotask.watch.month.books import Books, open_books
from timus_autotask.watch.month.causes import billed_otherwise_on, differing_on
from timus_autotask.watch.status import gather


def books_of(months: Months) -> Books:
    """All lines as they are now."""
    ports = months.world.ports
    return open_books(ports, gather(ports.store, lambda: 0), FIRST, ports.store.changes())


@given(TERMS, st.one_of(ENDING, EDITED))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[*HealthCheck],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
def test_a_day_is_not_billed_or_billed_too_much_and_never_both(
    terms: tuple[str, ...], story: list[tuple[str, object, int]]
) -> None:
    """Whatever happened, its causes have one sign and come to what Timus says on the terms without what is billed; what waits stands in both forms."""
    months = Months()
    months.begin(terms, mapped=True)
    months.play(story)
    months.work()
    books = books_of(months)
    for line in books.lines.values():
        for day in months.days(FIRST, date(2026, 4, 30)):
            timus = line.demand.units.at(day) if line.demand else 0
            for causes in (billed_otherwise_on, differing_on):
                assert sum(causes(line, day, books.today).values()) == timus - line.has.at(day), (
                    line.key,
                    day,
                )
            found = billed_otherwise_on(line, day, books.today).values()
            assert not found or min(found) > 0 or max(found) < 0, (line.key, day)
