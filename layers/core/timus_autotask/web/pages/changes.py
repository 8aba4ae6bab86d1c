"""Every adjustment: those that await a person, those that wait for a day, and what was made; filtered by its address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from timus_autotask.domain.mapping import LineKey
from timus_autotask.operate.decisions import ChangesDecided, approve_together, reject_together
from timus_autotask.operate.deployment import Deployment
from timus_autotask.store.decisions import Decision
from timus_autotask.watch.adjustments import Became, ListedAdjustment
from timus_autotask.watch.names import Directory
from timus_autotask.watch.wording import counted
from timus_autotask.web.desk import Everything
from timus_autotask.web.formats import day, signed
from timus_autotask.web.proposals import ToDo
from timus_autotask.web.showing import address_of, page_of, searched

AT_ONCE = 50
"""Adjustments on one page."""
DAYS = {"7": "Last week", "31": "Last month", "92": "Last three months"}


@dataclass(frozen=True, slots=True)
class ChangesQuery:
    """What of the list was asked for, as it stands in the address."""

    text: str = ""
    became: str = ""
    """The name of a :class:`Became`, in small letters; empty: all."""
    days: str = "31"
    """So far back; what waits is always there."""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> ChangesQuery:
        """From the address; what makes no sense is left out."""
        became, days = query.get("state", ""), query.get("days", "31")
        return cls(
            searched(query),
            became if became.upper() in Became.__members__ else "",
            days if days in DAYS else "31",
            page_of(query),
        )

    def address(self, **changes: str | int) -> str:
        """The same list but for these changes."""
        given = {"q": self.text, "state": self.became, "days": self.days, "page": 1, **changes}
        return address_of("/changes", given, {"q": "", "state": "", "days": "31", "page": 1})


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """What the template shows."""

    asked: ChangesQuery
    rows: tuple[ListedAdjustment, ...]
    found: int
    pages: int
    awaits: int
    """So many of all await approval."""
    states: tuple[tuple[Became, int], ...]
    decisions: tuple[Decision, ...]
    """The newest, newest first."""


def changes_page(found: Everything, asked: ChangesQuery, today: date) -> ChangesPage:
    """The rows that were asked for."""
    listed = recent(found, asked, today)
    chosen = [one for one in listed if _is_asked(one, asked, found.status.names)]
    pages = max(1, -(-len(chosen) // AT_ONCE))
    page = min(asked.page, pages)
    became = [one.became for one in listed]
    return ChangesPage(
        replace(asked, page=page),
        tuple(chosen[(page - 1) * AT_ONCE : page * AT_ONCE]),
        len(chosen),
        pages,
        became.count(Became.AWAITS),
        tuple((one, became.count(one)) for one in Became if one in became),
        tuple(found.history.decisions[: -AT_ONCE - 1 : -1]) if not (asked.became or asked.text) else (),
    )


def recent(found: Everything, asked: ChangesQuery, today: date) -> list[ListedAdjustment]:
    """What waits, and what was made in the days that were asked for."""
    since = today - timedelta(days=int(asked.days))
    return [one for one in found.adjustments if one.entry is None or one.entry.settled_at.date() >= since]


def _is_asked(one: ListedAdjustment, asked: ChangesQuery, names: Directory) -> bool:
    if asked.became and one.became is not Became[asked.became.upper()]:
        return False
    text = asked.text.casefold()
    return not text or any(text in word for word in _searched(one, names))


def _searched(one: ListedAdjustment, names: Directory) -> Iterator[str]:
    for customer, sku in one.sources:
        yield customer.casefold()
        yield names.customers.get(customer, "").casefold()
        yield sku.casefold()
    yield str(one.key.contract_id)
    yield names.contracts.get(one.key.contract_id, "").casefold()
    yield str(one.key.service_id)
    yield names.services.get(one.key.service_id, "").casefold()
    yield one.id.casefold()
    for cause in one.causes:
        yield cause.event_id.casefold()
        yield (cause.actor or "").casefold()


# -- Deciding


def keys_of(given: Sequence[str]) -> list[LineKey]:
    """Lines as the form names them: "29683949-45". Raises ``ValueError``."""
    return [LineKey(int(contract), int(service)) for contract, service in (one.split("-") for one in given)]


def approval(deployment: Deployment, keys: Sequence[LineKey], by: str, back: str) -> ToDo:
    """Let these held changes go."""
    return ToDo(
        f"Approve {counted(len(keys), 'change')}",
        lambda progress: approve_together(deployment, keys, by, progress),
        back,
        "Approve",
        _decided_in_words,
    )


def rejection(deployment: Deployment, keys: Sequence[LineKey], reason: str, by: str, back: str) -> ToDo:
    """Set these held changes aside."""
    return ToDo(
        f"Reject {counted(len(keys), 'change')}",
        lambda progress: reject_together(deployment, keys, reason, by, progress),
        back,
        "Reject",
        _decided_in_words,
    )


def _decided_in_words(decided: ChangesDecided) -> list[str]:
    sentences = [
        f"{signed(one.delta)} on {day(one.day)} of service {one.service_id} on contract {one.contract_id}"
        + (f" at {one.price}" if one.price else "")
        + (f": set aside, because: {one.reason}" if one.reason else "")
        for one in decided.changes
    ]
    return [*sentences, *(f"Left as it is: {why}" for why in decided.not_decided)]
