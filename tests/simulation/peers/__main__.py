"""``python -m tests.simulation.peers [--seeds N] [--jobs J] [--write]``: simpler designs under the same schedules as the product.

Exit status 1 when the product broke any promise, or ended wrong. ``--write`` puts the tables into docs/exactness.md and
draws docs/exactness-peers.svg. ``--aloud DESIGN --seed S`` tells one history instead; designs are numbered from 1, as in the table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from functools import partial

from rich.console import Console
from rich.table import Table

from tests.pages import DOCS, write_part
from tests.simulation.crew import spread
from tests.simulation.peers.chart import Bar, chart
from tests.simulation.peers.stage import DESIGNS, SETTINGS, play
from tests.simulation.rates import PROFILES

CHUNK = 25
"""Seeds that one process takes at a time."""
CHART = "exactness-peers.svg"
COLUMNS = (
    *(("stress", setting) for setting in SETTINGS),
    ("mild", "everything"),
    ("mild", "+ plan changes"),
)
"""Profile and setting; the mild profile is shown with everything only."""
OURS = list(DESIGNS)[-1]

Cell = tuple[str, str, str]
"""Design, profile, setting."""
Counts = dict[Cell, Counter[str]]


def main(arguments: list[str] | None = None) -> int:
    """Run, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.peers", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="of each cell (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument("--write", action="store_true", help="put the result into docs/")
    parser.add_argument("--aloud", type=int, metavar="DESIGN", help="tell one history of a design")
    parser.add_argument("--seed", type=int, default=0, help="of that history (default %(default)s)")
    parser.add_argument("--profile", choices=("mild", "stress"), default="stress", help="of that history")
    parser.add_argument("--setting", choices=list(SETTINGS), default="+ plan changes", help="of that history")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    if chosen.aloud is not None:
        return _aloud(console, chosen)
    began = time.monotonic()
    counts = compare(range(chosen.seeds), chosen.jobs)
    console.print("\n".join(f"{number} {name}" for number, name in enumerate(DESIGNS, 1)), highlight=False)
    console.print(_terminal(counts, chosen.seeds))
    console.print(f"{chosen.seeds * len(counts):,} runs, {time.monotonic() - began:.0f} s")
    ours = sum(counts[OURS, profile, setting]["broken"] for profile, setting in COLUMNS)
    if ours:
        console.print(f"[red]the product broke a promise in {ours} runs[/]")
    elif chosen.write:
        (DOCS / CHART).write_text(drawn(counts, chosen.seeds), encoding="utf-8")
        write_part("exactness.md", "peers", "make peers", page(counts, chosen.seeds))
    return 1 if ours else 0


def _aloud(console: Console, chosen: argparse.Namespace) -> int:
    name = list(DESIGNS)[chosen.aloud - 1]
    ending = play(name, PROFILES[chosen.profile], SETTINGS[chosen.setting], chosen.seed, aloud=True)
    for words in ending.words:
        console.print(words, markup=False, highlight=False)
    broken = ", ".join(sorted(ending.broken)) or "none"
    console.print(
        f"{name}: silently wrong: {ending.wrong}; broken on the way: {broken}; visible: {ending.visible}"
    )
    return 0


def compare(seeds: range, jobs: int | None = None) -> Counts:
    """Let every design play every column; how many of the runs ended how."""
    cells = [(name, profile, setting) for profile, setting in COLUMNS for name in DESIGNS]
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    work = [(cell, chunk) for chunk in chunks for cell in cells]
    counts: Counts = {cell: Counter() for cell in cells}
    found = spread(partial(_count), work, jobs, f"peers, {CHUNK} schedules each")
    for (cell, _), some in zip(work, found, strict=True):
        counts[cell] += some
    return counts


def _count(work: tuple[Cell, range]) -> Counter[str]:
    (name, profile, setting), seeds = work
    counts: Counter[str] = Counter()
    for seed in seeds:
        ending = play(name, PROFILES[profile], SETTINGS[setting], seed)
        counts["wrong"] += ending.wrong
        counts["visible"] += ending.visible
        counts["on the way"] += bool(ending.broken and not ending.wrong)
        counts["broken"] += bool(ending.broken or ending.wrong)
        counts.update(ending.broken)
    return counts


def share(times: int, of: int) -> str:
    """A share for a table; a zero with what it is worth: with 95 % confidence at most 3 in n."""
    return f"{times / of:.1%}".replace("%", " %") if times else f"**0** (≤ {3 / of:.1%})".replace("%", " %")


def _terminal(counts: Counts, seeds: int) -> Table:
    table = Table(title=f"of {seeds:,} schedules each", caption=f"0: at most {3 / seeds:.1%} (3/n)")
    table.add_column("ends silently wrong")
    for number in range(1, len(DESIGNS) + 1):
        table.add_column(str(number), justify="right")

    def row(title: str, profile: str, setting: str, measure: str) -> None:
        times = [counts[name, profile, setting][measure] for name in DESIGNS]
        table.add_row(title, *(f"{one / seeds:.1%}" if one else "0" for one in times))

    for profile, setting in COLUMNS:
        row(f"{profile}: {setting}", profile, setting, "wrong")
    table.add_section()
    for measure in ("I2", "I7", "visible"):
        row(f"  with {measure}", "stress", "+ plan changes", measure)
    return table


def drawn(counts: Counts, seeds: int) -> str:
    """The chart: everything, plan changes among it, under both profiles."""
    groups = []
    for name in DESIGNS:
        bars = []
        for profile in ("stress", "mild"):
            some = counts[name, profile, "+ plan changes"]
            bars.append(Bar(profile, some["wrong"] / seeds, some["on the way"] / seeds))
        groups.append((name, bars))
    return chart(
        "Schedules after which a seat is billed wrongly, by design",
        f"{seeds:,} seeded schedules each, with duplicates, reordering, crashes, Autotask's faults and plan changes",
        groups,
        ("ends silently wrong", "ends right or visible, after a wrong posting on the way"),
        f"0 (with 95 % confidence at most {3 / seeds:.1%})".replace("%)", " %)"),
    )


def page(counts: Counts, seeds: int) -> str:
    """The tables and what they mean, for the docs."""
    header = [f"{profile}: {setting}" for profile, setting in COLUMNS]
    wrong = [
        [
            _named(name),
            *(share(counts[name, profile, setting]["wrong"], seeds) for profile, setting in COLUMNS),
        ]
        for name in DESIGNS
    ]
    measures = ("I2", "I7", "visible")
    way = [
        [
            _named(name),
            *(
                share(counts[name, profile, "+ plan changes"][measure], seeds)
                for profile in ("stress", "mild")
                for measure in measures
            ),
        ]
        for name in DESIGNS
    ]
    titles = [
        f"{profile}: {words}"
        for profile in ("stress", "mild")
        for words in (
            "a quantity that Timus never had (I2)",
            "two plans billed at once (I7)",
            "left for a person",
        )
    ]
    return "\n".join(
        [
            INTRODUCTION.format(seeds=f"{seeds:,}", last=f"{seeds - 1:,}", chart=CHART),
            *_table(["design", *header], wrong),
            "",
            BETWEEN,
            "",
            *_table(["design", *titles], way),
            "",
            READING,
        ]
    )


def _named(name: str) -> str:
    return f"**{name}**" if name == OURS else name


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        f"|---|{'---:|' * (len(header) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


INTRODUCTION = """\
Five designs that one would write first play the same stories under the same faults as the product (`tests/simulation/peers`). They
share the signed webhook, the FIFO queue, the mapping and the Autotask client; only the protocol differs. In a calm world, where everything
is delivered once and in order, each of them ends right. The numbers are the share of {seeds} schedules (seeds 0 to {last}) that **end silently
wrong**. A line then has other units than Timus says, and nothing reports it to an operator. The product must do more: any
promise that it breaks at any time counts as wrong, also a line that is parked without a lasting cause.

![Schedules after which a seat is billed wrongly, by design]({chart})
"""

BETWEEN = "A right end may have cost something on the way, because each adjustment stays on an invoice. With everything, including plan changes:"

READING = """\
**How to read it.** The percentages follow from the rates that were chosen (`tests/simulation/rates.py`). What counts is the order, and the
zeros. A zero means: with 95 % confidence at most 3 in n. The product's own zeros rest on far more schedules, above.

* **Powertools Idempotency** does what it documents. It removes its record when the function raises, and runs again when an attempt
  died and its time is over. If the answer to an adjustment was lost, both mean that it is sent again. An expiry of one hour ends before the
  last redeliveries come. Thirty days outlast them, so repeats alone then do no harm in the end. Out of order, sums of deltas still pass
  through quantities that Timus never had.
* **Reading first** corrects a lost answer, and lets an older version reverse a newer one. **With the newest version it is nearly right.** What
  remains are requests that Autotask carries out after the message was handed out again. The read does not show them yet, so the
  difference is sent twice. The next event takes it back, with two lines on the invoice. Settling means to wait, before reading, until nothing
  can land any more. The durable intent tells a worker that it has to wait.
* **Two plans at once** are rare where reading comes first, because decreases go first. Deltas that come out of order have no such order.
* **Plan changes** make deltas end visibly more often, so fewer end silently wrong: a decrease that comes before its increase is refused.
* **Visible** means a dead letter for the other designs, and a parked line for the product.

**The conditions favour the other designs.** Each message has the whole event and the version before it (without that there would be no
deltas). The queue loses nothing, and drops a second send within five minutes. A failed message comes again after six
minutes, and later ones of its customer wait for it. After five times it is a dead letter; that counts as visible, whatever else is wrong with
that customer, and nobody sends it back. Each adjustment has an idempotency record of its own. Decreases go first. A difference is
measured today and dated today. Wrong dates in the past are not counted. Contracts begin empty, Autotask adds up several
adjustments of one day, nobody edits or remaps anything, and every change holds at once. Only the product was also run under the other
readings of Autotask's rules, and with people who edit and decide.

**Classes of faults.** *Duplicates + reorder*: Timus repeats and delays deliveries, and the queue hands out a message twice, also while the first
worker is still busy with it. *Crashes*: processes die, stand still or are slow at any call, and a request of a dead one may land late.
*Autotask faults*: refused, throttled, lost, truncated and stale answers, late landings. *Everything*: all of these, and failures of the
table, the queue and the secrets."""


if __name__ == "__main__":
    sys.exit(main())
