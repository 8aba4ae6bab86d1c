"""docs/performance.md says what the last run found."""

from __future__ import annotations

from tests.bench.bounds import COUNTS, WANTED
from tests.bench.page import CHART, drawn, rendered, rows
from tests.bench.record import kept
from tests.pages import DOCS, with_part

RECORD, BEFORE = kept()


def test_the_page_and_its_chart_are_those_of_the_record() -> None:
    """`make bench` writes all three."""
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert with_part(page, "bench", "make bench", rendered(RECORD, BEFORE)) == page
    assert (DOCS / CHART).read_text(encoding="utf-8") == drawn(RECORD)


def test_every_wanted_value_is_on_the_page() -> None:
    """Met or not; but for cold starts where valgrind was missing."""
    uncounted = (
        {name for name in WANTED if name.startswith("cold start")} if "missing" in RECORD["cold"] else set()
    )
    assert {row.name for row in rows(RECORD)} == {*WANTED} - uncounted


def test_what_the_tests_count_is_what_was_measured_over_the_wire() -> None:
    """The world in memory and the functions on the emulator ask the same for a change."""
    one, bound = RECORD["side"]["one"]["product"], COUNTS["a change alone"]
    assert (one["autotask"], one["reads"], one["writes"]) == (bound.autotask, bound.reads, bound.writes)
    assert one["write units"] + one["index units"] == bound.write_units
