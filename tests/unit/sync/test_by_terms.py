"""An adjustment that nothing of Timus's caused names the terms that did, and who set them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, World
from timus_autotask.domain.terms import Terms
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts


def level() -> Desk:
    """A client with 28 seats and a gateway, level since some days."""
    world = World()
    world.map_customer()
    world.tell(7, {ADV: 28, GATEWAY: 1})
    world.work()
    world.clock.advance(3 * 86400)
    world.pass_time(minutes=1)
    return Desk(world)


def found_level() -> Desk:
    """A client whose 25 seats and gateway were on the contract already when it was mapped."""
    world = World()
    world.map_customer()
    world.tell(1, {ADV: 25, GATEWAY: 1}, effective=datetime(2026, 1, 1, 12, tzinfo=UTC))
    world.work()
    world.pass_time(minutes=20)
    assert not world.posted()
    return Desk(world)


def set_by(desk: Desk, name: str, *words: str) -> None:
    """Somebody sets terms, and the workers follow."""
    desk.ask("policy", "set", *words, "--by", name)
    desk.world.work()
    desk.world.clock.advance(86400)
    desk.world.pass_time(minutes=1)


def newest(desk: Desk) -> dict[str, Any]:
    """The last adjustment, as ``changes`` shows it."""
    found: dict[str, Any] = desk.ask("changes")["changes"][-1]
    return found


@pytest.mark.parametrize(
    ("terms", "change"),
    [
        (f"minimum.{ADV}=40", 12),
        (f"included.{ADV}=3", -3),
        (f"excluded={ADV}", -28),
        (f"pooled_minimum.{ADV}=40", None),
    ],
)
def test_the_term_and_who_set_it(terms: str, change: int | None) -> None:
    """For programs and for people; no event is named."""
    desk = level()
    before = newest(desk)
    set_by(desk, "pat", terms)
    if change is None:
        assert newest(desk)["id"] == before["id"]
        return
    made = newest(desk)
    assert (made["unit_change"], made["why"], made["by"], made["terms"]) == (change, "terms", "pat", [terms])
    assert made["events"] == []
    assert f"by the terms: {terms}, set by pat" in " ".join(desk.told("changes").split())


def test_a_line_that_was_level_when_it_was_found_has_no_news() -> None:
    """What Timus reported in January is not why it has a minimum now. An approval stays the reason, as everywhere."""
    terms = [f"minimum.{ADV}=40"]
    desk = found_level()
    set_by(desk, "Anna", *terms)
    made = newest(desk)
    assert (made["unit_change"], made["why"], made["by"], made["terms"]) == (15, "terms", "Anna", terms)
    assert made["events"] == []
    desk = found_level()
    desk.ask("policy", "set", "approve_increases=always")
    set_by(desk, "Anna", *terms)
    desk.ask("approve", "29683949", "45", "--by", "Bea")
    desk.world.work()
    made = newest(desk)
    assert (made["why"], made["by"], made["terms"], made["events"]) == ("approved", "Bea", terms, [])


def test_news_that_a_minimum_hid_are_not_why_it_ends() -> None:
    """One seat more was reported under a minimum of 40: nothing was adjusted for it."""
    desk = found_level()
    set_by(desk, "Anna", f"minimum.{ADV}=40")
    desk.world.tell(2, {ADV: 26, GATEWAY: 1})
    desk.world.work()
    desk.world.clock.advance(3600)
    set_by(desk, "Dora", "minimum=")
    made = newest(desk)
    assert (made["unit_change"], made["why"], made["by"], made["events"]) == (-14, "terms", "Dora", [])


def test_a_day_that_takes_another_adjustment_by_the_terms() -> None:
    """Both adjustments by which seats come back on the day itself, and not on the next one."""
    desk = found_level()
    world = desk.world
    world.api.set_switch("same_day", "sum")
    world.tell(2, {ADV: 0, GATEWAY: 1})
    world.work()
    world.clock.advance(600)
    world.tell(3, {ADV: 25, GATEWAY: 1})
    world.work()
    world.clock.advance(3 * 86400)
    world.pass_time(minutes=1)
    set_by(desk, "Carl", "same_day=attempt")
    made = [one for one in desk.ask("changes")["changes"] if one["why"] == "terms"]
    assert {one["day"]: one["unit_change"] for one in made} == {"2026-03-15": 25, "2026-03-16": -25}
    assert {(one["by"], *one["terms"]) for one in made} == {("Carl", "same_day=attempt")}


def test_a_customers_own_terms() -> None:
    """Those that are taken back, too: the line goes where it was."""
    desk = level()
    set_by(desk, "pat", f"minimum.{ADV}=40", "--customer", CUSTOMER)
    assert (newest(desk)["by"], newest(desk)["terms"]) == ("pat", [f"minimum.{ADV}=40"])
    set_by(desk, "kim", f"minimum.{ADV}=", "--customer", CUSTOMER)
    made = newest(desk)
    assert (made["unit_change"], made["by"], made["terms"]) == (-12, "kim", [f"minimum.{ADV}="])


def test_terms_that_were_set_since_and_say_nothing_of_it_are_not_the_cause() -> None:
    """Two people set terms before the workers come."""
    desk = level()
    desk.ask("policy", "set", f"minimum.{ADV}=40", "--by", "pat")
    set_by(desk, "kim", "drift=enforce")
    assert (newest(desk)["by"], newest(desk)["terms"]) == ("pat", [f"minimum.{ADV}=40"])


def test_what_timus_reports_is_its_own_cause() -> None:
    """Also soon after terms were set that concern the line."""
    desk = level()
    set_by(desk, "pat", f"minimum.{ADV}=10")
    desk.world.tell(8, {ADV: 31, GATEWAY: 1})
    desk.world.work()
    made = newest(desk)
    assert (made["unit_change"], made["why"], made["by"], made["terms"]) == (3, None, None, [])
    assert made["events"] == ["sub_8f2c1a-v8"]


def test_a_change_that_the_terms_bring_forward() -> None:
    """It was to be made in the next period; the terms let it be made at once."""
    desk = level()
    set_by(desk, "pat", "decreases=start-of-next-period")
    desk.world.tell(8, {ADV: 20, GATEWAY: 1})
    desk.world.work()
    assert newest(desk)["unit_change"] != -8
    set_by(desk, "kim", "decreases=day-of-change", "--from", "always")
    made = newest(desk)
    assert (made["unit_change"], made["why"], made["by"]) == (-8, "terms", "kim")
    assert made["terms"] == ["decreases=day-of-change"]
    assert date.fromisoformat(made["day"]) < date(2026, 4, 1)


def test_an_approval_stays_the_reason_and_the_terms_are_named() -> None:
    """Who approved it is the one who let it go."""
    desk = level()
    set_by(desk, "kim", "approve_increases=always")
    set_by(desk, "pat", f"minimum.{ADV}=40")
    desk.ask("approve", "29683949", "45", "--by", "ada")
    desk.world.work()
    made = newest(desk)
    assert (made["why"], made["by"], made["terms"]) == ("approved", "ada", [f"minimum.{ADV}=40"])
    assert "approved by ada; by the terms:" in " ".join(desk.told("changes").split())


def test_former_terms_that_cannot_be_read_hold_up_nothing() -> None:
    """They held on no day, and only say who changed what: the adjustment is made, without a reason."""
    desk = level()
    world = desk.world
    odd = Terms({"a_term_of_old": 1}).changed({"minimum": {ADV: 40}}, "pat", world.clock.now(), None)
    wakes = wake_contracts(CUSTOMER, [CONTRACT], world.ports)
    world.ports.store.commit(put_terms(None, odd, 0), *wakes)
    world.pass_time(minutes=1)
    world.clock.advance(86400)
    world.pass_time(minutes=1)
    assert not [fields for name, fields in world.happened if name == "failed"]
    made = newest(desk)
    assert (made["unit_change"], made["why"], made["terms"]) == (12, None, [])
