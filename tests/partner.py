"""A partner's day in one process: forty clients or a thousand, most of them level, and one of each thing that needs a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.deployment import deployment_of
from tests.world import ADV, ESS, GATEWAY, SCENARIO, SERVICES, World
from timus_autotask.operate import decisions, terms
from timus_autotask.operate.mapping import ignoring
from timus_autotask.operate.terms import TermChange

BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
TODAY = date(2026, 3, 16)
FIRST = [
    "Adatum",
    "Contoso",
    "Fabrikam",
    "Northwind",
    "Litware",
    "Proseware",
    "Tailspin",
    "Wingtip",
    "Fourth",
    "Alpine",
    "Coho",
    "Lucerne",
    "Margie",
    "Relecloud",
    "Trey",
    "Woodgrove",
    "Bellows",
    "Munson",
    "Southridge",
    "Humongous",
]
SECOND = [
    "Dental",
    "Logistics",
    "Legal",
    "Architects",
    "Clinic",
    "Foods",
    "Optics",
    "Partners",
    "Schools",
    "Travel",
]


def name_of(number: int) -> str:
    """What the client with this number is called: "Adatum Dental"."""
    again = number // (len(FIRST) * len(SECOND))
    called = f"{FIRST[number % len(FIRST)]} {SECOND[(number + number // len(FIRST)) % len(SECOND)]}"
    return f"{called} {again + 1}" if again else called


def customer_of(number: int) -> str:
    """Its id in Timus."""
    return f"cus_{number:04x}"


def contract_of(number: int) -> int:
    """Its contract in Autotask."""
    return 29_680_000 + number


# What is the matter with some of them, by number.
HELD, HELD_TOO, DRIFTS, PAUSED, LATER, REJECTED, PLAN_CHANGE = 3, 7, 12, 14, 16, 22, 25
UNMAPPED = (5, 9, 31)
IGNORED = 20
STRANGE = 28
"""Has a SKU that no service is for."""


def scenario(customers: int) -> Mapping[str, Any]:
    """The tenant: a company and a contract of each client."""
    companies = [
        {
            **SCENARIO["companies"][0],
            "id": 600 + n,
            "companyName": f"{name_of(n)} {'LLC' if n % 3 else 'Inc.'}",
        }
        for n in range(customers)
    ]
    contracts = [
        {
            "id": contract_of(n),
            "companyID": 600 + n,
            "contractName": f"{name_of(n)} - Timus SASE",
            "startDate": "2026-01-01",
            "endDate": "2026-12-31",
            "lines": [
                {"id": 10 * n + 1, "serviceID": SERVICES[ADV if n % 2 else ESS], "units": 8 + n % 17},
                {"id": 10 * n + 2, "serviceID": SERVICES[GATEWAY], "units": 1},
            ],
        }
        for n in range(customers)
    ]
    services = [
        {**one, "name": f"Timus SASE {kind}", "unitCost": cost}
        for one, kind, cost in zip(
            SCENARIO["services"],
            ("Advanced (per user)", "Essential (per user)", "Gateway"),
            (7, 4.75, 30),
            strict=True,
        )
    ]
    return {**SCENARIO, "companies": companies, "contracts": contracts, "services": services}


def partner(
    customers: int = 40,
    *,
    live: bool = True,
    weeks: int = 9,
    names: Mapping[int, str] | None = None,
    tenant: Mapping[str, Any] | None = None,
) -> World:
    """Everything as it is on the morning of 16 March 2026.

    ``weeks``: so many of changes before it, up to nine. ``names``: other names than the usual ones, by number.
    ``tenant``: another scenario of Autotask than the usual one.
    """
    world = World(start=BEGIN, scenario=tenant or scenario(customers), live=live)
    deployment = deployment_of(world)
    seats = {n: {ADV if n % 2 else ESS: 8 + n % 17, GATEWAY: 1} for n in range(customers)}
    version = dict.fromkeys(range(customers), 0)

    def tell(n: int, **more: Any) -> None:
        version[n] += 1
        world.tell(
            version[n],
            seats[n],
            customer=customer_of(n),
            subscription=f"sub_{n:04x}",
            customer_name=(names or {}).get(n) or name_of(n),
            customer_domain=f"{name_of(n).split()[0].lower()}-{n}.example",
            term_end=date(2027, 12, 31),
            effective=more.get("effective"),
        )

    def work(**time: float) -> None:
        world.clock.advance(3 + world.clock.now().day % 7)  # the quiet period, and the way
        world.work()
        world.pass_time(**(time or {"minutes": 2}))
        world.work()

    for n in range(customers):
        if n not in (*UNMAPPED, IGNORED):
            world.map_customer(customer_of(n), 600 + n, contract_of(n))
        tell(n, effective=datetime(2026, 1, 1, 12, tzinfo=UTC))
    work()
    for week, changed in _weeks(customers, weeks):
        world.clock.advance((BEGIN + timedelta(days=7 * week) - world.clock.now()).total_seconds())
        for n in changed:
            sku = ADV if n % 2 else ESS
            seats[n] = {**seats[n], sku: seats[n][sku] + (-1 if (n + week) % 5 == 0 else 1 + (n * week) % 3)}
            tell(n)
        work()
    world.clock.advance((datetime(2026, 3, 13, 8, 0, tzinfo=UTC) - world.clock.now()).total_seconds())
    if customers <= STRANGE:
        return world
    _what_needs_a_person(world, deployment, seats, tell, work)
    world.clock.advance((datetime(2026, 3, 16, 8, 3, tzinfo=UTC) - world.clock.now()).total_seconds())
    work(minutes=1)
    return world


def _weeks(customers: int, weeks: int) -> Iterator[tuple[int, list[int]]]:
    """Who changes something, week by week."""
    for week in range(1, weeks + 1):
        yield week, [n for n in range(customers) if (n * 7 + week * 3) % 11 == 0]


def _what_needs_a_person(
    world: World, deployment: Any, seats: dict[int, dict[str, int]], tell: Any, work: Any
) -> None:
    by = "kim"
    changes = [
        TermChange("approve_increases", "10", "above_units"),
        TermChange("approve_decreases", "10", "above_units"),
    ]
    terms.set_terms(deployment, changes, None, by, first_day=date(2026, 3, 1)).commit()
    later = [TermChange("decreases", "start-of-next-period")]
    terms.set_terms(deployment, later, customer_of(LATER), by, first_day=date(2026, 3, 1)).commit()
    terms.set_terms(
        deployment, [TermChange("included", "2", ESS)], customer_of(18), by, first_day=date(2026, 3, 1)
    ).commit()
    ignoring.ignore(deployment, [customer_of(IGNORED)], [], "Their own lab, nobody pays for it", by).commit()
    work()

    def change(n: int, by_units: int) -> None:
        sku = ADV if n % 2 else ESS
        seats[n] = {**seats[n], sku: seats[n][sku] + by_units}
        tell(n)

    for n, units in ((HELD, 15), (HELD_TOO, 12), (REJECTED, 40), (LATER, -3), (1, 2), (11, 1)):
        change(n, units)
    seats[STRANGE] = {**seats[STRANGE], "SASE-DLP-USER": 6}
    tell(STRANGE)
    seats[PLAN_CHANGE] = {GATEWAY: 1, ESS: seats[PLAN_CHANGE][ADV]}
    tell(PLAN_CHANGE)
    work()
    decisions.reject(
        deployment, contract_of(REJECTED), SERVICES[ESS], "A slip: four seats were meant", by
    ).commit()
    terms.pause(deployment, customer_of(PAUSED), by)
    line = world.api.model.find_line(contract_of(DRIFTS), SERVICES[ESS])
    assert line is not None
    world.control.person_adjusts(line.id, date(2026, 3, 12).toordinal(), 3)
    work()
    change(DRIFTS, 1)
    change(PAUSED, 2)
    work()
