"""Numbers, days and durations as people read them. Days and times are the partner's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from timus_autotask.watch.names import NOBODY, Directory
from timus_autotask.watch.wording import counted

MINUS = "\N{MINUS SIGN}"
DAY = re.compile(r"(?<![\w/.=-])(?<!-from )(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d) UTC)?(?![\w/-])")
"""A day in a text that the command prints too, and perhaps a time; none that is a part of something longer, or of a command."""
NEGATIVE = re.compile(r"(?<![\w.-])-(?=\d)")
NUMBERED = re.compile(r"\b(company|contract|service) (\d{1,19})\b")
COMMAND = re.compile(
    r"(?:timus-autotask|make deploy)(?: (?!(?:and|or) timus-autotask)\S+?(?=[,:;.]?(?:\s|$)))*"
)
"""One command, up to the mark that ends it in a sentence."""
WORD = re.compile(r"[\w.-]*\w")


def day(value: date | None) -> str:
    """A day that nobody takes for another one: "16 Mar 2026"."""
    return f"{value.day} {value:%b %Y}" if value else ""


def month(value: date) -> str:
    """A month: "March 2026"."""
    return f"{value:%B %Y}"


def number(value: int | Decimal) -> str:
    """With thousands apart."""
    return f"{value:,}".replace("-", MINUS)


def signed(value: int | Decimal | None) -> str:
    """With its sign; nothing of what is not known."""
    return "" if value is None else f"{value:+,}".replace("-", MINUS)


def money(value: Decimal | int | None) -> str:
    """An amount with two decimals; nothing of what is not known."""
    return "" if value is None else f"{value:,.2f}".replace("-", MINUS)


def commands_in(text: str) -> list[tuple[bool, str]]:
    """What somebody does next, in pieces: (it is to be copied, words)."""
    pieces, end = list[tuple[bool, str]](), 0
    for found in COMMAND.finditer(text):
        pieces += [(False, text[end : found.start()]), (True, found[0])]
        end = found.end()
    return [piece for piece in (*pieces, (False, text[end:])) if piece[1]]


def lasting(value: timedelta | None) -> str:
    """How long, in one unit: "4 seconds", "2 minutes"."""
    if value is None:
        return ""
    if value < timedelta(seconds=1):
        return "less than a second"
    seconds = round(value.total_seconds())
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * unit or seconds == unit:
            return counted(seconds // unit, name)
    return counted(seconds, "second")


def _named(found: re.Match[str], names: Directory) -> str:
    """What has a number in Autotask, by its name where that is known: "contract Contoso – Security (29683949)"."""
    known = {"company": names.companies, "contract": names.contracts, "service": names.services}[found[1]]
    name = known.get(int(found[2]))
    return f"{found[1]} {name} ({found[2]})" if name else found[0]


def _called(word: str, names: Directory) -> str:
    """A customer's id as the name; a word or a number that is one by chance stays."""
    mixed = "_" in word or (not word.isalpha() and not word.isdigit())
    return names.customers.get(word, word) if mixed else word


@dataclass(frozen=True, slots=True)
class Formats:
    """What depends on the partner's zone, and on the time of now."""

    zone: ZoneInfo
    now: Callable[[], datetime]

    def moment(self, value: datetime | None) -> str:
        """A time: "16 Mar 2026, 12:03"."""
        if value is None:
            return ""
        local = value.astimezone(self.zone)
        return f"{day(local.date())}, {local:%H:%M}"

    def clock(self, value: datetime) -> str:
        """A time of today as its time of day; any other with its day."""
        local, now = value.astimezone(self.zone), self.now().astimezone(self.zone)
        return f"{local:%H:%M}" if local.date() == now.date() else self.moment(value)

    def ago(self, value: datetime | None) -> str:
        """How long since: "2 minutes ago", "just now"."""
        if value is None:
            return ""
        since = self.now() - value
        return "just now" if since < timedelta(seconds=5) else f"{lasting(since)} ago"

    def said(self, text: str | None, names: Directory = NOBODY) -> str:
        """A text that the command prints too, as the pages write days, times, numbers and names; a command in it stays as it is typed."""
        pieces = commands_in(text or "")
        return "".join(piece if command else self._said(piece, names) for command, piece in pieces)

    def _said(self, text: str, names: Directory) -> str:
        text = NEGATIVE.sub(MINUS, DAY.sub(self._day, text))
        return WORD.sub(
            lambda found: _called(found[0], names), NUMBERED.sub(lambda found: _named(found, names), text)
        )

    def _day(self, found: re.Match[str]) -> str:
        try:
            if found[2]:
                return self.moment(datetime.fromisoformat(f"{found[1]} {found[2]}+00:00"))
            return day(date.fromisoformat(found[1]))
        except (ValueError, OverflowError):  # a number that only looks like a day
            return found[0]

    def filters(self) -> Mapping[str, Callable[..., Any]]:
        """For templates."""
        return {
            "day": day,
            "month": month,
            "number": number,
            "signed": signed,
            "money": money,
            "count": counted,
            "lasting": lasting,
            "commands_in": commands_in,
            "moment": self.moment,
            "clock": self.clock,
            "ago": self.ago,
            "said": self.said,
        }
