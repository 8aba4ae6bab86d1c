"""The person at the terminal, or the program in their place: tables and questions, or JSON and neither."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from getpass import getpass
from itertools import islice, zip_longest
from pydoc import pager
from select import select
from textwrap import wrap
from typing import Any, NoReturn

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from timus_autotask.plain import as_json, visible
from timus_autotask.store.inbox import NOBODY
from timus_autotask.watch.remedy import COMMAND, ways
from timus_autotask.watch.wording import NO_CUSTOMER

WIDE = 300
"""Columns when nobody's terminal says how many there are: a log or a pipe must not lose words."""
ESCAPE = b"\x1b"
BETWEEN = 3
"""Columns between two columns of a table."""
INDENT = 2
"""How far in the rows of a section stand."""
NUMBER = re.compile(r"[+-]?[0-9.]+")
_JOINT = "\0"
"""Stands for a blank that is no place to break; ``plain`` lets none of its kind in."""


class Whole(str):
    """A line that is never broken: a command to be copied."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that belong together, under a heading; below each row, what there is to say about it."""

    heading: str
    rows: Sequence[tuple[Sequence[Any], Sequence[str]]]


@dataclass
class Terminal:
    """Where a command speaks. With ``json`` only its result is printed, and nothing is ever asked.

    Whatever is said here is shown, never obeyed: see ``plain``. Nothing is cut inside a word.
    """

    json: bool = False
    interactive: bool = False
    """Whether a person can be asked."""
    console: Console = field(default_factory=lambda: _console())  # noqa: PLW0108 - it stands below
    zone: tzinfo = UTC
    """The partner's: tables have times in it, with its offset."""

    def say(self, *paragraphs: str, style: str = "", hanging: int = 0) -> None:
        """Each paragraph on a line of its own, which a terminal's width wraps between words; as far in as it begins, and ``hanging`` more."""
        if self.json:
            return
        for paragraph in paragraphs:
            width = self.console.width if self.console.is_terminal else 0
            for line in _wrapped(_line(paragraph), width, hanging) or [""]:
                self._print(Text(line, style=style))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
        """A table; ``empty`` is said when there are no rows. A cell may have several lines, given as a list.

        Numbers stand at the right. Where the terminal is too narrow for whole words, each row becomes a paragraph.
        """
        found = [[*row] for row in rows]
        if self.json:
            return
        if not found:
            self.say(empty)
            return
        cells = [[self._lines(value) for value in row] for row in found]
        widths = _widths(columns, cells, self.console.width)
        if widths is None:
            for row in cells:
                self._paragraph(columns, row)
            return
        numeric = [
            all(isinstance(each, int) or each in (None, "") for each in column)
            for column in zip(*found, strict=True)
        ]
        self.console.print(_grid(columns, widths, numeric, cells))

    def sections(self, columns: Sequence[str], sections: Sequence[Section]) -> None:
        """A table in sections: the columns are as wide in each, and a long remark goes over the whole width.

        A column in which nothing stands is left out.
        """
        if self.json or not sections:
            return
        names, every = _used(
            columns, [[self._lines(value) for value in row] for one in sections for row, _ in one.rows]
        )
        widths = _widths(names, every, self.console.width - INDENT)
        right = [_numeric(row[at] for row in every) for at in range(len(names))]
        if widths is not None:
            self._row([[name] for name in names], widths, right, "bold")
        rows = iter(every)
        for section in sections:
            self.say(section.heading, style="bold", hanging=INDENT)
            for row, (_, remarks) in zip(islice(rows, len(section.rows)), section.rows, strict=True):
                self._row(row, widths, right) if widths is not None else self._paragraph(names, row)
                self.say(*(type(one)(" " * 2 * INDENT + one) for one in remarks))

    def _row(
        self, row: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool], style: str = ""
    ) -> None:
        """One row of a section, each cell in its column, numbers at the right."""
        wrapped = [
            [part for line in lines for part in _wrapped(line, width)]
            for lines, width in zip(row, widths, strict=True)
        ]
        for parts in zip_longest(*wrapped, fillvalue=""):
            text = Text(" " * INDENT)
            for at, (part, width) in enumerate(zip(parts, widths, strict=True)):
                room = " " * (width - cell_len(part))
                cell = Text(room + part if right[at] else part + room, style=STYLES.get(part, style))
                text = Text.assemble(text, " " * BETWEEN if at else "", cell)
            text.rstrip()
            self._print(text)

    def busy(self, message: str, *, done: bool = False) -> None:
        """What is being waited for, on one line that is written over; only where a person looks on. ``done`` takes it away."""
        if self.json or not self.console.is_terminal:
            return
        line = visible(message)[: self.console.width - 1]
        self.console.file.write("\r" + " " * (self.console.width - 1) + "\r" + ("" if done else line))
        self.console.file.flush()

    @contextmanager
    def while_busy(self, message: str) -> Iterator[None]:
        """While something takes its time, what it is; taken away however that ends."""
        self.busy(message)
        try:
            yield
        finally:
            self.busy("", done=True)

    @contextmanager
    def pages(self) -> Iterator[None]:
        """What is said within, a screen at a time if it is longer than one and a person reads it (``PAGER``, else less)."""
        if not self.asks or not self.console.is_terminal:
            yield
            return
        self.console.begin_capture()
        try:
            yield
        finally:
            text = self.console.end_capture()
            if text.count("\n") < self.console.height or not _has_pager():
                self.console.file.write(text)
                self.console.file.flush()
            else:
                os.environ.setdefault(
                    "LESS", "-FRX"
                )  # colours as they are, and nothing to leave where it fits
                pager(text)

    @property
    def asks(self) -> bool:
        """Whether there is a person who can be asked."""
        return self.interactive and not self.json

    def confirm(self, question: str) -> bool:
        """A person's yes or no; without a person it is yes."""
        if not self.asks:
            return True
        self.console.print(Text(f"{visible(question)} [y/N] "), end="")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def ask(self, question: str, *, hidden: bool = False) -> str:
        """What a person types, without the blanks around it; ``hidden``: it is not shown. ``""`` where nobody can be asked."""
        if not self.asks:
            return ""
        prompt = f"{visible(question)}: "
        return (getpass(prompt) if hidden else input(prompt)).strip()

    def key(self) -> str:
        """One keystroke of a person; ``""`` where nobody can be asked, or nobody answers any more."""
        if not self.asks:
            return ""
        return keystroke()

    def result(self, result: Mapping[str, Any]) -> None:
        """The result, for programs."""
        if self.json:
            print(as_json(result))

    def _lines(self, value: Any) -> list[str]:
        """The lines of a cell."""
        if isinstance(value, list | tuple):
            return [line for each in value for line in self._lines(each)]
        if value is None:
            return []
        if isinstance(value, datetime):
            return [moment(value, self.zone)]
        if value == "":
            return []
        return [_line(value) if isinstance(value, str) else visible(str(value))]

    def _paragraph(self, columns: Sequence[str], row: Sequence[Sequence[str]]) -> None:
        """A row as a paragraph: short cells beside each other with their names, long ones below."""
        width = self.console.width
        line = Text()
        for name, lines in zip(columns, row, strict=True):
            if not any(lines):
                continue
            indent = "  " if line else ""
            cell = Text.assemble(f"{name} ", _styled(lines[0]))
            if len(lines) == 1 and cell.cell_len <= width // 2:
                if line and line.cell_len + 2 + cell.cell_len > width:
                    self._print(line)
                    line = Text("  ")
                    indent = ""
                line = line + Text(indent) + cell
                continue
            if line:
                self._print(line)
            line = Text("  ")
            for each in lines:
                for part in _wrapped(each, width - 2):
                    self._print(Text("  " + part))
        if line.plain.strip():
            self._print(line)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)


def keystroke() -> str:
    """One key, without Enter, where the terminal gives keys one by one; else the first of a line. Escape for any key that is several."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return sys.stdin.readline()[:1]
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard, termios.TCSANOW)
        pressed = os.read(keyboard, 1)
        if pressed == ESCAPE:  # an arrow is Escape, [ and a letter: the letter is no answer
            while select([keyboard], [], [], 0.02)[0]:
                os.read(keyboard, 1)
        return pressed.decode("ascii", "replace")
    finally:
        termios.tcsetattr(keyboard, termios.TCSANOW, before)


class _Output(Console):
    """Standard output: plain text as it stands, with no meaning in brackets."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, width=width)

    def on_broken_pipe(self) -> NoReturn:
        """Nobody reads on: the command says what that means. Rich would end it here, without a word."""
        raise BrokenPipeError


def _has_pager() -> bool:
    """Whether the program that ``PAGER`` names is there: a shell would lose what is said."""
    named = os.environ.get("PAGER", "").split()
    return not named or shutil.which(named[0]) is not None


def _console() -> Console:
    found = _Output()
    return found if found.is_terminal else _Output(WIDE)


STYLES = {
    "ok": "green",
    "warn": "yellow",
    "wrong": "red",
    "applied": "green",
    "pending": "yellow",
    "scheduled": "cyan",
    "observing": "cyan",
    "ignored": "dim",
    "settling": "yellow",
    "parked": "red",
    "landed": "green",
    "refused": "red",
    "unclear": "red",
}


def _styled(line: str) -> Text:
    return Text(line, style=STYLES.get(line, ""))


def _line(text: str) -> str:
    """The text as it may be shown; what must not be broken stays so."""
    return type(text)(visible(text)) if isinstance(text, Whole) else visible(text)


def _words(line: str) -> Sequence[str]:
    return [line] if isinstance(line, Whole) else [_parted(word) for word in _joined(line).split()]


def _joined(line: str) -> str:
    """The line with nothing to break within its commands."""
    return COMMAND.sub(lambda found: found[0].replace(" ", _JOINT), line)


def _parted(line: str) -> str:
    return line.replace(_JOINT, " ")


def _wrapped(line: str, width: int, hanging: int = 0) -> list[str]:
    """The line in pieces of at most ``width`` columns (0: as long as it is), broken between words only."""
    if isinstance(line, Whole) or not width or cell_len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    broken = wrap(
        _joined(line.strip()),
        width,
        initial_indent=indent,
        subsequent_indent=indent + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [_parted(part) for part in broken]


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[Sequence[str]]], width: int
) -> Sequence[int] | None:
    """How wide each column is, so that no word is cut; None when they do not fit beside each other."""
    room = width - BETWEEN * (len(columns) - 1)
    natural, least = [], []
    for number, name in enumerate(columns):
        lines = [name, *(line for row in rows for line in row[number])]
        natural.append(max(map(cell_len, lines)))
        least.append(max(max(map(cell_len, _words(line)), default=0) for line in lines))
    if sum(least) > room:
        return None
    return [*_shrunk(natural, least, room)]


def _used(
    columns: Sequence[str], rows: Sequence[Sequence[Sequence[str]]]
) -> tuple[Sequence[str], Sequence[Sequence[Sequence[str]]]]:
    """The columns in which something stands."""
    used = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    return [columns[at] for at in used], [[row[at] for at in used] for row in rows]


def _grid(
    columns: Sequence[str],
    widths: Sequence[int],
    numeric: Sequence[bool],
    cells: Iterable[Sequence[Sequence[str]]],
) -> Table:
    """A table with these columns; numbers stand at the right."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name, width, right in zip(columns, widths, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", width=width, overflow="fold")
    for row in cells:
        table.add_row(*(Text("\n").join(_styled(line) for line in lines) for lines in row))
    return table


def _numeric(cells: Iterable[Sequence[str]]) -> bool:
    return all(NUMBER.fullmatch(part) for lines in cells for part in lines)


def _shrunk(natural: Sequence[int], least: Sequence[int], room: int) -> Iterator[int]:
    """The natural widths, the widest columns narrowed as far as it takes, but none below its longest word."""
    over = sum(natural) - room
    widths = [*natural]
    for number in sorted(range(len(widths)), key=lambda each: least[each] - natural[each]):
        less = min(max(over, 0), natural[number] - least[number])
        widths[number] -= less
        over -= less
    yield from widths


def called(id_: int | str | None, names: Mapping[Any, str]) -> str | None:
    """An id with the name of whatever has it, if there is one. The id stands first and alone, so that it can be copied."""
    if id_ is None:
        return None
    if id_ == NOBODY:
        return NO_CUSTOMER
    return f"{id_} {names[id_]}" if names.get(id_) else str(id_)


def arrows(remedy: str) -> list[str]:
    """The ways out of something, a line each, so that each can be copied."""
    return [Whole(f"→ {one}") for one in ways(remedy)]


def moment(value: datetime | None, zone: tzinfo) -> str:
    """A time for people, to the second, in the partner's zone and with its offset: so it can be copied into any command."""
    return value.astimezone(zone).isoformat(" ", "seconds") if value else ""


def utc(value: datetime | None) -> str:
    """A time within a sentence."""
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if value else ""
