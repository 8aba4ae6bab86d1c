"""``status``, ``changes`` and ``events``: what is, what was adjusted, and what Timus reported. None of them changes anything."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from timus_autotask.cli.failure import Failed
from timus_autotask.cli.proposing import whose
from timus_autotask.cli.terminal import Section, Terminal, Whole, arrows, called, utc
from timus_autotask.domain.line import JournalEntry, State
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import WhyPast
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.domain.reasons import REJECTED
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_contract_to_show, require_customer_to_show
from timus_autotask.store.decisions import Decision
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.runs import Run
from timus_autotask.watch import happened
from timus_autotask.watch.as_known_now import by_store
from timus_autotask.watch.forms import (
    events_form,
    events_with_body_form,
    history_form,
    minimum_form,
    overview_form,
)
from timus_autotask.watch.grouping import Group, Standing, grouped
from timus_autotask.watch.happened import by_whom, history, pooled_minimum, undone_by
from timus_autotask.watch.month.asked import events_of
from timus_autotask.watch.names import Directory
from timus_autotask.watch.overview import Overview, overview
from timus_autotask.watch.remedy import REPAIR, commands, for_customers, remedy_of, way_later, will_wait
from timus_autotask.watch.status import Pause, Stages, Status, StatusLine
from timus_autotask.watch.undecided import named
from timus_autotask.watch.wording import counted, some


def status(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Every line, what waits, and whether everything is at rest."""
    _require_known(deployment, arguments)
    with terminal.while_busy("The records are read …"):
        found = overview(
            deployment.store,
            sum(deployment.queue.depth()),
            deployment.dead_letters.depth().visible,
            deployment.clock.now(),
            deployment.zone,
            customer=arguments.customer,
            contract=arguments.contract,
        )
    _show_on_top(found, terminal)
    _show_lines(found, terminal, arguments.all)
    _show_compared(found.compared, terminal)
    return overview_form(found)


def _require_known(deployment: Deployment, arguments: Namespace) -> None:
    """Refuse a customer or a contract that nobody knows: an empty answer would look as if all of it were well."""
    if arguments.customer is not None:
        require_customer_to_show(deployment, arguments.customer)
    contract: int | None = getattr(arguments, "contract", None)
    if contract is not None:
        require_contract_to_show(deployment, contract)


def _plan_change(lines: Iterable[LineKey], contract_id: int | None) -> str:
    """With which lines it is one plan change, in words; empty without any."""
    names = [
        f"service {key.service_id}"
        + ("" if key.contract_id == contract_id else f" on contract {key.contract_id}")
        for key in lines
    ]
    return f"one plan change with {', '.join(names)}" if names else ""


def _show_on_top(found: Overview, terminal: Terminal) -> None:
    """What concerns more than a line."""
    circuit = found.status.circuit
    if circuit:
        terminal.say(
            f"Autotask is not asked before {utc(circuit.open_until)}: {circuit.reason}",
            style="bold red",
        )
        if circuit.credentials:
            terminal.say(Whole("→ timus-autotask credentials set"), style="red")
    _show_unmapped(found, terminal)
    _show_stage(found.status.stages, terminal)
    for pause in found.status.paused:
        _show_pause(pause, terminal)
    for provisioning in found.status.provisionings:
        _show_provisioning(provisioning, terminal)
    if found.dead_letters:
        terminal.say(
            f"{found.dead_letters} wake-ups failed for good; the worker's log says why.", style="bold red"
        )
        terminal.say(Whole("→ timus-autotask redrive"), style="red")
    for one in found.status.unreadable:
        terminal.say(
            f"The record {one.record} cannot be read, and is missing here: {one.why}", style="bold red"
        )
    if found.status.unreadable:
        terminal.say(Whole(f"→ {REPAIR}"), style="red")


def _show_stage(stages: Stages, terminal: Terminal) -> None:
    """A banner while anything observes."""
    others = some(stages.exceptions, MOST_NAMED)
    if not stages.partner.live:
        since = f" since {utc(stages.partner.at)}" if stages.partner.at else ""
        but = f" Live are only {others}." if others else ""
        terminal.say(
            f"OBSERVING{since}: nothing is written to Autotask. What is shown here would be done after go-live.{but}",
            style="bold yellow",
        )
        terminal.say(Whole("→ timus-autotask preview"), Whole("→ timus-autotask go-live"), style="yellow")
    elif others:
        terminal.say(f"Observing, while everybody else is live: {others}.", style="bold yellow")
        remedy = for_customers("timus-autotask go-live", stages.exceptions)
        terminal.say(Whole(f"→ {remedy}"), style="yellow")


def _show_pause(pause: Pause, terminal: Terminal) -> None:
    since = f" since {utc(pause.at)}" if pause.at else ""
    by = f" by {pause.by}" if pause.by else ""
    whose, remedy = "everybody", "timus-autotask resume"
    if pause.customer is not None:
        whose = pause.customer
        remedy = commands("timus-autotask resume --customer {customer}", {"customer": whose})
    terminal.say(f"Changes are paused for {whose}{since}{by}.", style="bold yellow")
    terminal.say(Whole(f"→ {remedy}"), style="yellow")


def _show_provisioning(provisioning: Provisioning, terminal: Terminal) -> None:
    wanted, parked = provisioning.wanted, provisioning.parked
    what = f"Contract {wanted.number} of company {wanted.company_id} from {wanted.start} is to be opened"
    terminal.say(f"{what}: {parked.message}" if parked else f"{what}.")
    if parked:
        terminal.say(*arrows(remedy_of(parked)))


def _show_unmapped(found: Overview, terminal: Terminal) -> None:
    """How much is still to be mapped: people drive it to zero."""
    mapped = found.status.mapped
    if mapped.unmapped:
        parts = [counted(len(mapped.customers), "customer")] if mapped.customers else []
        parts += [counted(len(mapped.skus), "SKU")] if mapped.skus else []
        terminal.say(f"Not mapped yet: {' and '.join(parts)}.", style="bold yellow")
        terminal.say(Whole("→ timus-autotask map suggest"), style="yellow")


def _show_lines(found: Overview, terminal: Terminal, everything: bool) -> None:
    """Every customer's lines, those that need a person first; what is level is counted."""
    status = found.status
    groups = grouped(status.lines)
    if not groups:
        terminal.say(
            "No such lines; all of them: timus-autotask status"
            if found.filtered
            else "No lines: Timus has reported no quantity yet."
        )
    for standing in Standing:
        these = [group for group in groups if group.standing is standing]
        if not (everything or found.filtered) and len(these) > FOLDED.get(standing, len(these)):
            _show_count(standing, len(these), terminal)
        elif these:
            _show_section(standing, these, status.names, terminal, everything)
    if not found.filtered and (ignored := _ignored(status)):
        terminal.say("", f"Ignored: {ignored}.")
    _show_below(status, terminal)


def _show_count(standing: Standing, customers: int, terminal: Terminal) -> None:
    """In place of a section; who is ignored is named below."""
    if standing is not Standing.IGNORED:
        terminal.say("", f"{counted(customers, 'customer')} {standing.value.lower()} (--all shows them).")


def _ignored(status: Status) -> str:
    """What people have set aside, by name; empty: nothing."""
    mapped, names = status.mapped, status.names.customers
    customers = some((called(one, names) for one in mapped.ignored_customers), MOST_NAMED)
    skus = some(mapped.ignored_skus, MOST_NAMED)
    kinds = ((len(mapped.ignored_customers), "customer", customers), (len(mapped.ignored_skus), "SKU", skus))
    return "; ".join(f"{counted(number, what)}, {which}" for number, what, which in kinds if number)


FOLDED = {Standing.OBSERVING: 3, Standing.LEVEL: 3, Standing.IGNORED: 0}
"""What is only counted, from more than so many customers on."""
MOST_NAMED = 5
"""So many customers or SKUs are named in a sentence; --all and --json have all of them."""
MOST_UNMAPPED = 10
"""So many customers without a contract are named; `map suggest` has all of them."""


def _show_section(
    standing: Standing, groups: Sequence[Group], names: Directory, terminal: Terminal, everything: bool
) -> None:
    terminal.say("", f"{standing.value} ({len(groups)})", style="bold")
    if standing is Standing.UNMAPPED:
        _show_unmapped_customers(groups if everything else groups[:MOST_UNMAPPED], names, terminal)
        if not everything and len(groups) > MOST_UNMAPPED:
            terminal.say(f"and {len(groups) - MOST_UNMAPPED} more (--all shows them).")
    else:
        _show_section_lines(groups, names, terminal)


def _show_unmapped_customers(groups: Sequence[Group], names: Directory, terminal: Terminal) -> None:
    """A customer each: what it has in Timus, and the one command that all of it waits for."""
    terminal.table(
        ("customer", "in Timus", "why"),
        [
            (
                called(group.customer, names.customers),
                [_in_timus(line) for line in group.lines],
                list(dict.fromkeys(part for line in group.lines for part in _why_unmapped(line))),
            )
            for group in groups
        ],
        empty="",
    )
    terminal.say(Whole("→ timus-autotask map review"))


def _why_unmapped(line: StatusLine) -> list[str]:
    """Without the command that is everybody's: it is said once."""
    return _why(replace(line, remedy=None) if line.reason_code == "customer-unmapped" else line)


def _in_timus(line: StatusLine) -> str:
    ignored = " (ignored)" if line.state is State.IGNORED else ""
    return f"{line.timus_quantity} {line.sku}{ignored}"


def _show_section_lines(groups: Sequence[Group], names: Directory, terminal: Terminal) -> None:
    sections = []
    for group in groups:
        lines = sorted(group.lines, key=lambda line: line.contract_id or 0)
        for contract_id, of_contract in groupby(lines, key=lambda line: line.contract_id):
            rows = [_row(one, names, _beside(one) if one is lines[-1] else ()) for one in of_contract]
            sections.append(Section(_whose(group.customer, contract_id, names), rows))
    terminal.sections(("SKU, service", "Timus", "Autotask", "state", "last change"), sections)


def _beside(line: StatusLine) -> list[Any]:
    """What waits beside the lines of a customer, once for all of them."""
    few = line.undecided[:MOST_NAMED]
    return [part for one in few for part in (f"{one.message}.", *arrows(one.remedy))]


def _whose(customer: str, contract_id: int | None, names: Directory) -> str:
    return (
        whose([(customer, "")], contract_id, names) if contract_id else str(called(customer, names.customers))
    )


def _row(line: StatusLine, names: Directory, more: Sequence[str]) -> tuple[tuple[Any, ...], list[str]]:
    """A line, and what there is to say about it."""
    cells = (
        [line.sku, called(line.service_id, names.services)],
        line.timus_quantity,
        line.autotask_units,
        line.state.value,
        line.last_change,
    )
    return cells, [*_why(line), *more]


def _show_below(status: Status, terminal: Terminal) -> None:
    if status.parked_events:
        terminal.say("", "Events that a person has to look at", style="bold")
        _event_table(status.parked_events, terminal)
    terminal.say("")
    past = {one.cause is WhyPast.BEFORE_CONTRACT for line in status.lines for one in line.past_days}
    if True in past:
        terminal.say(
            "Days before a contract begins are billed by no adjustment of it: map the customer to a contract that covers them, or charge them by hand."
        )
    if False in past:
        terminal.say(
            "Days that are past changing stay as they are billed: correct them in Autotask, or bill or credit them by hand."
        )
    terminal.say(*_verdict(status))


def _verdict(status: Status) -> list[Any]:
    """Whether everything is at rest, and what waits for a person that is no line's own."""
    rest = f"Not at rest: {'; '.join(status.outstanding)}."
    if status.at_rest:
        rest = "At rest, but for what a person has to decide:" if status.undecided else "At rest."
    return [rest, *(Whole(f"→ {sentence}") for sentence in named(status.undecided))]


def _show_compared(run: Run, terminal: Terminal) -> None:
    """When everything was last compared with Autotask, and what was found that no line shows."""
    if not run.finished:
        terminal.say(
            f"Compared with Autotask: {run.contracts} of {counted(run.of, 'contract')}."
            if run.id
            else "Not compared with Autotask yet."
        )
        return
    found = ", ".join(f"{count} {kind}" for kind, count in run.found.items())
    terminal.say(
        f"Compared with Autotask on {utc(run.finished)}: "
        + (f"{found} → timus-autotask reconcile --last" if found else "nothing was found.")
    )


def _why(line: StatusLine) -> list[str]:
    parts = [line.reason] if line.reason else []
    parts += arrows(line.remedy or "")
    parts += line.set_aside
    parts += _still_to_come(line)
    parts += [f"{sentence}." for sentence in filter(None, (line.explanation, line.shared))]
    parts += [f"{one.message}." for one in line.past_days]
    linked = _plan_change(dict.fromkeys(key for _, key in line.linked), line.contract_id)
    return [*parts, linked] if linked else parts


def _still_to_come(line: StatusLine) -> Iterator[str]:
    """What is scheduled, or would be made if the line were live; nothing where a reason has said so already."""
    if line.state is State.OBSERVING:
        yield from (f"would {delta:+d} from {day}" for day, delta in line.scheduled)
    elif line.reason is None or line.reason_code == REJECTED:
        undone = {(one.day, one.delta): one for one in line.undone if not one.opposite}
        for day, delta in line.scheduled:
            one = undone.get((day, delta))
            waits = line.held_later.get(day)
            told = f", undoes {one.entry}" if one else f", {will_wait(waits)}" if waits else ""
            yield f"{delta:+d} on {day}{told}"
            if waits:
                yield from arrows(way_later(day, waits))


def minimum(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What the partner owes Timus at least, what all customers together have, and what is missing."""
    found = pooled_minimum(deployment.store, deployment.today)
    terminal.table(
        ("SKU", "minimum", "all customers", "shortfall"),
        [(one.sku, one.minimum, one.used, one.shortfall) for one in found],
        empty="no pooled minimum is set: timus-autotask policy set pooled_minimum.SKU=N",
    )
    return minimum_form(deployment.today, found)


def changes(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """The adjustments in Autotask, when, why and with what outcome, and what people decided; oldest first."""
    _require_known(deployment, arguments)
    since = _since(arguments.since, deployment)
    found = history(deployment.store, since, arguments.customer, arguments.contract)
    undone = undone_by(found.changes)
    columns = ("id", "at", "customer", "contract", "service", "SKU", "change", "from", "before", "after")
    terminal.table(
        (*columns, "outcome", "events", "message"),
        [
            _decision_row(one, found.names)
            if isinstance(one, Decision)
            else _change_row(one, found.names, undone)
            for one in found.in_order
        ],
        empty="No adjustment was made.",
    )
    return history_form(found)


def _change_row(change: JournalEntry, names: Directory, undone: Mapping[str, str]) -> tuple[Any, ...]:
    taken_back = f"undone by {undone[change.id]}" if change.id in undone else ""
    return (
        change.id,
        change.opened_at,
        _each(str(called(customer, names.customers)) for customer, _ in change.sources),
        called(change.line.contract_id, names.contracts),
        called(change.line.service_id or None, names.services),
        _each(sku for _, sku in change.sources),
        *_units(change),
        change.outcome.value,
        events_of(change),
        [*_message(change), *filter(None, [taken_back])],
    )


def _decision_row(decision: Decision, names: Directory) -> tuple[Any, ...]:
    by = f"decided by {decision.by}" if decision.by else "decided by somebody"
    return (
        None,
        decision.at,
        [str(called(one, names.customers)) for one in decision.customers] or "everybody",
        called(decision.contract_id, names.contracts),
        called(decision.service_id, names.services),
        *(None,) * 5,
        decision.kind,
        None,
        [*filter(None, (decision.detail, by))],
    )


def _message(change: JournalEntry) -> list[str]:
    """What there is to say about a change."""
    moved = change.postponed
    return [
        *filter(
            None,
            (
                change.message,
                by_whom(change),
                f"unit price {change.price}" if change.price else "",
                f"moved from {moved.day}: {moved.cause.message}" if moved else "",
                _plan_change(change.linked, change.line.contract_id),
            ),
        )
    ]


def _units(change: JournalEntry) -> tuple[Any, ...]:
    """Change, day, units before and after; nothing of it where a whole contract was changed."""
    if not change.line.service_id:
        return "", None, None, None
    return f"{change.delta:+d}", change.day, change.units_before, change.units_after


def events(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Merged events with what became of them."""
    _require_known(deployment, arguments)
    since = _since(arguments.since, deployment)
    found = happened.events(deployment.store, since, arguments.customer, parked=arguments.parked)
    _event_table(found, terminal)
    return events_form(found)


def event(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """One event with its body."""
    key = arguments.key
    found = happened.event(deployment.store, key)
    if not found:
        if happened.is_on_its_way(deployment.store, key):
            raise Failed(f"Event {key} waits to be merged just now; look at it again in a minute.")
        raise Failed(f"There is no merged event {key}; list them with: timus-autotask events")
    found = [*by_store(found, deployment.store)]
    for one in found:
        _event_table([one], terminal)
        if one.would_change:
            terminal.say("", "Superseded; it would have changed:")
            terminal.table(
                ("SKU", "from", "until", "units", "instead of"),
                [(e.sku, e.first, e.until, e.units, e.instead_of) for e in one.would_change],
                empty="",
            )
        terminal.say("", *one.body.split("\n"))
    return events_with_body_form(found)


def _event_table(found: Iterable[EventRecord], terminal: Terminal) -> None:
    terminal.table(
        ("received", "key", "customer", "subscription", "version", "type", "from", "outcome", "why"),
        [
            (
                event.received_at,
                event.key,
                called(event.customer_id, {}),
                event.subscription_id,
                event.version or None,
                event.event_type,
                event.day,
                event.outcome,
                _why_event(event),
            )
            for event in found
        ],
        empty="No events.",
    )


def _why_event(event: EventRecord) -> list[str]:
    """Why an event is parked, and the command that ends it; or why it was dismissed."""
    parts = [event.parked.message] if event.parked else []
    if event.dismissed:
        by = f" by {event.dismissed.by}" if event.dismissed.by else ""
        return [*parts, f"dismissed{by} on {event.dismissed.at:%Y-%m-%d}: {event.dismissed.reason}"]
    return [*parts, *arrows(remedy_of(event.parked))] if event.parked else parts


def _since(given: datetime | None, deployment: Deployment) -> datetime | None:
    return in_utc(given, deployment) if given else None


def in_utc(given: datetime, deployment: Deployment) -> datetime:
    """A time without an offset is the partner's local time; the records are in UTC."""
    return (given if given.tzinfo else given.replace(tzinfo=deployment.zone)).astimezone(UTC)


def _each(values: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(values)]
