"""What was wanted by former terms: the newest changes of them, undone one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from timus_autotask.domain.converge.view import FormerTerms
from timus_autotask.domain.terms import Terms
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.reading import Stored
from timus_autotask.store.terms import TermsUnreadable
from timus_autotask.sync.gather import Gathered

MOST_CHANGES = 5
"""So many changes of terms are looked at, the newest first: for each of them everything is worked out once more."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def former_terms(
    gathered: Gathered, today: date, customers: Collection[str], since: datetime | None
) -> Iterator[FormerTerms]:
    """What was wanted before each of the newest changes of the terms of everybody and of these customers, the newest first.

    ``since``: none that was made before it. It ends at terms of an earlier version that this one cannot read: they held on no day, or nothing would be decided here.
    """
    for after, before, former in _former(gathered, customers):
        if since is not None and (after.at or _BEGINNING) < since:
            return
        try:
            wanted = former.desired(today)
        except TermsUnreadable:
            return
        yield FormerTerms(wanted, after.by, tuple(_changed(before.values, after.values)))


def _former(gathered: Gathered, customers: Collection[str]) -> Iterator[tuple[Terms, Terms, Gathered]]:
    """The terms after and before each of the changes, with the records as they were before it."""
    for _ in range(MOST_CHANGES):
        found: dict[str | None, Terms] = {None: gathered.partner.terms.value}
        found |= {
            id_: records.terms.value
            for id_, records in gathered.customers.items()
            if records.terms and id_ in customers
        }
        changed = {id_: terms for id_, terms in found.items() if terms.before is not None}
        if not changed:
            return
        whose = max(changed, key=lambda id_: (changed[id_].at or _BEGINNING, id_ or ""))
        after, before = changed[whose], changed[whose].before
        if before is None:
            return
        gathered = _with(gathered, whose, before)
        yield after, before, gathered


def _with(gathered: Gathered, whose: str | None, terms: Terms) -> Gathered:
    """The records with other terms of a customer; None: of everybody."""
    if whose is None:
        partner = replace(gathered.partner, terms=Stored(terms))
        return replace(gathered, partner=partner, wanted=None)
    customers: Mapping[str, CustomerRecords] = {
        **gathered.customers,
        whose: replace(gathered.customers[whose], terms=Stored(terms)),
    }
    return replace(gathered, customers=customers, wanted=None)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *after} - {"paused"}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old or new, Mapping):
            parts, others = new or {}, old or {}
            for part in sorted({*parts, *others}):
                if parts.get(part) != others.get(part):
                    yield f"{name}.{part}={_value(parts.get(part))}"
        else:
            yield f"{name}={_value(new)}"


def _value(value: Any) -> str:
    """As it is written; nothing: back to the default."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
