"""The report of what was posted: what is said of it, and what of it stands where billing items may not be read."""

from __future__ import annotations

from datetime import date

from tests.unit.watch.posting import begun, of, post
from tests.world import ADV, CONTRACT, GATEWAY
from timus_autotask.watch.month.causes import WhyDiffers


def test_items_that_may_not_be_read_are_said_and_the_rest_stands() -> None:
    """The days that were posted otherwise need no billing items."""
    months = begun()
    months.desk.told("policy", "set", "approve_increases=always", "--yes")
    months.play([("wait", None, 3), ("tell", {ADV: 13, GATEWAY: 1}, 0)])
    post(months)
    months.world.control.set_switches({"denied": ["BillingItems"]})
    found = of(months)
    assert not found.read
    assert not found.right
    assert any(note.startswith("Billing items could not be read") for note in found.notes)
    assert [one.cause for one in found.passed] == [WhyDiffers.HELD]


def test_the_command_says_it() -> None:
    """With exit status 0 if all is explained; a credit that a person typed is said as such."""
    months = begun()
    post(months)
    months.world.control.person_bills(
        CONTRACT, date(2026, 3, 20).toordinal(), "Good\x1b[31mwill", -1, "20.25"
    )
    said = months.desk.run("ready", "--posted", "--month", "2026-03")
    assert said.status == 0, said
    assert "a credit that a person typed" in said.out
    assert "3 items, 149.75 before tax: 0 unexplained, 0 missing; 1 is somebody else's." in said.out
    assert "\x1b" not in said.out
    form = months.desk.ask("ready", "--posted", "--month", "2026-03")
    assert (form["right"], form["amount"]) == (True, "149.7500")
    assert [one["explained_by"] for one in form["items"]] == ["period", "period", "credit"]
