"""``reconcile``, ``restore``, ``redrive``, ``replay`` and ``logs queries``: find what got lost, and bring it back."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from timus_autotask.cli.failure import USAGE, WAYS, Failed, file_refused
from timus_autotask.cli.files import read
from timus_autotask.cli.invoicing import beside_invoice, beyond_invoice
from timus_autotask.cli.proposing import agreed, ask, carry_out, operator, progress
from timus_autotask.cli.terminal import Terminal, utc
from timus_autotask.cli.watching import in_utc
from timus_autotask.operate import recover
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.files.timus_export import Comparison, ExportFile
from timus_autotask.operate.proposal import Asked, Proposal
from timus_autotask.operate.reconcile import (
    AgainstTimus,
    FollowedUp,
    Reconciled,
    ToCompare,
    compare_and_decide,
)
from timus_autotask.operate.refusal import Way
from timus_autotask.store.runs import Run
from timus_autotask.watch.forms import log_queries_form
from timus_autotask.watch.log_queries import QUERIES
from timus_autotask.watch.wording import counted

NEXT = (
    "Next: compare with Timus: timus-autotask reconcile --timus-export FILE",
    "Then decide about what is parked: timus-autotask status",
    "And only then: timus-autotask resume",
)


def reconcile(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Compare everything with Autotask; with a file, Timus with both."""
    if arguments.timus_invoice:
        return beside_invoice(deployment, arguments, terminal)
    _make_sense(arguments)
    wanted = _to_compare(arguments)
    restored = _after_restore(deployment, arguments, terminal) if arguments.after_restore else None
    with ExitStack() as busy:
        busy.enter_context(terminal.while_busy("The contracts are compared with Autotask …"))
        try:
            found = compare_and_decide(
                deployment,
                wanted,
                operator(arguments),
                _AtTheTerminal(arguments, terminal, busy),
                on_compared=_counting_on(terminal),
                on_progress=progress(terminal),
            )
        except FileRefused as refused:
            raise file_refused(wanted.source, refused) from None
    result = replace(found, restored=restored).to_json()
    stopped, against = found.compared.run.stopped, found.against_timus
    if stopped:
        signed_out = deployment.ports.store.circuit().value.signed_out(deployment.ports.clock.now())
        helps = f" {WAYS[Way.SET_CREDENTIALS]}" if signed_out else ""
        raise Failed(f"It stopped: {stopped}. The next run goes on from there.{helps}", result=result)
    undecided = [*_undecided(against)] if against else []
    if undecided:
        raise Failed(" ".join(undecided), result=result)
    return result


@dataclass(frozen=True, slots=True)
class _AtTheTerminal:
    """Shows at the terminal what a comparison found, and asks there what follows from it."""

    arguments: Namespace
    terminal: Terminal
    comparing: ExitStack
    """What is said while Autotask is compared; closed once it is."""

    def see_autotask(self, found: Reconciled) -> None:
        self.comparing.close()
        _show(found, self.terminal)

    def see_timus(self, found: AgainstTimus) -> None:
        _show_comparison(found.comparison, self.terminal)
        _show_suspicions(found, self.terminal)

    def follow_up(self, proposal: Proposal[FollowedUp], events: int) -> Asked[FollowedUp]:
        def say(done: FollowedUp) -> None:
            if events:
                taken_in = counted(done.taken_in, "event was", "events were")
                self.terminal.say(f"{taken_in} taken in; see: timus-autotask events", style="green")
            if done.looked_at:
                self.terminal.say(_looked_at(len(done.looked_at)))

        return ask(proposal, self.arguments, self.terminal, say, _question(proposal, events))


def _question(proposal: Proposal[FollowedUp], events: int) -> str:
    """What is asked; ``""``: nothing has to be, for nothing would be adjusted."""
    contracts = proposal.result.looked_at
    if events:
        look = f", and let the workers look at {counted(len(contracts), 'contract')}" if contracts else ""
        return f"Take {events} of these in as events{look}?"
    return "Let the workers look at this?" if any(one.changes for one in proposal.preview.contracts) else ""


def _make_sense(arguments: Namespace) -> None:
    """Raises :class:`Failed` for options that belong to a file that is not given."""
    if beyond_invoice(arguments):
        raise Failed(
            f"{beyond_invoice(arguments)} is about an invoice: give --timus-invoice FILE too.", USAGE
        )
    if arguments.accept and not arguments.timus_export:
        raise Failed("--accept is about a file: give --timus-export FILE too.", USAGE)


def _undecided(against: AgainstTimus) -> Iterator[str]:
    """What a person has to decide before all of the file can be taken in."""
    if against.held:
        ids = ", ".join(one.id for one in against.open_suspicions)
        yield (
            f"Held as suspicious: {against.held} of {counted(against.missing, 'event')}; --yes does not release them. For each "
            f"suspicion that is right, give the same command again with --accept and its id. The ids: {ids}"
        )
    for other in against.comparison.contradicted:
        yield (
            f"Version {other.version} of subscription {other.subscription_id} says otherwise in the file than we know: nothing of it was "
            "taken in. Ask Timus which is right. If the file is, give it without that version: it becomes the next one."
        )
    for one in against.comparison.moved:
        yield (
            f"Subscription {one.subscription_id} is customer {one.told_as}'s in the file, and we know it as customer {one.known_as}'s: "
            "nothing is billed by it before a person has said whose it is. See: timus-autotask events --parked"
        )


def _counting(terminal: Terminal) -> Callable[[Run], None]:
    return lambda run: terminal.say(
        f"{run.contracts} of {counted(run.of, 'contract')}, {counted(run.calls, 'call')}"
    )


def _counting_on(terminal: Terminal) -> Callable[[Run], None]:
    """How far a comparison is: to a person on one line that is written over, to a log line by line."""
    if not terminal.console.is_terminal:
        return _counting(terminal)
    return lambda run: terminal.busy(
        f"{run.contracts} of {counted(run.of, 'contract')} compared, {counted(run.calls, 'call')}"
    )


def _show(compared: Reconciled, terminal: Terminal) -> None:
    run = compared.run
    if not run.id:
        terminal.say("Nothing was compared yet.")
        return
    when = f"finished {utc(run.finished)}" if run.finished else f"begun {utc(run.started)}"
    terminal.say(
        f"{run.contracts} of {counted(run.of, 'contract')}, {counted(run.lines, 'line')}, {counted(run.calls, 'call')}; {when}."
    )
    terminal.say(*run.notes)
    terminal.table(
        ("found", "contract", "service", "customer", "baseline", "Autotask", "what"),
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
            for one in sorted(
                compared.findings, key=lambda one: (not one.is_drift, one.kind, one.contract_id or 0)
            )
        ],
        empty="Nothing was found.",
    )
    if run.woken:
        terminal.say(_looked_at(run.woken))


def _looked_at(contracts: int) -> str:
    return f"{counted(contracts, 'contract is', 'contracts are')} looked at by the worker now; what it parks: timus-autotask status"


# -- Against Timus


def _to_compare(arguments: Namespace) -> ToCompare:
    """What the options ask for, with what the file says; fails with each row of it that is wrong."""
    wanted, name = ToCompare(arguments.last, arguments.deep), arguments.timus_export
    if not name:
        return wanted
    file, data = Path(name).name, read(name)
    try:
        exported = ExportFile(file, data).subscriptions()
    except FileRefused as refused:
        raise file_refused(name, refused) from None
    return replace(wanted, exported=exported, source=file, accepted=arguments.accept or ())


def _show_suspicions(against: AgainstTimus, terminal: Terminal) -> None:
    if not against.comparison.suspicions:
        return
    terminal.say("", "Suspicious", style="bold")
    terminal.table(
        ("id", "what", "holds"),
        [
            (
                one.id,
                one.message,
                "accepted" if one.id in against.accepted else counted(len(one.holds), "subscription"),
            )
            for one in against.comparison.suspicions
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
    moment = recover.in_the_past(in_utc(arguments.to, deployment), deployment)
    terminal.say(
        f"Everything will be paused, and the records become what they were at {moment:%Y-%m-%d %H:%M} UTC. "
        "Events and changes since then stay on record, and the events are merged again. No adjustment is made."
    )
    _has_to_be_meant(arguments, terminal)
    if not agreed(arguments, terminal, "Shall this be done?"):
        return recover.Restored().to_json()
    done = recover.restore(deployment, moment, operator(arguments), terminal.say, _counting(terminal))
    _all_looked_at(done.not_looked_at)
    if done.compared:
        _show(done.compared, terminal)
    terminal.say("", *NEXT)
    return done.to_json()


def _has_to_be_meant(arguments: Namespace, terminal: Terminal) -> None:
    """A script has to say that everybody is to be paused."""
    if not (terminal.asks or arguments.yes or arguments.dry_run):
        raise Failed("It pauses everybody. Nothing was written; if it is meant: --yes.")


def _after_restore(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> tuple[int, ...]:
    terminal.say(
        "Everything will be paused, earlier approvals dropped, and every contract looked at. No adjustment is made."
    )
    _has_to_be_meant(arguments, terminal)
    if not agreed(arguments, terminal, "Was the table restored, and shall this be done?"):
        return ()
    done = recover.make_safe(
        deployment,
        operator(arguments),
        lambda contracts: terminal.say(
            f"Paused; {counted(len(contracts), 'contract is', 'contracts are')} looked at.", style="green"
        ),
        terminal.say,
    )
    _all_looked_at(done.not_looked_at)
    terminal.say(*NEXT)
    return done.contracts


def _all_looked_at(left: int) -> None:
    if left:
        raise Failed(
            f"{counted(left, 'contract is', 'contracts are')} still to be looked at. Later: timus-autotask reconcile",
            details=NEXT,
        )


# -- Bring back


def redrive(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Send the wake-ups that failed for good again."""
    with terminal.while_busy("The dead letters are read …"):
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
    with terminal.while_busy("The events are read …"):
        proposal = recover.replay_since(
            deployment,
            in_utc(arguments.since, deployment),
            operator(arguments),
            customer=arguments.customer,
            parked=arguments.parked,
            on_progress=progress(terminal),
        )
    found = proposal.result
    terminal.say(f"{counted(found.events, 'event')} of {counted(found.customers, 'customer')}.")
    asked = ask(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(
            f"{counted(done.replayed, 'event is', 'events are')} merged again; what says nothing new changes nothing.",
            style="green",
        ),
        "Put them into the inbox again?" if found.events else "",
    )
    return recover.ReplayAsked(asked).to_json()


def queries(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Queries for CloudWatch Logs Insights, with this stack's log groups."""
    stack = deployment.stack
    for query in QUERIES:
        terminal.say(f"# {query.title}", style="bold")
        terminal.say(f"# log groups: {', '.join(query.log_groups(stack))}", query.text, "")
    return log_queries_form(stack)
