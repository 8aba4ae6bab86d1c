"""Where each record lives: every key of the table, and every range that is read of it. Standard library only.

A range by prefix ends at the last code point, so it includes every name with that prefix.
"""

from __future__ import annotations

import re

from timus_autotask.ports.table import Key

PARTNER = "PARTNER"
"""The partition of what holds for all customers."""

DECISIONS = "DECISIONS"
"""The partition of what people decided."""

# How sort keys begin, or what they are.
INBOX = "INBOX#"
EVENT = "EVENT#"
SUBSCRIPTION = "SUBSCRIPTION#"
SUBSCRIPTION_PART = "SUBSCRIPTION-PART#"
LINE = "LINE#"
CHANGE = "CHANGE#"
PLAN = "PLAN#"
FOUND = "RECONCILE#"
CONTRACT = "CONTRACT"
LIVE = "LIVE"
MAPPING = "MAPPING"
NOTICES = "NOTICE"
POLICY = "POLICY"
OPENING = "OPENING"
OWNER = "OWNER"
NOTE = "NOTE"
TROUBLE = "TROUBLE"
NAMES = "NAMES"

CIRCUIT = Key(PARTNER, "AUTOTASK")
"""Whether Autotask may be asked."""
IN_HAND = Key(PARTNER, "IN-HAND")
"""What a sweep has begun and not ended."""
MOVED = Key(PARTNER, "MOVED")
"""Units that were changed today; the name is stored."""
RUN = Key(PARTNER, "RECONCILE")
"""The reconcile that was begun last."""
GAUGES = Key(PARTNER, "VITALS")
"""When the gauges were last measured."""
TICKETS = Key(PARTNER, "TICKETS")
"""The tickets for alarms."""

DIGEST = Key(PARTNER, "SENT-DIGEST")
"""When the last digest was sent: behind all that a worker reads."""
INVOICE_PROFILE = Key(PARTNER, "TIMUS-INVOICE")
"""How the partner's own invoice from Timus is read: behind all that a worker reads."""
SIGN_OFF = "SIGN-OFF#"
"""How the sort key of a month that was signed off begins, among the decisions."""

LAST = "\U0010ffff"
"""After every sort key."""

OF_CUSTOMER = (INBOX, SUBSCRIPTION_PART + LAST)
"""First and last sort key of what a worker needs of a customer: inbox, stage, mapping, notice, terms, subscriptions. ``EVENT#`` stands before it."""
BUT_INBOX = (LIVE, SUBSCRIPTION_PART + LAST)
"""The same without the inbox."""
EVENTS = (EVENT, EVENT + LAST)
"""A customer's merged events."""
OF_CONTRACT = (CONTRACT, LINE + LAST)
"""Of a contract: its state and its lines. ``CHANGE#`` stands before it."""
WITH_JOURNAL = (CHANGE, NAMES)
"""The same with the journal and the names."""
OF_PARTNER = (CIRCUIT.sk, POLICY)
"""Of the partner: circuit, what a sweep has in hand, stage, units changed today, plans, terms. What a reconcile found stands behind it."""
WITH_RUN = (CIRCUIT.sk, RUN.sk)
"""The same with the reconcile that was begun last."""
FOUND_BY_RUNS = (FOUND, FOUND + LAST)
"""What a reconcile found."""


def customer_pk(customer_id: str) -> str:
    """The partition of a customer."""
    return f"CUSTOMER#{customer_id}"


def contract_pk(contract_id: int) -> str:
    """The partition of a contract."""
    return f"CONTRACT#{contract_id}"


_FORMS = {
    PARTNER: (
        "",
        "AUTOTASK|IN-HAND|LIVE|MOVED|POLICY|RECONCILE|SENT-DIGEST|TICKETS|TIMUS-INVOICE|VITALS|(PLAN|RECONCILE|TROUBLE)#.+",
    ),
    DECISIONS: ("", ".+#.+"),
    "CUSTOMER": (
        "#.+",
        "LIVE|MAPPING|NOTICE|POLICY|TROUBLE|(INBOX|EVENT|SUBSCRIPTION)#.+|SUBSCRIPTION-PART#.+#[0-9]{16}",
    ),
    # A contract that a rehearsal opens has a negative number.
    "CONTRACT": ("#-?[0-9]+", "CONTRACT|NAMES|TROUBLE|LINE#[0-9]+|CHANGE#.+#.+"),
    "SUBSCRIPTION": ("#.+", "OWNER"),
    "OPENING": ("#.+", "OPENING|TROUBLE"),
    "NOTE": ("#.+", "NOTE|TROUBLE"),
}
"""Every key of the table, by how its partition begins: what follows there, and its sort key."""


def is_whole(key: Key) -> bool:
    """Whether a record of the product may have this key. A trouble may be about a partition that is none of ours."""
    if key.sk == TROUBLE:
        return True
    _, sk = _FORMS.get(key.pk.partition("#")[0], ("", ""))
    return is_ours(key.pk) and re.fullmatch(sk, key.sk, re.DOTALL) is not None  # an id may hold any sign


def is_ours(pk: str) -> bool:
    """Whether it is a partition of the product."""
    begin = pk.partition("#")[0]
    return begin in _FORMS and re.fullmatch(_FORMS[begin][0], pk.removeprefix(begin), re.DOTALL) is not None


def id_of(key: Key) -> str:
    """Whose the partition of a key is: the customer's, contract's, opening's or subscription's id."""
    return key.pk.partition("#")[2]


def inbox_key(customer_id: str, event_key: str) -> Key:
    """Where an event waits to be merged."""
    return Key(customer_pk(customer_id), INBOX + event_key)


def event_key(customer_id: str, event_key: str) -> Key:
    """Where a merged event stands."""
    return Key(customer_pk(customer_id), EVENT + event_key)


def mapping_key(customer_id: str) -> Key:
    """Where a customer's mapping stands."""
    return Key(customer_pk(customer_id), MAPPING)


def notice_key(customer_id: str) -> Key:
    """Where it stands which contracts are still to be told that something is new of a customer."""
    return Key(customer_pk(customer_id), NOTICES)


def policy_key(customer_id: str | None) -> Key:
    """Where a customer's terms stand; None: the partner's."""
    return Key(customer_pk(customer_id), POLICY) if customer_id else Key(PARTNER, POLICY)


def stage_key(customer_id: str | None) -> Key:
    """Where it stands whether a customer is live; None: the partner's own."""
    return Key(customer_pk(customer_id), LIVE) if customer_id else Key(PARTNER, LIVE)


def subscription_key(customer_id: str, subscription_id: str) -> Key:
    """Where a subscription's history stands."""
    return Key(customer_pk(customer_id), SUBSCRIPTION + subscription_id)


def subscription_part_key(customer_id: str, subscription_id: str, last: int) -> Key:
    """Where older versions of a history stand, up to the number ``last``; the largest number has 16 digits."""
    return Key(customer_pk(customer_id), SUBSCRIPTION_PART + f"{subscription_id}#{last:016}")


def parts_of(subscription_id: str) -> tuple[str, str]:
    """First and last sort key of a history's parts; parts of an id that begins with this one and ``#`` stand between them."""
    return f"{SUBSCRIPTION_PART}{subscription_id}#", f"{SUBSCRIPTION_PART}{subscription_id}#{LAST}"


def owner_key(subscription_id: str) -> Key:
    """Where it stands whose a subscription is."""
    return Key(SUBSCRIPTION + subscription_id, OWNER)


def contract_key(contract_id: int) -> Key:
    """Where a contract's state stands."""
    return Key(contract_pk(contract_id), CONTRACT)


def line_key(contract_id: int, service_id: int) -> Key:
    """Where a line stands."""
    return Key(contract_pk(contract_id), LINE + str(service_id))


def change_key(contract_id: int, at: str, change_id: str) -> Key:
    """Where an entry of the journal stands."""
    return Key(contract_pk(contract_id), CHANGE + f"{at}#{change_id}")


def decision_key(at: str, decision_id: str) -> Key:
    """Where a decision of a person stands. All share a partition that no worker reads."""
    return Key(DECISIONS, f"{at}#{decision_id}")


def note_key(note_id: str) -> Key:
    """Where a note stands that is still to be written on a contract: in a partition of its own, so that it holds up no contract."""
    return Key(f"NOTE#{note_id}", NOTE)


def sign_off_key(month: str, at: str, id_: str) -> Key:
    """Where it stands that a person signed a month off; a month may be signed off again."""
    return Key(DECISIONS, SIGN_OFF + f"{month}#{at}#{id_}")


def sign_offs_of(month: str) -> tuple[str, str]:
    """First and last sort key of a month's."""
    return f"{SIGN_OFF}{month}#", f"{SIGN_OFF}{month}#{LAST}"


def names_key(contract_id: int) -> Key:
    """Where it stands how a contract, its company and its services are called: behind all that a worker reads."""
    return Key(contract_pk(contract_id), NAMES)


def plan_key(sku: str) -> Key:
    """Where the service of a SKU stands."""
    return Key(PARTNER, PLAN + sku)


def sku_of(key: Key) -> str:
    """Which SKU's service a key, or the key of its trouble, is about. Raises ``ValueError`` for every other key: what it is due for is not known."""
    subject = subject_of(key)
    if subject.pk != PARTNER or not subject.sk.startswith(PLAN):
        raise ValueError(f"nothing is known to be due at {'/'.join(key)}")
    return subject.sk.removeprefix(PLAN)


def subject_of(trouble: Key) -> Key:
    """The key of the partner's document that a trouble is about; every other key is its own subject."""
    if trouble.pk != PARTNER:
        return trouble
    return Key(trouble.pk, trouble.sk.removeprefix(f"{TROUBLE}#"))


def provisioning_key(number: str) -> Key:
    """Where a contract stands that is being opened."""
    return Key(f"OPENING#{number}", OPENING)


def trouble_key(key: Key) -> Key:
    """Where it stands why a document, or any of a customer or contract, could not be handled: behind all that a worker reads."""
    if key.sk == TROUBLE or subject_of(key) != key:
        return key
    return Key(PARTNER, f"TROUBLE#{key.sk}") if key.pk == PARTNER else Key(key.pk, TROUBLE)


def found_key(subject: str) -> Key:
    """Where it stands what the last reconcile found about a contract or a customer."""
    return Key(PARTNER, FOUND + subject)
