"""The small parts of the console: what is kept, words, charts, failures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.virtual_clock import VirtualClock
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.watch.grouping import Standing
from timus_autotask.watch.names import Directory
from timus_autotask.watch.wording import counted
from timus_autotask.web.charts import HEIGHT, LEFT, RIGHT, WIDTH, Series, step_chart
from timus_autotask.web.failing import failure_of
from timus_autotask.web.formats import Formats, commands_in, day, lasting, money, signed
from timus_autotask.web.kept import Kept
from timus_autotask.web.pages.overview import sentence_of

NOON = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)


# -- What is kept


def test_what_is_kept_is_read_when_it_is_asked_for_first_and_then_shown() -> None:
    """With the time at which it was read."""
    clock, times = VirtualClock(NOON), [0]

    def read(_before: int | None) -> int:
        times[0] += 1
        return times[0]

    kept = Kept(read, clock)
    assert kept.seen.value is None
    assert kept.first().value == 1
    clock.advance(60)
    assert (kept.first().value, kept.first().at) == (1, NOON)
    assert (kept.fresh().value, kept.seen.at) == (2, NOON + timedelta(seconds=60))


def test_what_is_young_is_not_read_again_and_what_failed_is() -> None:
    """A failure is no reason to wait a minute."""
    clock = VirtualClock(NOON)
    answers: Iterator[int | Exception] = iter((1, TableUnavailable("away"), 2))

    def read(_before: int | None) -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    kept = Kept(read, clock, lambda work: work())
    kept.soon(timedelta(minutes=1))
    kept.soon(timedelta(minutes=1))
    assert kept.seen.value == 1
    clock.advance(61)
    kept.soon(timedelta(minutes=1))
    assert (kept.seen.value, kept.seen.at, str(kept.seen.failed)) == (1, NOON, "away")
    kept.soon(timedelta(minutes=1))
    assert (kept.seen.value, kept.seen.failed) == (2, None)


def test_one_thread_reads_and_the_others_get_what_it_reads() -> None:
    """A hundred clicks are one reading, or two where the first had begun before."""
    clock, go, times = VirtualClock(NOON), Event(), [0]

    def read(_before: int | None) -> int:
        go.wait(5)
        times[0] += 1
        return times[0]

    kept = Kept(read, clock)
    threads = [Thread(target=kept.fresh) for _ in range(20)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert times[0] <= 2 + 1
    assert not kept.seen.reading


# -- Words


def test_numbers_days_and_durations_are_words() -> None:
    """Unambiguous, with a real minus, and in the partner's zone."""
    assert day(date(2026, 3, 4)) == "4 Mar 2026"
    assert signed(-3) == "\N{MINUS SIGN}3"
    assert signed(1200) == "+1,200"
    assert money(Decimal("-1234.5")) == "\N{MINUS SIGN}1,234.50"
    assert money(None) == ""
    assert counted(1, "customer") == "1 customer"
    assert counted(2, "thing has", "things have") == "2 things have"
    words = Formats(ZoneInfo("America/New_York"), lambda: NOON)
    assert words.moment(NOON) == "16 Mar 2026, 08:00"
    assert words.clock(NOON) == "08:00"
    assert words.clock(NOON - timedelta(days=1)) == "15 Mar 2026, 08:00"
    assert words.ago(NOON - timedelta(seconds=125)) == "2 minutes ago"
    assert words.ago(NOON) == "just now"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A change of -18 on 2026-03-13 awaits approval.", "A change of −18 on 13 Mar 2026 awaits approval."),
        ("kim rejected it on 2026-03-13 01:04 UTC: why", "kim rejected it on 12 Mar 2026, 21:04: why"),
        (
            "2 units (Autotask 12) from 2026-02-09 to 2026-02-28.",
            "2 units (Autotask 12) from 9 Feb 2026 to 28 Feb 2026.",
        ),
        ("Customer cus_1f has none.", "Customer Lucerne has none."),
        (
            "service 45 on contract 70 of company 5",
            "service Advanced (45) on contract 70 of company Lucerne Inc. (5)",
        ),
        (
            "order INV-2026-03-13, sub_-1, 2026-13-40, SKU-9",
            "order INV-2026-03-13, sub_-1, 2026-13-40, SKU-9",
        ),
        ("it is 5 and the rest; write --from 2026-03-20", "it is 5 and the rest; write --from 2026-03-20"),
        (
            "cus_1f waits since 2026-03-13: timus-autotask map customer cus_1f --from 2026-03-13, or service 45",
            "Lucerne waits since 13 Mar 2026: timus-autotask map customer cus_1f --from 2026-03-13, or service Advanced (45)",
        ),
        (None, ""),
    ],
)
def test_a_text_of_the_command_is_said_as_the_pages_say_it(text: str | None, said: str) -> None:
    """Days, times, minus signs and names; what only looks like one stays, and so do commands."""
    words = Formats(ZoneInfo("America/New_York"), lambda: NOON)
    names = Directory(
        {"cus_1f": "Lucerne", "5": "no", "rest": "no"}, {5: "Lucerne Inc."}, services={45: "Advanced"}
    )
    assert words.said(text, names) == said.replace("−", "\N{MINUS SIGN}")


@pytest.mark.parametrize(
    ("remedy", "commands"),
    [
        ("timus-autotask map suggest", ["timus-autotask map suggest"]),
        ("It runs each minute: look again in a few", []),
        (
            "timus-autotask drift 70 46 --enforce, or: timus-autotask drift 70 46 --adopt",
            ["timus-autotask drift 70 46 --enforce", "timus-autotask drift 70 46 --adopt"],
        ),
        (
            "timus-autotask status and timus-autotask events --parked: both",
            ["timus-autotask status", "timus-autotask events --parked"],
        ),
        ("Correct it: make deploy STACK=a TIME_ZONE=AREA/CITY.", ["make deploy STACK=a TIME_ZONE=AREA/CITY"]),
        ("timus-autotask map line 1:2 --from 2026-03-20.", ["timus-autotask map line 1:2 --from 2026-03-20"]),
    ],
)
def test_what_is_to_be_copied_is_the_command_and_nothing_else(remedy: str, commands: list[str]) -> None:
    """The words around it are words, and none gets lost."""
    pieces = commands_in(remedy)
    assert [words for command, words in pieces if command] == commands
    assert "".join(words for _, words in pieces) == remedy


@given(st.text())
def test_any_text_can_be_said(text: str) -> None:
    """And nothing gets lost of one without a day, a number or a name."""
    words = Formats(ZoneInfo("America/New_York"), lambda: NOON)
    assert words.said("".join(one for one in text if one != "-")) == "".join(
        one for one in text if one != "-"
    )
    words.said(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (3600, "1 hour"),
        (172800, "2 days"),
        (0.4, "less than a second"),
        (-5, "less than a second"),
    ],
)
def test_a_duration_has_one_unit(seconds: float, words: str) -> None:
    """The one that says most."""
    assert lasting(timedelta(seconds=seconds)) == words


# -- Charts

FIRST, LAST = date(2026, 1, 1), date(2026, 6, 30)


@given(
    st.lists(st.tuples(st.integers(-30, 240), st.integers(0, 5000)), max_size=12),
    st.lists(st.tuples(st.integers(-30, 240), st.integers(0, 5000)), max_size=12),
)
def test_a_chart_stays_on_its_paper_and_says_what_it_shows(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    """Whatever the numbers are; its table has each day on which one of them changes."""

    def timeline(steps: list[tuple[int, int]]) -> Timeline:
        return Timeline.of(sorted((FIRST + timedelta(days=n), units) for n, units in steps))

    lines = [timeline(one), timeline(other)]
    series = [Series(name, "plan-1", units, FIRST, LAST) for name, units in zip("AB", lines, strict=True)]
    chart = step_chart("Seats", series, FIRST, LAST, date(2026, 3, 16))
    for line in chart.lines:
        numbers = [float(n) for n in line.path.replace("M", " ").replace("H", " ").replace("V", " ").split()]
        assert all(-0.1 <= n <= WIDTH for n in numbers)
        assert line.label is None or 0 < line.label[1] <= HEIGHT
    labels = sorted(line.label[1] for line in chart.lines if line.label)
    assert all(later - earlier >= 12 for earlier, later in pairwise(labels))
    assert chart.today is not None
    assert LEFT <= chart.today <= WIDTH - RIGHT
    for row in chart.rows:
        assert row.units == tuple(units.at(row.day) for units in lines)
    changing = {d for units in lines for d in units.days if FIRST < d <= LAST}
    assert {row.day for row in chart.rows} == {FIRST, *changing}


# -- Failures


def test_a_right_that_is_missing_is_named_with_whom_it_is_missing_for() -> None:
    """As AWS words it."""
    words = (
        "An error occurred (AccessDeniedException) when calling the Query operation: User: arn:aws:sts::1:assumed-role/Ops/a is not "
        "authorized to perform: dynamodb:Query on resource: arn:aws:dynamodb:eu-west-1:1:table/t/index/kind-index because no policy allows it"
    )
    found = failure_of(TableUnavailable(words))
    assert found.right == "dynamodb:Query"
    assert "assumed-role/Ops/a" in found.message
    assert "table/t/index/kind-index" in found.message


def test_a_failure_that_nobody_foresaw_is_told_as_it_is() -> None:
    """With its kind, for whoever has to find it."""
    assert failure_of(ZeroDivisionError("division by zero")).message == "ZeroDivisionError: division by zero"


# -- The sentence of the first page


@pytest.mark.parametrize(
    ("standings", "sentence"),
    [
        ([Standing.LEVEL] * 2, "All 2 customers are aligned"),
        (
            [Standing.LEVEL] * 3 + [Standing.OBSERVING] * 2 + [Standing.SCHEDULED],
            "Nobody needs you; 3 of 6 customers are aligned, 2 observe, 1 has something scheduled or to know",
        ),
        (
            [Standing.LEVEL, Standing.SCHEDULED, Standing.IGNORED],
            "Nobody needs you; 1 of 2 customers is aligned, 1 has something scheduled or to know",
        ),
    ],
)
def test_only_customers_who_are_level_are_called_aligned(standings: list[Standing], sentence: str) -> None:
    """Who observes is not billed by us, and what is scheduled is still to come."""
    assert sentence_of(standings) == sentence
