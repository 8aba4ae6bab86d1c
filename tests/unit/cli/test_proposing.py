"""A command shows what it would post, asks, and does it; in a script it says what has to be said."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.unit.operate.test_proposal import crowd
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY

MINIMUM = ("policy", "set", f"minimum.{ADV}=50")
LINE = (str(CONTRACT), "45")


@pytest.fixture
def mapped(desk: Desk) -> Desk:
    """A client, mapped and level."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25, GATEWAY: 1})
    desk.world.work()
    return desk


def test_terms_are_shown_with_what_they_post(mapped: Desk) -> None:
    """From → to, line by line; a dry run stops there."""
    words = mapped.told(*MINIMUM, "--dry-run")
    assert f"minimum for everybody: none → {ADV}=50" in words
    assert "+25 from 2026-03-15 (at once)" in words
    assert "Nothing was written (--dry-run)" in words
    said = mapped.ask(*MINIMUM, "--dry-run")
    assert said["changed"] == {"minimum": {"from": {}, "to": {ADV: 50}}}
    assert (said["written"], said["totals"]["units_up_at_once"]) == (False, 25)
    assert mapped.ask("policy", "show")["set"] == {}
    mapped.world.work()
    assert mapped.world.posted() == []


def test_the_whole_preview_is_in_json_when_a_script_goes_on(mapped: Desk) -> None:
    """Without --yes too, as documented."""
    said = mapped.ask(*MINIMUM)
    [line] = [one for one in said["preview"][0]["lines"] if one["service_id"] == 45]
    assert line["adjustments"] == [
        {
            "day": "2026-03-15",
            "unit_change": 25,
            "goes_on": 0,
            "unit_price": None,
            "at_once": True,
            "period_posted": False,
            "estimate": None,
        }
    ]
    assert said["written"] is True
    mapped.world.work()
    assert mapped.world.posted() == [(45, 25, "2026-03-15")]


def test_many_contracts_are_told_with_totals() -> None:
    """Those that stay as they are are counted; none is left out for programs."""
    desk = Desk(crowd(23))
    desk.world.tell(2, {ADV: 30}, customer="cus_0", subscription="sub_0")
    desk.world.work()
    words = desk.told("policy", "set", f"minimum.{ADV}=12", "--dry-run")
    assert "1 contract stays as it is." in words
    assert "In all: 22 lines on 22 contracts, +44 and -0 units; of these at once: +44 and -0." in words
    assert len(desk.ask("policy", "set", f"minimum.{ADV}=12", "--dry-run")["preview"]) == 23


def test_a_person_is_asked_and_may_say_no(mapped: Desk, asked: list[str]) -> None:
    """Whatever the command."""
    desk = mapped
    desk.world.api.faults.add(Fault("json_500", entity="ContractServiceAdjustments", times=1))
    desk.world.tell(8, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    posted = desk.world.posted()
    for words in (
        MINIMUM,
        ("map", "plan", ADV, "--service", "46"),
        ("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT)),
        ("retry", str(CONTRACT)),
        ("resume",),
        ("replay", "--since", "2026-01-01"),
        ("restore", "--to", "2026-03-14"),
        ("reconcile", "--after-restore"),
    ):
        before = desk.world.table.documents()
        assert "Nothing was written" in desk.refused(*words), words
        assert desk.world.table.documents() == before
    assert len(asked) == 8
    desk.world.work()
    assert desk.world.posted() == posted


def test_nothing_is_asked_where_nothing_would_be_done(mapped: Desk, asked: list[str]) -> None:
    """There are no dead letters, and no events since."""
    assert "There are no dead letters." in mapped.told("redrive")
    assert "0 events of 0 customers." in mapped.told("replay", "--since", "2026-03-16")
    assert asked == []


def test_what_cannot_be_shown_is_not_done(mapped: Desk) -> None:
    """It used to say "No preview", and wrote."""
    mapped.world.api.faults.add(Fault("not_sent", times=None))
    assert "It cannot be shown what would be done" in mapped.refused(*MINIMUM, "--yes")
    assert mapped.ask("policy", "show")["set"] == {}
    to = ("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950")
    mapped.told("observe")  # what is live is never mapped unseen
    assert "What this adjusts is not shown (--unchecked)." in mapped.told(*to, "--unchecked")
    assert mapped.ask(*to, "--unchecked")["not_shown"].startswith("Autotask cannot be asked")


def test_a_contract_is_shared_by_an_option_of_its_own(mapped: Desk) -> None:
    """Not by --yes, in a script neither."""
    to = ("map", "customer", "cus_b", "--company", "600", "--contract", str(CONTRACT))
    for more in ((), ("--yes",), ("--dry-run",), ("--unchecked", "--yes")):
        assert "--share" in mapped.refused(*to, *more)
    words = mapped.told(*to, "--share")
    assert f"It is the contract of customer {CUSTOMER} (Contoso Dental) as well (--share)." in words


def test_another_name_is_asked_about(mapped: Desk, asked: list[str]) -> None:
    """At a terminal by the question; a script has to say --yes."""
    to = ("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950")
    doubt = f"Timus calls customer {CUSTOMER} “Contoso Dental”, Autotask calls company 601 “Fabrikam”."
    assert "Nothing was written" in mapped.refused(*to)
    assert asked == ["Write this?"]
    said = mapped.run(*to, "--json")
    assert (said.status, doubt in said.err) == (1, True)
    assert "if it is meant: --yes" in said.err
    said_: Any = mapped.ask(*to, "--yes")
    assert (said_["doubts"], said_["written"], said_["customer_name"]) == ([doubt], True, "Contoso Dental")


def test_a_sku_that_nobody_knows_is_refused(mapped: Desk) -> None:
    """With what it may be; one that a service in Autotask carries is known before Timus has reported it."""
    for order in ("minimum.SASE-ADV-USR=60", "excluded=SASE-ADV-USR", "prices.SASE-ADV-USR=1.50"):
        said = mapped.refused("policy", "set", order)
        assert "Timus has not reported a SKU SASE-ADV-USR yet" in said
        assert f"did you mean {ADV}?" in said
        assert mapped.ask("policy", "set", order, "--unknown")["written"] is True
        mapped.ask("policy", "set", order.partition("=")[0] + "=")
    assert mapped.ask("policy", "set", "included.SASE-ESS-USER=2")["written"] is True
    assert "did you mean" in mapped.refused("map", "plan", "SASE-GATEWAI", "--service", "47")
    to = ("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    assert "did you mean" in mapped.refused(*to, "--sku", "SASE-GATEWAI")


def test_a_held_change_is_rejected_and_comes_back_by_approve(mapped: Desk) -> None:
    """With who, when and why, wherever it is shown."""
    mapped.ask("policy", "set", "approve_increases=always")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    assert "--reason" in mapped.refused("reject", *LINE, status=2)
    assert "empty" in mapped.refused("reject", *LINE, "--reason", " ", status=2)
    said = mapped.ask("reject", *LINE, "--reason", "ordered by mistake", "--by", "j.doe")
    assert (said["unit_change"], said["by"], said["reason"]) == (3, "j.doe", "ordered by mistake")
    assert said["totals"]["lines"] == 0
    mapped.world.work()
    words = mapped.told("status")
    assert "ordered by mistake" in words
    assert "j.doe" in words
    assert "so there is nothing to reject" in mapped.refused("reject", *LINE, "--reason", "again")
    assert mapped.ask("approve", *LINE)["unit_change"] == 3
    mapped.world.work()
    assert mapped.world.posted() == [(45, 3, "2026-03-15")]


def test_a_change_that_was_made_is_undone_with_a_reason(mapped: Desk) -> None:
    """Shown with units and money, then posted; both entries name each other, and the status says who it was."""
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    mapped.world.pass_time(days=2)
    [change] = [one["id"] for one in mapped.ask("changes")["changes"]]
    assert change in mapped.told("changes")
    assert "--reason" in mapped.refused("undo", change, status=2)
    words = mapped.told("undo", change[:8], "--reason", "ordered twice", "--dry-run")
    assert "-3 from 2026-03-16 (at once)" in words
    assert "The undo alone, estimated: about -" in words
    assert "The change is of 2026-03-15. A day of a line takes one adjustment" in words
    said = mapped.ask("undo", change, "--reason", "ordered twice", "--by", "j.doe")
    assert (said["written"], said["undone"][0]["unit_change"]) == (True, -3)
    mapped.world.work()
    first, second = mapped.ask("changes")["changes"]
    assert (first["undone_by"], second["undoes"], second["by"]) == (second["id"], change, "j.doe")
    assert f"undone by {second['id']}" in mapped.told("changes")
    assert "25 = 28 in Timus, -3 undone by j.doe" in mapped.told("status", "--customer", CUSTOMER)
    assert "was undone already" in mapped.refused("undo", change, "--reason", "again")


def test_what_is_wanted_from_a_later_day_on_stands_with_it(mapped: Desk) -> None:
    """28 today, as the day has its adjustment already, and 25 from the next one on; the same for programs."""
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    [change] = [one["id"] for one in mapped.ask("changes")["changes"]]
    words = mapped.told("undo", change, "--reason", "ordered twice", "--dry-run")
    assert "-3 from 2026-03-16" in words
    assert "25 from 2026-03-16" in words
    [line] = [
        one
        for one in mapped.ask("undo", change, "--reason", "ordered twice", "--dry-run")["preview"][0]["lines"]
        if one["service_id"] == 45
    ]
    assert line["wanted_units"] == 28
    assert line["wanted_later"] == [{"from": "2026-03-16", "units": 25}]


def test_the_price_that_goes_out_is_shown(mapped: Desk) -> None:
    """Old and new where it is decided, and as sent."""
    mapped.ask("policy", "set", f"prices.{ADV}=15.00")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    assert "+3 from 2026-03-15 at 12.50 → 15.00 (at once)" in mapped.told("retry", str(CONTRACT), "--dry-run")


def test_a_counter_that_begins_again_is_settled_by_the_commands_that_status_names(
    mapped: Desk, asked: list[str]
) -> None:
    """Shown with both readings and both commands; a person may say no; a script goes on."""
    mapped.world.pass_time(days=1)
    mapped.world.tell(1, {ADV: 33, GATEWAY: 1}, event_id="again")
    mapped.world.tell(2, {ADV: 35, GATEWAY: 1}, event_id="test")
    mapped.world.work()
    words = " ".join(mapped.told("status").split())
    [_, event] = mapped.ask("status")["events"]
    key = shlex.quote(event["key"])
    for command in (f"events accept {key}", f"events dismiss {key} --reason WHY"):
        assert f"timus-autotask {command}" in event["remedy"]
        assert f"timus-autotask {command}" in words
    before = mapped.world.table.documents()
    assert "Nothing was written" in mapped.refused("events", "accept", "again")
    assert mapped.world.table.documents() == before
    assert asked == ["Write this?"]
    said = mapped.told("events", "accept", "test", "--dry-run")
    assert "+10 from 2026-03-16 (at once)" in said
    dismissed = mapped.ask("events", "dismiss", "test", "--reason", "support tried it", "--by", "pat")
    assert (dismissed["events"], dismissed["written"]) == ([event["key"]], True)
    shown = mapped.told("events", "show", "test")
    assert "support tried it" in shown
    assert "dismissed by pat on 2026-03-16" in " ".join(shown.split())
    [form] = mapped.ask("events", "show", "test")["events"]
    assert (form["outcome"], form["dismissed"]["by"]) == ("dismissed", "pat")
    mapped.world.pass_time(minutes=1)
    accepted = mapped.ask("events", "accept", "again", "--yes", "--by", "pat")
    assert (accepted["counted_as"], accepted["totals"]["units_up_at_once"], accepted["written"]) == (
        8,
        8,
        True,
    )
    mapped.world.work()
    assert mapped.world.posted() == [(45, 8, "2026-03-16")]
    decided = mapped.ask("changes")["decisions"]
    assert [(one["decision"], one["by"]) for one in decided] == [
        ("events dismiss", "pat"),
        ("events accept", "pat"),
    ]
    assert "--reason" in mapped.refused("events", "dismiss", "again", status=2)


@pytest.mark.parametrize("customers", [2, 12])
def test_what_no_service_is_chosen_for_is_said_once(customers: int) -> None:
    """With the customers whose it is and the command that chooses one; also where contracts are shown one by one."""
    world = crowd(customers)
    for n in range(customers):
        items = {ADV: 10, "SASE-TRIAL": 1 + n}
        world.tell(2, items, customer=f"cus_{n}", subscription=f"sub_{n}", customer_name=f"Client {n}")
    world.work()
    words = ("policy", "set", f"minimum.{ADV}=50", "--dry-run")
    told = Desk(world).told(*words)
    why = "No Autotask service is chosen for SASE-TRIAL, and no active service carries that SKU."
    [line] = [one for one in told.splitlines() if why in one]
    assert line.startswith(f"{why} This concerns cus_0 Client 0, cus_1 Client 1")
    assert line.endswith(" and 2 more." if customers == 12 else "cus_1 Client 1.")
    assert told.count("→ timus-autotask map plan SASE-TRIAL --service N") == 1
    said = Desk(world).ask(*words)
    assert [one for each in said["preview"] for one in each["without_line"]] == [why] * customers


def test_a_service_that_is_not_on_the_contract_yet_has_its_name(mapped: Desk) -> None:
    """Read once, in one request; kept with what was agreed to, so that `status` has it too."""
    world = mapped.world
    mapped.told("pause")
    world.tell(8, {ADV: 25, GATEWAY: 1, ESS: 4})
    world.work()
    assert "46 " not in mapped.told("status")
    world.control.clear_requests()
    assert f"46 {ESS}" in mapped.told("preview")
    assert sum("/Services" in one["path"] for one in world.control.requests()) <= 1
    assert f"46 {ESS}" not in mapped.told("status"), "what only shows keeps nothing"
    mapped.told("policy", "set", f"minimum.{GATEWAY}=2", "--yes")
    assert f"46 {ESS}" in mapped.told("status")
    world.control.clear_requests()
    mapped.told("policy", "set", f"minimum.{GATEWAY}=3", "--dry-run")
    assert not [one for one in world.control.requests() if "/Services" in one["path"]]


def test_a_service_whose_name_cannot_be_read_is_shown_all_the_same(mapped: Desk) -> None:
    """By its number: a name decides nothing."""
    world = mapped.world
    mapped.told("pause")
    world.tell(8, {ADV: 25, GATEWAY: 1, ESS: 4})
    world.work()
    world.api.faults.add(Fault("json_500", entity="Services", times=None))
    assert "46" in mapped.told("policy", "set", f"minimum.{GATEWAY}=2", "--dry-run")
