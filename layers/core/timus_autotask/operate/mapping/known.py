"""Names that somebody knows. An unknown name is usually a typing error, so it has to be confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.refusal import NotDone, Way
from timus_autotask.ports.errors import NO_ANSWER
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.inbox import waits_in_inbox
from timus_autotask.store.keys import id_of
from timus_autotask.store.reading import RecordUnreadable


def near(name: str, names: Iterable[str]) -> list[str]:
    """Up to three names that look like it, the nearest first; capitals count for nothing."""
    by_form = {each.casefold(): each for each in sorted(names)}
    return [by_form[form] for form in get_close_matches(name.casefold(), by_form, 3)]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A clause for the end of a sentence; empty without a name that looks like it."""
    found = near(name, names)
    return (
        f"; did you mean {', '.join(found[:-1])}{' or ' if found[:-1] else ''}{found[-1]}?" if found else "."
    )


def is_reported(records: CustomerRecords) -> bool:
    """Whether Timus has reported this customer."""
    return bool(records.subscriptions or records.inbox)


def require_customer(deployment: Deployment, customer_id: str) -> None:
    """Raise :class:`NotDone` for a customer whom Timus has not reported and whom nobody has mapped, before anything is written."""
    try:
        known = is_known(deployment.store.customer(customer_id))
    except RecordUnreadable:
        known = True  # there are records of it
    if not known:
        raise _nobody(deployment, customer_id, " Nothing was written.", Way.STILL_TO_COME)


def require_customer_to_show(deployment: Deployment, customer_id: str) -> None:
    """The same, where nothing is to be written: whatever is stored of a customer can be looked at, also an event that is parked."""
    if not deployment.store.knows_customer(customer_id):
        raise _nobody(deployment, customer_id)


def require_contract_to_show(deployment: Deployment, contract_id: int) -> None:
    """Raise :class:`NotDone` for a contract of which nothing is stored: nobody is billed on it."""
    store = deployment.store
    if not store.knows_contract(contract_id):
        near = did_you_mean(str(contract_id), map(str, store.contract_ids()))
        raise NotDone(f"Nobody is mapped to a contract {contract_id}{near}")


def _nobody(deployment: Deployment, customer_id: str, end: str = "", *ways: Way) -> NotDone:
    near = did_you_mean(customer_id, customers_here(deployment))
    return NotDone(f"Timus has not reported a customer {customer_id} yet{near}{end}", *ways)


def customer_is_no_slip(deployment: Deployment, records: CustomerRecords) -> None:
    """Raise :class:`NotDone` for a customer whom nobody knows, and whose id is that of a known one but for a slip of the pen.

    Any other customer may be mapped before Timus reports it.
    """
    meant = [] if is_known(records) else slips(records.id, customers_here(deployment))
    if meant:
        raise NotDone(
            f"Timus has not reported a customer {records.id} yet; did you mean {' or '.join(meant)}? Nothing was written.",
            Way.STILL_TO_COME,
        )


def is_known(records: CustomerRecords) -> bool:
    """Whether Timus has reported this customer, or a person has mapped it or given it terms."""
    return bool(is_reported(records) or records.mapping or records.terms)


SHORTEST = 4
"""Characters of an id in which a slip can be distinguished from another id."""


def slips(name: str, names: Iterable[str]) -> list[str]:
    """Up to three names that are this one but for capitals, or for one character that is wrong, missing, too many or in the wrong place.

    Not where only digits differ: ids that are numbered are all neighbours.
    """
    return [each for each in sorted(names) if each != name and _one_slip(name, each)][:3]


def _one_slip(one: str, other: str) -> bool:
    one, other = one.casefold(), other.casefold()
    start = _alike_at_first(one, other)
    one, other, shorter = one[start:], other[start:], min(len(one), len(other))
    end = _alike_at_first(one[::-1], other[::-1])
    one, other = one[: len(one) - end], other[: len(other) - end]
    if not one and not other:
        return True
    exchanged = len(one) == 2 and one == other[::-1]
    if shorter < SHORTEST or (one + other).isdigit():
        return False
    return exchanged or max(len(one), len(other)) == 1


def _alike_at_first(one: str, other: str) -> int:
    """How many characters they have in common at the start."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def customers_here(deployment: Deployment) -> set[str]:
    """The customers whom Timus has reported or a person has mapped."""
    store = deployment.store
    waiting = {id_of(d.key) for d in store.due() if waits_in_inbox(d)}
    reported = {subscription.customer_id for subscription in store.subscriptions()}
    return waiting | reported | {mapping.customer_id for mapping in store.mappings()}


def require_skus(deployment: Deployment, skus: Iterable[str]) -> None:
    """Raise :class:`NotDone` for a SKU that Timus has not reported, nobody has mapped, and no service of Autotask carries."""
    wanted = sorted({*skus})
    if not wanted:
        return
    here = skus_here(deployment)
    for sku in wanted:
        if sku not in here and not _is_carried(deployment, sku):
            raise NotDone(
                f"Timus has not reported a SKU {sku} yet, and no service in Autotask carries it{did_you_mean(sku, here)} "
                "Nothing was written.",
                Way.STILL_TO_COME,
            )


def skus_here(deployment: Deployment) -> set[str]:
    """The SKUs that Timus has reported or a person has mapped."""
    store = deployment.store
    reported = {sku for subscription in store.subscriptions() for sku in subscription.skus}
    chosen = {sku for sku, plan in store.partner().plans.items() if plan.value.choices}
    return reported | chosen | {sku for mapping in store.mappings() for sku in mapping.services}


def _is_carried(deployment: Deployment, sku: str) -> bool:
    """Whether an active service of Autotask carries it; one that cannot be asked carries nothing."""
    try:
        return bool(deployment.ports.autotask().services_by_sku([sku]))
    except NO_ANSWER:
        return False
