"""What could not be handled, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from timus_autotask.ports.table import Key, Put
from timus_autotask.store import keys
from timus_autotask.store.codec import Codec
from timus_autotask.store.reading import seconds_of


@dataclass(frozen=True, slots=True)
class Trouble:
    """What could not be handled, for a reason that nobody foresaw: it is left alone for a while, and everything else goes on."""

    subject: str
    """What it is: ``CUSTOMER#<id>``, ``CONTRACT#<id>``, ``OPENING#<number>`` or ``PLAN#<sku>``."""
    error: str
    """As it was raised last."""
    since: datetime
    times: int
    """How often in a row."""
    until: datetime
    """When it is tried again."""

    @property
    def kind(self) -> str:
        """``customer``, ``contract``, ``opening`` or ``plan``; ``record``: its key is broken."""
        return self.subject.partition("#")[0].lower() if "#" in self.subject else "record"

    @property
    def id(self) -> str:
        """Its id, number or SKU; of a broken key, its partition."""
        return self.subject.partition("#")[2] or self.subject


@dataclass(frozen=True, slots=True)
class InHand:
    """What a sweep has begun: the key of a document. A sweep that finds one knows that the sweep before was cut off in the middle of it."""

    pk: str
    sk: str

    @property
    def key(self) -> Key:
        """Of the document."""
        return Key(self.pk, self.sk)


_TROUBLE = Codec(Trouble)
_IN_HAND = Codec(InHand)

trouble_in = _TROUBLE.load
"""What could not be handled."""
in_hand_in = _IN_HAND.load
"""What a sweep has begun."""


def put_in_hand(key: Key, expected: int) -> Put:
    """Store what a sweep begins."""
    return Put(keys.IN_HAND, _IN_HAND.dump(InHand(*key)), expected)


def put_trouble(key: Key, trouble: Trouble, expected: int) -> Put:
    """Store why a document could not be handled; the sweep tries it again when its time has come."""
    due_at = seconds_of(trouble.until)
    return Put(
        keys.trouble_key(key),
        _TROUBLE.dump(trouble),
        expected,
        due_at=due_at,
        kind="trouble",
        sort=trouble.subject,
    )
