"""Steps come to rest with what Timus says, whatever there was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.converge.views import (
    ONE_DAY,
    PLUS,
    SEATS,
    TODAY,
    demand,
    midnight,
    on_contract,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.line import (
    Answer,
    Line,
    State,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import Timeline

plans = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 9)), max_size=5).map(
    lambda pairs: Timeline.of(sorted((TODAY + timedelta(days=n), units) for n, units in pairs))
)


@given(plans, plans, plans, plans, st.booleans(), st.integers(0, 3))
def test_steps_come_to_rest_with_what_timus_says(
    seats: Timeline, plus: Timeline, held: Timeline, held_plus: Timeline, linked: bool, taken: int
) -> None:
    """Performed one after the other, with time going on, steps end; then every day from today on is as desired."""
    holds = {45: held, 46: held_plus}
    links = (Link(TODAY, SEATS, PLUS),) if linked else ()
    lines: dict[LineKey, Line] = {}
    demands = [demand(seats), demand(plus, PLUS)]
    today, posts = TODAY, 0
    for _ in range(300):
        step = next_step(
            replace(
                view(*demands, links=links),
                observed={service: on_contract(units) for service, units in holds.items()},
                lines=lines,
                today=today,
                now=midnight(today),
                alive_until=midnight(today),
            )
        )
        lines |= {line.key: line for line in step.lines}
        if step.adjust is not None:
            intent = step.adjust.intent
            assert intent is not None
            assert intent.day <= today
            service = step.adjust.service_id
            holds[service] = holds[service].add_from(intent.day, intent.delta)
            lines[step.adjust.key] = replace(step.adjust, intent=replace(intent, answer=Answer.ACCEPTED))
            posts += 1
        elif today > TODAY + timedelta(days=45):
            break
        else:
            today += ONE_DAY
    for day in (TODAY + timedelta(days=n) for n in range(45, 60)):
        assert (holds[45].at(day), holds[46].at(day)) == (seats.at(day), plus.at(day))
    assert {line.state for line in lines.values()} <= {State.APPLIED}
    assert all(len(line.adjusted) == len(set(line.adjusted)) for line in lines.values())
