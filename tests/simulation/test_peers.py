"""The peers are no straw men: each ends right while nothing goes wrong, and what is wrong with each can be shown by one cause."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from tests.simulation.peers.__main__ import COLUMNS, OURS, drawn, page, share
from tests.simulation.peers.stage import CALM, DESIGNS, SETTINGS, Ending, Setting, play
from tests.simulation.rates import PROFILES

POST, HOUR, DAYS, READ, NEWEST, PRODUCT = DESIGNS
DISORDER = SETTINGS["duplicates + reorder"]
FEW, SEEDS = range(10), range(40)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The product's logs tell of every injected fault."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def endings(design: str, setting: Setting, seeds: Iterable[int] = FEW) -> Iterator[Ending]:
    """What becomes of a design under one setting."""
    return (play(design, PROFILES["stress"], setting, seed) for seed in seeds)


def first(design: str, setting: Setting, is_so: Callable[[Ending], bool]) -> int:
    """The first seed whose ending is so; fails when there is none."""
    found = next((s for s, e in zip(SEEDS, endings(design, setting, SEEDS), strict=True) if is_so(e)), None)
    assert found is not None, f"{design} is never so under {setting.name}"
    return found


def only(*faults: str) -> Setting:
    """Nothing but these faults."""
    return Setting(" and ".join(faults), frozenset(faults), disorder=False, plan_changes=False)


def wrong(ending: Ending) -> bool:
    """Whether it ends silently wrong."""
    return ending.wrong


@pytest.mark.parametrize("design", DESIGNS)
def test_every_design_ends_right_in_a_calm_world(design: str) -> None:
    """Delivered once and in order, with no fault: the right units, no promise broken on the way, nothing left for a person."""
    for ending in endings(design, CALM):
        assert not ending.wrong, ending.words
        assert not ending.broken, ending.words
        assert not ending.visible


def test_a_repeated_event_is_a_second_delta() -> None:
    """Without any record, a repeat is posted again."""
    seed = first(POST, DISORDER, wrong)
    assert not next(endings(PRODUCT, DISORDER, [seed])).wrong


def test_an_hour_of_expiry_forgets_what_thirty_days_remember() -> None:
    """Powertools Idempotency with its default expiry posts a late repeat again; with thirty days it does not."""
    first(HOUR, DISORDER, wrong)
    assert not any(ending.wrong for ending in endings(DAYS, DISORDER))


@pytest.mark.parametrize("fault", ["timeout-after", "crash-after"])
def test_idempotency_runs_again_what_may_have_happened(fault: str) -> None:
    """A post whose answer was lost, or whose sender died before it could say so, is posted again under a thirty days' record."""
    seed = first(DAYS, only(fault), wrong)
    assert not next(endings(PRODUCT, only(fault), [seed])).broken


def test_idempotency_holds_back_a_second_worker() -> None:
    """The real library's record of what is in progress: two workers at once on one event post it once."""
    at_once = only("visible-early", "twice")
    first(POST, at_once, wrong)
    assert not any(ending.wrong or ending.broken for ending in endings(DAYS, at_once, SEEDS))


def test_reading_first_lets_older_news_reverse_newer() -> None:
    """Whoever reads and posts the difference to what an event says follows a late event back."""
    first(READ, DISORDER, wrong)
    assert not any(ending.wrong or ending.broken for ending in endings(NEWEST, DISORDER))


@pytest.mark.parametrize("fault", ["land-late", "crash-late"])
def test_a_read_does_not_show_what_has_yet_to_land(fault: str) -> None:
    """With the newest version, only a post that lands after the message was given out again ends in seats posted twice."""
    seed = first(NEWEST, only(fault), wrong)
    ending = next(endings(PRODUCT, only(fault), [seed]))
    assert not ending.wrong
    assert not ending.broken


def test_without_late_landings_the_newest_version_ends_right() -> None:
    """The design is as good as it can be without settling."""
    every = SETTINGS["everything"]
    setting = replace(every, faults=every.faults - {"land-late", "crash-late"})
    assert not any(ending.wrong for ending in endings(NEWEST, setting, SEEDS))


def test_the_product_keeps_every_promise_under_the_same_schedules() -> None:
    """Plan changes and every fault."""
    for ending in endings(PRODUCT, SETTINGS["+ plan changes"]):
        assert not ending.wrong, ending.words
        assert not ending.broken, ending.words


def test_a_zero_is_shown_with_its_bound() -> None:
    """Three in n, and no percentage that looks like certainty."""
    assert share(0, 1_000) == "**0** (≤ 0.3 %)"
    assert share(123, 1_000) == "12.3 %"


def test_the_page_and_the_chart_show_every_design() -> None:
    """One row and one pair of bars each; the chart is well-formed."""
    counts = {
        (name, profile, setting): Counter({"wrong": 0 if name == OURS else 7, "I2": 3})
        for name in DESIGNS
        for profile, setting in COLUMNS
    }
    text = page(counts, 10)
    drawing = "".join(ET.fromstring(drawn(counts, 10)).itertext())  # noqa: S314 - our own drawing
    for name in DESIGNS:
        assert text.count(f"| {name} |") + text.count(f"| **{name}** |") == 2
        assert name in drawing


def test_what_is_said_beside_the_longest_bar_is_not_cut_off() -> None:
    """Where each schedule breaks a promise, the words after the bar still end on the chart's ground (7 for each letter is plenty)."""
    counts = {
        (name, *column): Counter({"wrong": 536, "on the way": 464}) for name in DESIGNS for column in COLUMNS
    }
    drawing = ET.fromstring(drawn(counts, 1_000))  # noqa: S314 - our own drawing
    width = float(drawing.attrib["viewBox"].split()[2])
    ends = [
        float(one.attrib["x"]) + 7 * len(one.text or "")
        for one in drawing.iter()
        if "+ 46.4" in (one.text or "")
    ]
    assert len(ends) == 2 * len(DESIGNS)
    assert max(ends) <= width
