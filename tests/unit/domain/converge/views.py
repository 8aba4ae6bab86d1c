"""What the tests of a contract's next step share: one contract on one day, its lines, and what a worker gathered of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed, Step, View
from timus_autotask.domain.desired import Demand, Desired, Source
from timus_autotask.domain.line import (
    Answer,
    Intent,
    Line,
    State,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.plan_change import Link, Unplaced
from timus_autotask.domain.policy import (
    Policy,
)
from timus_autotask.domain.timeline import Timeline

ZONE = ZoneInfo("Pacific/Auckland")
TODAY = date(2026, 3, 15)
NOW = datetime(2026, 3, 14, 20, tzinfo=UTC)  # nine in the morning in Auckland
ALIVE = NOW + timedelta(seconds=65)
SETTLE = timedelta(minutes=15)
ONE_DAY = timedelta(days=1)

CONTRACT = Contract(1, 600, recurring=True, active=True, start=date(2026, 1, 1), end=date(2026, 12, 31))
SEATS, PLUS, THERE = LineKey(1, 45), LineKey(1, 46), LineKey(2, 45)
CUSTOMER = "cus_1"


def march(day: int) -> date:
    """A day of March 2026."""
    return date(2026, 3, day)


def steps(*pairs: tuple[date, int]) -> Timeline:
    """A timeline."""
    return Timeline.of(pairs)


def since_january(units: int, *later: tuple[date, int]) -> Timeline:
    """Units from the contract's first day on."""
    return steps((CONTRACT.start, units), *later)


def demand(units: Timeline, key: LineKey = SEATS, *, company: int = 600, **more: object) -> Demand:
    """What a line of one customer should have since January."""
    values = {
        "start": CONTRACT.start,
        "sources": (Source(CUSTOMER, f"SKU-{key.service_id}", units),),
        **more,
    }
    return Demand(key, ((company, CUSTOMER),), units, **values)  # type: ignore[arg-type]


def on_contract(units: Timeline, *ids: int, closed: tuple[tuple[date, date], ...] = ()) -> Observed:
    """What Autotask has of a service that is on the contract."""
    return Observed(units, ids or (1201,), closed)


def left(units: Timeline, key: LineKey = SEATS, **more: object) -> Line:
    """A line as it was left: level, seen by people as applied."""
    values = {
        "contract_service_id": 1201,
        "baseline_until": CONTRACT.end,
        "state": State.APPLIED,
        "since": NOW - ONE_DAY,
        "desired": units,
        "sources": ((CUSTOMER, f"SKU-{key.service_id}"),),
        **more,
    }
    return Line(key.contract_id, key.service_id, units, **values)  # type: ignore[arg-type]


def view(
    *demands: Demand,
    held: Mapping[int, Observed] | None = None,
    lines: tuple[Line, ...] = (),
    links: tuple[Link, ...] = (),
    unplaced: tuple[Unplaced, ...] = (),
    policy: Policy | None = None,
    partner: Policy | None = None,
    contract: Contract | None = CONTRACT,
    **more: object,
) -> View:
    """What was gathered. Without ``held`` Autotask has 25 of service 45 from January on."""
    policies = {"": partner or Policy()} | ({CUSTOMER: policy} if policy else {})
    values = {
        "zone": ZONE,
        "now": NOW,
        "today": TODAY,
        "alive_until": ALIVE,
        "settle": SETTLE,
        **more,
    }
    return View(
        1,
        contract,
        {45: on_contract(since_january(25))} if held is None else held,
        Desired({one.key: one for one in demands}, links, unplaced=unplaced),
        {line.key: line for line in lines},
        policies,
        **values,  # type: ignore[arg-type]
    )


def line_of(step: Step, key: LineKey = SEATS) -> Line:
    """A line as the step leaves it."""
    [line] = [line for line in step.lines if line.key == key]
    return line


def parked(step: Step, key: LineKey = SEATS) -> tuple[str, dict[str, int | str]]:
    """Why a line is parked, with the facts."""
    line = line_of(step, key)
    assert line.state is State.PARKED
    assert line.parked is not None
    return line.parked.code, dict(line.parked.facts)


def facts(
    held: int = 25, left: int = 25, desired: int = 28, service: int = 45, **more: int | str
) -> dict[str, int | str]:
    """The facts that every reason has, and more."""
    return {
        "contract": 1,
        "service": service,
        "customer": CUSTOMER,
        "held": held,
        "left": left,
        "desired": desired,
        **more,
    }


def intent(
    answer: Answer = Answer.UNKNOWN,
    *,
    before: Timeline | None = None,
    day: date = TODAY,
    delta: int = 3,
    **more: object,
) -> Intent:
    """Three more seats today, sent a while ago; settles in ten minutes."""
    values = {"settles_at": NOW + timedelta(minutes=10), **more}
    before = since_january(25) if before is None else before
    return Intent(
        "i1",
        day,
        delta,
        before,
        NOW - timedelta(minutes=5),
        answer=answer,
        **values,  # type: ignore[arg-type]
    )


def midnight(day: date) -> datetime:
    """When a day begins in Auckland in the southern summer."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=13)


END = midnight(date(2027, 1, 1))
"""When the contract has ended: units that are still wanted then are looked at again."""
LEVEL = since_january(25)
MORE = since_january(25, (TODAY, 28))
