"""The first page: how everything stands in a sentence, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.operate.parked_events import can_be_accepted
from timus_autotask.store.merged_events import EventRecord
from timus_autotask.store.runs import Run
from timus_autotask.watch.grouping import FOR_PEOPLE, Group, Standing, own_standing
from timus_autotask.watch.month.ready import Ready
from timus_autotask.watch.status import StatusLine
from timus_autotask.watch.trends import Delays, delays, seats_by_sku
from timus_autotask.watch.wording import counted
from timus_autotask.web.charts import Chart, Series, step_chart
from timus_autotask.web.desk import Everything
from timus_autotask.web.pages.actions import Action, customer_address, next_of

BEFORE, AFTER = timedelta(days=182), timedelta(days=31)
"""Of the chart of seats, around today."""
MOST_PLANS = 4
"""So many plans have a line of their own."""
FEW = 12
"""So much of what needs a person stands here; the customers' page has all of it."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that needs a person."""

    customer: str
    what: str
    skus: tuple[str, ...]
    seats: int
    """Units of today by which both sides differ; negative: not billed."""
    at_risk: Decimal | None
    """What it comes to this month, whichever way; None: no price is known, or Autotask was not asked."""
    action: Action


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What the template shows."""

    sentence: str
    calm: bool
    """Nobody has to do anything."""
    counts: tuple[tuple[Standing, int], ...]
    needs: tuple[Need, ...]
    more: int
    """So much more needs a person."""
    unmapped: int
    ignored: int
    chart: Chart | None
    delays: Delays
    compared: Run
    outstanding: tuple[str, ...]
    events: tuple[EventRecord, ...]
    """Parked: a person has to look at them."""
    acceptable: frozenset[str]
    """The keys of those that can be taken as right; of the others nobody could."""


def overview_page(found: Everything, ready: Ready | None, today: date) -> OverviewPage:
    """``ready``: what was said of the running month, if it was asked."""
    standings = [group.standing for group in found.groups]
    needs = sorted(
        _needs(found, ready), key=lambda one: (-(one.at_risk or Decimal()), -abs(one.seats), one.customer)
    )
    status = found.status
    return OverviewPage(
        sentence_of(standings),
        not any(one in FOR_PEOPLE for one in standings),
        tuple((one, standings.count(one)) for one in Standing if one in standings),
        tuple(needs[:FEW]),
        len(needs[FEW:]),
        status.mapped.unmapped,
        len(status.mapped.ignored_customers) + len(status.mapped.ignored_skus),
        _seats(found, today),
        delays(found.history.changes),
        found.survey.overview.compared,
        status.outstanding,
        status.parked_events,
        frozenset(
            one.key
            for one in status.parked_events
            if can_be_accepted(one, status.parked_events, found.survey.records.customers)
        ),
    )


def sentence_of(standings: Sequence[Standing]) -> str:
    """How all customers stand."""
    billed = [one for one in standings if one is not Standing.IGNORED]
    need = sum(one in FOR_PEOPLE for one in billed)
    moving = sum(one is Standing.MOVING for one in billed)
    if not billed:
        return "Timus has reported no customer yet"
    if need:
        return f"{need:,} of {counted(len(billed), 'customer')} {'needs' if need == 1 else 'need'} you"
    if moving:
        return f"Nobody needs you; changes of {counted(moving, 'customer')} are on the way"
    if all(one is Standing.OBSERVING for one in billed):
        return f"{counted(len(billed), 'customer')}: all observed, nothing is written to Autotask"
    aligned = sum(one is Standing.LEVEL for one in billed)
    if aligned < len(billed):
        return f"Nobody needs you; {', '.join(_others(billed, aligned))}"
    return "The one customer is aligned" if aligned == 1 else f"All {aligned:,} customers are aligned"


def _others(billed: Sequence[Standing], aligned: int) -> Iterator[str]:
    """How many are aligned, and how the others stand."""
    observing = sum(one is Standing.OBSERVING for one in billed)
    rest = len(billed) - aligned - observing
    yield f"{aligned:,} of {counted(len(billed), 'customer')} {'is' if aligned == 1 else 'are'} aligned"
    if observing:
        yield f"{observing:,} {'observes' if observing == 1 else 'observe'}"
    if rest:
        yield f"{rest:,} {'has' if rest == 1 else 'have'} something scheduled or to know"


def _needs(found: Everything, ready: Ready | None) -> Iterator[Need]:
    """One for each customer and reason."""
    risk = _risk(ready)
    for group in found.groups:
        if group.standing in FOR_PEOPLE:
            yield from _names_of(group)
            yield from _reasons_of(group, risk)


def _reasons_of(group: Group, risk: Mapping[object, Decimal]) -> Iterator[Need]:
    """Why a customer's lines need a person, each reason once: not those that only stand beside one, such as what is ignored on purpose."""
    by_reason: dict[str, list[StatusLine]] = {}
    for line in group.lines:
        if line.reason_code and line.reason and own_standing(line) in FOR_PEOPLE:
            by_reason.setdefault(line.reason_code, []).append(line)
    for lines in by_reason.values():
        amounts = [risk[of] for of in dict.fromkeys(map(_of, lines)) if of in risk]
        yield Need(
            group.customer,
            lines[0].reason or "",
            tuple(dict.fromkeys(line.sku for line in lines)),
            sum((line.autotask_units or 0) - (line.wanted_units or 0) for line in lines),
            sum(amounts, Decimal()) if amounts else None,
            next_of(lines[0]),
        )


def _names_of(group: Group) -> Iterator[Need]:
    """A company that is called otherwise; parked events have a table of their own."""
    for one in group.lines[0].undecided:
        if one.of_name:
            skus = tuple(dict.fromkeys(line.sku for line in group.lines))
            look = Action("Look at it", customer_address(group.customer))
            yield Need(group.customer, f"{one.message}.", skus, 0, None, look)


def _of(line: StatusLine) -> object:
    return line.key or (line.customer, line.sku)


def _risk(ready: Ready | None) -> Mapping[object, Decimal]:
    found: dict[object, Decimal] = {}
    for one in ready.everything if ready else ():
        if one.estimate is not None:
            of = one.key or (one.customer, one.sku)
            found[of] = found.get(of, Decimal()) + abs(one.estimate)
    return found


def _seats(found: Everything, today: date) -> Chart | None:
    subscriptions = [
        stored.value
        for customer in found.survey.records.customers.values()
        for stored in customer.subscriptions.values()
    ]
    by_sku = seats_by_sku(subscriptions)
    if not any(units.days for units in by_sku.values()):
        return None
    order = sorted(by_sku, key=lambda sku: (-by_sku[sku].at(today), sku))
    known = min(units.days[0] for units in by_sku.values() if units.days)
    first, last = max(today - BEFORE, min(known, today - AFTER)), today + AFTER
    shown = order if len(order) <= MOST_PLANS + 1 else order[:MOST_PLANS]
    series = [Series(sku, f"plan-{place + 1}", by_sku[sku], first, last) for place, sku in enumerate(shown)]
    rest = NOTHING
    for sku in order[len(shown) :]:
        rest = rest.plus(by_sku[sku])
    if rest != Timeline():
        series.append(Series(f"{len(order) - len(shown)} others", "plan-5", rest, first, last))
    return step_chart("Seats in Timus by plan", series, first, last, today)
