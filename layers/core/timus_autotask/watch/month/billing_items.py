"""What was posted on some contracts, as far as it charges somebody: for the reports of finance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from timus_autotask.ports.errors import Refused
from timus_autotask.ports.psa import BillingItem
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.month.books import Books
from timus_autotask.watch.month.to_post import NotPosted, items_since, left_of_posted, may_be_left
from timus_autotask.watch.wording import counted, some

MOST_NAMED = 10
"""So many items that charge nobody are named in the note."""


def billing_items(ports: Ports, books: Books, since: date) -> tuple[Sequence[BillingItem] | None, Books]:
    """The items of the books' contracts from a day on, and the books with a note of what is missing among them.

    None: they may not be read. An item that is marked as non-billable is left out: Autotask charges nobody for it.
    """
    if not books.contracts:
        return (), books
    try:
        items = ports.autotask().billing_items(books.contracts, since)
    except Refused as error:
        return None, _with_note(books, f"Billing items could not be read: {error}")
    free = [one for one in items if not one.is_billable]
    if free:
        books = _with_note(books, _in_words(free))
    return [one for one in items if one.is_billable], books


def left_to_post(ports: Ports, books: Books, first: date, last: date) -> tuple[tuple[NotPosted, ...], Books]:
    """What is left of the billing periods with days between two, of which the rest is posted; and the books, with a note where billing items may not be read.

    They are read of the contracts alone whose rows show that something may be left.
    """
    ids = may_be_left(books, first, last)
    if not ids:
        return (), books
    here = replace(
        books,
        contracts={id_: books.contracts[id_] for id_ in sorted(ids)},
        rows=tuple(row for row in books.rows if row.contract_id in ids),
    )
    items, noted = billing_items(ports, here, items_since(here, first))
    return left_of_posted(here, items, first, last), replace(
        books, notes=noted.notes
    ) if items is None else books


def _in_words(free: Sequence[BillingItem]) -> str:
    named = some((f"{one.name} of {one.day} on contract {one.contract_id}" for one in free), MOST_NAMED, "; ")
    them = counted(len(free), "posted item is", "posted items are")
    return f"{them} marked as non-billable in Autotask and charged to nobody: {named}."


def _with_note(books: Books, note: str) -> Books:
    return replace(books, notes=(*books.notes, note))
