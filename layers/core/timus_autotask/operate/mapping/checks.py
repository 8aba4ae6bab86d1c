"""What speaks against a file of mappings: names that nobody knows, contracts that are somebody else's, and what Autotask says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from timus_autotask.domain.contract import Contract
from timus_autotask.domain.mapping import Alias, CustomerMapping, days_on
from timus_autotask.domain.names import same_company
from timus_autotask.domain.timeline import Timeline
from timus_autotask.operate.mapping.catalogue import Catalogue, conflicts, in_other_currency
from timus_autotask.operate.mapping.choose import named_if_there, new_days, others_on
from timus_autotask.operate.mapping.draft import CustomerEdit, Draft
from timus_autotask.operate.mapping.file import MappingRow, What
from timus_autotask.operate.mapping.known import (
    customers_here,
    did_you_mean,
    is_known,
    is_reported,
    skus_here,
    slips,
)
from timus_autotask.operate.refusal import Way
from timus_autotask.ports.psa import Company, Service
from timus_autotask.watch.names import NamesRead, alias_of, mapping_of, name_of
from timus_autotask.watch.wording import some

OFFERED = 3
"""How many are offered in place of what cannot be used."""
OTHER_CURRENCY = "is in another currency than the company's other contracts"


def check_skus(draft: Draft, catalogue: Catalogue | None) -> None:
    """A SKU that nobody knows is a slip of the pen more often than something new. ``catalogue`` None: Autotask is not asked."""
    naming = [entry for entry in draft.changing() if entry.values["sku"]]
    here = skus_here(draft.deployment) if naming else set()
    strange = [entry for entry in naming if entry.values["sku"] not in here]
    if strange and catalogue:
        here |= {service.sku for service in catalogue.active_services() if service.sku}
    for entry in strange:
        if entry.values["sku"] not in here:
            near = did_you_mean(entry.values["sku"], here)
            why = "is not known: Timus has not reported it, and no service in Autotask carries it"
            draft.report(entry, "sku", f"{why}{near}", Way.STILL_TO_COME)


def check_customers(draft: Draft) -> None:
    """A customer whom nobody knows may be mapped ahead; not under an id that is a known one's but for a slip of the pen."""
    strange = [entry for entry in draft.changing() if _is_strange(entry, draft)]
    here = customers_here(draft.deployment) if strange else set()
    for entry in strange:
        if meant := slips(entry.subject[1], here):
            clause = f"is not known: Timus has not reported it; did you mean {' or '.join(meant)}?"
            draft.report(entry, "customer_id", clause, Way.STILL_TO_COME)


def _is_strange(entry: MappingRow, draft: Draft) -> bool:
    return entry.subject[0] == "customer" and not is_known(draft.records[entry.subject[1]])


def check_shares(draft: Draft) -> None:
    """Two customers are on one contract on the same days only where every row that brings one there says so."""
    after = {edit.customer: draft.after(edit) for edit in draft.customers}
    for customer, mapping in after.items():
        for entry in draft.entries["customer", customer]:
            contract_id = entry.values["contract_id"]
            if contract_id is None or entry.shares:
                continue
            comes = new_days(draft.mapping(customer), mapping, contract_id)
            others = _others(draft, after, customer, contract_id, comes)
            if others:
                clause = (
                    f"is the contract of {', '.join(others)} as well; if {customer} is to be billed on it too, write yes into share; "
                    "if only from a day on, write it into first_day"
                )
                draft.report(entry, "contract_id", clause, Way.SHARE_ALL)


def _others(
    draft: Draft, after: Mapping[str, CustomerMapping], customer: str, contract_id: int, comes: Timeline
) -> list[str]:
    """Customers, of the file and of the table, who are on a contract on some of the days on which one comes there."""
    others = others_on(draft.deployment, {customer, *after}, contract_id, comes)
    for other, mapping in after.items():
        if other != customer:
            name = name_of(draft.records[other]) or mapping.customer_name
            there = days_on(mapping.routings, contract_id)
            others += named_if_there(other, name, comes, there, draft.deployment.today)
    return others


@dataclass(frozen=True, slots=True)
class KnownToAutotask:
    """What Autotask has of a file that is right."""

    doubts: tuple[str, ...]
    """Names that do not match."""
    contracts: tuple[NamesRead, ...]
    """Of each contract that is new to a customer: the names of its company, and of the services on it or in the file."""


def check_autotask(draft: Draft, catalogue: Catalogue) -> KnownToAutotask:
    """Companies, contracts, services and currencies, each read for all rows together."""
    routed, changing = draft.new_routes(), draft.changing()
    companies = catalogue.companies(_ids("company_id", changing))
    contracts = catalogue.contracts(_ids("contract_id", routed))
    services = catalogue.services(_ids("service_id", changing))
    nowhere = _check_companies(changing, companies, draft, catalogue)
    for entry in (one for one in changing if one.row not in nowhere):
        _check_service(entry, services, draft, catalogue)
    _check_contracts([entry for entry in routed if entry.row not in nowhere], contracts, draft, catalogue)
    _check_lines([entry for entry in changing if entry.what is What.LINE], draft, catalogue)
    good = [entry for entry in changing if entry.subject not in draft.spoiled]
    names = {"company": _names(companies), "contract": _names(contracts), "service": _names(services)}
    doubts = dict.fromkeys(doubt for entry in good for doubt in _doubts(entry, names, draft))
    fit = [contracts[id_] for id_ in sorted(_ids("contract_id", [e for e in routed if e in good]))]
    return KnownToAutotask(
        tuple(doubts), tuple(_on_contracts(fit, names["company"], names["service"], catalogue))
    )


def _check_companies(
    entries: Sequence[MappingRow], companies: Mapping[int, Company], draft: Draft, catalogue: Catalogue
) -> set[int]:
    """The rows whose company is not there; nothing more is said of these."""
    wrong = [one for one in entries if one.values["company_id"] and one.values["company_id"] not in companies]
    for entry in wrong:
        clause = (
            f"is no company of Autotask that the API user may see{_near_companies(entry, draft, catalogue)}"
        )
        draft.report(entry, "company_id", clause)
    return {entry.row for entry in wrong}


def _on_contracts(
    contracts: Sequence[Contract],
    companies: Mapping[int, str],
    chosen: Mapping[int, str],
    catalogue: Catalogue,
) -> Iterator[NamesRead]:
    lines = catalogue.lines(contract.id for contract in contracts)
    services = catalogue.services(line.service_id for of in lines.values() for line in of)
    for one in contracts:
        company = {one.company_id: companies[one.company_id]} if companies.get(one.company_id) else {}
        here = {line.service_id for line in lines[one.id]}
        named = {id_: services[id_].name for id_ in here if id_ in services}
        yield NamesRead(one.id, one, company, {**chosen, **named})


def _ids(column: str, entries: Iterable[MappingRow]) -> set[int]:
    return {entry.values[column] for entry in entries if entry.values[column]}


def _names(found: Mapping[int, Company] | Mapping[int, Contract] | Mapping[int, Service]) -> dict[int, str]:
    return {id_: one.name for id_, one in found.items()}


def _check_contracts(
    routed: Sequence[MappingRow], contracts: Mapping[int, Contract], draft: Draft, catalogue: Catalogue
) -> None:
    wrong = {entry.row: _against(entry, contracts, draft) for entry in routed}
    _offer([entry for entry in routed if wrong[entry.row]], wrong, draft, catalogue)
    fit = {entry.values["contract_id"] for entry in routed if not wrong[entry.row]}
    foreign = {*in_other_currency(catalogue, [contracts[id_] for id_ in fit])}
    for entry in routed:
        if entry.values["contract_id"] in foreign:
            draft.report(entry, "contract_id", OTHER_CURRENCY)


def _check_lines(entries: Sequence[MappingRow], draft: Draft, catalogue: Catalogue) -> None:
    """A contract service is one of its service on its contract."""
    lines = catalogue.lines(_ids("contract_id", entries))
    for entry in entries:
        of = entry.values
        there = [line.id for line in lines[of["contract_id"]] if line.service_id == of["service_id"]]
        if of["contract_service_id"] not in there:
            near = f"; there are {', '.join(map(str, there))}" if there else ""
            clause = f"is none of service {of['service_id']} on contract {of['contract_id']}{near}"
            draft.report(entry, "contract_service_id", clause)


def notes(draft: Draft) -> Iterator[str]:
    """What whoever asks should know."""
    waiting = [edit.customer for edit in draft.customers if not is_reported(draft.records[edit.customer])]
    if waiting:
        yield f"Note: Timus has not reported {some(waiting, 5)} yet; these mappings wait for it."


def _check_service(
    entry: MappingRow, services: Mapping[int, Service], draft: Draft, catalogue: Catalogue
) -> None:
    service = services.get(entry.values["service_id"])
    if not entry.values["service_id"] or entry.what is What.LINE or (service and service.is_active):
        return
    why = (
        f"is inactive in Autotask ({service.name})"
        if service
        else "is no service of Autotask that the API user may see"
    )
    carries = [
        f"{one.id} {one.name}" for one in catalogue.active_services() if one.sku == entry.values["sku"]
    ]
    near = f"; the SKU is carried by service {', '.join(carries[:OFFERED])}" if carries else ""
    draft.report(entry, "service_id", why + near)


def _near_companies(entry: MappingRow, draft: Draft, catalogue: Catalogue) -> str:
    """Active companies of the customer's name, or of the name in the file."""
    names = {
        name_of(draft.records[entry.subject[1]]),
        entry.values["customer_name"],
        entry.values["company_name"],
    } - {None, ""}
    if not names:
        return ""
    found = [
        f"{one.id} {one.name}"
        for one in catalogue.active_companies().values()
        if any(same_company(name, one.name) for name in names)
    ]
    return f"; by its name it is {' or '.join(found[:OFFERED])}" if found else ""


def _against(entry: MappingRow, contracts: Mapping[int, Contract], draft: Draft) -> str:
    """Why a row's units cannot be billed on its contract; empty: nothing speaks against it."""
    contract = contracts.get(entry.values["contract_id"])
    if contract is None:
        return "is no contract of Autotask that the API user may see"
    why = [*conflicts(contract, entry.values["company_id"], draft.deployment.today)]
    return f"cannot be used: {' '.join(why)}".removesuffix(".") if why else ""


def _offer(
    entries: Sequence[MappingRow], wrong: Mapping[int, str], draft: Draft, catalogue: Catalogue
) -> None:
    """Report contracts that cannot be used, with those of the company that can."""
    today = draft.deployment.today
    of_company = catalogue.contracts_of(entry.values["company_id"] for entry in entries)
    for entry in entries:
        company_id = entry.values["company_id"]
        good = [
            f"{one.id} {one.name} (until {one.end})"
            for one in of_company[company_id]
            if not [*conflicts(one, company_id, today)]
        ]
        near = (
            f"; company {company_id} has contract {', '.join(good[:OFFERED])}"
            if good
            else f"; company {company_id} has no other that can be used"
        )
        draft.report(entry, "contract_id", wrong[entry.row] + near)


def _doubts(entry: MappingRow, found: Mapping[str, Mapping[int, str]], draft: Draft) -> Iterator[str]:
    """Names that are not the same: Timus's and Autotask's, the file's and Autotask's."""
    values = entry.values
    if entry.subject[0] == "customer" and values["company_id"]:
        company = found["company"].get(values["company_id"], "")
        records = draft.records[entry.subject[1]]
        reported = name_of(records)
        ours = reported or values["customer_name"] or ""
        alias = alias_of(ours, values["company_id"], company, mapping_of(records))
        if alias:
            _keep(alias, entry, draft)
            whose = "Timus calls" if reported else f"Row {entry.row} calls"
            yield f"{whose} customer {entry.subject[1]} “{ours}”, Autotask calls company {values['company_id']} “{company}”."
    for what, names in found.items():
        written, there = values[f"{what}_name"], names.get(values[f"{what}_id"] or 0, "")
        if written and there and not same_company(written, there):
            yield f"Row {entry.row} calls {what} {values[f'{what}_id']} “{written}”, Autotask calls it “{there}”."


def _keep(alias: Alias, entry: MappingRow, draft: Draft) -> None:
    """Whoever writes the file in spite of the doubt says that the name is right: it is not doubted again."""
    edit = draft.edits.get(entry.subject)
    if isinstance(edit, CustomerEdit):
        draft.edits[entry.subject] = replace(edit, aliases=(*edit.aliases, alias))
