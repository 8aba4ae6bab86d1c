"""Every mapping that there is, by customer and by SKU, and every contract service that was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from timus_autotask.domain.mapping import (
    CustomerMapping,
    Ignored,
    LineChoice,
    LineKey,
    PlanMapping,
    Routing,
    ServiceChoice,
)
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.mapping.family import shown
from timus_autotask.store.reading import Stored
from timus_autotask.watch.names import NOBODY, Directory, known_names


@dataclass(frozen=True, slots=True)
class Mappings:
    """Every mapping there is."""

    customers: tuple[CustomerMapping, ...]
    plans: tuple[PlanMapping, ...]
    names: Directory = NOBODY
    lines: tuple[tuple[LineKey, LineChoice], ...] = ()
    """The contract services that were chosen where a service is on a contract more than once."""

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "customers": [
                {
                    "customer": mapping.customer_id,
                    "customer_name": self.names.customers.get(mapping.customer_id),
                    "ignored": _ignored_json(mapping.ignored),
                    "routings": [_routing_json(routing, self.names) for routing in mapping.routings],
                    "services": {
                        sku: _choices_json(choices, self.names) for sku, choices in mapping.services.items()
                    },
                }
                for mapping in self.customers
            ],
            "plans": [
                {
                    "sku": plan.sku,
                    "services": _choices_json(plan.choices, self.names),
                    "matched": plan.matched,
                    "family": shown(plan.family),
                    "candidates": [*plan.candidates],
                    "ignored": _ignored_json(plan.ignored),
                }
                for plan in self.plans
            ],
            "lines": [
                {
                    "contract_id": key.contract_id,
                    "contract_name": self.names.contracts.get(key.contract_id),
                    "service_id": key.service_id,
                    "service_name": self.names.services.get(key.service_id),
                    "contract_service_id": choice.contract_service_id,
                    "from": choice.first_day,
                }
                for key, choice in self.lines
            ],
        }


def mappings(deployment: Deployment) -> Mappings:
    """Every mapping, by customer and by SKU."""
    partner = deployment.store.readable_partner()
    for error in partner.unreadable.values():
        deployment.store.on_unreadable(error)
    plans: Mapping[str, Stored[PlanMapping]] = partner.plans
    return Mappings(
        tuple(sorted(deployment.store.mappings(), key=lambda mapping: mapping.customer_id)),
        tuple(stored.value for _, stored in sorted(plans.items())),
        known_names(deployment.store),
        tuple(chosen_lines(deployment)),
    )


def chosen_lines(deployment: Deployment) -> list[tuple[LineKey, LineChoice]]:
    """Every contract service that was chosen, by contract and service."""
    found = {
        LineKey(state.contract_id, service_id): choice
        for state, _ in deployment.store.contract_states()
        for service_id, choice in state.chosen.items()
    }
    return sorted(found.items(), key=lambda each: each[0])


def _routing_json(routing: Routing, names: Directory) -> dict[str, Any]:
    return {
        "from": routing.first_day,
        "routes": [
            {
                "sku": route.sku,
                "company_id": route.company_id,
                "company_name": names.companies.get(route.company_id),
                "contract_id": route.contract_id,
                "contract_name": names.contracts.get(route.contract_id),
                "units": route.units,
            }
            for route in routing.routes
        ],
    }


def _ignored_json(ignored: Ignored | None) -> dict[str, Any] | None:
    return {"reason": ignored.reason, "by": ignored.by, "at": ignored.at} if ignored else None


def _choices_json(choices: Iterable[ServiceChoice], names: Directory) -> list[dict[str, Any]]:
    return [
        {
            "from": choice.first_day,
            "service_id": choice.service_id,
            "service_name": names.services.get(choice.service_id),
        }
        for choice in choices
    ]
