"""Use cases: every mapping as a file, and a file of mappings taken in by one proposal.

A file says of each customer and of each SKU that it names where the units go from its first day on; what held before stays, and who is
not in the file stays as it is. So the same file may be given again: what is there already is not written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import FileRefused, Problem
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.operate.mapping.checks import (
    check_autotask,
    check_customers,
    check_shares,
    check_skus,
    notes,
)
from timus_autotask.operate.mapping.draft import CustomerEdit, Draft, Edit, LineEdit
from timus_autotask.operate.mapping.dropped import (
    Dropped,
    dropped_doubts,
    dropped_of_customer,
    dropped_of_plan,
)
from timus_autotask.operate.mapping.file import Subject, rows_of
from timus_autotask.operate.mapping.late import (
    BillFrom,
    FirstDays,
    Late,
    first_day_of,
    late,
    may_be_late,
    others_billed_later,
)
from timus_autotask.operate.mapping.line_choice import Switch, all_changed
from timus_autotask.operate.mapping.listing import chosen_lines
from timus_autotask.operate.mapping.nowhere import SentNowhere, sent_to_none
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Doubt, Note, Way
from timus_autotask.ports.table import Check, Put
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.update import update
from timus_autotask.sync.merge import WOKEN_AT_ONCE, wake_contract, wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import refresh_plan
from timus_autotask.watch.names import known_names, learn_names

# -- Out


def exported(deployment: Deployment) -> list[dict[str, Any]]:
    """Every mapping as the rows of a file, with the names that are known. Autotask is not asked."""
    store = deployment.store
    customers = sorted(store.mappings(), key=lambda one: one.customer_id)
    plans = [stored.value for _, stored in sorted(store.partner().plans.items())]
    return rows_of(customers, plans, known_names(store), chosen_lines(deployment))


@dataclass(frozen=True, slots=True)
class ChangedMapping:
    """A customer or a SKU that a file changes."""

    subject: Subject
    rows: tuple[int, ...]
    detail: str
    """What is chosen, for people."""
    name: str = ""
    """The customer's; empty: nobody has given one."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file of mappings changes."""

    file: str
    changed: tuple[ChangedMapping, ...]
    unchanged: int
    """Customers and SKUs that are mapped like this already."""
    problems: tuple[Problem, ...] = ()
    """Why rows are left out, with every row of the same customer or SKU."""
    left_out: tuple[Subject, ...] = ()
    late: tuple[Late, ...] = ()
    """Customers who had seats before, with what each choice comes to."""

    @property
    def customers(self) -> tuple[str, ...]:
        """Those that are changed."""
        return tuple(one.subject[1] for one in self.changed if one.subject[0] == "customer")

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "file": self.file,
            "changed": [
                {
                    one.subject[0]: one.subject[1],
                    "name": one.name or None,
                    "rows": [*one.rows],
                    "what": one.detail,
                }
                for one in self.changed
            ],
            "unchanged": self.unchanged,
            "left_out": [{kind: id_} for kind, id_ in self.left_out],
            "problems": [problem_form(one) for one in self.problems],
            "late": [one.to_json() for one in self.late],
        }


class SomeRowsRefused(FileRefused):
    """Some rows are wrong, and the others could be taken in without them (``partial``)."""


def problem_form(problem: Problem) -> dict[str, Any]:
    """A problem of a file, for programs."""
    return {
        "row": problem.row,
        "column": problem.column,
        "value": problem.value
        if problem.value is None or type(problem.value) in (str, int)
        else str(problem.value),
        "message": problem.message,
    }


def refused_form(file: str, refused: FileRefused) -> dict[str, Any]:
    """A file of which nothing was written, for programs."""
    return {"file": file, "written": False, "problems": [problem_form(one) for one in refused.problems]}


def import_mappings(
    deployment: Deployment,
    file: str,
    data: bytes,
    by: str,
    *,
    share: bool = False,
    bill_from: BillFrom | None = None,
    partial: bool = False,
    unchecked: bool = False,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[Imported]:
    """Take in a file of mappings: one proposal, with one preview, for all of it.

    ``share``: every contract may be shared. ``bill_from``: what holds for late customers whose rows do not say it. ``partial``: without the
    customers and SKUs of which a row is wrong. ``unchecked``: without asking Autotask. ``unknown``: also SKUs that nobody knows, and
    customers whose ids look like known ones. Raises :class:`FileRefused` with every problem.
    """

    def prepare() -> Prepared[Imported]:
        catalogue = None if unchecked else Catalogue(deployment, Way.UNASKED)
        draft = Draft(deployment, data, by, bill_from, catalogue)
        if not unknown:
            check_skus(draft, catalogue)
            check_customers(draft)
        if not share:
            check_shares(draft)
        known = check_autotask(draft, catalogue) if catalogue else None
        draft.leave_out()
        problems = sorted(draft.problems, key=lambda one: one.row or 0)
        if partial and draft.nobodys:
            rows = ", ".join(map(str, draft.nobodys))
            problems.append(
                Problem(
                    f"whose row {rows} is cannot be said, so no customer is sure to be whole, and nothing is taken in, not even in part"
                )
            )
        if problems and (not partial or draft.nobodys or not draft.edits):
            helps = draft.edits and not draft.nobodys
            raise SomeRowsRefused(*problems) if helps else FileRefused(*problems)
        lately = () if unchecked else _late(draft, file, by, on_progress)
        _choose_days(draft, lately, unchecked=unchecked)
        result = _imported(file, draft, lately)

        def act(ports: Ports) -> Imported:
            for part in draft.parts():
                update(lambda part=part: _write(part, file, by, ports))  # type: ignore[misc]
            learn_names(ports, known.contracts if known else ())
            # What is not woken here, should this be interrupted, is woken by the sweep: contracts and plans are due.
            woken = [customer for edit in draft.plans for customer in refresh_plan(edit.sku, ports)]
            wake([*result.customers, *woken], ports)
            return result

        nowhere = [*_sent_to_none(draft)]
        said: tuple[Note | str, ...] = (*notes(draft), *(note for one in nowhere for note in one.notes))
        doubts = (
            *map(Doubt, known.doubts if known else ()),
            *_billed_later(draft),
            *dropped_doubts(deployment, [*_dropped(draft)]),
            *(doubt for one in nowhere for doubt in one.doubts),
        )
        return Prepared(act, said, doubts, unchecked, moves=True)

    return propose(deployment, prepare, on_progress)


def _late(draft: Draft, file: str, by: str, on_progress: Progress) -> tuple[Late, ...]:
    """Customers who had seats before they are mapped, with what each choice comes to."""
    today = draft.deployment.today
    first = {edit.customer: edit.bill_from for edit in draft.customers if edit.first}
    records = [draft.records[id_] for id_ in first if may_be_late(draft.records[id_], today)]

    def act(ports: Ports, days: FirstDays) -> None:
        for part in draft.parts(days):
            _write(part, file, by, ports)
        for edit in draft.plans:
            refresh_plan(edit.sku, ports)

    found = late(draft.deployment, records, act, on_progress).values()
    return tuple(one.with_choice(first[one.customer]) for one in found)


def _choose_days(draft: Draft, lately: Sequence[Late], *, unchecked: bool) -> None:
    """Let each first mapping hold from the day that was chosen for it."""
    by_customer = {one.customer: one for one in lately}
    for edit in draft.customers:
        if edit.first:
            lately_one = by_customer.get(edit.customer)
            day = first_day_of(edit.bill_from, lately_one, draft.deployment.today, unchecked=unchecked)
            chosen = lately_one.chosen if lately_one else edit.bill_from
            draft.edits["customer", edit.customer] = replace(edit.billed_from(day), bill_from=chosen)


def _billed_later(draft: Draft) -> Iterator[Doubt]:
    """Contracts that are shared with somebody whom they bill from a later day on only."""
    for edit in draft.customers:
        known = draft.mapping(edit.customer).contract_ids
        new = {(route.contract_id, one.first_day) for one in edit.routings for route in one.routes}
        for contract_id, since in sorted(new, key=str):
            if contract_id not in known:
                records = draft.records[edit.customer]
                yield from others_billed_later(draft.deployment, records, contract_id, since)


def _dropped(draft: Draft) -> Iterator[Dropped]:
    """Choices of days to come that the file does not have."""
    today = draft.deployment.today
    for plan in draft.plans:
        known = draft.plan(plan.sku)
        yield from dropped_of_plan(known, plan.applied(known), today)
    for edit in draft.customers:
        mapping = draft.mapping(edit.customer)
        yield from dropped_of_customer(mapping, edit.applied(mapping), today)


def _sent_to_none(draft: Draft) -> Iterator[SentNowhere]:
    """Units that a customer's rows would send to no contract."""
    for edit in draft.customers:
        if edit.routings:
            after = edit.applied(draft.mapping(edit.customer))
            records = draft.records[edit.customer]
            yield sent_to_none(draft.deployment, lambda: draft.partner, records, after, chosen=edit.first)


def _imported(file: str, draft: Draft, lately: tuple[Late, ...]) -> Imported:
    return Imported(
        file,
        tuple(
            ChangedMapping(
                subject,
                tuple(entry.row for entry in draft.entries[subject]),
                edit.detail,
                draft.name(subject),
            )
            for subject, edit in draft.edits.items()
        ),
        draft.unchanged,
        tuple(sorted(draft.problems, key=lambda one: one.row or 0)),
        tuple(sorted(draft.spoiled)),
        lately,
    )


def _write(edits: Sequence[Edit], file: str, by: str, ports: Ports) -> None:
    """Write some customers and SKUs whole, with what wakes their contracts; what is there already is not written again."""
    writes: list[Put | Check] = []
    woken: dict[int, list[str]] = {}
    choices: dict[int, list[Switch]] = {}
    for edit in edits:
        put, contracts = edit.writes(ports)
        if put is None:
            continue
        if isinstance(edit, LineEdit):
            choices.setdefault(edit.switch.contract_id, []).append(edit.switch)
        customers = (edit.customer,) if isinstance(edit, CustomerEdit) else ()
        if len(contracts) > WOKEN_AT_ONCE and isinstance(edit, CustomerEdit):
            writes += wake_contracts(edit.customer, contracts, ports)
            contracts = ()
        for contract_id in contracts:
            woken.setdefault(contract_id, []).extend(customers)
        decision = new_decision("map import", customers, by, f"{edit.detail} ({file})", ports)
        writes += [put, put_decision(decision)]
    for contract_id, customers_there in woken.items():
        change = partial(all_changed, choices.get(contract_id, ()))
        writes.append(wake_contract(contract_id, ports, customers_there, change=change))
    if writes:
        ports.store.commit(*writes)
