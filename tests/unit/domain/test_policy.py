"""The partner's terms, one by one."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from timus_autotask.domain.policy import (
    Approval,
    BillingSchedule,
    EffectiveDay,
    OnDrift,
    Policy,
    PostedPeriod,
    Renewal,
    SameDay,
    shortfall,
    strictest,
    whose_are_strictest,
)

CHANGE, THIS, NEXT = EffectiveDay.CHANGE, EffectiveDay.THIS_PERIOD, EffectiveDay.NEXT_PERIOD


@pytest.mark.parametrize(
    ("approval", "delta", "units", "asks"),
    [
        (Approval(), 1000, 0, False),
        (Approval(above_units=0), 1, 25, True),
        (Approval(above_units=5), 5, 25, False),
        (Approval(above_units=5), 6, 25, True),
        (Approval(above_units=5), -6, 25, True),
        (Approval(above_percent=20), 5, 25, False),
        (Approval(above_percent=20), 6, 25, True),
        (Approval(above_percent=20), -6, 25, True),
        (Approval(above_percent=20), 1, 0, True),
        (Approval(above_percent=50), 50, 100, False),
        (Approval(above_percent=50), 51, 100, True),
        (Approval(above_units=5, above_percent=20), 6, 100, True),
        (Approval(above_units=30, above_percent=20), 21, 100, True),
        (Approval(above_units=30, above_percent=20), 20, 100, False),
    ],
)
def test_what_needs_a_persons_word(approval: Approval, delta: int, units: int, asks: bool) -> None:
    """A change that is larger than either limit, whatever its direction; a percentage is of what the line has."""
    assert approval.asks(delta, units) is asks


def test_each_direction_has_its_own_terms() -> None:
    """One more seat is an increase; what is none is held to the terms on decreases."""
    policy = Policy(
        increases=NEXT, approve_increases=Approval(above_units=1), approve_decreases=Approval(above_units=2)
    )
    assert [policy.effective_day(delta) for delta in (2, 1, 0, -1)] == [NEXT, NEXT, CHANGE, CHANGE]
    assert [policy.approval(delta).above_units for delta in (2, 1, 0, -1)] == [1, 1, 2, 2]


@pytest.mark.parametrize(
    ("day", "rule", "dated"),
    [
        (date(2026, 3, 20), CHANGE, date(2026, 3, 20)),
        (date(2026, 3, 20), THIS, date(2026, 3, 15)),
        (date(2026, 3, 20), NEXT, date(2026, 6, 15)),
        (date(2026, 3, 15), THIS, date(2026, 3, 15)),
        (date(2026, 3, 15), NEXT, date(2026, 3, 15)),
        (date(2026, 6, 14), NEXT, date(2026, 6, 15)),
        (date(2026, 3, 14), THIS, date(2026, 3, 14)),
        (date(2026, 3, 14), NEXT, date(2026, 3, 14)),
    ],
)
def test_the_day_of_a_change_by_each_rule(day: date, rule: EffectiveDay, dated: date) -> None:
    """Quarters from 15 March on; before the contract there are no periods."""
    assert BillingSchedule(date(2026, 3, 15), 3).dated(day, rule) == dated


@pytest.mark.parametrize(
    ("policy", "units", "billed"),
    [
        (Policy(), 3, 3),
        (Policy(), 0, 0),
        (Policy(), -1, 0),
        (Policy(included={"X": 5}), 3, 0),
        (Policy(included={"X": 5}), 8, 3),
        (Policy(included={"Y": 5}), 8, 8),
        (Policy(minimum={"X": 5}), 1, 5),
        (Policy(minimum={"X": 5}), 0, 0),
        (Policy(included={"X": 5}, minimum={"X": 2}), 6, 2),
        (Policy(excluded=("X",)), 9, 0),
    ],
)
def test_what_is_billed_of_a_quantity(policy: Policy, units: int, billed: int) -> None:
    """Included units off, a minimum as long as there is any unit, nothing of what is excluded."""
    assert policy.billable("X", units) == billed


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"line_limit": -1}, "line_limit must be 0 or more units, but is -1"),
        (
            {"decrease_wait": 1441},
            "decrease_wait must be 0 to 1440 minutes, but is 1441; 1440 is until the end of the day",
        ),
        ({"customer_day_limit": -1}, "customer_day_limit must be 0 or more units, but is -1"),
        ({"partner_day_limit": -2}, "partner_day_limit must be 0 or more units, but is -2"),
        ({"included": {"X": -1}}, "included of X must be 0 or more units, but is -1"),
        ({"minimum": {"X": -1}}, "minimum of X must be 0 or more units, but is -1"),
        ({"pooled_minimum": {"X": -1}}, "pooled_minimum of X must be 0 or more units, but is -1"),
        ({"contract_months": 2}, "contract_months must be 1, 3, 6 or 12, but is 2"),
        (
            {"contract_billing_day": 29},
            "contract_billing_day must be 1 to 28, which every month has, but is 29",
        ),
        (
            {"contract_billing_day": 0},
            "contract_billing_day must be 1 to 28, which every month has, but is 0",
        ),
        ({"contract_length": 0}, "contract_length must be 1 to 120 months, but is 0"),
        ({"contract_length": 121}, "contract_length must be 1 to 120 months, but is 121"),
        ({"contract_name": " "}, "contract_name must not be empty"),
        (
            {"prices": {"X": "12,50"}},
            "the price of X must be an amount of up to four decimals, as in 12.50, but is 12,50",
        ),
    ],
)
def test_terms_that_no_change_could_follow_are_refused(terms: dict[str, object], words: str) -> None:
    """When they are set, in words, and not when a change meets them."""
    with pytest.raises(ValueError, match="must") as refused:
        Policy(**terms)  # type: ignore[arg-type]
    assert str(refused.value) == words


@pytest.mark.parametrize(
    "terms",
    [
        {"line_limit": 0, "customer_day_limit": 0, "partner_day_limit": 0},
        {"included": {"X": 0}, "minimum": {"X": 0}, "pooled_minimum": {"X": 0}},
        *({"decrease_wait": minutes} for minutes in (0, 1440)),
        *({"contract_months": months} for months in (1, 3, 6, 12)),
        *({"contract_billing_day": day} for day in (1, 28)),
        *({"contract_length": length} for length in (1, 120)),
        *({"prices": {"X": price}} for price in ("0", "12.5", "999999999.9999")),
    ],
)
def test_terms_at_their_limits_are_taken(terms: dict[str, object]) -> None:
    """The limits themselves are allowed."""
    Policy(**terms)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["above_units", "above_percent"])
def test_an_approval_limit_is_never_negative(name: str) -> None:
    """0 is the smallest: everything waits."""
    Approval(**{name: 0})
    with pytest.raises(ValueError, match="must") as refused:
        Approval(**{name: -1})
    assert str(refused.value) == f"{name} must be 0 or more, but is -1"


def test_what_is_missing_of_a_pooled_minimum() -> None:
    """By SKU: the minimum, what all customers have, and the difference, never below 0."""
    assert shortfall({"B": 10, "A": 5, "C": 3}, {"B": 4, "A": 7}) == {
        "A": (5, 7, 0),
        "B": (10, 4, 6),
        "C": (3, 0, 3),
    }
    assert list(shortfall({"B": 1, "A": 1}, {})) == ["A", "B"]


STRICT: list[tuple[str, Any, Any, Any]] = [
    ("approve_increases", Approval(5, 20), Approval(3), Approval(3, 20)),
    ("approve_decreases", Approval(), Approval(above_units=0), Approval(above_units=0)),
    ("approve_new_lines", False, True, True),
    ("posted_period", PostedPeriod.SAME_DAY, PostedPeriod.NEXT_OPEN_DAY, PostedPeriod.NEXT_OPEN_DAY),
    ("posted_period", PostedPeriod.NEXT_OPEN_DAY, PostedPeriod.HOLD, PostedPeriod.HOLD),
    ("same_day", SameDay.ATTEMPT, SameDay.NEXT_FREE_DAY, SameDay.NEXT_FREE_DAY),
    ("drift", OnDrift.ADOPT, OnDrift.ENFORCE, OnDrift.PARK),
    ("drift", OnDrift.ADOPT, OnDrift.ADOPT, OnDrift.ADOPT),
    ("renewal", Renewal.EXTEND, Renewal.NEW_CONTRACT, Renewal.OFF),
    ("renewal", Renewal.NEW_CONTRACT, Renewal.NEW_CONTRACT, Renewal.NEW_CONTRACT),
    ("decrease_wait", None, 20, 20),
    ("decrease_wait", 30, 20, 30),
    ("decrease_wait", None, 0, None),
    ("line_limit", None, 7, 7),
    ("line_limit", 5, 7, 5),
    ("customer_day_limit", 5, None, 5),
    ("paused", False, True, True),
]


@pytest.mark.parametrize(("name", "one", "other", "together"), STRICT)
def test_the_strictest_of_two_terms_counts_whoever_has_it(
    name: str, one: Any, other: Any, together: Any
) -> None:
    """On a line that both share; what has no order is what asks a person."""
    # Another term differs too, so that neither customer's terms hold as a whole.
    first = replace(Policy(approve_new_lines=name == "line_limit"), **{name: one})
    second = replace(Policy(line_limit=None if name == "line_limit" else 99), **{name: other})
    for both in ([first, second], [second, first]):
        assert getattr(strictest(both, Policy()), name) == together


OF_EACH_CUSTOMER = {"increases", "decreases", "included", "minimum", "excluded", "prices", "contract_notes"}
"""Asked of each customer's own terms, also where several share a line."""
OF_THE_PARTNER = {
    "partner_day_limit",
    "pooled_minimum",
    "open_contracts",
    "renewal_link",
} | {
    f"contract_{what}"
    for what in ("name", "months", "billing_day", "length", "category", "organizational_level")
}
"""All customers together, and how a contract is opened and linked."""


def test_each_term_is_a_lines_or_a_customers_or_the_partners() -> None:
    """One that is decided on a line and has no case above would be dropped where customers share it: the partner's would hold."""
    of_a_line = {name for name, *_ in STRICT}
    assert of_a_line | OF_EACH_CUSTOMER | OF_THE_PARTNER == {each.name for each in fields(Policy)}
    assert not of_a_line & (OF_EACH_CUSTOMER | OF_THE_PARTNER)


def test_terms_that_do_not_differ_hold_as_they_are() -> None:
    """Nobody's: the partner's, whose pause is everybody's."""
    own = Policy(drift=OnDrift.ADOPT, prices={"ADV": "15.00"})
    assert strictest([own, own], Policy()) is own
    assert strictest([], Policy(line_limit=4, paused=True)) == Policy(line_limit=4, paused=True)
    assert strictest([Policy(line_limit=4), Policy()], Policy(paused=True)).paused


def test_whose_terms_count_is_said_where_they_differ() -> None:
    """By term: those who have the strictest value; where none is, nobody."""
    own = {
        "b": Policy(line_limit=4, drift=OnDrift.ADOPT, posted_period=PostedPeriod.HOLD),
        "a": Policy(line_limit=9, drift=OnDrift.ENFORCE, posted_period=PostedPeriod.HOLD),
        "c": Policy(line_limit=4, drift=OnDrift.ADOPT, posted_period=PostedPeriod.HOLD, paused=True),
    }
    assert whose_are_strictest(own, Policy()) == {"line_limit": ("b", "c"), "drift": (), "paused": ("c",)}
    assert whose_are_strictest({"a": Policy(), "b": Policy()}, Policy(line_limit=1)) == {}
