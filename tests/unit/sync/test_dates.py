"""The billed day of a change is the partner's local day of its instant: decided once, moved by nothing.

From the signed webhook to the day that Autotask keeps, around midnight, clock changes, leap days, month and period ends. The local
day is worked out here from the laws of each country and not from a time zone database, so that the two have to agree.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.autotask.faults import Fault
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SCENARIO, World
from timus_autotask.domain.line import State
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.merge import wake_contracts

HOUR, ONE_DAY = timedelta(hours=1), timedelta(days=1)


def nth_sunday(year: int, month: int, number: int) -> date:
    """The n-th Sunday of a month; -1 is the last one."""
    days = [date(year, month, 1) + timedelta(days=n) for n in range(31)]
    return [day for day in days if day.month == month and day.weekday() == 6][number]


def at(day: date, hour: int) -> datetime:
    """An hour of a day in UTC."""
    return datetime.combine(day, time(hour), UTC)


def new_zealand(year: int) -> tuple[datetime, datetime]:
    """Standard time from the first Sunday of April to the last of September, both changes at 14:00 UTC the day before."""
    return at(nth_sunday(year, 4, 0) - ONE_DAY, 14), at(nth_sunday(year, 9, -1) - ONE_DAY, 14)


def european_union(year: int) -> tuple[datetime, datetime]:
    """Summer time from the last Sunday of March to the last of October, both changes at 01:00 UTC."""
    return at(nth_sunday(year, 3, -1), 1), at(nth_sunday(year, 10, -1), 1)


def pacific(year: int) -> tuple[datetime, datetime]:
    """Daylight time from the second Sunday of March to the first of November, at two o'clock local time."""
    return at(nth_sunday(year, 3, 1), 10), at(nth_sunday(year, 11, 0), 9)


@dataclass(frozen=True)
class Place:
    """Where a partner lives: its offsets within and outside of the two changes of a year."""

    zone: str
    inside: timedelta
    outside: timedelta
    changes: Callable[[int], tuple[datetime, datetime]] = european_union

    def offset(self, instant: datetime) -> timedelta:
        """What local clocks are ahead of UTC."""
        first, last = self.changes(instant.year)
        return self.inside if first <= instant < last else self.outside

    def day(self, instant: datetime) -> date:
        """The date on a calendar there."""
        return (instant + self.offset(instant)).date()

    def midnight(self, day: date) -> datetime:
        """When a day begins; in these places midnight always exists, and once only."""
        naive = datetime.combine(day, time(), UTC)
        for offset in (self.inside, self.outside):
            if self.offset(naive - offset) == offset:
                return naive - offset
        raise AssertionError(f"{day} does not begin in {self.zone}")


PLACES = (
    Place("Pacific/Auckland", 12 * HOUR, 13 * HOUR, new_zealand),
    Place("Pacific/Chatham", 12.75 * HOUR, 13.75 * HOUR, new_zealand),
    Place("Asia/Kolkata", 5.5 * HOUR, 5.5 * HOUR),
    Place("Europe/London", 1 * HOUR, 0 * HOUR),
    Place("America/Los_Angeles", -7 * HOUR, -8 * HOUR, pacific),
    Place("UTC", 0 * HOUR, 0 * HOUR),
)
TENANT_ZONES = ("America/New_York", "UTC")
"""Besides the partner's own: what else an Autotask database may convert to."""


def days_of_interest(place: Place) -> list[date]:
    """Where days are easily confused: clock changes, leap days, ends of months and years, and the days beside them."""
    days = [date(2024, 2, 29), date(2028, 2, 29), date(2026, 2, 28), date(2026, 4, 30), date(2026, 12, 31)]
    days += [place.day(change) for year in (2026, 2027) for change in place.changes(year)]
    return [day + n * ONE_DAY for day in days for n in (-1, 0, 1)]


@st.composite
def instants(draw: st.DrawFn, place: Place) -> datetime:
    """Instants at, just before and just after midnights and clock changes, and in between."""
    day = draw(st.sampled_from(days_of_interest(place)))
    anchors = [place.midnight(day), *place.changes(day.year)]
    near = st.sampled_from([-1, 0, 1]) | st.integers(-7200, 7200) | st.integers(0, 86399)
    return draw(st.sampled_from(anchors)) + timedelta(seconds=draw(near))


def tenant(day: date, first: int, rule: str = "keep", tenant_zone: str = "UTC") -> Mapping[str, Any]:
    """The sample tenant; its contract began in a January before ``day``, on the given day of the month."""
    contract = {**SCENARIO["contracts"][0]}
    start, end = date(day.year - 1, 1, first), day + 300 * ONE_DAY
    contract |= {"startDate": start.isoformat(), "endDate": end.isoformat()}
    switches = {"date_rule": rule, "tenant_zone": tenant_zone}
    return {**SCENARIO, "contracts": [contract], "switches": switches}


LATE = [timedelta(), timedelta(minutes=1), HOUR, 9 * HOUR, 25 * HOUR, timedelta(days=9)]
FAULTS = [None, "not_sent", "timeout_before", "timeout_after", "html_502", "throttle_429", "json_500"]


@settings(max_examples=200, deadline=None)
@given(
    st.data(),
    st.sampled_from(PLACES),
    st.sampled_from([1, 15, 29, 31]),
    st.sampled_from(["keep", "convert"]),
    st.sampled_from([-26 * HOUR, -HOUR, -timedelta(seconds=1), *LATE]),
    st.sampled_from(LATE),
    st.sampled_from(LATE),
    st.sampled_from(FAULTS),
    st.booleans(),
)
def test_a_change_is_billed_on_the_partners_day(
    data: st.DataObject,
    place: Place,
    first: int,
    rule: str,
    told: timedelta,
    processed: timedelta,
    retried: timedelta,
    fault: str | None,
    again: bool,
) -> None:
    """Told early or late, processed later, retried later still, delivered twice: the day stays, and nothing comes before it."""
    instant = data.draw(instants(place))
    tenant_zone = data.draw(st.sampled_from((*TENANT_ZONES, place.zone)))
    follow(place, instant, first, rule, tenant_zone, told, processed, retried, fault, again)


def follow(
    place: Place,
    instant: datetime,
    first: int,
    rule: str,
    tenant_zone: str,
    told: timedelta,
    processed: timedelta,
    retried: timedelta,
    fault: str | None,
    again: bool,
) -> None:
    """One change from its webhook to Autotask's books."""
    day = place.day(instant)
    world = World(
        start=instant + told, zone=ZoneInfo(place.zone), scenario=tenant(day, first, rule, tenant_zone)
    )
    world.map_customer()
    if fault:
        world.api.faults.add(Fault(fault, entity="ContractServiceAdjustments", times=1))

    def on_time() -> None:
        assert not world.api.postings or world.clock.now() >= place.midnight(day)

    assert world.tell(7, {ADV: 28, GATEWAY: 1}, effective=instant) == 202
    world.clock.advance(processed.total_seconds())
    world.work()
    on_time()
    if again:
        assert world.tell(7, {ADV: 28, GATEWAY: 1}, effective=instant, event_id="again") == 202
        world.work()
    world.pass_time(seconds=retried.total_seconds())
    on_time()
    world.clock.advance_to(place.midnight(day))
    for _ in range(3):
        world.pass_time(minutes=16)
    assert world.posted() == [(45, 3, day.isoformat())]
    assert (world.units(ADV, day - ONE_DAY), world.units(ADV, day)) == (25, 28)
    assert world.line(ADV).state is State.APPLIED
    days = {event.event_id: event.day for event in world.ports.store.events()}
    assert set(days.values()) == {day.isoformat()}


@pytest.mark.parametrize(
    ("place", "instant", "day"),
    [
        (PLACES[0], "2026-03-15T10:59:59Z", date(2026, 3, 15)),
        (PLACES[0], "2026-03-15T11:00:00Z", date(2026, 3, 16)),
        (PLACES[0], "2026-06-30T12:00:00Z", date(2026, 7, 1)),
        (PLACES[1], "2026-04-04T10:14:59Z", date(2026, 4, 4)),
        (PLACES[1], "2026-04-04T10:15:00Z", date(2026, 4, 5)),
        (PLACES[1], "2026-04-05T11:14:59Z", date(2026, 4, 5)),
        (PLACES[2], "2028-02-28T18:30:00Z", date(2028, 2, 29)),
        (PLACES[3], "2026-03-29T23:00:00Z", date(2026, 3, 30)),
        (PLACES[3], "2026-03-28T23:00:00Z", date(2026, 3, 28)),
        (PLACES[4], "2026-11-01T07:30:00Z", date(2026, 11, 1)),
        (PLACES[4], "2026-11-02T07:30:00Z", date(2026, 11, 1)),
        (PLACES[4], "2027-01-01T07:59:59Z", date(2026, 12, 31)),
        (PLACES[5], "2024-02-29T23:59:59Z", date(2024, 2, 29)),
    ],
)
def test_known_days(place: Place, instant: str, day: date) -> None:
    """Days that anyone can check on a calendar."""
    moment = datetime.fromisoformat(instant)
    assert place.day(moment) == day
    follow(place, moment, 1, "convert", place.zone, timedelta(), 25 * HOUR, HOUR, "timeout_before", True)


@pytest.mark.parametrize("moved_to", PLACES, ids=lambda place: place.zone)
def test_a_day_that_was_decided_stays_where_the_partner_moves(moved_to: Place) -> None:
    """The zone is a setting; changing it between merge and post does not move what was merged, nor does a redelivery."""
    instant = datetime(2026, 3, 15, 11, 30, tzinfo=UTC)  # the 16th in Auckland
    world = World(start=instant, zone=ZoneInfo("Pacific/Auckland"))
    world.map_customer()
    world.api.faults.add(Fault("throttle_429", entity="ContractServiceAdjustments", times=1))
    world.tell(7, {ADV: 28, GATEWAY: 1}, effective=instant)
    world.work()
    assert world.posted() == []
    world.ports = replace(world.ports, zone=ZoneInfo(moved_to.zone))
    world.tell(7, {ADV: 28, GATEWAY: 1}, effective=instant, event_id="again")
    world.pass_time(hours=20)
    world.work()
    world.pass_time(minutes=16)
    assert world.posted() == [(45, 3, "2026-03-16")]


def period_starts(first: int, since: date) -> list[date]:
    """The first days of monthly periods from ``since`` on: the same day each month, or a short month's last."""
    months = [(since.year + n // 12, n % 12 + 1) for n in range(since.month - 1, since.month + 2)]
    days = [date(year, month, min(first, monthrange(year, month)[1])) for year, month in months]
    return [day for day in days if day >= since]


@settings(max_examples=100, deadline=None)
@given(
    st.data(),
    st.sampled_from(PLACES),
    st.sampled_from([1, 15, 28, 29, 30, 31]),
    st.sampled_from([-26 * HOUR, -timedelta(seconds=1), *LATE]),
    st.sampled_from(LATE),
)
def test_a_decrease_of_the_next_period_comes_with_its_first_local_midnight(
    data: st.DataObject, place: Place, first: int, told: timedelta, processed: timedelta
) -> None:
    """Where the terms bill a period out, the drop is dated on the next period's first day, and not posted before it begins there."""
    instant = data.draw(instants(place))
    day = place.day(instant)
    expected = period_starts(first, day)[0]
    world = World(start=instant + told, zone=ZoneInfo(place.zone), scenario=tenant(day, first))
    world.map_customer()
    world.ports.store.commit(put_terms(None, {"decreases": "start-of-next-period"}, 0))
    # Told before that there are 25: a first bill is no change, so no terms on changes concern it.
    world.tell(6, {ADV: 25, GATEWAY: 1}, effective=instant - 60 * ONE_DAY)
    world.work()
    world.tell(7, {ADV: 20, GATEWAY: 1}, effective=instant)
    world.clock.advance(processed.total_seconds())
    world.work()
    begins = place.midnight(expected)
    if world.clock.now() < begins:
        world.clock.advance_to(begins - timedelta(seconds=1))
        world.ports.store.commit(*wake_contracts(CUSTOMER, [CONTRACT], world.ports))
        world.sweep()
        assert world.posted() == []
        world.clock.advance_to(begins)
        world.sweep()
    assert world.posted() == [(45, -5, expected.isoformat())]
