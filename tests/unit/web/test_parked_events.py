"""Parked events on the console's first page: a button only where it can succeed, and no link to a customer that there is not."""

from __future__ import annotations

import re

from tests.fakes.memory_secrets import WEBHOOK_SECRET
from tests.unit.cli.desk import Desk
from tests.unit.web.browser import Browser
from tests.world import ADV, World
from timus_autotask.sync.receive import HttpRequest, receive
from timus_autotask.timus.signatures import sign


def told(world: World, body: bytes, event_id: str) -> None:
    """A signed delivery with any body."""
    headers = sign(event_id, int(world.clock.now().timestamp()), body, WEBHOOK_SECRET)
    request = HttpRequest("POST", "/webhooks/timus", {**headers, "content-type": "application/json"}, body)
    assert receive(request, world.receive_ports).status == 202
    world.work()


def prepared() -> World:
    """An event of each sort: not JSON, not understood, another state of a known version, and of another customer."""
    world = World()
    world.map_customer()
    world.tell(40, {ADV: 25})
    world.work()
    world.clock.advance(60)
    told(world, b"not JSON", "evt_garbage")
    told(world, b'{"type": "x.y"}', "evt_unknown")
    world.tell(40, {ADV: 27}, event_id="evt_contradicts")
    world.work()
    world.tell(41, {ADV: 27}, customer="cus_2", event_id="evt_moved")
    world.work()
    return world


def row_of(page: str, event_id: str) -> str:
    """The HTML of an event's row."""
    [row] = re.findall(rf'<tr role="row" data-event="{event_id}">.*?</tr>', page, re.DOTALL)
    return str(row)


def test_only_an_event_that_can_be_right_has_the_button() -> None:
    """What nobody understands can be dismissed; what a later event of the former customer overtook, too."""
    world = prepared()
    browser = Browser(world)
    page = browser.page("/")
    for event_id, may in (
        ("evt_garbage", False),
        ("evt_unknown", False),
        ("evt_contradicts", True),
        ("evt_moved", True),
    ):
        assert ("It is right" in row_of(page, event_id)) == may, event_id
        assert "Dismiss" in row_of(page, event_id)
    world.clock.advance(60)
    world.tell(42, {ADV: 28}, event_id="evt_former_again")
    world.work()
    browser.send("/fresh")
    page = browser.page("/")
    assert "It is right" not in row_of(page, "evt_moved")


def test_of_a_counter_that_began_again_the_oldest_event_has_the_button() -> None:
    """A later one would leave out the days of those before it, and is refused."""
    world = World()
    world.map_customer()
    for version, event_id in ((40, "evt_40"), (1, "evt_first"), (2, "evt_second")):
        world.tell(version, {ADV: 30 + version}, event_id=event_id)
        world.work()
        world.pass_time(days=1)
    page = Browser(world).page("/")
    shown = {one: "It is right" in row_of(page, one) for one in ("evt_first", "evt_second")}
    assert shown == {"evt_first": True, "evt_second": False}


def test_every_button_that_is_there_leads_to_a_preview() -> None:
    """Also where two events have one webhook-id: the button names the event's key."""
    world = prepared()
    world.tell(40, {ADV: 28}, event_id="evt_contradicts")
    world.work()
    browser = Browser(world)
    fields = re.findall(
        r'name="what" value="accept-event"><input type="hidden" name="event" value="([^"]+)"',
        browser.page("/"),
    )
    assert len(fields) == 3
    for key in fields:
        answer = browser.send("/do", {"what": "accept-event", "event": key, "back": "/"})
        assert "Take a parked event as right" in answer.text
        assert "only an event that" not in answer.text
        assert "give a key" not in answer.text


def test_an_event_that_names_no_customer_is_called_so_and_links_nowhere() -> None:
    """On every page, and by the command."""
    world = prepared()
    browser = Browser(world)
    for page in ("/", "/ready", "/ledger"):
        html = browser.page(page)
        assert "/customers/-" not in html
        assert "no customer named" in html
    desk = Desk(world)
    for words in ("status", "events", "ready", "ledger"):
        assert "no customer named" in desk.run(*words.split()).out, words
    assert "event evt_garbage~" in desk.told("status")
    assert ", which names no customer, waits for a person" in desk.told("status").replace("\n", " ")
    assert "An event without a customer: " in desk.told("digest")
    listed = {one["id"]: one["customer"] for one in desk.ask("events", "--parked")["events"]}
    assert listed["evt_garbage"] == "-"
