"""A document whose data is no map is named on the console's pages, and breaks none of them."""

from __future__ import annotations

import pytest

from tests.unit.cli.test_damaged_data import EVERYBODYS, READ_BY_FEW, kinds, kinds_in, write
from tests.unit.cli.test_unreadable_records import SICK, prepared
from tests.unit.web.browser import Browser
from timus_autotask.ports.table import Damaged

PAGES = (
    "/",
    "/customers",
    f"/customers/{SICK}",
    "/changes",
    "/mapping",
    "/terms",
    "/health",
    "/ready",
    "/ledger",
    "/posted",
)


@pytest.mark.parametrize("kind", kinds())
def test_every_page_is_there(kind: str) -> None:
    """Where everybody's records are damaged, a page may say that it cannot be shown; the first one names the record, whichever it is."""
    world = prepared()
    document = kinds_in(world)[kind]
    write(world, document, Damaged(7))
    browser = Browser(world)
    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code == 200 or (kind in EVERYBODYS and "/".join(document.key) in answer.text), (
            page,
            answer.status_code,
        )
    if kind not in READ_BY_FEW:
        assert "/".join(document.key) in browser.page("/")
