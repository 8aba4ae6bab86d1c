"""Customers' months as files: a file of CSV, with a row for each line and day and the changes of the day, and what a folder of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from timus_autotask.domain.line import JournalEntry
from timus_autotask.operate.files.tables import TEXT, Column, as_csv
from timus_autotask.watch.month.evidence import MonthEvidence
from timus_autotask.watch.month.line_evidence import DayUnits, LineEvidence, Month

_NAMES = (
    *(
        "customer",
        "customer_name",
        "contract_id",
        "contract_name",
        "service_id",
        "service_name",
        "sku",
        "day",
    ),
    *("timus", "part", "journal", "autotask", "difference", "change", "by", "events", "outcome"),
    *("unit_price", "unit_cost", "price_change", "why", "because"),
)
COLUMNS = tuple(Column(name, TEXT) for name in _NAMES)


@dataclass(frozen=True, slots=True)
class EvidenceFiles:
    """The files of one customer, and what they say in short."""

    customer: str
    name: str
    agrees: bool | None
    """With Autotask; None: it is not compared."""
    whole: bool
    """Whether no entry of the journal is missing or was changed."""
    too_many: int
    """Seat-days that are billed too many."""
    not_billed: int
    """Seat-days that are not billed."""
    files: str
    """Their name without the ending."""

    @classmethod
    def of(cls, found: MonthEvidence, files: str) -> EvidenceFiles:
        """In short; the rest of it is in the files."""
        return cls(
            found.customer, found.name, found.agrees, found.whole, found.too_many, found.not_billed, files
        )

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customer": self.customer,
            "customer_name": self.name or None,
            "agrees": self.agrees,
            "journal_whole": self.whole,
            "seat_days_too_many": self.too_many,
            "seat_days_not_billed": self.not_billed,
            "files": self.files,
        }


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """Everybody's files of a month."""

    month: Month
    folder: str
    customers: tuple[EvidenceFiles, ...]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "month": str(self.month),
            "folder": self.folder,
            "customers": [one.to_json() for one in self.customers],
        }


def to_csv(found: MonthEvidence) -> str:
    """A row for each line and day, with the changes of the day; then a row for each SKU and day without a line."""
    rows = (row for line in found.lines for row in _rows(line, found))
    return as_csv(COLUMNS, (*rows, *_without_line(found)))


def _without_line(found: MonthEvidence) -> Iterator[dict[str, Any]]:
    for one in found.without_line:
        for day, units in one.days:
            yield {
                "customer": found.customer,
                "customer_name": found.name,
                "sku": one.sku,
                "day": day,
                "timus": units,
                "why": one.message,
            }


def _rows(line: LineEvidence, found: MonthEvidence) -> Iterator[dict[str, Any]]:
    contract_id, service_id = line.key.contract_id, line.key.service_id
    ids = {
        "customer": found.customer,
        "customer_name": found.name,
        "contract_id": contract_id,
        "contract_name": found.names.contracts.get(contract_id),
        "service_id": service_id,
        "service_name": found.names.services.get(service_id),
        "sku": ", ".join(line.skus),
        "unit_price": line.price.price,
        "unit_cost": line.price.cost,
    }
    for one in line.days:
        changes = [change for change in line.changes if change.day == one.day]
        why = _joined(each.message for each in one.why)
        yield (
            ids | asdict(one) | {"difference": _difference(one), "why": why} | _changes_of_day(changes, line)
        )


def _difference(one: DayUnits) -> int | None:
    return None if one.journal is None or one.autotask is None else one.autotask - one.journal


def _changes_of_day(changes: list[JournalEntry], line: LineEvidence) -> dict[str, Any]:
    asked = [line.asked[change.id] for change in changes]
    return {
        "change": sum(change.delta for change in changes) if changes else None,
        "by": _joined(each.cause.actor or "" for one in asked for each in one.by),
        "because": _joined(why for one in asked for why in one.because),
        "events": _joined(event for change in changes for event in change.events),
        "outcome": _joined(change.outcome.value for change in changes),
        "price_change": _joined(str(change.price) for change in changes if change.price),
    }


def _joined(texts: Iterable[str]) -> str | None:
    return ", ".join(dict.fromkeys(filter(None, texts))) or None
