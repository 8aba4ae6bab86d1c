"""Lines without a subscription, and units after the contract's end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    LEVEL,
    NOW,
    TODAY,
    demand,
    facts,
    left,
    line_of,
    march,
    midnight,
    on_contract,
    parked,
    since_january,
    view,
)
from timus_autotask.domain.converge.next_step import RECHECK, next_step
from timus_autotask.domain.line import (
    State,
)
from timus_autotask.domain.timeline import Timeline


def test_units_that_nobody_maps_to_any_more_are_for_a_person() -> None:
    """They may be another supplier's by now; only a word ends this, so it is not looked at again."""
    step = next_step(view(lines=(left(LEVEL),)))
    assert parked(step) == ("no-subscription", facts(desired=0))
    assert line_of(step).sources == ((CUSTOMER, "SKU-45"),)
    assert step.due_at is None


def test_a_line_that_nobody_maps_to_and_that_holds_nothing_is_at_rest() -> None:
    """Nothing is billed there."""
    ended = since_january(25, (TODAY, 0))
    step = next_step(view(held={45: on_contract(ended)}, lines=(left(ended, state=State.PENDING),)))
    assert line_of(step).state is State.APPLIED


def test_a_line_without_any_source_has_no_customer() -> None:
    """The facts are there all the same."""
    step = next_step(view(lines=(left(LEVEL, sources=()),)))
    assert parked(step) == ("no-subscription", {**facts(desired=0), "customer": ""})


ENDED = replace(CONTRACT, end=march(10))


@pytest.mark.parametrize(
    ("end", "units", "told"),
    [
        (march(10), LEVEL, 25),
        (march(14), LEVEL, 25),
        (march(10), since_january(25, (march(11), 28)), 28),
        (march(10), since_january(25, (march(10), 28), (march(11), 0), (TODAY, 4)), 4),
        (march(10), since_january(25, (march(10), 0), (march(12), 7), (march(13), 8)), 7),
        (march(10), since_january(25, (march(11), 0)), None),
        (march(10), since_january(25, (march(11), 0), (march(16), 4)), None),
        (TODAY, LEVEL, None),
    ],
)
def test_units_after_the_contracts_end_are_parked(end: date, units: Timeline, told: int | None) -> None:
    """Nothing bills them, so a person has to extend the contract; an end needs nothing, and what lies ahead waits."""
    held = {45: on_contract(units)}
    line = left(units, state=State.PENDING)
    step = next_step(view(demand(units), held=held, contract=replace(CONTRACT, end=end), lines=(line,)))
    if told is None:
        assert line_of(step).state is State.APPLIED
    else:
        now = units.at(TODAY)
        wanted = facts(now, now, now, contract_end=end.isoformat(), units=told)
        assert parked(step) == ("contract-ended", wanted)
        assert step.due_at == NOW + RECHECK


@pytest.mark.parametrize(("parked_minutes", "minutes"), [(0, 15), (60, 15), (100, 25), (240, 60), (6000, 60)])
def test_what_stays_parked_is_looked_at_less_often(parked_minutes: int, minutes: int) -> None:
    """After a quarter of the time that it has been parked for this reason, at least 15 minutes and at most an hour."""
    first = next_step(view(demand(LEVEL), contract=None))
    line = replace(line_of(first), since=NOW - timedelta(minutes=parked_minutes))
    step = next_step(view(demand(LEVEL), contract=None, lines=(line,)))
    assert step.due_at == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("units", "due"),
    [
        (LEVEL, midnight(march(21))),
        (since_january(25, (march(21), 0)), midnight(march(21))),
        (since_january(25, (march(10), 0)), None),
        (since_january(25, (march(10), 0), (march(25), 3)), midnight(march(25))),
    ],
)
def test_a_contract_is_looked_at_when_it_has_ended(units: Timeline, due: datetime | None) -> None:
    """On the day after its last one, where anything is wanted then; the last day itself has nothing to tell."""
    step = next_step(
        view(demand(units), held={45: on_contract(units)}, contract=replace(CONTRACT, end=march(20)))
    )
    assert step.due_at == due


def test_on_its_last_day_a_contract_is_due_at_midnight() -> None:
    """And the day after it is not due for that any more."""
    today = replace(CONTRACT, end=TODAY)
    assert next_step(view(demand(LEVEL), contract=today)).due_at == midnight(march(16))
    for later, due in (((), None), (((march(17), 3),), midnight(march(17)))):
        units = since_january(25, (TODAY, 0), *later)
        step = next_step(view(demand(units), held={45: on_contract(units)}, contract=today))
        assert step.due_at == due


def test_a_contract_that_ended_still_takes_what_belongs_before_its_end() -> None:
    """A late change of a day that the contract covers is posted on that day."""
    step = next_step(view(demand(since_january(25, (march(9), 28))), contract=ENDED))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((march(9), 3),)


def test_a_cancellation_after_the_contracts_end_keeps_nothing_down() -> None:
    """What the contract bills until then is posted as any change."""
    step = next_step(view(demand(since_january(25, (TODAY, 28), (date(2027, 1, 5), 0)))))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((TODAY, 3),)
