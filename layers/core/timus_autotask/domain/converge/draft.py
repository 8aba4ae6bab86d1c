"""A line while its next step is decided: each part of the decision returns it with what that part found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from timus_autotask.domain.adjustments import Adjustment, Adjustments, in_order
from timus_autotask.domain.approval import change_facts
from timus_autotask.domain.contract import Contract
from timus_autotask.domain.converge.view import Observed, View
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import Demand
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import HeldChange, JournalEntry, Line, Rejection
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.policy import Policy, strictest
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import Timeline
from timus_autotask.domain.undone import with_end_days, without_undone


@dataclass(frozen=True, slots=True)
class LineDraft:
    """One line while it is being decided."""

    line: Line
    demand: Demand | None
    observed: Observed
    policy: Policy
    today: date
    facts: Mapping[str, int | str]
    """What every reason to park it tells, as it was gathered."""
    customers: tuple[str, ...] = ()
    """Whose terms count, sorted; see ``whose_terms``."""
    over_from: date | None = None
    """The first day from which on nothing is wanted of it, nor of the lines to which its seats move; None: there is none, or they move nowhere."""
    adjustable: bool = False
    """No intent is open and Autotask has what we left behind: the line may be adjusted."""
    enforced: bool = False
    """Somebody else changed its units, and they are brought back."""
    adjustments: tuple[Adjustment, ...] = ()
    """What would make it level, in order of day; once it is known what was rejected, without that."""
    set_aside: tuple[HeldChange, ...] = ()
    """What was rejected, and without a rejection of their own the changes that are only made together with it."""
    overtaken: tuple[Rejection, ...] = ()
    """Rejections that ended with the news of another customer of the line: what was rejected is asked for again."""
    price: PriceChange | None = None
    """The unit price that goes out with the first of them that is made, if one does."""
    blocked: bool = False
    """A plan change that it is a part of cannot be made now."""
    waits_since: date | None = None
    """The first day of which seats wait for another line, also while others of the line go: it is not known yet what becomes of the days from then on."""
    left_out: Sequence[tuple[date, date]] = ()
    """From which day until before which one an increase of it is not made at all: another plan is billed from then on."""
    parked: Parked | None = None
    awaiting: HeldChange | None = None
    """What a person can let go, of a line that is parked."""
    waits_until: datetime | None = None
    """An intent settles, its own or that of a line that has to come down first."""
    waits_for_more: datetime | None = None
    """Its decrease waits by the term ``decrease_wait``, or it is an increase that waits for such a decrease."""
    journal: tuple[JournalEntry, ...] = ()
    """How its intent ended, if it did."""

    @property
    def key(self) -> LineKey:
        return self.line.key

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """(customer, SKU) of everything that is billed on it, or was last."""
        return (
            tuple((s.customer_id, s.sku) for s in self.demand.sources) if self.demand else self.line.sources
        )

    @property
    def customer(self) -> str:
        """The first customer that is billed on it, or was; empty if there is none."""
        sources = self.sources or self.line.sources
        return sources[0][0] if sources else ""

    @property
    def causes(self) -> tuple[Cause, ...]:
        """What Timus has reported of it."""
        return self.demand.causes if self.demand else ()

    @property
    def versions(self) -> dict[str, int]:
        """By subscription: the newest version that changed what the line should have."""
        return self.demand.versions if self.demand else {}

    @property
    def wanted(self) -> Timeline:
        """What the line should have."""
        return wanted_units(self.demand, self.line)

    @property
    def in_turn(self) -> tuple[Adjustment, ...]:
        """Its adjustments in the order in which they are made: by day, but that no day ever has fewer than 0 units.

        Periods that an extension has added may be empty. A decrease of a day before them would leave fewer than 0 units there, which
        Autotask refuses. So it comes after the increase that makes them level.
        """
        remaining, turns, units = [*self.adjustments], [], self.observed.units
        while remaining:
            turn = room_for(remaining[0], remaining[1:], units, self.today) or remaining[0]
            remaining.remove(turn)
            turns.append(turn)
            units = units.add_from(turn.day, turn.delta)
        return tuple(turns)

    def changes_a_later_day(self, adjustment: Adjustment) -> bool:
        """True if the line was changed on a day between an adjustment and today, for the adjustment reaches that day too.

        Then it is not made without those after it, or that day would be left with a quantity that Timus never asked for.
        """
        return any(adjustment.day < day <= self.today for day in self.observed.units.days)

    @property
    def due(self) -> tuple[Adjustment, ...]:
        """Those for today and before, in the order in which they are made."""
        return tuple(adjustment for adjustment in self.in_turn if adjustment.day <= self.today)

    @property
    def too_many(self) -> bool:
        """Whether Autotask has more today than the line should have."""
        return self.observed.units.at(self.today) > self.wanted.at(self.today)

    @property
    def is_kept_back(self) -> bool:
        """Whether something of what it lacks is parked or was rejected."""
        return bool(self.set_aside or (self.parked and self.adjustments))

    @property
    def stays_up(self) -> bool:
        """Whether a decrease of it is parked or was rejected."""
        kept = [change.delta for change in self.set_aside]
        kept += [adjustment.delta for adjustment in self.adjustments if self.parked]
        return any(delta < 0 for delta in kept)

    @property
    def stopped(self) -> bool:
        """Whether it stays as it is in this step."""
        return bool(self.parked or self.waits_until or self.waits_for_more)

    def level(self, contract: Contract) -> bool:
        """Whether Autotask has just what the line should have, whoever brought it there."""
        if self.demand is None:
            return False
        return self.observed.units.same(self.wanted, max(self.demand.start, contract.start), contract.end)

    def park(self, code: str, **more: int | str) -> LineDraft:
        """Parked for a reason, with both numbers and what else the reason tells."""
        return replace(self, parked=Parked(code, {**self.facts, **more}))

    def hold(self, code: str, change: HeldChange, **more: int | str) -> LineDraft:
        """Parked for a reason that ``approve`` ends."""
        return replace(self.park(code, **change_facts(change), **more), awaiting=change)

    def wait(self, until: datetime) -> LineDraft:
        """Waiting until something has settled."""
        return replace(self, waits_until=until)

    def with_adjustments(self, of_all: Adjustments) -> LineDraft:
        """With its own among the adjustments of all lines."""
        own = tuple(adjustment for adjustment in of_all.in_order if adjustment.line == self.key)
        waits = of_all.blocked.get(self.key)
        draft = replace(self, left_out=tuple(of_all.left_out.get(self.key, ())))
        if waits and waits.day > self.today:  # it is on its way: by then the other line may have come down
            return replace(draft, adjustments=in_order([*own, waits]), blocked=False, waits_since=None)
        # A part of what is blocked may go now.
        since = date.min if self.key in of_all.ahead else waits.day if waits else None
        blocked = since is not None and not any(since <= each.day <= self.today for each in own)
        return replace(draft, adjustments=own, blocked=blocked, waits_since=waits.day if waits else None)


def drafts_of(view: View) -> list[LineDraft]:
    """Every line that is wanted on this contract or that we left something on."""
    keys = {key for key in (*view.lines, *view.desired.demands) if key.contract_id == view.contract_id}
    return [_draft(key, view) for key in sorted(keys)]


def _draft(key: LineKey, view: View) -> LineDraft:
    line = with_end_days(
        view.lines.get(key) or Line(key.contract_id, key.service_id), view.lines, view.desired
    )
    demand = view.desired.demands.get(key)
    observed = view.observed.get(key.service_id, Observed())
    facts: dict[str, int | str] = {}
    customers = whose_terms(demand, observed.units, wanted_units(demand, line), view.today)
    policy = policy_of(demand, view.policies, customers)
    over_from = _over_from(key, wanted_units(demand, line), view)
    draft = LineDraft(line, demand, observed, policy, view.today, facts, customers, over_from)
    facts |= {
        "contract": key.contract_id,
        "service": key.service_id,
        "customer": draft.customer,
        "held": observed.units.at(view.today),  # what Autotask has: the name is stored
        "left": line.baseline.at(view.today) if line.baseline else 0,
        "desired": draft.wanted.at(view.today),
    }
    return draft


def _over_from(key: LineKey, wanted: Timeline, view: View) -> date | None:
    ups = {link.up for link in view.desired.links if link.down == key and not link.across}
    for up in ups if wanted.steps else ():
        demand, line = view.desired.demands.get(up), view.lines.get(up)
        wanted = wanted.plus(wanted_units(demand, line or Line(up.contract_id, up.service_id)))
    if not ups or not wanted.steps or wanted.steps[-1][1]:
        return None
    return wanted.steps[-1][0]


def policy_of(demand: Demand | None, policies: Mapping[str, Policy], customers: Sequence[str] = ()) -> Policy:
    """The terms of a line: its customer's, or the strictest of those of ``customers``; empty: of all who were ever billed on it."""
    every = customers or sorted({source.customer_id for source in demand.sources} if demand else ())
    return strictest([policies[one] for one in every if one in policies], policies.get("", Policy()))


def whose_terms(demand: Demand | None, observed: Timeline, wanted: Timeline, today: date) -> tuple[str, ...]:
    """The customers whose terms count on a line: who has units on it, or will, or had when it was last level.

    As long as the line still has units of somebody who has left it, that decrease is made on his terms. Then he does not count any more.
    """
    if demand is None:
        return ()
    days = (demand.start, *(day for day in (*observed.days, *wanted.days) if day > demand.start))
    first = min((day for day in days if observed.at(day) != wanted.at(day)), default=today)
    eve = min(first, today) - ONE_DAY

    def counts(units: Timeline) -> bool:
        return bool(units.at(eve) or any(day > eve for day in units.days))

    every = {source.customer_id for source in demand.sources}
    found = {source.customer_id for source in demand.sources if counts(source.units)}
    return tuple(sorted(found or every))


def parts_of(draft: LineDraft, day: date, units: Timeline) -> dict[str, int]:
    """What the change of a day has of each customer of a line that several share, by what each is to be billed since the line was last level.

    Empty: nobody shares it, or it was never level. ``units`` is what the line has by then.
    """
    demand, wanted = draft.demand, draft.wanted
    if demand is None or len(draft.customers) < 2:
        return {}
    eves = sorted({one - ONE_DAY for one in (day, *units.days, *wanted.days) if one <= day}, reverse=True)
    eve = next((one for one in eves if one >= demand.start and units.at(one) == wanted.at(one)), None)
    if eve is None:
        return {}
    parts: dict[str, int] = {}
    for source in demand.sources:
        more = source.units.at(day) - source.units.at(eve)
        parts[source.customer_id] = parts.get(source.customer_id, 0) + more
    return {customer: more for customer, more in sorted(parts.items()) if more}


def wanted_units(demand: Demand | None, line: Line) -> Timeline:
    """What a line should have: Timus's units without what a person undid, and with what a person put on top; never below zero."""
    units = without_undone(demand, line.undone)
    return at_least_0(units.plus(line.on_top)) if line.on_top.steps else units


def room_for(
    adjustment: Adjustment, others: Sequence[Adjustment], units: Timeline, today: date
) -> Adjustment | None:
    """Which of the other adjustments has to come first, or a later day would have fewer than 0 units; None: none, or none helps.

    Increases that are due are enough where a decrease of an earlier day takes no more than they bring: then it need not wait for a day to come.
    """
    if adjustment.delta >= 0:
        return None
    after = units.add_from(adjustment.day, adjustment.delta)
    below = after.below_0_after(adjustment.day)
    if below is None:
        return None
    helping = [one for one in others if one.delta > 0 and one.day <= below]
    due = [one for one in helping if one.day <= today]
    lacking = -min(after.at(day) for day in after.days if day >= below)
    enough = sum(one.delta for one in due) >= lacking
    return next(reversed(due if enough else helping), None)


def at_least_0(timeline: Timeline) -> Timeline:
    """The same, with 0 where it is below."""
    return Timeline.sampled(timeline.days, lambda day: max(0, timeline.at(day)))
