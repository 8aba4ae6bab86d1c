"""``reconcile``, ``restore``, ``redrive``, ``replay`` and ``logs queries``: find what got lost, and bring it back."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from timus_autotask.aws.log_queries import QUERIES, group_of
from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import carry_out, operator, progress
from timus_autotask.cli.terminal import Terminal, moment
from timus_autotask.cli.watching import in_utc
from timus_autotask.domain.finding import Finding
from timus_autotask.operate import recover
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.tables import FileRefused
from timus_autotask.operate.timus_export import Comparison, ExportFile, Told, compare
from timus_autotask.store.runs import Run, findings, last_run
from timus_autotask.watch import reconcile as alignment
from timus_autotask.watch.forms import preview_form, reconciled_form, totals_form
from timus_autotask.watch.listing import listed
from timus_autotask.watch.preview import Preview
from timus_autotask.watch.status import status_of

AT_MOST = timedelta(minutes=30)
"""How long the command stays at it."""
NEXT = (
    "Next: compare with Timus (timus-autotask reconcile --timus-export FILE), decide about what is parked "
    "(timus-autotask status), and only then: timus-autotask resume"
)
LOOKED_EACH = 15
"""Seconds between two looks at how far the workers are."""


def reconcile(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Compare everything with Autotask; with a file, Timus with both."""
    result: dict[str, Any] = {}
    if arguments.accept and not arguments.timus_export:
        raise Failed("--accept is about a file: give --timus-export FILE too.", USAGE)
    told = _told(arguments.timus_export) if arguments.timus_export else None
    if arguments.after_restore:
        result["restored"] = _after_restore(deployment, arguments, terminal)
    if not arguments.last:
        _run(deployment, terminal, deep=arguments.deep)
    found = [*findings(deployment.table)]
    run = last_run(deployment.table).value
    _show(run, found, terminal)
    result |= reconciled_form(run, found)
    if told is not None:
        result |= _compare(deployment, arguments, terminal, told)
    if run.stopped:
        raise Failed(f"It stopped: {run.stopped}. The next run goes on from there.", result=result)
    if result.get("held") and not arguments.dry_run:
        ids = ", ".join(one["id"] for one in result["suspicions"] if not one["accepted"])
        raise Failed(
            f"Held as suspicious: {result['held']} of {len(result['missing_events'])} events; --yes does not release them. For each "
            f"suspicion that is right, give the same command again with --accept and its id. The ids: {ids}",
            result=result,
        )
    return result


def _run(deployment: Deployment, terminal: Terminal, *, deep: bool = False) -> None:
    def progress(run: Run) -> None:
        terminal.say(f"{run.contracts} of {run.of} contracts, {run.calls} calls")

    ports = deployment.ports
    alignment.reconcile(ports, ports.clock.now() + AT_MOST, anew=True, deep=deep, on_progress=progress)


def _show(run: Run, found: list[Finding], terminal: Terminal) -> None:
    if not run.id:
        terminal.say("Nothing was compared yet.")
        return
    when = f"finished {moment(run.finished)} UTC" if run.finished else f"begun {moment(run.started)} UTC"
    terminal.say(f"{run.contracts} of {run.of} contracts, {run.lines} lines, {run.calls} calls; {when}.")
    terminal.say(*run.notes)
    terminal.table(
        ("found", "contract", "service", "customer", "we left", "Autotask", "what"),
        [
            (
                one.kind.value,
                one.contract_id,
                one.service_id,
                one.customer_id,
                one.ours,
                one.autotask,
                one.message,
            )
            for one in sorted(found, key=lambda one: (not one.is_drift, one.kind, one.contract_id or 0))
        ],
        empty="Nothing was found.",
    )
    if run.woken:
        terminal.say(
            f"{run.woken} contracts are looked at by the worker now; what it parks: timus-autotask status"
        )


# -- Against Timus


def _told(name: str) -> tuple[str, Sequence[Told]]:
    """What a file says, with its name; fails with each row that is wrong."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return Path(name).name, ExportFile(Path(name).name, data).subscriptions()
    except OSError as error:
        raise Failed(f"{name} cannot be read: {error.strerror}.", USAGE) from error
    except FileRefused as refused:
        raise _refused(name, refused) from None


def _refused(name: str, refused: FileRefused) -> Failed:
    few = [*map(str, refused.problems[:10])]
    more = len(refused.problems) - len(few)
    details = (*few, f"and {more} more") if more else few
    return Failed(f"{name} cannot be used; nothing was written.", USAGE, details=details)


def _compare(
    deployment: Deployment, arguments: Namespace, terminal: Terminal, told: tuple[str, Sequence[Told]]
) -> dict[str, Any]:
    file, subscriptions = told
    records, now = listed(deployment.store), deployment.clock.now()
    lines = status_of(records, now, deployment.zone).lines
    try:
        found = compare(
            subscriptions, records, lines, deployment.today, deployment.zone, file, operator(arguments)
        )
    except FileRefused as refused:
        raise _refused(file, refused) from None
    accepted = frozenset(arguments.accept or ())
    _show_comparison(found, terminal)
    _show_suspicions(found, accepted, terminal)
    events = found.released(accepted)
    result = {
        "compared": [asdict(row) for row in found.rows],
        "missing_events": [{"customer": e.customer_id, "event": e.event_id} for e in found.events],
        "suspicions": [{**asdict(one), "accepted": one.id in accepted} for one in found.suspicions],
        "held": len(found.events) - len(events),
    }
    if not events:
        return {**result, "taken_in": 0}
    proposal = recover.take_in_missing(
        deployment, found, operator(arguments), accepted=accepted, on_progress=progress(terminal)
    )
    taken = carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(
            f"{done.taken_in} events were taken in; see: timus-autotask events", style="green"
        ),
        f"Take {len(events)} of these in as events?",
    )
    return {**result, **taken, "taken_in": proposal.result.taken_in if taken["written"] else 0}


def _show_suspicions(found: Comparison, accepted: Collection[str], terminal: Terminal) -> None:
    if not found.suspicions:
        return
    terminal.say("", "Suspicious", style="bold")
    terminal.table(
        ("id", "what", "holds"),
        [
            (one.id, one.message, "accepted" if one.id in accepted else f"{len(one.holds)} subscriptions")
            for one in found.suspicions
        ],
        empty="",
    )


def _show_comparison(found: Comparison, terminal: Terminal) -> None:
    rows = [row for row in found.rows if row.note]
    level = len(found.rows) - len(rows)
    terminal.say("", "Timus, our table, Autotask", style="bold")
    terminal.table(
        ("customer", "subscription", "SKU", "Timus", "table", "Autotask", "what"),
        [(r.customer_id, r.subscription_id, r.sku, r.timus, r.table, r.autotask, r.note) for r in rows],
        empty="Our table says what Timus says.",
    )
    if rows and level:
        terminal.say(f"{level} more are as Timus says.")


# -- A table from an earlier time


def restore(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Bring the records back to what they were at a time, with everything paused, and compare them with Autotask."""
    moment = in_utc(arguments.to, deployment)
    if moment >= deployment.clock.now():
        raise Failed("--to is no time that has been.", USAGE)
    terminal.say(
        f"Everything is paused. The records become what they were at {moment:%Y-%m-%d %H:%M} UTC; "
        "events and changes since stay on record, and the events are merged again. Nothing is posted."
    )
    _agreed(arguments, terminal, "Shall this be done?")
    if arguments.dry_run:
        return {**recover.Restored(0, (), 0).to_json(), "written": False, **NOTHING_POSTED}
    done = recover.restore(deployment, moment, operator(arguments), terminal.say)
    terminal.say(f"{len(done.contracts)} contracts are looked at, and {done.events} events are merged again.")
    _looked_at(deployment, terminal)
    _run(deployment, terminal)
    run, found = last_run(deployment.table).value, [*findings(deployment.table)]
    _show(run, found, terminal)
    terminal.say("", NEXT)
    return {
        **done.to_json(),
        "written": True,
        **NOTHING_POSTED,
        **reconciled_form(run, found),
    }


NOTHING_POSTED = {"preview": preview_form(Preview()), "totals": totals_form(Preview().totals)}
"""While everything is paused, nothing is."""


def _after_restore(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> list[int]:
    terminal.say(
        "Everything is paused, approvals given before are dropped, and every contract is looked at. Nothing is posted."
    )
    _agreed(arguments, terminal, "Was the table restored, and shall this be done?")
    if arguments.dry_run:
        return []
    contracts = recover.after_restore(deployment.ports, operator(arguments))
    terminal.say(f"Paused; {len(contracts)} contracts are looked at.", style="green")
    _looked_at(deployment, terminal)
    terminal.say(NEXT)
    return [*contracts]


def _agreed(arguments: Namespace, terminal: Terminal, question: str) -> None:
    if arguments.dry_run:
        terminal.say("Nothing was written (--dry-run).")
    elif not arguments.yes and not terminal.confirm(question):
        raise Failed("Nothing was written.")


def _looked_at(deployment: Deployment, terminal: Terminal) -> None:
    """Wait until the workers have looked at every contract: a reconcile leaves to them what they are about to look at."""
    until = deployment.clock.now() + AT_MOST
    while left := sum(work.generation != work.converged for work, _ in deployment.store.contract_states()):
        if deployment.clock.now() > until:
            raise Failed(
                f"{left} contracts are still to be looked at. Later: timus-autotask reconcile. {NEXT}"
            )
        terminal.say(f"{left} contracts are still to be looked at.")
        deployment.clock.sleep(LOOKED_EACH)


# -- Bring back


def redrive(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Send the wake-ups that failed for good again."""
    proposal = recover.redrive(deployment, operator(arguments), progress(terminal))
    found = proposal.result
    if found.strange:
        terminal.say(
            f"{len(found.strange)} messages are no wake-ups of ours and stay where they are.", style="red"
        )
    if not found.woken:
        terminal.say("There are no dead letters.")
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: (
            terminal.say(f"Woken again: {', '.join(done.woken)}.", style="green") if done.woken else None
        ),
        f"Wake {', '.join(found.woken)} again?" if found.woken else "",
    )


def replay(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Put stored events into the inbox again."""
    proposal = recover.replay_since(
        deployment,
        in_utc(arguments.since, deployment),
        operator(arguments),
        customer=arguments.customer,
        parked=arguments.parked,
        on_progress=progress(terminal),
    )
    found = proposal.result
    terminal.say(f"{found.events} events of {found.customers} customers.")
    told = carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(
            f"{done.replayed} events are merged again; those that say nothing new change nothing.",
            style="green",
        ),
        "Put them into the inbox again?" if found.events else "",
    )
    return told if told["written"] else {**told, "replayed": 0}


def queries(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Queries for CloudWatch Logs Insights, with this stack's log groups."""
    shown = []
    for query in QUERIES:
        groups = [group_of(deployment.stack, function) for function in query.functions]
        terminal.say(f"# {query.title}", style="bold")
        terminal.say(f"# log groups: {', '.join(groups)}", query.text, "")
        shown.append({"words": query.title, "log_groups": groups, "query": query.text})
    return {"queries": shown}
