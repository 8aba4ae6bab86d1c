"""Use cases: compare our records with Autotask, and with what Timus shows; take in what our table lacks.

``compare_and_decide`` is all of it, in its order; the others are its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from timus_autotask.domain.finding import Finding
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.plausibility import Suspicion
from timus_autotask.operate.files.timus_export import Comparison, Exported, compare, take_in
from timus_autotask.operate.proposal import Asked, Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.runs import Run, findings, last_run
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch import reconcile
from timus_autotask.watch.forms import reconciled_form
from timus_autotask.watch.listing import listed
from timus_autotask.watch.status import status_of
from timus_autotask.watch.wording import counted

AT_MOST = timedelta(minutes=30)
"""How long one comparison takes at most. The next one goes on where it stopped."""


def unseen(_run: Run) -> None:
    """How far a comparison is, where nobody looks on."""


# -- With Autotask


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A comparison with Autotask."""

    run: Run
    """How far it came; ``run.stopped`` says why it did not end."""
    findings: tuple[Finding, ...]
    to_look_at: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Contracts, with their customers, that workers have to look at, and do not yet; see ``look_at``."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return reconciled_form(self.run, self.findings)


def last_comparison(deployment: Deployment) -> Reconciled:
    """What the last comparison found. Autotask is not asked."""
    return Reconciled(
        last_run(deployment.table).value, tuple(findings(deployment.table, deployment.store.on_unreadable))
    )


def compare_with_autotask(
    deployment: Deployment, *, deep: bool = False, on_compared: Callable[[Run], None] = unseen
) -> Reconciled:
    """Compare every contract with Autotask now; ``deep``: every row of it. Nothing is adjusted: see ``look_at``."""
    ports = deployment.ports
    until, to_look_at = ports.clock.now() + AT_MOST, dict[int, frozenset[str]]()
    reconcile.reconcile(ports, until, anew=True, deep=deep, on_progress=on_compared, to_look_at=to_look_at)
    return replace(last_comparison(deployment), to_look_at=to_look_at)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Contracts that workers look at now."""

    contracts: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"looked_at": [*self.contracts]}


def look_at(
    deployment: Deployment, found: Reconciled, by: str, on_progress: Progress = quiet
) -> Proposal[LookedAt]:
    """Let workers look at the contracts at which a comparison found something: by the terms they may adjust."""

    def act(ports: Ports) -> LookedAt:
        for contract_id, customers in sorted(found.to_look_at.items()):
            update(partial(_look_at, contract_id, customers, by, ports))
        wake({customer for customers in found.to_look_at.values() for customer in customers}, ports)
        return LookedAt(tuple(sorted(found.to_look_at)))

    return propose(deployment, lambda: Prepared(act), on_progress)


def _look_at(contract_id: int, customers: frozenset[str], by: str, ports: Ports) -> None:
    decision = new_decision("reconcile", tuple(sorted(customers)), by, "", ports, contract_id=contract_id)
    ports.store.commit(wake_contract(contract_id, ports, customers), put_decision(decision))


# -- With Timus


@dataclass(frozen=True, slots=True)
class AgainstTimus:
    """What Timus shows, beside our table and Autotask."""

    comparison: Comparison
    accepted: frozenset[str]
    """Ids of the suspicions that a person has looked at and found right."""

    @property
    def missing(self) -> int:
        """How many events our table lacks."""
        return len(self.comparison.events)

    @property
    def released(self) -> int:
        """How many of these may be taken in."""
        return len(self.comparison.released(self.accepted))

    @property
    def held(self) -> int:
        """How many of these a suspicion holds."""
        return self.missing - self.released

    @property
    def open_suspicions(self) -> tuple[Suspicion, ...]:
        """The suspicions that nobody has accepted."""
        return tuple(one for one in self.comparison.suspicions if one.id not in self.accepted)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        found = self.comparison
        return {
            "compared": [asdict(row) for row in found.rows],
            "missing_events": [{"customer": e.customer_id, "event": e.event_id} for e in found.events],
            "suspicions": [{**asdict(one), "accepted": one.id in self.accepted} for one in found.suspicions],
            "held": self.held,
            "moved": [asdict(one) for one in found.moved],
            "contradicted": [asdict(one) for one in found.contradicted],
        }


def compare_with_timus(
    deployment: Deployment, exported: Sequence[Exported], source: str, by: str, accepted: Collection[str] = ()
) -> AgainstTimus:
    """What Timus shows against our table and Autotask as it was last read. Nothing is written.

    ``source`` names where it comes from, and is kept with every event that follows from it. Raises ``FileRefused`` for what could not
    be followed, and :class:`NotDone` for an id among the ``accepted`` that no suspicion has.
    """
    records, now = listed(deployment.store), deployment.clock.now()
    lines = status_of(records, now, deployment.zone).lines
    found = compare(exported, records, lines, deployment.today, deployment.zone, source, by)
    return AgainstTimus(found, found.accepting(accepted))


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Events that our table lacked."""

    taken_in: int

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"taken_in": self.taken_in}


def take_in_missing(
    deployment: Deployment,
    found: AgainstTimus,
    by: str,
    on_progress: Progress = quiet,
) -> Proposal[TakenIn]:
    """Put events that Timus shows, and our table lacks, into the inbox. Those that a suspicion holds stay out."""
    released = found.comparison.released(found.accepted)
    customers = tuple(dict.fromkeys(event.customer_id for event in released))

    def act(ports: Ports) -> TakenIn:
        new = take_in(found.comparison, ports, found.accepted)
        if new:
            detail = f"{counted(new, 'event')} from a file"
            ports.store.commit(put_decision(new_decision("reconcile", customers, by, detail, ports)))
        wake(customers, ports)
        return TakenIn(new)

    return propose(deployment, lambda: Prepared(act), on_progress)


# -- All of it


@dataclass(frozen=True, slots=True)
class ToCompare:
    """What somebody wants compared."""

    last: bool = False
    """What the last comparison found is enough: Autotask is not asked."""
    deep: bool = False
    """Every row of Autotask."""
    exported: Sequence[Exported] | None = None
    """What Timus shows; None: it is not looked at."""
    source: str = ""
    """Where that comes from."""
    accepted: Collection[str] = ()
    """Ids of the suspicions that a person has looked at and found right."""


class Decides(Protocol):
    """Whoever wants it compared: is shown what was found as soon as it is known, and decides what follows from it."""

    def see_autotask(self, found: Reconciled) -> None: ...

    def see_timus(self, found: AgainstTimus) -> None: ...

    def take_in(self, proposal: Proposal[TakenIn], found: AgainstTimus) -> Asked[TakenIn]:
        """Whether what our table lacks is taken in; asked only where some of it may be."""
        ...

    def look_at(self, proposal: Proposal[LookedAt]) -> Asked[LookedAt]:
        """Whether workers look at the contracts at which something was found; asked only where something was."""
        ...


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, and what became of it."""

    compared: Reconciled
    against_timus: AgainstTimus | None = None
    taken_in: Asked[TakenIn] | None = None
    """Of the events that our table lacked; None: none may be taken in."""
    looked_at: Asked[LookedAt] | None = None
    """None: there was nothing to look at."""
    restored: tuple[int, ...] | None = None
    """Contracts that are looked at because the table was restored; None: it was not."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        form: dict[str, Any] = {} if self.restored is None else {"restored": [*self.restored]}
        form |= self.compared.to_json()
        if self.against_timus:
            taken = self.taken_in.done.result.taken_in if self.taken_in and self.taken_in.done else 0
            form |= self.against_timus.to_json() | (self.taken_in.to_json() if self.taken_in else {})
            form |= {"taken_in": taken}
        if self.looked_at:
            form |= {"looked_at": self.looked_at.to_json()}
        return form


def compare_and_decide(
    deployment: Deployment,
    wanted: ToCompare,
    by: str,
    who: Decides,
    *,
    on_compared: Callable[[Run], None] = unseen,
    on_progress: Progress = quiet,
) -> Reconciliation:
    """Compare with Autotask, then with Timus; take in what our table lacks; then let workers look at what Autotask has otherwise.

    The events come first, so that what follows from them is known when the contracts are looked at. Raises as the steps do.
    """
    compared = (
        last_comparison(deployment)
        if wanted.last
        else compare_with_autotask(deployment, deep=wanted.deep, on_compared=on_compared)
    )
    who.see_autotask(compared)
    against = taken = looked = None
    if wanted.exported is not None:
        against = compare_with_timus(deployment, wanted.exported, wanted.source, by, wanted.accepted)
        who.see_timus(against)
        if against.released:
            taken = who.take_in(take_in_missing(deployment, against, by, on_progress), against)
    if compared.to_look_at:
        looked = who.look_at(look_at(deployment, compared, by, on_progress))
    return Reconciliation(compared, against, taken, looked)
