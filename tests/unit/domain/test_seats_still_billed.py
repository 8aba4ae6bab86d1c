"""What is made of a plan change whose old plan keeps seats, by when the old plan comes down: one test for each answer.

Of 25 seats of the old plan 15 move on the 10th, and 3 of the new one are bought. Where nothing else is said, the new plan goes up by 18.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date

from timus_autotask.domain.adjustments import Adjustment, Adjustments, adjustments_for
from timus_autotask.domain.converge.gaps import open_day_of
from timus_autotask.domain.gap import Gap
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link, SeatsThatCome
from timus_autotask.domain.timeline import NOTHING, Timeline

OLD, NEW, THIRD = LineKey(1, 45), LineKey(1, 46), LineKey(1, 47)


def march(day: int) -> date:
    """A day of the month."""
    return date(2026, 3, day)


def line(key: LineKey, before: int, after: int, *, free_from: int = 1) -> Gap:
    """A line that has so many units, and should have others from the 10th on; it takes no adjustment before ``free_from``."""
    return Gap(
        key,
        desired=Timeline.of([(march(1), before), (march(10), after)]),
        start=march(1),
        observed=Timeline.of([(march(1), before)]),
        open_day=open_day_of(frozenset(march(day) for day in range(2, free_from))),
    )


COMES_DOWN, COMES_UP = line(OLD, 25, 10), line(NEW, 0, 18)
LATE = line(OLD, 25, 10, free_from=20)
MOVES = Link(march(10), OLD, NEW, beside=True)


def made(
    *gaps: Gap,
    links: Sequence[Link] = (MOVES,),
    elsewhere: Mapping[LineKey, Gap] | None = None,
    families: Sequence[AbstractSet[LineKey]] = (),
    come: Mapping[Link, int] | None = None,
) -> Adjustments:
    """What is made of these lines; ``come`` tells of plan changes how many seats come with each."""
    whose = {link: frozenset({("cus_1", f"sub_{n}", "PLUS")}) for n, link in enumerate(come or {})}

    def units_of(line: LineKey, theirs: SeatsThatCome) -> Timeline:
        found = NOTHING
        for link, seats in (come or {}).items():
            if link.up == line and whose[link] <= theirs:
                found = found.plus(Timeline.of([(link.day, seats)]))
        return found

    return adjustments_for(gaps, links, elsewhere, families, whose, units_of)


def told(found: Adjustments) -> list[tuple[LineKey, int, int]]:
    """By line and day of the month, in order."""
    return [(one.line, one.day.day, one.delta) for one in found.in_order]


def test_the_decrease_of_the_same_day_comes_first() -> None:
    """The new plan's turn comes again on that day, and nothing waits any more."""
    found = made(COMES_UP, COMES_DOWN)
    assert (told(found), found.blocked) == ([(OLD, 10, -15), (NEW, 10, 18)], {})


def test_nothing_waits_for_an_old_plan_that_is_down() -> None:
    """Its decrease was made before."""
    assert told(made(COMES_UP, replace(COMES_DOWN, observed=COMES_DOWN.desired))) == [(NEW, 10, 18)]


def test_what_is_bought_goes_while_the_seats_that_move_wait_for_a_day() -> None:
    """The old plan takes no adjustment before the 20th."""
    found = made(COMES_UP, LATE)
    assert (told(found), found.blocked) == ([(NEW, 10, 3), (OLD, 20, -15), (NEW, 20, 15)], {})


def test_where_nothing_is_bought_all_of_it_waits_for_that_day() -> None:
    """So the new plan's own day stays free."""
    found = made(line(NEW, 0, 15), LATE)
    assert (told(found), found.blocked) == ([(OLD, 20, -15), (NEW, 20, 15)], {})


def test_all_seats_wait_together_for_a_decrease_elsewhere_that_has_no_date_yet() -> None:
    """What is bought would take the day that the others may need in a moment."""
    elsewhere = replace(COMES_DOWN, sure_until=march(9))
    found = made(COMES_UP, elsewhere={OLD: elsewhere})
    assert (told(found), found.blocked) == ([], {NEW: Adjustment(NEW, march(10), 18)})


def test_what_is_bought_goes_while_somebody_decides_about_the_decrease() -> None:
    """As many as the old plan has too many stay."""
    assert told(made(COMES_UP, COMES_DOWN.as_stuck())) == [(NEW, 10, 3)]


def test_the_seats_that_move_wait_until_somebody_has_decided() -> None:
    """Nobody knows of a day."""
    found = made(line(NEW, 0, 15), COMES_DOWN.as_stuck())
    assert (told(found), found.blocked) == ([], {NEW: Adjustment(NEW, march(10), 15)})


def test_seats_wait_for_a_plan_of_which_nothing_is_known_behind_the_one_that_they_leave() -> None:
    """What the old plan keeps may be seats that came to it, and are still billed where they were."""
    links = (MOVES, Link(march(10), THIRD, OLD, beside=True))
    found = made(COMES_UP, replace(COMES_DOWN, observed=COMES_DOWN.desired), links=links)
    assert (told(found), found.blocked) == ([], {NEW: Adjustment(NEW, march(10), 18)})


def test_seats_wait_for_a_plan_behind_the_one_that_they_leave() -> None:
    """15 seats come to the old plan as 15 leave it: it lacks nothing itself, and the new plan waits for the third one."""
    links = (MOVES, Link(march(10), THIRD, OLD, beside=True))
    third = line(THIRD, 15, 0, free_from=20)
    assert told(made(line(NEW, 0, 15), line(OLD, 15, 15), third, links=links)) == [
        (THIRD, 20, -15),
        (NEW, 20, 15),
    ]


def test_a_line_without_units_hides_no_seats() -> None:
    """A plan that was left as a whole for the old one can hide no more seats behind it than the old one keeps."""
    links = (MOVES, Link(march(10), THIRD, OLD))
    empty = replace(line(OLD, 0, 0), observed=NOTHING, desired=NOTHING)
    assert told(made(line(NEW, 0, 15), empty, line(THIRD, 15, 0, free_from=20), links=links)) == [
        (NEW, 10, 15),
        (THIRD, 20, -15),
    ]


# -- Whose seats come is known


WHOLE = replace(MOVES, beside=False)
UP_TO_15 = line(NEW, 0, 15)


def wanted_again(seats: int) -> Gap:
    """The old plan, which should have so many seats again from the 20th on, and on which nothing is made before somebody decides."""
    desired = Timeline.of([(march(1), 15), (march(10), 15 - seats), (march(20), 15)])
    return replace(line(OLD, 15, 15), desired=desired).as_stuck()


def test_what_is_bought_goes_while_seats_of_a_plan_wait_of_which_nothing_is_known() -> None:
    """15 of the 18 come from a plan that has no line yet; it keeps seats, or is left altogether."""
    for link in (MOVES, WHOLE):
        assert told(made(COMES_UP, links=[link], come={link: 15})) == [(NEW, 10, 3)]


def test_what_is_bought_goes_on_the_first_day_of_a_line_too() -> None:
    """The others are looked at again once that is made."""
    found = made(replace(COMES_UP, start=march(10)), links=[WHOLE], come={WHOLE: 15})
    assert found == Adjustments((Adjustment(NEW, march(10), 3),))


def test_seats_go_on_waiting_after_a_part_of_their_line_has_gone() -> None:
    """The new plan's day is free on the 11th: three go then, and that it has units by now does not mean that the plan change is over."""
    found = made(line(NEW, 0, 18, free_from=11), links=[WHOLE], come={WHOLE: 15})
    assert found == Adjustments((Adjustment(NEW, march(11), 3),), {NEW: Adjustment(NEW, march(11), 15)})


def test_a_plan_change_is_over_where_its_line_had_units_and_lacked_nothing_on_its_day() -> None:
    """What came before it does not count as waiting for it: one more goes on the 20th."""
    more = replace(COMES_UP, desired=Timeline.of([(march(5), 2), (march(20), 3)]))
    expected = (Adjustment(NEW, march(5), 2), Adjustment(NEW, march(20), 1))
    assert made(more, links=[WHOLE]) == Adjustments(expected)


def test_seats_of_a_plan_without_a_line_wait_beside_those_of_one_that_is_stuck() -> None:
    """15 come from the one, and another of the family has three too many: together as many as the new plan lacks."""
    stuck = line(THIRD, 8, 5).as_stuck()
    found = made(COMES_UP, stuck, links=[WHOLE], come={WHOLE: 15}, families=[{NEW, THIRD}])
    assert found == Adjustments((), {NEW: Adjustment(NEW, march(10), 18)})


def test_seats_wait_for_each_plan_that_they_leave_also_for_one_without_a_line() -> None:
    """Two come from it, and one from the old plan: only what is bought goes."""
    unknown = Link(march(10), THIRD, NEW, beside=True)
    down = line(OLD, 25, 24, free_from=20)
    found = made(line(NEW, 0, 5), down, links=[MOVES, unknown], come={MOVES: 1, unknown: 2})
    assert told(found)[0] == (NEW, 10, 2)


def test_seats_wait_until_a_plan_elsewhere_ends_by_itself_while_somebody_decides() -> None:
    """On that contract it is parked, and Autotask takes it off on the 20th: what is bought goes, and the others then."""
    ends = Timeline.of([(march(1), 15), (march(20), 0)])
    there = replace(line(OLD, 15, 0), observed=ends, parked=True)
    late = replace(COMES_UP, start=march(10))
    expected = (Adjustment(NEW, march(10), 3), Adjustment(NEW, march(20), 15))
    assert made(late, links=[WHOLE], come={WHOLE: 15}, elsewhere={OLD: there}) == Adjustments(expected)


# -- When it is looked at again


def test_a_seat_goes_on_the_day_on_which_the_stuck_plan_is_to_have_it_again() -> None:
    """Until then it is said to wait, for somebody may decide earlier."""
    found = made(line(NEW, 0, 1), wanted_again(1))
    assert found == Adjustments((Adjustment(NEW, march(20), 1),), {NEW: Adjustment(NEW, march(10), 1)})


def test_seats_of_a_plan_that_was_left_altogether_wait_until_somebody_decides() -> None:
    """Whatever is wanted of it later: the two were never billed together."""
    found = made(UP_TO_15, wanted_again(15), links=[WHOLE], come={WHOLE: 15})
    assert found == Adjustments((), {NEW: Adjustment(NEW, march(10), 15)})


def test_a_new_plan_waits_as_a_whole_for_an_old_one_that_is_adjusted_on_another_contract_in_a_moment() -> (
    None
):
    """Also what it should have from the 20th on, when the old plan is wanted again: by then it may have come down."""
    there = replace(wanted_again(15), open_day=open_day_of(frozenset()), stuck=False)
    less = replace(UP_TO_15, desired=Timeline.of([(march(10), 15), (march(20), 14)]))
    found = made(less, links=[WHOLE], elsewhere={OLD: there})
    assert found == Adjustments((), {NEW: Adjustment(NEW, march(10), 15)})


def test_seats_wait_until_a_plan_has_come_down_of_which_nothing_is_known_before_that_day() -> None:
    """It has 15, and Timus tells of it from the 20th on. What is bought goes; when the others do is known once its decrease is made."""
    down = replace(line(OLD, 15, 0), start=march(20), desired=NOTHING)
    found = made(COMES_UP, down, links=[WHOLE], come={WHOLE: 15})
    expected = (Adjustment(NEW, march(10), 3), Adjustment(OLD, march(20), -15))
    assert found == Adjustments(expected, {NEW: Adjustment(NEW, march(10), 15)})


def test_a_plan_of_a_few_days_waits_as_a_whole_for_an_adjustment_elsewhere() -> None:
    """Also what is to be taken off it later: on the other contract the old plan comes down in a moment, or does not."""
    there = replace(line(OLD, 15, 0), sure_until=march(9))
    some_days = Timeline.of([(march(10), 15), (march(20), 0)])
    later = replace(UP_TO_15, desired=some_days, observed=Timeline.of([(march(25), 8)]))
    found = made(later, links=[WHOLE], elsewhere={OLD: there})
    assert found == Adjustments((), {NEW: Adjustment(NEW, march(10), 15)})


def test_a_stuck_line_of_another_plan_does_not_make_anybody_wait() -> None:
    """It has too many, but no seat comes from it."""
    other = line(THIRD, 3, 0).as_stuck()
    expected = (Adjustment(OLD, march(20), -15), Adjustment(NEW, march(20), 15))
    assert made(UP_TO_15, LATE, other) == Adjustments(expected)


def test_a_later_decrease_of_a_line_whose_seats_wait_is_made() -> None:
    """Nothing is known of the plan behind the one that they leave, which has no seats itself. Autotask has 20 from the 15th on."""
    links = (MOVES, Link(march(10), THIRD, OLD, beside=True))
    empty = replace(line(OLD, 0, 0), observed=NOTHING, desired=NOTHING)
    more = replace(COMES_UP, observed=Timeline.of([(march(15), 20)]))
    found = made(more, empty, links=links)
    assert found == Adjustments((Adjustment(NEW, march(15), -2),), {NEW: Adjustment(NEW, march(10), 18)})


# -- The decrease of the same day


def test_the_decrease_of_the_same_day_comes_first_whichever_line_it_is_on() -> None:
    """Also where it is known whose seats come, and the new plan's line has the smaller number."""
    back = Link(march(10), NEW, OLD)
    found = made(line(OLD, 0, 15), line(NEW, 15, 0), links=[back], come={back: 15})
    assert found == Adjustments((Adjustment(NEW, march(10), -15), Adjustment(OLD, march(10), 15)))


def test_a_plan_whose_end_is_near_is_left_out_until_another_one_has_come_down() -> None:
    """Timus has taken a plan change back, and what was made of it for the 20th is taken off again. On that day both change, down first."""
    stays = replace(line(OLD, 0, 0), desired=Timeline.of([(march(10), 2), (march(20), 1)]))
    away = replace(line(NEW, 0, 0), observed=Timeline.of([(march(20), 1)]))
    found = made(stays, away, links=[replace(WHOLE, day=march(15))], families=[{OLD, NEW}])
    expected = (Adjustment(NEW, march(20), -1), Adjustment(OLD, march(20), 1))
    assert found == Adjustments(expected, left_out={OLD: [(march(10), march(20))]})


# -- Seats behind a third plan


def test_seats_that_come_to_a_shared_line_hide_as_many_that_leave_it() -> None:
    """15 come to the old plan as a whole as 15 others leave it: these wait until the third plan has come down."""
    behind = Link(march(10), THIRD, OLD)
    third = line(THIRD, 15, 0, free_from=20)
    found = made(UP_TO_15, line(OLD, 15, 15), third, links=[MOVES, behind], come={behind: 15})
    assert found == Adjustments((Adjustment(THIRD, march(20), -15), Adjustment(NEW, march(20), 15)))


def test_a_line_of_the_family_of_which_nothing_is_known_holds_up_nobody() -> None:
    """Nor does one that somebody changed by hand elsewhere."""
    expected = Adjustments((Adjustment(NEW, march(10), 15),))
    edited = replace(line(OLD, 25, 10), parked=True, edited=True)
    assert made(UP_TO_15, links=(), families=[{OLD, NEW}]) == expected
    assert made(UP_TO_15, links=(), families=[{OLD, NEW}], elsewhere={OLD: edited}) == expected


def test_units_of_a_minimum_wait_that_become_seats_of_a_plan_change_before_the_old_plan_is_down() -> None:
    """Of 34 units at least, 26 are somebody else's until the 15th; from then on all 34 are there because of the 13 seats that moved."""
    old = line(OLD, 13, 0, free_from=20)
    new = replace(line(NEW, 0, 39), desired=Timeline.of([(march(10), 39), (march(15), 34)]))
    moves = Link(march(10), OLD, NEW)
    whose = frozenset({("cus_1", "sub_1", "PLUS")})
    coming = Timeline.of([(march(10), 39 - 34), (march(15), 34)])

    def units_of(_line: LineKey, theirs: SeatsThatCome) -> Timeline:
        return coming if theirs else NOTHING

    found = adjustments_for([new, old], [moves], seats_that_come={moves: whose}, units_of=units_of)
    assert told(found) == [(OLD, 20, -13), (NEW, 20, 34)]


def test_seats_of_a_subscription_that_left_two_plans_one_after_the_other_wait_once() -> None:
    """Of 28 seats 14 are another subscription's, and go at once. The two old plans have 22 too many, for they were others' too."""
    olds = line(OLD, 16, 0, free_from=20), line(THIRD, 6, 0, free_from=20)
    whose = frozenset({("cus_1", "sub_1", "PLUS")})
    both = [Link(march(10), old, NEW) for old in (OLD, THIRD)]

    def units_of(_line: LineKey, theirs: SeatsThatCome) -> Timeline:
        return Timeline.of([(march(10), 14)]) if theirs else NOTHING

    found = adjustments_for(
        [line(NEW, 0, 28), *olds], both, seats_that_come=dict.fromkeys(both, whose), units_of=units_of
    )
    assert told(found) == [(NEW, 10, 14), (OLD, 20, -16), (THIRD, 20, -6), (NEW, 20, 14)]
