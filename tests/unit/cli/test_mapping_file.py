"""Mappings as a file on the command line: written, read back, and refused row by row."""

from __future__ import annotations

import csv
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, GATEWAY, SCENARIO, World
from timus_autotask.cli import main
from timus_autotask.operate.mapping.file import COLUMNS
from timus_autotask.plain import visible

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "mappings.csv"
HEAD = "customer_id,company_id,contract_id"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a file of mappings is."""
    return tmp_path / "clients.csv"


def test_a_header_that_is_not_understood_is_told_by_its_columns(desk: Desk, tmp_path: Path) -> None:
    """Also where a European Excel writes semicolons; nothing is offered that would not help."""
    file = tmp_path / "clients.csv"
    file.write_text("customer;company;contract\ncus_1;2;3\n")
    words = desk.refused("map", "import", str(file))
    assert "'customer' is no column of ours; did you mean customer_id?" in words
    assert "--partial" not in words
    file.write_text(f"customer_id;company_id;contract_id\n{CUSTOMER};600;{CONTRACT}\n")
    assert desk.ask("map", "import", str(file))["written"] is True
    assert desk.told("map", "export", "-") == desk.told("map", "export")


def test_a_company_that_is_not_there_is_said_so(desk: Desk, tmp_path: Path) -> None:
    """And not that the contract is somebody else's; a day that no calendar has is none that a spreadsheet made."""
    file = tmp_path / "clients.csv"
    file.write_text(
        f"customer_id,company_id,contract_id,first_day\n{CUSTOMER},99999,{CONTRACT},\ncus_2,601,29683950,2026-13-01\n"
    )
    words = desk.refused("map", "import", str(file))
    assert "company_id is no company of Autotask that the API user may see" in words
    assert "belongs to" not in words
    assert "spreadsheet" not in words


def test_a_file_is_shown_as_a_whole_and_written(desk: Desk, file: Path) -> None:
    """One preview with totals, one question, and what was shown is posted."""
    desk.world.tell(7, {ADV: 28, GATEWAY: 1})
    desk.world.work()
    file.write_text(f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\nfabrikam,601,29683950\n", "utf-8")
    words = desk.told("map", "import", str(file), "--dry-run")
    assert f"to contract {CONTRACT} of company 600 from the beginning" in words
    assert "+3 from 2026-03-15 (at once)" in words
    assert "Timus has not reported fabrikam yet" in words
    assert desk.ask("map", "list")["customers"] == []
    said = desk.ask("map", "import", str(file))
    assert said["written"] is True
    assert [one["customer"] for one in said["changed"]] == [CUSTOMER, "fabrikam"]
    assert said["totals"]["units_up"] == 3
    desk.world.work()
    assert desk.world.posted() == [(45, 3, "2026-03-15")]
    assert "Nothing changes." in desk.told("map", "import", str(file))
    assert "map import" in desk.told("changes", "--customer", CUSTOMER)


def test_what_is_wrong_is_listed_row_by_row(desk: Desk, file: Path) -> None:
    """Each problem on a line for people, with row, column and value for programs; nothing is written."""
    file.write_text(f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\nb,x,29683950\nc,600,1\n", "utf-8")
    words = desk.refused("map", "import", str(file))
    assert "clients.csv: 2 problems; nothing was written." in words
    assert "row 3: company_id must be a whole number, but is 'x'" in words
    assert "row 4: contract_id is no contract of Autotask that the API user may see" in words
    assert "--partial" in words
    said = desk.run("map", "import", str(file), "--json")
    assert said.status == 1
    assert [(one["row"], one["column"], one["value"]) for one in said.json["problems"]] == [
        (3, "company_id", "x"),
        (4, "contract_id", 1),
    ]
    assert desk.ask("map", "list")["customers"] == []


def test_any_value_can_be_told_to_programs(desk: Desk, file: Path) -> None:
    """A number with decimals, a list, a first day: each as it is written."""
    file.write_text(
        '[{"customer_id": "a", "company_id": 1.5, "contract_id": [5]},'
        f' {{"customer_id": "b", "company_id": 601, "contract_id": {CONTRACT}, "share": true}}]',
        "utf-8",
    )
    said = desk.run("map", "import", str(file), "--json")
    assert [(one["row"], one["column"], one["value"]) for one in said.json["problems"]] == [
        (1, "company_id", "1.5"),
        (1, "contract_id", "[5]"),
        (2, "share", "True"),
    ]
    desk.world.tell(7, {ADV: 28})
    desk.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    desk.world.work()
    file.write_text(f"{HEAD},first_day\n{CUSTOMER},601,29683950,always\n", "utf-8")
    [found] = desk.run("map", "import", str(file), "--json").json["problems"]
    assert (found["column"], found["value"]) == ("first_day", "always")


def test_what_is_right_is_written_without_the_rest(desk: Desk, file: Path) -> None:
    """``--partial`` says what was left out, and the result has it too."""
    file.write_text(f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\nc,600,1\n", "utf-8")
    words = desk.told("map", "import", str(file), "--partial", "--dry-run")
    assert "Left out (--partial): c" in words
    said = desk.ask("map", "import", str(file), "--partial")
    assert said["left_out"] == [{"customer": "c"}]
    assert [one["row"] for one in said["problems"]] == [3]
    assert [one["customer"] for one in desk.ask("map", "list")["customers"]] == [CUSTOMER]


def test_names_that_do_not_match_are_not_accepted_by_a_script(desk: Desk, file: Path) -> None:
    """Unless it says ``--yes``: one answer for the whole file."""
    file.write_text(f"{HEAD},company_name\n{CUSTOMER},600,{CONTRACT},Fabrikam\n", "utf-8")
    assert "Row 2 calls company 600 “Fabrikam”" in desk.refused("map", "import", str(file))
    assert desk.ask("map", "import", str(file), "--yes")["written"] is True


@pytest.mark.parametrize("name", ["out.csv", "out.json"])
def test_what_is_exported_is_imported(desk: Desk, file: Path, tmp_path: Path, name: str) -> None:
    """Into another table, and into the same one, where it changes nothing."""
    desk.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    desk.ask("map", "plan", ADV, "--service", "45")
    out = tmp_path / name
    assert f"2 rows were written to {out}" in desk.told("map", "export", str(out))
    assert desk.ask("map", "import", str(out))["unchanged"] == 2
    other = Desk()
    assert other.ask("map", "import", str(out))["written"] is True
    assert other.ask("map", "list")["customers"] == desk.ask("map", "list")["customers"]
    assert other.ask("map", "list")["plans"] == desk.ask("map", "list")["plans"]


def test_an_export_goes_to_standard_output(desk: Desk) -> None:
    """As CSV, or with ``--json`` as JSON, with the names that are known."""
    desk.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT))
    [row] = csv.DictReader(desk.told("map", "export").splitlines())
    assert (row["customer_id"], row["contract_name"], row["first_day"]) == (
        CUSTOMER,
        "Contoso SASE",
        "always",
    )
    assert desk.ask("map", "export") == {
        "mappings": [
            {
                "customer_id": CUSTOMER,
                "company_id": 600,
                "company_name": "Contoso Dental",
                "contract_id": CONTRACT,
                "contract_name": "Contoso SASE",
                "first_day": "always",
            }
        ]
    }


MARKS = "\u202e\u2066\u061c\u2028\u200b\ufeff\U000e0041"


class _Screen(StringIO):
    def isatty(self) -> bool:
        return True


def test_an_export_steers_no_terminal_and_loses_nothing_in_a_file(tmp_path: Path) -> None:
    """Marks that turn text round or hide it are escapes, on a terminal and in a file, and a file reads back as they came."""
    name = f"Contoso{MARKS}Dental"
    contracts = [{**SCENARIO["contracts"][0], "contractName": name}]
    desk = Desk(World(scenario={**SCENARIO, "contracts": contracts}))
    desk.world.tell(7, {ADV: 28}, customer_name=name)
    desk.world.work()
    desk.ask("map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT), "--yes")
    for form in ((), ("--json",)):
        screen = _Screen()
        with redirect_stdout(screen):
            assert main(("map", "export", *form), desk.deployment) == 0
        assert CUSTOMER in screen.getvalue()
        assert not {*MARKS} & {*screen.getvalue()}
    for file in ("out.csv", "out.json"):
        out = tmp_path / file
        desk.told("map", "export", str(out))
        assert desk.ask("map", "import", str(out))["unchanged"] == 1
        assert not {*MARKS} & {*out.read_bytes().decode("utf-8-sig")}
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as written:
        assert [row["contract_name"] for row in csv.DictReader(written)] == [visible(name)]


def test_a_file_that_is_not_there_is_named(desk: Desk, tmp_path: Path) -> None:
    """Read or written."""
    assert "cannot be read" in desk.refused("map", "import", str(tmp_path / "none.csv"), status=2)
    assert "cannot be written" in desk.refused("map", "export", str(tmp_path / "no" / "folder.csv"), status=2)


def test_the_example_of_the_page_can_be_imported() -> None:
    """docs/command.md links it, and names every column."""
    page = (ROOT / "docs" / "command.md").read_text("utf-8")
    assert "(mappings.csv)" in page
    for column in COLUMNS:
        assert re.search(rf"^\| (`\w+`, )*`{column.name}`[, |]", page, re.MULTILINE)
    company = {"companyType": 1, "isActive": True, "ownerResourceID": 1, "phone": "3"}
    term = {"startDate": "2026-01-01", "endDate": "2026-12-31"}
    scenario = {
        **SCENARIO,
        "companies": [*SCENARIO["companies"], {"id": 602, "companyName": "Tailspin Toys", **company}],
        "services": [*SCENARIO["services"], {**SCENARIO["services"][2], "id": 48, "sku": "GW-OWN"}],
        "contracts": [
            *SCENARIO["contracts"],
            {"id": 29683951, "companyID": 601, "contractName": "Fabrikam Labs SASE", **term},
        ],
    }
    said = Desk(World(scenario=scenario)).ask("map", "import", str(EXAMPLE), "--yes")
    assert said["written"] is True
    assert said["problems"] == []
    with EXAMPLE.open(encoding="utf-8") as lines:
        assert sum(len(one["rows"]) for one in said["changed"]) == len([*csv.DictReader(lines)])
