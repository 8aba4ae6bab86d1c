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
    """Contracts, with their customers, that workers have to look at, and do not yet; see ``follow_up``."""

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
    """Compare every contract with Autotask now; ``deep``: every row of it. Nothing is adjusted: see ``follow_up``."""
    ports = deployment.ports
    until, to_look_at = ports.clock.now() + AT_MOST, dict[int, frozenset[str]]()
    reconcile.reconcile(ports, until, anew=True, deep=deep, on_progress=on_compared, to_look_at=to_look_at)
    return replace(last_comparison(deployment), to_look_at=to_look_at)


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


# -- What follows


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """What follows from a comparison."""

    taken_in: int = 0
    """Events that our table lacked."""
    looked_at: tuple[int, ...] = ()
    """Contracts at which something was found: workers look at them now."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"taken_in": self.taken_in, "looked_at": [*self.looked_at]}


def follow_up(
    deployment: Deployment,
    compared: Reconciled,
    against: AgainstTimus | None,
    by: str,
    on_progress: Progress = quiet,
) -> Proposal[FollowedUp]:
    """Put events that Timus shows, and our table lacks, into the inbox, and let workers look at the contracts at which something was found.

    Events that a suspicion holds stay out. What workers adjust at such a contract is by the terms. It is one proposal: an event and an
    edit may be about one line, and two previews would show its change twice.
    """

    def act(ports: Ports) -> FollowedUp:
        taken_in = _take_in(against, by, ports) if against else 0
        for contract_id, customers in sorted(compared.to_look_at.items()):
            update(partial(_look_at, contract_id, customers, by, ports))
        wake({customer for customers in compared.to_look_at.values() for customer in customers}, ports)
        return FollowedUp(taken_in, tuple(sorted(compared.to_look_at)))

    return propose(deployment, lambda: Prepared(act), on_progress)


def _take_in(found: AgainstTimus, by: str, ports: Ports) -> int:
    """Take in what no suspicion holds, and wake its customers; returns how many events were new."""
    released = found.comparison.released(found.accepted)
    customers = tuple(dict.fromkeys(event.customer_id for event in released))
    new = take_in(found.comparison, ports, found.accepted)
    if new:
        detail = f"{counted(new, 'event')} from a file"
        ports.store.commit(put_decision(new_decision("reconcile", customers, by, detail, ports)))
    wake(customers, ports)
    return new


def _look_at(contract_id: int, customers: frozenset[str], by: str, ports: Ports) -> None:
    decision = new_decision("reconcile", tuple(sorted(customers)), by, "", ports, contract_id=contract_id)
    ports.store.commit(wake_contract(contract_id, ports, customers), put_decision(decision))


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

    def follow_up(self, proposal: Proposal[FollowedUp], events: int) -> Asked[FollowedUp]:
        """Whether so many events, which our table lacks, are taken in, and workers look at the contracts at which something was found.

        Asked only where there is one or the other.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, and what became of it."""

    compared: Reconciled
    against_timus: AgainstTimus | None = None
    followed_up: Asked[FollowedUp] | None = None
    """None: there was nothing to take in, and nothing to look at."""
    restored: tuple[int, ...] | None = None
    """Contracts that are looked at because the table was restored; None: it was not."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        form: dict[str, Any] = {} if self.restored is None else {"restored": [*self.restored]}
        form |= self.compared.to_json()
        form |= self.against_timus.to_json() if self.against_timus else {}
        form |= self.followed_up.to_json() if self.followed_up else {}
        done = self.followed_up.done if self.followed_up else None
        return form | (done.result if done else FollowedUp()).to_json()


def compare_and_decide(
    deployment: Deployment,
    wanted: ToCompare,
    by: str,
    who: Decides,
    *,
    on_compared: Callable[[Run], None] = unseen,
    on_progress: Progress = quiet,
) -> Reconciliation:
    """Compare with Autotask, then with Timus; take in what our table lacks, and let workers look at what Autotask has otherwise.

    Raises as the steps do.
    """
    compared = (
        last_comparison(deployment)
        if wanted.last
        else compare_with_autotask(deployment, deep=wanted.deep, on_compared=on_compared)
    )
    who.see_autotask(compared)
    against = followed = None
    if wanted.exported is not None:
        against = compare_with_timus(deployment, wanted.exported, wanted.source, by, wanted.accepted)
        who.see_timus(against)
    events = against.released if against else 0
    if events or compared.to_look_at:
        followed = who.follow_up(follow_up(deployment, compared, against, by, on_progress), events)
    return Reconciliation(compared, against, followed)
