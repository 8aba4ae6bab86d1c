"""The partner's local day, and the billing periods of a contract."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from timus_autotask.domain.days import (
    each_day,
    effective_day,
    local_midnight,
    next_period_start,
    period_containing,
)

ZONES = tuple(
    ZoneInfo(name)
    for name in (
        "Pacific/Auckland",
        "Pacific/Chatham",
        "Asia/Kolkata",
        "Europe/London",
        "America/Los_Angeles",
        "UTC",
        # Midnight is skipped, happens twice, or a whole day is missing:
        "America/Havana",
        "Asia/Beirut",
        "America/Asuncion",
        "Pacific/Apia",
    )
)
zones = st.sampled_from(ZONES)
days = st.dates(date(2000, 1, 1), date(2199, 12, 31))
instants = st.integers(946_684_800, 7_258_032_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
month_ends = st.builds(
    lambda year, month: date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1),
    st.integers(2000, 2100),
    st.integers(1, 12),
)
starts = days | month_ends | st.sampled_from([date(2024, 2, 29), date(2000, 2, 29)])
steps = st.sampled_from([1, 3, 6, 12])
second = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Auckland", date(2026, 3, 16)),
        ("Pacific/Chatham", date(2026, 3, 16)),
        ("Asia/Kolkata", date(2026, 3, 15)),
        ("Europe/London", date(2026, 3, 15)),
        ("America/Los_Angeles", date(2026, 3, 15)),
    ],
)
def test_one_instant_is_another_day_in_another_zone(zone: str, day: date) -> None:
    """The same instant is billed on the day that the partner's own calendar shows."""
    assert effective_day(datetime(2026, 3, 15, 11, 30, tzinfo=UTC), ZoneInfo(zone)) == day


def test_a_stretch_has_each_of_its_days() -> None:
    """The first and the last one too, over the end of a month; a stretch that ends before it begins has none."""
    first = date(2026, 2, 27)
    assert [*each_day(first, date(2026, 3, 1))] == [first, date(2026, 2, 28), date(2026, 3, 1)]
    assert [*each_day(first, first)] == [first]
    assert [*each_day(first, date(2026, 2, 26))] == []


def test_an_instant_without_an_offset_is_no_instant() -> None:
    """A naive time is refused rather than taken for some zone's."""
    with pytest.raises(ValueError, match="no UTC offset"):
        effective_day(datetime.fromisoformat("2026-03-15T00:00"), ZoneInfo("UTC"))


@given(instants, zones)
def test_an_instant_is_not_before_the_midnight_of_its_day(instant: datetime, zone: ZoneInfo) -> None:
    """Every instant lies within the local day that it is counted to, and before the next one begins."""
    day = effective_day(instant, zone)
    assert local_midnight(day, zone) <= instant < local_midnight(day + timedelta(days=1), zone)


@given(days, zones)
@example(date(2026, 3, 8), ZoneInfo("America/Havana"))
@example(date(2026, 11, 1), ZoneInfo("America/Havana"))
@example(date(1919, 3, 31), ZoneInfo("America/Toronto"))
def test_midnight_is_the_first_instant_of_its_day(day: date, zone: ZoneInfo) -> None:
    """Midnight is in its day, and the second before it is not, also where clocks change at midnight."""
    assume((day, zone.key) != (date(2011, 12, 30), "Pacific/Apia"))  # the day that Samoa skipped; see below
    midnight = local_midnight(day, zone)
    assert effective_day(midnight, zone) == day
    assert effective_day(midnight - second, zone) < day


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("America/Havana", date(2026, 3, 8), "2026-03-08T05:00Z"),  # 00:00 becomes 01:00
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00Z"),  # 00:00 happens twice
        ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30Z"),  # 23:30 becomes 00:30
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00Z"),  # a day that never was
        ("Pacific/Chatham", date(2026, 7, 1), "2026-06-30T11:15Z"),
    ],
)
def test_midnight_where_clocks_change_at_midnight(zone: str, day: date, first: str) -> None:
    """The known odd midnights are the instants that the zone's rules give."""
    midnight = local_midnight(day, ZoneInfo(zone))
    assert midnight == datetime.fromisoformat(first)
    assert midnight.tzinfo is UTC


@given(instants, instants, zones)
def test_days_follow_instants(one: datetime, other: datetime, zone: ZoneInfo) -> None:
    """A later instant is never an earlier day, so effects come in the order of causes."""
    earlier, later = sorted((one, other))
    assert effective_day(earlier, zone) <= effective_day(later, zone)


@given(starts, st.integers(0, 40_000), steps)
@example(date(2024, 2, 29), 366, 12)
@example(date(2025, 1, 31), 28, 1)
def test_a_day_is_in_its_period(start: date, offset: int, months: int) -> None:
    """The period holds the day, and its neighbours touch it without a gap or an overlap."""
    day = start + timedelta(days=offset)
    first, last = period_containing(day, start, months)
    assert first <= day <= last
    assert period_containing(first, start, months) == period_containing(last, start, months) == (first, last)
    assert next_period_start(day, start, months) == last + timedelta(days=1)
    assert period_containing(last + timedelta(days=1), start, months)[0] == last + timedelta(days=1)


@given(starts, st.integers(0, 400), steps)
def test_periods_never_drift(start: date, number: int, months: int) -> None:
    """The n-th period begins n steps after the start, on its day of the month or a short month's last day."""
    first = start
    for _ in range(number):
        first = next_period_start(first, start, months)
    assert (first.year - start.year) * 12 + first.month - start.month == number * months
    assert first.day == start.day or (first.day < start.day and (first + timedelta(days=1)).day == 1)


@pytest.mark.parametrize(
    ("day", "start", "months", "period"),
    [
        (date(2025, 2, 27), date(2025, 1, 31), 1, (date(2025, 1, 31), date(2025, 2, 27))),
        (date(2025, 2, 28), date(2025, 1, 31), 1, (date(2025, 2, 28), date(2025, 3, 30))),
        (date(2024, 2, 29), date(2024, 1, 31), 1, (date(2024, 2, 29), date(2024, 3, 30))),
        (date(2025, 3, 1), date(2024, 2, 29), 12, (date(2025, 2, 28), date(2026, 2, 27))),
        (date(2028, 2, 28), date(2024, 2, 29), 12, (date(2027, 2, 28), date(2028, 2, 28))),
        (date(2026, 3, 15), date(2026, 1, 1), 3, (date(2026, 1, 1), date(2026, 3, 31))),
        (date(2029, 3, 15), date(2026, 1, 1), 1, (date(2029, 3, 1), date(2029, 3, 31))),
        (date(2026, 2, 28), date(2025, 8, 31), 6, (date(2026, 2, 28), date(2026, 8, 30))),
    ],
)
def test_periods_at_month_ends(day: date, start: date, months: int, period: tuple[date, date]) -> None:
    """Month ends and leap days are cut to the month's last day and come back in the next longer month."""
    assert period_containing(day, start, months) == period


def test_the_period_after_the_first_day_is_the_second_one() -> None:
    """The first day begins a period itself."""
    assert next_period_start(date(2026, 1, 1), date(2026, 1, 1), 3) == date(2026, 4, 1)


def test_before_the_start_there_is_no_period() -> None:
    """A day before the contract has no period, and the first one begins with the contract."""
    with pytest.raises(ValueError, match="before the first billing period"):
        period_containing(date(2025, 12, 31), date(2026, 1, 1), 1)
    assert next_period_start(date(2025, 12, 31), date(2026, 1, 1), 1) == date(2026, 1, 1)
