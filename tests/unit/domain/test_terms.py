"""Which terms hold, and which held on a day: the partner's, with a customer's over them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.terms import KEPT_TERMS, FormerTerms, Terms, former_layers, layered

NOON = datetime(2026, 3, 15, 12, tzinfo=UTC)
EARLIER = datetime(2026, 2, 1, 9, tzinfo=UTC)
LATER = datetime(2026, 4, 20, 15, tzinfo=UTC)
MARCH_1, MARCH_2, MARCH_10 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 10)
FIRST = date(2026, 1, 1)


def day(n: int) -> date:
    """Some day of the year."""
    return FIRST + timedelta(days=n)


@pytest.mark.parametrize(
    ("partner", "customer", "value"),
    [
        ({}, {}, None),
        ({"drift": "park"}, {}, "park"),
        ({"drift": "park"}, {"drift": "correct"}, "correct"),
    ],
)
def test_what_a_customer_says_goes_before_what_the_partner_says(
    partner: dict[str, Any], customer: dict[str, Any], value: str | None
) -> None:
    """A term that the customer does not have is the partner's."""
    assert layered(partner, customer).get("drift") == value


def test_terms_by_sku_are_laid_over_each_other_sku_by_sku() -> None:
    """A customer's price of one SKU leaves the partner's price of another."""
    found = layered({"prices": {"A": "1", "B": "2"}}, {"prices": {"B": "3"}})
    assert found["prices"] == {"A": "1", "B": "3"}


@pytest.mark.parametrize("layers", [({"paused": True}, {"paused": False}), ({}, {"paused": True})])
def test_a_pause_of_any_layer_is_a_pause(layers: tuple[dict[str, Any], ...]) -> None:
    """A customer cannot take back what is paused for everybody."""
    assert layered(*layers)["paused"] is True


def test_where_no_layer_is_paused_nothing_is() -> None:
    """Said outright, whether a layer was never paused or is not any more."""
    assert layered({"drift": "park"}, {"paused": False}) == {"drift": "park", "paused": False}


def test_former_terms_are_told_by_the_day_until_which_they_held() -> None:
    """On a day between two changes, each layer is taken as it was on that day."""
    partner = Terms({"drift": "new"}, earlier=(FormerTerms({"drift": "old"}, date(2026, 3, 1)),))
    customer = Terms(
        {"included": {"A": 2}}, earlier=(FormerTerms({"included": {"A": 1}}, date(2026, 3, 10)),)
    )
    assert [
        (until, values["drift"], values["included"]) for until, values in former_layers(partner, customer)
    ] == [
        (date(2026, 3, 1), "old", {"A": 1}),
        (date(2026, 3, 10), "new", {"A": 1}),
    ]


def test_terms_that_were_set_as_if_they_had_always_held_leave_no_day_before_them() -> None:
    """Nothing was billed under what they replaced."""
    terms = Terms({"drift": "old"}).changed({"drift": "new"}, "ann", NOON, first_day=None)
    assert [*former_layers(terms)] == []


def test_each_former_layer_is_what_held_on_the_last_day_before_it_ended() -> None:
    """A customer's term of one day only is among them."""
    partner = Terms({"drift": "park"}, earlier=(FormerTerms({"drift": "adopt"}, MARCH_1),))
    customer = Terms({}, earlier=(FormerTerms({"drift": "enforce"}, MARCH_2),))
    assert [(until, values["drift"]) for until, values in former_layers(partner, customer)] == [
        (MARCH_1, "enforce"),
        (MARCH_2, "enforce"),
    ]
    other_way = former_layers(
        replace(partner, earlier=(FormerTerms({"drift": "adopt"}, MARCH_2),)),
        replace(customer, earlier=(FormerTerms({"drift": "enforce"}, MARCH_1),)),
    )
    assert [(until, values["drift"]) for until, values in other_way] == [
        (MARCH_1, "enforce"),
        (MARCH_2, "adopt"),
    ]


# -- A pause


TERMS = Terms({"drift": "park"}, "ann", EARLIER, (FormerTerms({"drift": "adopt"}, MARCH_1, "pat", EARLIER),))


def test_a_pause_says_who_paused_and_when_and_leaves_all_else() -> None:
    """Who set the terms stays who set them, and what held before stays what held."""
    paused = TERMS.pause("sam", NOON)
    assert paused == replace(TERMS, values={"drift": "park", "paused": True}, paused_by="sam", paused_at=NOON)
    assert paused.paused


def test_whoever_resumes_has_the_terms_of_before_the_pause() -> None:
    """Nothing of the pause is left."""
    resumed = TERMS.pause("sam", NOON).resume()
    assert resumed == TERMS
    assert not resumed.paused


@pytest.mark.parametrize("values", [{}, {"paused": None}, {"paused": False}])
def test_terms_that_do_not_say_a_pause_are_not_paused(values: dict[str, Any]) -> None:
    """Whether nobody ever paused or somebody said outright that nothing is."""
    assert not Terms(values).paused


# -- Changes


def test_a_change_keeps_what_held_before_it_and_who_had_set_that() -> None:
    """What was billed under it stays as it is, and the history says whose it was."""
    changed = TERMS.changed({"drift": "enforce"}, "sam", NOON, MARCH_10)
    assert changed == Terms(
        {"drift": "enforce"},
        "sam",
        NOON,
        (*TERMS.earlier, FormerTerms({"drift": "park"}, MARCH_10, "ann", EARLIER)),
    )


def test_a_change_of_the_terms_leaves_who_paused() -> None:
    """Only a resume ends a pause."""
    paused = TERMS.pause("sam", NOON)
    changed = paused.changed({"paused": True, "drift": "adopt"}, "ann", LATER, MARCH_10)
    assert (changed.paused_by, changed.paused_at) == ("sam", NOON)


def test_a_change_of_a_day_before_earlier_ones_goes_before_them() -> None:
    """What they said of the days from it on held on none of these."""
    terms = Terms({"drift": "park"}).changed({"drift": "adopt"}, "ann", NOON, MARCH_10)
    changed = terms.changed({"drift": "enforce"}, "sam", LATER, MARCH_2)
    assert changed.earlier == (
        FormerTerms({"drift": "park"}, MARCH_2),
        FormerTerms({"drift": "adopt"}, MARCH_2, "ann", NOON),
    )
    assert [changed.on(on)["drift"] for on in (MARCH_1, MARCH_2, MARCH_10)] == ["park", "enforce", "enforce"]


@given(st.lists(st.none() | st.integers(0, 20), max_size=8))
def test_on_each_day_those_terms_hold_that_were_last_set_for_it(first_days: list[int | None]) -> None:
    """In whatever order the days come that people give."""
    terms = Terms({"drift": "0"})
    for number, first in enumerate(first_days, 1):
        terms = terms.changed({"drift": str(number)}, "ann", NOON, None if first is None else day(first))
    for n in range(22):
        set_for = [number for number, first in enumerate(first_days, 1) if first is None or first <= n]
        assert terms.on(day(n)) == {"drift": str(max(set_for, default=0))}


@given(st.lists(st.none() | st.integers(0, 20), max_size=8))
def test_the_former_terms_of_one_layer_are_what_held_until_each_day(first_days: list[int | None]) -> None:
    """Between two of these days nothing else held, and after the last one what holds now."""
    terms = Terms({"drift": "0"})
    for number, first in enumerate(first_days, 1):
        terms = terms.changed({"drift": str(number)}, "ann", NOON, None if first is None else day(first))
    former = [*former_layers(terms)]
    for n in range(22):
        held = next((values for until, values in former if day(n) < until), layered(terms.values))
        assert held == layered(terms.on(day(n)))


def test_terms_that_held_on_a_day_are_kept_for_good() -> None:
    """However often the terms were changed since."""
    terms = Terms({"drift": "0"})
    for n in range(1, KEPT_TERMS + 10):
        terms = terms.changed({"drift": str(n)}, "ann", NOON, day(n))
    assert [former.values["drift"] for former in terms.earlier] == [str(n) for n in range(KEPT_TERMS + 9)]


def test_of_terms_that_held_on_no_day_only_the_newest_are_kept() -> None:
    """Whoever tries things out on one day leaves no endless list; what held on the days before stays."""
    terms = Terms({"drift": "0"})
    for n in range(1, KEPT_TERMS + 10):
        terms = terms.changed({"drift": str(n)}, "ann", NOON, MARCH_10)
    kept = [former.values["drift"] for former in terms.earlier]
    assert kept == ["0", *(str(n) for n in range(9, KEPT_TERMS + 9))]
    assert terms.on(MARCH_2) == {"drift": "0"}


# -- Who set what


def test_the_terms_before_the_last_change_are_told_with_theirs() -> None:
    """Step by step, until those that nobody has changed."""
    before = TERMS.changed({"drift": "enforce"}, "sam", NOON, MARCH_10).before
    assert before == TERMS
    assert before.before == Terms({"drift": "adopt"}, "pat", EARLIER)
    assert before.before.before is None


def prices(**amounts: str) -> dict[str, Any]:
    """Terms that set these prices."""
    return {"prices": amounts}


def test_who_set_a_term_is_who_set_it_to_what_it_is() -> None:
    """Changes of something else do not count, and neither do those back and forth before."""
    terms = (
        Terms()
        .changed(prices(ADV="11.00"), "ann", EARLIER, MARCH_1)
        .changed(prices(ADV="12.00"), "pat", NOON, MARCH_2)
        .changed(prices(ADV="11.00"), "sam", NOON, MARCH_2)
        .changed(prices(ADV="11.00", ESS="7.00"), "kim", LATER, MARCH_10)
    )
    assert terms.set_by("prices", "ADV") == ("sam", NOON)
    assert terms.set_by("prices", "ESS") == ("kim", LATER)


def test_whoever_set_a_term_first_is_found_at_the_very_beginning() -> None:
    """Of terms that nobody has changed, whoever set them."""
    assert Terms(prices(ADV="11.00"), "ann", NOON).set_by("prices", "ADV") == ("ann", NOON)


def test_nobody_set_what_the_terms_do_not_say() -> None:
    """Neither a SKU of another term, nor one that was taken out again."""
    terms = Terms().changed(prices(ADV="11.00"), "ann", EARLIER, MARCH_1)
    assert terms.set_by("prices", "ESS") is None
    assert terms.set_by("included", "ADV") is None
    assert terms.changed({}, "sam", NOON, MARCH_2).set_by("prices", "ADV") is None


@pytest.mark.parametrize("listed", [list, tuple])
def test_who_listed_a_sku_is_told_too(listed: type) -> None:
    """Of terms that are a list of SKUs, whoever put it there."""
    terms = (
        Terms()
        .changed({"excluded": listed(["ADV"])}, "ann", EARLIER, MARCH_1)
        .changed({"excluded": listed(["ADV", "ESS"])}, "sam", NOON, MARCH_2)
    )
    assert terms.set_by("excluded", "ADV") == ("ann", EARLIER)
    assert terms.set_by("excluded", "ESS") == ("sam", NOON)
    assert terms.set_by("excluded", "DNS") is None


def test_a_term_for_everything_is_nobodys_of_one_sku() -> None:
    """A word is no list of SKUs, though each of its letters is in it."""
    assert Terms({"drift": "park"}, "ann", NOON).set_by("drift", "park") is None
