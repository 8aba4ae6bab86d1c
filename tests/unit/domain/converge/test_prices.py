"""The unit price is a part of the decision: it is chosen from what was read, shown, approved as shown, and sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
    CUSTOMER,
    LEVEL,
    MORE,
    NOW,
    PLUS,
    SEATS,
    TODAY,
    demand,
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
from timus_autotask.domain.approval import approve, reject
from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Step, View
from timus_autotask.domain.desired import Source
from timus_autotask.domain.line import Answer, Approved, Line, Refusal
from timus_autotask.domain.policy import Approval, Policy
from timus_autotask.domain.price import ObservedPrice, PriceChange
from timus_autotask.domain.timeline import NOTHING

TERMS = Policy(prices={"SKU-45": "15.00"})
HELD = replace(TERMS, approve_increases=Approval(0))
CATALOGUE = Decimal("12.50")
AS_LISTED = {45: ObservedPrice(CATALOGUE, catalogue=CATALOGUE)}
UP = PriceChange("15.00", "12.50")


def seen(policy: Policy = TERMS, line: Line | None = None, **more: Any) -> View:
    """Three more seats on a line, on terms that set their price."""
    return view(demand(MORE), lines=(line or left(LEVEL),), policy=policy, **more)


def sent(step: Step) -> tuple[str | None, str | None]:
    """The price that goes out, and the one that it replaces."""
    assert step.adjust is not None
    assert step.adjust.intent is not None
    return step.adjust.intent.price, step.adjust.intent.price_before


# -- What is read


def test_prices_are_asked_for_before_anything_is_decided() -> None:
    """Nothing else is in that step: it is made anew once they are read."""
    assert next_step(seen()) == Step(ask_prices={45: 1201})


@pytest.mark.parametrize(
    "policy",
    [Policy(), Policy(prices={"SKU-46": "15.00"})],
    ids=["no prices", "another SKU's"],
)
def test_without_a_price_in_the_terms_none_is_read(policy: Policy) -> None:
    """Each read costs calls to Autotask."""
    step = next_step(seen(policy))
    assert step.ask_prices == {}
    assert sent(step) == (None, None)


@pytest.mark.parametrize(
    "more",
    [
        {"line": left(LEVEL, intent=intent())},
        {"held": {45: on_contract(MORE)}},
        {"held": {45: on_contract(since_january(30))}},
    ],
    ids=["settling", "level", "drifted"],
)
def test_where_nothing_is_planned_no_price_is_read(more: dict[str, Any]) -> None:
    """A price goes out with an adjustment, and never alone."""
    assert next_step(seen(**more)).ask_prices == {}


def test_what_is_made_on_a_later_day_shows_its_price_before() -> None:
    """Nothing goes out that nobody could see; without a price in the terms nothing is read for it either."""
    later: dict[str, Any] = {"held": {45: on_contract(LEVEL, closed=((march(1), march(31)),))}}
    assert next_step(seen(**later)).ask_prices == {45: 1201}
    assert next_step(seen(Policy(), **later)).ask_prices == {}
    line = line_of(next_step(seen(prices=AS_LISTED, **later)))
    assert (line.scheduled, line.scheduled_price) == (((date(2026, 4, 1), 3),), UP)


def test_only_what_is_not_read_yet_is_asked_for() -> None:
    """Of every line that is due, whether it is held or goes."""
    policy = replace(TERMS, prices={"SKU-45": "15", "SKU-46": "16"}, line_limit=3)
    both = view(
        demand(MORE),
        demand(since_january(25, (TODAY, 99)), PLUS),
        held={45: on_contract(LEVEL), 46: on_contract(LEVEL, 1202)},
        lines=(left(LEVEL), left(LEVEL, PLUS, contract_service_id=None)),
        policy=policy,
    )
    assert next_step(both).ask_prices == {45: 1201, 46: 1202}
    assert next_step(replace(both, prices=AS_LISTED)).ask_prices == {46: 1202}


def test_a_new_service_has_a_price_to_read_only_where_the_contract_renews_another() -> None:
    """There a price that was set by hand moves along, also on terms that set none."""
    for policy in (TERMS, Policy()):
        fresh = seen(policy, Line(1, 45), held={})
        assert next_step(fresh).ask_prices == {}
        assert next_step(replace(fresh, renews=7)).ask_prices == {45: None}


# -- What goes out


def test_the_price_goes_out_with_the_adjustment() -> None:
    """With the one that it replaces, for the journal."""
    assert sent(next_step(seen(prices=AS_LISTED))) == ("15.00", "12.50")


def test_what_was_sent_is_journalled() -> None:
    """Old and new; and it is what we sent last from then on."""
    step = next_step(seen(prices=AS_LISTED))
    assert step.adjust is not None
    assert step.adjust.intent is not None
    landed = replace(step.adjust, intent=replace(step.adjust.intent, answer=Answer.ACCEPTED))
    after = next_step(seen(line=landed, held={45: on_contract(MORE)}))
    assert [entry.price for entry in after.journal] == [UP]
    assert line_of(after).price == "15.00"


def test_a_price_that_was_set_by_hand_stays() -> None:
    """The units change, the price does not."""
    by_hand = {45: ObservedPrice(Decimal("9.90"), catalogue=CATALOGUE)}
    assert sent(next_step(seen(prices=by_hand))) == (None, None)


def test_a_price_of_ours_gives_way() -> None:
    """Whatever the catalogue says."""
    ours = {45: ObservedPrice(Decimal(11), sent=Decimal(11))}
    assert sent(next_step(seen(prices=ours))) == ("15.00", "11.00")


def test_a_new_service_begins_with_the_price_of_the_terms() -> None:
    """There is none to replace."""
    assert sent(next_step(seen(line=Line(1, 45), held={}))) == ("15.00", None)


@pytest.mark.parametrize("policy", [TERMS, Policy()])
def test_on_a_renewed_contract_a_price_of_a_persons_moves_along(policy: Policy) -> None:
    """It goes before the terms."""
    old = {45: ObservedPrice(Decimal("9.90"), catalogue=CATALOGUE)}
    step = next_step(seen(policy, Line(1, 45), held={}, renews=7, prices=old))
    assert sent(step) == ("9.90", None)


def test_of_several_skus_of_a_customer_on_a_line_the_first_price_counts() -> None:
    """In the order of SKUs."""
    sources = (Source(CUSTOMER, "SKU-1", MORE), Source(CUSTOMER, "SKU-45", MORE))
    seen_ = replace(seen(), desired=view(demand(MORE, sources=sources)).desired)
    policies = {**seen_.policies, CUSTOMER: Policy(prices={"SKU-1": "14", "SKU-45": "15"})}
    assert sent(next_step(replace(seen_, policies=policies, prices=AS_LISTED))) == ("14.00", "12.50")


@pytest.mark.parametrize(
    ("other", "goes"), [("15.00", ("15.00", "12.50")), ("14", (None, None)), (None, (None, None))]
)
def test_a_line_that_several_share_gets_the_price_that_all_of_them_have(
    other: str | None, goes: tuple[str | None, str | None]
) -> None:
    """A line has one price: what is agreed with one customer is not billed to another."""
    sources = (Source("cus_0", "SKU-1", MORE), Source(CUSTOMER, "SKU-45", MORE))
    shared = replace(seen(), desired=view(demand(MORE, sources=sources)).desired)
    theirs = Policy(prices={"SKU-1": other} if other else {})
    shared = replace(shared, policies={**shared.policies, "cus_0": theirs})
    assert sent(next_step(replace(shared, prices=AS_LISTED))) == goes


# -- What is held and approved


def test_a_held_change_names_its_price() -> None:
    """Units and price, old and new, in what awaits approval and in what people read."""
    step = next_step(seen(HELD, prices=AS_LISTED))
    line = line_of(step)
    assert line.awaiting is not None
    assert line.awaiting.price == UP
    assert line.parked is not None
    assert (
        line.parked.message
        == "A change of +3 on 2026-03-15 at a unit price of 12.50 → 15.00 awaits approval."
    )


def test_without_a_price_nothing_is_said_of_one() -> None:
    """As ever."""
    line = line_of(next_step(seen(Policy(approve_increases=Approval(0)))))
    assert line.parked is not None
    assert line.parked.message == "A change of +3 on 2026-03-15 awaits approval."


def test_what_was_approved_goes_with_the_price_that_was_shown() -> None:
    """Exactly that."""
    line = approve(line_of(next_step(seen(HELD, prices=AS_LISTED))), "sam")
    assert line.approved == (Approved(TODAY, 3, "sam", UP),)
    assert sent(next_step(seen(HELD, line, prices=AS_LISTED))) == ("15.00", "12.50")


@pytest.mark.parametrize(
    ("policy", "prices"),
    [
        (replace(HELD, prices={"SKU-45": "16"}), AS_LISTED),
        (replace(HELD, prices={}), AS_LISTED),
        (HELD, {45: ObservedPrice(Decimal("9.90"), catalogue=CATALOGUE)}),
        (HELD, {45: ObservedPrice(Decimal(13), catalogue=Decimal(13))}),
    ],
    ids=["another price", "none any more", "set by hand since", "another one to replace"],
)
def test_a_changed_price_asks_again(policy: Policy, prices: dict[int, ObservedPrice]) -> None:
    """An approval is for exactly what was shown."""
    line = approve(line_of(next_step(seen(HELD, prices=AS_LISTED))), "sam")
    step = next_step(seen(policy, line, prices=prices))
    assert step.adjust is None
    assert parked(step)[0] == "held-for-approval"


def test_who_approved_the_price_that_is_sent_is_named() -> None:
    """Not who approved the same seats at another price before."""
    anna = approve(line_of(next_step(seen(HELD, prices=AS_LISTED))), "anna")
    dearer = replace(HELD, prices={"SKU-45": "16"})
    held = line_of(next_step(seen(dearer, anna, prices=AS_LISTED)))
    assert held.approved == ()
    for line in (
        approve(held, "bert"),
        replace(approve(held, "bert"), approved=(*anna.approved, *approve(held, "bert").approved)),
    ):
        step = next_step(seen(dearer, line, prices=AS_LISTED))
        assert sent(step) == ("16.00", "12.50")
        assert step.adjust is not None
        assert step.adjust.intent is not None
        assert step.adjust.intent.by == "bert"
        landed = replace(step.adjust, intent=replace(step.adjust.intent, answer=Answer.ACCEPTED))
        after = next_step(seen(line=landed, held={45: on_contract(MORE)}))
        assert [entry.by for entry in after.journal] == ["bert"]


def test_an_approval_from_before_the_price_does_not_let_it_go() -> None:
    """Nobody has seen the price."""
    line = left(LEVEL, approved=(Approved(TODAY, 3, "pat"),))
    assert next_step(seen(HELD, line, prices=AS_LISTED)).adjust is None


def test_what_goes_after_the_first_finds_its_price_there() -> None:
    """Two changes that go together: the first carries the price, and the second is approved without one."""
    two = since_january(25, (march(5), 5), (march(10), 30), (march(12), 29))
    fell_later = since_january(25, (march(12), 24))
    policy = Policy(prices={"SKU-45": "15.00"}, approve_increases=Approval(0), approve_decreases=Approval(0))

    def look(*approved: Approved) -> Step:
        line = left(fell_later, adjusted=(march(12),), approved=approved)
        return next_step(
            view(
                demand(two),
                held={45: on_contract(fell_later)},
                lines=(line,),
                policy=policy,
                prices=AS_LISTED,
            )
        )

    first = line_of(look()).awaiting
    assert first is not None
    assert (first.day, first.delta, first.price) == (march(5), -20, UP)
    second = line_of(look(Approved(march(5), -20, "sam", UP))).awaiting
    assert second is not None
    assert (second.day, second.delta, second.price) == (march(10), 25, None)
    done = look(Approved(march(5), -20, "sam", UP), Approved(march(10), 25, "sam"))
    assert sent(done) == ("15.00", "12.50")


def test_a_rejected_change_names_its_price_too() -> None:
    """In its reason and in the journal."""
    line = line_of(next_step(seen(HELD, prices=AS_LISTED)))
    rejected, entry = reject(line, by="pat", at=NOW, reason="too dear", entry_id="c1")
    assert entry.price == UP
    assert rejected.parked is not None
    assert "+3 on 2026-03-15 at a unit price of 12.50 → 15.00 is set aside" in rejected.parked.message
    assert next_step(seen(HELD, rejected, prices=AS_LISTED)).lines == ()


def test_each_of_two_rejected_changes_says_the_price_at_which_it_would_go() -> None:
    """Whichever of them goes first sends it."""
    april = date(2026, 4, 1)
    told = demand(since_january(25, (TODAY, 28), (april, 30)))

    def look(line: Line, today: date) -> Line:
        return line_of(next_step(view(told, lines=(line,), policy=HELD, prices=AS_LISTED, today=today)))

    line = left(LEVEL)
    for today in (TODAY, april):
        line, _ = reject(look(line, today), by="pat", at=NOW, reason="too dear", entry_id="c1")
    aside = look(replace(line, set_aside=()), april).set_aside
    assert [(one.day, one.delta, one.price) for one in aside] == [(TODAY, 3, UP), (april, 2, UP)]


def test_a_rejected_change_says_at_which_price_it_would_go_by_now() -> None:
    """The terms have another one since."""
    line = line_of(next_step(seen(HELD, prices=AS_LISTED)))
    rejected, _ = reject(line, by="pat", at=NOW, reason="too dear", entry_id="c1")
    dearer = replace(HELD, prices={"SKU-45": "16.00"})
    after = line_of(next_step(seen(dearer, rejected, prices=AS_LISTED)))
    assert after.parked is not None
    assert (
        "approved now, it would be made on 2026-03-15 at a unit price of 12.50 → 16.00"
        in after.parked.message
    )


def test_a_refused_change_is_not_sent_again_for_its_price() -> None:
    """It waits as it would without one."""
    line = left(LEVEL, refusal=Refusal(TODAY, 3, "no", NOW.replace(year=2027)))
    step = next_step(seen(line=line, prices=AS_LISTED))
    assert parked(step)[0] == "refused"


def test_a_price_is_no_reason_to_adjust() -> None:
    """A level line keeps its price until its units change."""
    step = next_step(
        view(demand(LEVEL), lines=(left(LEVEL),), policy=TERMS, prices=AS_LISTED),
    )
    assert (step.adjust, step.lines) == (None, ())


def test_a_line_that_comes_back_keeps_its_line_on_the_contract() -> None:
    """One without unit rows is known by the id that we kept."""
    back = view(demand(steps((TODAY, 3))), held={}, lines=(left(NOTHING),), policy=TERMS)
    assert next_step(back).ask_prices == {45: 1201}
    assert [line.key for line in next_step(replace(back, prices=AS_LISTED)).lines] == [SEATS]
