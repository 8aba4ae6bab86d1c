"""The simulation itself: it replays, it shrinks, what once failed holds, and so do five thousand fresh schedules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.fakes.memory_table import MemoryTable
from tests.simulation import world
from tests.simulation.__main__ import page
from tests.simulation.ablations import ABLATIONS
from tests.simulation.campaign import Tally
from tests.simulation.past import Past, dump, files, load
from tests.simulation.rates import PROFILES
from tests.simulation.scheduler import Decisions
from tests.simulation.shrink import shrink
from tests.simulation.story import told
from tests.simulation.world import run, simulate
from timus_autotask.ports.table import Document

ROOT = Path(__file__).parent.parent.parent
FRESH = {"stress": 1_500, "policies": 400, "mild": 1_200, "calm": 1_400, "replaced": 300, "seats": 200}
"""How many schedules of which profile are run each time: five thousand in all."""


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m tests.simulation`` as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env=os.environ | environment | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"},
        capture_output=True,
        text=True,
        timeout=1_800,
        check=False,
    )


@pytest.mark.parametrize("profile", ["stress", "policies"])
def test_a_seed_replays_byte_for_byte(profile: str) -> None:
    """Whatever ran before it, and whatever Python's hashes are: the same trace."""
    first = simulate(11, PROFILES[profile])
    simulate(12, PROFILES[profile])
    assert simulate(11, PROFILES[profile]).digest == first.digest
    for salt in ("1", "2"):
        said = command("--seed", "11", "--profile", profile, "--aloud", PYTHONHASHSEED=salt)
        assert f"trace {first.digest}" in said.stdout, said.stderr


@pytest.mark.parametrize("profile", ["stress", "policies"])
def test_a_run_that_forgets_comes_to_the_same(profile: str) -> None:
    """What is remembered during a run saves time and changes nothing."""
    whole = [simulate(seed, PROFILES[profile]).digest for seed in range(4)]
    with patch.object(world, "remembering", nullcontext), patch.object(world, "SharedTable", Forgetful):
        assert [simulate(seed, PROFILES[profile]).digest for seed in range(4)] == whole


class Forgetful(MemoryTable):
    """A table that makes each document anew."""

    def changed(self) -> list[Document]:
        return []


def test_another_seed_is_another_schedule() -> None:
    """The trace tells them apart."""
    assert simulate(11, PROFILES["calm"]).digest != simulate(12, PROFILES["calm"]).digest


@pytest.mark.parametrize("name", files())
def test_what_once_failed_holds(name: str) -> None:
    """Each schedule that broke a promise before is run for good."""
    past = load(files()[name].read_text())
    result = run(past.story, Decisions(past.story.seed, listed=past.listed))
    assert result.violations == []


def test_a_failure_shrinks_to_what_it_needs() -> None:
    """Without a rule of the protocol a schedule fails; what it does not need is taken out, and it still fails."""
    ablation = next(one for one in ABLATIONS.values() if one.seeds)
    seed = ablation.seeds[0]
    with ablation.out():
        result = ablation.run(seed)
        assert result.violations
        story, faults = shrink(told(seed, PROFILES["stress"]), result)
        again = run(story, Decisions(seed, listed=faults))
    assert again.promise == result.promise
    assert len(faults) <= len(result.taken)
    assert len(story.happenings) < len(told(seed, PROFILES["stress"]).happenings)


@pytest.mark.parametrize("name", files())
def test_a_file_means_what_it_says(name: str) -> None:
    """A misspelled field would be passed over: everything that a file says is read from it. It may lack fields that have a default."""
    text = files()[name].read_text()
    assert _contains(json.loads(dump(load(text))), json.loads(text))


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and _contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize("profile", FRESH)
def test_a_failure_prints_as_a_file_that_gives_the_same_story_again(profile: str) -> None:
    """Whatever happens in a story can be pasted into ``tests/simulation/past/``, to the microsecond."""
    for seed in range(100):
        past = Past("broken", told(seed, PROFILES[profile]), (("apply-1", 3, "crash"),))
        assert load(dump(past)) == past


@pytest.mark.last
@pytest.mark.parametrize("profile", FRESH)
def test_fresh_schedules_keep_every_promise(profile: str) -> None:
    """Real handlers, seeded faults, an oracle that reads only what Autotask and Timus know: no promise is broken."""
    done = command("--schedules", str(FRESH[profile]), "--seed", "1000000", "--profile", profile)
    assert done.returncode == 0, done.stdout


def test_the_page_has_a_column_for_each_profile() -> None:
    """With what broke, and how often each rare state was reached."""
    calm = Tally("calm", schedules=30, states=Counter({"dead letter": 0, "hostile ids": 2}))
    mild = Tally("mild", schedules=30, failures=[(7, "I2")], states=Counter({"dead letter": 5}))
    shown = page([calm, mild], 100)
    assert shown.startswith(
        "Seeds 100 to 129 of each profile. Zero of 30 means, with 95 % confidence, fewer than 1 in 10."
    )
    assert "|  | `calm` | `mild` |" in shown
    assert "| **violations** | **0** | **1** |" in shown
    assert "| hostile ids | 2 | 0 |" in shown
    assert "| dead letter | 0 | 5 |" in shown
