"""A world: the real handlers in sandboxes, the queue that invokes them, Timus, Autotask, and the people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

from local.autotask.api import AutotaskApi
from local.autotask.control import Control
from local.autotask.rules import Refused
from local.timus import change
from tests.fakes.memory_queue import MemoryQueue, Received
from tests.fakes.memory_secrets import CREDENTIALS, WEBHOOK_SECRET
from tests.simulation.oracle import BOUND, Oracle, Violation
from tests.simulation.ports import Calls, SimClock, SimSecrets, SimTable, SimTransport, SimWakeUps
from tests.simulation.rates import Profile
from tests.simulation.remembered import SharedTable, remembering
from tests.simulation.scheduler import SECOND, Actor, Decisions, Scheduler, micros, mixed
from tests.simulation.story import PLANS, SERVICES, ClientPlan, Happening, Said, Story, local_day
from tests.simulation.watch import Watch
from timus_autotask.autotask.http import Request
from timus_autotask.bootstrap import (
    Handler,
    LambdaContext,
    apply_handler,
    autotask_client,
    receive_handler,
    sweep_handler,
)
from timus_autotask.domain.approval import approve, reject
from timus_autotask.domain.line import Choice, Line, Outcome, State
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.domain.reasons import REFUSED
from timus_autotask.domain.stage import Stage
from timus_autotask.operate import parked_events
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.refusal import NotDone
from timus_autotask.operate.stage import go_live
from timus_autotask.operate.terms import TermChange, set_terms
from timus_autotask.operate.undo import undo as undo_change
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.secrets import CACHED, Credentials, RefusedUser
from timus_autotask.ports.table import Delete, Key, Put, Write
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.journal import line_with_entries
from timus_autotask.store.keys import contract_key, customer_pk, plan_key
from timus_autotask.store.lines import put_line
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.partner import put_plan
from timus_autotask.store.reading import Stored
from timus_autotask.store.records import Store
from timus_autotask.store.terms import put_stage, put_terms
from timus_autotask.sync.merge import wake_contract, wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.receive import PATH, ReceivePorts
from timus_autotask.sync.sweep import sweep
from timus_autotask.timus.signatures import sign
from timus_autotask.watch.preview import Preview

APPLY_SECONDS, SWEEP_SECONDS, RECEIVE_SECONDS = 60, 55, 10
"""The functions' timeouts, as in the template."""
VISIBILITY = 360
AT_ONCE = 2
"""Workers at the same time."""
RETRIES = (5.0, 30.0, 300.0, 1800.0, 7200.0)
"""After how many seconds Timus tries a delivery again; the last one repeats."""


class Design(Protocol):
    """What handles wake-ups and ticks: the product, or a simpler design behind the same harness."""

    def apply_handler(self, ports: Ports) -> Handler: ...

    def sweep_handler(self, ports: Ports) -> Handler: ...


class Product:
    """The product itself. In most runs the sweep takes no stock: it reads much, for metrics only, and decides nothing."""

    def __init__(self, *, stock: bool = True) -> None:
        self._stock = stock

    def apply_handler(self, ports: Ports) -> Handler:
        return apply_handler(ports)

    def sweep_handler(self, ports: Ports) -> Handler:
        if self._stock:
            return sweep_handler(ports)

        def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            left = timedelta(milliseconds=context.get_remaining_time_in_millis())
            return {"looked_at": sweep(ports, ports.clock.now() + left)}

        return handler


@dataclass
class Result:
    """What became of a run."""

    seed: int
    violations: list[Violation]
    digest: str
    faults: Counter[tuple[str, str]]
    states: Counter[str]
    taken: list[tuple[str, int, str]]
    sites: dict[str, str]
    """Every site that was called, with its kind: what faults it can meet."""
    places: list[tuple[str, int, str, str]]
    steps: int
    posts: int
    longest_rest: float
    """Seconds from when the faults had stopped to the last adjustment, or to the last intent that was settled."""
    words: list[str] = field(default_factory=list)

    @property
    def promise(self) -> str:
        """The first promise that was broken, or nothing."""
        return self.violations[0].promise if self.violations else ""


class _Context:
    """Lambda's context object."""

    def __init__(self, scheduler: Scheduler, deadline: int) -> None:
        self._scheduler = scheduler
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        return (self._deadline - self._scheduler.now) // 1000


@dataclass
class _Sandbox:
    """A warm Lambda process: its clients and caches live as long as it does."""

    handler: Handler
    busy: bool = False


class _Names:
    """Names that nobody else has, and that repeat with the seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._count = 0

    def __call__(self) -> str:
        self._count += 1
        return f"{mixed(self._seed * 1_000_003 + self._count):016x}"


class World:
    """One run of one story."""

    def __init__(
        self,
        story: Story,
        decisions: Decisions,
        *,
        design: Design | None = None,
        aloud: bool = False,
        note_places: bool = False,
        own_promises: bool = True,
    ) -> None:
        """``aloud``: keep the history for people. ``own_promises``: also hold what concerns our own records (not for peers)."""
        self.story = story
        self.design = design or Product(stock=story.seed % 16 == 0)
        self.zone = ZoneInfo(story.zone)
        self.scheduler = Scheduler(story.start)
        self.scheduler.on_death = self._died
        self.calls = Calls(self.scheduler, decisions)
        if note_places:
            self.calls.places = []
        self.words: list[str] = []
        if aloud:
            self.calls.told = self.say
        self.watch = Watch(self.scheduler)
        self.clock = SimClock(self.calls)
        self.memory = SharedTable()
        live = not any(happening.kind == "go_live" for happening in story.happenings)
        self.memory.write([put_stage(None, Stage(live), 0)])
        self.table = SimTable(self, self.memory)
        exact = SimClock(self.calls, exact=True)
        self.dead_letters = MemoryQueue(exact)
        self.queue = MemoryQueue(
            exact,
            delay=story.quiet,
            visibility=VISIBILITY,
            max_receives=story.attempts,
            dead_letters=self.dead_letters,
        )
        self.vault: dict[str, Any] = {"webhook": (WEBHOOK_SECRET,), "autotask": CREDENTIALS}
        self.signing_secret = WEBHOOK_SECRET
        self.api = AutotaskApi(clock=lambda: self.scheduler.now / SECOND, keep_requests=16)
        self.control = Control(self.api)
        self.control.load(_scenario(story))
        for name, value in story.switches.items():
            self.api.set_switch(name, value)
        self.api.credentials = {CREDENTIALS.username: (CREDENTIALS.secret, CREDENTIALS.integration_code)}
        self.transport = SimTransport(self)
        self.wake_ups = SimWakeUps(self, self.queue)
        self.last_commit = 0
        self.recent: dict[int, int] = {}
        """By contract: when it was written last; not there if that landed late, for what lands late shows at once."""
        self._before: dict[int, Any] = {}
        self.poison: tuple[int, str] | None = None
        self.healed_at = 0
        """When the contract that failed for ever could be billed again."""
        self._spoiled: ClientPlan | None = None
        """The client whose terms nobody can read."""
        self.curse: str | None = None
        """The customer whose events cannot be merged."""
        self.oracle = Oracle(self, own_promises=own_promises)
        self._revision = self.api.model.revision
        self._apply: list[_Sandbox] = []
        self._sweep: list[_Sandbox] = []
        self._receive: list[_Sandbox] = []
        self._workers = 0
        self._invocations: Counter[str] = Counter()
        self._tick_at: int | None = None
        self._longest_rest = 0.0
        self._undelivered: list[tuple[Said, int]] = []
        self._curse_ends = False
        self._changed_at = 0
        """When something else than an event of Timus or a decision with a preview happened last."""
        self._shown: list[Shown] = []
        self._counted_on: frozenset[Key] = frozenset()
        """Events that the preview of the last decision counted on and that were not merged when it was taken."""
        self._proposed_at = story.start
        """When the last preview was made."""
        self._quiet_since = story.start
        self.busy: set[Actor] = set()
        self._lagging = 0
        self._names = _Names(self.story.seed)

    # -- a run

    def run(self) -> Result:
        """Let the story happen under faults, stop the faults, and see whether everything comes to rest."""
        with suppress(_Enough), remembering():
            self._run()
        assert not self.memory.changed()
        self.watch.states["term renewed onto empty periods"] += self._renewed_onto_nothing()
        return Result(
            seed=self.story.seed,
            violations=self.oracle.violations,
            digest=self.calls.digest(),
            faults=self.calls.faults,
            states=self.watch.states,
            taken=self.calls.taken,
            sites=self.calls.sites,
            places=self.calls.places or [],
            steps=self.scheduler.steps,
            posts=len(self.api.postings),
            longest_rest=self._longest_rest,
            words=self.words,
        )

    def _run(self) -> None:
        story, scheduler = self.story, self.scheduler
        self._set_up()
        end = story.start
        for happening in story.happenings:
            scheduler.at(happening.at, _later(self._happen, happening))
            end = max(end, happening.at)
            for delay in happening.what.get("delays", ()):
                end = max(end, happening.at + int(delay * SECOND))
            if happening.kind in ("lag", "credentials"):
                lasts = happening.what.get("seconds", happening.what.get("later", 0.0))
                end = max(end, happening.at + int(lasts * SECOND))
        self.calls.faults_on = True
        self._under_faults(end)
        self._check()
        self.calls.faults_on = False
        for said, attempt in self._undelivered:
            scheduler.after(0.5, _later(self._deliver, said, attempt, True))
        self._undelivered = []
        # Whoever is at work now may be so until its deadline; only then all is up to the product.
        scheduler.run_until(scheduler.now + (RECEIVE_SECONDS + 2) * SECOND)
        quiet = max([scheduler.now, *(actor.deadline or 0 for actor in self.busy), self._quiet_since])
        scheduler.run_until(quiet + (story.settle + BOUND) * SECOND)
        self._check()
        self.oracle.at_rest(strict=False, since=quiet)
        self._longest_rest = max(0, max(self.last_commit, self.watch.last_settled) - quiet) / SECOND
        self._check()
        if self.poison is not None:
            self._heal()
        if self.curse is not None and self._curse_ends:
            self.curse = None
            self.watch.states["merge raised for a while, then healed"] += 1
        if self.dead_letters.redrive(self.queue):
            self.watch.states["dead letter"] += 1
            self.poll_after(0)
        # What is parked is looked at again within the hour; what Autotask refused, within hours.
        scheduler.run_until(scheduler.now + (story.settle + BOUND) * SECOND)
        lines = [document.data for document in self.memory.list("line")]
        hours = 7 if any(line.get("refusal") for line in lines) else any(line.get("parked") for line in lines)
        scheduler.run_until(scheduler.now + (hours * 3600 + BOUND) * SECOND)
        self._let_all_go()
        self._check()
        self.oracle.at_rest(strict=True)
        for day in self.oracle.days_to_come():
            scheduler.run_until(
                max(scheduler.now, self.oracle.midnight(day)) + (story.settle + BOUND) * SECOND
            )
            self._let_all_go()
            self.oracle.at_rest(strict=True)
            self._check()
        self.oracle.at_the_end()
        self._check()

    def _renewed_onto_nothing(self) -> bool:
        """Whether a contract was extended for a renewed term, and Autotask gave its new periods no units."""
        if self.story.switches.get("extended_periods") != "empty":
            return False
        contracts = self.api.model.contracts
        return any(contracts[plan.id].end > plan.end.toordinal() for plan in self.story.contracts)

    def _under_faults(self, end: int) -> None:
        """Let everything happen while faults may strike; at ``end`` the last happening has begun."""
        self.scheduler.run_until(end + 90 * SECOND)

    def _check(self) -> None:
        if self.oracle.violations:
            raise _Enough

    def _let_all_go(self) -> None:
        """Let a person resume and approve whatever the terms hold back, until nothing is held any more."""
        if not self.story.terms:
            return
        self.person("resume", lambda: self._pause(paused=False))
        for _ in range(12):
            self.scheduler.run_until(self.scheduler.now + BOUND * SECOND)
            if not any(_approvable(line) for line in self.store.lines()):
                return
            self.person("approve", self._approve)

    # -- setting up

    @property
    def store(self) -> Store:
        """The records, past the faults: what a person sees."""
        return Store(self.memory)

    def _set_up(self) -> None:
        self._count_hardships()
        if self.story.terms:
            self._commit(put_terms(None, self.story.terms, 0))
        for sku in SERVICES if self.story.families else ():
            said = PlanMapping(sku, family="plans" if sku in PLANS else "")
            self._commit(put_plan(said, 0, self.clock.now()))
        for client in self.story.clients:
            if client.terms:
                self._commit(put_terms(client.id, client.terms, 0))
            if client.contract is not None:
                self._map(client.id, client.company or 0, client.contract, client.gateway_contract)

    def _count_hardships(self) -> None:
        mapped = {h.what["customer"] for h in self.story.happenings if h.kind == "map"}
        ids = {client.id for client in self.story.clients}
        self.watch.states["hostile ids"] += any(not one.startswith("cus_") for one in ids)
        unmapped = {client.id for client in self.story.clients if client.contract is None}
        self.watch.states["never mapped"] += len(unmapped - mapped)
        last = max((h.at for h in self.story.happenings), default=0)
        late = {h.what["customer"] for h in self.story.happenings if h.kind == "map" and h.at == last}
        self.watch.states["unmapped until the end"] += len(unmapped & late)

    def _commit(self, *changes: Write) -> None:
        self.table.write(changes)

    # -- time and processes

    def invoke(
        self,
        function: str,
        pool: list[_Sandbox],
        seconds: int,
        event: dict[str, Any],
        done: Callable[[dict[str, Any] | None], None],
    ) -> None:
        """Let Lambda invoke a function; ``done`` gets its answer, or None when it died or failed."""
        self._invocations[function] += 1
        name = f"{function}-{self._invocations[function]}"
        deadline = self.scheduler.now + seconds * SECOND
        actor = Actor(name, function, self.story.seed, deadline)
        actor.skew = actor.key % (4 * SECOND) - 2 * SECOND
        sandbox = next((one for one in pool if not one.busy), None)
        if sandbox is None:
            sandbox = _Sandbox(self._build(function))
            pool.append(sandbox)
        sandbox.busy = True
        self.busy.add(actor)
        answer: list[dict[str, Any]] = []

        def work() -> None:
            try:
                answer.append(sandbox.handler(event, _Context(self.scheduler, deadline)))
            except Exception as error:  # noqa: BLE001 - Lambda takes it for a failed invocation
                self.oracle.failed(function, error)
            if function == "sweep":
                self.tick_by(self.scheduler.now + SECOND)

        def body() -> None:
            alive = False
            try:
                work()
                alive = True
            finally:
                self.busy.discard(actor)
                sandbox.busy = False
                if not alive:
                    pool.remove(sandbox)
                actor.ended = True
                self.scheduler.at(self.scheduler.now, lambda: done(answer[0] if answer else None))

        self.scheduler.start(actor, body)

    def person(self, name: str, work: Callable[[], None]) -> None:
        """Let a person do something with the operator's command: it is not killed, and tries again after a conflict."""
        actor = Actor(f"{name}-{self._invocations['person']}", "person", self.story.seed, None)
        self._invocations["person"] += 1

        def body() -> None:
            for _ in range(50):
                try:
                    work()
                except Conflict:
                    continue
                self._quiet_since = max(self._quiet_since, self.scheduler.now)
                return
            raise AssertionError(f"{name} never got through")

        self.scheduler.start(actor, body)

    def _died(self, actor: Actor, how: str) -> None:
        self.watch.died(actor, how)
        self.busy.discard(actor)
        if actor.deadline is not None:
            self._quiet_since = max(self._quiet_since, self.scheduler.now)
        if self.calls.told:
            self.say(f"{actor.name} is dead ({how})")

    def _build(self, function: str) -> Handler:
        secrets = SimSecrets(self, self.vault)
        if function == "receive":
            return receive_handler(
                ReceivePorts(
                    table=self.table,
                    wake_ups=self.wake_ups,
                    secrets=secrets,
                    clock=self.clock,
                    quiet_seconds=self.story.quiet,
                    tolerance_seconds=300,
                )
            )
        client, refused = autotask_client(self.transport, secrets, "https://autotask.test/ATServicesRest")
        ports = Ports(
            table=self.table,
            autotask=client,
            credentials_refused=refused,
            clock=self.clock,
            zone=self.zone,
            settle=timedelta(seconds=self.story.settle),
            new_id=self._names,
            wake_ups=self.wake_ups,
            on_event=self.oracle.heard,
        )
        return self.design.sweep_handler(ports) if function == "sweep" else self.design.apply_handler(ports)

    # -- the queue and the schedule

    def poll_after(self, seconds: float) -> None:
        """Look into the queue in so many seconds."""
        self.scheduler.after(seconds + 0.05, self._poll)

    def _poll(self) -> None:
        while self._workers < AT_ONCE:
            received = self.queue.receive(10)
            if not received:
                return
            if any(message.receives > 1 for message in received):
                self.watch.states["message redelivered"] += 1
            self._hand_out(received)
            self.poll_after(VISIBILITY + 1)

    def _hand_out(self, received: Sequence[Received]) -> None:
        self._workers += 1
        pseudo = Actor(f"batch-{self._invocations['apply']}", "batch", self.story.seed, None)
        bits = mixed(pseudo.key)
        fault = (
            self.calls.decisions.choose(pseudo, 0, "queue.batch", "batch", bits)
            if self.calls.faults_on
            else None
        )
        if fault is not None:
            self.calls.met(pseudo.name, 0, "queue.batch", fault)
        if fault == "visible-early":
            seconds = 1 + (bits >> 40) % 30
            for message in received:
                self.queue.change_visibility(message.receipt, seconds)
            self.poll_after(seconds)
        if self.calls.places is not None:
            self.calls.places.append((pseudo.name, 0, "queue.batch", "batch"))
        self.calls.sites["queue.batch"] = "batch"
        event = {"Records": [message.record() for message in received]}

        def done(answer: dict[str, Any] | None) -> None:
            self._workers -= 1
            if answer is not None:
                failed = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
                for message in received:
                    if message.message_id not in failed:
                        self.queue.delete(message.receipt)
            self._poll()

        self.invoke("apply", self._apply, APPLY_SECONDS, event, done)
        if fault == "twice":
            self.invoke("apply", self._apply, APPLY_SECONDS, event, lambda _answer: None)

    def tick_by(self, when: int) -> None:
        """Make sure that the schedule ticks at the first full minute after ``when``; idle ticks are left out."""
        minute = 60 * SECOND
        offset = self.story.seed % minute
        at = max(when, self.scheduler.now + 1)
        at += (offset - at) % minute
        if self._tick_at is None or at < self._tick_at:
            self._tick_at = at
            self.scheduler.at(at, _later(self._tick, at))

    def _tick(self, at: int) -> None:
        if self._tick_at != at:
            return
        self._tick_at = None
        now = self.scheduler.now // SECOND
        due = (self.memory._held or self.memory._indexes).due
        if not due:
            return
        if due[0][0] > now:
            self.tick_by(due[0][0] * SECOND)
            return
        pseudo = Actor(f"tick-{self._invocations['tick']}", "tick", self.story.seed, None)
        self._invocations["tick"] += 1
        fault = (
            self.calls.decisions.choose(pseudo, 0, "schedule.tick", "tick", mixed(pseudo.key))
            if self.calls.faults_on
            else None
        )
        if self.calls.places is not None:
            self.calls.places.append((pseudo.name, 0, "schedule.tick", "tick"))
        self.calls.sites["schedule.tick"] = "tick"
        if fault is not None:
            self.calls.met(pseudo.name, 0, "schedule.tick", fault)
        self.tick_by(self.scheduler.now + SECOND)
        if fault == "missed":
            return
        for _ in range(2 if fault == "twice" else 1):
            self.invoke("sweep", self._sweep, SWEEP_SECONDS, {}, lambda _answer: None)

    def spoils(self, site: str, changes: Sequence[Write]) -> None:
        """Raise what no code foresaw, if these are the events of the cursed customer."""
        if site == "table.merge" and any(change.key.pk == f"CUSTOMER#{self.curse}" for change in changes):
            raise CURSED

    def written(self, site: str, changes: Sequence[Write]) -> None:
        """A write took effect."""
        self.watch.wrote(changes)
        self._at_rest_as_shown(changes)
        for put in changes:
            if isinstance(put, Put) and put.key.sk == "OWNER" and not put.expected:
                self.oracle.first_seen(put.key.pk.removeprefix("SUBSCRIPTION#"), put.data["customer"])
        soonest = min(
            (c.due_at for c in changes if isinstance(c, Put) and c.due_at is not None), default=None
        )
        if soonest is not None:
            self.tick_by(soonest * SECOND)
        if site == "table.merge" or any(isinstance(c, Delete) for c in changes):
            self.oracle.kept()
        if self.calls.told:
            for change in changes:
                if isinstance(change, Put):
                    self.say(f"    {change.key.pk}/{change.key.sk} = {_shown(change.data)}")

    # -- Autotask

    def late_landing(self) -> None:
        """What landed long after its sender had given up takes effect."""
        self.look_at_autotask(late=True)

    def look_at_autotask(self, *, late: bool = False) -> None:
        """Let land what is due, and let the oracle see what has changed."""
        self.api.tick()
        revision = self.api.model.revision
        if revision != self._revision:
            self._revision = revision
            self.last_commit = self.scheduler.now
            self.note_writes(late=late)
            self.oracle.autotask_changed()

    def note_writes(self, *, late: bool = False) -> None:
        """Note which contracts were written just now: a read may be stale for a while."""
        for contract in self.api.model.contracts.values():
            if contract.before_rows is not self._before.get(contract.id):
                self._before[contract.id] = contract.before_rows
                if late:
                    self.recent.pop(contract.id, None)
                else:
                    self.recent[contract.id] = self.scheduler.now

    def poison_of(self, request: Request, post: bool) -> str | None:
        """The fault that a request meets because its contract fails for good."""
        if self.poison is None or self.poison[1] == "terms":
            return None
        contract, fault = self.poison
        if str(contract).encode() not in request.body:
            return None
        if fault == "json-500" and not post:
            return None
        return "html-502-after" if post and fault == "html-502" else fault

    def _heal(self) -> None:
        assert self.poison is not None
        self.poison, self.healed_at = None, self.scheduler.now
        if (client := self._spoiled) is not None:

            def mend() -> None:
                records = self._records(client.id)
                rev = records.terms.rev if records.terms else 0
                contracts = records.mapping.value.contract_ids if records.mapping else ()
                self._commit(
                    put_terms(client.id, client.terms, rev),
                    *wake_contracts(client.id, contracts, self._ports()),
                )

            self.person("mend", mend)

    # -- happenings

    def _happen(self, happening: Happening) -> None:
        what = happening.what
        if self.calls.told:
            self.say(f"— {happening}")
        if happening.kind not in ("say", "terms", "map", "undo", "accept"):
            self._changed_at = self.scheduler.now
        getattr(self, f"_on_{happening.kind}")(**what)

    def _on_say(self, said: Said, delays: tuple[float, ...]) -> None:
        self.oracle.said(said)
        for delay in delays:
            self.scheduler.after(delay, _later(self._deliver, said, 0))

    def _deliver(self, said: Said, attempt: int, final: bool = False) -> None:
        self.oracle.sent(said)
        body = _body(said)
        headers = sign(said.event_id, self.scheduler.now // SECOND, body, self.signing_secret)
        event = _request(body, headers)

        def done(answer: dict[str, Any] | None) -> None:
            self.oracle.answered(said, body, answer["statusCode"] if answer else None)
            if answer is not None and answer["statusCode"] == 202:
                self._quiet_since = max(self._quiet_since, self.scheduler.now)
                return
            if self.calls.faults_on:
                # Timus tries again; at the latest when the faults have stopped.
                entry = (said, attempt + 1)
                self._undelivered.append(entry)

                def again() -> None:
                    if entry in self._undelivered:
                        self._undelivered.remove(entry)
                        self._deliver(said, attempt + 1)

                self.scheduler.after(RETRIES[min(attempt, len(RETRIES) - 1)], again)
            else:
                self.scheduler.after(5, _later(self._deliver, said, attempt + 1))

        self.invoke("receive", self._receive, RECEIVE_SECONDS, event, done)

    def _on_forge(self, customer: str) -> None:
        said = next(
            (s for said in self.oracle.history.values() for s in said if s.customer == customer), None
        )
        if said is None:
            return
        body = _body(replace(said, number=said.number + 100, items=dict.fromkeys(said.items, 999)))
        headers = sign("forged", self.scheduler.now // SECOND, body, "whsec_" + "A" * 43 + "=")
        self.oracle.forged(
            lambda done: self.invoke("receive", self._receive, RECEIVE_SECONDS, _request(body, headers), done)
        )

    def _on_edit(self, contract: int, sku: str, day: Any, delta: int) -> None:
        line = self.api.model.find_line(contract, SERVICES[sku])
        if line is None or not line.contract.start <= day.toordinal() <= line.contract.end:
            return
        self.look_at_autotask()
        try:
            self.control.person_adjusts(line.id, day.toordinal(), delta)
        except Refused:
            return
        edited = self.oracle.edited if self.live else self.oracle.edited_before
        edited(contract, SERVICES[sku], day, delta)
        self._quiet_since = max(self._quiet_since, self.scheduler.now)
        self.look_at_autotask()

    def _on_resolve(self, choice: str) -> None:
        def resolve() -> None:
            for line in list(self.store.lines()):
                if (
                    line.state is State.PARKED
                    and line.parked
                    and line.parked.code in ("drift", "outcome-unclear")
                ):
                    self._choose(line, Choice(choice))

        self.person("resolve", resolve)

    def _choose(self, line: Line, choice: Choice) -> None:
        stored = Store(self.table).contract(line.contract_id).lines[line.service_id]
        wake = wake_contract(line.contract_id, self._ports())
        self._commit(put_line(replace(stored.value, choice=choice), stored.rev), wake)
        self.oracle.chose(line.contract_id, line.service_id, choice.value)
        self.watch.states["drift decided by a person"] += 1

    def _on_approve(self) -> None:
        self.person("approve", self._approve)

    def _approve(self) -> None:
        for line in [line for line in self.store.lines() if _approvable(line)]:
            stored = Store(self.table).contract(line.contract_id).lines[line.service_id]
            if not _approvable(stored.value):
                continue
            wake = wake_contract(line.contract_id, self._ports())
            self._commit(put_line(approve(stored.value, "a person"), stored.rev), wake)
            self.oracle.approved(line.contract_id, line.service_id, stored.value.awaiting)
            self.watch.states["held, then approved"] += 1

    def _on_reject(self) -> None:
        self.person("reject", self._reject)

    def _reject(self) -> None:
        """Set the first change aside that awaits approval."""
        for line in self.store.lines():
            if not _rejectable(line):
                continue
            stored = Store(self.table).contract(line.contract_id).lines[line.service_id]
            if not _rejectable(stored.value):
                continue
            rejected, entry = reject(
                stored.value, by="a person", at=self.clock.now(), reason="not ordered", entry_id=self._names()
            )
            wake = wake_contract(line.contract_id, self._ports())
            self._commit(*line_with_entries(rejected, stored.rev, [entry])[1], wake)
            self.oracle.rejected(line.contract_id, line.service_id, rejected.rejections[-1])
            self.watch.states["held, then rejected"] += 1
            return

    def _on_pause(self) -> None:
        self.person("pause", lambda: self._pause(paused=True))

    def _on_resume(self) -> None:
        self.person("resume", lambda: self._pause(paused=False))

    def _pause(self, *, paused: bool) -> None:
        terms = Store(self.table).partner().terms
        if terms.value.values.get("paused", False) is paused:
            return
        values = {key: value for key, value in terms.value.values.items() if key != "paused"}
        changed = replace(terms.value, values=values | ({"paused": True} if paused else {}))
        contracts = sorted({work.contract_id for work, _ in self.store.contract_states()})
        wakes = [wake_contract(contract, self._ports()) for contract in contracts]
        self._commit(put_terms(None, changed, terms.rev), *wakes)

    def _on_map(self, customer: str, company: int, contract: int) -> None:
        client = next(c for c in self.story.clients if c.id == customer)
        wrong = client.contract is not None
        self.watch.states["mapped wrongly, then corrected" if wrong else "unmapped, then mapped"] += 1
        self.person("map", lambda: self._map(customer, company, contract, client.gateway_contract))

    def _map(self, customer: str, company: int, contract: int, gateway_contract: int | None) -> None:
        routes = [Route(company, contract)]
        if gateway_contract is not None:
            routes.append(Route(company, gateway_contract, sku="SASE-GATEWAY"))
        self._store_mapping(CustomerMapping(customer, (Routing(tuple(routes)),)))

    def _on_move(self, customer: str, company: int, contract: int, day: Any) -> None:
        def move() -> None:
            records = self._records(customer)
            if records.mapping is None:
                return
            self._store_mapping(records.mapping.value.rerouted(Route(company, contract), day))

        self.watch.states["moved to another contract"] += 1
        self.person("move", move)

    def _store_mapping(self, mapping: CustomerMapping) -> None:
        records = self._records(mapping.customer_id)
        known = records.mapping.value.contract_ids if records.mapping else ()
        rev = records.mapping.rev if records.mapping else 0
        contracts = sorted({*known, *mapping.contract_ids})
        wakes = wake_contracts(mapping.customer_id, contracts, self._ports())
        self._commit(put_mapping(mapping, rev), *wakes)
        self.oracle.mapped(mapping)

    def _on_service(self, sku: str) -> None:
        record = self.api.model.tables["Services"][SERVICES[sku]]
        record.values["sku"] = sku
        record.text = record.subsets = None
        self.watch.states["service found late"] += 1
        # It is looked for again after a while, not at once: the bound counts from when that may have happened.
        self._quiet_since = max(self._quiet_since, self.scheduler.now)
        self.oracle.service_known(sku)

    def _on_choose(self, sku: str) -> None:
        def choose() -> None:
            plan = Store(self.table).partner().plans.get(sku)
            known = plan.value if plan else PlanMapping(sku)
            choice = replace(known, choices=(ServiceChoice(SERVICES[sku]),), matched=False, candidates=())
            self._commit(put_plan(choice, plan.rev if plan else 0, self.clock.now()))
            self.oracle.service_known(sku)
            self.watch.states["service found late"] += 1

        self.person("choose", choose)

    def _on_rotate(self) -> None:
        fresh = "whsec_" + f"{mixed(self.scheduler.now):016x}" * 2
        self.vault["webhook"] = (fresh, self.signing_secret)
        self.signing_secret = fresh

    def _on_credentials(self, later: float) -> None:
        fresh = Credentials("api@msp.example", f"secret-{self.scheduler.now}", "CODE")
        self.api.credentials = {fresh.username: (fresh.secret, fresh.integration_code)}

        def store() -> None:
            self.vault["autotask"] = fresh
            # A warm process may go on with the old ones for as long as it keeps them.
            kept = int(CACHED.total_seconds()) * SECOND
            self._quiet_since = max(self._quiet_since, self.scheduler.now + kept)

        self.scheduler.after(later, store)

    def _on_poison(self, client: int, fault: str) -> None:
        plan = self.story.clients[client]
        if plan.contract is None:
            return
        self.poison = plan.contract, fault
        self.watch.states["one contract failing for good"] += 1
        if fault == "terms":
            self._spoiled = plan
            self.person("spoil", lambda: self._spoil(plan))

    def _spoil(self, client: ClientPlan) -> None:
        records = self._records(client.id)
        rev = records.terms.rev if records.terms else 0
        self._commit(put_terms(client.id, {"drift": "no such choice"}, rev))

    def _on_curse(self, client: int, choice: str) -> None:
        self.curse = self.story.clients[client].id
        self._curse_ends = choice == "for a while"
        self.watch.states["merge of a customer always raises"] += 1

    # -- decisions with a preview

    def _deployment(self) -> Deployment:
        client, refused = autotask_client(
            self.transport, SimSecrets(self, self.vault), "https://autotask.test/ATServicesRest"
        )
        ports = replace(
            self._ports(),
            autotask=client,
            credentials_refused=refused,
            wake_ups=self.wake_ups,
            new_id=self._names,
        )
        queue, gone = cast("Any", self.wake_ups), cast("Any", None)
        return Deployment("simulated", ports, queue, gone, gone, gone, gone, "")

    def _decide(
        self,
        propose: Callable[[Deployment], Proposal[Any]],
        done: Callable[[Proposal[Any]], None],
        thinks: float = 0,
    ) -> bool:
        """Let a person look at a proposal, think, and commit it; False when it cannot be shown, or not be done."""
        calls = self.calls
        try:
            counted_on, self._proposed_at = self._inbox(), self.scheduler.now
            with calls.standing_still():
                proposal = propose(self._deployment())
            if thinks:
                self.scheduler.pass_time(int(thinks * SECOND))
            with calls.standing_still():
                proposal.commit()
                self._counted_on = counted_on & self._inbox()
                done(proposal)
        except NotDone as refused:
            self.watch.states["preview overtaken"] += "has changed since" in str(refused)
            if calls.told:
                self.say(f"    refused: {refused}")
            return False
        return True

    def _until_done(self, name: str, attempt: Callable[[], bool], tries: int = 60) -> None:
        """Let a person try something each five minutes, until it is done."""

        def again() -> None:
            if not attempt() and tries:
                self.scheduler.after(300, lambda: self._until_done(name, attempt, tries - 1))

        self.person(name, again)

    def _parked(self, subscription: str) -> list[EventRecord]:
        """What is parked of a subscription that began to be counted again, or is said to be another customer's, in order of time."""
        oracle = self.oracle
        disputed = (*oracle.restarted(subscription), *oracle.owners.waiting(subscription))
        said = {one.event_id: one for one in disputed}
        found = [event for event in self.store.parked_events() if event.event_id in said]
        return sorted(found, key=lambda event: said[event.event_id].number)

    def _on_accept(self, subscription: str) -> None:
        def accept() -> bool:
            parked = self._parked(subscription)
            return bool(parked) and self._decide(
                lambda deployment: parked_events.accept(deployment, parked[0].key, "a person"),
                partial(accepted, parked[0].event_id),
            )

        def accepted(event_id: str, proposal: Proposal[Any]) -> None:
            waiting = self.oracle.owners.waiting(subscription)
            moves = next((one for one in waiting if one.event_id == event_id), None)
            if moves is None:
                self.watch.states["counter began again, accepted"] += 1
                self.oracle.believed(subscription)
                return
            self.watch.states["brought to another customer"] += 1
            self.oracle.goes(subscription, moves.number)
            self._counted_on = self._inbox()  # what followed it is merged again
            self._shown += self._all_shown(proposal.preview)

        self._until_done("accept", accept)

    def _on_dismiss(self, subscription: str) -> None:
        def dismiss() -> bool:
            parked = self._parked(subscription)
            if not parked:
                return False
            parked_events.dismiss(
                self._deployment(), [event.key for event in parked], "a mistake", "a person"
            )
            moves = self.oracle.owners.is_disputed(subscription)
            what = "said to be another customer's" if moves else "counter began again"
            self.watch.states[f"{what}, dismissed"] += 1
            return True

        self._until_done("dismiss", dismiss)

    def _on_terms(self, choice: str, sku: str, delta: int, seconds: float) -> None:
        change = TermChange("excluded", sku) if choice == "excluded" else TermChange(choice, str(delta), sku)

        def set_them() -> bool:
            today = local_day(self.scheduler.now, self.zone)

            def done(proposal: Proposal[Any]) -> None:
                self.watch.states["terms changed after a preview"] += 1
                self.oracle.terms_changed(today, self.store.partner().terms.value.values)
                self._shown += self._all_shown(proposal.preview)

            def propose(deployment: Deployment) -> Proposal[Any]:
                return set_terms(deployment, [change], None, "a person", first_day=today, unknown=True)

            return self._decide(propose, done, seconds)

        self._until_done("terms", set_them, tries=3)

    def _on_undo(self, pick: int, seconds: float) -> None:
        """A person undoes one of the newest changes; where that is refused, he tries the next older one."""

        def undo() -> None:
            made = [one.id for one in self.store.changes() if one.outcome is Outcome.LANDED and one.delta]
            tried = made[-1 - pick % len(made) :: -1][:4] if made else []
            any(
                self._decide(
                    partial(undo_change, change_id=id_, reason="a mistake", by="a person"), done, seconds
                )
                for id_ in tried
            )

        def done(proposal: Proposal[Any]) -> None:
            undone = proposal.result
            self.watch.states["undone by a person"] += 1
            self.watch.states["plan change undone by a person"] += len(undone.sides) > 1
            lines = Store(self.memory).contract(undone.contract_id).lines
            self.oracle.undone(undone.contract_id, [lines[one.service_id].value for one in undone.sides])
            shown = self._all_shown(proposal.preview)
            self._shown += [one for one in shown if one.contract == undone.contract_id]

        self.person("undo", undo)

    def _at_rest_as_shown(self, changes: Sequence[Write]) -> None:
        """Where a contract comes to rest after a preview and nothing came in between, what was posted is what was shown."""
        followed = [self._followed(shown, changes) for shown in self._shown]
        self._shown = [shown for shown in followed if shown is not None]

    def _followed(self, shown: Shown, changes: Sequence[Write]) -> Shown | None:
        """What is still to be seen of a preview after a write; None: it was judged, or something came in between."""
        document = next((c for c in changes if c.key == shown.key and isinstance(c, Put)), None)
        followed = self._merged(shown, changes, told=document is not None)
        if followed is None or document is None:
            return followed
        shown = followed
        if document.data.get("generation", 0) != shown.generation or not self._undisturbed(shown):
            return None
        works = "lease" in document.data or document.data.get("converged", 0) < shown.generation
        if works or shown.unmerged or waits_elsewhere(shown.contract, self.store.lines(), self._to_do()):
            return shown
        self.oracle.posted_as_shown(shown.contract, shown.posted, shown.adjustments)
        return None

    def _merged(self, shown: Shown, changes: Sequence[Write], *, told: bool) -> Shown | None:
        """A preview after what it counts on was merged, perhaps; None: something came in between. ``told``: its contract was."""
        if found_later(shown.looked_for_later, changes):
            return None
        merged = {c.key for c in changes if isinstance(c, Delete)}
        if not merged & shown.unmerged:
            return shown
        newer = {key for key in merged - shown.unmerged if key.pk in {each.pk for each in shown.unmerged}}
        if newer or self.oracle.posted_after(shown.posted, shown.contract):
            return None
        return replace(shown, generation=shown.generation + told, unmerged=shown.unmerged - merged)

    def _all_shown(self, preview: Preview) -> list[Shown]:
        now, posted = self.scheduler.now, len(self.api.postings)
        if local_day(self._proposed_at, self.zone) != local_day(now, self.zone):
            return []  # what was shown for the next day is made at once
        plans = self.store.partner().plans
        empty = self.story.switches.get("extended_periods") == "empty"
        found = _all_shown(preview, self.store, now, posted, self._counted_on, empty=empty)
        later = later_looks(plans.values(), self.clock.now())
        refused = {line.contract_id for line in self.store.lines() if line.refusal is not None}
        # What was refused is tried again when its time comes, whatever anybody does.
        return [replace(one, looked_for_later=later) for one in found if one.contract not in refused]

    def _to_do(self) -> set[int]:
        """The contracts of which something is new."""
        states = [one.data for one in self.memory.documents() if one.key.sk == "CONTRACT"]
        return {one["contract_id"] for one in states if one.get("generation", 0) != one.get("converged", 0)}

    def _inbox(self) -> frozenset[Key]:
        """The events that are not merged yet."""
        return frozenset(one.key for one in self.memory.documents() if one.key.sk.startswith("INBOX#"))

    def _undisturbed(self, shown: Shown) -> bool:
        """Whether neither a fault nor anything else in the world has struck since, and the day is the same."""
        near = 5 * SECOND
        days = {local_day(at, self.zone) for at in (shown.at - near, self.scheduler.now + near)}
        return self.calls.last_fault < shown.at and self._changed_at < shown.at and len(days) == 1

    @property
    def live(self) -> bool:
        """Whether anything may be written to Autotask."""
        stage = self.store.partner().stage
        return stage is not None and stage.value.live

    def _on_go_live(self) -> None:
        def decide() -> bool:
            return self._decide(lambda deployment: go_live(deployment, "a person"), done)

        def done(_proposal: Proposal[Any]) -> None:
            self.watch.states["observed, then live"] += 1

        self._until_done("go-live", decide)

    def _on_lag(self, seconds: float) -> None:
        self._lagging += 1
        mine = self._lagging
        self.memory.hold_indexes()
        self.watch.states["index lagged"] += 1

        def follow() -> None:
            if self._lagging == mine:
                self.memory.let_indexes_follow()
                self._quiet_since = max(self._quiet_since, self.scheduler.now)
                self.tick_by(self.scheduler.now)

        self.scheduler.after(seconds, follow)

    def _on_company(self, contract: int, company: int) -> None:
        self.control.person_edits_contract(contract, {"companyID": company})
        self._quiet_since = max(self._quiet_since, self.scheduler.now)
        self.oracle.company_changed(contract, company)
        self.look_at_autotask()

    def _records(self, customer: str) -> Any:
        return Store(self.table).customer(customer)

    def _ports(self) -> Ports:
        return Ports(
            table=self.table,
            autotask=lambda: (_ for _ in ()).throw(AssertionError("people do not post")),
            credentials_refused=RefusedUser,
            clock=self.clock,
            zone=self.zone,
            settle=timedelta(seconds=self.story.settle),
        )

    def say(self, line: str) -> None:
        """One line of the history."""
        self.words.append(f"{self.clock.now():%m-%d %H:%M:%S.%f}"[:-3] + f"  {line}")


def waits_elsewhere(contract: int, lines: Iterable[Line], to_do: Collection[int] = ()) -> bool:
    """Whether a line of a contract waits for a decrease while a line of another contract settles: what is to come was shown, and comes later.

    ``to_do``: contracts whose turn is still to come, on which the decrease may be. Where Autotask has refused something on the contract itself,
    that is sent again later, and nothing else is waited for.
    """
    known = [*lines]
    parked = {one.parked.code for one in known if one.contract_id == contract and one.parked is not None}
    waits = "waits-for-decrease" in parked and REFUSED not in parked
    settling = any(one.contract_id != contract and one.intent is not None for one in known)
    return waits and (settling or bool({*to_do} - {contract}))


@dataclass(frozen=True)
class Shown:
    """What a preview showed of a contract, to be made at once, just when it was agreed to."""

    contract: int
    at: int
    posted: int
    """How many adjustments had been posted by then, on all contracts."""
    generation: int
    adjustments: Counter[tuple[int, int, int]]
    """(service, day, units)."""
    unmerged: frozenset[Key] = frozenset()
    """Events that it counts on and that are not merged yet: a contract may come to rest before they are, and then nothing is said."""
    looked_for_later: frozenset[Key] = frozenset()
    """Plans whose service was not found, and was not to be looked for again yet: one that is found is news from Autotask."""

    @property
    def key(self) -> Key:
        return contract_key(self.contract)


def later_looks(plans: Iterable[Stored[PlanMapping]], now: datetime) -> frozenset[Key]:
    """The plans whose service was not found, and is looked for again only later.

    One that is to be looked for now is none of them: what is shown counts on what that finds.
    """
    return frozenset(
        plan_key(plan.value.sku)
        for plan in plans
        if not plan.value.choices and not plan.value.ignored and plan.due_at is not None and not plan.due(now)
    )


def found_later(looks: Collection[Key], changes: Iterable[Write]) -> bool:
    """Whether a service was found that was to be looked for only after a preview."""
    return any(isinstance(one, Put) and one.key in looks and bool(one.data.get("choices")) for one in changes)


def _all_shown(
    preview: Preview, store: Store, now: int, posted: int, unmerged: frozenset[Key], *, empty: bool
) -> list[Shown]:
    """Of every contract that can be told for itself: nothing on it is under way.

    ``empty``: this tenant adds the days of an extension without units, and what is shown for such a tenant counts.
    """
    found = []
    for one in preview.contracts:
        if one.contract_id is None or any(line.under_way for line in one.lines):
            continue
        records = store.contract(one.contract_id)
        if any(stored.value.intent for stored in records.lines.values()):
            continue
        made = Counter(
            (line.service_id, adjustment.day.toordinal(), adjustment.delta)
            for line in (one.if_left_empty.lines if empty and one.if_left_empty else one.lines)
            for adjustment in line.adjustments
            if adjustment.at_once
        )
        partitions = {customer_pk(customer) for customer in records.state.value.customers}
        waiting = frozenset(key for key in unmerged if key.pk in partitions)
        found.append(Shown(one.contract_id, now, posted, records.state.value.generation, made, waiting))
    return found


CURSED = RuntimeError("cursed: nobody foresaw this")


class _Enough(Exception):
    """A promise is broken: there is no need to go on."""


def _approvable(line: Line) -> bool:
    return line.awaiting is not None


def _rejectable(line: Line) -> bool:
    return line.awaiting is not None and line.awaiting.rejection is None


def _later(what: Callable[..., None], *args: Any) -> Callable[[], None]:
    return lambda: what(*args)


def _body(said: Said) -> bytes:
    return change(
        said.subscription,
        said.counted or said.number,
        said.customer,
        said.items,
        said.effective_at,
        # versions happen in their order
        timestamp=said.reported_at or datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=said.number),
        type="subscription.renewed" if said.renews else "subscription.updated",
        status=said.status,
        term=(date(2026, 1, 1), said.term_end),
        cancel_at=said.cancel_at,
    ).encode()


def _request(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "requestContext": {"http": {"method": "POST"}},
        "rawPath": PATH,
        "headers": {**headers, "content-type": "application/json"},
        "body": body.decode(),
    }


def _shown(data: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{k}={v}" for k, v in data.items() if v not in (None, [], {}, "") and k not in ("body", "events")
    )


def _scenario(story: Story) -> dict[str, Any]:
    companies = sorted({c.company for c in story.contracts} | {699})
    return {
        "companies": [
            {
                "id": n,
                "companyName": f"Company {n}",
                "companyType": 1,
                "isActive": True,
                "ownerResourceID": 1,
                "phone": "1",
            }
            for n in companies
        ],
        "billingCodes": [{"id": 9, "name": "Recurring", "isActive": True, "useType": 4}],
        "services": [
            {
                "id": n,
                "name": sku,
                "sku": "" if sku in story.hidden_skus else sku,
                "billingCodeID": 9,
                "periodType": 2,
                "isActive": True,
                "unitPrice": 12.5,
            }
            for sku, n in SERVICES.items()
        ],
        "contracts": [
            {
                "id": c.id,
                "companyID": c.company,
                "contractName": f"Contract {c.id}",
                "contractType": 7 if c.recurring else 1,
                "startDate": c.start.isoformat(),
                "endDate": c.end.isoformat(),
                "lines": [
                    {"id": 1000 + (c.id % 1000) * 10 + i, "serviceID": SERVICES[sku], "units": units}
                    for i, (sku, units) in enumerate(c.units.items())
                ],
                **({"postedThrough": c.posted_through.isoformat()} if c.posted_through else {}),
            }
            for c in story.contracts
        ],
    }


def run(story: Story, decisions: Decisions, **options: Any) -> Result:
    """Run one story."""
    return World(story, decisions, **options).run()


def simulate(seed: int, profile: Profile, **options: Any) -> Result:
    """Run the story of a seed under the rates of a profile."""
    from tests.simulation.story import told

    return run(told(seed, profile), Decisions(seed, profile), **options)


__all__ = ["Design", "Product", "Result", "World", "local_day", "micros", "run", "simulate"]
