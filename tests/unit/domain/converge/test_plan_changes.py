"""A plan change happens whole or not at all: the old plan comes down first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    END,
    LEVEL,
    MORE,
    NOW,
    PLUS,
    SEATS,
    SETTLE,
    THERE,
    TODAY,
    demand,
    facts,
    intent,
    left,
    line_of,
    march,
    on_contract,
    parked,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.adjustments import Adjustment
from timus_autotask.domain.approval import approve
from timus_autotask.domain.converge.draft import drafts_of
from timus_autotask.domain.converge.next_step import RECHECK, next_step
from timus_autotask.domain.converge.sides import moves_both_sides, plans_left, waits_for
from timus_autotask.domain.converge.view import Observed, Step, View
from timus_autotask.domain.desired import Demand, Desired
from timus_autotask.domain.line import (
    Approved,
    HeldChange,
    Line,
    Refusal,
    Rejection,
    State,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link, Unplaced
from timus_autotask.domain.policy import (
    Approval,
    Policy,
    SameDay,
)
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline

if TYPE_CHECKING:
    from timus_autotask.domain.converge.draft import LineDraft

GONE, COME = since_january(25, (TODAY, 0)), steps((TODAY, 25))
CHANGE = Link(TODAY, SEATS, PLUS)


def change(**more: object) -> View:
    """25 seats leave one plan for another today; the first is on the contract, the second is new."""
    given = {"held": {45: on_contract(LEVEL)}, "links": (CHANGE,), **more}
    return view(demand(GONE), demand(COME, PLUS), **given)  # type: ignore[arg-type]


def test_a_plan_change_comes_down_first() -> None:
    """The increase waits for the decrease to be in Autotask, and is not parked meanwhile."""
    step = next_step(change())
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (SEATS, ((TODAY, -25),))
    assert (line_of(step, PLUS).state, line_of(step, PLUS).parked) == (State.PENDING, None)
    down = next_step(change(held={45: on_contract(GONE)}, lines=(left(GONE, adjusted=(TODAY,)),)))
    assert down.adjust is not None
    assert (down.adjust.key, down.adjust.scheduled) == (PLUS, ((TODAY, 25),))


def test_a_refused_decrease_keeps_the_increase_waiting() -> None:
    """Never both plans: the new one waits, and says for what."""
    line = left(LEVEL, refusal=Refusal(TODAY, -25, "no", NOW + timedelta(hours=1)))
    step = next_step(change(lines=(line,)))
    assert parked(step)[0] == "refused"
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))
    assert step.adjust is None
    assert step.due_at == NOW + RECHECK


def test_the_new_plan_waits_while_a_read_of_the_old_one_may_be_stale() -> None:
    """The read is from before our last rise of the old plan, and shows fewer seats than are billed."""
    grown = since_january(1, (TODAY, 25))
    line = left(grown, last_change=NOW - timedelta(seconds=20), adjusted=(TODAY,))
    step = next_step(change(held={45: on_contract(since_january(1))}, lines=(line,)))
    assert (step.adjust, line_of(step).state) == (None, State.SETTLING)
    assert step.due_at == NOW - timedelta(seconds=20) + SETTLE


PARTLY = (since_january(25, (TODAY, 5)), steps((TODAY, 28)))
BESIDE = Link(TODAY, SEATS, PLUS, beside=True)


def partly(line: Line, plus: Line | None = None, *more: Demand, policy: Policy | None = None) -> View:
    """20 of 25 seats move to another plan today, where eight new ones come too."""
    held = {45: on_contract(LEVEL), 46: on_contract(plus.baseline or NOTHING if plus else NOTHING)}
    demands = (demand(PARTLY[0]), demand(PARTLY[1], PLUS), *more)
    lines = (line, plus) if plus else (line,)
    return view(*demands, held=held, links=(BESIDE,), lines=lines, policy=policy)


REFUSED = left(LEVEL, refusal=Refusal(TODAY, -20, "no", NOW + timedelta(hours=1)))


def test_a_refused_decrease_holds_up_only_the_seats_that_cannot_leave() -> None:
    """The eight new ones go up at once; after that the line says for what the other 20 wait."""
    step = next_step(partly(REFUSED))
    assert parked(step)[0] == "refused"
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (PLUS, ((TODAY, 8),))
    eight = steps((TODAY, 8))
    step = next_step(partly(REFUSED, left(eight, PLUS, adjusted=(TODAY,))))
    assert step.adjust is None
    assert parked(step, PLUS) == ("waits-for-decrease", facts(8, 8, 28, service=46, down=45))


def test_a_refused_decrease_holds_up_no_line_of_another_kind() -> None:
    """A line that no plan change joins with it goes up as a whole."""
    other = LineKey(1, 47)
    step = next_step(partly(REFUSED, left(steps((TODAY, 8)), PLUS), demand(steps((TODAY, 12)), other)))
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (other, ((TODAY, 12),))


@pytest.mark.parametrize(
    "stays",
    [REFUSED, left(LEVEL, rejections=(Rejection(TODAY, -20, "pat", NOW, "not now"),))],
    ids=["refused", "rejected"],
)
def test_a_person_is_asked_for_the_part_that_goes_without_the_seats_that_stay(stays: Line) -> None:
    """Not for all 28, which nobody's approval could make, not even one from before: so what is approved is made."""
    terms = Policy(approve_increases=Approval(above_units=5))
    all_of_it = approve(line_of(next_step(partly(left(LEVEL), policy=terms)), PLUS), "pat")
    alone, after_all = (
        line_of(next_step(partly(stays, plus, policy=terms)), PLUS) for plus in (None, all_of_it)
    )
    for asked in (alone, after_all):
        assert asked.parked is not None
        assert asked.parked.code == "held-for-approval"
        assert asked.awaiting is not None
        assert (asked.awaiting.day, asked.awaiting.delta) == (TODAY, 8)
    step = next_step(partly(stays, approve(alone, "pat"), policy=terms))
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (PLUS, ((TODAY, 8),))


def test_a_decrease_that_awaits_approval_holds_up_only_its_own_seats() -> None:
    """As if Autotask had refused it."""
    large = Policy(approve_decreases=Approval(above_units=10))
    step = next_step(partly(left(LEVEL), policy=large))
    assert parked(step)[0] == "held-for-approval"
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (PLUS, ((TODAY, 8),))


def test_an_approved_increase_waits_as_a_whole_for_a_decrease_that_awaits_approval() -> None:
    """Nobody is asked for a part of what he approved: it keeps its approval until the decrease is decided on, and then both go."""
    terms = Policy(approve_increases=Approval(0), approve_decreases=Approval(0))
    first = next_step(partly(left(LEVEL), policy=terms))
    approved = approve(line_of(first, PLUS), "pat")
    step = next_step(partly(line_of(first), approved, policy=terms))
    assert step.adjust is None
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 28, service=46, down=45))
    waits = line_of(step, PLUS)
    assert (waits.approved, waits.awaiting) == (approved.approved, None)
    step = next_step(partly(approve(line_of(first), "pat"), waits, policy=terms))
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (SEATS, ((TODAY, -20),))
    assert line_of(step, PLUS).scheduled == ((TODAY, 28),)


def test_an_approved_change_goes_beside_a_rejected_one_while_another_line_awaits_approval() -> None:
    """What was rejected is no seat that stays, so nothing waits for it."""
    terms = Policy(approve_increases=Approval(0), approve_decreases=Approval(0))
    plus = left(
        NOTHING,
        PLUS,
        rejections=(Rejection(march(10), 3, "pat", NOW, "not ordered"),),
        approved=(Approved(TODAY, 5, "pat"),),
    )
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 20))),
            demand(steps((march(10), 3), (TODAY, 8)), PLUS),
            lines=(left(LEVEL), plus),
            policy=terms,
        )
    )
    assert parked(step)[0] == "held-for-approval"
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.key, step.adjust.intent.delta) == (PLUS, 5)


def test_an_open_decrease_keeps_the_increase_settling() -> None:
    """Its outcome decides; both are due at the same moment."""
    line = left(LEVEL, intent=intent(delta=-25))
    step = next_step(change(lines=(line,)))
    assert [line_of(step, key).state for key in (SEATS, PLUS)] == [State.SETTLING] * 2
    assert step.due_at == NOW + timedelta(minutes=10)
    assert step.adjust is None


def test_of_several_open_decreases_the_last_one_counts() -> None:
    """A plan that two others became waits for both."""
    third = LineKey(1, 47)
    step = next_step(
        view(
            demand(GONE),
            demand(GONE, third),
            demand(COME, PLUS),
            held={45: on_contract(LEVEL), 47: on_contract(LEVEL)},
            links=(CHANGE, Link(TODAY, third, PLUS)),
            lines=(
                left(LEVEL, intent=intent(delta=-25, settles_at=NOW + timedelta(minutes=20))),
                left(LEVEL, third, intent=intent(delta=-25, settles_at=NOW + timedelta(minutes=30))),
            ),
        )
    )
    assert line_of(step, PLUS).state is State.SETTLING
    assert step.due_at == NOW + timedelta(minutes=20)


def test_an_old_plan_that_drifted_blocks_the_new_one() -> None:
    """While nobody knows what the old line holds, the new one does not go up."""
    step = next_step(change(held={45: on_contract(since_january(30))}, lines=(left(LEVEL),)))
    assert parked(step)[0] == "drift"
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))


@pytest.mark.parametrize(
    ("edited", "day"),
    [(since_january(26), TODAY), (since_january(25, (march(20), 30)), march(20))],
    ids=["since January", "from a day to come on"],
)
def test_units_that_a_person_added_to_the_old_plan_keep_no_seats_back(edited: Timeline, day: date) -> None:
    """Of 25 seats 15 move, and three more of the new plan are bought: these go, whatever was added to the line that is parked."""
    step = next_step(
        view(
            demand(since_january(25, (day, 10))),
            demand(steps((day, 18)), PLUS),
            held={45: on_contract(edited)},
            links=(Link(day, SEATS, PLUS, beside=True),),
            lines=(left(LEVEL),),
        )
    )
    assert parked(step)[0] == "drift"
    assert line_of(step, PLUS).scheduled == ((day, 3),)


def test_a_blocked_line_is_told_what_it_waits_for() -> None:
    """Of several plan changes towards it the latest one's old plan."""
    third = LineKey(1, 47)
    step = next_step(
        view(
            demand(GONE),
            demand(since_january(5, (march(10), 0)), third),
            demand(steps((march(10), 5), (TODAY, 30)), PLUS),
            held={
                45: on_contract(since_january(30)),
                47: on_contract(since_january(5, (march(10), 0)), 1203),
            },
            links=(Link(march(10), third, PLUS), CHANGE, Link(march(20), SEATS, LineKey(1, 48))),
            lines=(left(LEVEL), left(steps((march(10), 5)), PLUS)),
        )
    )
    assert parked(step, PLUS)[0] == "drift"
    level = steps((march(10), 5))
    step = next_step(
        view(
            demand(GONE),
            demand(steps((march(10), 5), (TODAY, 30)), PLUS),
            held={45: on_contract(since_january(30)), 46: on_contract(level, 1202)},
            links=(Link(march(10), third, PLUS), CHANGE, Link(march(20), third, LineKey(1, 48))),
            lines=(left(LEVEL), left(level, PLUS)),
        )
    )
    assert parked(step, PLUS) == ("waits-for-decrease", facts(5, 5, 30, service=46, down=45))


FALLS_THEN_RISES = since_january(10, (march(10), 5), (TODAY, 30))
"""What the new side of a plan change should have: less from the 10th, more from the change on."""


@pytest.mark.parametrize("policy", [Policy(), Policy(paused=True)])
def test_a_line_that_waits_until_another_has_settled_posts_nothing_before(policy: Policy) -> None:
    """Neither its own earlier fall: what was planned without the rest is no plan, and no terms were asked about it."""
    ten = since_january(10)
    step = next_step(
        view(
            demand(GONE),
            demand(FALLS_THEN_RISES, PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(ten, 1202)},
            links=(CHANGE,),
            lines=(left(LEVEL, intent=intent(delta=-25, settles_at=NOW + SETTLE)), left(ten, PLUS)),
            policy=policy,
        )
    )
    after = line_of(step, PLUS)
    assert (step.adjust, after.state, after.scheduled) == (None, State.SETTLING, ((march(10), -5),))
    assert step.due_at == NOW + SETTLE


@pytest.mark.parametrize(
    ("rises", "posts"), [(march(20), True), (march(16), True), (TODAY, False), (march(14), False)]
)
def test_a_rise_that_waits_for_a_drifted_line_holds_up_nothing_before_its_day(
    rises: date, posts: bool
) -> None:
    """On its day the line waits and says so; until then it follows Timus."""
    ten = since_january(10)
    step = next_step(
        view(
            demand(GONE),
            demand(since_january(10, (march(10), 5), (rises, 30)), PLUS),
            held={45: on_contract(since_january(30)), 46: on_contract(ten, 1202)},
            links=(Link(rises, SEATS, PLUS),),
            lines=(left(LEVEL), left(ten, PLUS)),
        )
    )
    assert parked(step)[0] == "drift"
    if not posts:
        assert step.adjust is None
        assert parked(step, PLUS)[0] == "waits-for-decrease"
        return
    assert step.adjust is not None
    assert step.adjust.key == PLUS
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (march(10), -5)


def rises(old: Demand, line: Line, *days: int, held: Observed | None = None) -> bool:
    """Whether the new side of a plan change is planned to have 5, on the days or from today on.

    ``line`` is the old side, here or on another contract.
    """
    first, *until = (march(day) for day in days or (TODAY.day,))
    there = {line.service_id: held or on_contract(line.baseline or NOTHING)} if line.contract_id == 1 else {}
    step = next_step(
        view(
            old,
            demand(steps((first, 5), *((day, 0) for day in until)), PLUS),
            held={**there, 46: on_contract(NOTHING, 1202)},
            links=(Link(first, line.key, PLUS),),
            lines=(line, left(NOTHING, PLUS)),
        )
    )
    return any(delta == 5 for _, delta in line_of(step, PLUS).scheduled)


def test_a_drifted_old_side_is_not_counted_as_it_was_left() -> None:
    """It had come down; a person has raised it again, so nobody knows what it should have."""
    down = since_january(25, (march(10), 0))
    assert rises(demand(down), left(down))
    assert not rises(demand(down), left(down), held=on_contract(LEVEL))


def test_an_old_side_on_another_contract_that_has_something_in_flight_is_not_counted_as_it_was_left() -> None:
    """It is level by what we left, and by what may land; but it is for the other contract to say so."""
    three = since_january(3)
    sent = intent(delta=-1, before=three)
    assert rises(demand(three, THERE), left(three, THERE))
    assert not rises(demand(three, THERE), left(three, THERE, intent=sent))


def test_a_line_that_nobody_has_looked_at_yet_hides_no_other() -> None:
    """The old side is known to be down, whatever else is wanted on other contracts."""
    step = next_step(
        view(
            demand(NOTHING, LineKey(2, 44)),
            demand(NOTHING, THERE),
            demand(steps((TODAY, 5)), PLUS),
            held={46: on_contract(NOTHING, 1202)},
            links=(Link(TODAY, THERE, PLUS),),
            lines=(left(NOTHING, THERE), left(NOTHING, PLUS)),
        )
    )
    assert step.adjust is not None
    assert step.adjust.key == PLUS


@pytest.mark.parametrize("key", [SEATS, THERE])
def test_what_a_person_put_on_the_old_side_is_no_plan_and_stops_no_rise_of_a_few_days(key: LineKey) -> None:
    """It is kept on top of what Timus says; a plan that is billed when the rise ends would stop it."""
    kept = steps((march(12), 2))
    assert rises(demand(NOTHING, key), left(kept, key, offset=kept), 10, 12)
    assert not rises(demand(kept, key), left(kept, key), 10, 12)


@pytest.mark.parametrize("units", [27, 1])
def test_a_plan_that_a_person_changed_for_a_day_to_come_still_stops_a_rise_of_a_few_days(units: int) -> None:
    """Only what is more than today is the person's; the rest is of the plan, which cannot come down before the 22nd."""
    held, gone = since_january(25, (march(18), units)), since_january(25, (TODAY, 0))
    assert not rises(
        demand(gone), left(held), 15, 20, held=on_contract(held, closed=((march(1), march(21)),))
    )


def test_a_plan_change_whose_new_side_is_held_waits_as_a_whole() -> None:
    """A client is never without a plan because half of a change waits for a person."""
    step = next_step(change(policy=Policy(approve_new_lines=True)))
    assert parked(step, PLUS)[0] == "held-for-approval"
    assert parked(step) == ("held-with-plan-change", facts(left=0, desired=0, up=46))
    assert (step.adjust, step.due_at) == (None, END)


ACROSS = replace(CHANGE, beside=True, across=True)


def test_a_plan_change_that_a_person_has_not_decided_on_waits_as_a_whole_also_when_it_is_over() -> None:
    """Both plans have ended by now: the old one is not ended by itself while the new one is asked for."""
    step = next_step(
        view(
            demand(since_january(25, (march(10), 0))),
            demand(steps((march(10), 25), (TODAY, 0)), PLUS),
            links=(Link(march(10), SEATS, PLUS),),
            lines=(left(LEVEL),),
            policy=Policy(approve_increases=Approval(above_units=0)),
        )
    )
    assert (step.adjust, parked(step)[0], parked(step, PLUS)[0]) == (
        None,
        "held-with-plan-change",
        "held-for-approval",
    )


def test_a_held_increase_in_another_subscription_holds_no_decrease_back() -> None:
    """These are two orders: a person decides on each."""
    step = next_step(change(links=(ACROSS,), policy=Policy(approve_new_lines=True)))
    assert parked(step, PLUS)[0] == "held-for-approval"
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (SEATS, ((TODAY, -25),))
    assert step.adjust.linked == ()


@pytest.mark.parametrize(
    ("line", "held", "policy", "code"),
    [
        (
            left(LEVEL, refusal=Refusal(TODAY, -25, "no", NOW + timedelta(hours=1))),
            LEVEL,
            None,
            "refused",
        ),
        (left(LEVEL, rejections=(Rejection(TODAY, -25, "pat", NOW, "not now"),)), LEVEL, None, "rejected"),
        (left(LEVEL), LEVEL, Policy(approve_decreases=Approval(above_units=10)), "held-for-approval"),
        (left(LEVEL), since_january(30), None, "drift"),
    ],
    ids=["refused", "rejected", "held", "somebody's edit"],
)
def test_what_stops_a_decrease_in_one_subscription_is_told_where_the_other_one_waits_for_it(
    line: Line, held: Timeline, policy: Policy | None, code: str
) -> None:
    """The decrease keeps its own reason and command; the increase names its service."""
    step = next_step(change(held={45: on_contract(held)}, lines=(line,), links=(ACROSS,), policy=policy))
    assert step.adjust is None
    assert parked(step)[0] == code
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))


def test_a_held_new_side_does_not_touch_what_is_not_its_change() -> None:
    """An old line that only rises, or whose fall lies ahead, goes on; and so does one whose new side is level."""
    policy = Policy(approve_new_lines=True)
    rising = change(policy=policy)
    rising = replace(
        rising, desired=Desired({**rising.desired.demands, SEATS: demand(MORE)}, rising.desired.links)
    )
    step = next_step(rising)
    assert step.adjust is not None
    assert step.adjust.key == SEATS
    ahead = view(
        demand(since_january(25, (TODAY, 27), (march(20), 0))),
        demand(steps((TODAY, 1), (march(20), 25)), PLUS),
        links=(Link(march(20), SEATS, PLUS),),
        policy=policy,
    )
    step = next_step(ahead)
    assert step.adjust is not None
    assert step.adjust.key == SEATS


def test_an_old_side_of_a_change_before_the_held_rise_comes_down() -> None:
    """Where the new plan has its units of the change already, a later rise of it that is held is another matter."""
    up = steps((march(10), 25))
    step = next_step(
        view(
            demand(since_january(5, (march(20), 5), (TODAY, 3))),
            demand(steps((march(10), 25), (march(12), 60)), PLUS),
            held={45: on_contract(since_january(5)), 46: on_contract(up, 1202)},
            links=(Link(march(14), SEATS, PLUS),),
            policy=Policy(line_limit=30),
        )
    )
    assert parked(step, PLUS)[0] == "held-over-limit"
    assert step.adjust is not None
    assert step.adjust.key == SEATS


def test_a_new_side_that_is_parked_for_another_reason_does_not_hold_the_old_one() -> None:
    """Only the partner's own terms hold a plan change as a whole."""
    refusal = Refusal(TODAY, 25, "no", NOW + timedelta(hours=1))
    line = left(NOTHING, PLUS, contract_service_id=None, refusal=refusal)
    step = next_step(change(lines=(left(LEVEL), line)))
    assert parked(step, PLUS)[0] == "refused"
    assert step.adjust is not None
    assert step.adjust.key == SEATS


def test_a_link_to_a_line_that_is_not_here_holds_nothing() -> None:
    """Plan changes of other contracts are among the links too."""
    links = (Link(TODAY, THERE, LineKey(2, 46)), Link(TODAY, SEATS, THERE))
    assert next_step(view(demand(MORE), links=links)).adjust is not None


def moving(line: Line | None, **more: object) -> View:
    """25 seats move here from another contract, whose line is as given."""
    there = replace(demand(GONE, THERE), start=CONTRACT.start)
    return view(
        there,
        demand(COME, PLUS),
        held={},
        links=(Link(TODAY, THERE, PLUS),),
        lines=(line,) if line else (),
        **more,  # type: ignore[arg-type]
    )


def test_units_that_move_here_wait_for_the_other_contract() -> None:
    """The other line counts as we left it: come down, it lets this one rise; else it is unknown."""
    gone = left(GONE, THERE)
    step = next_step(moving(gone))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((TODAY, 25),)
    for unknown in (
        None,
        left(LEVEL, THERE),
        replace(gone, intent=intent()),
        replace(gone, baseline=None),
    ):
        step = next_step(moving(unknown))
        assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))
        assert step.due_at == NOW + RECHECK


@pytest.mark.parametrize("reason", [None, "held-for-approval"])
def test_of_units_that_move_here_no_others_wait_while_a_person_decides_about_the_other_contract(
    reason: str | None,
) -> None:
    """Of 25 seats 15 come from there, and three are bought. Is the decrease there still to be made by itself, all of them wait for it."""
    held = {"state": State.PARKED, "parked": Parked(reason, {})} if reason else {}
    there = replace(demand(since_january(25, (TODAY, 10)), THERE), start=CONTRACT.start)
    step = next_step(
        view(
            there,
            demand(steps((TODAY, 18)), PLUS),
            held={},
            links=(Link(TODAY, THERE, PLUS, beside=True),),
            lines=(left(LEVEL, THERE, scheduled=((TODAY, -15),), **held),),
        )
    )
    assert line_of(step, PLUS).scheduled == (((TODAY, 3),) if reason else ())


@pytest.mark.parametrize("same_day", SameDay)
def test_units_that_move_here_wait_for_no_day_of_the_other_contract_that_is_taken(same_day: SameDay) -> None:
    """The add-on there came today, is wanted no more, and is again tomorrow: it stays, and what it held up comes tomorrow.

    Where Autotask may take a second change of the day, it is waited for.
    """
    tomorrow = TODAY + timedelta(days=1)
    came = steps((TODAY, 1))

    def step(line: Line) -> Step:
        seen = moving(line, policy=Policy(same_day=same_day))
        there = replace(demand(steps((tomorrow, 1)), THERE), start=CONTRACT.start)
        demands = {**seen.desired.demands, THERE: there}
        return next_step(replace(seen, desired=replace(seen.desired, demands=demands)))

    waits = "waits-for-decrease"
    plus = line_of(step(left(came, THERE, adjusted=(TODAY,))), PLUS)
    if same_day is SameDay.NEXT_FREE_DAY:
        assert (plus.parked, plus.scheduled) == (None, ((tomorrow, 25),))
    else:
        assert plus.parked is not None
        assert plus.parked.code == waits
    plus = line_of(step(left(came, THERE, taken=(TODAY,))), PLUS)
    assert (plus.parked, plus.scheduled) == (None, ((tomorrow, 25),))
    yesterday = TODAY - timedelta(days=1)
    plus = line_of(step(left(steps((yesterday, 1)), THERE, taken=(yesterday, TODAY))), PLUS)
    assert (plus.parked, plus.scheduled) == (None, ((tomorrow, 25),))
    assert parked(step(left(came, THERE)), PLUS)[0] == waits


@pytest.mark.parametrize("beside", [False, True], ids=["never both", "both once"])
def test_that_the_other_contracts_plan_ends_by_itself_is_no_date_to_plan_for(beside: bool) -> None:
    """As on one contract: the line there takes the seats off from their own day, and then they are billed here from that day, too."""
    april, since = date(2026, 4, 1), march(12)
    ends = since_january(25, (april, 0))

    def step(line: Line, today: date) -> Step:
        gone = replace(demand(since_january(25, (since, 0)), THERE), start=CONTRACT.start)
        come = demand(steps((since, 25)), PLUS)
        link = Link(since, THERE, PLUS, beside=beside)
        return next_step(view(gone, come, held={}, links=(link,), lines=(line,), today=today))

    unplanned = left(ends, THERE)
    assert parked(step(unplanned, TODAY), PLUS)[0] == "waits-for-decrease"
    waiting = left(
        ends,
        THERE,
        state=State.PARKED,
        parked=Parked("below-zero-later", {}),
        scheduled=((since, -25), (april, 25)),
    )
    for today in (TODAY, april):
        assert parked(step(waiting, today), PLUS)[0] == "waits-for-decrease"
    taken_off = step(left(since_january(25, (since, 0)), THERE, adjusted=(since, april)), april)
    assert taken_off.adjust is not None
    assert taken_off.adjust.scheduled == ((since, 25),)
    same_day = left(ends, THERE, scheduled=((april, -5),))
    assert parked(step(same_day, april), PLUS)[0] == "waits-for-decrease"
    # No decrease is to be made there: the days before stay as they are.
    for scheduled in ((), ((since, 5),)):
        over = step(left(ends, THERE, scheduled=scheduled), april)
        assert over.adjust is not None
        assert over.adjust.scheduled == ((april, 25),)


def test_the_last_day_before_the_next_decrease_on_the_other_contract_is_a_date_to_plan_for() -> None:
    """Fifteen seats that left there five days ago are off since today, and come here today; five more leave there tomorrow."""
    since, tomorrow = march(10), march(16)
    there = left(since_january(25, (TODAY, 10)), THERE, scheduled=((tomorrow, -5),))
    gone = replace(demand(since_january(25, (since, 10), (tomorrow, 5)), THERE), start=CONTRACT.start)
    come = demand(steps((since, 15)), PLUS)
    links = (Link(since, THERE, PLUS, beside=True),)
    step = next_step(view(gone, come, held={}, links=links, lines=(there,)))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((TODAY, 15),)


def test_what_a_person_keeps_on_the_other_contract_holds_up_nothing() -> None:
    """Someone's two units stay there after the seats have gone; with three there, one seat has not gone yet."""
    two = since_january(2)
    kept = left(GONE.plus(two), THERE, offset=two)
    step = next_step(moving(kept))
    assert step.adjust is not None
    assert step.adjust.scheduled == ((TODAY, 25),)
    step = next_step(moving(replace(kept, baseline=GONE.plus(since_january(3)))))
    assert parked(step, PLUS)[0] == "waits-for-decrease"


def test_more_of_the_new_plan_waits_while_the_fall_of_the_old_one_settles() -> None:
    """Also where the new one is billed already: it may have been from before."""
    falling = intent(day=TODAY, delta=-25, before=since_january(25), settles_at=NOW + SETTLE)
    old = left(since_january(25), intent=falling)
    step = next_step(
        view(
            demand(since_january(25, (march(14), 0))),
            demand(since_january(5, (TODAY, 6)), PLUS),
            held={45: on_contract(since_january(25)), 46: on_contract(since_january(5), 1202)},
            lines=(old, left(since_january(5), PLUS, contract_service_id=1202)),
            links=(Link(march(14), SEATS, PLUS),),
        )
    )
    assert step.adjust is None
    assert line_of(step, PLUS).state is State.SETTLING
    assert step.due_at == NOW + SETTLE


def test_a_new_plan_that_is_level_waits_for_nothing_that_settles_on_the_old_one() -> None:
    """It has all its seats; what is under way on the old plan is the old plan's alone."""
    falling = intent(day=march(14), delta=-2, before=since_january(27), settles_at=NOW + SETTLE)
    step = next_step(
        view(
            demand(since_january(27, (march(10), 25))),
            demand(steps((march(10), 2)), PLUS),
            held={45: on_contract(since_january(27)), 46: on_contract(steps((march(10), 2)), 1202)},
            lines=(
                left(since_january(27), intent=falling),
                left(steps((march(10), 2)), PLUS, contract_service_id=1202, state=State.PENDING),
            ),
            links=(Link(march(10), SEATS, PLUS),),
        )
    )
    assert line_of(step).state is State.SETTLING
    assert line_of(step, PLUS).state is State.APPLIED


def test_a_plan_waits_while_the_fall_of_an_add_on_that_is_wanted_again_settles() -> None:
    """Its day carries an adjustment already, and yet it may come down on it: nothing is settled for tomorrow before that."""
    tomorrow, came = TODAY + timedelta(days=1), steps((TODAY, 1))
    falling = intent(day=TODAY, delta=-1, before=came, settles_at=NOW + SETTLE)
    step = next_step(
        view(
            replace(demand(steps((tomorrow, 1))), start=CONTRACT.start),
            demand(COME, PLUS),
            held={45: on_contract(came)},
            lines=(left(came, intent=falling, adjusted=(TODAY,)),),
            links=(Link(TODAY, SEATS, PLUS),),
        )
    )
    assert line_of(step, PLUS).state is State.SETTLING


def test_a_plan_waits_while_a_rise_of_the_one_before_it_settles() -> None:
    """It may land yet: then it has to come down first."""
    rising = intent(day=march(10), delta=25, before=NOTHING, settles_at=NOW + SETTLE)
    old = left(NOTHING, intent=rising)
    step = next_step(
        view(
            demand(steps((march(10), 25), (march(14), 0))),
            demand(steps((march(14), 5)), PLUS),
            held={},
            lines=(old,),
            links=(Link(march(14), SEATS, PLUS),),
        )
    )
    assert step.adjust is None
    assert line_of(step, PLUS).state is State.SETTLING


def test_an_increase_waits_only_for_decreases_of_its_own_change() -> None:
    """Another line's decrease of the same day, and a decrease of a later day, are no reason to wait."""
    third = LineKey(1, 47)
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 20))),
            demand(since_january(5, (march(14), 8)), PLUS),
            demand(since_january(9), third),
            held={
                45: on_contract(LEVEL),
                46: on_contract(since_january(5), 1202),
                47: on_contract(since_january(9), 1203),
            },
            links=(Link(TODAY, SEATS, third), Link(TODAY, SEATS, PLUS)),
        )
    )
    assert step.adjust is not None
    assert (step.adjust.key, step.adjust.scheduled) == (PLUS, ((march(14), 3),))


def test_which_lines_seats_leave_for_another() -> None:
    """The others of its families, then those of its plan changes until a day, in their order; each once, and never itself."""
    third, fourth = LineKey(1, 47), LineKey(1, 48)
    links = (Link(march(1), SEATS, PLUS), Link(march(2), THERE, SEATS), Link(march(9), third, PLUS), CHANGE)
    given = view(links=links)
    assert plans_left(PLUS, given) == [SEATS, third]
    assert plans_left(PLUS, given, march(8)) == [SEATS]
    assert plans_left(PLUS, given, march(9)) == [SEATS, third]
    assert plans_left(SEATS, given) == [THERE]
    families = (frozenset({PLUS, third, fourth}), frozenset({SEATS, THERE}))
    given = replace(given, desired=replace(given.desired, families=families))
    assert plans_left(PLUS, given) == [third, fourth, SEATS]


def test_a_blocked_line_without_an_old_plan_names_none() -> None:
    """The seats may come from where nothing is known of them."""
    assert waits_for(PLUS, {}, view(links=())) == {"down": ""}
    assert waits_for(PLUS, {}, view(links=(Link(march(1), SEATS, PLUS),))) == {"down": SEATS.service_id}


def test_each_side_that_waits_says_that_the_plan_change_is_a_guess() -> None:
    """The new plan behind the old one, with and without a service, and the old one behind the new one; not where people named a family."""
    guess = replace(CHANGE, unsaid=("GATEWAY", "PLUS"))
    refused = left(LEVEL, refusal=Refusal(TODAY, -25, "no", NOW + timedelta(hours=1)))
    ask = Policy(approve_increases=Approval(0))
    unknown = Unplaced(TODAY, "GATEWAY", PLUS, ("GATEWAY",))
    for code, key, seen, unsaid in (
        ("waits-for-decrease", PLUS, change(lines=(refused,), links=(guess,)), "GATEWAY | PLUS"),
        ("held-with-plan-change", SEATS, change(policy=ask, links=(guess,)), "GATEWAY | PLUS"),
        ("old-plan-unmapped", PLUS, view(demand(COME, PLUS), held={}, unplaced=(unknown,)), "GATEWAY"),
        ("waits-for-decrease", PLUS, change(lines=(refused,)), None),
    ):
        found = parked(next_step(seen), key)
        assert (found[0], found[1].get("unsaid")) == (code, unsaid)


def test_a_blocked_line_names_the_old_plan_that_has_too_many() -> None:
    """Not the last of them, which has come down already."""
    third = LineKey(1, 47)
    drifted = on_contract(since_january(30))
    down = on_contract(GONE, 1203)
    step = next_step(
        view(
            demand(GONE),
            demand(GONE, third),
            demand(steps((TODAY, 50)), PLUS),
            held={45: drifted, 47: down},
            links=(CHANGE, Link(TODAY, third, PLUS)),
            lines=(left(LEVEL), left(GONE, third, contract_service_id=1203)),
        )
    )
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 50, service=46, down=45))


def test_a_blocked_line_names_the_plan_for_which_it_waits_by_way_of_a_third() -> None:
    """25 seats leave the first plan for the third, and 25 of another subscription leave the third for the second: the first has too many."""
    third = LineKey(1, 47)
    refused = left(LEVEL, refusal=Refusal(TODAY, -25, "no", NOW + timedelta(hours=1)))
    step = next_step(
        view(
            demand(GONE),
            demand(LEVEL, third),
            demand(COME, PLUS),
            held={45: on_contract(LEVEL), 47: on_contract(LEVEL, 1203)},
            links=(Link(TODAY, SEATS, third), Link(TODAY, third, PLUS)),
            lines=(refused, left(LEVEL, third, contract_service_id=1203)),
        )
    )
    assert step.adjust is None
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))


@pytest.mark.parametrize(
    "ways",
    [((3, 2), (4, 3), (5, 4)), ((3, 2), (4, 2), (5, 3))],
    ids=["one after the other", "two plans and one of them"],
)
def test_the_plan_for_which_a_line_waits_is_found_by_way_of_however_many_others(
    ways: tuple[tuple[int, int], ...],
) -> None:
    """Of the plans 2 to 5, where (3, 2) are seats that leave 3 for 2, only 5 has too many."""
    links = tuple(Link(TODAY, LineKey(1, down), LineKey(1, up)) for down, up in ways)
    keys = [LineKey(1, service) for service in (2, 3, 4, 5)]
    given = view(*(demand(GONE, key) for key in keys), held={5: on_contract(LEVEL)}, links=links)
    assert waits_for(keys[0], {draft.key: draft for draft in drafts_of(given)}, given) == {"down": 5}


def test_no_service_is_named_where_no_seats_leave_any() -> None:
    """There is nothing to wait for."""
    assert waits_for(PLUS, {}, view()) == {"down": ""}


def test_a_plan_that_comes_in_place_of_one_without_a_service_waits() -> None:
    """Autotask may bill the old one where we cannot see it: the line is parked with the old plan's SKU, and looked at again."""
    other = Unplaced(TODAY, "OTHER", LineKey(1, 47))
    new = view(demand(COME, PLUS), held={}, unplaced=(other, Unplaced(TODAY, "ADV", PLUS)))
    step = next_step(new)
    assert parked(step, PLUS) == ("old-plan-unmapped", facts(0, 0, 25, service=46, sku="ADV"))
    assert (step.adjust, step.due_at) == (None, NOW + RECHECK)


def test_a_plan_without_a_service_holds_up_only_what_came_in_its_place() -> None:
    """Neither another line, nor what is of an earlier day, nor a later rise of a line that went up before."""
    elsewhere = view(demand(MORE), unplaced=(Unplaced(TODAY, "ADV", PLUS),))
    assert next_step(elsewhere).adjust is not None
    before = view(demand(MORE), unplaced=(Unplaced(march(16), "ADV", SEATS),))
    assert next_step(before).adjust is not None
    after = view(demand(MORE), unplaced=(Unplaced(march(14), "ADV", SEATS),))
    assert next_step(after).adjust is not None


def test_only_the_seats_that_come_in_place_of_plans_without_a_service_wait() -> None:
    """Ten come in place of one plan and five in place of another; three more are bought."""
    first, second = Unplaced(TODAY, "ADV", PLUS), Unplaced(TODAY, "ESS", PLUS)
    seen = view(demand(steps((TODAY, 18)), PLUS), held={}, unplaced=(first, second))
    ten, five = (CUSTOMER, "sub_1", "PRO"), (CUSTOMER, "sub_2", "PRO")
    units = {ten: 10, five: 5}
    known = replace(
        seen.desired,
        seats_that_come={first: frozenset({ten}), second: frozenset({five})},
        units_of=lambda _, whose: steps((TODAY, sum(units[one] for one in whose))),
    )
    assert line_of(next_step(replace(seen, desired=known)), PLUS).scheduled == ((TODAY, 3),)


@pytest.mark.parametrize("beside", [False, True], ids=["never both", "both once"])
def test_only_the_seats_that_come_from_a_plan_wait_while_nobody_knows_what_it_has(beside: bool) -> None:
    """The contract service that a person chose for the old plan is gone. 15 of 25 seats move, and three more of the new plan are bought."""
    link = Link(TODAY, SEATS, PLUS, beside=beside)
    seen = view(
        demand(since_january(25, (TODAY, 10))),
        demand(steps((TODAY, 18)), PLUS),
        held={45: Observed(missing=1201)},
        links=(link,),
        lines=(left(LEVEL),),
    )
    known = replace(
        seen.desired,
        seats_that_come={link: frozenset({(CUSTOMER, "sub_1", "PRO")})},
        units_of=lambda _, whose: steps((TODAY, 15 * len(whose))),
    )
    step = next_step(replace(seen, desired=known))
    assert parked(step)[0] == "line-missing"
    assert line_of(step, PLUS).scheduled == ((TODAY, 3),)


def test_a_line_that_waits_for_a_known_plan_says_so_whatever_others_wait_for() -> None:
    """The reason is the line's own."""
    refusal = Refusal(TODAY, -25, "no", NOW + timedelta(hours=1))
    waiting = change(
        held={45: on_contract(since_january(30))},
        lines=(left(LEVEL, refusal=refusal),),
        unplaced=(Unplaced(TODAY, "ADV", LineKey(1, 47)),),
    )
    assert parked(next_step(waiting), PLUS)[0] == "waits-for-decrease"


def test_a_change_of_one_seat_is_a_plan_change_too() -> None:
    """The smallest change goes down first, waits for a person as a whole, and is never billed twice."""
    one, gone, come = since_january(1), since_january(1, (TODAY, 0)), steps((TODAY, 1))
    small = view(
        demand(gone), demand(come, PLUS), held={45: on_contract(one)}, links=(CHANGE,), lines=(left(one),)
    )
    refusal = Refusal(TODAY, -1, "no", NOW + timedelta(hours=1))
    step = next_step(replace(small, lines={SEATS: left(one, refusal=refusal)}))
    assert parked(step, PLUS)[0] == "waits-for-decrease"
    held = replace(small, policies={CUSTOMER: Policy(approve_new_lines=True)})
    assert parked(next_step(held))[0] == "held-with-plan-change"


def test_a_link_that_holds_nothing_is_passed_over() -> None:
    """The plan change behind it is held as a whole all the same."""
    elsewhere = Link(march(1), THERE, LineKey(2, 46))
    step = next_step(change(links=(elsewhere, CHANGE), policy=Policy(approve_new_lines=True)))
    assert parked(step)[0] == "held-with-plan-change"


def test_an_increase_that_waits_holds_up_no_other_line() -> None:
    """What is next in the plan is posted."""
    third = LineKey(1, 47)
    refusal = Refusal(TODAY, -25, "no", NOW + timedelta(hours=1))
    step = next_step(
        view(
            demand(GONE),
            demand(COME, PLUS),
            demand(since_january(5, (TODAY, 8)), third),
            held={45: on_contract(LEVEL), 47: on_contract(since_january(5), 1203)},
            links=(CHANGE,),
            lines=(left(LEVEL, refusal=refusal),),
        )
    )
    assert parked(step, PLUS)[0] == "waits-for-decrease"
    assert step.adjust is not None
    assert step.adjust.key == third


def test_an_increase_waits_for_an_old_plan_that_waits_for_a_third_one_to_settle() -> None:
    """Five seats have left the second plan for the first, and three are to come there from a third, of which nobody knows what it has."""
    third = LineKey(1, 47)
    links = (Link(march(12), SEATS, PLUS, beside=True), Link(march(14), third, SEATS, beside=True))
    settling = left(since_january(3), third, intent=intent(day=march(14), delta=-3, before=since_january(3)))
    given = view(
        demand(since_january(25, (march(12), 20), (march(14), 23))),
        demand(steps((march(12), 5)), PLUS),
        demand(since_january(3, (march(14), 0)), third),
        held={45: on_contract(LEVEL), 47: on_contract(since_january(3), 1203)},
        links=links,
        lines=(left(LEVEL), settling),
    )
    step = next_step(given)
    assert step.adjust is None
    assert line_of(step).scheduled == ((march(12), -5),)
    assert line_of(step, PLUS).scheduled == ((march(12), 5),)


def test_an_increase_does_not_wait_for_another_plans_decrease() -> None:
    """An older plan change of the line that cannot come down led somewhere else."""
    third = LineKey(1, 47)
    refusal = Refusal(TODAY, -5, "no", NOW + timedelta(hours=1))
    step = next_step(
        view(
            demand(since_january(25, (TODAY, 20))),
            demand(since_january(5, (TODAY, 8)), PLUS),
            demand(LEVEL, third),
            held={
                45: on_contract(LEVEL),
                46: on_contract(since_january(5), 1202),
                47: on_contract(LEVEL, 1203),
            },
            links=(Link(march(1), SEATS, third),),
            lines=(left(LEVEL, refusal=refusal),),
        )
    )
    assert parked(step)[0] == "refused"
    assert step.adjust is not None
    assert step.adjust.key == PLUS


@pytest.mark.parametrize(("day", "delta"), [(9, -5), (12, -5), (8, 5)])
def test_only_seats_that_come_since_a_plan_change_hold_back_those_that_leave(day: int, delta: int) -> None:
    """Neither those that leave the new plan themselves, nor those that came to it before."""
    down = cast("LineDraft", SimpleNamespace(due=(Adjustment(SEATS, march(5), -5),)))
    assert not moves_both_sides(Link(march(9), SEATS, PLUS), down, [HeldChange(march(day), delta)])


@pytest.mark.parametrize(
    ("falls", "rises", "both"),
    [(10, 10, True), (10, 12, True), (12, 10, False), (None, 10, False), (10, 8, False)],
)
def test_seats_that_come_before_others_leave_do_not_come_from_them(
    falls: int | None, rises: int, both: bool
) -> None:
    """A change that a person set aside holds back no decrease of a later day: else each side would wait for the other for ever."""
    change = Link(march(9), SEATS, PLUS)
    due = () if falls is None else (Adjustment(SEATS, march(falls), -5),)
    down = cast("LineDraft", SimpleNamespace(due=due))
    assert moves_both_sides(change, down, [HeldChange(march(rises), 5)]) is both


@pytest.mark.parametrize("beside", [True, False])
def test_a_plan_is_billed_only_from_the_day_on_which_a_person_took_off_the_one_before_it(
    beside: bool,
) -> None:
    """They moved on the 10th, and the old plan's decrease waited. Somebody made it by hand on the 13th: no day has seats on both."""
    wanted = demand(since_january(20, (march(10), 0)))
    step = next_step(
        view(
            wanted,
            demand(steps((march(10), 20)), PLUS),
            held={45: on_contract(since_january(20, (march(13), 0)))},
            links=(Link(march(10), SEATS, PLUS, beside=beside),),
            lines=(left(since_january(20)),),
        )
    )
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.key, step.adjust.intent.day, step.adjust.intent.delta) == (PLUS, march(13), 20)
    assert line_of(step).left_billed == line_of(step).by_hand == steps((march(10), 20), (march(13), 0))


def test_units_that_a_person_added_for_a_while_hold_up_no_plan() -> None:
    """Five were added on the 5th and taken off on the 12th: all 20 that moved on the 10th go up on that day."""
    step = next_step(
        view(
            demand(since_january(20, (march(10), 0))),
            demand(steps((march(10), 20)), PLUS),
            held={45: on_contract(since_january(20, (march(5), 25), (march(10), 5), (march(12), 0)))},
            links=(CHANGE,),
            lines=(left(since_january(20, (march(10), 0))),),
        )
    )
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (march(10), 20)


def test_more_seats_of_a_plan_go_up_before_others_of_it_that_wait_for_an_approval() -> None:
    """20 moved on the 10th and have left the old plan; one more follows on the 14th, whose decrease the terms hold: it waits alone."""
    step = next_step(
        view(
            demand(since_january(25, (march(10), 5), (march(14), 4))),
            demand(steps((march(10), 20), (march(12), 30), (march(14), 31)), PLUS),
            held={
                45: on_contract(since_january(25, (march(10), 5))),
                46: on_contract(steps((march(12), 10)), 1202),
            },
            links=(
                Link(march(10), SEATS, PLUS, beside=True),
                Link(march(14), SEATS, PLUS, beside=True),
            ),
            lines=(
                left(since_january(25, (march(10), 5)), adjusted=(march(10),)),
                left(steps((march(12), 10)), PLUS, adjusted=(march(12),)),
            ),
            policy=Policy(approve_decreases=Approval(0)),
        )
    )
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.key, step.adjust.intent.day, step.adjust.intent.delta) == (PLUS, march(10), 20)
    assert line_of(step, PLUS).past_days == ()
