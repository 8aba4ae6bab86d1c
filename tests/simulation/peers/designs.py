"""The peers: designs that one would write first, each made as well as it can be without ours.

All of them stand behind the same signed webhook, the same FIFO queue, the same mapping and the same Autotask client. Each gets the
whole event in its message. A message whose handling raises comes again after the visibility timeout, as do the later ones of its
customer; after five times it is a dead letter.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import BaseError

from tests.simulation.peers.idempotency import TablePersistence
from tests.simulation.ports import SimTable
from timus_autotask.bootstrap import Handler, LambdaContext
from timus_autotask.domain.days import effective_day
from timus_autotask.domain.history import Version, version_of
from timus_autotask.domain.subscription import Snapshot
from timus_autotask.ports.errors import AutotaskError, Conflict, SecretsUnavailable, TableUnavailable
from timus_autotask.ports.table import Data, Key, Put
from timus_autotask.sync.ports import Ports
from timus_autotask.timus.events import understand

POST_TAKES_MS = 45_000
"""A message is begun only with so much time left: nobody is killed in the middle for want of a look at the clock."""
FAILURES = (AutotaskError, Conflict, TableUnavailable, SecretsUnavailable, BaseError)
"""What a faulty world makes of a sound peer."""
ATTEMPTS = 5
"""How often a record that somebody else wrote first is written again."""

Line = tuple[int, int]
"""Contract and service."""


@dataclass(frozen=True)
class Event:
    """One event as a peer gets it."""

    id: str
    customer: str
    subscription: str
    version: Version
    before: Mapping[str, int]
    """Units by SKU in the version before. Our own contract with Timus has no such field: the peers that post deltas need it."""

    @property
    def deltas(self) -> dict[str, int]:
        """By how much it changes each SKU."""
        skus = {*self.before, *(sku for sku, _ in self.version.items)}
        changes = {sku: self.version.quantity(sku) - self.before.get(sku, 0) for sku in skus}
        return {sku: change for sku, change in changes.items() if change}


@dataclass(frozen=True)
class Move:
    """An adjustment to post."""

    contract: int
    service: int
    delta: int
    day: date


Handling = Callable[[Event, LambdaContext], None]


class Bug(BaseException):
    """A peer has a mistake of ours: no fault of the world's may pass for one of its design."""


class Peer:
    """:class:`tests.simulation.world.Design` of a peer."""

    def handling(self, ports: Ports) -> Handling:
        """What one sandbox does with one event; raises to be given it again."""
        raise NotImplementedError

    def apply_handler(self, ports: Ports) -> Handler:
        handle = self.handling(ports)

        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            held_back: set[str] = set()
            failures = []
            for record in event["Records"]:
                group = record["attributes"]["MessageGroupId"]
                if group not in held_back and context.get_remaining_time_in_millis() > POST_TAKES_MS:
                    try:
                        handle(_read(record["body"], ports), context)
                        continue
                    except FAILURES:
                        pass  # the message comes again
                    except Exception as error:
                        raise Bug from error
                held_back.add(group)
                failures.append({"itemIdentifier": record["messageId"]})
            return {"batchItemFailures": failures}

        return handler

    def sweep_handler(self, ports: Ports) -> Handler:
        raise NotImplementedError("a peer has no schedule")


class PostEachDelta(Peer):
    """Post what each event changes."""

    def handling(self, ports: Ports) -> Handling:
        desk = Desk(ports)

        def handle(event: Event, _context: LambdaContext) -> None:
            for move in desk.moves(event.customer, event.deltas, event.version.day):
                desk.post(move)

        return handle


class IdempotentDelta(Peer):
    """The same behind Powertools Idempotency, as its documentation wants it for a batch: around a function, with the context registered.

    Each adjustment has a record of its own, so that the first one of an event is not posted again because the second one failed.
    """

    def __init__(self, **config: Any) -> None:
        self._config = config

    def handling(self, ports: Ports) -> Handling:
        desk = Desk(ports)
        config = IdempotencyConfig(
            event_key_jmespath="[event, contract, service]", raise_on_no_idempotency_key=True, **self._config
        )
        if not isinstance(ports.table, SimTable):
            raise TypeError("its records stand in the simulated table")

        @idempotent_function(  # type: ignore[untyped-decorator]
            data_keyword_argument="change",
            config=config,
            persistence_store=TablePersistence(ports.table, ports.clock),
        )
        def post(change: dict[str, Any]) -> dict[str, Any]:
            desk.post(
                Move(
                    change["contract"], change["service"], change["delta"], date.fromisoformat(change["day"])
                )
            )
            return {"posted": change["delta"]}

        def handle(event: Event, context: LambdaContext) -> None:
            config.register_lambda_context(context)  # type: ignore[arg-type]
            for move in desk.moves(event.customer, event.deltas, event.version.day):
                post(
                    change={
                        "event": event.id,
                        "contract": move.contract,
                        "service": move.service,
                        "delta": move.delta,
                        "day": move.day.isoformat(),
                    }
                )

        return handle


class ReadThenPost(Peer):
    """Read what Autotask has today, and post what is missing to what the event says.

    It keeps the last event of each subscription, because two of them may share a line. ``newest``: an event that is older than
    what it was told already changes nothing of that, and the difference is posted all the same.
    """

    def __init__(self, *, newest: bool) -> None:
        self._newest = newest

    def handling(self, ports: Ports) -> Handling:
        desk = Desk(ports)

        def handle(event: Event, _context: LambdaContext) -> None:
            self._remember(event, ports)
            wanted: Counter[str] = Counter()
            for document in ports.table.range(f"PEER#{event.customer}", "SUB#", "SUB#~"):
                wanted.update(document.data["units"])
            for move in desk.differences(event.customer, wanted, ports.today()):
                desk.post(move)

        return handle

    def _remember(self, event: Event, ports: Ports) -> None:
        key = Key(f"PEER#{event.customer}", f"SUB#{event.subscription}")
        for _ in range(ATTEMPTS):
            known = ports.table.get(key)
            before: Data = known.data if known else {"number": 0, "units": {}}
            if self._newest and before["number"] >= event.version.number:
                return
            units = dict.fromkeys(before["units"], 0)
            units |= {sku: event.version.quantity(sku) for sku, _ in event.version.items}
            try:
                told = {"number": event.version.number, "units": units}
                ports.table.write([Put(key, told, known.rev if known else 0)])
            except Conflict:
                continue
            return
        raise Conflict([key])


class Desk:
    """What every peer does alike: where a SKU goes, and posting."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._services: dict[str, int] = {}
        self._lines: dict[Line, int] = {}

    def moves(self, customer: str, deltas: Mapping[str, int], day: date) -> list[Move]:
        """The adjustments that make changes by SKU, decreases first."""
        if not deltas:
            return []
        routed = self._routed(customer, deltas, day)
        return _decreases_first(Move(*line, delta, day) for line, delta in routed.items() if delta)

    def differences(self, customer: str, wanted: Mapping[str, int], day: date) -> list[Move]:
        """The adjustments that bring the lines from what Autotask has on a day to what is wanted by SKU, decreases first."""
        routed = self._routed(customer, wanted, day)
        held: dict[Line, int] = defaultdict(int)
        for contract in sorted({contract for contract, _ in routed}):
            services = sorted(service for one, service in routed if one == contract)
            for row in self._ports.autotask().units(contract, services, day):
                if row.start <= day <= row.end:
                    held[contract, row.service_id] += row.units
        missing = {line: units - held[line] for line, units in routed.items()}
        return _decreases_first(Move(*line, delta, day) for line, delta in missing.items() if delta)

    def post(self, move: Move) -> None:
        """Post one adjustment; raises whatever the client does."""
        autotask = self._ports.autotask()
        line = move.contract, move.service
        if line not in self._lines:
            for one in autotask.contract_services(move.contract):
                self._lines[one.contract_id, one.service_id] = one.id
        autotask.adjust(
            move.contract,
            move.service,
            self._lines.get(line),
            move.delta,
            move.day,
            time_zone=self._ports.zone,
        )

    def _routed(self, customer: str, units: Mapping[str, int], day: date) -> dict[Line, int]:
        mapping = self._ports.store.customer(customer).mapping
        if mapping is None:
            raise LookupError(f"nobody has mapped {customer}")
        routed: dict[Line, int] = defaultdict(int)
        for sku, number in sorted(units.items()):
            routed[mapping.value.routes(sku, day)[0].contract_id, self._service(sku)] += number
        return routed

    def _service(self, sku: str) -> int:
        if sku not in self._services:
            (service,) = self._ports.autotask().services_by_sku([sku])
            self._services[sku] = service.id
        return self._services[sku]


def _decreases_first(moves: Iterable[Move]) -> list[Move]:
    return sorted(moves, key=lambda move: (move.delta > 0, move.contract, move.service))


def _read(message: str, ports: Ports) -> Event:
    told = json.loads(message)
    snapshot = understand(told["id"], told["body"].encode())
    if not isinstance(snapshot, Snapshot):
        raise TypeError(f"not understood: {snapshot}")
    version = version_of(snapshot, effective_day(snapshot.effective_at, ports.zone))
    return Event(told["id"], snapshot.customer_id, snapshot.subscription_id, version, told["before"])
