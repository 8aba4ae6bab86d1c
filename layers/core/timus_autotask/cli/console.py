"""``console`` and ``report``: the same as the command, in a browser on this machine or as a file."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.files import write
from timus_autotask.cli.proposing import operator
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate.deployment import Deployment
from timus_autotask.watch.forms import address_form


def console(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> None:
    """Serve it until Ctrl-C, with this user's own rights."""
    from timus_autotask.web.serve import PortTaken, serve

    told: list[str] = []

    def address(found: str) -> None:
        if told:
            terminal.say("That address is used now. In another browser, open:", Whole(f"  {found}"))
        else:
            terminal.say(
                "Open the console:",
                Whole(f"  {found}"),
                "It is for you alone, and good once. Ctrl-C ends it.",
            )
            terminal.result(address_form(found))
        told.append(found)

    try:
        serve(deployment, operator(arguments), arguments.port, address)
    except PortTaken as taken:
        raise Failed(
            f"Port {arguments.port} of this machine is taken ({taken}). Choose another one: --port 0", USAGE
        ) from taken


def report(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Write what the console shows as one file."""
    from timus_autotask.web.desk import Desk
    from timus_autotask.web.report import report as made

    with terminal.while_busy("Records and Autotask are read …"):
        found = made(Desk(deployment, operator(arguments)), arguments.month or deployment.today)
    write(arguments.html, found.html)
    terminal.say(f"{found.sentence}.", style="bold")
    terminal.say(f"Written to {arguments.html}.", style="green")
    return found.to_json(arguments.html)
