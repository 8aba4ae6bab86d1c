"""``python -m tests.bench [PART …] [--write]``: what the product costs, beside the straightforward version.

Parts are ``side`` (both versions in one run), ``growth``, ``drain`` and ``cold`` (instructions, by valgrind); none: all. ``--write`` puts the result into
docs/performance.md, draws docs/performance.svg and keeps docs/performance.json, with which the next run is compared. A part that was not
run keeps what the last run found.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.page import CHART, drawn, headline, rendered
from tests.bench.record import PARTS, Record, keep, kept
from tests.pages import DOCS, write_part


def main(arguments: Sequence[str]) -> int:
    """Measure, show, and write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; none: all")
    parser.add_argument("--write", action="store_true", help="record the result in docs/")
    given = parser.parse_args(arguments)
    if unknown := {*given.parts} - {*PARTS}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    last, earlier = kept()
    chosen = given.parts or [*PARTS]
    record: Record = {
        **last,
        "day": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
    }
    for name in chosen:
        began = time.monotonic()
        print(f"{name} …", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            record[name] = PARTS[name](Path(folder))
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    # A part that was not run again is compared with what it was compared with before.
    before = earlier | {name: last[name] for name in ("day", "python", *chosen) if name in last}
    print(headline(record, before))
    if given.write:
        keep(record, before)
        (DOCS / CHART).write_text(drawn(record), encoding="utf-8")
        write_part("performance.md", "bench", "make bench", rendered(record, before))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
