"""The table of drift in docs/operations.md: what somebody can do to a contract, what it is found as, and what follows.

``python -m tests.drift_table --write`` does each of them to a world under each policy, and writes down what it saw.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from tests.pages import DOCS, with_part
from tests.world import ADV, CONTRACT, CUSTOMER, SERVICES, World
from timus_autotask.domain.finding import Finding, Kind
from timus_autotask.domain.line import State
from timus_autotask.operate.files.timus_export import ExportFile, compare, take_in
from timus_autotask.store.runs import findings
from timus_autotask.store.terms import put_terms
from timus_autotask.watch.listing import listed
from timus_autotask.watch.reconcile import reconcile
from timus_autotask.watch.status import status_of

PAGE = DOCS / "operations.md"
LINE = 1201
"""The simulated Autotask's line of ``ADV`` on ``CONTRACT``."""


def _adjust(units: int, day: date) -> Callable[[World], None]:
    def done(world: World) -> None:
        world.control.person_adjusts(LINE, day.toordinal(), units)

    return done


def _edit(**changes: object) -> Callable[[World], None]:
    def done(world: World) -> None:
        world.control.person_edits_contract(CONTRACT, changes)

    return done


def _there_and_back(world: World) -> None:
    world.control.person_adjusts(LINE, date(2026, 6, 1).toordinal(), 4)
    world.control.person_adjusts(LINE, date(2026, 7, 1).toordinal(), -4)


@dataclass(frozen=True)
class Case:
    """Something that somebody does in Autotask."""

    title: str
    do: Callable[[World], object]
    kind: Kind | None
    """What it is found as; None: it is not found."""
    deep: bool = False


CASES = (
    Case("units raised", _adjust(3, date(2026, 3, 16)), Kind.EDITED_UP),
    Case("units lowered", _adjust(-4, date(2026, 3, 16)), Kind.EDITED_DOWN),
    Case("line removed", lambda world: world.control.person_removes_line(LINE), Kind.LINE_REMOVED),
    Case("units raised from a later day on", _adjust(3, date(2026, 8, 1)), Kind.FUTURE_EDIT),
    Case("units raised and lowered again, both later", _there_and_back, Kind.FUTURE_EDIT, deep=True),
    Case("the same, where not every row is read", _there_and_back, None),
    Case(
        "service added a second time",
        lambda world: world.control.person_adds_line(
            CONTRACT, SERVICES[ADV], date(2026, 3, 16).toordinal(), 2
        ),
        Kind.SERVICE_TWICE,
    ),
    Case("contract moved to another company", _edit(companyID=601), Kind.CONTRACT_MOVED),
    Case("contract ended", _edit(endDate="2026-03-10"), Kind.CONTRACT_ENDED),
    Case("contract shortened", _edit(endDate="2026-09-30"), Kind.CONTRACT_SHORTENED),
    Case("contract set inactive", _edit(status=0), Kind.CONTRACT_INACTIVE),
    Case(
        "contract hidden from the API user",
        lambda world: world.control.set_switches({"hidden_contracts": [CONTRACT]}),
        Kind.CONTRACT_MISSING,
    ),
)


def aligned(drift: str = "park") -> World:
    """A world at rest with 28 units of ``ADV``, a day after the change that brought them."""
    world = World()
    world.ports.store.commit(put_terms(None, {"drift": drift}, 0)) if drift != "park" else None
    world.map_customer()
    world.tell(1, {ADV: 28})
    world.work()
    world.pass_time(days=1, hours=12)
    return world


def look(world: World, *, deep: bool = False) -> list[Finding]:
    """One reconcile, to its end; gives what it found. Without ``deep`` as where there are too many rows to read them all."""
    deadline = world.clock.now() + timedelta(minutes=5)
    run = reconcile(world.ports, deadline, anew=True, deep=deep, every_row=0)
    assert run.finished, run.stopped
    return [*findings(world.table)]


def outcome(case: Case, drift: str) -> tuple[str, str]:
    """What a case is found as, and what has happened once the worker has looked."""
    world = aligned(drift)
    posted = len(world.posted())
    case.do(world)
    found = [finding for finding in look(world, deep=case.deep) if finding.is_drift]
    for _ in range(2):  # a line that carries an adjustment today takes the next one tomorrow
        world.pass_time(minutes=1)
        world.pass_time(days=1)
    kinds = ", ".join(dict.fromkeys(f"`{finding.kind}`" for finding in found)) or "not found"
    return kinds, _became(world, posted)


def _became(world: World, posted: int) -> str:
    line = world.line(ADV)
    corrections = [
        f"{units:+d} made from {date.fromisoformat(day):%-d %B}" for _, units, day in world.posted()[posted:]
    ]
    if line.state is State.PARKED and line.parked:
        return "; ".join([f"parked: [`{line.parked.code}`](#{line.parked.code})", *corrections])
    corrections += [f"{units:+d} scheduled for {day:%-d %B}" for day, units in line.scheduled]
    if corrections:
        return "; ".join(corrections)
    kept = [units for _, units in line.offset.steps if units]
    return f"kept: {kept[-1]:+d} on top of Timus" if kept else "reported only"


def lost(drift: str) -> tuple[str, str]:
    """What happens to an event that never came: only Timus knows of it."""
    world = aligned(drift)
    posted = len(world.posted())
    assert look(world) == []
    told = ExportFile(
        "portal.csv", f"customer_id,subscription_id,sku,quantity\n{CUSTOMER},sub_8f2c1a,{ADV},31\n".encode()
    )
    records = listed(world.ports.store)
    lines = status_of(records, world.clock.now(), world.zone).lines
    today = world.ports.today()
    found = compare(told.subscriptions(), records, lines, today, world.zone, told.name, "operator")
    take_in(found, world.ports)
    world.pass_time(minutes=1)
    return "by `--timus-export` only", _became(world, posted)


def rendered() -> str:
    """The table, as it stands in the docs."""
    rows = [
        "| done in Autotask | found as | `drift=park` (default) | `drift=adopt` | `drift=enforce` |",
        "|---|---|---|---|---|",
    ]
    for case in CASES:
        seen = [outcome(case, drift) for drift in ("park", "adopt", "enforce")]
        rows.append(f"| {case.title} | {seen[0][0]} | {' | '.join(became for _, became in seen)} |")
    seen = [lost(drift) for drift in ("park", "adopt", "enforce")]
    rows.append(f"| nothing: an event of Timus was lost | {seen[0][0]} | {' | '.join(b for _, b in seen)} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The page's text with the table as it is seen now."""
    return with_part(page, "drift", "python -m tests.drift_table --write", rendered())


def main() -> int:
    """Compare the page with what is seen now; with ``--write``, write it."""
    text = PAGE.read_text(encoding="utf-8")
    new = with_table(text)
    if "--write" in sys.argv:
        PAGE.write_text(new, encoding="utf-8")
    return 0 if "--write" in sys.argv or new == text else 1


if __name__ == "__main__":
    sys.exit(main())
