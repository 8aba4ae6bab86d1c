"""Use cases: which contract service a line is, where its service stands on a contract more than once; and taking that back.

The choice holds for everybody who is billed with the service on the contract. Only the units of the chosen contract service count; the
others are left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import LineChoice
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.catalogue import Catalogue, LineOffered, ask, offered
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Doubt, NotDone, Way
from timus_autotask.ports.table import Check, Put
from timus_autotask.store.contracts import ContractRecords, ContractState
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.lines import check_line, put_line
from timus_autotask.store.update import update
from timus_autotask.sync.gather import as_chosen, units_by_contract_service
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.names import NamesRead, learn_names
from timus_autotask.watch.wording import counted

NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True, slots=True)
class LineChosen:
    """The contract service of a service on a contract, or that it is not chosen any more."""

    contract_id: int
    service_id: int
    choice: LineChoice | None
    """None: a choice is taken back."""
    before: LineChoice | None = None
    customers: tuple[str, ...] = ()
    """Whose units are billed on it."""
    service_name: str = ""
    lines: tuple[LineOffered, ...] = ()
    """The contract services of the service, as Autotask has them."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contract_id": self.contract_id,
            "service_id": self.service_id,
            "service_name": self.service_name or None,
            "contract_service_id": self.choice.contract_service_id if self.choice else None,
            "from": self.choice.first_day if self.choice else None,
            "before": self.before.contract_service_id if self.before else None,
            "customers": [*self.customers],
            "lines": [line.to_json() for line in self.lines],
        }


@dataclass(frozen=True, slots=True)
class Switch:
    """A choice, with what becomes of the line's record."""

    contract_id: int
    service_id: int
    choice: LineChoice | None
    rev: int = 0
    """The revision of the line's record from which it follows; 0: there is none."""
    line: Line | None = None
    """The record as it begins again; None: it stays."""
    left: Mapping[int, tuple[date, ...]] | None = None
    kept: int = 0
    """Units that stay on the contract service that was billed so far, from today on."""

    def changed(self, state: ContractState) -> ContractState:
        """The contract's record with it."""
        others = {id_: choice for id_, choice in state.chosen.items() if id_ != self.service_id}
        chosen = {**others, self.service_id: self.choice} if self.choice else others
        return replace(state, chosen=chosen, left=state.left if self.left is None else self.left)

    def write(self, ports: Ports) -> Put | Check:
        """What of the line's record is written, or checked. Raises :class:`NotDone` when it is not the one that was looked at."""
        stored = ports.store.contract(self.contract_id).lines.get(self.service_id)
        if (stored.rev if stored else 0) != self.rev:
            raise NotDone(
                f"Contract {self.contract_id} has changed since it was looked at; look again. {NOTHING_WRITTEN}"
            )
        if self.line is not None:
            return put_line(self.line, self.rev)
        return check_line(self.contract_id, self.service_id, self.rev)

    @property
    def detail(self) -> str:
        """What is decided, for people."""
        where = f"service {self.service_id} on contract {self.contract_id}"
        if self.choice is None:
            return f"no contract service is chosen for {where}"
        since = f" from {self.choice.first_day}" if self.choice.first_day else ""
        return f"{where} is contract service {self.choice.contract_service_id}{since}"


def all_changed(switches: Iterable[Switch], state: ContractState) -> ContractState:
    """A contract's record with several choices."""
    for switch in switches:
        state = switch.changed(state)
    return state


def choose_line(
    deployment: Deployment,
    contract_id: int,
    service_id: int,
    contract_service_id: int,
    by: str,
    *,
    keep_units: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[LineChosen]:
    """Choose the contract service.

    ``keep_units``: the units on the one that was billed so far are not Timus's, and stay.
    """

    def prepare() -> Prepared[LineChosen]:
        catalogue = Catalogue(deployment)
        records = deployment.store.contract(contract_id)
        contract, lines = _looked_up(catalogue, contract_id, service_id, records.state.value.chosen)
        if contract_service_id not in {line.contract_service_id for line in lines}:
            raise NotDone(
                f"Contract service {contract_service_id} is not one of service {service_id} on contract {contract_id}. {_offer(lines)} "
                f"{NOTHING_WRITTEN}"
            )
        units = units_of(deployment, contract, service_id)
        switch = switched(
            records,
            service_id,
            contract_service_id,
            units,
            contract.end,
            deployment.today,
            keep_units=keep_units,
        )
        result = replace(_result(records, switch), service_name=lines[0].service_name, lines=lines)
        return Prepared(
            lambda ports: _act(switch, result, contract, by, ports),
            tuple(_notes(result)),
            tuple(map(Doubt, _doubts(switch, result))),
        )

    return propose(deployment, prepare, on_progress)


def unchoose_line(
    deployment: Deployment,
    contract_id: int,
    service_id: int,
    by: str,
    *,
    on_progress: Progress = quiet,
) -> Proposal[LineChosen]:
    """Take a choice back: all contract services of the service count again, and it is parked where more than one is billed."""

    def prepare() -> Prepared[LineChosen]:
        records = deployment.store.contract(contract_id)
        if service_id not in records.state.value.chosen:
            raise NotDone(
                f"No contract service is chosen for service {service_id} on contract {contract_id}."
            )
        contract = Catalogue(deployment).contracts([contract_id]).get(contract_id)
        units = units_of(deployment, contract, service_id) if contract else {}
        switch = _taken_back(records, service_id, units, contract.end if contract else date.max)
        result = _result(records, switch)
        return Prepared(lambda ports: _act(switch, result, None, by, ports))

    return propose(deployment, prepare, on_progress)


def write_switch(switch: Switch, customers: tuple[str, ...], command: str, by: str, ports: Ports) -> None:
    """Store a choice, and let a worker look at the contract. ``command`` is what the decision is noted under."""

    def attempt() -> None:
        decision = new_decision(
            command,
            customers,
            by,
            switch.detail,
            ports,
            contract_id=switch.contract_id,
            service_id=switch.service_id,
        )
        ports.store.commit(
            switch.write(ports),
            wake_contract(switch.contract_id, ports, change=switch.changed),
            put_decision(decision),
        )

    update(attempt)


def _act(switch: Switch, result: LineChosen, contract: Contract | None, by: str, ports: Ports) -> LineChosen:
    write_switch(switch, result.customers, "map line", by, ports)
    if contract is not None and result.service_name:
        learn_names(ports, [NamesRead(contract.id, contract, {}, {switch.service_id: result.service_name})])
    wake(ports.store.contract_state(switch.contract_id).value.customers, ports)
    return result


# -- What Autotask has


def lines_to_choose_from(
    deployment: Deployment, contract_id: int, service_id: int
) -> tuple[LineOffered, ...]:
    """The contract services of a service on a contract, with their units of today and which of them is chosen. Raises :class:`NotDone`."""
    chosen = deployment.store.contract_state(contract_id).value.chosen
    return _looked_up(Catalogue(deployment), contract_id, service_id, chosen)[1]


def _looked_up(
    catalogue: Catalogue, contract_id: int, service_id: int, chosen: Mapping[int, LineChoice]
) -> tuple[Contract, tuple[LineOffered, ...]]:
    contract = catalogue.contracts([contract_id]).get(contract_id)
    if contract is None:
        raise NotDone(
            f"Autotask has no contract {contract_id}, or the API user may not see it. {NOTHING_WRITTEN}"
        )
    if not contract.recurring:
        raise NotDone(
            f"Contract {contract_id} is not a recurring service contract, so it has no units. {NOTHING_WRITTEN}"
        )
    services = catalogue.services([service_id])
    called = {id_: service.name for id_, service in services.items()}
    lines = offered(catalogue, contract_id, {service_id}, called, chosen)
    if not lines:
        raise NotDone(f"Service {service_id} is not on contract {contract_id}. {NOTHING_WRITTEN}")
    return contract, lines


def units_of(deployment: Deployment, contract: Contract, service_id: int) -> Mapping[int, Timeline]:
    """The units of each contract service of a service by day. Raises :class:`NotDone`."""
    rows = ask(deployment, lambda autotask: autotask.units(contract.id, [service_id]))
    return units_by_contract_service(rows, contract.end)


def _offer(lines: Iterable[LineOffered]) -> str:
    return f"There are: {'; '.join(map(str, lines))}."


# -- What it changes


def switched(
    records: ContractRecords,
    service_id: int,
    contract_service_id: int,
    units: Mapping[int, Timeline],
    end: date,
    today: date,
    *,
    keep_units: bool = False,
) -> Switch:
    """What choosing a contract service changes. ``units`` is what each contract service of the service has by day, until ``end``.

    What was billed elsewhere until now is never billed a second time: the chosen one counts from the first day on which the others have
    no units any more. Raises :class:`NotDone` where they still have some, unless ``keep_units`` says that these are not Timus's.
    """
    state, stored = records.state.value, records.lines.get(service_id)
    rev = stored.rev if stored else 0
    line = _settled_line(records, service_id)
    known = state.chosen.get(service_id)
    if known and known.contract_service_id == contract_service_id:
        return Switch(state.contract_id, service_id, known, rev)
    before = _billed_so_far(line, known, units) - {contract_service_id}
    elsewhere = _together(before, units)
    free = _free_from(elsewhere)
    still = [elsewhere.at(day) for day in (today, *elsewhere.days) if day >= today]
    if any(still) and not keep_units:
        first = () if free and free != date.max else (Way.PAUSE_FIRST,)
        raise NotDone(_still_billed(before, elsewhere, free or date.max, today, line), *first, Way.KEEP_UNITS)
    choice = _choice(contract_service_id, known, min(free, today) if free else None, before)
    fresh = _switched_record(line, choice, state, units, elsewhere, end)
    return Switch(
        state.contract_id,
        service_id,
        choice,
        rev,
        fresh if fresh != line else None,
        _left(records, line),
        max(still, default=0),
    )


def _choice(
    contract_service_id: int, known: LineChoice | None, free: date | None, before: Collection[int]
) -> LineChoice:
    """The choice, with what counted before. ``free``: from when on nothing is billed there any more; None: nothing ever was."""
    earlier, since = (known.earlier, known.first_day) if known else ((), None)
    if free is None:
        return LineChoice(contract_service_id, since, earlier)
    first_day = max(since or free, free)
    return LineChoice(contract_service_id, first_day, (*earlier, (first_day, tuple(sorted(before)))))


def _switched_record(
    line: Line | None,
    choice: LineChoice,
    state: ContractState,
    units: Mapping[int, Timeline],
    elsewhere: Timeline,
    end: date,
) -> Line | None:
    """The line's record once another contract service is chosen: without what was true of others."""
    if line is None:
        return None
    chosen = choice.contract_service_id
    if line.contract_service_id in (None, chosen):
        if line.baseline is None or not elsewhere.steps:
            return line
        fresh, own = line, line.baseline.minus(elsewhere)
    else:
        own = units.get(chosen, NOTHING)
        fresh = Line(
            line.contract_id,
            line.service_id,
            adjusted=state.left.get(chosen, ()),
            contract_service_id=chosen,
            versions=line.versions,
            sources=line.sources,
            head=line.head,
        )
    return _knowing(line, fresh, as_chosen(Observed(own), choice, units), end)


def _taken_back(
    records: ContractRecords, service_id: int, units: Mapping[int, Timeline], end: date
) -> Switch:
    """What taking a choice back changes: contract services that are billed on other days than the chosen one count with it again."""
    stored, line = records.lines.get(service_id), _settled_line(records, service_id)
    fresh = line
    if line is not None and line.baseline is not None:
        others = _billed_so_far(line, None, units) - {line.contract_service_id or 0}
        elsewhere = _together(others, units)
        if elsewhere.steps:
            fresh = _knowing(line, line, Observed(line.baseline.plus(elsewhere)), end)
    return Switch(
        records.state.value.contract_id,
        service_id,
        None,
        stored.rev if stored else 0,
        fresh if fresh != line else None,
        _left(records, line),
    )


def _together(ids: Iterable[int], units: Mapping[int, Timeline]) -> Timeline:
    found = NOTHING
    for id_ in ids:
        found = found.plus(units.get(id_, NOTHING))
    return found


def _knowing(before: Line, line: Line, observed: Observed, end: date) -> Line:
    """The line with another baseline, where there was one; the journal says it with its next entry."""
    if before.baseline is None:
        return line
    found = observed.by_day.until(end) if line.head else None
    return replace(line, baseline=observed.units, baseline_until=end, observed=None, found=found)


def was_billed(records: ContractRecords, service_id: int) -> bool:
    """Whether units of the service are billed because of us, so that Autotask has to be asked where."""
    stored = records.lines.get(service_id)
    return bool(stored and _billed_so_far(stored.value, records.state.value.chosen.get(service_id), {}))


def _settled_line(records: ContractRecords, service_id: int) -> Line | None:
    """The line's record. Raises :class:`NotDone` while it is not known what became of an adjustment of it."""
    stored = records.lines.get(service_id)
    if stored and stored.value.intent:
        raise NotDone(
            f"An adjustment of service {service_id} on contract {stored.value.contract_id} is under way; try again after "
            f"{stored.value.intent.settles_at:%Y-%m-%d %H:%M} UTC. {NOTHING_WRITTEN}"
        )
    return stored.value if stored else None


def _left(records: ContractRecords, line: Line | None) -> Mapping[int, tuple[date, ...]]:
    """The days that carry an adjustment of ours, by contract service, with those of the one that was billed so far."""
    left = records.state.value.left
    if line is None or line.contract_service_id is None or not line.adjusted:
        return left
    return {**left, line.contract_service_id: line.adjusted}


def _billed_so_far(line: Line | None, known: LineChoice | None, units: Mapping[int, Timeline]) -> set[int]:
    """The contract services of which the units counted until now; none if nothing of ours is on them."""
    ours = line is not None and bool(line.adjusted or (line.baseline and line.baseline.steps))
    if line is None or line.contract_service_id is None or not ours:
        return set()
    mine = line.contract_service_id
    if known is not None:
        return {mine}
    there = units.get(mine, NOTHING)
    return {mine, *(id_ for id_, one in units.items() if not _overlap(one, there))}


def _overlap(one: Timeline, other: Timeline) -> bool:
    return any(one.at(day) > 0 and other.at(day) > 0 for day in (*one.days, *other.days))


def _free_from(units: Timeline) -> date | None:
    """The first day from which on there are no units; None: there never are any."""
    billed = [number for number, (_, count) in enumerate(units.steps) if count]
    if not billed:
        return None
    after = units.steps[billed[-1] + 1 :]
    return after[0][0] if after else date.max


def _still_billed(
    before: Collection[int], units: Timeline, first_day: date, today: date, line: Line | None
) -> str:
    which = f"Contract service {' and '.join(map(str, sorted(before)))}"
    customers = sorted({customer for customer, _ in line.sources}) if line else []
    whose = f" for {', '.join(customers)}" if customers else ""
    until = "" if first_day == date.max else f"It has none from {first_day} on: choose again on that day. "
    then = until or (
        "Bring it to 0 in Autotask first, then choose again: the other one is billed from that day on. "
    )
    return (
        f"{which} is billed{whose} so far, with {counted(units.at(today), 'unit')} today. With another one chosen they would be billed twice. {then}"
        f"{NOTHING_WRITTEN}"
    )


# -- For people


def _result(records: ContractRecords, switch: Switch) -> LineChosen:
    stored = records.lines.get(switch.service_id)
    sources = stored.value.sources if stored else ()
    return LineChosen(
        switch.contract_id,
        switch.service_id,
        switch.choice,
        records.state.value.chosen.get(switch.service_id),
        tuple(sorted({customer for customer, _ in sources})),
    )


def _notes(result: LineChosen) -> Iterator[str]:
    if result.choice is None:
        return
    chosen, since = result.choice.contract_service_id, result.choice.first_day
    others = [line for line in result.lines if line.contract_service_id != chosen]
    if others:
        yield (
            f"Left alone: {'; '.join(map(str, others))}. What Timus reports for service {result.service_id} goes to {chosen} as a whole."
        )
    if since:
        yield f"{chosen} is billed from {since} on. The days before were billed elsewhere, and stay as they are."


def _doubts(switch: Switch, result: LineChosen) -> Sequence[str]:
    if not switch.kept:
        return ()
    whose = f" for {', '.join(result.customers)}" if result.customers else ""
    return (
        f"What was billed{whose} so far, {counted(switch.kept, 'unit')}, stays where it is. If it is Timus's, it is billed twice.",
    )
