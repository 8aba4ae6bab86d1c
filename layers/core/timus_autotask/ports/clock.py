"""The clock port: the only way in which the product learns what time it is, or waits."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time, as a use case sees it. Decisions never ask: they are given ``now``."""

    def now(self) -> datetime:
        """The time as of now, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after at least this many seconds; at once for zero or less."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
