"""``python -m tests.complexity``: no function of the package is too complex, as radon counts it, without a reason beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from radon.complexity import cc_visit

PACKAGE = Path(__file__).parent.parent / "layers" / "core" / "timus_autotask"
MOST = 15
"""Ways through a function that a reader can still keep in mind; radon itself calls more than 10 complex, more than 20 unstable."""

EXCEPTIONS: Mapping[str, tuple[int, str]] = {
    "aws.dynamodb.meaning_of": (17, "a table of errors: one branch for each"),
}
"""By function: the complexity that it may have, and why. The numbers only ever go down."""


def measured(package: Path) -> Iterator[tuple[str, int]]:
    """Each function and method of a package with its complexity."""
    for path in sorted(package.rglob("*.py")):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        for block in cc_visit(path.read_text()):
            if block.letter != "C":  # radon also lists classes, with the average of their methods
                owner = f"{block.classname}." if block.letter == "M" else ""
                yield f"{module}.{owner}{block.name}", block.complexity


def problems(found: Mapping[str, int], exceptions: Mapping[str, tuple[int, str]]) -> list[str]:
    """What is above its limit, and which exceptions say more than is so."""
    too_complex = [
        f"{name}: complexity {complexity}, at most {limit} allowed"
        for name, complexity in found.items()
        if complexity > (limit := max(MOST, exceptions.get(name, (MOST, ""))[0]))
    ]
    too_much = [
        f"{name}: complexity {found.get(name, 0)}, but the exception still says {limit}"
        for name, (limit, _) in exceptions.items()
        if found.get(name, 0) < limit
    ]
    return too_complex + too_much


if __name__ == "__main__":
    sys.exit("\n".join(problems(dict(measured(PACKAGE)), EXCEPTIONS)) or 0)
