"""``console``: the same as the command, in a browser on this machine."""

from __future__ import annotations

from argparse import Namespace

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.proposing import operator
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate.deployment import Deployment


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
            terminal.result({"address": found})
        told.append(found)

    try:
        serve(deployment, operator(arguments), arguments.port, address)
    except PortTaken as taken:
        raise Failed(
            f"Port {arguments.port} of this machine is taken ({taken}). Choose another one: --port 0", USAGE
        ) from taken
