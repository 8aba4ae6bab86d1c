"""What is to be billed of a customer in a month and goes to no line, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from itertools import groupby
from operator import itemgetter

from timus_autotask.domain.customer import Customer
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.mapping import PlanMapping
from timus_autotask.domain.placement import IGNORED, NO_SERVICE, Placement
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import NOTHING, Timeline
from timus_autotask.watch.explanation import (
    BEFORE_MAPPING,
    is_before_mapping,
)
from timus_autotask.watch.month.line_evidence import Month
from timus_autotask.watch.remedy import remedy_of
from timus_autotask.watch.wording import ignored_in_words


@dataclass(frozen=True, slots=True)
class WithoutLine:
    """Units of a SKU that the terms bill in the month and that have no line, on days of one reason."""

    sku: str
    days: tuple[tuple[date, int], ...]
    """Each of these days, with its units; at least one."""
    seat_days: int
    """Units × days until today that are not billed."""
    why: Parked | None
    """What a person can do something about; None: somebody wanted it so."""
    wanted: str = ""
    """Then: a code of ``placement.IGNORED``, or ``before-mapping``."""
    said: str = ""
    """Who wanted it and why, or what is to be said instead of ``why``, for people."""

    @property
    def code(self) -> str:
        """Of the reason."""
        return self.why.code if self.why else self.wanted

    @property
    def message(self) -> str:
        """Why, for people."""
        return self.said or (self.why.message if self.why else "")

    @property
    def remedy(self) -> str:
        """What a person can do; empty: nothing is to be done."""
        return remedy_of(self.why) if self.why else ""

    @property
    def missing(self) -> int:
        """Seat-days that count as not billed: none where somebody wanted it so."""
        return self.seat_days if self.why else 0

    @property
    def first(self) -> date:
        """The first of the days."""
        return self.days[0][0]

    @property
    def last(self) -> date:
        """The last of them."""
        return self.days[-1][0]

    @property
    def units(self) -> int:
        """On the last of them."""
        return self.days[-1][1]


def without_line_of(
    customer: Customer, plans: Mapping[str, PlanMapping], wanted: Desired, month: Month, today: date
) -> Iterator[WithoutLine]:
    """What is to be billed in the month and goes to no line, of each SKU: the days of one reason together."""
    for (customer_id, sku), to_bill in sorted(wanted.billed.items()):
        placed = (
            source.units
            for demand in wanted.demands.values()
            for source in demand.sources
            if (source.customer_id, source.sku) == (customer_id, sku)
        )
        lacking = to_bill.minus(reduce(Timeline.plus, placed, NOTHING))
        why = _WhyWithoutLine(customer, plans, sku)
        days = [
            (why.code(day, to_bill.at(day)), day, units)
            for day in month.days
            if (units := lacking.at(day)) > 0
        ]
        for code, alike in groupby(days, itemgetter(0)):
            these = tuple((day, units) for _, day, units in alike)
            seat_days = sum(units for day, units in these if day <= today)
            if said := why.wanted(code):
                yield WithoutLine(sku, these, seat_days, None, code, said)
            else:
                facts: dict[str, int | str] = {"customer": customer_id, "sku": sku, "answer": why.answer}
                chosen = why.chosen_later(code, these[-1][0])
                yield WithoutLine(sku, these, seat_days, Parked(code, facts), said=chosen)


class _WhyWithoutLine:
    """Why units of a SKU have no line."""

    def __init__(self, customer: Customer, plans: Mapping[str, PlanMapping], sku: str) -> None:
        # What is billed on a day is not excluded on it, whatever the terms say now.
        policy = replace(
            customer.policy, excluded=tuple(one for one in customer.policy.excluded if one != sku)
        )
        self._placement = Placement(replace(customer, policy=policy), plans)
        self._mapping = self._placement.mapping
        self._plan = plans.get(sku)
        self._sku = sku

    @property
    def answer(self) -> str:
        """Autotask's words, where it refused to look for a service."""
        return self._plan.refused if self._plan else ""

    def code(self, day: date, units: int) -> str:
        """Of the reason on a day."""
        if is_before_mapping(self._placement.customer, day):
            return BEFORE_MAPPING
        return self._placement.reason(self._sku, day, units) or "customer-unmapped"

    def chosen_later(self, code: str, day: date) -> str:
        """From when on the SKU has a service, for people; empty: from no day after this one."""
        choices = self._mapping.services.get(self._sku, ()) or (self._plan.choices if self._plan else ())
        first = choices[0].first_day if choices else None
        if code not in NO_SERVICE or first is None or first <= day:
            return ""
        return f"The service of {self._sku} is chosen from {first} on, and not for days before it."

    def wanted(self, code: str) -> str:
        """Who wanted it so, for people; empty: nobody."""
        if code == BEFORE_MAPPING:
            return f"The mapping of {self._mapping.customer_id} counts from {self._mapping.first_day} on, and not for days before it."
        if code not in IGNORED:
            return ""
        ignored = self._mapping.ignored if code == "customer-ignored" else self._plan and self._plan.ignored
        return ignored_in_words(ignored) if ignored else "Ignored."
