"""What a file of mappings changes: of each customer and each SKU that it names, with every first day decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.line import Line
from timus_autotask.domain.mapping import (
    Alias,
    CustomerMapping,
    Ignored,
    PlanMapping,
    Route,
    Routing,
    ServiceChoice,
    differ_from,
    in_force,
    replaced_from,
)
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import Problem
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.operate.mapping.choose import of_another, route_words, routes_to
from timus_autotask.operate.mapping.file import MappingRow, Subject, What, understood
from timus_autotask.operate.mapping.first_day import FirstDay, holds_from
from timus_autotask.operate.mapping.late import BillFrom, FirstDays
from timus_autotask.operate.mapping.line_choice import Switch, switched, units_of, was_billed
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.ports.table import MOST_WRITES, Check, Put
from timus_autotask.store.contracts import ContractRecords
from timus_autotask.store.customers import CustomerRecords, put_mapping
from timus_autotask.store.partner import Waking, put_plan
from timus_autotask.store.reading import Stored
from timus_autotask.sync.merge import WOKEN_AT_ONCE
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.names import name_of

MOST_CONTRACTS = 45
"""Contracts of one customer: its mapping is written with all of them, and with those that it leaves, in one transaction."""


@dataclass(frozen=True, slots=True)
class CustomerEdit:
    """What a file says of a customer, with every first day decided."""

    customer: str
    routings: tuple[Routing, ...] = ()
    """In order of first day; empty: it says nothing of contracts."""
    services: Mapping[str, tuple[ServiceChoice, ...]] = field(default_factory=dict)
    company_id: int | None = None
    name: str = ""
    """Kept where Timus has reported none."""
    ignored: Ignored | None = None
    """Nothing is billed of this customer, who has no contract; None: not so, if there is a company or a contract."""
    bill_from: BillFrom | None = None
    """Of a first mapping: from which day, if the file says so."""
    first: bool = False
    """Whether it is a first mapping that says no first day."""
    aliases: tuple[Alias, ...] = ()
    """Names that were doubted, and are right if it is written."""

    def billed_from(self, day: date | None) -> CustomerEdit:
        """The same with another first day."""
        return replace(self, routings=(replace(self.routings[0], first_day=day), *self.routings[1:]))

    def applied(self, known: CustomerMapping) -> CustomerMapping:
        """The mapping after it."""
        services = {
            sku: replaced_from(known.services.get(sku, ()), choices) for sku, choices in self.services.items()
        }
        return replace(
            known,
            routings=replaced_from(known.routings, self.routings) if self.routings else known.routings,
            services={**known.services, **services},
            company_id=self.company_id or known.company_id,
            customer_name=self.name or known.customer_name,
            ignored=self.ignored or (None if self.routings or self.company_id else known.ignored),
        ).also_called(self.aliases)

    @property
    def detail(self) -> str:
        """What is chosen, for people."""
        said = [f"not billed: {self.ignored.reason}"] if self.ignored else []
        said += [f"company {self.company_id}"] if self.company_id else []
        said += [route_words(route, one.first_day) for one in self.routings for route in one.routes]
        said += [_service_words(sku, choice) for sku, of in self.services.items() for choice in of]
        said += [f"billed from {self.bill_from.label}"] if self.first and self.bill_from else []
        return "; ".join(said) or f"the name {self.name}"

    def writes(self, ports: Ports) -> tuple[Put | None, Collection[int]]:
        """What stores it now (None: it is there already), and the contracts that it concerns."""
        found = ports.store.customer(self.customer).mapping or Stored(CustomerMapping(self.customer, ()))
        after = self.applied(found.value)
        # Also those that it leaves.
        contracts = {*found.value.contract_ids, *after.contract_ids}
        return (None if after == found.value else put_mapping(after, found.rev)), contracts


@dataclass(frozen=True, slots=True)
class PlanEdit:
    """What a file says of a SKU, for everybody."""

    sku: str
    choices: tuple[ServiceChoice, ...] = ()
    matched: bool = False
    family: str | None = None
    ignored: Ignored | None = None

    def applied(self, known: PlanMapping) -> PlanMapping:
        """The plan after it."""
        choices = replaced_from(known.choices, self.choices) if self.choices else known.choices
        if self.ignored:  # looked for by its SKU again once it is taken back
            choices = ()
        return replace(
            known,
            choices=choices,
            matched=known.matched if choices == known.choices else self.matched,
            candidates=() if choices or self.ignored else known.candidates,
            ignored=self.ignored or (None if self.choices else known.ignored),
            family=known.family if self.family is None else self.family,
        )

    @property
    def detail(self) -> str:
        """What is chosen, for people."""
        said = [f"not billed: {self.ignored.reason}"] if self.ignored else []
        said += [_service_words(self.sku, choice) for choice in self.choices]
        if self.family is not None:
            said.append(f"{self.sku} in family {self.family}" if self.family else f"{self.sku} is an add-on")
        return "; ".join(said)

    def writes(self, ports: Ports) -> tuple[Put | None, Collection[int]]:
        """What stores it now (None: it is there already); due, so that the sweep wakes the contracts if nobody else does."""
        found = ports.store.partner().plan(self.sku)
        after, due_at = self.applied(found.value), ports.clock.now().replace(microsecond=0)
        # A family concerns the customers also while the SKU has no service.
        waking = None if self.family is None else Waking()
        return (None if after == found.value else put_plan(after, found.rev, due_at, waking)), ()


@dataclass(frozen=True, slots=True)
class LineEdit:
    """What a file says of a service that is on a contract more than once."""

    switch: Switch

    @property
    def detail(self) -> str:
        """What is chosen, for people."""
        return self.switch.detail

    def writes(self, ports: Ports) -> tuple[Put | Check | None, Collection[int]]:
        """What is written of the line's record, or checked; and the contract, in whose own record the choice is."""
        return self.switch.write(ports), (self.switch.contract_id,)


Edit = CustomerEdit | PlanEdit | LineEdit


def _service_words(sku: str, choice: ServiceChoice) -> str:
    return f"{sku} with service {choice.service_id} from {choice.first_day or 'the beginning'}"


class Wrong(Exception):
    """A row that cannot be followed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class Draft:
    """A file against the records: what it changes, and what is wrong with it so far."""

    def __init__(
        self,
        deployment: Deployment,
        data: bytes,
        by: str,
        bill_from: BillFrom | None = None,
        catalogue: Catalogue | None = None,
    ) -> None:
        """``by`` is who asks, ``bill_from`` what holds for rows that do not say it, ``catalogue`` None: Autotask is not asked.

        Raises :class:`FileRefused` for a file that cannot be read.
        """
        self.deployment = deployment
        self._catalogue = catalogue
        self._by = by
        self._bill_from = bill_from
        found = understood(data)
        self.problems, self.spoiled, self.nobodys = [*found.problems], {*found.spoiled}, found.nobodys
        self.entries: dict[Subject, list[MappingRow]] = {}
        for entry in found.entries:
            self.entries.setdefault(entry.subject, []).append(entry)
        customers = [id_ for kind, id_ in self.entries if kind == "customer"]
        read = deployment.each(deployment.store.customer, customers)
        self.records: dict[str, CustomerRecords] = dict(zip(customers, read, strict=True))
        self.partner = deployment.store.partner()
        self.edits: dict[Subject, Edit] = {}
        self.unchanged = 0
        """Customers and SKUs that are mapped like this already."""
        for subject in self.entries:
            if subject not in self.spoiled:
                self._take(subject)

    def report(self, entry: MappingRow, column: str, clause: str, *ways: Way) -> None:
        """Note what is wrong with a row, and what would help."""
        self.problems.append(entry.wrong(column, clause, *ways))
        self.spoiled.add(entry.subject)

    def leave_out(self) -> None:
        """Change nothing of whom a row is wrong."""
        self.edits = {subject: edit for subject, edit in self.edits.items() if subject not in self.spoiled}

    def changing(self) -> list[MappingRow]:
        """The rows of everything that is changed."""
        return [entry for subject in self.edits for entry in self.entries[subject]]

    def new_routes(self) -> list[MappingRow]:
        """The rows that send units, today or later, to a contract on which the customer is not yet."""
        today, found = self.deployment.today, []
        for edit in self.customers:
            known = self.mapping(edit.customer)
            after = edit.applied(known)
            for entry in self.entries["customer", edit.customer]:
                contract_id = entry.values["contract_id"]
                goes = contract_id is not None and routes_to(after.routings, contract_id, today)
                if goes and not routes_to(known.routings, contract_id, today):
                    found.append(entry)
        return found

    def after(self, edit: CustomerEdit) -> CustomerMapping:
        """A customer's mapping after it. Where a first mapping holds from an open day, that is not known yet: as if from the beginning."""
        today = self.deployment.today
        dated = edit.billed_from(today) if edit.first and edit.bill_from is BillFrom.TODAY else edit
        return dated.applied(self.mapping(edit.customer))

    def name(self, subject: Subject) -> str:
        """What a customer is called by Timus, else in the file; empty: nobody has given one, or it is a SKU."""
        kind, id_ = subject
        if kind != "customer":
            return ""
        names = (entry.values["customer_name"] for entry in self.entries[subject])
        return name_of(self.records[id_]) or next((name for name in names if name), "")

    def mapping(self, customer: str) -> CustomerMapping:
        """A customer's mapping as it is."""
        return self.records[customer].known_mapping

    @property
    def customers(self) -> list[CustomerEdit]:
        """The customers that are changed."""
        return [edit for edit in self.edits.values() if isinstance(edit, CustomerEdit)]

    @property
    def plans(self) -> list[PlanEdit]:
        """The SKUs that are changed."""
        return [edit for edit in self.edits.values() if isinstance(edit, PlanEdit)]

    def parts(self, first_days: FirstDays | None = None) -> Iterator[list[Edit]]:
        """The transactions that write it, in order; mostly it is one.

        The SKUs come first, with the customers who have services of their own, so that no worker between two transactions sees the one
        without the other.
        """
        own = sorted(self.customers, key=lambda edit: (not edit.services, edit.customer))
        part: list[Edit] = []
        room = MOST_WRITES
        days = first_days or {}
        dated = [one.billed_from(days[one.customer]) if one.customer in days else one for one in own]
        lines = [edit for edit in self.edits.values() if isinstance(edit, LineEdit)]
        every: list[Edit] = [*self.plans, *lines, *dated]
        for edit in every:
            size = 3 if isinstance(edit, LineEdit) else 2
            if isinstance(edit, CustomerEdit):
                known = self.mapping(edit.customer)
                concerned = len({*known.contract_ids, *edit.applied(known).contract_ids})
                size += concerned if concerned <= WOKEN_AT_ONCE else 1  # noted
            if size > room:
                yield part
                part, room = [], MOST_WRITES
            part.append(edit)
            room -= size
        if part:
            yield part

    def _take(self, subject: Subject) -> None:
        """Decide what the rows of a customer or a SKU change."""
        kind, id_ = subject
        try:
            edit = self._edit(kind, id_, self.entries[subject])
        except Wrong as wrong:
            self.problems.append(wrong.problem)
            self.spoiled.add(subject)
            return
        if edit is None:
            self.unchanged += 1
        else:
            self.edits[subject] = edit

    def _edit(self, kind: str, id_: str, entries: Sequence[MappingRow]) -> Edit | None:
        if kind == "line":
            return self._line(entries[0])
        return self._customer(id_, entries) if kind == "customer" else self._sku(id_, entries)

    # -- A service that is on a contract more than once

    def _line(self, entry: MappingRow) -> Edit | None:
        contract_id, service_id = entry.values["contract_id"], entry.values["service_id"]
        chosen, given = entry.values["contract_service_id"], entry.first_day
        records = self.deployment.store.contract(contract_id)
        known = records.state.value.chosen.get(service_id)
        if (
            known
            and known.contract_service_id == chosen
            and (given.follows or given.given == known.first_day)
        ):
            return None
        try:
            switch = self._switch(entry, records)
        except NotDone as refused:
            why = str(refused).removesuffix(" Nothing was written.")
            ways = [way for way in refused.ways if way in _FOR_A_FILE]
            raise Wrong(entry.wrong("contract_service_id", f"cannot be chosen. {why}", *ways)) from refused
        choice = switch.choice
        if choice is None or given.follows or given.given == choice.first_day:
            return LineEdit(switch)
        if was_billed(records, service_id) or known:
            why = f"cannot be: the contract service is billed from {choice.first_day or 'always'}"
            raise Wrong(entry.wrong("first_day", why))
        return LineEdit(replace(switch, choice=replace(choice, first_day=given.given)))

    def _switch(self, entry: MappingRow, records: ContractRecords) -> Switch:
        """The choice with the day that its units allow. Raises :class:`NotDone`."""
        service_id, chosen = entry.values["service_id"], entry.values["contract_service_id"]
        units: Mapping[int, Timeline] = {}
        end = date.max
        if was_billed(records, service_id):
            contract = self._contract(entry)
            units, end = units_of(self.deployment, contract, service_id), contract.end
        return switched(records, service_id, chosen, units, end, self.deployment.today)

    def _contract(self, entry: MappingRow) -> Contract:
        """The contract, where it has to be looked at what is billed there."""
        contract_id = entry.values["contract_id"]
        if self._catalogue is None:
            raise NotDone("Units are billed there already, so Autotask has to be asked.", Way.ASK_AUTOTASK)
        found = self._catalogue.contracts([contract_id]).get(contract_id)
        if found is None:
            raise NotDone(f"Autotask has no contract {contract_id}, or the API user may not see it.")
        return found

    # -- A customer

    def _customer(self, customer: str, entries: Sequence[MappingRow]) -> Edit | None:
        known = self.mapping(customer)
        contracts = [entry for entry in entries if entry.what is What.CONTRACT]
        routings = self._routings(customer, contracts)
        said = self._said(contracts)
        first = bool(routings) and not known.routings and self._holds_always_until_later(routings, contracts)
        if said and not first and replaced_from(known.routings, routings) != known.routings:
            why = "is for the first mapping of a customer; first_day says from when a move holds"
            raise Wrong(contracts[0].wrong("bill_from", why))
        edit = CustomerEdit(
            customer,
            routings,
            {sku: self._own_choices(customer, sku, of) for sku, of in _own_services(entries).items()},
            self._company(known, entries),
            self._new_name(customer, entries),
            self._ignored(entries, known.ignored, known.routings, name_of(self.records[customer])),
            said or self._bill_from,
            first,
        )
        return None if edit.applied(known) == known else edit

    def _company(self, known: CustomerMapping, entries: Sequence[MappingRow]) -> int | None:
        """Whose a customer without a contract is. Of one who has a contract, its company is known by that. Raises :class:`Wrong`."""
        entry = next((one for one in entries if one.what is What.COMPANY), None)
        if entry is None:
            return None
        company: int = entry.values["company_id"]
        if not known.routings or any(one.what is What.CONTRACT for one in entries):
            return company
        if company in {*known.companies, known.company_id}:
            return None
        there = ", ".join(map(str, known.contract_ids))
        why = f"changes nothing: the customer is mapped to contract {there} already. Another company needs a contract of its own, in contract_id"
        raise Wrong(entry.wrong("company_id", why))

    def _said(self, contracts: Sequence[MappingRow]) -> BillFrom | None:
        """From which day a customer is billed, if its rows say so."""
        said = {entry.values["bill_from"]: entry for entry in contracts if entry.values["bill_from"]}
        if len(said) > 1:
            other = [*said.values()][-1]
            raise Wrong(other.wrong("bill_from", "is another one than in the customer's other rows"))
        return BillFrom(next(iter(said))) if said else None

    def _holds_always_until_later(self, routings: Sequence[Routing], contracts: Sequence[MappingRow]) -> bool:
        """Whether nobody has said a first day for what holds today, so that it may be chosen."""
        later = all(one.first_day and one.first_day > self.deployment.today for one in routings[1:])
        return routings[0].first_day is None and later and any(one.first_day.follows for one in contracts)

    def _new_name(self, customer: str, entries: Sequence[MappingRow]) -> str:
        """The name in the file, unless Timus has reported one."""
        if any(one.value.customer_name for one in self.records[customer].subscriptions.values()):
            return ""
        return next((entry.values["customer_name"] for entry in entries if entry.values["customer_name"]), "")

    def _routings(self, customer: str, entries: Sequence[MappingRow]) -> tuple[Routing, ...]:
        """The routings of a customer, each first day decided; empty: nothing new."""
        known = self.mapping(customer).routings
        present = in_force(known, self.deployment.today)
        dated, following = _by_day(entries)
        found = {day: tuple(entry.route for entry in of) for day, of in dated.items()}
        routes = tuple(entry.route for entry in following)
        if routes and (present is None or _by_sku(present.routes) != _by_sku(routes)):
            day = self._follows(customer, routes, present)
            _free(day, dated, following)
            found[day] = routes
        routings = tuple(Routing(found[day], day) for day in _in_order(found))
        if len({route.contract_id for one in routings for route in one.routes}) > MOST_CONTRACTS:
            raise Wrong(
                entries[0].wrong(
                    "contract_id", f"is one of more than {MOST_CONTRACTS} contracts of one customer"
                )
            )
        if routings and known:
            self._may_move(customer, entries[0], known, routings)
        return routings

    def _may_move(
        self, customer: str, entry: MappingRow, known: Sequence[Routing], routings: Sequence[Routing]
    ) -> None:
        """Raises :class:`Wrong` where units would leave a line before they may."""
        after = replaced_from(known, routings)
        day = differ_from(known, after)
        now = in_force(after, day or date.min)
        left = self._leaving(customer, now.routes if now else ())
        self._may_leave(entry, day, left, [self.records[customer]])

    def _follows(self, customer: str, routes: Sequence[Route], present: Routing | None) -> date | None:
        """From when a choice without a first day holds: today where units are billed by the present one, else as long as that one."""
        if present is None:
            return None
        here = {route.contract_id for route in present.routes}
        return holds_from(
            self.deployment,
            FirstDay(),
            self._leaving(customer, routes),
            [self.records[customer]],
            present.first_day,
            lambda line: line.contract_id in here,
        )

    def _leaving(self, customer: str, routes: Sequence[Route]) -> list[Source]:
        """The lines that a customer's units would leave for these routes."""
        after = CustomerMapping(customer, (Routing(tuple(routes)),))

        def stays(line: Line, sku: str) -> bool:
            there = after.routes(sku, self.deployment.today)
            return any(route.contract_id == line.contract_id for route in there)

        return [one for one in self._lines_of(customer) if not stays(one[0], one[2])]

    def _lines_of(self, customer: str) -> list[Source]:
        """Every line of a customer, with the SKUs that it has there."""
        store = self.deployment.store
        return [
            (stored.value, customer, sku)
            for contract_id in self.mapping(customer).contract_ids
            if not of_another((records := store.contract(contract_id)).state.value, self.mapping(customer))
            for stored in records.lines.values()
            for source, sku in stored.value.sources
            if source == customer
        ]

    def _own_choices(
        self, customer: str, sku: str, entries: Sequence[MappingRow]
    ) -> tuple[ServiceChoice, ...]:
        """A customer's own services for a SKU."""
        known = self.mapping(customer).services.get(sku, ())
        everybodys = in_force(self.plan(sku).choices, self.deployment.today)
        lines = [one for one in self._lines_of(customer) if one[2] == sku]
        return self._choices(entries, known, everybodys, lines)

    def _ignored(
        self, entries: Sequence[MappingRow], known: Ignored | None, mapped: Sequence[object], name: str
    ) -> Ignored | None:
        """Why nothing is billed; with who said so and when, as the file has it, else as it is known, else as of now."""
        entry = next((one for one in entries if one.what is What.IGNORED), None)
        if entry is None:
            return None
        if mapped or any(one.what in (What.CONTRACT, What.PLAN) for one in entries):
            raise Wrong(entry.wrong("ignored", "is only for what has no contract and no service"))
        of = entry.values
        if known and known.reason == of["ignored"] and not (of["ignored_by"] or of["ignored_at"]):
            return known
        at = of["ignored_at"] or self.deployment.clock.now().replace(microsecond=0)
        return Ignored(of["ignored"], of["ignored_by"] or self._by, at, of["customer_name"] or name)

    # -- A SKU

    def plan(self, sku: str) -> PlanMapping:
        """A SKU's mapping as it is."""
        return self.partner.plan(sku).value

    def _sku(self, sku: str, entries: Sequence[MappingRow]) -> Edit | None:
        families = {entry.family for entry in entries} - {None}
        if len(families) > 1:
            raise Wrong(entries[-1].wrong("family", "is another one than in the SKU's other rows"))
        known = self.plan(sku)
        choosing = [entry for entry in entries if entry.values["service_id"]]
        lines = [one for one in self._all_lines if one[2] == sku]
        edit = PlanEdit(
            sku,
            self._choices(choosing, known.choices, None, lines),
            all(entry.values["matched"] == "yes" for entry in choosing),
            next(iter(families), None),
            self._ignored(entries, known.ignored, lines if known.choices else (), ""),
        )
        return None if edit.applied(known) == known else edit

    @cached_property
    def _all_lines(self) -> list[Source]:
        return [(line, *source) for line in self.deployment.store.lines() for source in line.sources]

    def _choices(
        self,
        entries: Sequence[MappingRow],
        known: Sequence[ServiceChoice],
        otherwise: ServiceChoice | None,
        lines: Sequence[Source],
    ) -> tuple[ServiceChoice, ...]:
        """Services with every first day decided. ``otherwise`` is what bills where ``known`` has nothing."""
        present = in_force(known, self.deployment.today)
        dated, following = _by_day(entries)
        found = {day: of[0].values["service_id"] for day, of in dated.items()}
        if following and (present is None or present.service_id != following[0].values["service_id"]):
            service, billing = following[0].values["service_id"], present or otherwise
            left = _not_with(service, lines)
            day = holds_from(
                self.deployment,
                FirstDay(),
                left,
                self._whose(left),
                billing.first_day if billing else None,
                lambda line: billing is not None and line.service_id == billing.service_id,
            )
            _free(day, dated, following)
            found[day] = service
        choices = tuple(ServiceChoice(found[day], day) for day in _in_order(found))
        if choices:
            after = replaced_from(known, choices)
            day = differ_from(known, after)
            now = in_force(after, day or date.min)
            left = _not_with(now.service_id, lines) if now else []
            self._may_leave(entries[0], day, left, self._whose(left))
        return choices

    def _whose(self, lines: Sequence[Source]) -> list[CustomerRecords]:
        customers = sorted({customer for _, customer, _ in lines})
        return [*self.deployment.each(self.deployment.store.customer, customers)]

    def _may_leave(
        self,
        entry: MappingRow,
        day: date | None,
        left: Sequence[Source],
        customers: Iterable[CustomerRecords],
    ) -> None:
        """Units cannot leave a line before the day on which they came to it. Raises :class:`Wrong`. ``day`` None: nothing changes."""
        if day is None:
            return
        given = FirstDay(None if day == date.min else day, follows=False)
        try:
            holds_from(self.deployment, given, left, customers, None, lambda _line: True)
        except NotDone as refused:
            why = str(refused).removesuffix(" Nothing was written.")
            raise Wrong(entry.wrong("first_day", f"is too early. {why}")) from refused


_FOR_A_FILE = (Way.ASK_AUTOTASK, Way.SET_CREDENTIALS, Way.SEE_HEALTH, Way.PAUSE_FIRST)
"""Of the ways of one choice, those that help with a row of a file too."""

Source = tuple[Line, str, str]
"""A line with a customer and a SKU that it bills."""


def _own_services(entries: Iterable[MappingRow]) -> dict[str, list[MappingRow]]:
    """The rows with a customer's own service, by SKU."""
    own: dict[str, list[MappingRow]] = {}
    for entry in entries:
        if entry.what is What.OWN_SERVICE:
            own.setdefault(entry.values["sku"], []).append(entry)
    return own


def _by_day(entries: Iterable[MappingRow]) -> tuple[dict[date | None, list[MappingRow]], list[MappingRow]]:
    """The rows by their first day (None: always), and those that have none."""
    dated: dict[date | None, list[MappingRow]] = {}
    following: list[MappingRow] = []
    for entry in entries:
        of = following if entry.first_day.follows else dated.setdefault(entry.first_day.given, [])
        of.append(entry)
    return dated, following


def _free(
    day: date | None, dated: Mapping[date | None, Sequence[MappingRow]], following: Sequence[MappingRow]
) -> None:
    """Raise :class:`Wrong` where rows without a first day would hold from the same day as others."""
    if day in dated:
        clause = (
            f"is missing: without it the row holds from {day or 'always'}, as row {dated[day][0].row} does"
        )
        raise Wrong(following[0].wrong("first_day", clause))


def _in_order(days: Iterable[date | None]) -> list[date | None]:
    return sorted(days, key=lambda day: day or date.min)


def _by_sku(routes: Iterable[Route]) -> dict[str | None, list[Route]]:
    """The routes of each SKU in the order in which they are filled."""
    found: dict[str | None, list[Route]] = {}
    for route in routes:
        found.setdefault(route.sku, []).append(route)
    return found


def _not_with(service_id: int, lines: Iterable[Source]) -> list[Source]:
    return [one for one in lines if one[0].service_id != service_id]
