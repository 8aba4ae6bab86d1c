"""How a remedy is read: the commands in it, and each way out of it for itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from timus_autotask.domain.reasons import OR, commands

_WORD = r"""(?=['"\w=<>/|@#+-])(?:'[^']*'|"[^"]*"|[^\s,;:'"])+"""
COMMAND = re.compile(rf"(?:timus-autotask|make deploy)(?: (?!(?:and|or)\b){_WORD}(?<!\.))+")
"""A command within a sentence, with what a shell quotes in it. It is copied as it stands."""
_BETWEEN = re.compile(r"[.,;]?\s*(?:or:? |then: )?")
"""What stands between two ways out."""

FEW = 3
"""So many customers are named in one command."""


def ways(remedy: str) -> list[str]:
    """Each way out of it, with one command at most: a line for each, so that a person copies what is meant. Of ``""`` there is none."""
    return [way for one in remedy.split(OR) for way in _ways(one)] if remedy else []


def _ways(remedy: str) -> Iterator[str]:
    """Cut behind each command that another one follows."""
    begin = 0
    for before, _ in pairwise(COMMAND.finditer(remedy)):
        yield remedy[begin : before.end()]
        begin = _BETWEEN.match(remedy, before.end()).end()  # type: ignore[union-attr]  # it matches nothing, too
    yield remedy[begin:]


def for_customers(command: str, customers: Sequence[str]) -> str:
    """A command for these customers, written so that a shell takes it; for more than a few, with a place for one."""
    if len(customers) > FEW:
        return f"{command} --customer CUSTOMER"
    facts = {f"customer_{at}": one for at, one in enumerate(customers)}
    return commands(command + "".join(f" --customer {{{name}}}" for name in facts), facts)
