"""Shows what somebody asks for, asks whether it is meant, and does it: the same for every command from which adjustments may follow."""

from __future__ import annotations

import getpass
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from timus_autotask.cli.failure import Failed, doubt_words, note_words
from timus_autotask.cli.terminal import Section, Terminal, Whole, arrows, called
from timus_autotask.operate.mapping.late import BillFrom, Late, LateStart
from timus_autotask.operate.proposal import Asked, Done, Progress, Proposal, Result, still_the_same
from timus_autotask.watch.money import Estimate, about, total
from timus_autotask.watch.names import Directory
from timus_autotask.watch.preview import (
    ContractPreview,
    LinePreview,
    NoLongerMade,
    Preview,
    PreviewedAdjustment,
    Totals,
    to_no_line,
)
from timus_autotask.watch.wording import counted, some, up_and_down

MANY = 50
"""From so many contracts on it takes a while, so it is shown how far it is."""
MOST_LATE = 10
"""So many customers who are mapped late are shown one by one; of more of them the sums, and --json has each."""
MOST_NAMED = 10
"""So many customers are named in a sentence."""
EACH = 3
"""So many contracts are shown one by one; more of them by customer, with money."""


R = TypeVar("R", bound=Result)


def operator(arguments: Namespace) -> str:
    """Who asks: by AWS's account, with the name that was given; where AWS does not say, that name or the user of this machine."""
    caller = arguments.caller() if "caller" in arguments else ""
    if caller:
        return f"{arguments.by} ({caller})" if arguments.by else str(caller)
    if arguments.by:
        return str(arguments.by)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def progress(terminal: Terminal) -> Progress:
    """Tells how far the reading of Autotask is: to a person on one line, to a log where there is much of it."""

    def show_progress(done: int, of: int) -> None:
        if terminal.asks:
            terminal.busy(f"{done} of {counted(of, 'contract')} read", done=done == of)
        elif of > MANY:
            terminal.say(f"{done} of {counted(of, 'contract')} read")

    return show_progress


def carry_out(
    proposal: Proposal[R],
    arguments: Namespace,
    terminal: Terminal,
    done: Callable[[R], None],
    question: str = "Write this?",
    shows: Callable[[Preview, Terminal], None] | None = None,
) -> dict[str, Any]:
    """As :func:`ask`, for programs: the result with the whole preview."""
    return ask(proposal, arguments, terminal, done, question, shows).to_json()


def ask(
    proposal: Proposal[R],
    arguments: Namespace,
    terminal: Terminal,
    done: Callable[[R], None],
    question: str = "Write this?",
    shows: Callable[[Preview, Terminal], None] | None = None,
) -> Asked[R]:
    """Show a proposal; do it, unless this is a dry run or whoever is asked says no. ``done`` tells what was done.

    ``shows`` shows the preview, if not contract by contract. Without a ``question`` there is nothing to be asked.
    """
    (shows or show)(proposal.preview, terminal)
    terminal.say(*map(note_words, proposal.notes))
    if proposal.not_shown:
        terminal.say(f"{proposal.not_shown}. What this adjusts is not shown (--unchecked).", style="bold red")
    finished: Done[R] | None = None
    doubts = (*map(doubt_words, proposal.doubts),)
    if _asks_too_much(proposal, arguments, terminal):
        raise Failed(f"{' '.join(doubts)} Nothing was written; if it is meant: --yes.")
    if arguments.dry_run or not arguments.yes:
        terminal.say(*doubts, style="bold red")
    if agreed(arguments, terminal, question):
        thought_over = _is_asked(arguments, terminal, question)
        with terminal.while_busy(
            "It is looked at once more, and written …" if thought_over else "It is written …"
        ):
            finished = proposal.commit(thought_over=thought_over)
        if not finished.queued:
            terminal.say("The queue is out of reach just now; the sweep takes it up within a minute.")
        done(finished.result)
    return Asked(proposal, finished, doubts)


def agreed(arguments: Namespace, terminal: Terminal, question: str) -> bool:
    """True if it shall be done; False for a dry run. Raises :class:`Failed` when a person says no.

    Without a ``question`` there is nothing to be asked.
    """
    if getattr(arguments, "dry_run", False):
        terminal.say("Nothing was written (--dry-run).")
        return False
    if question and not arguments.yes and not terminal.confirm(question):
        raise Failed("Nothing was written.")
    return True


def _is_asked(arguments: Namespace, terminal: Terminal, question: str) -> bool:
    """Whether a person is asked, who takes time to answer; a script's yes is there at once."""
    return bool(question) and terminal.asks and not arguments.yes


def _asks_too_much(proposal: Proposal[R], arguments: Namespace, terminal: Terminal) -> bool:
    """True where doubts need a person, and a script asks."""
    return bool(proposal.doubts) and not (arguments.yes or arguments.dry_run or terminal.asks)


def shown_first(
    preview: Preview, look: Callable[[], Preview], arguments: Namespace, terminal: Terminal, question: str
) -> bool:
    """Show what would be adjusted, if anything; False for a dry run. Raises :class:`Failed` when whoever is asked says no.

    ``look`` finds it out once more: after a person's yes. Raises ``NotDone`` where it is another by then.
    """
    changes = any(one.changes or one.no_longer_made for one in preview.contracts) or bool(preview.unhandled)
    if changes:
        show(preview, terminal)
    question = question if changes else ""
    if not agreed(arguments, terminal, question):
        return False
    if _is_asked(arguments, terminal, question):
        still_the_same(preview, look)
    return True


# -- The preview


def show(preview: Preview, terminal: Terminal) -> None:
    """Every contract on which something is done or held; the others are counted."""
    shown = [one for one in preview.contracts if len(preview.contracts) == 1 or not _at_rest(one)]
    if len(shown) > EACH:
        _show_by_customer(preview, terminal)
        observing = sum(one.observes for one in shown)
        if observing:
            terminal.say(
                f"{counted(observing, 'contract observes', 'contracts observe')}: nothing is adjusted there before go-live.",
                style="yellow",
            )
        shown_one_by_one: list[ContractPreview] = []
    else:
        shown_one_by_one = shown
    for contract in shown_one_by_one:
        _show_contract(contract, preview.names, terminal)
    _show_without_line(shown_one_by_one, preview.names, terminal)
    _show_unhandled(preview, terminal)
    rest = len(preview.contracts) - len(shown)
    if rest:
        terminal.say(f"{rest} {'contract stays' if rest == 1 else 'contracts stay'} as {_are(rest)}.")
    totals = preview.totals
    if totals.contracts > 1:
        terminal.say(
            f"In all: {counted(totals.lines, 'line')} on {counted(totals.contracts, 'contract')}, "
            f"{up_and_down(totals.units_up, totals.units_down)}; of these at once: +{totals.units_up_at_once} and -{totals.units_down_at_once}."
            + (f" An estimate: {about(totals.estimate)}." if totals.estimate else ""),
            style="bold",
        )
    if totals.no_longer_made.lines > 1:
        terminal.say(f"In all {no_longer_in_words(totals.no_longer_made)}.", style="bold")


def _show_unhandled(preview: Preview, terminal: Terminal) -> None:
    for one in preview.unhandled:
        terminal.say(
            f"{one.subject} cannot be handled, so nothing is adjusted for it until it can: {one.error}",
            style="bold red",
        )
    for remedy in dict.fromkeys(one.remedy for one in preview.unhandled):
        terminal.say(*arrows(remedy))


def _are(count: int) -> str:
    return "it is" if count == 1 else "they are"


def _at_rest(contract: ContractPreview) -> bool:
    return not contract.changes and not contract.without_line and all(line.at_rest for line in contract.lines)


def _show_contract(contract: ContractPreview, names: Directory, terminal: Terminal) -> None:
    opened = contract.opened
    company = called(contract.company_id, names.companies)
    if opened:
        terminal.say(
            f"A contract {contract.name} is opened for company {company}, from {opened.start} to {opened.end}:",
            style="bold",
        )
    else:
        terminal.say(
            f"Contract {contract.contract_id} {contract.name}".rstrip()
            + (f" of company {company}" if company else "")
            + ", what comes next:",
            style="bold",
        )
    if contract.extended_to:
        terminal.say(f"its last day moves to {contract.extended_to}, for the term was renewed")
    _show_left_empty(contract, names, terminal)
    terminal.table(
        ("customer", "SKU", "service", "Autotask", "wanted", "adjustments"),
        [
            (
                _each(str(called(customer, names.customers)) for customer, _ in line.sources),
                _each(sku for _, sku in line.sources),
                called(line.service_id, names.services),
                line.units,
                _wanted(line),
                _adjustments(line),
            )
            for line in contract.lines
        ],
        empty="nothing yet: Timus has reported no quantity that goes here",
    )
    if contract.observes:
        terminal.say("This contract observes: nothing is adjusted before go-live.", style="yellow")


def _wanted(line: LinePreview) -> int | list[str]:
    """What is wanted today, and from each later day on."""
    later = [f"{units} from {day}" for day, units in line.wanted_later]
    return [str(line.wanted), *later] if later else line.wanted


def _each(values: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(values)]


def show_adjustments(preview: Preview, terminal: Terminal) -> None:
    """Every line that would be changed or waits, by customer, with money: those that wait first. Lines that are level are counted."""
    shown = _show_by_customer(preview, terminal)
    level = sum(len(contract.lines) for contract in preview.contracts) - shown
    if level:
        terminal.say(f"{level} {'line is' if level == 1 else 'lines are'} level.")
    _show_unhandled(preview, terminal)
    terminal.say(f"In all: {totals_in_words(preview.totals)}.", style="bold")
    if preview.observing:
        _show_observing(preview, terminal)
    if preview.totals.estimate:
        terminal.say(
            "The money is an estimate: units × price × days of the period. Autotask prorates, prices and rounds by itself."
        )


def _show_observing(preview: Preview, terminal: Terminal) -> None:
    """Who stays in observation, with what is not adjusted because of that."""
    lines = [line for contract in preview.observing for line in contract.lines]
    customers = sorted({customer for line in lines for customer, _ in line.sources})
    who = some((called(one, preview.names.customers) for one in customers), MOST_NAMED)
    totals = preview.totals_observing
    totals = replace(totals, units_up_at_once=totals.units_up, units_down_at_once=totals.units_down)
    terminal.say(
        f"In observation, and not counted here: {who or _contracts(len(preview.observing))} "
        f"({totals_in_words(totals)}).",
        style="yellow",
    )


def _contracts(count: int) -> str:
    return f"{count} {'contract' if count == 1 else 'contracts'}"


def _show_by_customer(preview: Preview, terminal: Terminal) -> int:
    """Every line that would be changed or waits, by customer; how many they are."""
    for contract in preview.contracts:
        _show_what_is_done(contract, preview.names, terminal)
    found = sorted(_posting_rows(preview), key=lambda one: (not one[0], one[1]))
    headings = dict.fromkeys(heading for _, heading, _ in found)
    sections = [Section(one, [row for _, heading, row in found if heading == one]) for one in headings]
    terminal.sections(("SKU, service", "units", "adjustments", "estimate", "a period"), sections)
    _show_without_line(preview.contracts, preview.names, terminal)
    return len(found)


def _show_without_line(contracts: Iterable[ContractPreview], names: Directory, terminal: Terminal) -> None:
    """Why something goes to no line, with the customers whose it is and what ends it."""
    for one in to_no_line(contracts):
        each = (called(customer, names.customers) for customer in one.customers)
        terminal.say(f"{one.message} This concerns {some(each, MOST_NAMED)}.")
        terminal.say(*arrows(one.remedy))


def _posting_rows(preview: Preview) -> Iterator[tuple[bool, str, tuple[tuple[Any, ...], list[str]]]]:
    """Whether a line waits for something, whose it is, and its row with what there is to say about it."""
    for contract in preview.contracts:
        for line in contract.lines:
            if not line.at_rest:
                heading = whose(line.sources, contract.contract_id, preview.names)
                yield bool(line.reason), heading, (_cells(line, preview.names), _remarks(line))


def _cells(line: LinePreview, names: Directory) -> tuple[Any, ...]:
    estimate = line.estimate if line.estimate and not line.estimate.unknown else None
    return (
        [*_each(sku for _, sku in line.sources), called(line.service_id, names.services)],
        Whole(f"{line.units} → {line.units_after}" if line.adjustments else str(line.units)),
        _made(line),
        f"{estimate.so_far:+}" if estimate else "",
        f"{estimate.each_period:+}" if estimate else "",
    )


def _remarks(line: LinePreview) -> list[str]:
    """What there is to say about a line."""
    past = [f"{one.message}." for one in line.past_days]
    unknown = [about(line.estimate)] if line.estimate and line.estimate.unknown else []
    return [*filter(None, [line.reason]), *line.undo_ends, *line.set_aside, *past, *unknown]


def whose(sources: Iterable[tuple[str, str]], contract_id: int | None, names: Directory) -> str:
    """Whose a line is, for a heading: the customers, the contract and its company, each with its name."""
    customers = " and ".join(_each(str(called(one, names.customers)) for one, _ in sources))
    if contract_id is None:
        return f"{customers}, a contract that is to be opened"
    company_id = names.company_of.get(contract_id)
    company = f" of company {called(company_id, names.companies)}" if company_id is not None else ""
    return f"{customers}, contract {called(contract_id, names.contracts)}{company}"


def totals_in_words(totals: Totals) -> str:
    """How much would be changed, and how much waits."""
    said = f"{counted(totals.lines, 'line')}, {up_and_down(totals.units_up, totals.units_down)}"
    if totals.estimate:
        said += f", {about(totals.estimate)}"
    later = totals.units_up + totals.units_down - totals.units_up_at_once - totals.units_down_at_once
    if later:
        said += f" (at once +{totals.units_up_at_once} and -{totals.units_down_at_once})"
    said += f"; {totals.parked} parked" if totals.parked else ""
    return said + (f"; {no_longer_in_words(totals.no_longer_made)}" if totals.no_longer_made.lines else "")


def no_longer_in_words(found: NoLongerMade) -> str:
    """How much was going to be made and is not any more."""
    money = f", {about(found.estimate)}" if found.estimate else ""
    return f"no longer made: {up_and_down(found.units_up, found.units_down)} on {counted(found.lines, 'line')}{money}"


def _show_what_is_done(contract: ContractPreview, names: Directory, terminal: Terminal) -> None:
    """What becomes of the contract itself."""
    if contract.opened:
        opened = contract.opened
        terminal.say(
            f"A contract {contract.name} is opened for company {opened.company_id}, from {opened.start} to {opened.end}."
        )
    if contract.extended_to:
        terminal.say(
            f"The last day of contract {contract.contract_id} moves to {contract.extended_to}, for the term was renewed."
        )
    _show_left_empty(contract, names, terminal)


def _show_left_empty(contract: ContractPreview, names: Directory, terminal: Terminal) -> None:
    """What is made instead on days that Autotask adds without units."""
    if contract.if_left_empty:
        first, *each = contract.if_left_empty.in_words(names)
        terminal.say(first, *(f"  {one}" for one in each))


def show_late(found: Sequence[Late], terminal: Terminal) -> None:
    """Customers who had seats before they are mapped: what each choice comes to, side by side."""
    one = found[0]
    who = (
        f"Timus reports seats of {one.customer} since {one.since}, before this mapping."
        if len(found) == 1
        else f"Timus reports seats of {len(found)} customers from before this mapping."
    )
    terminal.say(f"{who} --bill-from chooses from which day they are billed:", style="bold")
    each = found if len(found) <= MOST_LATE else ()
    rows = [
        _late_row(late.customer, choice, late.chosen is choice.bill_from)
        for late in each
        for choice in late.choices
    ]
    if len(found) > 1:
        rows += [_late_total(found, bill_from) for bill_from in BillFrom]
    columns = ("customer", "bill from", "day", "units", "seat-days billed", "not billed", "estimate", "")
    terminal.table(columns, rows, empty="")
    for late in found:
        for choice in late.choices:
            if choice.left and late.chosen is choice.bill_from:
                terminal.say(f"{late.customer}, left to a person: {'; '.join(choice.left)}")
    terminal.say(
        "Seat-days are units × days before today. The estimate is units × price × days, to the end of the period that runs now."
    )


def as_billed_from(
    propose: Callable[[BillFrom | None], Proposal[R]],
    late: Callable[[R], Sequence[Late]],
    arguments: Namespace,
    terminal: Terminal,
) -> Proposal[R]:
    """What a first mapping proposes, once it is said from which day customers who are mapped late are billed."""
    given = BillFrom(arguments.bill_from) if arguments.bill_from else None
    proposal = propose(given)
    chosen = _bill_from(late(proposal.result), arguments, terminal)
    return proposal if chosen is None else propose(chosen)


def _bill_from(found: Sequence[Late], arguments: Namespace, terminal: Terminal) -> BillFrom | None:
    """Show what each choice comes to for customers who are mapped late, and let a person choose once.

    None: it stays as it is proposed, because there is nothing to choose, nobody can be asked, or the default was chosen.
    """
    if not found:
        return None
    show_late(found, terminal)
    if not terminal.asks or arguments.yes or arguments.dry_run or all(one.said for one in found):
        return None
    while True:
        answer = terminal.ask("Bill them from today, open-day or own-day? [own-day]").lower()
        if answer in ("", BillFrom.OWN_DAY.value):
            return None
        if answer in [one.value for one in BillFrom]:
            return BillFrom(answer)
        terminal.say(
            f"{answer} is none of the three: write today, open-day or own-day; Enter is own-day.",
            style="yellow",
        )


def _late_row(customer: str, choice: LateStart, chosen: bool) -> tuple[Any, ...]:
    return (
        customer,
        choice.bill_from.value,
        choice.day,
        f"{choice.units:+d}",
        choice.seat_days,
        choice.not_billed,
        _so_far(choice.estimate),
        "chosen" if chosen else "",
    )


def _late_total(found: Sequence[Late], bill_from: BillFrom) -> tuple[Any, ...]:
    choices = [choice for late in found for choice in late.choices if choice.bill_from is bill_from]
    return (
        "all",
        bill_from.value,
        "",
        f"{sum(one.units for one in choices):+d}",
        sum(one.seat_days for one in choices),
        sum(one.not_billed for one in choices),
        _so_far(total(one.estimate for one in choices)),
        "",
    )


def _so_far(estimate: Estimate) -> str:
    more = f" and {estimate.unknown} without a known price" if estimate.unknown else ""
    return f"about {estimate.so_far:+}{more}"


def _adjustments(line: LinePreview) -> list[str]:
    parts = _made(line)
    return [*parts, *_remarks(line)] or ["nothing to adjust"]


def _made(line: LinePreview) -> list[str]:
    parts = [_adjustment(one) for one in line.adjustments]
    if line.under_way:
        day, delta = line.under_way
        parts.append(f"{delta:+d} from {day} is under way, and made again if it turns out to be lost")
    if line.no_longer_made:
        parts.append(_no_longer(line))
    return parts


def _no_longer(line: LinePreview) -> str:
    each = ", ".join(f"{one.delta:+d} on {one.day}" for one in line.no_longer_made)
    return f"{'no longer made without a decision' if line.waits_for_decision else 'no longer made'}: {each}"


def _adjustment(one: PreviewedAdjustment) -> str:
    price = f" at {one.price}" if one.price else ""
    posted = ", a period that is posted already: an item of its own" if one.posted else ""
    notes = ", ".join(filter(None, [one.compared, "at once" if one.at_once else ""]))
    return f"{one.delta:+d} from {one.day}{price}{posted}{f' ({notes})' if notes else ''}"
