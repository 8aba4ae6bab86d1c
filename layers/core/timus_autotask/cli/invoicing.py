"""``reconcile --timus-invoice``: the partner's own invoice from Timus beside Timus, Autotask and the posted items."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path
from shlex import quote
from typing import Any

from timus_autotask.cli.failure import USAGE, Failed, file_refused
from timus_autotask.cli.files import read, write
from timus_autotask.cli.proposing import operator
from timus_autotask.cli.terminal import Terminal, Whole, arrows, called, utc
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import FileRefused, for_excel
from timus_autotask.operate.files.timus_invoice import (
    ComparedInvoice,
    Naming,
    four_sides_csv,
    take_invoice,
)
from timus_autotask.store.invoice import SignOff
from timus_autotask.watch.month.four_sides import FourSides, SideDifference, SideRow
from timus_autotask.watch.month.months import month_before
from timus_autotask.watch.month.side_remedy import remedy_of_difference
from timus_autotask.watch.names import Directory
from timus_autotask.watch.wording import counted

MOST_ROWS = 40
"""So many rows that differ are shown, those with the most money first; a file has all of them."""
_OPTIONS = (
    "month",
    "column",
    "is_customer",
    "is_sku",
    "days",
    "leave_out",
    "leave_in",
    "csv",
    "html",
    "sign_off",
    "note",
)


def beyond_invoice(arguments: Namespace) -> str:
    """An option that means nothing without an invoice, if one is given."""
    given = (f"--{name.replace('_', '-')}" for name in _OPTIONS if getattr(arguments, name))
    return next(given, "")


def beside_invoice(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """The four sides of a month; written, kept and signed off as the options say."""
    _make_sense(arguments)
    month = arguments.month or month_before(deployment.today)
    said = _said(arguments)
    name, data = Path(arguments.timus_invoice).name, read(arguments.timus_invoice)
    with ExitStack() as busy:
        busy.enter_context(terminal.while_busy("The file, records and Autotask are read …"))

        def show(compared: ComparedInvoice) -> None:
            busy.close()
            _show(compared, terminal)

        try:
            taken = take_invoice(
                deployment,
                name,
                data,
                month,
                said,
                operator(arguments),
                sign=arguments.sign_off,
                note=arguments.note or "",
                keep=not arguments.dry_run,
                on_compared=show,
            )
        except FileRefused as refused:
            raise file_refused(name, refused) from None
    signed, beside = taken.signed, taken.compared
    if signed and taken.signed_now:
        terminal.say(
            f"Signed off by {signed.by}, {utc(signed.at)}; `timus-autotask changes` shows it.",
            style="green",
        )
    for path in _written(beside.found, name, signed, arguments):
        terminal.say(f"Written to {path}.", style="green")
    form = beside.to_json(name, signed)
    if number := taken.undecided:
        raise Failed(
            f"{number} {'difference is' if number == 1 else 'differences are'} not by your terms: settle them, or take them as they are "
            "with --sign-off.",
            result=form,
        )
    return form


def _make_sense(arguments: Namespace) -> None:
    for other in ("timus_export", "after_restore", "deep", "last", "accept"):
        if getattr(arguments, other):
            raise Failed(f"Give --timus-invoice or --{other.replace('_', '-')}, not both.", USAGE)
    if arguments.note and not arguments.sign_off:
        raise Failed("--note belongs to --sign-off.", USAGE)


def _said(arguments: Namespace) -> Naming:
    return Naming(
        tuple(arguments.column or ()),
        tuple(arguments.is_customer or ()),
        tuple(arguments.is_sku or ()),
        arguments.days or "",
        tuple(arguments.leave_out or ()),
        tuple(arguments.leave_in or ()),
    )


def _written(found: FourSides, name: str, signed: SignOff | None, arguments: Namespace) -> Iterator[str]:
    """The files that are asked for."""
    texts: list[tuple[str, str]] = []
    if arguments.csv:
        texts.append((arguments.csv, for_excel(four_sides_csv(found))))
    if arguments.html:
        try:
            from timus_autotask.handouts.pages import four_sides_page
        except ModuleNotFoundError as missing:
            raise Failed(f"Pages need {missing.name}: pip install '.[cli]'") from missing
        texts.append((arguments.html, four_sides_page(found, name, signed)))
    for path, text in texts:
        write(path, text)
        yield path


# -- Shown


def _show(beside: ComparedInvoice, terminal: Terminal) -> None:
    found, names = beside.found, beside.found.names
    differing = sorted((row for row in found.rows if row.differs), key=_size)
    terminal.say(
        "", "Seat-days: paid - billed = difference. Positive: more is paid than billed.", style="bold"
    )
    terminal.table(
        (
            "customer",
            "SKU",
            "contract",
            "paid",
            "Timus",
            "Autotask",
            "billed",
            "difference",
            "estimate",
            "why",
        ),
        [_row(row, names, found.month) for row in differing[:MOST_ROWS]],
        empty="Every seat-day that you pay for is billed, and the other way round.",
    )
    if len(differing) > MOST_ROWS:
        terminal.say(
            f"{counted(len(differing) - MOST_ROWS, 'more row differs', 'more rows differ')}: --csv FILE has all of them."
        )
    same = len(found.rows) - len(differing)
    if same:
        terminal.say(f"{same} {'row is' if same == 1 else 'rows are'} the same on all sides.")
    _show_unknown(beside, terminal)
    _show_sums(found, terminal)
    for note in found.notes:
        terminal.say(note, style="yellow")
    _show_signed(beside, terminal)


def _size(row: SideRow) -> tuple[Decimal, int, str, tuple[str, ...]]:
    money = sum((abs(one.estimate or Decimal()) for one in row.differences), Decimal())
    return -money, -sum(abs(one.seat_days) for one in row.differences), row.customer, row.skus


def _row(row: SideRow, names: Directory, month: date) -> tuple[Any, ...]:
    money = [one.estimate for one in row.differences if one.estimate is not None]
    return (
        str(called(row.customer or None, names.customers) or "")
        or ("several, or none" if row.keys else "you"),
        ", ".join(row.skus),
        [str(called(key.contract_id, names.contracts)) for key in row.keys],
        row.paid,
        row.timus,
        row.autotask,
        row.billed,
        f"{row.paid - row.billed:+d}",
        f"about {sum(money)}" if money else "",
        [line for one in row.differences for line in _why(one, row, month)],
    )


def _why(one: SideDifference, row: SideRow, month: date) -> Iterator[str]:
    both = "" if one.seat_days else ", as many too many as too few"
    yield f"{one.seat_days:+d} {one.kind.label}{both}"
    yield from arrows(remedy_of_difference(one, row, month))


def _show_unknown(beside: ComparedInvoice, terminal: Terminal) -> None:
    similar = beside.similar or {}
    for option, names in (("is-customer", beside.unknown_customers), ("is-sku", beside.unknown_skus)):
        for name in names[:MOST_ROWS]:
            near = similar.get(name, ())
            like = f" It looks like {', '.join(near)}." if near else ""
            what = "customer" if option == "is-customer" else "product"
            terminal.say(
                f"The {what} {name} is not known.{like} Say once which it is:",
                Whole(f"→ --{option} {quote(name + '=' + ('CUSTOMER' if what == 'customer' else 'SKU'))}"),
                *(
                    []
                    if what == "customer"
                    else [Whole(f"→ if it charges nothing: --leave-out {quote(name)}")]
                ),
                style="yellow",
            )


def _show_sums(found: FourSides, terminal: Terminal) -> None:
    total = found.total
    terminal.say("", f"{found.month:%Y-%m}, until {found.until}", style="bold")
    posted = (total.posted, total.to_post) if found.posted_read else ("may not be read", "not known")
    terminal.table(
        ("seat-days", "paid", "Timus", "Autotask", "posted", "not posted yet"),
        [("all together", total.paid, total.timus, total.autotask, *posted)],
        empty="",
    )
    for meaning, days, money in (
        ("You pay for it and bill it to nobody", total.paid_not_billed, total.estimate_paid_not_billed),
        ("You bill it and do not pay for it", total.billed_not_paid, total.estimate_billed_not_paid),
    ):
        terminal.say(
            f"{meaning}: {counted(days, 'seat-day')}, about {money}.", style="bold red" if days else "green"
        )
    if total.without_price:
        terminal.say(
            f"Without a known price, and not in the money: {total.without_price} of the differences."
        )
    if total.amount is not None:
        terminal.say(
            f"The invoice charges {total.amount} for these days; what is billed comes to about {total.estimate}."
        )
    for one in found.shortfalls:
        missing = (
            f"up to {one.most} are missing: {counted(one.seat_days, 'seat-day')}, {one.paid} of them on the invoice"
            if one.most
            else "nothing is missing"
        )
        terminal.say(f"Minimum of {one.sku}: {one.minimum} for all customers together; {missing}.")
    if found.outside:
        terminal.say(
            f"{counted(found.outside, 'seat-day of the file is', 'seat-days of the file are')} of other days ({found.amount_outside}): not compared."
        )


def _show_signed(beside: ComparedInvoice, terminal: Terminal) -> None:
    if not beside.signed:
        return
    last = beside.signed[-1]
    now = "" if beside.is_signed else f" {_changed(beside, last)}"
    terminal.say(
        f"Signed off by {last.by}, {utc(last.at)}, by {last.file}.{now}",
        style="" if beside.is_signed else "yellow",
    )


def _changed(beside: ComparedInvoice, last: SignOff) -> str:
    if last.digest != beside.digest:
        return "That was another file."
    total = beside.found.total
    now = {"paid": total.paid, "timus": total.timus, "autotask": total.autotask, "billed": total.billed}
    these = [
        f"{side} {last.sides.get(side, 0)}, now {days}"
        for side, days in now.items()
        if last.sides.get(side) != days
    ]
    return f"Since then it has changed: {'; '.join(these) or 'the differences'}."
