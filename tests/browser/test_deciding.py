"""Deciding in the console: by mouse and by keyboard, behind a preview each time, while Autotask comes and goes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessible import too_wide, violations
from tests.browser.served import serving
from tests.browser.visitor import DESK, PHONE, Visitor, visiting
from tests.partner import HELD, HELD_TOO, UNMAPPED, contract_of, customer_of, name_of, partner
from tests.world import ADV, SERVICES

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def seats(visitor: Visitor, number: int) -> int:
    """What Autotask has today."""
    world = visitor.served.world
    return world.units(ADV, world.clock.now().date(), contract_of(number))


def choose(visitor: Visitor, *numbers: int) -> None:
    """Mark held changes in the list."""
    visitor.go("/changes?state=awaits")
    for number in numbers:
        visitor.page.check(f"input[name=line][value='{contract_of(number)}-{SERVICES[ADV]}']")


def test_a_change_is_approved(clients: Visitor) -> None:
    """From the list over the preview to Autotask; who decided stands in the list afterwards."""
    before = seats(clients, HELD)
    choose(clients, HELD)
    clients.press("#approve")
    assert "+15 from 13 Mar 2026" in clients.words()
    assert "Recorded as decided by anna" in clients.words()
    assert seats(clients, HELD) == before
    clients.agree()
    assert seats(clients, HELD) == before + 15
    clients.press(clients.page.get_by_role("link", name="Go back and see how far it is"))
    assert clients.page.url.endswith("/changes?state=awaits")
    assert name_of(HELD) not in clients.words("#list table")


def test_several_are_approved_together(clients: Visitor) -> None:
    """One preview with both."""
    choose(clients, HELD, HELD_TOO)
    clients.press("#approve")
    assert "In all 2 lines on 2 contracts: +27 and −0 units." in clients.words()
    clients.agree()
    assert seats(clients, HELD) == 27


def test_a_change_is_rejected_with_a_reason(clients: Visitor) -> None:
    """Without one nothing happens, and the page says what is missing."""
    before = seats(clients, HELD)
    choose(clients, HELD)
    clients.press("#reject")
    assert "rejected with a reason" in clients.words()
    choose(clients, HELD)
    clients.page.fill("#reason", "Four were meant")
    clients.press("#reject")
    assert "because: Four were meant" in clients.words()
    clients.agree()
    clients.go("/changes?state=rejected")
    assert "Four were meant" in clients.words("#list")
    assert "rejected by anna" in clients.words("#list")
    assert seats(clients, HELD) == before


def test_a_change_is_rejected_in_its_row(clients: Visitor) -> None:
    """The browser asks for the reason before anything is sent."""
    before = seats(clients, HELD)
    clients.go(f"/changes?state=awaits&q={customer_of(HELD)}")
    clients.page.locator("summary", has_text="Reject …").click()
    form = clients.page.locator("details.undo[open]")
    form.get_by_role("button").click()
    assert clients.page.url.endswith(f"q={customer_of(HELD)}")
    form.get_by_label("Reason").fill("Four were meant")
    clients.press(form.get_by_role("button"))
    assert "because: Four were meant" in clients.words()
    clients.agree()
    assert seats(clients, HELD) == before


def test_what_was_made_is_undone(clients: Visitor) -> None:
    """With a reason, by an adjustment of the other sign that is shown first."""
    before = seats(clients, HELD)
    choose(clients, HELD)
    clients.press("#approve")
    clients.agree()
    clients.go(f"/changes?state=made&q={customer_of(HELD)}")
    clients.page.get_by_text("Undo …").first.click()
    form = clients.page.locator("details.undo[open]")
    form.get_by_label("Reason").fill("Ordered twice")
    clients.press(form.get_by_role("button"))
    assert "−15" in clients.words("#preview-table")
    clients.agree()
    assert seats(clients, HELD) == before


def test_an_approval_whose_change_has_moved_is_shown_anew(clients: Visitor) -> None:
    """Nothing is done, and the new preview stands there with what has changed said first."""
    world, before = clients.served.world, seats(clients, HELD)
    choose(clients, HELD)
    clients.press("#approve")
    world.tell(
        90, {ADV: 40}, customer=customer_of(HELD), subscription=f"sub_{HELD:04x}", customer_name=name_of(HELD)
    )
    world.clock.advance(5)
    world.work()
    clients.press("#commit")
    clients.page.get_by_role("heading", name="It has changed since it was shown").wait_for()
    assert "Nothing was written" in clients.words()
    world.work()
    assert seats(clients, HELD) == before


def test_a_decision_is_made_by_keyboard_alone(clients: Visitor) -> None:
    """Choose with the space bar, approve and agree with Enter; the focus is never lost on the way."""
    page = clients.page
    clients.go("/changes?state=awaits")
    tab_to(clients, f"input[value='{contract_of(HELD)}-{SERVICES[ADV]}']")
    page.keyboard.press("Space")
    tab_to(clients, "#approve")
    page.keyboard.press("Enter")
    page.wait_for_url("**/proposals/*")
    tab_to(clients, "#commit")
    page.keyboard.press("Enter")
    page.locator("#proposal[data-state=done]").wait_for()


def tab_to(visitor: Visitor, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(80):
        visitor.page.keyboard.press("Tab")
        if visitor.page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")


def test_a_decision_needs_no_script(chromium: Browser) -> None:
    """Forms are forms."""
    with (
        serving(partner(32, weeks=0)) as served,
        visiting(chromium, served, java_script_enabled=False) as clients,
    ):
        choose(clients, HELD)
        clients.press("#approve")
        clients.agree()
        assert seats(clients, HELD) > 15


def test_a_suggestion_is_accepted(clients: Visitor) -> None:
    """One click, a preview with what would be adjusted, and the customer is mapped."""
    clients.go("/mapping")
    assert "4 to be mapped." in clients.words("h1")
    clients.press(clients.page.locator(f"[data-customer={customer_of(UNMAPPED[0])}] [data-action=accept]"))
    assert "What would be adjusted in Autotask" in clients.words()
    clients.agree()
    assert clients.served.world.ports.store.mapping(customer_of(UNMAPPED[0])) is not None
    clients.go("/mapping")
    assert "3 to be mapped." in clients.words("h1")


def test_a_file_with_a_mistake_says_where_it_is(clients: Visitor, tmp_path: Path) -> None:
    """By its row. Nothing is written before somebody takes in what is right, and then only that."""
    first, second = UNMAPPED[:2]
    store = clients.served.world.ports.store
    file = tmp_path / "clients.csv"
    file.write_text(
        "customer_id,company_id,contract_id\r\n"
        f"{customer_of(first)},{600 + first},{contract_of(first)}\r\n"
        f"{customer_of(second)},x,{contract_of(second)}\r\n",
        encoding="utf-8",
    )
    clients.go("/mapping")
    clients.page.set_input_files("#file", file)
    clients.press(clients.page.get_by_role("button", name="Show what it changes"))
    assert "row 3: company_id" in clients.words()
    assert store.mapping(customer_of(first)) is None
    clients.press("button[name=otherwise]")
    assert "Left out: row 3" in clients.words()
    clients.agree()
    assert store.mapping(customer_of(first)) is not None
    assert store.mapping(customer_of(second)) is None


def test_a_term_is_changed(clients: Visitor) -> None:
    """What is held is let go by it: shown first, then done, and the page says who set it."""
    clients.go("/terms")
    clients.page.select_option("#choose", "approve_increases")
    clients.press(clients.page.get_by_role("button", name="Choose"))
    clients.page.select_option("#part", "above_units")
    clients.page.fill("#value", "50")
    clients.page.fill("#first_day", "2026-03-01")
    clients.press(clients.page.get_by_role("button", name="Show what it changes"))
    assert "those of more than 10 units → those of more than 50 units" in clients.words()
    assert "+15 from 13 Mar 2026" in clients.words()
    clients.agree()
    clients.go("/terms")
    assert "set by anna" in clients.words()
    assert seats(clients, HELD) == 27


def test_a_month_is_looked_at_before_it_is_posted(clients: Visitor) -> None:
    """The light, what is to be settled first with its money, and another month by its choice."""
    clients.go("/ready")
    assert clients.page.locator("#ready").get_attribute("data-ready") == "no"
    assert name_of(HELD) in clients.words("#open ~ table")
    assert "are at risk" in clients.words()
    clients.page.select_option("#month", "2026-02")
    clients.press(clients.page.get_by_role("button", name="Show"))
    clients.page.wait_for_url("**/ready?month=2026-02")
    assert clients.page.locator("#ready").get_attribute("data-ready") in ("yes", "no")


@pytest.mark.parametrize(("kind", "begin"), [("csv", b"\xef\xbb\xbf"), ("json", b"{"), ("html", b"<!")])
def test_evidence_is_taken_away(clients: Visitor, tmp_path: Path, kind: str, begin: bytes) -> None:
    """As a file whose name says of whom and which month."""
    clients.go(f"/evidence?customer={customer_of(1)}&month=2026-03")
    assert "Each entry of the journal follows from the one before." in clients.words()
    with clients.page.expect_download() as started:
        clients.page.click(f"#{kind}")
    assert started.value.suggested_filename == f"evidence-{customer_of(1)}-2026-03.{kind}"
    started.value.save_as(tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes().lower().startswith(begin)


def test_the_ledger_is_taken_away(clients: Visitor, tmp_path: Path) -> None:
    """As a table that a spreadsheet reads."""
    clients.go("/ledger")
    with clients.page.expect_download() as started:
        clients.page.click("#csv")
    started.value.save_as(tmp_path / "ledger.csv")
    rows = [*csv.reader((tmp_path / "ledger.csv").read_text(encoding="utf-8-sig").splitlines())]
    assert len(rows) > 30


def test_autotask_goes_away_and_comes_back(clients: Visitor) -> None:
    """What is known stays, with a banner that says why it is old; afterwards what was approved meanwhile is made."""
    world, page, before = clients.served.world, clients.page, seats(clients, HELD)
    choose(clients, HELD)
    clients.press("#approve")
    clients.press("#commit")  # Autotask is asked once more before it is written
    page.locator("#proposal[data-state=done]").wait_for()
    world.control.add_fault("html_503", times=None)
    world.work()
    clients.go("/")
    clients.press("#fresh")
    assert page.get_by_role("region", name="Autotask is away").is_visible()
    assert "customers need you" in clients.words("h1")
    clients.go(f"/customers/{customer_of(HELD)}")
    assert name_of(HELD) in clients.words("h1")
    assert seats(clients, HELD) == before
    world.control.clear_faults()
    for _ in range(8):
        world.pass_time(minutes=10)
        world.work()
    clients.go("/")
    clients.press("#fresh")
    assert page.get_by_role("region", name="Autotask is away").count() == 0
    assert seats(clients, HELD) == before + 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_a_preview(clients: Visitor, scheme: str) -> None:
    """Shown, refused and done, on a desk and a phone."""
    page = clients.page
    found: list[str] = []

    def look() -> None:
        for size in (DESK, PHONE):
            clients.look(size, scheme)
            found.extend((*violations(page), *too_wide(page)))

    choose(clients, HELD)
    clients.press("#reject")
    look()
    choose(clients, HELD, HELD_TOO)
    clients.press("#approve")
    look()
    clients.press("#commit")
    page.locator("#proposal[data-state=done]").wait_for()
    look()
    assert found == []
