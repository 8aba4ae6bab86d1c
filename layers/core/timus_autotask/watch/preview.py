"""What would be posted if a record were written: the worker's own gathering and deciding, on a table that forgets.

Only Autotask is asked, and only to read. There is no second way of planning here, so a preview cannot say anything but what
the worker would do next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from timus_autotask.domain.converge.next_step import next_step
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.reasons import Parked
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Check, Document, Key, Put, Table, Write
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.worker import dry_run


class Rehearsal:
    """A table over another one: reads see what was written here, and nothing of it reaches the other.

    Listings are the other table's; they are hints only.
    """

    def __init__(self, stage: Table) -> None:
        self._stage = stage
        self._written: dict[Key, Document | None] = {}

    def get(self, key: Key) -> Document | None:
        return self._written[key] if key in self._written else self._stage.get(key)

    def range(self, pk: str, first: str, last: str) -> list[Document]:
        found = {document.key: document for document in self._stage.range(pk, first, last)}
        for key, document in self._written.items():
            if key.pk == pk and first <= key.sk <= last:
                found.pop(key, None)
                if document is not None:
                    found[key] = document
        return [found[key] for key in sorted(found)]

    def write(self, changes: Sequence[Write]) -> None:
        moved = [change.key for change in changes if self._rev(change.key) != change.expected]
        if moved:
            raise Conflict(moved)
        for change in changes:
            if isinstance(change, Put):
                self._written[change.key] = Document(
                    change.key,
                    change.expected + 1,
                    change.data,
                    change.due_at,
                    change.kind,
                    change.sort,
                    change.expires_at,
                )
            elif not isinstance(change, Check):
                self._written[change.key] = None

    def _rev(self, key: Key) -> int:
        document = self.get(key)
        return document.rev if document else 0

    def due(self, until: int, limit: int) -> list[Document]:
        return self._stage.due(until, limit)

    def list(self, kind: str, first: str = "", last: str = "\U0010ffff") -> Iterator[Document]:
        return self._stage.list(kind, first, last)


@dataclass(frozen=True, slots=True)
class LinePreview:
    """One line as it would be taken up by the worker."""

    service_id: int
    sources: tuple[tuple[str, str], ...]
    """(customer, SKU)."""
    units: int
    """What Autotask holds today."""
    wanted: int
    """What it should hold today."""
    adjustments: tuple[tuple[date, int], ...]
    """(day, change); those of today and before are posted at once, one after the other."""
    state: State
    reason: str | None = None
    """Why nothing would be posted, in words."""


@dataclass(frozen=True, slots=True)
class ContractPreview:
    """What would become of a contract."""

    contract_id: int
    name: str
    company_id: int | None
    lines: tuple[LinePreview, ...]
    without_line: tuple[str, ...] = ()
    """Quantities of these customers that would still have no line: why, in words."""
    extended_to: date | None = None
    """Its last day would be moved to here, for the term was renewed."""


def preview(contract_id: int, proposed: Sequence[Write], ports: Ports) -> ContractPreview:
    """What the worker would do first for a contract if ``proposed`` were written.

    Raises ``AutotaskError``, ``NotConfigured``, ``SecretsUnavailable``, ``TableUnavailable``, and ``Conflict`` when ``proposed`` is
    overtaken.
    """
    rehearsal = Rehearsal(ports.table)
    rehearsal.write(proposed)
    ports = replace(ports, table=rehearsal, on_event=lambda _name, **_fields: None)
    rehearsed = dry_run(contract_id, ports, ports.clock.now() + timedelta(minutes=1))
    if rehearsed is None:
        return ContractPreview(contract_id, "", None, ())
    view, step = rehearsed
    extended_to = step.extend
    if extended_to is not None and view.contract is not None:
        view = replace(view, contract=replace(view.contract, end=extended_to))
        step = next_step(view)
    lines = {
        line.key: line for line in (*view.lines.values(), *step.lines) if line.contract_id == contract_id
    }
    return ContractPreview(
        contract_id=contract_id,
        name=view.contract.name if view.contract else "",
        company_id=view.contract.company_id if view.contract else None,
        lines=tuple(
            LinePreview(
                service_id=key.service_id,
                sources=line.sources,
                units=_units(key, view),
                wanted=line.desired.at(view.today),
                adjustments=() if line.state is State.PARKED else line.scheduled,
                state=line.state,
                reason=line.parked.message if line.parked else None,
            )
            for key, line in sorted(lines.items())
        ),
        without_line=tuple(
            Parked(missing.reason, {"customer": missing.customer_id, "sku": missing.sku}).message
            for missing in view.desired.unrouted
        ),
        extended_to=extended_to,
    )


def _units(key: LineKey, view: View) -> int:
    """What Autotask has of a line today."""
    return view.observed.get(key.service_id, Observed()).units.at(view.today)
