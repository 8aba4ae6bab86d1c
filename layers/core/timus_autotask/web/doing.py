"""What a person can do about a single thing, by name: each is proposed first, and its page shows what would be adjusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from starlette.datastructures import FormData

from timus_autotask.domain.line import Choice
from timus_autotask.operate import decisions, parked_events, stage, terms
from timus_autotask.operate.refusal import Senseless
from timus_autotask.operate.undo import ChangeUndone, undo
from timus_autotask.watch.money import about
from timus_autotask.web.desk import Desk
from timus_autotask.web.proposals import ToDo
from timus_autotask.web.showing import back_to, text_of


def asked(desk: Desk, form: FormData) -> ToDo:
    """What a form asks for. Raises :class:`Senseless`."""
    build = THINGS.get(text_of(form, "what"))
    if build is None:
        raise Senseless("There is no such thing to do.")
    return build(desk, form)


def _whole(form: FormData, name: str) -> int:
    given = text_of(form, name)
    if not (given.isascii() and given.isdigit() and 0 < len(given) < 19):
        raise Senseless(f"{name} is no id of Autotask: a whole number is needed.")
    return int(given)


def _undo(desk: Desk, form: FormData) -> ToDo:
    change, reason = text_of(form, "change"), text_of(form, "reason")
    if not change:
        raise Senseless("Which change?")

    def sentences(done: ChangeUndone) -> Sequence[str]:
        until = [f"What Timus says counts again from {one.until} on." for one in done.sides if one.until]
        money = [f"The undo alone comes to {about(done.estimate)}, an estimate."] if done.estimate else []
        return [
            f"{done.change} on contract {done.contract_id}, because: {done.reason}",
            *filter(None, [done.taken_days, done.prices_that_stay]),
            *dict.fromkeys(until),
            *money,
        ]

    return ToDo(
        "Undo a change",
        lambda progress: undo(desk.deployment, change, reason, desk.by, progress),
        back_to(form),
        "Undo it",
        sentences,
    )


def _drift(desk: Desk, form: FormData) -> ToDo:
    contract, service = _whole(form, "contract"), _whole(form, "service")
    choice = Choice.ADOPT if text_of(form, "choice") == "adopt" else Choice.ENFORCE
    keeps = choice is Choice.ADOPT
    return ToDo(
        "Keep the units as somebody changed them" if keeps else "Bring back the units that somebody changed",
        lambda progress: decisions.decide_drift(
            desk.deployment, contract, service, choice, desk.by, progress
        ),
        back_to(form),
        "Keep them" if keeps else "Bring them back",
        lambda done: [done.message],
    )


def _retry(desk: Desk, form: FormData) -> ToDo:
    contract = _whole(form, "contract")
    return ToDo(
        f"Look at contract {contract} again",
        lambda progress: decisions.retry(desk.deployment, contract, desk.by, progress),
        back_to(form),
        "Try again",
        lambda _done: ["What Autotask refused is sent again, and what somebody changed there is found."],
    )


def _resume(desk: Desk, form: FormData) -> ToDo:
    customer = text_of(form, "customer") or None
    return ToDo(
        f"Go on for {customer or 'everybody'}",
        lambda progress: terms.resume(desk.deployment, customer, desk.by, on_progress=progress),
        back_to(form),
        "Resume",
        lambda _done: ["Changes are made again."],
    )


def _accept_event(desk: Desk, form: FormData) -> ToDo:
    key = text_of(form, "event")
    return ToDo(
        "Take a parked event as right",
        lambda progress: parked_events.accept(desk.deployment, key, desk.by, progress),
        back_to(form),
        "It is right",
    )


def _go_live(desk: Desk, form: FormData) -> ToDo:
    customer = text_of(form, "customer")
    return ToDo(
        f"Go live{f' with {customer}' if customer else ''}",
        lambda progress: stage.go_live(
            desk.deployment, desk.by, [customer] if customer else [], on_progress=progress
        ),
        back_to(form),
        "Go live",
        lambda done: [
            "From then on changes reach Autotask.",
            *([f"Still observing: {', '.join(done.observing)}."] if done.observing else []),
        ],
    )


THINGS: Mapping[str, Callable[[Desk, FormData], ToDo]] = {
    "undo": _undo,
    "drift": _drift,
    "retry": _retry,
    "resume": _resume,
    "accept-event": _accept_event,
    "go-live": _go_live,
}
