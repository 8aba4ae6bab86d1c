"""The one reader of every file that comes in, and its writer: CSV as spreadsheets and programs write it, or JSON.

A file is read as what it says, or it is refused with all of its problems, each with its row and column. Nothing is guessed: a
file becomes quantities on an invoice.

CSV follows RFC 4180 to the letter, with one difference: a row is one line, so a cell holds no line break. Every well-formed line
then has an even number of quotation marks and as many cells as the first one, so a single quotation mark or separator too many or
too few is always seen, and none of them can join two rows.

What is written reads back as it was, and a spreadsheet takes no cell of it for a formula, a number or a day: such a text is
written as ``="..."``, which every spreadsheet shows as the text itself (https://owasp.org/www-community/attacks/CSV_Injection).
Controls and direction marks are written as their escapes, as everywhere (``plain.py``), because a file is looked at in a terminal too.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from io import StringIO
from typing import Any
from unicodedata import category

from timus_autotask.operate.refusal import Way
from timus_autotask.plain import escaped, unescaped, visible
from timus_autotask.watch.wording import counted

SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class CellType:
    """How the value of a column is read."""

    parse: Callable[[str], Any]
    """From the text of a cell. Raises ``ValueError`` with a clause such as "must be a whole number"."""
    of_json: Callable[[Any], Any]
    """From a value of JSON, which has types of its own; raises likewise."""
    code: bool = False
    """Machines compare it (an id, a SKU), so what a spreadsheet has rewritten is refused even where it could be read."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a CSV file, or field of the objects of a JSON file."""

    name: str
    kind: CellType
    required: bool = False
    """Every row has a value."""
    aliases: tuple[str, ...] = ()
    """Other names. Case, and spaces, hyphens or underscores between words, make no difference in a name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, typed."""

    number: int
    """Of a CSV file its line, of a JSON file its place in the list; the first one is 1."""
    values: Mapping[str, Any]
    """By the column's name; None where the cell is empty, or the file has no such column."""
    columns: frozenset[str] = frozenset()
    """The columns that the file has, whether or not a cell is empty."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file cannot be used."""

    message: str
    row: int | None = None
    column: str | None = None
    value: Any = None
    """What stands there."""
    ways: tuple[Way, ...] = ()
    """What would help, beside another file."""

    def __str__(self) -> str:
        where = f"row {self.row}: " if self.row else ""
        return where + (f"{self.column} " if self.column else "") + self.message

    def with_help(self, words: Mapping[Way, str]) -> str:
        """The same, and what would help; ``words`` are those of the command or of the console."""
        what = str(self)
        if self.ways and not what.endswith((".", "?")):
            what += "."
        return " ".join([what, *(words[way] for way in self.ways)])


class FileRefused(Exception):
    """The file cannot be used; nothing of it was. ``problems`` are all that were found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


Skip = Callable[[int, Sequence[str], Sequence[str], Sequence[Column | None]], bool]
"""Whether a line of CSV is no row of the file's: by its number, its cells, the names in the first line, and their columns."""


def read(data: bytes, columns: Sequence[Column], within: str, skip: Skip | None = None) -> tuple[Row, ...]:
    """The rows of a file, at least one, without the lines that ``skip`` says are none. Raises :class:`FileRefused`.

    JSON is a list of objects, or an object whose one field ``within`` is that list.
    """
    rows, problems = read_each(data, columns, within, skip)
    if problems:
        raise FileRefused(*problems)
    return rows


def read_each(
    data: bytes, columns: Sequence[Column], within: str, skip: Skip | None = None
) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """The same with its problems: for who may go on without the rows that have one.

    A row with a problem is among the rows, without the values that are wrong, unless it could not be taken apart. Raises
    :class:`FileRefused` for a file of which no row can be read.
    """
    text = _text_of(data)
    reader = _Reader(columns, skip)
    if text.lstrip()[:1] in ("[", "{"):
        rows = [
            reader.typed(row, pairs, lambda kind: kind.of_json) for row, pairs in reader.json(text, within)
        ]
    else:
        rows = [reader.typed(row, pairs, lambda kind: kind.parse) for row, pairs in reader.csv(text)]
    if not rows:
        if not reader.problems:
            reader.report("there are no rows")
        raise FileRefused(*reader.problems)
    return tuple(rows), tuple(reader.problems)


def as_csv(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> str:
    """A file of CSV that reads back as these rows; what a row does not have is an empty cell."""
    file = StringIO()
    table = csv.writer(file)  # RFC 4180, commas, CRLF
    table.writerow([each.name for each in columns])
    for row in rows:
        table.writerow([_cell(row.get(each.name), each.kind) for each in columns])
    return file.getvalue()


def for_excel(text: str) -> str:
    """A file of CSV as it is handed out: Excel takes one without the mark in front for Windows-1252."""
    return "\ufeff" + text


def for_json(column: Column, value: Any) -> Any:
    """A value for a file of JSON; a text that the reader would take for what a spreadsheet made of another one is marked."""
    signs = (*_NO_VALUE, *_REWRITTEN, _MARK) if column.kind.code else (*_NO_VALUE, _MARK)
    return _marked(value) if isinstance(value, str) and _damage(value, signs) else value


def _cell(value: Any, kind: CellType) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = escaped(value) if kind is TEXT else visible(value)
    plainly = _PLAINLY_TEXT.match(text) and not _damage(text, (*_NO_VALUE, *_REWRITTEN))
    return text if plainly else _marked(text)


def _marked(text: str) -> str:
    """A text as the formula that gives it."""
    return '="' + text.replace('"', '""') + '"'


_PLAINLY_TEXT = re.compile(r"(?!(?i:true|false)$)[^\W\d_]")
"""How a text begins that no spreadsheet takes for anything else: with a letter."""


# -- Bytes to text


_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of Excel and LibreOffice begin."""
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


def _text_of(data: bytes) -> str:
    """UTF-8, with or without a byte-order mark, or UTF-16 with one.

    Nothing else: bytes alone do not distinguish Windows-1252 from similar encodings, and a wrong letter can make another id or SKU.
    """
    if data.startswith(_WORKBOOKS):
        raise FileRefused(Problem("this is a workbook: save the sheet as CSV UTF-8"))
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf16 else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        row = len(_LINE_BREAK.split(data[: error.start].decode(encoding, "replace")))
        name = "UTF-16" if utf16 else "UTF-8"
        raise FileRefused(Problem(f"this is not {name} text: save the file as CSV UTF-8", row)) from None
    if "\0" in text:
        row = len(_LINE_BREAK.split(text.partition("\0")[0]))
        raise FileRefused(Problem("there is a zero byte: save the file as CSV UTF-8", row))
    return text


# -- Kinds of values


def _text(text: str) -> str:
    """What people read: control characters and half characters could be neither stored nor shown."""
    if any(category(sign) in ("Cc", "Cs") for sign in text):
        raise ValueError("must be a text without control characters")
    return text


def _only_text(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def of_json(value: Any) -> Any:
        if type(value) is not str:
            raise ValueError("must be a text")
        return parse(value)

    return of_json


def code(parse: Callable[[str], Any]) -> CellType:
    """What machines compare, such as an id."""
    return CellType(parse, _only_text(parse), code=True)


def one_of(*choices: str) -> CellType:
    """One of a few words, to the letter."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return CellType(parse, _only_text(parse))


def whole(least: int, most: int) -> CellType:
    """A whole number as it is written without a spreadsheet: digits and nothing else."""

    def check(number: int) -> int:
        if not least <= number <= most:
            raise ValueError(f"must be {least} to {most}")
        return number

    def parse(text: str) -> int:
        if not re.fullmatch(r"0|[1-9][0-9]{0,17}", text):
            raise ValueError("must be a whole number")
        return check(int(text))

    def of_json(value: Any) -> int:
        if type(value) is not int:
            raise ValueError("must be a whole number")
        return check(value)

    return CellType(parse, of_json)


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]{1,15}([.,][0-9]{1,15})?", text):
        raise ValueError("must be a number such as 12.50 or 12,50")
    if re.fullmatch(r"-?[1-9][0-9]{0,2}[.,][0-9]{3}", text):
        raise ValueError("must be written as 1234 or as 1.2340")
    return Decimal(text.replace(",", "."))


_APART = re.compile(
    r"(-?[1-9][0-9]{0,2})((?:,[0-9]{3})+\.[0-9]{1,15}|(?:\.[0-9]{3})+,[0-9]{1,15}|(?:,[0-9]{3}){2,}|(?:\.[0-9]{3}){2,})"
)
"""A number with thousands apart that can be read in one way only: the two signs differ, or one stands more than once."""


def _amount(text: str) -> Decimal:
    if not _APART.fullmatch(text):
        return _decimal(text)
    thousands = (
        "," if text.find(",") >= 0 and (text.find(".") < 0 or text.find(",") < text.find(".")) else "."
    )
    return Decimal(text.replace(thousands, "").replace(",", "."))


def _decimal_of_json(value: Any) -> Decimal:
    if type(value) not in (int, Decimal) or abs(Decimal(value).adjusted()) > 15:
        raise ValueError("must be a number such as 12.50")
    return Decimal(value)


def _day(text: str) -> date:
    if _AS_DAYS_ARE_WRITTEN.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("must be a day of the calendar") from None
    raise ValueError("must be a day as in 2026-03-15")


_AS_DAYS_ARE_WRITTEN = re.compile(r"2[01][0-9]{2}-[0-9]{2}-[0-9]{2}")


TEXT = CellType(lambda cell: _text(unescaped(cell)), _only_text(_text))
DECIMAL = CellType(_decimal, _decimal_of_json)
AMOUNT = CellType(_amount, _decimal_of_json)
"""Money that somebody else's file shows: thousands may be apart where that can be read in one way only."""
DAY = CellType(_day, _only_text(_day))


# -- What spreadsheets do to cells


_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_NO_VALUE = (
    (r"#(?:[^\W_]+(?:/[^\W_]+)?[!?]|N/A|NV|N/D|#+)", "an error of a spreadsheet"),
    (r".*\ufffd.*", "a text that lost characters in another encoding"),
)
"""Refused in every column."""
_THOUSANDS = ".,'\u2019 \u00a0\u2009\u202f"
"""What stands between thousands, somewhere in the world: the last three are a space that does not break and two thin ones."""
_THOUSANDS_APART = "a number with its thousands apart"
_REWRITTEN = (
    (r"[0-9](?:[.,][0-9]+)?E[+-][0-9]{2,}", "a number that a spreadsheet has rewritten"),
    (r"-?[1-9][0-9]{0,2}[.,][0-9]{3}", "a number with its thousands apart or with decimals"),
    (
        rf"-?[1-9][0-9]{{0,2}}([{_THOUSANDS}])[0-9]{{3}}(?:\1[0-9]{{3}})*(?:(?!\1)[.,][0-9]+)?",
        _THOUSANDS_APART,
    ),
    (r"-?[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?", _THOUSANDS_APART),
    (r"-?[0-9]+[.,]0+", "a whole number that a spreadsheet has given decimals"),
    (r"-?[0-9]+[.,][0-9]+", "a number with decimals"),
    (r"[=@].*", "a formula of a spreadsheet"),
    (r"'.*", "a text with a spreadsheet's mark before it"),
    (rf"[0-9]{{1,2}}[-./ ]+{_MONTH}(?:[-./ ]+[0-9]{{2,4}})?", "a day of a spreadsheet"),
    (rf"{_MONTH}[-./ ]+[0-9]{{2,4}}", "a day of a spreadsheet"),
    (r"[0-9]{1,2}([-./])[0-9]{1,2}\1(?:[0-9]{2}|[0-9]{4})", "a day of a spreadsheet"),
    (r"[0-9]{4}([-/])[0-9]{1,2}\1[0-9]{1,2}(?:[ T][0-9:.]+)?", "a day of a spreadsheet"),
)
"""Refused in the columns that machines compare; elsewhere it explains why a value is none."""


def _damage(text: str, patterns: Iterable[tuple[str, str]]) -> str:
    return next((name for pattern, name in patterns if re.fullmatch(pattern, text, re.DOTALL)), "")


# -- Rows


_Pairs = list[tuple[Column | None, Any]]
"""The values of one row, each with its column; None: the column has no name."""


class _Reader:
    """Reads the rows of some columns, and goes on after a problem to find them all."""

    def __init__(self, columns: Sequence[Column], skip: Skip | None = None) -> None:
        self.problems: list[Problem] = []
        self._skip = skip
        self._columns = columns
        self._named = {_plain(name): each for each in columns for name in (each.name, *each.aliases)}

    def report(
        self, message: str, row: int | None = None, column: str | None = None, value: Any = None
    ) -> None:
        self.problems.append(Problem(message, row, column, value))

    def csv(self, text: str) -> Iterator[tuple[int, _Pairs]]:
        """The cells of each row that has any."""
        lines = [(row, line) for row, line in enumerate(_LINE_BREAK.split(text), 1)]
        declared = _SEPARATOR_LINE.fullmatch(lines[0][1])
        filled = [(row, line) for row, line in lines[bool(declared) :] if line.strip(_FILL)]
        head, top = filled[0] if filled else (1, "")
        separator = (
            declared["sign"] if declared else max(SEPARATORS, key=lambda each: self._columns_in(top, each))
        )
        if separator not in SEPARATORS:
            self.report(f"the separator {separator!r} is none of: comma, semicolon, tab, |", 1)
            return
        names = self._cells(head, top, separator)
        columns = self._header(names, head)
        if self.problems:
            return
        for row, line in filled[1:]:
            cells = self._cells(row, line, separator)
            if not any(cells) or (self._skip and self._skip(row, cells, names, columns)):
                continue
            if len(cells) == len(names):
                yield row, [*zip(columns, cells, strict=True)]
            else:
                self.report(
                    f"has {counted(len(cells), 'cell')} where row {head} has {len(names)}: a separator is missing or one too many, "
                    "or a cell that holds one needs quotation marks",
                    row,
                )

    def _header(self, names: Sequence[str], row: int) -> list[Column | None]:
        """The column of each name; what is wrong with the header is reported."""
        columns = self._columns_of(names, row)
        missing = [each.name for each in self._columns if each.required and each not in columns]
        if missing and not self.problems:
            self.report(f"the columns {', '.join(missing)} are missing in the first line", row)
        return columns

    def _columns_in(self, line: str, separator: str) -> tuple[int, int]:
        """How many columns of ours a separator gives, and how many at all."""
        try:
            cells = _split(line, separator)
        except ValueError:
            return 0, 0
        return sum(_plain(cell) in self._named for cell in cells), len(cells)

    def _cells(self, row: int, line: str, separator: str) -> list[str]:
        try:
            return _split(line, separator)
        except ValueError as error:
            self.report(str(error), row)
            return []

    def _columns_of(self, names: Sequence[str], row: int) -> list[Column | None]:
        found = [self._named.get(_plain(name)) for name in names]
        for name in (name for name, column in zip(names, found, strict=True) if name and not column):
            near = get_close_matches(_plain(name), self._named, 1, cutoff=0.8)
            meant = f"did you mean {self._named[near[0]].name}? " if near else ""
            columns = ", ".join(each.name for each in self._columns)
            self.report(f"{_shown(name)} is no column of ours; {meant}there are: {columns}", row)
        for column, times in Counter(found).items():
            if column and times > 1:
                self.report(f"comes {times} times", row, column.name)
        return found

    def json(self, text: str, within: str) -> Iterator[tuple[int, _Pairs]]:
        """The fields of each object."""
        try:
            value = json.loads(
                text, object_pairs_hook=_Fields, parse_float=Decimal, parse_constant=_no_number
            )
        except RecursionError:
            self.report("it is not JSON: nested too deeply")
            return
        except (ValueError, ArithmeticError) as error:
            self.report(f"it is not JSON: {error}")
            return
        if isinstance(value, _Fields) and [name for name, _ in value] == [within]:
            value = value[0][1]
        if isinstance(value, _Fields) or not isinstance(value, list):
            self.report(f'it must be a list of objects, or one object {{"{within}": [...]}}')
            return
        for row, fields in enumerate(value, 1):
            if isinstance(fields, _Fields):
                columns = self._columns_of([name for name, _ in fields], row)
                yield row, [*zip(columns, (each for _, each in fields), strict=True)]
            else:
                self.report("is no object", row)

    def typed(self, row: int, pairs: _Pairs, of: Callable[[CellType], Callable[[Any], Any]]) -> Row:
        """The values, each as its column has them; ``of`` chooses how they are written."""
        given = {column: value for column, value in pairs if value not in (None, "")}
        if None in given:
            self.report(f"{_shown(given[None])} stands in a column without a name", row)
        values: dict[str, Any] = {}
        for column in self._columns:
            values[column.name] = None
            if column in given:
                values[column.name] = self._value(row, column, given[column], of(column.kind))
            elif column.required:
                self.report("is missing", row, column.name)
        return Row(row, values, frozenset(column.name for column, _ in pairs if column))

    def _value(self, row: int, column: Column, value: Any, parse: Callable[[Any], Any]) -> Any:
        lost = rewritten = ""
        value = _unmarked(value)
        if isinstance(value, _Marked):
            value = str(value)
        elif isinstance(value, str):
            lost, rewritten = _damage(value, _NO_VALUE), _damage(value, _REWRITTEN)
        if lost or (rewritten and column.kind.code):
            anew = "format the column as text and copy the value again"
            anew += "" if lost else ', or give it as ="…" if it is right'
            self.report(f"is {_shown(value)}, {lost or rewritten}: {anew}", row, column.name, value)
            return None
        try:
            return parse(value)
        except ValueError as error:
            written = isinstance(value, str) and _AS_DAYS_ARE_WRITTEN.fullmatch(value)
            why = f", {rewritten}" if rewritten and not written else ""
            self.report(f"{error}, but is {_shown(value)}{why}", row, column.name, value)
            return None


class _Fields(list[tuple[str, Any]]):
    """A JSON object as it is written: a field may come twice."""


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _plain(name: str) -> str:
    """``Customer ID``, ``customer-id`` and ``customer_id`` are one name."""
    return re.sub(r"[\s_-]+", "_", name.strip().casefold())


def _shown(value: Any) -> str:
    """For people: what could steer a terminal is escaped."""
    return repr(value)[:60] if isinstance(value, str) else str(value)[:60]


# -- A line of CSV


_SEPARATOR_LINE = re.compile(r'"?sep=(?P<sign>.)"?(?P=sign)*', re.IGNORECASE)
"""How a file gives Excel the separator, before the names of the columns."""
_FILL = "".join(SEPARATORS) + " "
_MARK = (r'="((?:[^"]|"")*)"', "a text in a formula")
_AS_TEXT = re.compile(_MARK[0], re.DOTALL)
"""How a file keeps a spreadsheet from making a number of a text: ="0012"."""


class _Marked(str):
    """A text that the file itself marks as one: no spreadsheet has made it of anything else."""

    __slots__ = ()


def _unmarked(value: Any) -> Any:
    found = _AS_TEXT.fullmatch(value) if type(value) is str else None
    return _Marked(found[1].replace('""', '"').strip()) if found else value


def _split(line: str, separator: str) -> list[str]:
    """The cells of a line, without the spaces around them. Raises ``ValueError`` with the reason."""
    cells: list[str] = []
    at = 0
    while True:
        found = _CELL[separator].match(line, at)
        if not found:
            opens = line.startswith('"', at)
            fault = "opens a cell and does not end it" if opens else "stands within a cell"
            raise ValueError(
                f"a quotation mark {fault} (cell {len(cells) + 1}): a cell with one begins and ends with one, has it twice, and "
                "holds no line break"
            )
        quoted = found["quoted"]
        cells.append(_unmarked((found["plain"] if quoted is None else quoted.replace('""', '"')).strip()))
        at = found.end()
        if not found["more"]:
            return cells


_CELL = {
    separator: re.compile(
        rf'(?:"(?P<quoted>(?:[^"]|"")*+)"|(?P<plain>="[^"{re.escape(separator)}]*"|[^"{re.escape(separator)}]*))'
        rf"(?:(?P<more>{re.escape(separator)})|\Z)"
    )
    for separator in SEPARATORS
}
