"""The step says itself which change of the terms its adjustment follows from."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tests.unit.domain.converge.views import (
    CUSTOMER,
    LEVEL,
    MORE,
    SEATS,
    TODAY,
    demand,
    left,
    since_january,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import FormerTerms
from timus_autotask.domain.desired import Demand, Desired
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Intent, Why
from timus_autotask.domain.timeline import Timeline

CHANGED = ("minimum.SKU-45=28",)


def before(units: Timeline, by: str = "kim") -> FormerTerms:
    """What was wanted before somebody set a minimum."""
    return FormerTerms(Desired({SEATS: demand(units)}), by, CHANGED)


def made(*former: FormerTerms, wanted: Demand | None = None) -> tuple[Intent, list[Collection[str]]]:
    """What goes out for three seats more, and for whom former terms were asked; ``former``: what was wanted before each change of them."""
    asked: list[Collection[str]] = []

    def terms(customers: Collection[str]) -> Iterator[FormerTerms]:
        asked.append(customers)
        yield from former

    adjust = next_step(view(wanted or demand(MORE), lines=(left(LEVEL),), former_terms=terms)).adjust
    assert adjust is not None
    assert adjust.intent is not None
    return adjust.intent, asked


def test_what_former_terms_would_not_have_adjusted_is_by_the_terms() -> None:
    """With who changed them, and which."""
    intent, asked = made(before(LEVEL))
    assert (intent.delta, intent.why, intent.by, intent.terms) == (3, Why.TERMS, "kim", CHANGED)
    assert asked == [{CUSTOMER}]


def test_the_newest_change_that_makes_the_difference_counts() -> None:
    """One after it changed nothing of this line."""
    intent, _ = made(before(MORE, by="newer"), before(LEVEL, by="older"))
    assert intent.by == "older"


def test_what_the_terms_explain_in_part_only_is_not_by_them() -> None:
    """Of three seats more, one."""
    intent, _ = made(before(since_january(25, (TODAY, 27))))
    assert (intent.why, intent.by, intent.terms) == (None, "", ())


def test_what_timus_reported_is_not_by_the_terms() -> None:
    """Former terms are not even worked out."""
    intent, asked = made(before(LEVEL), wanted=demand(MORE, causes=(Cause("sub_1", 8, TODAY, "evt_8"),)))
    assert (intent.events, intent.why, intent.terms, asked) == (("evt_8",), None, (), [])
