"""The chart of the comparison, as plain SVG: one bar for each design and profile, on its own ground in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.svg import WIDTH, image, rect, rule, text

LEFT, RIGHT, TOP, BAR, GAP = 332, 128, 100, 15, 16


@dataclass(frozen=True)
class Bar:
    """One design under one profile; shares from 0 to 1."""

    label: str
    wrong: float
    """Ends silently wrong."""
    way: float
    """Does not, and broke a promise on the way."""


def chart(
    title: str, below: str, groups: Sequence[tuple[str, Sequence[Bar]]], legend: tuple[str, str], zero: str
) -> str:
    """The SVG: groups of bars from top to bottom, with an axis of shares. The last group is drawn as ours; ``zero`` is said of none."""
    scale = (WIDTH - LEFT - RIGHT) / 100
    out: list[str] = []
    y = TOP
    for number, (name, bars) in enumerate(groups):
        height = len(bars) * BAR
        ours = " ours" if number == len(groups) - 1 else ""
        out.append(text(LEFT - 52, y + height / 2 + 4.5, name, f"ink end{ours}"))
        for bar in bars:
            wrong, way = bar.wrong * 100 * scale, bar.way * 100 * scale
            out.append(text(LEFT - 8, y + 11.5, bar.label, "soft end small"))
            out.append(rect(LEFT, y + 1, wrong, BAR - 2, "wrong"))
            out.append(rect(LEFT + wrong, y + 1, way, BAR - 2, "way"))
            told = f"{bar.wrong:.1%} + {bar.way:.1%}" if bar.wrong or bar.way else zero
            out.append(text(LEFT + wrong + way + 6, y + 11.5, told.replace("%", " %"), "ink small"))
            y += BAR
        y += GAP
    axis = []
    for share in range(0, 101, 20):
        x = LEFT + share * scale
        axis.append(rule(x, TOP - 8, y - 6))
        axis.append(text(x, y + 10, f"{share} %", "soft mid small"))
    keys = []
    x = 24.0
    for words, kind in zip(legend, ("wrong", "way"), strict=True):
        keys += [rect(x, 66, 12, 12, kind), text(x + 18, 76.5, words, "ink small")]
        x += 34 + len(words) * 6.4
    return image(title, below, y + 22, (*keys, *axis, *out))
