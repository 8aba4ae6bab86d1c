"""``reconcile``, ``redrive``, ``replay`` and ``logs queries`` at the desk."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A client at 28, level since yesterday."""
    desk.world.map_customer()
    desk.world.tell(1, {ADV: 28})
    desk.world.work()
    desk.world.pass_time(days=1, hours=12)
    return desk


def test_reconcile_shows_what_it_found(desk: Desk) -> None:
    """With progress, both numbers, and what happens next; --last shows it again without asking Autotask."""
    assert "Nothing was found." in desk.told("reconcile")
    desk.world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 3)
    said = desk.told("reconcile")
    assert "1 of 1 contracts" in said
    assert "edited-up" in said
    assert "1 contracts are looked at by the worker now" in said
    desk.world.control.clear_requests()
    [found] = desk.ask("reconcile", "--last")["findings"]
    assert (found["kind"], found["ours"], found["autotask"]) == ("edited-up", 28, 31)
    assert desk.world.control.requests() == []


def test_reconcile_that_could_not_end_says_why(desk: Desk) -> None:
    """It fails, with what it found so far."""
    desk.world.control.set_switches({"other_requests": 9_000})
    assert "90 % of Autotask's request allowance is used" in desk.refused("reconcile")


def test_reconcile_against_timus(desk: Desk, tmp_path: Path) -> None:
    """A preview of the three ways, then the missing events; repeated, it finds nothing."""
    file = tmp_path / "portal.csv"
    file.write_text(f"customer_id,subscription_id,sku,quantity\n{CUSTOMER},sub_8f2c1a,{ADV},31\n")
    assert "Nothing was written (--dry-run)" in desk.told(
        "reconcile", "--timus-export", str(file), "--dry-run"
    )
    said = desk.ask("reconcile", "--timus-export", str(file), "--yes")
    assert said["taken_in"] == 1
    [row] = said["compared"]
    assert (row["timus"], row["table"], row["autotask"]) == (31, 28, 28)
    desk.world.work()
    assert desk.world.units(ADV, date(2026, 3, 17)) == 31
    assert "Our table says what Timus says." in desk.told("reconcile", "--timus-export", str(file))


def test_a_file_that_cannot_be_used_is_refused_row_by_row(desk: Desk, tmp_path: Path) -> None:
    """Before anything is asked or written."""
    file = tmp_path / "portal.csv"
    file.write_text("customer_id,subscription_id,sku,quantity\nc,s,x,many\nc,s,y,\n")
    said = desk.refused("reconcile", "--timus-export", str(file), status=2)
    assert "row 2: quantity must be a whole number, but is 'many'\nrow 3: quantity is missing" in said
    assert "cannot be read" in desk.refused("reconcile", "--timus-export", str(tmp_path / "no"), status=2)


def test_after_a_restore(desk: Desk) -> None:
    """Everything is paused first, and says what comes next."""
    said = desk.ask("reconcile", "--after-restore", "--yes")
    assert said["restored"] == [CONTRACT]
    assert desk.ask("policy", "show")["policy"]["paused"] is True


def test_redrive(desk: Desk) -> None:
    """Dead letters back into the queue."""
    assert "There are no dead letters." in desk.told("redrive")
    desk.dead_letters.send(CUSTOMER, "dead")
    assert desk.ask("redrive") == {"woken": [CUSTOMER], "strange": []}
    assert sum(desk.world.queue.depth()) == 1


def test_replay(desk: Desk) -> None:
    """Stored events into the inbox again; what is known changes nothing."""
    posted = desk.world.posted()
    assert desk.ask("replay", "--since", "2026-03-01", "--dry-run") == {"events": 1, "replayed": 0}
    assert desk.ask("replay", "--since", "2026-03-01") == {"events": 1, "replayed": 1}
    desk.world.work()
    desk.world.clock.advance(timedelta(minutes=2).total_seconds())
    assert [event["outcome"] for event in desk.ask("events")["events"]] == ["merged"]
    assert desk.world.posted() == posted
    assert desk.ask("replay", "--since", "2026-03-17") == {"events": 0, "replayed": 0}


def test_queries_name_the_stacks_log_groups(desk: Desk) -> None:
    """Ready to paste, with where to paste them."""
    found = desk.ask("logs", "queries")["queries"]
    assert "/aws/lambda/timus-autotask-apply-changes" in found[0]["log_groups"]
    assert all(query["words"] and query["query"] for query in found)
