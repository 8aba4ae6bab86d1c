"""What is wanted, and what must not be exceeded: the one place for both.

A bound is what was counted when it was last lowered. Whoever needs more says why in the commit that raises it; whoever needs less lowers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.growth import Counts

COUNTS: Mapping[str, Counts] = {
    "a change alone": Counts(autotask=4, reads=3, writes=4, read_units=3, write_units=35),
    "a burst of 100": Counts(autotask=4, reads=25, writes=106, read_units=103, write_units=1123),
    "100 customers, each": Counts(autotask=4, reads=3, writes=4, read_units=3, write_units=38),
}
"""At most so many, from the webhooks until the contracts are at rest."""

SLOPES: Mapping[str, Counts] = {
    "customers": Counts(0, 0, 0, 0, 0),
    "stored events of the customer": Counts(0, 0, 0, 0, 0),
    "versions of the subscription": Counts(0, 0, 0, 55, 310),
    "subscriptions on the contract": Counts(0, 0, 0, 110, 210),
}
"""By how much each count may grow with a thousand more, in the short form; units rounded up, since a page of 4 KB more is one of thirty here."""

MODULES: Mapping[str, int] = {"webhook": 340, "worker": 406, "sweep": 419, "reconcile": 415}
"""Modules that the import of a function loads, at most: 2 % more than on Python 3.11; later ones load fewer of their own."""


@dataclass(frozen=True)
class Wanted:
    """A value to reach."""

    value: float
    by_ratio: bool = False
    """Of the straightforward version's."""
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}{' ×' if self.by_ratio else ''}"


WANTED: Mapping[str, Wanted] = {
    "Autotask calls: a change alone": Wanted(3),
    "Autotask calls: a burst of 100 on one line and day": Wanted(4),
    "Autotask calls: 100 customers, a change": Wanted(3),
    "reads of the table, a change": Wanted(3),
    "writes of the table, a change": Wanted(3),
    "write units with the indexes, a change": Wanted(14),
    "dollars a million changes, in batches": Wanted(12),
    "webhook, warm: CPU, ms": Wanted(0.7, by_ratio=True),
    "worker, ten customers: CPU, ms": Wanted(1.0, by_ratio=True),
    "cold start: webhook, million instructions": Wanted(0.15, by_ratio=True),
    "cold start: worker, million instructions": Wanted(0.18, by_ratio=True),
    "cold start: sweep, million instructions": Wanted(0.18, by_ratio=True),
    "cold start: reconcile, million instructions": Wanted(0.25, by_ratio=True),
    "drain, of what three threads allow": Wanted(0.9, at_least=True),
    "drain: right when the queue is empty, of 200": Wanted(200, at_least=True),
}
"""By row of the page. Cold starts are beside a straightforward version without bytecode, as a plain build ships it."""
