"""Settling: what a read says about a post whose outcome is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from timus_autotask.domain.line import (
    Answer,
    Head,
    HeldChange,
    Intent,
    Line,
    State,
    Verdict,
    settle,
    with_state,
)
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import Timeline

FIRST, LAST, DAY = date(2026, 1, 1), date(2026, 12, 31), date(2026, 3, 15)
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
SETTLES = NOW + timedelta(minutes=15)
BEFORE = Timeline.of([(FIRST, 25)])
AFTER = Timeline.of([(FIRST, 25), (DAY, 28)])
NEITHER = Timeline.of([(FIRST, 25), (DAY, 31)])


def intent(answer: Answer) -> Intent:
    """Three more seats on the 15th of March."""
    return Intent("i", DAY, 3, BEFORE, NOW, SETTLES, answer)


@pytest.mark.parametrize(
    ("answer", "held", "early", "late"),
    [
        (Answer.ACCEPTED, AFTER, Verdict.LANDED, Verdict.LANDED),
        (Answer.ACCEPTED, BEFORE, Verdict.WAIT, Verdict.UNCLEAR),
        (Answer.ACCEPTED, NEITHER, Verdict.WAIT, Verdict.UNCLEAR),
        (Answer.REFUSED, BEFORE, Verdict.REFUSED, Verdict.REFUSED),
        (Answer.REFUSED, AFTER, Verdict.WAIT, Verdict.LANDED),
        (Answer.REFUSED, NEITHER, Verdict.WAIT, Verdict.UNCLEAR),
        (Answer.NOT_APPLIED, BEFORE, Verdict.NOT_LANDED, Verdict.NOT_LANDED),
        (Answer.NOT_APPLIED, NEITHER, Verdict.NOT_LANDED, Verdict.NOT_LANDED),
        (Answer.UNKNOWN, AFTER, Verdict.WAIT, Verdict.LANDED),
        (Answer.UNKNOWN, BEFORE, Verdict.WAIT, Verdict.NOT_LANDED),
        (Answer.UNKNOWN, NEITHER, Verdict.WAIT, Verdict.UNCLEAR),
    ],
)
def test_every_answer_with_every_read(answer: Answer, held: Timeline, early: Verdict, late: Verdict) -> None:
    """The whole table: believed at once only when the read agrees with the answer, else decided when it has settled."""
    assert settle(intent(answer), held, FIRST, LAST, SETTLES - timedelta(seconds=1)) is early
    assert settle(intent(answer), held, FIRST, LAST, SETTLES) is late


def test_days_outside_the_contract_do_not_count() -> None:
    """A read is compared within the contract's days only."""
    longer = Timeline.of([(FIRST - timedelta(days=9), 1), *AFTER.steps, (LAST + timedelta(days=1), 0)])
    assert settle(intent(Answer.ACCEPTED), longer, FIRST, LAST, NOW) is Verdict.LANDED


def test_the_moment_of_a_state_stays_while_the_state_does() -> None:
    """A person sees since when a line waits, not when it was looked at last."""
    drift, other = Parked("drift", {"held": 3}), Parked("drift", {"held": 4})
    line = with_state(Line(1, 45), State.PARKED, drift, NOW)
    assert line.since == NOW
    assert with_state(line, State.PARKED, other, SETTLES).since == NOW
    assert with_state(line, State.PARKED, Parked("refused", {}), SETTLES).since == SETTLES
    assert with_state(line, State.APPLIED, None, SETTLES).since == SETTLES


def test_what_was_sent_was_decided_on_with_its_price() -> None:
    """With the price that it replaces; most changes have none."""
    sent = intent(Answer.UNKNOWN)
    assert sent.change == HeldChange(DAY, 3)
    priced = replace(sent, price="11.00", price_before="10.00")
    assert priced.change == HeldChange(DAY, 3, PriceChange("11.00", "10.00"))


def test_a_line_is_ours_once_it_was_looked_at_or_anything_was_sent() -> None:
    """A service that a person put on a contract is not."""
    line = Line(1, 45)
    assert not line.is_ours
    assert not replace(line, baseline=Timeline()).is_ours
    for ours in (
        replace(line, intent=intent(Answer.UNKNOWN)),
        replace(line, adjusted=(DAY,)),
        replace(line, baseline=BEFORE),
    ):
        assert ours.is_ours


def test_a_line_without_an_entry_has_to_say_what_was_read_until_the_contracts_end() -> None:
    """That units end with the contract is nothing that anybody did; a read of which no end is known is said as it is."""
    ends = Timeline.of([*AFTER.steps, (LAST + timedelta(days=1), 0)])
    line = replace(Line(1, 45), baseline=ends, baseline_until=LAST, found=NEITHER)
    assert line.unsaid == AFTER
    assert replace(line, baseline_until=None).unsaid == ends
    assert replace(line, baseline=None, observed=BEFORE, baseline_until=None).unsaid == BEFORE


def test_a_line_with_an_entry_or_without_a_read_has_to_say_what_was_found() -> None:
    """Nothing, as a rule."""
    line = replace(Line(1, 45), found=NEITHER)
    assert line.unsaid == NEITHER
    assert replace(line, baseline=AFTER, head=Head(3, "c3" * 32)).unsaid == NEITHER
    assert Line(1, 45).unsaid is None
