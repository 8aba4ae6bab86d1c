"""The instant that stands for a day by every reading of Autotask's date rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.autotask.client import effective_instant

DAYS = st.dates(date(2020, 1, 1), date(2037, 12, 31))
ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"}))


def dates_of(text: str, *zones: str) -> set[date]:
    """The day of an instant: as it is written, and in some zones."""
    instant = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return {instant.date()} | {instant.astimezone(ZoneInfo(zone)).date() for zone in zones}


@given(DAYS, ZONES)
def test_every_reading_gives_the_same_day(day: date, zone: str) -> None:
    """Cut or converted, to the partner's zone or to US Eastern, the day is the one that was meant."""
    assert dates_of(effective_instant(day, ZoneInfo(zone)), zone, "America/New_York") == {day}


@pytest.mark.parametrize(
    "zone",
    [
        "Africa/Casablanca",
        "America/Los_Angeles",
        "America/New_York",
        "America/St_Johns",
        "Asia/Kolkata",
        "Asia/Tehran",
        "Australia/Lord_Howe",
        "Etc/GMT+12",
        "Etc/GMT-14",
        "Europe/London",
        "Pacific/Apia",
        "Pacific/Auckland",
        "Pacific/Chatham",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
    ],
)
def test_every_day_of_two_years(zone: str) -> None:
    """No change of clocks, and no offset at the edge of the world, shifts a day."""
    first = date(2026, 1, 1)
    for day in (first + timedelta(days=n) for n in range(731)):
        assert dates_of(effective_instant(day, ZoneInfo(zone)), zone, "America/New_York") == {day}


def test_noon_where_it_fits() -> None:
    """As near to noon as can be, so that Autotask's own zones between America and Sydney agree too."""
    day = date(2026, 3, 1)
    assert effective_instant(day, ZoneInfo("America/Los_Angeles")) == "2026-03-01T12:00:00Z"
    assert effective_instant(day, ZoneInfo("Australia/Sydney")) == "2026-03-01T12:00:00Z"
    assert effective_instant(day, ZoneInfo("Pacific/Auckland")) == "2026-03-01T10:00:00Z"
    assert effective_instant(day, ZoneInfo("Pacific/Kiritimati")) == "2026-03-01T09:00:00Z"


def test_the_partners_zone_goes_before_eastern() -> None:
    """Where no instant fits all, the day in UTC and in the partner's zone is kept."""
    far_east = timezone(timedelta(hours=20))
    assert effective_instant(date(2026, 3, 1), far_east) == "2026-03-01T03:00:00Z"


def test_a_day_that_the_zone_skipped() -> None:
    """Samoa had no 30 December 2011; the day as written is what remains."""
    assert effective_instant(date(2011, 12, 30), ZoneInfo("Pacific/Apia")) == "2011-12-30T12:00:00Z"
