"""What is level, adjusted now, or scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from tests.unit.domain.converge.views import (
    ALIVE,
    CONTRACT,
    CUSTOMER,
    END,
    LEVEL,
    MORE,
    NOW,
    PLUS,
    SETTLE,
    TODAY,
    demand,
    left,
    line_of,
    march,
    midnight,
    on_contract,
    since_january,
    view,
)
from timus_autotask.domain.approval import reject
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import (
    Intent,
    Line,
    State,
)
from timus_autotask.domain.policy import Approval, Policy
from timus_autotask.domain.timeline import Timeline


def test_a_level_line_at_first_sight_is_remembered() -> None:
    """The first read is the known state; nothing is posted, and nothing is due before the contract's end."""
    step = next_step(view(demand(LEVEL)))
    assert step == Step(
        lines=(
            Line(
                1,
                45,
                baseline=LEVEL,
                baseline_until=CONTRACT.end,
                contract_service_id=1201,
                state=State.APPLIED,
                since=NOW,
                desired=LEVEL,
                sources=((CUSTOMER, "SKU-45"),),
            ),
        ),
        due_at=END,
    )


def test_a_line_that_is_as_it_was_is_not_written_again() -> None:
    """Only lines that changed are among the records."""
    assert next_step(view(demand(LEVEL), lines=(left(LEVEL),))) == Step(due_at=END)


def test_a_change_is_an_intent_first() -> None:
    """The line that is to be posted carries all that settles it later, and nothing is due before it was sent."""
    step = next_step(view(demand(MORE, causes=(Cause("sub_1", 8, TODAY, "evt_8"),)), lines=(left(LEVEL),)))
    line = replace(
        left(LEVEL),
        intent=Intent(
            "",
            TODAY,
            3,
            LEVEL,
            opened_at=NOW,
            settles_at=ALIVE + SETTLE,
            events=("evt_8",),
            versions={"sub_1": 8},
            until=CONTRACT.end,
            causes=(Cause("sub_1", 8, TODAY, "evt_8"),),
        ),
        desired=MORE,
        scheduled=((TODAY, 3),),
        state=State.PENDING,
        since=NOW,
    )
    assert step == Step(lines=(line,), adjust=line)


def test_an_intent_names_the_news_that_it_follows() -> None:
    """News that has come and that the line has not followed yet; each event once, each subscription's newest version."""
    news = (
        Cause("sub_1", 7, march(1), "evt_7"),
        Cause("sub_1", 9, march(10), "evt_9"),
        Cause("sub_1", 8, TODAY, "evt_8"),
        Cause("sub_1", 10, march(16), "evt_10"),
        Cause("sub_2", 1, march(9), "evt_9"),
    )
    post = next_step(view(demand(MORE, causes=news), lines=(left(LEVEL, versions={"sub_1": 7}),))).adjust
    assert post is not None
    assert post.intent is not None
    assert post.intent.events == ("evt_9", "evt_8")
    assert post.intent.versions == {"sub_1": 9, "sub_2": 1}


def followed(
    units: Timeline, *causes: Cause, moved: Mapping[tuple[str, int, str], date] | None = None
) -> list[tuple[int, int, tuple[str, ...]]]:
    """Day, units and events of every adjustment that a line needs, as one after the other is made."""
    found: list[tuple[int, int, tuple[str, ...]]] = []
    versions: dict[str, int] = {"sub_1": 7}
    held = LEVEL
    while True:
        asked = demand(units, causes=causes, redated=moved or {})
        step = next_step(view(asked, held={45: on_contract(held)}, lines=(left(held, versions=versions),)))
        if step.adjust is None or step.adjust.intent is None:
            return found
        intent = step.adjust.intent
        found.append((intent.day.day, intent.delta, intent.events))
        versions |= intent.versions
        held = intent.after


def test_each_adjustment_names_the_news_of_its_own_day() -> None:
    """However many of them have to be made at once, after a pause or an approval."""
    units = since_january(25, (march(3), 28), (march(5), 30), (march(7), 34))
    news = [Cause("sub_1", 8 + n, march(3 + 2 * n), f"evt_{n}") for n in range(3)]
    assert followed(units, *news) == [(3, 3, ("evt_0",)), (5, 2, ("evt_1",)), (7, 4, ("evt_2",))]


def test_news_of_a_locked_day_goes_with_the_adjustment_of_the_next_open_one() -> None:
    """So does what was overtaken before it was made; of it nothing is ever lost."""
    units = since_january(25, (march(3), 28), (march(5), 30))
    news = Cause("sub_1", 8, march(3), "evt_8"), Cause("sub_1", 9, march(5), "evt_9")
    step = next_step(
        view(demand(units, causes=news), lines=(left(LEVEL, adjusted=(march(3), march(4), march(5))),))
    )
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.events) == (march(6), ("evt_8", "evt_9"))
    overtaken = Cause("sub_1", 8, march(12), "evt_8"), Cause("sub_1", 9, march(5), "evt_9")
    assert followed(since_january(25, (march(5), 30)), *overtaken) == [(5, 5, ("evt_8", "evt_9"))]


def test_who_brought_a_change_forward_goes_with_its_adjustment() -> None:
    """It is told, with what it replaced; what the line has followed is as without it. Before its day nobody asked for anything."""
    later = Cause("sub_1", 8, march(25), "evt_8", before=25, after=28)
    sooner = Cause("sub_1", 9, march(12), "evt_9", before=25, after=28)
    units = since_january(25, (march(12), 28))
    step = next_step(view(demand(units, causes=(later,), brought_forward=(sooner,)), lines=(left(LEVEL),)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.events, step.adjust.intent.versions) == (("evt_8", "evt_9"), {})
    earlier = since_january(25, (march(10), 26), (march(12), 28))
    first = next_step(view(demand(earlier, brought_forward=(sooner,)), lines=(left(LEVEL),))).adjust
    assert first is not None
    assert first.intent is not None
    assert (first.intent.day, first.intent.events) == (march(10), ())


def test_news_that_the_terms_bill_on_another_day_goes_with_the_adjustment_of_that_day() -> None:
    """What is billed from the next period on is none of today's, and what is billed from the start of its period is."""
    units = since_january(25, (march(1), 27), (march(10), 30), (date(2026, 4, 1), 28))
    later = Cause("sub_2", 1, march(5), "evt_later", sku="A")
    earlier = Cause("sub_3", 1, march(12), "evt_earlier", sku="A")
    moved = {("sub_2", 1, "A"): date(2026, 4, 1), ("sub_3", 1, "A"): march(1)}
    own = Cause("sub_1", 8, march(10), "evt_own", sku="A")
    assert followed(units, later, earlier, own, moved=moved) == [
        (1, 2, ("evt_earlier",)),
        (10, 3, ("evt_own",)),
    ]


def test_what_is_held_names_only_its_own_news() -> None:
    """And what was rejected keeps it."""
    units = since_january(25, (march(10), 28), (march(12), 30))
    news = Cause("sub_1", 8, march(10), "evt_8"), Cause("sub_2", 1, march(12), "evt_1")
    always = Policy(approve_increases=Approval(above_units=0))
    held = next_step(view(demand(units, causes=news), lines=(left(LEVEL),), policy=always))
    line = line_of(held)
    assert [cause.event_id for cause in line.awaiting_causes] == ["evt_8"]
    rejected, entry = reject(line, by="kim", at=NOW, reason="no", entry_id="e1")
    assert [cause.event_id for cause in entry.causes] == ["evt_8"]
    goes_on = next_step(view(demand(units, causes=news), lines=(rejected,))).adjust
    assert goes_on is not None
    assert goes_on.intent is not None
    assert (goes_on.intent.delta, goes_on.intent.events) == (2, ("evt_1",))


def test_the_oldest_change_is_posted_first_and_the_rest_stays_pending() -> None:
    """One adjustment a step, by day over all lines of the contract."""
    step = next_step(
        view(
            demand(since_january(25, (march(10), 28), (march(12), 30))),
            demand(since_january(5, (march(9), 6)), PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(since_january(5), 1202)},
        )
    )
    assert step.adjust is not None
    assert step.adjust.key == PLUS
    assert line_of(step).state is State.PENDING
    assert line_of(step).scheduled == ((march(10), 3), (march(12), 2))
    assert line_of(step).intent is None


def test_a_later_change_waits_until_its_midnight() -> None:
    """Nothing is posted before its day; the contract is due when that day begins where the partner lives."""
    step = next_step(view(demand(since_january(25, (march(16), 28), (march(20), 25))), lines=(left(LEVEL),)))
    assert step.adjust is None
    assert line_of(step).state is State.SCHEDULED
    assert line_of(step).scheduled == ((march(16), 3), (march(20), -3))
    assert step.due_at == midnight(march(16))


def test_a_day_on_which_nothing_has_to_be_posted_is_looked_at_too() -> None:
    """Where Autotask already has a later step, its day is due all the same: what holds then counts as applied."""
    ahead = since_january(25, (march(18), 28), (march(19), 29))
    step = next_step(view(demand(ahead), held={45: on_contract(ahead)}))
    assert line_of(step).state is State.APPLIED
    assert step.due_at == midnight(march(18))


def test_a_change_of_the_day_after_tomorrow_is_posted_when_its_day_has_come() -> None:
    """On the very day it is posted, not the day after."""
    units = since_january(25, (march(17), 28))
    for today, posts in ((march(16), False), (march(17), True)):
        assert (next_step(view(demand(units), today=today)).adjust is not None) is posts
