"""``status``, ``changes`` and ``events``: what is, what was posted, and what Timus told. None of them changes anything."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from timus_autotask.cli.failure import Failed
from timus_autotask.cli.terminal import Terminal, Whole, moment
from timus_autotask.domain.line import JournalEntry, Outcome, Why
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import PastDays
from timus_autotask.domain.policy import shortfall
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.operate.deployment import Deployment
from timus_autotask.store.records import EventRecord, policy_from
from timus_autotask.store.runs import Run, last_run
from timus_autotask.watch import status as alignment
from timus_autotask.watch.preview import price_json
from timus_autotask.watch.status import Status, StatusLine


def status(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Every line, what waits, and whether everything is at rest."""
    dead = deployment.dead_letters.depth().visible

    def queued() -> int:
        return sum(deployment.queue.depth())

    records = alignment.gather(deployment.store, queued, deployment.each)
    found = alignment.status_of(records, deployment.clock.now(), deployment.zone)
    lines = [
        line
        for line in found.lines
        if arguments.customer in (None, line.customer) and arguments.contract in (None, line.contract_id)
    ]
    events = [event for event in found.parked_events if arguments.customer in (None, event.customer_id)]
    _show_status(found, lines, events, dead, terminal)
    compared = last_run(deployment.table).value
    _show_compared(compared, terminal)
    return {
        "lines": [_line(line) for line in lines],
        "at_rest": found.at_rest,
        "outstanding": [*found.outstanding],
        "troubles": [asdict(trouble) for trouble in found.troubles],
        "events": [_event(event) for event in events],
        "openings": [_opening(opening) for opening in found.provisionings],
        "autotask_away": {
            "until": found.circuit.open_until,
            "since": found.circuit.since,
            "reason": found.circuit.reason,
            "credentials_refused": found.circuit.credentials,
        }
        if found.circuit
        else None,
        "dead_letters": dead,
        "compared": {
            "finished": compared.finished,
            "stopped": compared.stopped or None,
            "found": dict(compared.found),
        },
    }


def _line(line: StatusLine) -> dict[str, Any]:
    fields = asdict(line)
    del fields["linked"]
    return {
        **fields,
        "state": line.state.value,
        "scheduled": [{"day": day, "unit_change": delta} for day, delta in line.scheduled],
        "plan_change_with": [{"day": day, **_ids(key)} for day, key in line.linked],
        "explanation": line.explanation,
        "past_days": [_past_days(one) for one in line.past_days],
    }


def _past_days(one: PastDays) -> dict[str, Any]:
    return {
        "from": one.first,
        "until": one.until,
        "wanted": one.wanted,
        "autotask": one.autotask,
        "seat_days": one.seat_days,
        "cause": one.cause.value,
    }


def _ids(key: LineKey) -> dict[str, int]:
    return {"contract_id": key.contract_id, "service_id": key.service_id}


def _plan_change(lines: Iterable[LineKey], contract_id: int | None) -> str:
    """With which lines it is one plan change, in words; empty without any."""
    names = [
        f"service {key.service_id}"
        + ("" if key.contract_id == contract_id else f" on contract {key.contract_id}")
        for key in lines
    ]
    return f"one plan change with {', '.join(names)}" if names else ""


def _opening(opening: Provisioning) -> dict[str, Any]:
    wanted, parked = opening.wanted, opening.parked
    return {
        "number": wanted.number,
        "customer": wanted.customer_id or None,
        "company_id": wanted.company_id,
        "renews": wanted.renews,
        "start": wanted.start,
        "end": wanted.end,
        "reason": parked.message if parked else None,
        "reason_code": parked.code if parked else None,
        "remedy": parked.remedy if parked else None,
        "since": opening.since,
    }


def _show_status(
    found: Status, lines: list[StatusLine], events: list[EventRecord], dead: int, terminal: Terminal
) -> None:
    if found.circuit:
        terminal.say(
            f"Autotask is not asked before {moment(found.circuit.open_until)} UTC: {found.circuit.reason}",
            style="bold red",
        )
        if found.circuit.credentials:
            terminal.say("→ timus-autotask credentials set", style="red")
    for opening in found.provisionings:
        wanted, parked = opening.wanted, opening.parked
        what = f"Contract {wanted.number} of company {wanted.company_id} from {wanted.start} is to be opened"
        terminal.say(
            f"{what}: {parked.message}" if parked else f"{what}.", *([f"→ {parked.remedy}"] if parked else [])
        )
    if dead:
        terminal.say(f"{dead} wake-ups failed for good; the worker's log says why.", style="bold red")
        terminal.say("→ timus-autotask redrive", style="red")
    terminal.table(
        ("customer", "SKU", "contract", "service", "Timus", "Autotask", "state", "last change", "why"),
        [
            (
                line.customer,
                line.sku,
                line.contract_id,
                line.service_id,
                line.timus_quantity,
                line.autotask_units,
                line.state.value,
                line.last_change,
                _why(line),
            )
            for line in lines
        ],
        empty="No such lines; all of them: timus-autotask status"
        if found.lines
        else "No lines: Timus has told of no quantity yet.",
    )
    if events:
        terminal.say("", "Events that a person has to look at", style="bold")
        _event_table(events, terminal)
    terminal.say("")
    if any(line.past_days for line in lines):
        terminal.say(
            "Days that are past changing stay as they are billed: correct them in Autotask, or bill or credit them by hand."
        )
    terminal.say("At rest." if found.at_rest else f"Not at rest: {'; '.join(found.outstanding)}.")


def _show_compared(run: Run, terminal: Terminal) -> None:
    """When everything was last compared with Autotask, and what was found that no line shows."""
    if not run.finished:
        terminal.say(
            f"Compared with Autotask: {run.contracts} of {run.of} contracts."
            if run.id
            else "Not compared with Autotask yet."
        )
        return
    found = ", ".join(f"{count} {kind}" for kind, count in run.found.items())
    terminal.say(
        f"Compared with Autotask on {moment(run.finished)} UTC: "
        + (f"{found} → timus-autotask reconcile --last" if found else "nothing was found.")
    )


def _why(line: StatusLine) -> list[str]:
    parts = [line.reason] if line.reason else []
    if line.remedy:
        parts.append(Whole(f"→ {line.remedy}"))
    if line.reason is None:
        parts += [f"{delta:+d} on {day}" for day, delta in line.scheduled]
    parts += [f"{line.explanation}."] if line.explanation else []
    parts += [f"{one.message}." for one in line.past_days]
    linked = _plan_change(dict.fromkeys(key for _, key in line.linked), line.contract_id)
    return [*parts, linked] if linked else parts


def minimum(deployment: Deployment, _arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What the partner owes Timus at least, what all customers together have, and what is missing."""
    store, today = deployment.store, deployment.today
    least = policy_from(store.partner().terms.value.values).pooled_minimum
    used: Counter[str] = Counter()
    for subscription in store.subscriptions():
        used.update({sku: subscription.quantity(sku).at(today) for sku in subscription.skus})
    found = shortfall(least, used)
    terminal.table(
        ("SKU", "minimum", "all customers", "shortfall"),
        [(sku, *numbers) for sku, numbers in found.items()],
        empty="no pooled minimum is set: timus-autotask policy set pooled_minimum.SKU=N",
    )
    return {
        "day": today,
        "skus": [
            {"sku": sku, "minimum": minimum_, "used": used_, "shortfall": missing}
            for sku, (minimum_, used_, missing) in found.items()
        ],
    }


def changes(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What was posted to Autotask, when, why and with what outcome, oldest first."""
    found = [
        change
        for change in deployment.store.changes(_since(arguments.since, deployment))
        if arguments.contract in (None, change.line.contract_id)
        and (arguments.customer is None or arguments.customer in [customer for customer, _ in change.sources])
    ]
    found.sort(key=lambda change: (change.settled_at, change.opened_at, change.delta > 0))
    terminal.table(
        (
            "posted",
            "customer",
            "contract",
            "service",
            "SKU",
            "change",
            "from",
            "before",
            "after",
            "outcome",
            "events",
            "words",
        ),
        [
            (
                change.opened_at,
                _each(customer for customer, _ in change.sources),
                change.line.contract_id,
                change.line.service_id or None,
                _each(sku for _, sku in change.sources),
                *_units(change),
                change.outcome.value,
                change.events,
                _words(change),
            )
            for change in found
        ],
        empty="Nothing was posted.",
    )
    return {"changes": [_change(change) for change in found]}


def _words(change: JournalEntry) -> list[str]:
    """What there is to say about a change."""
    moved = change.postponed
    return [
        *filter(
            None,
            (
                change.message,
                _by_whom(change),
                f"unit price {change.price}" if change.price else "",
                f"moved from {moved.day}: {moved.cause.message}" if moved else "",
                _plan_change(change.linked, change.line.contract_id),
            ),
        )
    ]


def _by_whom(change: JournalEntry) -> str:
    """Who let a change go, or rejected it; or why it was made though Timus reported nothing."""
    if change.by:
        verb = "rejected" if change.outcome is Outcome.REJECTED else "approved"
        return f"{verb} by {change.by}"
    return "brings back what somebody changed in Autotask" if change.why is Why.ENFORCED else ""


def _units(change: JournalEntry) -> tuple[Any, ...]:
    """Change, day, units before and after; nothing of it where a whole contract was changed."""
    if not change.line.service_id:
        return "", None, None, None
    return f"{change.delta:+d}", change.day, change.units_before, change.units_after


def _change(change: JournalEntry) -> dict[str, Any]:
    return {
        "id": change.id,
        "posted_at": change.opened_at,
        "settled_at": change.settled_at,
        "contract_id": change.line.contract_id,
        "service_id": change.line.service_id,
        "sources": [{"customer": customer, "sku": sku} for customer, sku in change.sources],
        "day": change.day,
        "unit_change": change.delta,
        "units_before": change.units_before,
        "units_after": change.units_after,
        "outcome": change.outcome.value,
        "unit_price": price_json(change.price),
        "events": [*change.events],
        "plan_change_with": [_ids(key) for key in change.linked],
        "why": change.why.value if change.why else None,
        "by": change.by or None,
        "moved_from": change.postponed.day if change.postponed else None,
        "moved_because": change.postponed.cause.value if change.postponed else None,
        "words": change.message,
    }


def events(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Merged events with what became of them; ``show`` one with its body."""
    if arguments.key is not None:
        return _show_event(deployment, arguments.key, terminal)
    since = _since(arguments.since, deployment)
    found = [e for e in deployment.store.parked_events() if since is None or e.received_at >= since]
    if not arguments.parked:
        found += deployment.store.events(since)
    found = [event for event in found if arguments.customer in (None, event.customer_id)]
    found.sort(key=lambda event: (event.received_at, event.key))
    _event_table(found, terminal)
    return {"events": [_event(event) for event in found]}


def _show_event(deployment: Deployment, key: str, terminal: Terminal) -> dict[str, Any]:
    store = deployment.store
    found = [e for e in (*store.parked_events(), *store.events()) if key in (e.key, e.event_id)]
    if not found:
        raise Failed(f"There is no merged event {key}; list them with: timus-autotask events")
    for event in found:
        _event_table([event], terminal)
        if event.evidence:
            terminal.say("", "Superseded; it would have changed:")
            terminal.table(
                ("SKU", "from", "until", "units", "instead of"),
                [(e.sku, e.first, e.until, e.units, e.instead_of) for e in event.evidence],
                empty="",
            )
        terminal.say("", *event.body.split("\n"))
    return {"events": [{**_event(event), "body": event.body, "encoding": event.encoding} for event in found]}


def _event_table(found: Iterable[EventRecord], terminal: Terminal) -> None:
    terminal.table(
        ("received", "key", "customer", "subscription", "version", "type", "from", "outcome", "why"),
        [
            (
                event.received_at,
                event.key,
                event.customer_id,
                event.subscription_id,
                event.version or None,
                event.event_type,
                event.day,
                event.outcome,
                event.parked.message if event.parked else "",
            )
            for event in found
        ],
        empty="No events.",
    )


def _event(event: EventRecord) -> dict[str, Any]:
    return {
        "key": event.key,
        "id": event.event_id,
        "received_at": event.received_at,
        "merged_at": event.merged_at,
        "customer": event.customer_id,
        "subscription": event.subscription_id or None,
        "version": event.version or None,
        "type": event.event_type or None,
        "day": event.day or None,
        "actor": event.actor,
        "outcome": event.outcome,
        "reason": event.parked.message if event.parked else None,
        "reason_code": event.parked.code if event.parked else None,
        "remedy": event.parked.remedy if event.parked else None,
        "evidence": [
            {"sku": e.sku, "from": e.first, "until": e.until, "units": e.units, "instead_of": e.instead_of}
            for e in event.evidence
        ],
    }


def _since(given: datetime | None, deployment: Deployment) -> datetime | None:
    return in_utc(given, deployment) if given else None


def in_utc(given: datetime, deployment: Deployment) -> datetime:
    """A time without an offset is the partner's local time; the records are in UTC."""
    return (given if given.tzinfo else given.replace(tzinfo=deployment.zone)).astimezone(UTC)


def _each(values: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(values)]
