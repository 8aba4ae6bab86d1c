"""The same view as one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.partner import HELD, UNMAPPED, customer_of, name_of, partner
from tests.unit.cli.desk import Desk as CommandDesk
from tests.unit.web.browser import Browser, words_of
from tests.world import World
from timus_autotask.web.report import report


@pytest.fixture(scope="module")
def world() -> World:
    """It is only read here."""
    return partner(32, weeks=4)


def test_the_file_has_what_the_pages_have(world: World) -> None:
    """How everybody stands, whom it concerns, the month, the changes, each customer and the terms."""
    browser = Browser(world)
    found = report(browser.desk, world.clock.now().date())
    words = words_of(found.html)
    assert found.sentence == "10 of 31 customers need you"
    assert (found.customers, found.need) == (32, 10)
    for said in (
        "10 of 31 customers need you.",
        "Not yet: 13 things",
        "about 345.00",
        name_of(HELD),
        "12.50",
        "approve_increases",
    ):
        assert said in words


def test_it_loads_nothing_runs_nothing_and_leads_nowhere_else(world: World) -> None:
    """Every link leads to a place in it that is there."""
    html = report(Browser(world).desk, world.clock.now().date()).html
    assert "<script" not in html
    assert "<form" not in html
    assert "<button" not in html
    assert not re.findall(r'(?:src|action|hx-get)="', html)
    links = re.findall(r'href="([^"]*)"', html)
    assert links
    assert all(link.startswith("#") for link in links)
    places = set(re.findall(r'id="([^"]*)"', html))
    assert {link[1:] for link in links} <= places
    assert "default-src 'none'" in html


def test_names_with_script_in_them_are_text() -> None:
    """Also in a file that leaves the house."""
    evil = "</style><script>alert(1)</script>"
    html = report(Browser(partner(32, weeks=0, names={HELD: evil})).desk, partner(1).clock.now().date()).html
    assert "<script>alert" not in html
    assert html.count("</style>") == 1


def test_without_autotask_the_rest_is_in_it(world: World) -> None:
    """With the reason."""
    fault = world.control.add_fault("html_503", times=None)
    words = words_of(report(Browser(world).desk, world.clock.now().date()).html)
    world.control.clear_faults(fault)
    assert "10 of 31 customers need you." in words
    assert "Autotask cannot be asked" in words


def test_the_command_writes_it(tmp_path: Path) -> None:
    """And says at a glance what is in it."""
    desk = CommandDesk()
    desk.world.map_customer()
    desk.world.tell(1, {"SASE-ADV-USER": 25})
    desk.world.work()
    file = tmp_path / "status.html"
    said = desk.ask("report", "--html", str(file))
    assert said == {"file": str(file), "customers": 1, "need_a_person": 0}
    assert "The one customer is aligned." in words_of(file.read_text())
    assert "cannot be written" in desk.refused("report", "--html", str(tmp_path / "no" / "x.html"), status=2)
    assert customer_of(UNMAPPED[0]) not in file.read_text()
