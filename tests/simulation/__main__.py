"""``python -m tests.simulation --schedules N [--seed S] [--profile P …] [--jobs J]``: the real handlers under seeded faults.

Exit status 1 when a promise was broken: the first failing seed is shrunk and told in words. With one schedule its trace hash shows
that a seed replays byte for byte; ``--aloud`` tells its whole history.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
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
from tests.simulation.watch import OF_SOME_PROFILES, RARE
from tests.simulation.world import run

ENOUGH = 10
"""How often each fault at each site, and each rare state, must have come up before a whole run says anything about it."""
WHOLE = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Run, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument(
        "--schedules", type=int, help="how many seeds (default 1,000, or only the one that is named)"
    )
    parser.add_argument("--seed", type=int, help="the first of them (default 0)")
    parser.add_argument(
        "--profile",
        nargs="+",
        choices=sorted(PROFILES),
        default=["stress"],
        help="default stress; several in turn",
    )
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument(
        "--aloud", action="store_true", help="tell the history of the first seed, and run no other"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/exactness.md")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    first = chosen.seed or 0
    if chosen.aloud:
        return _aloud(console, first, chosen.profile[0])
    seeds = range(first, first + (chosen.schedules or (1_000 if chosen.seed is None else 1)))
    tallies = [_campaign(console, profile, seeds, chosen.jobs) for profile in chosen.profile]
    short = [words for tally in tallies for words in _short(tally)]
    for words in short:
        console.print(f"[yellow]reached less than {ENOUGH} times:[/] {words}")
    failed = [tally for tally in tallies if tally.failures]
    if failed:
        _explain(console, failed[0].failures[0][0], failed[0].profile)
    elif chosen.write:
        write_part("exactness.md", "schedules", "make simulation", page(tallies, first))
    return 1 if failed or short else 0


def _campaign(console: Console, profile: str, seeds: range, jobs: int | None) -> Tally:
    began = time.monotonic()
    tally = campaign(profile, seeds, jobs)
    _tell(console, tally, time.monotonic() - began)
    return tally


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
    if tally.profile != "stress" or tally.schedules < WHOLE:
        return []
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


def page(tallies: Sequence[Tally], first: int) -> str:
    """The figures, for the docs: a column for each profile."""
    columns: Sequence[tuple[str, Callable[[Tally], str]]] = (
        ("schedules", lambda tally: f"{tally.schedules:,}"),
        ("**violations**", lambda tally: f"**{len(tally.failures)}**"),
        ("adjustments that were made", lambda tally: f"{tally.posts:,}"),
        ("calls to the outside", lambda tally: f"{tally.steps:,}"),
        ("faults that struck", lambda tally: f"{sum(tally.faults.values()):,}"),
        (
            "kinds of fault × site that struck",
            lambda tally: f"{sum(1 for times in tally.reach.values() if times)}",
        ),
        ("seconds from the last fault until at rest, at most", lambda tally: f"{tally.longest_rest:,.0f}"),
        ("hash of all traces, its beginning", lambda tally: f"`{tally.digest[:8]}`"),
    )
    each = tallies[0].schedules
    said = (
        f"Seeds {first:,} to {first + each - 1:,} of each profile. "
        f"Zero of {each:,} means, with 95 % confidence, fewer than 1 in {each // 3:,}."
    )
    figures = [(name, [cell(tally) for tally in tallies]) for name, cell in columns]
    states = [(name, [f"{tally.states[name]:,}" for tally in tallies]) for name in (*RARE, *OF_SOME_PROFILES)]
    return "\n".join(
        (
            said,
            "",
            *_table("", tallies, figures),
            "",
            *_table("state, and how often it was reached", tallies, states),
        )
    )


def _table(what: str, tallies: Sequence[Tally], rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    return [
        f"| {what} | {' | '.join(f'`{tally.profile}`' for tally in tallies)} |",
        f"|---|{'--:|' * len(tallies)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows),
    ]


if __name__ == "__main__":
    sys.exit(main())
