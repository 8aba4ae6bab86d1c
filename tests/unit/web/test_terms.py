"""The partner's terms, in a browser."""

from __future__ import annotations

import pytest

from tests.partner import LATER, customer_of, name_of, partner
from tests.unit.web.browser import Browser, words_of
from tests.world import World
from timus_autotask.operate.terms import TERMS
from timus_autotask.web.pages.terms import rules


@pytest.fixture
def world() -> World:
    """With some terms set."""
    return partner(32, weeks=0)


@pytest.fixture
def browser(world: World) -> Browser:
    """A console over them."""
    return Browser(world)


@pytest.mark.parametrize("name", [*TERMS])
def test_each_term_has_its_rule_beside_it(name: str) -> None:
    """From the page with the worked examples, which are tests themselves."""
    found = rules()
    assert name == "paused" or name in found
    if name in ("increases", "decreases", "approve_increases", "included", "drift", "prices", "line_limit"):
        assert found[name].example
        assert found[name].words


def test_terms_are_shown_with_who_set_them(browser: Browser) -> None:
    """For everybody, and what one customer has otherwise."""
    words = browser.words("/terms")
    assert "approve_increases above_units=10 set for everybody" in words
    assert "increases day-of-change by default" in words
    assert "set by kim" in words
    own = browser.words(f"/terms?customer={customer_of(LATER)}")
    assert f"Terms of {name_of(LATER)}" in own
    assert "decreases start-of-next-period set for this customer" in own


def test_a_term_is_set_behind_its_preview(browser: Browser, world: World) -> None:
    """What is held is let go by it, and that is shown first."""
    form = {"name": "approve_increases", "part": "above_units", "value": "50", "first_day": "2026-03-01"}
    shown = browser.send("/terms/set", form)
    words = words_of(shown.text)
    assert "approve_increases for everybody: above_units=10 → above_units=50" in words
    assert "+15 from 13 Mar 2026" in words
    assert world.ports.store.partner().terms.value.by == "kim"
    assert "Done" in words_of(browser.send(shown.url.path).text)
    terms = world.ports.store.partner().terms.value
    assert (terms.by, terms.values["approve_increases"]) == (
        "anna",
        {"above_units": 50, "above_percent": None},
    )
    assert "until 1 Mar 2026: approve_increases=above_units=10" in browser.words("/terms")


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"name": "nonsense", "value": "1"}, "There is no policy nonsense"),
        ({"name": "increases", "value": "sometimes"}, "Nothing was changed"),
        ({"name": "included", "part": "SASE-NOBODY", "value": "1"}, "SASE-NOBODY"),
        ({"name": "line_limit", "value": "9" * 30}, "cannot be meant"),
        ({"name": "line_limit", "value": "9", "first_day": "2026-13-01"}, "is no day"),
        (
            {"name": "line_limit", "value": "9", "first_day": "2027-01-01"},
            "set those of a later day when it has come",
        ),
        ({"name": "prices", "value": "<b>1</b>", "part": "SASE-ADV-USER"}, "Nothing was changed"),
    ],
)
def test_a_term_that_makes_no_sense_is_refused(browser: Browser, form: dict[str, str], why: str) -> None:
    """With the reason, and nothing is written."""
    answer = browser.send("/terms/set", form)
    assert why in words_of(answer.text)
    assert "<b>1" not in answer.text


def test_changes_are_paused_at_once_and_resumed_behind_a_preview(browser: Browser, world: World) -> None:
    """A pause posts nothing; going on may."""
    browser.send("/terms/pause", {"customer": ""})
    assert "Changes are paused for everybody" in browser.words("/")
    shown = browser.send("/do", {"what": "resume", "customer": ""})
    assert "Go on for everybody" in words_of(shown.text)
    browser.send(shown.url.path)
    assert "Changes are paused for everybody" not in browser.words("/")
    assert {("pause", "anna"), ("resume", "anna")} <= {
        (one.kind, one.by) for one in world.ports.store.decisions()
    }
