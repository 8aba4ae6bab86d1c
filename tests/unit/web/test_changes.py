"""Changes are decided on in a browser: each behind a preview, and bound to exactly what it showed."""

from __future__ import annotations

import re

import pytest

from tests.partner import DRIFTS, HELD, HELD_TOO, REJECTED, contract_of, customer_of, name_of, partner
from tests.unit.cli.desk import Desk
from tests.unit.web.browser import Browser, words_of
from tests.world import ADV, SERVICES, World

LINE, OTHER = (f"{contract_of(n)}-{SERVICES[ADV]}" for n in (HELD, HELD_TOO))


@pytest.fixture
def world() -> World:
    """Forty clients, some of whose changes are held."""
    return partner(32, weeks=4)


@pytest.fixture
def browser(world: World) -> Browser:
    """A console over them."""
    return Browser(world)


def seats(world: World, number: int) -> int:
    """What Autotask has today."""
    return world.units(ADV, world.clock.now().date(), contract_of(number))


def test_the_list_has_everything_of_an_adjustment(browser: Browser) -> None:
    """Day, client, contract, service, previous, change, new, who asked, who decided, and what became of it."""
    words = browser.words("/changes")
    assert "4 await approval" in words
    assert f"13 Mar 2026 {name_of(HELD)} {customer_of(HELD)} SASE-ADV-USER" in words
    assert "12 +15 27 j.doe@msp.example" in words
    assert "rejected by kim" in words
    assert "25 −3 22" in words  # scheduled by the terms
    assert "Changes 4 await approval" in words  # beside the place


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("state=awaits", 4),
        ("state=scheduled", 1),
        ("state=rejected", 1),
        (f"q={name_of(HELD)}", 2),
        (f"q=sub_{HELD:04x}-v", 2),
        ("q=nothing-is-like-this", 0),
        ("state=nonsense&days=nonsense&page=-7", 0),
    ],
)
def test_filters_are_kept_in_the_address(browser: Browser, query: str, number: int) -> None:
    """So that a list can be sent to somebody."""
    html = browser.page(f"/changes?{query if 'days' in query else query + '&days=92'}")
    found = len(re.findall(r'<tr role="row" id="change-', html))
    assert found == number or "nonsense" in query


def test_a_change_is_approved_behind_its_preview(browser: Browser, world: World) -> None:
    """The preview writes nothing; the second click does, once, and says who decided."""
    before = seats(world, HELD)
    shown = browser.send(
        "/changes/decide", {"decision": "approve", "line": LINE, "back": "/changes?state=awaits"}
    )
    words = words_of(shown.text)
    assert "Approve 1 change" in words
    assert "12 → 27" in words
    assert "+15 from 13 Mar 2026" in words
    assert "about +114.92" in words
    assert "Recorded as decided by anna" in words
    world.work()
    assert seats(world, HELD) == before
    done = browser.send(shown.url.path)
    assert "Done" in words_of(done.text)
    waits = browser.words(f"/changes?q={customer_of(HELD)}")
    assert "under way" in waits
    assert "approved by anna" in waits
    assert "3 await approval" in browser.words("/changes")
    world.work()
    assert seats(world, HELD) == before + 15
    assert ("approve", "anna") in {(one.kind, one.by) for one in world.ports.store.decisions()}


def test_whoever_goes_back_sees_what_became_of_it(browser: Browser, world: World) -> None:
    """With the first click after the worker was there, and without anything to decide again."""
    shown = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    browser.send(shown.url.path)
    world.work()
    world.clock.advance(5)
    assert name_of(HELD) not in browser.words("/changes?state=awaits").split("What people decided")[0]


def test_a_form_that_is_sent_again_does_nothing_twice(browser: Browser, world: World) -> None:
    """A double click, a reload, or a form from the history: its page says what was done."""
    shown = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    for _ in range(3):
        assert "Done" in words_of(browser.send(shown.url.path).text)
    world.work()
    assert sum(one.kind == "approve" for one in world.ports.store.decisions()) == 1
    assert seats(world, HELD) == 27


def test_a_change_is_rejected_with_its_reason(browser: Browser, world: World) -> None:
    """And without one it is not."""
    refused = browser.send("/changes/decide", {"decision": "reject", "line": LINE, "reason": " "})
    assert "A change is rejected with a reason. Go back and correct it" in words_of(refused.text)
    shown = browser.send(
        "/changes/decide", {"decision": "reject", "line": LINE, "reason": "<b>not</b> ordered"}
    )
    assert "set aside, because: &lt;b&gt;not&lt;/b&gt; ordered" in shown.text
    browser.send(shown.url.path)
    words = browser.words("/changes?state=rejected")
    assert "rejected by anna" in words


def test_a_change_stands_with_service_and_price_and_is_rejected_where_it_stands(browser: Browser) -> None:
    """The price once Autotask was asked for the month; one row, one reason."""
    assert "12.50" not in browser.words("/changes?state=awaits")
    browser.page("/ready")
    html = browser.page("/changes?state=awaits")
    assert "Unit price" in html
    assert "12.50" in words_of(html)
    assert f'form="not-{LINE}" required' in html


def test_what_was_rejected_can_still_be_approved(browser: Browser, world: World) -> None:
    """Until Timus reports something newer."""
    html = browser.page("/changes?state=rejected")
    assert f'form="one-{contract_of(REJECTED)}-46"' in html
    shown = browser.send("/changes/decide", {"decision": "approve", "line": f"{contract_of(REJECTED)}-46"})
    assert "+40" in words_of(shown.text)


def test_several_are_decided_together(browser: Browser, world: World) -> None:
    """One preview with all of them, and one decision noted for each."""
    shown = browser.send("/changes/decide", {"decision": "approve", "line": [LINE, OTHER]})  # type: ignore[dict-item]
    words = words_of(shown.text)
    assert "Approve 2 changes" in words
    assert "In all 2 lines on 2 contracts: +27 and −0 units." in words
    browser.send(shown.url.path)
    world.work()
    assert (seats(world, HELD), seats(world, HELD_TOO)) == (27, 30)


def test_an_approval_whose_change_has_moved_shows_what_it_is_now(browser: Browser, world: World) -> None:
    """Nothing is written, and the new preview takes the place of the old one; an old tab leads there too."""
    shown = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    world.tell(99, {ADV: 40, "SASE-GATEWAY": 1}, customer=customer_of(HELD), subscription=f"sub_{HELD:04x}")
    world.work()
    moved = browser.send(shown.url.path)
    words = words_of(moved.text)
    assert "It has changed since it was shown" in words
    assert "A change of +13 on 16 Mar 2026 awaits approval." in words
    assert seats(world, HELD) == 12
    assert not any(one.kind == "approve" for one in world.ports.store.decisions())
    assert browser.get(shown.url.path).url.path == moved.url.path
    assert browser.send(shown.url.path).url.path == moved.url.path  # the old form still does nothing
    assert seats(world, HELD) == 12
    assert "Done" in words_of(browser.send(moved.url.path).text)
    world.work()
    assert seats(world, HELD) == 27


def test_what_nobody_can_decide_any_more_says_why(browser: Browser, world: World) -> None:
    """Somebody else was faster."""
    shown = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    other = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    browser.send(other.url.path)
    world.work()
    words = words_of(browser.send(shown.url.path).text)
    assert "there is nothing to approve" in words
    assert seats(world, HELD) == 27


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"decision": "approve"},
        {"decision": "approve", "line": "x"},
        {"decision": "approve", "line": "1-2-3"},
        {"decision": "", "line": LINE},
        {"decision": "approve", "line": f"{contract_of(DRIFTS)}-99"},
    ],
)
def test_a_form_that_makes_no_sense_writes_nothing(
    browser: Browser, world: World, form: dict[str, str]
) -> None:
    """It says what is lacking."""
    revisions = len([*world.ports.store.decisions()])
    answer = browser.send("/changes/decide", form)
    assert answer.status_code in (200, 400)
    assert "Nothing was written" in words_of(answer.text)
    assert len([*world.ports.store.decisions()]) == revisions


def test_a_proposal_of_another_run_is_not_there(browser: Browser) -> None:
    """An id is no secret, and good for nothing else."""
    assert browser.get("/proposals/nothing").status_code == 404
    assert browser.send("/proposals/nothing").status_code == 404


def test_a_preview_that_takes_its_time_says_how_far_it_is(world: World) -> None:
    """And is there when it is looked at again."""
    waiting: list[object] = []
    browser = Browser(world)
    from timus_autotask.web import proposals

    browser.desk.cases = proposals.Cases(waiting.append)
    import time

    began = time.monotonic()
    page = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    assert time.monotonic() - began < 10
    assert "is being found out" in words_of(page.text)
    assert 'hx-trigger="every 1s"' in page.text
    waiting[0]()  # type: ignore[operator]
    assert "12 → 27" in browser.words(page.url.path)


def test_while_autotask_is_away_nothing_is_decided(browser: Browser, world: World) -> None:
    """It cannot be shown what would be adjusted, so nothing is."""
    world.control.add_fault("html_503", times=None)
    answer = browser.send("/changes/decide", {"decision": "approve", "line": LINE})
    words = words_of(answer.text)
    assert "Nothing was written" in words
    assert "Look again" in words


def test_nobody_asked_for_what_other_terms_bill() -> None:
    """The list does not name whoever had reported the seats first; who orders more later is named."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25}, actor="first@msp.example")
    world.work()
    world.pass_time(days=1)
    Desk(world).told("policy", "set", f"included.{ADV}=2", "--yes")
    world.work()
    world.pass_time(days=1)
    world.tell(2, {ADV: 30}, actor="kim")
    world.work()
    words = Browser(world).words("/changes?days=92")
    assert "25 −2 23" in words
    assert "23 +5 28 kim" in words
    assert "first@msp.example" not in words
