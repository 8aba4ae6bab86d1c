r"""Text from outside, written so that nothing obeys it: the one place for terminal, files, JSON and logs.

A customer's name, an event's type or an answer of Autotask may hold characters that a terminal acts on: they clear its screen, write
its clipboard, or turn the text round (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html,
https://www.unicode.org/reports/tr9/). Each of them is shown as its escape instead, as in ``\u001b``. What is stored stays as it came.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any

JOINERS = "\u200c\u200d"
"""Invisible, but letters of some scripts need them."""


def visible(text: str) -> str:
    """One line: every control, line break, direction mark and lone surrogate as its escape."""
    if text.isprintable():
        return text
    return "".join(each if _harmless(each) else _escape(each) for each in text)


def escaped(text: str) -> str:
    r"""As :func:`visible`, for a file that is read again with :func:`unescaped`: what looks like an escape already has its backslash as ``\u005c``."""
    return visible(_BEGINS_ESCAPE.sub(r"\\u005c", text))


def unescaped(text: str) -> str:
    """The text that was ``escaped``."""
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4}))")
_BEGINS_ESCAPE = re.compile(rf"\\(?={_ESCAPE.pattern[2:]})")


def as_json(value: Any, indent: int | None = 2, default: Callable[[Any], Any] | None = None) -> str:
    """JSON that reads back as it was and that a terminal may show. Days and times become ISO 8601.

    ``default`` is asked for everything else that JSON does not know; without it that is a ``TypeError``.
    """

    def known(other: Any) -> Any:
        if isinstance(other, date):  # a datetime too
            return other.isoformat()
        if default is None:
            raise TypeError(f"{type(other).__name__} has no JSON form")
        return default(other)

    text = json.dumps(value, ensure_ascii=False, indent=indent, default=known)
    if text.isprintable():
        return text
    # A line break that stands here is one of the indent: within a string it is escaped already.
    return "".join(each if each == "\n" or _harmless(each) else json.dumps(each)[1:-1] for each in text)


def as_log_line(record: Any) -> str:
    """A log record as one line of JSON."""
    return as_json(record, indent=None, default=str)


def _harmless(character: str) -> bool:
    return (
        character.isprintable()
        or character in JOINERS
        or unicodedata.category(character) in ("Zs", "Cn", "Co")
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
