"""What a run found, as plain values that are kept in docs/performance.json: the next run is compared with them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.cloud import Cloud
from tests.bench.cold import CannotCount, million, version
from tests.bench.dollars import parts
from tests.bench.drain import IMPORTED, drained, imported
from tests.bench.growth import growths
from tests.bench.side_by_side import Ratio, both
from tests.bench.versions import Cost
from tests.pages import DOCS

FILE = DOCS / "performance.json"

Record = dict[str, Any]


def side(folder: Path) -> Record:
    """Both versions: counts, dollars, processor times."""
    with Cloud(folder) as cloud:
        found = both(cloud, folder)
    return {
        "one": {name: _cost(name, cost) for name, cost in found.one.items()},
        "burst": {name: _cost(name, cost) for name, cost in found.burst.items()},
        "many": {name: _cost(name, cost) for name, cost in found.many.items()},
        "webhook": _ratio(found.webhook),
        "worker": _ratio(found.worker),
        "modules": {name: dict(each) for name, each in found.modules.items()},
    }


def _cost(version: str, cost: Cost) -> Record:
    """What each of the changes took, but Autotask's calls: those of all of them."""
    tally = cost.tally
    each = {
        "reads": tally.reads,
        "writes": tally.writes,
        "read units": tally.read_units,
        "write units": tally.write_units,
        "index units": tally.index_units,
        "queue": cost.sqs,
        "logged": cost.logged,
    }
    dollars = {name: round(value, 2) for name, value in parts(cost, version).items()}
    return {
        "autotask": cost.autotask,
        "changes": cost.changes,
        **{name: round(value / cost.changes, 2) for name, value in each.items()},
        "dollars": round(sum(dollars.values()), 1),
        "of which": dollars,
    }


def _ratio(ratio: Ratio) -> Record:
    return {
        "product": round(ratio.product * 1000, 1),
        "straightforward": round(ratio.straightforward * 1000, 1),
        "ratio": round(ratio.ratio, 2),
        "middle": [round(one, 2) for one in ratio.middle],
    }


def growth(_folder: Path) -> Record:
    """What a change costs the product among much."""
    return {
        each.what: {
            "few": each.few,
            "many": each.many,
            "at few": asdict(each.at_few),
            "at many": asdict(each.at_many),
            "per thousand": {name: round(value, 1) for name, value in each.per_thousand.items()},
        }
        for each in growths()
    }


def cold(folder: Path) -> Record:
    """Instructions to the first answer; ``missing`` says why there are none."""
    try:
        return {"python": version(), **million(folder, _told)}
    except CannotCount as error:
        return {"missing": str(error)}


def _told(version: str, function: str, count: float) -> None:
    sys.stdout.write(f"  {version}: {function}: {count:,.0f} million instructions\n")
    sys.stdout.flush()


def drain(_folder: Path) -> Record:
    """A backlog, in virtual time."""
    found = drained()
    alone, beside = imported(1), imported(IMPORTED)
    seconds = {
        "import": IMPORTED,
        "alone": alone.other,
        "beside": beside.other,
        "importing": beside.importing,
    }
    return asdict(found) | {"share": round(found.share, 2), "imported": seconds}


PARTS: Mapping[str, Callable[[Path], Record]] = {"side": side, "growth": growth, "drain": drain, "cold": cold}


def kept() -> tuple[Record, Record]:
    """The record of the last run, and the one before; empty where there is none."""
    if not FILE.exists():
        return {}, {}
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return stored["last"], stored["before"]


def keep(record: Record, before: Record) -> None:
    """Keep a run's record, and the one that it is compared with."""
    FILE.write_text(json.dumps({"last": record, "before": before}, indent=1) + "\n", encoding="utf-8")
