"""docs/cost.md and the README say what an idle stack costs, counted anew from the template and a day of the running code."""

from __future__ import annotations

from local.emulator import ROOT
from tests.idle_cost import PAGE, quiet_day, totals, with_table

DAY = quiet_day()


def test_the_table_is_what_is_counted() -> None:
    """`python -m tests.idle_cost --write` writes it anew."""
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text, DAY) == text


def test_the_readme_names_both_prices() -> None:
    """Of the first stack of an account and of each further one."""
    first, further = totals(DAY)
    sentence = f"costs {first:.2f} $ a month, each further one of the account {further:.2f} $"
    assert sentence in " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def test_an_idle_stack_costs_at_most_four_dollars() -> None:
    """Whatever is added while nothing changes has to be worth it."""
    assert max(totals(DAY)) <= 4
