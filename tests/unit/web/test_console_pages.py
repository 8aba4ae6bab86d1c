"""What the pages show, of a partner of forty clients."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.crowd import settled
from tests.partner import DRIFTS, HELD, LATER, REJECTED, UNMAPPED, customer_of, name_of, partner
from tests.unit.cli.desk import Desk
from tests.unit.web.browser import Browser, words_of
from tests.world import ADV, World
from timus_autotask.ports.errors import QueueUnavailable, TableUnavailable
from timus_autotask.watch.status import gather, status_of


@pytest.fixture(scope="module")
def forty() -> World:
    """It is only read here."""
    return partner(40)


@pytest.fixture
def browser(forty: World) -> Browser:
    """A fresh console over it."""
    return Browser(forty)


def test_the_first_look_says_how_many_need_somebody(browser: Browser) -> None:
    """In one sentence, and then who."""
    words = browser.words("/")
    assert "10 of 39 customers need you." in words
    assert f"{name_of(HELD)} {customer_of(HELD)} A change of +15 on 13 Mar 2026 awaits approval." in words
    assert "27 ✓ Aligned" in words
    assert "As of 08:" in words


def test_days_and_numbers_are_written_in_one_way(browser: Browser) -> None:
    """In sentences that the command prints too; what is to be copied stays as it is typed."""
    customers = [f"/customers/{customer_of(n)}" for n in (HELD, DRIFTS, UNMAPPED[0], LATER, REJECTED)]
    evidence = f"/evidence?customer={customer_of(HELD)}&month=2026-03"
    for address in (
        "/",
        "/customers",
        *customers,
        "/changes",
        "/mapping",
        "/ready",
        "/ledger",
        "/health",
        evidence,
    ):
        said = words_of(re.sub(r"<code.*?</code>", " ", browser.page(address)))
        assert re.findall(r".{,20}\b20\d\d-\d\d-\d\d.{,10}", said) == [], address
        assert re.findall(r".{,20} -\d.{,10}", said) == [], address
        assert re.findall(r"Customers? cus_\w+", said) == [], address


def test_a_new_stack_says_what_is_missing() -> None:
    """Nothing is known, and nothing fails."""
    browser = Browser(World())
    assert "Timus has reported no customer yet." in browser.words("/")
    assert "timus-autotask webhook show" in browser.words("/customers")


def test_the_console_sees_what_the_command_sees(browser: Browser, forty: World) -> None:
    """Every line from the indexes is the line from the records."""
    read = status_of(gather(forty.ports.store, lambda: 0), forty.clock.now(), forty.zone)
    seen = browser.desk.everything.first().value
    assert seen is not None
    assert seen.status.lines == read.lines
    assert seen.status.mapped == read.mapped
    assert seen.status.names == read.names


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"q={name_of(HELD)}", [HELD]),
        (f"q={customer_of(HELD).upper()}", [HELD]),
        ("q=29680012", [12]),
        ("q=sase-dlp", [28]),
        ("standing=unmapped", [*UNMAPPED]),
        ("q=nobody+at+all", []),
    ],
)
def test_customers_are_found(browser: Browser, query: str, found: list[int]) -> None:
    """By name, id, contract, SKU, and by how they stand."""
    html = browser.page(f"/customers?{query}")
    assert sorted(re.findall(r'data-customer="([^"]+)"', html)) == sorted(map(customer_of, found))


@pytest.mark.parametrize(
    "query", ["page=0", "page=99999999", "page=x", "page=-1", "sort=nothing", "standing=x", "q=" + "x" * 5000]
)
def test_an_address_that_makes_no_sense_shows_the_list(browser: Browser, query: str) -> None:
    """Nobody is punished for a typing error."""
    assert browser.get(f"/customers?{query}").status_code == 200


def test_a_customer_is_shown_line_by_line(browser: Browser) -> None:
    """Timus beside Autotask, with the reason and the remedy, and as a chart that is a table too."""
    html = browser.page(f"/customers/{customer_of(DRIFTS)}")
    words = words_of(html)
    assert "Somebody changed the units in Autotask" in words
    assert "timus-autotask drift" in words
    assert "<svg" in html
    assert "The same as a table" in words


def test_a_customer_whom_nobody_knows_is_a_page_that_says_so(browser: Browser) -> None:
    """With the id as it was written, and harmless."""
    answer = browser.get("/customers/cus_<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "Nobody knows a customer" in answer.text


def test_what_cannot_be_shown_is_nothing_that_was_not_written(browser: Browser) -> None:
    """A page that only reads says so in its title."""
    answer = browser.get("/evidence?customer=nobody&month=2026-03")
    assert answer.status_code == 400
    assert "There is nothing to show" in answer.text
    assert "Nothing was written" not in answer.text


def test_each_list_says_first_how_things_are(browser: Browser) -> None:
    """In a sentence that a person reads before the list."""
    assert "<h1>4 changes await approval.</h1>" in browser.page("/changes")
    assert "<h1>10 of 39 customers need you.</h1>" in browser.page("/customers")


def test_health_leads_to_where_it_is_settled(browser: Browser) -> None:
    """By a link where the console can do it; else by the words or the command."""
    html = browser.page("/health")
    assert '<a href="/mapping">Map them</a>' in html
    assert '<a href="/changes?state=awaits">Decide about them</a>' in html
    assert "<code>It runs" not in html


def test_what_was_made_and_decided_is_said_as_elsewhere(browser: Browser) -> None:
    """It is made, and not landed; somebody rejected it, and what the command is called is no matter."""
    words = browser.words(f"/customers/{customer_of(DRIFTS)}")
    assert " made " in words
    assert "landed" not in words
    assert "08:04 rejected +40 on 13 Mar 2026: A slip" in browser.words("/changes")


def test_every_page_names_the_zone_of_its_times(browser: Browser) -> None:
    """A time of day is none without it."""
    assert "times in UTC" in browser.words("/health")


def test_health_says_what_doctor_says(browser: Browser) -> None:
    """Check by check, and Autotask is asked once."""
    words = browser.words("/health")
    assert "make adjustments" in words
    asked = len(browser.world.control.requests())
    assert "Looked at" in browser.words("/health")
    assert len(browser.world.control.requests()) == asked
    browser.send("/health/look")
    assert len(browser.world.control.requests()) > asked


# -- What it costs


class Counting:
    """A table that counts what it is asked."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._table, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self.asked[name] += 1
            return method(*arguments, **named)

        return counted


PAGES = (
    "/",
    "/customers",
    f"/customers/{customer_of(HELD)}",
    "/customers?q=contoso&sort=timus",
    "/changes",
    "/mapping",
    "/ready",
    "/posted",
    "/ledger",
    "/health",
)
"""They show what is kept."""
READING = {
    "/terms": 1,
    f"/terms?customer={customer_of(HELD)}": 6,  # and the contracts that it may share, with who is on them
    f"/evidence?customer={customer_of(HELD)}": 5,
}
"""They read the records that they are about, and so many of them."""
LOOK = 13
"""Requests of one look at everything, however many customers there are (pages of an index, and of keys, aside)."""


def counting(world: World) -> tuple[Browser, Counting]:
    """A console that has read everything once."""
    table = Counting(world.table)
    world.ports = replace(world.ports, table=table)
    return Browser(world), table


@pytest.mark.slow
def test_a_thousand_customers_are_no_more_requests_than_forty() -> None:
    """Of one look at everything, and of each page after it; what a page shows does not grow with them either."""
    browser, table = counting(settled(1000))
    assert table.asked.total() <= LOOK
    for page in (
        "/",
        "/customers",
        "/customers?q=cus_77",
        "/customers?sort=timus&page=7",
        "/customers/cus_500",
        "/changes",
        "/mapping",
    ):
        table.asked.clear()
        assert len(browser.page(page)) < 100_000
        assert table.asked.total() == 0


@pytest.mark.parametrize("customers", [40, 120])
def test_a_look_at_everything_is_a_few_requests_and_a_click_none(customers: int) -> None:
    """However many customers there are; within a minute a click asks the table for nothing."""
    browser, table = counting(partner(customers))
    assert table.asked.total() <= LOOK
    for page in PAGES:
        browser.get(page)  # what Autotask is asked for is read once, when somebody comes to look
    table.asked.clear()
    for page in PAGES:
        assert browser.get(page).status_code == 200
    assert table.asked.total() == 0
    for page, most in READING.items():
        table.asked.clear()
        assert browser.get(page).status_code == 200
        assert table.asked.total() <= most
    table.asked.clear()
    browser.world.clock.advance(61)
    browser.get("/")
    assert 0 < table.asked.total() <= LOOK


# -- What fails


class Broken:
    """Something of AWS that is out of reach."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fails(*_: Any, **__: Any) -> Any:
            raise self._error

        return fails


DENIED = (
    "An error occurred (AccessDeniedException) when calling the Query operation: User: arn:aws:iam::123456789012:user/anna is not "
    "authorized to perform: dynamodb:Query on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/t because no identity-based policy allows it"
)


@pytest.fixture
def table_away(forty: World) -> Iterator[list[Exception]]:
    """A table that fails with what is put into the list."""
    errors: list[Exception] = []
    ports = forty.ports

    class Failing:
        def __getattr__(self, name: str) -> Any:
            return getattr(Broken(errors[0]) if errors else forty.table, name)

    forty.ports = replace(ports, table=Failing())
    yield errors
    forty.ports = ports


def test_what_is_known_is_still_shown_while_the_table_is_away(
    forty: World, table_away: Sequence[Exception]
) -> None:
    """With its age and the reason; and once it is back, all of it is new."""
    browser = Browser(forty)
    table_away.append(TableUnavailable("ConnectTimeoutError: no answer"))  # type: ignore[attr-defined]
    browser.send("/fresh")
    words = browser.words("/")
    assert "10 of 39 customers need you." in words
    assert "What is shown is old: AWS is out of reach" in words
    table_away.clear()  # type: ignore[attr-defined]
    browser.send("/fresh")
    assert "What is shown is old" not in browser.words("/")


def test_a_right_of_aws_that_is_missing_is_named(forty: World, table_away: Sequence[Exception]) -> None:
    """Also on the first look, when nothing is known."""
    table_away.append(TableUnavailable(DENIED))  # type: ignore[attr-defined]
    browser = Browser(forty)
    answer = browser.get("/customers")
    assert answer.status_code == 503
    assert "lacks the right dynamodb:Query" in words_of(answer.text)
    assert "user/anna" in answer.text


def test_a_queue_that_may_not_be_asked_costs_nothing_else(forty: World) -> None:
    """The lines are there, and the page says which right it lacks."""
    denied = DENIED.replace("dynamodb:Query", "sqs:GetQueueAttributes")
    browser = Browser(forty)
    browser.desk.deployment = replace(browser.desk.deployment, queue=Broken(QueueUnavailable(denied)))
    browser.send("/fresh")
    words = browser.words("/")
    assert "lacks the right sqs:GetQueueAttributes" in words
    assert "10 of 39 customers need you." in words


def test_names_with_script_in_them_are_text() -> None:
    """Whoever may name a customer in Timus cannot speak to the operator's browser."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'\u202e"
    browser = Browser(partner(40, names={HELD: evil, UNMAPPED[0]: evil}))
    for page in (*PAGES, f"/customers/{customer_of(UNMAPPED[0])}"):
        html = browser.page(page)
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)" in browser.page("/customers")


def test_a_first_look_that_takes_its_time_says_so(forty: World) -> None:
    """And asks for itself again until it is there, also without scripts."""
    waiting: list[Callable[[], None]] = []
    browser = Browser(forty, waiting.append)
    answer = browser.first
    assert answer.status_code == 200
    assert "One moment" in words_of(answer.text)
    assert 'hx-trigger="every 1s"' in answer.text
    assert 'http-equiv="refresh"' in answer.text
    waiting[0]()
    assert "10 of 39 customers need you." in browser.words("/")


def test_what_is_ignored_on_purpose_is_no_work_beside_a_parked_event() -> None:
    """Neither among what needs a person nor as what stands first of the customer; the event is both."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 25, "SASE-TRIAL": 3})
    world.work()
    browser = Browser(world)
    assert "What needs a person" in browser.words("/")
    Desk(world).told(
        "map", "ignore", "plan", "SASE-TRIAL", "--reason", "free of charge", "--by", "Ada", "--yes"
    )
    world.clock.advance(60)
    world.tell(7, {ADV: 27, "SASE-TRIAL": 3}, event_id="again")
    world.work()
    world.pass_time(minutes=30)
    browser.send("/fresh")
    words = browser.words("/")
    assert "1 of 1 customer needs you." in words
    assert "What needs a person" not in words
    assert "Events that a person has to look at" in words
    assert "free of charge" not in words
    listed = browser.words("/customers")
    assert "waits for a person" in listed
    assert "free of charge" not in listed
    assert "free of charge" in browser.words("/customers/cus_41d0")


def test_a_company_of_another_name_and_a_parked_event_need_somebody() -> None:
    """On the first page and on the customer's, with the command; neither is called aligned."""
    world = World()
    world.map_customer()
    world.map_customer("cus_2", 601, 29683950)
    world.tell(40, {ADV: 25}, customer_name="Northwind")
    world.tell(40, {ADV: 3}, customer="cus_2", subscription="sub_2")
    world.work()
    world.clock.advance(60)
    world.tell(1, {ADV: 4}, customer="cus_2", subscription="sub_2", event_id="again")
    world.work()
    world.pass_time(minutes=30)
    browser = Browser(world)
    words = browser.words("/")
    assert "2 of 2 customers need you." in words
    assert "“Northwind”, Autotask calls company Contoso Dental (600) “Contoso Dental”." in words
    assert "timus-autotask map confirm cus_41d0" in browser.words("/customers/cus_41d0")
    assert "waits for a person." in browser.words("/customers/cus_2")
    assert "timus-autotask events show" in browser.words("/customers/cus_2")
