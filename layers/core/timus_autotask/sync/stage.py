"""Which stage holds: of the stack, decided once where no record says it, and of a contract by its customers."""

from __future__ import annotations

from collections.abc import Iterable

from timus_autotask.domain.stage import Stage, is_live
from timus_autotask.store.customers import CustomerRecords
from timus_autotask.store.partner import PartnerRecords
from timus_autotask.store.records import Store
from timus_autotask.store.terms import put_stage
from timus_autotask.store.update import update
from timus_autotask.sync.ports import Ports


def stage_of(partner: PartnerRecords, store: Store) -> Stage:
    """The stage of the stack; where no record says it, the one that would be decided now. Nothing is written."""
    if partner.stage is not None:
        return partner.stage.value
    adjusted = has_adjusted(store)
    since = store.partner().stage  # of a stage that was decided meanwhile, the first line may be seen already
    return since.value if since else Stage(adjusted)


def decide_stage(ports: Ports, partner: PartnerRecords) -> Stage:
    """The stage of the stack. Where no record says it, it is decided now and stored.

    Nothing writes a line before this is done. So a stack with a line made adjustments before there were stages, and stays live. Any
    other one is new, and observes.
    """
    if partner.stage is not None:
        return partner.stage.value

    def decide() -> Stage:
        known = ports.store.partner().stage
        if known is not None:
            return known.value
        stage = Stage(has_adjusted(ports.store), ports.clock.now())
        ports.store.commit(put_stage(None, stage, 0))
        return stage

    return update(decide)


def has_adjusted(store: Store) -> bool:
    """Whether a stack without a stage has a line: an earlier version, which knew no observing, has worked on it."""
    return next(store.table.list("line", backwards=True), None) is not None  # in a small page


def contract_is_live(contract_id: int, customers: Iterable[CustomerRecords], partner: Stage) -> bool:
    """Whether everybody who is mapped onto a contract is live."""
    mapped = (one for one in customers if one.mapping and contract_id in one.mapping.value.contract_ids)
    return is_live(partner, (one.own_stage for one in mapped))
