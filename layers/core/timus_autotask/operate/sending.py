"""Use case: what would be adjusted if an event came, before it is sent."""

from __future__ import annotations

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.proposal import or_not_done, rehearse, wake
from timus_autotask.ports.errors import Conflict
from timus_autotask.store.inbox import delivery_of, put_delivery
from timus_autotask.sync.ports import Ports
from timus_autotask.timus.peek import peek_customer
from timus_autotask.watch.preview import Preview


def what_follows(deployment: Deployment, event_id: str, body: bytes) -> Preview:
    """Every adjustment that would follow from an event. One that names no customer is parked, and nothing follows.

    Raises :class:`NotDone` when it cannot be shown.
    """
    customer = peek_customer(body)
    if customer is None:
        return Preview()

    def act(ports: Ports) -> None:
        now = ports.clock.now()
        try:
            ports.store.commit(put_delivery(customer, delivery_of(event_id, body, now), int(now.timestamp())))
        except Conflict:
            return  # it waits already
        wake([customer], ports)

    with or_not_done():
        return rehearse(deployment, act, lambda _done, _of: None).preview
