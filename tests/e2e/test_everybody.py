"""Terms of the partner that concern all customers together, on the running stack.

Each of them has every contract looked at, so this is asked while there are few.
"""

from __future__ import annotations

from datetime import date

import pytest

from tests.e2e.deployed import ADV, GATEWAY, Deployed, day

pytestmark = pytest.mark.emulator

BEGAN, LEAP_DAY, MAR_1 = date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 1)


def test_what_holds_for_everybody(deployed: Deployed) -> None:
    """The partner's limit of a day, its pause, and its own minimum, which is posted to nobody."""
    client, other = deployed.leaper(), deployed.leaper()
    for one in (client, other):
        one.has_been_mapped()
        one.tell(1, {ADV: 25, GATEWAY: 1}, on=BEGAN)
        one.rests()
    moved = deployed.store.partner().changed_today.value.on(day(0))
    limit = sum(moved.values()) + 5
    deployed.command(
        "policy", "set", f"partner_day_limit={limit}", "pooled_minimum.NOBODY-HAS-IT=40", "--unknown"
    )
    try:
        client.tell(2, {ADV: 28, GATEWAY: 1}, on=LEAP_DAY)
        client.rests()
        other.tell(2, {ADV: 28, GATEWAY: 1}, on=LEAP_DAY)
        other.rests()
        both = (client.posts(), other.posts())
        assert both == ([(ADV, 3, LEAP_DAY)], []), client.reason(ADV)
        assert other.reason(ADV) == "held-over-day-limit"
        assert deployed.command("minimum")["skus"] == [
            {"sku": "NOBODY-HAS-IT", "minimum": 40, "used": 0, "shortfall": 40}
        ]
        deployed.command("pause")
        try:
            client.tell(3, {ADV: 29, GATEWAY: 1}, on=MAR_1)
            client.rests()
            assert client.posts() == [(ADV, 3, LEAP_DAY)]
            assert client.reason(ADV) == "paused"
        finally:
            deployed.command("resume")
        client.rests()
        assert client.posts() == [(ADV, 3, LEAP_DAY), (ADV, 1, MAR_1)]
    finally:
        deployed.command("policy", "set", "partner_day_limit=", "pooled_minimum=")
    other.rests()
    assert other.posts() == [(ADV, 3, LEAP_DAY)]
