"""How the demo speaks: paragraphs, commands, facts and tables, for a wide terminal, a narrow one, or a file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

NARROW = 76
"""Columns below which a table becomes a list."""


class Narrator:
    """Where the demo speaks. ``began`` is when it was opened, as monotonic seconds."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def title(self, text: str) -> None:
        """The name of the whole."""
        self._console.print()
        self._console.print(Rule(Text(text, style="bold")))

    def heading(self, text: str) -> None:
        """The name of a part."""
        self._console.print()
        self._console.print(Rule(Text(text, style="bold"), align="left", style="dim"))

    def say(self, *texts: str, style: str = "") -> None:
        """A paragraph for each of ``texts``."""
        for each in texts:
            self._console.print(Padding(Text(each, style=style), (0, 2), expand=False))

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def progress(self, text: str) -> None:
        """What happens next, with the seconds so far."""
        self.say(f"{self.seconds:4.1f} s  {text}", style="dim")

    def command(self, text: str) -> None:
        """A command or request on one line, so that it can be copied."""
        self._console.print(Text(f"  {text}", style="cyan"), soft_wrap=True)

    def fact(self, name: str, value: str, style: str = "") -> None:
        """A name and what there is to say about it."""
        grid = Table.grid(padding=(0, 2), pad_edge=True)
        grid.add_column(width=10, style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(name, Text(value, style=style))
        self._console.print(Padding(grid, (0, 2), expand=False))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table whose numbers stand at the right; on a narrow terminal a list."""
        if self._console.width < NARROW:
            for row in rows:
                self.fact(columns[0], row[0].replace("\n", ", "), "bold")
                for name, cell in zip(columns[1:], row[1:], strict=True):
                    self.fact(name, cell)
            return
        table = Table(show_edge=False, pad_edge=False, header_style="bold", box=None, padding=(0, 2, 0, 0))
        for number, name in enumerate(columns):
            numeric = all(row[number].isdigit() or row[number] == "–" for row in rows)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*row)
        self._console.print(Padding(table, (0, 2), expand=False))

    def waiting(self, text: str) -> AbstractContextManager[Any]:
        """Shows a person that something goes on; nothing where nobody looks."""
        return self._console.status(text)
