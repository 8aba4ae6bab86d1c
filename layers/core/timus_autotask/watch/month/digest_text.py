"""The digest as plain text that reads well in a mail client: no columns, the most money first, a command on a line of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from timus_autotask.plain import visible
from timus_autotask.store.inbox import NOBODY
from timus_autotask.watch.money import Estimate
from timus_autotask.watch.money import total as together
from timus_autotask.watch.month.coverage import Coverage, subscriptions_of, within
from timus_autotask.watch.month.digest import ChangedLine, Digest, Waiting
from timus_autotask.watch.month.passed import Passed
from timus_autotask.watch.month.to_post import NotPosted, that_came_since
from timus_autotask.watch.remedy import NextWay, said, ways
from timus_autotask.watch.wording import counted, some, with_sign

TOP = 10
"""So many of each are named, those with the most money first; the rest is counted."""
MOST_NOTES = 5
LONGEST_SUBJECT = 100
"""Characters that SNS takes: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


@dataclass(frozen=True, slots=True)
class Mail:
    """A subject and a text."""

    subject: str
    text: str


def as_mail(found: Digest, stack: str) -> Mail:
    """The digest to be sent."""
    sections = (
        _money(found),
        _changes(found),
        _waits(found),
        _unmapped(found),
        _ended(found),
        _coverage(found),
        _rest(found),
    )
    head = f"Timus billing sync, {_days(found)} {found.today.year} (stack {stack})"
    text = "\n\n".join("\n".join(section) for section in ([head], *map(list, sections)) if section)
    return Mail(_subject(found), text + "\n")


def _subject(found: Digest) -> str:
    parts = [f"Timus billing {_days(found)}: {counted(found.changes, 'change')}"]
    if not found.away and found.changes:
        next_, on_posted = found.effect.so_far + found.over, found.posted
        words = f"{_signed(on_posted)} on posted invoices" if on_posted and not next_ else ""
        invoices = "the next invoices" if found.over else "the next invoice"
        parts.append(f"about {words or f'{_signed(next_)} on {invoices}'}")
    if found.waiting:
        parts.append(f"{len(found.waiting)} waiting")
    subject = ", ".join(parts)
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in subject)[
        :LONGEST_SUBJECT
    ]


# -- Sections


def _money(found: Digest) -> Iterator[str]:
    yield "MONEY (estimates, at today's prices: Autotask prorates and bills)"
    if found.away:
        yield f"- Not known: Autotask could not be asked ({visible(found.away)[:200]})."
        yield f"- What follows is by our own records; {said(NextWay.DIGEST)} shows the money once Autotask answers."
        return
    if found.changes:
        yield f"- {counted(found.changes, 'change was', 'changes were')} made{_effect(found.effect, found.posted, found.over)}."
    else:
        yield "- No change was made."
    if found.waiting:
        count = counted(len(found.waiting), "thing waits", "things wait")
        yield f"- {count} for a person{_risk(found)}."
    else:
        yield "- Nothing waits for a person."
    if found.earlier is not None:
        yield from _earlier(found)
    yield from _passed(found)
    if found.ended:
        yield f"- {counted(subscriptions_of(found.ended), 'subscription goes on after its', 'subscriptions go on after their')} contract has ended: {_each_period(found.ended)}."
    if found.coverage:
        yield f"- {counted(subscriptions_of(found.coverage), 'subscription ends', 'subscriptions end')} being billed within 60 days: {_each_period(found.coverage)}."


def _each_period(these: Sequence[Coverage]) -> str:
    each = [one.each_period for one in these if one.each_period is not None]
    days = [one.of_days for one in these if one.of_days is not None]
    parts = [f"about {sum(each):,.2f} each period"] if each else []
    parts += [f"about {sum(days):,.2f} {'more ' if each else ''}for some days only"] if days else []
    return " and ".join(parts) or "no price is known"


def _risk(found: Digest) -> str:
    parts = []
    if found.not_billed:
        parts.append(f"about {found.not_billed:,.2f} not billed")
    if found.too_much:
        parts.append(f"about {found.too_much:,.2f} billed too much")
    if not parts:
        return ""
    return f": {' and '.join(parts)} by the end of the billing periods, if nobody settles it"


def _earlier(found: Digest) -> Iterator[str]:
    if found.earlier is None:
        return
    of = [period for period in found.earlier.periods if not period.empty]
    posted, left = ({period.contract_id for period in of if period.posted is done} for done in (True, False))
    where = f" on {_contracts(left, found, len(posted | left))}" if posted else ""
    month = f"{found.earlier.month:%B %Y} is not posted yet{where}"
    if found.earlier.ready:
        yield f"- {month}, and ready: nothing is open."
        return
    yield f"- {month}, and NOT ready: {counted(len(found.earlier.everything), 'thing')} open, about {found.earlier.at_risk:,.2f} at risk. Days that are posted stay as they are."
    yield f"    {said(NextWay.READY, month=f'{found.earlier.month:%Y-%m}')}"


def _passed(found: Digest) -> Iterator[str]:
    """What is on posted invoices, and no waiting brings right any more; and what people decided so."""
    for month in found.passed:
        posted = f"- {month.month:%B %Y} was posted"
        if month.passed:
            yield f"{posted} with other units than it should {_on_lines(month.passed, found)}."
        if month.decided:
            who = ", ".join(sorted({each.by for one in month.decided for each in one.who}))
            yield f"{posted} as decided{f' by {visible(who)}' if who else ''}, other than Timus says, {_on_lines(month.decided, found)}."
        if month.in_no_posting:
            number = counted(month.seat_days_in_no_posting, "seat-day")
            money = sum((-(one.estimate or Decimal()) for one in month.in_no_posting), Decimal())
            about = f": about {money:,.2f} not billed" if money else ""
            yield f"- {month.month:%B %Y} has {number} in no posting that no waiting brings{about}."
        if month.not_posted:
            yield f"{posted}, and {_left(month.not_posted)}."
        yield f"    {said(NextWay.SEE_POSTED, month=f'{month.month:%Y-%m}')}"


def _left(these: Sequence[NotPosted]) -> str:
    """What came to posted periods since."""
    money = [one.change.estimate for one in these if one.change and one.change.estimate is not None]
    unknown = len(these) - len(money)
    without = f" ({unknown} without a known price)" if unknown and money else ""
    about = f", about {_signed(sum(money, Decimal()))}{without}" if money else ""
    return f"{that_came_since(these)}{about}"


def _contracts(ids: Collection[int], found: Digest, of_all: int | None = None) -> str:
    """One contract by its name; several counted, and of how many."""
    if len(ids) == 1:
        [id_] = ids
        return visible(f"contract {id_} {found.names.contracts.get(id_, '')}".rstrip())
    return f"{len(ids)} of {counted(of_all, 'contract')}" if of_all else counted(len(ids), "contract")


def _on_lines(these: Sequence[Passed], found: Digest) -> str:
    money = [one.estimate or Decimal() for one in these]
    few, many = -sum(min(one, Decimal()) for one in money), sum(max(one, Decimal()) for one in money)
    parts = [f"about {few:,.2f} not billed"] if few else []
    parts += [f"about {many:,.2f} billed too much"] if many else []
    lines = counted(len({(one.key, one.customer, one.skus) for one in these}), "line")
    on = {one.key.contract_id for one in these if one.key}
    of = f" of {_contracts(on, found)}" if on and all(one.key for one in these) else ""
    return f"on {lines}{of}{': ' if parts else ''}{' and '.join(parts)}"


def _changes(found: Digest) -> Iterator[str]:
    if not found.changed:
        return
    yield "WHAT CHANGED"
    for one in found.changed[:TOP]:
        who = _who(one.customers, found)
        times = f" in {one.count} changes" if one.count > 1 else ""
        yield f"- {who}: {one.delta:+d} {_skus(one.skus)} from {_day(one.first)}{times}{'' if found.away else _effect(one.estimate, one.posted, one.over)}"
    yield from _more_changes(found.changed[TOP:], found)


def _more_changes(rest: Sequence[ChangedLine], found: Digest) -> Iterator[str]:
    if rest:
        units = sum(one.delta for one in rest)
        on_posted = sum((one.posted for one in rest), Decimal("0.00"))
        over = sum((one.over for one in rest), Decimal("0.00"))
        money = "" if found.away else _effect(together(one.estimate for one in rest), on_posted, over)
        yield f"- and {counted(len(rest), 'more line')}: {with_sign(units, 'unit')} together{money}"
        yield f"    {said(NextWay.SEE_CHANGES, since=str(found.since))}"


def _waits(found: Digest) -> Iterator[str]:
    if not found.waiting:
        return
    yield "WAITS FOR A PERSON"
    for one in found.waiting[:TOP]:
        yield f"- {_waiting(one, found)}"
        yield from (f"    {visible(way)}" for way in ways(one.remedy))
    rest = found.waiting[TOP:]
    if rest:
        yield f"- and {len(rest)} more{'' if found.away else _together(rest)}"
        yield f"    {said(NextWay.READY, month=f'{found.today:%Y-%m}')}"


def _together(these: Sequence[Waiting]) -> str:
    """What things come to together, and of how many that have seats no price is known."""
    money = [one.estimate for one in these if one.estimate is not None]
    unknown = sum(one.estimate is None and one.seats != 0 for one in these)
    if not money:
        return " (no price is known)" if unknown else ""
    without = f" ({unknown} without a known price)" if unknown else ""
    return f", about {sum(map(abs, money)):,.2f}{without}"


def _waiting(one: Waiting, found: Digest) -> str:
    who = _who((one.customer,) if one.customer else (), found)
    what = f"{visible(one.sku)}: " if one.sku else ""
    numbers = []
    if one.seats:
        numbers.append(f"{abs(one.seats)} {'not billed' if one.seats < 0 else 'too many'}")
    if one.first:
        numbers.append(f"since {_day(one.first)}")
    if one.estimate:
        numbers.append(f"about {abs(one.estimate):,.2f}")
    in_brackets = f" ({', '.join(numbers)})" if numbers else ""
    return f"{who}: {what}{visible(one.why)}{in_brackets}"


def _unmapped(found: Digest) -> Iterator[str]:
    customers, skus = found.unmapped_customers, found.unmapped_skus
    if not customers and not skus:
        return
    yield f"NOT MAPPED YET: {counted(len(customers), 'customer')}, {counted(len(skus), 'SKU')}"
    named = [*(_who((one,), found) for one in customers), *map(visible, skus)]
    yield f"- {some(named, TOP)}"
    yield f"    {said(NextWay.REVIEW)}"


def _ended(found: Digest) -> Iterator[str]:
    if found.ended:
        yield f"ENDED, WITH SEATS IN TIMUS: {counted(subscriptions_of(found.ended), 'subscription')}, billed by no contract any more"
        yield from _each_end(found.ended, found, ended=True)


def _coverage(found: Digest) -> Iterator[str]:
    if found.coverage:
        yield f"BILLED BY NO CONTRACT SOON: {within(found.coverage, found.today)}"
        yield from _each_end(found.coverage, found)


def _each_end(these: Sequence[Coverage], found: Digest, *, ended: bool = False) -> Iterator[str]:
    yield from (f"- {_ends(one, found, ended=ended)}" for one in these[:TOP])
    if len(these) > TOP:
        yield f"- and {len(these) - TOP} more: {said(NextWay.READY)}"


def _ends(one: Coverage, found: Digest, *, ended: bool) -> str:
    money = f", {one.money}" if one.money else ""
    # Of what has ended, the first day without a bill: what waits for a person says the same one.
    when, day = ("since", one.unbilled_from) if ended else ("until", one.until)
    return (
        f"{_who((one.customer,), found)}: {one.units} {visible(one.sku)} {when} {_day(day)} {day.year}{money}. "
        f"{visible(one.renewal)}"
    )


def _rest(found: Digest) -> Iterator[str]:
    if found.observing:
        yield f"This stack observes: nothing is written to Autotask. See: {said(NextWay.PREVIEW)}"
    if found.by_itself:
        other = counted(found.by_itself, "other thing is", "other things are")
        yield f"{other} under way or scheduled, and {'needs' if found.by_itself == 1 else 'need'} nobody."
    yield from (f"Note: {visible(note)}" for note in found.notes[:MOST_NOTES])


# -- Words


def _effect(estimate: Estimate, on_posted: Decimal, over: Decimal) -> str:
    if estimate.unknown and not (estimate.so_far or estimate.each_period or on_posted or over):
        return " (no price is known)"
    without = f" ({estimate.unknown} without a known price)" if estimate.unknown else ""
    parts = [f"{_signed(on_posted)} on posted invoices already"] if on_posted else []
    parts += [f"{_signed(over)} of billing periods that are over and not posted yet"] if over else []
    if estimate.so_far or not parts:
        next_ = [f"{_signed(estimate.so_far)} on the next invoice"]
        after = "each period after it"
    else:
        next_, after = [], "each period from now on"
    return f": about {', '.join([*parts, *next_])}, {_signed(estimate.each_period)} {after}{without}"


def _signed(amount: Decimal) -> str:
    return f"{amount:+,.2f}"


def _who(customers: Sequence[str], found: Digest) -> str:
    if not customers:
        return "For everybody"
    if [*customers] == [NOBODY]:
        return "An event without a customer"
    return some((visible(found.names.customers.get(one) or one) for one in customers), 3)


def _skus(skus: Iterable[str]) -> str:
    return ", ".join(visible(sku) for sku in skus) or "units"


def _days(found: Digest) -> str:
    """Since when; with the time where it is not a whole day, as what came before it was told by the digest before."""
    begins = f" {found.begins:%H:%M}" if found.begins else ""
    return f"{_day(found.since)}{begins} to {_day(found.today)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
