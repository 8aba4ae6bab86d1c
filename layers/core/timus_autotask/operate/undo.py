"""Use case: take back a change that was made, by its opposite; a plan change on all its sides. Proposed first, with units and money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from timus_autotask.domain.converge.undo import NotUndone
from timus_autotask.domain.converge.undo import undo as without
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.line import JournalEntry, Line
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, wake
from timus_autotask.operate.refusal import NotDone, Senseless
from timus_autotask.ports.errors import AutotaskError, NotConfigured, SecretsUnavailable
from timus_autotask.store.journal import journalled
from timus_autotask.store.records import (
    ContractRecords,
    Decision,
    RecordUnreadable,
    Store,
    TermsUnreadable,
    put_decision,
    put_line,
)
from timus_autotask.store.update import update
from timus_autotask.sync.gather import ask_units, read_records
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.preview import ContractPreview, Preview

QUIET: Progress = lambda _done, _of: None  # noqa: E731 - a default


@dataclass(frozen=True, slots=True)
class UndoneChange:
    """One adjustment that is taken back."""

    change_id: str
    """Its entry of the journal."""
    service_id: int
    day: date
    """From which day on the opposite is adjusted."""
    delta: int
    """The opposite: units."""
    units: int
    """What the line is wanted with from then on, before what people put on top."""
    instead_of: int
    """What it should have by Timus and the terms."""

    @property
    def change(self) -> str:
        """What is adjusted, for people."""
        return f"{self.delta:+d} on {self.day} on service {self.service_id}"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "change_id": self.change_id,
            "service_id": self.service_id,
            "day": self.day,
            "unit_change": self.delta,
            "units": self.units,
            "instead_of": self.instead_of,
        }


@dataclass(frozen=True, slots=True)
class ChangeUndone:
    """A change that is taken back, with the other sides of its plan change."""

    contract_id: int
    sides: tuple[UndoneChange, ...]
    by: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contract_id": self.contract_id,
            "undone": [one.to_json() for one in self.sides],
            "by": self.by,
            "reason": self.reason,
        }

    @property
    def change(self) -> str:
        """What is adjusted, for people."""
        return " and ".join(one.change for one in self.sides)


def undo(
    deployment: Deployment, change_id: str, reason: str, by: str, on_progress: Progress = QUIET
) -> Proposal[ChangeUndone]:
    """Take back a change that was made: its line is wanted without it until Timus reports another quantity, or until that is undone.

    ``change_id`` names its entry of the journal, or begins it. Raises :class:`NotDone` where it cannot be undone, and says why.
    """
    if not reason.strip():
        raise Senseless("A change is undone with a reason: --reason.")

    def prepare() -> Prepared[ChangeUndone]:
        entry = _entry(deployment.store, change_id)
        contract_id = entry.line.contract_id
        shown = _undone(_decide(entry, deployment.ports, by, reason)[1], contract_id, by, reason)

        def act(ports: Ports) -> ChangeUndone:
            def attempt() -> None:
                records, lines = _decide(entry, ports, by, reason)
                if _undone(lines, contract_id, by, reason) != shown:
                    raise NotDone(
                        "What would be undone has changed since it was shown. Nothing was written; look at it again."
                    )
                state = records.state.value
                ports.store.commit(
                    *(put_line(line, records.lines[line.service_id].rev) for line in lines),
                    wake_contract(contract_id, ports),
                    put_decision(
                        Decision(
                            ports.new_id(),
                            ports.clock.now(),
                            "undo",
                            by,
                            state.customers,
                            contract_id,
                            entry.line.service_id,
                            f"{', '.join(one.change_id for one in shown.sides)}: {shown.change}: {reason}",
                        )
                    ),
                )

            update(attempt)
            wake(ports.store.contract(contract_id).state.value.customers, ports)
            return shown

        return Prepared(act, money=True)

    proposal = propose(deployment, prepare, on_progress)
    _is_shown(proposal.result, proposal.preview)
    return proposal


def _entry(store: Store, change_id: str) -> JournalEntry:
    """The entry of the journal that is meant."""
    found: list[JournalEntry] = []
    for one in store.newest_changes():
        if one.id == change_id:
            return one
        if change_id and one.id.startswith(change_id):
            found.append(one)
    if len(found) != 1:
        why = "begins more than one change" if found else "is no change"
        raise NotDone(f"{change_id} {why}. See: timus-autotask changes")
    return found[0]


def _decide(
    entry: JournalEntry, ports: Ports, by: str, reason: str
) -> tuple[ContractRecords, tuple[Line, ...]]:
    """The lines without the change, as everything is now. Raises :class:`NotDone`."""
    try:
        records, view = _seen(entry.line.contract_id, ports)
        lines = without(
            entry, _journals(view, ports.store), view, by=by, reason=reason, undo_id=ports.new_id()
        )
    except (NotUndone, RecordUnreadable, TermsUnreadable) as error:
        raise NotDone(str(error)) from error
    except (AutotaskError, NotConfigured, SecretsUnavailable) as error:
        raise NotDone(
            f"Autotask cannot be asked ({error}). Nothing was written; try again in a minute."
        ) from error
    return records, lines


def _seen(contract_id: int, ports: Ports) -> tuple[ContractRecords, View]:
    """What a worker would gather of a contract."""
    records = ports.store.contract(contract_id)
    gathered, contract = read_records(records, ports), ports.autotask().contract(contract_id)
    if contract is not None:
        gathered.schedules[contract_id] = contract.schedule
    now, today = ports.clock.now(), ports.today()
    wanted = gathered.desired(today)
    lines = {**gathered.elsewhere, **{one.value.key: one.value for one in records.lines.values()}}
    services = {key.service_id for key in (*wanted.demands, *lines) if key.contract_id == contract_id}
    return records, View(
        contract_id=contract_id,
        contract=contract,
        observed=ask_units(contract, services, records.state.value.chosen, ports) if contract else {},
        desired=wanted,
        lines=lines,
        policies=gathered.policies,
        zone=ports.zone,
        now=now,
        today=today,
        alive_until=now,
        settle=ports.settle,
        live=gathered.live,
    )


def _journals(view: View, store: Store) -> Mapping[LineKey, Sequence[JournalEntry]]:
    """The journal of each line of the contract, and of those that plan changes join with them."""
    linked = {key.contract_id for link in view.desired.links for key in (link.down, link.up)}
    return {
        LineKey(contract_id, service_id): journal.entries
        for contract_id in sorted({view.contract_id, *linked})
        for service_id, journal in journalled(store, contract_id).journals.items()
    }


def _undone(lines: Sequence[Line], contract_id: int, by: str, reason: str) -> ChangeUndone:
    newest = [(line, line.undone[-1]) for line in lines]
    sides = tuple(
        UndoneChange(one.entry, line.service_id, one.day, one.delta, one.units, one.instead_of)
        for line, one in newest
    )
    return ChangeUndone(contract_id, sides, by, reason)


def _is_shown(undone: ChangeUndone, preview: Preview) -> None:
    """Raises :class:`NotDone` where workers would not make the opposite, or would make something else of it."""
    contract = next((one for one in preview.contracts if one.contract_id == undone.contract_id), None)
    for side in undone.sides:
        why = _not_made(side, contract)
        if why is not None:
            raise NotDone(f"{side.change} would not be made: {why} Nothing was written.")


def _not_made(side: UndoneChange, contract: ContractPreview | None) -> str | None:
    line = (
        next((one for one in contract.lines if one.service_id == side.service_id), None) if contract else None
    )
    if line is None:
        return "nothing is known of its line."
    if (side.day, side.delta) in [(one.day, one.delta) for one in line.adjustments]:
        return None
    others = ", ".join(f"{one.delta:+d} on {one.day}" for one in line.adjustments)
    return line.reason or (
        f"there is something newer, and {others} would be made instead."
        if others
        else "there is something newer."
    )
