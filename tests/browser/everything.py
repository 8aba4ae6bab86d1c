"""Every page there is, and an address of each: a page that is added is looked at too, or the tests say that it has no example."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.routing import Route

from tests.browser.served import Served
from tests.browser.visitor import Visitor
from tests.partner import DRIFTS, HELD, LATER, REJECTED, STRANGE, UNMAPPED, customer_of
from timus_autotask.web.app import console

EXAMPLES = {
    "/customers": ("/customers?standing=waiting&sort=money", "/customers?q=nobody+at+all"),
    "/customers/{customer:path}": (
        *(f"/customers/{customer_of(n)}" for n in (HELD, DRIFTS, UNMAPPED[0], STRANGE, REJECTED)),
        "/customers/cus_unknown",
    ),
    "/evidence": (f"/evidence?customer={customer_of(1)}&month=2026-03",),
    "/ledger": ("/ledger?since=2026-02&all=yes",),
    "/ready": ("/ready?month=2026-02", "/ready?all=yes"),
    "/terms": (f"/terms?customer={customer_of(LATER)}",),
}
"""Addresses by route, beyond the route itself."""
APART = ("/proposals/{id}",)
"""What is there only after something was asked: test_deciding.py looks at it."""


def is_file(route: str) -> bool:
    """It is something to keep, and no page."""
    return "." in route.rpartition("/")[2]


def addresses(served: Served) -> Iterator[str]:
    """Those of every page that shows something."""
    for route in console(served.desk).routes:
        if not isinstance(route, Route) or "GET" not in (route.methods or ()) or route.path in APART:
            continue
        if is_file(route.path):
            continue
        if "{" not in route.path:
            yield route.path
        elif route.path not in EXAMPLES:
            raise AssertionError(f"{route.path} has no example in {__name__}")
        yield from EXAMPLES.get(route.path, ())
    yield "/nowhere"


def pages(visitor: Visitor) -> Iterator[str]:
    """Go to each of them in turn."""
    for address in addresses(visitor.served):
        visitor.go(address)
        yield address
