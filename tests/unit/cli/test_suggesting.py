"""``map suggest`` at the command: what it shows, the next step, and ``--apply-exact``."""

from __future__ import annotations

import pytest

from tests import tenant
from tests.unit.cli.desk import Desk
from tests.world import ADV, World


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """All clients of a small tenant, none of them mapped."""
    return Desk(tenant.told(World(scenario=tenant.scenario(companies=60))))


def test_every_client_is_shown_with_the_reason_and_the_command(told: Desk) -> None:
    """Ids stay beside the names, and the command can be copied."""
    words = told.told("map", "suggest")
    assert "Customer cus_0010 Aspen Legal (client10.example): 20 SASE-ADV-USER, 2 SASE-ESS-USER" in words
    assert (
        "1  company 1010 Prospect 0010, contract 5010 Aspen Legal SASE: its company number is cus_0010 (exact)"
        in words
    )
    assert (
        "recurring, active, until 2026-12-31, the only one of the company, already has 45 Managed SASE-ADV-USER"
        in words
    )
    assert "→ timus-autotask map customer cus_0010 --company 1010 --contract 5010" in words
    assert "→ timus-autotask map plan SASE-ADV-USER --service 45" in words
    assert "no company is called alike" in words
    assert "stands on it more than once: 9039: 10 units at 12.50; 9900: 2 units at 12.50" in words
    assert "→ timus-autotask map line 5039 45 --contract-service 9039\n" in words
    assert "→ timus-autotask map line 5039 45 --contract-service 9900\n" in words


def test_it_ends_with_the_next_step(told: Desk) -> None:
    """How many there are, and how they become fewer."""
    words = told.told("map", "suggest")
    assert "40 customers and 6 SKUs are to be mapped." in words
    assert "→ timus-autotask map review" in words
    assert "15 customers and 4 SKUs rest on unique keys alone" in words
    assert "→ timus-autotask map suggest --apply-exact" in words


def test_programs_get_all_of_it(told: Desk) -> None:
    """Every candidate with its basis, score and reasons."""
    found = told.ask("map", "suggest")
    assert (len(found["customers"]), len(found["skus"]), found["ignored"]) == (40, 6, 0)
    first = found["customers"][10]["candidates"][0]
    assert (first["company_id"], first["contract_id"], first["basis"], first["exact"]) == (
        1010,
        5010,
        "company-number",
        True,
    )
    assert first["lines"][0] == {
        "contract_service_id": 9010,
        "service_id": 45,
        "service_name": f"Managed {ADV}",
        "units": 10,
        "unit_price": "12.5000",
        "chosen": False,
    }


def test_nothing_is_written_without_being_asked_for(told: Desk) -> None:
    """Suggesting only reads."""
    before = told.world.table.documents()
    told.told("map", "suggest")
    assert told.world.table.documents() == before
    assert "belong to --apply-exact" in told.refused("map", "suggest", "--yes", status=2)


def test_what_is_exact_is_applied_with_its_preview(told: Desk) -> None:
    """Names that differ are a doubt: without a person it takes --yes. A dry run writes nothing."""
    assert "Timus calls customer cus_0010 “Aspen Legal”" in told.refused("map", "suggest", "--apply-exact")
    shown = told.ask("map", "suggest", "--apply-exact", "--dry-run")
    assert (shown["written"], shown["totals"]["contracts"], len(shown["applied"]["customers"])) == (
        False,
        15,
        15,
    )
    assert told.ask("status")["unmapped"]["customers"] == [tenant.customer(n) for n in range(40)]
    done = told.ask("map", "suggest", "--apply-exact", "--yes")
    assert done["written"]
    told.world.work()
    assert len(told.ask("status")["unmapped"]["customers"]) == 25
    assert "Customer cus_0010 Aspen Legal is company 1010 Prospect 0010, on contract 5010" not in told.told(
        "status"
    )


def test_where_nothing_is_exact_it_says_so(told: Desk) -> None:
    """With the way on."""
    told.ask("map", "suggest", "--apply-exact", "--yes")
    assert "map review" in told.told("map", "suggest", "--apply-exact")


def test_where_everything_is_mapped_it_says_so(desk: Desk) -> None:
    """And asks Autotask for nothing."""
    assert "Every customer and SKU that Timus has reported is mapped." in desk.told("map", "suggest")
    assert desk.world.control.requests() == []


def test_without_autotask_it_says_what_can_be_done(told: Desk) -> None:
    """Ids that a person knows can be typed."""
    told.world.secrets.replace_credentials(None)
    words = told.refused("map", "suggest")
    assert "credentials set" in words
    assert "--unchecked" in words
