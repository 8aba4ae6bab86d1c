"""The terms as they were set: the partner's, and each customer's that go over them. Which hold, and which held on a day.

A term that nobody has set is not among the values; :mod:`timus_autotask.domain.policy` says what holds then, and what each term means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from .days import ONE_DAY

KEPT_TERMS = 50
"""How many replaced terms are kept that held on no day: they only say who changed what."""
BY_SKU = ("included", "minimum", "prices", "pooled_minimum")
"""Terms by SKU: a customer's come on top of the partner's, SKU by SKU. All others replace the partner's."""


@dataclass(frozen=True, slots=True)
class FormerTerms:
    """Terms that were replaced, with who had set them."""

    values: Mapping[str, Any]
    until: date
    """First day on which they held no more."""
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The partner's terms, or a customer's overrides of them, as they were set: what is not in ``values`` is not said."""

    values: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    """Who set them."""
    at: datetime | None = None
    earlier: tuple[FormerTerms, ...] = ()
    """Oldest first. What was billed under them stays as it is."""
    paused_by: str = ""
    """Who paused, while ``paused`` is among the values."""
    paused_at: datetime | None = None

    @property
    def paused(self) -> bool:
        """Whether these terms hold everything back until ``resume``."""
        return self.values.get("paused") not in (None, False)

    def pause(self, by: str, at: datetime) -> Terms:
        """The same, paused. No history: a pause changes when something is adjusted, and never what is billed."""
        return replace(self, values={**self.values, "paused": True}, paused_by=by, paused_at=at)

    def resume(self) -> Terms:
        """The same, not paused any more."""
        values = {name: value for name, value in self.values.items() if name != "paused"}
        return replace(self, values=values, paused_by="", paused_at=None)

    def changed(self, values: Mapping[str, Any], by: str, at: datetime, first_day: date | None) -> Terms:
        """With other values from ``first_day`` on; None: as if they had always held."""
        day = first_day or date.min
        earlier = (*self.earlier, FormerTerms(self.values, day, self.by, self.at))
        shortened = [one if one.until <= day else replace(one, until=day) for one in earlier]
        return replace(self, values=values, by=by, at=at, earlier=tuple(_kept(shortened)))

    @property
    def before(self) -> Terms | None:
        """The terms before they were changed last; None: they never were."""
        if not self.earlier:
            return None
        *earlier, last = self.earlier
        return Terms(last.values, last.by, last.at, tuple(earlier))

    def set_by(self, name: str, part: str) -> tuple[str, datetime | None] | None:
        """Who set a term for a SKU to what it is, and when; None: these terms do not say it."""
        value = _part(self.values, name, part)
        if value is None:
            return None
        before = self.before
        if before is not None and _part(before.values, name, part) == value:
            return before.set_by(name, part)
        return self.by, self.at

    def on(self, day: date) -> Mapping[str, Any]:
        """The values that hold on a day."""
        return next((former.values for former in self.earlier if day < former.until), self.values)


def _kept(earlier: Sequence[FormerTerms]) -> Iterator[FormerTerms]:
    """All that held on some day, because what was billed under them stays; of the others the newest."""
    begins = date.min
    for number, former in enumerate(earlier):
        if former.until > begins or number >= len(earlier) - KEPT_TERMS:
            yield former
        begins = max(begins, former.until)


def _part(values: Mapping[str, Any], name: str, part: str) -> Any:
    """What terms say of a SKU; None: nothing."""
    value = values.get(name)
    if isinstance(value, Mapping):
        return value.get(part)
    return True if isinstance(value, list | tuple) and part in value else None


def layered(*values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of terms over each other: later ones go over earlier ones, and a pause of any is a pause."""
    found: dict[str, Any] = {}
    for each in values:
        by_sku = {name: {**found.get(name, {}), **each[name]} for name in BY_SKU if name in each}
        found |= {**each, **by_sku}
    found["paused"] = next(
        (each["paused"] for each in values if each.get("paused") not in (None, False)), False
    )
    return found


def former_layers(*terms: Terms) -> Iterator[tuple[date, dict[str, Any]]]:
    """The values, layer over layer, that held until a day, in order of that day; later terms go over earlier ones.

    Terms that are replaced today hold no more; terms of a day to come are not known.
    """
    for until in sorted({former.until for each in terms for former in each.earlier} - {date.min}):
        yield until, layered(*(each.on(until - ONE_DAY) for each in terms))
