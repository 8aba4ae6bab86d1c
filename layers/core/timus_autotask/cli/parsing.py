"""The command line as argparse reads it, by the table of commands, and what is said of a slip."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from timus_autotask.cli.command import COMMANDS, DEFAULT_STACK, GROUPS, ON_THIS_MACHINE, PROGRAM
from timus_autotask.plain import visible


class _Parser(argparse.ArgumentParser):
    """argparse, which says what may be meant by a wrong command, and what to do about a value that begins with ``-``.

    It shows what could steer a terminal as escapes.
    """

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse does, keeping the words for what goes wrong with them."""
        self._given = () if args is None else (*args,)
        return super().parse_known_args(args, namespace)

    def _taken_for_option(self) -> str | None:
        """A word that begins with ``-`` and is no option here: it may be meant as an id."""
        words = self._given[: self._given.index("--")] if "--" in self._given else self._given
        options = self._option_string_actions
        return next(
            (
                word
                for word in words
                if len(word) > 1 and word[0] == "-" and word not in options and not _begins_one(word, options)
            ),
            None,
        )

    def error(self, message: str) -> NoReturn:
        wrong = re.match(r"argument COMMAND: invalid choice: '?(.*?)'? \(choose from (.*)\)$", message)
        if wrong:
            there = [one.strip("'") for one in wrong[2].split(", ")]
            like = get_close_matches(wrong[1], there, n=2)
            what = f"did you mean {' or '.join(like)}?" if like else f"there are {', '.join(there)}"
            message = f"there is no command {wrong[1]}; {what}"
        if message.endswith("required: COMMAND"):
            message = f"a command is missing: {self.prog} --help lists them"
        option = re.search(r"argument (?:\S+/)*(--[a-z-]+): expected one argument", message)
        if option:
            message += f"; a value that begins with - is given with =, as in {option[1]}=-x"
        missing = re.match(r"the following arguments are required: (?:.*, )?[A-Z]", message)
        stray = re.match(r"unrecognized arguments: (-(?!-)\S+)", message)
        dashed = self._taken_for_option() if missing else stray and stray[1]
        if dashed:
            message += f"; an id that begins with - is written last, after --, as in -- {dashed}"
        super().error(visible(message))


def _begins_one(word: str, options: Iterable[str]) -> bool:
    """Whether a word is a long option, written short or with its value."""
    return word.startswith("--") and any(one.startswith(word.partition("=")[0]) for one in options)


def parser() -> argparse.ArgumentParser:
    """The command line as argparse knows it."""
    everywhere = _Parser(add_help=False)
    everywhere.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON and ask nothing"
    )
    everywhere.add_argument(
        "--stack",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help=f"the CloudFormation stack; else TIMUS_AUTOTASK_STACK, else {DEFAULT_STACK}",
    )
    top = _Parser(
        prog=PROGRAM,
        parents=[everywhere],
        description="Keeps Autotask recurring contracts level with Timus SASE subscriptions.",
        epilog="It works on the stack of the AWS account and region that the standard AWS environment variables name. "
        "Exit status: 0 done, 1 failed or refused, 2 not understood, 3 AWS or the stack is out of reach.",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    groups: dict[str, Any] = {}
    alone: dict[str, argparse.ArgumentParser] = {}
    """Commands that can be given without one of their group."""
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group in alone:
            groups[group] = alone.pop(group).add_subparsers(metavar="COMMAND")
        elif group and group not in groups:
            made = commands.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = made.add_subparsers(metavar="COMMAND", required=True)
        one = (groups[group] if group else commands).add_parser(
            name,
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            epilog=f"Example: {PROGRAM} {command.example}",
            parents=[everywhere],
        )
        one.set_defaults(command=command)
        alone[command.name] = one
        for argument in command.arguments:
            one.add_argument(*argument.names, **argument.given)
        if command.one_of:
            either = one.add_mutually_exclusive_group(required=True)
            for argument in command.one_of:
                either.add_argument(*argument.names, **argument.given)
    for name, purpose in ON_THIS_MACHINE.items():
        commands.add_parser(name, help=purpose, add_help=False)
    return top
