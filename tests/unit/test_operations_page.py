"""docs/operations.md says what the code does: its tables and queries are compared with what the code makes of them."""

from __future__ import annotations

import re

from local.emulator import ROOT
from tests.drift_table import PAGE, with_table
from timus_autotask.cli.command import COMMANDS
from timus_autotask.operate.files.timus_export import COLUMNS
from timus_autotask.watch.log_queries import QUERIES, group_of
from timus_autotask.watch.reconcile import BUDGET

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_of_drift_is_what_is_seen() -> None:
    """`python -m tests.drift_table --write` writes it again."""
    assert with_table(TEXT) == TEXT


def test_the_log_queries_are_those_of_the_command() -> None:
    """Ready to paste, word for word."""
    for query in QUERIES:
        assert f"### {query.title}\n" in TEXT
        assert f"```\n{query.text}\n```" in TEXT


def test_the_queries_ask_groups_that_the_template_makes() -> None:
    """Each function's log group has the name that a query is told."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for function in {function for query in QUERIES for function in query.functions}:
        assert f"LogGroupName: !Sub {group_of('${AWS::StackName}', function)}" in template


def test_every_column_of_the_export_is_described() -> None:
    """A person writes the file from this table."""
    table = TEXT.partition("<!-- columns -->")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", table)) == {column.name for column in COLUMNS}


def test_reconcile_yields_where_the_page_says() -> None:
    """Three quarters of the allowance."""
    assert BUDGET == 75


def test_every_command_is_on_the_page_of_commands() -> None:
    """`docs/command.md` has them all."""
    page = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    words = {command.name for command in COMMANDS}
    assert {each for each in words if not re.search(rf"`[^`]*\b{each}\b", page)} == set()


def test_every_command_that_the_page_gives_is_one() -> None:
    """A remedy that cannot be typed is none."""
    known = {tuple(command.name.split()) for command in COMMANDS} | {("demo",), ("local",)}
    for line in re.findall(r"`timus-autotask ([^`]+)`", TEXT):
        words = line.split()
        assert tuple(words[:1]) in known or tuple(words[:2]) in known, line
