"""``map``: which contract and which service a quantity goes to."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from datetime import date
from typing import Any

from timus_autotask.cli.command import DEFAULT
from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import as_billed_from, carry_out, operator, progress
from timus_autotask.cli.terminal import Terminal, called
from timus_autotask.domain.mapping import CustomerMapping, PlanMapping, Route
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.choose import CompanyNamed, CustomerRouted, name_company, route_customer
from timus_autotask.operate.mapping.confirm import confirm
from timus_autotask.operate.mapping.family import say_family, shown
from timus_autotask.operate.mapping.first_day import FOLLOWS, FirstDay
from timus_autotask.operate.mapping.ignoring import IgnoredOrNot, ignore, unignore
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.mapping.line_choice import LineChosen, choose_line, unchoose_line
from timus_autotask.operate.mapping.listing import Mappings, mappings
from timus_autotask.operate.mapping.service_choice import ServiceChosen, choose_service
from timus_autotask.operate.proposal import Proposal
from timus_autotask.watch.names import Directory
from timus_autotask.watch.wording import counted


def map_customer(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Send a customer's units, those of one SKU, or some of them, to a contract."""
    if arguments.contract is None:
        return _map_company(deployment, arguments, terminal)
    if arguments.bill_from and arguments.first_day is not DEFAULT:
        raise Failed("--from and --bill-from are two answers to one question: leave one out.", USAGE)

    def propose(bill_from: BillFrom | None) -> Proposal[CustomerRouted]:
        return route_customer(
            deployment,
            arguments.customer,
            Route(arguments.company, arguments.contract, arguments.sku, arguments.units),
            operator(arguments),
            first_day=_first_day(arguments),
            bill_from=bill_from,
            share=arguments.share,
            unchecked=arguments.unchecked,
            unknown=arguments.unknown,
            on_progress=progress(terminal),
        )

    proposal = as_billed_from(
        propose, lambda routed: (routed.late,) if routed.late else (), arguments, terminal
    )
    routed = proposal.result
    _say_whose(routed, routed.route.company_id, terminal)
    if routed.contract:
        contract = routed.contract
        terminal.say(f"Contract {contract.id} {contract.name} ({contract.start} to {contract.end})")
    if routed.shared_with:
        terminal.say(
            f"It is the contract of {', '.join(routed.shared_with)} as well (--share).", style="bold"
        )
    if routed.changed:
        terminal.say(f"From {routed.first_day or 'the beginning'} on; what was before stays as it is.")
    return carry_out(proposal, arguments, terminal, lambda done: _say_routed(done, terminal))


def _say_routed(done: CustomerRouted, terminal: Terminal) -> None:
    what = done.route.sku or ("everything" if done.route.units is None else "each SKU")
    units = f", up to {counted(done.route.units, 'unit')}," if done.route.units else ""
    terminal.say(
        f"{done.customer}: {what}{units} goes to contract {done.route.contract_id} of company {done.route.company_id}.",
        style="green",
    )


def _say_whose(found: CustomerRouted | CompanyNamed, company_id: int, terminal: Terminal) -> None:
    if found.customer_name:
        terminal.say(f"Customer {found.customer} {found.customer_name}")
    if found.company_name is not None:
        terminal.say(f"Company {company_id} {found.company_name}".rstrip())


def _map_company(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    if arguments.sku or arguments.units:
        raise Failed("--sku and --units choose what goes to a contract: give --contract too.", USAGE)
    proposal = name_company(
        deployment,
        arguments.customer,
        arguments.company,
        operator(arguments),
        unchecked=arguments.unchecked,
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    _say_whose(proposal.result, arguments.company, terminal)
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(f"{done.customer} is company {done.company_id}.", style="green"),
    )


def map_plan(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Choose the service of a SKU, for every customer or for one; or say whether it is a plan."""
    if arguments.service is None:
        return _map_family(deployment, arguments, terminal)
    proposal = choose_service(
        deployment,
        arguments.sku,
        arguments.service,
        operator(arguments),
        customer=arguments.customer,
        first_day=_first_day(arguments),
        unchecked=arguments.unchecked,
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    if proposal.result.service_name is not None:
        terminal.say(f"Service {arguments.service} {proposal.result.service_name}")

    def say(done: ServiceChosen) -> None:
        whose = f" for {done.customer}" if done.customer else ""
        terminal.say(f"{done.sku} is billed with service {done.service_id}{whose}.", style="green")

    return carry_out(proposal, arguments, terminal, say)


def map_line(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Choose the contract service of a service that is on a contract more than once, or take that back."""
    where = (deployment, arguments.contract, arguments.service)
    if arguments.undo:
        if arguments.keep_units:
            raise Failed("--keep-units is for --contract-service.", USAGE)
        proposal = unchoose_line(*where, operator(arguments), on_progress=progress(terminal))
    else:
        proposal = choose_line(
            *where,
            arguments.contract_service,
            operator(arguments),
            keep_units=arguments.keep_units,
            on_progress=progress(terminal),
        )
    found = proposal.result
    if found.lines:
        name = called(found.service_id, {found.service_id: found.service_name})
        terminal.say(f"Service {name} on contract {found.contract_id}: {'; '.join(map(str, found.lines))}")
    if found.customers:
        terminal.say(f"It is billed for {', '.join(found.customers)}.")

    def say(done: LineChosen) -> None:
        line = f"Service {done.service_id} on contract {done.contract_id}"
        said = (
            f"is contract service {done.choice.contract_service_id}"
            if done.choice
            else "is not chosen any more"
        )
        terminal.say(f"{line} {said}.", style="green")

    return carry_out(proposal, arguments, terminal, say)


def _map_family(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    if arguments.customer or arguments.first_day is not DEFAULT:
        raise Failed(
            "--customer and --from are for --service: a family holds for every customer and day.", USAGE
        )
    proposal = say_family(
        deployment,
        arguments.sku,
        None if arguments.no_family else arguments.family or "",
        operator(arguments),
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    return carry_out(
        proposal, arguments, terminal, lambda done: terminal.say(f"{done.detail}.", style="green")
    )


def map_ignore(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Set a customer or a SKU aside."""
    proposal = ignore(
        deployment,
        *_customers_and_skus(arguments),
        arguments.reason,
        operator(arguments),
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    return carry_out(
        proposal, arguments, terminal, lambda done: _say_ignored(done, "is ignored", terminal), question=""
    )


def map_unignore(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Take it back, with what would be adjusted then."""
    proposal = unignore(
        deployment,
        *_customers_and_skus(arguments),
        operator(arguments),
        on_progress=progress(terminal),
    )
    return carry_out(
        proposal, arguments, terminal, lambda done: _say_ignored(done, "is not ignored any more", terminal)
    )


def map_confirm(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Say that customers are mapped rightly, although they are called otherwise."""
    done = confirm(deployment, arguments.customers, operator(arguments))
    terminal.say(*(f"Confirmed: {names}." for names in done.names), style="green")
    return done.to_json()


def _customers_and_skus(arguments: Namespace) -> tuple[list[str], list[str]]:
    which = [arguments.which]
    return (which, []) if arguments.what == "customer" else ([], which)


def _say_ignored(done: IgnoredOrNot, state: str, terminal: Terminal) -> None:
    named = dict(zip(done.customers, done.names, strict=True))
    for customer in done.customers:
        terminal.say(f"Customer {called(customer, named)} {state}.", style="green")
    for sku in done.skus:
        terminal.say(f"SKU {sku} {state}.", style="green")


def _first_day(arguments: Namespace) -> FirstDay:
    return FOLLOWS if arguments.first_day is DEFAULT else FirstDay(arguments.first_day, follows=False)


def map_list(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Every mapping there is."""
    found = mappings(deployment)
    _show_routes(found, terminal)
    terminal.say("", "Plans", style="bold")
    terminal.table(
        ("SKU", "service", "customer", "from", "chosen by", "family"),
        [*_plan_rows(found.plans, found.names), *_override_rows(found.customers, found.names)],
        empty="none yet: a SKU is matched to the one active service that carries it",
    )
    _show_chosen_lines(found, terminal)
    _show_ignored(found, terminal)
    return found.to_json()


def _show_routes(found: Mappings, terminal: Terminal) -> None:
    """To which contracts each customer's units go."""
    names = found.names
    terminal.say("Customers", style="bold")
    terminal.table(
        ("customer", "SKU", "units", "company", "contract", "from"),
        [
            (
                called(mapping.customer_id, names.customers),
                route.sku or "all",
                f"up to {route.units}" if route.units else "all",
                called(route.company_id, names.companies),
                called(route.contract_id, names.contracts),
                _from(routing.first_day),
            )
            for mapping in found.customers
            for routing in mapping.routings
            for route in routing.routes
        ],
        empty="none yet: timus-autotask map customer CUSTOMER --company N --contract N",
    )


def _show_chosen_lines(found: Mappings, terminal: Terminal) -> None:
    """Which line counts where a service is on a contract more than once, if that is so anywhere."""
    if not found.lines:
        return
    terminal.say("", "Contract services", style="bold")
    terminal.table(
        ("contract", "service", "contract service", "from"),
        [
            (
                called(key.contract_id, found.names.contracts),
                called(key.service_id, found.names.services),
                choice.contract_service_id,
                _from(choice.first_day),
            )
            for key, choice in found.lines
        ],
        empty="",
    )


def _show_ignored(found: Mappings, terminal: Terminal) -> None:
    """Customers and SKUs that are not billed, and why, if there are any."""
    ignored = [(one.customer_id, one.ignored) for one in found.customers if one.ignored]
    ignored += [(one.sku, one.ignored) for one in found.plans if one.ignored]
    if not ignored:
        return
    terminal.say("", "Ignored", style="bold")
    terminal.table(
        ("customer or SKU", "why", "by", "since"),
        [(called(id_, found.names.customers), one.reason, one.by, one.at) for id_, one in ignored],
        empty="",
    )


def _from(first_day: date | None) -> str:
    return first_day.isoformat() if first_day else "always"


def _plan_rows(plans: Iterable[PlanMapping], names: Directory) -> Iterable[tuple[Any, ...]]:
    for plan in plans:
        if plan.ignored:
            continue
        for choice in plan.choices:
            by = "equal SKU" if plan.matched else "a person"
            service = called(choice.service_id, names.services)
            yield plan.sku, service, "all", _from(choice.first_day), by, _family(plan)
        if not plan.choices:
            several = ", ".join(map(str, plan.candidates))
            nobody = f"nobody: {several or 'no service'} carries it"
            yield plan.sku, None, "all", "", nobody, _family(plan)


def _family(plan: PlanMapping) -> str:
    return shown(plan.family) or "by numbers"


def _override_rows(mappings: Iterable[CustomerMapping], names: Directory) -> Iterable[tuple[Any, ...]]:
    for mapping in mappings:
        for sku, choices in sorted(mapping.services.items()):
            for choice in choices:
                service = called(choice.service_id, names.services)
                customer = called(mapping.customer_id, names.customers)
                yield sku, service, customer, _from(choice.first_day), "a person", ""
