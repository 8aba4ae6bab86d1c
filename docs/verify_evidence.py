#!/usr/bin/env python3
"""Check an exported evidence of `timus-autotask evidence --json`, without any code of the product. Standard library only.

    python3 verify_evidence.py march.json
    python3 verify_evidence.py april.json --earlier march.json --head 5f0c…

It checks that

* each line and each contract stands in the file once, with the SKUs that its entries bill;
* each entry of the journal carries the hash of the entry before it on its line, and the head of the line is the hash of its newest entry;
* the head of each contract is the hash over the heads of its lines;
* the units of each day follow from the entries, and whether Autotask's are the same;
* the changes are shown as the journal has them, and none of the month is left out;
* every head that an earlier evidence has, or that was noted elsewhere, is found in this one's chains.

What the file says and no entry proves is named as believed: units of an edit that no entry says yet, the customer or a SKU of a line whose entries do
not name it, and the days that a contract bills.

Exit status: 0 all of it holds; 1 something does not; 2 the file cannot be read. What it proves and what it does not: docs/evidence.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

FORMAT = "timus-autotask evidence 1"


def hash_of(value: Any) -> str:
    """SHA-256 of canonical JSON: keys sorted, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def problems(evidence: Mapping[str, Any], earlier: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """What is wrong with an evidence; nothing: all of it holds. ``earlier`` are evidences whose heads must be found in this one."""
    if evidence.get("format") != FORMAT:
        return [f"it is no evidence of a form that this program knows ({FORMAT})"]
    try:
        found = [*_twice(evidence), *_wrong_chains(evidence), *_wrong_heads(evidence)]
        if not found:  # what follows from a journal that does not hold says nothing
            found = [
                *_lost_skus(evidence),
                *_wrong_days(evidence),
                *_wrong_words(evidence),
                *_wrong_changes(evidence),
            ]
        for one in earlier:
            found += _lost_heads(evidence, one)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        return [f"something in it is not what it should be: {error!r}"]
    return found


# -- The chain


def _journals(evidence: Mapping[str, Any]) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Contract, service (0: the contract itself) and journal of every chain that is exported."""
    for line in evidence["lines"]:
        yield line["contract_id"], line["service_id"], line["journal"]
    for contract in evidence["contracts"]:
        yield contract["contract_id"], 0, contract["journal"]


def _chained(journal: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of the chain; those without a number were written before there was one."""
    return [entry for entry in journal["entries"] if entry.get("number")]


def _name(contract_id: int, service_id: int) -> str:
    return f"contract {contract_id}" + (f", service {service_id}" if service_id else "")


def _twice(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Lines and contracts that stand in the file more than once."""
    seen: set[tuple[int, int]] = set()
    for contract_id, service_id, _ in _journals(evidence):
        if (contract_id, service_id) in seen:
            yield f"{_name(contract_id, service_id)}: it is in the file more than once"
        seen.add((contract_id, service_id))


def _skus(line: Mapping[str, Any], customer: str) -> set[str]:
    """What the entries of a line bill on it for a customer."""
    sources = (each for entry in _chained(line["journal"]) for each in entry.get("sources", ()))
    return {sku for source, sku in sources if source == customer and sku}


def _lost_skus(evidence: Mapping[str, Any]) -> Iterator[str]:
    for line in evidence["lines"]:
        for sku in sorted(_skus(line, evidence["customer"]) - {*line["skus"]}):
            yield f"{_name(line['contract_id'], line['service_id'])}: the entries bill {sku} on it, and it is not shown"


def _wrong_chains(evidence: Mapping[str, Any]) -> Iterator[str]:
    for contract_id, service_id, journal in _journals(evidence):
        where = _name(contract_id, service_id)
        previous = ""
        for number, entry in enumerate(_chained(journal), 1):
            if entry["number"] != number or entry["previous"] != previous:
                yield f"{where}: entry {number} is missing, was changed, or does not follow from the one before it"
                break
            if entry["line"] != {"contract_id": contract_id, "service_id": service_id}:
                yield f"{where}: entry {number} is of another line"
            previous = hash_of(entry)
        else:
            head, last = journal["head"], {"number": len(_chained(journal)), "hash": previous}
            if (head or {"number": 0, "hash": ""}) != last:
                yield f"{where}: the head is not the hash of the newest entry"
        if journal["outside_the_chain"] != len(journal["entries"]) - len(_chained(journal)):
            yield f"{where}: the number of entries outside the chain is wrong"


def _wrong_heads(evidence: Mapping[str, Any]) -> Iterator[str]:
    heads: dict[int, dict[int, tuple[int, str]]] = {}
    for contract in evidence["contracts"]:
        listed = [[one["service_id"], one["number"], one["hash"]] for one in contract["heads"]]
        heads[contract["contract_id"]] = {one[0]: (one[1], one[2]) for one in listed}
        if listed != sorted(listed):
            yield f"contract {contract['contract_id']}: its heads are not in order"
        text = json.dumps(sorted(listed), separators=(",", ":"))
        if hashlib.sha256(text.encode()).hexdigest() != contract["head"]:
            yield f"contract {contract['contract_id']}: its head is not the hash of the heads of its lines"
    for contract_id, service_id, journal in _journals(evidence):
        own = journal["head"]
        listed_head = heads.get(contract_id, {}).get(service_id)
        if listed_head != ((own["number"], own["hash"]) if own else None):
            yield f"{_name(contract_id, service_id)}: its head is not the one that the contract lists"


def _lost_heads(evidence: Mapping[str, Any], earlier: Mapping[str, Any]) -> Iterator[str]:
    """Heads of an earlier evidence that are in no chain of this one."""
    chains = {
        (c, s): [hash_of(entry) for entry in _chained(journal)] for c, s, journal in _journals(evidence)
    }
    for contract_id, service_id, journal in _journals(earlier):
        head, chain = journal["head"], chains.get((contract_id, service_id))
        if head and (chain is None or head["hash"] not in chain[head["number"] - 1 : head["number"]]):
            where = _name(contract_id, service_id)
            yield f"{where}: the earlier head (entry {head['number']}) is not in this chain: it was rewritten, or is not exported"


# -- The units of each day


class Units:
    """Units by day: steps of (first day, units), in order; 0 before the first one."""

    def __init__(self, steps: Iterable[Sequence[Any]] = ()) -> None:
        self.steps = [(date.fromisoformat(day), int(units)) for day, units in steps]

    def at(self, day: date) -> int:
        """The units on a day."""
        return next((units for first, units in reversed(self.steps) if first <= day), 0)

    def plus(self, first: date, delta: int) -> Units:
        """With ``delta`` more from a day on."""
        days = sorted({first, *(day for day, _ in self.steps)})
        more = Units()
        more.steps = [(day, self.at(day) + (delta if day >= first else 0)) for day in days]
        return more


def units_by_journal(journal: Mapping[str, Any]) -> Units | None:
    """The units of a line by day, as the evidence shows them. Two of its fields are in no chain, and are believed: see ``believed``."""
    if journal["found"] is not None:
        return Units(journal["found"])
    units = units_by_entries(journal)
    if units is None and journal["known_units"] is not None:
        return Units(journal["known_units"])
    return units


def units_by_entries(journal: Mapping[str, Any]) -> Units | None:
    """By the chain alone: what was found, and every adjustment that landed since, each once. None: there is no entry that says it."""
    units: Units | None = None
    landed: set[str] = set()
    for entry in _chained(journal):
        if entry.get("found") is not None:
            units = Units(entry["found"]["steps"])
        if entry["outcome"] == "landed" and entry["id"] not in landed:
            landed.add(entry["id"])
            units = (units or Units()).plus(date.fromisoformat(entry["day"]), entry["delta"])
    return units


def believed(evidence: Mapping[str, Any]) -> Iterator[str]:
    """What the evidence says and no chained entry proves, for people."""
    customer = evidence["customer"]
    for line in evidence["lines"]:
        where = _name(line["contract_id"], line["service_id"])
        entries = _chained(line["journal"])
        if customer not in {source for entry in entries for source, _ in entry.get("sources", ())}:
            yield f"{where}: that it bills {customer}: no entry names this customer"
        else:
            more = sorted({*line["skus"]} - _skus(line, customer))
            yield from (f"{where}: that it bills {sku}: no entry names this SKU" for sku in more)
        yield from (f"{where}: {each}" for each in _believed_units(line))
        begin, end = line["contract_from"], line["contract_until"]
        if begin is None or begin > evidence["from"] or end < evidence["until"]:
            days = "no day" if begin is None else f"the days from {begin} to {end} only"
            yield f"{where}: that its contract bills {days}"


def _believed_units(line: Mapping[str, Any]) -> Iterator[str]:
    """The days whose units do not follow from the entries alone, those with the same numbers as one."""
    journal = line["journal"]
    alone = units_by_entries(journal)
    name = "found" if journal["found"] is not None else "known_units"
    why = (
        "an edit in Autotask that no entry says yet"
        if name == "found"
        else "what was read when nothing had been changed"
    )
    stretches: list[tuple[str, str, int, int | None]] = []
    for one in line["days"]:
        proven = None if alone is None else alone.at(date.fromisoformat(one["day"]))
        if one["journal"] is None or one["journal"] == proven:
            continue
        day, before = date.fromisoformat(one["day"]), stretches[-1] if stretches else None
        joins = before and (
            before[2:] == (one["journal"], proven)
            and date.fromisoformat(before[1]) + timedelta(days=1) == day
        )
        first = before[0] if before and joins else one["day"]
        stretches[len(stretches) - bool(joins) :] = [(first, one["day"], one["journal"], proven)]
    for first, last, units, proven in stretches:
        instead = "no entry says any" if proven is None else f"the entries alone give {proven}"
        yield f"{units} units from {first} to {last} ({name}: {why}); {instead}"


def _wrong_days(evidence: Mapping[str, Any]) -> Iterator[str]:
    first, last = date.fromisoformat(evidence["from"]), date.fromisoformat(evidence["until"])
    month = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    for line in evidence["lines"]:
        where = _name(line["contract_id"], line["service_id"])
        if [one["day"] for one in line["days"]] != [day.isoformat() for day in month]:
            yield f"{where}: the days are not those of the month"
            continue
        units = units_by_journal(line["journal"])
        begin, end = line["contract_from"], line["contract_until"]
        for one in line["days"]:
            billed = begin is not None and begin <= one["day"] <= end
            expected = units.at(date.fromisoformat(one["day"])) if units is not None and billed else None
            if one["journal"] != expected:
                yield f"{where}: on {one['day']} the journal gives {expected} units, and the evidence says {one['journal']}"


def _wrong_words(evidence: Mapping[str, Any]) -> Iterator[str]:
    """What the evidence says of itself: its month, whether journal and Autotask agree, and from when to when they do not."""
    first, last = date.fromisoformat(evidence["from"]), date.fromisoformat(evidence["until"])
    if first.day != 1 or evidence["month"] != evidence["from"][:7] or (last + timedelta(days=1)).day != 1:
        yield "its days are not those of its month"
    outside = sum(journal["outside_the_chain"] for _, _, journal in _journals(evidence))
    if evidence["entries_outside_the_chain"] != outside:
        yield "the number of entries outside the chain is wrong"
    if not evidence["journal_whole"] or any(journal["broken_at"] for _, _, journal in _journals(evidence)):
        yield "it says of itself that an entry is missing or was changed"
    differ = False
    for line in evidence["lines"]:
        off = {
            one["day"]: (one["journal"], one["autotask"])
            for one in line["days"]
            if None not in (one["journal"], one["autotask"]) and one["journal"] != one["autotask"]
        }
        told: dict[str, tuple[int, int]] = {}
        for each in line["differences"]:
            day = date.fromisoformat(each["first"])
            while day <= date.fromisoformat(each["last"]):
                told[day.isoformat()] = each["journal"], each["autotask"]
                day += timedelta(days=1)
        if off != told:
            yield f"{_name(line['contract_id'], line['service_id'])}: the days that differ are not those that the evidence names"
        differ = differ or bool(off)
    if evidence["agrees"] is not (None if evidence["not_compared"] is not None else not differ):
        yield "the evidence's own word on whether journal and Autotask agree is wrong"


def _wrong_changes(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Changes that are shown otherwise than the journal has them, or not at all."""
    first, last = date.fromisoformat(evidence["from"]), date.fromisoformat(evidence["until"])
    for of, service_id in [
        *((line, line["service_id"]) for line in evidence["lines"]),
        *((contract, 0) for contract in evidence["contracts"]),
    ]:
        where, entries = _name(of["contract_id"], service_id), of["journal"]["entries"]
        known = {(entry["id"], entry.get("number", 0)): entry for entry in entries}
        chained = [key for key in known if key[1]]
        shown = [key for key in ((one["id"], one["number"]) for one in of["changes"]) if key[1]]
        undone_by = {one["undoes"]: one["id"] for one in entries if one.get("undoes") and _landed(one)}
        if shown != [key for key in chained if key in shown]:
            yield f"{where}: a change is shown that the journal does not have, or twice, or out of order"
        for entry in (known[key] for key in chained if key not in shown):
            if _concerns(entry, first, last):
                yield f"{where}: the change of {entry['day']} ({entry['id']}) is in the journal and not shown"
        for change in of["changes"]:
            entry = known.get((change["id"], change["number"]))
            expected = _as_shown(entry) if entry else {}
            if service_id:
                expected["undone_by"] = undone_by.get(change["id"])
            if not entry or expected != {name: _read(name, change[name]) for name in expected}:
                yield f"{where}: the change of {change['day']} is not what the journal has"


def _landed(entry: Mapping[str, Any]) -> bool:
    return bool(entry["outcome"] == "landed")


def _concerns(entry: Mapping[str, Any], first: date, last: date) -> bool:
    """Whether an entry belongs to the month in every time zone: by its day, or by when it was made."""
    made = datetime.fromisoformat(entry["opened_at"]).date()
    one_day = timedelta(days=1)
    return first <= date.fromisoformat(entry["day"]) <= last or first + one_day <= made <= last - one_day


def _as_shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    """All that a change is shown with and that stands in its entry."""
    price, postponed = entry.get("price"), entry.get("postponed")
    as_they_are = (
        *("id", "day", "units_before", "units_after", "outcome", "events"),
        *("answer", "why"),
    )
    return {
        **{name: entry.get(name) for name in as_they_are},
        "number": entry.get("number", 0),
        "contract_id": entry["line"]["contract_id"],
        "service_id": entry["line"]["service_id"],
        "unit_change": entry["delta"],
        "opened_at": _moment(entry["opened_at"]),
        "settled_at": _moment(entry["settled_at"]),
        "sources": [[customer, sku] for customer, sku in entry.get("sources", ())],
        "unit_price": price and {"from": price["before"], "to": price["after"]},
        "terms": entry.get("terms", []),
        "undoes": entry.get("undoes") or None,
        "by": entry.get("by") or None,
        "plan_change_with": entry.get("linked", []),
        "moved_from": postponed and postponed["day"],
        "moved_because": postponed and postponed["cause"],
        "message": entry.get("words", ""),
        "causes": [
            {shown: _read(shown, cause.get(stored)) for shown, stored in CAUSES_SHOWN_AS.items()}
            for cause in entry.get("causes", ())
        ],
    }


CAUSES_SHOWN_AS = {
    "event": "event_id",
    "subscription": "subscription_id",
    "version": "number",
    "customer": "customer_id",
    "sku": "sku",
    "before": "before",
    "after": "after",
    "effective_day": "day",
    "ends": "ends",
    "by": "actor",
    "happened_at": "occurred_at",
    "arrived_at": "received_at",
}
"""What is shown of an event that a change follows from, and where it stands in the entry."""


def _read(name: str, value: Any) -> Any:
    """A shown value, in the form in which it is compared."""
    if name == "causes":
        return [{each: _read(each, cause[each]) for each in CAUSES_SHOWN_AS} for cause in value]
    if name == "sources":
        return [[one["customer"], one["sku"]] for one in value]
    if name in ("customer", "sku", "by"):
        return value or None
    return _moment(value) if name.endswith("_at") and value is not None else value


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- The command


def _noted(evidence: Mapping[str, Any], noted: Iterable[str]) -> Iterator[str]:
    """Heads that somebody noted: of a contract as it is now, or the hash of any entry."""
    known = {contract["head"] for contract in evidence["contracts"]} | {*_former_heads(evidence)}
    known |= {hash_of(entry) for _, _, journal in _journals(evidence) for entry in _chained(journal)}
    for each in noted:
        if each not in known:
            yield f"the head {each} is no head of a contract, now or earlier, and not the hash of any entry"


def _former_heads(evidence: Mapping[str, Any]) -> Iterator[str]:
    """The head of each contract after each of its entries. A contract with lines that are not in the file has only that of now."""
    journals = {(c, s): _chained(journal) for c, s, journal in _journals(evidence)}
    for contract in evidence["contracts"]:
        services = [one["service_id"] for one in contract["heads"]]
        chains = {service: journals.get((contract["contract_id"], service)) for service in services}
        entries = [(entry, service) for service, chain in chains.items() for entry in chain or ()]
        entries.sort(key=lambda one: (datetime.fromisoformat(one[0]["settled_at"]), one[0]["number"]))
        heads: dict[int, list[Any]] = {}
        for entry, service in entries if None not in chains.values() else ():
            heads[service] = [service, entry["number"], hash_of(entry)]
            yield hash_of([heads[each] for each in sorted(heads)])


def _not_exported(evidence: Mapping[str, Any]) -> Iterator[tuple[int, int, int]]:
    """Lines of which the contract has a head and the file has no journal: contract, service, entries."""
    exported = {(c, s) for c, s, _ in _journals(evidence)}
    for contract in evidence["contracts"]:
        for one in contract["heads"]:
            if (contract["contract_id"], one["service_id"]) not in exported:
                yield contract["contract_id"], one["service_id"], one["number"]


def main(argv: Sequence[str] | None = None) -> int:
    """Check a file; says what holds and what does not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", help="the evidence: JSON")
    parser.add_argument(
        "--earlier", action="append", default=[], metavar="FILE", help="an earlier evidence of the customer"
    )
    parser.add_argument(
        "--head", action="append", default=[], metavar="HASH", help="a head that was noted elsewhere"
    )
    given = parser.parse_args(argv)
    try:
        evidence, *earlier = (
            json.loads(Path(file).read_text("utf-8")) for file in (given.file, *given.earlier)
        )
        found = problems(evidence, earlier) or [*_noted(evidence, given.head)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        print(f"The file cannot be read as an evidence: {error!r}", file=sys.stderr)
        return 2
    for one in found:
        print(ascii(one)[1:-1])
    entries = sum(len(_chained(journal)) for _, _, journal in _journals(evidence)) if not found else 0
    if not found:
        outside = sum(journal["outside_the_chain"] for _, _, journal in _journals(evidence))
        not_proven = [*believed(evidence)]
        each = "each day but what is named below" if not_proven else "each day"
        print(f"{entries} entries of the journal follow from each other, and {each} follows from them.")
        for one in not_proven:
            print(ascii(f"Believed, not proven: {one}.")[1:-1])
        print(
            f"{outside} entries are older than the chain, and not checked."
            if outside
            else "No entry is outside the chain."
        )
        for contract_id, service_id, number in _not_exported(evidence):
            print(
                f"Not in this file: {_name(contract_id, service_id)}, with {number} entries. Is it another customer's?"
            )
        both = sum(
            None not in (one["journal"], one["autotask"])
            for line in evidence["lines"]
            for one in line["days"]
        )
        print(
            "No day has units of both to compare."
            if evidence["agrees"] and not both
            else {
                True: "Autotask has the same units on each day.",
                False: "Autotask differs on the days that it names.",
            }.get(evidence["agrees"], "Autotask was not read.")
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
