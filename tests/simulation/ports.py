"""The product's ports over the honest fakes, with time and faults at every call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from local.autotask.faults import Fault, NeverSent
from local.autotask.faults import NoAnswer as LostAnswer
from tests.fakes.memory_queue import MemoryQueue
from tests.fakes.memory_secrets import MemorySecrets
from tests.fakes.memory_table import MemoryTable
from tests.simulation.scheduler import SECOND, Crash, Decisions, Scheduler, mixed, moment
from timus_autotask.autotask.http import NoAnswer, NotSent, Request, Response
from timus_autotask.ports.errors import Conflict, QueueUnavailable, SecretsUnavailable, TableUnavailable
from timus_autotask.ports.secrets import CACHED
from timus_autotask.ports.table import Delete, Document, Due, Key, Put, Write

if TYPE_CHECKING:
    from tests.simulation.world import World

READ_SECONDS = 20
"""How long a client waits for an answer of Autotask before it gives up."""
SKEW_SECONDS = 10
"""A late landing keeps this far away from the end of the settling time: clocks differ, and nobody promises to the second."""
STALE_SECONDS = 60
"""For how long after a write a read may still show the state before."""

_LATENCY = {
    "read": (3_000, 0xFFF),
    "write": (5_000, 0x1FFF),
    "send": (8_000, 0x3FFF),
    "secret": (10_000, 0x3FFF),
    "ask": (60_000, 0x3FFFF),
    "post": (120_000, 0x7FFFF),
    "sleep": (0, 0),
}
"""By kind of call, in microseconds: at least, and a mask for what comes on top."""

_KINDS = {
    "not-sent": "not_sent",
    "no-answer": "timeout_before",
    "timeout-before": "timeout_before",
    "timeout-after": "timeout_after",
    "land-late": "land_late",
    "crash-late": "land_late",
    "reset-after": "reset_after",
    "html-502": "html_502",
    "html-502-after": "html_502_after",
    "json-500": "json_500",
    "throttled": "throttle_429",
    "threads": "throttle_threads",
    "unauthorized": "unauthorized",
    "truncated": "truncated_body",
    "stale": "stale_read",
    "redirect": "redirect_302",
    "zone-moved": "zone_moved",
}


class Calls:
    """What every call to the outside has in common: it takes time, may meet a fault, and leaves a trace."""

    def __init__(self, scheduler: Scheduler, decisions: Decisions) -> None:
        self.scheduler = scheduler
        self.decisions = decisions
        self.faults_on = False
        self.faults: Counter[tuple[str, str]] = Counter()
        """How often a fault struck, by site and fault."""
        self.taken: list[tuple[str, int, str]] = []
        """Every fault that struck: actor, number of its call, fault."""
        self.sites: dict[str, str] = {}
        """Every site that was called, with its kind."""
        self.places: list[tuple[str, int, str, str]] | None = None
        """If a list: every call is noted here as (actor, number, site, kind)."""
        self.last_fault = 0
        self._still = False
        self.told: Callable[[str], None] | None = None
        """Where the history is written for people, if anybody listens."""
        self._trace = blake2b(digest_size=16)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Let no time pass while a person does something, so that nobody else gets between."""
        self._still = True
        try:
            yield
        finally:
            self._still = False

    @property
    def by_a_person(self) -> bool:
        """Whether a person's command makes the call, and no worker."""
        return self.scheduler.actor is not None and self.scheduler.actor.function == "person"

    @property
    def passes(self) -> bool:
        """Whether calls take time."""
        return not self._still

    def begin(self, site: str, kind: str) -> tuple[str | None, int]:
        """Let a call begin: time passes until its effect. Returns the fault that it meets and its random bits."""
        scheduler = self.scheduler
        actor = scheduler.actor
        if actor is None or actor.function == "person":
            if actor is not None and not self._still:
                scheduler.pass_time(5_000)
            return None, 0
        if actor.dead:
            raise Crash
        call = actor.calls
        actor.calls = call + 1
        bits = mixed(actor.key + call * 0x9E3779B97F4A7C15)
        fault = self.decisions.choose(actor, call, site, kind, bits) if self.faults_on else None
        more = mixed(bits)
        self.sites[site] = kind
        if self.places is not None:
            self.places.append((actor.name, call, site, kind))
        if fault is not None:
            self.met(actor.name, call, site, fault)
        least, mask = _LATENCY[kind]
        span = least + (more & mask)
        if more >> 60 == 0:
            span *= 8
        if fault is not None:
            if fault in ("stall", "stall-before"):
                span += self._stall(more)
            elif fault in ("frozen", "frozen-before") and actor.deadline is not None:
                span = max(0, actor.deadline - scheduler.now)
        scheduler.pass_time(span)
        self._trace.update(f"{scheduler.now} {actor.name} {site} {fault}\n".encode())
        if self.told is not None:
            self.told(f"{actor.name}: {site}" + (f" ⚡ {fault}" if fault else ""))
        if fault in ("crash", "crash-before"):
            scheduler.kill(actor, fault)
        return fault, more

    def end(self, fault: str | None, more: int) -> None:
        """Let a call end after its effect."""
        if fault is None:
            return
        scheduler = self.scheduler
        actor = scheduler.actor
        if actor is None:
            return
        if fault in ("crash-after", "crash-late"):
            scheduler.kill(actor, fault)
        if fault == "stall-after":
            scheduler.pass_time(self._stall(more))
        elif fault == "frozen-after" and actor.deadline is not None:
            scheduler.pass_time(max(0, actor.deadline - scheduler.now))

    def met(self, actor: str, call: int, site: str, fault: str) -> None:
        """Note a fault."""
        self.faults[site, fault] += 1
        self.taken.append((actor, call, fault))
        self.last_fault = self.scheduler.now

    def effect(self, what: str) -> None:
        """Note an effect in the trace."""
        self._trace.update(what.encode())

    def digest(self) -> str:
        """The hash of everything that happened."""
        return self._trace.hexdigest()

    @staticmethod
    def _stall(bits: int) -> int:
        """Half a second to 58 seconds, short ones more often."""
        span = 500_000 << ((bits >> 8) % 7)
        return span + (bits >> 16) % span


class SimClock:
    """:class:`timus_autotask.ports.clock.Clock` in virtual time; each process's own is wrong by up to two seconds.

    ``exact``: not that of a process but of a service, which is the same whoever calls it.
    """

    def __init__(self, calls: Calls, *, exact: bool = False) -> None:
        self._calls = calls
        self._scheduler = calls.scheduler
        self._exact = exact

    def now(self) -> datetime:
        scheduler = self._scheduler
        actor = scheduler.actor
        return moment(scheduler.now + (actor.skew if actor is not None and not self._exact else 0))

    def sleep(self, seconds: float) -> None:
        self._calls.begin("clock.sleep", "sleep")
        self._scheduler.pass_time(int(seconds * SECOND))


class SimTable:
    """:class:`timus_autotask.ports.table.Table` over the fake table."""

    def __init__(self, world: World, inner: MemoryTable) -> None:
        self._world = world
        self._calls = world.calls
        self.inner = inner
        self.writes = 0

    def get(self, key: Key) -> Document | None:
        self._read("get")
        return self.inner.get(key)

    def range(self, pk: str, first: str, last: str, limit: int | None = None) -> list[Document]:
        self._read("range")
        self._world.watch.reads(pk)
        return self.inner.range(pk, first, last, limit)

    def get_many(self, keys: Sequence[Key]) -> list[Document]:
        if keys:
            self._read("get")
        return self.inner.get_many(keys)

    def due(self, until: int, limit: int) -> list[Due]:
        self._read("due")
        return self.inner.due(until, limit)

    def list(
        self, kind: str, first: str = "", last: str = "\U0010ffff", *, backwards: bool = False
    ) -> Iterator[Document]:
        self._read("list")
        return self.inner.list(kind, first, last, backwards=backwards)

    def write(self, changes: Sequence[Write]) -> None:
        site = site_of(changes)
        fault, more = self._calls.begin(site, "write")
        if fault == "fails":
            raise TableUnavailable("the table does not answer")
        self._world.spoils(site, changes)
        try:
            self.inner.write(changes)
        except Conflict as conflict:
            self._calls.effect("conflict")
            self._world.watch.conflict(site, conflict)
            self._calls.end(fault, more)
            if fault == "lost":
                raise TableUnavailable("the answer was lost") from None
            raise
        self.writes += 1
        self._calls.effect(f"{site} {len(changes)}")
        self._world.written(site, changes)
        self._calls.end(fault, more)
        if fault == "lost":
            self._world.watch.lost(changes)
            raise TableUnavailable("the answer was lost")

    def _read(self, what: str) -> None:
        fault, _ = self._calls.begin(f"table.{what}", "read")
        if fault == "unavailable":
            raise TableUnavailable("the table does not answer")


def site_of(changes: Sequence[Write]) -> str:
    """What a write is for, by what it writes."""
    kinds = {_part(change) for change in changes}
    for name in ("merge", "open", "inbox", "lease", "release", "wake", "plan", "circuit"):
        if name in kinds:
            return f"table.{name}"
    return "table.other"


def _part(change: Write) -> str:
    sk = change.key.sk
    if isinstance(change, Delete):
        return "merge" if sk.startswith("INBOX#") else ""
    if sk == "CONTRACT":
        if not isinstance(change, Put):
            return "open"
        if change.data.get("lease") is not None and change.due_at is not None and change.data["lease_until"]:
            return "lease"
        return "release"
    if sk.startswith("INBOX#"):
        return "inbox"
    if sk.startswith("PLAN#"):
        return "plan"
    if sk == "AUTOTASK":
        return "circuit"
    return ""


class SimWakeUps:
    """:class:`timus_autotask.ports.queue.WakeUps` over the fake queue."""

    def __init__(self, world: World, inner: MemoryQueue) -> None:
        self._world = world
        self._calls = world.calls
        self._inner = inner
        self._copies = 0

    def send(self, customer_id: str, dedup_id: str) -> None:
        fault, more = self._calls.begin("queue.send", "send")
        if fault == "fails":
            raise QueueUnavailable("the queue does not answer")
        if fault != "vanishes":
            self._inner.send(customer_id, dedup_id)
            self._calls.effect("sent")
            self._world.poll_after(self._world.story.quiet)
        if fault in ("doubled", "doubled-late"):
            self._copies += 1
            copy = f"copy-{self._copies}"
            if fault == "doubled":
                self._inner.send(customer_id, copy)
            else:
                hours = 60 + (more >> 8) % 18_000

                def again() -> None:
                    self._inner.send(customer_id, copy)
                    self._world.poll_after(self._world.story.quiet)

                self._world.scheduler.after(hours, again)
        self._calls.end(fault, more)
        if fault == "lost":
            raise QueueUnavailable("the answer was lost")


class SimSecrets(MemorySecrets):
    """:class:`timus_autotask.ports.secrets.Secrets` of one sandbox: its own cache over the one store."""

    def __init__(self, world: World, stored: dict[str, Any]) -> None:
        super().__init__(world.clock)
        self._calls = world.calls
        self._stored = stored

    def _read(self, name: str, missing: str) -> Any:
        now = self._clock.now()
        if name in self._cache and now - self._cache[name][0] < CACHED:
            return self._cache[name][1]
        fault, _ = self._calls.begin("secrets.read", "secret")
        if fault == "unavailable":
            raise SecretsUnavailable("the secret store does not answer")
        return super()._read(name, missing)


class SimTransport:
    """:class:`timus_autotask.autotask.http.Transport` into the simulated Autotask."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = world.calls
        self._zone = 1

    def __call__(self, request: Request) -> Response:
        world, calls = self._world, self._calls
        url = request.url.partition("?")[0]
        entity = url.rstrip("/").rsplit("/", 2)
        post = entity[-1] == "ContractServiceAdjustments"
        site = "autotask.post" if post else f"autotask.{entity[-2] if entity[-1] == 'query' else entity[-1]}"
        posting = world.oracle.post_begins(request) if post else None
        fault, more = calls.begin(site, "post" if post else "ask")
        poison = world.poison_of(request, post)
        name = poison if poison is not None else fault
        injected = self._injected(request, name, more)
        if posting is not None:
            world.watch.post_begins()
            world.oracle.first_byte(posting)
        try:
            reply = world.api.handle(
                request.method, request.url, request.headers, request.body, fault=injected
            )
        except NeverSent as error:
            self._ended(post, posting)
            calls.scheduler.pass_time((more >> 20) % (5 * SECOND))
            raise NotSent(str(error)) from error
        except LostAnswer as error:
            self._late(injected)
            self._landed(post, request)
            calls.end(fault, more)
            if injected is None or injected.kind != "reset_after":
                calls.scheduler.pass_time(READ_SECONDS * SECOND)
            self._ended(post, posting)
            raise NoAnswer(str(error)) from error
        self._landed(post, request)
        if (
            site == "autotask.ContractServiceUnits"
            and reply.status == 200
            and (injected is None or injected.kind == "slow")
            and not calls.by_a_person
        ):
            world.oracle.looked(json.loads(request.body)["Filter"][0]["value"])
        calls.effect(f"{reply.status} {len(reply.body)}")
        calls.end(fault, more)
        if calls.passes:
            calls.scheduler.pass_time(20_000 + (more & 0x1FFFF))
        self._ended(post, posting)
        if reply.truncated:
            raise NoAnswer("the answer broke off")
        return Response(reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.body)

    def _injected(self, request: Request, name: str | None, more: int) -> Fault | None:
        kind = _KINDS.get(name or "")
        if kind is None:
            return None
        world = self._world
        if kind == "stale_read":
            # The settling time is the partner's word for how late a post can show: nothing is stale for longer.
            written = world.recent.get(_contract_of(request))
            recent = written is not None and world.scheduler.now - written < STALE_SECONDS * SECOND
            if recent:
                world.watch.states["stale read served"] += 1
            return Fault(kind) if recent else None
        if kind == "zone_moved":
            self._zone += 1
            return Fault(kind, base=f"/Zone{self._zone}/ATServicesRest")
        if kind == "land_late":
            actor = world.scheduler.actor
            patience = READ_SECONDS * SECOND if name == "land-late" else 0
            if actor is not None and actor.deadline is not None:
                patience = min(patience, actor.deadline - world.scheduler.now)
            longest = patience // SECOND + world.story.settle - SKEW_SECONDS
            # As late as can be, or anything in between.
            seconds = longest - (more >> 30) % 5 if more & 1 else (more >> 30) % longest
            return Fault(kind, seconds=float(seconds))
        return Fault(kind)

    def _late(self, injected: Fault | None) -> None:
        if injected is not None and injected.kind == "land_late":
            world = self._world
            world.scheduler.after(injected.seconds + 0.002, world.late_landing)
            world.watch.states["late landing"] += 1
            if injected.seconds > world.story.settle - 60:
                world.watch.states["late landing in the last minute of the settling time"] += 1

    def _landed(self, post: bool, request: Request) -> None:
        if post:
            self._world.look_at_autotask()
        elif request.method in ("PATCH", "PUT"):
            self._world.note_writes()  # what was written long ago is not stale any more

    def _ended(self, post: bool, posting: Any) -> None:
        if post:
            self._world.watch.post_ends()
            self._world.oracle.post_ends(posting)


def _contract_of(request: Request) -> int:
    """The one contract whose units or lines are asked for; 0: no such one."""
    filters = json.loads(request.body).get("Filter", ()) if request.body else ()
    return next(
        (one["value"] for one in filters if one.get("field") == "contractID" and one["op"] == "eq"), 0
    )


Told = Mapping[str, Any]
