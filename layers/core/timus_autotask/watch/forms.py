"""The one JSON form of everything that is shown: what ``--json`` prints and a console receives. Days and times are still values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from timus_autotask.domain.finding import Finding
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import Head, HeldChange, JournalEntry, Undone
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import PastDays
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.provisioning import Provisioning
from timus_autotask.domain.reasons import Parked
from timus_autotask.store.decisions import Decision
from timus_autotask.store.invoice import SignOff
from timus_autotask.store.journal import Journal
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.partner import Circuit
from timus_autotask.store.runs import Run
from timus_autotask.watch.check import CheckResult, worst
from timus_autotask.watch.happened import History, Owed, by_whom, undone_by
from timus_autotask.watch.log_queries import QUERIES
from timus_autotask.watch.money import Estimate
from timus_autotask.watch.month.asked import Request, events_of
from timus_autotask.watch.month.books import LinePrice
from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.coverage import Coverage
from timus_autotask.watch.month.digest import Digest
from timus_autotask.watch.month.digest_text import Mail
from timus_autotask.watch.month.evidence import ContractEvidence, MonthEvidence
from timus_autotask.watch.month.explained import Item as PostedItem
from timus_autotask.watch.month.four_sides import SIDES, FourSides, SideRow
from timus_autotask.watch.month.in_no_posting import InNoPosting
from timus_autotask.watch.month.ledger import Ledger, LedgerEntry, Sums, Total, total
from timus_autotask.watch.month.line_evidence import JournalDifference, KeptEdit, LineEvidence
from timus_autotask.watch.month.passed import Passed
from timus_autotask.watch.month.posted import Posted
from timus_autotask.watch.month.ready import Open, Period, Ready
from timus_autotask.watch.month.side_remedy import remedy_of_difference
from timus_autotask.watch.month.to_post import NotPosted
from timus_autotask.watch.month.unplaced_evidence import WithoutLine
from timus_autotask.watch.names import Directory
from timus_autotask.watch.overview import Overview
from timus_autotask.watch.preview import ContractPreview, LeftEmpty, Preview, Totals
from timus_autotask.watch.remedy import remedy_of, way_later
from timus_autotask.watch.shadow import Shadow
from timus_autotask.watch.status import Stages, StatusLine
from timus_autotask.watch.undecided import named

Form = dict[str, Any]


def address_form(address: str) -> Form:
    """``console``: where it is served."""
    return {"address": address}


# -- Checks


def checks_form(checks: Sequence[CheckResult]) -> Form:
    """``setup`` and ``doctor``."""
    return {
        "verdict": worst(checks).value,
        "checks": [
            {"name": one.name, "verdict": one.verdict.value, "found": one.found, "remedy": one.remedy or None}
            for one in checks
        ],
    }


def setup_form(
    checks: Sequence[CheckResult], waited: Preview, webhook_url: str, steps: Iterable[tuple[str, str]]
) -> Form:
    """``setup``: ``waited`` is what waited for the API user that was stored, ``steps`` are what comes next and the command for it."""
    return {
        **checks_form(checks),
        **adjustments_form(waited),
        "webhook_url": webhook_url,
        "next": [{"what": what, "command": command} for what, command in steps],
    }


# -- Status


def overview_form(found: Overview) -> Form:
    """``status``."""
    status = found.status
    return {
        "lines": [line_form(line, status.names) for line in status.lines],
        "unmapped": {"customers": [*status.mapped.customers], "skus": [*status.mapped.skus]},
        "ignored": {
            "customers": [*status.mapped.ignored_customers],
            "skus": [*status.mapped.ignored_skus],
        },
        "at_rest": status.at_rest,
        "waits_for_person": found.waits_for_person,
        "outstanding": [*status.outstanding, *named(status.undecided)],
        "troubles": [asdict(trouble) for trouble in status.troubles],
        "unreadable": [{"record": one.record, "why": one.why} for one in status.unreadable],
        "stage": stages_form(status.stages),
        "paused": [{"customer": one.customer, "by": one.by, "at": one.at} for one in status.paused],
        "events": [event_form(event) for event in status.parked_events],
        "openings": [_provisioning(one) for one in status.provisionings],
        "autotask_away": _circuit(status.circuit) if status.circuit else None,
        "dead_letters": found.dead_letters,
        "compared": {
            "finished": found.compared.finished,
            "stopped": found.compared.stopped or None,
            "found": dict(found.compared.found),
        },
    }


def stages_form(stages: Stages) -> Form:
    """Who is live and who observes."""
    partner = stages.partner
    return {
        "live": partner.live,
        "since": partner.at,
        "by": partner.by or None,
        "customers": {
            id_: {"live": own.live, "since": own.at, "by": own.by or None}
            for id_, own in sorted(stages.customers.items())
        },
    }


def line_form(line: StatusLine, names: Directory) -> Form:
    """One line of it."""
    fields = asdict(line)
    del fields["linked"], fields["held_later"]
    return {
        **fields,
        **names_form(names, line.customer, line.contract_id, line.service_id),
        "state": line.state.value,
        "scheduled": [{"day": day, "unit_change": delta} for day, delta in line.scheduled],
        "held_later": [
            {"day": day, "reason_code": parked.code, "remedy": way_later(day, parked)}
            for day, parked in sorted(line.held_later.items())
        ],
        "plan_change_with": [{"day": day, **_ids(key)} for day, key in line.linked],
        "explanation": line.explanation,
        "past_days": [_past_days(one) for one in line.past_days],
        "undone": [_undone(one) for one in line.undone],
        "undecided": [
            {
                "customers": [*one.customers],
                "message": one.message,
                "remedy": one.remedy,
                "of_name": one.of_name,
            }
            for one in line.undecided
        ],
    }


def names_form(
    names: Directory, customer: str | None, contract_id: int | None, service_id: int | None
) -> Form:
    """How a line's customer, company, contract and service are called; null: it is not known, or there is none."""
    company_id = names.company_of.get(contract_id) if contract_id is not None else None
    return {
        "customer_name": names.customers.get(customer or ""),
        "company_id": company_id,
        "company_name": names.companies.get(company_id) if company_id is not None else None,
        "contract_name": names.contracts.get(contract_id) if contract_id is not None else None,
        "service_name": names.services.get(service_id) if service_id is not None else None,
    }


def _why(parked: Parked | None) -> Form:
    """Why something is parked, and what a person can do; None: it is not."""
    return {
        "reason": parked.message if parked else None,
        "reason_code": parked.code if parked else None,
        "remedy": remedy_of(parked) if parked else None,
    }


def _past_days(one: PastDays) -> Form:
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


def _provisioning(provisioning: Provisioning) -> Form:
    wanted, parked = provisioning.wanted, provisioning.parked
    return {
        "number": wanted.number,
        "customer": wanted.customer_id or None,
        "company_id": wanted.company_id,
        "renews": wanted.renews,
        "start": wanted.start,
        "end": wanted.end,
        **_why(parked),
        "since": provisioning.since,
    }


def _circuit(circuit: Circuit) -> Form:
    return {
        "until": circuit.open_until,
        "since": circuit.since,
        "reason": circuit.reason,
        "credentials_refused": circuit.credentials,
    }


# -- What was done, reported and found


def history_form(found: History) -> Form:
    """``changes``."""
    undone = undone_by(found.changes)
    return {
        "changes": [
            {**change_form(change, found.names), "undone_by": undone.get(change.id)}
            for change in found.changes
        ],
        "decisions": [decision_form(decision) for decision in found.decisions],
    }


def change_form(change: JournalEntry, names: Directory) -> Form:
    """One entry of the journal."""
    called = names_form(names, None, change.line.contract_id, change.line.service_id)
    del called["customer_name"]
    return {
        "id": change.id,
        "opened_at": change.opened_at,
        "settled_at": change.settled_at,
        "contract_id": change.line.contract_id,
        "service_id": change.line.service_id,
        **called,
        "sources": _sources(change.sources, names),
        "day": change.day,
        "unit_change": change.delta,
        "unit_price": price_form(change.price),
        "units_before": change.units_before,
        "units_after": change.units_after,
        "outcome": change.outcome.value,
        "why": change.why.value if change.why else None,
        "terms": [*change.terms],
        "undoes": change.undoes or None,
        "by": change.by or None,
        "events": [*change.events],
        "plan_change_with": [_ids(key) for key in change.linked],
        "moved_from": change.postponed.day if change.postponed else None,
        "moved_because": change.postponed.cause.value if change.postponed else None,
        "message": change.message,
    }


def _sources(sources: Iterable[tuple[str, str]], names: Directory) -> list[Form]:
    return [
        {"customer": customer, "customer_name": names.customers.get(customer), "sku": sku}
        for customer, sku in sources
    ]


def price_form(price: PriceChange | None) -> Form | None:
    """A unit price that is changed; None: it is not."""
    return {"from": price.before, "to": price.after} if price else None


def decision_form(decision: Decision) -> Form:
    """What a person decided."""
    return {
        "id": decision.id,
        "at": decision.at,
        "decision": decision.kind,
        "by": decision.by or None,
        "customers": [*decision.customers],
        "contract_id": decision.contract_id,
        "service_id": decision.service_id,
        "detail": decision.detail,
    }


def event_form(event: EventRecord) -> Form:
    """A merged event, without its body."""
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
        **_why(event.parked),
        "evidence": [
            {"sku": e.sku, "from": e.first, "until": e.until, "units": e.units, "instead_of": e.instead_of}
            for e in event.would_change
        ],
        "dismissed": asdict(event.dismissed) if event.dismissed else None,
    }


def events_form(events: Iterable[EventRecord]) -> Form:
    """``events``."""
    return {"events": [event_form(event) for event in events]}


def events_with_body_form(events: Iterable[EventRecord]) -> Form:
    """``events show``: each as it came."""
    return {
        "events": [{**event_form(one), "body": one.body, "encoding": one.encoding} for one in events],
    }


def reconciled_form(run: Run, findings: Iterable[Finding]) -> Form:
    """``reconcile``."""
    return {"run": asdict(run), "findings": [asdict(finding) for finding in findings]}


def minimum_form(day: date, owed: Iterable[Owed]) -> Form:
    """``minimum``, of each SKU that has one."""
    return {"day": day, "skus": [asdict(one) for one in owed]}


# -- Evidence

EVIDENCE = "timus-autotask evidence 1"
"""What an exported evidence says of its own form; ``docs/verify_evidence.py`` reads it."""


def evidence_form(found: MonthEvidence) -> Form:
    """``evidence``, of one customer."""
    return {
        "format": EVIDENCE,
        "customer": found.customer,
        "customer_name": found.name or None,
        "month": str(found.month),
        "from": found.month.first,
        "until": found.month.last,
        "made_at": found.at,
        "agrees": found.agrees,
        "not_compared": found.not_compared or None,
        "journal_whole": found.whole,
        "entries_outside_the_chain": found.unchained,
        "lines": [_line_evidence(line, found.names) for line in found.lines],
        "contracts": [_contract_evidence(one, found.names) for one in found.contracts],
        "events": [
            {
                **event_form(one.event),
                "seat_days_by_sku": None if one.by_sku is None else [asdict(each) for each in one.by_sku],
                "seat_days_in_words": one.sentence or None,
            }
            for one in found.late
        ],
        "without_line": [_without_line(one) for one in found.without_line],
        "seat_days_too_many": found.too_many,
        "seat_days_not_billed": found.not_billed,
        "not_priced": found.not_priced or None,
        "days_to_come": found.days_to_come,
    }


def evidence_and_files_form(found: MonthEvidence, written: Mapping[str, str]) -> Form:
    """The same, with the files that were written, by their kind."""
    return {**evidence_form(found), "written": {**written}}


def _without_line(one: WithoutLine) -> Form:
    return {
        "sku": one.sku,
        "units": one.units,
        "from": one.first,
        "until": one.last,
        "seat_days": -one.seat_days,
        "reason": one.message,
        "reason_code": one.code,
        "remedy": one.remedy or None,
    }


def _line_evidence(one: LineEvidence, names: Directory) -> Form:
    line, contract, parked = one.line, one.contract, one.parked
    return {
        **_ids(one.key),
        **names_form(names, None, one.key.contract_id, one.key.service_id),
        "contract_from": contract.start if contract else None,
        "contract_until": contract.end if contract else None,
        "skus": [*one.skus],
        "shared_with": [*one.others],
        "days": [asdict(day) for day in one.days],
        "differences": [_difference(each) for each in one.differences],
        "changes": [
            {**change_with_causes_form(change, names), "undone_by": one.undone_by.get(change.id)}
            for change in one.changes
        ],
        "asked": [
            {
                "change_id": id_,
                "events": [request.cause.event_id for request in each.by],
                "requests": [_request(request) for request in each.by],
                "because": [*each.because],
            }
            for id_, each in one.asked.items()
        ],
        "undone": [_undone(each) for each in one.line.undone],
        "kept": _kept(one.kept),
        "state": line.state.value,
        **_why(parked),
        "awaiting": [_held(change) for change in one.open_changes],
        "scheduled": [{"day": day, "unit_change": delta} for day, delta in line.scheduled],
        "past_days": [_past_days(each) for each in line.past_days],
        "seat_days_too_many": one.seat_days.too_many,
        "seat_days_not_billed": one.seat_days.not_billed,
        "of_customer": {
            "seat_days_too_many": one.of_customer.too_many,
            "seat_days_not_billed": one.of_customer.not_billed,
        },
        "by_undo": {
            "seat_days_too_many": one.by_undo.too_many,
            "seat_days_not_billed": one.by_undo.not_billed,
        },
        **_price(one.price),
        "estimate": _amount(one.estimate),
        "estimate_margin": _amount(one.margin),
        "journal": {
            **_journal(one.journal, line.head, one.broken),
            "known_units": line.known_units.steps if line.known_units else None,
            "found": line.found.steps if line.found else None,
        },
    }


def _contract_evidence(one: ContractEvidence, names: Directory) -> Form:
    return {
        "contract_id": one.contract_id,
        "contract_name": names.contracts.get(one.contract_id),
        "head": one.head,
        "heads": [
            {"service_id": service_id, "number": head.number, "hash": head.hash}
            for service_id, head in one.heads.items()
        ],
        "changes": [change_with_causes_form(change, names) for change in one.changes],
        "journal": _journal(one.journal, one.heads.get(0), one.broken),
    }


def _journal(journal: Journal, head: Head | None, broken: int | None) -> Form:
    return {
        "entries": [*journal.contents],
        "head": asdict(head) if head else None,
        "outside_the_chain": len(journal.unchained),
        "broken_at": broken,
    }


def _difference(one: JournalDifference) -> Form:
    return {**asdict(one), "seat_days": one.seat_days}


def _held(change: HeldChange) -> Form:
    rejection = change.rejection
    return {
        "day": change.day,
        "unit_change": change.delta,
        "unit_price": price_form(change.price),
        "rejected_by": rejection.by if rejection else None,
        "rejected_at": rejection.at if rejection else None,
        "because": rejection.reason if rejection else None,
    }


def _kept(one: KeptEdit | None) -> Form | None:
    """An edit in Autotask that is kept; None: there is none."""
    if one is None:
        return None
    return {
        "from": one.first,
        "seat_days": one.seat_days,
        "by": one.by or None,
        "at": one.at,
        "message": one.message,
    }


def _undone(one: Undone) -> Form:
    """What a person took back of a line, and until when it holds."""
    return {
        "change_id": one.entry,
        "opposite_id": one.opposite or None,
        "from": one.day,
        "until": one.until,
        "units": one.units,
        "instead_of": one.instead_of,
        "by": one.by,
        "at": one.at,
        "because": one.reason,
    }


def change_with_causes_form(change: JournalEntry, names: Directory) -> Form:
    """One entry of the journal, with what its events said."""
    return {
        **change_form(change, names),
        "number": change.number,
        "answer": change.answer.value if change.answer else None,
        "causes": [_cause(cause) for cause in change.causes],
    }


def _request(request: Request) -> Form:
    """What an event says for the day of a change that it asked for."""
    return {
        "event": request.cause.event_id,
        "sku": request.cause.sku or None,
        "before": request.before,
        "after": request.after,
        "cancelled_from": request.ends,
        "in_trial": request.trial,
    }


def _cause(cause: Cause) -> Form:
    return {
        "event": cause.event_id,
        "subscription": cause.subscription_id,
        "version": cause.number,
        "customer": cause.customer_id or None,
        "sku": cause.sku or None,
        "before": cause.before,
        "after": cause.after,
        "effective_day": cause.day,
        "ends": cause.ends,
        "by": cause.actor,
        "happened_at": cause.occurred_at,
        "arrived_at": cause.received_at,
    }


# -- What would be done


def preview_form(preview: Preview) -> list[Form]:
    """Every contract of a preview."""
    return [_contract(contract, preview.names) for contract in preview.contracts]


def adjustments_form(preview: Preview) -> Form:
    """A preview beside something else that is shown, with its sums."""
    return {"preview": preview_form(preview), "totals": totals_form(preview.totals)}


def in_observation_form(preview: Preview) -> Form:
    """What stays in observation, set apart from what is adjusted."""
    return {
        "contracts": [_contract(contract, preview.names) for contract in preview.observing],
        "totals": totals_form(preview.totals_observing),
    }


def unhandled_form(preview: Preview) -> list[Form]:
    """For whom workers cannot do anything now."""
    return [{**asdict(one), "remedy": one.remedy or None} for one in preview.unhandled]


def totals_form(totals: Totals) -> Form:
    """Its sums."""
    no_longer_made = totals.no_longer_made
    return {
        **asdict(totals),
        "estimate": estimate_form(totals.estimate),
        "no_longer_made": {
            **asdict(no_longer_made),
            "estimate": estimate_form(no_longer_made.estimate),
        },
    }


def shadow_form(found: Shadow) -> Form:
    """``preview --since``."""
    return {
        "since": found.since,
        "until": found.until,
        "lines": [
            {
                **_ids(line.key),
                "sources": [{"customer": customer, "sku": sku} for customer, sku in line.sources],
                "kind": line.episode.kind.value,
                "from": line.episode.first,
                "until": line.episode.until,
                "seats": line.episode.seats,
                "seat_days": line.episode.seat_days,
                "wanted_units": line.wanted,
                "autotask_units": line.autotask,
                "estimate": None if line.estimate is None else str(line.estimate),
            }
            for line in found.lines
        ],
        "totals": {
            "kinds": {kind.value: count for kind, count in sorted(found.kinds.items())},
            "level": found.level,
            "not_compared": found.not_compared,
            "seat_days_too_many": found.too_many,
            "seat_days_not_billed": found.too_few,
            "estimate_overbilled": str(found.overbilled),
            "estimate_not_billed": str(found.unbilled),
            "without_price": found.without_price,
        },
    }


def estimate_form(estimate: Estimate | None) -> Form | None:
    """Money, as text with two decimals; None: prices were not asked for."""
    if estimate is None:
        return None
    return {
        "so_far": str(estimate.so_far),
        "each_period": str(estimate.each_period),
        "without_price": estimate.unknown,
    }


def _contract(contract: ContractPreview, names: Directory) -> Form:
    return {
        "contract_id": contract.contract_id,
        "contract_name": contract.name,
        "company_id": contract.company_id,
        "company_name": names.companies.get(contract.company_id) if contract.company_id is not None else None,
        "extended_to": contract.extended_to,
        "if_left_empty": _left_empty(contract.if_left_empty) if contract.if_left_empty else None,
        "opened": asdict(contract.opened) if contract.opened else None,
        "lines": [
            {
                "service_id": line.service_id,
                "service_name": names.services.get(line.service_id),
                "sources": _sources(line.sources, names),
                "autotask_units": line.units,
                "wanted_units": line.wanted,
                "units_after": line.units_after,
                "wanted_later": [{"from": day, "units": units} for day, units in line.wanted_later],
                "adjustments": [
                    {
                        "day": one.day,
                        "unit_change": one.delta,
                        "goes_on": one.goes_on,
                        "unit_price": price_form(one.price),
                        "at_once": one.at_once,
                        "period_posted": one.posted,
                        "estimate": estimate_form(one.estimate),
                    }
                    for one in line.adjustments
                ],
                "no_longer_made": [
                    {"day": one.day, "unit_change": one.delta, "estimate": estimate_form(one.estimate)}
                    for one in line.no_longer_made
                ],
                "state": line.state.value,
                "reason": line.reason,
                "reason_code": line.code,
                "past_days": [_past_days(one) for one in line.past_days],
                "estimate": estimate_form(line.estimate),
                "set_aside": [*line.set_aside],
                "undo_ends": [*line.undo_ends],
                "under_way": {"day": line.under_way[0], "unit_change": line.under_way[1]}
                if line.under_way
                else None,
            }
            for line in contract.lines
        ],
        "without_line": [one.why.message for one in contract.without_line],
    }


def _left_empty(found: LeftEmpty) -> Form:
    return {
        "day": found.day,
        "lines": [
            {
                "service_id": line.service_id,
                "adjustments": [
                    {"day": one.day, "unit_change": one.delta, "at_once": one.at_once}
                    for one in line.adjustments
                ],
                "reason": line.reason,
                "reason_code": line.code,
            }
            for line in found.lines
        ],
    }


# -- The month's end


def ready_form(found: Ready) -> Form:
    """``ready``."""
    names = found.names
    return {
        "ready": found.ready,
        "posted": found.posted,
        "month": f"{found.month:%Y-%m}",
        "days_to_come": found.days_to_come,
        "open": len(found.everything),
        "kinds": dict(found.kinds),
        "seats_at_risk": found.seats,
        "estimate_at_risk": str(found.at_risk),
        "without_price": found.without_price,
        "periods": [_period(one, names) for one in found.periods],
        "elsewhere": [_open(one, names) for one in found.open],
        "stays": [_open(one, names) for one in found.stays],
        "not_posted": [_not_posted(one, names) for one in found.left],
        "later": [_open(one, names) for one in found.later],
        "coverage": _coverage(found.coverage, names),
        "ended": _coverage(found.ended, names),
        "notes": [*found.notes],
    }


def posted_form(found: Posted) -> Form:
    """``ready --posted``."""
    names = found.names
    return {
        "right": found.right,
        "month": f"{found.month:%Y-%m}",
        "billing_items_read": found.read,
        "amount": str(found.amount),
        "items": [_item(one, names) for one in found.items],
        "missing": [
            {
                **_line_names(one.key, names),
                "skus": [*one.skus],
                "day": one.day,
                "expected": one.expected,
                "billed": str(one.billed),
                "estimate": _amount(one.estimate),
                "ways": [*one.ways],
            }
            for one in found.missing
        ],
        **_otherwise(found, names),
        "not_posted": [_not_posted(one, names) for one in found.not_posted],
        "notes": [*found.notes],
    }


def _not_posted(one: NotPosted, names: Directory) -> Form:
    """What waits for a posting."""
    return {
        "contract_id": one.contract_id,
        "contract_name": names.contracts.get(one.contract_id),
        "service_id": one.line.service_id if one.line else None,
        "service_name": names.services.get(one.line.service_id) if one.line else None,
        "skus": [*one.skus],
        "from": one.first,
        "day": one.change.day if one.change else None,
        "unit_change": one.change.units if one.change else None,
        "estimate": _amount(one.change.estimate) if one.change else None,
        "unit_price": [str(each) for each in one.change.price] if one.change and one.change.price else None,
    }


def _days_of_posting(one: Passed | InNoPosting, names: Directory) -> Form:
    """Days that were posted otherwise than they should, or not at all."""
    line = _line_names(one.key, names) if one.key else dict.fromkeys(LINE_NAMES)
    return {
        **line,
        "skus": [*one.skus],
        "customer": one.customer or None,
        "customer_name": names.customers.get(one.customer),
        "cause": one.cause.value,
        "from": one.first,
        "to": one.last,
        "seat_days": one.seat_days,
        "estimate": _amount(one.estimate),
    }


def _otherwise(found: Posted, names: Directory) -> Form:
    """What was posted other than it should, other than Timus says as somebody decided, and what no posting has."""
    return {
        "passed": [_passed(one, names) for one in found.passed],
        "decided": [_passed(one, names) for one in found.decided],
        "in_no_posting": [_days_of_posting(one, names) for one in found.in_no_posting],
    }


def _passed(one: Passed, names: Directory) -> Form:
    return {
        **_days_of_posting(one, names),
        "with_other_months": {
            "from": one.whole.first,
            "to": one.whole.last,
            "seat_days": one.whole.seat_days,
            "estimate": _amount(one.whole.estimate),
        }
        if one.whole
        else None,
        "ways": [*one.ways],
        "comes_once_settled": one.comes,
        "decided_by": [asdict(each) for each in one.who],
    }


LINE_NAMES = ("contract_id", "service_id", "contract_name", "service_name")
"""What :func:`_line_names` says; nothing of it is known of what has no line."""


def _line_names(key: LineKey, names: Directory) -> Form:
    return {
        **_ids(key),
        "contract_name": names.contracts.get(key.contract_id),
        "service_name": names.services.get(key.service_id),
    }


def _item(one: PostedItem, names: Directory) -> Form:
    item = one.item
    return {
        "id": item.id,
        "name": item.name,
        "contract_id": item.contract_id,
        "contract_name": names.contracts.get(item.contract_id),
        "contract_service_id": item.contract_service_id,
        "service_id": item.service_id,
        "day": item.day,
        "posted_on": item.posted_on,
        "quantity": str(item.quantity),
        "rate": _amount(item.rate),
        "amount": str(item.amount),
        "invoice_id": item.invoice_id,
        "explained_by": one.by.value,
        "events": [*events_of(one.ours)] if one.ours else [],
        "by_whom": (by_whom(one.ours) if one.ours else "") or None,
        "estimate": _amount(one.estimate),
        "amount_differs": one.amount_differs,
        "amount_goes_until": one.until,
        "price_from": _amount(one.price[0] if one.price else None),
        "price_to": _amount(one.price[1] if one.price else None),
    }


def _period(period: Period, names: Directory) -> Form:
    called = names_form(names, None, period.contract_id, None)
    return {
        "contract_id": period.contract_id,
        "contract_name": called["contract_name"],
        "company_id": called["company_id"],
        "company_name": called["company_name"],
        "customers": [*period.customers],
        "from": period.first,
        "to": period.last,
        "posted": period.posted,
        "level": period.level,
        "lines": [
            {
                "service_id": line.key.service_id,
                "service_name": names.services.get(line.key.service_id),
                "skus": [*line.skus],
                "units": line.units,
                **_price(line.price),
                "estimate": _amount(line.estimate),
                "estimate_margin": _amount(line.margin),
            }
            for line in period.lines
        ],
        "open": [_open(one, names) for one in period.open],
        "stays": [_open(one, names) for one in period.stays],
    }


def _open(one: Open, names: Directory) -> Form:
    return {
        "kind": one.kind.value,
        "message": one.message,
        "remedy": one.remedy or None,
        "customer": one.customer or None,
        "customer_name": names.customers.get(one.customer),
        "contract_id": one.key.contract_id if one.key else None,
        "service_id": one.key.service_id if one.key else None,
        "sku": one.sku or None,
        "from": one.first,
        "seats": one.seats,
        "seat_days": one.seat_days,
        "estimate": _amount(one.estimate),
        "days_posted": one.shut,
    }


def _price(price: LinePrice) -> Form:
    return {
        "unit_price": _amount(price.price),
        "unit_price_by_hand": price.by_hand,
        "unit_cost": _amount(price.cost),
        "unit_margin": _amount(price.margin),
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _coverage(these: Iterable[Coverage], names: Directory) -> list[Form]:
    return [coverage_form(one, names) for one in these]


def coverage_form(one: Coverage, names: Directory) -> Form:
    """A SKU that goes on after the contract that bills it."""
    return {
        "customer": one.customer,
        "subscription": one.subscription,
        "sku": one.sku,
        **_ids(one.key),
        "customer_name": names.customers.get(one.customer),
        "contract_name": names.contracts.get(one.key.contract_id),
        "until": one.until,
        "units": one.units,
        "seats": one.seats,
        "estimate_each_period": _amount(one.each_period),
        "unbilled_until": one.back,
        "estimate_of_days": _amount(one.of_days),
        "by_terms": one.by_terms,
        "renewal": one.renewal,
    }


def digest_form(found: Digest, mail: Mail) -> Form:
    """``digest``, with the e-mail that is made of it."""
    names = found.names
    return {
        "since": found.since,
        "today": found.today,
        "autotask_away": found.away or None,
        "observing": found.observing,
        "changes": found.changes,
        "estimate": estimate_form(found.effect) if not found.away else None,
        "estimate_posted": str(found.posted) if not found.away else None,
        "estimate_over": str(found.over) if not found.away else None,
        "changed": [
            {
                "customers": [*one.customers],
                **_line_names(one.key, names),
                "skus": [*one.skus],
                "from": one.first,
                "unit_change": one.delta,
                "changes": one.count,
                "estimate": estimate_form(one.estimate),
                "estimate_posted": str(one.posted),
                "estimate_over": str(one.over),
            }
            for one in found.changed
        ],
        "waiting": [
            {
                "kind": one.kind,
                "customer": one.customer or None,
                "customer_name": names.customers.get(one.customer),
                "sku": one.sku or None,
                "contract_id": one.key.contract_id if one.key else None,
                "service_id": one.key.service_id if one.key else None,
                "message": one.why,
                "remedy": one.remedy or None,
                "from": one.first,
                "seats": one.seats,
                "estimate": _amount(one.estimate),
            }
            for one in found.waiting
        ],
        "estimate_not_billed": str(found.not_billed),
        "estimate_too_much": str(found.too_much),
        "by_itself": found.by_itself,
        "unmapped": {"customers": [*found.unmapped_customers], "skus": [*found.unmapped_skus]},
        "coverage": _coverage(found.coverage, names),
        "ended": _coverage(found.ended, names),
        "earlier_month": {
            "month": f"{found.earlier.month:%Y-%m}",
            "ready": found.earlier.ready,
            "open": len(found.earlier.everything),
            "estimate_at_risk": str(found.earlier.at_risk),
        }
        if found.earlier
        else None,
        "posted_otherwise": [
            {
                "month": f"{one.month:%Y-%m}",
                **_otherwise(one, names),
                "not_posted": [_not_posted(each, names) for each in one.not_posted],
            }
            for one in found.passed
        ],
        "notes": [*found.notes],
        "subject": mail.subject,
        "text": mail.text,
    }


def four_sides_form(found: FourSides) -> Form:
    """``reconcile --timus-invoice``."""
    total = found.total
    return {
        "month": f"{found.month:%Y-%m}",
        "until": found.until,
        "rows": [_side_row(row, found.names, found.month) for row in found.rows],
        "pooled_minimum": [asdict(one) for one in found.shortfalls],
        "total": {
            **{side: getattr(total, side) for side in (*SIDES, "billed")},
            "paid_not_billed": total.paid_not_billed,
            "billed_not_paid": total.billed_not_paid,
            "estimate_paid_not_billed": str(total.estimate_paid_not_billed),
            "estimate_billed_not_paid": str(total.estimate_billed_not_paid),
            "amount_paid": _amount(total.amount),
            "estimate_billed": str(total.estimate),
            "without_price": total.without_price,
            "differences": {kind.value: days for kind, days in total.kinds.items()},
        },
        "other_days": {"seat_days": found.outside, "amount": str(found.amount_outside)},
        "billing_items_read": found.posted_read,
        "notes": [*found.notes],
    }


def _side_row(row: SideRow, names: Directory, month: date) -> Form:
    return {
        "customer": row.customer or None,
        "customer_name": names.customers.get(row.customer),
        "skus": [*row.skus],
        "lines": [_line_names(key, names) for key in row.keys],
        **{side: getattr(row, side) for side in (*SIDES, "billed")},
        "paid_not_billed": row.paid_not_billed,
        "billed_not_paid": row.billed_not_paid,
        "differences": [
            {
                "kind": one.kind.value,
                "seat_days": one.seat_days,
                "estimate": _amount(one.estimate),
                "by_terms": one.rightly,
                "remedy": remedy_of_difference(one, row, month) or None,
            }
            for one in row.differences
        ],
        "amount_paid": _amount(row.amount),
        "estimate_billed": _amount(row.estimate),
        "estimate_margin": _amount(row.margin),
    }


def sign_off_form(one: SignOff) -> Form:
    """That a month was signed off."""
    return {**asdict(one), "by": one.by or None, "amount": one.amount or None, "note": one.note or None}


def ledger_form(found: Ledger) -> Form:
    """``ledger``."""
    return {
        "months": [
            {
                "month": f"{month.first:%Y-%m}",
                "until": month.last,
                "lines": [_entry(entry, found.names) for entry in month.entries],
                "total": _total(total(month.entries)),
            }
            for month in found.months
        ],
        "years": {str(year): _total(sums) for year, sums in found.years.items()},
        "undecided": [
            {
                **event_form(one.event),
                "customer_name": found.names.customers.get(one.event.customer_id),
                "sku": one.sku or None,
                "seat_days": one.seat_days,
                "seat_days_in_words": one.sentence,
                "estimate": _amount(one.estimate),
                "months": [
                    {
                        "month": f"{part.first:%Y-%m}",
                        "seat_days": part.seat_days,
                        "estimate": _amount(part.estimate),
                    }
                    for part in one.months
                ],
            }
            for one in found.undecided
        ],
        "notes": [*found.notes],
    }


def _entry(entry: LedgerEntry, names: Directory) -> Form:
    contract_id = entry.key.contract_id if entry.key else None
    service_id = entry.key.service_id if entry.key else None
    return {
        "customer": entry.customer or None,
        "contract_id": contract_id,
        "service_id": service_id,
        **names_form(names, entry.customer, contract_id, service_id),
        "skus": [*entry.skus],
        "seat_days": _sums(entry.seat_days),
        "estimate": _sums(entry.estimate) if entry.estimate else None,
        "estimate_cost": _amount(entry.cost),
        "estimate_margin": _amount(entry.margin),
        **_price(entry.price),
    }


def _total(sums: Total) -> Form:
    return {
        "seat_days": _sums(sums.seat_days),
        "estimate": _sums(sums.estimate),
        "estimate_margin": _amount(sums.margin),
        "without_price": sums.without_price,
    }


def _sums(sums: Sums[int] | Sums[Decimal]) -> Form:
    def shown(number: int | Decimal) -> int | str:
        return str(number) if isinstance(number, Decimal) else number

    def each(numbers: Mapping[WhyDiffers, int] | Mapping[WhyDiffers, Decimal]) -> Form:
        return {why.value: shown(number) for why, number in numbers.items()}

    return {
        "used": shown(sums.used),
        "billed": shown(sums.billed),
        "by_terms": each(sums.granted),
        "causes": each(sums.causes),
        "not_billed": shown(sums.not_billed),
        "too_many": shown(sums.too_many),
    }


def log_queries_form(stack: str) -> Form:
    """``logs queries``, of this stack."""
    return {
        "queries": [
            {"title": one.title, "log_groups": one.log_groups(stack), "query": one.text} for one in QUERIES
        ]
    }
