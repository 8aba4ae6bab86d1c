"""What is to be done about a difference between two of the four sides: for the command, the page and ``--json`` alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from timus_autotask.watch.month.causes import WhyDiffers
from timus_autotask.watch.month.four_sides import Between, DifferenceKind, SideDifference, SideRow
from timus_autotask.watch.remedy import NextWay, either, said

_NOT_CHANGED = "Nothing changes these days any more: bill or credit them by hand in Autotask."
_NOT_BROUGHT_BACK = "No command brings it back on these days any more: bill or credit them by hand in Autotask, if it should not be so."
_PAST = (WhyDiffers.LATE, WhyDiffers.BEFORE, WhyDiffers.SUPERSEDED)
"""Of days that nothing changes any more."""
_WAYS: Mapping[DifferenceKind, tuple[NextWay, ...]] = {
    Between.NOT_POSTED: (NextWay.SEE_POSTED,),
    Between.POSTED_MORE: (NextWay.SEE_POSTED,),
    Between.NO_SUBSCRIPTION: (NextWay.SUGGEST,),
    WhyDiffers.UNMAPPED: (NextWay.REVIEW,),
}
"""No line waits for these, or what it waits for says less, so `status` is not where to look."""


def remedy_of_difference(one: SideDifference, row: SideRow, month: date) -> str:
    """What settles it, or what becomes of it, of a row in this month; empty: nothing is to be done, or something else says it."""
    facts = {"customer": row.customer, "month": f"{month:%Y-%m}"}
    if one.rightly or one.kind is Between.UNKNOWN:
        return ""
    if one.kind is Between.NOT_IN_TIMUS:
        return f"{_not_reported(row)}; {said(NextWay.COMPARE_WITH_TIMUS)}"
    if one.kind is Between.NOT_INVOICED:
        return "Timus may charge it later"
    if one.kind is WhyDiffers.KEPT:
        return "It is kept by a person's decision: change the units in Autotask if it should not be"
    see = said(NextWay.SEE_DAYS if row.customer else NextWay.SEE_DAYS_OF_ALL, **facts)
    if one.kind is WhyDiffers.UNDONE:
        return either(*row.bring_back) if row.bring_back else f"{_NOT_BROUGHT_BACK} {see}"
    if one.kind in _PAST:
        return f"{_NOT_CHANGED} {see}"
    if one.kind in _WAYS:
        return said(*_WAYS[one.kind], **facts)
    return said(NextWay.SEE_CUSTOMER, **facts)


def _not_reported(row: SideRow) -> str:
    """What is to be done about seats that are on the invoice, and that Timus has not reported."""
    if row.paid_not_billed:
        return "Ask Timus for a credit"
    by_others = row.keys and row.paid > row.billed
    return f"All of it is billed{', with what others on the same line are billed and do not pay for' if by_others else ''}"
