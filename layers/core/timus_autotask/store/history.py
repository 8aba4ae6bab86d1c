"""A subscription's history in the table: its newest versions in a head, the older ones in parts of their own.

Each change writes the head, twice. So the head is kept within one write unit: where it grows beyond, all of its versions but the newest
move into a new part, and the newest parts become one when they are 4 KB together. Older parts are written again only when a version in
them changes. So a change costs the same, however long the history is. Where there are many parts, neighbours are put together as far as they
fit into a document, so that whatever changes a history, even all of it, is one transaction.

What is applied is forgotten after a while. What waits (unmapped, paused, held) is kept whole, because it is billed day by day once it may
be. The head of a history with parts has a field that older code does not know, so older code refuses it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from timus_autotask.domain.history import Subscription, Version
from timus_autotask.ports.table import Delete, Document, Put, Write
from timus_autotask.store.codec import Codec
from timus_autotask.store.keys import subscription_key, subscription_part_key
from timus_autotask.store.sizes import size_of, size_of_write

HEAD = 1024
"""Bytes of a head with more than one version: one write unit."""
PART = 4 * 1024
"""Bytes of versions in a part that is not written again with newer ones."""
LARGEST = 150 * 1024
"""Bytes of versions in one part. A version more, which has at most as many as a webhook (64 KiB), still fits beside them."""
MOST_PARTS = 40
"""More parts are put together: a transaction has room for as many, beside a merge that makes 40 contracts due."""


@dataclass(frozen=True, slots=True)
class HistoryPart:
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
_OLDER = "older_versions"
"""The field of a head that says how many versions its parts have together: by it a listing sees that it has all of them."""
_PART = Codec(_Versions)


def is_split(head: Document) -> bool:
    """Whether a history has parts besides its head."""
    return "newest_versions" in head.data


def subscription_in(
    head: Document, parts: Iterable[Document] = ()
) -> tuple[Subscription, tuple[HistoryPart, ...]]:
    """The history that a head and its parts hold, and the parts.

    After a restore there may be parts that the head does not know: what they say was reported, too.
    """
    known = tuple(
        sorted((_part(document) for document in parts), key=lambda part: part.last),
    )
    newest = (_HEAD if is_split(head) else _WHOLE).load(head.data)
    # Between two reads versions may have moved from the head into a part: then they were read twice.
    versions = {version.number: version for part in known for version in part.versions}
    versions |= {version.number: version for version in newest.versions}
    return replace(newest, versions=tuple(versions[number] for number in sorted(versions))), known


def _part(document: Document) -> HistoryPart:
    read = _PART.load(document.data["part"])
    return HistoryPart(read.last, read.versions, document.rev)


def is_whole(head: Document, parts: Iterable[HistoryPart]) -> bool:
    """Whether these parts are all that a head knows of. An earlier version's head does not say."""
    return head.data.get(_OLDER) == sum(len(part.versions) for part in parts)


def part_of(document: Document) -> str:
    """The id of the subscription that a part belongs to."""
    return str(document.data["subscription"])


def subscription_writes(
    subscription: Subscription, expected: int, parts: Sequence[HistoryPart] = ()
) -> tuple[list[Write], tuple[HistoryPart, ...]]:
    """What stores a history over the one that was read, and its parts after that. Documents that do not change are not written."""
    pieces, newest = _divided(subscription, parts)
    known = {part.last: part for part in parts}
    after: list[HistoryPart] = []
    writes: list[Write] = [_put_head(subscription, newest, expected)]
    for last, versions in pieces:
        part = known.pop(last, HistoryPart(last, (), 0))
        if part.versions != versions:
            writes.append(_put_part(subscription, last, versions, part.rev))
            part = HistoryPart(last, versions, part.rev + 1)
        after.append(part)
    gone = (subscription_part_key(subscription.customer_id, subscription.id, last) for last in known)
    writes += (Delete(key, part.rev) for key, part in zip(gone, known.values(), strict=True))
    return writes, tuple(after)


_Piece = tuple[int, tuple[Version, ...]]
"""What is to be a part: the largest number that belongs into it, and its versions."""


def _divided(
    subscription: Subscription, parts: Sequence[HistoryPart]
) -> tuple[list[_Piece], tuple[Version, ...]]:
    """The versions that belong into parts, and those that stay in the head."""
    pieces: list[_Piece] = []
    left = subscription.versions
    for part in parts:
        end = bisect_right(left, part.last, key=lambda version: version.number)
        own, left = left[:end], left[end:]
        if own == part.versions:
            pieces.append((part.last, own))
        elif own:
            *more, rest = _cut(own)
            pieces += ((piece[-1].number, piece) for piece in more)
            pieces.append((part.last, rest))
    if len(left) > 1 and size_of_write(_put_head(subscription, left, 0)) > HEAD:
        pieces = _newest_together([*pieces, *((piece[-1].number, piece) for piece in _cut(left[:-1]))])
        left = left[-1:]
    return [*_together(pieces)] if len(pieces) > MOST_PARTS else pieces, left


def _newest_together(pieces: list[_Piece]) -> list[_Piece]:
    """The same versions with the newest parts as one, once they are large enough to be left alone."""
    first, size = len(pieces), 0
    while first and size < PART:
        more = _size_of(pieces[first - 1][1])
        if more >= PART:
            break
        first, size = first - 1, size + more
    if size < PART:
        return pieces
    versions = tuple(version for _, own in pieces[first:] for version in own)
    return [*pieces[:first], (pieces[-1][0], versions)]


def _together(pieces: Sequence[_Piece]) -> Iterator[_Piece]:
    """The same versions with neighbours in one part, where they fit."""
    open_: _Piece = (0, ())
    room = LARGEST
    for last, versions in pieces:
        size = _size_of(versions)
        if open_[1] and size > room:
            yield open_
            open_, room = (0, ()), LARGEST
        open_ = last, (*open_[1], *versions)
        room -= size
    yield open_


def _put_head(subscription: Subscription, newest: tuple[Version, ...], expected: int) -> Put:
    """Store a history's head; ``newest``: the versions that are not in parts."""
    older = len(subscription.versions) - len(newest)
    head = replace(subscription, versions=newest)
    return Put(
        subscription_key(subscription.customer_id, subscription.id),
        {**_HEAD.dump(head), _OLDER: older} if older else _WHOLE.dump(head),
        expected,
        kind="subscription",
        sort=subscription.customer_id,
    )


def _put_part(subscription: Subscription, last: int, versions: tuple[Version, ...], expected: int) -> Put:
    key = subscription_part_key(subscription.customer_id, subscription.id, last)
    data = {"subscription": subscription.id, "part": _PART.dump(_Versions(last, versions))}
    return Put(key, data, expected, kind="subscription-part", sort=subscription.customer_id)


def _cut(versions: Sequence[Version]) -> list[tuple[Version, ...]]:
    """The versions in as few pieces as fit into a part each: all but the last are full."""
    pieces: list[tuple[Version, ...]] = []
    begin = size = 0
    for number, more in enumerate(_sizes(versions)):
        if size and size + more > LARGEST:
            pieces.append(tuple(versions[begin:number]))
            begin, size = number, 0
        size += more
    return [*pieces, tuple(versions[begin:])]


def _size_of(versions: Sequence[Version]) -> int:
    return sum(_sizes(versions))


def _sizes(versions: Sequence[Version]) -> Iterator[int]:
    return (size_of(dumped) + 1 for dumped in _PART.dump(_Versions(0, tuple(versions)))["versions"])
