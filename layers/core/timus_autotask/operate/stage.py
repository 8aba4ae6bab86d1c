"""Use cases: observe, and go live. Until go-live nothing is written to Autotask; go-live is proposed first, with every adjustment that would follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from timus_autotask.domain.stage import Stage, is_live
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_customer
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Doubt, NotDone, Senseless, Way
from timus_autotask.operate.terms import take_effect
from timus_autotask.ports.table import Delete, Write
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.keys import stage_key
from timus_autotask.store.reading import Unreadable
from timus_autotask.store.records import Store
from timus_autotask.store.terms import put_stage
from timus_autotask.store.update import update
from timus_autotask.sync.open_contract import want_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import decide_stage, stage_of
from timus_autotask.watch.undecided import misnamed_in

_MEANT = "From then on, every change of these subscriptions is made in Autotask as soon as it comes."
"""Whoever goes live has to say that it is meant, also in a script."""


@dataclass(frozen=True, slots=True)
class StageChange:
    """Who is live from now on, or observes."""

    live: bool
    customers: tuple[str, ...] = ()
    """Who was named; empty: everybody."""
    observing: tuple[str, ...] = ()
    """Customers who stay in observation, while everybody goes live."""
    settling: int = 0
    """Adjustments under way while somebody goes back to observing: how they ended is still found out, by reads."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "live": self.live,
            "customers": [*self.customers],
            "observing": [*self.observing],
            "settling": self.settling,
        }


def go_live(
    deployment: Deployment,
    by: str,
    customers: Sequence[str] = (),
    excepted: Sequence[str] = (),
    *,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[StageChange]:
    """Let changes reach Autotask from now on, of everybody or of some customers; ``excepted`` stay in observation.

    Raises :class:`NotDone` if one of these is live already.

    What Autotask has at that moment becomes the baseline of each line, so nothing that somebody did there before is drift.
    """
    if customers and excepted:
        raise Senseless("Name either who goes live, or who does not.")

    def prepare() -> Prepared[StageChange]:
        if not unknown:
            for customer in (*customers, *excepted):
                require_customer(deployment, customer)
        _refuse_who_is_live(deployment.store, excepted)
        notes = tuple(kept_in_observation(deployment, customers, excepted))
        names = _names_in_doubt(deployment, customers, excepted)
        return Prepared(act, notes, (Doubt(_MEANT), *names), goes_live=True)

    def act(ports: Ports) -> StageChange:
        return _gone_live(ports, by, customers, excepted, deployment)

    return propose(deployment, prepare, on_progress)


def _refuse_who_is_live(store: Store, excepted: Sequence[str]) -> None:
    """Going live takes nobody out of billing: whoever is live stays so until a person pauses him or lets him observe."""
    if not excepted:
        return
    partner = stage_of(store.partner(), store)
    live = []
    for customer in excepted:
        own = store.stage(customer)
        if is_live(partner, (own.value if own else None,)):
            live.append(customer)
    if live:
        raise NotDone(
            f"{', '.join(live)} {'is' if len(live) == 1 else 'are'} live already, and go-live lets nobody observe again.",
            Way.PAUSE_CUSTOMER,
            Way.OBSERVE_AGAIN,
            what=live[0],
        )


def _names_in_doubt(
    deployment: Deployment, customers: Sequence[str], excepted: Sequence[str]
) -> Iterator[Doubt]:
    """Whoever goes live and is mapped to a company of another name: his seats may be on the wrong client."""
    stages = dict(deployment.store.stages())
    for one in misnamed_in(deployment.store):
        [customer] = one.customers
        if customer in customers or (not customers and customer not in excepted and customer not in stages):
            yield Doubt(f"{one.message}.", (Way.NAME_IN_DOUBT,), what=customer)


def rehearse_go_live(ports: Ports, deployment: Deployment, customers: Sequence[str] = ()) -> None:
    """What a preview rehearses: everybody live, or some customers, but for those who observe on their own."""
    _gone_live(ports, "", customers, (), deployment)


def _gone_live(
    ports: Ports, by: str, customers: Sequence[str], excepted: Sequence[str], deployment: Deployment
) -> StageChange:
    for customer in excepted:
        _set(customer, Stage(False, ports.clock.now(), by), ports)
        # Told before the others go live: no worker that read this customer earlier can take it for one of them.
        with suppress(Unreadable):  # no worker does anything for one who cannot be read
            take_effect(customer, ports, deployment.each)
    for customer in customers:
        _set(customer, Stage(True, ports.clock.now(), by), ports)
    observing = () if customers else _observing_on_their_own(ports.store, excepted)
    detail = f"but for {', '.join(observing)}" if observing else ""
    decision = new_decision("go-live", tuple(customers), by, detail, ports)
    if customers:
        ports.store.commit(put_decision(decision))
    else:
        _set(None, Stage(True, ports.clock.now(), by), ports, put_decision(decision))
    _look_at_all(customers, ports, deployment)
    return StageChange(True, tuple(customers), observing)


def _observing_on_their_own(store: Store, excepted: Iterable[str]) -> tuple[str, ...]:
    known = {customer for customer, stage in store.stages() if not stage.live}
    return tuple(sorted(known | {*excepted}))


def observe(
    deployment: Deployment, by: str, customers: Sequence[str] = (), *, unknown: bool = False
) -> StageChange:
    """Write nothing to Autotask from now on. No adjustment follows, so it is done at once.

    For everybody: also for customers who went live on their own. What is under way is settled first, by reads.
    """
    if not unknown:
        for customer in customers:
            require_customer(deployment, customer)
    ports = deployment.ports
    decision = new_decision("observe", tuple(customers), by, "", ports)
    if customers:
        for customer in customers:
            _set(customer, Stage(False, ports.clock.now(), by), ports)
        ports.store.commit(put_decision(decision))
    else:
        _set(None, Stage(False, ports.clock.now(), by), ports, put_decision(decision))
        for customer in [id_ for id_, stage in ports.store.stages() if stage.live]:
            update(lambda customer=customer: _with_everybody(customer, ports))  # type: ignore[misc]
    _look_at_all(customers, ports, deployment)
    concerned = {*customers}
    settling = sum(
        line.intent is not None and (not concerned or any(c in concerned for c, _ in line.sources))
        for line in ports.store.lines()
    )
    return StageChange(False, tuple(customers), settling=settling)


def _set(customer: str | None, stage: Stage, ports: Ports, *more: Write) -> None:
    """Store a stage. One that is so already stays as it is: since when it holds, and who said so."""

    def attempt() -> None:
        if customer is None:
            partner = ports.store.partner()
            decide_stage(ports, partner)
            known = ports.store.partner().stage
        else:
            known = ports.store.stage(customer)
        if known is not None and known.value.live == stage.live:
            ports.store.commit(*more)
            return
        ports.store.commit(put_stage(customer, stage, known.rev if known else 0), *more)

    update(attempt)


def _with_everybody(customer: str, ports: Ports) -> None:
    """Forget a customer's own stage."""
    known = ports.store.stage(customer)
    if known is not None:
        ports.store.commit(Delete(stage_key(customer), known.rev))


def _look_at_all(customers: Sequence[str], ports: Ports, deployment: Deployment) -> None:
    """Let workers look at every contract that it concerns, and ask for the contracts that are to be opened."""
    for concerned in customers or (None,):
        take_effect(concerned, ports, deployment.each)
    without = (mapping.customer_id for mapping in ports.store.mappings() if not mapping.routings)
    for customer in customers or sorted(without):
        try:
            want_contract(customer, ports)
        except Unreadable:
            if customers:
                raise  # of everybody, the others go on


def kept_in_observation(
    deployment: Deployment, customers: Sequence[str] = (), excepted: Sequence[str] = ()
) -> Iterable[str]:
    """What whoever goes live should know: contracts that stay in observation, because of somebody else."""
    store = deployment.store
    before = stage_of(store.partner(), store)
    partner = before if customers else Stage(True)
    for contract_id, on_it in sorted(_by_contract(store).items()):
        own = {one: _stage_then(one, store, customers, excepted) for one in on_it}
        observing = [one for one, stage in own.items() if not is_live(partner, (stage,))]
        if observing and len(observing) < len(on_it) and set(customers or on_it) & set(on_it):
            yield (
                f"Contract {contract_id} stays in observation as a whole, because {', '.join(observing)} "
                f"{'observes' if len(observing) == 1 else 'observe'}."
            )


def _stage_then(
    customer: str, store: Store, customers: Sequence[str], excepted: Sequence[str]
) -> Stage | None:
    if customer in customers:
        return Stage(True)
    own = store.stage(customer)
    return Stage(False) if customer in excepted else own.value if own else None


def _by_contract(store: Store) -> dict[int, list[str]]:
    """Who is mapped onto each contract."""
    found: dict[int, list[str]] = {}
    for mapping in store.mappings():
        for contract_id in mapping.contract_ids:
            found.setdefault(contract_id, []).append(mapping.customer_id)
    return found
