"""What the terms hold back, and what an approval lets go."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
    CUSTOMER,
    END,
    LEVEL,
    MORE,
    NOW,
    PLUS,
    SEATS,
    TODAY,
    demand,
    facts,
    left,
    line_of,
    march,
    midnight,
    on_contract,
    parked,
    since_january,
    steps,
    view,
)
from timus_autotask.domain.converge.draft import drafts_of, policy_of
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import ChangedUnits, Step, View
from timus_autotask.domain.desired import Source
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import (
    Approved,
    HeldChange,
    Rejection,
    State,
    Why,
)
from timus_autotask.domain.policy import (
    Approval,
    Policy,
    PostedPeriod,
)
from timus_autotask.domain.timeline import NOTHING, Timeline


def held_back(policy: Policy, **more: object) -> tuple[str, dict[str, int | str]] | None:
    """Why three more seats wait, or None if they are posted."""
    partner = more.pop("partner", None)
    given = view(demand(MORE), policy=policy, partner=partner, **more)  # type: ignore[arg-type]
    step = next_step(replace(given, lines=given.lines or {SEATS: left(LEVEL)}))
    if step.adjust is not None:
        return None
    assert step.due_at == END, "only a person's word ends this"
    return parked(step)


WANTED: dict[str, Any] = {"delta": 3, "day": "2026-03-15"}


@pytest.mark.parametrize(
    ("policy", "code", "more"),
    [
        (Policy(paused=True), "paused", {"paused_customer": CUSTOMER}),
        (Policy(line_limit=2), "held-over-limit", {"limit": 2}),
        (Policy(customer_day_limit=2), "held-over-day-limit", {"limit": 2}),
        (Policy(approve_increases=Approval(above_units=2)), "held-for-approval", {}),
        (Policy(approve_increases=Approval(above_percent=11)), "held-for-approval", {}),
    ],
)
def test_the_terms_hold_a_change_back(policy: Policy, code: str, more: dict[str, Any]) -> None:
    """With the change as it would be posted, so that it can be approved exactly."""
    assert held_back(policy) == (code, facts(**WANTED, **more))


@pytest.mark.parametrize(
    "policy",
    [
        Policy(line_limit=3),
        Policy(customer_day_limit=3),
        Policy(approve_increases=Approval(above_units=3)),
        Policy(approve_increases=Approval(above_percent=12)),
        Policy(approve_decreases=Approval(above_units=0)),
        Policy(approve_new_lines=True),
        Policy(posted_period=PostedPeriod.HOLD),
    ],
)
def test_a_change_within_the_terms_is_posted(policy: Policy) -> None:
    """Limits are the largest change that needs no word."""
    assert held_back(policy) is None


def test_the_reason_of_a_held_change_says_what_waits_with_it() -> None:
    """Else 50 seats that Timus has and nobody bills would stand in no text."""
    wanted = since_january(25, (march(10), 24), (march(12), 40), (TODAY, 90))
    step = next_step(
        view(demand(wanted), policy=Policy(approve_decreases=Approval(above_units=0)), lines=(left(LEVEL),))
    )
    held = line_of(step).parked
    assert held is not None
    assert "-1 on 2026-03-10 awaits approval" in held.message
    assert held.message.endswith("Waiting with it: +16 on 2026-03-12, +50 on 2026-03-15.")


def test_what_waits_with_a_held_change_and_is_approved_says_so() -> None:
    """Else whoever approved it would look for what became of that."""
    fell_later = since_january(25, (march(12), 24))
    step = one_of_two(
        Policy(approve_increases=Approval(above_units=0), approve_decreases=Approval(above_units=0)),
        fell_later,
        Approved(march(5), -20),
    )
    held = line_of(step).parked
    assert held is not None
    assert held.message.endswith("Waiting with it: -20 on 2026-03-05 (approved).")


def test_of_many_changes_that_wait_with_a_held_one_the_first_are_told() -> None:
    """The reason stays short however long nobody decides."""
    wanted = since_january(25, *((march(day), 34 - day) for day in range(10, 16)))
    step = next_step(
        view(demand(wanted), policy=Policy(approve_decreases=Approval(above_units=0)), lines=(left(LEVEL),))
    )
    held = line_of(step).parked
    assert held is not None
    assert held.message.endswith("-1 on 2026-03-13, -1 on 2026-03-14, 1 more.")


def test_a_pause_is_told_before_anything_else() -> None:
    """Of several reasons the one that its remedy ends first."""
    everything = Policy(
        paused=True,
        posted_period=PostedPeriod.HOLD,
        line_limit=0,
        customer_day_limit=0,
        approve_increases=Approval(above_units=0),
    )
    held = {45: on_contract(LEVEL, closed=((TODAY, TODAY),))}
    codes = []
    for relaxed in (
        {},
        {"paused": False},
        {"posted_period": PostedPeriod.SAME_DAY},
        {"line_limit": None},
        {"customer_day_limit": None},
    ):
        everything = replace(everything, **relaxed)
        found = held_back(everything, held=held)
        codes.append(found[0] if found else None)
    assert codes == [
        "paused",
        "held-posted-period",
        "held-over-limit",
        "held-over-day-limit",
        "held-for-approval",
    ]


@pytest.mark.parametrize(
    ("first", "last", "holds"), [(1, 14, False), (1, 15, True), (15, 20, True), (16, 20, False)]
)
def test_a_posted_day_can_be_held(first: int, last: int, holds: bool) -> None:
    """Both ends of the posted stretch are in it."""
    held = {45: on_contract(LEVEL, closed=((march(first), march(last)),))}
    found = held_back(Policy(posted_period=PostedPeriod.HOLD), held=held)
    assert found == (("held-posted-period", facts(**WANTED)) if holds else None)


def test_a_service_that_is_new_on_the_contract_can_be_held() -> None:
    """Until it is there, or an adjustment of ours is."""
    policy = Policy(approve_new_lines=True)
    new = view(demand(steps((TODAY, 3))), held={}, policy=policy)
    assert parked(next_step(new)) == ("held-for-approval", facts(0, 0, 3, **WANTED))
    begun = replace(new, lines={SEATS: left(NOTHING, contract_service_id=None, adjusted=(march(1),))})
    assert next_step(begun).adjust is not None
    there = replace(new, observed={45: on_contract(NOTHING)})
    assert next_step(there).adjust is not None


def test_the_limits_of_a_day_count_what_was_posted_today() -> None:
    """The customer's own count against its limit, everybody's against the partner's; yesterday's against none."""
    moved = ChangedUnits(TODAY, {CUSTOMER: 4, "cus_2": 5})
    own = ("held-over-day-limit", facts(**WANTED, limit=6))
    assert held_back(Policy(customer_day_limit=7), changed_today=moved) is None
    assert held_back(Policy(customer_day_limit=6), changed_today=moved) == own
    assert held_back(Policy(customer_day_limit=6), changed_today=replace(moved, day=march(14))) is None
    partner = ("held-over-day-limit", facts(**WANTED, limit=11))
    assert held_back(Policy(), partner=Policy(partner_day_limit=12), changed_today=moved) is None
    assert held_back(Policy(), partner=Policy(partner_day_limit=11), changed_today=moved) == partner
    both = held_back(Policy(customer_day_limit=6), partner=Policy(partner_day_limit=11), changed_today=moved)
    assert both == own
    other = ChangedUnits(TODAY, {"cus_2": 5})
    assert held_back(Policy(customer_day_limit=3), changed_today=other) is None


OURS, THEIRS = Policy(customer_day_limit=3), Policy(partner_day_limit=4)


@pytest.mark.parametrize(
    ("was", "policy", "partner", "holds"),
    [
        (HeldChange(TODAY, 3, day_limit=3), OURS, Policy(), 3),
        (HeldChange(TODAY, 3, day_limit=4), Policy(), THEIRS, 4),
        (
            HeldChange(TODAY, 3, day_limit=3),
            Policy(customer_day_limit=4),
            Policy(partner_day_limit=5),
            None,
        ),
        (HeldChange(TODAY, 2, day_limit=3), OURS, Policy(), None),
        (HeldChange(march(14), 3, day_limit=3), OURS, Policy(), None),
        (HeldChange(TODAY, 3), OURS, Policy(), None),
    ],
    ids=["the customer's", "the partner's", "another limit", "another size", "another day", "another reason"],
)
def test_what_a_days_limit_held_waits_for_a_person(
    was: HeldChange, policy: Policy, partner: Policy, holds: int | None
) -> None:
    """The very same change under the very same limit is not let through by the next day, on which nothing was moved yet."""
    line = left(LEVEL, state=State.PARKED, awaiting=was)
    found = held_back(policy, partner=partner, lines=(line,))
    assert found == (("held-over-day-limit", facts(**WANTED, limit=holds)) if holds else None)


def test_decreases_count_as_much_as_increases() -> None:
    """What is limited is how much is changed."""
    less = demand(since_january(25, (TODAY, 20)))
    for policy in (
        Policy(line_limit=4),
        Policy(customer_day_limit=4),
        Policy(approve_decreases=Approval(above_units=4)),
    ):
        assert line_of(next_step(view(less, policy=policy))).state is State.PARKED
    partner = view(less, partner=Policy(partner_day_limit=4))
    assert line_of(next_step(partner)).state is State.PARKED


FELL_LATER = since_january(25, (march(12), 24))
"""A line that was adjusted on the 12th."""
FIRST_DOWN_THEN_UP = since_january(25, (march(5), 5), (march(10), 30), (march(12), 29))
"""What is wanted of it: 20 less from the 5th, 25 more from the 10th. The first alone would leave 4 on the 12th, which nobody wanted."""


def one_of_two(policy: Policy, held: Timeline = FELL_LATER, *approved: Approved) -> Step:
    """The next step on the way to what is wanted."""
    line = left(held, adjusted=held.days[1:], approved=approved)
    return next_step(
        view(demand(FIRST_DOWN_THEN_UP), held={45: on_contract(held)}, lines=(line,), policy=policy)
    )


@pytest.mark.parametrize(
    ("policy", "code", "limit"),
    [
        (Policy(customer_day_limit=44), "held-over-day-limit", {"limit": 44}),
        (Policy(line_limit=24), "held-over-limit", {"limit": 24}),
        (Policy(approve_increases=Approval(above_percent=499)), "held-for-approval", {}),
    ],
    ids=["both are above the limit of a day", "the second is above that of a line", "of the units by then"],
)
def test_changes_around_an_adjusted_day_wait_together(
    policy: Policy, code: str, limit: dict[str, int]
) -> None:
    """Nothing is posted until a person has said yes to what the terms ask about; then both are."""
    step = one_of_two(policy)
    assert step.adjust is None
    wanted = facts(
        held=24, left=24, desired=29, delta=25, day="2026-03-10", waiting="-20 on 2026-03-05", **limit
    )
    assert parked(step) == (code, wanted)
    assert line_of(step).scheduled == ((march(5), -20), (march(10), 25))
    step = one_of_two(policy, FELL_LATER, Approved(march(10), 25))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    assert (step.adjust.intent.day, step.adjust.intent.delta) == (march(5), -20)


@pytest.mark.parametrize(
    "policy",
    [
        Policy(customer_day_limit=45),
        Policy(line_limit=25),
        Policy(approve_increases=Approval(above_percent=500)),
    ],
    ids=["a day's", "a line's", "a share"],
)
def test_changes_around_an_adjusted_day_go_where_the_terms_let_both(policy: Policy) -> None:
    """Each limit is for what they are, neither more nor less."""
    assert one_of_two(policy).adjust is not None


@pytest.mark.parametrize(
    ("adjusted", "wanted", "waits"),
    [
        (march(5), since_january(25, (march(5), 20), (march(7), 30)), False),
        (march(6), since_january(25, (march(4), 20), (march(6), 29)), True),
        (TODAY, since_january(25, (march(4), 20), (march(7), 30), (TODAY, 29)), True),
        (march(16), since_january(25, (march(5), 20), (march(7), 30)), False),
    ],
    ids=["on its own day", "on the day of the next", "today", "on a day to come"],
)
def test_a_change_waits_for_the_next_one_only_where_the_line_was_adjusted_behind_it(
    adjusted: date, wanted: Timeline, waits: bool
) -> None:
    """Elsewhere it gives no day a quantity that was never wanted, so it goes by itself; a day to come is planned anew."""
    held = since_january(25, (adjusted, 24))
    step = next_step(
        view(
            demand(wanted),
            held={45: on_contract(held)},
            lines=(left(held),),
            policy=Policy(line_limit=9),
        )
    )
    assert (step.adjust is None) is waits


@pytest.mark.parametrize(
    ("approved", "posts"),
    [
        ((Approved(TODAY, 3),), True),
        ((Approved(TODAY, 3, "pat"),), True),
        ((Approved(TODAY, 2, "pat"), Approved(TODAY, 3, "kim")), True),
        ((Approved(TODAY, 2, "pat"),), False),
        ((Approved(march(14), 3, "pat"),), False),
        ((Approved(TODAY, 2, "pat"), Approved(march(14), 3, "pat")), False),
        ((), False),
    ],
)
def test_an_approval_is_for_exactly_what_was_shown(approved: tuple[Approved, ...], posts: bool) -> None:
    """Whoever gave it; another day or another number asks again."""
    policy = Policy(approve_increases=Approval(above_units=0))
    step = next_step(view(demand(MORE), policy=policy, lines=(left(LEVEL, approved=approved),)))
    assert (step.adjust is not None) is posts


def test_an_approved_change_says_who_let_it_go() -> None:
    """A change that nobody had to approve names nobody."""
    policy = Policy(approve_increases=Approval(above_units=0))
    approved = (Approved(TODAY, 2, "pat"), Approved(TODAY, 3, "kim"))
    found = []
    for terms, given in ((policy, approved), (Policy(), ())):
        step = next_step(view(demand(MORE), policy=terms, lines=(left(LEVEL, approved=given),)))
        assert step.adjust is not None
        assert step.adjust.intent is not None
        found.append((step.adjust.intent.why, step.adjust.intent.by))
    assert found == [(Why.APPROVED, "kim"), (None, "")]


def test_a_line_that_nobody_maps_to_knows_of_nothing() -> None:
    """It may still have an adjustment that settles."""
    [draft] = drafts_of(view(lines=(left(LEVEL),)))
    assert (draft.causes, draft.versions, draft.sources) == ((), {}, ((CUSTOMER, "SKU-45"),))


def test_a_held_line_is_still_looked_at_on_its_next_day() -> None:
    """What is planned for later days may change what is held."""
    units = since_january(25, (TODAY, 28), (march(20), 25))
    step = next_step(view(demand(units), policy=Policy(paused=True)))
    assert line_of(step).scheduled == ((TODAY, 3), (march(20), -3))
    assert step.due_at == midnight(march(20))


def test_a_held_line_holds_up_no_other() -> None:
    """The next line's change is posted."""
    step = next_step(
        view(
            demand(since_january(25, (march(9), 50))),
            demand(MORE, PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(LEVEL, 1202)},
            policy=Policy(line_limit=10),
        )
    )
    assert parked(step)[0] == "held-over-limit"
    assert step.adjust is not None
    assert step.adjust.key == PLUS


def test_a_later_part_of_a_held_line_is_not_posted_before_the_first() -> None:
    """A line's changes go out in order."""
    units = since_january(25, (march(10), 50), (march(12), 51))
    step = next_step(view(demand(units), policy=Policy(line_limit=10)))
    assert (step.adjust, parked(step)[0]) == (None, "held-over-limit")


def test_whose_terms_hold_for_a_line() -> None:
    """The customer's; the strictest where several customers share the line and differ."""
    own, other, partner = Policy(line_limit=1), Policy(line_limit=2), Policy(line_limit=3)
    shared = replace(demand(LEVEL), sources=(Source("a", "X", LEVEL), Source("b", "X", LEVEL)))
    assert policy_of(demand(LEVEL), {CUSTOMER: own, "": partner}) == own
    assert policy_of(shared, {"a": own, "b": own, "": partner}) == own
    assert policy_of(shared, {"a": own, "b": other, "": partner}) == replace(partner, line_limit=1)
    assert policy_of(shared, {"a": own, "b": other, "": partner}, ("b",)) == other
    assert policy_of(shared, {"b": own, "": partner}) == own
    assert policy_of(shared, {"": partner}) == partner
    assert policy_of(None, {"": partner, CUSTOMER: own}) == partner
    assert policy_of(demand(LEVEL), {}) == Policy()
    assert policy_of(None, {}) == Policy()


@pytest.mark.parametrize("of_a", [False, True])
@pytest.mark.parametrize("of_partner", [False, True])
def test_a_pause_of_one_customer_is_a_pause_of_what_it_shares(of_a: bool, of_partner: bool) -> None:
    """What is posted on a shared line is posted for each of them."""
    shared = replace(demand(LEVEL), sources=(Source("a", "X", LEVEL), Source("b", "X", LEVEL)))
    partner = Policy(line_limit=3, paused=of_partner)
    policies = {"a": Policy(line_limit=1, paused=of_a), "b": Policy(line_limit=2), "": partner}
    assert policy_of(shared, policies) == replace(partner, line_limit=1, paused=of_a or of_partner)


def test_whose_pause_it_is_is_told_where_not_everybody_is_paused() -> None:
    """Of several customers that share a line the first of those that are paused; of terms that were never set, nobody."""
    wanted = replace(demand(MORE), sources=tuple(Source(one, "X", LEVEL) for one in ("c", "b", "a")))
    alone, everybody = {"b": Policy(paused=True), "c": Policy(paused=True)}, {"": Policy(paused=True)}
    found = []
    for policies in (alone, everybody, {**alone, **everybody}):
        code, told = parked(next_step(replace(view(wanted), policies=policies)))
        assert code == "paused"
        found.append(told.get("paused_customer"))
    assert found == ["b", None, None]


def test_without_any_terms_nothing_is_limited() -> None:
    """The partner's own terms may be missing."""
    assert next_step(replace(view(demand(MORE)), policies={})).adjust is not None


def test_what_was_moved_counts_for_its_day_and_each_of_its_customers() -> None:
    """The size of a change counts, whatever its direction, and once for all customers together; another day starts anew."""
    moved = ChangedUnits().plus(TODAY, ["a", "b", "a"], 3).plus(TODAY, ["a"], -2).plus(TODAY, [], 4)
    assert moved == ChangedUnits(TODAY, {"a": 5, "b": 3, "": 4}, again=3)
    assert moved.on(TODAY) == {"a": 5, "b": 3, "": 4}
    assert moved.in_all(TODAY) == 9
    assert moved.in_all(march(16)) == 0
    assert moved.on(march(16)) == {}
    assert moved.plus(march(16), ["b"], 1) == ChangedUnits(march(16), {"b": 1})


# -- A line that two customers share


def shared(
    a: Timeline, b: Timeline, of_a: Policy | None = None, of_b: Policy | None = None, **more: object
) -> View:
    """A line of two customers as it was left with 25: what each is to be billed, and the terms of each."""
    sources = (Source("a", "X", a, units=a), Source("b", "X", b, units=b))
    causes = (cause("sub_a", 2, "a"), cause("sub_b", 2, "b"))
    lines = more.pop("lines", (left(since_january(25), versions={"sub_a": 1, "sub_b": 1}),))
    given = view(demand(a.plus(b), sources=sources, causes=causes), lines=lines, **more)  # type: ignore[arg-type]
    policies = {"": Policy(), "a": of_a or Policy(), "b": of_b or Policy()}
    return replace(given, policies=policies)


def cause(subscription: str, number: int, customer: str) -> Cause:
    """Something that Timus has reported of a customer today."""
    return Cause(subscription, number, TODAY, f"event of {subscription}", customer_id=customer)


ASKS = Policy(approve_increases=Approval(above_units=0), approve_decreases=Approval(above_units=0))
UP, DOWN = since_january(20, (TODAY, 23)), since_january(20, (TODAY, 17))
STAYS, MORE_OF_B = since_january(5), since_january(5, (TODAY, 12))


def why(given: View) -> dict[str, int | str]:
    """Why the line is held: the reason, the change, what it contains and by whose terms."""
    step = next_step(given)
    assert step.adjust is None
    code, told = parked(step)
    return {"code": code, **{name: told[name] for name in ("delta", "contains", "by_terms") if name in told}}


def test_on_a_shared_line_the_terms_of_each_count() -> None:
    """Whoever's change it is; what is asked for names its parts, and whose terms ask."""
    mine = {"code": "held-for-approval", "delta": 3, "contains": "a +3", "by_terms": "a"}
    assert why(shared(UP, STAYS, of_a=ASKS)) == mine
    assert why(shared(UP, STAYS, of_b=ASKS)) == {**mine, "by_terms": "b"}
    both = why(shared(UP, MORE_OF_B, of_a=ASKS))
    assert both == {"code": "held-for-approval", "delta": 10, "contains": "a +3, b +7", "by_terms": "a"}
    assert next_step(shared(UP, MORE_OF_B)).adjust is not None


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (Policy(line_limit=2), "held-over-limit"),
        (Policy(customer_day_limit=2), "held-over-day-limit"),
        (Policy(approve_decreases=Approval(above_units=2)), "held-for-approval"),
        (Policy(approve_decreases=Approval(above_percent=10)), "held-for-approval"),
    ],
)
def test_what_is_held_of_one_customer_does_not_go_out_in_the_sum_with_another(
    policy: Policy, code: str
) -> None:
    """Three fewer of one and two or seven more of the other are one change of the line, which is small or goes the other way."""
    for more in (since_january(5, (TODAY, 7)), MORE_OF_B):
        told = why(shared(DOWN, more, of_a=policy))
        assert (told["code"], told["by_terms"]) == (code, "a")
        assert str(told["contains"]).startswith("a -3, b +")
        assert next_step(shared(DOWN, more)).adjust is not None


def test_what_was_rejected_does_not_go_out_with_the_news_of_another_customer() -> None:
    """It is asked for again, with all that has come. The customer's own news end the rejection."""
    known = {"sub_a": 2, "sub_b": 1}
    rejection = Rejection(TODAY, 3, "ann", NOW, "not ordered", known)
    line = left(since_january(25), versions={"sub_a": 1, "sub_b": 1}, rejections=(rejection,))
    found = why(shared(UP, MORE_OF_B, lines=(line,)))
    assert found == {"code": "held-for-approval", "delta": 10, "contains": "a +3, b +7"}
    own = replace(line, rejections=(replace(rejection, versions={"sub_a": 1, "sub_b": 2}),))
    assert next_step(shared(UP, STAYS, lines=(own,))).adjust is not None
    stands = replace(line, rejections=(replace(rejection, versions={"sub_a": 2, "sub_b": 2}),))
    assert parked(next_step(shared(UP, STAYS, lines=(stands,))))[0] == "rejected"


def test_whoever_has_left_a_shared_line_counts_until_it_is_level() -> None:
    """The decrease is made on his terms; what comes afterwards is not."""
    gone = since_january(5, (march(10), 0))
    leaves = shared(since_january(20), gone, of_b=ASKS)
    assert why(leaves) == {"code": "held-for-approval", "delta": -5, "contains": "b -5", "by_terms": "b"}
    level = {45: on_contract(since_january(25, (march(10), 20)))}
    after = left(since_january(25, (march(10), 20)), versions={"sub_a": 1, "sub_b": 2})
    assert next_step(shared(UP, gone, of_b=ASKS, held=level, lines=(after,))).adjust is not None
    assert next_step(shared(UP, gone, of_a=ASKS, held=level, lines=(after,))).adjust is None


def test_the_limit_of_a_day_counts_for_each_customer_of_a_shared_line() -> None:
    """Also for the second; a customer without a limit of his own is not held by what he moved elsewhere."""
    moved = ChangedUnits(TODAY, {"b": 4, "a": 40})
    assert (
        why(shared(UP, STAYS, of_b=Policy(customer_day_limit=6), changed_today=moved))["code"]
        == "held-over-day-limit"
    )
    assert (
        next_step(shared(UP, STAYS, of_b=Policy(customer_day_limit=7), changed_today=moved)).adjust
        is not None
    )
