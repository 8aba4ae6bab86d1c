"""The six small worlds: how each ends, that it ends so under every single fault, and which faults are one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

import pytest

from tests.simulation.scheduler import Place
from tests.simulation.small_worlds import (
    ADVANCED,
    CONTRACT,
    PRO,
    SCENARIOS,
    SmallWorld,
    calls_after,
    campaign,
    explore,
    faults_at,
    run,
    stand_ins,
    telling,
)
from tests.simulation.story import SERVICES

DAYS = [date(2026, 3, day) for day in (8, 9, 10, 11, 12, 13)]


def billed(world: SmallWorld, sku: str) -> list[int]:
    """What Autotask bills of a plan from 8 to 13 March."""
    line = world.api.model.find_line(CONTRACT, SERVICES[sku])
    return [line.units_on(day.toordinal()) if line else 0 for day in DAYS]


@pytest.mark.parametrize(
    ("name", "units", "posts"),
    [
        ("one-change", {ADVANCED: [5, 5, 8, 8, 8, 8]}, 1),
        ("reordered", {ADVANCED: [5, 5, 7, 7, 7, 7]}, 1),
        ("plan-change", {ADVANCED: [5, 5, 0, 0, 0, 0], PRO: [0, 0, 4, 4, 4, 4]}, 2),
        ("un-cancelled", {ADVANCED: [5, 5, 8, 8, 8, 8]}, 1),
        ("unmapped", {ADVANCED: [5, 5, 8, 8, 8, 8]}, 1),
        ("unknown-outcome", {ADVANCED: [5, 8, 7, 7, 7, 7]}, 2),
    ],
)
def test_a_small_world_ends_as_its_words_say(name: str, units: Mapping[str, list[int]], posts: int) -> None:
    """Without faults every unit is on its day, with as few posts as there can be, and all promises hold."""
    world = SmallWorld(SCENARIOS[name], {})
    result = world.run()
    assert not result.violations
    assert {sku: billed(world, sku) for sku in units} == units
    assert result.posts == posts


def test_the_outcome_of_the_first_post_is_unknown_when_the_second_change_comes() -> None:
    """The scenario of the lost answer is what it says: the post took effect, and nothing follows until it has settled."""
    result = run(SCENARIOS["unknown-outcome"], {}, aloud=True)
    landed = [words for words in result.words if "    Autotask: " in words]
    assert [fault for _, _, fault in result.taken] == ["timeout-after"]
    assert result.states["intent found landed after settling"] == 1
    assert [words[:11] for words in landed] == ["03-10 14:00", "03-10 14:15"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_single_fault_holds(name: str) -> None:
    """Under each fault at each call the small world breaks no promise."""
    tally = campaign(name, pairs=False, jobs=1)
    assert tally.failures == []
    assert tally.singles == len(faults_at(calls_after(SCENARIOS[name]))) > 150


def test_pairs_hold_after_a_post_whose_answer_is_lost() -> None:
    """One first fault with every second one: the rest is the command's."""
    post = next((actor, call) for actor, call, kind in calls_after(SCENARIOS["unmapped"]) if kind == "post")
    tally = explore("unmapped", True, ((post, "timeout-after"), True))
    assert tally.failures == []
    assert tally.pairs > 50


def test_faults_may_strike_until_the_settling_read() -> None:
    """What follows an unknown outcome a quarter of an hour later can meet a fault too."""
    scenario = SCENARIOS["one-change"]
    post = next((actor, call) for actor, call, kind in calls_after(scenario) if kind == "post")
    second: Place = next(
        (a, c) for a, c, kind in calls_after(scenario, (post, "timeout-after")) if kind == "ask"
    )
    result = run(scenario, {post: "timeout-after", second: "html-502"})
    assert not result.violations
    assert [fault for _, _, fault in result.taken] == ["timeout-after", "html-502"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_for_which_another_one_stands_leaves_the_same_world(name: str) -> None:
    """What everybody but the struck process does, and what is written, is the same, and at the same times but for the moment that a process lived longer."""
    scenario = SCENARIOS[name]
    calls = calls_after(scenario)
    others = stand_ins(calls)
    assert len(others) + len(telling(calls)) == len(faults_at(calls))
    for fault, other in others.items():
        assert left(name, fault[0], fault[1]) == left(name, other[0], other[1]), f"{fault} is not {other}"


def left(name: str, place: Place, fault: str) -> list[str]:
    """The history, to the minute, without the reads of the struck process, names that are drawn, and the words of an error."""
    words = run(SCENARIOS[name], {place: fault}, aloud=True).words
    own = re.compile(rf"  {place[0]}(: (table\.(get|range|list|due)|autotask|secrets|clock)| is dead)")
    told = re.compile(
        r" ⚡ \S+|(?<=trouble=)[^,]*|(?<=reason=)[^,]*|(?<=words=)[^,]*|(?<='words': )('[^']*'|\"[^\"]*\")|(?<=:\d\d):\d\d(\.\d+)?|\b[0-9a-f]{16}\b|\b[0-9a-f]{64}\b"
    )
    return [told.sub("", line) for line in words if not own.search(line)]
