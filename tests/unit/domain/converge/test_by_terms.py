"""The step says itself which change of the terms its adjustment follows from."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    LEVEL,
    MORE,
    NOW,
    ONE_DAY,
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


def cause(number: int, day: date) -> Cause:
    """What Timus reported just now."""
    return Cause("sub_1", number, day, f"evt_{number}", received_at=NOW, sku="SKU-45")


def before(units: Timeline, by: str = "kim") -> FormerTerms:
    """What was wanted before somebody set a minimum."""
    return FormerTerms(Desired({SEATS: demand(units)}), by, CHANGED)


Asked = list[tuple[Collection[str], datetime | None]]


def made(*former: FormerTerms, wanted: Demand | None = None) -> tuple[Intent, Asked]:
    """What goes out for three seats more, and for whom and since when former terms were asked.

    ``former``: what was wanted before each change of them.
    """
    asked: Asked = []

    def terms(customers: Collection[str], since: datetime | None) -> Iterator[FormerTerms]:
        asked.append((customers, since))
        yield from former

    adjust = next_step(view(wanted or demand(MORE), lines=(left(LEVEL),), former_terms=terms)).adjust
    assert adjust is not None
    assert adjust.intent is not None
    return adjust.intent, asked


def test_what_former_terms_would_not_have_adjusted_is_by_the_terms() -> None:
    """With who changed them, and which."""
    intent, asked = made(before(LEVEL))
    assert (intent.delta, intent.why, intent.by, intent.terms) == (3, Why.TERMS, "kim", CHANGED)
    assert asked == [({CUSTOMER}, None)]


def test_the_newest_change_that_makes_the_difference_counts() -> None:
    """One after it changed nothing of this line."""
    intent, _ = made(before(MORE, by="newer"), before(LEVEL, by="older"))
    assert intent.by == "older"


def test_what_the_terms_explain_in_part_only_is_not_by_them() -> None:
    """Of three seats more, one."""
    intent, _ = made(before(since_january(25, (TODAY, 27))))
    assert (intent.why, intent.by, intent.terms) == (None, "", ())


def test_what_timus_reported_is_not_by_the_terms() -> None:
    """Terms that were set before that are not even worked out."""
    intent, asked = made(wanted=demand(MORE, causes=(cause(8, TODAY),)))
    assert (intent.events, intent.why, intent.terms) == (("evt_8",), None, ())
    assert asked == [({CUSTOMER}, NOW)]


def test_what_a_level_line_never_adjusted_for_is_no_sign_of_news() -> None:
    """Of that, only what ends on a later day stays with the change: no later one tells of it."""
    ahead = replace(cause(8, CONTRACT.start), ends=TODAY + ONE_DAY)
    for causes, kept in (((cause(7, CONTRACT.start),), ()), ((ahead,), (ahead,))):
        intent, _ = made(before(LEVEL), wanted=demand(MORE, causes=causes))
        assert (intent.delta, intent.why, intent.by, intent.events) == (3, Why.TERMS, "kim", ())
        assert intent.causes == kept
        assert intent.versions == {"sub_1": causes[0].number}


def test_what_the_terms_only_bring_forward_names_its_event_too() -> None:
    """By the former terms it was to be made tomorrow."""
    former = demand(LEVEL, redated={("sub_1", 8, "SKU-45"): TODAY + ONE_DAY})
    intent, _ = made(
        FormerTerms(Desired({SEATS: former}), "kim", CHANGED), wanted=demand(MORE, causes=(cause(8, TODAY),))
    )
    assert (intent.why, intent.by, intent.events) == (Why.TERMS, "kim", ("evt_8",))


def test_the_second_of_two_steps_is_by_the_terms_too() -> None:
    """A minimum was set from January on; the first adjustment has been made, and three more than before are wanted today."""
    intent, _ = made(before(since_january(20, (TODAY, 20))))
    assert (intent.delta, intent.why, intent.by) == (3, Why.TERMS, "kim")
