"""What the contract itself allows, and what a renewed term does to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.domain.converge.views import (
    CONTRACT,
    CUSTOMER,
    LEVEL,
    MORE,
    NOW,
    ONE_DAY,
    PLUS,
    THERE,
    demand,
    facts,
    intent,
    left,
    line_of,
    on_contract,
    parked,
    since_january,
    view,
)
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.next_step import RECHECK, next_step
from timus_autotask.domain.converge.view import Step
from timus_autotask.domain.desired import Source
from timus_autotask.domain.line import (
    Answer,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import (
    BillingSchedule,
    Policy,
    Renewal,
)
from timus_autotask.domain.provisioning import successor

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
    assert (step.adjust, step.journal, step.renewed) == (None, (), None)
    assert step.due_at == NOW + RECHECK


def test_the_company_of_another_contract_does_not_matter_here() -> None:
    """A customer may be split over contracts of several companies; each is held to its own."""
    step = next_step(view(demand(MORE), demand(LEVEL, THERE, company=999)))
    assert step.adjust is not None


def test_of_several_wrong_companies_the_smallest_is_told() -> None:
    """The reason is the same at every look, and names the customer who is mapped like that."""
    companies = ((600, "cus_0"), (650, "cus_9"), (700, CUSTOMER))
    step = next_step(view(replace(demand(MORE), companies=companies)))
    assert parked(step) == (
        "contract-of-another-company",
        facts(left=0, company=650, actual_company=600, customer="cus_9"),
    )


def test_a_customer_of_another_company_does_not_stop_the_lines_of_others() -> None:
    """Its own lines are parked, and so is a line that it shares, of which nobody can tell whose seats it has. Others go on."""
    third = LineKey(1, 47)
    step = next_step(
        view(
            replace(demand(MORE), companies=((600, CUSTOMER), (650, "cus_9"))),
            demand(MORE, PLUS, company=700),
            demand(MORE, third),
            held=dict.fromkeys((45, 46, 47), on_contract(LEVEL)),
        )
    )
    assert parked(step)[0] == parked(step, PLUS)[0] == "contract-of-another-company"
    assert step.adjust is not None
    assert step.adjust.key == third


def test_nothing_is_settled_of_a_line_of_another_company() -> None:
    """Neither what was sent, nor what somebody changed: the contract is not that customer's."""
    wrong = replace(demand(MORE), companies=((650, CUSTOMER),))
    for line in (left(LEVEL, intent=intent(Answer.NOT_APPLIED)), left(LEVEL)):
        step = next_step(view(wrong, held={45: on_contract(since_january(30))}, lines=(line,)))
        assert parked(step)[0] == "contract-of-another-company"
        assert (line_of(step).intent, line_of(step).observed, step.journal) == (line.intent, None, ())


def test_the_renewed_term_of_a_customer_of_another_company_is_not_followed() -> None:
    """Neither is the contract extended for it, nor is a new one opened."""
    wrong = demand(LEVEL, company=601, renewed_until=date(2027, 12, 31))
    assert next_step(view(wrong)).extend is None
    assert next_step(view(wrong, policy=Policy(renewal=Renewal.NEW_CONTRACT))).successor is None


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


def test_a_line_that_nobody_subscribes_to_renews_nothing() -> None:
    """Whatever the partner's terms ask for."""
    for renewal in Renewal:
        step = next_step(view(lines=(left(LEVEL),), partner=Policy(renewal=renewal)))
        assert (step.extend, step.successor, step.renewed) == (None, None, None)


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
    assert step.adjust is not None
    assert step.extend is None
    covered = view(demand(LEVEL, renewed_until=CONTRACT.end), policy=terms)
    assert next_step(covered).successor is None
    assert next_step(view(demand(LEVEL), policy=terms)).successor is None
    assert next_step(replace(asked, contract=None)).successor is None
