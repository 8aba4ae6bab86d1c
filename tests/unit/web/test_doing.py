"""Single things that a person does in the console: each behind its preview."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.partner import DRIFTS, HELD, PAUSED, contract_of, customer_of, partner
from tests.unit.web.browser import Browser, words_of
from tests.world import ESS, SERVICES, World


@pytest.fixture
def world() -> World:
    """With one of each thing that needs a person."""
    return partner(32, weeks=4)


@pytest.fixture
def browser(world: World) -> Browser:
    """A console over them."""
    return Browser(world)


def drift(choice: str) -> dict[str, str]:
    """What the buttons beside the line send."""
    return {
        "what": "drift",
        "choice": choice,
        "contract": str(contract_of(DRIFTS)),
        "service": str(SERVICES[ESS]),
    }


@pytest.mark.parametrize(("choice", "units"), [("enforce", 21), ("adopt", 24)])
def test_units_that_somebody_changed_are_brought_back_or_kept(
    browser: Browser, world: World, choice: str, units: int
) -> None:
    """Both buttons stand on the customer's page."""
    page = browser.words(f"/customers/{customer_of(DRIFTS)}")
    assert "Bring back …" in page
    assert "Keep …" in page
    shown = browser.send("/do", drift(choice))
    browser.send(shown.url.path)
    world.work()
    world.pass_time(minutes=1)
    world.work()
    assert world.units(ESS, world.clock.now().date(), contract_of(DRIFTS)) == units


def test_a_change_that_was_made_is_undone(browser: Browser, world: World) -> None:
    """With a reason, and its opposite is shown first."""
    made = next(one for one in world.ports.store.changes() if one.line.contract_id == contract_of(1))
    refused = browser.send("/do", {"what": "undo", "change": made.id})
    assert "undone with a reason" in words_of(refused.text)
    shown = browser.send("/do", {"what": "undo", "change": made.id, "reason": "A slip"})
    words = words_of(shown.text)
    assert "because: A slip" in words
    assert "The undo alone comes to about" in words
    assert f"{-made.delta:+d}" in words.replace("\N{MINUS SIGN}", "-")
    browser.send(shown.url.path)
    world.work()
    assert "undo" in {one.kind for one in world.ports.store.decisions()}


def test_a_pause_is_ended_from_its_banner(browser: Browser, world: World) -> None:
    """What waited is made."""
    shown = browser.send("/do", {"what": "resume", "customer": customer_of(PAUSED)})
    assert "+2 from 13 Mar 2026" in words_of(shown.text)
    browser.send(shown.url.path)
    assert "Changes are paused" not in browser.words("/")


def test_a_stack_that_observes_goes_live_from_its_banner() -> None:
    """With everything that would be adjusted shown first; nothing is written before."""
    world = World(live=False)
    world.map_customer()
    world.tell(1, {"SASE-ADV-USER": 28})
    world.work()
    browser = Browser(world)
    assert "This stack observes" in browser.words("/")
    shown = browser.send("/do", {"what": "go-live"})
    words = words_of(shown.text)
    assert "Is this meant?" in words
    assert "25 → 28" in words
    assert world.posted() == []
    browser.send(shown.url.path)
    world.work()
    world.sweep()
    world.work()
    assert world.posted() == [(45, 3, "2026-03-15")]
    assert "This stack observes" not in browser.words("/")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"what": "nonsense"},
        {"what": "retry", "contract": "x"},
        {"what": "drift", "contract": "1", "service": ""},
        {"what": "undo"},
        {"what": "undo", "change": "nothing", "reason": "x"},
        {"what": "retry", "contract": "1"},
        {"what": "accept-event", "event": "nothing"},
        {"what": "go-live", "customer": "nobody"},
    ],
)
def test_what_makes_no_sense_writes_nothing(browser: Browser, world: World, form: dict[str, str]) -> None:
    """It says why."""
    before = len([*world.ports.store.decisions()])
    answer = browser.send("/do", form)
    assert answer.status_code in (200, 400)
    assert len([*world.ports.store.decisions()]) == before


def test_a_parked_event_is_dismissed_with_a_reason(world: World) -> None:
    """Or taken as right, behind a preview."""
    customer = customer_of(HELD)
    tomorrow = world.clock.now().replace(year=2020)
    world.tell(99, {"SASE-ADV-USER": 9}, customer=customer, subscription=f"sub_{HELD:04x}", occurred=tomorrow)
    world.work()
    [event] = world.ports.store.parked_events()
    browser = Browser(world)
    assert event.event_id in browser.words("/")
    assert browser.send("/events/dismiss", {"event": event.event_id}).status_code == 400
    browser.send("/events/dismiss", {"event": event.event_id, "reason": "Sent twice"})
    assert [*world.ports.store.parked_events()] == []
    assert event.event_id not in browser.words("/")


def test_links_lead_into_autotask_where_it_is_known(world: World) -> None:
    """By the command links that stay when its pages move."""
    browser = Browser(world)
    browser.desk.deployment = replace(
        browser.desk.deployment, autotask_pages=lambda: "https://ww5.autotask.net/"
    )
    browser.desk.links.fresh()
    html = browser.page(f"/customers/{customer_of(HELD)}")
    start = "https://ww5.autotask.net/Autotask/AutotaskExtend/ExecuteCommand.aspx?Code="
    assert f'href="{start}OpenAccount&amp;AccountID={600 + HELD}"' in html
    assert f'href="{start}OpenContract&amp;ContractID={contract_of(HELD)}"' in html
    assert 'rel="noopener noreferrer"' in html
