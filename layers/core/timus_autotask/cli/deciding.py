"""``retry``, ``drift``, ``approve``, ``policy``, ``pause`` and ``resume``: a person's decisions on what the worker does next."""

from __future__ import annotations

import difflib
import getpass
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import date
from typing import Any

from pydantic import ValidationError

from timus_autotask.cli.command import DEFAULT
from timus_autotask.cli.failure import USAGE, Failed
from timus_autotask.cli.mapping import known
from timus_autotask.cli.terminal import Terminal
from timus_autotask.cli.word import go_on, wake, wake_mapped, write
from timus_autotask.domain.converge.holds import AWAITING_APPROVAL
from timus_autotask.domain.line import Approved, Choice, Line
from timus_autotask.domain.policy import Policy
from timus_autotask.operate.deployment import Deployment
from timus_autotask.ports.table import Write
from timus_autotask.store.keys import PARTNER
from timus_autotask.store.records import (
    BY_SKU,
    Stored,
    Terms,
    policy_from,
    put_line,
    put_provisioning,
    put_terms,
)
from timus_autotask.sync.merge import wake_contract


def retry(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Look at a contract now, and send again what Autotask refused."""
    contract_id, store = arguments.contract_id, deployment.store
    if isinstance(contract_id, str):
        return _retry_opening(deployment, contract_id, terminal)
    records = store.contract(contract_id)
    if not records.state.rev:
        raise Failed(f"Nothing of ours is on contract {contract_id}; see: timus-autotask status")

    def changes() -> Sequence[Write]:
        refused = [stored for stored in store.contract(contract_id).lines.values() if stored.value.refusal]
        return [
            *(put_line(replace(stored.value, refusal=None), stored.rev) for stored in refused),
            wake_contract(contract_id, deployment.ports),
        ]

    write(deployment, changes)
    wake(deployment, records.state.value.customers, terminal)
    terminal.say(
        f"Contract {contract_id} is looked at now; see: timus-autotask status --contract {contract_id}"
    )
    return {"contract_id": contract_id, "woken": True}


def _retry_opening(deployment: Deployment, number: str, terminal: Terminal) -> dict[str, Any]:
    def changes() -> Sequence[Write]:
        opening = deployment.store.opening(number)
        if opening is None:
            raise Failed(f"No contract {number} is being opened; see: timus-autotask status")
        # "It is there, but not to be seen" is given up: nothing was found all the time that it may take.
        again = replace(opening.value, accepted=False)
        return [put_provisioning(again, opening.rev, deployment.clock.now().replace(microsecond=0))]

    write(deployment, changes)
    terminal.say(f"Contract {number} is looked for within a minute, and opened if it is not there.")
    return {"number": number, "woken": True}


def _line(deployment: Deployment, contract_id: int, service_id: int) -> Stored[Line]:
    found = deployment.store.contract(contract_id).lines.get(service_id)
    if found is None:
        raise Failed(
            f"There is no line of ours with service {service_id} on contract {contract_id}; see: timus-autotask status"
        )
    return found


def drift(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Decide about a line whose units somebody else changed."""
    contract_id, service_id = arguments.contract_id, arguments.service_id
    choice = Choice.ENFORCE if arguments.enforce else Choice.ADOPT

    def decidable() -> Stored[Line]:
        found = _line(deployment, contract_id, service_id)
        parked = found.value.parked
        if parked is None or parked.code not in ("drift", "outcome-unclear"):
            raise Failed(
                f"Service {service_id} on contract {contract_id} is {found.value.state.value}"
                + (f" ({parked.message})" if parked else "")
                + ", so there is no drift to decide about."
            )
        return found

    def changes() -> Sequence[Write]:
        found = decidable()
        return [
            put_line(replace(found.value, choice=choice), found.rev),
            wake_contract(contract_id, deployment.ports),
        ]

    found = decidable()
    if found.value.parked:
        terminal.say(found.value.parked.message)
    written, shown = go_on(deployment, arguments, terminal, [contract_id], changes)
    if written:
        wake(deployment, deployment.store.contract(contract_id).state.value.customers, terminal)
        done = {
            Choice.ENFORCE: "The line is brought back to what Timus says.",
            Choice.ADOPT: "The difference stays, on top of what Timus says.",
        }
        terminal.say(done[choice], style="green")
    return {
        "contract_id": contract_id,
        "service_id": service_id,
        "choice": choice.value,
        "written": written,
        "preview": shown,
    }


def approve(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Let one held adjustment go, exactly as it is shown."""
    contract_id, service_id = arguments.contract_id, arguments.service_id
    by = arguments.by or _user()

    def held() -> tuple[Stored[Line], Approved]:
        found = _line(deployment, contract_id, service_id)
        parked = found.value.parked
        if parked is None or parked.code not in AWAITING_APPROVAL:
            state = found.value.state.value + (f" ({parked.message})" if parked else "")
            raise Failed(
                f"Service {service_id} on contract {contract_id} is {state}, so there is nothing to approve."
            )
        if "delta" not in parked.facts or parked.code == "paused":
            raise Failed(f"{parked.message} What lets it go on: {parked.remedy}")
        facts = parked.facts
        return found, Approved(date.fromisoformat(str(facts["day"])), int(facts["delta"]), by)

    def changes() -> Sequence[Write]:
        found, approved = held()
        return [
            put_line(replace(found.value, approved=(*found.value.approved, approved)), found.rev),
            wake_contract(contract_id, deployment.ports),
        ]

    found, approved = held()
    if found.value.parked:
        terminal.say(found.value.parked.message)
    written, shown = go_on(deployment, arguments, terminal, [contract_id], changes)
    if written:
        wake(deployment, deployment.store.contract(contract_id).state.value.customers, terminal)
        terminal.say(f"Approved by {by}: {approved.delta:+d} on {approved.day}.", style="green")
    return {
        "contract_id": contract_id,
        "service_id": service_id,
        "day": approved.day,
        "unit_change": approved.delta,
        "by": by,
        "written": written,
        "preview": shown,
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


# -- The partner's terms


def policy_show(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """The terms in force, and who set them."""
    return _show_policy(deployment, arguments.customer, terminal)


def _terms(deployment: Deployment, customer: str | None) -> tuple[Mapping[str, Any], Stored[Terms]]:
    """The partner's terms, and those that are asked about."""
    partner = deployment.store.partner().terms
    if customer is None:
        return {}, partner
    return partner.value.values, deployment.store.customer(customer).terms or Stored(Terms())


def _show_policy(deployment: Deployment, customer: str | None, terminal: Terminal) -> dict[str, Any]:
    below, own = _terms(deployment, customer)
    terms = own.value
    policy = asdict(policy_from(below, terms.values))

    def origin(key: str) -> str:
        if key in terms.values:
            return customer or "partner"
        return "partner" if key in below else "default"

    terminal.table(
        ("policy", "value", "set by"),
        [(key, _words(value), origin(key)) for key, value in policy.items()],
        empty="",
    )
    if terms.at:
        terminal.say(f"Set on {terms.at:%Y-%m-%d %H:%M} UTC" + (f" by {terms.by}." if terms.by else "."))
    for former in reversed(terms.earlier):
        held = f"until {former.until}" if former.until > date.min else "never billed"
        said = ", ".join(f"{key}={_words(value)}" for key, value in former.values.items()) or "nothing set"
        terminal.say(f"Before ({held}{f', set by {former.by}' if former.by else ''}): {said}")
    return {
        "customer": customer,
        "policy": policy,
        "set": dict(terms.values),
        "revision": own.rev,
        "set_by": terms.by,
        "set_at": terms.at,
        "earlier": [asdict(former) for former in terms.earlier],
    }


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items() if each is not None) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def policy_set(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Change terms, and have every contract that they concern looked at."""
    customer = arguments.customer

    def changes() -> Sequence[Write]:
        below, own = _terms(deployment, customer)
        terms = dict(own.value.values)
        named = [_ordered(terms, order) for order in arguments.orders]
        if customer is not None and (everybodys := [key for key in named if key in _EVERYBODYS]):
            raise Failed(
                f"The policy {everybodys[0]} is for all customers together: leave --customer out.", USAGE
            )
        try:
            policy = asdict(policy_from(below, terms))
        except ValidationError as invalid:
            raise Failed(f"Nothing was changed. {_in_words(invalid)}", USAGE) from None
        canonical = {key: policy[key] for key in named if key in terms}
        return [put_terms(customer, changed(own.value, {**terms, **canonical}), own.rev)]

    def changed(terms: Terms, values: Mapping[str, Any]) -> Terms:
        return terms.changed(values, arguments.by or _user(), deployment.clock.now(), first_day)

    first_day = arguments.first_day
    if first_day is DEFAULT:
        posted = any(line.adjusted for line in deployment.store.lines())
        first_day = deployment.today if posted else None
    if first_day and first_day > deployment.today:
        raise Failed(
            "Terms change today or on a day before; set those of a later day when it has come.", USAGE
        )
    write(deployment, changes)
    _take_effect(deployment, customer, terminal)
    return _show_policy(deployment, customer, terminal)


_KEYS = {field.name: field for field in fields(Policy)}
_APPROVALS = ("approve_increases", "approve_decreases")
_APPROVAL = "The policy {key} is always, never, or for large changes only: {key}.above_units=N, {key}.above_percent=N."
_EVERYBODYS = ("partner_day_limit", "pooled_minimum")
_DEFAULTS = asdict(Policy())


def _ordered(terms: dict[str, Any], order: str) -> str:
    """Carry out one ``KEY=VALUE`` on the terms; returns the key."""
    path, equals, text = order.partition("=")
    key, _, inner = path.partition(".")
    if not equals:
        raise Failed(f"{order}: write KEY=VALUE, or KEY= to go back to the default.", USAGE)
    if key == "paused":
        raise Failed("Use timus-autotask pause and timus-autotask resume.", USAGE)
    if key not in _KEYS:
        near = difflib.get_close_matches(key, _KEYS, 1)
        raise Failed(
            f"There is no policy {key}"
            + (f"; did you mean {near[0]}?" if near else f". There are: {', '.join(_KEYS)}."),
            USAGE,
        )
    if inner and key not in (*BY_SKU, *_APPROVALS):
        raise Failed(f"The policy {key} has no parts: write {key}=VALUE.", USAGE)
    if key in BY_SKU and not inner and text:
        raise Failed(f"The policy {key} is set for a SKU: write {key}.SKU=VALUE.", USAGE)
    if inner:
        parts = {**terms.get(key, {})}
        parts.pop(inner, None)
        if text:
            parts[inner] = text
        if inner not in _DEFAULTS["approve_increases"] and key in _APPROVALS:
            raise Failed(_APPROVAL.format(key=key), USAGE)
        terms[key] = parts
    elif not text:
        terms.pop(key, None)
    elif key in _APPROVALS:
        if text not in ("always", "never"):
            raise Failed(_APPROVAL.format(key=key), USAGE)
        terms[key] = {"above_units": 0} if text == "always" else {}
    elif isinstance(_DEFAULTS[key], tuple):
        terms[key] = [each.strip() for each in text.split(",") if each.strip()]
    else:
        terms[key] = None if text == "none" else text
    return key


def _in_words(invalid: ValidationError) -> str:
    clauses = [
        f"{'.'.join(map(str, error['loc'])) or 'The policy'}: {error['msg'].removeprefix('Value error, ')}"
        for error in invalid.errors(include_url=False)
    ]
    return "; ".join(clauses) + "."


def pause(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Post nothing until ``resume``; events are taken in as ever."""
    return _pause(deployment, arguments.customer, terminal, paused=True)


def resume(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Go on after ``pause``."""
    return _pause(deployment, arguments.customer, terminal, paused=False)


def _pause(
    deployment: Deployment, customer: str | None, terminal: Terminal, *, paused: bool
) -> dict[str, Any]:
    def changes() -> Sequence[Write]:
        _, own = _terms(deployment, customer)
        values = {key: value for key, value in own.value.values.items() if key != "paused"}
        # No history: a pause changes when something is posted, and never what is billed.
        terms = replace(own.value, values=values | ({"paused": True} if paused else {}))
        return [put_terms(customer, terms, own.rev)]

    write(deployment, changes)
    contracts = _take_effect(deployment, customer, terminal)
    whose = customer or "everybody"
    terminal.say(
        f"Changes are paused for {whose}." if paused else f"Changes go on for {whose}.", style="green"
    )
    others = sorted(
        d.sort
        for d in deployment.table.list("policy")
        if d.data["values"].get("paused") is True and d.key.pk != PARTNER
    )
    if not paused and customer is None and others:
        terminal.say(f"Still paused on their own: {', '.join(others)}.")
    partner = policy_from(deployment.store.partner().terms.value.values).paused
    if not paused and customer is not None and partner:
        terminal.say("Everybody is still paused: timus-autotask resume")
    return {"customer": customer, "paused": paused, "contracts": contracts}


def _take_effect(deployment: Deployment, customer: str | None, terminal: Terminal) -> list[int]:
    if customer and not known(deployment.store.customer(customer)):
        terminal.say(f"Note: Timus has not told of a customer {customer} yet.")
    mapped = [customer] if customer else [mapping.customer_id for mapping in deployment.store.mappings()]
    return wake_mapped(deployment, mapped, terminal)
