"""Finance at month end, in a browser."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest

from tests.deployment import deployment_of
from tests.months import FIRST, Months
from tests.partner import DRIFTS, HELD, PAUSED, REJECTED, contract_of, customer_of, name_of, partner
from tests.unit.web.browser import Browser, words_of
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.month_end import ledger_since
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.ledger import Ledger
from timus_autotask.watch.month.ready import Open, Waits
from timus_autotask.web.kept import Seen
from timus_autotask.web.pages.actions import settling
from timus_autotask.web.pages.month import KINDS, ledger_page


@pytest.fixture(scope="module")
def world() -> World:
    """It is only read here."""
    return partner(32, weeks=4)


@pytest.fixture
def browser(world: World) -> Browser:
    """A console over them."""
    return Browser(world)


def test_ready_says_yes_or_no_and_what_is_to_be_settled(browser: Browser) -> None:
    """The most money first; waiting changes nothing about what stays."""
    words = browser.words("/ready")
    assert "Not yet: 13 things have to be settled before March 2026 is posted." in words
    assert "are at risk" in words
    assert f"{name_of(DRIFTS)}" in words
    assert "Edited in Autotask." in words
    stays = words.split("Billed as it is")[1]
    assert name_of(REJECTED) in stays
    assert "billing periods are level" in words


def test_what_is_to_be_settled_is_settled_with_a_button(browser: Browser) -> None:
    """The one that stands beside it on its customer's page. A command stands only where nothing can be done here."""
    html = browser.page("/ready")
    for action in (
        "Map it",
        "Approve …",
        "Reject …",
        "Bring back …",
        "Keep …",
        "Resume …",
        "Approve after all …",
    ):
        assert f">{action}<" in html.split("Billing periods")[0]
    opens = html.split('id="open"')[1].split("Billing periods")[0]
    assert "timus-autotask" not in opens
    words = words_of(opens)
    assert "Awaiting approval. A change of +15 on 13 Mar 2026 awaits approval. from 13 Mar 2026" in words
    assert "15 too few 285 too few about 114.92" in words
    shown = browser.send(
        "/changes/decide", {"decision": "approve", "line": f"{contract_of(HELD)}-45", "back": "/ready"}
    )
    assert "Approve 1 change" in words_of(shown.text)


def test_an_edit_that_no_worker_has_seen_is_looked_at_with_a_button() -> None:
    """Nobody can decide on it before."""
    one = Open(WhyDiffers.DRIFT, "Somebody changed the units.", key=LineKey(7, 45))
    [action] = settling([one], [])[one]
    assert (action.name, action.fields) == ("Look at it …", {"what": "retry", "contract": 7})


def test_each_kind_of_what_is_open_has_words() -> None:
    """Nobody reads a code."""
    for kind in (*WhyDiffers, *Waits):
        assert "-" not in KINDS[kind]


def test_once_autotask_was_asked_money_and_prices_stand_everywhere(browser: Browser) -> None:
    """With how long ago that was."""
    assert "At risk" in browser.words("/")
    assert "not ready to post" not in browser.words("/")
    browser.page("/ready")
    words = browser.words("/")
    assert "not ready to post" in words
    assert "about 345.00" in words
    assert "12.50" in browser.words(f"/customers/{customer_of(HELD)}")


def test_the_ledger_says_only_what_is_so() -> None:
    """Days before a customer came to us are no loss, and still no agreement."""
    months = Months()
    months.begin((), mapped=False)
    months.play([("wait", None, 4), ("map", "today", 0)])
    found = ledger_since(deployment_of(months.world), FIRST)
    since = f"Since {FIRST:%B %Y}, nothing is billed too little or too much"
    assert (
        ledger_page(Seen(found), FIRST, FIRST).sentence
        == f"{since}, but for days before customers came to us"
    )
    assert ledger_page(Seen(Ledger(())), FIRST, FIRST).sentence == since
    assert ledger_page(Seen(), FIRST, FIRST).sentence == "Nobody has looked yet"


def test_the_ledger_has_each_difference_with_its_cause(browser: Browser) -> None:
    """And its sums add up as the files do."""
    words = browser.words("/ledger?since=2026-01")
    assert re.search(
        r"Since January 2026, about [\d,.]+ is used and not billed and about [\d,.]+ is billed too much\.",
        words,
    )
    assert re.search(r"about [\d,.]+ not billed", words)
    assert "2026 together" in words
    assert "+8 paused" in words
    assert name_of(PAUSED) in words
    one = browser.words(f"/ledger?since=2026-01&q={customer_of(HELD)}")
    assert name_of(PAUSED) not in one.split("Lines, the most money first")[1]
    csv = browser.get("/ledger/ledger.csv?since=2026-01")
    assert csv.content.startswith(b"\xef\xbb\xbfmonth,customer_id")
    months = json.loads(browser.get("/ledger/ledger.json?since=2026-01").text)["months"]
    assert [one["month"] for one in months] == ["2026-01", "2026-02", "2026-03"]


def test_evidence_is_looked_at_and_kept(browser: Browser) -> None:
    """As a page, as CSV, and as the JSON that the verifier reads."""
    address = f"customer={customer_of(4)}&month=2026-03"
    words = browser.words(f"/evidence?{address}")
    assert "Journal and Autotask have the same units on each day." in words
    assert "Each entry of the journal follows from the one before." in words
    page = browser.get(f"/evidence/evidence.html?{address}")
    assert "attachment" in page.headers["content-disposition"]
    assert "<h1>Evidence for" in page.text
    assert json.loads(browser.get(f"/evidence/evidence.json?{address}").text)["format"].startswith(
        "timus-autotask"
    )
    assert "timus,part,journal,autotask" in browser.get(f"/evidence/evidence.csv?{address}").text


def test_the_clients_page_is_kept_from_here_too(browser: Browser) -> None:
    """With the partner's name; without one it is refused in words."""
    address = f"customer={customer_of(4)}&month=2026-03"
    assert "Page for the client" in browser.words(f"/evidence?{address}")
    page = browser.get(f"/evidence/client.html?{address}&partner=Ada+%26+Sons")
    assert "attachment" in page.headers["content-disposition"]
    assert "Ada &amp; Sons" in page.text
    for internal in ("journal", "Autotask", "12.50", customer_of(4)):
        assert internal not in page.text
    refused = browser.get(f"/evidence/client.html?{address}&partner=+")
    assert (refused.status_code >= 400, "company" in refused.text) == (True, True)


def test_evidence_has_prices_and_says_what_is_still_to_come(browser: Browser) -> None:
    """Beside the units of each line."""
    words = browser.words(f"/evidence?customer={customer_of(4)}&month=2026-03")
    assert "Unit price " in words
    assert "of the month" in words


def test_what_was_posted_is_explained_item_by_item() -> None:
    """Before anything is posted there is nothing; then each item with what explains it, and those of others are named."""
    browser = Browser(partner(12, weeks=4))
    assert "No billing item of March 2026 was posted yet." in browser.words("/posted")
    contract = contract_of(4)
    control = browser.world.control
    control.person_bills(contract, date(2026, 3, 1).toordinal(), "<b>Setup", "1", "250")
    control.approve_and_post(contract, date(2026, 3, 31).toordinal())
    browser.send("/posted/look", {"month": "2026-03", "back": "/posted"})
    words = browser.words("/posted?month=2026-03")
    assert "Everything that was posted in March 2026 is explained." in words
    assert "the units of the period&#39;s first day" in words
    assert "&lt;b&gt;Setup" in words
    assert "a person typed it" in words
    assert "Not posted yet" in words
    found = json.loads(browser.get("/posted/posted.json?month=2026-03").text)
    assert (found["right"], found["billing_items_read"]) == (True, True)
    control.set_switches({"denied": ["BillingItems"]})
    browser.send("/posted/look", {"month": "2026-03", "back": "/posted"})
    assert "Billing items may not be read" in browser.words("/posted?month=2026-03")


@pytest.mark.parametrize(
    "address",
    [
        "/ready?month=nonsense",
        "/ready?month=9999-99",
        "/ready?month=9999-12",
        "/ledger?since=0001-01",
        "/ready?month=2026-02&all=yes",
        "/ledger?since=nonsense",
        "/evidence?customer=cus_0004&month=x",
    ],
)
def test_an_address_that_makes_no_sense_shows_the_running_month(browser: Browser, address: str) -> None:
    """Nobody is punished for a typing error."""
    assert browser.get(address).status_code == 200


def test_evidence_of_nobody_says_so(browser: Browser) -> None:
    """Also as a file, and of a name with script in it."""
    for address in ("/evidence?customer=<script>x</script>", "/evidence/evidence.csv?customer=nobody"):
        answer = browser.get(address)
        assert answer.status_code == 400
        assert "<script>x" not in answer.text
        assert "Timus has not reported a customer" in words_of(answer.text)
    assert browser.get("/evidence/evidence.exe?customer=cus_0004").status_code == 404


def test_while_autotask_is_away_the_pages_say_why_and_what_was_seen_stays(world: World) -> None:
    """And everything is new once it is back."""
    browser = Browser(world)
    seen = browser.words("/ready")
    fault = world.control.add_fault("html_503", times=None)
    browser.send("/ready/look", {"month": "2026-03"})
    words = browser.words("/ready")
    assert "13 things" in seen
    assert "13 things" in words
    assert "Autotask cannot be asked" in words
    assert "Autotask cannot be asked" in browser.words("/ledger")
    world.control.clear_faults(fault)
    browser.send("/ready/look", {"month": "2026-03"})
    assert "Autotask cannot be asked" not in browser.words("/ready")


def test_a_service_that_came_after_posting_is_named_as_what_is_left() -> None:
    """The rest of the period is posted, and that is said."""
    months = Months()
    months.begin((), mapped=True)
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    months.play([("wait", None, 3), ("tell", {ADV: 10, GATEWAY: 1, ESS: 7}, 0)])
    words = Browser(months.world).words("/posted?month=2026-03")
    left = words.split("Not posted yet")[1].split("Billing items")[0]
    assert left.strip().startswith(f"+7 of {ESS}")
    assert "the rest of the period is posted" in left


def test_a_change_that_came_after_posting_is_named_with_what_it_comes_to() -> None:
    """Two seats more from 12 March on, where somebody posted through the 10th: 2 × 12.50 × 20 / 31."""
    months = Months()
    months.begin((), mapped=True)
    months.play([("wait", None, 11)])
    months.play([("tell", {ADV: 12, GATEWAY: 1}, (date(2026, 3, 12) - months.today).days)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 10).toordinal())
    words = Browser(months.world).words("/posted?month=2026-03")
    left = words.split("Not posted yet")[1].split("Billing items")[0].strip()
    assert left.startswith(f"+2 of {ADV}")
    assert "about +16.13" in left


def test_seats_that_no_posting_has_are_named() -> None:
    """Ten seats and a gateway on the eleven days after the contract's last one; the headline counts them, too."""
    months = Months()
    months.begin((), mapped=True)
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    months.play([("wait", None, 32)])
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 20).toordinal())
    browser = Browser(months.world)
    words = browser.words("/posted?month=2026-03")
    assert "Everything that was posted in March 2026 is explained. 121 seat-days are in no posting." in words
    assert "✓" not in browser.get("/posted?month=2026-03").text.split("<h1")[1].split("</h1>")[0]
    nowhere = words.split("In no posting")[1].split("What can be done about it")[0]
    assert "110 seat-days of SASE-ADV-USER of Contoso" in nowhere
    assert "44.35" in nowhere


def test_what_has_ended_stands_apart_from_what_ends_soon() -> None:
    """With its last day and what a renewal would do."""
    months = Months()
    months.begin((), mapped=True)
    months.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    soon = Browser(months.world).words("/ready")
    months.world.pass_time(days=30)
    ended = Browser(months.world).words("/ready")
    assert "Billed by no contract soon" in soon
    assert "Ended, with seats" not in soon
    assert "Billed by no contract soon" not in ended
    assert "20 Mar 2026" in ended.split("Ended, with seats in Timus: billed by no contract any more")[1]


YES = "Yes: March 2026 may be approved and posted."
BY_ITSELF = {"hx-request": "true"}


@pytest.fixture
def level() -> tuple[Months, Browser]:
    """One client whose month may be posted, and that somebody looked at."""
    months = Months()
    months.begin(("approve_increases=always",), mapped=True)
    browser = Browser(months.world)
    assert YES in browser.words("/ready")
    assert "ready to post" in browser.words("/").split("March 2026")[1]
    return months, browser


def _something_comes(months: Months, seconds: float) -> None:
    months.tell({ADV: 15, GATEWAY: 1}, 0)
    months.world.work()
    months.world.clock.advance(seconds)


def test_a_yes_is_looked_for_again_by_whoever_comes_later(level: tuple[Months, Browser]) -> None:
    """What waits meanwhile keeps the month from being posted, on the page and in its file."""
    months, browser = level
    _something_comes(months, 540)
    file = browser.get("/ready/ready.json?month=2026-03").text
    assert json.loads(file)["ready"] is False
    months.tell({ADV: 16, GATEWAY: 1}, 0)
    months.world.work()
    months.world.clock.advance(540)
    words = browser.words("/ready")
    assert YES not in words
    assert "Not yet: 1 thing has to be settled" in words


def test_an_open_page_takes_its_yes_back_and_asks_autotask_nothing(level: tuple[Months, Browser]) -> None:
    """After a minute it asks once what became of it; so does the first page."""
    months, browser = level
    assert 'hx-trigger="every 60s"' in browser.page("/ready")
    assert 'hx-trigger="every 60s"' in browser.page("/")
    months.world.clock.advance(60)
    before = len(months.world.control.requests())
    html = browser.get("/ready", headers=BY_ITSELF).text
    words = words_of(html)
    assert YES not in words
    assert "Nothing was open in March 2026 when this was looked at: look again before you post." in words
    assert 'data-ready="yes"' not in html
    assert "hx-trigger" not in html.split('id="ready"')[1].split(">")[0]
    first = browser.words("/")
    assert "ready to post" not in first
    assert "Nothing was open when it was looked at" in first
    assert len(months.world.control.requests()) == before
    assert YES in browser.words("/ready")


@pytest.mark.parametrize("address", ["/ready", "/posted?month=2026-03", "/ledger?since=2026-03", "/health"])
def test_read_again_reads_again_what_autotask_is_asked_for(
    level: tuple[Months, Browser], address: str
) -> None:
    """Also within the minute: what somebody sees after it is as of then."""
    months, browser = level
    browser.page(address)
    months.world.clock.advance(20)
    before = len(months.world.control.requests())
    browser.page(address)
    assert len(months.world.control.requests()) == before
    browser.send("/fresh", {"back": address})
    months.world.clock.advance(1)
    assert len(months.world.control.requests()) > before
    assert "just now" in browser.words(address).split("Looked at")[1]


def test_a_decision_ends_a_yes(level: tuple[Months, Browser]) -> None:
    """Within the minute too: what was decided may have brought something to do."""
    months, browser = level
    months.world.clock.advance(20)
    browser.desk.decided()
    months.world.clock.advance(1)
    assert "ready to post" not in browser.words("/")
    assert YES in browser.words("/ready")


def test_what_was_posted_is_looked_at_again_too(level: tuple[Months, Browser]) -> None:
    """A tick beside old items would be no better."""
    months, browser = level
    assert "No billing item of March 2026 was posted yet." in browser.words("/posted?month=2026-03")
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    months.world.clock.advance(61)
    old = words_of(browser.get("/posted?month=2026-03", headers=BY_ITSELF).text)
    assert "Nothing was wrong in what was posted in March 2026 when this was looked at: look again." in old
    assert "✓" not in old.split("Nothing was wrong")[0].split("Ready to post")[-1]
    assert "Everything that was posted in March 2026 is explained." in browser.words("/posted?month=2026-03")


def test_what_came_to_a_posted_month_since_takes_its_tick() -> None:
    """Four seats of a service that is new on the contract: nothing is to be settled, and they are on no invoice yet."""
    months = Months()
    months.begin((), mapped=True)
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    browser = Browser(months.world)
    assert "March 2026 is approved and posted already, and nothing is left" in browser.words("/ready")
    assert "✓ posted already" in browser.words("/")
    months.play([("tell", {ADV: 10, ESS: 4, GATEWAY: 1}, 0)])
    browser = Browser(months.world)
    words = browser.words("/ready")
    assert "posted already, and 1 change that came since waits for the next posting." in words
    assert "✓" not in words.split("March 2026 is approved")[0].split("Ready to post")[-1]
    assert "Not posted yet +4 of " in words
    assert "1 change since" in browser.words("/")


def test_what_was_posted_without_a_line_stands_with_its_sku(level: tuple[Months, Browser]) -> None:
    """Nobody has said which service it is, so there is no contract to name."""
    months, browser = level
    months.tell({ADV: 10, GATEWAY: 1, "SASE-NEW": 7}, 0)
    months.work()
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    words = browser.words("/posted?month=2026-03")
    assert "1 thing to look at in what was posted in March 2026." in words
    assert "SASE-NEW 1 Mar 2026 to 31 Mar 2026" in words


def test_a_customers_chart_has_the_numbers_of_its_table(level: tuple[Months, Browser]) -> None:
    """Autotask was asked for the month before a worker changed it."""
    months, browser = level
    months.desk.told("policy", "set", "approve_increases=never", "--yes")
    months.world.pass_time(hours=24)  # a day takes one adjustment of a line
    months.tell({ADV: 57, GATEWAY: 1}, 0)
    months.work()
    browser.send("/fresh", {"back": "/"})
    words = browser.words(f"/customers/{CUSTOMER}")
    assert "Should be 57, Autotask 57." in words
