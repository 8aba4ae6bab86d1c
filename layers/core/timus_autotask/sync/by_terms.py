"""Which change of the terms an adjustment follows from: Timus reported nothing new, and under the former terms nothing would be adjusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from timus_autotask.domain.line import Intent, Line, Why
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.terms import Terms
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.reading import Stored
from timus_autotask.store.terms import TermsUnreadable
from timus_autotask.sync.gather import Gathered

MOST_CHANGES = 5
"""So many changes of terms are looked at, the newest first: for each of them everything is worked out once more."""
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of the partner's terms, or a customer's."""

    after: Terms
    before: Terms

    @property
    def terms(self) -> tuple[str, ...]:
        """Each term that was changed, as ``policy set`` writes it."""
        return tuple(_changed(self.before.values, self.after.values))


def by_terms(gathered: Gathered, line: Line, key: LineKey, intent: Intent, today: date) -> Intent:
    """The intent with the terms that caused it, and who set them; as it is if others than terms caused it.

    ``line`` is as it was known before. What Timus reported is the cause unless it was to be followed on a later day.
    """
    scheduled = any(delta == intent.delta and day > intent.day for day, delta in line.scheduled)
    if intent.why not in (None, Why.APPROVED) or (intent.events and not scheduled):
        return intent
    now = _units(gathered, key, intent.day, today)
    for change, former in _former(gathered, {customer for customer, _ in line.sources}):
        try:
            then = _units(former, key, intent.day, today)
        except TermsUnreadable:
            return intent  # of an earlier version; they held on no day, or nothing would be decided here
        if then != now:
            if now - then != intent.delta:
                return intent
            by = intent.by if intent.why else change.after.by
            return replace(intent, why=intent.why or Why.TERMS, by=by, terms=change.terms)
    return intent


def _units(gathered: Gathered, key: LineKey, day: date, today: date) -> int:
    demand = gathered.desired(today).demands.get(key)
    return demand.units.at(day) if demand else 0


def _former(gathered: Gathered, customers: set[str]) -> Iterator[tuple[_Change, Gathered]]:
    """The newest changes of the terms of everybody and of these customers, each with the records as they were before it."""
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
        yield _Change(after, before), gathered


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
