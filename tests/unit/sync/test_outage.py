"""Two hours without Autotask while a thousand changes come in."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest

from tests.crowd import settled
from tests.running import ALARMS, Running
from tests.world import ADV, SERVICES
from timus_autotask.domain.line import State

CUSTOMERS, CHANGES, MINUTES = 250, 1000, 120
ALLOWANCE = 10_000
"""Requests that Autotask takes in an hour."""


@pytest.mark.slow
def test_an_outage_of_two_hours_during_a_thousand_changes() -> None:
    """Afterwards everything is applied, no alarm stays on, the calls stay within the allowance, and nothing was posted twice.

    Autotask takes 0.3 seconds for an answer, in virtual time, and the functions have the time that the template gives them.
    """
    running = Running(settled(CUSTOMERS), seconds_a_call=0.3)
    world = running.world
    running.invoke("Reconcile", {"now": True})
    running.minutes(1)
    before = {n: world.units(ADV, date(2026, 3, 15), 10_000 + n) for n in range(1, CUSTOMERS + 1)}
    told: dict[int, int] = {}
    # It begins as outages do: some changes arrive there, and their answers do not come back.
    world.control.add_fault("timeout_after", entity="ContractServiceAdjustments", times=5)
    fired: set[str] = set()
    for minute in range(MINUTES):
        if minute == 1:
            world.control.add_fault("not_sent", times=None)
        for number in range(minute * CHANGES // MINUTES, (minute + 1) * CHANGES // MINUTES):
            customer, version = number % CUSTOMERS + 1, number // CUSTOMERS + 2
            told[customer] = 5 + (number * 7) % 40
            items = {sku: 5 + place for place, sku in enumerate(SERVICES)} | {ADV: told[customer]}
            world.tell(version, items, customer=f"cus_{customer}", subscription=f"sub_{customer}")
        running.apply()
        running.minutes(1)
        fired |= {name for name in ALARMS if running.fires(name)}
    assert fired == {"OldestChangeAlarm", "AutotaskAwayAlarm", "UnknownOutcomesAlarm"}
    assert len(told) == CUSTOMERS

    world.control.clear_faults()
    back = world.clock.now()
    while any(work.generation != work.converged for work, _ in world.ports.store.contract_states()):
        running.apply()
        running.minutes(1)
        assert world.clock.now() < back + timedelta(hours=2), "it never ends"
    recovered = world.clock.now() - back
    world.clock.advance(86400)  # a line that had an adjustment on that day takes the next one on the next
    for _ in range(90):
        running.apply()
        running.minutes(1)

    day = world.ports.today()
    assert recovered < timedelta(minutes=10)  # docs/operations.md tells this and the calls below
    assert {n: world.units(ADV, day, 10_000 + n) for n in told} == told
    assert {line.state for line in world.ports.store.lines()} <= {State.APPLIED, State.SCHEDULED}
    posted: Counter[int] = Counter()
    for posting in world.api.postings:
        if posting.committed and posting.service_id == SERVICES[ADV]:
            posted[posting.contract_id or 0] += posting.unit_change
    assert {n: before[n] + posted[10_000 + n] for n in told} == told
    assert [name for name in ALARMS if running.fires(name)] == []
    assert _most_in_an_hour(running) < 1_100 < ALLOWANCE * 3 // 4


def _most_in_an_hour(running: Running) -> int:
    """The most calls of Autotask in any hour."""
    times = sorted(point.at for point in running.points if point.name == "AutotaskCall")
    first = most = 0
    for last, at in enumerate(times):
        while times[first] <= at - 3600:
            first += 1
        most = max(most, last - first + 1)
    return most
