"""The stage on which the peers and the product play the same stories under the same faults.

It is set in favour of the peers, for what is to be compared is the protocol and not all that the product does besides:

* Contracts begin empty, so that a delta needs no import; every change holds from the moment at which Timus makes it, a cancellation
  too; nobody edits, remaps or rotates anything; Autotask adds up several adjustments of one day.
* A message carries the whole event, with what the version before said, and the queue loses none: SQS is durable. A second send
  of one event within five minutes does nothing, as on any FIFO queue.
* Only the state in the end counts, two days after the last change. A dead letter counts as visible: whatever is wrong with that
  customer is not silent. Nobody sends it back, which would be another chance to post twice.

The same stories and faults are given to the product, which is held to all of its promises.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast
from zoneinfo import ZoneInfo

from tests.fakes.memory_queue import MemoryQueue
from tests.simulation.oracle import Oracle
from tests.simulation.peers.designs import IdempotentDelta, Peer, PostEachDelta, ReadThenPost
from tests.simulation.peers.idempotency import virtual_time
from tests.simulation.ports import SimSecrets, SimWakeUps
from tests.simulation.rates import FAULTS, Profile
from tests.simulation.scheduler import Actor, Decisions, moment
from tests.simulation.story import PLANS, Said, Story, local_day, told
from tests.simulation.world import World
from timus_autotask.bootstrap import Handler, LambdaContext
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.ports.errors import QueueUnavailable, SecretsUnavailable
from timus_autotask.sync.receive import request_of
from timus_autotask.timus.events import understand
from timus_autotask.timus.signatures import SignatureRefused, verify

DESIGNS: Mapping[str, Callable[[], Peer] | None] = {
    "post each delta": PostEachDelta,
    "Powertools Idempotency (1 h) + delta": IdempotentDelta,
    "Powertools Idempotency (30 d) + delta": lambda: IdempotentDelta(expires_after_seconds=30 * 86400),
    "read, then post the difference": lambda: ReadThenPost(newest=False),
    "the same + newest version wins": lambda: ReadThenPost(newest=True),
    "intent + settle (this product)": None,
}
"""Every design by its name; None: the product."""

CRASHES = frozenset(
    fault for faults in FAULTS.values() for fault in faults if fault.startswith(("crash", "frozen", "stall"))
)
AUTOTASK = frozenset({*FAULTS["ask"], *FAULTS["post"]}) - CRASHES
REPEATS = frozenset({"doubled", "doubled-late", "visible-early", "twice"})
EVERY = frozenset(fault for faults in FAULTS.values() for fault in faults)
NEVER_ON_SQS = frozenset({"vanishes"})
"""What the peers are spared: a message that was accepted is not lost. The product bears that too."""


@dataclass(frozen=True)
class Setting:
    """Which faults there are, and what Timus does."""

    name: str
    faults: frozenset[str]
    disorder: bool
    """Timus delivers twice, late and out of order."""
    plan_changes: bool


CALM = Setting("calm", frozenset(), disorder=False, plan_changes=True)
SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("duplicates + reorder", REPEATS, disorder=True, plan_changes=False),
        Setting("crashes", CRASHES, disorder=False, plan_changes=False),
        Setting("Autotask faults", AUTOTASK, disorder=False, plan_changes=False),
        Setting("everything", EVERY, disorder=True, plan_changes=False),
        Setting("+ plan changes", EVERY, disorder=True, plan_changes=True),
    )
}


@dataclass(frozen=True)
class Some(Decisions):
    """Of the faults that a profile would bring about, those of some kinds, where they would have struck anyway."""

    kinds: frozenset[str] = EVERY

    def choose(self, actor: Actor, call: int, site: str, kind: str, bits: int) -> str | None:
        fault = super().choose(actor, call, site, kind, bits)
        return fault if fault in self.kinds else None


@dataclass(frozen=True)
class Ending:
    """What became of one run."""

    wrong: bool
    """In the end a line does not have what Timus says, and nothing reports it to an operator."""
    broken: frozenset[str]
    """Promises of which some other was broken on the way: I2 and I7 of a peer, any of the product."""
    visible: bool
    """Something is left for a person: a dead letter, or a parked line."""
    words: tuple[str, ...] = ()
    """The history, if it was asked for, and what is wrong in the end."""


class PeerWorld(World):
    """A world in which a peer stands where the product does. It goes on when a promise is broken."""

    def __init__(self, story: Story, decisions: Decisions, peer: Peer, *, aloud: bool = False) -> None:
        super().__init__(story, decisions, design=peer, aloud=aloud, own_promises=False)
        self.given_up = self.dead_letters
        self.dead_letters = MemoryQueue(self.clock)  # of which nothing can be sent back

    def tick_by(self, when: int) -> None:
        """A peer has no schedule."""

    def _check(self) -> None:
        pass

    def _build(self, function: str) -> Handler:
        return self._receiver() if function == "receive" else super()._build(function)

    def _receiver(self) -> Handler:
        """Verify, put the event into the queue, say so."""
        secrets = SimSecrets(self, self.vault)

        def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
            request = request_of(event)
            try:
                verify(request.headers, request.body, secrets.webhook_secrets(), self.clock.now(), 300)
                self._send(request.headers["webhook-id"], request.body)
            except SignatureRefused:
                return {"statusCode": 401}
            except (QueueUnavailable, SecretsUnavailable):
                return {"statusCode": 503}
            return {"statusCode": 202}

        return handler

    def _send(self, event_id: str, body: bytes) -> None:
        event = understand(event_id, body)
        assert isinstance(event, Snapshot)
        history = self.oracle.history[event.subscription_id]
        before = next((said for said in history if said.number == event.version - 1), None)
        units = {sku: before.units(sku, before.day) for sku in before.items} if before else {}
        message = json.dumps({"id": event_id, "body": body.decode(), "before": units})
        letter = _Letter(self.queue, message, event_id)
        SimWakeUps(self, cast("MemoryQueue", letter)).send(event.customer_id, event_id)


@dataclass(frozen=True)
class _Letter:
    """One event on its way into the queue, under its own id however often it is sent."""

    queue: MemoryQueue
    message: str
    event_id: str

    def send(self, customer_id: str, _dedup_id: str) -> None:
        self.queue.send_body(self.message, customer_id, self.event_id)


def staged(seed: int, profile: Profile, setting: Setting) -> Story:
    """The story of a seed, set for the comparison."""
    rates = replace(
        profile,
        edits=0,
        moves=0,
        services=0,
        secrets=0,
        forged=0,
        poisoned=0,
        lagging=0,
        terms=0,
        impatient=0,
        replaced=0,
        restarts=0,
        hostile=0,
        unapplied=0,
        cursed=0,
        previews=0,
        observes=0,
        transfers=0,
    )
    if not setting.disorder:
        rates = replace(rates, duplicated=0, delayed=0)
    story = told(seed, rates)
    zone = ZoneInfo(story.zone)
    plans: dict[str, str] = {}
    happenings = []
    for happening in story.happenings:
        if happening.kind != "say":
            continue
        said: Said = happening.what["said"]
        items = said.items
        if not setting.plan_changes:
            (plan,) = (sku for sku in items if sku in PLANS)
            kept = plans.setdefault(said.subscription, plan)
            items = {kept if sku == plan else sku: units for sku, units in items.items()}
        said = replace(
            said,
            items=items,
            day=local_day(happening.at, zone),
            effective_at=moment(happening.at),
            cancel_at=None,
        )
        delays = happening.what["delays"] if setting.disorder else (1.0,)
        happenings.append(replace(happening, what={"said": said, "delays": delays}))
    return replace(
        story,
        contracts=tuple(replace(c, units={}, end=date(2026, 12, 31)) for c in story.contracts),
        happenings=tuple(happenings),
        switches={**story.switches, "same_day": "sum"},
    )


def play(name: str, profile: Profile, setting: Setting, seed: int, *, aloud: bool = False) -> Ending:
    """Let a design play the story of a seed."""
    story, make = staged(seed, profile, setting), DESIGNS[name]
    if make is None:
        return _product(World(story, Some(seed, profile, kinds=setting.faults), aloud=aloud))
    decisions = Some(seed, profile, kinds=setting.faults - NEVER_ON_SQS)
    world = PeerWorld(story, decisions, make(), aloud=aloud)
    with virtual_time(world.clock):
        result = world.run()
    given_up = set(world.given_up._groups)
    unequal = [
        words for customers, words in _unequal(world.oracle).items() if not given_up.intersection(customers)
    ]
    broken = frozenset(v.promise for v in result.violations) & {"I2", "I7"}
    return Ending(bool(unequal), broken, bool(given_up), (*result.words, *unequal))


def _product(world: World) -> Ending:
    result = world.run()
    broken = frozenset(violation.promise for violation in result.violations)
    parked = {(line.contract_id, line.service_id) for line in world.store.lines() if line.parked}
    unequal = [] if broken else [words for _, words in _unequal(world.oracle, parked).items()]
    wrong = bool(unequal or broken - {"I2", "I7"})
    return Ending(wrong, broken, bool(parked), (*result.words, *map(str, result.violations), *unequal))


def _unequal(oracle: Oracle, parked: set[tuple[int, int]] | None = None) -> dict[tuple[str, ...], str]:
    """By customer: lines that do not have what Timus says today."""
    found: dict[tuple[str, ...], str] = {}
    today = oracle._today()
    for line in oracle.lines():
        want, has = oracle.wants(line, today), oracle.has(line, today)
        if want is not None and want != has and line not in (parked or ()):
            customers = tuple(sorted({oracle.history[sub][0].customer for sub in oracle._feeding(line)}))
            found[customers] = f"in the end {line} has {has}, Timus says {want}"
    return found
