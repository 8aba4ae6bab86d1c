"""Which change of the terms an adjustment follows from, where nothing that Timus reported asked for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from timus_autotask.domain.converge.view import View
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.line import Intent, Line, Why
from timus_autotask.domain.mapping import LineKey


def by_terms(intent: Intent, line: Line, view: View) -> Intent:
    """The intent with the terms that caused it, and who set them; as it is if others than terms caused it.

    ``line`` is as it is from now on. What Timus reported is the cause unless it was to be followed on a later day.
    """
    known = view.lines.get(line.key, line)
    scheduled = any(delta == intent.delta and day > intent.day for day, delta in known.scheduled)
    if intent.why not in (None, Why.APPROVED) or (intent.events and not scheduled):
        return intent
    now = _units(view.desired, line.key, intent.day)
    for former in view.former_terms({customer for customer, _ in line.sources}):
        then = _units(former.desired, line.key, intent.day)
        if then != now:
            if now - then != intent.delta:
                return intent
            by = intent.by if intent.why else former.by
            return replace(intent, why=intent.why or Why.TERMS, by=by, terms=former.changed)
    return intent


def _units(wanted: Desired, key: LineKey, day: date) -> int:
    demand = wanted.demands.get(key)
    return demand.units.at(day) if demand else 0
