"""Each term as a sentence of the partner's contract with a client: what it is about, and what holds; and the fields that set it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from timus_autotask.operate.terms import TermChange, in_words
from timus_autotask.watch.wording import counted

APPROVALS = {
    "never": "none",
    "always": "all",
    "above_units": "those of more units than",
    "above_percent": "those of more percent of the line than",
}
"""Which changes need an approval; the last two take a number."""


@dataclass(frozen=True, slots=True)
class TermWords:
    """How people say a term."""

    about: str
    """What it settles."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """Its values and what they mean, where there are only so many."""
    one: str = "{}"
    """Any other value; of a SKU, with ``sku``."""
    counts: str = ""
    """The noun of a value that is a number, if it has one."""
    nothing: str = "none"
    """If there is no value."""
    field: str = "text"
    """What is typed: ``number``, ``price``, ``skus``, ``text``."""
    by_sku: bool = False
    approval: bool = False

    def said(self, value: Any) -> str:
        """What holds."""
        if self.approval:
            return _approval(value)
        if isinstance(value, Mapping):
            said = (self.one.format(each, sku=sku) for sku, each in value.items())
            return ", ".join(said) or self.nothing
        text = in_words(value)
        if value is None or text == "none":
            return self.nothing
        if self.counts and text.isdecimal():
            return self.one.format(counted(int(text), self.counts))
        return self.choices.get(text) or self.one.format(text)


def _approval(value: Mapping[str, int | None]) -> str:
    units, percent = value.get("above_units"), value.get("above_percent")
    if units == 0:
        return "all"
    said = [] if units is None else [f"those of more than {counted(units, 'unit')}"]
    said += [] if percent is None else [f"those of more than {percent} % of the line"]
    return ", ".join(said) or "none"


_DAYS = {
    "day-of-change": "from the day of the change; Autotask prorates",
    "start-of-period": "from the first day of the billing period in which the change falls",
    "start-of-next-period": "from the first day of the next billing period",
}


def _limit(about: str) -> TermWords:
    return TermWords(about, one="up to {}", counts="unit", nothing="of any size", field="number")


TERM_WORDS: Mapping[str, TermWords] = {
    "increases": TermWords("More seats are billed", _DAYS),
    "decreases": TermWords("Fewer seats are billed", _DAYS),
    "approve_increases": TermWords("Increases that need an approval", field="number", approval=True),
    "approve_decreases": TermWords("Decreases that need an approval", field="number", approval=True),
    "approve_new_lines": TermWords(
        "The first units of a service that is not on the contract yet",
        {"yes": "need an approval", "no": "need no approval"},
    ),
    "posted_period": TermWords(
        "A change of a day whose period is posted already",
        {
            "next-open-day": "is billed from the next day that is in no posted period",
            "same-day": "is billed from its own day, as an item of its own",
            "hold": "waits for a person",
        },
    ),
    "same_day": TermWords(
        "A second change of a line on the same day",
        {
            "next-free-day": "is billed from the next free day",
            "attempt": "is billed on that day too: only if a trial has shown that Autotask adds both up",
        },
    ),
    "drift": TermWords(
        "Units that somebody changed in Autotask",
        {
            "park": "wait for a person to decide",
            "adopt": "stay, on top of what Timus says",
            "enforce": "are brought back to what Timus says",
        },
    ),
    "renewal": TermWords(
        "When a term is renewed",
        {
            "extend": "the contract's last day moves to that of the renewed term",
            "new-contract": "a new contract is opened from the day after the old one's end",
            "off": "the contract is not changed, and units after its end wait",
        },
    ),
    "included": TermWords("Free units", one="{} of {sku}", field="number", by_sku=True),
    "minimum": TermWords(
        "Units that are billed at least, while there is any", one="{} of {sku}", field="number", by_sku=True
    ),
    "excluded": TermWords("SKUs that are never billed", field="skus"),
    "prices": TermWords(
        "Unit prices that are sent to Autotask",
        one="{} for {sku}",
        nothing="none: the contract's own prices hold",
        field="price",
        by_sku=True,
    ),
    "decrease_wait": TermWords(
        "A decrease to nothing waits for what may replace it",
        one="{}, at most until the day ends",
        counts="minute",
        nothing="not at all",
        field="number",
    ),
    "line_limit": _limit("A change of one line without an approval"),
    "customer_day_limit": _limit("All changes of one customer in a day without an approval"),
    "partner_day_limit": _limit("All changes of all customers in a day without an approval"),
    "pooled_minimum": TermWords(
        "Units that you owe Timus at least, for all customers together",
        one="{} of {sku}",
        field="number",
        by_sku=True,
    ),
    "open_contracts": TermWords(
        "A customer who is mapped to a company without a contract",
        {"yes": "gets one that is opened here", "no": "waits until there is one"},
    ),
    "contract_name": TermWords("A contract that is opened here is called"),
    "contract_months": TermWords(
        "The billing period of a contract that is opened here",
        {"1": "one month", "3": "three months", "6": "six months", "12": "a year"},
    ),
    "contract_billing_day": TermWords(
        "The periods of a contract that is opened here begin",
        one="on day {} of the month",
        nothing="on the first billed day",
        field="number",
    ),
    "contract_length": TermWords("A contract that is opened here runs for", one="{} months", field="number"),
    "contract_category": TermWords(
        "The category in Autotask of a contract that is opened here",
        one="the one with the number {}",
        field="number",
    ),
    "contract_organizational_level": TermWords(
        "The organizational level in Autotask of a contract that is opened here",
        one="the one with the number {}",
        field="number",
    ),
    "renewal_link": TermWords(
        "Of a new contract and the old one",
        {
            "old-names-new": "the old one names the new one",
            "new-names-old": "the new one names the old one",
            "off": "none names the other",
        },
    ),
    "contract_notes": TermWords(
        "A note on the contract in Autotask for each change",
        {"yes": "is written", "no": "is not written"},
    ),
}
"""By term. What they mean exactly is in docs/billing-rules.md."""


def all_said(values: Mapping[str, Any]) -> str:
    """Terms with their values, as they are kept."""
    said = [
        f"{wording.about}: {wording.said(value)}"
        for name, value in values.items()
        if (wording := TERM_WORDS.get(name))
    ]
    return "; ".join([*said, *(["changes are paused"] if values.get("paused") else [])]) or "nothing was set"


def change_of(name: str, part: str, value: str) -> TermChange:
    """What a form asks for: which changes need an approval is one field there, and a value or a threshold in a term."""
    wording = TERM_WORDS.get(name)
    if wording and wording.approval and part in ("always", "never", ""):
        return TermChange(name, part or value)
    return TermChange(name, value, part)
