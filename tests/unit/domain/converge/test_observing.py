"""The next step of a contract that observes: never a write, and what would be done is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.converge.views import (
    CONTRACT,
    LEVEL,
    MORE,
    NOW,
    SEATS,
    TODAY,
    demand,
    intent,
    left,
    line_of,
    on_contract,
    since_january,
    view,
)
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.line import Answer, Choice, Line, State
from timus_autotask.domain.policy import Approval, OnDrift, Policy, Renewal


def test_nothing_is_made_and_what_would_be_is_said() -> None:
    """Three seats more are due, and stay a plan."""
    step = next_step(view(demand(MORE), live=False))
    line = line_of(step)
    assert step.adjust is None
    assert (line.state, line.scheduled, line.intent) == (State.OBSERVING, ((TODAY, 3),), None)


def test_what_somebody_changes_is_no_drift_and_no_baseline() -> None:
    """What is read is shown, and nothing is ours yet."""
    edited = {45: on_contract(since_january(27))}
    for policy in (Policy(), Policy(drift=OnDrift.ENFORCE), Policy(drift=OnDrift.ADOPT)):
        step = next_step(view(demand(LEVEL), held=edited, lines=(left(LEVEL),), policy=policy, live=False))
        line = line_of(step)
        assert (step.adjust, line.state, line.parked) == (None, State.OBSERVING, None)
        assert (line.baseline, line.baseline_until) == (None, None)
        assert (line.observed, line.offset.steps) == (since_january(27), ())


@pytest.mark.parametrize(
    "contract",
    [None, replace(CONTRACT, active=False), replace(CONTRACT, company_id=601)],
    ids=["there is none", "it is inactive", "another company's"],
)
def test_nothing_is_ours_either_where_the_contract_takes_nothing(contract: Contract | None) -> None:
    """What is known of its units is still shown. While nobody knows what became of a change, what it had before is kept."""
    ours = left(LEVEL, observed=MORE)
    never = replace(ours, baseline=None, baseline_until=None)
    waits = replace(ours, intent=intent(Answer.UNKNOWN))

    def shown(line: Line) -> tuple[object, ...]:
        after = line_of(next_step(view(demand(LEVEL), lines=(line,), contract=contract, live=False)))
        return after.baseline, after.baseline_until, after.observed

    assert [shown(line) for line in (ours, never, waits)] == [
        (None, None, LEVEL),
        (None, None, MORE),
        (LEVEL, CONTRACT.end, MORE),
    ]


def test_a_decision_on_an_edit_is_not_kept_for_after_go_live() -> None:
    """Nothing is an edit while the contract observes, so there is nothing to decide."""
    line = left(LEVEL, choice=Choice.ENFORCE)
    assert line_of(next_step(view(demand(LEVEL), lines=(line,), live=False))).choice is None


def test_the_first_look_after_go_live_takes_what_it_reads_as_the_baseline() -> None:
    """Also what somebody changed after the last look before it."""
    observed = line_of(next_step(view(demand(MORE), live=False)))
    edited = since_january(25, (TODAY, 26))
    step = next_step(view(demand(MORE), held={45: on_contract(edited)}, lines=(observed,)))
    assert step.adjust is not None
    assert step.adjust.baseline == edited
    assert step.adjust.intent is not None
    assert step.adjust.intent.delta == 2


def test_what_holds_a_line_is_said_too() -> None:
    """A change that awaits approval is held, as it would be."""
    policy = Policy(approve_increases=Approval(above_units=0))
    line = line_of(next_step(view(demand(MORE), policy=policy, live=False)))
    assert line.state is State.OBSERVING
    assert line.parked is not None
    assert line.parked.code == "held-for-approval"
    assert line.awaiting is not None


def test_an_open_intent_settles_first() -> None:
    """Whoever goes back to observing still wants to know how it ended."""
    waiting = left(LEVEL, intent=intent(Answer.UNKNOWN))
    step = next_step(view(demand(MORE), lines=(waiting,), live=False))
    assert step.due_at == NOW + timedelta(minutes=10)
    landed = replace(waiting, intent=intent(Answer.ACCEPTED))
    step = next_step(view(demand(MORE), held={45: on_contract(MORE)}, lines=(landed,), live=False))
    assert [entry.outcome.value for entry in step.journal] == ["landed"]
    assert (line_of(step).state, line_of(step).intent, line_of(step).scheduled) == (State.OBSERVING, None, ())


def test_a_renewed_term_extends_nothing_and_opens_nothing() -> None:
    """Nor does it count as covered, so go-live follows it."""
    until = CONTRACT.end + timedelta(days=365)
    for renewal in (Renewal.EXTEND, Renewal.NEW_CONTRACT):
        renewing = demand(LEVEL, renewed_until=until)
        step = next_step(view(renewing, policy=Policy(renewal=renewal), live=False))
        assert (step.extend, step.successor, step.renewed) == (None, None, None)


@given(
    wanted=st.integers(0, 40),
    held=st.integers(0, 40),
    baseline=st.one_of(st.none(), st.integers(0, 40)),
    policy=st.builds(Policy, drift=st.sampled_from(OnDrift), paused=st.booleans()),
)
def test_it_is_never_a_write(wanted: int, held: int, baseline: int | None, policy: Policy) -> None:
    """Whatever is wanted, held and known."""
    line = (
        left(since_january(baseline)) if baseline is not None else Line(SEATS.contract_id, SEATS.service_id)
    )
    gathered = view(
        demand(since_january(10, (TODAY, wanted))),
        held={45: on_contract(since_january(held))},
        lines=(line,),
        policy=policy,
        live=False,
    )
    step = next_step(gathered)
    assert (step.adjust, step.extend, step.successor) == (None, None, None)
    assert line_of(step).state is State.OBSERVING
