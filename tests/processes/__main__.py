"""``python -m tests.processes --rounds 200 [--seed N]``: kill workers in the middle of their work, then compare the books.

Exit status 1 if a line of any client ends with other units than Timus said. With ``--report`` the figures go to
``docs/exactness-processes.md``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.processes.rounds import CLIENTS, QUICK_TIMEOUTS, SETTLE_SECONDS, Outcome, run

REPORT = Path(__file__).resolve().parent.parent.parent / "docs" / "exactness-processes.md"


def main(arguments: list[str] | None = None) -> int:
    """Run, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.processes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the stories and delays (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="shorter time-outs of functions and messages")
    parser.add_argument("--report", action="store_true", help=f"write docs/{REPORT.name}")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()

    def progress(message: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {message}", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="timus-autotask-processes-") as folder:
        outcome = run(chosen.rounds, chosen.seed, Path(folder), quick=chosen.quick, progress=progress)
    text = report(outcome, chosen.seed, quick=chosen.quick)
    print(text)
    if chosen.report:
        REPORT.write_text(f"# Killed workers\n\n<!-- Written by `make processes`; do not edit. -->\n\n{text}")
    during = sum(bool(killing.during_post) for killing in outcome.rounds)
    return 0 if not outcome.wrong and during * 3 >= len(outcome.rounds) == chosen.rounds else 1


def report(outcome: Outcome, seed: int, *, quick: bool) -> str:
    """The report."""
    rounds = outcome.rounds
    during = [killing for killing in rounds if killing.during_post]
    faults = Counter(fault for killing in during for fault in killing.during_post)
    clients = [client for killing in rounds for client in killing.clients]
    timeouts = f"{QUICK_TIMEOUTS['ApplyChanges']} s" if quick else "the template's 60 s"
    rows = [
        ("rounds", len(rounds)),
        ("processes killed with SIGKILL", sum(killing.killed for killing in rounds)),
        ("rounds killed during a POST to ContractServiceAdjustments", len(during)),
        *((f"POSTs with the fault “{kind}”", number) for kind, number in sorted(faults.items())),
        (
            "rounds killed at a random moment with work in flight",
            sum(not killing.aimed for killing in rounds),
        ),
        ("clients with events in the inbox at the kill", sum(killing.waiting for killing in rounds)),
        ("contracts with a worker at them at the kill", sum(killing.working for killing in rounds)),
        ("kills without work in flight (not counted as rounds)", outcome.idle),
        ("clients", len(clients)),
        ("webhooks", sum(len(client.story.deliveries) for client in clients)),
        *((f"clients of the kind “{kind}”", n) for kind, n in Counter(c.story.kind for c in clients).items()),
        *((f"adjustments that reached Autotask: {what}", n) for what, n in sorted(outcome.posts.items())),
        ("lines compared", outcome.lines),
        ("line days compared", outcome.days),
        ("dead letters", outcome.dead_letters),
        ("**differences**", len(outcome.wrong)),
    ]
    lines = [
        f"`python -m tests.processes --rounds {len(rounds)} --seed {seed}`: the deployed template on the emulator and the Autotask",
        f"simulator, each in processes of its own. In each round {CLIENTS} new clients change seats and plans, and every",
        "process of the worker and of the sweep is killed, while earlier rounds still recover. At rest, each line of each",
        "client is compared on each day. Each adjustment must be the one that was needed: once, with that change, on that day.",
        "",
        "The seed fixes the events and the delays, not the moment within the process at which it is killed. The settling",
        f"time is {SETTLE_SECONDS} s instead of 900 s. The sweep runs every 2 s besides its schedule. Functions time out after {timeouts}.",
        "Autotask's own limits on requests are off.",
        "",
        "| | |",
        "|---|---:|",
        *(f"| {what} | {number} |" for what, number in rows),
        "",
        f"{outcome.seconds / 60:.0f} minutes; at rest {outcome.rest_seconds:.0f} s after the last kill.",
        "",
        *(f"* {words}" for words in outcome.wrong),
    ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
