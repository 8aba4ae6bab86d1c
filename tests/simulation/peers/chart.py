"""The chart of the comparison, as plain SVG: one bar for each design and profile, on its own ground in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

LEFT, RIGHT, TOP, BAR, GAP, WIDTH = 332, 128, 100, 15, 16, 1028
_STYLE = """
    svg { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
    .ground { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e } .rule { stroke: #d1d9e0 }
    .wrong { fill: #b42318 } .way { fill: #f0a58f } .head { font-weight: 600; font-size: 15px } .ours { font-weight: 600 }
    .end { text-anchor: end } .mid { text-anchor: middle } .small { font-size: 12px }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .ink { fill: #f0f6fc } .soft { fill: #9198a1 } .rule { stroke: #3d444d }
      .wrong { fill: #f0564a } .way { fill: #7d3a33 }
    }
"""


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
        out.append(_text(LEFT - 52, y + height / 2 + 4.5, name, f"ink end{ours}"))
        for bar in bars:
            wrong, way = bar.wrong * 100 * scale, bar.way * 100 * scale
            out.append(_text(LEFT - 8, y + 11.5, bar.label, "soft end small"))
            out.append(_rect(LEFT, y + 1, wrong, BAR - 2, "wrong"))
            out.append(_rect(LEFT + wrong, y + 1, way, BAR - 2, "way"))
            told = f"{bar.wrong:.1%} + {bar.way:.1%}" if bar.wrong or bar.way else zero
            out.append(_text(LEFT + wrong + way + 6, y + 11.5, told.replace("%", " %"), "ink small"))
            y += BAR
        y += GAP
    axis = []
    for share in range(0, 101, 20):
        x = LEFT + share * scale
        axis.append(f'<line x1="{x:g}" y1="{TOP - 8}" x2="{x:g}" y2="{y - 6}" class="rule"/>')
        axis.append(_text(x, y + 10, f"{share} %", "soft mid small"))
    keys = []
    x = 24.0
    for words, kind in zip(legend, ("wrong", "way"), strict=True):
        keys += [_rect(x, 66, 12, 12, kind), _text(x + 18, 76.5, words, "ink small")]
        x += 34 + len(words) * 6.4
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 22}" role="img" aria-label="{escape(title)}">',
        f"  <style>{_STYLE}  </style>",
        f'  <rect width="{WIDTH}" height="{y + 22}" rx="6" class="ground"/>',
        f"  {_text(24, 28, title, 'ink head')}",
        f"  {_text(24, 48, below, 'soft')}",
        *(f"  {part}" for part in (*keys, *axis, *out)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>'


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" class="{kind}"/>'
