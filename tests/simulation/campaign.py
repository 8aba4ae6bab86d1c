"""Many seeds of one profile: what broke, what struck, which rare states were reached."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b

from tests.simulation.crew import spread
from tests.simulation.rates import FAULTS, PROFILES
from tests.simulation.watch import OF_SOME_PROFILES, RARE
from tests.simulation.world import simulate

CHUNK = 25
"""Seeds that one process takes at a time."""


@dataclass
class Tally:
    """The sum of many runs."""

    profile: str
    schedules: int = 0
    steps: int = 0
    posts: int = 0
    longest_rest: float = 0.0
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    sites: dict[str, str] = field(default_factory=dict)
    failures: list[tuple[int, str]] = field(default_factory=list)
    """(seed, the first broken promise)."""
    digest: str = ""
    """The hash of every run's trace, in order of the seeds."""

    def add(self, other: Tally) -> None:
        """Take in the tally of the seeds that follow."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.posts += other.posts
        self.longest_rest = max(self.longest_rest, other.longest_rest)
        self.faults += other.faults
        self.states += other.states
        self.sites |= other.sites
        self.failures += other.failures
        self.digest = blake2b(f"{self.digest}{other.digest}".encode(), digest_size=16).hexdigest()

    @property
    def reach(self) -> dict[tuple[str, str], int]:
        """How often each fault struck at each site where it can strike."""
        return {
            (site, fault): self.faults[site, fault]
            for site, kind in sorted(self.sites.items())
            for fault in FAULTS[kind]
        }

    @property
    def rare(self) -> dict[str, int]:
        """How often each rare state was reached."""
        return {name: self.states[name] for name in RARE}

    @property
    def of_this_profile(self) -> dict[str, int]:
        """How often states were reached that only some profiles know; without those that this one never reached."""
        return {name: self.states[name] for name in OF_SOME_PROFILES if self.states[name]}


def campaign(profile: str, seeds: Sequence[int], jobs: int | None = None) -> Tally:
    """Run every seed under the rates of a profile; what breaks is written to stderr at once."""
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    total = Tally(profile)
    for part in spread(partial(_tally, profile), chunks, jobs, f"{profile}, {CHUNK} schedules each"):
        total.add(part)
        for seed, words in part.failures:
            sys.stderr.write(f"seed {seed}: {words}\n")
    return total


def _tally(profile: str, seeds: Sequence[int]) -> Tally:
    tally = Tally(profile)
    for seed in seeds:
        result = simulate(seed, PROFILES[profile])
        tally.add(
            Tally(
                profile,
                schedules=1,
                steps=result.steps,
                posts=result.posts,
                longest_rest=result.longest_rest,
                faults=result.faults,
                states=result.states,
                sites=result.sites,
                failures=[(seed, str(broken)) for broken in result.violations[:1]],
                digest=result.digest,
            )
        )
    return tally
