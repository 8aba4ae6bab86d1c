"""Events as Timus would send them: snapshots that never arrived and come in by a file, and a test of the way.

The reverse of ``understand`` in ``events``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from timus_autotask.domain.subscription import Snapshot

UPDATED = "subscription.updated"
"""The type of an event that says what holds now, and nothing more."""


def render(snapshot: Snapshot, provenance: Mapping[str, str]) -> bytes:
    """The body of an event; ``provenance`` says where it comes from. The same values give the same bytes."""
    names = dict(snapshot.item_names)
    body = {
        "type": snapshot.event_type,
        "timestamp": snapshot.occurred_at.isoformat(),
        "data": {
            "subscription": {
                "id": snapshot.subscription_id,
                "version": snapshot.version,
                "customer": {
                    "id": snapshot.customer_id,
                    "name": snapshot.customer_name,
                    "domain": snapshot.customer_domain,
                },
                "status": snapshot.status,
                "billing_cycle": snapshot.billing_cycle,
                "items": [_item(sku, quantity, names.get(sku)) for sku, quantity in snapshot.items],
                "term": {"start": snapshot.term_start.isoformat(), "end": snapshot.term_end.isoformat()},
                "cancel_at": snapshot.cancel_at.isoformat() if snapshot.cancel_at else None,
            },
            "effective_at": snapshot.effective_at.isoformat(),
            "actor": snapshot.actor,
        },
        "provenance": dict(provenance),
    }
    return json.dumps(body, sort_keys=True).encode()


def render_test(moment: datetime) -> bytes:
    """The body of an event that names no customer and no subscription, and so changes nothing."""
    body = {"type": "webhook.test", "timestamp": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "data": {}}
    return json.dumps(body).encode()


def _item(sku: str, quantity: int, name: str | None) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity} | ({} if name is None else {"name": name})
