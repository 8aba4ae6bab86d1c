"""Many runs over several processes, with progress."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Item = TypeVar("Item")
Found = TypeVar("Found")

EVERY = 60.0
"""Seconds between two lines of progress where no terminal shows a bar."""


def spread(
    work: Callable[[Item], Found], items: Sequence[Item], jobs: int | None = None, title: str = "schedules"
) -> Iterator[Found]:
    """What ``work`` makes of each item, in the order of the items; ``jobs`` processes (all cores if None) share them.

    Closing the iterator early stops the rest.
    """
    jobs = jobs or os.cpu_count() or 1
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    chunk = max(1, min(50, len(items) // (jobs * 8)))
    # The processes are forked before the bar starts its thread: a lock that a thread holds at that moment would never be released.
    with ExitStack() as stack:
        pool = stack.enter_context(get_context("fork").Pool(jobs, initializer=quiet)) if jobs > 1 else None
        console = Console(stderr=True)
        progress = stack.enter_context(Progress(*columns, console=console, disable=not console.is_terminal))
        bar = progress.add_task(title, total=len(items))
        line_due = time.monotonic() + EVERY
        if pool is None:
            stack.callback(logging.disable, logging.root.manager.disable)
            quiet()
        results = pool.imap(work, items, chunksize=chunk) if pool else map(work, items)
        for done, found in enumerate(results, start=1):
            yield found
            progress.advance(bar)
            if not console.is_terminal and time.monotonic() >= line_due:
                console.print(f"{title}: {done:,} of {len(items):,}", highlight=False)
                line_due = time.monotonic() + EVERY


def quiet() -> None:
    """The product logs every injected fault: millions of lines that nobody reads."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
