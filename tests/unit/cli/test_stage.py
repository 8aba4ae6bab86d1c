"""``preview``, ``go-live`` and ``observe`` as a person and a script meet them."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.unit.cli.desk import Desk
from tests.unit.operate.test_stage import OTHER, observing, with_another
from tests.world import CUSTOMER
from timus_autotask.store.terms import put_terms


@pytest.fixture
def desk() -> Desk:
    """Two clients on a stack that observes: three seats more for one, a first line for the other."""
    return Desk(with_another(observing()))


def test_status_begins_with_a_banner(desk: Desk) -> None:
    """It says what to do next, and what would be done stands beside each line."""
    words = desk.told("status")
    assert words.startswith("OBSERVING since 2026-03-15")
    assert "→ timus-autotask go-live" in words
    assert "would +3 from 2026-03-15" in words
    assert "At rest." in words
    assert desk.ask("status")["stage"]["live"] is False


def test_a_preview_shows_lines_money_and_what_is_level(desk: Desk) -> None:
    """Old and new units, the day, an estimate that is called one, and the level lines counted."""
    words = desk.told("preview")
    assert "25 → 28" in words
    assert "+3 from 2026-03-15 (at once)" in words
    assert re.search(r"estimate +a period\n", words)
    assert re.search(r" \+20\.56 +\+37\.50\n", words)
    assert "about +39.21, then +71.50 a period" in words
    assert "1 line is level." in words
    assert "The money is an estimate" in words
    assert "nothing is adjusted before go-live" in words
    said = desk.ask("preview", "--customer", CUSTOMER)
    assert said["live"] is False
    assert said["totals"]["estimate"] == {"so_far": "20.56", "each_period": "37.50", "without_price": 0}


def test_a_mapping_that_observes_says_so(desk: Desk) -> None:
    """What it shows is not posted yet."""
    words = desk.told("map", "plan", "SASE-ADV-USER", "--service", "45", "--yes")
    assert "This contract observes: nothing is adjusted before go-live." in words
    desk.world.work()
    assert desk.world.transport.writes == []


def test_a_preview_says_what_a_posted_period_does(desk: Desk) -> None:
    """By the term ``same-day``, Autotask bills the change as an item of its own."""
    world = desk.world
    world.ports.store.commit(put_terms(None, {"posted_period": "same-day"}, 0))
    world.control.approve_and_post(29683949, date(2026, 3, 31).toordinal())
    assert "a period that is posted already: an item of its own" in desk.told(
        "preview", "--customer", CUSTOMER
    )


def test_going_live_in_a_script_has_to_be_said(desk: Desk) -> None:
    """Without ``--yes`` nothing is written; with a dry run everything is shown."""
    assert "if it is meant: --yes" in desk.refused("go-live")
    assert "Nothing was written (--dry-run)." in desk.told("go-live", "--dry-run")
    assert desk.world.transport.writes == []
    assert desk.ask("go-live", "--yes")["written"] is True
    desk.world.work()
    assert len(desk.world.posted()) == 2


def test_going_live_again_says_that_nothing_is_to_be_adjusted(desk: Desk) -> None:
    """What was shown the first time is made; the second time nothing was shown."""
    assert "What was shown is being made." in desk.told("go-live", "--yes")
    desk.world.work()
    desk.world.pass_time(hours=1)
    desk.world.work()
    words = desk.told("go-live", "--yes")
    assert "Nothing is to be adjusted." in words
    assert "is being made" not in words


def test_a_person_is_asked_with_the_totals(desk: Desk, asked: list[str]) -> None:
    """Who says no has changed nothing."""
    assert "Nothing was written" in desk.refused("go-live")
    assert asked == ["Go live? That adjusts 2 lines, +7 and -0 units, about +39.21, then +71.50 a period."]
    assert desk.world.transport.writes == []


def test_who_stays_in_observation_is_named_and_not_counted(desk: Desk, asked: list[str]) -> None:
    """In the question too, so that the person says yes to what is posted."""
    said = desk.run("go-live", "--except", CUSTOMER)
    posted = "1 line, +4 and -0 units, about +18.65, then +34.00 a period"
    assert asked == [f"Go live? That adjusts {posted}. Still observing: {CUSTOMER}."]
    assert (
        "In observation, and not counted here: cus_41d0 Contoso Dental (1 line, +3 and -0 units" in said.out
    )
    told = desk.ask("go-live", "--except", CUSTOMER, "--yes")
    assert (told["totals"]["units_up"], told["in_observation"]["totals"]["units_up"]) == (4, 3)
    assert told["observing"] == [CUSTOMER]


def test_who_is_not_known_is_told_so_without_advice_for_writing(desk: Desk) -> None:
    """A preview writes nothing, and takes no --unknown."""
    words = desk.refused("preview", "--customer", "cus_41d1")
    assert "did you mean cus_41d0" in words
    assert "--unknown" not in words
    assert "Nothing was written" not in words


def test_a_preview_of_who_is_ignored_says_so(desk: Desk) -> None:
    """And offers the way back, not go-live."""
    desk.world.tell(1, {"SASE-ESS-USER": 4}, customer="cus_ours", subscription="sub_ours")
    desk.world.work()
    desk.told("map", "ignore", "customer", "cus_ours", "--reason", "our own company", "--by", "Ada")
    words = desk.told("preview", "--customer", "cus_ours")
    assert "cus_ours is ignored by Ada since 2026-03-15, so nothing is billed: our own company" in words
    assert "→ timus-autotask map unignore customer cus_ours" in words
    assert "go-live" not in words
    assert desk.ask("preview", "--customer", "cus_ours")["ignored"]["reason"] == "our own company"


def test_observing_again_is_asked_and_can_be_tried(desk: Desk, asked: list[str]) -> None:
    """A dry run changes nothing, and neither does who says no."""
    desk.ask("go-live", "--yes")
    assert desk.ask("observe", "--dry-run")["written"] is False
    assert "Nothing was written" in desk.refused("observe")
    assert asked == ["Observe everybody? Nothing is written to Autotask until go-live."]
    assert desk.ask("status")["stage"]["live"] is True
    desk.told("observe", "--yes")
    assert desk.ask("status")["stage"]["live"] is False


def test_who_is_live_is_no_exception(desk: Desk) -> None:
    """The refusal names what may be meant."""
    desk.told("go-live", "--yes")
    words = desk.refused("go-live", "--except", CUSTOMER, "--yes")
    assert f"{CUSTOMER} is live already" in words
    assert f"timus-autotask pause --customer {CUSTOMER}" in words
    assert f"timus-autotask observe --customer {CUSTOMER}" in words


def test_one_after_the_other(desk: Desk) -> None:
    """Some go first; who is left is named, and ``observe`` takes one back."""
    for words in (("--except", CUSTOMER), ()):
        told = desk.told("go-live", *words, "--yes")
        assert f"Still observing: {CUSTOMER}. To let him go live:" in told
        assert f"→ timus-autotask go-live --customer {CUSTOMER}" in told
    assert f"Observing, while everybody else is live: {CUSTOMER}." in desk.told("status")
    assert f"Live: {CUSTOMER}." in desk.told("go-live", "--customer", CUSTOMER, "--yes")
    assert f"Observing: {OTHER}." in desk.told("observe", "--customer", OTHER, "--by", "m.lee")
    decisions = desk.ask("changes")["decisions"]
    assert {(one["decision"], one["by"]) for one in decisions} >= {("observe", "m.lee")}
    assert desk.ask("status")["stage"]["customers"][OTHER]["live"] is False
