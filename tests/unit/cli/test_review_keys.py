"""One keystroke for each suggestion: keys go in, what was chosen comes out, and nothing is written on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tenant
from tests.deployment import deployment_of
from tests.tenant import BACKUP, TRIAL
from tests.world import ADV, ESS, GATEWAY, World
from timus_autotask.cli.reviewing import KEYS, go_through
from timus_autotask.operate.mapping.accept import Chosen
from timus_autotask.operate.mapping.review import Review, Unmapped
from timus_autotask.operate.mapping.suggest import SkuSuggested, Suggestions, suggest


@lru_cache
def suggestions() -> Suggestions:
    """Of a whole tenant: six SKUs and forty customers."""
    return suggest(deployment_of(tenant.told(World(scenario=tenant.scenario(companies=60)))))


@dataclass
class Somebody:
    """A person who presses these keys, and then is gone."""

    keys: str
    seen: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._keys: Iterator[str] = iter(self.keys)

    def look(self, one: Unmapped, number: int, of: int) -> None:
        """Notes what is shown."""
        self.seen.append(f"{number}/{of} {one.sku if isinstance(one, SkuSuggested) else one.customer}")

    def key(self) -> str:
        """The next one."""
        return next(self._keys, "")

    def say(self, message: str) -> None:
        """Notes what is answered."""
        self.heard.append(message)


def pressed(keys: str, *, opens: bool = False) -> tuple[Chosen, Somebody]:
    """What comes of these keys."""
    person = Somebody(keys)
    return reviewed(suggestions(), person, opens=opens), person


def reviewed(these: Suggestions, person: Somebody, *, opens: bool = False) -> Chosen:
    """What a person chooses of these suggestions."""
    review = Review(replace(these, opens_contracts=opens))
    go_through(review, person, "ours")
    return review.chosen


def test_one_keystroke_each_is_enough() -> None:
    """All forty-six: 38 customers accepted, one ignored and one chosen by number where the first has no contract; 5 SKUs, one ignored.

    One more key says which contract service is billed, where the service is on the contract twice.
    """
    order = [one.sku for one in suggestions().skus]
    keys = ["i" if sku == TRIAL else "a" for sku in order]
    for one in suggestions().customers:
        usable = [at for at, offer in enumerate(one.offers, 1) if offer.contract]
        keys.append("i" if not usable else "a" if usable[0] == 1 else str(usable[0]))
        if one.customer == tenant.customer(tenant.TWICE):
            keys.append("2")
    chosen, person = pressed("".join(keys))
    [asked] = person.heard
    assert asked.startswith(
        "Managed SASE-ADV-USER stands on it more than once. Which one is billed: 1  9039: 10 units"
    )
    assert chosen.lines == {(tenant.contract(tenant.TWICE), 45): 9900}
    assert len(person.seen) == len(keys) - 1 == len(chosen) == 46
    assert person.seen[6] == "7/46 cus_0000"
    assert chosen.customers == {
        tenant.customer(n): (tenant.company(n), tenant.contract(n)) for n in range(40) if n != tenant.NOBODY
    }
    assert set(chosen.skus) == {ADV, ESS, GATEWAY, "SASE-FIREWALL", BACKUP}
    assert chosen.ignored_customers == {tenant.customer(tenant.NOBODY): "ours"}
    assert chosen.ignored_skus == {TRIAL: "ours"}


def test_the_contract_service_can_be_left_for_later() -> None:
    """Then the service is parked until somebody chooses; a key that means nothing is asked again, and b shows the customer once more."""
    before = at(tenant.TWICE)
    for keys, seen in (("al", 0), ("a9l", 0), ("abal", 1)):
        chosen, person = pressed(before + keys)
        assert chosen.customers == {tenant.customer(tenant.TWICE): (1000 + tenant.TWICE, 5000 + tenant.TWICE)}
        assert chosen.lines == {}
        assert person.seen.count(person.seen[-1]) == 1 + seen
    assert pressed(before + "a")[0].customers
    assert pressed(before + "a1")[0].lines == {(5000 + tenant.TWICE, 45): 9039}


def test_it_stops_anywhere_and_keeps_what_was_chosen() -> None:
    """By q, and when nobody is there any more; the rest comes again next time."""
    for keys in ("aaq", "aa", "aa\x03"):
        chosen, person = pressed(keys)
        assert len(chosen) == 2
        assert len(person.seen) == 3


def test_later_leaves_it_as_it_is() -> None:
    """It is neither mapped nor ignored."""
    chosen, person = pressed("ll ")
    assert not len(chosen)
    assert len(person.seen) == 4


def test_back_takes_the_last_answer_back() -> None:
    """A slip of the finger is mended by b; at the first one it stays there."""
    chosen, person = pressed("abi")
    assert len(chosen.ignored_skus) == 1
    assert not chosen.skus
    assert person.seen[0] == person.seen[2]
    assert pressed("bba")[1].seen[:3] == [pressed("")[1].seen[0]] * 3


@pytest.mark.parametrize("key", ["x", "0", "9", "²", "\x1b"])
def test_a_key_that_means_nothing_says_what_can_be_pressed(key: str) -> None:
    """And changes nothing."""
    chosen, person = pressed(key)
    assert not len(chosen)
    assert KEYS in person.heard[0]


def at(customer: int) -> str:
    """Keys that leave everything before a customer for later."""
    return "l" * (len(suggestions().skus) + customer)


def test_a_contract_that_was_chosen_a_moment_ago_is_asked_for_twice() -> None:
    """Two customers on one contract only if it is meant."""
    found = suggestions()
    one = found.customers[0]
    twin = Suggestions((), (one, type(one)("cus_x", one.name, "", (), one.offers)))
    person = Somebody("aalq")
    assert reviewed(twin, person).customers == {one.customer: (1000, 5000)}
    assert "contract 5000 was chosen for cus_0000 a moment ago. Once more" in person.heard[0]
    assert len(reviewed(twin, Somebody("aaa")).customers) == 2


def test_a_company_without_a_contract_is_chosen_only_where_one_is_opened() -> None:
    """Otherwise it says what to do."""
    number = tenant.AMBIGUOUS[0]
    offers = suggestions().customers[number].offers
    key = next(str(n) for n, offer in enumerate(offers, 1) if offer.contract is None)
    chosen, person = pressed(at(number) + key)
    assert not len(chosen)
    assert "policy set open_contracts=yes" in person.heard[0]
    chosen, _ = pressed(at(number) + key, opens=True)
    assert chosen.customers == {tenant.customer(number): (9000 + number, None)}


@settings(max_examples=50)
@given(st.text("a123ilbq x9\r", max_size=80))
def test_whatever_is_pressed_each_is_decided_once(keys: str) -> None:
    """Nothing is both mapped and ignored, nothing is chosen that was not offered, and no two keys are asked for one answer."""
    chosen, person = pressed(keys)
    assert not set(chosen.customers) & set(chosen.ignored_customers)
    assert not set(chosen.skus) & set(chosen.ignored_skus)
    offered = {
        one.customer: {(o.company_id, o.contract.id if o.contract else None) for o in one.offers}
        for one in suggestions().customers
    }
    assert all(where in offered[customer] for customer, where in chosen.customers.items())
    assert len(chosen) <= len(person.seen) <= len(keys) + 1
