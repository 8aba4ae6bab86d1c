"""``ready``, ``ledger`` and ``digest``: what finance looks at. None of them changes anything."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from shlex import quote
from typing import Any

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.files import write
from timus_autotask.cli.terminal import Terminal, Whole, arrows, called
from timus_autotask.cli.watching import in_utc
from timus_autotask.domain.days import local_midnight
from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import for_excel
from timus_autotask.operate.month_end import ledger_csv, ledger_since, may_be_posted, what_was_posted
from timus_autotask.watch.forms import digest_form, ledger_form, posted_form, ready_form
from timus_autotask.watch.happened import by_whom
from timus_autotask.watch.month.asked import events_of
from timus_autotask.watch.month.books import LinePrice
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.coverage import Coverage, subscriptions_of, within
from timus_autotask.watch.month.digest import digest as digested
from timus_autotask.watch.month.digest_text import as_mail
from timus_autotask.watch.month.explained import BY_US, Item
from timus_autotask.watch.month.ledger import Ledger, LedgerEntry, Sums, Total, total
from timus_autotask.watch.month.posted import Posted
from timus_autotask.watch.month.ready import Open, Period, Ready, Waits
from timus_autotask.watch.month.to_post import LeftChange, NotPosted
from timus_autotask.watch.names import Directory
from timus_autotask.watch.remedy import NextWay, remedy_of, said
from timus_autotask.watch.wording import counted, with_sign

NOUNS = (Waits.EVENT, Waits.CONTRACT, Waits.NAME)
"""Kinds of what is open that stand in the plural after a number."""
FEW = 10
"""So many periods that are level are shown without being asked for."""
MOST_ITEMS = 40
"""So many billing items are shown without being asked for."""
WEEK = timedelta(days=7)
READING = "Records and Autotask are read …"
ESTIMATES = "Money is an estimate, at today's prices: Autotask prorates and bills."


def ready(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Whether a month may be approved and posted; or what was."""
    if arguments.posted:
        return _posted(deployment, arguments, terminal)
    with terminal.while_busy(READING):
        found = may_be_posted(deployment, arguments.month)
    _show_ready(found, terminal, everything=arguments.all)
    form = ready_form(found)
    if not found.ready:
        things = counted(len(found.everything), "thing has", "things have")
        raise Failed(
            f"{found.month:%Y-%m} is posted already, and {things} to be settled."
            if found.posted
            else f"{found.month:%Y-%m} is not ready to post: {things} to be settled first.",
            result=form,
        )
    return form


def _show_ready(found: Ready, terminal: Terminal, *, everything: bool) -> None:
    names = found.names
    _show_periods(found, terminal, everything=everything)
    if found.everything:
        first = "" if found.posted else " first"
        terminal.say("", f"To be settled{first} ({len(found.everything)})", style="bold red")
        _open_table(found.things, names, terminal)
    _show_beside(found, terminal)
    _show_ends(found, terminal)
    _show_left(found.left, names, terminal)
    for note in found.notes:
        terminal.say(note, style="yellow")
    terminal.say("")
    _say_answer(found, terminal)
    for words in filter(None, (found.after, found.not_over)):
        terminal.say(words, style="yellow")
    terminal.say(ESTIMATES)


def _say_answer(found: Ready, terminal: Terminal) -> None:
    """Yes, no, or that it is posted already."""
    level = sum(period.level for period in found.periods)
    counts = f"{level} of {counted(len(found.periods), 'billing period is', 'billing periods are')} level"
    month, see = f"{found.month:%Y-%m}", said(NextWay.SEE_POSTED, month=f"{found.month:%Y-%m}")
    if not found.ready:
        kinds = ", ".join(
            counted(number, kind, f"{kind}s" if kind in NOUNS else kind)
            for kind, number in found.kinds.items()
        )
        without = f" ({found.without_price} without a known price)" if found.without_price else ""
        terminal.say(
            f"NO: {_not_yet(found)}: {kinds}. {counts}; {counted(found.seats, 'seat')} and about {found.at_risk}{without} are at "
            "risk, too many and too few together.",
            style="bold red",
        )
    elif not found.periods:
        terminal.say(f"YES: nothing of it waits, and nothing is billed for Timus in {month}.", style="bold")
    elif not found.posted:
        terminal.say(
            f"YES: {month} may be approved and posted. {counts}, and nothing of it waits.", style="bold green"
        )
    elif found.left:
        terminal.say(
            f"{month} is approved and posted, but for what came since: the next Approve and Post bills it. {counts}, and nothing else is left to settle "
            f"for it. Whether each item is right: {see}",
            style="bold yellow",
        )
    else:
        terminal.say(
            f"{month} is approved and posted already. {counts}, and nothing is left to settle for it. Whether each item is right: {see}",
            style="bold green",
        )


def _not_yet(found: Ready) -> str:
    month = f"{found.month:%Y-%m}"
    if found.posted:
        return (
            f"{month} is approved and posted already, and what is settled now is billed with a later posting"
        )
    return f"do not post {month} yet"


def _show_beside(found: Ready, terminal: Terminal) -> None:
    """What keeps no yes: what stays, and parked events of later days."""
    stays = found.staying
    if stays:
        terminal.say("", f"Billed as it is ({len(stays)}): waiting changes nothing about it", style="bold")
        _open_table(stays, found.names, terminal)
    if found.later:
        terminal.say("", f"Parked, and of later days ({len(found.later)})", style="bold")
        _open_table(((None, one) for one in found.later), found.names, terminal)


def _show_periods(found: Ready, terminal: Terminal, *, everything: bool) -> None:
    """Every line with its units and prices; what is level is counted where it is much."""
    level = [period for period in found.periods if period.level]
    folded = len(level) > FEW and not everything
    shown = [period for period in found.periods if not (folded and period.level)]
    columns = ("contract", "period", "SKU", "units", "unit price", "cost", "margin", "estimate", "")
    terminal.table(
        columns,
        [row for period in shown for row in _period_rows(period, found.names)],
        empty="No line of Timus is billed in this month." if not folded else "",
    )
    if folded:
        terminal.say(
            f"{counted(len(level), 'billing period is', 'billing periods are')} level (--all shows them)."
        )


def _period_rows(period: Period, names: Directory) -> Iterator[tuple[Any, ...]]:
    """A row for each line; what is said of the whole period stands in the first."""
    for at, line in enumerate(period.lines):
        yield (
            called(period.contract_id, names.contracts) if not at else "",
            f"{period.first} to {period.last}" if not at else "",
            ", ".join(line.skus) or called(line.key.service_id, names.services),
            line.units,
            _priced(line.price),
            _money(line.price.cost),
            _money(line.price.margin),
            _about(line.estimate),
            _standing(period) if not at else "",
        )


def _standing(period: Period) -> list[str]:
    parts = ["posted already"] if period.posted else []
    parts += [f"{counted(len(period.left), 'change')} since not posted yet"] if period.left else []
    return [*parts, "level" if period.level else f"{len(period.open)} open"]


def _open_table(these: Iterable[tuple[int | None, Open]], names: Directory, terminal: Terminal) -> None:
    terminal.table(
        ("what", "customer", "contract", "SKU", "from", "seats", "seat-days", "estimate", "why"),
        [
            (
                one.kind.value,
                called(one.customer or None, names.customers),
                called(contract, names.contracts),
                one.sku,
                one.first,
                f"{one.seats:+d}" if one.seats else "",
                f"{one.seat_days:+d}" if one.seat_days else "",
                _about(one.estimate) if one.estimate else "",
                [one.message, *arrows(one.remedy)],
            )
            for contract, one in these
        ],
        empty="",
    )


def _show_ends(found: Ready, terminal: Terminal) -> None:
    """What no contract bills any more, and what none will bill soon."""
    if found.ended:
        title = f"Ended, with seats in Timus ({counted(subscriptions_of(found.ended), 'subscription')}): billed by no contract any more"
        terminal.say("", title, style="bold red")
        _coverage_table(found.ended, found.names, terminal)
    if found.coverage:
        soon = within(found.coverage, found.today)
        terminal.say("", f"Billed by no contract soon: {soon}", style="bold")
        _coverage_table(found.coverage, found.names, terminal)


def _coverage_table(these: Iterable[Coverage], names: Directory, terminal: Terminal) -> None:
    terminal.table(
        ("customer", "subscription", "SKU", "contract", "last day", "units", "not billed then", "renewal"),
        [
            (
                called(one.customer, names.customers),
                one.subscription,
                one.sku,
                called(one.key.contract_id, names.contracts),
                one.until,
                one.units,
                one.money,
                one.renewal,
            )
            for one in these
        ],
        empty="",
    )


def _posted(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Every billing item of a month, and what explains it."""
    with terminal.while_busy(READING):
        found = what_was_posted(deployment, arguments.month)
    _show_posted(found, terminal, everything=arguments.all)
    form = posted_form(found)
    if not found.right:
        raise Failed(
            f"Not everything that was posted in {found.month:%Y-%m} is explained and right."
            if found.read
            else "Billing items cannot be read, so what was posted is not explained. What to do: timus-autotask doctor",
            result=form,
        )
    return form


def _show_posted(found: Posted, terminal: Terminal, *, everything: bool) -> None:
    _show_items(found, terminal, everything=everything)
    _show_missing(found, terminal)
    _show_passed(found, terminal)
    _show_decided(found, terminal)
    _show_left(found.not_posted, found.names, terminal)
    _show_in_no_posting(found, terminal)
    for note in found.notes:
        terminal.say(note, style="yellow")
    number = len(found.by_others)
    others = f"; {number} {'is' if number == 1 else 'are'} somebody else's" if number else ""
    lacking = found.seat_days_in_no_posting
    others += f"; {counted(lacking, 'seat-day')} in no posting" if lacking else ""
    good = "bold yellow" if lacking else "bold green"
    if found.read:
        terminal.say(
            "",
            f"{counted(len(found.items), 'item')}, {found.amount:.2f} before tax: {len(found.unexplained)} unexplained, {len(found.missing)} missing"
            f"{others}.",
            style=good if found.right else "bold red",
        )
    terminal.say(ESTIMATES)


def _show_in_no_posting(found: Posted, terminal: Terminal) -> None:
    """Seats that nobody bills by itself, and where they are settled."""
    if not found.in_no_posting:
        return
    for one in found.in_no_posting:
        on = f" on contract {called(one.key.contract_id, found.names.contracts)}" if one.key else ""
        customer = called(one.customer or None, found.names.customers) or "several"
        money = "" if one.estimate is None else f", about {-one.estimate}"
        terminal.say(
            f"In no posting: {counted(-one.seat_days, 'seat-day')} of {_of(one.key, one.skus, found.names)} of {customer}{on}, {one.first} to {one.last}"
            f"{money}: {one.cause.label}.",
            style="yellow",
        )
    terminal.say(Whole(f"→ {said(NextWay.READY, month=f'{found.month:%Y-%m}')}"))


def _show_left(these: Iterable[NotPosted], names: Directory, terminal: Terminal) -> None:
    """What waits for a posting."""
    for one in these:
        terminal.say(f"Not posted yet: {_left(one, names)}", style="yellow")


def _left(one: NotPosted, names: Directory) -> str:
    contract = f"contract {called(one.contract_id, names.contracts)}"
    if one.line is None:
        return f"{contract}, the period from {one.first}."
    service = ", ".join(one.skus) or f"service {called(one.line.service_id, names.services)}"
    if one.change is not None:
        money = "" if one.change.estimate is None else f", about {one.change.estimate:+}"
        return (
            f"{_changed(one.change)} of {service} on {contract} from {one.change.day} on{money}. The rest of the period "
            f"from {one.first} is posted."
        )
    return f"{service} on {contract}, of the period from {one.first}. The rest of the period is posted."


def _changed(left: LeftChange) -> str:
    """What a change that is left changes."""
    units = [with_sign(left.units, "unit")] if left.units else []
    price = (
        [f"a new price ({left.price[0]:.2f} became {left.price[1]:.2f} for all units)"] if left.price else []
    )
    return " and ".join((*units, *price))


def _show_items(found: Posted, terminal: Terminal, *, everything: bool) -> None:
    """The billing items; of many, only those that are not ours or have another amount."""
    differing = [one for one in found.items if one.by not in BY_US or one.amount_differs]
    shown = found.items if everything or len(found.items) <= MOST_ITEMS else differing
    columns = ("contract", "item", "day", "quantity", "rate", "amount", "estimate", "explained by")
    terminal.table(
        columns,
        [
            (
                called(one.item.contract_id, found.names.contracts),
                one.item.name,
                one.item.day,
                f"{one.item.quantity.normalize():f}",
                _money(one.item.rate),
                _money(one.item.amount),
                _about(one.estimate),
                _explained(one),
            )
            for one in shown
        ],
        empty="" if found.items or not found.read else "No billing item of this month.",
    )
    if len(shown) < len(found.items):
        terminal.say(
            f"{counted(len(found.items) - len(shown), 'item is', 'items are')} explained by units and adjustments (--all shows them)."
        )


def _explained(one: Item) -> list[str]:
    ours = (*events_of(one.ours), by_whom(one.ours)) if one.ours else ()
    return [one.by.label, *filter(None, (*ours, one.note))]


def _show_missing(found: Posted, terminal: Terminal) -> None:
    if found.missing:
        terminal.say(
            "", f"Missing ({len(found.missing)}): units changed, and no item bills it", style="bold red"
        )
        terminal.table(
            ("contract", "SKU", "day", "units change by", "items by", "not billed", "ways to bring it right"),
            [
                (
                    called(one.key.contract_id, found.names.contracts),
                    _of(one.key, one.skus, found.names),
                    one.day,
                    f"{one.expected:+d}",
                    f"{one.billed.normalize():f}",
                    _about(one.estimate),
                    [Whole(f"→ {way}") for way in one.ways],
                )
                for one in found.missing
            ],
            empty="",
        )


def _of(key: LineKey | None, skus: Sequence[str], names: Directory) -> str | None:
    """What is billed on a line as people know it: its SKUs; the service, where nothing maps to it any more."""
    return ", ".join(skus) or called(key.service_id if key else None, names.services)


def _show_passed(found: Posted, terminal: Terminal) -> None:
    if found.passed:
        terminal.say("", f"Posted with other units than it should ({len(found.passed)})", style="bold red")
        terminal.table(
            (
                "customer",
                "contract",
                "SKU",
                "days",
                "seat-days",
                "estimate",
                "why",
                "ways to bring it right",
            ),
            [
                (
                    called(one.customer or None, found.names.customers),
                    called(one.key.contract_id if one.key else None, found.names.contracts),
                    _of(one.key, one.skus, found.names),
                    f"{one.first} to {one.last}",
                    f"{one.seat_days:+d}",
                    _about(one.estimate),
                    one.cause.label,
                    [Whole(f"→ {way}") for way in one.ways],
                )
                for one in found.passed
            ],
            empty="",
        )


def _show_decided(found: Posted, terminal: Terminal) -> None:
    """What was posted otherwise than Timus says because somebody wanted it so."""
    for one in found.decided:
        customer = called(one.customer or None, found.names.customers) or "several"
        on = f" on contract {called(one.key.contract_id, found.names.contracts)}" if one.key else ""
        money = "" if one.estimate is None else f", about {one.estimate:+}"
        why = "; ".join((one.cause.label, *(each.words for each in one.who)))
        terminal.say(
            f"Posted as decided: {with_sign(one.seat_days, 'seat-day')} of {_of(one.key, one.skus, found.names)} of {customer}{on}, {one.first} to "
            f"{one.last}{money}: {why}."
        )


def ledger(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Seat-days used and billed, and why they differ."""
    since = arguments.since or deployment.today.replace(month=1, day=1)
    with terminal.while_busy(READING):
        found = ledger_since(deployment, since, arguments.customer)
    if arguments.csv:
        write(arguments.csv, for_excel(ledger_csv(found)))
    _show_ledger(found, terminal, everything=arguments.all)
    if arguments.csv:
        terminal.say(f"Each month, customer and line was written to {arguments.csv}.", style="green")
    return ledger_form(found)


def digest(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What the e-mail of the last week would say."""
    a_week_ago = local_midnight(deployment.today - WEEK, deployment.zone)
    since = in_utc(arguments.since, deployment) if arguments.since else a_week_ago
    if since > deployment.clock.now():
        raise Failed(
            f"{arguments.since:%Y-%m-%d} is to come: name the first day that the digest tells of.", USAGE
        )
    with terminal.while_busy(READING):
        found = digested(deployment.ports, since)
    mail = as_mail(found, deployment.stack)
    lines = mail.text.rstrip().split("\n")
    terminal.say(*(Whole(line) if line.startswith("    ") else line for line in lines), hanging=2)
    return digest_form(found, mail)


def _show_ledger(found: Ledger, terminal: Terminal, *, everything: bool) -> None:
    lines = [*found.by_line]
    shown = [one for one in lines if everything or one.seat_days.causes]
    columns = ("customer", "SKU", "contract", "service", "used", "by terms", "billed", "difference")
    terminal.table(
        (*columns, "estimate", "unit price", "margin", "why"),
        [
            (
                called(one.customer or None, found.names.customers) or "several",
                ", ".join(one.skus),
                called(one.key.contract_id if one.key else None, found.names.contracts),
                called(one.key.service_id if one.key else None, found.names.services),
                *_numbers(one.seat_days),
                _about(_open_money(one)),
                _priced(one.price),
                _about(one.margin),
                _why(one),
            )
            for one in shown
        ],
        empty="Every seat-day that is used is billed, on the terms.",
    )
    if len(shown) < len(lines):
        terminal.say(f"{counted(len(lines) - len(shown), 'line')} without a difference (--all shows them).")
    _show_before(found, terminal)
    terminal.say("", "Seat-days: used + by terms - billed = difference", style="bold")
    months = [(f"{month.first:%Y-%m}", total(month.entries)) for month in found.months]
    terminal.table(
        (
            "",
            "used",
            "by terms",
            "billed",
            "difference",
            "not billed",
            "too many",
            "estimate billed",
            "margin",
        ),
        [_total_row(name, sums) for name, sums in (*months, *_years(found))],
        empty="",
    )
    _show_undecided(found, terminal)
    for note in found.notes:
        terminal.say(note, style="yellow")
    terminal.say(ESTIMATES)


def _show_before(found: Ledger, terminal: Terminal) -> None:
    """Where the days before customers came to us can be seen: nothing waits for them, so no other report leads there."""
    before = [
        (month.first, one.customer)
        for month in found.months
        for one in month.entries
        if WhyDiffers.BEFORE in one.seat_days.causes
    ]
    if before:
        month, customer = before[-1]
        terminal.say(
            f"What is {WhyDiffers.BEFORE.label} stays as it is billed, and is in no sum of what is not billed. Day by day, as the newest of it:",
            Whole(
                f"→ timus-autotask evidence --customer {quote(customer)} --month {month:%Y-%m}"
                if customer
                else f"→ timus-autotask ready --month {month:%Y-%m}"
            ),
        )


def _show_undecided(found: Ledger, terminal: Terminal) -> None:
    """Parked events: in no sum."""
    if not found.undecided:
        return
    terminal.say("", "Parked events, in none of these sums until somebody decides", style="bold")
    terminal.table(
        ("customer", "event", "SKU", "seat-days", "estimate", "why"),
        [
            (
                called(one.event.customer_id, found.names.customers),
                one.event.event_id,
                one.sku,
                "" if one.seat_days is None else f"{one.seat_days:+d}",
                _about(one.estimate),
                [
                    *([one.event.parked.message] if one.event.parked else []),
                    one.sentence,
                    *arrows(remedy_of(one.event.parked) if one.event.parked else ""),
                ],
            )
            for one in found.undecided
        ],
        empty="",
    )


def _years(found: Ledger) -> Iterator[tuple[str, Total]]:
    for year, sums in found.years.items():
        yield f"{year} together", sums


def _numbers(sums: Sums[int]) -> tuple[int, str, int, str]:
    by_terms = sum(sums.granted.values())
    return sums.used, f"{by_terms:+d}" if by_terms else "", sums.billed, f"{sum(sums.causes.values()):+d}"


def _total_row(name: str, sums: Total) -> tuple[Any, ...]:
    days, money = sums.seat_days, sums.estimate
    return (
        name,
        *_numbers(days),
        f"{days.not_billed} (about {money.not_billed})" if days.not_billed else "",
        f"{days.too_many} (about {money.too_many})" if days.too_many else "",
        _about(money.billed),
        _about(sums.margin),
    )


def _open_money(one: LedgerEntry) -> Decimal | None:
    return sum(one.estimate.causes.values(), Decimal("0.00")) if one.estimate else None


def _why(one: LedgerEntry) -> list[str]:
    each = (*one.seat_days.granted.items(), *one.seat_days.causes_apart)
    return [f"{units:+d} {why.label}" for why, units in each]


def _priced(price: LinePrice) -> str:
    return f"{_money(price.price)} by hand" if price.by_hand else _money(price.price)


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def _about(amount: Decimal | None) -> str:
    return "" if amount is None else f"about {amount}"
