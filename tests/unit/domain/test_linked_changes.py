"""A plan change is one change with two sides: each adjustment of it names the other, before and after it is posted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Observed, Step, View
from timus_autotask.domain.desired import Demand, Desired, Source
from timus_autotask.domain.line import Answer, Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.timeline import Timeline

OLD, NEW, OTHER = LineKey(1, 45), LineKey(1, 46), LineKey(2, 46)
FIRST, CHANGE, TODAY = date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 1)
NOW = datetime(2028, 3, 1, 12, tzinfo=UTC)
CONTRACT = Contract(1, 600, recurring=True, active=True, start=FIRST, end=date(2028, 12, 31))


def demand(key: LineKey, *steps: tuple[date, int]) -> Demand:
    """What a line should have."""
    return Demand(
        key, ((600, "cus_1"),), Timeline.of(steps), FIRST, (Source("cus_1", str(key.service_id), Timeline()),)
    )


def view(*demands: Demand, link: Link, held: dict[int, Timeline], lines: tuple[Line, ...] = ()) -> View:
    """What a worker at contract 1 sees."""
    return View(
        1,
        CONTRACT,
        {service: Observed(units, (service,)) for service, units in held.items()},
        Desired({one.key: one for one in demands}, (link,)),
        {line.key: line for line in lines},
        {},
        ZoneInfo("UTC"),
        NOW,
        TODAY,
        NOW,
        timedelta(minutes=15),
    )


def line(step: Step, key: LineKey) -> Line:
    """A line as a step leaves it."""
    return next(one for one in step.lines if one.key == key)


TWENTY = Timeline.of([(FIRST, 20)])
DEMANDS = (demand(OLD, (FIRST, 20), (CHANGE, 0)), demand(NEW, (CHANGE, 20)))


def test_each_side_names_the_other_from_the_plan_to_the_journal() -> None:
    """Planned, sent and journalled; the side that is posted second still names the one that has come down already."""
    link = Link(CHANGE, OLD, NEW)
    first = next_step(view(*DEMANDS, link=link, held={45: TWENTY}))
    assert [line(first, key).linked for key in (OLD, NEW)] == [((CHANGE, NEW),), ((CHANGE, OLD),)]
    assert first.adjust is not None
    assert first.adjust.key == OLD
    assert first.adjust.intent is not None
    assert first.adjust.intent.linked == (NEW,)
    sent = replace(first.adjust, intent=replace(first.adjust.intent, answer=Answer.ACCEPTED))
    held = {45: TWENTY.add_from(CHANGE, -20)}
    second = next_step(view(*DEMANDS, link=link, held=held, lines=(sent, line(first, NEW))))
    assert [change.linked for change in second.journal] == [(NEW,)]
    assert line(second, OLD).linked == ()
    assert second.adjust is not None
    assert second.adjust.intent is not None
    assert second.adjust.intent.linked == (OLD,)


def test_a_plan_change_of_one_seat_is_linked_too() -> None:
    """The smallest change names its other side as any does."""
    demands = (demand(OLD, (FIRST, 1), (CHANGE, 0)), demand(NEW, (CHANGE, 1)))
    step = next_step(view(*demands, link=Link(CHANGE, OLD, NEW), held={45: Timeline.of([(FIRST, 1)])}))
    assert [line(step, key).linked for key in (OLD, NEW)] == [((CHANGE, NEW),), ((CHANGE, OLD),)]


@pytest.mark.parametrize(
    ("old", "link"),
    [
        (demand(OLD, (FIRST, 20)), Link(CHANGE, OLD, NEW)),
        (DEMANDS[0], Link(CHANGE, LineKey(1, 47), NEW)),
        (DEMANDS[0], Link(CHANGE, NEW, OLD)),
        (demand(OLD, (FIRST, 20), (TODAY, 0)), Link(TODAY, OLD, NEW)),
    ],
    ids=["the other stays", "another line", "the other way round", "a later change"],
)
def test_what_only_happens_beside_it_is_not_linked(old: Demand, link: Link) -> None:
    """A line that does not move that day, one that no plan change joins, and a change of another day."""
    step = next_step(view(old, DEMANDS[1], link=link, held={45: TWENTY}))
    assert [one.linked for one in step.lines] == [() for _ in step.lines]


def test_a_side_on_another_contract_is_named_too() -> None:
    """Its worker has written down what it plans or what it posted; without a word from it nothing is named."""
    link = Link(CHANGE, OLD, OTHER)
    assert line(next_step(view(DEMANDS[0], link=link, held={45: TWENTY})), OLD).linked == ()
    for there in (Line(2, 46, scheduled=((CHANGE, 20),)), Line(2, 46, adjusted=(CHANGE,)), Line(2, 46)):
        step = next_step(view(DEMANDS[0], link=link, held={45: TWENTY}, lines=(there,)))
        expected = () if there == Line(2, 46) else ((CHANGE, OTHER),)
        assert line(step, OLD).linked == expected
