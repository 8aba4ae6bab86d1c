"""A failing run made small: what happens in its story, and which faults strike, without all that it does not need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tests.simulation.scheduler import Decisions, Place
from tests.simulation.story import Happening, Story
from tests.simulation.world import Design, Result, run

Part = TypeVar("Part")
RUNS = 2_000
"""A bound on how long it is tried."""


def shrink(
    story: Story, result: Result, design: Callable[[], Design] | None = None
) -> tuple[Story, dict[Place, str]]:
    """The story and the faults of a failing run, without whatever can go while the same promise stays broken."""
    promise = result.promise
    left = [RUNS]

    def fails(happenings: Sequence[Happening], faults: Sequence[tuple[Place, str]]) -> bool:
        left[0] -= 1
        candidate = replace(story, happenings=tuple(happenings))
        options = {"design": design()} if design else {}
        return run(candidate, Decisions(story.seed, listed=dict(faults)), **options).promise == promise

    faults: list[tuple[Place, str]] = [((actor, call), fault) for actor, call, fault in result.taken]
    happenings = list(story.happenings)
    size = None
    while left[0] > 0 and size != len(faults) + len(happenings):
        size = len(faults) + len(happenings)
        faults = _without(faults, partial(fails, happenings), left)
        happenings = _without(happenings, partial(_swapped, fails, faults), left)
    return replace(story, happenings=tuple(happenings)), dict(faults)


def _swapped(
    fails: Callable[[Sequence[Happening], Sequence[tuple[Place, str]]], bool],
    faults: Sequence[tuple[Place, str]],
    happenings: Sequence[Happening],
) -> bool:
    return fails(happenings, faults)


def _without(parts: list[Part], fails: Callable[[list[Part]], bool], left: list[int]) -> list[Part]:
    """Take parts out, many at a time at first, then one by one."""
    size = len(parts) // 2
    while size >= 1:
        start = 0
        while start < len(parts) and left[0] > 0:
            fewer = parts[:start] + parts[start + size :]
            if fails(fewer):
                parts = fewer
            else:
                start += size
        size //= 2
    return parts
