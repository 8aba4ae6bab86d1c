"""What is stored for all customers: the services of the SKUs, whether Autotask may be asked, the units that were changed today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil

from timus_autotask.domain.converge.view import ChangedUnits
from timus_autotask.domain.mapping import PlanMapping
from timus_autotask.domain.stage import Stage
from timus_autotask.domain.terms import Terms
from timus_autotask.ports.errors import AutotaskError, CredentialsRefused, RetryLater
from timus_autotask.ports.table import Document, Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.reading import (
    RecordUnreadable,
    Stored,
    read_as,
    readable_or,
    require_whole,
    seconds_of,
)
from timus_autotask.store.terms import stored_stage, terms_in
from timus_autotask.store.troubles import InHand, in_hand_in

MANY_FAILING = 5
"""So many contracts in a row whose requests failed mean that the service is at fault, and no longer each contract for itself."""
MOST_REFUSED = 8
"""API users that Autotask refused, as far as they are remembered."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Whether Autotask may be asked at all."""

    open_until: datetime | None = None
    reason: str = ""
    credentials: bool = False
    """The credentials were refused: asking on would lock the account."""
    since: datetime | None = None
    refused: Mapping[str, datetime] = field(default_factory=dict)
    """When Autotask refused which API users, by their fingerprints; the last ``MOST_REFUSED``. None is tried twice by itself."""
    failing: tuple[int, ...] = ()
    """Contracts whose own requests failed one after the other, while none went well; no more than ``MANY_FAILING``."""
    pauses: int = 0
    """How often in a row it was opened because of them."""

    def opened(self, now: datetime, until: datetime, reason: str, *, credentials: bool = False) -> Circuit:
        """The same, while nobody asks Autotask until then, and why."""
        return replace(
            self, open_until=until, reason=reason, credentials=credentials, since=self.since or now
        )

    def with_failing(self, contract_id: int) -> Circuit:
        """The same, with one more contract whose requests failed."""
        if contract_id in self.failing or self.many_fail:
            return self
        return replace(self, failing=(*self.failing, contract_id))

    @property
    def many_fail(self) -> bool:
        """Whether so many contracts failed in a row that others would, too."""
        return len(self.failing) >= MANY_FAILING

    def without_failing(self) -> Circuit:
        """The same, after a contract's requests went well."""
        return replace(self, failing=(), pauses=0)

    def open(self, now: datetime) -> bool:
        """Nobody asks Autotask before ``open_until``."""
        return self.open_until is not None and now < self.open_until

    def signed_out(self, now: datetime) -> bool:
        """Nobody asks Autotask, because it refused the API user: waiting alone does not help."""
        return self.credentials and self.open(now)

    @property
    def message(self) -> str:
        """For people, while it is open: until when Autotask is not asked, and why."""
        return f"it is not asked before {self.open_until:%H:%M} UTC: {self.reason.rstrip('.')}"

    def refusal(self, now: datetime) -> AutotaskError | None:
        """What who asks Autotask is answered while nobody is to; None: it may be asked."""
        if not self.open(now) or self.open_until is None:
            return None
        if self.signed_out(now):
            return CredentialsRefused(self.message)
        return RetryLater(ceil((self.open_until - now).total_seconds()), self.message, everywhere=True)

    def with_refused(self, fingerprint: str, at: datetime) -> Circuit:
        """The same, with one more who was refused (``""``: nobody)."""
        if not fingerprint:
            return self
        others = [(who, when) for who, when in self.refused.items() if who != fingerprint]
        return replace(self, refused=dict([*others, (fingerprint, at)][-MOST_REFUSED:]))

    def without_refused(self, fingerprint: str) -> Circuit:
        """The same, without one who is let in again."""
        return replace(self, refused={who: at for who, at in self.refused.items() if who != fingerprint})


@dataclass(frozen=True, slots=True)
class Waking:
    """How far it came to wake the customers who have a SKU, one after the other by id."""

    after: str = ""
    """Customers with an id up to this one were woken."""
    left: tuple[str, ...] = ()
    """But these: something failed, and they are tried again after all others."""


@dataclass(frozen=True, slots=True)
class StoredPlan(Stored[PlanMapping]):
    """The service of a SKU, and how far the customers know of it."""

    waking: Waking | None = None
    """Set while some of them were woken and not all; whoever writes the plan anew leaves it out, so that all are woken again."""


@dataclass(frozen=True, slots=True)
class PartnerRecords:
    """What holds for all customers, in one read."""

    plans: Mapping[str, StoredPlan] = field(default_factory=dict)
    terms: Stored[Terms] = Stored(Terms())  # noqa: RUF009 - it is frozen
    circuit: Stored[Circuit] = Stored(Circuit())  # noqa: RUF009 - it is frozen
    changed_today: Stored[ChangedUnits] = Stored(ChangedUnits())  # noqa: RUF009 - it is frozen
    stage: Stored[Stage] | None = None
    """None: nobody has decided yet; see ``sync.stage``."""
    in_hand: Stored[InHand] | None = None
    """What a sweep has begun; None: none is at work, or it has begun nothing that could hold up others."""
    unreadable: Mapping[str, RecordUnreadable] = field(default_factory=dict)
    """By sort key: what of it cannot be read."""

    @property
    def plan_mappings(self) -> dict[str, PlanMapping]:
        """Every SKU's services, as they hold for everybody."""
        return {sku: stored.value for sku, stored in self.plans.items()}

    def plan(self, sku: str) -> StoredPlan:
        """The service of a SKU; one that is not stored is fresh. Raises ``RecordUnreadable``."""
        unreadable = self.unreadable_plan([sku])
        if unreadable is not None:
            raise unreadable
        return self.plans.get(sku, StoredPlan(PlanMapping(sku)))

    def looks(self, now: datetime) -> Looks:
        """What is known of each SKU's service, and whether it is looked for again now."""
        return {sku: (plan.value, looked_for(plan, now)) for sku, plan in self.plans.items()}

    def unreadable_plan(self, skus: Iterable[str]) -> RecordUnreadable | None:
        """Why it is not known which service one of these SKUs is."""
        return next(
            (self.unreadable[key.sk] for key in map(keys.plan_key, skus) if key.sk in self.unreadable), None
        )


Looks = Mapping[str, tuple[PlanMapping, bool]]
"""By SKU: what is known of its service, and whether it is looked for again."""


def looked_for(plan: StoredPlan, now: datetime) -> bool:
    """Whether it is time to look again for a service that was not found: not while customers are woken for another reason."""
    return plan.due(now) and plan.waking is None and is_missing(plan.value)


def is_missing(plan: PlanMapping) -> bool:
    """Whether a SKU is to have a service and has none."""
    return not plan.choices and not plan.ignored


WAKING = "waking"
"""Under which name it stands beside a plan's own fields how far the customers were woken."""
_PLAN, _WAKING = Codec(PlanMapping), Codec(Waking)
_CIRCUIT = Codec(Circuit)
_CHANGED_TODAY = Codec(ChangedUnits)

plan_in = _PLAN.load
"""The service of a SKU."""
circuit_in = _CIRCUIT.load
"""Whether Autotask may be asked."""
changed_today_in = _CHANGED_TODAY.load
"""Units that were changed on a day."""


def partner_in(documents: Iterable[Document]) -> PartnerRecords:
    """The records that the partner's documents hold, with what of them cannot be read."""
    plans: dict[str, StoredPlan] = {}
    terms: Stored[Terms] = Stored(Terms())
    circuit, changed = Stored(Circuit()), Stored(ChangedUnits())
    stage: Stored[Stage] | None = None
    in_hand: Stored[InHand] | None = None
    unreadable: dict[str, RecordUnreadable] = {}
    for document in documents:
        sk = document.key.sk
        try:
            require_whole(document.key)
            if sk.startswith(keys.PLAN):
                plan = _stored_plan(document)
                plans[plan.value.sku] = plan
            elif sk == keys.POLICY:
                terms = Stored(read_as(terms_in, document), document.rev)
            elif sk == keys.LIVE:
                stage = stored_stage(document)
            elif document.key == keys.CIRCUIT:
                circuit = readable_or(Circuit(), circuit_in, document)
            elif document.key == keys.IN_HAND:
                in_hand = readable_or(InHand("", ""), in_hand_in, document)
            elif document.key == keys.MOVED:
                changed = Stored(read_as(changed_today_in, document), document.rev)
        except RecordUnreadable as error:
            unreadable[sk] = error
    return PartnerRecords(plans, terms, circuit, changed, stage, in_hand, unreadable)


def _stored_plan(document: Document) -> StoredPlan:
    plan = read_as(plan_in, document)
    waking = document.data.get(WAKING)
    how_far = None if waking is None else read_as(lambda _: _WAKING.load(waking), document)
    return StoredPlan(plan, document.rev, document.due_at, waking=how_far)


def put_plan(
    plan: PlanMapping, expected: int, due_at: datetime | None = None, waking: Waking | None = None
) -> Put:
    """Store the service of a SKU; ``due_at`` makes the sweep look at it. ``waking``: how far the customers were woken who have it."""
    how_far = {} if waking is None else {WAKING: _WAKING.dump(waking)}
    return Put(
        keys.plan_key(plan.sku),
        {**_PLAN.dump(plan), **how_far},
        expected,
        due_at=seconds_of(due_at),
        kind="plan",
        sort=plan.sku,
    )


def put_circuit(circuit: Circuit, expected: int) -> Put:
    """Store whether Autotask may be asked."""
    return Put(keys.CIRCUIT, _CIRCUIT.dump(circuit), expected)


def put_changed_today(changed: ChangedUnits, expected: int) -> Put:
    """Store how many units were changed on a day."""
    return Put(keys.MOVED, _CHANGED_TODAY.dump(changed), expected)
