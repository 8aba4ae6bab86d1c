"""Use cases: what would be adjusted, of everybody or of one customer; and what people did by hand meanwhile."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from timus_autotask.domain.mapping import Ignored
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.known import require_customer_to_show
from timus_autotask.operate.proposal import Progress, or_not_done, quiet, rehearse
from timus_autotask.operate.refusal import Senseless, not_asked
from timus_autotask.operate.stage import kept_in_observation, rehearse_go_live
from timus_autotask.ports.errors import NO_ANSWER
from timus_autotask.sync.stage import stage_of
from timus_autotask.watch.forms import in_observation_form, preview_form, totals_form, unhandled_form
from timus_autotask.watch.preview import Preview
from timus_autotask.watch.shadow import Shadow, shadow


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be adjusted."""

    preview: Preview
    live: bool
    """Whether it will be made without anybody's doing; otherwise by go-live."""
    notes: tuple[str, ...] = ()
    """Contracts that stay in observation because of somebody else."""
    ignored: Ignored | None = None
    """Who said why nothing of the customer is billed."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "live": self.live,
            "ignored": asdict(self.ignored) if self.ignored else None,
            "contracts": preview_form(self.preview),
            "unhandled": unhandled_form(self.preview),
            "totals": totals_form(self.preview.totals),
            "in_observation": in_observation_form(self.preview),
        }


def what_would_be_adjusted(
    deployment: Deployment, customer: str | None = None, on_progress: Progress = quiet
) -> Forecast:
    """Every adjustment that would be made, from the workers that make it, with an estimate in money.

    Raises :class:`NotDone` when it cannot be shown.
    """
    if customer is not None:
        require_customer_to_show(deployment, customer)
    customers = (customer,) if customer else ()
    store = deployment.store
    stage = stage_of(store.partner(), store)
    own = store.customer(customer).own_stage if customer else None
    with or_not_done():
        shown = rehearse(
            deployment,
            lambda ports: rehearse_go_live(ports, deployment, customers),
            on_progress,
            money=True,
        )
    notes = tuple(kept_in_observation(deployment, customers))
    mapping = store.mapping(customer) if customer else None
    return Forecast(
        shown.preview.set_apart(), (own or stage).live, notes, mapping.ignored if mapping else None
    )


def what_people_did(deployment: Deployment, since: date, customer: str | None = None) -> Shadow:
    """What people changed by hand in Autotask since a day, against what would have been adjusted.

    Raises :class:`NotDone` when Autotask cannot be asked.
    """
    if since > deployment.today:
        raise Senseless(f"{since} is a day to come: name the first day that is to be compared.")
    if customer is not None:
        require_customer_to_show(deployment, customer)
    try:
        return shadow(deployment.ports, since, customer, deployment.each)
    except NO_ANSWER as error:
        raise not_asked(error) from error
