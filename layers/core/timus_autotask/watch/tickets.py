"""Use case: keep tickets in Autotask for the alarms of the stack, where the partner wants that.

What is on is asked of CloudWatch itself each few minutes, so an alarm that nobody heard of is not missed, and one that is over
is over. All tickets stand in one record; it is written before Autotask is asked for anything, and of two that write it at once,
one gives way. Nothing here holds up a change: a refusal is logged and tried again later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from timus_autotask.domain.ticket import Alarm, Ticket, TicketAction, next_action, wanted
from timus_autotask.ports.errors import (
    AutotaskError,
    Conflict,
    CredentialsRefused,
    NoCredentials,
    OutcomeUnknown,
    Refused,
    RetryLater,
)
from timus_autotask.store.reading import Stored
from timus_autotask.store.runs import Tickets, put_tickets, tickets
from timus_autotask.sync.lease import LEASE_MARGIN
from timus_autotask.sync.ports import Ports
from timus_autotask.sync.stage import decide_stage
from timus_autotask.sync.worker import ADJUSTMENT_TAKES, note_failure
from timus_autotask.watch.remedy import NextWay, said

EVERY = timedelta(minutes=5)
"""How often the alarms are asked for."""
ASK_AGAIN = timedelta(hours=1)
"""How soon Autotask is asked again for what it refused."""
DUE = timedelta(days=1)
"""When a ticket is due."""


@dataclass(frozen=True, slots=True)
class TicketDesk:
    """Where tickets go, and what they are about."""

    stack: str
    company_id: int
    queue_id: int | None
    """None: the tenant's default."""
    priority: int
    alarms: Callable[[], Sequence[Alarm]]
    """Every alarm of the stack."""


def keep_tickets(ports: Ports, desk: TicketDesk, deadline: datetime) -> None:
    """Open a ticket for each alarm that is on, and close those whose alarm is over; ``deadline`` is when this process is dead.

    A stack that observes opens and closes none.
    """
    now = ports.clock.now()
    stored = tickets(ports.table)
    known = stored.value
    early = known.at is not None and now - known.at < EVERY
    if early or now + ADJUSTMENT_TAKES > deadline:
        return
    partner = ports.store.partner()
    live = decide_stage(ports, partner).live
    if partner.circuit.value.open(now) or not live:
        return
    alarms = {alarm.name: alarm for alarm in desk.alarms()}
    record = Tickets(now, wanted(alarms.values(), known.tickets, desk.stack, said(NextWay.SEE_STATUS)))
    try:
        _Keeper(ports, desk, deadline, Stored(record, stored.rev), live=live).go(alarms)
    except Conflict:
        return  # another run is working on it
    except NoCredentials:
        return  # that is reported elsewhere
    except AutotaskError as error:
        note_failure(ports, error)


class _Keeper:
    """One look at all tickets."""

    def __init__(
        self, ports: Ports, desk: TicketDesk, deadline: datetime, stored: Stored[Tickets], *, live: bool
    ) -> None:
        self._ports = ports
        self._live = live
        self._desk = desk
        self._deadline = deadline
        self._stored = stored

    def go(self, alarms: Mapping[str, Alarm]) -> None:
        """Bring each ticket as far as Autotask allows."""
        self._save(self._stored.value.tickets)
        for name, ticket in self._stored.value.tickets.items():
            now = self._ports.clock.now()
            solved = name not in alarms or alarms[name].solved(now)
            waits = ticket.again_at is not None and now < ticket.again_at
            if waits or (ticket.there and not solved) or now + ADJUSTMENT_TAKES > self._deadline:
                continue
            try:
                self._drive(ticket, solved)
            except Refused as error:  # changes go on without a permission for tickets
                self._put(replace(self._stored.value.tickets[name], again_at=now + ASK_AGAIN))
                self._tell("refused", ticket, detail=str(error))

    def _drive(self, ticket: Ticket, solved: bool) -> None:
        found = self._ports.autotask().tickets_numbered(self._desk.company_id, ticket.external_id)
        match next_action(ticket, solved, [one.is_complete for one in found], self._ports.clock.now()):
            case TicketAction.OPEN:
                self._open(ticket)
            case TicketAction.KEEP if not ticket.there:
                self._put(replace(ticket, there=True, settles_at=None))
            case TicketAction.CLOSE:
                for one in found:
                    self._ports.writing(live=self._live).complete_ticket(one.id, "The alarm is over.")
                self._forget(ticket)
                self._tell("closed", ticket)
            case TicketAction.FORGET:
                self._forget(ticket)

    def _open(self, ticket: Ticket) -> None:
        """Ask for the ticket, once, after writing down that we do."""
        settles_at = self._deadline + LEASE_MARGIN + self._ports.settle
        asked = replace(ticket, settles_at=settles_at, again_at=None)
        self._put(asked)
        try:
            self._ports.writing(live=self._live).create_ticket(
                self._desk.company_id,
                ticket.external_id,
                ticket.title,
                ticket.description,
                queue_id=self._desk.queue_id,
                priority=self._desk.priority,
                due=self._ports.clock.now() + DUE,
            )
        except OutcomeUnknown as error:
            settles_at = min(settles_at, self._ports.clock.now() + self._ports.settle)
            self._put(replace(asked, settles_at=settles_at))
            self._tell("unknown", ticket, detail=str(error))
            return
        except (Refused, RetryLater, CredentialsRefused):
            self._put(ticket)
            raise
        self._put(replace(asked, there=True))
        self._tell("opened", ticket)

    # -- The record

    def _put(self, ticket: Ticket) -> None:
        self._save({**self._stored.value.tickets, ticket.alarm: ticket})

    def _forget(self, ticket: Ticket) -> None:
        left = {name: one for name, one in self._stored.value.tickets.items() if name != ticket.alarm}
        self._save(left)

    def _save(self, tickets: Mapping[str, Ticket]) -> None:
        """Raises ``Conflict`` when another run writes it too."""
        record = replace(self._stored.value, tickets=tickets)
        self._ports.store.commit(put_tickets(record, self._stored.rev))
        self._stored = Stored(record, self._stored.rev + 1)

    def _tell(self, what: str, ticket: Ticket, detail: str | None = None) -> None:
        ticket_id, alarm = ticket.external_id, ticket.alarm
        self._ports.on_event(f"ticket-{what}", ticket=ticket_id, alarm=alarm, detail=detail)
