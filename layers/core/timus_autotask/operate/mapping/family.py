"""Use case: which SKUs are plans that seats move between, and which are add-ons. Proposed first, with the adjustments that would follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_skus
from timus_autotask.operate.proposal import Prepared, Progress, Proposal, propose, quiet, wake
from timus_autotask.operate.recording import new_decision
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.store.decisions import put_decision
from timus_autotask.store.partner import Waking, put_plan
from timus_autotask.store.update import update
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.sweep import refresh_plan

ADD_ON = "add-on"
"""How the family of a SKU that is in none is shown. No family is called so."""


@dataclass(frozen=True, slots=True)
class FamilySaid:
    """What people say of a SKU."""

    sku: str
    family: str | None
    """Empty: an add-on. None: nothing, so that Timus's numbers decide."""

    @property
    def detail(self) -> str:
        """For people."""
        if self.family is None:
            return f"Whether {self.sku} is a plan is decided by Timus's numbers"
        return (
            f"{self.sku} is a plan of the family {self.family}" if self.family else f"{self.sku} is an add-on"
        )

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {"sku": self.sku, "family": shown(self.family)}


def shown(family: str | None) -> str | None:
    """A family as people write it; None: nobody has said."""
    return ADD_ON if family == "" else family


def say_family(
    deployment: Deployment,
    sku: str,
    family: str | None,
    by: str,
    *,
    unknown: bool = False,
    on_progress: Progress = quiet,
) -> Proposal[FamilySaid]:
    """Say for every customer whether a SKU is a plan, or take that back. Its service stays as it is.

    ``family``: its name; empty for an add-on; None to let Timus's numbers decide.
    """
    if family is not None and family.strip() == ADD_ON:
        raise NotDone(f"No family is called {ADD_ON}. Nothing was written.", Way.ADD_ON)
    result = FamilySaid(sku, family.strip() if family else family)

    def prepare() -> Prepared[FamilySaid]:
        if not unknown:
            require_skus(deployment, [sku])
        others = [
            one.value.sku
            for one in deployment.store.partner().plans.values()
            if result.family and one.value.family == result.family and one.value.sku != sku
        ]
        alone = f"Note: no other SKU is in the family {result.family} yet, so no seat moves within it."
        return Prepared(
            lambda ports: _write(result, by, ports), () if others or not result.family else (alone,)
        )

    return propose(deployment, prepare, on_progress)


def _write(said: FamilySaid, by: str, ports: Ports) -> FamilySaid:
    def attempt() -> None:
        plan = ports.store.partner().plan(said.sku)
        now = ports.clock.now()
        ports.store.commit(
            # A family concerns them also while the SKU has no service.
            put_plan(replace(plan.value, family=said.family), plan.rev, now.replace(microsecond=0), Waking()),
            put_decision(new_decision("map plan", (), by, said.detail, ports)),
        )

    update(attempt)
    # What is not woken here, should this be interrupted, is woken by the sweep: the plan is due.
    wake(refresh_plan(said.sku, ports), ports)
    return said
