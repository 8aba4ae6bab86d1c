"""Plan changes: seats leave one plan for another, and are never billed on both on the same day (promise I7)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date

from .history import Subscription, joined
from .mapping import LineKey, PlanMapping
from .placement import NO_SERVICE, Placement
from .timeline import NOTHING, Timeline


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A plan change between two lines: from ``day`` on, ``up`` may go up only as far as ``down`` has come down."""

    day: date
    down: LineKey
    up: LineKey
    beside: bool = False
    """The subscription once had both at the same time: seats move between the two, and each may keep some. Then ``up`` waits only for
    as many units as ``down`` has too many; else all seats of the subscription wait for all of ``down`` (see ``SeatsThatCome``)."""
    across: bool = False
    """The seats leave one subscription and come in another. Each side is an order of its own: what becomes of ``up`` does not hold
    ``down`` back, and a person decides on each."""
    unsaid: tuple[str, ...] = field(default=(), compare=False)
    """See ``PlanChange.unsaid``. People are told it, and it decides nothing."""


Whose = tuple[str, str, str]
"""Whose seats they are: (customer, subscription, SKU). An empty subscription: all of the customer's."""

SeatsThatCome = frozenset[Whose]
"""Whose seats come to a line with a plan change."""

UnitsOf = Callable[[LineKey, SeatsThatCome], Timeline]
"""What a line would not have without these seats, by day. Of several subscriptions that is more than the sum of each where the terms have a
minimum: it is billed whichever one of them is left."""


def nobodys_units(_line: LineKey, _whose: SeatsThatCome) -> Timeline:
    """Nothing, where nobody said whose seats come."""
    return NOTHING


@dataclass(frozen=True, slots=True, order=True)
class Unplaced:
    """A plan change whose old plan has no line: nobody has chosen the Autotask service of ``sku``.

    Autotask may still bill that plan on a service that we do not look at.
    """

    day: date
    sku: str
    up: LineKey
    unsaid: tuple[str, ...] = field(default=(), compare=False)
    """As of ``Link``."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Seats of a subscription move from one SKU to another, all of them or a part; or may do so to another subscription."""

    subscription: Subscription
    day: date
    """By this day the seats have left the old SKU."""
    old: str
    new: str
    listed: bool
    """Timus had listed the old SKU before, so that we may have billed it ourselves."""
    beside: bool
    """Both may be there at the same time: the subscription once had both, or the new SKU is another's."""
    across: bool = False
    """The new SKU is another subscription's."""

    def links(self, placement: Placement) -> Iterator[Link]:
        """Each line of the old SKU with each line of the new one.

        An old SKU that Timus had not listed, or that another subscription had, counts on the same contract only: on another one it is billed
        for reasons of its own. Where both have gone to other lines since, the change may come when the old SKU is billed there.
        """
        everywhere = self.listed and not self.across
        turns = {day for sku in (self.old, self.new) for day in placement.turns(sku) if day > self.day}
        for day in (self.day, *sorted(turns)) if everywhere else (self.day,):
            for down in placement.lines(self.old, day):
                for up in placement.lines(self.new, day):
                    if down != up and (everywhere or down.contract_id == up.contract_id):
                        yield Link(day, down, up, self.beside, self.across, self.unsaid(placement))

    def unplaced(self, placement: Placement) -> Iterator[Unplaced]:
        """Each line of the new SKU, if the old one was another plan, was billed, and nobody has chosen its service.

        Where the subscription had both at once, people must have said that they are plans: an add-on of unknown service holds up nothing.
        Unless Autotask refused to look: then the service may be there, and it is looked for again soon.
        """
        plan = placement.plans.get(self.old)
        surely = not self.beside or bool(plan and (plan.family or plan.refused))
        billed = self.listed and surely and self.subscription.was_billed(self.old)
        if billed and placement.reason(self.old, self.day, 0) in NO_SERVICE:
            for up in placement.lines(self.new, self.day):
                yield Unplaced(self.day, self.old, up, self.unsaid(placement))

    def unsaid(self, placement: Placement) -> tuple[str, ...]:
        """Those of its SKUs of which nobody said whether they are plans: that this is a plan change is a guess then, by Timus's numbers."""
        plans = {sku: placement.plans.get(sku) for sku in (self.old, self.new)}
        return tuple(sku for sku, plan in plans.items() if plan is None or plan.family is None)


class Families:
    """Between which SKUs of a subscription seats move, so that no day may be billed more of all of them than it had."""

    def __init__(self, subscription: Subscription, mapped: Mapping[str, PlanMapping]) -> None:
        self._subscription = subscription
        self._said = {sku: mapped[sku].family for sku in subscription.skus if sku in mapped}
        """What people said at the mapping: the name of a family, or empty for an add-on."""
        self._named = self._families_named()
        self._settled = {sku for skus in self._named if len(skus) > 1 for sku in skus}
        """SKUs of which people said between which others seats move: between these and no others."""
        self._exchanged = {sku: group for group in subscription.exchanged() for sku in group}
        self._most = subscription.most()
        self._together: dict[str, set[str]] = {sku: set() for sku in subscription.skus}
        for having in (version.having for version in subscription.versions):
            for sku in having:
                self._together[sku] |= having

    def together(self, sku: str) -> AbstractSet[str]:
        """The SKUs of which some version had units beside this one: as of an add-on and its plan, and never of two plans."""
        return self._together[sku]

    def are_plans(self, old: str, new: str) -> bool:
        """True if seats may move between two SKUs.

        What people said counts: seats of a family with two SKUs move between these, and to no SKU of which nobody said anything. Else two SKUs
        are plans if versions exchanged their units, or if there were never both at once, unless the old one was but an add-on of a third.
        All else is an add-on, and waits for nothing.
        """
        said = [self._said.get(sku) for sku in (old, new)]
        if "" in said or old == new:
            return False
        if None not in said:
            return said[0] == said[1]
        if self._settled & {old, new}:
            return False
        if new in self._exchanged.get(old, ()):
            return True
        return new not in self._together[old] and not self._was_add_on(old, new)

    def _was_add_on(self, old: str, new: str) -> bool:
        """True if ``new`` came to more than twice as much as ``old`` ever was, and a third that is not so small was there with both.

        A gateway that goes makes no room for twelve users: it was there for other users, and these still are.
        """
        half = self._most[new] / 2
        if self._most[old] >= half:
            return False
        with_both = (self._together[old] & self._together[new]) - {old, new}
        return any(self._most[sku] >= half for sku in with_both)

    def beside(self) -> Iterator[frozenset[str]]:
        """The families of which some version had two SKUs, so that each may keep some seats."""
        plans = [
            {sku for sku in group if self._said.get(sku) != "" and sku not in self._settled}
            for group in self._subscription.exchanged()
        ]
        for group in joined([*self._named, *plans]):
            if any(len(group & self._together[sku]) > 1 for sku in group):
                yield group

    def _families_named(self) -> list[set[str]]:
        """The SKUs of each family that people named."""
        found: dict[str, set[str]] = defaultdict(set)
        for sku, family in self._said.items():
            if family:
                found[family].add(sku)
        return [*found.values()]


def named_across(
    subscriptions: Sequence[Subscription], mapped: Mapping[str, PlanMapping]
) -> dict[str, frozenset[str]]:
    """The families that people named and of which several subscriptions of a customer have SKUs; by name, with these SKUs.

    A subscription that ends may be replaced by another one. What numbers suggest does not count here: two subscriptions that have
    nothing to do with each other may change by as much on one day.
    """
    found: dict[str, set[str]] = defaultdict(set)
    having: Counter[str] = Counter()
    for one in subscriptions:
        named = {sku: plan.family for sku in one.skus if (plan := mapped.get(sku)) and plan.family}
        having.update({*named.values()})
        for sku, family in named.items():
            found[family].add(sku)
    return {family: frozenset(skus) for family, skus in sorted(found.items()) if having[family] > 1}


def changes_across(
    families: Iterable[AbstractSet[str]], fallen: Sequence[tuple[Subscription, Mapping[str, date]]]
) -> Iterator[PlanChange]:
    """From each plan that has fallen in a subscription to the others of its family that other subscriptions have.

    ``fallen`` has the subscriptions of a customer, each with the SKUs that have fallen in it and since when.
    """
    times = Counter(sku for subscription, _ in fallen for sku in subscription.skus)
    for family in families:
        for subscription, days in fallen:
            elsewhere = {sku for sku in family if times[sku] > (sku in subscription.skus)}
            for old in sorted(family & days.keys()):
                for new in sorted(elsewhere - {old}):
                    yield PlanChange(subscription, days[old], old, new, listed=True, beside=True, across=True)
