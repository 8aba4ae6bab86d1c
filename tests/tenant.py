"""A tenant of Autotask as partners have it: two thousand companies, forty of which are clients with Timus, and what Timus tells of these.

The clients are found in different ways: by a key, a web domain or a name; two are ambiguous, one is no company at all, and one has a service
on its contract twice.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.world import ADV, ESS, GATEWAY, World

CLIENTS = 40
COMPANIES = 2000
FIRST_COMPANY, FIRST_CONTRACT = 1000, 5000

BY_FIELD, BY_NUMBER, BY_DOMAIN = range(10), range(10, 15), range(15, 20)
BY_NAME, MISSPELT, AMBIGUOUS = range(20, 30), range(30, 36), range(36, 38)
NOBODY, TWICE = 38, 39

FIREWALL, TRIAL, BACKUP = "SASE-FIREWALL", "SASE-TRIAL", "Timus Backup"
SKUS = (ADV, ESS, GATEWAY, FIREWALL, TRIAL, BACKUP)
"""Four that a service carries, one that none does, and one that a service is called like."""

_PLACES = ("Aspen", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper")
_TRADES = ("Dental", "Legal", "Logistics", "Architects")


def customer(number: int) -> str:
    """The Timus id of a client."""
    return f"cus_{number:04}"


def name(number: int) -> str:
    """What Timus calls a client."""
    return f"{_PLACES[number % 10]} {_TRADES[number // 10]}"


def company(number: int) -> int:
    """The company of a client."""
    return FIRST_COMPANY + number


def contract(number: int) -> int:
    """The recurring contract of a client."""
    return FIRST_CONTRACT + number


def skus(number: int) -> dict[str, int]:
    """What a client has in Timus."""
    return {ADV: 10 + number, SKUS[1 + number % 5]: 1 + number % 3}


def _company(number: int, clients: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": company(number),
        "companyName": f"Prospect {number:04}",
        "companyType": 1,
        "isActive": True,
        "ownerResourceID": 1,
        "phone": "1",
    }
    if number >= clients or number == NOBODY:
        return found
    called = f"{name(number).upper()}, Ltd."
    if number in BY_FIELD:
        return {**found, "userDefinedFields": {"Timus ID": customer(number)}}
    if number in BY_NUMBER:
        return {**found, "companyNumber": customer(number)}
    if number in BY_DOMAIN:
        return {**found, "webAddress": f"https://www.client{number}.example/"}
    if number in MISSPELT:
        called = name(number).replace("Lo", "Lu").replace("Ar", "Ah")
    return {**found, "companyName": called}


def scenario(clients: int = CLIENTS, companies: int = COMPANIES) -> dict[str, Any]:
    """Every client has a contract of twelve months, of which two are over, with 10 seats. The other companies have none; two are called like clients."""
    found = [_company(number, clients) for number in range(companies)]
    twins = [{**found[number], "id": 9000 + number} for number in AMBIGUOUS if number < clients]
    found = found[: companies - len(twins)]
    services = [(45, ADV, 12.5), (46, ESS, 8.5), (47, GATEWAY, 45), (48, FIREWALL, 30), (49, "", 5)]
    return {
        "companies": [*found, *twins],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [
            {
                "id": id_,
                "name": f"Managed {sku}" if sku else f"{BACKUP}s",
                "sku": sku,
                "billingCodeID": 9,
                "periodType": 2,
                "isActive": True,
                "unitPrice": price,
            }
            for id_, sku, price in services
        ],
        "contracts": [
            {
                "id": contract(number),
                "companyID": company(number),
                "contractName": f"{name(number)} SASE",
                "startDate": "@month-2:1",
                "endDate": "@month+9:last",
                "lines": [
                    {"id": 9000 + number, "serviceID": 45, "units": 10},
                    *([{"id": 9900, "serviceID": 45, "units": 2}] if number == TWICE else []),
                ],
            }
            for number in range(clients)
        ],
    }


def told(world: World, clients: int = CLIENTS) -> World:
    """Let Timus tell of every client."""
    for number in range(clients):
        world.tell(
            1,
            skus(number),
            customer=customer(number),
            subscription=f"sub_{number}",
            effective=datetime(2026, 3, 1, 12, tzinfo=UTC),
            customer_name=name(number),
            customer_domain=f"client{number}.example",
        )
    world.work()
    return world
