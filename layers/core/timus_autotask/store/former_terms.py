"""Terms that were changed often, in one document: former terms are kept as what was different in them.

What was billed under former terms stays as it is, so none that ever held is forgotten. An older version of the product, which does not know
of differences, refuses such terms: the former ones have no ``values``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timus_autotask.ports.table import Data
from timus_autotask.store.sizes import size_of

LARGEST = 100 * 1024
"""Bytes of terms that are kept whole."""


def compact(data: Data) -> Data:
    """Terms as they are stored."""
    if size_of(data) <= LARGEST:
        return data
    later, earlier = data["values"], []
    for former in reversed(data["earlier"]):
        kept = {name: value for name, value in former.items() if name != "values"}
        earlier.append({**kept, "different": _difference(former["values"], later)})
        later = former["values"]
    return {**data, "earlier": earlier[::-1]}


def whole(data: Data) -> Data:
    """Stored terms with the values of the former ones. Raises ``LookupError``, ``TypeError`` or ``AttributeError`` for what is damaged."""
    if not any("different" in former for former in data.get("earlier") or ()):
        return data
    later, earlier = data["values"], []
    for former in reversed(data["earlier"]):
        later = _applied(later, former["different"])
        kept = {name: value for name, value in former.items() if name != "different"}
        earlier.append({**kept, "values": later})
    return {**data, "earlier": earlier[::-1]}


def _difference(former: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """What former terms had otherwise: ``[value]``, ``[]`` for what they did not have, or the same by SKU."""
    found: dict[str, Any] = {}
    for name in sorted({*former, *later}):
        old, new = former.get(name), later.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            inner = _difference(old, new)
            if inner:
                found[name] = inner
        elif name not in former or name not in later or old != new:
            found[name] = [old] if name in former else []
    return found


def _applied(later: Mapping[str, Any], difference: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(later)
    for name, one in difference.items():
        if isinstance(one, Mapping):
            values[name] = _applied(values[name], one)
        elif one:
            values[name] = one[0]
        else:
            del values[name]
    return values
