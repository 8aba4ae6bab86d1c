"""What is kept of the partner's own invoices from Timus: how they are read, and which months a person has signed off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from timus_autotask.ports.table import Put, Table
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.reading import Stored, read_as


@dataclass(frozen=True, slots=True)
class InvoiceProfile:
    """How the columns of an invoice are called, and how it writes customers, products and days."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """The file's name of a column, by ours."""
    ignored: tuple[str, ...] = ()
    """Columns of the file that nothing is read from."""
    customers: Mapping[str, str] = field(default_factory=dict)
    """The customer's id, by how the file writes the customer."""
    skus: Mapping[str, str] = field(default_factory=dict)
    """The SKU, by how the file writes the product."""
    days: str = "iso"
    """How days are written: ``iso`` (2026-03-15), ``month-first`` (3/15/2026) or ``day-first`` (15.3.2026)."""
    left_out: tuple[str, ...] = ()
    """What rows say that charge nothing, such as Total; with a * at its end, how that begins."""


@dataclass(frozen=True, slots=True)
class SignOff:
    """That a person has looked at all four sides of a month, and takes them as they are. It is never changed."""

    id: str
    month: str
    """As in 2026-03."""
    at: datetime
    by: str
    file: str
    digest: str
    """SHA-256 of the file, in hexadecimal digits."""
    sides: Mapping[str, int] = field(default_factory=dict)
    """Seat-days by side."""
    differences: Mapping[str, int] = field(default_factory=dict)
    """Seat-days by kind."""
    amount: str = ""
    """What the invoice charges; empty: it says no amounts."""
    note: str = ""


_PROFILE, _SIGN_OFF = Codec(InvoiceProfile), Codec(SignOff)


def invoice_profile(table: Table) -> Stored[InvoiceProfile]:
    """How invoices are read. Raises ``RecordUnreadable``."""
    document = table.get(keys.INVOICE_PROFILE)
    return Stored(read_as(_PROFILE.load, document), document.rev) if document else Stored(InvoiceProfile())


def put_invoice_profile(profile: InvoiceProfile, expected: int) -> Put:
    """Store how invoices are read."""
    return Put(keys.INVOICE_PROFILE, _PROFILE.dump(profile), expected)


def sign_offs(table: Table, month: str) -> tuple[SignOff, ...]:
    """Every time that a month was signed off, oldest first. Raises ``RecordUnreadable``."""
    found = table.range(keys.DECISIONS, *keys.sign_offs_of(month))
    return tuple(read_as(_SIGN_OFF.load, document) for document in found)


def put_sign_off(one: SignOff) -> Put:
    """Note that a month was signed off."""
    return Put(keys.sign_off_key(one.month, one.at.isoformat(), one.id), _SIGN_OFF.dump(one), 0)
