"""The scheduler: actors as greenlets in virtual time, and every decision of a run as a value that can be replayed.

Time passes only when an actor calls the outside; what happens meanwhile is whatever else is due by then. So the order of
everything follows from how long calls take and which faults they meet, and both follow from the seed, the actor's name and
the number of the call: taking a fault out of a run leaves the others where they were.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import accumulate

from greenlet import getcurrent, greenlet

from tests.simulation.rates import FAULTS, SELDOM, Profile

SECOND = 1_000_000
"""Microseconds: the unit of virtual time."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MASK = (1 << 64) - 1


class Crash(BaseException):
    """The process is gone: no ``except Exception`` survives it."""


def mixed(value: int) -> int:
    """64 well-mixed bits of a number (splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def moment(when: int) -> datetime:
    """An instant of virtual time."""
    return EPOCH + timedelta(microseconds=when)


def micros(when: datetime) -> int:
    """An instant as virtual time."""
    return (when - EPOCH) // timedelta(microseconds=1)


Place = tuple[str, int]
"""Where a decision is taken: the actor's name and the number of its call."""


@dataclass(frozen=True)
class Decisions:
    """Which calls meet which fault: by the rates of a profile, or exactly those that are listed."""

    seed: int
    profile: Profile | None = None
    listed: Mapping[Place, str] | None = None

    def __post_init__(self) -> None:
        rates: dict[str, int] = {}
        if self.profile is not None:
            rates = {kind: int(getattr(self.profile, kind) * (1 << 20)) for kind in FAULTS}
        object.__setattr__(self, "_rates", rates)

    def choose(self, actor: Actor, call: int, site: str, kind: str, bits: int) -> str | None:
        """The fault that a call meets, if any."""
        if self.listed is not None:
            fault = self.listed.get((actor.name, call))
            return fault if fault is not None and fault in FAULTS[kind] else None
        rates: Mapping[str, int] = self._rates  # type: ignore[attr-defined]
        if (bits & 0xFFFFF) >= rates[kind] * SELDOM.get(site, 1):
            return None
        names, sums = _WEIGHTS[kind]
        return names[bisect_right(sums, (bits >> 20) % sums[-1])]


_WEIGHTS = {kind: (tuple(faults), tuple(accumulate(faults.values()))) for kind, faults in FAULTS.items()}


class Actor:
    """One process, or one person, with its own deadline and its own (slightly wrong) clock."""

    __slots__ = ("calls", "dead", "deadline", "ended", "function", "greenlet", "key", "name", "skew")

    def __init__(self, name: str, function: str, seed: int, deadline: int | None, skew: int = 0) -> None:
        self.name = name
        self.function = function
        """What it is: receive, apply, sweep or person."""
        digest = blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
        self.key = int.from_bytes(digest, "big")
        self.calls = 0
        self.deadline = deadline
        self.skew = skew
        self.dead = False
        self.ended = False
        self.greenlet: greenlet | None = None


class Scheduler:
    """Virtual time and who runs when."""

    def __init__(self, start: int) -> None:
        self.now = start
        self.actor: Actor | None = None
        """Who runs now; None: the world itself."""
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._limit = start
        self._main = getcurrent()
        self.on_death: Callable[[Actor, str], None] = lambda _actor, _how: None
        self.steps = 0

    def at(self, when: int, what: Callable[[], None]) -> None:
        """Let something happen at an instant, now at the earliest."""
        self._count += 1
        heappush(self._queue, (max(when, self.now), self._count, what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Let something happen in so many seconds."""
        self.at(self.now + int(seconds * SECOND), what)

    def due(self) -> int | None:
        """When the next thing happens; None: nothing is to come."""
        return self._queue[0][0] if self._queue else None

    def run_until(self, limit: int) -> None:
        """Let everything happen that is due by ``limit``; it is that time afterwards."""
        self._limit = limit
        queue = self._queue
        while queue and queue[0][0] <= limit:
            when, _, what = heappop(queue)
            if when > self.now:
                self.now = when
            what()
        self.now = max(self.now, limit)

    def start(self, actor: Actor, work: Callable[[], None]) -> None:
        """Let an actor begin now."""

        def body() -> None:
            try:
                work()
            except Crash:
                return
            finally:
                actor.ended = True

        actor.greenlet = greenlet(body, self._main)
        if actor.deadline is not None:
            self.at(actor.deadline, lambda: self._expire(actor))
        self._resume(actor)

    def kill(self, actor: Actor, how: str) -> None:
        """End an actor on the spot; called from within it, it does not return."""
        if actor.dead or actor.ended:
            return
        actor.dead = True
        self.on_death(actor, how)
        if self.actor is actor:
            raise Crash(how)
        if actor.greenlet is not None and not actor.greenlet.dead:
            self._resume(actor, Crash(how))

    def pass_time(self, span: int) -> None:
        """Called by an actor: so much time passes for it, and what is due meanwhile happens."""
        actor = self.actor
        if actor is None:
            return
        if actor.dead:
            raise Crash
        self.steps += 1
        wake = self.now + span
        if actor.deadline is not None and wake >= actor.deadline:
            self._main.switch()  # it is never resumed: its deadline comes first
        queue = self._queue
        if wake <= self._limit and (not queue or queue[0][0] > wake):
            self.now = wake
            return
        self.at(wake, lambda: self._resume(actor))
        self._main.switch()

    def _resume(self, actor: Actor, error: BaseException | None = None) -> None:
        if actor.dead and error is None:
            return
        assert actor.greenlet is not None
        before, self.actor = self.actor, actor
        try:
            if error is None:
                actor.greenlet.switch()
            else:
                actor.greenlet.throw(error)
        finally:
            self.actor = before

    def _expire(self, actor: Actor) -> None:
        self.kill(actor, "deadline")
