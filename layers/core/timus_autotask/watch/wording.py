"""Numbers, and what a person has decided, as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from timus_autotask.domain.mapping import Ignored

NO_CUSTOMER = "no customer named"
"""What stands for the customer of an event whose body names none."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 line``, ``2 lines``; ``many`` where the plural is not made with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def some(names: Iterable[object], most: int, separator: str = ", ") -> str:
    """The first of them, and how many more there are: ``a, b and 3 more``, or ``a; b; and 3 more``."""
    found = [str(one) for one in names]
    last = " " if separator == ", " else separator
    return separator.join(found[:most]) + (f"{last}and {len(found) - most} more" if len(found) > most else "")


def up_and_down(up: int, down: int) -> str:
    """Units that come and units that go: ``+20 and -1 units``."""
    return f"+{up:,} and -{down:,} {'unit' if up + down == 1 else 'units'}"


def with_sign(number: int, one: str) -> str:
    """A change with its noun: ``+1 unit``, ``-2 units``."""
    return f"{number:+,} {one if abs(number) == 1 else one + 's'}"


def ignored_in_words(ignored: Ignored) -> str:
    """Who ignores something, since when and why."""
    by = f" by {ignored.by}" if ignored.by else ""
    return f"Ignored{by} since {ignored.at:%Y-%m-%d}: {ignored.reason}"
