"""What is set for everybody or for one customer: the terms, and whether it is live or observes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any

from timus_autotask.domain.policy import Policy
from timus_autotask.domain.stage import Stage
from timus_autotask.domain.terms import Terms, former_layers, layered
from timus_autotask.ports.table import Data, Document, Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec, problems_of
from timus_autotask.store.former_terms import compact, whole
from timus_autotask.store.reading import Stored, Unreadable, read_as

_POLICY = Codec(Policy)
_TERMS = Codec(Terms, whole=True)
_STAGE = Codec(Stage)

stage_in = _STAGE.load
"""Whether a customer, or everybody else, is live."""


class TermsUnreadable(Unreadable):
    """Terms that there are not, or that cannot be meant; the message has each, with its name."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("; ".join(problems))


def policy_from(*values: Mapping[str, Any]) -> Policy:
    """The policy of the given terms, later ones over earlier ones; a pause of any is a pause.

    Raises ``TermsUnreadable`` for terms that there are not, or that cannot be meant.
    """
    return _policy(layered(*values))


def policies_from(*terms: Terms) -> tuple[Policy, tuple[tuple[date, Policy], ...]]:
    """The policy of today, and those that held until a day, in order of that day; later terms over earlier ones.

    Raises ``TermsUnreadable``.
    """
    earlier = tuple((until, _policy(values)) for until, values in former_layers(*terms))
    return policy_from(*(each.values for each in terms)), earlier


def _policy(values: Mapping[str, Any]) -> Policy:
    unknown = set(values) - {each.name for each in fields(Policy)}
    if unknown:
        raise TermsUnreadable([f"there is no term {', '.join(sorted(unknown))}"])
    try:
        return _POLICY.load(values)
    except ValueError as error:
        raise TermsUnreadable(problems_of(error, whole="")) from error


def terms_in(data: Data) -> Terms:
    """Terms as they were set."""
    return _TERMS.load(whole(data))


def stored_stage(document: Document) -> Stored[Stage]:
    """Whether a customer, or everybody else, is live. Raises ``RecordUnreadable``."""
    return Stored(read_as(stage_in, document), document.rev)


def put_terms(customer_id: str | None, terms: Terms | Mapping[str, Any], expected: int) -> Put:
    """Store the partner's terms, or a customer's overrides of them. Bare values hold always, with nothing before them."""
    record = terms if isinstance(terms, Terms) else Terms(terms)
    return Put(
        keys.policy_key(customer_id),
        compact(_TERMS.dump(record)),
        expected,
        kind="policy",
        sort=customer_id or "-",
    )


def put_stage(customer_id: str | None, stage: Stage, expected: int) -> Put:
    """Store whether a customer is live; None: everybody without a stage of his own."""
    key = keys.stage_key(customer_id)
    return Put(key, _STAGE.dump(stage), expected, kind="stage", sort=customer_id or "-")
