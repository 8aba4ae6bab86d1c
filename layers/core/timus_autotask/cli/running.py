"""How a command line is carried out: the stack is found, the command's function called, and a failure said in a sentence.

Nothing is imported here that ``--help`` does not need.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

from timus_autotask.cli import STOPPED
from timus_autotask.cli.command import DEFAULT_STACK, ON_THIS_MACHINE, PROGRAM, Command
from timus_autotask.cli.failure import REFUSED, USAGE, Failed
from timus_autotask.cli.parsing import parser
from timus_autotask.plain import visible

if TYPE_CHECKING:
    from timus_autotask.operate.deployment import Deployment


def main(argv: Sequence[str] | None = None, find_stack: Callable[[str], Deployment] | None = None) -> int:
    """Do what the command line says; returns the exit status. ``find_stack`` finds the deployment by its name."""
    _print_anything()
    words = sys.argv[1:] if argv is None else [*argv]
    if words and words[0] in ON_THIS_MACHINE:
        return _on_this_machine(words[0], words[1:])
    arguments = parser().parse_args(words)
    if "command" not in arguments:
        return _report(_FOR_PEOPLE, USAGE)
    try:
        return _carry_out(arguments, find_stack)
    except (KeyboardInterrupt, EOFError):
        return _report("Stopped.", STOPPED)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _report(_CUT_OFF, REFUSED) if "dry_run" in arguments else 0


def _print_anything() -> None:
    """What the encoding of a terminal does not have is escaped: nothing may fail once something was written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _carry_out(arguments: argparse.Namespace, find_stack: Callable[[str], Deployment] | None) -> int:
    from timus_autotask.cli.deployment import find
    from timus_autotask.cli.terminal import Terminal
    from timus_autotask.watch.remedy import REPAIR

    command: Command = arguments.command
    as_json = getattr(arguments, "json", False)
    terminal = Terminal(as_json, interactive=sys.stdin.isatty() and sys.stdout.isatty())
    stack = getattr(arguments, "stack", None) or os.environ.get("TIMUS_AUTOTASK_STACK") or DEFAULT_STACK
    unreadable: dict[str, str] = {}
    try:
        finds = _Finder(find_stack or find, stack)
        found = finds if command.finds_stack else _noting_unreadable(finds(), unreadable)
        if not isinstance(found, _Finder):
            arguments.caller = found.caller
            terminal.zone = found.zone
        module, _, function = command.run.partition(".")
        run = getattr(import_module(f"timus_autotask.cli.{module}"), function)
        with terminal.pages() if command.pages else nullcontext():
            result = run(found, arguments, terminal)
        if result is not None:
            terminal.result(result)
        sys.stdout.flush()
        if command.name not in ("status", "doctor"):  # which show them themselves
            _tell_unreadable(unreadable, REPAIR)
    except Failed as failed:
        if failed.result is not None:
            terminal.result(failed.result)
        return _report(str(failed), failed.status, *failed.details)
    except Exception as error:
        from timus_autotask.cli.foreseen import said_of

        said = said_of(error)
        if said is None:
            raise
        return _report(*said)
    return 0


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds the stack that was named, or another one."""

    find: Callable[[str], Deployment]
    stack: str

    def __call__(self, stack: str = "") -> Deployment:
        return self.find(stack or self.stack)


def _noting_unreadable(deployment: Deployment, unreadable: dict[str, str]) -> Deployment:
    """The deployment, noting each record that cannot be read and is passed over: by its key, why."""

    def note(name: str, **fields: Any) -> None:
        if name == "record-unreadable":
            unreadable[fields["record"]] = f"{fields['record']}: {fields['detail']}"

    return replace(deployment, ports=replace(deployment.ports, on_event=note))


def _tell_unreadable(unreadable: dict[str, str], remedy: str) -> None:
    if unreadable:
        message = "Some records cannot be read; what they say is missing above."
        _report(message, 0, *unreadable.values(), remedy)


def _report(sentence: str, status: int, *details: str) -> int:
    for line in (sentence, *details):
        print(visible(line), file=sys.stderr)
    return status


def _on_this_machine(name: str, rest: Sequence[str]) -> int:
    module, run = _MODULES[name]
    if "--json" in rest:
        return _report(_FOR_PEOPLE, USAGE)
    try:
        there: Any = import_module(module)
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("local"):
            raise
        return _report(
            f"{PROGRAM} {name} runs from a checkout of the project only: git clone it, then make {name}.",
            USAGE,
        )
    purpose = ON_THIS_MACHINE[name]
    options = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}",
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=f"Example: {PROGRAM} {_EXAMPLES[name]}",
    )
    there.add_arguments(options)
    return int(getattr(there, run)(options.parse_args(rest)))


_CUT_OFF = "Stopped, because the output was closed. What was decided before that: timus-autotask changes"
_FOR_PEOPLE = "local and demo run on this machine and print for people: they take neither --json nor --stack."
_EXAMPLES = {"local": "local --port 8765 --observe", "demo": "demo --console"}
_MODULES = {"local": ("local.stack", "run_local"), "demo": ("local.demo", "run_demo")}
