"""A change that a person undoes is taken back by its opposite, and comes back only with news or with a person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    NOW,
    ONE_DAY,
    PLUS,
    SEATS,
    THERE,
    TODAY,
    demand,
    intent,
    left,
    line_of,
    march,
    on_contract,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.undo import NotUndone, undo
from timus_autotask.domain.converge.view import Step, View
from timus_autotask.domain.desired import Demand, Desired, Source, Unrouted
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import (
    Answer,
    Approved,
    Head,
    HeldChange,
    JournalEntry,
    Line,
    Outcome,
    Refusal,
    Rejection,
    State,
    Undone,
    Why,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import Postponed, WhyPast
from timus_autotask.domain.plan_change import Link
from timus_autotask.domain.policy import Approval, Policy, Renewal, SameDay
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import Timeline
from timus_autotask.domain.undone import known_versions, with_end_days, without_undone

DAY, NEXT = march(10), march(11)
"""When the change was made, and the next day."""
LATER = NOW + timedelta(hours=1)
MORE = since_january(25, (DAY, 28))


def cause(number: int, day: date, before: int, after: int, sku: str = "SKU-45") -> Cause:
    """A version that changed the quantity of a SKU."""
    return Cause("sub_1", number, day, f"evt_{number}", sku=sku, before=before, after=after)


def wanted(units: Timeline, *causes: Cause, key: LineKey = SEATS, **more: Any) -> Demand:
    """What a line should have, by these versions; the first of them brought 25 seats, the second the three that are undone."""
    known = causes or (cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 28))
    return demand(units, key, causes=known, **more)


def made(
    delta: int = 3, *, id_: str = "c1", day: date = DAY, key: LineKey = SEATS, **more: Any
) -> JournalEntry:
    """An adjustment that was made."""
    values = {"events": ("evt_8",), "sources": ((CUSTOMER, f"SKU-{key.service_id}"),), **more}
    return JournalEntry(id_, key, day, delta, 25, 25 + delta, Outcome.LANDED, NOW, NOW, **values)


def line(units: Timeline = MORE, key: LineKey = SEATS, **more: Any) -> Line:
    """A line with the change, as it was left."""
    return left(units, key, **{"adjusted": (DAY,), "versions": {"sub_1": 8}, **more})


def seen(
    *demands: Demand,
    lines: tuple[Line, ...] = (),
    held: Mapping[int, Timeline] | None = None,
    closed: tuple[tuple[date, date], ...] = (),
    **more: Any,
) -> View:
    """What is seen of the contract: the lines with what Autotask has of them."""
    found = lines or (line(),)
    units = held or {one.service_id: one.baseline for one in found if one.baseline is not None}
    return view(
        *(demands or (wanted(MORE),)),
        lines=found,
        held={id_: on_contract(each, 1200 + id_ - 44, closed=closed) for id_, each in units.items()},
        **more,
    )


def undone(
    at: View | None = None, entry: JournalEntry | None = None, journal: Sequence[JournalEntry] = ()
) -> tuple[Line, ...]:
    """The lines once a person has undone the change."""
    entry = entry or made()
    journals: dict[LineKey, list[JournalEntry]] = {}
    for one in journal or (entry,):
        journals.setdefault(one.line, []).append(one)
    return undo(entry, journals, at or seen(), by="pat", reason="ordered twice", undo_id="u1")


def of(lines: tuple[Line, ...]) -> list[tuple[LineKey, str, date, int]]:
    """What was undone last on these lines: the line, the entry, the day of the opposite and how many units it adds."""
    last = [(one.key, one.undone[-1]) for one in lines]
    return [(key, one.entry, one.day, one.delta) for key, one in last]


def then(*demands: Demand, lines: tuple[Line, ...] | None = None, **more: Any) -> Step:
    """The worker's next step after the undo."""
    return next_step(seen(*demands, lines=undone() if lines is None else lines, **more))


def taken_back(*demands: Demand, journal: bool = False) -> Line:
    """The line once the opposite is made."""
    post = then(*demands).adjust
    assert post is not None
    assert post.intent is not None
    sent = replace(
        post,
        intent=replace(post.intent, id="c2", answer=Answer.ACCEPTED),
        head=Head(1, "h") if journal else None,
    )
    return line_of(next_step(seen(*demands, lines=(sent,), held={45: post.intent.after}, now=LATER)))


# -- What is done


def test_the_opposite_is_made_on_the_next_free_day_after_the_change() -> None:
    """The day of the change has its adjustment already. So as little as can be of it stays on the invoice."""
    [one] = undone()
    assert one.undone == (
        Undone("u1", "c1", NEXT, -3, 28, 25, "pat", NOW, "ordered twice", versions={"sub_1": 8}),
    )
    post = then(lines=(one,)).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta) == (NEXT, -3)
    assert (post.intent.why, post.intent.by, post.intent.undoes) == (Why.UNDONE, "pat", "c1")


def test_it_is_made_on_its_own_day_where_autotask_adds_up_what_is_made_on_one_day() -> None:
    """The term ``same_day`` says so: then nothing of the change stays."""
    [one] = undone(seen(policy=Policy(same_day=SameDay.ATTEMPT)))
    assert one.undone[0].day == DAY


def test_what_was_made_today_is_undone_from_tomorrow_on() -> None:
    """Nothing is made before its day."""
    today = since_january(25, (TODAY, 28))
    news = wanted(today, cause(7, CONTRACT.start, 0, 25), cause(8, TODAY, 25, 28))
    there = seen(news, lines=(line(today, adjusted=(TODAY,)),))
    lines = undone(there, made(day=TODAY))
    step = then(news, lines=lines)
    assert step.adjust is None
    assert line_of(step).scheduled == ((TODAY + ONE_DAY, -3),)
    assert line_of(step).state is State.SCHEDULED


def test_a_person_who_undoes_it_is_not_asked_for_approval_once_more() -> None:
    """He has seen what is posted."""
    strict = Policy(approve_decreases=Approval(0), line_limit=1)
    [one] = undone(seen(policy=strict))
    assert one.approved == (Approved(NEXT, -3, "pat", versions={"sub_1": 8}),)
    post = next_step(seen(lines=(one,), policy=strict)).adjust
    assert post is not None


def test_once_it_is_made_the_line_is_level_without_the_change() -> None:
    """Timus still says 28, and nothing is planned."""
    one = taken_back()
    assert (one.state, one.scheduled, one.parked) == (State.APPLIED, (), None)
    assert one.undone[0].opposite == "c2"
    assert one.desired == since_january(25, (DAY, 28), (NEXT, 25))


def test_the_journal_links_the_opposite_with_the_change_and_says_who_and_why() -> None:
    """Both entries stay."""
    post = then().adjust
    assert post is not None
    assert post.intent is not None
    sent = replace(post, intent=replace(post.intent, id="c2", answer=Answer.ACCEPTED))
    [entry] = next_step(seen(lines=(sent,), held={45: post.intent.after})).journal
    assert (entry.undoes, entry.by, entry.message, entry.why) == ("c1", "pat", "ordered twice", Why.UNDONE)


def test_a_decrease_is_undone_too() -> None:
    """The client keeps his seats although Timus has fewer."""
    fewer = since_january(25, (DAY, 20))
    news = wanted(fewer, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 20))
    lines = undone(seen(news, lines=(line(fewer),)), made(-5))
    post = then(news, lines=lines).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta) == (NEXT, 5)


RENEWED = date(2027, 12, 31)


def removed(units: int = 0) -> tuple[Demand, Line]:
    """Seats of a renewed term that the terms bill nothing of, or so many, and the line that was brought there."""
    news = wanted(since_january(25, (DAY, units)), cause(7, CONTRACT.start, 0, 25))
    news = replace(news, renewed_until=RENEWED) if units else replace(news, renewed_unbilled=RENEWED)
    return news, line(news.units, versions={"sub_1": 7})


def test_a_renewed_term_is_followed_for_seats_that_a_person_put_back() -> None:
    """The terms bill none of them, so nothing asked for an extension before; now the line is billed until the end of the term."""
    news, there = removed()
    assert then(news, lines=(there,)).extend is None
    lines = undone(seen(news, lines=(there,)), made(-25))
    assert then(news, lines=lines).extend == RENEWED


def test_no_new_contract_is_opened_for_seats_that_a_person_put_back() -> None:
    """What a person put back stays on the line, and would not move to it. Seats that the terms bill move."""
    terms = Policy(renewal=Renewal.NEW_CONTRACT, contract_category=7)
    news, there = removed()
    lines = undone(seen(news, lines=(there,)), made(-25))
    assert then(news, lines=lines, policy=terms).successor is None
    some, there = removed(20)
    lines = undone(seen(some, lines=(there,)), made(-5))
    assert then(some, lines=lines, policy=terms).successor is not None


def test_a_renewed_term_is_not_followed_for_seats_that_a_person_took_off() -> None:
    """Nothing is billed of them, and an extension would go on billing whatever else is on the contract."""
    came = steps((DAY, 3))
    news, there = wanted(came, cause(8, DAY, 0, 3), renewed_until=RENEWED), line(came)
    assert then(news, lines=(there,)).extend == RENEWED
    lines = undone(seen(news, lines=(there,)), made())
    assert then(news, lines=lines).extend is None


def test_a_renewed_term_is_not_followed_for_what_is_kept_of_an_edit() -> None:
    """No term renews what a person put there beside Timus: it is parked when the contract is over, as before."""
    news, there = removed()
    kept = replace(there, baseline=since_january(2), offset=since_january(2, (DAY, 2)))
    assert then(news, lines=(kept,)).extend is None


def test_what_was_brought_back_by_mistake_is_undone_as_well() -> None:
    """An undo of an undo is a person's word: the line has again what Timus says."""
    back = taken_back()
    opposite = made(-3, id_="c2", day=NEXT, undoes="c1")
    at = seen(lines=(back,), now=LATER)
    lines = undone(at, opposite, (made(), opposite))
    post = then(lines=lines, now=LATER).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta, post.intent.undoes) == (march(12), 3, "c2")


# -- Until when it counts


def test_news_of_another_quantity_ends_it_on_its_own_day() -> None:
    """The days before stay as the person wanted them."""
    back = taken_back()
    more = since_january(25, (DAY, 28), (march(14), 30))
    news = wanted(more, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 28), cause(9, march(14), 28, 30))
    post = then(news, lines=(back,)).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta) == (march(14), 5)


def test_timus_corrected_to_what_was_undone_posts_nothing() -> None:
    """What usually follows: the client's mistake is put right in Timus, some days later."""
    right = since_january(25, (DAY, 28), (march(14), 25))
    news = wanted(right, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 28), cause(9, march(14), 28, 25))
    step = then(news, lines=(taken_back(),))
    assert step.adjust is None
    assert line_of(step).scheduled == ()


def test_the_same_quantity_said_anew_ends_it_too() -> None:
    """Timus went to 30 and back on one day: that is news."""
    news = wanted(
        MORE,
        cause(7, CONTRACT.start, 0, 25),
        cause(8, DAY, 25, 28),
        cause(9, march(14), 28, 30),
        cause(10, march(14), 30, 28),
    )
    post = then(news, lines=(taken_back(),)).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta) == (march(14), 3)


def test_a_cancellation_ends_what_is_left() -> None:
    """The three seats do not come back before it, and none is left after it."""
    end = march(20)
    ended = since_january(25, (DAY, 28), (end, 0))
    news = wanted(
        ended,
        cause(7, CONTRACT.start, 0, 25),
        cause(8, DAY, 25, 28),
        replace(cause(9, march(14), 28, 28), ends=end),
    )
    step = then(news, lines=(taken_back(),))
    assert step.adjust is None
    assert line_of(step).scheduled == ((end, -25),)


def test_an_undone_decrease_is_over_when_the_subscription_ends() -> None:
    """Nothing stays billed of what is gone."""
    end = march(20)
    ended = since_january(25, (DAY, 20), (end, 0))
    news = wanted(ended, cause(7, CONTRACT.start, 0, 25), replace(cause(8, DAY, 25, 20), ends=end))
    lines = undone(seen(news, lines=(line(ended.until(DAY)),)), made(-5))
    assert line_of(then(news, lines=lines)).desired == since_january(25, (DAY, 20), (NEXT, 25), (end, 0))


def test_news_that_comes_before_the_opposite_is_made_leaves_nothing_of_the_undo() -> None:
    """It was to be made tomorrow; Timus says 26 today."""
    today = since_january(25, (TODAY, 28))
    before = wanted(today, cause(7, CONTRACT.start, 0, 25), cause(8, TODAY, 25, 28))
    [one] = undone(seen(before, lines=(line(today, adjusted=(TODAY,)),)), made(day=TODAY))
    news = wanted(
        since_january(25, (TODAY, 26)),
        cause(7, CONTRACT.start, 0, 25),
        cause(8, TODAY, 25, 28),
        cause(9, TODAY, 28, 26),
    )
    assert line_of(then(news, lines=(one,))).scheduled == ((TODAY + ONE_DAY, -2),)


# -- Plan changes

LINK = Link(DAY, SEATS, PLUS)
LEFT = since_january(25, (DAY, 0))
CAME = steps((DAY, 25))
OLD = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
NEW = wanted(CAME, cause(8, DAY, 0, 25, "SKU-46"), key=PLUS)
DOWN = made(-25, linked=(PLUS,))
UP = made(25, id_="c2", key=PLUS, linked=(SEATS,))
PLANS = (line(LEFT), line(CAME, PLUS, contract_service_id=1202))


def plan_change(**more: Any) -> View:
    """25 seats have left one plan for another."""
    return seen(OLD, NEW, lines=PLANS, links=(LINK,), **more)


@pytest.mark.parametrize("entry", [DOWN, UP])
def test_a_plan_change_is_undone_as_a_whole(entry: JournalEntry) -> None:
    """Whichever side is named; the new plan comes down first (promise I7)."""
    lines = undone(plan_change(), entry, (DOWN, UP))
    assert [(one.key, one.undone[0].day, one.undone[0].delta) for one in lines] == [
        (SEATS, NEXT, 25),
        (PLUS, NEXT, -25),
    ]
    step = next_step(seen(OLD, NEW, lines=lines, links=(LINK,)))
    assert step.adjust is not None
    assert step.adjust.key == PLUS
    assert step.adjust.intent is not None
    assert step.adjust.intent.linked == (SEATS,)


def test_the_old_plan_waits_until_the_new_one_has_come_down_again() -> None:
    """The decrease was refused: then nothing goes up."""
    lines = undone(plan_change(), UP, (DOWN, UP))
    down = next(one for one in lines if one.key == PLUS)
    open_ = replace(down, intent=intent(before=CAME, day=NEXT, delta=-25, undoes="c2", until=CONTRACT.end))
    step = next_step(seen(OLD, NEW, lines=(lines[0], open_), links=(LINK,)))
    assert step.adjust is None


def test_seats_come_back_only_as_others_leave_also_where_timus_once_moved_some_on_that_day() -> None:
    """By an older version, of which nothing is left: nobody's seats come with that. The decrease of the undo was refused."""
    lines = undone(plan_change(), UP, (DOWN, UP))
    refused_there = Refusal(NEXT, -25, "no", LATER)
    lines = tuple(replace(one, refusal=refused_there) if one.key == PLUS else one for one in lines)
    moved = Link(NEXT, PLUS, SEATS)
    at = seen(OLD, NEW, lines=lines, links=(LINK, moved))
    step = next_step(replace(at, desired=replace(at.desired, seats_that_come={moved: frozenset()})))
    assert step.adjust is None


def test_a_renewed_term_is_followed_after_a_plan_change_that_was_undone() -> None:
    """It is now the old plan that is billed until the end of the term; the new one has come down before."""
    down, up = undone(plan_change(), UP, (DOWN, UP))
    lines = (down, replace(up, baseline=steps((DAY, 25), (NEXT, 0)), adjusted=(DAY, NEXT)))
    sides = replace(OLD, renewed_unbilled=RENEWED), replace(NEW, renewed_until=RENEWED)
    assert next_step(seen(*sides, lines=lines, links=(LINK,))).extend == RENEWED


def test_news_of_one_side_ends_the_undo_of_both() -> None:
    """Else two plans would be billed (promise I7)."""
    lines = undone(plan_change(), UP, (DOWN, UP))
    back = (
        replace(lines[0], baseline=since_january(25, (DAY, 0), (NEXT, 25)), adjusted=(DAY, NEXT)),
        replace(lines[1], baseline=steps((DAY, 25), (NEXT, 0)), adjusted=(DAY, NEXT)),
    )
    more = wanted(
        steps((DAY, 25), (march(14), 26)),
        cause(8, DAY, 0, 25, "SKU-46"),
        cause(9, march(14), 25, 26, "SKU-46"),
        key=PLUS,
    )
    step = next_step(seen(OLD, more, lines=back, links=(LINK,)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.key, step.adjust.intent.day, step.adjust.intent.delta) == (SEATS, march(14), -25)


BACK = made(25, id_="c3", day=NEXT, undoes="c1", linked=(PLUS,), events=())
GONE = made(-25, id_="c4", key=PLUS, day=march(12), undoes="c2", linked=(SEATS,), events=())
"""The plan change taken back; the new plan had a day that was not free, so that its side was made a day later."""


def plans_back(**other: Any) -> View:
    """What is seen once the plan change was undone; ``other`` things are noted on the new plan's line."""
    old, new = (one.undone[0] for one in undone(plan_change(), UP, (DOWN, UP)))
    new = replace(new, **{"opposite": "c4", **other})
    back, gone = since_january(25, (DAY, 0), (NEXT, 25)), steps((DAY, 25), (march(12), 0))
    lines = (
        replace(PLANS[0], baseline=back, adjusted=(DAY, NEXT), undone=(replace(old, opposite="c3"),)),
        replace(PLANS[1], baseline=gone, adjusted=(DAY, march(12)), undone=(new,)),
    )
    return seen(OLD, NEW, lines=lines, links=(LINK,))


@pytest.mark.parametrize("entry", [BACK, GONE])
def test_an_undone_plan_change_is_made_again_as_a_whole(entry: JournalEntry) -> None:
    """Whichever side is named: what one undo made on both lines belongs together, on whatever days it was made."""
    again = undone(plans_back(), entry, (DOWN, BACK, UP, GONE))
    assert of(again) == [(SEATS, "c3", march(13), -25), (PLUS, "c4", march(13), 25)]


@pytest.mark.parametrize("journal", [(DOWN, BACK), (DOWN, BACK, UP)])
def test_an_undone_plan_change_is_made_again_only_once_it_is_taken_back_on_all_its_sides(
    journal: tuple[JournalEntry, ...],
) -> None:
    """Else a plan would go up that never came down."""
    assert refused(plans_back(opposite=""), BACK, journal) == (
        "c3 is one side of what was undone, and another one is not made yet."
    )


def test_what_another_undo_made_is_no_side_of_it() -> None:
    """The new plan's line is known of another undo alone, and nothing is known of a line that is gone."""
    at, journal = plans_back(id="u0"), (DOWN, BACK, UP, GONE)
    assert refused(at, BACK, journal) == "c3 is one side of what was undone, and another one is not made yet."
    alone = replace(at, lines={SEATS: at.lines[SEATS]})
    assert refused(alone, BACK, journal) == refused(at, BACK, journal)


def test_both_sides_of_a_plan_change_need_a_day_that_is_left() -> None:
    """The old plan's line takes nothing more until the contract is over."""
    full = (replace(PLANS[0], adjusted=(DAY, CONTRACT.end)), PLANS[1])
    assert refused(seen(OLD, NEW, lines=full, links=(LINK,)), UP, (DOWN, UP)) == (
        "No day is left within the contract that takes the opposite adjustment."
    )


@pytest.mark.parametrize("names", [0, 1], ids=["the old plan's", "the new plan's"])
def test_two_sides_of_one_day_belong_together_if_one_of_them_names_the_other(names: int) -> None:
    """Whatever versions they are of: a cancellation and a new order, for example."""
    down, up = replace(DOWN, linked=()), replace(UP, linked=(), events=("evt_9",))
    sides = (replace(down, linked=(PLUS,)), up) if names == 0 else (down, replace(up, linked=(SEATS,)))
    assert [one[:2] for one in of(undone(plan_change(), sides[0], sides))] == [(SEATS, "c1"), (PLUS, "c2")]


def two_plans(old: Timeline, new: Timeline, *links: Link) -> View:
    """Two plans that a subscription had together, with their units."""
    plans = (
        wanted(old, cause(8, DAY, 25, old.at(DAY))),
        wanted(new, cause(8, DAY, 10, new.at(DAY), "SKU-46"), key=PLUS),
    )
    known = links or (replace(LINK, beside=True),)
    return seen(*plans, lines=(line(old), line(new, PLUS, contract_service_id=1202)), links=known)


TEN_AND_FIVE = since_january(10, (DAY, 15))


def test_what_came_of_its_own_on_the_day_of_a_decrease_is_undone_alone() -> None:
    """Two versions that nothing joins, although seats may move between the two plans."""
    at = two_plans(since_january(25, (DAY, 20)), TEN_AND_FIVE)
    came = made(5, id_="c2", key=PLUS, events=("evt_9",))
    assert of(undone(at, came, (made(-5), came))) == [(PLUS, "c2", NEXT, -5)]


def test_a_side_that_is_named_but_was_made_on_another_day_is_no_side() -> None:
    """Of another version, too: it is another plan change, and this one's other side is not there."""
    sides = (DOWN, replace(UP, day=march(9), events=("evt_7",)))
    assert refused(plan_change(), DOWN, sides) == (
        "It is one side of a plan change, and the other one, on service 46 of contract 1, is not made or "
        "was undone. A plan change is undone as a whole."
    )


def test_two_increases_of_one_version_belong_together_only_where_seats_moved_between_the_two() -> None:
    """The subscription moved seats between them before, and between another two on that day."""
    links = (replace(LINK, day=march(1), beside=True), Link(DAY, PLUS, LineKey(1, 47), beside=True))
    at = two_plans(MORE, TEN_AND_FIVE, *links)
    both = (made(), made(5, id_="c2", key=PLUS))
    assert of(undone(at, made(), both)) == [(SEATS, "c1", NEXT, -3)]


def test_what_the_old_plan_had_before_is_no_part_of_a_plan_change() -> None:
    """It came by another version, as an increase."""
    before = made(25, id_="c0", day=CONTRACT.start, events=("evt_7",))
    lines = undone(plan_change(), UP, (before, DOWN, UP))
    assert [one[:2] for one in of(lines)] == [(SEATS, "c1"), (PLUS, "c2")]


def test_a_side_that_was_refused_first_and_then_made_is_undone_with_the_other() -> None:
    """What was never made is passed over."""
    no = replace(UP, id="c0", outcome=Outcome.REJECTED)
    lines = undone(plan_change(), DOWN, (DOWN, no, UP))
    assert [one[:2] for one in of(lines)] == [(SEATS, "c1"), (PLUS, "c2")]
    assert refused(plan_change(), DOWN, (DOWN, no)) == (
        "It is one side of a plan change, and the other one, on service 46 of contract 1, is not made or "
        "was undone. A plan change is undone as a whole."
    )


def test_both_sides_wait_for_a_day_that_is_free_on_both() -> None:
    """Else a day would have both plans, or none."""
    busy = (replace(PLANS[0], taken=(NEXT,)), PLANS[1])
    lines = undone(seen(OLD, NEW, lines=busy, links=(LINK,)), UP, (DOWN, UP))
    assert {one.undone[0].day for one in lines} == {march(12)}


def test_seats_that_have_gone_to_another_plan_are_not_brought_back() -> None:
    """Two versions: first the old plan ended, then the new one began."""
    old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    new = wanted(steps((march(12), 25)), cause(9, march(12), 0, 25, "SKU-46"), key=PLUS)
    at = seen(old, new, lines=(line(LEFT), line(steps((march(12), 25)), PLUS)), links=(LINK,))
    came = made(25, id_="c2", key=PLUS, day=march(12), events=("evt_9",))
    with pytest.raises(NotUndone, match="would be billed twice"):
        undone(at, made(-25), (made(-25), came))


def test_seats_are_not_brought_back_beside_the_plan_that_is_billed_in_their_place() -> None:
    """No entry says when that came: somebody had put it there."""
    old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    there = steps((march(12), 25))
    new = wanted(there, cause(9, march(12), 0, 25, "SKU-46"), key=PLUS)
    at = seen(old, new, lines=(line(LEFT), line(there, PLUS)), links=(LINK,))
    assert refused(at, made(-25)) == (
        "Seats may have moved to service 46 of contract 1 since, and would be billed twice. Undo what was made there first."
    )


def test_seats_are_brought_back_beside_a_plan_that_was_always_billed_with_theirs() -> None:
    """Whatever other plans are billed only in each other's place. But not if a single seat has come there since."""
    fewer, always = since_january(25, (DAY, 20)), since_january(10)
    old = wanted(fewer, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 20))
    other = wanted(always, cause(7, CONTRACT.start, 0, 10, "SKU-46"), key=PLUS)
    links = (replace(LINK, beside=True), Link(march(1), LineKey(1, 47), PLUS))
    at = seen(old, other, lines=(line(fewer), line(always, PLUS)), links=links)
    came = made(1, id_="c2", key=PLUS, day=march(9), events=("evt_1",))
    before = replace(came, settled_at=NOW - ONE_DAY)
    left_since = replace(came, id="c3", delta=-1, settled_at=LATER)
    [one] = undone(at, made(-5), (made(-5), before, left_since))
    assert (one.undone[0].day, one.undone[0].delta) == (NEXT, 5)
    with pytest.raises(NotUndone, match="would be billed twice"):
        undone(at, made(-5), (made(-5), replace(came, settled_at=LATER)))


@pytest.mark.parametrize(
    ("there", "is_there"),
    [
        ((made(1, id_="c2", key=PLUS),), True),
        ((replace(made(1, id_="c2", key=PLUS), outcome=Outcome.REJECTED),), False),
        ((made(1, id_="c2", key=PLUS), made(-1, id_="c3", key=PLUS, undoes="c2")), False),
        (
            (
                made(1, id_="c2", key=PLUS),
                made(-1, id_="c3", key=PLUS, undoes="c2"),
                made(1, id_="c4", key=PLUS, undoes="c3"),
            ),
            True,
        ),
    ],
    ids=["at the same moment", "never made", "undone", "undone and made again"],
)
def test_a_seat_has_come_to_another_plan_if_it_was_made_there_and_is_not_undone(
    there: tuple[JournalEntry, ...], is_there: bool
) -> None:
    """What undoes an undo makes it come again."""
    at = two_plans(since_january(25, (DAY, 20)), since_january(10))
    there = tuple(replace(one, events=("evt_1",)) for one in there)
    if is_there:
        with pytest.raises(NotUndone, match="would be billed twice"):
            undone(at, made(-5), (made(-5), *there))
    else:
        assert of(undone(at, made(-5), (made(-5), *there))) == [(SEATS, "c1", NEXT, 5)]


def test_news_of_the_other_plan_ends_an_undo_of_the_old_one() -> None:
    """The old plan was brought back by a person. Now the subscription has the new one (promise I7)."""
    old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    [one] = undone(seen(old, lines=(line(LEFT),), links=(LINK,)), made(-25))
    back = replace(one, baseline=since_january(25, (DAY, 0), (NEXT, 25)), adjusted=(DAY, NEXT))
    new = wanted(steps((march(14), 25)), cause(9, march(14), 0, 25, "SKU-46"), key=PLUS)
    step = next_step(seen(old, new, lines=(back,), links=(LINK,)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.key, step.adjust.intent.day, step.adjust.intent.delta) == (SEATS, march(14), -25)


def test_a_plan_that_gets_its_service_only_now_ends_an_undo_of_the_plan_before() -> None:
    """Nobody had chosen it when the old plan was brought back, and no version is new (promise I7)."""
    old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    [one] = undone(seen(old, lines=(line(LEFT),)), made(-25))
    back = replace(one, baseline=since_january(25, (DAY, 0), (NEXT, 25)), adjusted=(DAY, NEXT))
    step = next_step(seen(old, NEW, lines=(back,), links=(LINK,)))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.key, step.adjust.intent.delta) == (SEATS, -25)


def test_an_add_on_that_takes_a_plans_place_elsewhere_ends_an_undo_only_from_then_on() -> None:
    """Another subscription exchanges the plan for a gateway on the 14th. Until then the gateway was billed beside the plan."""
    gateway, fourteenth = LineKey(CONTRACT.id, 47), march(14)
    links = (LINK, Link(fourteenth, SEATS, gateway))
    two = steps((DAY, 2))
    known = wanted(two, cause(8, DAY, 0, 2, "SKU-47"), key=gateway)
    there = line(two, gateway, contract_service_id=1203)
    lines = undone(seen(OLD, NEW, known, lines=(*PLANS, there), links=(LINK,)), UP, (DOWN, UP))
    back = (
        replace(lines[0], baseline=since_january(25, (DAY, 0), (NEXT, 25)), adjusted=(DAY, NEXT)),
        replace(lines[1], baseline=steps((DAY, 25), (NEXT, 0)), adjusted=(DAY, NEXT)),
        there,
    )
    four = steps((DAY, 2), (fourteenth, 4))
    news = Cause("sub_2", 4, fourteenth, "evt_2", sku="SKU-47", before=0, after=2)
    more = wanted(four, cause(8, DAY, 0, 2, "SKU-47"), news, key=gateway)
    step = next_step(seen(OLD, NEW, more, lines=back, links=links))
    assert {one.until for each in step.lines for one in each.undone} == {fourteenth}


def test_two_plan_changes_undone_off_one_plan_end_each_for_itself() -> None:
    """Each asks whether the other's new plan is billed again: the first is over since Timus named the second plan, the second one holds."""
    third = LineKey(CONTRACT.id, 47)

    def back(name: str, day: date, other: LineKey) -> Undone:
        return Undone(name, f"old-{name}", day, 25, 0, 25, CUSTOMER, NOW, "a mistake", {"sub_1": 9}, (other,))

    def gone(name: str, day: date) -> Undone:
        return Undone(
            name, f"new-{name}", day, -25, 25, 0, CUSTOMER, NOW, "a mistake", {"sub_1": 9}, (SEATS,)
        )

    lines = {
        SEATS: replace(line(LEFT), undone=(back("first", NEXT, PLUS), back("second", march(13), third))),
        PLUS: replace(line(LEFT, PLUS), undone=(gone("first", NEXT),)),
        third: replace(line(LEFT, third), undone=(gone("second", march(13)),)),
    }
    demands = (
        demand(LEFT),
        demand(steps((DAY, 25), (march(12), 0)), PLUS),
        demand(steps((march(12), 25)), third),
    )
    links = tuple(Link(DAY, one, other) for one in lines for other in lines if one != other)
    desired = Desired({one.key: one for one in demands}, links)
    until = {
        key: [one.until for one in with_end_days(each, lines, desired).undone] for key, each in lines.items()
    }
    assert until == {SEATS: [march(12), None], PLUS: [march(12)], third: [None]}


def test_an_undo_ends_with_another_one_that_kept_a_plan_away() -> None:
    """The whole new plan was taken back, and then a part of the old one. Once Timus has the new plan for good, the old one stays for neither."""
    first = Undone("first", "c1", NEXT, 25, 0, 25, CUSTOMER, NOW, "a mistake", {"sub_1": 9}, (PLUS,))
    away = replace(first, entry="c2", delta=-4, instead_of=4, units=0, linked=(SEATS,))
    part = replace(first, id="second", entry="c0", day=march(12), delta=-5, units=20, linked=())
    lines = {
        SEATS: replace(line(LEFT), undone=(first, part)),
        PLUS: replace(line(LEFT, PLUS), undone=(away,)),
    }
    demands = (demand(LEFT), demand(steps((DAY, 4), (march(14), 12)), PLUS))
    desired = Desired({one.key: one for one in demands}, (Link(DAY, SEATS, PLUS), Link(DAY, PLUS, SEATS)))
    assert [one.until for one in with_end_days(lines[SEATS], lines, desired).undone] == [march(14), march(14)]


def test_what_makes_an_undone_change_again_ends_with_the_undo() -> None:
    """A version of the 14th was known when it was made again, and ends the undo. From then on Timus has the seats itself, and none are added."""
    came, gateway = steps((DAY, 25)), LineKey(CONTRACT.id, 47)
    first = Undone(
        "first",
        "c1",
        NEXT,
        -25,
        25,
        0,
        "pat",
        NOW,
        "a mistake",
        {"sub_1": 9},
        opposite="c3",
        customer=CUSTOMER,
        part=25,
    )
    again = replace(
        first,
        id="again",
        entry="c3",
        day=march(12),
        delta=25,
        units=25,
        versions={"sub_1": 10},
        opposite="c4",
    )
    there = replace(line(steps((DAY, 25), (NEXT, 0), (march(12), 25)), PLUS), undone=(first, again))
    demands = (
        wanted(
            came, cause(8, DAY, 0, 25, "SKU-46"), key=PLUS, sources=(Source(CUSTOMER, "SKU-46", came, came),)
        ),
        wanted(
            steps((march(14), 2)),
            replace(cause(10, march(14), 0, 2, "SKU-47"), customer_id=CUSTOMER),
            key=gateway,
        ),
    )
    desired = Desired({one.key: one for one in demands}, (Link(march(14), gateway, PLUS),))
    ended = with_end_days(there, {PLUS: there}, desired)
    assert [one.until for one in ended.undone] == [march(14), march(14)]
    assert without_undone(demands[0], ended.undone) == there.known_units


def test_what_was_known_of_other_subscriptions_is_no_news_because_an_older_version_comes_late() -> None:
    """Another one had no gateway when this one's were undone. A late version had two of them, which the newer one took away."""
    two = steps((DAY, 2))
    told = wanted(two, cause(8, DAY, 0, 2))
    known = known_versions([SEATS], Desired({SEATS: told}, (), newest={"sub_1": 8, "sub_2": 2}))
    assert known == {"sub_1": 8, "sub_2": 2}
    there = replace(
        line(two), undone=(Undone("u", "c1", march(12), -2, 2, 0, "pat", NOW, "a mistake", known),)
    )
    taken_away = Cause("sub_2", 2, march(9), "evt_2", sku="SKU-45", before=2, after=0)
    late = wanted(two, cause(8, DAY, 0, 2), taken_away)
    ended = with_end_days(there, {SEATS: there}, Desired({SEATS: late}, ()))
    assert [one.until for one in ended.undone] == [None]


# -- What is refused


@pytest.mark.parametrize(
    "more", [-25, 19, 23], ids=["taken off both", "not all of it was new", "a single seat was there"]
)
def test_two_plans_that_were_never_there_at_once_are_not_billed_by_an_undo(more: int) -> None:
    """A version took seats off both, or somebody had seats on the new plan before it came (promise I7)."""
    now, before = (0, 25) if more < 0 else (24, 24 - more)
    left_of_old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    units = steps((march(5), before), (DAY, now))
    new = wanted(steps((DAY, now)), cause(8, DAY, before, now, "SKU-46"), key=PLUS)
    at = seen(left_of_old, new, lines=(line(LEFT), line(units, PLUS)), links=(LINK,))
    other = replace(made(more, id_="c2", key=PLUS, linked=(SEATS,)), units_before=before, units_after=now)
    assert refused(at, made(-25, linked=(PLUS,)), (made(-25, linked=(PLUS,)), other)) == (
        "Two plans would be billed, on service 45 on contract 1 and on service 46 on contract 1, and a subscription never had both at "
        "once. Change the one that is to have other seats in Autotask."
    )


def test_seats_that_have_gone_to_a_sku_without_a_line_are_not_brought_back() -> None:
    """They are billed there once somebody chooses its service."""
    old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    at = seen(old, lines=(line(LEFT),))
    unrouted = (Unrouted(CUSTOMER, "SKU-46", 25, "sku-unmapped"),)
    at = replace(at, desired=replace(at.desired, unrouted=unrouted))
    assert refused(at, made(-25)) == (
        "Seats may have moved to SKU-46, which has no line yet. Map it first, or say that it is not billed."
    )


@pytest.mark.parametrize(
    "elsewhere",
    [Unrouted("cus_2", "SKU-46", 25, "sku-unmapped"), Unrouted(CUSTOMER, "SKU-46", 25, "sku-ignored")],
)
def test_seats_are_brought_back_beside_a_sku_that_is_not_theirs_or_never_billed(elsewhere: Unrouted) -> None:
    """Another customer's, or one that is to have no line."""
    old = wanted(LEFT, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 0))
    at = seen(old, lines=(line(LEFT),))
    at = replace(at, desired=replace(at.desired, unrouted=(elsewhere,)))
    assert of(undone(at, made(-25))) == [(SEATS, "c1", NEXT, 25)]


def test_an_increase_is_undone_beside_a_sku_without_a_line() -> None:
    """No seats of it can have gone there."""
    unrouted = (Unrouted(CUSTOMER, "SKU-46", 25, "sku-unmapped"),)
    at = replace(seen(), desired=replace(seen().desired, unrouted=unrouted))
    assert of(undone(at)) == [(SEATS, "c1", NEXT, -3)]


def not_undone(
    at: View | None = None, entry: JournalEntry | None = None, journal: Sequence[JournalEntry] = ()
) -> NotUndone:
    """Why a change is not undone, with what does not let it."""
    with pytest.raises(NotUndone) as error:
        undone(at, entry, journal)
    return error.value


def refused(
    at: View | None = None, entry: JournalEntry | None = None, journal: Sequence[JournalEntry] = ()
) -> str:
    """Why a change is not undone, in words."""
    return str(not_undone(at, entry, journal))


def test_one_side_of_a_plan_change_is_not_undone_while_the_other_is_not_made() -> None:
    """The new plan waits for a free day, for example."""
    waiting = (PLANS[0], line(steps((CONTRACT.start, 0)), PLUS, state=State.PENDING))
    assert refused(seen(OLD, NEW, lines=waiting, links=(LINK,)), DOWN) == (
        "It is one side of a plan change, and the other one, on service 46 of contract 1, is not made or "
        "was undone. A plan change is undone as a whole."
    )


def test_seats_that_are_still_to_move_are_waited_for() -> None:
    """The other side is dated on a later day, so that the two entries do not name each other."""
    alone = replace(DOWN, linked=())
    waiting = (PLANS[0], line(steps(), PLUS))
    error = not_undone(seen(OLD, NEW, lines=waiting, links=(LINK,)), alone)
    assert str(error) == (
        "Seats may move between it and service 46 of contract 1, which has not got what it should have yet."
    )
    assert error.other == LineKey(1, 46)


def test_what_settles_on_the_other_plan_is_waited_for() -> None:
    """Its units are as they should be, and may not be so in a moment."""
    at = two_plans(MORE, TEN_AND_FIVE)
    open_ = replace(at.lines[PLUS], intent=intent(before=TEN_AND_FIVE))
    at = replace(at, lines={**at.lines, PLUS: open_})
    assert not_undone(at, made(events=("evt_9",))).other == PLUS


def test_what_was_undone_on_the_other_plan_is_as_it_should_be_there() -> None:
    """It has the five seats fewer that a person took back."""
    at = two_plans(MORE, TEN_AND_FIVE)
    less = since_january(10, (DAY, 15), (NEXT, 10))
    there = Undone("u0", "c0", NEXT, -5, 15, 10, "pat", NOW, "", {"sub_1": 8}, opposite="c2")
    other = replace(at.lines[PLUS], baseline=less, undone=(there,))
    at = replace(at, lines={**at.lines, PLUS: other}, observed={**at.observed, 46: on_contract(less)})
    assert of(undone(at, made(events=("evt_9",)))) == [(SEATS, "c1", NEXT, -3)]


def on_another_contract(read: Timeline | None) -> View:
    """Seats may move between the line and the same service of another contract, which should have ten; this was read there last."""
    there = replace(left(TEN, THERE), baseline=read)
    demands = wanted(MORE), wanted(TEN, cause(7, CONTRACT.start, 0, 10), key=THERE)
    return replace(
        seen(*demands, lines=(line(),), links=(Link(DAY, THERE, SEATS),)),
        lines={SEATS: line(), THERE: there},
    )


def test_what_another_contract_has_is_known_from_what_was_read_there_last() -> None:
    """It is not this contract's to read."""
    assert of(undone(on_another_contract(TEN))) == [(SEATS, "c1", NEXT, -3)]
    for read in (None, since_january(9)):
        assert not_undone(on_another_contract(read)).other == THERE


def test_a_plan_change_over_two_contracts_is_not_undone() -> None:
    """Its two sides are posted one after the other, by two workers."""
    there = LineKey(2, 46)
    other = made(25, id_="c2", key=there)
    lines = (PLANS[0], left(CAME, there))
    at = seen(OLD, wanted(CAME, key=there), lines=lines, links=(Link(DAY, SEATS, there),))
    assert refused(at, replace(DOWN, linked=(there,)), (DOWN, other)) == (
        "It is one side of a plan change, and the other one is on contract 2. A plan change over two "
        "contracts is not undone here: correct it in Timus."
    )


def test_a_plan_change_that_was_made_in_parts_is_not_undone() -> None:
    """Three seats first, and the others when a day was free."""
    parts = (DOWN, replace(UP, delta=3, id="c3"), replace(UP, delta=22, day=NEXT))
    assert refused(plan_change(), DOWN, parts) == (
        "Its plan change was made in parts on service 46 (c3 and c2), and such a one is not undone here: "
        "correct it in Timus."
    )


def test_a_posted_period_is_not_undone() -> None:
    """Autotask would bill the opposite beside it; a credit is the finance person's to give."""
    assert refused(seen(closed=((march(1), march(31)),))) == (
        "The period from 2026-03-01 to 2026-03-31 is approved and posted in Autotask, so c1 cannot be "
        "undone. Give a credit in Autotask instead."
    )


@pytest.mark.parametrize("stretch", [(DAY, march(31)), (march(1), DAY)], ids=["first", "last"])
def test_the_first_and_the_last_day_of_a_posted_stretch_are_posted_too(stretch: tuple[date, date]) -> None:
    """Autotask has a stretch for each quantity; what is named is the billing period, as the invoice has it."""
    assert refused(seen(closed=(stretch,))).startswith(
        "The period from 2026-03-01 to 2026-03-31 is approved and posted in Autotask"
    )


def test_a_posted_period_ends_with_its_contract() -> None:
    """It is named until the contract's last day."""
    view = replace(seen(closed=((march(1), march(20)),)), contract=replace(CONTRACT, end=march(20)))
    assert refused(view).startswith("The period from 2026-03-01 to 2026-03-20 is approved and posted")


def test_a_change_on_which_a_newer_one_builds_is_not_undone() -> None:
    """The newer one is undone first."""
    more = since_january(25, (DAY, 28), (march(12), 30))
    newer = made(2, id_="c2", day=march(12))
    at = seen(wanted(more), lines=(line(more, adjusted=(DAY, march(12))),))
    assert refused(at, made(), (made(), newer)) == (
        "A newer change builds on it: +2 on 2026-03-12 (c2). Undo that one first."
    )


def test_a_change_is_undone_once_the_newer_one_on_it_is_undone() -> None:
    """Two seats more came on the 12th, were undone, and Timus has said since that they were never ordered."""
    newer = made(2, id_="c2", day=march(12))
    opposite = made(-2, id_="c3", day=march(13), undoes="c2")
    gone = Undone("u0", "c2", march(13), -2, 30, 28, "pat", NOW, "", {"sub_1": 9}, opposite="c3")
    causes = cause(9, march(12), 28, 30), cause(10, march(12), 30, 28)
    news = wanted(MORE, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 28), *causes)
    there = line(since_january(25, (DAY, 28), (march(12), 30), (march(13), 28)), undone=(gone,))
    there = replace(there, adjusted=(DAY, march(12), march(13)))
    assert of(undone(seen(news, lines=(there,)), made(), (made(), newer, opposite))) == [
        (SEATS, "c1", march(14), -3)
    ]


def test_an_undo_on_which_a_newer_one_builds_is_not_undone() -> None:
    """Both changes of the line are undone; the newest is what took back the second."""
    journal = (
        made(),
        made(-3, id_="c2", day=NEXT, undoes="c1"),
        made(2, id_="c3", day=march(12)),
        made(-2, id_="c4", day=march(13), undoes="c3"),
    )
    assert refused(None, journal[1], journal) == (
        "A newer change builds on it: -2 on 2026-03-13 (c4). Undo that one first."
    )


def test_what_was_undone_is_not_undone_twice() -> None:
    """The other entry is named."""
    back = taken_back()
    opposite = made(-3, id_="c2", day=NEXT, undoes="c1")
    assert refused(seen(lines=(back,)), made(), (made(), opposite)) == "c1 was undone already, by c2."


def test_what_is_being_undone_is_not_undone_twice() -> None:
    """The worker is still to come."""
    scheduled = replace(undone()[0], undone=(replace(undone()[0].undone[0], day=TODAY + ONE_DAY),))
    assert refused(seen(lines=(scheduled,))) == ("c1 is undone already; the opposite is still to be made.")


def test_nothing_is_undone_while_something_settles() -> None:
    """It is not known what the line has."""
    assert refused(seen(lines=(replace(line(), intent=intent()),))) == (
        "What is on service 45 on contract 1 settles. Try again after 2026-03-14 20:10 UTC, when it is "
        "known at the latest."
    )


def test_a_parked_line_is_put_right_first() -> None:
    """With the command that does it."""
    rejection = Rejection(TODAY, 2, "pat", NOW, "no")
    aside = HeldChange(TODAY, 2, rejection=rejection)
    assert refused(seen(lines=(line(state=State.PENDING),))) == (
        "What is on service 45 on contract 1 is pending. Wait until it has what it should have."
    )
    assert refused(seen(lines=(line(set_aside=(aside,)),))) == (
        "What is on service 45 on contract 1 is applied. Wait until it has what it should have."
    )


def test_what_waits_for_a_person_is_decided_first() -> None:
    """With the reason, which has the way out of it."""
    reason = Parked("drift", {"contract": 1, "service": 45, "left": 28, "held": 30})
    parked = line(state=State.PARKED, parked=reason)
    error = not_undone(seen(lines=(parked,)))
    assert str(error) == f"What is on service 45 on contract 1 is parked: {reason.message}"
    assert error.first == reason


def test_an_undo_that_news_has_ended_is_in_the_way_of_no_other() -> None:
    """It was never made, and Timus has said something new since: that is what the change waits for then."""
    [ended] = undone()[0].undone
    since = since_january(25, (DAY, 28), (TODAY, 30))
    news = wanted(since, cause(7, CONTRACT.start, 0, 25), cause(8, DAY, 25, 28), cause(9, TODAY, 28, 30))
    at = seen(news, lines=(line(since, undone=(ended,)),))
    assert refused(at) == (
        f"What service 45 on contract 1 should have has changed again from {TODAY} on, so newer changes build on it."
    )


def test_a_pause_is_a_pause() -> None:
    """An undo is an adjustment."""
    error = not_undone(seen(policy=Policy(paused=True)))
    assert str(error) == "It is paused, and an undo is an adjustment."
    assert error.first == Parked("paused", {})


def test_nothing_is_undone_where_nothing_may_be_posted() -> None:
    """Before go-live."""
    assert refused(seen(live=False)) == ("Contract 1 observes: nothing is adjusted on it before go-live.")


@pytest.mark.parametrize("later", [march(20), CONTRACT.end])
def test_an_undo_never_leaves_fewer_than_0_units(later: date) -> None:
    """Somebody has taken units off a day to come, and kept that."""
    units = since_january(25, (DAY, 28), (later, 2))
    kept = line(units, offset=steps((later, -26)))
    assert refused(seen(lines=(kept,))) == (
        "Without +3, service 45 on contract 1 would have fewer than 0 units."
    )


def test_an_undo_never_goes_below_a_minimum() -> None:
    """The terms bill 27 seats at least by now."""
    policy = Policy(minimum={"SKU-45": 27})
    at = seen(policy=policy)
    billed = {(CUSTOMER, "SKU-45"): MORE}
    at = replace(at, desired=replace(at.desired, billed=billed))
    assert refused(at) == "Without +3, 25 would be billed, and the terms have a minimum of 27."


def with_minimum(
    minimum: Mapping[str, int], other: int | None = None, billed: int = 28, excluded: tuple[str, ...] = ()
) -> View:
    """Terms with minimums; ``other`` units of a second SKU are on the line, and ``billed`` are of the first one on all lines."""
    there = {"SKU-45": MORE} | ({} if other is None else {"SKU-1": since_january(other)})
    sources = tuple(Source(CUSTOMER, sku, units, units) for sku, units in there.items())
    at = seen(wanted(MORE, sources=sources), policy=Policy(minimum=minimum, excluded=excluded))
    of_all = {(CUSTOMER, sku): units for sku, units in there.items()} | {
        (CUSTOMER, "SKU-45"): since_january(billed)
    }
    return replace(at, desired=replace(at.desired, billed=of_all))


BOTH_MINIMUMS = {"SKU-45": 20, "SKU-1": 11}


@pytest.mark.parametrize(
    ("at", "left", "least"),
    [
        (with_minimum({"SKU-45": 26}), 25, 26),
        (with_minimum({"SKU-45": 38}, billed=40), 37, 38),
        (with_minimum(BOTH_MINIMUMS, other=5), 30, 31),
        (with_minimum(BOTH_MINIMUMS, other=1), 26, 31),
    ],
    ids=["one less", "one less on all lines", "of two SKUs", "of two, of which one has a single seat"],
)
def test_an_undo_below_the_minimums_says_both_numbers(at: View, left: int, least: int) -> None:
    """What would be billed on all lines, and what the terms bill at least of all SKUs of the line."""
    assert refused(at) == (f"Without +3, {left} would be billed, and the terms have a minimum of {least}.")


@pytest.mark.parametrize(
    "at",
    [
        with_minimum({"SKU-45": 25}),
        with_minimum({"SKU-45": 37}, billed=40),
        with_minimum(BOTH_MINIMUMS, other=0),
        with_minimum(BOTH_MINIMUMS, other=5, excluded=("SKU-1",)),
        with_minimum({"SKU-45": 30}, other=5),
    ],
    ids=[
        "just as many",
        "just as many on all lines",
        "none of the other",
        "not billed",
        "none for the other",
    ],
)
def test_an_undo_that_keeps_the_minimums_is_made(at: View) -> None:
    """A SKU of which there is none, or that is not billed, has none."""
    assert [one.undone[-1].units for one in undone(at)] == [25]


def test_a_single_seat_keeps_the_minimum_too_and_a_decrease_needs_none() -> None:
    """Who undoes a decrease has more billed afterwards, if still fewer than the minimum."""
    one_more = since_january(25, (DAY, 26))
    policy = Policy(minimum={"SKU-45": 30})
    at = seen(wanted(one_more), lines=(line(one_more),), policy=policy)
    at = replace(at, desired=replace(at.desired, billed={(CUSTOMER, "SKU-45"): one_more}))
    assert refused(at, made(1)) == "Without +1, 25 would be billed, and the terms have a minimum of 30."
    fewer = since_january(25, (DAY, 20))
    at = seen(wanted(fewer), lines=(line(fewer),), policy=policy)
    at = replace(at, desired=replace(at.desired, billed={(CUSTOMER, "SKU-45"): fewer}))
    assert [one.undone[-1].units for one in undone(at, made(-5))] == [25]


def test_an_undo_of_an_undo_goes_back_to_what_the_terms_bill_also_below_their_minimum() -> None:
    """They bill nothing yet of seats that Timus has."""
    fewer, all_along = since_january(25, (DAY, 0)), since_january(25)
    news = wanted(fewer, sources=(Source(CUSTOMER, "SKU-45", all_along, fewer),))
    at = seen(news, lines=(line(fewer),), policy=Policy(minimum={"SKU-45": 1}))
    at = replace(at, desired=replace(at.desired, billed={(CUSTOMER, "SKU-45"): fewer}))
    [back] = undone(at, made(-25))
    there = since_january(25, (DAY, 0), (NEXT, 25))
    back = replace(back, baseline=there, adjusted=(DAY, NEXT))
    opposite = made(25, id_="c2", day=NEXT, undoes="c1")
    again = replace(at, lines={SEATS: back}, observed={45: on_contract(there)})
    [one] = undone(again, opposite, (made(-25), opposite))
    assert one.undone[-1].units == 0


def test_the_first_change_of_a_line_can_be_undone() -> None:
    """Nothing is left of it then."""
    came = steps((DAY, 3))
    [one] = undone(seen(wanted(came, cause(8, DAY, 0, 3), start=DAY), lines=(line(came),)))
    assert (one.undone[-1].instead_of, one.undone[-1].units) == (3, 0)


def test_what_the_line_has_otherwise_is_said_with_the_day_from_which_nothing_is_undone() -> None:
    """Timus has said nothing else; the difference is still to be made."""
    assert refused(seen(held={45: since_january(25, (DAY, 28), (march(14), 29))})) == (
        f"What service 45 on contract 1 should have has changed again from {NEXT} on, so newer changes build on it."
    )


def test_a_change_that_another_day_has_overtaken_is_not_undone() -> None:
    """Timus has said something else since, and the terms bill it from today on."""
    since = since_january(25, (DAY, 28), (march(14), 29))
    assert refused(seen(wanted(since), lines=(line(since),))) == (
        "What service 45 on contract 1 should have has changed again from 2026-03-14 on, so newer changes"
        " build on it."
    )


def test_what_was_refused_or_rejected_was_never_made() -> None:
    """So there is nothing to undo."""
    entry = replace(made(), outcome=Outcome.REJECTED)
    assert refused(None, entry) == "c1 was not made, so there is nothing to undo."


def test_units_that_are_billed_elsewhere_by_now_are_not_brought_back() -> None:
    """A move to another line is a change of the mapping."""
    moved = made(sources=((CUSTOMER, "SKU-45"), ("cus_2", "SKU-45")))
    assert refused(None, moved) == (
        "What was billed on service 45 of contract 1 is not mapped to it any more. Change the mapping "
        "instead."
    )


@pytest.mark.parametrize("gone", ["line", "demand"])
def test_a_line_that_is_not_billed_any_more_is_changed_by_its_mapping(gone: str) -> None:
    """Nothing is known of the line any more, or nothing is wanted there."""
    at = seen(wanted(CAME, key=PLUS)) if gone == "demand" else replace(seen(), lines={})
    assert refused(at) == (
        "What was billed on service 45 of contract 1 is not mapped to it any more. Change the mapping "
        "instead."
    )


def test_a_service_that_is_gone_from_the_contract_has_not_what_it_should_have() -> None:
    """Somebody has taken it off in Autotask."""
    assert refused(seen(held={46: since_january(1)})) == (
        f"What service 45 on contract 1 should have has changed again from {NEXT} on, so newer changes build on it."
    )


def test_nothing_is_undone_on_a_contract_that_is_not_in_autotask() -> None:
    """There is nothing to adjust."""
    assert refused(seen(contract=None)) == "Contract 1 is not in Autotask."


def test_what_no_journal_has_was_never_made() -> None:
    """The line's own journal is what counts."""
    assert refused(None, made(), (UP,)) == "c1 was not made, so there is nothing to undo."


def test_a_change_from_before_the_line_was_billed_for_it_is_not_undone() -> None:
    """A choice of another service begins on the 12th."""
    assert refused(seen(wanted(MORE, start=march(12)))) == (
        "c1 was made before 2026-03-12, when another line was billed."
    )


def test_no_day_after_the_contract_is_undone() -> None:
    """The last day of the contract has the change, and there is no later one."""
    last = CONTRACT.end
    units = since_january(25, (last, 28))
    at = seen(wanted(units), lines=(line(units, adjusted=(last,)),), today=last)
    assert refused(at, made(day=last)) == (
        "No day is left within the contract that takes the opposite adjustment."
    )


# -- A line that several customers share

OTHER = "cus_2"


def others(number: int, day: date, before: int, after: int) -> Cause:
    """A version that changed what the other customer has."""
    return Cause(
        "sub_2", number, day, f"evt_o{number}", customer_id=OTHER, sku="SKU-45", before=before, after=after
    )


def of_both(own: Timeline, of_the_other: Timeline, *causes: Cause) -> Demand:
    """What a line should have of two customers; the three that are undone are the first one's."""
    known = (
        cause(7, CONTRACT.start, 0, 25),
        cause(8, DAY, 25, 28),
        others(1, CONTRACT.start, 0, 10),
        *causes,
    )
    causes = tuple(one if one.customer_id else replace(one, customer_id=CUSTOMER) for one in known)
    sources = tuple(
        Source(customer, "SKU-45", units, units)
        for customer, units in ((CUSTOMER, own), (OTHER, of_the_other))
    )
    return wanted(own.plus(of_the_other), *causes, sources=sources)


TEN = since_january(10)
BOTH = MORE.plus(TEN)


def undone_of_both() -> Line:
    """The line of both once the three seats of the one are undone, and the opposite still to be made."""
    [found] = undone(seen(of_both(MORE, TEN), lines=(line(BOTH),)))
    return found


def test_an_undo_says_whose_change_it_was() -> None:
    """Of what the line should have, a part is this customer's."""
    one = undone_of_both().undone[-1]
    assert (one.customer, one.part, one.instead_of, one.units) == (CUSTOMER, 28, 38, 35)


def test_news_of_another_customer_leave_an_undo_as_it_is() -> None:
    """Two seats more of the other are billed, and the three that were undone stay undone."""
    before = undone_of_both()
    post = then(of_both(MORE, TEN), lines=(before,)).adjust
    assert post is not None
    assert post.intent is not None
    sent = replace(post, intent=replace(post.intent, id="c2", answer=Answer.ACCEPTED))
    step = next_step(seen(of_both(MORE, TEN), lines=(sent,), held={45: post.intent.after}, now=LATER))
    news = of_both(MORE, since_january(10, (march(14), 12)), others(2, march(14), 10, 12))
    post = then(news, lines=(line_of(step),)).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta, post.undone[-1].until) == (march(14), 2, None)


def test_news_of_the_customer_end_it_and_the_others_units_go_their_way() -> None:
    """As on a line of its own."""
    more = since_january(25, (DAY, 28), (march(14), 30))
    news = of_both(
        more, since_january(10, (march(13), 12)), cause(9, march(14), 28, 30), others(2, march(13), 10, 12)
    )
    step = then(news, lines=(undone_of_both(),))
    assert step.adjust is not None
    assert step.adjust.desired.steps == (
        (CONTRACT.start, 35),
        (DAY, 38),
        (NEXT, 35),
        (march(13), 37),
        (march(14), 42),
    )


def test_what_the_other_has_more_is_made_with_the_opposite_where_both_are_due_on_one_day() -> None:
    """Then the undo is made, and is not offered to be withdrawn any more."""
    news = of_both(MORE, since_january(10, (NEXT, 12)), others(2, NEXT, 10, 12))
    post = then(news, lines=(undone_of_both(),)).adjust
    assert post is not None
    assert post.intent is not None
    assert (post.intent.day, post.intent.delta, post.intent.undoes) == (NEXT, -1, "c1")


def test_a_change_of_both_customers_is_undone_for_the_whole_line() -> None:
    """Nobody can tell whose seats were meant, so news of either end it."""
    both = of_both(MORE, since_january(10, (DAY, 12)), others(2, DAY, 10, 12))
    [found] = undone(seen(both, lines=(line(BOTH.add_from(DAY, 2)),)), made(5))
    assert (found.undone[-1].customer, found.undone[-1].units) == ("", 35)


def test_each_customers_minimum_is_that_of_his_own_terms() -> None:
    """The other's terms have one, and the first one's have none."""
    at = seen(of_both(MORE, TEN), lines=(line(BOTH),), policy=Policy())
    billed = {(CUSTOMER, "SKU-45"): MORE, (OTHER, "SKU-45"): TEN}
    minimum = {**at.policies, OTHER: Policy(minimum={"SKU-45": 36})}
    at = replace(at, policies=minimum, desired=replace(at.desired, billed=billed))
    assert refused(at) == "Without +3, 35 would be billed, and the terms have a minimum of 36."


def test_an_undo_knows_the_news_of_every_line_that_its_seats_may_move_to() -> None:
    """Else they would end it at once."""
    other = Cause("sub_2", 5, DAY, "evt_5", sku="SKU-46", after=10)
    plus = wanted(TEN, other, key=PLUS)
    there = line(TEN, PLUS, contract_service_id=1202)
    [one] = undone(
        seen(wanted(MORE), plus, lines=(line(), there), links=(Link(DAY, PLUS, SEATS, beside=True),))
    )
    assert one.undone[0].versions == {"sub_1": 8, "sub_2": 5}


@pytest.mark.parametrize(
    ("delta", "whose"), [(-3, CUSTOMER), (-1, "")], ids=["alone", "with news of the other"]
)
def test_an_undo_that_is_undone_says_whose_change_it_was(delta: int, whose: str) -> None:
    """As the undo said; but nobody's alone if its opposite was made together with another change."""
    before = undone_of_both()
    there = since_january(35, (DAY, 38), (NEXT, 38 + delta))
    own = replace(before.undone[0], opposite="c2")
    at = seen(of_both(MORE, since_january(10, (NEXT, 13 + delta))), lines=(line(there, undone=(own,)),))
    opposite = made(delta, id_="c2", day=NEXT, undoes="c1")
    [one] = undone(at, opposite, (made(), opposite))
    assert one.undone[-1].customer == whose


def test_a_change_that_was_made_later_than_it_was_due_is_still_its_customers() -> None:
    """Its day was not free; two seats had come the day before."""
    own = since_january(23, (march(9), 25), (DAY, 28))
    at = seen(of_both(own, TEN), lines=(line(own.plus(TEN), adjusted=(march(9), DAY, NEXT)),))
    for entry in (made(), made(day=NEXT, postponed=Postponed(DAY, WhyPast.DAY_TAKEN))):
        [one] = undone(at, entry)
        assert (one.undone[0].customer, one.undone[0].part) == (CUSTOMER, 28)


# -- One half of a move


def one_half(delta: int, day: date = DAY, **more: Any) -> NotUndone:
    """Why it is not undone that the mapping moved 25 units of a SKU off this line, or to it, on a day."""
    before, after = (25, 0) if delta < 0 else (0, 25)
    here, there = since_january(before, (day, after)), since_january(after, (day, before))
    source = Source(CUSTOMER, "SKU-45", since_january(25))
    other = LineKey(2, 45)
    demands = [
        wanted(units, cause(7, CONTRACT.start, 0, 25), key=key, sources=(replace(source, units=units),))
        for key, units in ((SEATS, here), (other, there))
    ]
    held = since_january(before, (more.get("made_on", day), after))
    entry = made(delta, day=more.get("made_on", day), postponed=more.get("postponed"))
    return not_undone(seen(*demands, lines=(line(held),)), entry)


@pytest.mark.parametrize(
    ("delta", "why"),
    [
        (
            -25,
            "It is one half of a move to service 45 on contract 2: SKU-45 is billed there instead, and its seats would be billed twice.",
        ),
        (
            25,
            "It is one half of a move from service 45 on contract 2: SKU-45 was billed there before, and its seats would be billed nowhere.",
        ),
    ],
)
def test_one_half_of_a_move_is_not_undone(delta: int, why: str) -> None:
    """The other half stays as it is. Which line has it and what moved is told, so that the mapping can be changed instead."""
    error = one_half(delta)
    assert str(error) == why
    assert (error.other, error.moved and error.moved.sku) == (THERE, "SKU-45")


def test_one_half_of_a_move_is_known_by_the_day_of_the_move() -> None:
    """It was made on a later day."""
    late = Postponed(DAY, WhyPast.DAY_TAKEN)
    assert str(one_half(-25, made_on=NEXT, postponed=late)).endswith("would be billed twice.")
