"""A person's decisions: what they write makes the contract due, and the worker follows."""

from __future__ import annotations

from datetime import date

import pytest

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY

TODAY = date(2026, 3, 15)
LINE = (str(CONTRACT), "45")


@pytest.fixture
def mapped(desk: Desk) -> Desk:
    """A client, mapped and level."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25, GATEWAY: 1})
    desk.world.work()
    return desk


def drifted(desk: Desk) -> None:
    """Somebody adds two units in Autotask, and a change comes."""
    desk.world.control.person_adjusts(1201, date(2026, 3, 14).toordinal(), 2)
    desk.world.tell(8, {ADV: 26, GATEWAY: 1})
    desk.world.work()


def state(desk: Desk) -> tuple[str, str | None]:
    """Of the line of users."""
    [line] = [line for line in desk.ask("status")["lines"] if line["sku"] == ADV]
    return line["state"], line["reason_code"]


def test_retry_sends_again_what_was_refused(mapped: Desk) -> None:
    """Without waiting for the time of the next attempt."""
    mapped.world.api.faults.add(Fault("json_500", entity="ContractServiceAdjustments", times=1))
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    assert state(mapped) == ("parked", "refused")
    said = mapped.ask("retry", str(CONTRACT))
    assert (said["contract_id"], said["woken"], said["written"]) == (CONTRACT, True, True)
    assert said["totals"]["units_up_at_once"] == 3
    mapped.world.work()
    assert state(mapped) == ("applied", None)
    assert "Nothing of ours" in mapped.refused("retry", "1")


def test_drift_is_enforced_on_a_persons_word(mapped: Desk) -> None:
    """The line is brought back to what Timus says, as the preview said."""
    drifted(mapped)
    assert state(mapped) == ("parked", "drift")
    words = mapped.told("drift", *LINE, "--enforce", "--dry-run")
    assert "Somebody changed the units in Autotask" in words
    assert "-1 from 2026-03-15 (at once)" in words
    said = mapped.ask("drift", *LINE, "--enforce")
    assert (said["choice"], said["written"]) == ("enforce", True)
    mapped.world.work()
    assert mapped.world.units(ADV, TODAY) == 26
    assert state(mapped) == ("applied", None)


def test_what_brings_an_edit_back_says_who_decided_it(mapped: Desk) -> None:
    """Also where the day of the edit takes no adjustment, and the next one is tried."""
    mapped.world.tell(8, {ADV: 25, GATEWAY: 1})
    mapped.world.work()
    mapped.world.control.person_adjusts(1201, TODAY.toordinal(), 5)
    mapped.world.pass_time(days=1)
    mapped.told("retry", str(CONTRACT))
    mapped.world.work()
    assert state(mapped) == ("parked", "drift")
    mapped.told("drift", *LINE, "--enforce", "--by", "Carl")
    mapped.world.work()
    mapped.world.pass_time(minutes=20)
    made = mapped.ask("changes")["changes"][-2:]
    assert {(one["unit_change"], one["outcome"]) for one in made} == {(-5, "refused"), (-5, "landed")}
    for one in made:
        assert (one["why"], one["by"], one["terms"], one["events"]) == ("enforced", "Carl", [], [])
    assert "brings back what somebody changed in Autotask, by Carl" in " ".join(
        mapped.told("changes").split()
    )


def test_drift_is_adopted_on_a_persons_word(mapped: Desk) -> None:
    """The difference stays, and later changes come on top of it."""
    drifted(mapped)
    mapped.told("drift", *LINE, "--adopt")
    mapped.world.work()
    assert mapped.world.units(ADV, TODAY) == 28
    assert state(mapped) == ("applied", None)


def test_only_drift_can_be_decided_about(mapped: Desk) -> None:
    """A line in another state is refused, with its state."""
    assert "is applied, so there is no drift" in mapped.refused("drift", *LINE, "--adopt")
    assert "There is no line of ours" in mapped.refused("drift", "1", "2", "--adopt")
    assert "one of the arguments --enforce --adopt is required" in mapped.refused("drift", *LINE, status=2)


def test_a_held_change_is_approved_as_it_is_shown(mapped: Desk) -> None:
    """One adjustment, once, with the name of who said so."""
    mapped.ask("policy", "set", "approve_increases=always")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    assert state(mapped) == ("parked", "held-for-approval")
    assert mapped.ask("status")["at_rest"] is True
    said = mapped.ask("approve", *LINE, "--by", "j.doe")
    assert (said["day"], said["unit_change"], said["by"]) == ("2026-03-15", 3, "j.doe")
    mapped.world.work()
    assert mapped.world.units(ADV, TODAY) == 28
    assert "there is nothing to approve" in mapped.refused("approve", *LINE)


def test_a_held_change_is_approved_with_its_price(mapped: Desk) -> None:
    """Shown, agreed to, sent and listed: three more seats, at 15.00 instead of the catalogue's 12.50."""
    mapped.ask("policy", "set", "approve_increases=always", f"prices.{ADV}=15.00")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    shown = mapped.told("approve", *LINE, "--dry-run")
    assert "A change of +3 on 2026-03-15 at a unit price of 12.50 → 15.00 awaits approval." in shown
    assert "+3 from 2026-03-15 at 12.50 → 15.00 (at once)" in shown
    said = mapped.ask("approve", *LINE)
    [contract] = said["preview"]
    [line] = [line for line in contract["lines"] if line["service_id"] == 45]
    price = {"from": "12.50", "to": "15.00"}
    assert said["unit_price"] == price
    assert [one["unit_price"] for one in line["adjustments"]] == [price]
    mapped.world.work()
    assert [posting.body.get("adjustedUnitPrice") for posting in mapped.world.api.postings] == [15.0]
    [change] = mapped.ask("changes")["changes"]
    assert (change["unit_change"], change["unit_price"]) == (3, price)
    assert "unit price 12.50 → 15.00" in mapped.told("changes")


def test_an_approval_of_another_price_lets_nothing_go(mapped: Desk) -> None:
    """The price is set after the change was shown: +3 without one is not what would be made, so it is looked at first."""
    mapped.ask("policy", "set", "approve_increases=always")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    mapped.ask("policy", "set", f"prices.{ADV}=15.00", "--yes")
    assert (
        f"has changed by now. Nothing was written. First: timus-autotask retry {CONTRACT}"
        in mapped.refused("approve", *LINE)
    )
    mapped.told("retry", str(CONTRACT), "--yes")
    mapped.world.work()
    assert state(mapped) == ("parked", "held-for-approval")
    assert mapped.world.posted() == []
    assert mapped.ask("approve", *LINE)["unit_price"] == {"from": "12.50", "to": "15.00"}


def test_what_is_approved_after_a_posting_is_what_is_shown(mapped: Desk) -> None:
    """The period of the held change is shut, and no worker has looked since: it is approved from the next one on, and nobody is asked again."""
    mapped.ask("policy", "set", "approve_increases=always")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    mapped.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    shown = mapped.told("approve", *LINE, "--dry-run")
    assert (
        "A change of +3 on 2026-03-15 awaits approval. Autotask does not take this day any more: it is billed from 2026-04-01 on."
        in shown
    )
    assert "+3 from 2026-04-01" in shown
    assert "Approved by root: +3 on 2026-04-01." in mapped.told("approve", *LINE, "--yes", "--by", "root")
    mapped.world.work()
    for _ in range(18):
        mapped.world.pass_time(days=1)
        mapped.world.work()
    assert mapped.world.posted() == [(45, 3, "2026-04-01")]


def test_what_is_approved_after_the_next_period_has_begun_is_what_is_shown(mapped: Desk) -> None:
    """March is posted in April: the change would be held anew from the first of April on, and is approved from that day on."""
    mapped.ask("policy", "set", "approve_increases=always")
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    for _ in range(20):
        mapped.world.pass_time(days=1)
    mapped.world.control.approve_and_post(CONTRACT, date(2026, 3, 31).toordinal())
    shown = mapped.told("approve", *LINE, "--yes", "--by", "root")
    assert "A change of +3 on 2026-03-15 awaits approval." in shown
    assert "Approved by root: +3 on 2026-04-01." in shown
    mapped.world.work()
    assert mapped.world.posted() == [(45, 3, "2026-04-01")]


def test_a_pause_holds_every_change_until_it_ends(mapped: Desk) -> None:
    """Events are taken in meanwhile; afterwards one adjustment makes up for all of it."""
    said = mapped.ask("pause")
    assert (said["customer"], said["paused"], said["contracts"]) == (None, True, [CONTRACT])
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.tell(9, {ADV: 30, GATEWAY: 1})
    mapped.world.work()
    assert state(mapped) == ("parked", "paused")
    assert "timus-autotask resume" in mapped.refused("approve", *LINE)
    mapped.told("resume")
    mapped.world.work()
    assert mapped.world.posted() == [(45, 5, "2026-03-15")]


def test_one_customer_can_be_paused(mapped: Desk) -> None:
    """And goes on only when that customer is resumed."""
    mapped.ask("pause", "--customer", CUSTOMER)
    mapped.world.tell(8, {ADV: 28, GATEWAY: 1})
    mapped.world.work()
    assert f"Still paused on their own: {CUSTOMER}" in mapped.told("resume")
    mapped.world.work()
    assert mapped.world.posted() == []
    mapped.ask("resume", "--customer", CUSTOMER)
    mapped.world.work()
    assert mapped.world.posted() == [(45, 3, "2026-03-15")]


def test_a_customer_that_timus_has_not_told_of_is_refused(mapped: Desk) -> None:
    """A slip of the pen would pause nobody. It names whom it may mean, and can be said on purpose."""
    for words in (("pause",), ("resume",), ("policy", "set", "drift=adopt")):
        said = mapped.refused(*words, "--customer", "cus_41do")
        assert "Timus has not reported a customer cus_41do yet; did you mean cus_41d0?" in said
    assert mapped.ask("pause", "--customer", "cus_41do", "--unknown")["customer"] == "cus_41do"
    assert "not told" not in mapped.told("pause", "--customer", "cus_41d0")


def test_terms_are_set_for_everybody_and_for_one(desk: Desk) -> None:
    """A customer's come on top of the partner's, and it is told who set which."""
    desk.ask("policy", "set", "decreases=start-of-next-period", "line_limit=20", f"included.{ADV}=2")
    said = desk.ask(
        "policy", "set", "line_limit=none", "excluded=POC,LAB", "--customer", CUSTOMER, "--unknown"
    )
    assert said["policy"]["decreases"] == "start-of-next-period"
    assert said["policy"]["line_limit"] is None
    assert said["policy"]["excluded"] == ["POC", "LAB"]
    assert said["policy"]["included"] == {ADV: 2}
    assert set(said["set"]) == {"line_limit", "excluded"}
    partner = desk.ask("policy", "show")
    assert partner["policy"]["line_limit"] == 20
    lines = desk.told("policy", "show", "--customer", CUSTOMER).splitlines()
    origins = {line.split()[0]: line.split()[-1] for line in lines if "│" in line}
    assert (origins["decreases"], origins["excluded"], origins["drift"]) == ("partner", CUSTOMER, "default")


def test_terms_go_back_to_the_default(desk: Desk) -> None:
    """``KEY=`` unsets; so does a part of a key."""
    desk.ask(
        "policy",
        "set",
        "drift=adopt",
        "approve_decreases.above_units=5",
        "prices.POC=12.50",
        "approve_new_lines=yes",
        "--unknown",
    )
    said = desk.ask("policy", "set", "drift=", "approve_decreases.above_units=", "prices.POC=")
    assert said["policy"]["drift"] == "park"
    assert said["policy"]["approve_decreases"] == {"above_units": None, "above_percent": None}
    assert said["policy"]["prices"] == {}
    assert said["policy"]["approve_new_lines"] is True


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("line_limit=many", "line_limit"),
        ("line_limit=-1", "line_limit must be 0 or more"),
        ("drift=fight", "one of park, adopt, enforce"),
        ("drfit=park", "did you mean drift?"),
        ("drift", "write KEY=VALUE"),
        ("included=3", "write included.SKU=VALUE"),
        (f"included.{ADV}=-3", "must be 0 or more units"),
        (f"prices.{ADV}=dear", "an amount of up to four decimals"),
        ("drift.now=park", "has no parts"),
        ("approve_increases=sometimes", "always, never"),
        ("approve_increases.often=1", "always, never"),
        ("paused=yes", "timus-autotask pause"),
    ],
)
def test_terms_that_make_no_sense_are_refused_in_words(desk: Desk, order: str, words: str) -> None:
    """Nothing is written, and the words name the field and what it can be."""
    assert words in desk.refused("policy", "set", order, status=2)
    assert desk.ask("policy", "show")["set"] == {}


def test_terms_for_everybody_together_cannot_be_a_customers(desk: Desk) -> None:
    """The partner's daily limit and pooled minimum belong to no customer."""
    assert "leave --customer out" in desk.refused(
        "policy", "set", "partner_day_limit=5", "--customer", CUSTOMER, status=2
    )


def test_new_terms_are_followed_at_once(mapped: Desk) -> None:
    """Every contract that they concern is looked at."""
    mapped.ask("policy", "set", f"excluded={GATEWAY}", "--from", "always")
    mapped.world.work()
    assert mapped.world.units(GATEWAY, TODAY) == 0
