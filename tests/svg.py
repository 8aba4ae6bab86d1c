"""What the charts in ``docs/`` share: plain SVG on its own ground, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

WIDTH = 1028
STYLE = """
    svg { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
    .ground { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e } .rule { stroke: #d1d9e0 }
    .wrong { fill: #b42318 } .way { fill: #f0a58f } .head { font-weight: 600; font-size: 15px } .ours { font-weight: 600 }
    .end { text-anchor: end } .mid { text-anchor: middle } .small { font-size: 12px }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117 } .ink { fill: #f0f6fc } .soft { fill: #9198a1 } .rule { stroke: #3d444d }
      .wrong { fill: #f0564a } .way { fill: #7d3a33 }
    }
"""


def image(title: str, below: str, height: float, parts: Iterable[str]) -> str:
    """A chart with its title, what is said below it, and its parts."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
        f"  <style>{STYLE}  </style>",
        f'  <rect width="{WIDTH}" height="{height}" rx="6" class="ground"/>',
        f"  {text(24, 28, title, 'ink head')}",
        f"  {text(24, 48, below, 'soft')}",
        *(f"  {part}" for part in parts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def text(x: float, y: float, words: str, kind: str) -> str:
    """Words at a place."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A bar."""
    return f'<rect x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" class="{kind}"/>'


def rule(x: float, top: float, bottom: float) -> str:
    """A line of an axis."""
    return f'<line x1="{x:g}" y1="{top:g}" x2="{x:g}" y2="{bottom:g}" class="rule"/>'
