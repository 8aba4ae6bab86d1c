"""docs/cost.md and the README say what an idle stack costs, counted again from the template and a day of the running code."""

from __future__ import annotations

import re

import pytest

from local.emulator import ROOT
from tests.idle_cost import PAGE, quiet_day, rendered, totals

DAY = quiet_day()
CLOSE = 0.05
"""A read more or less in the code is no news for the page; a nickel is."""


def numbers(table: str) -> dict[str, list[float]]:
    """What a row is about → its numbers."""
    rows = [[cell.strip(" *+") for cell in row.split("|")[1:-1]] for row in table.splitlines()]
    return {
        row[0]: [float(n.replace(",", "")) for n in re.findall(r"\d[\d.,]*", " ".join(row[1:]))]
        for row in rows
    }


def test_the_table_is_what_is_counted() -> None:
    """`python -m tests.idle_cost --write` writes it again."""
    written = PAGE.read_text(encoding="utf-8").partition("<!-- cost:")[2].partition("\n\n")[2]
    written, counted = written.partition("\n\n<!-- /cost -->")[0], rendered(DAY)
    assert list(numbers(written)) == list(numbers(counted))
    for name, values in numbers(counted).items():
        assert numbers(written)[name] == pytest.approx(values, rel=CLOSE, abs=CLOSE), name


def test_the_readme_names_both_prices() -> None:
    """Of the first stack of an account and of each further one."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    found = re.search(
        r"costs ([\d.]+) \$ a month by list price, and each further stack of the account ([\d.]+) \$", text
    )
    assert found
    assert [float(price) for price in found.groups()] == pytest.approx(totals(DAY), abs=CLOSE)


def test_an_idle_stack_costs_at_most_four_dollars() -> None:
    """Whatever is added while nothing changes has to be worth it."""
    assert max(totals(DAY)) <= 4
