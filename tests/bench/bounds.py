"""What is wanted, and what must not be exceeded: the one place for both.

A bound is what was counted when it was last lowered. Whoever needs more says why in the commit that raises it; whoever needs less lowers it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.growth import Counts

COUNTS: Mapping[str, Counts] = {
    "a change alone": Counts(autotask=4, reads=8, writes=5, read_units=8, write_units=47),
    "a burst of 100": Counts(autotask=4, reads=37, writes=106, read_units=133, write_units=1205),
    "100 customers, each": Counts(autotask=4, reads=8, writes=5, read_units=8, write_units=50),
}
"""At most so many, from the webhooks until the contracts are at rest."""

SLOPES: Mapping[str, Counts] = {
    "customers": Counts(0, 0, 0, 0, 0),
    "stored events of the customer": Counts(0, 0, 0, 0, 0),
    "versions of the subscription": Counts(0, 0, 0, 155, 1835),
    "subscriptions on the contract": Counts(0, 0, 0, 315, 0),
}
"""By how much each count may grow with a thousand more, in the short form."""

MODULES: Mapping[str, int] = {"webhook": 400, "worker": 455, "sweep": 465, "reconcile": 465}
"""Modules that the import of a function loads, at most: 2 % more than on Python 3.11, for other versions have others of their own."""
