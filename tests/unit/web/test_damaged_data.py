"""A document that a hand has damaged is named on the console's pages, and breaks none of them."""

from __future__ import annotations

import pytest

from tests.unit.cli.test_broken_keys import broken, is_seen, moved
from tests.unit.cli.test_damaged_data import (
    EVERYBODYS,
    NO_REVISION,
    READ_BY_FEW,
    damage,
    kinds,
    kinds_in,
    write,
)
from tests.unit.cli.test_unreadable_records import SICK, prepared
from tests.unit.web.browser import Browser

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


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((kind, "a number") for kind in kinds()),
        ("CONTRACT/LINE", NO_REVISION),
        ("PARTNER/PLAN", NO_REVISION),
    ],
)
def test_every_page_is_there(kind: str, how: str) -> None:
    """Where everybody's records are damaged, a page may say that it cannot be shown; the first one names the record, whichever it is."""
    world = prepared()
    document = kinds_in(world)[kind]
    write(world, document, damage(document, how))
    browser = Browser(world)
    for page in PAGES:
        answer = browser.get(page)
        assert answer.status_code == 200 or (kind in EVERYBODYS and "/".join(document.key) in answer.text), (
            page,
            answer.status_code,
        )
    if kind not in READ_BY_FEW:
        assert "/".join(document.key) in browser.page("/")


@pytest.mark.parametrize("how", ["no id", "another sort key", "no number"])
@pytest.mark.parametrize("kind", ["CUSTOMER/INBOX", "CONTRACT/CONTRACT", "CONTRACT/LINE", "CUSTOMER/MAPPING"])
def test_every_page_is_there_beside_a_broken_key(kind: str, how: str) -> None:
    """The first one names the record that nobody else reads."""
    world = prepared()
    document = kinds_in(world)[kind]
    to = broken(document.key).get(how)
    if to is None:
        return
    moved(world, document, to)
    browser = Browser(world)
    for page in PAGES:
        assert browser.get(page).status_code in (200, 404), page
    if is_seen(document, to):
        assert "/".join(to) in browser.page("/")
