"""``preview``, ``go-live`` and ``observe``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from timus_autotask.cli.proposing import carry_out, operator, progress, show_posting, totals_in_words
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate import stage
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.preview import what_would_be_posted
from timus_autotask.operate.stage import StageChange
from timus_autotask.watch.forms import preview_form, totals_form


def preview(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What would be posted, and nothing else."""
    found = what_would_be_posted(deployment, arguments.customer, progress(terminal))
    show_posting(found.preview, terminal)
    if not found.live:
        option = f" --customer {arguments.customer}" if arguments.customer else ""
        terminal.say("This observes: nothing of it is posted before go-live.", style="bold yellow")
        terminal.say(Whole(f"→ timus-autotask go-live{option}"), style="yellow")
    return {
        "live": found.live,
        "contracts": preview_form(found.preview),
        "totals": totals_form(found.preview.totals),
    }


def go_live(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Let changes reach Autotask from now on."""
    proposal = stage.go_live(
        deployment,
        operator(arguments),
        arguments.customers or (),
        arguments.excepted or (),
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    question = f"Go live? At once: {totals_in_words(proposal.preview)}."

    def told(done: StageChange) -> None:
        terminal.say(f"Live: {', '.join(done.customers) or 'everybody'}.", style="green")
        if done.observing:
            terminal.say(f"Still observing: {', '.join(done.observing)}.")

    return carry_out(proposal, arguments, terminal, told, question, show_posting)


def observe(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Write nothing to Autotask from now on."""
    done = stage.observe(
        deployment, operator(arguments), arguments.customers or (), unknown=arguments.unknown
    )
    whose = ", ".join(done.customers) or "everybody"
    terminal.say(f"Observing: {whose}. Nothing is written to Autotask until go-live.", style="green")
    if done.settling:
        terminal.say(
            f"{done.settling} {'adjustment was' if done.settling == 1 else 'adjustments were'} under way; how it ended is "
            "still found out, by reads. See: timus-autotask changes"
        )
    return done.to_json()
