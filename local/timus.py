"""What Timus sends, as the demo and the tests need it: the body of a webhook about one version of a subscription.

It is written from ``events/README.md`` alone. Nothing is shared with ``timus_autotask.timus``, so that no misunderstanding can
hide on both sides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime

Moment = datetime | str
"""A time with its offset, or one that is written out already."""


def change(
    subscription: str,
    version: int,
    customer: str,
    items: Mapping[str, int],
    effective_at: Moment,
    *,
    type: str = "subscription.updated",  # noqa: A002 - as the event names it
    timestamp: Moment | None = None,
    customer_name: str | None = None,
    customer_domain: str | None = None,
    status: str = "active",
    term: tuple[date, date] = (date(2026, 1, 1), date(2026, 12, 31)),
    cancel_at: date | None = None,
    actor: str | None = None,
) -> str:
    """The JSON of one version: quantities by SKU, which hold from ``effective_at`` on. ``timestamp`` is the same, if it is not given."""
    return json.dumps(
        {
            "type": type,
            "timestamp": _written(timestamp or effective_at),
            "data": {
                "subscription": {
                    "id": subscription,
                    "version": version,
                    "customer": {
                        "id": customer,
                        "name": customer_name or customer,
                        "domain": customer_domain,
                    },
                    "status": status,
                    "billing_cycle": "monthly",
                    "items": [{"sku": sku, "name": sku, "quantity": units} for sku, units in items.items()],
                    "term": {"start": term[0].isoformat(), "end": term[1].isoformat()},
                    "cancel_at": cancel_at.isoformat() if cancel_at else None,
                },
                "effective_at": _written(effective_at),
                **({"actor": actor} if actor else {}),
            },
        }
    )


def _written(moment: Moment) -> str:
    return moment if isinstance(moment, str) else moment.isoformat()
