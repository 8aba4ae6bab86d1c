"""The partner's terms, in a browser."""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum

import pytest

from tests.partner import LATER, customer_of, name_of, partner
from tests.unit.operate.test_no_longer_made import five_fewer
from tests.unit.web.browser import Browser, words_of
from tests.world import ADV, World
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.terms import BY_SKU
from timus_autotask.operate.terms import TERMS, TermChange
from timus_autotask.web.pages.term_words import TERM_WORDS, change_of
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
        assert found[name].text


def test_terms_are_shown_with_who_set_them(browser: Browser) -> None:
    """For everybody, and what one customer has otherwise."""
    words = browser.words("/terms")
    assert "Terms for everybody: 2 are set, the rest holds by default." in words
    assert "Increases that need an approval: those of more than 10 units set for everybody" in words
    assert "More seats are billed: from the day of the change; Autotask prorates by default" in words
    assert "set by kim" in words
    own = browser.words(f"/terms?customer={customer_of(LATER)}")
    assert f"Terms of {name_of(LATER)}" in own
    assert (
        "Fewer seats are billed: from the first day of the next billing period set for this customer" in own
    )


@pytest.mark.parametrize("name", [one for one in TERMS if one != "paused"])
def test_each_term_is_a_sentence(name: str) -> None:
    """Its values are those that the terms take."""
    words = TERM_WORDS[name]
    default = getattr(Policy(), name)
    if isinstance(default, StrEnum):
        assert [*words.choices] == [one.value for one in type(default)]
    if isinstance(default, bool):
        assert {*words.choices} == {"yes", "no"}
    assert words.by_sku == (name in BY_SKU)
    shown = words.said(asdict(Policy())[name])
    assert shown
    assert "{" not in shown or name == "contract_name"


def test_each_term_has_fields_that_fit(browser: Browser) -> None:
    """Nothing is to be typed that can be chosen."""
    for name, words in TERM_WORDS.items():
        form = browser.page(f"/terms?term={name}").split('id="term"')[1].split("</form>")[0]
        assert f'name="name" value="{name}"' in form
        assert all(f'<option value="{value}"' in form for value in words.choices)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("approve_decreases", {"above_units": 0, "above_percent": None}, "all"),
        (
            "approve_decreases",
            {"above_units": 5, "above_percent": 20},
            "those of more than 5 units, those of more than 20 % of the line",
        ),
        ("included", {"A": 2, "B": 1}, "2 of A, 1 of B"),
        ("prices", {}, "none: the contract's own prices hold"),
        ("excluded", ("A", "B"), "A, B"),
        ("decrease_wait", 30, "30 minutes, at most until the day ends"),
        ("contract_billing_day", None, "on the first billed day"),
        ("contract_name", "{customer} {0}", "{customer} {0}"),
    ],
)
def test_a_value_of_a_term_is_said_in_words(name: str, value: object, said: str) -> None:
    """As a person would say it."""
    assert TERM_WORDS[name].said(value) == said


@pytest.mark.parametrize(
    ("part", "value", "change"),
    [
        ("always", "7", TermChange("approve_increases", "always")),
        ("", "", TermChange("approve_increases", "")),
        ("above_units", "7", TermChange("approve_increases", "7", "above_units")),
    ],
)
def test_which_changes_need_an_approval_is_one_field(part: str, value: str, change: TermChange) -> None:
    """All, none, or those above a threshold."""
    assert change_of("approve_increases", part, value) == change


def test_what_a_term_takes_back_is_shown() -> None:
    """Five seats fewer from a day to come, and a minimum that keeps them: it is no line that stays as it is."""
    browser = Browser(five_fewer())
    shown = browser.send("/terms/set", {"name": "minimum", "part": ADV, "value": "25"})
    words = words_of(shown.text).replace("\N{MINUS SIGN}", "-")
    assert "no longer made: -5 on 1 Apr 2026" in words
    assert "No longer made, of what was going to be: +0 and -5 units on 1 line." in words
    assert "Nothing would be adjusted" not in words
    assert "as it is" not in words
    assert "Nothing is to be adjusted." in words_of(browser.send(shown.url.path).text)


def test_a_term_is_set_behind_its_preview(browser: Browser, world: World) -> None:
    """What is held is let go by it, and that is shown first."""
    form = {"name": "approve_increases", "part": "above_units", "value": "50", "first_day": "2026-03-01"}
    shown = browser.send("/terms/set", form)
    words = words_of(shown.text)
    assert (
        "Increases that need an approval, for everybody: those of more than 10 units → those of more than 50 units"
        in words
    )
    assert "+15 from 13 Mar 2026" in words
    assert world.ports.store.partner().terms.value.by == "kim"
    assert "Done" in words_of(browser.send(shown.url.path).text)
    terms = world.ports.store.partner().terms.value
    assert (terms.by, terms.values["approve_increases"]) == (
        "anna",
        {"above_units": 50, "above_percent": None},
    )
    assert "until 1 Mar 2026: Increases that need an approval: those of more than 10 units;" in browser.words(
        "/terms"
    )


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({"name": "nonsense", "value": "1"}, "There is no term nonsense"),
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


def test_many_pauses_are_one_banner(browser: Browser) -> None:
    """With a few names: who looks for somebody else has not to read past all of them."""
    for number in range(8):
        browser.send("/terms/pause", {"customer": customer_of(number)})
    html = browser.page("/")
    assert html.count('class="banner paused"') == 1
    words = words_of(html)
    assert "Changes are paused for 9 customers" in words
    assert "and 4 more" in words
    assert "Show who waits" in words


def test_what_no_service_is_chosen_for_stands_in_a_preview_with_whose_it_is(browser: Browser) -> None:
    """And with the command that chooses one, once for each SKU."""
    form = {"name": "approve_increases", "part": "above_units", "value": "50", "first_day": "2026-03-01"}
    words = words_of(browser.send("/terms/set", form).text)
    found = re.findall(
        r"No Autotask service is chosen for (\S+),[^.]*\. This concerns .+? cus_\S+ ?\. → timus-autotask map plan (\S+) ",
        words,
    )
    assert found
    assert all(sku == chosen for sku, chosen in found)
    assert len({*found}) == len(found)


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
