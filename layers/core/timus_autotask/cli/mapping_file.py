"""``map export`` and ``map import``: every mapping as a file, and a file of mappings taken in."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from timus_autotask.cli.failure import Failed, problem_words
from timus_autotask.cli.files import read, write
from timus_autotask.cli.proposing import as_billed_from, carry_out, operator, progress
from timus_autotask.cli.terminal import Terminal, Whole
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.files.tables import FileRefused, for_excel
from timus_autotask.operate.mapping.file import MappingsFile, to_csv, to_json
from timus_autotask.operate.mapping.importing import (
    Imported,
    SomeRowsRefused,
    exported,
    import_mappings,
    refused_form,
)
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.proposal import Proposal
from timus_autotask.plain import as_json
from timus_autotask.watch.wording import counted


def map_export(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Write every mapping to a file, or to standard output."""
    rows = exported(deployment)
    if arguments.file in (None, "-"):
        if not terminal.json:
            sys.stdout.write(to_csv(rows))
        return to_json(rows)
    path = Path(arguments.file)
    as_json_file = path.suffix.lower() == ".json"
    text = as_json(to_json(rows)) + "\n" if as_json_file else for_excel(to_csv(rows))
    write(path, text)
    terminal.say(f"{counted(len(rows), 'row was', 'rows were')} written to {path}.", style="green")
    return MappingsFile(str(path), len(rows)).to_json()


def map_import(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Take in a file of mappings: all of it is checked and shown before any of it is written."""
    name, data = Path(arguments.file).name, read(arguments.file)

    def propose(bill_from: BillFrom | None) -> Proposal[Imported]:
        return import_mappings(
            deployment,
            name,
            data,
            operator(arguments),
            share=arguments.share,
            bill_from=bill_from,
            partial=arguments.partial,
            unchecked=arguments.unchecked,
            unknown=arguments.unknown,
            on_progress=progress(terminal),
        )

    try:
        proposal = as_billed_from(propose, lambda found: found.late, arguments, terminal)
    except FileRefused as refused:
        raise _refused(name, refused) from None
    found = proposal.result
    _show(found, terminal)
    return carry_out(
        proposal,
        arguments,
        terminal,
        lambda done: _say_done(done, terminal),
        f"Write {_counted(len(found.changed))}?" if found.changed else "",
    )


def _refused(name: str, refused: FileRefused) -> Failed:
    helps = isinstance(refused, SomeRowsRefused)
    hint = " What is right can be taken in without the rest: --partial" if helps else ""
    return Failed(
        f"{name}: {len(refused.problems)} {'problem' if len(refused.problems) == 1 else 'problems'}; nothing was written.{hint}",
        result=refused_form(name, refused),
        details=[*map(problem_words, refused.problems)],
    )


def _show(found: Imported, terminal: Terminal) -> None:
    if found.changed:
        terminal.table(
            ("row", "customer or SKU", "goes"),
            [
                (
                    ", ".join(map(str, one.rows)),
                    f"{one.subject[1]} {one.name}".strip(),
                    one.detail.split("; "),
                )
                for one in found.changed
            ],
            empty="",
        )
    if found.unchanged:
        terminal.say(f"{_counted(found.unchanged)} stay as they are: they are mapped like this already.")
    if not found.changed:
        terminal.say("Nothing changes.")
    if found.problems:
        left = ", ".join(id_ for _, id_ in found.left_out)
        terminal.say(f"Left out (--partial): {left}", style="bold red")
        terminal.table(
            ("row", "column", "what is wrong"),
            [(one.row, one.column, one.message) for one in found.problems],
            empty="",
        )


def _counted(count: int) -> str:
    return "1 customer or SKU" if count == 1 else f"{count} customers and SKUs"


def _say_done(done: Imported, terminal: Terminal) -> None:
    if done.changed:
        terminal.say(f"{_counted(len(done.changed))} mapped; see: timus-autotask map list", style="green")
        terminal.say("What comes of it, with money:", Whole("→ timus-autotask preview"))
