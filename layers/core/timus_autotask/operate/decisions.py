"""Use cases: what a person decides about a line, a contract or a customer. Each is proposed first, with the adjustments that would follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar

from timus_autotask.domain import approval
from timus_autotask.domain.line import Choice, Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import AWAITING_APPROVAL, PAUSED, Parked, WayOut
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, Result, propose, quiet, wake
from timus_autotask.operate.recording import new_decision, new_decision_on
from timus_autotask.operate.refusal import NotDone, Senseless, Way
from timus_autotask.ports.table import Write
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.journal import line_with_entries
from timus_autotask.store.lines import put_line
from timus_autotask.store.reading import Stored
from timus_autotask.store.update import update
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.forms import price_form
from timus_autotask.watch.preview import LinePreview, Preview, PreviewedAdjustment

R = TypeVar("R", bound=Result)


# -- Retry


@dataclass(frozen=True, slots=True)
class Retried:
    """A contract that is looked at now."""

    contract_id: int
    customers: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"contract_id": self.contract_id, "woken": True}


@dataclass(frozen=True, slots=True)
class ProvisioningRetried:
    """A contract that is looked for now, and opened if it is not there."""

    number: str

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"number": self.number, "woken": True}


def retry(
    deployment: Deployment, contract_id: int, by: str, on_progress: Progress = quiet
) -> Proposal[Retried]:
    """Look at a contract now, and send again what Autotask refused."""

    def prepare() -> Prepared[Retried]:
        if not deployment.store.contract(contract_id).state.rev:
            raise NotDone(f"Nothing of ours is on contract {contract_id}.", Way.SEE_STATUS)
        return Prepared(act)

    def act(ports: Ports) -> Retried:
        def attempt() -> tuple[str, ...]:
            records = ports.store.contract(contract_id)
            refused = [stored for stored in records.lines.values() if stored.value.refusal]
            for stored in refused:  # one by one: there may be more than one transaction takes
                ports.store.commit(put_line(replace(stored.value, refusal=None), stored.rev))
            ports.store.commit(
                wake_contract(contract_id, ports),
                put_decision(new_decision_on("retry", records.state.value, None, by, "", ports)),
            )
            return records.state.value.customers

        customers = update(attempt)
        wake(customers, ports)
        return Retried(contract_id, customers)

    return propose(deployment, prepare, on_progress)


def retry_provisioning(
    deployment: Deployment, number: str, by: str, on_progress: Progress = quiet
) -> Proposal[ProvisioningRetried]:
    """Look now for a contract that is being opened, and open it if it is not there."""

    def prepare() -> Prepared[ProvisioningRetried]:
        if deployment.store.provisioning(number) is None:
            raise NotDone(f"No contract {number} is being opened.", Way.SEE_STATUS)
        return Prepared(act)

    def act(ports: Ports) -> ProvisioningRetried:
        def attempt() -> None:
            provisioning = ports.store.provisioning(number)
            if provisioning is None:
                raise NotDone(f"No contract {number} is being opened any more.", Way.SEE_STATUS)
            # "It is there, but not to be seen" is given up: nothing was found all the time that it may take.
            again = replace(provisioning.value, accepted=False)
            now = ports.clock.now()
            customer = provisioning.value.wanted.customer_id
            customers = (customer,) if customer else ()
            ports.store.commit(
                put_provisioning(again, provisioning.rev, now.replace(microsecond=0)),
                put_decision(new_decision("retry", customers, by, number, ports)),
            )

        update(attempt)
        return ProvisioningRetried(number)

    return propose(deployment, prepare, on_progress)


# -- Drift


@dataclass(frozen=True, slots=True)
class DriftDecided:
    """What becomes of units that somebody else changed."""

    contract_id: int
    service_id: int
    choice: Choice
    message: str
    """What was changed."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contract_id": self.contract_id,
            "service_id": self.service_id,
            "choice": self.choice.value,
        }


def decide_drift(
    deployment: Deployment,
    contract_id: int,
    service_id: int,
    choice: Choice,
    by: str,
    on_progress: Progress = quiet,
) -> Proposal[DriftDecided]:
    """Decide about a line whose units somebody else changed: bring them back, or keep the difference."""

    def decidable(ports: Ports) -> tuple[Stored[Line], Parked]:
        stored = _line(ports, contract_id, service_id)
        parked = stored.value.parked
        if parked is None or WayOut.ENFORCE not in parked.ways:
            raise NotDone(f"{_standing(stored.value)}, so there is no drift to decide about.")
        return stored, parked

    def prepare() -> Prepared[DriftDecided]:
        decidable(deployment.ports)
        return Prepared(act)

    def act(ports: Ports) -> DriftDecided:
        enforced_by = by if choice is Choice.ENFORCE else ""

        def attempt() -> Parked:
            stored, parked = decidable(ports)
            records = ports.store.contract(contract_id)
            ports.store.commit(
                put_line(replace(stored.value, choice=choice, enforced_by=enforced_by), stored.rev),
                wake_contract(contract_id, ports),
                put_decision(
                    new_decision_on(
                        "drift",
                        records.state.value,
                        service_id,
                        by,
                        f"{choice.value}: {parked.message}",
                        ports,
                    )
                ),
            )
            return parked

        parked = update(attempt)
        wake(ports.store.contract(contract_id).state.value.customers, ports)
        return DriftDecided(contract_id, service_id, choice, parked.message)

    return propose(deployment, prepare, on_progress)


# -- Approve and reject


@dataclass(frozen=True, slots=True)
class ChangeDecided:
    """A held adjustment that is let go, or set aside, exactly as it was shown."""

    contract_id: int
    service_id: int
    day: date
    delta: int
    price: PriceChange | None
    """The unit price that goes out with it, if one does."""
    by: str
    message: str
    """Why it was held."""
    reason: str = ""
    """Why it is set aside."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contract_id": self.contract_id,
            "service_id": self.service_id,
            "day": self.day,
            "unit_change": self.delta,
            "unit_price": price_form(self.price),
            "by": self.by,
            **({"reason": self.reason} if self.reason else {}),
        }

    @property
    def key(self) -> LineKey:
        """Contract and service."""
        return LineKey(self.contract_id, self.service_id)

    @property
    def change(self) -> str:
        """What is decided on, for people."""
        price = f" at {self.price}" if self.price else ""
        return f"{self.delta:+d} on {self.day}{price}"


def approve(
    deployment: Deployment, contract_id: int, service_id: int, by: str, on_progress: Progress = quiet
) -> Proposal[ChangeDecided]:
    """Let one held adjustment go, exactly as it is shown, also one that was rejected.

    Where Autotask does not take its day any more, such as in a period that was posted since, it is approved with the day of the adjustment that
    is shown.
    """
    key = LineKey(contract_id, service_id)

    def proposed(days: Mapping[LineKey, PreviewedAdjustment]) -> Proposal[ChangeDecided]:
        return propose(deployment, lambda: _approval(deployment, key, by, days.get(key)), on_progress)

    return _as_shown(proposed, lambda decided: (decided,))


def reject(
    deployment: Deployment,
    contract_id: int,
    service_id: int,
    reason: str,
    by: str,
    on_progress: Progress = quiet,
) -> Proposal[ChangeDecided]:
    """Set one held adjustment aside: it comes back when Timus reports something newer, or by ``approve``."""
    key = LineKey(contract_id, service_id)
    _with_a_reason(reason)
    return propose(deployment, lambda: _rejection(deployment, key, reason, by), on_progress)


@dataclass(frozen=True, slots=True)
class ChangesDecided:
    """Several held adjustments that are let go, or set aside, together."""

    changes: tuple[ChangeDecided, ...]
    not_decided: tuple[str, ...] = ()
    """Why others of them were not decided: they had changed by the time they were written."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"changes": [one.to_json() for one in self.changes], "left": [*self.not_decided]}


def approve_together(
    deployment: Deployment, keys: Sequence[LineKey], by: str, on_progress: Progress = quiet
) -> Proposal[ChangesDecided]:
    """Let the held adjustments of several lines go, each exactly as it is shown, with an estimate in money; see ``approve``."""

    def proposed(days: Mapping[LineKey, PreviewedAdjustment]) -> Proposal[ChangesDecided]:
        return _together(
            deployment, keys, lambda key: _approval(deployment, key, by, days.get(key)), on_progress
        )

    return _as_shown(proposed, lambda decided: decided.changes)


def reject_together(
    deployment: Deployment, keys: Sequence[LineKey], reason: str, by: str, on_progress: Progress = quiet
) -> Proposal[ChangesDecided]:
    """Set the held adjustments of several lines aside, for one reason."""
    _with_a_reason(reason)
    return _together(deployment, keys, lambda key: _rejection(deployment, key, reason, by), on_progress)


def _with_a_reason(reason: str) -> None:
    if not reason.strip():
        raise Senseless("A change is rejected with a reason.", Way.REASON)


def _together(
    deployment: Deployment,
    keys: Sequence[LineKey],
    prepared: Callable[[LineKey], Prepared[ChangeDecided]],
    on_progress: Progress,
) -> Proposal[ChangesDecided]:
    """Line by line, each in a transaction of its own: one that cannot be decided any more does not stop the others."""

    def prepare() -> Prepared[ChangesDecided]:
        each = [prepared(key) for key in dict.fromkeys(keys)]

        def act(ports: Ports) -> ChangesDecided:
            done, not_decided = list[ChangeDecided](), list[str]()
            for one in each:
                try:
                    done.append(one.act(ports))
                except NotDone as why:
                    not_decided.append(str(why))
            if not done:
                raise NotDone(" ".join(dict.fromkeys(not_decided)) or "Nothing was chosen.")
            return ChangesDecided(tuple(done), tuple(not_decided))

        return Prepared(act, money=True)

    return propose(deployment, prepare, on_progress)


def _as_shown(
    proposed: Callable[[Mapping[LineKey, PreviewedAdjustment]], Proposal[R]],
    changes: Callable[[R], Sequence[ChangeDecided]],
) -> Proposal[R]:
    """What is approved is what is shown. A change of which Autotask does not take the day any more is proposed anew, with the day that is shown.

    Raises :class:`NotDone` where something else would be made.
    """
    proposal = proposed({})
    other = [(one, line) for one in changes(proposal.result) if (line := _not_so(one, proposal.preview))]
    later = {one.key: found for one, line in other if (found := _as_many_later(one, line))}
    if later:
        proposal = proposed(later)
        other = [(one, line) for one in changes(proposal.result) if (line := _not_so(one, proposal.preview))]
    for one, _ in other:
        raise NotDone(
            f"What is held on service {one.service_id} of contract {one.contract_id} has changed by now. Nothing was written.",
            Way.LOOK_AGAIN,
            what=one.contract_id,
        )
    return proposal


def _not_so(change: ChangeDecided, shown: Preview) -> LinePreview | None:
    """The line on which something else would be made than what is approved; None: it is made, or waits with its approval."""
    lines = (line for one in shown.contracts if one.contract_id == change.contract_id for line in one.lines)
    line = next((one for one in lines if one.service_id == change.service_id), None)
    if line is None:
        return None
    made = {(one.day, one.delta) for one in line.adjustments if one.at_once}
    return None if (change.day, change.delta) in {*made, *line.approved, line.under_way} else line


def _as_many_later(change: ChangeDecided, line: LinePreview) -> PreviewedAdjustment | None:
    """The adjustment of as many units that would come in place of a change."""
    waiting = [one for one in line.adjustments if not one.at_once]
    held = [line.held] if line.held and line.held.day > change.day else []
    return next((one for one in (*waiting, *held) if one.delta == change.delta), None)


def _approval(
    deployment: Deployment, key: LineKey, by: str, instead: PreviewedAdjustment | None = None
) -> Prepared[ChangeDecided]:
    """``instead``: as what the change is made by now, if not on its own day."""

    def write(stored: Stored[Line], _ports: Ports) -> list[Write]:
        line = approval.approve(stored.value, by)
        if instead is not None:
            *before, newest = line.approved
            newest = replace(newest, day=instead.day, price=instead.price)
            line = replace(line, approved=(*before, newest))
        return [put_line(line, stored.rev)]

    return _decision_on(deployment, key, by, "approve", "", write, instead)


def _rejection(deployment: Deployment, key: LineKey, reason: str, by: str) -> Prepared[ChangeDecided]:
    def write(stored: Stored[Line], ports: Ports) -> list[Write]:
        now, entry_id = ports.clock.now(), ports.new_id()
        line, entry = approval.reject(stored.value, by=by, at=now, reason=reason, entry_id=entry_id)
        return [*line_with_entries(line, stored.rev, [entry])[1]]

    return _decision_on(deployment, key, by, "reject", reason, write)


def _decision_on(
    deployment: Deployment,
    key: LineKey,
    by: str,
    kind: str,
    reason: str,
    write: Callable[[Stored[Line], Ports], list[Write]],
    instead: PreviewedAdjustment | None = None,
) -> Prepared[ChangeDecided]:
    """Approve or reject what awaits it, bound to what is shown."""
    contract_id, service_id = key.contract_id, key.service_id

    def find(ports: Ports) -> tuple[Stored[Line], ChangeDecided]:
        stored = _line(ports, contract_id, service_id)
        line = stored.value
        parked, change = line.parked, line.awaiting
        if parked is not None and parked.code in (*AWAITING_APPROVAL, PAUSED) and change is None:
            raise NotDone(parked.message, first=parked)
        if parked is None or change is None or (kind == "reject" and change.rejection):
            raise NotDone(f"{_standing(line)}, so there is nothing to {kind}.")
        shown = ChangeDecided(
            contract_id, service_id, change.day, change.delta, change.price, by, parked.message, reason
        )
        if instead is not None:
            why = f"{parked.message} Autotask does not take this day any more: it is billed from {instead.day} on."
            shown = replace(shown, day=instead.day, price=instead.price, message=why)
        return stored, shown

    _, shown = find(deployment.ports)

    def act(ports: Ports) -> ChangeDecided:
        def attempt() -> None:
            stored, now_held = find(ports)
            if now_held != shown:
                raise NotDone(
                    "What is held has changed since it was shown. Nothing was written; look at it again."
                )
            records = ports.store.contract(contract_id)
            detail = f"{shown.change}: {reason}" if reason else shown.change
            ports.store.commit(
                *write(stored, ports),
                wake_contract(contract_id, ports),
                put_decision(new_decision_on(kind, records.state.value, service_id, by, detail, ports)),
            )

        update(attempt)
        wake(ports.store.contract(contract_id).state.value.customers, ports)
        return shown

    return Prepared(act)


# -- Both


def _line(ports: Ports, contract_id: int, service_id: int) -> Stored[Line]:
    found = ports.store.contract(contract_id).lines.get(service_id)
    if found is None:
        raise NotDone(
            f"There is no line of ours with service {service_id} on contract {contract_id}.", Way.SEE_STATUS
        )
    return found


def _standing(line: Line) -> str:
    why = f" ({line.parked.message})" if line.parked else ""
    return f"Service {line.service_id} on contract {line.contract_id} is {line.state.value}{why}"
