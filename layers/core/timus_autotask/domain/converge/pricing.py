"""Which unit price goes out with a line's next adjustment, and which prices have to be read to say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from timus_autotask.domain.converge.draft import LineDraft
from timus_autotask.domain.converge.view import View
from timus_autotask.domain.policy import Policy
from timus_autotask.domain.price import ObservedPrice, price_of_line, price_of_new_line


def unread_prices(drafts: Iterable[LineDraft], view: View) -> dict[int, int | None]:
    """The services whose prices are still to be read, with their lines on the contract; None: the service is new there.

    Each read costs calls to Autotask. So nothing is read where no price can go out: nothing is to be adjusted, the terms set no price, and the
    contract renews none. A change of a later day is priced too: people are shown what it will be made with.
    """
    return {
        draft.key.service_id: draft.line.contract_service_id
        for draft in drafts
        if draft.adjustments and draft.key.service_id not in view.prices and _must_be_read(draft, view)
    }


def _must_be_read(draft: LineDraft, view: View) -> bool:
    if draft.line.contract_service_id is None:
        return view.renews is not None
    return _wanted(draft, view) is not None


def priced(draft: LineDraft, view: View) -> LineDraft:
    """The line with the price that goes out with its next adjustment, if one does."""
    if not draft.adjustments:
        return draft
    wanted = _wanted(draft, view)
    observed = view.prices.get(draft.key.service_id, ObservedPrice())
    new = draft.line.contract_service_id is None
    return replace(draft, price=(price_of_new_line if new else price_of_line)(wanted, observed))


def _wanted(draft: LineDraft, view: View) -> Decimal | None:
    """The price in the terms for the first SKU on this line that has one. Of several customers who share it each has to have that price.

    A line has one price. So what is agreed with one of them is not billed to the others.
    """
    first: dict[str, Decimal] = {}
    for customer, sku in draft.sources:
        price = view.policies.get(customer, Policy()).prices.get(sku)
        if price is not None:
            first.setdefault(customer, Decimal(price))
    prices = {first.get(customer) for customer in draft.customers}
    return prices.pop() if len(prices) == 1 else None
