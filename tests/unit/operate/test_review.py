"""A review without a terminal: typed questions, typed answers, and nothing is written on the way."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tests import tenant
from tests.deployment import deployment_of
from tests.world import World
from timus_autotask.operate.mapping.review import Doubtful, NoContract, Review, WhichLine, WhichOffer
from timus_autotask.operate.mapping.suggest import ContractOffered, CustomerSuggested, Suggestions, suggest


@lru_cache
def suggestions() -> Suggestions:
    """Of a whole tenant: six SKUs and forty customers."""
    return suggest(deployment_of(tenant.told(World(scenario=tenant.scenario(companies=60)))))


def at(number: int, *, opens: bool = False) -> tuple[Review, CustomerSuggested]:
    """A review that asks about this customer."""
    review = Review(replace(suggestions(), opens_contracts=opens))
    for _ in range(len(suggestions().skus) + number):
        review.later()
    question = review.question
    assert isinstance(question, WhichOffer)
    assert isinstance(question.unmapped, CustomerSuggested)
    return review, question.unmapped


def without_contract(customer: CustomerSuggested) -> ContractOffered:
    """Its first offer of a company only."""
    return next(one for one in customer.offers if one.contract is None)


def test_each_suggestion_is_one_question_skus_first() -> None:
    """The number says how far it is; after the last one there is no question."""
    review, asked = Review(suggestions()), []
    while isinstance(question := review.question, WhichOffer):
        asked.append((question.number, question.of, question.unmapped))
        review.later()
    assert review.question is None
    assert [one for _, _, one in asked] == [*suggestions().skus, *suggestions().customers]
    assert [(number, of) for number, of, _ in asked] == [(at, 46) for at in range(1, 47)]


def test_a_contract_service_is_asked_for_by_a_question_of_its_own() -> None:
    """It comes right after the contract was chosen, and only where there is a choice."""
    review, customer = at(tenant.TWICE)
    assert review.choose(customer.offers[0]) is None
    question = review.question
    assert isinstance(question, WhichLine)
    assert (question.contract_id, question.service_id) == (tenant.contract(tenant.TWICE), 45)
    review.choose_line(question.lines[1])
    assert review.chosen.lines == {(tenant.contract(tenant.TWICE), 45): question.lines[1].contract_service_id}
    assert review.question is None, "it was the last customer"


def test_back_at_a_contract_service_asks_for_the_contract_again() -> None:
    """What was chosen stays chosen until there is another answer."""
    review, customer = at(tenant.TWICE)
    review.choose(customer.offers[0])
    review.back()
    question = review.question
    assert isinstance(question, WhichOffer)
    assert question.unmapped == customer
    assert customer.customer in review.chosen.customers


def test_what_cannot_be_chosen_is_said_as_a_value() -> None:
    """Whoever asks words it; being sure does not help where the terms open no contract."""
    review, customer = at(tenant.AMBIGUOUS[0])
    offer = without_contract(customer)
    assert review.choose(offer, sure=True) == NoContract(offer.against)
    assert not len(review.chosen)
    review, customer = at(tenant.AMBIGUOUS[0], opens=True)
    assert review.choose(without_contract(customer)) is None
    assert len(review.chosen) == 1


def test_a_contract_that_was_chosen_before_is_doubtful_until_somebody_is_sure() -> None:
    """The value names the other customers."""
    one = suggestions().customers[0]
    review = Review(Suggestions((), (one, type(one)("cus_x", one.name, "", (), one.offers))))
    assert review.choose(one.offers[0]) is None
    doubt = review.choose(one.offers[0])
    assert doubt == Doubtful((), 5000, (one.customer,))
    assert set(review.chosen.customers) == {one.customer}
    assert review.choose(one.offers[0], sure=True) is None
    assert set(review.chosen.customers) == {one.customer, "cus_x"}
