"""How what a person undid is brought back. Pure."""

from __future__ import annotations

from datetime import date

from timus_autotask.watch.month.books import BookLine
from timus_autotask.watch.remedy import NextWay, said


def bring_back(line: BookLine, today: date) -> str:
    """The command that ends the newest undo that holds; empty: it is over, or its period is posted."""
    newest = next((one for one in reversed(line.line.undone) if one.until is None or one.until > today), None)
    if newest is None or not line.undone.at(max(today, newest.day)):
        return ""
    if line.observed.is_posted(newest.day):
        return ""
    if newest.opposite:
        return said(NextWay.BRING_BACK, change=newest.opposite)
    waits = newest.is_still_to_be_made(today)
    return said(NextWay.WITHDRAW, change=newest.entry) if waits else ""
