"""Lines that an earlier version wrote: what stood only in the facts of a reason is read into the fields that came later."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.memory_table import MemoryTable
from timus_autotask.domain.approval import NothingAwaits, approve, reject
from timus_autotask.domain.line import HeldChange, Intent, Line
from timus_autotask.domain.timeline import Timeline
from timus_autotask.ports.table import Key, Put
from timus_autotask.store.lines import put_line
from timus_autotask.store.records import Store
from timus_autotask.watch.status import Records, status_of

FACTS = {"contract": 1, "service": 45, "customer": "cus_1", "held": 30, "left": 25, "desired": 28}
TODAY = date(2026, 3, 15)
UTC_ZONE = ZoneInfo("UTC")


def earlier(code: str, **more: Any) -> dict[str, Any]:
    """A parked line as it was stored before."""
    return {
        "contract_id": 1,
        "service_id": 45,
        "left": {"steps": [["2026-01-01", 25]]},
        "intent": None,
        "first_held": {"steps": [["2026-01-01", 25]]},
        "approved": [{"day": "2026-03-01", "delta": 2, "by": "pat"}],
        "state": "parked",
        "parked": {"code": code, "facts": {**FACTS, **more}},
        "since": "2026-03-15T09:00:00Z",
        "sources": [["cus_1", "ADV"]],
    }


def load(data: dict[str, Any]) -> Line:
    """The line of a document."""
    table = MemoryTable()
    table.write([Put(Key("CONTRACT#1", "LINE#45"), data, 0, kind="line", sort="1")])
    store = Store(table)
    [listed] = store.lines()
    read = store.contract(1).lines[45].value
    assert listed == read
    return read


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("held-for-approval", None),
        ("held-over-limit", None),
        ("held-posted-period", None),
        ("held-over-day-limit", 2),
    ],
)
def test_what_it_held_back_can_be_decided_and_stays_held(code: str, limit: int | None) -> None:
    """The change that its reason names; only the limit of a day has to be remembered."""
    line = load(earlier(code, delta=3, day="2026-03-15", limit=2))
    assert line.awaiting == HeldChange(TODAY, 3, day_limit=limit)
    rejected, entry = reject(line, by="pat", at=datetime(2026, 3, 15, tzinfo=UTC), reason="no", entry_id="c1")
    assert len(rejected.rejections) == 1
    assert (entry.day, entry.delta) == (TODAY, 3)


def test_its_rejection_still_stands_and_approval_ends_it() -> None:
    """A line had one at most, which was not written beside the change that it is of."""
    rejection = {"day": "2026-03-15", "delta": 3, "by": "pat", "at": "2026-03-15T09:00:00Z", "reason": "no"}
    awaiting = {"day": "2026-03-15", "delta": 3, "versions": {"sub_1": 8}}
    data = {**earlier("rejected", delta=3, day="2026-03-15"), "rejection": rejection, "awaiting": awaiting}
    line = load(data)
    assert [(one.day, one.delta, one.by) for one in line.rejections] == [(TODAY, 3, "pat")]
    with pytest.raises(NothingAwaits):
        reject(line, by="sam", at=datetime(2026, 3, 15, tzinfo=UTC), reason="no", entry_id="c1")
    assert approve(line, "sam").rejections == ()


@pytest.mark.parametrize("code", ["drift", "outcome-unclear", "line-duplicated"])
def test_what_autotask_had_then_is_still_shown(code: str) -> None:
    """Both numbers of a line that somebody else changed, until it is read again."""
    line = load(earlier(code))
    assert line.observed is not None
    assert (line.observed.at(TODAY), line.baseline) == (30, Timeline.of([(date(2026, 1, 1), 25)]))


@pytest.mark.parametrize("code", ["paused", "held-with-plan-change", "refused", "no-subscription"])
def test_what_nobody_could_approve_awaits_nothing(code: str) -> None:
    """Although its facts may tell a change."""
    line = load(earlier(code, delta=3, day="2026-03-15"))
    assert (line.awaiting, line.observed) == (None, None)


def test_a_line_of_today_is_read_as_it_was_written() -> None:
    """With everything that came later."""
    line = load(earlier("held-over-day-limit", delta=3, day="2026-03-15", limit=2))
    rejected, _ = reject(line, by="pat", at=datetime(2026, 3, 15, tzinfo=UTC), reason="no", entry_id="c1")
    moment = datetime(2026, 3, 15, 9, tzinfo=UTC)
    intent = Intent("i1", TODAY, 3, Timeline(), moment, moment, day_taken=True)
    for one in (line, rejected, Line(1, 45, intent=intent, observed=Timeline.of([(TODAY, 4)]))):
        [put] = [put_line(one, 0)]
        assert load(dict(put.data)) == one


def test_status_shows_what_autotask_has_not_what_we_left() -> None:
    """Of a line that somebody else changed."""
    table = MemoryTable()
    line = load(earlier("drift"))
    table.write([put_line(line, 0)])
    contract = Store(table).contract(1)
    records = Records(0, (), {}, {1: contract}, Store(table).partner(), ())
    [shown] = status_of(records, datetime(2026, 3, 15, 12, tzinfo=UTC), UTC_ZONE).lines
    assert shown.autotask_units == 30
