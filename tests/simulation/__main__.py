"""``python -m tests.simulation --schedules N [--seed S] [--profile P] [--jobs J]``: the real handlers under seeded faults.

Exit status 1 when a promise was broken: the first failing seed is shrunk and told in words. With one schedule its trace hash shows
that a seed replays byte for byte; ``--aloud`` tells its whole history.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.pages import write_part
from tests.simulation.campaign import Tally, campaign
from tests.simulation.crew import quiet
from tests.simulation.past import Past, dump
from tests.simulation.rates import PROFILES
from tests.simulation.scheduler import Decisions
from tests.simulation.shrink import shrink
from tests.simulation.story import told
from tests.simulation.world import run

ENOUGH = 100
"""How often each fault at each site, and each rare state, must have come up before a whole run says anything about it."""
WHOLE = 100_000


def main(arguments: list[str] | None = None) -> int:
    """Run, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--schedules", type=int, help="how many seeds (default 1,000, or only the one that is named)"
    )
    parser.add_argument("--seed", type=int, help="the first of them (default 0)")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="stress", help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument(
        "--aloud", action="store_true", help="tell the history of the first seed, and run no other"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/exactness.md")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    first = chosen.seed or 0
    if chosen.aloud:
        return _aloud(console, first, chosen.profile)
    began = time.monotonic()
    seeds = range(first, first + (chosen.schedules or (1_000 if chosen.seed is None else 1)))
    tally = campaign(chosen.profile, seeds, chosen.jobs)
    _tell(console, tally, time.monotonic() - began)
    short = _short(tally) if len(seeds) >= WHOLE and chosen.profile == "stress" else []
    for words in short:
        console.print(f"[yellow]reached less than {ENOUGH} times:[/] {words}")
    if tally.failures:
        _explain(console, tally.failures[0][0], chosen.profile)
    elif chosen.write:
        write_part("exactness.md", f"schedules-{chosen.profile}", "make simulation", page(tally, first))
    return 1 if tally.failures or short else 0


def _aloud(console: Console, seed: int, profile: str) -> int:
    quiet()
    result = run(told(seed, PROFILES[profile]), Decisions(seed, PROFILES[profile]), aloud=True)
    for words in result.words:
        console.print(words, markup=False, highlight=False)
    console.print(f"trace {result.digest}, {len(result.violations)} violations")
    return 1 if result.violations else 0


def _tell(console: Console, tally: Tally, seconds: float) -> None:
    table = Table(title=f"{tally.schedules:,} schedules, profile {tally.profile}", show_header=False)
    reach, rare = tally.reach, tally.rare
    for what, value in (
        ("violations", len(tally.failures)),
        ("adjustments made", f"{tally.posts:,}"),
        ("calls to the outside", f"{tally.steps:,}"),
        ("faults that struck", f"{sum(tally.faults.values()):,}"),
        ("kinds of fault × site", f"{len(reach)}, the rarest {min(reach.values(), default=0):,} times"),
        ("rare states", f"{len(rare)}, the rarest {min(rare.values(), default=0):,} times"),
        *((name, f"{times:,} times") for name, times in tally.of_this_profile.items()),
        ("longest time to rest", f"{tally.longest_rest:.0f} s of virtual time"),
        ("trace of all", tally.digest),
        ("took", f"{seconds:.0f} s"),
    ):
        table.add_row(what, str(value))
    console.print(table)
    for seed, words in tally.failures[:10]:
        console.print(f"[red]seed {seed}[/]: {words}", highlight=False)


def _short(tally: Tally) -> list[str]:
    shorts: Mapping[Any, int] = {**tally.reach, **tally.rare}
    return [
        f"{' × '.join(what) if isinstance(what, tuple) else what}: {times}"
        for what, times in shorts.items()
        if times < ENOUGH
    ]


def _explain(console: Console, seed: int, profile: str) -> None:
    quiet()
    story = told(seed, PROFILES[profile])
    result = run(story, Decisions(seed, PROFILES[profile]))
    console.print(f"\n[bold]seed {seed}[/] (trace {result.digest}), shrunk:")
    small, faults = shrink(story, result)
    again = run(small, Decisions(seed, listed=faults), aloud=True)
    for words in again.words:
        console.print(words, markup=False, highlight=False)
    name = f"{again.violations[0].promise}-{seed}.json"
    console.print(f"\nTo repeat it in every test run, save this as tests/simulation/past/{name}:")
    failure = Past(str(again.violations[0]), small, tuple((*place, fault) for place, fault in faults.items()))
    console.print(dump(failure), markup=False, highlight=False, end="")


def page(tally: Tally, first: int) -> str:
    """The figures, for the docs."""
    reach, rare = tally.reach, tally.rare
    rarest = sorted(rare.items(), key=lambda one: one[1])
    rows = [
        ("schedules", f"{tally.schedules:,} (seeds {first:,} to {first + tally.schedules - 1:,})"),
        (
            "**violations**",
            f"**{len(tally.failures)}** (with 95 % confidence fewer than 1 in {tally.schedules // 3:,})",
        ),
        ("adjustments that were made", f"{tally.posts:,}"),
        ("calls to the outside", f"{tally.steps:,}"),
        ("faults that struck", f"{sum(tally.faults.values()):,}"),
        ("kinds of fault × site", f"{len(reach)}; the rarest struck {min(reach.values()):,} times"),
        *((f"{name}, times", f"{times:,}") for name, times in tally.of_this_profile.items()),
        ("longest time from the end of the faults until at rest", f"{tally.longest_rest:.0f} s (virtual)"),
        ("hash of all traces", f"`{tally.digest}`"),
    ]
    lines = ["| | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows), ""]
    if tally.profile == "stress":
        lines += [
            "| rare state | reached |",
            "|---|---:|",
            *(f"| {name} | {times:,} |" for name, times in rarest),
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
