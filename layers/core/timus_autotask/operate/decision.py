"""A decision as it is recorded: who decided what, and when."""

from __future__ import annotations

from timus_autotask.store.decisions import Decision
from timus_autotask.sync.ports import Ports


def decided(kind: str, customers: tuple[str, ...], by: str, detail: str, ports: Ports) -> Decision:
    """What ``by`` has just decided with the command ``kind``. Write it together with what was decided; no customers: everybody."""
    return Decision(ports.new_id(), ports.clock.now(), kind, by, customers, detail=detail)
