"""What was posted in a month: every billing item beside the units of each day and the adjustments, and what is not on any. Pure.

An item, and a day, is of the month that it is in, whatever month its period began in: so each is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from timus_autotask.ports.psa import BillingItem
from timus_autotask.watch.month.books import Books
from timus_autotask.watch.month.explained import BY_US, Explained, Item, MissingItem, explained
from timus_autotask.watch.month.in_no_posting import InNoPosting, in_no_posting
from timus_autotask.watch.month.months import month_of
from timus_autotask.watch.month.passed import Passed, passed, undone_all_the_same
from timus_autotask.watch.month.postings import Postings
from timus_autotask.watch.month.to_post import NotPosted, ToPost
from timus_autotask.watch.names import NOBODY, Directory


@dataclass(frozen=True, slots=True)
class Posted:
    """The report of a month."""

    month: date
    last: date
    items: tuple[Item, ...] = ()
    missing: tuple[MissingItem, ...] = ()
    passed: tuple[Passed, ...] = ()
    """Other than it should."""
    decided: tuple[Passed, ...] = ()
    """Other than Timus says, as a person decided or the terms keep it."""
    not_posted: tuple[NotPosted, ...] = ()
    """By contract and period."""
    in_no_posting: tuple[InNoPosting, ...] = ()
    read: bool = True
    """False: the API user may not read billing items; the rest stands."""
    names: Directory = NOBODY
    notes: tuple[str, ...] = ()

    @property
    def unexplained(self) -> tuple[Item, ...]:
        """Items that neither the units of the days nor what we did explains."""
        return tuple(one for one in self.items if one.by is Explained.UNEXPLAINED)

    @property
    def by_others(self) -> tuple[Item, ...]:
        """Items that somebody else brought about: an edit, a charge or credit that was typed, another service."""
        return tuple(one for one in self.items if one.by not in (*BY_US, Explained.UNEXPLAINED))

    @property
    def right(self) -> bool:
        """Whether everything that was posted is explained, nothing is missing, and no posted day is off."""
        wrong = self.unexplained or self.missing or self.passed
        return self.read and not wrong and not any(one.amount_differs for one in self.items)

    @property
    def seat_days_in_no_posting(self) -> int:
        """How many seat-days nobody bills by itself: a positive number."""
        return -sum(one.seat_days for one in self.in_no_posting)

    @property
    def amount(self) -> Decimal:
        """What was posted, before tax, all items together."""
        return sum((one.item.amount for one in self.items), Decimal("0.00"))


def posted(books: Books, items: Sequence[BillingItem] | None, month: date) -> Posted:
    """What was posted in a month. ``items`` are those of the books' contracts, from ``items_since`` its first day on; None: they may not be read."""
    first, last = month_of(month)
    to_post = ToPost(books, items)
    postings = Postings(books, to_post)
    found, missing = explained(books, items, to_post, first, last)
    wrong, decided = passed(books, postings, first, last)
    not_posted = to_post.not_posted(first, last)
    return Posted(
        first,
        last,
        tuple(found),
        tuple(missing),
        wrong,
        decided,
        not_posted,
        in_no_posting(books, postings, not_posted, first, last),
        items is not None,
        books.names,
        (*books.notes, *undone_all_the_same(books, postings, first, last)),
    )
