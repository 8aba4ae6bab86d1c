"""One client, and what somebody posts, changes by hand or forges in the simulated Autotask."""

from __future__ import annotations

from datetime import UTC, date, datetime

from local.autotask.schema import ENTITIES
from tests.deployment import deployment_of
from tests.months import Months
from tests.world import CONTRACT, SCENARIO, World
from timus_autotask.operate.month_end import what_was_posted
from timus_autotask.watch.month.posted import Posted

MARCH = date(2026, 3, 1)


def of(months: Months) -> Posted:
    """Of March."""
    return what_was_posted(deployment_of(months.world), MARCH)


def begun(*terms: str) -> Months:
    """Ten seats and a gateway since 1 March."""
    months = Months()
    months.begin(terms, mapped=True)
    return months


def post(months: Months, day: int = 31) -> None:
    """Somebody approves and posts."""
    months.world.control.approve_and_post(CONTRACT, date(2026, 3, day).toordinal())


def forge(months: Months) -> None:
    """Put an item of two units beside that of the ten which the period has, as nobody in Autotask can."""
    items = months.world.api.model.tables["BillingItems"]
    period = next(one for one in items.values() if one.values["quantity"] == 10 * 10**4)
    months.world.api.model.add(
        ENTITIES["billingitems"],
        {**{k: v for k, v in period.values.items() if k != "id"}, "quantity": 2 * 10**4},
    )


def over_two_months() -> Months:
    """A contract whose periods begin on the 20th; ten seats and a gateway since 21 March."""
    first = {**SCENARIO["contracts"][0], "startDate": "2026-01-20", "endDate": "2027-01-19"}
    scenario = {**SCENARIO, "contracts": [first, *SCENARIO["contracts"][1:]]}
    months = Months(World(start=datetime(2026, 3, 21, 8, tzinfo=UTC), scenario=scenario))
    months.begin((), mapped=True)
    return months


def change_amount(months: Months, quantity: int, amount: int) -> None:
    """Somebody types another amount into the items of a quantity."""
    for one in months.world.api.model.tables["BillingItems"].values():
        if one.values["quantity"] == quantity * 10**4:
            one.values["extendedPrice"] = one.values["totalAmount"] = amount * 10**4
            one.text = one.subsets = None


def april(months: Months) -> Posted:
    """Of April."""
    return what_was_posted(deployment_of(months.world), date(2026, 4, 1))


def adds(months: Months, day: date, units: int) -> None:
    """Somebody adds units."""
    line = months.world.api.model.find_line(CONTRACT, 45)
    assert line is not None
    months.world.control.person_adjusts(line.id, day.toordinal(), units)


def post_april(months: Months) -> None:
    """Somebody approves and posts through April."""
    months.world.control.approve_and_post(CONTRACT, date(2026, 4, 30).toordinal())
