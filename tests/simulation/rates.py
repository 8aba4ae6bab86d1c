"""The published rates: which faults each call to the outside can meet, and how often, by profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FAULTS: Mapping[str, Mapping[str, int]] = {
    "read": {"unavailable": 6, "crash": 3, "stall": 2, "frozen": 1},
    "write": {
        "fails": 3,
        "lost": 6,
        "crash-before": 3,
        "crash-after": 5,
        "stall-before": 2,
        "stall-after": 2,
        "frozen-before": 1,
        "frozen-after": 1,
    },
    "send": {
        "fails": 3,
        "lost": 3,
        "vanishes": 5,
        "doubled": 4,
        "doubled-late": 3,
        "crash-before": 2,
        "crash-after": 2,
    },
    "secret": {"unavailable": 3, "crash": 1},
    "ask": {
        "not-sent": 3,
        "no-answer": 4,
        "html-502": 3,
        "json-500": 2,
        "throttled": 2,
        "threads": 2,
        "unauthorized": 1,
        "truncated": 2,
        "stale": 5,
        "zone-moved": 2,
        "crash": 3,
        "stall-before": 2,
        "stall-after": 4,
        "frozen": 1,
    },
    "post": {
        "not-sent": 3,
        "timeout-before": 4,
        "timeout-after": 6,
        "land-late": 8,
        "reset-after": 4,
        "html-502": 3,
        "html-502-after": 4,
        "json-500": 4,
        "throttled": 2,
        "threads": 2,
        "unauthorized": 1,
        "truncated": 3,
        "redirect": 1,
        "crash-before": 4,
        "crash-after": 6,
        "crash-late": 6,
        "stall-before": 3,
        "stall-after": 3,
        "frozen-before": 2,
        "frozen-after": 3,
    },
    "sleep": {"crash": 3, "stall": 2, "frozen": 1},
    "batch": {"visible-early": 4, "twice": 3},
    "tick": {"missed": 3, "twice": 3},
}
"""By kind of call: the faults that it can meet, with their weights.

``crash``: the process dies, before or after the effect. ``frozen``: it stands still until Lambda kills it at its deadline.
``stall``: it stands still for seconds, never beyond the deadline. ``lost``: the effect happens and the answer does not come.
``late``: the effect comes up to just under the settling time after the sender is dead or has given up.
"""

SELDOM: Mapping[str, int] = {
    "autotask.ThresholdInformation": 6,
    "clock.sleep": 8,
    "table.get": 3,
    "table.list": 3,
    "table.plan": 2,
    "table.circuit": 2,
    "table.other": 6,
}
"""By site that is rarely called: how many times as often as other calls of its kind it meets a fault. So 100,000 schedules reach each
fault there too."""


@dataclass(frozen=True)
class Profile:
    """How rough a world is. Every rate is a share of calls or of chances; times are in seconds."""

    name: str
    read: float = 0.0
    """Table reads."""
    write: float = 0.0
    """Table writes."""
    send: float = 0.0
    """Wake-ups sent to the queue."""
    secret: float = 0.0
    """Reads of the secret store."""
    ask: float = 0.0
    """Reads from Autotask."""
    post: float = 0.0
    """Adjustments posted to Autotask."""
    sleep: float = 0.0
    """Waits."""
    batch: float = 0.0
    """Batches that the queue hands out."""
    tick: float = 0.0
    """Ticks of the sweep's schedule."""
    duplicated: float = 0.0
    """Deliveries that Timus repeats although they were accepted."""
    delayed: float = 0.0
    """Deliveries that are minutes to hours late (and so arrive out of order)."""
    edits: float = 0.0
    """Worlds in which a person changes units in Autotask."""
    moves: float = 0.0
    """Worlds in which a customer is mapped late, mapped wrongly first, or moved to another contract."""
    services: float = 0.0
    """Worlds in which a SKU's service comes late."""
    secrets: float = 0.0
    """Worlds in which secrets are rotated."""
    forged: float = 0.0
    """Worlds with forged deliveries."""
    poisoned: float = 0.0
    """Worlds in which one contract fails for good until everything else has come to rest."""
    lagging: float = 0.0
    """Worlds in which the table's indexes lag for minutes."""
    parts: float = 0.0
    """Plan changes that move only a part of the seats."""
    terms: float = 0.0
    """Worlds whose partner has terms of his own."""
    impatient: float = 0.0
    """Worlds whose queue gives a message up after two attempts, not five: the product's dead letters are rare otherwise."""
    replaced: float = 0.0
    """Worlds in which a subscription is replaced by another one on one day, or has no seats for a while."""
    restarts: float = 0.0
    """Worlds in which Timus begins to count a subscription's versions again."""
    hostile: float = 0.0
    """Worlds whose ids are all that the webhook's contract accepts."""
    unapplied: float = 0.0
    """Worlds in which a customer stays unmapped until the end, or for good."""
    cursed: float = 0.0
    """Worlds in which one customer's events cannot be merged."""
    previews: float = 0.0
    """Worlds in which a person changes terms, after a look at what that would post."""
    shared: float = 0.0
    """Worlds in which two customers' units go to one contract."""
    own_terms: float = 0.0
    """Worlds in which customers have terms of their own."""
    families: float = 0.0
    """Worlds in which people have said which SKUs are plans and which are add-ons."""
    observes: float = 0.0
    """Worlds that observe until somebody goes live."""
    undoes: float = 0.0
    """Worlds in which a person undoes changes that were made."""
    transfers: float = 0.0
    """Worlds in which Timus says that a subscription is another customer's."""
    events: tuple[int, int] = (4, 10)
    """Fewest and most changes that Timus makes."""


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("calm", restarts=0.1, previews=0.15, observes=0.1, undoes=0.15, transfers=0.1, events=(3, 8)),
        Profile(
            "mild",
            read=0.001,
            write=0.004,
            send=0.02,
            secret=0.005,
            ask=0.01,
            post=0.05,
            sleep=0.01,
            batch=0.02,
            tick=0.01,
            duplicated=0.10,
            delayed=0.10,
            edits=0.10,
            moves=0.15,
            services=0.05,
            secrets=0.05,
            forged=0.05,
            poisoned=0.05,
            lagging=0.05,
            restarts=0.08,
            hostile=0.08,
            unapplied=0.05,
            cursed=0.05,
            previews=0.1,
            shared=0.15,
            observes=0.08,
            undoes=0.1,
            transfers=0.1,
        ),
        Profile(
            "stress",
            read=0.004,
            write=0.03,
            send=0.12,
            secret=0.04,
            ask=0.05,
            post=0.35,
            sleep=0.10,
            batch=0.10,
            tick=0.05,
            duplicated=0.25,
            delayed=0.30,
            edits=0.30,
            moves=0.35,
            services=0.15,
            secrets=0.20,
            forged=0.15,
            poisoned=0.20,
            lagging=0.15,
            impatient=0.25,
            restarts=0.1,
            hostile=0.1,
            unapplied=0.06,
            cursed=0.08,
            previews=0.06,
            families=0.1,
            observes=0.06,
            undoes=0.25,
            transfers=0.1,
        ),
        Profile(
            "seats",
            read=0.002,
            write=0.015,
            send=0.05,
            ask=0.03,
            post=0.20,
            batch=0.05,
            tick=0.02,
            duplicated=0.10,
            delayed=0.15,
            moves=0.10,
            lagging=0.05,
            parts=0.7,
            families=0.6,
            undoes=0.2,
            transfers=0.1,
            events=(6, 12),
        ),
        Profile(
            "policies",
            read=0.002,
            write=0.015,
            send=0.05,
            secret=0.01,
            ask=0.03,
            post=0.20,
            sleep=0.05,
            batch=0.05,
            tick=0.02,
            duplicated=0.20,
            delayed=0.25,
            edits=0.30,
            moves=0.20,
            services=0.10,
            secrets=0.05,
            poisoned=0.10,
            lagging=0.10,
            terms=1.0,
            restarts=0.08,
            hostile=0.08,
            unapplied=0.06,
            cursed=0.05,
            previews=0.3,
            shared=0.2,
            own_terms=0.4,
            families=0.3,
            observes=0.1,
            undoes=0.2,
            transfers=0.15,
        ),
        Profile(
            "replaced",
            read=0.002,
            write=0.015,
            send=0.05,
            secret=0.01,
            ask=0.03,
            post=0.20,
            sleep=0.05,
            batch=0.05,
            tick=0.02,
            duplicated=0.20,
            delayed=0.20,
            lagging=0.10,
            replaced=1.0,
            families=0.6,
            undoes=0.1,
            transfers=0.1,
        ),
    )
}
