"""Use case: take back a change that was made, by its opposite; a plan change on all its sides. Proposed first, with units and money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from timus_autotask.domain.converge.undo import NotUndone
from timus_autotask.domain.converge.undo import undo as lines_without
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.line import JournalEntry, Line, Undone
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.timeline import Timeline
from timus_autotask.domain.undone import with_end_days, without_undone
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision_on
from timus_autotask.operate.refusal import NotDone, Senseless, Way, not_asked
from timus_autotask.ports.errors import AutotaskError, NotConfigured, SecretsUnavailable
from timus_autotask.store.contracts import ContractRecords
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.journal import Journal, journalled
from timus_autotask.store.lines import put_line
from timus_autotask.store.reading import RecordUnreadable
from timus_autotask.store.records import Store
from timus_autotask.store.terms import TermsUnreadable
from timus_autotask.store.update import update
from timus_autotask.sync.gather import read_records, view_of
from timus_autotask.sync.merge import wake_contract
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.forms import estimate_form, price_form
from timus_autotask.watch.happened import undone_by
from timus_autotask.watch.money import Estimate, estimated_effect, total
from timus_autotask.watch.preview import ContractPreview, Preview


@dataclass(frozen=True, slots=True)
class UndoneSide:
    """One side of a change that is taken back: one adjustment on one line."""

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
    until: date | None = None
    """The first day on which what is known by now counts again; None: nothing that is known ends it."""

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
            "until": self.until,
        }


@dataclass(frozen=True, slots=True)
class ChangeUndone:
    """A change that is taken back, with the other sides of its plan change."""

    contract_id: int
    sides: tuple[UndoneSide, ...]
    by: str
    reason: str
    moved_from: date | None = None
    """The change's own day, where the opposite is of a later one."""
    estimate: Estimate | None = field(default=None, compare=False)
    """What the undo alone comes to, until what is known ends it; None: it was not worked out."""
    prices: tuple[tuple[int, PriceChange], ...] = ()
    """(service, unit price that the change brought): an undo takes units back, and no price."""

    @property
    def prices_that_stay(self) -> str:
        """What is not taken back, for people; empty: the change brought no new price."""
        said = [
            f"the unit price of service {service_id} stays {price.after} for all units, where it was {price.before} before the change"
            for service_id, price in self.prices
        ]
        return (
            f"Only units are taken back: {', and '.join(said)}. Set it in Autotask, or by the terms, if it is to change."
            if said
            else ""
        )

    @property
    def taken_days(self) -> str:
        """Why the opposite is not of the change's own day, for people; empty: it is."""
        if self.moved_from is None:
            return ""
        return (
            f"The change is of {self.moved_from}. A day of a line takes one adjustment, so the opposite is of "
            f"{self.sides[0].day}, and the days before stay billed with the change."
        )

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "contract_id": self.contract_id,
            "undone": [one.to_json() for one in self.sides],
            "by": self.by,
            "reason": self.reason,
            "moved_from": self.moved_from,
            "unit_prices_that_stay": [
                {"service_id": service_id, **(price_form(price) or {})} for service_id, price in self.prices
            ],
            "estimate": estimate_form(self.estimate),
        }

    @property
    def change(self) -> str:
        """What is adjusted, for people."""
        return " and ".join(one.change for one in self.sides)


def undo(
    deployment: Deployment, change_id: str, reason: str, by: str, on_progress: Progress = quiet
) -> Proposal[ChangeUndone]:
    """Take back a change that was made: its line is wanted without it until Timus or the terms say another quantity, or that is undone.

    ``change_id`` names its entry of the journal, or begins it. Raises :class:`NotDone` where it cannot be undone, and says why.
    """
    if not reason.strip():
        raise Senseless("A change is undone with a reason.", Way.REASON)

    def prepare() -> Prepared[ChangeUndone]:
        entry = _entry(deployment.store, change_id)
        contract_id = entry.line.contract_id
        if not entry.line.service_id:
            raise NotDone(
                f"{entry.id} is what was done to contract {contract_id} itself, such as its renewal, and changed no units. "
                "Each adjustment on it is a change of its own.",
                Way.SEE_CHANGES,
            )
        decided = _decide(entry, deployment.ports, by, reason)
        shown = replace(_undone(decided, entry, by, reason), estimate=_estimate(decided, deployment.ports))

        def act(ports: Ports) -> ChangeUndone:
            def attempt() -> None:
                fresh = _decide(entry, ports, by, reason)
                records, lines = fresh.records, fresh.lines
                if _undone(fresh, entry, by, reason) != shown:
                    raise NotDone(
                        "What would be undone has changed since it was shown. Nothing was written; look at it again."
                    )
                detail = f"{', '.join(one.change_id for one in shown.sides)}: {shown.change}: {reason}"
                ports.store.commit(
                    *(put_line(line, records.lines[line.service_id].rev) for line in lines),
                    wake_contract(contract_id, ports),
                    put_decision(
                        new_decision_on("undo", records.state.value, entry.line.service_id, by, detail, ports)
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
        raise NotDone(f"{change_id} {why}.", Way.SEE_CHANGES)
    return found[0]


@dataclass(frozen=True, slots=True)
class _Decided:
    """The lines without the change, and what that was decided from."""

    records: ContractRecords
    view: View
    lines: tuple[Line, ...]
    journals: Mapping[LineKey, Sequence[JournalEntry]]

    def effect(self, line: Line) -> Timeline:
        """By how many units the undo alone changes what a line is wanted with, by day."""
        view, after = self.view, {one.key: one for one in self.lines}
        demand, was = view.desired.demands.get(line.key), view.lines.get(line.key)
        with_it = with_end_days(line, {**view.lines, **after}, view.desired).undone
        before = with_end_days(was, view.lines, view.desired).undone if was else ()
        return without_undone(demand, with_it).minus(without_undone(demand, before))


def _decide(entry: JournalEntry, ports: Ports, by: str, reason: str) -> _Decided:
    """The lines without the change, as everything is now. Raises :class:`NotDone`."""
    _is_not_undone(entry, ports)
    try:
        records, view = _seen(entry.line.contract_id, ports)
        journals = _journals(view, ports.store)
        lines = lines_without(entry, journals, view, by=by, reason=reason, undo_id=ports.new_id())
    except NotUndone as error:
        raise _refused(error, entry, ports) from error
    except (RecordUnreadable, TermsUnreadable) as error:
        raise NotDone(str(error)) from error
    except (AutotaskError, NotConfigured, SecretsUnavailable) as error:
        raise not_asked(error, more="Nothing was written.") from error
    return _Decided(records, view, lines, journals)


def _refused(error: NotUndone, entry: JournalEntry, ports: Ports) -> NotDone:
    """Why a change is not undone, and what to do first, or instead."""
    line = entry.line
    if error.first:
        return NotDone(str(error), first=error.first)
    if error.other and error.moved:
        if error.other.contract_id == line.contract_id:
            return NotDone(str(error), Way.SERVICE_BACK, what=error.moved.sku)
        before = line if entry.delta < 0 else error.other
        return _not_moved_back(str(error), line, error.moved.customer_id, before.contract_id, ports)
    if error.other:
        return NotDone(str(error), Way.SEE_CONTRACT, what=error.other.contract_id)
    return NotDone(str(error))


def _not_moved_back(why: str, line: LineKey, customer_id: str, contract_id: int, ports: Ports) -> NotDone:
    """Why half of a move is not undone, and how its seats come back to the contract on which they were before, if they can."""
    before = ports.store.contract(contract_id).state.value.contract
    if before is not None and before.end < ports.today():
        facts = {"contract": line.contract_id, "service": line.service_id}
        return NotDone(why, Way.UNITS_BY_HAND, what=contract_id, facts=facts)
    mapping = ports.store.customer(customer_id).mapping
    routings = mapping.value.routings if mapping else ()
    whole = [one.routes[0] for one in routings if len(one.routes) == 1]
    back = next((route for route in reversed(whole) if route.contract_id == contract_id), None)
    if back is None or len(routings[-1].routes) > 1:  # only a part was moved
        return NotDone(why, Way.CONTRACT_BACK, what=customer_id)
    facts = {"company": back.company_id, "contract": contract_id}
    return NotDone(why, Way.WHOLE_CONTRACT_BACK, what=customer_id, facts=facts)


def _is_not_undone(entry: JournalEntry, ports: Ports) -> None:
    """Raises :class:`NotDone` for what is undone already, with the way that brings it back."""
    records = ports.store.contract(entry.line.contract_id)
    if pending := _pending(entry, records, ports.today()):
        when = ", ".join(f"{one.delta:+d} on {one.day} on service {line.service_id}" for line, one in pending)
        raise NotDone(
            f"{entry.id} is undone already by {pending[0][1].by}: {when} is still to be made.",
            Way.WITHDRAW,
            what=entry.id,
        )
    entries = (
        journalled(ports.store, entry.line.contract_id).journals.get(entry.line.service_id, Journal()).entries
    )
    undone = undone_by(entries)
    last = undone.get(entry.id)
    if last and last not in undone:
        raise NotDone(f"{entry.id} was undone already, by {last}.", Way.BRING_BACK, what=last)


def _pending(entry: JournalEntry, records: ContractRecords, today: date) -> tuple[tuple[Line, Undone], ...]:
    """The undo of a change whose opposite is still to be made, on each of its lines: that of the change first."""
    lines = {id_: stored.value for id_, stored in records.lines.items()}
    own = lines.get(entry.line.service_id)
    for one in own.undone if own else ():
        if one.entry == entry.id and one.is_still_to_be_made(today):
            sides = [(line, each) for line in lines.values() for each in line.undone if each.id == one.id]
            return tuple(sorted(sides, key=lambda side: side[1].entry != entry.id))
    return ()


# -- Withdrawing


def withdraw(
    deployment: Deployment, change_id: str, reason: str, by: str, on_progress: Progress = quiet
) -> Proposal[ChangeUndone]:
    """Take an undo back whose opposite is still to be made: the change stays as it is, with all sides of its plan change.

    Nothing was sent of it, so nothing is adjusted. Raises :class:`NotDone` where there is no such undo, or one of its sides is being made.
    """
    if not reason.strip():
        raise Senseless("An undo is withdrawn with a reason.", Way.REASON)

    def prepare() -> Prepared[ChangeUndone]:
        entry = _entry(deployment.store, change_id)
        shown = _withdrawn(entry, deployment.ports, by, reason)[1]

        def act(ports: Ports) -> ChangeUndone:
            def attempt() -> None:
                records, found = _withdrawn(entry, ports, by, reason)
                lines = [_without_undo(line, one) for line, one in _pending(entry, records, ports.today())]
                detail = f"{', '.join(one.change_id for one in found.sides)}: {found.change}: {reason}"
                ports.store.commit(
                    *(put_line(line, records.lines[line.service_id].rev) for line in lines),
                    wake_contract(found.contract_id, ports),
                    put_decision(
                        new_decision_on(
                            "undo-withdrawn", records.state.value, entry.line.service_id, by, detail, ports
                        )
                    ),
                )

            update(attempt)
            wake(ports.store.contract(shown.contract_id).state.value.customers, ports)
            return shown

        return Prepared(act, money=True)

    return propose(deployment, prepare, on_progress)


def _withdrawn(
    entry: JournalEntry, ports: Ports, by: str, reason: str
) -> tuple[ContractRecords, ChangeUndone]:
    """The undo that is taken back. Raises :class:`NotDone`."""
    records = ports.store.contract(entry.line.contract_id)
    pending = _pending(entry, records, ports.today())
    if not pending:
        raise NotDone(
            f"{entry.id} has no undo that is still to be made. What was made is undone by its own id.",
            Way.SEE_CHANGES,
        )
    for line, one in pending:
        if line.intent is not None or one.opposite:
            raise NotDone(
                f"The opposite on service {line.service_id} is made or under way, so it can no longer be withdrawn. Look again in a quarter of an "
                "hour, and undo it by its own id.",
                Way.SEE_CHANGES,
            )
    sides = tuple(
        UndoneSide(one.entry, line.service_id, one.day, one.delta, one.units, one.instead_of)
        for line, one in pending
    )
    return records, ChangeUndone(entry.line.contract_id, sides, by, reason)


def _without_undo(line: Line, undone: Undone) -> Line:
    """The line as if nobody had undone the change; the approval that came with the undo goes too."""
    approval = next(
        (
            one
            for one in reversed(line.approved)
            if (one.day, one.delta, one.by) == (undone.day, undone.delta, undone.by)
        ),
        None,
    )
    return replace(
        line,
        undone=tuple(one for one in line.undone if one.id != undone.id),
        approved=tuple(one for one in line.approved if one is not approval),
    )


def _seen(contract_id: int, ports: Ports) -> tuple[ContractRecords, View]:
    """What a worker would gather of a contract."""
    records = ports.store.contract(contract_id)
    gathered, contract = read_records(records, ports), ports.autotask().contract(contract_id)
    if contract is not None:
        gathered.schedules[contract_id] = contract.schedule
    return records, view_of(gathered, contract, ports, ports.clock.now())


def _journals(view: View, store: Store) -> Mapping[LineKey, Sequence[JournalEntry]]:
    """The journal of each line of the contract, and of those that plan changes join with them."""
    linked = {key.contract_id for link in view.desired.links for key in (link.down, link.up)}
    return {
        LineKey(contract_id, service_id): journal.entries
        for contract_id in sorted({view.contract_id, *linked})
        for service_id, journal in journalled(store, contract_id).journals.items()
    }


def _undone(decided: _Decided, entry: JournalEntry, by: str, reason: str) -> ChangeUndone:
    newest = [(line, line.undone[-1]) for line in decided.lines]
    sides = tuple(
        UndoneSide(
            one.entry,
            line.service_id,
            one.day,
            one.delta,
            one.units,
            one.instead_of,
            next((day for day in decided.effect(line).days if day > one.day), None),
        )
        for line, one in newest
    )
    moved = entry.day if any(one.day > entry.day for one in sides) else None
    undone = {one.entry for _, one in newest}
    prices = dict.fromkeys(
        (key.service_id, each.price)
        for key, entries in sorted(decided.journals.items(), key=lambda one: one[0])
        for each in entries
        if each.id in undone and each.price and each.price.before
    )
    return ChangeUndone(entry.line.contract_id, sides, by, reason, moved, prices=tuple(prices))


def _estimate(decided: _Decided, ports: Ports) -> Estimate | None:
    """What the undo alone comes to: all that comes next on its lines has more in it, such as what is scheduled."""
    contract = decided.view.contract
    if contract is None:
        return None
    prices, today = _prices(contract.id, ports), decided.view.today
    return total(
        estimated_effect(
            decided.effect(line),
            prices.get(line.contract_service_id or 0),
            contract.end,
            contract.schedule,
            today,
        )
        for line in decided.lines
    )


def _prices(contract_id: int, ports: Ports) -> Mapping[int, Decimal | None]:
    """By contract service. Raises :class:`NotDone`."""
    try:
        return {one.id: one.unit_price for one in ports.autotask().contract_services(contract_id)}
    except AutotaskError as error:
        raise not_asked(error, more="Nothing was written.") from error


def _is_shown(undone: ChangeUndone, preview: Preview) -> None:
    """Raises :class:`NotDone` where workers would not make the opposite, or would make something else of it."""
    contract = next((one for one in preview.contracts if one.contract_id == undone.contract_id), None)
    for side in undone.sides:
        why = _not_made(side, contract)
        if why is not None:
            raise NotDone(f"{side.change} would not be made: {why} Nothing was written.")


def _not_made(side: UndoneSide, contract: ContractPreview | None) -> str | None:
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
