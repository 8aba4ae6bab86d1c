"""The next step of a contract, from what was gathered: every reason to park, every state, every due moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import (
    LOOKS,
    RECHECK,
    REFUSED_AGAIN,
    Moved,
    Observed,
    Step,
    View,
    next_step,
    policy_of,
)
from timus_autotask.domain.desired import Cause, Demand, Desired, Source
from timus_autotask.domain.line import (
    Answer,
    Approved,
    Choice,
    Intent,
    JournalEntry,
    Line,
    Outcome,
    Refusal,
    State,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link, Unplaced
from timus_autotask.domain.policy import (
    Approval,
    BillingSchedule,
    OnDrift,
    Policy,
    PostedPeriod,
    Renewal,
    SameDay,
)
from timus_autotask.domain.provisioning import successor
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline

ZONE = ZoneInfo("Pacific/Auckland")
TODAY = date(2026, 3, 15)
NOW = datetime(2026, 3, 14, 20, tzinfo=UTC)  # nine in the morning in Auckland
ALIVE = NOW + timedelta(seconds=65)
SETTLE = timedelta(minutes=15)
ONE_DAY = timedelta(days=1)

CONTRACT = Contract(1, 600, recurring=True, active=True, start=date(2026, 1, 1), end=date(2026, 12, 31))
SEATS, PLUS, THERE = LineKey(1, 45), LineKey(1, 46), LineKey(2, 45)
CUSTOMER = "cus_1"


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def steps(*pairs: tuple[date, int]) -> Timeline:
    """A timeline."""
    return Timeline.of(pairs)


def since_january(units: int, *later: tuple[date, int]) -> Timeline:
    """Units from the contract's first day on."""
    return steps((CONTRACT.start, units), *later)


def demand(units: Timeline, key: LineKey = SEATS, *, company: int = 600, **more: object) -> Demand:
    """What a line should have, of one customer, told since January."""
    values = {
        "start": CONTRACT.start,
        "sources": (Source(CUSTOMER, f"SKU-{key.service_id}", units),),
        **more,
    }
    return Demand(key, company, units, **values)  # type: ignore[arg-type]


def on_contract(units: Timeline, *ids: int, closed: tuple[tuple[date, date], ...] = ()) -> Observed:
    """What Autotask holds of a service that is on the contract."""
    return Observed(units, ids or (1201,), closed)


def left(units: Timeline, key: LineKey = SEATS, **more: object) -> Line:
    """A line as it was left: level, seen by people as applied."""
    values = {
        "contract_service_id": 1201,
        "first_held": units,
        "state": State.APPLIED,
        "since": NOW - ONE_DAY,
        "desired": units,
        "sources": ((CUSTOMER, f"SKU-{key.service_id}"),),
        **more,
    }
    return Line(key.contract_id, key.service_id, units, **values)  # type: ignore[arg-type]


def view(
    *demands: Demand,
    held: Mapping[int, Observed] | None = None,
    lines: tuple[Line, ...] = (),
    links: tuple[Link, ...] = (),
    unplaced: tuple[Unplaced, ...] = (),
    policy: Policy | None = None,
    partner: Policy | None = None,
    contract: Contract | None = CONTRACT,
    **more: object,
) -> View:
    """What was gathered. Without ``held`` Autotask has 25 of service 45 from January on."""
    policies = {"": partner or Policy()} | ({CUSTOMER: policy} if policy else {})
    values = {
        "zone": ZONE,
        "now": NOW,
        "today": TODAY,
        "alive_until": ALIVE,
        "settle": SETTLE,
        **more,
    }
    return View(
        1,
        contract,
        {45: on_contract(since_january(25))} if held is None else held,
        Desired({one.key: one for one in demands}, links, unplaced=unplaced),
        {line.key: line for line in lines},
        policies,
        **values,  # type: ignore[arg-type]
    )


def line_of(step: Step, key: LineKey = SEATS) -> Line:
    """A line as the step leaves it."""
    [line] = [line for line in step.lines if line.key == key]
    return line


def parked(step: Step, key: LineKey = SEATS) -> tuple[str, dict[str, int | str]]:
    """Why a line is parked, with the facts."""
    line = line_of(step, key)
    assert line.state is State.PARKED
    assert line.parked is not None
    return line.parked.code, dict(line.parked.facts)


def facts(
    held: int = 25, left: int = 25, desired: int = 28, service: int = 45, **more: int | str
) -> dict[str, int | str]:
    """The facts that every reason has, and more."""
    return {
        "contract": 1,
        "service": service,
        "customer": CUSTOMER,
        "held": held,
        "left": left,
        "desired": desired,
        **more,
    }


def intent(
    answer: Answer = Answer.UNKNOWN,
    *,
    before: Timeline | None = None,
    day: date = TODAY,
    delta: int = 3,
    **more: object,
) -> Intent:
    """Three more seats today, sent a while ago; settles in ten minutes."""
    values = {"settles_at": NOW + timedelta(minutes=10), **more}
    before = since_january(25) if before is None else before
    return Intent(
        "i1",
        day,
        delta,
        before,
        NOW - timedelta(minutes=5),
        answer=answer,
        **values,  # type: ignore[arg-type]
    )


def midnight(day: date) -> datetime:
    """When a day begins in Auckland in the southern summer."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=13)


END = midnight(date(2027, 1, 1))
"""When the contract has ended: units that are still wanted then are looked at again."""
LEVEL = since_january(25)
MORE = since_january(25, (TODAY, 28))


# -- Level, posted, scheduled


def test_a_level_line_at_first_sight_is_remembered() -> None:
    """The first read is the known state; nothing is posted, and nothing is due before the contract's end."""
    step = next_step(view(demand(LEVEL)))
    assert step == Step(
        lines=(
            Line(
                1,
                45,
                baseline=LEVEL,
                contract_service_id=1201,
                first_held=LEVEL,
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
        ),
        desired=MORE,
        scheduled=((TODAY, 3),),
        state=State.PENDING,
        since=NOW,
    )
    assert step == Step(lines=(line,), post=line)


def test_an_intent_names_the_news_that_it_follows() -> None:
    """News that has come and that the line has not followed yet; each event once, each subscription's newest version."""
    news = (
        Cause("sub_1", 7, march(1), "evt_7"),
        Cause("sub_1", 9, march(10), "evt_9"),
        Cause("sub_1", 8, TODAY, "evt_8"),
        Cause("sub_1", 10, march(16), "evt_10"),
        Cause("sub_2", 1, march(9), "evt_9"),
    )
    post = next_step(view(demand(MORE, causes=news), lines=(left(LEVEL, versions={"sub_1": 7}),))).post
    assert post is not None
    assert post.intent is not None
    assert post.intent.events == ("evt_9", "evt_8")
    assert post.intent.versions == {"sub_1": 9, "sub_2": 1}


def test_the_oldest_change_is_posted_first_and_the_rest_stays_pending() -> None:
    """One adjustment a step, by day over all lines of the contract."""
    step = next_step(
        view(
            demand(since_january(25, (march(10), 28), (march(12), 30))),
            demand(since_january(5, (march(9), 6)), PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(since_january(5), 1202)},
        )
    )
    assert step.post is not None
    assert step.post.key == PLUS
    assert line_of(step).state is State.PENDING
    assert line_of(step).scheduled == ((march(10), 3), (march(12), 2))
    assert line_of(step).intent is None


def test_a_later_change_waits_until_its_midnight() -> None:
    """Nothing is posted before its day; the contract is due when that day begins where the partner lives."""
    step = next_step(view(demand(since_january(25, (march(16), 28), (march(20), 25))), lines=(left(LEVEL),)))
    assert step.post is None
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
        assert (next_step(view(demand(units), today=today)).post is not None) is posts


# -- The contract itself


@pytest.mark.parametrize(
    ("contract", "code", "more"),
    [
        (None, "contract-not-found", {}),
        (
            replace(CONTRACT, company_id=601, recurring=False, active=False),
            "contract-of-another-company",
            {"company": 600, "actual_company": 601},
        ),
        (replace(CONTRACT, recurring=False, active=False), "contract-not-recurring", {}),
        (replace(CONTRACT, active=False), "contract-inactive", {}),
    ],
)
def test_a_wrong_contract_is_never_posted_to(
    contract: Contract | None, code: str, more: dict[str, Any]
) -> None:
    """Every line is parked with the reason, nothing is settled or planned, and it is looked at again."""
    open_ = left(LEVEL, intent=intent(Answer.NOT_APPLIED))
    step = next_step(view(demand(MORE), lines=(open_,), contract=contract))
    assert parked(step) == (code, facts(**more))
    assert line_of(step).intent == open_.intent
    assert line_of(step).scheduled == ()
    assert (step.post, step.journal, step.renewed) == (None, (), None)
    assert step.due_at == NOW + RECHECK


def test_the_company_of_another_contract_does_not_matter_here() -> None:
    """A customer may be split over contracts of several companies; each is held to its own."""
    step = next_step(view(demand(MORE), demand(LEVEL, THERE, company=999)))
    assert step.post is not None


def test_of_several_wrong_companies_the_smallest_is_told() -> None:
    """The reason is the same at every look."""
    step = next_step(
        view(
            demand(MORE, company=700),
            demand(LEVEL, PLUS, company=650),
            held={45: on_contract(LEVEL), 46: on_contract(LEVEL)},
        )
    )
    assert parked(step) == (
        "contract-of-another-company",
        facts(left=0, company=650, actual_company=600),
    )


def test_the_billing_periods_are_the_contracts() -> None:
    """They are counted from its start, in its own months."""
    assert replace(CONTRACT, months=3).schedule == BillingSchedule(CONTRACT.start, 3)
    assert CONTRACT.schedule == BillingSchedule(CONTRACT.start, 1)


def test_a_line_of_another_contract_is_not_this_contracts() -> None:
    """Lines that were gathered for the links of plan changes are left alone."""
    assert next_step(view(demand(LEVEL, THERE), lines=(left(MORE, THERE),), held={})) == Step()


# -- Renewal


RENEWED = date(2027, 12, 31)


def test_a_renewed_term_extends_the_contract_first() -> None:
    """Extending is a step of its own; everything else is decided from what is read afterwards."""
    assert next_step(view(demand(MORE, renewed_until=RENEWED))) == Step(extend=RENEWED)


def test_of_several_renewed_terms_the_latest_counts() -> None:
    """The contract has to cover all of them; a line that was not renewed says nothing."""
    later = date(2028, 6, 30)
    demands = (
        demand(LEVEL, renewed_until=later),
        demand(LEVEL, PLUS, renewed_until=RENEWED),
        demand(LEVEL, LineKey(1, 47)),
    )
    assert next_step(view(*demands, lines=(left(LEVEL, LineKey(1, 48)),))).extend == later


def test_a_term_that_the_contract_covers_is_noted() -> None:
    """Whoever shortens the contract afterwards meant it."""
    step = next_step(view(demand(LEVEL, renewed_until=CONTRACT.end)))
    assert (step.extend, step.renewed) == (None, CONTRACT.end)


def test_a_renewal_is_followed_once() -> None:
    """One that was seen covered, or refused, is not asked for again; a later one is."""
    seen = view(demand(LEVEL, renewed_until=RENEWED), renewed=RENEWED)
    assert (next_step(seen).extend, next_step(seen).renewed) == (None, None)
    assert next_step(replace(seen, renewed=RENEWED - ONE_DAY)).extend == RENEWED


@pytest.mark.parametrize(
    "policy", [Policy(renewal=Renewal.OFF), Policy(renewal=Renewal.NEW_CONTRACT), Policy(paused=True)]
)
def test_terms_that_leave_the_contract_as_it_is(policy: Policy) -> None:
    """Only one of the terms extends, and a pause holds that too."""
    step = next_step(view(demand(LEVEL, renewed_until=RENEWED), policy=policy))
    assert (step.extend, step.renewed) == (None, None)


def test_a_renewed_term_can_ask_for_a_new_contract() -> None:
    """By the terms of a line that asks for it; this contract goes on until its end, and one that reaches is enough."""
    terms = Policy(renewal=Renewal.NEW_CONTRACT, contract_category=7)
    asked = view(
        demand(MORE, renewed_until=RENEWED),
        demand(LEVEL, PLUS, sources=(Source("cus_2", "X", LEVEL),)),
        held={45: on_contract(LEVEL), 46: on_contract(LEVEL)},
        policy=terms,
    )
    step = next_step(asked)
    assert step.successor == successor(CONTRACT, RENEWED, terms)
    assert step.post is not None
    assert step.extend is None
    covered = view(demand(LEVEL, renewed_until=CONTRACT.end), policy=terms)
    assert next_step(covered).successor is None
    assert next_step(view(demand(LEVEL), policy=terms)).successor is None
    assert next_step(replace(asked, contract=None)).successor is None


# -- Settling


def test_an_open_outcome_is_waited_for() -> None:
    """Nothing is posted on the line; it is due when the outcome may be read."""
    line = left(LEVEL, intent=intent())
    step = next_step(view(demand(MORE), lines=(line,)))
    assert line_of(step) == replace(line, desired=MORE, state=State.SETTLING, since=NOW)
    assert (step.post, step.journal, step.look_again) == (None, (), False)
    assert step.due_at == NOW + timedelta(minutes=10)


def test_an_open_outcome_holds_up_no_other_line() -> None:
    """The other service's change is posted meanwhile."""
    step = next_step(
        view(
            demand(MORE),
            demand(MORE, PLUS),
            held={45: on_contract(LEVEL), 46: on_contract(LEVEL)},
            lines=(left(LEVEL, intent=intent(Answer.ACCEPTED)),),
        )
    )
    assert step.post is not None
    assert step.post.key == PLUS
    assert not step.look_again, "there is something better to do"


@pytest.mark.parametrize(
    ("looks", "answer", "again"),
    [
        (0, Answer.ACCEPTED, True),
        (LOOKS - 1, Answer.ACCEPTED, True),
        (LOOKS, Answer.ACCEPTED, False),
        (0, Answer.UNKNOWN, False),
        (0, Answer.REFUSED, False),
    ],
)
def test_an_accepted_post_that_is_not_to_be_seen_is_looked_for(
    looks: int, answer: Answer, again: bool
) -> None:
    """A read may lag behind a write: a few more looks, then it is left to settle."""
    held = {45: on_contract(since_january(24))} if answer is Answer.REFUSED else None
    step = next_step(view(demand(MORE), lines=(left(LEVEL, intent=intent(answer)),), looks=looks, held=held))
    assert step.look_again is again
    assert line_of(step).state is State.SETTLING


def test_a_level_line_is_not_looked_at_again() -> None:
    """Without an open post there is nothing to look for."""
    assert not next_step(view(demand(LEVEL))).look_again


def test_a_post_that_landed_is_settled_and_journalled() -> None:
    """The line is level, its day is taken, and what stood in its way is forgotten."""
    sent = intent(
        Answer.ACCEPTED, events=("evt_8",), versions={"sub_1": 8}, price="11.00", message="as it was said"
    )
    line = left(
        LEVEL,
        intent=sent,
        adjusted=(march(20), march(2)),
        refusal=Refusal(TODAY, 3, "no", NOW),
        approved=(Approved(TODAY, 3, "pat"), Approved(march(14), 3, "pat"), Approved(TODAY, 4, "pat")),
        versions={"sub_1": 7, "sub_2": 4},
        price="10.00",
    )
    step = next_step(view(demand(MORE), held={45: on_contract(MORE)}, lines=(line,)))
    assert line_of(step) == replace(
        line,
        baseline=MORE,
        intent=None,
        adjusted=(march(2), TODAY, march(20)),
        refusal=None,
        approved=(Approved(march(14), 3, "pat"), Approved(TODAY, 4, "pat")),
        last_change=NOW,
        price="11.00",
        versions={"sub_1": 8, "sub_2": 4},
        desired=MORE,
    )
    assert step.journal == (
        JournalEntry(
            "i1",
            SEATS,
            TODAY,
            3,
            units_before=25,
            units_after=28,
            outcome=Outcome.LANDED,
            opened_at=sent.opened_at,
            settled_at=NOW,
            events=("evt_8",),
            sources=((CUSTOMER, "SKU-45"),),
            message="as it was said",
        ),
    )
    assert (step.post, step.due_at) == (None, END)


def test_a_post_without_a_price_leaves_the_one_that_was_sent() -> None:
    """Our own last price stays ours."""
    line = left(LEVEL, intent=intent(Answer.ACCEPTED), price="10.00")
    step = next_step(view(demand(MORE), held={45: on_contract(MORE)}, lines=(line,)))
    assert line_of(step).price == "10.00"


def test_a_post_that_did_not_land_is_sent_anew() -> None:
    """The journal tells of the first try, and the second has an intent of its own."""
    line = left(LEVEL, intent=intent(Answer.NOT_APPLIED, message="throttled"), approved=(Approved(TODAY, 3),))
    step = next_step(view(demand(MORE), lines=(line,)))
    assert [(c.outcome, c.units_before, c.units_after) for c in step.journal] == [
        (Outcome.NOT_LANDED, 25, 25)
    ]
    assert step.post is not None
    assert step.post.intent is not None
    assert (step.post.intent.id, step.post.intent.answer) == ("", Answer.UNKNOWN)
    assert (step.post.adjusted, step.post.approved) == ((), (Approved(TODAY, 3),))


def test_an_outcome_that_is_neither_is_for_a_person() -> None:
    """Held is neither before nor after: both numbers are told, and the intent stays open."""
    line = left(LEVEL, intent=intent(settles_at=NOW))
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert parked(step) == (
        "outcome-unclear",
        facts(held=31, delta=3, day="2026-03-15", before=25, after=28),
    )
    assert line_of(step).intent == line.intent
    assert (step.journal, step.post) == ((), None)
    assert step.due_at == NOW + RECHECK


def test_an_outcome_that_is_neither_but_level_needs_nobody() -> None:
    """Whoever brought the line to what Timus says, there is nothing left to decide."""
    line = left(LEVEL, intent=intent(settles_at=NOW))
    step = next_step(
        view(demand(since_january(31)), held={45: on_contract(since_january(31))}, lines=(line,))
    )
    assert [c.outcome for c in step.journal] == [Outcome.UNCLEAR]
    assert (line_of(step).state, line_of(step).intent) == (State.APPLIED, None)


def test_an_outcome_that_is_neither_on_a_line_that_nobody_maps_to_is_for_a_person() -> None:
    """There is nothing that it could be level with."""
    line = left(LEVEL, intent=intent(settles_at=NOW))
    assert parked(next_step(view(held={45: on_contract(NOTHING)}, lines=(line,))))[0] == "outcome-unclear"


def test_a_persons_word_ends_an_unclear_outcome() -> None:
    """Enforced: back to what Timus says."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ENFORCE)
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert [(c.outcome, c.units_after) for c in step.journal] == [(Outcome.UNCLEAR, 31)]
    post = step.post
    assert post is not None
    assert post.intent is not None
    assert (post.intent.delta, post.intent.before) == (-6, since_january(31))
    assert (post.choice, post.offset, post.baseline) == (None, NOTHING, since_january(31))
    assert (post.adjusted, post.taken) == ((), ())


def test_a_change_from_before_an_unclear_outcome_does_not_run_over_into_its_day() -> None:
    """12 may have landed today, where they could not be set right again; 16 since yesterday would make 28 of them."""
    line = left(NOTHING, intent=intent(settles_at=NOW, before=NOTHING), choice=Choice.ENFORCE)
    since = demand(steps((march(14), 16)), start=march(14))
    held = steps((TODAY, 12), (march(20), 13))
    step = next_step(view(since, held={45: on_contract(held)}, lines=(line,)))
    assert step.post is None
    assert line_of(step).scheduled == ((march(16), 4), (march(20), -1))


def test_an_unclear_outcome_that_is_adopted_is_kept_as_it_is() -> None:
    """Nobody knows which part of it is ours: what Autotask holds is right, and only Timus's next change is put on it."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ADOPT, last_change=NOW - RECHECK / 2)
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(31))}, lines=(line,)))
    assert [(c.outcome, c.units_after) for c in step.journal] == [(Outcome.UNCLEAR, 31)]
    assert step.post is None
    kept = line_of(step)
    assert (kept.state, kept.choice, kept.baseline) == (State.APPLIED, None, since_january(31))
    assert kept.first_held == LEVEL
    assert kept.offset == since_january(31).minus(MORE)


def test_units_that_a_person_took_off_hold_up_no_other_plan() -> None:
    """The old plan is at 0 and someone's -4 on it is kept: nothing of it is billed that a plan of a few days could meet."""
    fewer = Timeline.of([(march(1), -4)])
    old = left(NOTHING, offset=fewer)
    new = demand(Timeline.of([(TODAY, 25), (march(21), 0)]), PLUS)
    link = Link(TODAY, SEATS, PLUS)
    step = next_step(view(demand(NOTHING), new, held={}, lines=(old,), links=(link,)))
    assert step.post is not None
    assert (step.post.key, step.post.scheduled) == (PLUS, ((TODAY, 25), (march(21), -25)))


def test_units_that_a_person_added_for_days_to_come_hold_up_no_other_plan() -> None:
    """The old plan is down since today; someone's unit from the 17th on is taken off on the 17th, and the new plan waits for none."""
    down = since_january(3, (TODAY, 0), (march(17), 1))
    old = left(down, adjusted=(TODAY,))
    new = demand(steps((TODAY, 12)), PLUS)
    link = Link(TODAY, SEATS, PLUS)
    wanted = demand(since_january(3, (TODAY, 0)))
    step = next_step(view(wanted, new, held={45: on_contract(down)}, lines=(old,), links=(link,)))
    assert step.post is not None
    assert (step.post.key, step.post.scheduled) == (PLUS, ((TODAY, 12),))
    assert line_of(step).scheduled == ((march(17), -1),)


def test_units_of_a_person_on_a_plan_that_is_still_billed_are_not_taken_for_its_fall() -> None:
    """Timus's unit stays until tomorrow, when someone's kept unit begins: one of the two is left, and the new plan waits."""
    held = since_january(1, (march(16), 2))
    old = left(held, offset=steps((march(16), 1)), adjusted=(TODAY,))
    new = demand(steps((TODAY, 1)), PLUS)
    wanted = demand(since_january(1, (TODAY, 0)))
    link = Link(TODAY, SEATS, PLUS)
    step = next_step(view(wanted, new, held={45: on_contract(held)}, lines=(old,), links=(link,)))
    assert step.post is None
    assert line_of(step).scheduled == ((march(16), -1),)
    assert line_of(step, PLUS).scheduled == ((march(16), 1),)


def test_an_adopted_unclear_outcome_still_ends_with_the_subscription() -> None:
    """31 are kept instead of 28 until the cancellation; then the difference alone is left."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ADOPT)
    wanted = demand(since_january(28, (march(21), 0)))
    step = next_step(view(wanted, held={45: on_contract(since_january(31))}, lines=(line,)))
    assert step.post is None
    assert line_of(step).scheduled == ((march(21), -28),)


def test_an_adopted_unclear_outcome_adds_nothing_to_days_before_it_was_ours_to_judge() -> None:
    """What was held before Timus's first day is nobody's difference: news of an earlier day are not put on top of it."""
    line = left(LEVEL, intent=intent(settles_at=NOW), choice=Choice.ADOPT)
    first = march(10)
    wanted = replace(demand(Timeline.of([(first, 28)])), start=first)
    step = next_step(view(wanted, held={45: on_contract(since_january(31))}, lines=(line,)))
    assert line_of(step).offset == Timeline.of([(first, 3)])


# -- Refusals


def refused(words: str = "no such thing", **more: Any) -> Line:
    """A line whose post was refused."""
    return left(LEVEL, intent=intent(Answer.REFUSED, message=words), **more)


def test_a_refusal_is_parked_with_autotasks_words() -> None:
    """It is not sent again at once; the contract is due when it may be."""
    step = next_step(view(demand(MORE), lines=(refused(),)))
    assert parked(step) == ("refused", facts(delta=3, day="2026-03-15", answer="no such thing"))
    line = line_of(step)
    assert line.refusal == Refusal(TODAY, 3, "no such thing", NOW + timedelta(minutes=15), 1)
    assert line.intent is None
    assert line.adjusted == ()
    assert [(c.outcome, c.message) for c in step.journal] == [(Outcome.REFUSED, "no such thing")]
    assert step.due_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("before", "times", "wait"),
    [
        (None, 1, REFUSED_AGAIN[0]),
        (Refusal(TODAY, 3, "no", NOW, 1), 2, REFUSED_AGAIN[1]),
        (Refusal(TODAY, 3, "no", NOW, 2), 3, REFUSED_AGAIN[2]),
        (Refusal(TODAY, 3, "no", NOW, 9), 10, REFUSED_AGAIN[2]),
        (Refusal(TODAY, 4, "no", NOW, 2), 1, REFUSED_AGAIN[0]),
        (Refusal(march(14), 3, "no", NOW, 2), 1, REFUSED_AGAIN[0]),
    ],
)
def test_the_same_refusal_waits_longer_each_time(before: Refusal | None, times: int, wait: timedelta) -> None:
    """A quarter of an hour, an hour, six hours; another adjustment starts anew."""
    line = line_of(next_step(view(demand(MORE), lines=(refused(refusal=before),))))
    assert line.refusal == Refusal(TODAY, 3, "no such thing", NOW + wait, times)


def test_the_waits_are_a_quarter_an_hour_and_six() -> None:
    """As the operator is told."""
    assert [wait.total_seconds() / 60 for wait in REFUSED_AGAIN] == [15, 60, 360]
    assert RECHECK.total_seconds() / 60 == 15


@pytest.mark.parametrize(
    ("refusal", "posts"),
    [
        (Refusal(TODAY, 3, "no", NOW + timedelta(seconds=1)), False),
        (Refusal(TODAY, 3, "no", NOW), True),
        (Refusal(TODAY, 2, "no", NOW + timedelta(hours=1)), True),
        (Refusal(march(14), 3, "no", NOW + timedelta(hours=1)), True),
    ],
)
def test_what_was_refused_is_tried_again_when_its_time_has_come(refusal: Refusal, posts: bool) -> None:
    """Only the very same adjustment waits."""
    step = next_step(view(demand(MORE), lines=(left(LEVEL, refusal=refusal),)))
    assert (step.post is not None) is posts


def test_a_refusal_that_waits_is_due_when_it_may_be_sent_again() -> None:
    """The moment stands in the refusal, however often the contract is looked at."""
    until = NOW + timedelta(hours=5)
    step = next_step(view(demand(MORE), lines=(left(LEVEL, refusal=Refusal(TODAY, 3, "no", until)),)))
    assert step.due_at == until


@pytest.mark.parametrize("same_day", SameDay)
def test_a_day_that_autotask_says_is_taken_is_left_out(same_day: SameDay) -> None:
    """Somebody's adjustment is on that day: ours goes to the next, whatever the terms are, and nothing is parked."""
    line = refused("some duplicate data found", taken=(march(20),))
    step = next_step(view(demand(MORE), lines=(line,), policy=Policy(same_day=same_day)))
    after = line_of(step)
    assert (after.taken, after.adjusted, after.refusal) == ((TODAY, march(20)), (), None)
    assert (after.state, after.scheduled) == (State.SCHEDULED, ((march(16), 3),))
    assert step.due_at == midnight(march(16))
    assert [c.outcome for c in step.journal] == [Outcome.REFUSED]


# -- Somebody else's edits


def test_somebody_elses_edit_is_parked_with_the_numbers() -> None:
    """What we left, what Autotask holds, what Timus says."""
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(30))}, lines=(left(LEVEL),)))
    assert parked(step) == ("drift", facts(held=30))
    assert line_of(step).baseline == LEVEL
    assert (step.post, step.due_at) == (None, NOW + RECHECK)


def test_an_edit_outside_of_the_contracts_days_is_none() -> None:
    """Units before its start and after its end are never billed."""
    beyond = steps((date(2025, 12, 1), 9), *LEVEL.steps, (date(2027, 1, 1), 3))
    step = next_step(view(demand(LEVEL), held={45: on_contract(beyond)}, lines=(left(LEVEL),)))
    assert line_of(step).state is State.APPLIED


def test_an_edit_that_already_is_what_timus_says_is_adopted() -> None:
    """Nothing is left to do; what somebody changed before Timus told us anything does not matter."""
    by_hand = steps((CONTRACT.start, 20), (march(1), 28))
    told = demand(steps((march(1), 28)), start=march(1))
    step = next_step(view(told, held={45: on_contract(by_hand)}, lines=(left(LEVEL),)))
    assert line_of(step).state is State.APPLIED
    assert (line_of(step).baseline, line_of(step).offset) == (by_hand, NOTHING)


def test_a_subscription_older_than_the_contract_is_compared_from_its_start() -> None:
    """Before the contract there is nothing to bill."""
    old = demand(steps((date(2025, 6, 1), 28)), start=date(2025, 6, 1))
    step = next_step(view(old, held={45: on_contract(since_january(28))}, lines=(left(LEVEL),)))
    assert line_of(step).state is State.APPLIED


@pytest.mark.parametrize("choice", [None, *Choice])
@pytest.mark.parametrize("drift", OnDrift)
def test_a_persons_word_goes_before_the_terms(choice: Choice | None, drift: OnDrift) -> None:
    """Without either the line is parked; the word is used up by what follows from it."""
    line = left(LEVEL, choice=choice)
    by_hand = since_january(30)
    step = next_step(
        view(demand(LEVEL), held={45: on_contract(by_hand)}, lines=(line,), policy=Policy(drift=drift))
    )
    decided = choice.value if choice else drift.value
    if decided == "park":
        assert parked(step) == ("drift", facts(held=30, desired=25))
        return
    after = line_of(step)
    assert (after.baseline, after.choice) == (by_hand, None)
    if decided == "adopt":
        assert (after.offset, after.state, step.post) == (since_january(5), State.APPLIED, None)
    else:
        assert step.post is not None
        assert step.post.intent is not None
        assert (after.offset, step.post.intent.delta) == (NOTHING, -5)


JUST_NOW = NOW - SETTLE + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seen", "wanted", "state"),
    [
        (JUST_NOW, LEVEL, State.SETTLING),
        (NOW - SETTLE, LEVEL, State.APPLIED),
        (None, LEVEL, State.APPLIED),
        (JUST_NOW, since_january(26), State.PARKED),
    ],
)
def test_a_read_that_does_not_show_our_last_change_may_be_stale(
    seen: datetime | None, wanted: Timeline, state: State
) -> None:
    """Where it is level with what Timus says by now, nothing is lost by one more look; else somebody's hand is seen in it."""
    line = left(MORE, last_change=seen)
    step = next_step(view(demand(wanted), lines=(line,)))
    after = line_of(step)
    assert after.state is state
    if state is State.SETTLING:
        assert seen is not None
        assert (after.baseline, step.due_at, step.post) == (MORE, seen + SETTLE, None)


@pytest.mark.parametrize(
    ("drift", "choice"),
    [
        (OnDrift.ENFORCE, None),
        (OnDrift.ADOPT, None),
        (OnDrift.PARK, Choice.ENFORCE),
        (OnDrift.PARK, Choice.ADOPT),
    ],
)
def test_a_read_that_may_be_stale_is_neither_enforced_nor_adopted(
    drift: OnDrift, choice: Choice | None
) -> None:
    """Our change would be made twice, or taken for a person's: what was chosen is done when the read can be trusted."""
    line = left(MORE, last_change=JUST_NOW, choice=choice)
    for wanted in (MORE, since_january(26)):
        step = next_step(view(demand(wanted), lines=(line,), policy=Policy(drift=drift)))
        after = line_of(step)
        assert (after.state, after.baseline, after.choice, step.post) == (State.SETTLING, MORE, choice, None)
        assert (after.offset, step.due_at) == (NOTHING, JUST_NOW + SETTLE)
    trusted = replace(line, last_change=NOW - SETTLE)
    step = next_step(view(demand(MORE), lines=(trusted,), policy=Policy(drift=drift)))
    assert line_of(step).state is not State.SETTLING


@pytest.mark.parametrize(
    ("before", "by_hand", "refusal", "adjusted", "state"),
    [
        (since_january(3), since_january(8), -5, (), State.APPLIED),
        (since_january(4), since_january(5), -5, (), State.APPLIED),
        (NOTHING, steps((TODAY, 5)), -5, (), State.APPLIED),
        (since_january(3), since_january(4), -5, (), State.PARKED),
        (since_january(5), since_january(8), -5, (), State.PARKED),
        (since_january(3), since_january(8), None, (), State.PARKED),
        (since_january(3), since_january(8), -5, (march(1),), State.PARKED),
    ],
    ids=["room", "just enough", "nothing before", "not enough", "room before", "not refused", "ours"],
)
def test_room_that_was_made_for_a_refused_change_is_no_drift(
    before: Timeline, by_hand: Timeline, refusal: int | None, adjusted: tuple[date, ...], state: State
) -> None:
    """Units that would have fallen below zero do not any more: on a line with nothing of ours that is a first sight, and it goes on."""
    line = left(
        before,
        refusal=Refusal(TODAY, refusal, "below zero", NOW) if refusal else None,
        adjusted=adjusted,
        first_held=before,
    )
    step = next_step(
        view(demand(since_january(1), start=march(20)), held={45: on_contract(by_hand)}, lines=(line,))
    )
    after = line_of(step)
    if state is State.PARKED:
        assert parked(step)[0] == "drift"
        assert (after.baseline, after.first_held) == (before, before)
    else:
        assert after.parked is None
        assert (after.baseline, after.first_held) == (by_hand, by_hand)


def test_offsets_add_up() -> None:
    """A second adopted edit comes on top of the first."""
    line = left(since_january(30), offset=since_january(5), choice=Choice.ADOPT)
    step = next_step(view(demand(LEVEL), held={45: on_contract(since_january(32))}, lines=(line,)))
    assert line_of(step).offset == since_january(7)


def test_an_offset_is_kept_on_top_of_what_timus_says() -> None:
    """Three more seats at Timus are three more in Autotask, whatever a person put on top."""
    line = left(since_january(30), offset=since_january(5))
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(30))}, lines=(line,)))
    assert step.post is not None
    assert step.post.desired == since_january(30, (TODAY, 33))
    assert step.post.scheduled == ((TODAY, 3),)


def test_units_are_never_below_zero() -> None:
    """A person's reduction that is larger than what Timus says leaves nothing, not less."""
    line = left(NOTHING, offset=since_january(-30), desired=LEVEL)
    step = next_step(view(demand(LEVEL), held={45: on_contract(NOTHING)}, lines=(line,)))
    assert line_of(step).desired == NOTHING
    assert step.post is None


def test_a_used_word_on_a_line_that_did_not_drift_is_forgotten() -> None:
    """It was for what was shown, and that is over."""
    step = next_step(view(demand(LEVEL), lines=(left(LEVEL, choice=Choice.ENFORCE),)))
    assert line_of(step).choice is None


def test_a_service_that_is_on_the_contract_twice_is_parked() -> None:
    """Nobody can tell which of them to change."""
    step = next_step(view(demand(MORE), held={45: on_contract(LEVEL, 1201, 1202)}, lines=(left(LEVEL),)))
    assert parked(step) == ("line-duplicated", facts())
    assert line_of(step).contract_service_id == 1201
    assert (step.post, step.due_at) == (None, NOW + RECHECK)


def test_a_line_is_named_by_what_autotask_has_now() -> None:
    """When somebody removed a line and added it again, ours follows; without one the last known stays."""
    renamed = next_step(view(demand(LEVEL), held={45: on_contract(LEVEL, 1300)}, lines=(left(LEVEL),)))
    assert line_of(renamed).contract_service_id == 1300
    gone = next_step(view(demand(NOTHING), held={}, lines=(left(NOTHING),)))
    assert gone == Step()


# -- Without a subscription, after the end


def test_units_that_nobody_maps_to_any_more_are_for_a_person() -> None:
    """They may be another supplier's by now; only a word ends this, so it is not looked at again."""
    step = next_step(view(lines=(left(LEVEL),)))
    assert parked(step) == ("no-subscription", facts(desired=0))
    assert line_of(step).sources == ((CUSTOMER, "SKU-45"),)
    assert step.due_at is None


def test_a_line_that_nobody_maps_to_and_that_holds_nothing_is_at_rest() -> None:
    """Nothing is billed there."""
    ended = since_january(25, (TODAY, 0))
    step = next_step(view(held={45: on_contract(ended)}, lines=(left(ended, state=State.PENDING),)))
    assert line_of(step).state is State.APPLIED


def test_a_line_without_any_source_has_no_customer() -> None:
    """The facts are there all the same."""
    step = next_step(view(lines=(left(LEVEL, sources=()),)))
    assert parked(step) == ("no-subscription", {**facts(desired=0), "customer": ""})


ENDED = replace(CONTRACT, end=march(10))


@pytest.mark.parametrize(
    ("end", "units", "told"),
    [
        (march(10), LEVEL, 25),
        (march(14), LEVEL, 25),
        (march(10), since_january(25, (march(11), 28)), 28),
        (march(10), since_january(25, (march(10), 28), (march(11), 0), (TODAY, 4)), 4),
        (march(10), since_january(25, (march(10), 0), (march(12), 7), (march(13), 8)), 7),
        (march(10), since_january(25, (march(11), 0)), None),
        (march(10), since_january(25, (march(11), 0), (march(16), 4)), None),
        (TODAY, LEVEL, None),
    ],
)
def test_units_after_the_contracts_end_are_parked(end: date, units: Timeline, told: int | None) -> None:
    """Nothing bills them, so a person has to extend the contract; an end needs nothing, and what lies ahead waits."""
    held = {45: on_contract(units)}
    line = left(units, state=State.PENDING)
    step = next_step(view(demand(units), held=held, contract=replace(CONTRACT, end=end), lines=(line,)))
    if told is None:
        assert line_of(step).state is State.APPLIED
    else:
        now = units.at(TODAY)
        wanted = facts(now, now, now, contract_end=end.isoformat(), units=told)
        assert parked(step) == ("contract-ended", wanted)
        assert step.due_at == NOW + RECHECK


@pytest.mark.parametrize(("parked_minutes", "minutes"), [(0, 15), (60, 15), (100, 25), (240, 60), (6000, 60)])
def test_what_stays_parked_is_looked_at_less_often(parked_minutes: int, minutes: int) -> None:
    """After a quarter of the time that it has been parked for this reason, at least 15 minutes and at most an hour."""
    first = next_step(view(demand(LEVEL), contract=None))
    line = replace(line_of(first), since=NOW - timedelta(minutes=parked_minutes))
    step = next_step(view(demand(LEVEL), contract=None, lines=(line,)))
    assert step.due_at == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("units", "due"),
    [
        (LEVEL, midnight(march(21))),
        (since_january(25, (march(21), 0)), midnight(march(21))),
        (since_january(25, (march(10), 0)), None),
        (since_january(25, (march(10), 0), (march(25), 3)), midnight(march(25))),
    ],
)
def test_a_contract_is_looked_at_when_it_has_ended(units: Timeline, due: datetime | None) -> None:
    """On the day after its last one, where anything is wanted then; the last day itself has nothing to tell."""
    step = next_step(
        view(demand(units), held={45: on_contract(units)}, contract=replace(CONTRACT, end=march(20)))
    )
    assert step.due_at == due


def test_on_its_last_day_a_contract_is_due_at_midnight() -> None:
    """And the day after it is not due for that any more."""
    today = replace(CONTRACT, end=TODAY)
    assert next_step(view(demand(LEVEL), contract=today)).due_at == midnight(march(16))
    for later, due in (((), None), (((march(17), 3),), midnight(march(17)))):
        units = since_january(25, (TODAY, 0), *later)
        step = next_step(view(demand(units), held={45: on_contract(units)}, contract=today))
        assert step.due_at == due


def test_a_contract_that_ended_still_takes_what_belongs_before_its_end() -> None:
    """A late change of a day that the contract covers is posted on that day."""
    step = next_step(view(demand(since_january(25, (march(9), 28))), contract=ENDED))
    assert step.post is not None
    assert step.post.scheduled == ((march(9), 3),)


def test_a_cancellation_after_the_contracts_end_keeps_nothing_down() -> None:
    """What the contract bills until then is posted as any change."""
    step = next_step(view(demand(since_january(25, (TODAY, 28), (date(2027, 1, 5), 0)))))
    assert step.post is not None
    assert step.post.scheduled == ((TODAY, 3),)


# -- Days


def test_a_day_that_carries_an_adjustment_of_ours_is_not_used_again() -> None:
    """The next change goes to the next free day, or to the same where the partner wants that."""
    line = left(LEVEL, adjusted=(TODAY, march(16)))
    assert line_of(next_step(view(demand(MORE), lines=(line,)))).scheduled == ((march(17), 3),)
    same = next_step(view(demand(MORE), lines=(line,), policy=Policy(same_day=SameDay.ATTEMPT)))
    assert same.post is not None
    assert same.post.scheduled == ((TODAY, 3),)


POSTED = ((march(1), march(15)), (march(16), march(31)))


def test_a_posted_stretch_moves_a_change_behind_it() -> None:
    """To the first day that is not approved and posted, which may be taken itself."""
    held = {45: on_contract(LEVEL, closed=POSTED)}
    line = left(LEVEL, adjusted=(date(2026, 4, 1),))
    assert line_of(next_step(view(demand(MORE), held=held))).scheduled == ((date(2026, 4, 1), 3),)
    step = next_step(view(demand(MORE), held=held, lines=(line,)))
    assert line_of(step).scheduled == ((date(2026, 4, 2), 3),)
    early = next_step(view(demand(since_january(25, (date(2026, 2, 28), 28))), held=held))
    assert early.post is not None
    assert early.post.scheduled == ((date(2026, 2, 28), 3),)


def test_a_posted_stretch_does_not_matter_where_the_partner_says_so() -> None:
    """The change is dated on its own day."""
    held = {45: on_contract(LEVEL, closed=POSTED)}
    step = next_step(view(demand(MORE), held=held, policy=Policy(posted_period=PostedPeriod.SAME_DAY)))
    assert step.post is not None
    assert step.post.scheduled == ((TODAY, 3),)


def test_nothing_is_dated_outside_of_the_contract() -> None:
    """Never before its first day, and on its last one still."""
    early = demand(steps((date(2025, 6, 1), 28)), start=date(2025, 6, 1))
    first = next_step(view(early, held={45: on_contract(LEVEL)}))
    assert first.post is not None
    assert first.post.scheduled == ((CONTRACT.start, 3),)
    late = next_step(view(demand(since_january(25, (CONTRACT.end, 28)))))
    assert line_of(late).scheduled == ((CONTRACT.end, 3),)
    full = next_step(
        view(demand(since_january(25, (CONTRACT.end, 28))), lines=(left(LEVEL, adjusted=(CONTRACT.end,)),))
    )
    assert line_of(full).scheduled == ()


def test_days_before_timus_told_anything_are_left_alone() -> None:
    """The line is ours to judge from the first day that we were told about."""
    told = demand(steps((march(10), 28)), start=march(10))
    step = next_step(view(told))
    assert step.post is not None
    assert step.post.scheduled == ((march(10), 3),)


# -- A person's word


def held_back(policy: Policy, **more: object) -> tuple[str, dict[str, int | str]] | None:
    """Why three more seats wait, or None if they are posted."""
    partner = more.pop("partner", None)
    given = view(demand(MORE), policy=policy, partner=partner, **more)  # type: ignore[arg-type]
    step = next_step(replace(given, lines=given.lines or {SEATS: left(LEVEL)}))
    if step.post is not None:
        return None
    assert step.due_at == END, "only a person's word ends this"
    return parked(step)


WANTED: dict[str, Any] = {"delta": 3, "day": "2026-03-15"}


@pytest.mark.parametrize(
    ("policy", "code", "more"),
    [
        (Policy(paused=True), "paused", {}),
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
    assert next_step(begun).post is not None
    there = replace(new, held={45: on_contract(NOTHING)})
    assert next_step(there).post is not None


def test_the_limits_of_a_day_count_what_was_posted_today() -> None:
    """The customer's own count against its limit, everybody's against the partner's; yesterday's against none."""
    moved = Moved(TODAY, {CUSTOMER: 4, "cus_2": 5})
    own = ("held-over-day-limit", facts(**WANTED, limit=6))
    assert held_back(Policy(customer_day_limit=7), moved=moved) is None
    assert held_back(Policy(customer_day_limit=6), moved=moved) == own
    assert held_back(Policy(customer_day_limit=6), moved=replace(moved, day=march(14))) is None
    partner = ("held-over-day-limit", facts(**WANTED, limit=11))
    assert held_back(Policy(), partner=Policy(partner_day_limit=12), moved=moved) is None
    assert held_back(Policy(), partner=Policy(partner_day_limit=11), moved=moved) == partner
    both = held_back(Policy(customer_day_limit=6), partner=Policy(partner_day_limit=11), moved=moved)
    assert both == own
    other = Moved(TODAY, {"cus_2": 5})
    assert held_back(Policy(customer_day_limit=3), moved=other) is None


@pytest.mark.parametrize(
    ("code", "more", "policy", "partner", "holds"),
    [
        ("held-over-day-limit", {"limit": 3}, Policy(customer_day_limit=3), Policy(), 3),
        ("held-over-day-limit", {"limit": 4}, Policy(), Policy(partner_day_limit=4), 4),
        (
            "held-over-day-limit",
            {"limit": 3},
            Policy(customer_day_limit=4),
            Policy(partner_day_limit=5),
            None,
        ),
        ("held-over-day-limit", {"limit": 3, "delta": 2}, Policy(customer_day_limit=3), Policy(), None),
        (
            "held-over-day-limit",
            {"limit": 3, "day": "2026-03-14"},
            Policy(customer_day_limit=3),
            Policy(),
            None,
        ),
        ("held-over-limit", {"limit": 3}, Policy(customer_day_limit=3), Policy(), None),
    ],
    ids=["the customer's", "the partner's", "another limit", "another size", "another day", "another reason"],
)
def test_what_a_days_limit_held_waits_for_a_person(
    code: str, more: dict[str, int | str], policy: Policy, partner: Policy, holds: int | None
) -> None:
    """The very same change under the very same limit is not let through by the next day, on which nothing was moved yet."""
    line = left(LEVEL, state=State.PARKED, parked=Parked(code, facts(**{**WANTED, **more})))
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
    assert step.post is None
    wanted = facts(held=24, left=24, desired=29, delta=25, day="2026-03-10", **limit)
    assert parked(step) == (code, wanted)
    assert line_of(step).scheduled == ((march(5), -20), (march(10), 25))
    step = one_of_two(policy, FELL_LATER, Approved(march(10), 25))
    assert step.post is not None
    assert step.post.intent is not None
    assert (step.post.intent.day, step.post.intent.delta) == (march(5), -20)


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
    assert one_of_two(policy).post is not None


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
    assert (step.post is None) is waits


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
    assert (step.post is not None) is posts


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
    assert step.post is not None
    assert step.post.key == PLUS


def test_a_later_part_of_a_held_line_is_not_posted_before_the_first() -> None:
    """A line's changes go out in order."""
    units = since_january(25, (march(10), 50), (march(12), 51))
    step = next_step(view(demand(units), policy=Policy(line_limit=10)))
    assert (step.post, parked(step)[0]) == (None, "held-over-limit")


def test_whose_terms_hold_for_a_line() -> None:
    """The customer's; the partner's where several customers share the line and differ."""
    own, other, partner = Policy(line_limit=1), Policy(line_limit=2), Policy(line_limit=3)
    shared = replace(demand(LEVEL), sources=(Source("a", "X", LEVEL), Source("b", "X", LEVEL)))
    assert policy_of(demand(LEVEL), {CUSTOMER: own, "": partner}) == own
    assert policy_of(shared, {"a": own, "b": own, "": partner}) == own
    assert policy_of(shared, {"a": own, "b": other, "": partner}) == partner
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
    assert policy_of(shared, policies) == replace(partner, paused=of_a or of_partner)


def test_without_any_terms_nothing_is_limited() -> None:
    """The partner's own terms may be missing."""
    assert next_step(replace(view(demand(MORE)), policies={})).post is not None


def test_what_was_moved_counts_for_its_day_and_its_first_customer() -> None:
    """The size of a change counts, whatever its direction; another day starts anew."""
    moved = Moved().plus(TODAY, ["a", "b"], 3).plus(TODAY, ["a"], -2).plus(TODAY, [], 4)
    assert moved == Moved(TODAY, {"a": 5, "": 4})
    assert moved.on(TODAY) == {"a": 5, "": 4}
    assert moved.on(march(16)) == {}
    assert moved.plus(march(16), ["b"], 1) == Moved(march(16), {"b": 1})


# -- Plan changes

GONE, COME = since_january(25, (TODAY, 0)), steps((TODAY, 25))
CHANGE = Link(TODAY, SEATS, PLUS)


def change(**more: object) -> View:
    """25 seats leave one plan for another today; the first is on the contract, the second is new."""
    given = {"held": {45: on_contract(LEVEL)}, "links": (CHANGE,), **more}
    return view(demand(GONE), demand(COME, PLUS), **given)  # type: ignore[arg-type]


def test_a_plan_change_comes_down_first() -> None:
    """The increase waits for the decrease to be in Autotask, and is not parked meanwhile."""
    step = next_step(change())
    assert step.post is not None
    assert (step.post.key, step.post.scheduled) == (SEATS, ((TODAY, -25),))
    assert (line_of(step, PLUS).state, line_of(step, PLUS).parked) == (State.PENDING, None)
    down = next_step(change(held={45: on_contract(GONE)}, lines=(left(GONE, adjusted=(TODAY,)),)))
    assert down.post is not None
    assert (down.post.key, down.post.scheduled) == (PLUS, ((TODAY, 25),))


def test_a_refused_decrease_keeps_the_increase_waiting() -> None:
    """Never both plans: the new one waits, and says for what."""
    line = left(LEVEL, refusal=Refusal(TODAY, -25, "no", NOW + timedelta(hours=1)))
    step = next_step(change(lines=(line,)))
    assert parked(step)[0] == "refused"
    assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))
    assert step.post is None
    assert step.due_at == NOW + RECHECK


def test_an_open_decrease_keeps_the_increase_settling() -> None:
    """Its outcome decides; both are due at the same moment."""
    line = left(LEVEL, intent=intent(delta=-25))
    step = next_step(change(lines=(line,)))
    assert [line_of(step, key).state for key in (SEATS, PLUS)] == [State.SETTLING] * 2
    assert step.due_at == NOW + timedelta(minutes=10)
    assert step.post is None


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
    assert (step.post, after.state, after.scheduled) == (None, State.SETTLING, ((march(10), -5),))
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
        assert step.post is None
        assert parked(step, PLUS)[0] == "waits-for-decrease"
        return
    assert step.post is not None
    assert step.post.key == PLUS
    assert step.post.intent is not None
    assert (step.post.intent.day, step.post.intent.delta) == (march(10), -5)


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
    assert step.post is not None
    assert step.post.key == PLUS


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
    assert (step.post, step.due_at) == (None, END)


def test_a_held_new_side_does_not_touch_what_is_not_its_change() -> None:
    """An old line that only rises, or whose fall lies ahead, goes on; and so does one whose new side is level."""
    policy = Policy(approve_new_lines=True)
    rising = change(policy=policy)
    rising = replace(
        rising, desired=Desired({**rising.desired.demands, SEATS: demand(MORE)}, rising.desired.links)
    )
    step = next_step(rising)
    assert step.post is not None
    assert step.post.key == SEATS
    ahead = view(
        demand(since_january(25, (TODAY, 27), (march(20), 0))),
        demand(steps((TODAY, 1), (march(20), 25)), PLUS),
        links=(Link(march(20), SEATS, PLUS),),
        policy=policy,
    )
    step = next_step(ahead)
    assert step.post is not None
    assert step.post.key == SEATS


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
    assert step.post is not None
    assert step.post.key == SEATS


def test_a_new_side_that_is_parked_for_another_reason_does_not_hold_the_old_one() -> None:
    """Only the partner's own terms hold a plan change as a whole."""
    refusal = Refusal(TODAY, 25, "no", NOW + timedelta(hours=1))
    line = left(NOTHING, PLUS, contract_service_id=None, refusal=refusal)
    step = next_step(change(lines=(left(LEVEL), line)))
    assert parked(step, PLUS)[0] == "refused"
    assert step.post is not None
    assert step.post.key == SEATS


def test_a_link_to_a_line_that_is_not_here_holds_nothing() -> None:
    """Plan changes of other contracts are among the links too."""
    links = (Link(TODAY, THERE, LineKey(2, 46)), Link(TODAY, SEATS, THERE))
    assert next_step(view(demand(MORE), links=links)).post is not None


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
    assert step.post is not None
    assert step.post.scheduled == ((TODAY, 25),)
    for unknown in (
        None,
        left(LEVEL, THERE),
        replace(gone, intent=intent()),
        replace(gone, baseline=None),
    ):
        step = next_step(moving(unknown))
        assert parked(step, PLUS) == ("waits-for-decrease", facts(0, 0, 25, service=46, down=45))
        assert step.due_at == NOW + RECHECK


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


def test_what_a_person_keeps_on_the_other_contract_holds_up_nothing() -> None:
    """Someone's two units stay there after the seats have gone; with three there, one seat has not gone yet."""
    two = since_january(2)
    kept = left(GONE.plus(two), THERE, offset=two)
    step = next_step(moving(kept))
    assert step.post is not None
    assert step.post.scheduled == ((TODAY, 25),)
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
    assert step.post is None
    assert line_of(step, PLUS).state is State.SETTLING
    assert step.due_at == NOW + SETTLE


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
    assert step.post is None
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
    assert step.post is not None
    assert (step.post.key, step.post.scheduled) == (PLUS, ((march(14), 3),))


def test_a_plan_that_comes_in_place_of_one_without_a_service_waits() -> None:
    """Autotask may bill the old one where we cannot see it: the line is parked with the old plan's SKU, and looked at again."""
    other = Unplaced(TODAY, "OTHER", LineKey(1, 47))
    new = view(demand(COME, PLUS), held={}, unplaced=(other, Unplaced(TODAY, "ADV", PLUS)))
    step = next_step(new)
    assert parked(step, PLUS) == ("old-plan-unmapped", facts(0, 0, 25, service=46, sku="ADV"))
    assert (step.post, step.due_at) == (None, NOW + RECHECK)


def test_a_plan_without_a_service_holds_up_only_what_came_in_its_place() -> None:
    """Neither another line, nor what is of an earlier day, nor a later rise of a line that went up before."""
    elsewhere = view(demand(MORE), unplaced=(Unplaced(TODAY, "ADV", PLUS),))
    assert next_step(elsewhere).post is not None
    before = view(demand(MORE), unplaced=(Unplaced(march(16), "ADV", SEATS),))
    assert next_step(before).post is not None
    after = view(demand(MORE), unplaced=(Unplaced(march(14), "ADV", SEATS),))
    assert next_step(after).post is not None


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
    assert step.post is not None
    assert step.post.key == third


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
    assert step.post is not None
    assert step.post.key == PLUS


def test_everything_that_settled_is_in_the_journal() -> None:
    """Two lines whose posts were answered are two lines of it."""
    step = next_step(
        view(
            demand(MORE),
            demand(MORE, PLUS),
            held={45: on_contract(MORE), 46: on_contract(MORE, 1202)},
            lines=(
                left(LEVEL, intent=intent(Answer.ACCEPTED)),
                left(LEVEL, PLUS, intent=intent(Answer.ACCEPTED, day=TODAY)),
            ),
        )
    )
    assert [change.line for change in step.journal] == [SEATS, PLUS]


def test_a_parked_line_says_since_when() -> None:
    """From the moment at which it was parked."""
    step = next_step(view(demand(MORE), held={45: on_contract(since_january(30))}, lines=(left(LEVEL),)))
    assert line_of(step).since == NOW


def test_an_old_refusal_does_not_postpone_another_reason() -> None:
    """A line that drifted is looked at again soon, whatever was refused before."""
    refusal = Refusal(TODAY, 3, "no", NOW + timedelta(hours=5))
    drifted = {45: on_contract(since_january(30))}
    step = next_step(view(demand(MORE), held=drifted, lines=(left(LEVEL, refusal=refusal),)))
    assert step.due_at == NOW + RECHECK


# -- All together

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
                held={service: on_contract(units) for service, units in holds.items()},
                lines=lines,
                today=today,
                now=midnight(today),
                alive_until=midnight(today),
            )
        )
        lines |= {line.key: line for line in step.lines}
        if step.post is not None:
            intent = step.post.intent
            assert intent is not None
            assert intent.day <= today
            service = step.post.service_id
            holds[service] = holds[service].add_from(intent.day, intent.delta)
            lines[step.post.key] = replace(step.post, intent=replace(intent, answer=Answer.ACCEPTED))
            posts += 1
        elif today > TODAY + timedelta(days=45):
            break
        else:
            today += ONE_DAY
    for day in (TODAY + timedelta(days=n) for n in range(45, 60)):
        assert (holds[45].at(day), holds[46].at(day)) == (seats.at(day), plus.at(day))
    assert {line.state for line in lines.values()} <= {State.APPLIED}
    assert all(len(line.adjusted) == len(set(line.adjusted)) for line in lines.values())
