"""What the journal says of Autotask's units before an adjustment: on the first entry of a line, and after somebody else's edit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    LEVEL,
    MORE,
    NOW,
    TODAY,
    demand,
    intent,
    left,
    line_of,
    march,
    on_contract,
    since_january,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Observed, Step
from timus_autotask.domain.line import Answer, Choice, Head, Line
from timus_autotask.domain.policy import OnDrift, Policy
from timus_autotask.domain.timeline import Timeline

APRIL, MAY, NEW_YEAR = date(2026, 4, 1), date(2026, 5, 1), date(2027, 1, 1)
HEAD = Head(3, "c3" * 32)
EDITED = since_january(24, (march(1), 25))


def read(line: Line, held: Timeline, policy: Policy | None = None) -> Step:
    """The next step of a line that should have 28 since today, once Autotask was read."""
    return next_step(view(demand(MORE), held={45: on_contract(held)}, lines=(line,), policy=policy))


def test_the_first_entry_says_what_was_there_without_the_end_of_the_contract() -> None:
    """That the units end with the contract is nothing that anybody did."""
    sent = intent(Answer.ACCEPTED, before=since_january(25, (NEW_YEAR, 0)), until=CONTRACT.end)
    [entry] = read(left(LEVEL, intent=sent), since_january(25, (TODAY, 28), (NEW_YEAR, 3))).journal
    assert entry.found == LEVEL


@pytest.mark.parametrize("found", [None, EDITED])
@pytest.mark.parametrize("answer", [Answer.ACCEPTED, Answer.NOT_APPLIED])
def test_a_later_entry_says_only_what_no_entry_said_before(found: Timeline | None, answer: Answer) -> None:
    """And the line does not keep it for another one, however the adjustment ended."""
    line = left(LEVEL, intent=intent(answer), head=HEAD, found=found)
    step = read(line, MORE if answer is Answer.ACCEPTED else LEVEL)
    assert [entry.found for entry in step.journal] == [found]
    assert line_of(step).found is None


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (MORE, None),
        (
            since_january(25, (TODAY, 28), (APRIL, 30), (NEW_YEAR, 0)),
            since_january(25, (TODAY, 28), (APRIL, 30)),
        ),
    ],
    ids=["as before", "otherwise"],
)
def test_days_that_the_contract_gained_meanwhile_are_found_unless_its_units_go_on(
    held: Timeline, found: Timeline | None
) -> None:
    """It ended with March when the adjustment was begun."""
    sent = intent(Answer.ACCEPTED, before=since_january(25, (APRIL, 0)), until=march(31))
    assert line_of(read(left(LEVEL, intent=sent, head=HEAD), held)).found == found


def test_what_another_contract_service_had_before_is_found_with_what_the_chosen_one_has() -> None:
    """A person chose the contract service from March on; before, another one was billed. April was gained meanwhile."""
    chosen = Timeline(((march(1), 25), (TODAY, 28), (APRIL, 30)))
    held = Observed(chosen, (2,), earlier=since_january(25), first_day=march(1))
    sent = intent(Answer.ACCEPTED, before=Timeline(((march(1), 25), (APRIL, 0))), until=march(31))
    line = left(LEVEL, intent=sent, head=HEAD)
    assert line_of(next_step(view(demand(MORE), held={45: held}, lines=(line,)))).found == since_january(
        25, (TODAY, 28), (APRIL, 30)
    )


@pytest.mark.parametrize("known", [None, march(31)], ids=["the same contract", "a longer one"])
def test_a_read_that_shows_what_is_known_finds_nothing(known: date | None) -> None:
    """Days that the contract has gained with the same units say nothing new."""
    baseline = since_january(25, (APRIL, 0)) if known else LEVEL
    line = left(baseline, head=HEAD, baseline_until=known, found=EDITED)
    assert line_of(read(line, LEVEL)).found == EDITED, "which no entry has said yet"


def test_somebody_elses_edit_is_found_up_to_the_end_of_the_contract() -> None:
    """Adopted or brought back: the next entry begins with what was there."""
    held = since_january(30, (MAY, 31), (NEW_YEAR, 0))
    step = read(left(LEVEL, head=HEAD), held, Policy(drift=OnDrift.ADOPT))
    assert line_of(step).found == since_january(30, (MAY, 31))


def test_the_first_read_after_go_live_is_found() -> None:
    """The line has a journal from before it observed, and no baseline since."""
    line = replace(left(LEVEL, head=HEAD), baseline=None, baseline_until=None, observed=LEVEL)
    assert line_of(read(line, LEVEL)).found == LEVEL


def test_a_line_without_an_entry_finds_nothing() -> None:
    """Its first entry says what was there anyway."""
    assert line_of(read(left(LEVEL), since_january(30), Policy(drift=OnDrift.ADOPT))).found is None


def test_an_unclear_outcome_that_is_adopted_is_found() -> None:
    """Its own entry says what was there before it, and the next one what came of it."""
    line = left(LEVEL, intent=intent(settles_at=NOW), head=HEAD, choice=Choice.ADOPT)
    step = read(line, since_january(31, (NEW_YEAR, 0)))
    assert ([entry.found for entry in step.journal], line_of(step).found) == ([None], since_january(31))
