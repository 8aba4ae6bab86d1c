"""A tenant of Autotask as partners have it: two thousand companies, forty of which are clients with Timus."""

from __future__ import annotations

from typing import Any

from tests.world import ADV, ESS, GATEWAY

CLIENTS = 40
COMPANIES = 2000
FIRST_COMPANY, FIRST_CONTRACT = 1000, 5000


def customer(number: int) -> str:
    """The Timus id of a client."""
    return f"cus_{number:04}"


def name(number: int) -> str:
    """What Timus calls a client."""
    return f"Clinic {number:04}"


def company(number: int) -> int:
    """The company of a client."""
    return FIRST_COMPANY + number


def contract(number: int) -> int:
    """The recurring contract of a client."""
    return FIRST_CONTRACT + number


def scenario(clients: int = CLIENTS, companies: int = COMPANIES) -> dict[str, Any]:
    """Every client has a contract of this year with 10 seats; the other companies have none."""
    return {
        "companies": [
            {
                "id": company(number),
                "companyName": f"{name(number)} Ltd." if number < clients else f"Prospect {number:04}",
                "companyType": 1,
                "isActive": True,
                "ownerResourceID": 1,
                "phone": "1",
            }
            for number in range(companies)
        ],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [
            {
                "id": id_,
                "name": f"Timus {sku}",
                "sku": sku,
                "billingCodeID": 9,
                "periodType": 2,
                "isActive": True,
                "unitPrice": price,
            }
            for id_, sku, price in ((45, ADV, 12.5), (46, ESS, 8.5), (47, GATEWAY, 45))
        ],
        "contracts": [
            {
                "id": contract(number),
                "companyID": company(number),
                "contractName": f"{name(number)} SASE",
                "startDate": "2026-01-01",
                "endDate": "2026-12-31",
                "lines": [{"id": 9000 + number, "serviceID": 45, "units": 10}],
            }
            for number in range(clients)
        ],
    }
