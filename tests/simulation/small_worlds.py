"""``python -m tests.simulation.small_worlds``: six small worlds under every single fault and every pair of faults.

Nothing is drawn. A world first runs without faults and tells every call to the outside; then it runs once for each fault that each
of these calls can meet (``rates.FAULTS``). Every such run has calls of its own: retries, the work of whoever comes after a crash, the
read that settles. For each of them that begins after the first fault, and each fault that it can meet, the world runs once more
with both. The oracle holds every run to all promises.

Faults may strike until everything has come to rest, however late that is, and they stop with the last one that is wanted: so the
time to rest is counted from there. Some faults make pairs with nobody, for another one stands for them (``telling``).

Exit status 1 when a promise was broken: the scenario and the faults are told, and the history in words.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial

from rich.console import Console
from rich.table import Table

from tests.pages import DOCS, write_part
from tests.simulation.crew import quiet, spread
from tests.simulation.rates import FAULTS
from tests.simulation.scheduler import SECOND, Actor, Decisions, Place, micros
from tests.simulation.story import PLANS, SERVICES, ClientPlan, ContractPlan, Happening, Said, Story
from tests.simulation.world import Result, World
from timus_autotask.domain.mapping import PlanMapping, ServiceChoice
from timus_autotask.store.partner import put_plan

SEED = 50_000_001
"""Puts the tick of the sweep's schedule 50 s after the full minute: the queue comes first, as it mostly does."""
LONGEST = 8 * 3600
"""For how many seconds after the last happening a fault may strike: nothing that happens automatically waits for longer."""
CUSTOMER, COMPANY, CONTRACT = "cus_41d0", 600, 29683949
ADVANCED, _, PRO = PLANS
AFTERNOON = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=UTC)

Fault = tuple[Place, str]
Call = tuple[str, int, str]
"""Actor, number, kind."""


@dataclass(frozen=True)
class Scenario:
    """A small world, and what belongs to it."""

    words: str
    story: Story
    lost: str | None = None
    """The fault that the very first post meets, unless another one is wanted there."""
    matched: bool = True
    """True if the services of the plans were found before, as for every customer except the first."""


@dataclass(frozen=True)
class Wanted(Decisions):
    """Exactly the faults that are listed, and the one that belongs to the scenario."""

    lost: str | None = None
    patient: bool = False
    """Whether faults may go on to the end, though all that are wanted have struck."""
    struck: list[str] = field(default_factory=list)
    first_post: list[str] = field(default_factory=list)
    """Who made it."""
    calls: list[Call] = field(default_factory=list)
    """Every call that could have met a fault, in the order in which they began."""

    def choose(self, actor: Actor, call: int, site: str, kind: str, bits: int) -> str | None:
        """The fault that a call meets, if any."""
        self.calls.append((actor.name, call, kind))
        fault = super().choose(actor, call, site, kind, bits)
        if fault is not None:
            self.struck.append(fault)
        if kind == "post" and self.lost and not self.first_post:
            self.first_post.append(actor.name)
            return fault or self.lost
        return fault

    @property
    def done(self) -> bool:
        """Whether no fault is to come any more."""
        complete = len(self.struck) == len(self.listed or ())
        return complete and not self.patient and bool(self.first_post or not self.lost)


class SmallWorld(World):
    """A world in which faults may strike until those that are wanted have struck."""

    def __init__(
        self, scenario: Scenario, faults: Mapping[Place, str], *, patient: bool = False, aloud: bool = False
    ) -> None:
        self.wanted = Wanted(SEED, listed=faults, lost=scenario.lost, patient=patient)
        self.scenario = scenario
        super().__init__(scenario.story, self.wanted, aloud=aloud)

    def _set_up(self) -> None:
        if self.scenario.matched:
            for sku in PLANS:
                self._commit(put_plan(PlanMapping(sku, (ServiceChoice(SERVICES[sku]),), matched=True), 0))
        super()._set_up()

    def _under_faults(self, end: int) -> None:
        super()._under_faults(end)
        while not self.wanted.done and (due := self.scheduler.due()) and due <= end + LONGEST * SECOND:
            self.scheduler.run_until(due)


# -- the six


def _story(
    start: datetime, happenings: Iterable[Happening], *, quiet_seconds: int = 0, mapped: bool = True
) -> Story:
    """One client with one contract, which bills 5 advanced seats when the story begins."""
    return Story(
        seed=SEED,
        start=micros(start),
        zone="UTC",
        quiet=quiet_seconds,
        settle=15 * 60,
        clients=(ClientPlan(CUSTOMER, COMPANY if mapped else None, CONTRACT if mapped else None),),
        contracts=(ContractPlan(CONTRACT, COMPANY, date(2026, 1, 1), date(2026, 12, 31), {ADVANCED: 5}),),
        happenings=tuple(happenings),
    )


def _says(
    at: datetime,
    number: int,
    items: Mapping[str, int],
    *,
    since: datetime | None = None,
    cancel_at: date | None = None,
    delay: float = 0.5,
) -> Happening:
    """Timus has a version from ``at`` on, for the days from ``since`` (if not ``at``), and delivers it after ``delay`` seconds."""
    effective = since or at
    said = Said("sub_a", CUSTOMER, number, effective.date(), effective, items, cancel_at=cancel_at)
    return Happening(micros(at), "say", {"said": said, "delays": (delay,)})


def _later(seconds: float) -> datetime:
    return AFTERNOON + timedelta(seconds=seconds)


SCENARIOS: Mapping[str, Scenario] = {
    "one-change": Scenario(
        "one change, the first ever: 5 seats become 8",
        _story(AFTERNOON, [_says(AFTERNOON, 1, {ADVANCED: 8})]),
        matched=False,
    ),
    "reordered": Scenario(
        "two changes reordered: 8, then 7, and the 7 arrives first",
        _story(
            AFTERNOON,
            [_says(AFTERNOON, 1, {ADVANCED: 8}, delay=10), _says(_later(2), 2, {ADVANCED: 7})],
        ),
    ),
    "plan-change": Scenario(
        "a plan change: 5 advanced become 4 pro",
        _story(
            AFTERNOON,
            [_says(AFTERNOON, 1, {ADVANCED: 5}), _says(_later(5), 2, {PRO: 4})],
            quiet_seconds=30,
        ),
    ),
    "un-cancelled": Scenario(
        "8 seats, cancelled for tomorrow, and un-cancelled half a minute before midnight",
        _story(
            MIDNIGHT - timedelta(seconds=60),
            [
                _says(MIDNIGHT - timedelta(seconds=60), 1, {ADVANCED: 8}, cancel_at=MIDNIGHT.date()),
                _says(MIDNIGHT - timedelta(seconds=30), 2, {ADVANCED: 8}),
            ],
        ),
    ),
    "unmapped": Scenario(
        "a change of a customer whom nobody has mapped, and then somebody does",
        _story(
            AFTERNOON,
            [
                _says(AFTERNOON, 1, {ADVANCED: 8}),
                Happening(
                    micros(_later(20)),
                    "map",
                    {"customer": CUSTOMER, "company": COMPANY, "contract": CONTRACT},
                ),
            ],
            mapped=False,
        ),
    ),
    "unknown-outcome": Scenario(
        "8 seats since yesterday, the answer to their post is lost, and 7 from today on come behind it",
        _story(
            AFTERNOON,
            [
                _says(AFTERNOON, 1, {ADVANCED: 8}, since=AFTERNOON - timedelta(days=1)),
                _says(_later(20), 2, {ADVANCED: 7}),
            ],
        ),
        lost="timeout-after",
    ),
}
"""By name."""


# -- every fault, and every pair


def run(scenario: Scenario, faults: Mapping[Place, str], *, aloud: bool = False) -> Result:
    """One run of a scenario with exactly these faults; ``AssertionError`` if one of them struck nowhere."""
    world = SmallWorld(scenario, faults, aloud=aloud)
    result = world.run()
    assert result.violations or len(world.wanted.struck) == len(faults), f"not all of {faults} struck"
    return result


def calls_after(scenario: Scenario, first: Fault | None = None) -> list[Call]:
    """Every call that can meet the next fault: those of the run without one, or those that begin after the first."""
    world = SmallWorld(scenario, {} if first is None else {first[0]: first[1]}, patient=True)
    world.run()
    calls = world.wanted.calls
    if first is None:
        return calls
    return calls[1 + next(i for i, (actor, call, _) in enumerate(calls) if (actor, call) == first[0]) :]


def faults_at(calls: Iterable[Call]) -> list[Fault]:
    """Every fault that these calls can meet."""
    return [((actor, call), fault) for actor, call, kind in calls for fault in FAULTS[kind]]


_SAME = {
    ("ask", "truncated"): "html-502",
    ("ask", "threads"): "throttled",
    ("post", "truncated"): "html-502-after",
    ("post", "threads"): "throttled",
}
_EFFECTLESS = frozenset({"read", "ask", "secret", "sleep"})


def stand_ins(calls: Sequence[Call]) -> dict[Fault, Fault]:
    """The faults that leave the world as another one does, each with that other one.

    * An answer that breaks off says what an HTML page with status 502 says: nothing (of a post: after it took effect). That too many
      threads are open and that too many requests were made are taken for the same.
    * A process that dies, or stands still until it is killed, between two calls that only read leaves behind what it leaves when
      that happens at the first of them: of calls in a row that only read, the first stands for all.
    """
    found: dict[Fault, Fault] = {}
    begun: dict[str, Place] = {}
    last: tuple[str, str] | None = None
    for actor, call, kind in calls:
        place = actor, call
        if last != (actor, "reading") or kind not in _EFFECTLESS:
            begun = {}
        for fault in FAULTS[kind]:
            if (kind, fault) in _SAME:
                found[place, fault] = place, _SAME[kind, fault]
            elif (
                kind in _EFFECTLESS
                and fault in ("crash", "frozen")
                and begun.setdefault(fault, place) != place
            ):
                found[place, fault] = begun[fault], fault
        last = actor, "reading" if kind in _EFFECTLESS else "writing"
    return found


def telling(calls: Sequence[Call]) -> list[Fault]:
    """The faults that these calls can meet, without those for which another one stands."""
    others = stand_ins(calls)
    return [fault for fault in faults_at(calls) if fault not in others]


@dataclass
class Tally:
    """The sum of the runs of one scenario."""

    name: str
    calls: int = 0
    """In the run without faults."""
    singles: int = 0
    pairs: int = 0
    longest_rest: float = 0.0
    failures: list[tuple[tuple[Fault, ...], str]] = field(default_factory=list)
    """(the faults, the first broken promise)."""

    def add(self, other: Tally) -> None:
        """Add other runs of the scenario."""
        self.singles += other.singles
        self.pairs += other.pairs
        self.longest_rest = max(self.longest_rest, other.longest_rest)
        self.failures += other.failures

    def count(self, result: Result, *faults: Fault) -> bool:
        """Take in one run; returns whether all promises held."""
        self.longest_rest = max(self.longest_rest, result.longest_rest)
        if result.violations:
            self.failures.append((faults, str(result.violations[0])))
        return not result.violations


def explore(name: str, pairs: bool, first: tuple[Fault, bool]) -> Tally:
    """A single fault, and unless another one stands for it every pair that it is the first of."""
    fault, tells = first
    scenario, tally = SCENARIOS[name], Tally(name, singles=1)
    held = tally.count(run(scenario, dict([fault])), fault)
    if not (pairs and tells and held):
        return tally
    for second in telling(calls_after(scenario, fault)):
        tally.pairs += 1
        tally.count(run(scenario, dict([fault, second])), fault, second)
    return tally


def campaign(name: str, *, pairs: bool = True, jobs: int | None = None) -> Tally:
    """One scenario without faults, under every single fault and, if wanted, every pair."""
    scenario = SCENARIOS[name]
    calls = calls_after(scenario)
    tally = Tally(name, calls=len(calls))
    tally.count(run(scenario, {}))
    tells = set(telling(calls))
    firsts = [(fault, fault in tells) for fault in faults_at(calls)]
    for part in spread(partial(explore, name, pairs), firsts, jobs, f"{name}, first faults"):
        tally.add(part)
        if len(tally.failures) >= ENOUGH:
            break
    return tally


ENOUGH = 100
"""So many failures say it."""


# -- the command


def main(arguments: list[str] | None = None) -> int:
    """Run, report, judge; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.small_worlds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--singles", action="store_true", help="only single faults: seconds")
    parser.add_argument(
        "--pairs", action="store_true", help="single faults and pairs: an hour of one core (default)"
    )
    parser.add_argument(
        "--scenario",
        choices=SCENARIOS,
        action="append",
        help="only this one (--write: only its row); may be repeated",
    )
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one a core)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/exactness.md")
    chosen = parser.parse_args(arguments)
    if chosen.singles and chosen.write:
        parser.error("the page tells of pairs")
    console = Console(soft_wrap=True)
    tallies: list[Tally] = []
    began = time.monotonic()
    for name in chosen.scenario or SCENARIOS:
        tally = campaign(name, pairs=chosen.pairs or not chosen.singles, jobs=chosen.jobs)
        tallies.append(tally)
        if chosen.write and not tally.failures:
            write_part("exactness.md", PART, "make small-worlds", page(tally, shown()))
    console.print(_table(tallies, time.monotonic() - began))
    for tally in tallies:
        for faults, words in tally.failures[:5]:
            console.print(f"[red]{tally.name}[/] under {_named(faults)}: {words}", highlight=False)
    broken = next((tally for tally in tallies if tally.failures), None)
    if broken is None:
        return 0
    quiet()
    faults, _ = broken.failures[0]
    console.print(f"\n[bold]{SCENARIOS[broken.name].words}[/], under {_named(faults)}:", highlight=False)
    for words in run(SCENARIOS[broken.name], dict(faults), aloud=True).words:
        console.print(words, markup=False, highlight=False)
    return 1


def _named(faults: Sequence[Fault]) -> str:
    return " and ".join(f"{fault} at call {call} of {actor}" for (actor, call), fault in faults) or "no fault"


def _table(tallies: Sequence[Tally], seconds: float) -> Table:
    table = Table(title=f"Small worlds, {seconds:.0f} s", show_footer=True)
    table.add_column("scenario", "all")
    for title, total in (
        ("calls", sum(t.calls for t in tallies)),
        ("single faults", sum(t.singles for t in tallies)),
        ("pairs", sum(t.pairs for t in tallies)),
        ("violations", sum(len(t.failures) for t in tallies)),
    ):
        table.add_column(title, f"{total:,}", justify="right")
    table.add_column("longest rest", f"{max(t.longest_rest for t in tallies):.0f} s", justify="right")
    for t in tallies:
        table.add_row(
            t.name,
            f"{t.calls:,}",
            f"{t.singles:,}",
            f"{t.pairs:,}",
            f"{len(t.failures):,}",
            f"{t.longest_rest:.0f} s",
        )
    return table


PART = "small-worlds"
_HEADER = "| scenario | calls | single faults | pairs of faults | violations | longest time until at rest |"


def shown() -> dict[str, str]:
    """The rows that the page has now, by what they are about."""
    text = (DOCS / "exactness.md").read_text(encoding="utf-8")
    part = text.partition(f"<!-- {PART}:")[2].partition(f"<!-- /{PART} -->")[0]
    return {line.split("|")[1].strip(): line for line in part.splitlines() if line.startswith("| ")}


def page(tally: Tally, rows: Mapping[str, str]) -> str:
    """The part of the page, with a new row of one scenario."""
    row = (
        f"| {SCENARIOS[tally.name].words} | {tally.calls} | {tally.singles:,} | {tally.pairs:,} "
        f"| **{len(tally.failures)}** | {tally.longest_rest:.0f} s |"
    )
    known = {**rows, SCENARIOS[tally.name].words: row}
    lines = [known[one.words] for one in SCENARIOS.values() if one.words in known]
    return "\n".join(
        [
            "Every call to the outside of a small world meets every fault that it can meet. Then every call that follows, retries and the",
            "settling read among them, meets every second one. Nothing is sampled. `tests/simulation/small_worlds.py` says which faults",
            "stand for others in the pairs, and a test shows that they do.",
            "",
            _HEADER,
            "|---|---:|---:|---:|---:|---:|",
            *lines,
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
