"""``retry``, ``drift``, ``approve``, ``reject``, ``undo``, ``events accept`` and ``dismiss``, ``policy``, ``pause`` and ``resume``."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from timus_autotask.cli.command import DEFAULT
from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import carry_out, operator, progress
from timus_autotask.cli.terminal import Terminal
from timus_autotask.domain.line import Choice
from timus_autotask.operate import decisions, parked_events, terms
from timus_autotask.operate import undo as undoing
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_customer_to_show
from timus_autotask.operate.terms import TermChange, TermsInForce, all_in_words, in_words
from timus_autotask.watch.money import about
from timus_autotask.watch.remedy import commands
from timus_autotask.watch.wording import counted


def retry(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Look at a contract now, and send again what Autotask refused; or open one again that it refused."""
    contract, by, reads = arguments.contract_id, operator(arguments), progress(terminal)
    if isinstance(contract, str):
        provisioning = decisions.retry_provisioning(deployment, contract, by, reads)
        answer = f"Contract {contract} is looked for within a minute, and opened if it is not there."
        return carry_out(provisioning, arguments, terminal, lambda _: terminal.say(answer))
    proposal = decisions.retry(deployment, contract, by, reads)
    answer = f"Contract {contract} is looked at now; see: timus-autotask status --contract {contract}"
    return carry_out(proposal, arguments, terminal, lambda _: terminal.say(answer))


def drift(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Decide about a line whose units somebody else changed."""
    choice = Choice.ENFORCE if arguments.enforce else Choice.ADOPT
    proposal = decisions.decide_drift(
        deployment,
        arguments.contract_id,
        arguments.service_id,
        choice,
        operator(arguments),
        progress(terminal),
    )
    terminal.say(proposal.result.message)
    answers = {
        Choice.ENFORCE: "The line is brought back to what Timus says, without what somebody rejected or undid.",
        Choice.ADOPT: "The difference stays, on top of what Timus says.",
    }
    return carry_out(proposal, arguments, terminal, lambda _: terminal.say(answers[choice], style="green"))


def approve(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Let one held adjustment go, exactly as it is shown."""
    proposal = decisions.approve(
        deployment, arguments.contract_id, arguments.service_id, operator(arguments), progress(terminal)
    )
    terminal.say(proposal.result.message)
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(f"Approved by {done.by}: {done.change}.", style="green"),
    )


def reject(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Set one held adjustment aside, with a reason."""
    proposal = decisions.reject(
        deployment,
        arguments.contract_id,
        arguments.service_id,
        arguments.reason,
        operator(arguments),
        progress(terminal),
    )
    terminal.say(proposal.result.message)
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(
            f"Rejected by {done.by}: {done.change}. It comes back when Timus reports something newer, or by approve.",
            style="green",
        ),
    )


def undo(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Take back a change that was made, by its opposite; or such an undo, while nothing was made of it."""
    if arguments.withdraw:
        return _withdraw(deployment, arguments, terminal)
    proposal = undoing.undo(
        deployment, arguments.change_id, arguments.reason, operator(arguments), progress(terminal)
    )
    for side in proposal.result.sides:
        terminal.say(
            f"Change {side.change_id} is taken back: {side.change}, to {side.units}"
            + (f" instead of {side.instead_of}" if side.units != side.instead_of else ", as Timus says")
            + (f", until {side.until}: then what Timus says counts again." if side.until else ".")
        )
    terminal.say(*filter(None, [proposal.result.taken_days, proposal.result.prices_that_stay]))
    if (estimate := proposal.result.estimate) is not None:
        terminal.say(
            f"The undo alone, estimated: {about(estimate)}. Autotask prorates, prices and rounds by itself."
        )
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(
            f"Undone by {done.by}: {done.change}. It stays so until Timus reports another quantity, the terms make it another, or this is undone.",
            style="green",
        ),
    )


def _withdraw(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    proposal = undoing.withdraw(
        deployment, arguments.change_id, arguments.reason, operator(arguments), progress(terminal)
    )
    for side in proposal.result.sides:
        terminal.say(f"Change {side.change_id} stays as it is: {side.change} will not be made.")
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(f"Withdrawn by {done.by}: {done.change} will not be made.", style="green"),
    )


# -- Events that are parked


def accept_event(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Believe an event that disagrees with what is known about whether it is the newest, or whose it is."""
    proposal = parked_events.accept(deployment, arguments.key, operator(arguments), progress(terminal))
    found = proposal.result
    again = f"{counted(found.merged_again, 'event is', 'events are')} merged again."
    if found.moved_from:
        terminal.say(
            f"Subscription {found.subscription_id} is customer {found.customer_id}'s from {found.day} on. Until then it was customer "
            f"{found.moved_from}'s, and stays billed there. {again}"
        )
    else:
        terminal.say(
            f"Version {found.version} of subscription {found.subscription_id} (customer {found.customer_id}) is believed and counts as "
            f"{found.counted_as}. {again}"
        )
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: terminal.say(
            commands(
                "Accepted; see: timus-autotask status --customer {customer}", {"customer": done.customer_id}
            ),
            style="green",
        ),
    )


def dismiss_events(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Set parked events aside, with a reason."""
    done = parked_events.dismiss(deployment, arguments.keys, arguments.reason, operator(arguments))
    terminal.say(f"Dismissed by {done.by}: {', '.join(done.events)}. They are still shown.", style="green")
    return done.to_json()


# -- The partner's terms


def policy_show(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """The terms in force, and who set them."""
    if arguments.customer is not None:
        require_customer_to_show(deployment, arguments.customer)
    found = terms.with_shared_lines(terms.terms_in_force(deployment.store, arguments.customer), deployment)
    _show_terms(found, terminal)
    return found.to_json()


def _show_terms(found: TermsInForce, terminal: Terminal) -> None:
    values = found.to_json()["policy"]
    terminal.table(
        ("policy", "value", "set by"),
        [(name, in_words(value), found.origins[name]) for name, value in values.items()],
        empty="",
    )
    terminal.say(*found.shared)
    if found.set_at:
        by = f" by {found.set_by}." if found.set_by else "."
        terminal.say(f"Set on {found.set_at:%Y-%m-%d %H:%M} UTC{by}")
    for former in reversed(found.earlier):
        held = f"until {former.until}" if former.until > date.min else "never billed"
        by = f", set by {former.by}" if former.by else ""
        terminal.say(f"Before ({held}{by}): {all_in_words(former.values)}")


def policy_set(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Change terms, and have every contract that they concern looked at."""
    follows = arguments.first_day is DEFAULT
    proposal = terms.set_terms(
        deployment,
        _changes(arguments.orders),
        arguments.customer,
        operator(arguments),
        first_day=None if follows else arguments.first_day,
        from_today_if_billed=follows,
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    whose = arguments.customer or "everybody"
    changed = proposal.result.changed or {}
    for name, (before, after) in changed.items():
        since = (
            f"from {proposal.result.first_day} on"
            if proposal.result.first_day
            else "as if it had always held"
        )
        terminal.say(f"{name} for {whose}: {in_words(before)} → {in_words(after)}, {since}")
    if not changed:
        terminal.say(f"Nothing changes for {whose}.")
    return carry_out(proposal, arguments, terminal, lambda done: _show_terms(done, terminal))


def _changes(orders: Sequence[str]) -> list[TermChange]:
    """What is ordered; each term once, for nobody can tell which of two is meant."""
    changes = [_change(order) for order in orders]
    twice = [path for path, count in Counter(change.path for change in changes).items() if count > 1]
    if twice:
        raise Failed(f"{', '.join(twice)}: given more than once. Nothing was changed.", USAGE)
    return changes


def _change(order: str) -> TermChange:
    """One ``KEY=VALUE`` or ``KEY.PART=VALUE``."""
    path, equals, value = order.partition("=")
    if not equals:
        raise Failed(f"{order}: write KEY=VALUE, or KEY= to go back to the default.", USAGE)
    name, _, part = path.partition(".")
    return TermChange(name, value, part)


def pause(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Make no adjustment until ``resume``; events are still taken in."""
    done = terms.pause(deployment, arguments.customer, operator(arguments), unknown=arguments.unknown)
    terminal.say(f"Changes are paused for {arguments.customer or 'everybody'}.", style="green")
    return done.to_json()


def resume(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Go on after ``pause``."""
    proposal = terms.resume(
        deployment,
        arguments.customer,
        operator(arguments),
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )

    def say(done: terms.Paused) -> None:
        terminal.say(f"Changes go on for {done.customer or 'everybody'}.", style="green")
        if done.customer is None and done.others:
            terminal.say(f"Still paused on their own: {', '.join(done.others)}.")
        if done.customer is not None and done.everybody:
            terminal.say("Everybody is still paused: timus-autotask resume")

    return carry_out(proposal, arguments, terminal, say)
