"""A line as it is stored, also by earlier versions, and the entries of its journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from timus_autotask.domain.history import Cause, newest_versions
from timus_autotask.domain.line import HeldChange, JournalEntry, Line, Rejection
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.table import Check, Data, Document, Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.reading import read_as

_LINE = Codec(
    Line,
    {"baseline": "left", "awaiting_causes": "news", "intent.message": "words", "refusal.message": "words"},
)
_REJECTION = Codec(Rejection)
_CAUSE = Codec(Cause)
JOURNAL_ENTRY = Codec(JournalEntry, {"message": "words"}, whole=True)
"""Its content is evidence, and hashed: it says everything."""
_READ_BY_AUTOTASK = ("drift", "outcome-unclear", "line-duplicated", "line-missing")
_APPROVABLE = ("held-for-approval", "held-over-limit", "held-over-day-limit", "held-posted-period")


def line_in(data: Data) -> Line:
    """A line. Earlier versions knew one rejection, and wrote other things only into the facts of the reason."""
    line = _LINE.load(_with_whole_intent(data))
    if data.get("rejection"):
        rejection = _REJECTION.load(data["rejection"])
        awaiting = replace(line.awaiting, rejection=rejection) if line.awaiting else None
        return replace(line, rejections=(rejection,), awaiting=awaiting)
    if line.parked is None or line.awaiting is not None or line.observed is not None:
        return line
    code, facts = line.parked.code, line.parked.facts
    if code in _APPROVABLE:
        limit = int(facts["limit"]) if code == "held-over-day-limit" else None
        day, delta = date.fromisoformat(str(facts["day"])), int(facts["delta"])
        return replace(line, awaiting=HeldChange(day, delta, day_limit=limit))
    if code in _READ_BY_AUTOTASK:
        return replace(line, observed=Timeline(((date.min, int(facts["held"])),)))
    return line


def journal_entries(documents: Iterable[Document]) -> Iterator[JournalEntry]:
    """The entries of the journal among some documents."""
    return (read_as(JOURNAL_ENTRY.load, one) for one in documents if one.key.sk.startswith(keys.CHANGE))


def check_line(contract_id: int, service_id: int, expected: int) -> Check:
    """Fail unless a line is as it was read (0: it is not stored)."""
    return Check(keys.line_key(contract_id, service_id), expected)


def put_line(line: Line, expected: int) -> Put:
    """Store a line."""
    key = keys.line_key(line.contract_id, line.service_id)
    sort = f"{line.contract_id:020}#{line.service_id}"
    return Put(key, _line_data(line), expected, kind="line", sort=sort)


def _line_data(line: Line) -> Data:
    """A line as it is stored: without what its intent says as its baseline and its causes do."""
    data = dict(_LINE.dump(line))
    if line.intent is not None:
        intent, stored = line.intent, data["intent"]
        if intent.before == line.baseline:
            del stored["before"]
        events, versions = _said_by(intent.causes)
        stored["events"] = None if intent.events == events else [*intent.events]
        stored["versions"] = None if intent.versions == versions else {**intent.versions}
        data["intent"] = {name: value for name, value in stored.items() if value is not None}
    return data


def _with_whole_intent(data: Data) -> Data:
    """A stored line with all of its intent. Raises ``ValueError``, ``LookupError`` or ``TypeError`` for what is damaged."""
    intent = data.get("intent")
    if intent is None:
        return data
    causes = tuple(map(_CAUSE.load, intent.get("causes", ())))  # they are not loaded once more with the line
    events, versions = _said_by(causes)
    implied = {"before": data.get("left"), "events": events, "versions": versions}
    return {**data, "intent": {**implied, **intent, "causes": causes}}


def _said_by(causes: Sequence[Cause]) -> tuple[tuple[str, ...], dict[str, int]]:
    """The events of causes, and the newest version of each subscription among them."""
    return tuple(cause.event_id for cause in causes), newest_versions(causes)
