"""A backlog in virtual time: the real worker and sweep at once, against a simulated Autotask that takes its time and counts threads.

The simulation's scheduler lets the functions run side by side. Each request of Autotask takes ``AUTOTASK`` seconds, and one too many at
the same entity is refused, as the simulator's server does it. Each request of the table takes ``TABLE`` seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from local.autotask.faults import Fault
from tests.crowd import settled
from tests.fakes.memory_queue import MemoryQueue, Received
from tests.simulation.scheduler import SECOND, Actor, Scheduler, micros, moment
from tests.world import ADV, ESS, GATEWAY, World
from timus_autotask.bootstrap import apply_handler, sweep_handler
from timus_autotask.ports.table import Document

AUTOTASK, TABLE = 0.300, 0.005
"""Seconds that a request takes: assumed, for nothing here runs on AWS."""
CONCURRENT = 2
"""Workers at once: MaximumConcurrency in the template."""
THREADS = 3
"""Requests at once that Autotask allows an integration at one entity."""
QUIET = 60
"""Seconds that the queue delays a message."""
CALLS_WANTED = 3
"""A change."""
TIMEOUT = 60 * SECOND
"""Of the worker, and of the sweep at most."""
LONGEST = 2 * 3600 * SECOND
IMPORTED = 5_000
"""Events of one customer that come in at once, when a partner imports."""


@dataclass(frozen=True)
class Drained:
    """How a backlog ended."""

    changes: int
    customers: int
    seconds: float
    """From when the first message could be received until the queue was empty, with no message in anybody's hands."""
    autotask: int
    refused: int
    """Requests that Autotask refused because of too many at once."""
    most: int
    """Requests at once at one entity."""
    right: int
    """Customers with Timus's units when the queue was empty."""
    further: float
    """Seconds until a sweep that was at work then had ended too."""
    right_then: int
    """Customers with Timus's units then."""
    at_rest: bool
    """Nothing was due then, and nobody had a contract."""

    @property
    def share(self) -> float:
        """Of what three threads at three calls a customer allow; a customer's changes of one day are one adjustment."""
        return self.customers * CALLS_WANTED * AUTOTASK / THREADS / self.seconds


class Backlog:
    """A world whose functions run side by side."""

    def __init__(self, customers: int, each: int) -> None:
        self.customers, self.each = customers, each
        self.world = settled(customers)
        self.world.pass_time(minutes=20)
        self.world.control.clear_requests()
        self.scheduler = Scheduler(micros(self.world.clock.now()))
        self.refused = self.most = self._running = self._sweeping = self._started = 0
        self._in_flight: Counter[str] = Counter()
        self._slow_down(self.world)
        self.world.queue = MemoryQueue(self.world.clock, delay=QUIET, visibility=360, max_receives=5)
        self.world.receive_ports = replace(
            self.world.receive_ports, wake_ups=self.world.queue, quiet_seconds=QUIET
        )
        self.world.ports = replace(self.world.ports, wake_ups=self.world.queue)
        self._apply = apply_handler(self.world.ports)
        self._sweep = sweep_handler(self.world.ports)

    def _slow_down(self, world: World) -> None:
        scheduler, handle = self.scheduler, world.api.handle

        def takes(seconds: float, method: Callable[..., Any]) -> Callable[..., Any]:
            def slow(*arguments: Any, **more: Any) -> Any:
                scheduler.pass_time(int(seconds * SECOND))
                return method(*arguments, **more)

            return slow

        def limited(method: str, url: str, headers: Any, body: bytes) -> Any:
            entity = world.api.entity_name(urlsplit(url).path)
            self._in_flight[entity] += 1
            self.most = max(self.most, self._in_flight[entity])
            exceeds = self._in_flight[entity] > THREADS
            self.refused += exceeds
            try:
                scheduler.pass_time(int(AUTOTASK * SECOND))
                return handle(
                    method, url, headers, body, fault=Fault("throttle_threads") if exceeds else None
                )
            finally:
                self._in_flight[entity] -= 1

        for name in ("get", "get_many", "range", "due", "list", "write"):
            setattr(world.table, name, takes(TABLE, getattr(world.table, name)))
        world.api.handle = limited  # type: ignore[method-assign, assignment]
        world.transport.may_write = lambda: True  # its own look at the table is not the product's
        world.clock.now = lambda: moment(scheduler.now)  # type: ignore[method-assign]
        world.clock.sleep = lambda seconds: scheduler.pass_time(int(seconds * SECOND))  # type: ignore[method-assign]

    def run(self) -> Drained:
        """Let the changes in at once, and work until the queue is empty."""
        for version in range(2, 2 + self.each):
            for n in range(1, self.customers + 1):
                items = {ADV: 5 + version, ESS: 6, GATEWAY: 7}
                self.world.tell(version, items, customer=f"cus_{n}", subscription=f"sub_{n}")
        began = self.scheduler.now + QUIET * SECOND
        until = began + LONGEST
        self._tick()
        self._until(lambda: self.world.queue.oldest_at() is None and not self._running, until)
        empty, right = self.scheduler.now, self._right()
        self._until(lambda: not self._sweeping, until)
        return Drained(
            changes=self.customers * self.each,
            customers=self.customers,
            seconds=(empty - began) / SECOND,
            autotask=len(self.world.control.requests()),
            refused=self.refused,
            most=self.most,
            right=right,
            further=(self.scheduler.now - empty) / SECOND,
            right_then=self._right(),
            at_rest=not any(map(self._pending, self.world.table.documents())),
        )

    def _pending(self, document: Document) -> bool:
        now = int(self.world.clock.now().timestamp())
        due = document.due_at is not None and document.due_at <= now
        return due or document.data.get("lease") is not None

    def _until(self, holds: Callable[[], bool], until: int) -> None:
        while not holds():
            assert self.scheduler.now < until, "it never comes to rest"
            self._invoke()
            self.scheduler.run_until(self.scheduler.now + SECOND // 10)

    def _right(self) -> int:
        day, numbers = self.world.clock.now().date(), range(1, self.customers + 1)
        return sum(self.world.units(ADV, day, 10_000 + n) == 6 + self.each for n in numbers)

    def _invoke(self) -> None:
        while self._running < CONCURRENT and (received := self.world.queue.receive(10)):
            self._running += 1
            self._start("apply", lambda received=received: self._worked(received))  # type: ignore[misc]

    def _worked(self, received: list[Received]) -> None:
        try:
            records = [message.record() for message in received]
            failed = self._apply({"Records": records}, self._context())["batchItemFailures"]
            back = {one["itemIdentifier"] for one in failed}
            for message in received:
                if message.message_id not in back:
                    self.world.queue.delete(message.receipt)
        finally:
            self._running -= 1

    def _tick(self) -> None:
        self._start("sweep", self._swept)
        self.scheduler.after(60, self._tick)

    def _swept(self) -> None:
        self._sweeping += 1
        try:
            self._sweep({}, self._context())
        finally:
            self._sweeping -= 1

    def _start(self, function: str, work: Callable[[], Any]) -> None:
        self._started += 1
        now = self.scheduler.now
        actor = Actor(f"{function}-{self._started}", function, 0, now + TIMEOUT)
        self.scheduler.start(actor, work)

    def _context(self) -> Context:
        return Context(self.scheduler, self.scheduler.now + TIMEOUT)


@dataclass(frozen=True)
class Context:
    """What Lambda hands to a handler, in virtual time."""

    scheduler: Scheduler
    end: int

    def get_remaining_time_in_millis(self) -> int:
        """Until it is killed."""
        return (self.end - self.scheduler.now) * 1000 // SECOND


def drained(customers: int = 200, each: int = 5) -> Drained:
    """Let ``each`` changes of so many customers come in at once."""
    return Backlog(customers, each).run()


@dataclass(frozen=True)
class Imported:
    """How long two customers waited while one of them imported."""

    importing: float
    """Seconds from the first of many events of one customer until Autotask has the last of them."""
    other: float
    """Seconds from a change of another customer, five seconds after that import, until Autotask has it."""


def imported(events: int, customers: int = 10) -> Imported:
    """Let one customer's ``events`` come in at once, and then a change of another one."""
    backlog = Backlog(customers, 1)
    world, scheduler = backlog.world, backlog.scheduler
    day = world.clock.now().date()

    def until(customer: int, units: int, since: int) -> float:
        backlog._until(lambda: world.units(ADV, day, 10_000 + customer) == units, since + LONGEST)
        return (scheduler.now - since) / SECOND

    first = scheduler.now
    for version in range(2, 2 + events):
        world.tell(version, {ADV: 5 + version % 40}, customer="cus_1", subscription="sub_1")
    backlog._tick()
    scheduler.run_until(scheduler.now + 5 * SECOND)
    world.tell(2, {ADV: 9}, customer="cus_2", subscription="sub_2")
    other = until(2, 9, scheduler.now)
    return Imported(until(1, 5 + (1 + events) % 40, first), other)
