"""``preview``, ``go-live`` and ``observe``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from datetime import date
from typing import Any

from timus_autotask.cli.proposing import (
    MOST_NAMED,
    agreed,
    carry_out,
    operator,
    progress,
    show_adjustments,
    totals_in_words,
)
from timus_autotask.cli.terminal import Terminal, Whole, called
from timus_autotask.domain.days import ONE_DAY
from timus_autotask.operate import stage
from timus_autotask.operate.deployment import Deployment
from timus_autotask.operate.preview import what_people_did, what_would_be_adjusted
from timus_autotask.operate.proposal import Written
from timus_autotask.operate.stage import StageChange
from timus_autotask.watch.forms import shadow_form
from timus_autotask.watch.remedy import commands
from timus_autotask.watch.shadow import Episode, Shadow
from timus_autotask.watch.wording import counted, some


def preview(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """What would be adjusted, and nothing else; or what people did by hand since a day."""
    if arguments.since is not None:
        with terminal.while_busy("Records and Autotask are read …"):
            found_by_hand = what_people_did(deployment, arguments.since.date(), arguments.customer)
        return _shadow(found_by_hand, terminal)
    found = what_would_be_adjusted(deployment, arguments.customer, progress(terminal))
    show_adjustments(found.preview, terminal)
    terminal.say(*found.notes)
    if found.ignored:
        by = f" by {found.ignored.by}" if found.ignored.by else ""
        since = f"{found.ignored.at:%Y-%m-%d}"
        terminal.say(
            f"{arguments.customer} is ignored{by} since {since}, so nothing is billed: {found.ignored.reason}",
            style="bold yellow",
        )
        remedy = commands("timus-autotask map unignore customer {customer}", {"customer": arguments.customer})
        terminal.say(Whole(f"→ {remedy}"), style="yellow")
    elif not found.live:
        remedy = "timus-autotask go-live"
        if arguments.customer:
            remedy = commands(
                "timus-autotask go-live --customer {customer}", {"customer": arguments.customer}
            )
        terminal.say("This observes: nothing is adjusted before go-live.", style="bold yellow")
        terminal.say(Whole(f"→ {remedy}"), style="yellow")
    return found.to_json()


def _shadow(found: Shadow, terminal: Terminal) -> dict[str, Any]:
    """What people did by hand, against what would have been adjusted."""
    columns = ("customer", "SKU", "contract", "service", "by hand", "days", "should be", "Autotask")
    terminal.table(
        (*columns, "seat-days", "estimate"),
        [
            (
                [*dict.fromkeys(str(called(one, found.names.customers)) for one, _ in line.sources)],
                [*dict.fromkeys(sku for _, sku in line.sources)],
                called(line.key.contract_id, found.names.contracts),
                called(line.key.service_id, found.names.services),
                line.episode.kind.value,
                _days(line.episode, found.until),
                line.wanted,
                line.autotask,
                f"{line.episode.seat_days:+d}",
                "no known price" if line.estimate is None else f"about {line.estimate:+}",
            )
            for line in found.lines
        ],
        empty="Every line was right on each day.",
    )
    kinds = ", ".join(f"{count} {kind.value}" for kind, count in sorted(found.kinds.items()))
    unpriced = (
        f" {found.without_price} without a known price are not in the money." if found.without_price else ""
    )
    terminal.say(
        f"From {found.since} to {found.until}: {kinds or 'nothing wrong'}; {counted(found.level, 'line')} right on each day. "
        f"{counted(found.too_many, 'seat-day')} billed too many (about {found.overbilled}), {found.too_few} not billed (about "
        f"{found.unbilled}).{unpriced}",
        style="bold",
    )
    terminal.say(
        "Compared are the days that Autotask bills, as it has them now, with what Timus has reported by now; not when somebody "
        "typed it. Money is an estimate, at today's prices."
    )
    return shadow_form(found)


def _days(episode: Episode, today: date) -> str:
    last = episode.until - ONE_DAY
    return f"from {episode.first}" if last >= today else f"{episode.first} to {last}"


def go_live(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Let changes reach Autotask from now on."""
    proposal = stage.go_live(
        deployment,
        operator(arguments),
        arguments.customers or (),
        arguments.excepted or (),
        unknown=arguments.unknown,
        on_progress=progress(terminal),
    )
    question = f"Go live? That adjusts {totals_in_words(proposal.preview.totals)}.{_still(proposal.result.observing)}"

    def say(done: StageChange) -> None:
        terminal.say(f"Live: {', '.join(done.customers) or 'everybody'}.", style="green")
        if done.observing:
            them = "him" if len(done.observing) == 1 else "each of them"
            terminal.say(f"{_still(done.observing).strip()} To let {them} go live:")
            remedy = commands("timus-autotask go-live --customer {customer}", {"customer": done.observing[0]})
            terminal.say(Whole(f"→ {remedy}"), style="yellow")
        if proposal.preview.changes:
            terminal.say("What was shown is being made. How far it is:", Whole("→ timus-autotask status"))
        else:
            terminal.say("Nothing is to be adjusted.")

    return carry_out(proposal, arguments, terminal, say, question, show_adjustments)


def _still(observing: Sequence[str]) -> str:
    return f" Still observing: {some(observing, MOST_NAMED)}." if observing else ""


def observe(deployment: Deployment, arguments: Namespace, terminal: Terminal) -> dict[str, Any]:
    """Write nothing to Autotask from now on."""
    customers = tuple(arguments.customers or ())
    whose = ", ".join(customers) or "everybody"
    if not agreed(arguments, terminal, f"Observe {whose}? Nothing is written to Autotask until go-live."):
        return Written(StageChange(False, customers), written=False).to_json()
    done = stage.observe(deployment, operator(arguments), customers, unknown=arguments.unknown)
    terminal.say(f"Observing: {whose}. Nothing is written to Autotask until go-live.", style="green")
    if done.settling:
        terminal.say(
            f"{done.settling} {'adjustment was' if done.settling == 1 else 'adjustments were'} under way; how it ended is "
            "still found out, by reads. See: timus-autotask changes"
        )
    return Written(done, written=True).to_json()
