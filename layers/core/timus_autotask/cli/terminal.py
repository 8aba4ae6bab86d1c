"""The person at the terminal, or the program in their place: tables and questions, or JSON and neither."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200
"""Columns when nobody's terminal says how many there are: a log or a pipe must not lose words."""


@dataclass
class Terminal:
    """Where a command speaks. With ``json`` only its result is printed, and nothing is ever asked."""

    json: bool = False
    interactive: bool = False
    """Whether a person can be asked."""
    console: Console = field(default_factory=lambda: _console())  # noqa: PLW0108 - it stands below

    def say(self, *words: str, style: str = "") -> None:
        """A paragraph for each of ``words``."""
        if not self.json:
            for each in words:
                self.console.print(Text(each, style=style), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
        """A table; ``empty`` is said when there are no rows. Numbers stand at the right."""
        found = [[*row] for row in rows]
        if self.json:
            return
        if not found:
            self.say(empty)
            return
        table = Table(show_edge=False, pad_edge=False, header_style="bold")
        for number, name in enumerate(columns):
            numeric = all(isinstance(row[number], int) or row[number] in (None, "") for row in found)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in found:
            table.add_row(*(_cell(value) for value in row))
        self.console.print(table)

    def confirm(self, question: str) -> bool:
        """A person's yes or no; without a person it is yes."""
        if not self.interactive or self.json:
            return True
        self.console.print(Text(f"{question} [y/N] "), end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def result(self, result: Mapping[str, Any]) -> None:
        """The result, for programs."""
        if self.json:
            print(json.dumps(result, ensure_ascii=False, indent=2, default=plain))


def _console() -> Console:
    """Standard output: plain text as it stands, with no meaning in brackets."""
    found = Console(markup=False, highlight=False, emoji=False)
    return found if found.is_terminal else Console(markup=False, highlight=False, emoji=False, width=WIDE)


STYLES = {
    "applied": "green",
    "pending": "yellow",
    "scheduled": "cyan",
    "settling": "yellow",
    "parked": "red",
    "landed": "green",
    "refused": "red",
    "unclear": "red",
}


def _cell(value: Any) -> Text:
    text = "" if value is None else moment(value) if isinstance(value, datetime) else str(value)
    return Text(text, style=STYLES.get(text, ""))


def moment(value: datetime | None) -> str:
    """A time for people, to the second."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else ""


def plain(value: Any) -> Any:
    """JSON for what JSON does not know."""
    if isinstance(value, date):  # a datetime too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
