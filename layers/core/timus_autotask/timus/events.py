"""What an event of Timus says. The fields of its JSON are known in this folder only.

Timus publishes no schema, so this follows our own contract strictly: what decides a quantity must be there
and must be of its type, because a guess would end as a wrong seat on an invoice. What is only for people may be
missing (a customer's domain, an item's name, the actor), and is cut where it is very long. ``cancel_at`` may be
missing too, since many senders leave out what is null. Fields that we do not know are ignored.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from timus_autotask.domain.subscription import BillingCycle, Snapshot, Status
from timus_autotask.timus.peek import IDENTIFIER

TEST = "webhook.test"
"""The type of an event that says nothing of anybody."""
AS_A_FILE = (
    '{"type": "subscription.updated", "timestamp": "2026-03-15T09:12:44Z", "data": {"subscription": {"id": "sub_8f2c1a", "version": 7, '
    '"customer": {"id": "cus_41d0"}, … A whole one: events/timus/subscription.updated.json'
)
"""How a file with an event begins, for people."""
WITHOUT_SUBSCRIPTION = ("customer.updated", TEST)
"""The types that have a meaning without a subscription; none of them changes what is billed."""
RENEWED = "subscription.renewed"
"""The only type that says more than its snapshot: that the term is a renewed one."""
LARGEST_QUANTITY = 2**31 - 1
"""Autotask's units are 32-bit integers."""
LARGEST_VERSION = 2**53 - 1
"""What every reader of JSON holds exactly."""
LONGEST_TEXT = 200
"""Characters of a text that is only for people, such as a name or the actor. It is kept with each change that follows from the event, and a
document of the table has an end; the rest of a longer one stands in the event's own body."""


@dataclass(frozen=True, slots=True)
class Noted:
    """An event that is kept for people and changes nothing."""

    event_id: str
    event_type: str
    customer_id: str | None
    customer_name: str | None
    customer_domain: str | None


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """An event of Timus that a person must look at.

    ``reason`` names the field and says what is wrong with it.
    """

    reason: str


def understand(event_id: str, body: bytes) -> Snapshot | Noted | NotUnderstood:
    """Read the raw body of a genuine event. It never raises, whatever the bytes are.

    A subscription counts as a snapshot whatever the event's type is, because new types may come. Only a renewal's type says more:
    see ``Snapshot.renews``.
    """
    try:
        event = _object(body)
        data = event.get("data")
        bare = not isinstance(data, dict) or data.get("subscription") is None
        if bare and event.get("type") in WITHOUT_SUBSCRIPTION:
            return _noted(event_id, _NoteEvent.model_validate(event))
        return _snapshot(event_id, _ChangeEvent.model_validate(event))
    except _Unreadable as error:
        return NotUnderstood(str(error))
    except ValidationError as error:
        return NotUnderstood(_in_words(error))


class _Unreadable(Exception):
    """The body is no JSON object that two readers would read alike."""


def _object(body: bytes) -> dict[str, Any]:
    try:
        # Strict where Python's reader is generous: JSON is UTF-8, has no NaN, and a field that comes twice
        # would let us read another quantity than the sender meant. A byte-order mark may be ignored (RFC 8259, section 8.1).
        value = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_each_once, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise _Unreadable("the body is not UTF-8 text") from error
    except RecursionError as error:
        raise _Unreadable("the body is nested too deeply") from error
    except ValueError as error:
        raise _Unreadable("the body is not JSON") from error
    if not isinstance(value, dict):
        raise _Unreadable("the body is not a JSON object")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise _Unreadable(f"the field {json.dumps(twice[:100])} comes twice in one object")
    return fields


def _no_number(name: str) -> Any:
    raise _Unreadable(f"the body is not JSON: {name} is no number")


def _text(value: str) -> str:
    try:
        value.encode()
    except (
        UnicodeEncodeError
    ) as error:  # JSON can write half of a surrogate pair, which nothing else can store
        raise ValueError("must be a text of whole characters") from error
    return value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"


def valid_identifier(value: str) -> str:
    """An id of Timus. Raises ``ValueError`` with the reason."""
    if not IDENTIFIER.fullmatch(value):
        raise ValueError("must be 1 to 128 printable ASCII characters without spaces")
    return value


def valid_sku(value: str) -> str:
    """A SKU of Timus. Raises ``ValueError`` with the reason."""
    if not (1 <= len(value) <= 128 and value.isprintable() and value == value.strip()):
        raise ValueError("must be 1 to 128 printable characters without spaces around them")
    return value


_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(2000, 2200)
"""A year outside of these is a mistake, and one near year 1 or 9999 has no neighbouring day in each zone."""


def _instant(value: object) -> datetime:
    """RFC 3339, section 5.6: a date, a time and an offset."""
    if isinstance(value, str) and _INSTANT.fullmatch(value.upper()):
        try:
            instant = datetime.fromisoformat(value.upper())
            if instant.year in _YEARS:
                return instant.astimezone(UTC)
        except ValueError:
            pass  # the 30th of February, say
    raise ValueError("must be a time as in 2026-03-15T09:12:44Z, with its offset, of the years 2000 to 2199")


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
            if day.year in _YEARS:
                return day
        except ValueError:
            pass
    raise ValueError("must be a day as in 2026-03-15, of the years 2000 to 2199")


_Text = Annotated[str, AfterValidator(_text)]
_Identifier = Annotated[str, AfterValidator(valid_identifier)]
_Instant = Annotated[datetime, BeforeValidator(_instant)]
_Day = Annotated[date, BeforeValidator(_day)]


class _Fields(BaseModel):
    # Strict: 28.0, "28" and true are no quantities.
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Customer(_Fields):
    id: _Identifier
    name: _Text
    domain: _Text | None = None


class _Item(_Fields):
    sku: Annotated[str, AfterValidator(valid_sku)]
    name: _Text | None = None
    quantity: Annotated[int, Field(ge=0, le=LARGEST_QUANTITY)]


def _each_sku_once(items: list[_Item]) -> list[_Item]:
    for sku, times in Counter(item.sku for item in items).items():
        if times > 1:
            raise ValueError(f"must have each SKU once, but {json.dumps(sku)} comes {times} times")
    return items


class _Term(_Fields):
    start: _Day
    end: _Day


def _in_order(term: _Term) -> _Term:
    if term.end < term.start:
        raise ValueError(f"must not end ({term.end}) before it starts ({term.start})")
    return term


class _Subscription(_Fields):
    id: _Identifier
    version: Annotated[int, Field(ge=1, le=LARGEST_VERSION)]
    customer: _Customer
    status: Status
    billing_cycle: BillingCycle
    items: Annotated[list[_Item], AfterValidator(_each_sku_once)]
    term: Annotated[_Term, AfterValidator(_in_order)]
    cancel_at: _Day | None = None


class _ChangeData(_Fields):
    subscription: _Subscription
    effective_at: _Instant
    actor: _Text | None = None


class _Event(_Fields):
    type: _Text
    timestamp: _Instant


class _ChangeEvent(_Event):
    data: _ChangeData


class _NotedCustomer(_Fields):
    id: _Identifier
    name: _Text | None = None
    domain: _Text | None = None


class _NoteData(_Fields):
    customer: _NotedCustomer | None = None


class _NoteEvent(_Event):
    data: _NoteData


def _snapshot(event_id: str, event: _ChangeEvent) -> Snapshot:
    subscription = event.data.subscription
    items = sorted(subscription.items, key=lambda item: item.sku)
    return Snapshot(
        subscription_id=subscription.id,
        version=subscription.version,
        customer_id=subscription.customer.id,
        customer_name=subscription.customer.name,
        customer_domain=subscription.customer.domain,
        status=subscription.status,
        billing_cycle=subscription.billing_cycle,
        items=tuple((item.sku, item.quantity) for item in items),
        term_start=subscription.term.start,
        term_end=subscription.term.end,
        cancel_at=subscription.cancel_at,
        effective_at=event.data.effective_at,
        event_type=event.type,
        event_id=event_id,
        occurred_at=event.timestamp,
        actor=event.data.actor,
        item_names=tuple((item.sku, item.name) for item in items if item.name is not None),
        renews=event.type == RENEWED,
    )


def _noted(event_id: str, event: _NoteEvent) -> Noted:
    customer = event.data.customer
    return Noted(
        event_id=event_id,
        event_type=event.type,
        customer_id=customer.id if customer else None,
        customer_name=customer.name if customer else None,
        customer_domain=customer.domain if customer else None,
    )


_WORDS = {
    "missing": "is missing",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "list_type": "must be a list",
    "model_type": "must be an object",
}


def _in_words(invalid: ValidationError) -> str:
    """One clause for each wrong field, the first three of them."""
    errors = invalid.errors(include_url=False)
    clauses = []
    for error in errors[:3]:
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error["loc"])
        known = _WORDS.get(error["type"])
        problem = known.format_map(error.get("ctx", {})) if known else error["msg"]
        seen = error["input"]
        if error["type"] != "missing" and (seen is None or isinstance(seen, str | int | float)):
            problem += f", but is {json.dumps(seen)[:60]}"
        clauses.append(f"{''.join(steps).removeprefix('.')} {problem.removeprefix('Value error, ')}")
    more = len(errors) - len(clauses)
    return "; ".join(clauses) + (f"; and {more} more" if more else "")
