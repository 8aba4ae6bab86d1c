"""Step charts as coordinates of an SVG, with the same as words and as a table: nobody needs the picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.timeline import Timeline
from timus_autotask.web.formats import day as day_text

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 40, 116, 12, 24
"""Room for numbers, names, the topmost number and days."""
APART = 13
"""Between the names of two lines, so that both can be read."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart."""

    name: str
    kind: str
    """How it is drawn: a class of the style sheet."""
    units: Timeline
    first: date
    last: date
    """Inclusive."""
    named: bool = True
    """Its name stands at its end."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as it is drawn."""

    name: str
    kind: str
    path: str
    label: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of days with a meaning."""

    x: float
    width: float
    name: str


@dataclass(frozen=True, slots=True)
class ChartRow:
    """A day on which a number changes, for the table below."""

    day: date
    units: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All of it."""

    title: str
    summary: str
    """What is seen, in a sentence."""
    lines: tuple[Drawn, ...]
    levels: tuple[tuple[float, str], ...]
    """(y, number)."""
    days: tuple[tuple[float, str], ...]
    """(x, day)."""
    shades: tuple[Shade, ...]
    today: float | None
    names: tuple[str, ...]
    rows: tuple[ChartRow, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def step_chart(
    title: str,
    series: Sequence[Series],
    first: date,
    last: date,
    today: date,
    shades: Iterable[tuple[date, date, str]] = (),
) -> Chart:
    """The units of each line from ``first`` to ``last``; ``shades``: (first day, last day, what it means)."""
    shown = [one for one in series if one.first <= last and one.last >= first]
    levels = _levels(max((units for one in shown for units in _all(one)), default=0))
    paper = _Paper(first, last, levels[-1])
    return Chart(
        title,
        _summary(shown, min(max(today, first), last)),
        tuple(paper.lines(shown)),
        tuple((paper.y(level), f"{level:,}") for level in levels),
        tuple((paper.x(day), name) for day, name in _days(first, last)),
        tuple(paper.shade(start, end, name) for start, end, name in shades if start <= last and end >= first),
        paper.x(today) if first <= today <= last else None,
        tuple(one.name for one in shown),
        tuple(_rows(shown, first, last)),
    )


@dataclass(frozen=True, slots=True)
class _Paper:
    """Where a day and a number stand."""

    first: date
    last: date
    most: int

    def x(self, day: date) -> float:
        span = (self.last - self.first).days + 1
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (day - self.first).days / span, 1)

    def y(self, units: int) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * units / self.most, 1)

    def lines(self, series: Sequence[Series]) -> Iterator[Drawn]:
        paths = [self._path(one) for one in series]
        labels = _apart([end if one.named else None for one, (_, end) in zip(series, paths, strict=True)])
        for one, (path, _), label in zip(series, paths, labels, strict=True):
            yield Drawn(one.name, one.kind, path, None if label is None else (WIDTH - RIGHT + 8, label + 4))

    def _path(self, one: Series) -> tuple[str, float]:
        """And where it ends."""
        start, end = max(self.first, one.first), min(self.last, one.last) + ONE_DAY
        at = one.units.at(start)
        path = f"M{self.x(start)} {self.y(at)}"
        for day, units in one.units.steps:
            if start < day < end:
                path, at = f"{path}H{self.x(day)}V{self.y(units)}", units
        return f"{path}H{self.x(end)}", self.y(at)

    def shade(self, start: date, end: date, name: str) -> Shade:
        x = self.x(max(start, self.first))
        return Shade(x, round(self.x(min(end, self.last) + ONE_DAY) - x, 1), name)


def _all(one: Series) -> Iterator[int]:
    yield one.units.at(one.first)
    yield from (units for day, units in one.units.steps if one.first <= day <= one.last)


def _levels(most: int) -> list[int]:
    """Three to five round numbers from 0 on."""
    step = next(
        size for power in range(12) for size in (10**power, 2 * 10**power, 5 * 10**power) if size * 4 >= most
    )
    return [step * number for number in range(max(1, -(-most // step)) + 1)]


def _days(first: date, last: date) -> list[tuple[date, str]]:
    """Where days are named: the first of months, or some days of a single month."""
    span = (last - first).days
    if span <= 45:
        every = [first + timedelta(days=number) for number in range(0, span + 1, 7)]
        return [(day, f"{day.day} {day:%b}") for day in every]
    firsts = [day for day in (first + timedelta(days=n) for n in range(span + 1)) if day.day == 1]
    few = firsts[:: -(-len(firsts) // 8)]
    return [(day, f"{day:%b %Y}" if day.month == 1 or day == few[0] else f"{day:%b}") for day in few]


def _apart(ends: Sequence[float | None]) -> list[float | None]:
    """Where names stand beside the ends of their lines, so that none covers another."""
    found: list[float | None] = [None] * len(ends)
    lowest: float = TOP - APART
    for place, end in sorted(
        ((place, end) for place, end in enumerate(ends) if end is not None), key=lambda each: each[1]
    ):
        lowest = max(float(end), lowest + APART)
        found[place] = lowest
    over = lowest - (HEIGHT - BOTTOM)
    return [None if one is None else one - max(0.0, over) for one in found]


def _summary(series: Sequence[Series], today: date) -> str:
    """What each line has on a day: "On 16 Mar 2026: SASE-ADV-USER 336, SASE-GATEWAY 40"."""
    shown = [one for one in series if one.named and one.first <= today <= one.last]
    return f"On {day_text(today)}: {', '.join(f'{one.name} {one.units.at(today):,}' for one in shown)}"


def _rows(series: Sequence[Series], first: date, last: date) -> Iterator[ChartRow]:
    days = {first, *(day for one in series for day in one.units.days if first < day <= last)}
    for day in sorted(days):
        yield ChartRow(
            day, tuple(one.units.at(day) if one.first <= day <= one.last else None for one in series)
        )
