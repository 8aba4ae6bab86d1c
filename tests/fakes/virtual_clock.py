"""A clock that moves only when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class VirtualClock:
    """:class:`timus_autotask.ports.clock.Clock` in virtual time: a sleep returns at once, that much later."""

    def __init__(self, start: datetime = datetime(2026, 3, 15, 9, 12, 44, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock's time is aware")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Let time pass. It never goes back."""
        if seconds < 0:
            raise ValueError("time never goes back")
        self._now += timedelta(seconds=seconds)

    def advance_to(self, moment: datetime) -> None:
        """Let time pass until ``moment``; nothing if that is over."""
        self._now = max(self._now, moment)
