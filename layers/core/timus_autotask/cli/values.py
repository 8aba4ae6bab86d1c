"""How a value is written on the command line: each function reads one kind, or says how it is written instead."""

from __future__ import annotations

import argparse
import re
from datetime import date, datetime
from typing import TypeVar

D = TypeVar("D", bound=date)

_FIRST_YEAR, _LAST_YEAR = 2000, 2199
_PLAIN_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_PLAIN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_TIME = re.compile(
    _PLAIN_DAY.pattern + r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-5][0-9])?)?"
)
"""As people write it. Python takes weeks (2026-W10-1), offsets of seconds, and +00:60 for one hour, which are slips more often."""


def whole(text: str) -> int:
    """An id of Autotask."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is no id of Autotask: a whole number is needed")
    return int(text)


def port(text: str) -> int:
    """A port of this machine; 0: any free one."""
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text} is no port: a number below 65536 is needed")
    return int(text)


def units(text: str) -> int:
    """A number of units, 1 or more."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is no number of units: 1 or more are needed")
    return int(text)


def name(text: str) -> str:
    """An id of Timus, or any other text that is not empty."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def contract_or_number(text: str) -> int | str:
    """A contract's id in Autotask, or the number of one that is being opened."""
    return text if text.startswith("timus-") else whole(text)


def day(text: str) -> date | None:
    """A day; None: always."""
    if text == "always":
        return None
    try:
        return _within_reach(date.fromisoformat(text if _PLAIN_DAY.fullmatch(text) else ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day: write it as in 2026-03-15, or always") from None


def _within_reach(found: D) -> D:
    """The day itself. Raises ``ValueError`` for one of other centuries: nothing is billed then, and its neighbours may not be days at all."""
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError
    return found


def time(text: str) -> datetime:
    """A day, or a day with its time, also as tables and sentences have it."""
    written = f"{text.removesuffix(' UTC')}Z" if text.endswith(" UTC") else text
    try:
        found = _within_reach(datetime.fromisoformat(written))
    except ValueError:
        found = None
    if found is None or not _PLAIN_TIME.fullmatch(written):
        raise argparse.ArgumentTypeError(
            f"{text} is no day or time: write it as in 2026-03-15, 2026-03-15T18:00 or 2026-03-15T18:00+01:00"
        )
    return found


def pair(text: str) -> tuple[str, str]:
    """What stands on both sides of the last ``=``."""
    name, sign, value = (part.strip() for part in text.rpartition("="))
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text} is no NAME=VALUE")
    return name, value


def month(text: str) -> date:
    """The first day of a month."""
    try:
        return _within_reach(date.fromisoformat(f"{text}-01" if _PLAIN_MONTH.fullmatch(text) else ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no month: write it as in 2026-03") from None
