"""Both versions in one run, on the same machine and the same services: what is counted, and processor times in turns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from tests.bench.cloud import Cloud
from tests.bench.versions import PRODUCT, STRAIGHTFORWARD, UNITS, Cost, Package, Version

BURST = 100
"""Changes of one line on one day."""
MANY = 100
"""Customers with a change each."""
TEN = 10
"""Customers of one batch."""


@dataclass(frozen=True)
class Ratio:
    """Processor seconds of both in turns, the medians, and the product's share of the other's in the middle half of the rounds."""

    product: float
    straightforward: float
    middle: tuple[float, float]

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self.product / self.straightforward


@dataclass(frozen=True)
class Both:
    """Everything that one run found."""

    one: Mapping[str, Cost]
    """A change alone."""
    burst: Mapping[str, Cost]
    many: Mapping[str, Cost]
    webhook: Ratio
    worker: Ratio
    """A batch of ten customers."""
    modules: Mapping[str, Mapping[str, int]]
    """That the import of a function loads, by version and function."""


def both(cloud: Cloud, folder: Path, package: Package | None = None, *, rounds: int = 6) -> Both:
    """Measure; each customer has one change, for Autotask may take one adjustment of a line a day only."""
    customers = 2 + MANY + TEN * rounds
    with (
        Version(PRODUCT, cloud, folder, customers, package) as product,
        Version(STRAIGHTFORWARD, cloud, folder, customers, package) as straightforward,
    ):
        versions = (product, straightforward)
        # The burst of the straightforward version is a hundred adjustments of one line and day: here Autotask adds them up.
        straightforward.simulator.control.set_switches({"same_day": "sum"})
        for version in versions:
            version.run([version.event(n, 1, UNITS) for n in range(1, customers + 1)])  # all are level
        one = {version.name: _checked(version, [1]) for version in versions}
        burst = {version.name: _burst(version, 2) for version in versions}
        many = {version.name: _checked(version, range(3, 3 + MANY)) for version in versions}
        tens = [range(3 + MANY + TEN * n, 3 + MANY + TEN * (n + 1)) for n in range(rounds)]
        worker = [tuple(sum(_checked(version, ten).worker_cpu) for version in versions) for ten in tens]
        webhook = [
            tuple(version.child("webhook")(version.event(1, 3 + n, UNITS)).cpu for version in versions)
            for n in range(TEN * rounds)
        ]
        modules = {
            version.name: {
                function: version.child(function).loaded["modules"]
                for function in ("webhook", "worker", "sweep", "reconcile")
            }
            for version in versions
        }
    return Both(one, burst, many, _ratio(webhook), _ratio(worker), modules)


def _checked(version: Version, customers: range | list[int]) -> Cost:
    cost = version.run([version.event(n, 2, UNITS + 3) for n in customers])
    assert {version.units(n) for n in customers} == {UNITS + 3}
    return cost


def _burst(version: Version, customer: int) -> Cost:
    cost = version.run([version.event(customer, 2 + n, UNITS + 1 + n) for n in range(BURST)])
    assert version.units(customer) == UNITS + BURST
    return cost


def _ratio(rounds: list[tuple[float, ...]]) -> Ratio:
    shares = [product / other for product, other in rounds]
    low, _, high = quantiles(shares, n=4)
    return Ratio(median(one[0] for one in rounds), median(one[1] for one in rounds), (low, high))
