"""Whose each subscription is, by what Timus says and what people have confirmed (decision 0035), in words of the oracle's own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

from tests.simulation.story import Said


@dataclass(frozen=True)
class Turn:
    """A subscription is a customer's from a version and a day on, until the next turn."""

    customer: str
    number: int = 0
    day: date = date.min


class Owners:
    """What each customer has of each subscription. Only a person's word brings a subscription to another customer.

    The part of the customer of whom Timus spoke first has the subscription's own name, the part of another one a name that no subscription has.
    """

    def __init__(self) -> None:
        self._said: dict[str, list[Said]] = {}
        self._turns: dict[str, list[Turn]] = {}

    def said(self, said: Said) -> None:
        """Timus has a new version."""
        self._said.setdefault(said.subscription, []).append(said)
        self._turns.setdefault(said.subscription, [Turn(said.customer)])

    def first_seen(self, subscription: str, customer: str) -> None:
        """The first event that arrived is this customer's: an earlier one, of somebody else, came after it."""
        self._turns[subscription] = [Turn(customer)]

    def goes(self, subscription: str, number: int) -> Turn:
        """A person has confirmed what a version says: whose the subscription is from its day on, but no earlier than it was the former one's."""
        said = next(one for one in self._said[subscription] if one.number == number)
        turns = self._turns[subscription]
        turns.append(Turn(said.customer, number, max(said.day, turns[-1].day)))
        return turns[-1]

    def part(self, subscription: str, customer: str) -> str:
        """The name of what a customer has of a subscription."""
        first = self._said[subscription][0].customer
        return subscription if customer == first else f"{subscription} of {customer}"

    def is_disputed(self, subscription: str) -> bool:
        """Whether Timus has named several customers."""
        return len({one.customer for one in self._said.get(subscription, ())}) > 1

    def histories(self, subscription: str) -> dict[str, list[Said]]:
        """By part: the versions that count there. Where it goes to somebody else, it ends with one more version."""
        found: dict[str, list[Said]] = defaultdict(list)
        turns = self._turns[subscription]
        for turn, after in zip_longest(turns, turns[1:]):
            mine = found[self.part(subscription, turn.customer)]
            mine += [
                replace(one, day=max(one.day, turn.day))
                for one in self._said[subscription]
                if one.customer == turn.customer
                and turn.number <= one.number
                and (after is None or one.number < after.number)
            ]
            if mine and after is not None:
                mine.append(_ended(mine[-1], after))
        return {part: versions for part, versions in found.items() if versions}

    def parts(self, subscription: str) -> list[str]:
        """The names of all that somebody has of a subscription."""
        return [*self.histories(subscription)] if subscription in self._said else [subscription]

    def waiting(self, subscription: str) -> list[Said]:
        """What was said and counts for nobody: it says another customer than the one whose the subscription is, and nobody has confirmed it."""
        if not self.is_disputed(subscription):
            return []
        counted = {
            (one.customer, one.number)
            for versions in self.histories(subscription).values()
            for one in versions
        }
        return [one for one in self._said[subscription] if (one.customer, one.number) not in counted]


def _ended(newest: Said, after: Turn) -> Said:
    """The version with which a subscription ends for a customer, as it begins for the next one."""
    ends = replace(newest, number=after.number, day=after.day, status="canceled")
    return replace(ends, cancel_at=after.day, renews=False)
