"""Both clocks: the machine's and the virtual one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.ports.clock import Clock, SystemClock


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock()], ids=["system", "virtual"])
def test_now_is_aware_and_in_utc(clock: Clock) -> None:
    """No naive time enters the product."""
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("clock", [SystemClock(), VirtualClock()], ids=["system", "virtual"])
def test_a_sleep_takes_its_time_and_a_negative_one_none(clock: Clock) -> None:
    """A wait that is already over is no error."""
    before = clock.now()
    clock.sleep(0.01)
    clock.sleep(-3600)
    assert timedelta(seconds=0.01) <= clock.now() - before < timedelta(minutes=1)


def test_virtual_time_costs_no_time_and_never_goes_back() -> None:
    """A day passes at once; yesterday does not come again."""
    started = time.monotonic()
    clock = VirtualClock(datetime(2026, 3, 29, 2, tzinfo=timezone(timedelta(hours=2))))
    clock.sleep(86_400)
    assert clock.now() == datetime(2026, 3, 30, tzinfo=UTC)
    assert time.monotonic() - started < 60
    clock.advance_to(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 3, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(datetime(2026, 3, 1))  # noqa: DTZ001
