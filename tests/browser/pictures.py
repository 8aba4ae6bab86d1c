"""Pictures of the console, as docs/ shows them: small, and compared as a person would who looks from across the room.

Fonts and edges differ from machine to machine, so nothing is compared pixel by pixel. Both pictures are made so small that a letter is a grey spot;
then they may differ in few spots. That sees a page without its style, a missing column, a chart that is gone or a wrong colour, and does not flake.
What a page says is tested by words elsewhere.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

PICTURES = Path(__file__).parents[2] / "docs" / "console"
COLOURS = 256
SPOT = 16
"""Pixels that become one."""
VISIBLE = 24
"""Of 255: a spot that differs by more is another spot."""
SHARE = 0.06
"""So many of the spots may differ: a shift by three pixels changes 1 % of them, another page 10 % or more."""


def stored(name: str) -> Path:
    """Where a picture is kept."""
    return PICTURES / f"{name}.png"


def keep(name: str, png: bytes) -> None:
    """Store a picture in few colours: half its size, and nobody sees it."""
    from PIL import Image

    PICTURES.mkdir(exist_ok=True)
    with Image.open(BytesIO(png)) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(stored(name), optimize=True)


def differing(one: bytes, other: bytes) -> float:
    """The share of spots that differ; 1.0: not even the size is the same."""
    from PIL import Image, ImageChops

    with Image.open(BytesIO(one)) as left, Image.open(BytesIO(other)) as right:
        if left.size != right.size:
            return 1.0
        size = (left.width // SPOT, left.height // SPOT)
        spots = [each.convert("RGB").resize(size, Image.Resampling.BOX) for each in (left, right)]
        grey = ImageChops.difference(*spots).convert("L")
        return float(sum(grey.histogram()[VISIBLE:]) / (size[0] * size[1]))
