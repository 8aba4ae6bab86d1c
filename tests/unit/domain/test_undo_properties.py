"""What holds of an undo, for every history and every policy; driven day by day as in ``test_billing_properties``."""

from __future__ import annotations

from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.fakes.examples import examples
from tests.unit.domain.test_billing_properties import (
    CONTRACT,
    SERVICES,
    Autotask,
    Event,
    Partner,
    day,
    histories,
    live,
    plan_histories,
    policies,
    postings,
)
from timus_autotask.domain.converge.undo import Journals, NotUndone, undo
from timus_autotask.domain.line import JournalEntry, Line
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.timeline import NOTHING, Timeline

LATER = 190
"""All that was told has come by then, and every end of it: nothing but an undo changes any more."""
picks = st.integers(0, 5)


def held(partner: Partner) -> dict[int, Timeline]:
    """What Autotask has, by service."""
    return {service: partner.autotask.held.get(service, NOTHING) for service in SERVICES.values()}


def journals(partner: Partner) -> Journals:
    """The journal by line."""
    return {key: [one for one in partner.journal if one.line == key] for key in partner.lines}


def undone(partner: Partner, entry: JournalEntry, today: date) -> tuple[Line, ...]:
    """The lines that an undo concerns; none: it is refused."""
    try:
        return undo(
            entry, journals(partner), partner.view(today), by="pat", reason="why", undo_id=f"u-{entry.id}"
        )
    except NotUndone:
        return ()


def undo_and_work(partner: Partner, entry: JournalEntry, today: date, days: int = 3) -> date | None:
    """Undo a change and let the next days pass; the day of the opposite, or None: it was refused."""
    lines = undone(partner, entry, today)
    if not lines:
        return None
    partner.lines |= {one.key: one for one in lines}
    for n in range(days):
        partner.work(date.fromordinal(today.toordinal() + n))
    return lines[0].undone[-1].day


def one_of(partner: Partner, pick: int) -> JournalEntry:
    """Some change that was made, the newest for 0."""
    made = [one for one in partner.journal if one.delta]
    assume(made)
    return made[-1 - pick % len(made)]


@settings(deadline=None, max_examples=examples(40))
@given(histories, policies, postings, picks)
def test_an_undo_brings_back_the_state_before_and_its_undo_the_state_after(
    told: list[Event], policy: Policy, posted: list[int], pick: int
) -> None:
    """On each day from that of the opposite on; nothing else is changed, and no day is ever below zero."""
    partner = live(told, policy, posted, days=LATER)
    after = held(partner)
    entry, today = one_of(partner, pick), day(LATER)
    first = undo_and_work(partner, entry, today)
    assume(first is not None)
    assert first is not None
    without = held(partner)
    sides = [one for one in partner.journal if one.undoes]
    assert entry.id in {one.undoes for one in sides}
    for service in SERVICES.values():
        delta = sum(one.delta for one in sides if one.line.service_id == service)
        assert without[service].same(after[service].add_from(first, delta), CONTRACT.start, day(LATER + 2))
    again = undo_and_work(partner, next(one for one in sides if one.undoes == entry.id), day(LATER + 3))
    assert again is not None
    for service in SERVICES.values():
        assert held(partner)[service].same(after[service], again, CONTRACT.end)
    assert all(units >= 0 for units in map(min_units, held(partner).values()))


def min_units(timeline: Timeline) -> int:
    """The least of any day."""
    return min((units for _, units in timeline.steps), default=0)


@settings(deadline=None, max_examples=examples(40))
@given(histories, histories, policies, picks)
def test_after_any_later_news_the_line_has_what_timus_says(
    told: list[Event], later: list[Event], policy: Policy, pick: int
) -> None:
    """An undo is over with news: in the end every day ahead is as Timus and the terms say."""
    partner = live(told, policy, days=LATER)
    entry, today = one_of(partner, pick), day(LATER)
    assume(undo_and_work(partner, entry, today, days=1) is not None)
    for n, event in enumerate(later):
        moved = Event(LATER + 1 + n, LATER + 1 + n, event.items, event.status)
        partner.hear(moved.snapshot(len(told) + 1 + n), day(LATER + 1 + n))
        partner.work(day(LATER + 1 + n))
    last = LATER + 80
    for n in range(LATER + 1 + len(later), last):
        partner.work(day(n))
    wanted = partner.wanted(day(last)).demands
    for line in partner.lines.values():
        holds = [one for one in line.undone if one.until is None]
        if not holds:
            units = wanted[line.key].units
            assert held(partner)[line.service_id].same(units, day(last - 1), CONTRACT.end)


@settings(deadline=None, max_examples=examples(40))
@given(plan_histories, policies, picks, st.integers(20, 100))
def test_two_plans_are_never_billed_at_once_whatever_is_undone(
    told: list[Event], policy: Policy, pick: int, at: int
) -> None:
    """A plan change is undone as a whole (promise I7), also in the middle of what is still to come."""
    partner = live(told, policy, days=at)
    undo_and_work(partner, one_of(partner, pick), day(at - 1), days=1)
    for n in range(at, 150):
        for number, event in enumerate(told, 1):
            if event.arrives == n:
                partner.hear(event.snapshot(number), day(event.effective))
        partner.work(day(n))
    autotask = Autotask()
    for service, on, delta, posted_on in partner.autotask.posts:
        assert autotask.adjust(service, on, delta, posted_on) == ""
        turns = {one for timeline in autotask.held.values() for one in timeline.days}
        assert not any(
            all(autotask.held.get(each, NOTHING).at(turn) for each in SERVICES.values()) for turn in turns
        )
