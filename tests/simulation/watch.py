"""Counters of the rare states: a run of many schedules proves nothing about a state that it never reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.simulation.scheduler import Actor, Scheduler
from timus_autotask.ports.errors import Conflict
from timus_autotask.ports.table import Key, Put, Write

RARE = (
    "two workers on one contract",
    "two workers on one customer",
    "intent open at a crash",
    "lease expired with an intent open",
    "intent settled by another worker",
    "intent found landed after settling",
    "intent found not landed after settling",
    "conflict when an intent opens",
    "conflict when a lease is released",
    "write committed, its answer lost, intent open",
    "late landing",
    "late landing in the last minute of the settling time",
    "stale read served",
    "superseded arrival",
    "duplicate merged before",
    "second change of a day waits for the next",
    "refusal, then accepted",
    "plan change waits for its decrease",
    "drift parked",
    "drift decided by a person",
    "outcome unclear parked",
    "unmapped, then mapped",
    "mapped wrongly, then corrected",
    "moved to another contract",
    "service found late",
    "circuit opened",
    "credentials refused",
    "killed at the deadline",
    "crash during a post",
    "message redelivered",
    "dead letter",
    "index lagged",
    "one contract failing for good",
    "contract ended",
    "counter began again, event parked",
    "counter began again, accepted",
    "counter began again, dismissed",
    "hostile ids",
    "unmapped until the end",
    "never mapped",
    "merge of a customer always raises",
    "merge raised for a while, then healed",
    "terms changed after a preview",
    "preview, then posted as shown",
    "preview overtaken",
    "observed, then live",
    "undone by a person",
    "plan change undone by a person",
    "said to be another customer's",
    "said to be another customer's, dismissed",
    "brought to another customer",
)
"""Every state that the run must have reached, by name."""

OF_SOME_PROFILES = (
    "line of two customers",
    "line of two customers parked for both",
    "term renewed onto empty periods",
)
"""States that only other profiles than ``stress`` reach. A renewal counts once a schedule."""


class Watch:
    """Looks at what passes by; decides nothing, and is no part of the oracle."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.states: Counter[str] = Counter()
        self._scheduler = scheduler
        self.last_settled = 0
        """When an intent was settled last."""
        self._leases: dict[str, Actor] = {}
        self._posting: set[Actor | None] = set()
        self._intents: dict[Key, tuple[Actor | None, str]] = {}
        self._refused: set[Key] = set()
        self._shown: dict[Key, str] = {}
        self._shared: set[Key] = set()

    def reads(self, pk: str) -> None:
        """Somebody reads a partition."""
        holder = self._leases.get(pk)
        actor = self._scheduler.actor
        if holder is not None and holder is not actor and not holder.dead and not holder.ended:
            self.states["two workers on one contract"] += 1

    def conflict(self, site: str, conflict: Conflict) -> None:
        """A write came too late."""
        if site == "table.open":
            self.states["conflict when an intent opens"] += 1
        elif site == "table.release":
            self.states["conflict when a lease is released"] += 1
        elif site == "table.merge" and any(key.sk.startswith("EVENT#") for key in conflict.keys):
            self.states["duplicate merged before"] += 1
        elif site == "table.merge":
            self.states["two workers on one customer"] += 1

    def wrote(self, changes: Sequence[Write]) -> None:
        """A write took effect."""
        actor = self._scheduler.actor
        for change in changes:
            if not isinstance(change, Put):
                continue
            sk = change.key.sk
            if sk == "CONTRACT":
                self._work(change, actor)
            elif sk.startswith("LINE#"):
                self._line(change, actor)
            elif sk.startswith("EVENT#"):
                if change.data["outcome"] == "superseded":
                    self.states["superseded arrival"] += 1
                parked = change.data.get("parked")
                if change.data["outcome"] == "parked" and parked and parked["code"] == "version-restarted":
                    self.states["counter began again, event parked"] += 1
                if change.data["outcome"] == "parked" and parked and parked["code"] == "subscription-moved":
                    self.states["said to be another customer's"] += 1
            elif sk.startswith("CHANGE#"):
                self._change(change)
            elif sk == "AUTOTASK" and change.data.get("open_until"):
                self.states[
                    "credentials refused" if change.data.get("credentials") else "circuit opened"
                ] += 1

    def lost(self, changes: Sequence[Write]) -> None:
        """A write took effect, and its answer was lost."""
        puts = [change for change in changes if isinstance(change, Put)]
        if any(put.key.sk.startswith("LINE#") and put.data.get("intent") for put in puts):
            self.states["write committed, its answer lost, intent open"] += 1

    def post_begins(self) -> None:
        """The first byte of a post is about to go out."""
        self._posting.add(self._scheduler.actor)

    def post_ends(self) -> None:
        """Its sender has an answer, or has given up."""
        self._posting.discard(self._scheduler.actor)

    def died(self, actor: Actor, how: str) -> None:
        """A process is gone."""
        if actor in self._posting:
            self.states["crash during a post"] += 1
        if how == "deadline":
            self.states["killed at the deadline"] += 1
        held = [pk for pk, holder in self._leases.items() if holder is actor]
        if any(key.pk in held for key in self._intents):
            self.states["intent open at a crash"] += 1

    def _work(self, put: Put, actor: Actor | None) -> None:
        if put.data.get("lease") is None:
            self._leases.pop(put.key.pk, None)
        elif actor is not None and actor.function != "person":
            before = self._leases.get(put.key.pk)
            if before is not None and before is not actor and any(k.pk == put.key.pk for k in self._intents):
                self.states["lease expired with an intent open"] += 1
            self._leases[put.key.pk] = actor

    def _line(self, put: Put, actor: Actor | None) -> None:
        data = put.data
        intent = data.get("intent")
        known = self._intents.get(put.key)
        if intent is not None:
            if known is None or known[1] != intent["id"]:
                self._intents[put.key] = (actor, intent["id"])
        elif known is not None:
            del self._intents[put.key]
            self.last_settled = self._scheduler.now
            if known[0] is not actor:
                self.states["intent settled by another worker"] += 1
        if data.get("refusal") is not None:
            self._refused.add(put.key)
        several = len({customer for customer, _ in data.get("sources", ())}) > 1
        if several and put.key not in self._shared:
            self._shared.add(put.key)
            self.states["line of two customers"] += 1
        shown = self._state(data)
        if shown != self._shown.get(put.key):
            self._shown[put.key] = shown
            name = {
                "drift": "drift parked",
                "outcome-unclear": "outcome unclear parked",
                "waits-for-decrease": "plan change waits for its decrease",
                "contract-ended": "contract ended",
                "next-day": "second change of a day waits for the next",
            }.get(shown)
            if name:
                self.states[name] += 1
            if several and shown == "contract-of-another-company":
                self.states["line of two customers parked for both"] += 1

    @staticmethod
    def _state(data: Any) -> str:
        if data.get("parked"):
            return str(data["parked"]["code"])
        adjusted = set(data.get("adjusted", ()))
        if data.get("state") == "scheduled" and adjusted and data.get("scheduled"):
            return "next-day" if max(adjusted) < data["scheduled"][0][0] else "scheduled"
        return str(data.get("state", "pending"))

    def _change(self, put: Put) -> None:
        data = put.data
        key = Key(put.key.pk, f"LINE#{data['line']['service_id']}")
        if data["outcome"] == "landed" and key in self._refused:
            self._refused.discard(key)
            self.states["refusal, then accepted"] += 1
        opened, settled = data["opened_at"], data["settled_at"]
        if settled[:15] != opened[:15] and data["outcome"] in ("landed", "not-landed"):
            what = "landed" if data["outcome"] == "landed" else "not landed"
            self.states[f"intent found {what} after settling"] += 1
