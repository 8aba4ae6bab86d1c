"""A thousand customers, mapped and level: a tenant and the records that the worker leaves for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.world import ADV, ESS, GATEWAY, SCENARIO, SERVICES, World

IDES_OF_MARCH = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)


def tenant(customers: int, year: int) -> Mapping[str, Any]:
    """A contract of three lines for each customer; their last days are the ends of twelve months of the year after."""
    return {
        "companies": [{**SCENARIO["companies"][0], "id": n} for n in range(1, customers + 1)],
        "billingCodes": SCENARIO["billingCodes"],
        "services": SCENARIO["services"],
        "contracts": [
            {
                "id": 10_000 + n,
                "companyID": n,
                "contractName": f"C{n}",
                "startDate": f"{year}-01-01",
                "endDate": (
                    date(year + 1 + n % 12 // 11, (n % 12 + 1) % 12 + 1, 1) - timedelta(days=1)
                ).isoformat(),
                "lines": [
                    {"id": 10 * n + i, "serviceID": service, "units": 5 + i}
                    for i, service in enumerate(SERVICES.values())
                ],
            }
            for n in range(1, customers + 1)
        ],
    }


def settled(customers: int = 1000, start: datetime = IDES_OF_MARCH) -> World:
    """All of them mapped and level, by the product's own work."""
    world = World(start=start, scenario=tenant(customers, start.year))
    for sku, service in SERVICES.items():
        world.map_plan(sku, service)
    world.pass_time(minutes=1)
    for n in range(1, customers + 1):
        customer = f"cus_{n}"
        world.map_customer(customer, n, 10_000 + n)
        world.tell(
            1,
            {ADV: 5, ESS: 6, GATEWAY: 7},
            customer=customer,
            subscription=f"sub_{n}",
            effective=datetime(start.year, 1, 1, 12, tzinfo=UTC),
            term_end=date(start.year + 2, 12, 31),
        )
    world.work()
    world.pass_time(minutes=1)
    world.control.clear_requests()
    return world
