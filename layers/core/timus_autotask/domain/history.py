"""The history of one subscription: every version that we received, and how a new one is merged into it.

An event says how a subscription should be. The larger version is the newer one, whatever the order of arrival. A version that
arrives before a newer one was applied is kept, and the versions are replayed by day. A version that arrives after a newer one was
applied is superseded, because to follow it would reverse our own adjustment (promise I2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

from .days import ONE_DAY
from .subscription import BillingCycle, Snapshot
from .timeline import NOTHING, Timeline

T = TypeVar("T")

MOST_STRETCHES = 200
"""Stretches that are kept of one superseded event, in order of SKU and day: its document holds the body, too."""

CLOCKS_DIFFER = timedelta(seconds=5)
"""A lower version whose time is newer by no more than this is simply late: two machines that note the time differ by so much at most."""

CLOCKS_WRONG = timedelta(minutes=5)
"""A higher version counts although its time is older by up to this. A sender whose clock is wrong by more could not deliver at all
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the tolerance of a timestamp)."""

KEPT_VERSIONS = 200
"""Applied versions beyond this many are forgotten, oldest first, so that a history does not grow for ever."""

FORGOTTEN_AT_ONCE = 50
"""Fewer are not forgotten yet: what older versions are stored in is then written again with every fiftieth version, and not with each."""


@dataclass(frozen=True, slots=True)
class Version:
    """A subscription at one version, with its effective day as decided once when it was merged."""

    number: int
    day: date
    """First day on which it holds: the partner's local day of ``effective_at``."""
    items: tuple[tuple[str, int], ...]
    status: str
    cancel_at: date | None
    term_end: date | None
    event_id: str
    event_type: str
    """As Timus calls it, for people."""
    actor: str | None = None
    occurred_at: datetime | None = None
    """When it happened at Timus; None: it was merged by an earlier version, which did not keep it."""
    received_at: datetime | None = None
    """When it arrived here; None: it was merged by an earlier version, which did not keep it."""
    renews: bool = False
    """The event said that its term is a renewed one."""

    @property
    def billed(self) -> bool:
        """A trial is never billed; past due is billed as active; cancelled at a date is billed until then."""
        return self.status in ("active", "past_due") or (
            self.status == "canceled" and self.cancel_at is not None
        )

    def quantity(self, sku: str) -> int:
        """Units of a SKU that are billed from ``day`` on, until ``ends``."""
        return 0 if self._is_over else next((units for one, units in self.items if one == sku), 0)

    @property
    def units(self) -> dict[str, int]:
        """Units by SKU that are billed from ``day`` on, until ``ends``."""
        return {} if self._is_over else dict(self.items)

    @property
    def _is_over(self) -> bool:
        """Whether nothing of it is billed on any day."""
        return not self.billed or (self.cancel_at is not None and self.cancel_at <= self.day)

    @property
    def having(self) -> frozenset[str]:
        """The SKUs that are billed from ``day`` on."""
        return frozenset(sku for sku, units in self.units.items() if units)

    @property
    def ends(self) -> date | None:
        """The first day on which nothing is billed any more; never before the version itself holds (promise I5)."""
        return None if self.cancel_at is None else max(self.cancel_at, self.day)

    def is_out_of_order(self, other: Version, apart: timedelta) -> bool:
        """True if the numbers say that this version is the older one, while the times say that it is newer by more than ``apart``."""
        if self.occurred_at is None or other.occurred_at is None:
            return False
        return self.number < other.number and self.occurred_at - other.occurred_at > apart

    def contradicts(self, other: Version, apart: timedelta) -> bool:
        """True if a version is out of order, and it matters which of the two counts.

        Timus's counter began again, or two senders count. Which state counts does not show in the two; what makes no difference is no matter.
        """
        return self.is_out_of_order(other, apart) and not self.adds_nothing_to(other)

    def repeats(self, other: Version) -> bool:
        """True if another version of this number brings nothing new, its time included."""
        if not self.says_the_same(other):
            return False
        if self.occurred_at is None or other.occurred_at is None:
            return True
        return other.occurred_at - self.occurred_at <= CLOCKS_DIFFER

    @property
    def state(self) -> tuple[object, ...]:
        """Everything that bills, but for the day from which it holds."""
        return self.items, self.status, self.cancel_at, self.term_end

    def adds_nothing_to(self, other: Version) -> bool:
        """True if this state holds after the other one anyway, from the same day or later."""
        return self.state == other.state and self.day >= other.day

    def says_the_same(self, other: Version) -> bool:
        """True if two versions of one number agree in everything that is billed."""
        return (self.day, self.items, self.status, self.cancel_at, self.term_end) == (
            other.day,
            other.items,
            other.status,
            other.cancel_at,
            other.term_end,
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """A version that changed what a line should have, with all that a journal keeps of its event: the event itself is kept for 400 days."""

    subscription_id: str
    number: int
    day: date
    """Its effective day."""
    event_id: str
    occurred_at: datetime | None = None
    """When it happened at Timus, if it was kept."""
    received_at: datetime | None = None
    """When it arrived here, if it was kept."""
    actor: str | None = None
    """Who made it, as Timus names them."""
    customer_id: str = ""
    sku: str = ""
    before: int = 0
    """Timus's quantity of the SKU by the version before it."""
    after: int = 0
    """And by this one."""
    ends: date | None = None
    """The first day on which nothing is billed any more, if it was cancelled."""


def newest_versions(causes: Iterable[Cause]) -> dict[str, int]:
    """By subscription: the newest of these versions."""
    return {cause.subscription_id: cause.number for cause in sorted(causes, key=lambda one: one.number)}


def ending_after(causes: Iterable[Cause], day: date) -> tuple[Cause, ...]:
    """Those by which something ends after a day. No later adjustment names them again, so they stay with one of that day."""
    return tuple(one for one in causes if one.ends is not None and one.ends > day)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A Timus subscription as far as we know it. ``versions`` are in order of number."""

    id: str
    customer_id: str
    versions: tuple[Version, ...]
    floor: int = 0
    """The newest version that was adjusted for, or for which a line was found level. Older versions that arrive now are superseded."""
    customer_name: str = ""
    billing_cycle: BillingCycle = "monthly"
    restarts: tuple[Restart, ...] = ()
    """In order of time."""
    gone: tuple[str, ...] = ()
    """SKUs that only superseded versions had, sorted."""
    customer_domain: str = ""
    """The customer's web domain, as Timus says it."""
    moved_to: str = ""
    """The customer whose it is since the newest version, as a person confirmed (see :func:`moved`); empty: still this one's."""
    since: date | None = None
    """The first day on which it is this customer's, if it was another one's before: what is dated back further holds from then on."""

    @property
    def newest(self) -> Version:
        """The version that counts."""
        return self.versions[-1]

    @property
    def skus(self) -> tuple[str, ...]:
        """Every SKU of every known version, sorted, because a SKU that disappeared still has to go to 0."""
        return tuple(sorted({*self.gone, *(sku for version in self.versions for sku, _ in version.items)}))

    def quantity(self, sku: str) -> Timeline:
        """Timus's own quantity of a SKU by day: each version holds from its day until its end, and the newest wins."""
        timeline = NOTHING
        for version in self.versions:
            timeline = timeline.set_from(version.day, version.quantity(sku))
            if version.ends is not None:
                timeline = timeline.set_from(version.ends, 0)
        return timeline

    def outlived(self, sku: str) -> Timeline:
        """What is billed of a SKU on days on which Timus says that the subscription was over already.

        The newest version was cancelled for a day before its own. It takes nothing back before its own day (promise I5).
        """
        newest, units = self.newest, self.quantity(sku)
        if not newest.billed or newest.cancel_at is None:
            return NOTHING
        days = (newest.cancel_at, *(day for day in units.days if day > newest.cancel_at))
        return Timeline.sampled((day for day in days if day < newest.day), units.at).set_from(newest.day, 0)

    def most(self) -> dict[str, int]:
        """By SKU: the most units of it that a version lists."""
        found = dict.fromkeys(self.skus, 0)
        for version in self.versions:
            for sku, units in version.items:
                found[sku] = max(found[sku], units)
        return found

    def exchanged(self) -> tuple[frozenset[str], ...]:
        """Groups of SKUs between which seats moved, as far as numbers show it.

        Some version took units off one SKU of a group and brought another about as many, perhaps by way of a third.
        """
        pairs = pairwise(self.versions)
        return joined(group for before, after in pairs for group in _exchanged_between(before, after))

    def was_billed(self, sku: str) -> bool:
        """True if some billed version lists units of the SKU, even one that was over when we first heard of it."""
        return any(version.billed and dict(version.items).get(sku) for version in self.versions)

    @property
    def renewal(self) -> Version | None:
        """The newest version that renewed the term.

        Its term ends later than that of the version before it, or its event said so: of the first version there is no earlier term to
        compare with.
        """
        term: date | None = None
        found: Version | None = None
        for version in self.versions:
            if version.term_end is None:
                continue
            if version.renews or (term is not None and version.term_end > term):
                found = version
            term = version.term_end
        return found

    @property
    def renewed_until(self) -> date | None:
        """The last billed day of a renewed term; None: no term was renewed."""
        newest = self.newest
        if self.renewal is None or newest.term_end is None or not newest.billed:
            return None
        if newest.ends is None:
            return newest.term_end
        return min(newest.term_end, newest.ends - ONE_DAY)

    def not_before(self, day: date) -> date:
        """The day, or the first one on which it is this customer's."""
        return max(day, self.since or day)

    def counted_from(self, occurred_at: datetime) -> int:
        """What is added to the version of an event that happened then: its counter may have begun again."""
        return max((one.after for one in self.restarts if one.at <= occurred_at), default=0)

    @property
    def timus_version(self) -> int:
        """The newest version as Timus counts it now."""
        return self.newest.number - max((one.after for one in self.restarts), default=0)

    def as_timus_counts(self, version: Version) -> int:
        """The number under which Timus reported a known version."""
        return version.number - (self.counted_from(version.occurred_at) if version.occurred_at else 0)

    @property
    def known_until(self) -> datetime | None:
        """When the newest known event happened, or the counter began again; None: no time is known."""
        times = [version.occurred_at for version in self.versions if version.occurred_at]
        return max((*times, *(one.at for one in self.restarts)), default=None)

    def contradicted_by(self, version: Version) -> Version | None:
        """A known version with which another one cannot agree about which of them is the newer; None: there is none.

        A lower version that comes later is questioned at once, because what is known counts meanwhile. A higher version is questioned
        only on strong evidence, because it would count. What says the same as the newest version changes nothing and is not questioned.
        """
        if version.adds_nothing_to(self.newest):
            return None
        for known in reversed(self.versions):
            if version.contradicts(known, CLOCKS_DIFFER) or known.contradicts(version, CLOCKS_WRONG):
                return known
        return None

    def believing(self, version: Version) -> Subscription:
        """The same, after a person said that a version is right which contradicts known ones.

        A lower version means that Timus began to count again. A higher one means that the times of those that it contradicts are wrong:
        they are forgotten.
        """
        wrong = [known for known in self.versions if known.contradicts(version, CLOCKS_WRONG)]
        if wrong or version.occurred_at is None:
            kept = (replace(known, occurred_at=None) if known in wrong else known for known in self.versions)
            return replace(self, versions=tuple(kept))
        return self.restarted(version.occurred_at)

    def restarted(self, at: datetime) -> Subscription:
        """The same, with versions of events that happened ``at`` or later counted on from the newest known one.

        Some of them may be known already: what said the same as the newest one was not questioned.
        """
        restart = Restart(at, self.newest.number)
        versions = (
            replace(one, number=self.as_timus_counts(one) + restart.after)
            if self._is_counted_anew(one, at)
            else one
            for one in self.versions
        )
        in_order = tuple(sorted(versions, key=lambda one: one.number))
        return replace(self, versions=in_order, restarts=(*self.restarts, restart))

    def _is_counted_anew(self, version: Version, at: datetime) -> bool:
        """True if a known version happened ``at`` or later, with a lower number than one of before."""
        if version.occurred_at is None or version.occurred_at < at:
            return False
        return any(version.is_out_of_order(known, CLOCKS_DIFFER) for known in self.versions)

    def raise_floor(self, today: date) -> Subscription:
        """Mark the versions that hold today as applied. Until the day of a later one has come, an older one may still arrive."""
        applied = max((v.number for v in self.versions if v.day <= today), default=0)
        return self if applied <= self.floor else replace(self, floor=applied)


def joined(groups: Iterable[AbstractSet[T]]) -> tuple[frozenset[T], ...]:
    """The groups, as of SKUs, those with a member in common as one."""
    found: list[frozenset[T]] = []
    for group in groups:
        touched = [one for one in found if one & group]
        found = [one for one in found if one not in touched] + [frozenset(group).union(*touched)]
    return tuple(found)


def _exchanged_between(before: Version, after: Version) -> Iterator[frozenset[str]]:
    """Each SKU that fell, with those that rose by about as much.

    What a version lists counts, also if it is not billed: a cancellation that is taken back with another plan exchanges plans.
    """
    old, new = dict(before.items), dict(after.items)
    deltas = {sku: new.get(sku, 0) - old.get(sku, 0) for sku in old.keys() | new.keys()}
    risen = {sku: delta for sku, delta in deltas.items() if delta > 0}
    for sku in (sku for sku, delta in deltas.items() if delta < 0):
        about = {other for other, more in risen.items() if about_as_many(-deltas[sku], more)}
        if about:
            yield frozenset({sku, *about})


def about_as_many(one: int, other: int) -> bool:
    """True if the smaller number is at least half of the larger one."""
    return max(one, other) <= 2 * min(one, other)


@dataclass(frozen=True, slots=True)
class Restart:
    """Timus began to count a subscription's versions again, as a person confirmed."""

    at: datetime
    """Events that happened then or later are counted on from ``after``."""
    after: int
    """The newest number before."""


class Merge(StrEnum):
    """What became of a snapshot."""

    MERGED = "merged"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    CONTRADICTORY = "contradictory"
    """Two states claim one version."""
    RESTARTED = "restarted"
    """Numbers and times of two versions disagree about which is the newer (see ``Subscription.contradicted_by``)."""


@dataclass(frozen=True, slots=True)
class WouldChange:
    """A stretch of days on which a superseded version would have given a SKU other units."""

    sku: str
    first: date
    until: date | None
    """The first day on which it makes no difference any more; None: it does for ever."""
    units: int
    instead_of: int | None
    """The units without it; None if no version of that day or before is known."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The subscription after a snapshot, and what became of the snapshot."""

    subscription: Subscription
    outcome: Merge
    would_change: tuple[WouldChange, ...] = ()
    """Of a superseded snapshot, in order of SKU and day."""
    against: Version | None = None
    """The known version that it contradicts."""


def version_of(
    snapshot: Snapshot, day: date, counted_from: int = 0, received_at: datetime | None = None
) -> Version:
    """The snapshot as a version that holds from ``day`` on; its number goes on from ``counted_from``."""
    return Version(
        number=snapshot.version + counted_from,
        day=day,
        items=tuple(sorted(snapshot.items)),
        status=snapshot.status,
        cancel_at=snapshot.cancel_at,
        term_end=snapshot.term_end,
        event_id=snapshot.event_id,
        event_type=snapshot.event_type,
        actor=snapshot.actor,
        occurred_at=snapshot.occurred_at,
        received_at=received_at,
        renews=snapshot.renews,
    )


def merge(
    known: Subscription | None, snapshot: Snapshot, day: date, received_at: datetime | None = None
) -> Merged:
    """Merge a snapshot into the history. ``day`` is its effective day, which is stored and never decided again."""
    if known is None:
        first = Subscription(
            id=snapshot.subscription_id,
            customer_id=snapshot.customer_id,
            versions=(version_of(snapshot, day, received_at=received_at),),
            customer_name=snapshot.customer_name,
            billing_cycle=snapshot.billing_cycle,
            customer_domain=_reported_domain(snapshot),
        )
        return Merged(first, Merge.MERGED)
    day = known.not_before(day)
    version = version_of(snapshot, day, known.counted_from(snapshot.occurred_at), received_at)
    twin = next((v for v in known.versions if v.number == version.number), None)
    if twin is not None and twin.repeats(version):
        return Merged(known, Merge.DUPLICATE)
    other = known.contradicted_by(version)
    if other is not None:
        return Merged(known, Merge.RESTARTED, against=other)
    if twin is not None:
        return Merged(known, Merge.DUPLICATE if twin.says_the_same(version) else Merge.CONTRADICTORY)
    if version.number < known.floor:
        # The newer versions took its other SKUs away, and Autotask may still bill these.
        gone = {*known.gone, *(sku for sku, _ in version.items if sku not in known.skus)}
        late = replace(known, gone=tuple(sorted(gone)))
        return Merged(late, Merge.SUPERSEDED, _would_change(late, version))
    versions = _in_order(known, version)
    newest = versions[-1] is version
    grown = replace(
        known,
        versions=_without_forgotten(versions, known.floor),
        customer_name=snapshot.customer_name if newest else known.customer_name,
        billing_cycle=snapshot.billing_cycle if newest else known.billing_cycle,
        customer_domain=_reported_domain(snapshot, known) if newest else known.customer_domain,
    )
    return Merged(grown, Merge.MERGED)


def moved(
    known: Subscription,
    there: Subscription | None,
    snapshot: Snapshot,
    day: date,
    received_at: datetime | None = None,
) -> tuple[Subscription, Subscription]:
    """A subscription that is another customer's from a day on: its history under the former customer, which ends, and under the new one.

    ``there`` is what is known of it under the new one, if it was theirs before. Both get the snapshot under one number, after everything
    that is known, so an older version that comes later changes nothing under the new customer. What was billed before the day stays.
    """
    day = known.not_before(day)
    said = version_of(snapshot, day, known.counted_from(snapshot.occurred_at), received_at)
    version = replace(said, number=max(said.number, known.newest.number + 1))
    ended = replace(version, items=known.newest.items, status="canceled", cancel_at=day)
    restarts = known.restarts
    if version.number != said.number:
        restarts = (*restarts, Restart(snapshot.occurred_at, version.number - snapshot.version))
    begun = there or Subscription(snapshot.subscription_id, snapshot.customer_id, ())
    goes_on = replace(
        begun,
        versions=(*begun.versions, version),
        floor=version.number,
        customer_name=snapshot.customer_name,
        billing_cycle=snapshot.billing_cycle,
        restarts=restarts,
        customer_domain=_reported_domain(snapshot, there),
        moved_to="",
        since=day,
    )
    return replace(known, versions=(*known.versions, ended), moved_to=snapshot.customer_id), goes_on


def is_after_move(known: Subscription, snapshot: Snapshot) -> bool:
    """True if a snapshot says something of the time since which the subscription is another customer's."""
    number = snapshot.version + known.counted_from(snapshot.occurred_at)
    return bool(known.moved_to) and number >= known.newest.number


_DISPUTED = (Merge.RESTARTED, Merge.CONTRADICTORY)


def believed(known: Subscription, snapshot: Snapshot, day: date) -> Subscription | None:
    """The history in which a snapshot counts, after a person said that it is right; the snapshot itself is not merged yet.

    It may say by now what holds in any case. What follows it is counted on from it all the same.

    None: a later event says otherwise, so that it cannot be the newest in any case.
    """
    found, version = known, version_of(snapshot, day, known.counted_from(snapshot.occurred_at))
    disputed = merge(known, snapshot, day).outcome in _DISPUTED
    if disputed or version.is_out_of_order(known.newest, CLOCKS_DIFFER):
        found = known.believing(version)
    return None if merge(found, snapshot, day).outcome in _DISPUTED else found


def _reported_domain(snapshot: Snapshot, known: Subscription | None = None) -> str:
    """The domain as it was reported last; a version without one takes none away."""
    return snapshot.customer_domain or (known.customer_domain if known else "")


def _in_order(known: Subscription, version: Version) -> tuple[Version, ...]:
    return tuple(sorted((*known.versions, version), key=lambda v: v.number))


def _would_change(known: Subscription, late: Version) -> tuple[WouldChange, ...]:
    """Where the history would differ with the superseded version in it."""
    whole = replace(known, versions=_in_order(known, late))
    first = min(version.day for version in known.versions)
    found: list[WouldChange] = []
    for sku in known.skus:
        with_it, without = whole.quantity(sku), known.quantity(sku)
        days = sorted({late.day, first, *with_it.days, *without.days})
        for day, until in zip(days, (*days[1:], None), strict=True):
            units, instead_of = with_it.at(day), None if day < first else without.at(day)
            if day >= late.day and units != instead_of:
                found.append(WouldChange(sku, day, until, units, instead_of))
    return tuple(found[:MOST_STRETCHES])


def _without_forgotten(versions: tuple[Version, ...], floor: int) -> tuple[Version, ...]:
    """Drop the oldest applied versions beyond ``KEPT_VERSIONS``, many at once; the one at the floor always stays."""
    beyond = max(0, len(versions) - KEPT_VERSIONS)
    applied = sum(version.number < floor for version in versions[:beyond])
    return versions[applied:] if applied >= FORGOTTEN_AT_ONCE else versions
