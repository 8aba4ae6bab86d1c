"""The time zones that there are: those of the package that the layer carries, and not those of the operator's disk."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def is_zone(name: str) -> bool:
    """Whether a name is a time zone's, to the letter: a disk without regard to case, or with zones of its own, would take others too."""
    return name in _names()
