"""What takes a while to read, kept with the time at which it was read: a click shows what is known, and reading goes on beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Generic, TypeVar

from timus_autotask.ports.clock import Clock

T = TypeVar("T")

Start = Callable[[Callable[[], None]], None]
"""Has something done beside everything else."""


def in_background(work: Callable[[], None]) -> None:
    """On a thread of its own, which does not keep the process alive."""
    Thread(target=work, daemon=True).start()


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What is known of something."""

    value: T | None = None
    """None: it was never read."""
    at: datetime | None = None
    """When that was read."""
    failed: Exception | None = None
    """Why the last reading brought nothing newer."""
    reading: bool = False
    """It is being read right now."""


class Kept(Generic[T]):
    """One such thing. It is read by one thread at a time; whoever comes meanwhile gets what that one reads."""

    def __init__(self, read: Callable[[T | None], T], clock: Clock, start: Start = in_background) -> None:
        """``read`` is given what was read before, so that it may read only what is new."""
        self._read = read
        self._clock = clock
        self._start = start
        self._state = Lock()
        self._turn = Lock()
        self._seen: Seen[T] = Seen()
        self._times = 0

    @property
    def seen(self) -> Seen[T]:
        """What is known, without reading."""
        return self._seen

    def first(self) -> Seen[T]:
        """What is known; read now if nothing is known yet."""
        return self._seen if self._seen.value is not None else self.fresh()

    def wait(self, seconds: float) -> Seen[T]:
        """What is known, once what is being read is there, or after so long."""
        end = monotonic() + seconds
        while self._seen.reading and monotonic() < end:
            sleep(0.02)
        return self._seen

    def fresh(self) -> Seen[T]:
        """Read now; together with whoever has begun to after this was called."""
        asked = self._times
        with self._turn:
            if self._times < asked + 2:  # the one that was under way may have begun before
                self._look()
        return self._seen

    def soon(self, older_than: timedelta = timedelta()) -> None:
        """Have it read beside everything else, unless that is under way or what is known is younger than this."""
        with self._state:
            seen = self._seen
            young = seen.at is not None and self._clock.now() - seen.at < older_than
            if seen.reading or (young and seen.failed is None):
                return
            self._seen = Seen(seen.value, seen.at, seen.failed, reading=True)
        self._start(self._in_turn)

    def _in_turn(self) -> None:
        with self._turn:
            self._look()

    def _look(self) -> None:
        before = self._seen
        self._set(Seen(before.value, before.at, before.failed, reading=True))
        at = self._clock.now()
        try:
            value = self._read(before.value)
        except Exception as error:  # noqa: BLE001 - whatever it is, what was known stays, and the page says why it is old
            self._set(Seen(before.value, before.at, error))
        else:
            self._set(Seen(value, at))

    def _set(self, seen: Seen[T]) -> None:
        with self._state:
            self._seen = seen
            self._times += not seen.reading
