"""Use cases: the partner's terms, for everybody or for one customer. A change is proposed first, with the adjustments that would follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any

from timus_autotask.domain.line import Line
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.provisioning import first_contract
from timus_autotask.domain.terms import BY_SKU, FormerTerms, Terms
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import did_you_mean, require_customer, require_skus
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import Senseless, Way
from timus_autotask.store.codec import problems_of
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.reading import RecordUnreadable, Stored, Unreadable
from timus_autotask.store.records import Store
from timus_autotask.store.terms import policy_from, put_terms
from timus_autotask.store.update import update
from timus_autotask.sync.gather import customer_from
from timus_autotask.sync.merge import wake_contracts
from timus_autotask.sync.ports import Ports
from timus_autotask.watch.status import Each, Records, desired_of, partner_policy, policies_on, shared_words

# -- What is in force


@dataclass(frozen=True, slots=True)
class TermsInForce:
    """The terms of everybody, or of one customer, with who set them."""

    customer: str | None
    policy: Policy
    origins: Mapping[str, str]
    """By term: the customer who has it set, ``partner`` or ``default``."""
    set: Mapping[str, Any]
    """What was said here, and not taken from the partner or the defaults."""
    revision: int
    set_by: str = ""
    set_at: datetime | None = field(default=None, compare=False)
    """Of a proposal, when somebody looked at it: one that shows the same later is the same."""
    earlier: tuple[FormerTerms, ...] = ()
    """Oldest first."""
    changed: Mapping[str, tuple[Any, Any]] | None = None
    """By term, from → to: what a proposal changes."""
    first_day: date | None = None
    """From when on a proposal changes them; None: as if they had always held so."""
    shared: tuple[str, ...] = ()
    """The lines that the customer shares, and whose terms count there."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        changed = self.changed
        return {
            "customer": self.customer,
            "policy": asdict(self.policy),
            "set": dict(self.set),
            "revision": self.revision,
            "set_by": self.set_by,
            "set_at": self.set_at,
            "earlier": [asdict(former) for former in self.earlier],
            "shared": [*self.shared],
            **(
                {}
                if changed is None
                else {
                    "changed": {name: {"from": a, "to": b} for name, (a, b) in changed.items()},
                    "first_day": self.first_day,
                }
            ),
        }


def terms_in_force(store: Store, customer: str | None) -> TermsInForce:
    """The terms, as they hold for changes of today."""
    below, own = _own(store, customer)
    return _in_force(customer, below, own)


def with_shared_lines(found: TermsInForce, deployment: Deployment) -> TermsInForce:
    """The same, with the lines on which others' terms count too."""
    return replace(found, shared=_shared_lines(deployment, found.customer)) if found.customer else found


def _shared_lines(deployment: Deployment, customer: str) -> tuple[str, ...]:
    """The lines that a customer shares, in words."""
    store, today = deployment.store, deployment.today
    mapping = store.customer(customer).mapping
    contracts = {one: store.contract(one) for one in (mapping.value.contract_ids if mapping else ())}
    ids = {customer, *(one for contract in contracts.values() for one in contract.state.value.customers)}
    customers = {one: store.customer(one) for one in sorted(ids)}
    records = Records(0, (), customers, contracts, store.partner(), ())
    known, wanted = desired_of(records, today)
    found = []
    for key, demand in sorted(wanted.demands.items()):
        stored = (
            contracts[key.contract_id].lines.get(key.service_id) if key.contract_id in contracts else None
        )
        line = stored.value if stored else Line(key.contract_id, key.service_id)
        policies = policies_on(demand, line, known, today)
        shared = shared_words(policies, partner_policy(records), customer) if customer in policies else None
        found += [f"Contract {key.contract_id}, service {key.service_id}: {shared}."] if shared else []
    return tuple(found)


def in_words(value: Any) -> str:
    """A value of a term, as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={each}" for name, each in value.items() if each is not None) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def all_in_words(values: Mapping[str, Any]) -> str:
    """Terms with their values, on one line."""
    return ", ".join(f"{name}={in_words(value)}" for name, value in values.items()) or "nothing set"


def _own(store: Store, customer: str | None) -> tuple[Mapping[str, Any], Stored[Terms]]:
    """What lies below (the partner's terms for a customer's), and the terms themselves."""
    partner = store.partner().terms
    if customer is None:
        return {}, partner
    return partner.value.values, store.customer(customer).terms or Stored(Terms())


def _in_force(
    customer: str | None,
    below: Mapping[str, Any],
    own: Stored[Terms],
    changed: Mapping[str, tuple[Any, Any]] | None = None,
) -> TermsInForce:
    terms = own.value
    policy = policy_from(below, terms.values)

    def origin(name: str) -> str:
        if name in terms.values:
            return customer or "partner"
        return "partner" if name in below else "default"

    return TermsInForce(
        customer=customer,
        policy=policy,
        origins={name: origin(name) for name in TERMS},
        set=terms.values,
        revision=own.rev,
        set_by=terms.by,
        set_at=terms.at,
        earlier=terms.earlier,
        changed=changed,
    )


# -- Changing them


@dataclass(frozen=True, slots=True)
class TermChange:
    """One term to be set, as a person writes it."""

    name: str
    value: str
    """Empty: back to the default."""
    key: str = ""
    """Of which SKU, or which threshold of an approval; empty: the whole term."""

    @property
    def path(self) -> str:
        """The term's name as a person writes it."""
        return f"{self.name}.{self.key}" if self.key else self.name


TERMS = {each.name: each for each in fields(Policy)}
_DEFAULTS = asdict(Policy())
_APPROVALS = ("approve_increases", "approve_decreases")
_APPROVAL = "The term {name} is always, never, or for large changes only: {name}.above_units=N, {name}.above_percent=N."
_EVERYBODYS = ("partner_day_limit", "pooled_minimum")
MOST = 2_000_000_000
"""The largest number of a term: Autotask's own ids are not larger."""
_OF_SKUS = ("excluded",)
"""Terms whose value is a list of SKUs."""


AS_THEY_ARE = "The terms are so already, so nothing follows from this. What is shown comes anyway."


def set_terms(
    deployment: Deployment,
    changes: Sequence[TermChange],
    customer: str | None,
    by: str,
    *,
    first_day: date | None = None,
    from_today_if_billed: bool = False,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[TermsInForce]:
    """Set terms from ``first_day`` on (None: as if they had always held), and have every contract that they concern looked at.

    ``from_today_if_billed``: from today on if anything that they concern is billed by us already, be it only that it was found level. ``unknown``: take SKUs and a customer that nobody knows.
    """

    def prepare() -> Prepared[TermsInForce]:
        _sensible(changes, customer)
        if first_day and first_day > deployment.today:
            raise Senseless(
                "Terms change today or on a day before; set those of a later day when it has come."
            )
        if not unknown:
            if customer is not None:
                require_customer(deployment, customer)
            require_skus(deployment, _skus_named(changes))
        since = first_day
        if from_today_if_billed and _is_billed(deployment, customer):
            since = deployment.today

        below, own = _own(deployment.store, customer)
        values, _ = _changed(below, own.value.values, changes)
        notes = () if _changes_a_day(below, own.value, values, since) else (AS_THEY_ARE,)

        def act(ports: Ports) -> TermsInForce:
            def attempt() -> TermsInForce:
                below, own = _own(ports.store, customer)
                values, changed = _changed(below, own.value.values, changes)
                now = ports.clock.now()
                terms = own.value.changed(values, by, now, since)
                detail = ", ".join(f"{change.path}={change.value}" for change in changes)
                detail += f" from {since}" if since else " as if it had always held"
                ports.store.commit(
                    put_terms(customer, terms, own.rev),
                    put_decision(
                        new_decision("policy set", (customer,) if customer else (), by, detail, ports)
                    ),
                )
                done = _in_force(customer, below, Stored(terms, own.rev + 1), changed)
                return replace(done, first_day=since)

            result = update(attempt)
            take_effect(customer, ports, deployment.each)
            return result

        return Prepared(act, notes)

    return propose(deployment, prepare, on_progress)


def _changes_a_day(
    below: Mapping[str, Any], terms: Terms, values: Mapping[str, Any], since: date | None
) -> bool:
    """Whether other terms hold on any day: today's, or those of a day before from which the new ones are to hold."""
    earlier = (one.values for one in terms.earlier if one.until > (since or date.min))
    new = policy_from(below, values)
    return any(policy_from(below, one) != new for one in (terms.values, *earlier))


def _is_billed(deployment: Deployment, customer: str | None) -> bool:
    """Whether anything of a customer, or of anybody, is billed by us already; a line that cannot be read may be.

    Before the first mapping, and as long as the stack observes, nothing is: what is set then is how it was from the beginning. A line
    that was level when it went live was billed on the terms that held then, although nothing was adjusted.
    """
    unreadable: list[RecordUnreadable] = []
    lines = Store(deployment.table, unreadable.append).lines()
    ours = [line for line in lines if line.is_ours]
    theirs = any(customer in (None, each) for line in ours for each, _ in line.sources)
    return theirs or bool(unreadable)


def _sensible(changes: Sequence[TermChange], customer: str | None) -> None:
    """Raise :class:`Senseless` for a term that there is not, or that cannot be written like this."""
    for change in changes:
        name = change.name
        _not_beyond_belief(change)
        _no_pause(change, customer)
        if name not in TERMS:
            meant = did_you_mean(name, TERMS)
            raise Senseless(
                f"There is no term {name}" + (meant if meant != "." else f". There are: {', '.join(TERMS)}.")
            )
        if change.key and name not in (*BY_SKU, *_APPROVALS):
            raise Senseless(f"The term {name} has no parts: write {name}=VALUE.")
        if name in BY_SKU and not change.key and change.value:
            raise Senseless(f"The term {name} is set for a SKU: write {name}.SKU=VALUE.")
        if name in _APPROVALS and not _approval_is_sensible(change):
            raise Senseless(_APPROVAL.format(name=name))
        if customer is not None and name in _EVERYBODYS:
            raise Senseless(f"The term {name} is for all customers together.", Way.EVERYBODY)


def _no_pause(change: TermChange, customer: str | None) -> None:
    if change.name == "paused":
        pauses = change.value.strip().lower() in ("true", "yes", "on", "1")
        raise Senseless(
            "A pause is no term to be set.", Way.PAUSE if pauses else Way.RESUME, what=customer or ""
        )


def _not_beyond_belief(change: TermChange) -> None:
    if change.value.lstrip("-").isdigit() and abs(int(change.value)) > MOST:
        raise Senseless(f"{change.path} is {change.value}, which is more than {MOST:,}: it cannot be meant.")


def _approval_is_sensible(change: TermChange) -> bool:
    if change.key:
        return change.key in _DEFAULTS[change.name]
    return change.value in ("", "always", "never")


def _skus_named(changes: Sequence[TermChange]) -> set[str]:
    """SKUs for which something is set; what goes back to the default may be of a SKU that nobody knows any more."""
    parts = {change.key for change in changes if change.name in BY_SKU and change.key and change.value}
    lists = {sku for change in changes if change.name in _OF_SKUS for sku in _listed(change.value)}
    return parts | lists


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]


def _changed(
    below: Mapping[str, Any], present: Mapping[str, Any], changes: Sequence[TermChange]
) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """The values with the changes, as they are stored, and what is another by it. Raises :class:`Senseless`, and ``TermsUnreadable`` of what is stored."""
    before = asdict(policy_from(below, present))
    values = dict(present)
    for change in changes:
        _set(values, change)
    try:
        policy = asdict(policy_from(below, values))
    except ValueError as invalid:
        raise Senseless(f"Nothing was changed: {'; '.join(problems_of(invalid))}.") from None
    named = dict.fromkeys(change.name for change in changes)
    for name in named.keys() & values.keys():
        # Of a term by SKU only what these terms say themselves is stored: what is below them may change.
        own = values[name].keys() if name in BY_SKU else None
        values[name] = policy[name] if own is None else {sku: policy[name][sku] for sku in own}
    return values, {name: (before[name], policy[name]) for name in named if before[name] != policy[name]}


def _set(values: dict[str, Any], change: TermChange) -> None:
    name, value = change.name, change.value
    if change.key:
        parts = {**values.get(name, {})}
        parts.pop(change.key, None)
        values[name] = {**parts, change.key: value} if value else parts
        if not values[name] and name in BY_SKU:
            del values[name]
    elif not value:
        values.pop(name, None)
    elif name in _APPROVALS:
        values[name] = {"above_units": 0} if value == "always" else {}
    elif isinstance(_DEFAULTS[name], tuple):
        values[name] = _listed(value)
    else:
        values[name] = None if value == "none" else value


def take_effect(customer: str | None, ports: Ports, each: Each = map) -> tuple[int, ...]:
    """Make due every contract that the terms concern, also those that are still to be opened; returns the contracts."""
    store = ports.store
    customers = [customer] if customer else sorted({mapping.customer_id for mapping in store.mappings()})

    def one(customer_id: str) -> tuple[int, ...]:
        def attempt() -> tuple[int, ...]:
            records = store.customer(customer_id)
            contracts = records.mapping.value.contract_ids if records.mapping else ()
            if contracts:
                store.commit(*wake_contracts(customer_id, contracts, ports))
            elif records.mapping:
                _wake_opening(records, ports)
            return contracts

        try:
            return update(attempt)
        except Unreadable as error:
            if customer is not None:
                raise
            if isinstance(error, RecordUnreadable):
                store.on_unreadable(error)
            return ()  # no worker does anything for this one, and the others go on

    woken = {contract for contracts in each(one, customers) for contract in contracts}
    wake(customers, ports)
    return tuple(sorted(woken))


def _wake_opening(records: CustomerRecords, ports: Ports) -> None:
    """A contract that a customer is to be opened is looked at now; it might wait for the next hour otherwise."""
    wanted = first_contract(customer_from(records, ports.store.partner().terms.value), ports.today())
    provisioning = ports.store.provisioning(wanted.number) if wanted else None
    if provisioning is not None:
        now = ports.clock.now().replace(microsecond=0)
        ports.store.commit(put_provisioning(provisioning.value, provisioning.rev, now))


# -- Pause


@dataclass(frozen=True, slots=True)
class Paused:
    """Whether changes are held back, for everybody or for a customer."""

    customer: str | None
    paused: bool
    contracts: tuple[int, ...]
    """That are looked at because of it."""
    others: tuple[str, ...] = ()
    """Customers who are paused on their own."""
    everybody: bool = False
    """Whether everybody is paused."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"customer": self.customer, "paused": self.paused, "contracts": [*self.contracts]}


def pause(deployment: Deployment, customer: str | None, by: str, *, unknown: bool = False) -> Paused:
    """Make no adjustment until ``resume``; events are still taken in. No adjustment follows, so it is done at once."""
    if customer is not None and not unknown:
        require_customer(deployment, customer)
    return _pause(customer, by, True, deployment.ports, deployment.each)


def resume(
    deployment: Deployment,
    customer: str | None,
    by: str,
    *,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[Paused]:
    """Go on after ``pause``."""

    def prepare() -> Prepared[Paused]:
        if customer is not None and not unknown:
            require_customer(deployment, customer)
        return Prepared(lambda ports: _pause(customer, by, False, ports, deployment.each))

    return propose(deployment, prepare, on_progress)


def _pause(customer: str | None, by: str, paused: bool, ports: Ports, each: Each) -> Paused:
    def attempt() -> None:
        _, own = _own(ports.store, customer)
        terms = own.value.pause(by, ports.clock.now()) if paused else own.value.resume()
        decision = new_decision(
            "pause" if paused else "resume", (customer,) if customer else (), by, "", ports
        )
        ports.store.commit(put_terms(customer, terms, own.rev), put_decision(decision))

    update(attempt)
    contracts = take_effect(customer, ports, each)
    everybody = ports.store.partner().terms.value.paused
    others = sorted(id_ for id_, terms in ports.store.terms() if terms.paused and id_ != customer)
    return Paused(customer, paused, contracts, tuple(others), everybody)
