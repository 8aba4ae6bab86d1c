"""Everything is mapped in a browser: from suggestions, one by one or together, and from a file."""

from __future__ import annotations

import pytest

from tests.partner import IGNORED, STRANGE, UNMAPPED, contract_of, customer_of, name_of, partner
from tests.unit.web.browser import Browser, words_of
from tests.world import World
from timus_autotask.web.pages import mapping


@pytest.fixture
def world() -> World:
    """Three customers and a SKU are not mapped."""
    return partner(32, weeks=0)


@pytest.fixture
def browser(world: World) -> Browser:
    """A console over them."""
    return Browser(world)


def offer(number: int) -> str:
    """The value of the offer that is right for a customer."""
    return f"customer:{customer_of(number)}:{600 + number}:{contract_of(number)}"


def unmapped(world: World) -> list[int]:
    """Of those three, who is not."""
    return [n for n in UNMAPPED if not world.ports.store.mapping(customer_of(n))]


def test_what_is_not_mapped_stands_first_with_what_it_may_be(browser: Browser) -> None:
    """With the reason and the score of each offer."""
    html = browser.page("/mapping")
    words = words_of(html)
    assert "4 to be mapped." in words
    assert f'value="{offer(UNMAPPED[0])}"' in html
    assert "score" in words
    assert "SASE-DLP-USER" in words


def test_a_thousand_who_are_not_mapped_are_no_endless_form(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many at once, and a search finds any of the others."""
    monkeypatch.setattr(mapping, "OFFERS_AT_ONCE", 2)
    html = browser.page("/mapping")
    assert html.count("data-customer=") == 2
    assert "1 more customer stands here once these are mapped" in words_of(html)
    for number in UNMAPPED:
        assert f'data-customer="{customer_of(number)}"' in browser.page(f"/mapping?q={customer_of(number)}")


def test_the_next_page_of_what_is_mapped_keeps_what_is_looked_for(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would be the second page of everybody."""
    monkeypatch.setattr(mapping, "MAPPED_AT_ONCE", 1)
    assert '<a href="/mapping?q=cus_000&amp;page=2" rel="next">' in browser.page("/mapping?q=cus_000")
    assert '<a href="/mapping?q=cus_000" rel="prev">' in browser.page("/mapping?q=cus_000&page=2")


def test_one_click_accepts_the_first_offer(browser: Browser, world: World) -> None:
    """And shows what it would change before it is written."""
    browser.page("/mapping")
    shown = browser.send("/mapping/accept", {"one": offer(UNMAPPED[0])})
    words = words_of(shown.text)
    assert f"Customer {name_of(UNMAPPED[0])} is company {600 + UNMAPPED[0]}" in words
    assert "What would be adjusted in Autotask" in words
    assert unmapped(world) == [*UNMAPPED]
    assert "Done" in words_of(browser.send(shown.url.path).text)
    assert unmapped(world) == [*UNMAPPED[1:]]
    assert "3 to be mapped." in browser.words("/mapping")


def test_several_are_chosen_and_ignored_together(browser: Browser, world: World) -> None:
    """Behind one preview; what is ignored needs a reason."""
    browser.page("/mapping")
    form = {f"choice:{n}": offer(n) for n in UNMAPPED} | {"choice:sku": "ignore-sku:SASE-DLP-USER"}
    refused = browser.send("/mapping/accept", form)
    assert "Say why it is ignored" in words_of(refused.text)
    shown = browser.send("/mapping/accept", {**form, "reason": "A trial"})
    assert "Map 4 customers and SKUs" in words_of(shown.text)
    browser.send(shown.url.path)
    assert unmapped(world) == []
    assert "Everything is mapped." in browser.words("/mapping")
    assert "ignored by anna: A trial" in browser.words("/mapping")


def test_what_is_ignored_can_be_taken_back(browser: Browser, world: World) -> None:
    """By the customer's row."""
    shown = browser.send("/mapping/unignore", {"customer": customer_of(IGNORED)})
    browser.send(shown.url.path)
    mapping = world.ports.store.mapping(customer_of(IGNORED))
    assert mapping is not None
    assert mapping.ignored is None


@pytest.mark.parametrize(
    "value", ["", "customer:", "customer:x:y:z", "sku:A", "nonsense:1", "ignore-customer:cus_x"]
)
def test_a_choice_that_makes_no_sense_writes_nothing(browser: Browser, world: World, value: str) -> None:
    """It says so."""
    browser.page("/mapping")
    answer = browser.send("/mapping/accept", {"one": value, "choice:x": value})
    assert answer.status_code == 400
    assert unmapped(world) == [*UNMAPPED]


def test_a_file_goes_out_and_comes_in(browser: Browser, world: World) -> None:
    """What is exported can be imported, and changes nothing."""
    answer = browser.get("/mapping/mappings.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "mappings.csv" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    shown = browser.send("/mapping/import", files={"file": ("mappings.csv", answer.content, "text/csv")})
    assert "stay as they are" in words_of(shown.text)


def test_a_file_with_a_mistake_lists_it_and_what_is_right_can_be_taken_in(
    browser: Browser, world: World
) -> None:
    """With its row; nothing is written until somebody says which."""
    first, second = UNMAPPED[:2]
    rows = ["customer_id,company_id,contract_id"]
    rows += [
        f"{customer_of(first)},{600 + first},{contract_of(first)}",
        f"{customer_of(second)},x,{contract_of(second)}",
    ]
    data = "\r\n".join(rows).encode()
    shown = browser.send("/mapping/import", files={"file": ("clients.csv", data, "text/csv")})
    words = words_of(shown.text)
    assert "The file has one problem" in words
    assert "row 3: company_id" in words
    assert unmapped(world) == [*UNMAPPED]
    rest = browser.send(shown.url.path, {"otherwise": "yes"})
    assert "Left out: row 3" in words_of(rest.text)
    browser.send(rest.url.path)
    assert unmapped(world) == [*UNMAPPED[1:]]


def test_where_a_service_is_on_a_contract_twice_its_line_is_chosen(browser: Browser, world: World) -> None:
    """From the line that waits for it, with the units of each."""
    contract = contract_of(1)
    world.control.person_adds_line(contract, 45, world.clock.now().date().toordinal(), 4)
    world.tell(99, {"SASE-ADV-USER": 30, "SASE-GATEWAY": 1}, customer=customer_of(1), subscription="sub_0001")
    world.work()
    browser.send("/fresh")
    assert "Choose the line …" in browser.words(f"/customers/{customer_of(1)}")
    page = browser.page(f"/mapping/lines?contract={contract}&service=45")
    assert f'value="{contract}:45:11"' in page
    shown = browser.send("/mapping/line", {"line": f"{contract}:45:11"})
    browser.send(shown.url.path)
    assert world.ports.store.contract_state(contract).value.chosen[45].contract_service_id == 11
    for address in (
        "/mapping/lines",
        "/mapping/lines?contract=x&service=1",
        f"/mapping/lines?contract={contract}&service=9",
    ):
        assert browser.get(address).status_code == 400


def test_no_file_is_told(browser: Browser) -> None:
    """An empty form is no import."""
    assert "Choose a file first" in words_of(browser.send("/mapping/import").text)


def test_while_autotask_is_away_the_rest_of_the_page_is_there(browser: Browser, world: World) -> None:
    """What is mapped, the file, and why nothing can be suggested."""
    world.control.add_fault("html_503", times=None)
    words = browser.words("/mapping")
    assert "4 to be mapped." in words
    assert "Not looked up yet" in words
    assert name_of(STRANGE) in words
