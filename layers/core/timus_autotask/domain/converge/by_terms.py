"""Which change of the terms an adjustment follows from, where nothing that Timus reported asked for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from timus_autotask.domain.converge.view import FormerTerms, View
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.domain.desired import Desired
from timus_autotask.domain.history import ending_after
from timus_autotask.domain.line import Intent, Line, Why
from timus_autotask.domain.mapping import LineKey


def by_terms(intent: Intent, line: Line, view: View) -> Intent:
    """The intent with the terms that caused it, and who set them; as it is if others than terms caused it.

    ``line`` is as it is from now on.
    """
    if intent.why is Why.ENFORCED and not intent.by:
        return _of_a_term("drift=enforce", intent, line, view)
    if intent.why not in (None, Why.APPROVED):
        return intent
    found = _of_wanted_units(intent, line, view)
    if found is not None or intent.events or intent.why:
        return found or intent
    known = view.lines.get(line.key, line)
    # Where nothing else is wanted, and the day has an adjustment already, it takes another one by now.
    again = intent.day in known.adjusted and known.desired == line.desired
    return _of_a_term("same_day=attempt", intent, line, view) if again else intent


def _of_wanted_units(intent: Intent, line: Line, view: View) -> Intent | None:
    """The intent with the newest terms that want other units than those before them, if that is just its change; None: none do.

    A line that was level when it was found has made no adjustment for what Timus had reported by then. So that is no sign of news: what
    counts is whether other terms alone make the difference. Terms that were set before the newest event are not asked, because the line has
    followed them.
    """
    received = (cause.received_at for cause in intent.causes if cause.received_at)
    for former in view.former_terms({customer for customer, _ in line.sources}, max(received, default=None)):
        more, before = (
            _units(view.desired, line.key, day) - _units(former.desired, line.key, day)
            for day in (intent.day, intent.day - ONE_DAY)
        )
        if more or before:
            return _of(former, intent, line.key) if intent.delta in (more, more - before) else intent
    return None


def _of_a_term(term: str, intent: Intent, line: Line, view: View) -> Intent:
    """The intent with a term as its cause that says how adjustments are made, and not how many units are wanted."""
    for former in view.former_terms({customer for customer, _ in line.sources}, None):
        if term in former.changed:
            return replace(intent, why=intent.why or Why.TERMS, by=former.by, terms=(term,))
    return intent


def _of(former: FormerTerms, intent: Intent, key: LineKey) -> Intent:
    """The intent with a change of the terms as its cause. Of what Timus reported, only what they let be billed earlier caused it, too."""
    demand = former.desired.demands.get(key)
    earlier = [one for one in intent.causes if demand and demand.billed_from(one) > intent.day]
    return replace(
        intent,
        why=intent.why or Why.TERMS,
        by=intent.by if intent.why else former.by,
        terms=former.changed,
        events=tuple(dict.fromkeys(one.event_id for one in earlier)),
        causes=tuple(dict.fromkeys((*earlier, *ending_after(intent.causes, intent.day)))),
    )


def _units(wanted: Desired, key: LineKey, day: date) -> int:
    demand = wanted.demands.get(key)
    return demand.units.at(day) if demand else 0
