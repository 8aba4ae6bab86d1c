"""``map suggest``: what is not mapped yet, and what it may be in Autotask."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import as_billed_from, ask, operator, progress
from timus_autotask.cli.terminal import Terminal, Whole, called
from timus_autotask.domain.price import amount
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.accept import Chosen, ExactApplied, accept, exact
from timus_autotask.operate.mapping.catalogue import Catalogue, how_to_choose
from timus_autotask.operate.mapping.suggest import (
    ContractOffered,
    CustomerSuggested,
    ServiceOffered,
    SkuSuggested,
    Suggestions,
    suggest,
)
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.refusal import Way
from timus_autotask.watch.remedy import commands, remedy_of, ways
from timus_autotask.watch.wording import counted


def map_suggest(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Show every unmapped customer and SKU with what it may be; take in what is exact, if that is asked for."""
    if (arguments.dry_run or arguments.yes or arguments.bill_from) and not arguments.apply_exact:
        raise Failed(
            "--dry-run, --yes and --bill-from belong to --apply-exact: without it nothing is written.", USAGE
        )
    catalogue = Catalogue(deployment, Way.UNASKED_BY_ID)
    found = looked_up(deployment, catalogue, terminal)
    chosen = exact(found)
    if not arguments.apply_exact:
        with terminal.pages():
            show(found, terminal)
            _say_next(found, chosen, terminal)
        return found.to_json()
    if not chosen:
        terminal.say("Nothing rests on a unique key alone; one by one: timus-autotask map review")
        return ExactApplied(found).to_json()
    terminal.say(*said(chosen, found))
    proposal = proposed(chosen, "map suggest --apply-exact", deployment, catalogue, arguments, terminal)
    asked = ask(
        proposal,
        arguments,
        terminal,
        lambda chosen: terminal.say(f"Written: {count(chosen)}.", style="green"),
    )
    return ExactApplied(found, asked).to_json()


def proposed(
    chosen: Chosen,
    command: str,
    deployment: Deployment,
    catalogue: Catalogue,
    arguments: Namespace,
    terminal: Terminal,
    *,
    seen: bool = False,
) -> Proposal[Chosen]:
    """What was chosen as one proposal; ``seen``: a person has seen both names of each customer."""
    return as_billed_from(
        lambda bill_from: accept(
            deployment,
            replace(chosen, bill_from=bill_from),
            command,
            operator(arguments),
            catalogue,
            seen=seen,
            on_progress=progress(terminal),
        ),
        lambda accepted: accepted.late,
        arguments,
        terminal,
    )


def looked_up(deployment: Deployment, catalogue: Catalogue, terminal: Terminal) -> Suggestions:
    """The suggestions, with a word on how far the reading of Autotask is."""
    return suggest(
        deployment,
        catalogue,
        lambda done, of: terminal.busy(f"Autotask is read: {done} of {of}", done=done == of),
    )


def show(found: Suggestions, terminal: Terminal) -> None:
    """Everything that is not mapped, with what it may be."""
    if not len(found):
        terminal.say("Every customer and SKU that Timus has reported is mapped.", style="green")
    for sku in found.skus:
        _show_sku(sku, terminal)
    for customer in found.customers:
        _show_customer(customer, terminal)


def _show_sku(sku: SkuSuggested, terminal: Terminal) -> None:
    terminal.say("", sku_line(sku), style="bold")
    for number, service in enumerate(sku.offers, 1):
        terminal.say(*service_lines(number, service))
        if number == 1:
            terminal.say(_arrow(_MAP_PLAN, sku=sku.sku, service=service.service_id))
    if not sku.offers:
        terminal.say(
            "  no service is called alike",
            _arrow(_MAP_PLAN, sku=sku.sku, service="N"),
            _arrow("timus-autotask map ignore plan {sku} --reason WHY", sku=sku.sku),
        )


def _show_customer(customer: CustomerSuggested, terminal: Terminal) -> None:
    terminal.say("", customer_line(customer), style="bold")
    for number, offer in enumerate(customer.offers, 1):
        terminal.say(*offer_lines(number, offer))
    best = next((offer for offer in customer.offers if offer.contract), None)
    if not customer.offers:
        terminal.say("  no company is called alike")
    ids = (best.company_id, best.contract.id) if best and best.contract else ("N", "N")
    terminal.say(_arrow(_MAP_CUSTOMER, customer=customer.customer, company=ids[0], contract=ids[1]))
    if not customer.offers:
        ignore = "timus-autotask map ignore customer {customer} --reason WHY"
        terminal.say(_arrow(ignore, customer=customer.customer))


_MAP_PLAN = "timus-autotask map plan {sku} --service {service}"
_MAP_CUSTOMER = "timus-autotask map customer {customer} --company {company} --contract {contract}"


def _arrow(command: str, **facts: int | str) -> Whole:
    return Whole(f"     → {commands(command, facts)}")


def sku_line(sku: SkuSuggested) -> str:
    """A SKU, and how many have it."""
    return f"SKU {sku.sku}, {counted(sku.customers, 'customer')}, {counted(sku.units, 'unit')}"


def customer_line(customer: CustomerSuggested) -> str:
    """A customer, with what it has in Timus."""
    named = " ".join(filter(None, (customer.customer, customer.name)))
    domain = f" ({customer.domain})" if customer.domain else ""
    units = ", ".join(f"{count} {sku}" for sku, count in customer.units)
    return f"Customer {named}{domain}{': ' + units if units else ''}"


def service_lines(number: int, offer: ServiceOffered) -> Iterator[str]:
    """An offered service, with the reason."""
    yield f"  {number}  service {offer.service_id} {offer.name} at {amount(offer.unit_price)}: {offer.match.reason}{_exact(offer.exact)}"


def offer_lines(number: int, offer: ContractOffered) -> Iterator[str]:
    """An offered company and contract, with the reasons for and against it."""
    company = f"company {called(offer.company_id, {offer.company_id: offer.company_name})}"
    contract = offer.contract
    where = f", contract {contract.id} {contract.name}".rstrip() if contract else ", no contract"
    yield f"  {number}  {company}{where}: {offer.match.reason}{_exact(offer.exact)}"
    if offer.reasons:
        yield f"     {', '.join(offer.reasons)}"
    if offer.twice:
        for question, choose in how_to_choose(offer.contract.id if offer.contract else 0, offer.twice):
            yield f"     {question}"
            yield from (Whole(f"     → {command}") for command in ways(remedy_of(choose)))
    if offer.against:
        yield f"     but {'; '.join(offer.against)}"


def _exact(exact: bool) -> str:
    return " (exact)" if exact else ""


def said(chosen: Chosen, found: Suggestions) -> Iterator[str]:
    """What was chosen, one line each, with names."""
    names = {one.customer: one.name for one in found.customers}
    offers = {
        (one.customer, offer.company_id, offer.contract.id if offer.contract else None): offer
        for one in found.customers
        for offer in one.offers
    }
    services = {(one.sku, offer.service_id): offer.name for one in found.skus for offer in one.offers}
    for sku, service_id in chosen.skus.items():
        yield f"SKU {sku} is service {service_id} {services.get((sku, service_id), '')}".rstrip()
    for customer, (company_id, contract_id) in chosen.customers.items():
        offer = offers.get((customer, company_id, contract_id))
        company = called(company_id, {company_id: offer.company_name} if offer else {})
        contract = f"contract {contract_id}" if contract_id is not None else "a contract that is opened"
        if offer and offer.contract:
            contract = f"{contract} {offer.contract.name}".rstrip()
        yield f"Customer {called(customer, names)} is company {company}, on {contract}"
    yield from _said_besides(chosen, names)


def _said_besides(chosen: Chosen, names: Mapping[str, str]) -> Iterator[str]:
    """Contract services, and what is ignored."""
    for (contract_id, service_id), one in chosen.lines.items():
        yield f"Service {service_id} on contract {contract_id} is contract service {one}"
    for customer, reason in chosen.ignored_customers.items():
        yield f"Customer {called(customer, names)} is ignored: {reason}"
    for sku, reason in chosen.ignored_skus.items():
        yield f"SKU {sku} is ignored: {reason}"


def _say_next(found: Suggestions, chosen: Chosen, terminal: Terminal) -> None:
    terminal.say("")
    if len(found):
        terminal.say(
            f"{counted(len(found.customers), 'customer')} and {counted(len(found.skus), 'SKU')} are to be mapped"
            + (f"; {found.ignored} ignored. Which: timus-autotask map list" if found.ignored else "."),
            style="bold",
        )
        terminal.say("One keystroke for each:", Whole("→ timus-autotask map review"))
    if chosen:
        terminal.say(
            f"{count(chosen)} rest on unique keys alone, and can be taken in without looking at each:",
            Whole("→ timus-autotask map suggest --apply-exact"),
        )


def count(chosen: Chosen) -> str:
    """How many customers and SKUs were chosen, and how many are ignored."""
    ignored = len(chosen.ignored_customers) + len(chosen.ignored_skus)
    said = [(len(chosen.customers), "customer"), (len(chosen.skus), "SKU")]
    parts: Sequence[str] = [counted(number, what) for number, what in said if number]
    return " and ".join(parts) + (f"{', ' if parts else ''}{ignored} ignored" if ignored else "")
