"""The partner's own invoice from Timus: read by a profile that is kept, set beside the other sides of its month, signed off.

Timus publishes no format, and resellers have their own. So the file's columns are named once, and so are customers and products that
it writes in other words than Timus's webhooks. A file is read strictly: see ``tables``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

from timus_autotask.domain.days import local_midnight
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.left_out import (
    Leaving,
    LeftOut,
    MayBeNoCharge,
    equal_rows,
    left_out_of,
    like_totals,
    plain,
    says,
    with_sums,
)
from timus_autotask.operate.files.tables import (
    AMOUNT,
    DAY,
    DECIMAL,
    TEXT,
    CellType,
    Column,
    FileRefused,
    Problem,
    Row,
    as_csv,
    code,
    read,
    whole,
)
from timus_autotask.operate.mapping.known import near
from timus_autotask.operate.month_end import EARLIER, YEAR, asking_autotask
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Senseless, Way
from timus_autotask.store.decisions import Decision, put_decision
from timus_autotask.store.invoice import (
    InvoiceProfile,
    SignOff,
    invoice_profile,
    put_invoice_profile,
    put_sign_off,
    sign_offs,
)
from timus_autotask.store.terms import policy_from
from timus_autotask.store.update import update
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.forms import four_sides_form, sign_off_form
from timus_autotask.watch.listing import listed
from timus_autotask.watch.month.billing_items import billing_items
from timus_autotask.watch.month.books import Books, first_change_of, open_books
from timus_autotask.watch.month.four_sides import KINDS, Charge, FourSides, Invoice, SideRow, four_sides
from timus_autotask.watch.month.ledger import superseded_units
from timus_autotask.watch.month.months import month_of
from timus_autotask.watch.wording import counted, some

FIELDS = ("customer", "sku", "quantity", "amount", "first_day", "last_day")
"""Our names of the columns; ``sku`` and ``quantity`` are needed."""
IGNORE = "ignore"
"""In place of one of these: nothing is read from the column."""
LARGEST = 10**6
"""Units of one row."""
_SLASHED = re.compile(r"([0-9]{1,2})([-./])([0-9]{1,2})\2(2[01][0-9]{2})")
DAYS = ("iso", "month-first", "day-first")


# -- The profile


@dataclass(frozen=True, slots=True)
class Naming:
    """What a person says about how the file is written, on top of what is kept."""

    columns: tuple[tuple[str, str], ...] = ()
    """(one of ``FIELDS`` or ``IGNORE``, the file's name)."""
    customers: tuple[tuple[str, str], ...] = ()
    """(as the file writes it, the customer's id)."""
    skus: tuple[tuple[str, str], ...] = ()
    days: str = ""
    leave_out: tuple[str, ...] = ()
    """What rows say that are no charge, such as Total; with a * at its end, how that begins."""
    leave_in: tuple[str, ...] = ()
    """What is not left out any more."""


def named(kept: InvoiceProfile, said: Naming) -> InvoiceProfile:
    """The profile with what is said now. Raises :class:`Senseless`."""
    columns, ignored = dict(kept.columns), [*kept.ignored]
    for ours, theirs in said.columns:
        if ours not in (*FIELDS, IGNORE):
            raise Senseless(f"{ours} is no column of ours: there are {', '.join(FIELDS)}, and {IGNORE}.")
        columns = {name: one for name, one in columns.items() if one != theirs}
        ignored = [one for one in ignored if one != theirs]
        if ours == IGNORE:
            ignored.append(theirs)
        elif theirs:
            columns[ours] = theirs
        else:
            columns.pop(ours, None)
    skus = _without_empty({**kept.skus, **dict(said.skus)})
    left_out = tuple(
        one for one in dict.fromkeys((*kept.left_out, *said.leave_out)) if one not in said.leave_in
    )
    if any(not plain(one.removesuffix("*")) for one in left_out):
        raise Senseless("What is left out is named by what such a row says, as in Total or 'Subtotal*'.")
    return InvoiceProfile(
        columns,
        tuple(ignored),
        _without_empty({**kept.customers, **dict(said.customers)}),
        skus,
        said.days or kept.days,
        left_out,
    )


def _without_empty(these: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in these.items() if value}


def keep_profile(deployment: Deployment, said: Naming, by: str) -> None:
    """Keep what was said for the next invoice, with who said it."""
    ports = deployment.ports

    def keep() -> None:
        stored = invoice_profile(deployment.table)
        profile = named(stored.value, said)
        if profile != stored.value:
            ports.store.commit(
                put_invoice_profile(profile, stored.rev), put_decision(_decision(said, by, ports))
            )

    update(keep)


def _decision(said: Naming, by: str, ports: Ports) -> Decision:
    settings = [f"{ours} is {theirs}" for ours, theirs in (*said.columns, *said.customers, *said.skus)]
    settings += [f"days are {said.days}"] if said.days else []
    settings += [f"rows that say {one} are left out" for one in said.leave_out]
    settings += [f"rows that say {one} are read" for one in said.leave_in]
    customers = tuple(sorted({customer for _, customer in said.customers if customer}))
    detail = f"how the invoice is read: {'; '.join(settings)}"
    return new_decision("reconcile --timus-invoice", customers, by, detail, ports)


# -- The file


def _units(text: str | int | Decimal) -> int:
    number = Decimal(text) if not isinstance(text, str) else DECIMAL.parse(text)
    if number != number.to_integral_value() or abs(number) > LARGEST:
        raise ValueError("must be whole units")
    return int(number)


def _units_of_json(value: object) -> int:
    return _units(DECIMAL.of_json(value))


def _as_it_is(value: object) -> object:
    return value


def _day_kind(written: str) -> CellType:
    """Days, read in the one way that the profile says."""
    if written == "iso":
        return DAY

    def parse(text: str) -> date:
        found = _SLASHED.fullmatch(text)
        first, second = (int(found[1]), int(found[3])) if found else (0, 0)
        month, day = (first, second) if written == "month-first" else (second, first)
        try:
            return date(int(found[4]) if found else 0, month, day)
        except ValueError:
            example = "3/15/2026" if written == "month-first" else "15.3.2026"
            raise ValueError(f"must be a day as in {example}") from None

    return CellType(parse, lambda value: parse(str(value)))


@dataclass(frozen=True, slots=True)
class ReadInvoice:
    """A file that could be read."""

    invoice: Invoice
    left_out: tuple[LeftOut, ...] = ()
    """The lines that charge nothing."""
    equal: tuple[tuple[int, ...], ...] = ()
    """The numbers of rows that are the same in each column; each of them is charged."""


def columns_of(profile: InvoiceProfile) -> tuple[Column, ...]:
    """The columns of the file."""
    day = _day_kind(profile.days)
    kinds = (code(str), code(str), CellType(_units, _units_of_json), AMOUNT, day, day)
    ours = [
        Column(
            name,
            kind,
            name in ("sku", "quantity"),
            (profile.columns[name],) if name in profile.columns else (),
        )
        for name, kind in zip(FIELDS, kinds, strict=True)
    ]
    return (*ours, *(Column(name, CellType(_as_it_is, _as_it_is)) for name in profile.ignored))


def read_invoice(data: bytes, profile: InvoiceProfile, books: Books, month: date) -> ReadInvoice:
    """What the file charges, and what is to be said of its rows; a row without days is about the whole month. Raises ``FileRefused``."""
    names = _Names(books, profile)
    for word in profile.left_out:
        if sku := next((one for one in names.products if says(word, one)), ""):
            raise Senseless(
                f"{sku} is a product: a row of it is a charge, so {word} cannot be left out.",
                Way.LEAVE_IN,
                what=word,
            )
    leaving = Leaving(profile.left_out)
    try:
        rows = read(data, columns_of(profile), within="rows", skip=leaving)
    except FileRefused as refused:
        raise _explained(refused, profile) from None
    charges, problems = list[Charge](), list[Problem]()
    rows, doubts = _without_totals(rows, names, leaving)
    for row in rows:
        try:
            charges.append(_charge(row, names, month))
        except _SeveralCalledSo as error:
            problems.append(Problem(str(error), row.number, ways=(Way.WHICH_CUSTOMER,)))
        except ValueError as error:
            problems.append(Problem(str(error), row.number))
    problems += doubts
    if problems:
        raise FileRefused(*problems)
    invoice = Invoice(tuple(charges), any(row.values["customer"] for row in rows))
    return ReadInvoice(invoice, with_sums(leaving.left, rows), tuple(equal_rows(rows)))


def _without_totals(
    rows: Sequence[Row], names: _Names, leaving: Leaving
) -> tuple[tuple[Row, ...], list[Problem]]:
    """The rows without those that a person said charge nothing, and those that would be charged and may be the totals of others."""
    unknown = {row.number for row in rows if not names.sku(row.values["sku"])[1]}
    nobodys = {row.number for row in rows if not names.is_somebody(row.values["customer"] or "")}
    out, problems = set[int](), list[Problem]()
    for one in like_totals(rows, unknown, nobodys):
        if left := left_out_of(one, leaving.words):
            leaving.left.append(left)
            out.add(one.row.number)
        else:
            problems.append(_of_doubt(one))
    leaving.left.sort(key=lambda left: left.row)
    return tuple(row for row in rows if row.number not in out), problems


def _of_doubt(one: MayBeNoCharge) -> Problem:
    written, number = one.row.values[one.column], one.row.number
    if one.column == "sku":
        return Problem(
            f"{written!r} is no product that is known, and {one.why}", number, ways=(Way.WHICH_PRODUCT,)
        )
    if written:
        return Problem(
            f"{written!r} is no customer who is known, and {one.why}",
            number,
            ways=(Way.WHOSE_ROW,),
        )
    return Problem(
        f"it names no customer, and {one.why}: take it out of the file, or name its customer there", number
    )


def _explained(refused: FileRefused, profile: InvoiceProfile) -> FileRefused:
    """With what to do about rows that charge nothing, columns that have other names, and days that are written otherwise."""
    if any(one.message.startswith("must be a day as in") for one in refused.problems):
        kept = "" if profile.days == "iso" else ", as was said for an earlier file"
        refused = FileRefused(
            Problem(f"its days are read as {profile.days}{kept}", ways=(Way.DAYS,)), *refused.problems
        )
    if any(one.column in ("sku", "quantity") and one.message == "is missing" for one in refused.problems):
        hint = Problem(
            "a row that charges nothing, such as a total, is left out by what it says", ways=(Way.LEAVE_OUT,)
        )
        return FileRefused(hint, *refused.problems)
    if not any("column of ours" in one.message or "are missing" in one.message for one in refused.problems):
        return refused
    hint = Problem("the file calls its columns otherwise", ways=(Way.COLUMNS,))
    return FileRefused(*refused.problems, hint)


def _charge(row: Row, names: _Names, month: date) -> Charge:
    values = row.values
    begins, ends = month_of(month)
    first, last = values["first_day"] or begins, values["last_day"] or ends
    if values["last_day"] is None and values["first_day"] is not None:
        last = max(first, ends)
    if last < first:
        raise ValueError(f"ends on {last}, before it begins on {first}")
    customer, customer_known = names.customer(values["customer"] or "")
    sku, sku_known = names.sku(values["sku"])
    return Charge(
        row.number,
        customer,
        sku,
        values["quantity"],
        first,
        last,
        values["amount"],
        customer_known and sku_known,
    )


class _SeveralCalledSo(ValueError):
    """A name in the file is that of several customers."""


class _Names:
    """Whom and what the file means. Nothing is guessed: an id, a name that exactly one has, or what a person said."""

    def __init__(self, books: Books, profile: InvoiceProfile) -> None:
        self._profile = profile
        self._ids = {*books.customers}
        self._skus = {sku for one in books.customers.values() for sku in one.skus} | {*books.plans}
        self._by_name: dict[str, list[str]] = {}
        for id_, name in books.names.customers.items():
            self._by_name.setdefault(plain(name), []).append(id_)

    @property
    def products(self) -> tuple[str, ...]:
        """Every SKU, and every other name of one that a person said, sorted."""
        return tuple(sorted({*self._skus, *self._profile.skus}))

    def customer(self, written: str) -> tuple[str, bool]:
        """The id, and whether it is known. Raises ``ValueError`` where several are called so."""
        meant = self._profile.customers.get(written, written)
        if not meant or meant in self._ids:
            return meant, True
        called = self._by_name.get(plain(meant), [])
        if len(called) > 1:
            raise _SeveralCalledSo(
                f"names {meant!r}, and so are {', '.join(sorted(called))} called: say which"
            )
        return (called[0], True) if called else (meant, False)

    def is_somebody(self, written: str) -> bool:
        """Whether a customer is known, or was named by a person."""
        meant = self._profile.customers.get(written, written)
        return written in self._profile.customers or meant in self._ids or plain(meant) in self._by_name

    def sku(self, written: str) -> tuple[str, bool]:
        meant = self._profile.skus.get(written, written)
        return meant, meant in self._skus


# -- The report


@dataclass(frozen=True, slots=True)
class ComparedInvoice:
    """A month on all four sides, with the file and who has signed it off before."""

    found: FourSides
    digest: str
    """SHA-256 of the file."""
    signed: tuple[SignOff, ...] = ()
    unknown_customers: tuple[str, ...] = ()
    """As the file writes them."""
    unknown_skus: tuple[str, ...] = ()
    similar: Mapping[str, tuple[str, ...]] | None = None
    """What a name that nobody knows looks like."""
    left_out: tuple[LeftOut, ...] = ()
    """Lines of the file that charge nothing, as the profile says."""

    def to_json(self, file: str, signed: SignOff | None) -> dict[str, Any]:
        """For programs: with the name of the file, and the sign-off of these numbers, if there is one."""
        return {
            **four_sides_form(self.found),
            "file": {
                "name": file,
                "sha256": self.digest,
                "left_out": [one.to_json() for one in self.left_out],
            },
            "signed_off": sign_off_form(signed) if signed else None,
        }

    @property
    def is_signed(self) -> bool:
        """Whether the last sign-off is of this file with these numbers."""
        last = self.signed[-1] if self.signed else None
        if last is None or last.digest != self.digest:
            return False
        return (last.sides, last.differences) == _sums(self.found)


def beside_timus_invoice(deployment: Deployment, data: bytes, month: date, said: Naming) -> ComparedInvoice:
    """Set a file beside Timus, Autotask and the posted items of a month. Nothing is written.

    Raises ``FileRefused``, :class:`Senseless` for a month to come, and ``NotDone`` when Autotask cannot be asked.
    """
    first, _ = month_of(month)
    if first > deployment.today:
        raise Senseless(f"{first:%Y-%m} is a month to come.")
    profile = named(invoice_profile(deployment.table).value, said)
    store = deployment.store
    records = replace(listed(store), names=tuple(store.all_names()))
    since = local_midnight(first - EARLIER, deployment.zone)
    changes = store.changes(local_midnight(first_change_of(records, first - EARLIER), deployment.zone))
    with asking_autotask():
        books = open_books(deployment.ports, records, first - YEAR, changes)
        file = read_invoice(data, profile, books, first)
        invoice, left = file.invoice, file.left_out
        items, books = billing_items(deployment.ports, books, first - YEAR)
    if left:
        sums = (words for one in left for words in _sums_in_words(one, profile))
        books = replace(books, notes=(*books.notes, _left_in_words(left), *sums))
    if file.equal:
        books = replace(books, notes=(*books.notes, *map(_equal_in_words, file.equal)))
    minimum = policy_from(records.partner.terms.value.values).pooled_minimum
    missed = superseded_units(store.events(since), books.customers)
    found = four_sides(books, first, invoice, items, missed, minimum)
    ids, skus = (
        {*books.customers},
        {sku for one in books.customers.values() for sku in one.skus} | {*books.plans},
    )
    customers = _unknown(invoice, lambda one: one.customer, ids)
    products = _unknown(invoice, lambda one: one.sku, skus)
    called = [*ids, *books.names.customers.values()]
    return ComparedInvoice(
        found,
        sha256(data).hexdigest(),
        sign_offs(deployment.table, f"{first:%Y-%m}"),
        customers,
        products,
        {name: tuple(near(name, called)) for name in customers}
        | {name: tuple(near(name, skus)) for name in products},
        left,
    )


MOST_NAMED = 10
"""So many lines that were left out are named in a sentence; the JSON has all of them."""


def _left_in_words(left: Sequence[LeftOut]) -> str:
    number = len(left)
    each = some((f"row {one.row}: {one.text[:80]}" for one in left), MOST_NAMED, "; ")
    lines = "1 row is" if number == 1 else f"{number} rows are"
    return f"{lines} left out of the file, as was said once: {each}."


def _equal_in_words(rows: Sequence[int]) -> str:
    return (
        f"Look at the file: rows {', '.join(map(str, rows[:MOST_NAMED]))} are equal in each column, and each is charged. "
        "If one is there twice, take it out of the file."
    )


def _sums_in_words(one: LeftOut, profile: InvoiceProfile) -> Iterator[str]:
    """Each number of a row that was left out, and is not the sum that it should be."""
    for other in one.other_sums:
        column = profile.columns.get(other.column, other.column)
        yield (
            f"Look at the file: row {one.row}: {one.text[:80]} says {other.says} in {column}, and its rows come to {other.rows}. A sum differs "
            "where a row is missing, is there twice, or was changed."
        )


def _unknown(invoice: Invoice, of: Callable[[Charge], str], known: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({of(one) for one in invoice.charges if not one.known} - {*known, ""}))


def _sums(found: FourSides) -> tuple[dict[str, int], dict[str, int]]:
    total = found.total
    sides = {"paid": total.paid, "timus": total.timus, "autotask": total.autotask, "billed": total.billed}
    return sides, {kind.value: days for kind, days in total.kinds.items() if days}


def sign_off(deployment: Deployment, beside: ComparedInvoice, file: str, by: str, note: str = "") -> SignOff:
    """Keep that a person has looked at it and takes it as it is: the file, the sums and each kind of difference."""
    if not by:
        raise Senseless("A sign-off has a name.", Way.NAME)
    ports, total = deployment.ports, beside.found.total
    sides, differences = _sums(beside.found)
    month = f"{beside.found.month:%Y-%m}"
    one = SignOff(
        ports.new_id(),
        month,
        ports.clock.now(),
        by,
        file,
        beside.digest,
        sides,
        differences,
        str(total.amount) if total.amount is not None else "",
        note,
    )
    signed = f"the invoice from Timus of {month} ({file}, SHA-256 {beside.digest[:12]}…): {counted(total.paid, 'seat-day')} paid, {total.billed} billed"
    detail = f"{signed}{f'; {note}' if note else ''}"
    # The decision has the id and the time of what it is about.
    ports.store.commit(
        put_sign_off(one), put_decision(Decision(one.id, one.at, "sign-off", by, detail=detail))
    )
    return one


@dataclass(frozen=True, slots=True)
class InvoiceTaken:
    """An invoice that was compared, and whether somebody takes it as it is."""

    compared: ComparedInvoice
    signed: SignOff | None
    """Of exactly these numbers, made now or before."""

    @property
    def signed_now(self) -> bool:
        """Whether it was made now."""
        return self.signed is not None and self.signed not in self.compared.signed

    @property
    def undecided(self) -> int:
        """How many differences nobody has taken as they are."""
        return 0 if self.signed else len(self.compared.found.open)


def take_invoice(
    deployment: Deployment,
    file: str,
    data: bytes,
    month: date,
    said: Naming,
    by: str,
    *,
    sign: bool = False,
    note: str = "",
    keep: bool = True,
    on_compared: Callable[[ComparedInvoice], None] = lambda _compared: None,
) -> InvoiceTaken:
    """Compare an invoice, keep how it is read, and sign it off if that is asked for; ``keep``: False writes nothing, not even that.

    ``on_compared`` shows it before it is signed off. Raises as ``beside_timus_invoice`` and ``sign_off`` do.
    """
    compared = beside_timus_invoice(deployment, data, month, said)
    if keep:
        keep_profile(deployment, said, by)
    on_compared(compared)
    if sign and keep:
        return InvoiceTaken(compared, sign_off(deployment, compared, file, by, note))
    return InvoiceTaken(compared, compared.signed[-1] if compared.is_signed else None)


# -- As a file

_ID, _NUMBER = code(str), whole(-(10**12), 10**12)
_KIND_COLUMNS = {kind: f"difference_{kind.value}".replace("-", "_") for kind in KINDS}
_SIDES = (
    "paid",
    "timus",
    "autotask",
    "posted",
    "to_post",
    "billed",
    "paid_not_billed",
    "billed_not_paid",
)
_COLUMNS = (
    *(Column(name, _ID) for name in ("month", "customer_id", "skus", "contract_ids", "service_ids")),
    Column("customer_name", TEXT),
    *(Column(name, _NUMBER) for name in _SIDES),
    *(Column(name, _NUMBER) for name in _KIND_COLUMNS.values()),
    *(Column(name, DECIMAL) for name in ("amount_paid", "estimate_billed", "estimate_margin")),
)


def four_sides_csv(found: FourSides) -> str:
    """The report as a file of CSV: seat-days of each row on each side, and each difference in a column."""
    return as_csv(_COLUMNS, _csv_rows(found))


def _csv_rows(found: FourSides) -> Iterator[dict[str, object]]:
    for row in found.rows:
        yield {
            "month": f"{found.month:%Y-%m}",
            "customer_id": row.customer or None,
            "customer_name": found.names.customers.get(row.customer),
            "skus": " ".join(row.skus) or None,
            **_keys(row),
            **{side: getattr(row, side) for side in _SIDES},
            **{_KIND_COLUMNS[one.kind]: one.seat_days for one in row.differences},
            "amount_paid": row.amount,
            "estimate_billed": row.estimate,
            "estimate_margin": row.margin,
        }


def _keys(row: SideRow) -> dict[str, str | None]:
    return {
        "contract_ids": " ".join(str(key.contract_id) for key in row.keys) or None,
        "service_ids": " ".join(str(key.service_id) for key in row.keys) or None,
    }
