"""What waits for a person and is no line's own: while it waits, nobody can say that its customers are level."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from timus_autotask.store.merged_events import EventRecord
from timus_autotask.watch.remedy import commands

MOST = 5
"""So many of them are named in a sentence each."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """One thing that a person has to decide."""

    customers: tuple[str, ...]
    """Whose lines may be other ones by it."""
    message: str
    """For people, without a full stop."""
    remedy: str
    """The command that settles it, or shows how."""

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}"


def parked(events: Iterable[EventRecord]) -> Iterator[Undecided]:
    """Events that are parked: nobody knows yet whether what they say counts."""
    for event in events:
        if event.parked:
            other = event.parked.facts.get("other")  # whose the subscription is until somebody decides
            yield Undecided(
                tuple(dict.fromkeys((event.customer_id, *([str(other)] if other else [])))),
                f"event {event.key} of {event.customer_id} waits for a person",
                commands("timus-autotask events show {event}", {"event": event.key}),
            )


def named(undecided: tuple[Undecided, ...]) -> tuple[str, ...]:
    """The first of them, a sentence each, and how many more there are."""
    more = len(undecided) - MOST
    rest = (f"{more} more: timus-autotask status --all",) if more > 0 else ()
    return (*map(str, undecided[:MOST]), *rest)
