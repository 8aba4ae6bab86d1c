"""Mappings as a file: what is written reads back, and what a person wrote is understood or refused with its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deployment import deployment_of
from tests.world import World
from timus_autotask.domain.mapping import CustomerMapping, Ignored, PlanMapping, Route, Routing, ServiceChoice
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.mapping.file import COLUMNS, to_csv, to_json, understood
from timus_autotask.operate.mapping.importing import Imported, exported, import_mappings
from timus_autotask.operate.proposal import Proposal
from timus_autotask.plain import as_json
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.partner import put_plan

TODAY = date(2026, 3, 15)


# -- There and back


def dated(of: st.SearchStrategy[Any], build: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Choices in order of first day, each another than the one before."""
    days = st.none() | st.dates(date(2025, 1, 1), date(2027, 12, 31))

    def ordered(found: Mapping[date | None, Any]) -> tuple[Any, ...]:
        chosen: list[Any] = []
        for day in sorted(found, key=lambda day: day or date.min):
            if not chosen or chosen[-1][1] != found[day]:
                chosen.append((day, found[day]))
        return tuple(build(each, day) for day, each in chosen)

    return st.dictionaries(days, of, min_size=1, max_size=3).map(ordered)


ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8) | st.sampled_from(
    [
        "=1+1",
        "+49",
        "-x",
        "@SUM",
        "'0012",
        '="q"',
        '"',
        "0012345",
        "1E5",
        "2-Mar",
        "#N/A",
        "TRUE",
        "a,b",
        "a;b",
    ]
)
skus = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8) | ids
numbers = st.integers(1, 9)


@st.composite
def routes(draw: st.DrawFn) -> tuple[Route, ...]:
    """For some SKUs, and for all others: limited ones first, at most one that takes all."""
    found: list[Route] = []
    for sku in draw(st.lists(st.none() | skus, min_size=1, max_size=3, unique=True)):
        contracts = draw(st.lists(numbers, min_size=1, max_size=3, unique=True))
        last = draw(st.booleans())
        for number, contract in enumerate(contracts):
            units = None if last and number == len(contracts) - 1 else draw(st.integers(1, 50))
            found.append(Route(600 + contract, contract, sku, units))
    return tuple(found)


services = dated(numbers, ServiceChoice)
ignoring = st.builds(
    Ignored,
    reason=st.sampled_from(["internal", "=trial", "2-Mar"]),
    by=st.sampled_from(["kim", "+kim"]),
    at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - with a zone
)
billed = st.builds(
    CustomerMapping,
    customer_id=ids,
    routings=st.just(()) | dated(routes(), Routing),
    services=st.dictionaries(skus, services, max_size=2),
    customer_name=st.sampled_from(
        ["", "Contoso, Dental", '=cmd|"/c calc"!A1', "3M", "1-2-3 GmbH", "Łódź & Söhne"]
    ),
    company_id=st.none() | numbers,
).filter(lambda one: one.routings or one.services or one.company_id)
mappings = billed | st.builds(
    lambda one, ignored: replace(one, routings=(), ignored=replace(ignored, name=one.customer_name)),
    billed,
    ignoring,
)
families = st.sampled_from([None, "", "sase", "=1"])
plans = st.one_of(
    st.builds(
        lambda sku, choices, matched, family: PlanMapping(sku, choices, matched, family=family),
        skus,
        services,
        st.booleans(),
        families,
    ),
    st.builds(
        lambda sku, family, ignored: PlanMapping(sku, family=family, ignored=ignored),
        skus,
        families,
        ignoring,
    ),
    st.builds(lambda sku, family: PlanMapping(sku, family=family or ""), skus, families),
)


def written(customers: list[CustomerMapping], of_skus: list[PlanMapping]) -> Deployment:
    """A table with these mappings and nothing else."""
    world = World()
    for one in customers:
        world.ports.store.commit(put_mapping(one, 0))
    for plan in of_skus:
        world.ports.store.commit(put_plan(plan, 0))
    return deployment_of(world)


def file_of(deployment: Deployment, form: str) -> bytes:
    """Its mappings as a file."""
    rows = exported(deployment)
    return (to_csv(rows) if form == "csv" else as_json(to_json(rows))).encode()


def taken_in(deployment: Deployment, data: bytes, **more: Any) -> Proposal[Imported]:
    """A file that is proposed, without asking Autotask."""
    return import_mappings(deployment, "m", data, "kim", unchecked=True, unknown=True, share=True, **more)


def held(deployment: Deployment) -> tuple[list[CustomerMapping], list[PlanMapping]]:
    """Every mapping of a table."""
    customers = sorted(deployment.store.mappings(), key=lambda one: one.customer_id)
    return customers, [stored.value for _, stored in sorted(deployment.store.partner().plans.items())]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(mappings, max_size=3, unique_by=lambda one: one.customer_id),
    st.lists(plans, max_size=3, unique_by=lambda one: one.sku),
    st.sampled_from(["csv", "json"]),
)
def test_what_is_exported_is_imported_as_it_was(
    customers: list[CustomerMapping], of_skus: list[PlanMapping], form: str
) -> None:
    """Into an empty table it makes the same mappings; where they are already, it changes nothing."""
    if not customers and not of_skus:
        return
    before = written(customers, of_skus)
    data = file_of(before, form)
    after = written([], [])
    taken_in(after, data).commit()
    assert held(after) == held(before)
    again = taken_in(before, data)
    assert (again.result.changed, again.result.problems) == ((), ())
    assert again.result.unchanged == len(customers) + len(of_skus)
    assert again.preview.contracts == ()


# -- What a person writes


def problems(data: str) -> list[str]:
    """What is wrong with the rows of a file, before anybody is asked."""
    return [*map(str, understood(data.encode()).problems)]


@pytest.mark.parametrize(
    ("head", "row", "words"),
    [
        ("customer_id,contract_id", "c,5", "row 2: company_id is missing"),
        ("customer_id,company_id,sku", "c,6,A", "row 2: sku is about a contract, and contract_id is missing"),
        (
            "customer_id,company_id,contract_id,service_id,sku",
            "c,6,5,45,A",
            "row 2: service_id and a contract are two choices: write two rows",
        ),
        ("customer_id,service_id", "c,45", "row 2: sku is missing: which SKU is billed with the service?"),
        ("sku,family,customer_id,service_id", "A,f,c,45", "row 2: family is the same for every customer"),
        ("sku,first_day,family", "A,always,f", "row 2: service_id is missing: first_day and matched are"),
        ("sku,customer_name", "A,", "row 2: service_id is missing: with which service is the SKU billed?"),
        (
            "customer_id,company_id,contract_id,units",
            "c,6,5,0",
            "row 2: units must be 1 to 2147483647, but is '0'",
        ),
        (
            "customer_id,company_id,contract_id,first_day",
            "c,6,5,soon",
            "row 2: first_day must be a day as in 2026-03-15, or always, but is 'soon'",
        ),
        ("customer_id,company_id,contract_id,share", "c,6,5,x", "row 2: share must be yes or no, but is 'x'"),
        (
            "customer_id,company_id,contract_id",
            "c,6,5\nc,6,7",
            "row 3: contract_id is said in row 2 already, of the same units and day",
        ),
        ("customer_id,ignored_by", "c,kim", "row 2: ignored is missing: why is nothing billed?"),
        (
            "customer_id,company_id,ignored",
            "c,6,internal",
            "row 2: company_id stands beside the reason why nothing is billed",
        ),
        ("sku,ignored,ignored_at", "A,x,soon", "row 2: ignored_at must be a time as in 2026-03-15T09:12:44"),
        ("customer_id,sku,service_id", "c,A,45\nc,A,46", "row 3: service_id is said in row 2 already"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(head: str, row: str, words: str) -> None:
    """With its column, and what is missing or one too many."""
    [found] = problems(f"{head}\n{row}\n")
    assert found.startswith(words)


@pytest.mark.parametrize(
    "data",
    [
        "customer_id,company_id,contract_id\nc,6,5\n,6,7\n",
        "customer_id,company_id,contract_id\nc,6,5\nd,6\n",
        "customer_id,company_id,contract_id\nc,6,5\n2-Mar,6,7\n",
    ],
)
def test_a_wrong_row_of_nobody_refuses_the_whole_file(data: str) -> None:
    """It may be one of the rows of any customer, so that nothing is right for sure, ``--partial`` or not."""
    for partial in (False, True):
        with pytest.raises(FileRefused) as refused:
            taken_in(written([], []), data.encode(), partial=partial)
        assert "row 3" in str(refused.value)
        assert ("whose row 3 is cannot be said" in str(refused.value)) is partial


def test_every_problem_of_a_row_has_its_place() -> None:
    """Row, column and value for programs."""
    with pytest.raises(FileRefused) as refused:
        taken_in(written([], []), b"customer_id,company_id,contract_id\nc,six,5\n")
    [found] = refused.value.problems
    assert (found.row, found.column, found.value) == (2, "company_id", "six")


def test_every_column_is_a_text_for_a_spreadsheet() -> None:
    """No cell of an export begins as a formula does, but for the mark of a text."""
    mapping = CustomerMapping("=c", (Routing((Route(6, 5, "+A"),)),), customer_name="@SUM(A1)")
    rows = exported(written([mapping], []))
    cells = [cell for line in to_csv(rows).splitlines()[1:] for cell in line.split(",")]
    assert cells[:2] == ['"=""=c"""', '"=""@SUM(A1)"""']
    assert '"=""+A"""' in cells
    assert json.loads(as_json(to_json(rows))) == {
        "mappings": [
            {
                "customer_id": '="=c"',
                "customer_name": "@SUM(A1)",
                "company_id": 6,
                "contract_id": 5,
                "sku": "+A",
                "first_day": "always",
            }
        ]
    }
    assert {name for row in rows for name in row} <= {column.name for column in COLUMNS}
