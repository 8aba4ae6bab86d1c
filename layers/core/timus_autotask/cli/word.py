"""A person's word: written in one transaction with what it makes due, and the worker woken."""

from __future__ import annotations

import secrets as random
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from timus_autotask.cli.failure import Failed
from timus_autotask.cli.terminal import Terminal
from timus_autotask.operate.deployment import Deployment
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    NotConfigured,
    QueueUnavailable,
    SecretsUnavailable,
)
from timus_autotask.ports.table import Write
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.watch.preview import ContractPreview, preview

ATTEMPTS = 10
"""How often a write that a worker came before is made anew."""
PREVIEWED = 20
"""Contracts that are looked up in Autotask for one preview."""


def write(deployment: Deployment, changes: Callable[[], Sequence[Write]]) -> None:
    """Commit what ``changes`` makes of the records as they are; made anew when a worker came first."""
    for _ in range(ATTEMPTS):
        try:
            deployment.store.commit(*changes())
        except Conflict:
            continue
        return
    raise Failed("The records are being changed by a worker all the time; nothing was written. Try again.")


def wake(deployment: Deployment, customers: Iterable[str], terminal: Terminal) -> None:
    """Tell the worker at once; without it the sweep finds what is due within a minute."""
    try:
        for customer in sorted(set(customers)):
            deployment.queue.send(customer, f"word-{random.token_hex(12)}")
    except QueueUnavailable:
        terminal.say("The queue is out of reach just now; the sweep takes it up within a minute.")


def wake_mapped(deployment: Deployment, customers: Iterable[str], terminal: Terminal) -> list[int]:
    """Make every contract of these customers due; returns the contracts."""
    ports, store = deployment.ports, deployment.store
    woken: set[int] = set()
    for customer in sorted(set(customers)):

        def changes(customer: str = customer) -> Sequence[Write]:
            records = store.customer(customer)
            contracts = records.mapping.value.contract_ids if records.mapping else ()
            woken.update(contracts)
            return wake_contracts(customer, contracts, ports)

        write(deployment, changes)
    wake(deployment, customers, terminal)
    return sorted(woken)


def go_on(
    deployment: Deployment,
    arguments: Namespace,
    terminal: Terminal,
    contracts: Sequence[int],
    changes: Callable[[], Sequence[Write]],
) -> tuple[bool, list[dict[str, Any]]]:
    """Show what would be posted, ask if there is a person to ask, write. Returns whether it was written, and the preview."""
    shown: list[dict[str, Any]] = []
    if not getattr(arguments, "unchecked", False):
        shown = _previews(deployment, terminal, contracts, changes)
    if arguments.dry_run:
        terminal.say("Nothing was written (--dry-run).")
        return False, shown
    if not arguments.yes and not terminal.confirm("Write this?"):
        raise Failed("Nothing was written.")
    write(deployment, changes)
    return True, shown


def _previews(
    deployment: Deployment,
    terminal: Terminal,
    contracts: Sequence[int],
    changes: Callable[[], Sequence[Write]],
) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    ports = deployment.ports
    try:
        for contract_id in contracts[:PREVIEWED]:
            found = preview(contract_id, changes(), ports)
            shown.append(_show(found, terminal, deployment))
    except (AutotaskError, Conflict, NotConfigured, SecretsUnavailable) as error:
        terminal.say(f"No preview: {error}")
    if len(contracts) > PREVIEWED:
        terminal.say(f"… and {len(contracts) - PREVIEWED} more contracts")
    return shown


def _show(found: ContractPreview, terminal: Terminal, deployment: Deployment) -> dict[str, Any]:
    terminal.say(f"Contract {found.contract_id} {found.name}".rstrip() + ", what comes next:", style="bold")
    if found.extended_to:
        terminal.say(f"its last day moves to {found.extended_to}, for the term was renewed")
    today = deployment.today

    def words(adjustments: tuple[tuple[Any, int], ...]) -> str:
        each = [f"{delta:+d} from {day}{'' if day > today else ' (at once)'}" for day, delta in adjustments]
        return ", ".join(each) or "nothing to post"

    terminal.table(
        ("customer", "SKU", "service", "Autotask", "wanted", "adjustments"),
        [
            (
                ", ".join(dict.fromkeys(customer for customer, _ in line.sources)),
                ", ".join(dict.fromkeys(sku for _, sku in line.sources)),
                line.service_id,
                line.units,
                line.wanted,
                line.reason or words(line.adjustments),
            )
            for line in found.lines
        ],
        empty="nothing yet: Timus has told of no quantity that goes here",
    )
    terminal.say(*found.without_line)
    return {
        "contract_id": found.contract_id,
        "contract_name": found.name,
        "extended_to": found.extended_to,
        "lines": [
            {
                "service_id": line.service_id,
                "sources": [{"customer": customer, "sku": sku} for customer, sku in line.sources],
                "autotask_units": line.units,
                "wanted_units": line.wanted,
                "adjustments": [{"day": day, "unit_change": delta} for day, delta in line.adjustments],
                "state": line.state.value,
                "reason": line.reason,
            }
            for line in found.lines
        ],
        "without_line": [*found.without_line],
    }
