"""``evidence``: a customer's month to look at, to keep and to send."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.files import write as write_file
from timus_autotask.cli.terminal import Terminal, Whole, called, moment
from timus_autotask.domain.line import JournalEntry
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.evidence_file import EvidenceFiles, EvidenceFolder, to_csv
from timus_autotask.operate.files.tables import for_excel
from timus_autotask.operate.mapping.known import require_customer_to_show
from timus_autotask.plain import as_json
from timus_autotask.watch.forms import evidence_and_files_form, evidence_form
from timus_autotask.watch.happened import by_whom
from timus_autotask.watch.month.evidence import MonthEvidence, evidence, verdict_of, whose_evidence
from timus_autotask.watch.month.line_evidence import (
    LineEvidence,
    Month,
    money_of,
    runs,
    seat_days_of,
    undone_of,
)
from timus_autotask.watch.wording import counted

Writer = Callable[[MonthEvidence], str]


def show(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """One customer's month, or that of all of them into a folder."""
    month = Month.of(arguments.month)
    writers = _writers(deployment, arguments)
    if arguments.everybody:
        return _everybody(deployment, month, writers, arguments, terminal)
    if arguments.to:
        raise Failed(
            "--to belongs to --all: one customer's evidence goes to --csv FILE or --html FILE.", USAGE
        )
    found = evidence(deployment.ports, arguments.customer, month)
    if not found.known:
        require_customer_to_show(deployment, arguments.customer)
    written: dict[str, str] = {}
    for name, write in writers.items():
        path = Path(getattr(arguments, name))
        write_file(path, write(found))
        written[name] = str(path)
        terminal.say(f"Written to {path}.", style="green")
    if not written:
        _show(found, deployment.zone, terminal)
    _say_verdict(found, terminal)
    return evidence_and_files_form(found, written)


def _writers(deployment: Deployment, arguments: Namespace) -> dict[str, Writer]:
    """What is written, by the option that asks for it."""
    if arguments.for_client and not (arguments.html or arguments.everybody):
        raise Failed("--for-client makes a page: give --html FILE, or --all --to FOLDER.", USAGE)
    if arguments.for_client and not arguments.partner:
        raise Failed("--for-client needs your company's name: --partner NAME.", USAGE)
    if arguments.everybody and not arguments.to:
        raise Failed("--all needs a folder: --to FOLDER.", USAGE)
    writers: dict[str, Writer] = {}
    if arguments.csv or (arguments.everybody and not arguments.for_client):
        writers["csv"] = lambda found: for_excel(to_csv(found))
    if arguments.html or arguments.everybody:
        writers["html"] = _page(deployment, arguments)
    return writers


def _page(deployment: Deployment, arguments: Namespace) -> Writer:
    try:
        from timus_autotask.handouts.pages import client_page, evidence_page
    except ModuleNotFoundError as missing:
        raise Failed(f"Pages need {missing.name}: pip install '.[cli]'") from missing
    if not arguments.for_client:
        return evidence_page
    from timus_autotask.watch.month.client_month import client_month

    return lambda found: client_page(client_month(found, arguments.partner, deployment.zone))


# -- Everybody


def _everybody(
    deployment: Deployment,
    month: Month,
    writers: dict[str, Writer],
    arguments: Namespace,
    terminal: Terminal,
) -> dict[str, Any]:
    """Every customer's evidence as files in a folder."""
    folder = Path(arguments.to)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"{folder} cannot be made: {error.strerror}.", USAGE) from error
    customers = whose_evidence(deployment.store)
    rows: list[EvidenceFiles] = []
    for number, found in enumerate(_each(deployment, customers, month), 1):
        terminal.busy(f"{number} of {counted(len(customers), 'customer')}", done=number == len(customers))
        name = f"{_file_name(found.customer)}-{month}"
        if not arguments.for_client:
            write_file(folder / f"{name}.json", as_json(evidence_form(found)) + "\n")
        for ending, write in writers.items():
            write_file(folder / f"{name}.{ending}", write(found))
        rows.append(EvidenceFiles.of(found, name))
    terminal.table(
        ("customer", "agrees with Autotask", "journal", "seat-days too many", "not billed", "files"),
        [
            (
                called(row.customer, {row.customer: row.name}),
                {True: "yes", False: "NO", None: "not compared"}[row.agrees],
                "whole" if row.whole else "BROKEN",
                row.too_many or "",
                row.not_billed or "",
                row.files,
            )
            for row in rows
        ],
        empty="Timus has reported no customer.",
    )
    terminal.say(f"Written to {folder}.", style="green")
    return EvidenceFolder(month, str(folder), tuple(rows)).to_json()


def _each(deployment: Deployment, customers: Iterable[str], month: Month) -> Iterator[MonthEvidence]:
    yield from deployment.each(lambda id_: evidence(deployment.ports, id_, month), customers)


def _file_name(customer: str) -> str:
    """A customer's id as a file's name; two ids never have the same."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", customer)[:80]
    return plain if plain == customer else f"{plain}~{sha256(customer.encode()).hexdigest()[:8]}"


# -- At a terminal


def _show(found: MonthEvidence, zone: ZoneInfo, terminal: Terminal) -> None:
    name = called(found.customer, {found.customer: found.name})
    terminal.say(f"{name}, {found.month.first} to {found.month.last}", style="bold")
    terminal.say(f"Days and times are those of {zone.key}.")
    for line in found.lines:
        _show_line(line, found, zone, terminal)
    if found.late:
        terminal.say("", "Events that changed nothing", style="bold")
        terminal.table(
            ("event", "by", "arrived", "outcome", "why"),
            [
                (
                    one.event.event_id,
                    one.event.actor,
                    one.event.received_at,
                    one.event.outcome,
                    [
                        *([one.event.parked.message] if one.event.parked else []),
                        *([one.sentence] if one.sentence else []),
                    ],
                )
                for one in found.late
            ],
            empty="",
        )
    for missing in found.without_line:
        terminal.say(
            "",
            f"{missing.units} {missing.sku} on no line, {missing.first} to {missing.last}: {counted(missing.seat_days, 'seat-day')} until today "
            f"not billed. {missing.message}",
            style="bold yellow",
        )
        if missing.remedy:
            terminal.say(Whole(f"→ {missing.remedy}"))
    if found.not_priced:
        terminal.say(f"Prices could not be read: {found.not_priced}", style="yellow")


def _show_line(line: LineEvidence, found: MonthEvidence, zone: ZoneInfo, terminal: Terminal) -> None:
    service = called(line.key.service_id, found.names.services)
    contract = called(line.key.contract_id, found.names.contracts)
    terminal.say("", f"Service {service} on contract {contract}: {line.line.state.value}", style="bold")
    if line.others:
        others = ", ".join(line.others)
        terminal.say(f"Shared with {others}: its units are those of all, and part is this customer's.")
    if line.parked:
        terminal.say(line.parked.message)
    if said := seat_days_of(line):
        terminal.say(said, style="yellow")
    if line.kept:
        terminal.say(line.kept.message, style="yellow")
    _show_decisions(line, terminal)
    if money := money_of(line):
        terminal.say(f"{money}.")
    terminal.table(
        ("days", "Timus", "part", "journal", "Autotask", "why"),
        [
            (
                f"{run.first} to {run.last}" if run.first != run.last else str(run.first),
                run.units.timus,
                run.units.part,
                run.units.journal,
                run.units.autotask,
                [one.message for one in run.units.why],
            )
            for run in runs(line.days)
        ],
        empty="",
    )
    if line.changes:
        terminal.table(
            ("id", "day", "change", "before", "after", "who asked", "outcome", "begun", "read back"),
            [_change(change, line, zone) for change in line.changes],
            empty="",
        )


def _show_decisions(line: LineEvidence, terminal: Terminal) -> None:
    """What awaits a person, was rejected, or was undone."""
    for change in line.open_changes:
        why = (
            f"rejected by {change.rejection.by}: {change.rejection.reason}"
            if change.rejection
            else "awaits approval"
        )
        terminal.say(f"{change.delta:+d} on {change.day}: {why}")
    for sentence in undone_of(line):
        terminal.say(sentence)


def _change(change: JournalEntry, line: LineEvidence, zone: ZoneInfo) -> tuple[Any, ...]:
    asked = line.asked[change.id]
    who = [
        f"{one.cause.actor or 'not named'}: {one.message}, {_moment(one.cause.occurred_at, zone)}, arrived "
        f"{_moment(one.cause.received_at, zone)}, {one.cause.event_id}"
        for one in asked.by
    ]
    who += [f"nobody, {why}" if not asked.by else why for why in asked.because]
    undone_by = line.undone_by
    price = f"unit price {change.price}" if change.price else ""
    undone = f"undone by {undone_by[change.id]}" if change.id in undone_by else ""
    outcome = [change.outcome.value, *filter(None, (change.message, price, by_whom(change), undone))]
    return (
        change.id,
        change.day,
        f"{change.delta:+d}",
        change.units_before,
        change.units_after,
        who if who or change.causes else [*change.events],
        outcome,
        change.opened_at,
        change.settled_at,
    )


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return moment(at, zone)


def _say_verdict(found: MonthEvidence, terminal: Terminal) -> None:
    terminal.say("")
    good = found.agrees and found.compared
    terminal.say(verdict_of(found), style="green" if good else "bold red" if found.lines else "bold")
    for line in found.lines:
        for one in line.differences:
            terminal.say(f"Service {line.key.service_id}: {one.message}.", style="bold red")
    if not found.whole:
        terminal.say("An entry of the journal is missing or was changed.", style="bold red")
    if found.unchained:
        terminal.say(
            f"{counted(found.unchained, 'entry of an earlier version is', 'entries of an earlier version are')} outside the chain."
        )
    for contract in found.contracts:
        terminal.say(f"Head of contract {contract.contract_id}: {contract.head}")
