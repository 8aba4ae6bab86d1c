"""What a day's limit holds stays held, and what a person mends by the units goes on: decided from what the line remembers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import ChangedUnits, Observed, Step, View
from timus_autotask.domain.desired import Demand, Desired, Source
from timus_autotask.domain.line import Line, Refusal
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.timeline import Timeline

KEY = LineKey(1, 45)
FIRST, TODAY, TOMORROW = date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 1)
LATER = date(2028, 3, 31)
NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
CONTRACT = Contract(1, 600, recurring=True, active=True, start=FIRST, end=date(2028, 12, 31))
TWENTY = Timeline.of([(FIRST, 20)])


def look(
    wanted: Timeline,
    held: Timeline = TWENTY,
    line: Line | None = None,
    policies: dict[str, Policy] | None = None,
    *,
    moved: int = 0,
    today: date = TODAY,
) -> Step:
    """What a worker decides who sees this."""
    demand = Demand(KEY, ((600, "cus_1"),), wanted, FIRST, (Source("cus_1", "ADV", Timeline()),))
    now = NOW + (today - TODAY)
    return next_step(
        View(
            1,
            CONTRACT,
            {45: Observed(held, (7,))},
            Desired({KEY: demand}),
            {KEY: line or Line(1, 45, baseline=held)},
            policies or {},
            ZoneInfo("UTC"),
            now,
            today,
            now,
            timedelta(minutes=15),
            changed_today=ChangedUnits(today, {"cus_2": moved}),
        )
    )


def code(step: Step) -> str | None:
    """Why the line is parked."""
    [line] = step.lines
    return line.parked.code if line.parked else None


MORE = TWENTY.add_from(TODAY, 4)
LIMITED = {"": Policy(partner_day_limit=10)}
OWN = {"cus_1": Policy(customer_day_limit=3)}


def held_by(policies: dict[str, Policy]) -> Line:
    """The line once a limit of the day has held it."""
    step = look(MORE, policies=policies, moved=8)
    assert code(step) == "held-over-day-limit"
    [line] = step.lines
    return line


@pytest.mark.parametrize("policies", [LIMITED, OWN], ids=["partner", "customer"])
def test_the_next_day_does_not_let_a_held_change_through(policies: dict[str, Policy]) -> None:
    """Although it is within the limit of that day."""
    line = held_by(policies)
    step = look(MORE, line=line, policies=policies, today=TOMORROW)
    assert step.adjust is None
    assert step.lines == ()


def test_another_limit_or_another_change_is_judged_anew() -> None:
    """A limit that was raised lets it go, and so does its end; a change that is another one by now was never held."""
    line = held_by(LIMITED)
    for policies in ({"": Policy(partner_day_limit=12)}, {}):
        assert look(MORE, line=line, policies=policies, moved=8).adjust is not None
    other = TWENTY.add_from(TODAY, 5)
    assert look(other, line=line, policies=LIMITED, today=TOMORROW).adjust is not None
    dated = TWENTY.add_from(TOMORROW, 4)
    assert look(dated, line=line, policies=LIMITED, today=TOMORROW).adjust is not None


def test_what_another_reason_held_is_judged_by_todays_limit() -> None:
    """Only the limit of a day remembers."""
    step = look(MORE, policies={"": Policy(partner_day_limit=10, line_limit=3)}, moved=8)
    assert code(step) == "held-over-limit"
    [line] = step.lines
    assert look(MORE, line=line, policies=LIMITED, today=TOMORROW).adjust is not None


LOW = TWENTY.add_from(LATER, -17)
FEWER = Timeline.of([(FIRST, 20), (TODAY, 15)])
REFUSED = Refusal(TODAY, -5, "negative", NOW + timedelta(hours=1))


def test_room_that_a_person_makes_for_a_refused_change_is_no_drift() -> None:
    """Fifteen are wanted, and somebody had left three from a day on: once there is room, the line goes on by itself."""
    line = Line(1, 45, baseline=LOW, refusal=REFUSED)
    step = look(FEWER, LOW.add_from(LATER, 2), line)
    [seen] = step.lines
    assert seen.baseline == LOW.add_from(LATER, 2)
    assert code(step) != "drift"


@pytest.mark.parametrize(
    ("line", "held"),
    [
        (Line(1, 45, baseline=LOW), LOW.add_from(LATER, 2)),
        (Line(1, 45, baseline=LOW, refusal=REFUSED, adjusted=(FIRST,)), LOW.add_from(LATER, 2)),
        (Line(1, 45, baseline=LOW, refusal=REFUSED), LOW.add_from(LATER, 1)),
        (Line(1, 45, baseline=TWENTY, refusal=REFUSED), TWENTY.add_from(LATER, 2)),
    ],
    ids=["never refused", "ours", "still too few", "refused for something else"],
)
def test_any_other_edit_is_drift(line: Line, held: Timeline) -> None:
    """Whatever else was refused, somebody's units are not fought."""
    step = look(FEWER, held, line)
    assert code(step) == "drift"
    assert step.adjust is None
