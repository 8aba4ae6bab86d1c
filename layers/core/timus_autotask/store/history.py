"""A subscription's history in the table: one document, or several where it does not fit into one.

What is applied is forgotten after a while. What waits (unmapped, paused, held) is kept whole, because it is billed day by day once it
may be. So a history can outgrow one document. Then its older versions move into parts of their own, which are written again only when a
new version changes them. The head has a field that older code does not know, so older code refuses a split history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from timus_autotask.domain.history import Subscription, Version
from timus_autotask.ports.table import Delete, Document, Put, Write
from timus_autotask.store.codec import Codec
from timus_autotask.store.keys import subscription_key, subscription_part_key
from timus_autotask.store.sizes import size_of

LARGEST = 150 * 1024
"""Bytes of versions in one document. A version more, which has at most as many as a webhook (64 KiB), still fits beside them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A document with older versions of a history."""

    last: int
    """The largest number that belongs into it."""
    versions: tuple[Version, ...]
    rev: int


@dataclass(frozen=True, slots=True)
class _Versions:
    last: int
    versions: tuple[Version, ...]


_WHOLE = Codec(Subscription)
_HEAD = Codec(Subscription, {"versions": "newest_versions"})
_PART = Codec(_Versions)


def is_split(head: Document) -> bool:
    """Whether a history has parts besides its head."""
    return "newest_versions" in head.data


def subscription_in(head: Document, parts: Iterable[Document] = ()) -> tuple[Subscription, tuple[Part, ...]]:
    """The history that a head and its parts hold, and the parts."""
    if not is_split(head):
        return _WHOLE.load(head.data), ()
    known = tuple(
        sorted((_part(document) for document in parts), key=lambda part: part.last),
    )
    newest = _HEAD.load(head.data)
    # Between two reads versions may have moved from the head into a part: then they were read twice.
    versions = {version.number: version for part in known for version in part.versions}
    versions |= {version.number: version for version in newest.versions}
    return replace(newest, versions=tuple(versions[number] for number in sorted(versions))), known


def _part(document: Document) -> Part:
    read = _PART.load(document.data["part"])
    return Part(read.last, read.versions, document.rev)


def part_of(document: Document) -> str:
    """The id of the subscription that a part belongs to."""
    return str(document.data["subscription"])


def subscription_writes(
    subscription: Subscription, expected: int, parts: Sequence[Part] = ()
) -> tuple[list[Write], tuple[Part, ...]]:
    """What stores a history over the one that was read, and its parts after that. Documents that do not change are not written."""
    writes: list[Write] = []
    after: list[Part] = []
    left = subscription.versions
    for part in parts:
        own = tuple(version for version in left if version.number <= part.last)
        left = left[len(own) :]
        if own == part.versions:
            after.append(part)
            continue
        *more, rest = _pieces(own) or [()]
        for piece in more:
            after.append(Part(piece[-1].number, piece, 1))
            writes.append(_put_part(subscription, after[-1], 0))
        if rest:
            after.append(Part(part.last, rest, part.rev + 1))
            writes.append(_put_part(subscription, after[-1], part.rev))
        else:
            key = subscription_part_key(subscription.customer_id, subscription.id, part.last)
            writes.append(Delete(key, part.rev))
    *more, newest = _pieces(left) or [()]
    for piece in more:
        after.append(Part(piece[-1].number, piece, 1))
        writes.append(_put_part(subscription, after[-1], 0))
    head = _put_head(replace(subscription, versions=newest), expected, whole=not after)
    return [head, *writes], tuple(after)


def _put_head(subscription: Subscription, expected: int, *, whole: bool = True) -> Put:
    """Store a history in one document; not ``whole``: its older versions are elsewhere."""
    return Put(
        subscription_key(subscription.customer_id, subscription.id),
        (_WHOLE if whole else _HEAD).dump(subscription),
        expected,
        kind="subscription",
        sort=subscription.customer_id,
    )


def _put_part(subscription: Subscription, part: Part, expected: int) -> Put:
    key = subscription_part_key(subscription.customer_id, subscription.id, part.last)
    stored = _PART.dump(_Versions(part.last, part.versions))
    return Put(key, {"subscription": subscription.id, "part": stored}, expected)


def _pieces(versions: Sequence[Version]) -> list[tuple[Version, ...]]:
    """The versions in as few pieces as fit into a document each: all but the last are full."""
    if not versions:
        return []
    pieces: list[tuple[Version, ...]] = []
    begin = size = 0
    for number, dumped in enumerate(_PART.dump(_Versions(0, tuple(versions)))["versions"]):
        more = size_of(dumped) + 1
        if size and size + more > LARGEST:
            pieces.append(tuple(versions[begin:number]))
            begin, size = number, 0
        size += more
    return [*pieces, tuple(versions[begin:])]
