"""Until go-live no write of any kind reaches Autotask: on any path, by any command, and by no way that the code has."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk
from tests.unit.watch.test_tickets import Bells, desk_of
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, FORBIDDEN, GATEWAY, World
from timus_autotask.bootstrap import reconcile_handler, sweep_handler
from timus_autotask.cli.command import COMMANDS
from timus_autotask.domain.line import State
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.domain.provisioning import Provisioning, first_contract
from timus_autotask.store.contracts import put_provisioning
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.terms import put_terms
from timus_autotask.sync.gather import customer_from

PACKAGE = Path(__file__).parents[2] / "layers" / "core" / "timus_autotask"
WRITES = {"adjust", "extend_contract", "link_renewal", "create_contract", "create_ticket", "complete_ticket"}
"""The methods of the PSA port that change something."""
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
OTHER = "cus_77aa"

WALK = {
    "setup": "setup --yes",
    "doctor": "doctor",
    "map customer": f"map customer {CUSTOMER} --company 600 --contract {CONTRACT} --yes",
    "map plan": f"map plan {ADV} --service 46 --yes",
    "map ignore": f"map ignore customer {OTHER} --reason 'our own' --yes",
    "map unignore": f"map unignore customer {OTHER} --yes",
    "map import": "map import FILE --yes",
    "retry": f"retry {CONTRACT} --yes",
    "drift": f"drift {CONTRACT} 45 --enforce --yes",
    "approve": f"approve {CONTRACT} 46 --yes",
    "reject": f"reject {CONTRACT} 46 --reason 'by mistake' --yes",
    "policy set": "policy set drift=enforce minimum.SASE-ADV-USER=40 renewal=new-contract --yes",
    "pause": "pause",
    "resume": "resume --yes",
    "reconcile": "reconcile --deep",
    "redrive": "redrive --yes",
    "replay": "replay --since 2026-01-01 --yes",
    "observe": "observe",
    "preview": "preview",
    "status": "status",
    "report": "report --html FILE",
    "map export": "map export FILE",
    "ledger": "ledger --since 2026-01",
    "restore": "restore --to 2026-03-14T18:00 --yes",
}
"""What to type, where a command's own example would not do."""
REFUSED = {
    "credentials set",
    "doctor",
    "drift",
    "events accept",
    "events dismiss",
    "events show",
    "map confirm",
    "map review",
    "map unignore",
    "ready",
    "restore",
    "undo",
}
"""What there is nothing to be done about in this world, or what ends with something to be done by a person."""


class Context:
    """Lambda's."""

    def get_remaining_time_in_millis(self) -> int:
        """A minute and a half."""
        return 90_000


def busy() -> World:
    """Everything that could lead to a write: seats, a term that renews, terms that open contracts, an edit by hand, a posted period."""
    world = World(live=None)
    world.ports = replace(world.ports, wake_ups=world.queue)
    terms = {
        "open_contracts": True,
        "contract_category": 13,
        "contract_organizational_level": 18,
        "drift": "enforce",
        "prices": {ADV: "15.00"},
        "renewal": "extend",
        "approve_increases": {"above_units": 20},
    }
    world.ports.store.commit(put_terms(None, terms, 0))
    world.map_customer()
    world.ports.store.commit(put_mapping(CustomerMapping(OTHER, (), company_id=601), 0))
    world.tell(1, {ADV: 25, GATEWAY: 1}, effective=JANUARY)
    world.tell(2, {ADV: 3, ESS: 30}, term_end=date(2027, 12, 31))
    world.tell(1, {ESS: 4}, customer=OTHER, subscription="sub_other")
    return world


def live_on(world: World, days: int) -> None:
    """Wake-ups, sweeps, reconciles and tickets, day after day, with edits by hand in between."""
    bells = Bells(world)
    bells.set(True)
    sweep = sweep_handler(world.ports, desk=desk_of(bells))
    reconcile = reconcile_handler(world.ports)
    for day in range(days):
        world.work()
        sweep({}, Context())
        if day == 1:
            world.control.person_adjusts(1201, date(2026, 3, 16).toordinal(), 2)
        reconcile({"now": True, "deep": True}, Context())
        sweep({}, Context())
        world.clock.advance(86_400 / 2)
        sweep({}, Context())
        world.clock.advance(86_400 / 2)


def test_no_path_writes() -> None:
    """Receive, apply, sweep, reconcile, tickets: a month of them."""
    world = busy()
    live_on(world, 32)
    assert world.transport.writes == []
    assert world.line(ADV).state is State.OBSERVING
    assert [*world.ports.store.changes()] == []
    assert [*world.ports.store.provisionings()] == []


def test_an_opening_from_before_is_dropped_unsent() -> None:
    """It was asked for while the stack was live, and go-live asks for it anew."""
    world = busy()
    world.work()
    store = world.ports.store
    partner = store.partner()
    wanted = first_contract(customer_from(store.customer(OTHER), partner.terms.value), world.ports.today())
    assert wanted is not None
    store.commit(put_provisioning(Provisioning(wanted), 0, world.clock.now()))
    live_on(world, 2)
    assert world.transport.writes == []
    assert [*store.provisionings()] == []


@pytest.mark.parametrize("name", sorted({command.name for command in COMMANDS} - {"go-live", "send"}))
def test_no_command_writes(name: str, tmp_path: Path) -> None:
    """Whatever a person asks for, and whatever follows from it. ``send`` reaches the webhook only; what it brings is there already."""
    desk = Desk(busy())
    live_on(desk.world, 2)
    if name == "map import":
        (tmp_path / "mappings.csv").write_text(desk.told("map", "export"))
    example = next(command.example for command in COMMANDS if command.name == name)
    said = WALK.get(name, example).replace("FILE", str(tmp_path / "mappings.csv"))
    answer = desk.run(*shlex.split(said))
    assert "Traceback" not in answer.err
    assert (answer.status == 0) is (name not in REFUSED), answer
    live_on(desk.world, 2)
    assert desk.world.transport.writes == []


def test_go_live_is_what_ends_it() -> None:
    """The same world posts as soon as a person says so."""
    desk = Desk(busy())
    live_on(desk.world, 2)
    desk.told("go-live", "--yes")
    live_on(desk.world, 2)
    assert desk.world.posted()
    paths = {path.rpartition("/")[2] for _, path in desk.world.transport.writes}
    assert {"ContractServiceAdjustments", "Contracts", "Tickets"} <= paths


def test_the_guard_sees_a_write() -> None:
    """It would be found after any test."""
    world = World(live=False)
    contract = world.ports.autotask().contract(CONTRACT)
    assert contract is not None
    world.ports.autotask().extend_contract(CONTRACT, contract.end + timedelta(days=1), time_zone=world.zone)
    assert FORBIDDEN
    FORBIDDEN.clear()


def written_by(path: Path) -> Iterator[tuple[int, str]]:
    """Every call of a write of the port: its line, and what it is called on."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            yield node.lineno, ast.unparse(node.func.value)


def test_the_code_has_one_way_to_a_write() -> None:
    """``Ports.writing``, which asks for the stage."""
    found = [
        (path.relative_to(PACKAGE).as_posix(), line, owner)
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, owner in written_by(path)
    ]
    assert len(found) >= 6
    assert [one for one in found if not one[2].startswith("self._ports.writing(live=")] == []
