"""Schedules that once broke a promise, each shrunk to what it needs. Every test run repeats them, one file each.

``python -m tests.simulation`` prints the file of a new one when it finds one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tests.simulation.scheduler import Place
from tests.simulation.story import Story

FOLDER = Path(__file__).parent
WIDTH = 110
"""A value that fits into one line of a file stays on one line."""


@dataclass(frozen=True)
class Past:
    """What was broken, and the story and the faults that showed it."""

    title: str
    story: Story
    faults: tuple[tuple[str, int, str], ...] = ()
    """(actor, number of its call, fault)."""

    @property
    def listed(self) -> Mapping[Place, str]:
        """The faults, as ``Decisions`` takes them."""
        return {(actor, call): fault for actor, call, fault in self.faults}


_FORM = TypeAdapter(Past)


def load(text: str) -> Past:
    """What a file says. Raises pydantic's ``ValidationError``, which names the field that is wrong."""
    return _FORM.validate_json(text)


def dump(past: Past) -> str:
    """The text of a file that loads as the same value."""
    return _laid_out(_FORM.dump_python(past, mode="json")) + "\n"


def files() -> Mapping[str, Path]:
    """The file of each past failure, by its name: ``<promise>-<seed>``."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.json"))}


def _laid_out(value: Any, indent: int = 0) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or indent + len(line) <= WIDTH:
        return line
    inside = "\n" + " " * (indent + 2)
    if isinstance(value, list):
        parts, brackets = [_laid_out(one, indent + 2) for one in value], "[]"
    else:
        parts = [f"{json.dumps(key)}: {_laid_out(one, indent + 2)}" for key, one in value.items()]
        brackets = "{}"
    return f"{brackets[0]}{inside}{f',{inside}'.join(parts)}\n{' ' * indent}{brackets[1]}"
