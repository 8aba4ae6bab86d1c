"""From which day each change is billed: the versions of a subscription, replayed on the terms of their days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from .days import ONE_DAY
from .history import Subscription, Version
from .placement import Placement
from .plan_change import Families, PlanChange
from .policy import BillingSchedule, EffectiveDay
from .timeline import NOTHING, Timeline


@dataclass(frozen=True, slots=True)
class Dated:
    """A subscription on the partner's dates."""

    billed: Mapping[str, Timeline]
    """Units by SKU and day, before included units and minimums."""
    plan_changes: tuple[PlanChange, ...]
    families: tuple[frozenset[str], ...]
    """SKUs between which seats move, where some version had units of two of them."""
    fallen: Mapping[str, date] = field(default_factory=dict)
    """For each SKU that some version had fewer units of than were billed on its day or later: the earliest such day."""
    redated: Mapping[str, Mapping[int, date]] = field(default_factory=dict)
    """By SKU and version: the first day on which its change is billed, where that is not the version's own day."""


def dated(
    subscription: Subscription, placement: Placement, schedules: Mapping[int, BillingSchedule]
) -> Dated:
    """Replay the versions in order of number.

    * A version takes back everything that older ones had scheduled for its own day or later. If it takes back the first bill, it is the
      first bill itself.
    * It is a plan change if it has fewer of one plan and more of another, all seats or a part. Both sides then keep to one day, the
      later of their two, because no seat is ever billed on both plans.
    * A SKU that an earlier version took away may still be on its way down in Autotask, so it counts for later plan changes too.
    """
    replay = _Replay(subscription, placement, schedules)
    for version in subscription.versions:
        replay.follow(version)
    families = tuple(replay.families.beside())
    changes = tuple(replay.plan_changes.values())
    return Dated(replay.billed, changes, families, replay.fallen, replay.redated)


@dataclass(frozen=True, slots=True)
class _Update:
    """What a version says about each SKU, compared with what was billed on its day until then."""

    version: Version
    wanted: Mapping[str, int]
    """Units by SKU."""
    deltas: Mapping[str, int]
    """By SKU: how many units more (or less, if negative) than before."""

    moves: frozenset[tuple[str, str]]
    """(old, new): plans of which there are fewer now, on that day or on a later one that was billed already, and more."""
    first_bill: bool
    """Whether nothing was billed by its day, or only a trial: this is no change, so the terms for changes do not apply to it."""

    @property
    def sides(self) -> frozenset[str]:
        """The SKUs that change on the same day because this is a plan change; empty if it is none, or the terms do not date it."""
        return frozenset() if self.first_bill else frozenset(sku for move in self.moves for sku in move)


class _Replay:
    """What is billed for a subscription by the versions that have been followed so far."""

    def __init__(
        self, subscription: Subscription, placement: Placement, schedules: Mapping[int, BillingSchedule]
    ) -> None:
        self._subscription = subscription
        self.families = Families(subscription, placement.plans)
        self._placement = placement
        self._schedules = schedules
        self.billed = dict.fromkeys(subscription.skus, NOTHING)
        self.plan_changes: dict[tuple[date, str, str, bool], PlanChange] = {}
        """By day, old and new SKU, and whether the old one was listed: many versions note the same."""
        self._first_day = date.max
        """The day of the first bill. A newer version of an earlier day takes it back, and is the first bill itself."""
        self._listed = set(subscription.gone)
        """SKUs that a version has listed, even with 0 units."""
        self._away_since: dict[str, date] = {}
        """For each SKU without units: the earliest day of the versions since it last had some."""
        self.fallen: dict[str, date] = {}
        self.redated: dict[str, dict[int, date]] = defaultdict(dict)

    def follow(self, version: Version) -> None:
        """Bill what the next version says, and note its plan changes."""
        day = version.day
        wanted = dict.fromkeys(self.billed, 0) | version.units
        deltas = {sku: units - self.billed[sku].at(day) for sku, units in wanted.items()}
        rising = [sku for sku, delta in deltas.items() if delta > 0]
        falling = [sku for sku, units in wanted.items() if _most_from(self.billed[sku], day) > units]
        self.fallen |= {sku: min(self.fallen.get(sku, day), day) for sku in falling}
        moves = frozenset(
            (old, new) for old in falling for new in rising if self.families.are_plans(old, new)
        )
        update = _Update(version, wanted, deltas, moves, self._is_first_bill(day))
        plan_change_day = max((self._billing_day(sku, day, deltas[sku]) for sku in update.sides), default=day)
        risen = self._bill(update, plan_change_day)
        self._first_day = day if update.first_bill else self._first_day
        self._listed |= {sku for sku, _ in version.items}
        self._away_since = {
            sku: min(self._away_since.get(sku, day), day) for sku, units in wanted.items() if not units
        }
        self._note_plan_changes(update, plan_change_day, risen)

    def _is_first_bill(self, day: date) -> bool:
        return day < self._first_day or not any(timeline.steps for timeline in self.billed.values())

    def _bill(self, update: _Update, plan_change_day: date) -> dict[str, date]:
        """Bill each SKU. Answers with those that rise, and from which day each is billed."""
        risen: dict[str, date] = {}
        day, ends, sides = update.version.day, update.version.ends, update.sides
        for sku, units in update.wanted.items():
            if sku in sides:
                on = plan_change_day
            else:
                on = day if update.first_bill else self._billing_day(sku, day, update.deltas[sku])
            if update.deltas[sku] > 0:
                on = risen[sku] = self._after_other_plans(sku, on, day)
            billed, over = _changed(self.billed[sku], day, units, on), None
            if units and ends is not None:
                over = max(on, self._billing_day(sku, ends, -1))
                billed = billed.set_from(over, 0)
            self.billed[sku] = billed
            changes = on if update.deltas[sku] else over or day  # of one that only ends it: its end
            if changes != day:
                self.redated[sku][update.version.number] = changes
        return risen

    def _billing_day(self, sku: str, day: date, delta: int) -> date:
        """The day from which a change of ``day`` is billed, by the terms of that day and the periods of the SKU's contract."""
        rule = self._placement.customer.policy_on(day).effective_day(delta)
        if rule is EffectiveDay.CHANGE:
            return day
        # A SKU that is split changes on one day everywhere; of contracts with other periods the one with the smallest id counts.
        # What comes before the mapping keeps to the periods of the contract that it begins with.
        mapped = max(day, self._placement.first_day)
        contracts = (line.contract_id for line in sorted(self._placement.lines(sku, mapped)))
        schedule = next((self._schedules[one] for one in contracts if one in self._schedules), None)
        return schedule.dated(day, rule) if schedule else day

    def _after_other_plans(self, sku: str, on: date, day: date) -> date:
        """The first day, ``on`` or later, from which on no other plan is billed until ``day``."""
        others = [self.billed[other] for other in self.billed.keys() - self.families.together(sku)]
        return max((on, *(_free_from(other, on, day) for other in others)))

    def _note_plan_changes(self, update: _Update, plan_change_day: date, risen: Mapping[str, date]) -> None:
        """Note the plan changes of a version, and one from each plan that has fallen before to each that rises now.

        1. In this version: 25 ADV become 10 ADV and 15 ESS. It is of the day on which both sides are billed.
        2. From a plan without units: ADV went to 0 on the 10th, and ESS comes on the 12th. It is of the 10th.
        3. From a plan that fell and keeps some: ADV went from 25 to 10 on the 10th, and ESS comes on the 12th. It is of the 10th.

        What fell before may still be on its way down in Autotask. A plan without units counts for every other plan that has units, because
        Autotask may still bill it. This also holds if:

        * the plan was over when we first heard of it, or only a later version lists it;
        * the other plan has no more units than before, because it may have come down in Autotask in the meantime.

        Where the terms bill a plan from a day before the other had fallen, the plan change is of that day.
        """
        for old, new in sorted(update.moves):
            self._note(plan_change_day, old, new, listed=True)
        for old, since in self._away_since.items():
            listed = old in self._listed
            for new, units in update.wanted.items():
                if (old, new) in update.moves or not self.families.are_plans(old, new):
                    continue
                if (units and not self._beside(old, new)) or (listed and update.deltas[new] > 0):
                    self._note(min(since, risen.get(new, since)), old, new, listed=listed)
        for old, since in self.fallen.items():
            for new, on in risen.items():
                if old not in self._away_since and self.families.are_plans(old, new):
                    self._note(min(since, on), old, new, listed=True)

    def _note(self, day: date, old: str, new: str, *, listed: bool) -> None:
        key = (day, old, new, listed)
        if key not in self.plan_changes:
            self.plan_changes[key] = PlanChange(
                self._subscription, day, old, new, listed, self._beside(old, new)
            )

    def _beside(self, old: str, new: str) -> bool:
        return new in self.families.together(old)


def after_seats_that_stay(billed: Sequence[Timeline], reported: Sequence[Timeline]) -> list[Timeline]:
    """What is billed of seats of one family in several subscriptions: what comes waits for what the terms keep billed.

    ``reported`` is Timus's own quantity of each. Where a decrease is billed later than Timus reports it, as many seats that come wait until
    it is, so that the terms bill no seat twice. Seats beyond these come on their day. None wait for what stays in place of seats whose own
    increase the terms bill later, too: all together then have no more than Timus reports.
    """
    if [*billed] == [*reported]:
        return [*billed]
    steps: list[list[tuple[date, int]]] = [[] for _ in billed]
    now, most = [0] * len(billed), [0] * len(billed)
    for day in sorted({day for timeline in (*billed, *reported) for day in timeline.days}):
        wanted, has = [one.at(day) for one in billed], [one.at(day) for one in reported]
        most = [*map(max, most, has)]
        # What is billed before Timus reports it, by the terms for increases, has left nothing: it is more than Timus had until now.
        had = [*map(min, wanted, most)]
        waiting = sum(max(0, min(units, now[n]) - has[n]) for n, units in enumerate(had))
        waiting = min(waiting, max(0, sum(wanted) - sum(has)))
        for n, units in enumerate(wanted):
            # What Timus had only while it waited is not billed afterwards.
            comes = max(0, units - now[n]) - max(0, had[n] - max(has[n], now[n]))
            waits = min(waiting, comes)
            waiting -= waits
            now[n] = min(units, now[n]) + comes - waits
            steps[n].append((day, now[n]))
    return [Timeline.of(one) for one in steps]


def _free_from(timeline: Timeline, first: date, until: date) -> date:
    """The first day, ``first`` or later, from which on there are no units until ``until``."""
    eve = until - ONE_DAY
    days = (day for day in (first, *timeline.days, until) if day >= first)
    return min(day for day in days if not timeline.between(day, eve).steps)


def _most_from(timeline: Timeline, day: date) -> int:
    """The most units on ``day`` or later."""
    return max(timeline.at(d) for d in (day, *timeline.days) if d >= day)


def _changed(timeline: Timeline, day: date, units: int, on: date) -> Timeline:
    """The timeline with a change to ``units`` on ``day`` that is billed from ``on``.

    If ``on`` is the earlier day, the days in between are only ever raised, or only ever lowered, towards ``units``.
    """
    before = timeline.at(day)
    if units == before:
        return timeline.set_from(day, units)
    if on >= day:
        return timeline.set_from(day, before).set_from(on, units)
    towards = max if units > before else min
    between = Timeline.sampled(
        (*timeline.days, on), lambda d: towards(timeline.at(d), units) if d >= on else timeline.at(d)
    )
    return between.set_from(day, units)
