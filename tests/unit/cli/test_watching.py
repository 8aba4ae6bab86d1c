"""What was posted, and what Timus told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.timus.events import understand


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A client who grew twice, on two days."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    desk.world.pass_time(days=1)
    desk.world.tell(8, {ADV: 30, GATEWAY: 1})
    desk.world.work()
    return desk


def test_changes_tell_what_was_posted_from_which_event(told: Desk) -> None:
    """Oldest first, with the units before and after, and how it ended."""
    first, second = told.ask("changes")["changes"]
    assert first == {
        "id": first["id"],
        "opened_at": "2026-03-15T09:12:44+00:00",
        "settled_at": "2026-03-15T09:12:44+00:00",
        "contract_id": CONTRACT,
        "service_id": 45,
        "company_id": 600,
        "company_name": "Contoso Dental",
        "contract_name": "Contoso SASE",
        "service_name": None,
        "sources": [{"customer": CUSTOMER, "customer_name": "Contoso Dental", "sku": ADV}],
        "day": "2026-03-15",
        "unit_change": 3,
        "units_before": 25,
        "units_after": 28,
        "outcome": "landed",
        "events": ["sub_8f2c1a-v7"],
        "unit_price": None,
        "plan_change_with": [],
        "why": None,
        "by": None,
        "terms": [],
        "undoes": None,
        "undone_by": None,
        "moved_from": None,
        "moved_because": None,
        "message": "",
    }
    assert (second["unit_change"], second["events"]) == (2, ["sub_8f2c1a-v8"])
    assert "sub_8f2c1a-v8" in told.told("changes")


def test_a_plan_change_is_shown_as_one_linked_change(told: Desk) -> None:
    """Each side names the other, while it waits for its day and once it is posted; an add-on is no side of it, nor are seats that change later."""
    told.run("policy", "set", "decreases=start-of-next-period")
    told.world.tell(9, {ESS: 30, GATEWAY: 2})
    told.world.work()
    lines = {line["sku"]: line for line in told.ask("status")["lines"]}
    assert [
        (one["day"], one["contract_id"], one["service_id"]) for one in lines[ADV]["plan_change_with"]
    ] == [("2026-04-01", CONTRACT, 46)]
    assert lines[ESS]["plan_change_with"] == [
        {"day": "2026-04-01", "contract_id": CONTRACT, "service_id": 45}
    ]
    assert "one plan change with service 45" in told.told("status")
    told.world.pass_time(days=16)
    told.world.tell(10, {ESS: 31, GATEWAY: 2})
    told.world.pass_time(days=1)
    told.world.work()
    changes = [c for c in told.ask("changes")["changes"] if c["service_id"] in (45, 46)][2:]
    assert [(c["unit_change"], [w["service_id"] for w in c["plan_change_with"]]) for c in changes] == [
        (-30, [46]),
        (30, [45]),
        (1, []),
    ]
    assert "one plan change with service 46" in told.told("changes")


def test_an_extended_contract_is_a_change_without_units(told: Desk) -> None:
    """A renewal's row tells in words what became of the contract; nothing was added to any line."""
    told.world.tell(9, {ADV: 30, GATEWAY: 1}, term_end=date(2027, 12, 31))
    told.world.work()
    words = told.told("changes")
    assert "contract extended from 2026-12-31 to 2027-12-31" in words
    [mine] = [one for one in told.ask("changes", "--customer", CUSTOMER)["changes"] if not one["service_id"]]
    assert mine["message"] == "contract extended from 2026-12-31 to 2027-12-31: the term was renewed"
    assert (mine["why"], {one["customer"] for one in mine["sources"]}) == ("renewed", {CUSTOMER})
    assert mine["events"] == ["sub_8f2c1a-v9"]
    assert "+0 " not in words


def test_what_fills_a_renewed_term_names_the_renewal(told: Desk) -> None:
    """Autotask leaves the new periods empty, and the seats of the day before go on there."""
    told.world.api.set_switch("extended_periods", "empty")
    told.world.tell(9, {ADV: 30, GATEWAY: 1}, term_end=date(2027, 12, 31))
    told.world.work()
    told.world.pass_time(days=291)
    made = [one for one in told.ask("changes")["changes"] if one["day"] == "2027-01-01"]
    assert {one["unit_change"]: (one["why"], one["events"]) for one in made} == {
        30: ("renewed", ["sub_8f2c1a-v9"]),
        1: ("renewed", ["sub_8f2c1a-v9"]),
    }
    assert "goes on in the renewed term" in " ".join(told.told("changes").split())


def test_a_change_that_somebody_approved_says_who(told: Desk) -> None:
    """With `--by`, or the name of whoever is logged in."""
    told.ask("policy", "set", "approve_increases=always")
    told.world.pass_time(days=1)
    told.world.tell(9, {ADV: 33, GATEWAY: 1})
    told.world.work()
    told.ask("approve", str(CONTRACT), "45", "--by", "Kim", "--yes")
    told.world.work()
    told.world.pass_time(minutes=1)
    change = told.ask("changes")["changes"][-1]
    assert (change["unit_change"], change["why"], change["by"]) == (3, "approved", "Kim")
    assert "approved by Kim" in told.told("changes")


def test_a_change_that_takes_back_an_edit_says_so(told: Desk) -> None:
    """Nothing of Timus is the cause of it."""
    told.ask("policy", "set", "drift=enforce", "--by", "Carl")
    told.world.pass_time(days=1)
    [line] = [line for line in told.world.api.model.lines.values() if line.service["id"] == 45]
    told.world.control.person_adjusts(line.id, told.world.ports.today().toordinal() - 1, 5)
    told.ask("retry", str(CONTRACT))
    told.world.pass_time(minutes=40)
    change = told.ask("changes")["changes"][-1]
    assert (change["unit_change"], change["events"], change["why"]) == (-5, [], "enforced")
    assert (change["by"], change["terms"]) == ("Carl", ["drift=enforce"])
    said = "brings back what somebody changed in Autotask; by the terms: drift=enforce, set by Carl"
    assert said in " ".join(told.told("changes").split())


def test_changes_can_be_chosen(told: Desk) -> None:
    """By day, customer and contract."""
    assert len(told.ask("changes", "--since", "2026-03-16")["changes"]) == 1
    told.world.map_customer("cus_2", 601, 29683950)
    assert told.ask("changes", "--customer", "cus_2")["changes"] == []
    assert told.ask("changes", "--contract", "29683950")["changes"] == []
    assert len(told.ask("changes", "--contract", str(CONTRACT), "--customer", CUSTOMER)["changes"]) == 2
    assert told.told("changes", "--contract", "29683950") == "No adjustment was made.\n"
    assert "is no day or time" in told.refused("changes", "--since", "yesterday", status=2)
    assert "is no day or time" in told.refused("changes", "--since", "2026-03-16T00:00+00:60", status=2)


def test_events_tell_what_became_of_them(told: Desk) -> None:
    """Merged, duplicate, superseded and parked ones, in order of arrival."""
    for version, units, event_id in ((8, 30, "again"), (6, 10, "late"), (9, -1, "odd")):
        told.world.clock.advance(1)
        # The late one is of an earlier day: a lower version of a later time would contradict itself.
        day = told.world.start - timedelta(days=5) if event_id == "late" else None
        told.world.tell(version, {ADV: units, GATEWAY: 1}, event_id=event_id, effective=day, occurred=day)
    told.world.work()
    assert [(event["id"], event["outcome"]) for event in told.ask("events")["events"]] == [
        ("sub_8f2c1a-v7", "merged"),
        ("sub_8f2c1a-v8", "merged"),
        ("again", "duplicate"),
        ("late", "superseded"),
        ("odd", "parked"),
    ]
    assert [event["id"] for event in told.ask("events", "--parked")["events"]] == ["odd"]
    assert len(told.ask("events", "--since", "2026-03-16T00:00")["events"]) == 4
    told.world.map_customer("cus_2", 601, 29683950)
    assert told.ask("events", "--customer", "cus_2")["events"] == []


def test_an_event_is_shown_with_its_body(told: Desk) -> None:
    """By its key or by its webhook-id; a superseded one with what it would have changed."""
    day = told.world.start - timedelta(days=5)
    told.world.tell(6, {ADV: 10}, event_id="late", effective=day, occurred=day)
    told.world.work()
    [event] = told.ask("events", "show", "late")["events"]
    snapshot = understand("late", event["body"].encode())
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.version, snapshot.items) == (6, ((ADV, 10),))
    assert event["evidence"][0]["units"] == 10
    words = told.told("events", "show", event["key"])
    assert "it would have changed" in words
    assert event["body"] in words
    assert "There is no merged event" in told.refused("events", "show", "nothing")
    assert "required: KEY" in told.refused("events", "show", status=2)


def test_changes_tell_who_decided_what(told: Desk) -> None:
    """Beside the adjustments, by time; of a customer those that concern it."""
    told.ask("policy", "set", f"minimum.{ADV}=31", "--by", "pat")
    told.world.clock.advance(60)
    told.ask("pause", "--customer", "cus_b", "--unknown", "--by", "kim")
    told.world.clock.advance(60)
    told.ask("retry", str(CONTRACT), "--by", "j.doe")
    found = told.ask("changes")["decisions"]
    assert [(one["decision"], one["by"], one["customers"], one["contract_id"]) for one in found] == [
        ("policy set", "pat", [], None),
        ("pause", "kim", ["cus_b"], None),
        ("retry", "j.doe", [CUSTOMER], CONTRACT),
    ]
    assert found[0]["detail"] == f"minimum.{ADV}=31 from 2026-03-16"
    mine = told.ask("changes", "--customer", CUSTOMER)["decisions"]
    assert [one["decision"] for one in mine] == ["policy set", "retry"]
    assert [one["decision"] for one in told.ask("changes", "--contract", str(CONTRACT))["decisions"]] == [
        "retry"
    ]
    words = told.told("changes")
    assert "decided by pat" in words
    assert "everybody" in words
