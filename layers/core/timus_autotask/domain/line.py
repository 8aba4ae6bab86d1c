"""A line of a contract and what we know of it between two looks: the record that makes every adjustment safe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from .days import ONE_DAY
from .history import Cause
from .mapping import LineKey
from .past_days import PastDays, Postponed
from .price import PriceChange
from .reasons import REFUSED, Parked
from .timeline import NOTHING, Timeline


class Answer(StrEnum):
    """What came back for an adjustment that was sent."""

    UNKNOWN = "unknown"
    """Nothing yet, or nothing that could be trusted."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_APPLIED = "not-applied"
    """Surely without effect, and worth another try: never sent, throttled, credentials refused."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An adjustment that is about to be sent, written before the first byte. A line has at most one."""

    id: str
    day: date
    delta: int
    before: Timeline
    """Units that Autotask had, as read under the lease."""
    opened_at: datetime
    settles_at: datetime
    """Until then nobody may adjust the line: the sender may be alive, the adjustment may land late."""
    answer: Answer = Answer.UNKNOWN
    message: str = ""
    """Autotask's own message, of a refusal."""
    day_taken: bool = False
    """Autotask refused it because the line has an adjustment on that day already, whoever made it."""
    events: tuple[str, ...] = ()
    """The events from which it follows."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """The newest version of each subscription that it takes into account."""
    price: str | None = None
    """The unit price that is sent with it, if one is."""
    price_before: str | None = None
    """The line's unit price that it replaces; None: the service is new on the contract."""
    linked: tuple[LineKey, ...] = ()
    """The other lines of the plan change that it is a part of."""
    until: date | None = None
    """The contract's last day when it was begun: days that a longer contract has gained since say nothing of its outcome."""
    postponed: Postponed | None = None
    """The day from which it should have been billed, if that one could not be changed any more."""
    why: Why | None = None
    by: str = ""
    """Who approved it, undid what it takes back, had an edit brought back, or set the terms that caused it."""
    terms: tuple[str, ...] = ()
    """The terms that caused it, as ``policy set`` writes them."""
    causes: tuple[Cause, ...] = ()
    """What the newest of ``events`` said, at most ``MOST_CAUSES`` of them."""
    undoes: str = ""
    """The entry of the journal whose change it takes back."""

    @property
    def after(self) -> Timeline:
        """The units once it has landed."""
        return self.before.add_from(self.day, self.delta)

    @property
    def price_change(self) -> PriceChange | None:
        """The unit price that is sent with it, old and new, if one is."""
        return PriceChange(self.price, self.price_before) if self.price is not None else None

    @property
    def change(self) -> HeldChange:
        """What was decided on before it was begun, if anybody had to."""
        return HeldChange(self.day, self.delta, self.price_change)


class Why(StrEnum):
    """Why something was changed, where it is not just what Timus reported."""

    APPROVED = "approved"
    """A person let it go."""
    ENFORCED = "enforced"
    """Somebody had changed units in Autotask, and the terms or a person bring them back."""
    RENEWED = "renewed"
    """The term was renewed."""
    TERMS = "terms"
    """The partner's terms, or a customer's, were changed."""
    UNDONE = "undone"
    """A person took back what was made before."""


class Outcome(StrEnum):
    """How an intent ended, or a change that never became one."""

    LANDED = "landed"
    NOT_LANDED = "not-landed"
    REFUSED = "refused"
    """By Autotask."""
    UNCLEAR = "unclear"
    REJECTED = "rejected"
    """By an operator, before it was sent."""


MOST_CAUSES = 50
"""Causes that are kept with a change, the newest: some 350 bytes each."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry of a chain of the journal."""

    number: int
    """How many entries the chain has."""
    hash: str
    """SHA-256 of the entry's stored content, in which the hash of the entry before it stands: 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A line of the journal: one adjustment and how it ended, or a change that an operator rejected."""

    id: str
    line: LineKey
    day: date
    delta: int
    units_before: int
    """On ``day``."""
    units_after: int
    """On ``day``, as read back."""
    outcome: Outcome
    opened_at: datetime
    settled_at: datetime
    events: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    """(customer, SKU)."""
    message: str = ""
    linked: tuple[LineKey, ...] = ()
    """The other lines of the plan change that it is a part of."""
    price: PriceChange | None = None
    """The unit price that was sent with it, if one was."""
    by: str = ""
    """Who approved or rejected it, had an edit brought back, or set the terms that caused it."""
    why: Why | None = None
    terms: tuple[str, ...] = ()
    """The terms that caused it, as ``policy set`` writes them."""
    postponed: Postponed | None = None
    """The day from which it should have been billed, if that one could not be changed any more."""
    causes: tuple[Cause, ...] = ()
    """What the newest of ``events`` said: it outlives them."""
    answer: Answer | None = None
    """What Autotask answered; None: nothing was sent, or an earlier version wrote this."""
    found: Timeline | None = None
    """Autotask's units by day before it, where no earlier entry of the line says them: on the first one, and after somebody else's edit."""
    number: int = 0
    """Its place in the chain of its line, from 1 on; 0: an earlier version wrote it, and it is in no chain."""
    previous: str = ""
    """The hash of the entry before it; empty on the first one."""
    undoes: str = ""
    """The id of the entry whose change it takes back."""

    @property
    def follows_from(self) -> date:
        """The first day of what it follows from: its own, unless that could not be adjusted any more."""
        return self.postponed.day if self.postponed else self.day


class State(StrEnum):
    """What a person sees of a line."""

    APPLIED = "applied"
    PENDING = "pending"
    SCHEDULED = "scheduled"
    SETTLING = "settling"
    PARKED = "parked"
    IGNORED = "ignored"
    """Of a quantity without a line that is to have none: only shown, never stored."""
    OBSERVING = "observing"
    """Nothing is written to Autotask until go-live; what would be done is shown."""


class Choice(StrEnum):
    """A person's decision on a line whose units somebody else changed."""

    ENFORCE = "enforce"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Autotask refused last, so that the same is not sent again at once."""

    day: date
    delta: int
    message: str
    retry_at: datetime
    times: int = 1
    since: datetime | None = None
    """When the same was refused first; None: an earlier version did not note it."""

    def is_of(self, intent: Intent) -> bool:
        """Whether this is what was refused."""
        return (self.day, self.delta) == (intent.day, intent.delta)


@dataclass(frozen=True, slots=True)
class HeldChange:
    """An adjustment that an operator decides on, exactly as it is shown. See ``approval``."""

    day: date
    delta: int
    price: PriceChange | None = None
    """The unit price that goes out with it, if one does."""
    day_limit: int | None = None
    """The limit of a day that holds it. It stays held on later days, although each has a limit of its own."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """By subscription: the newest version that the line knew when this was shown."""
    rejection: Rejection | None = None
    """It was rejected, and is set aside."""


@dataclass(frozen=True, slots=True)
class Approved:
    """An adjustment that a person has approved, exactly as it was shown."""

    day: date
    delta: int
    by: str = ""
    price: PriceChange | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    """By subscription: the newest version that the line knew when it was shown; empty: whatever it knows when it is next looked at."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A change that an operator set aside. It stays so until Timus reports something newer, or until it is approved."""

    day: date
    delta: int
    by: str
    at: datetime
    reason: str
    """Why, in the operator's words."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """By subscription: the newest version that the line knew; empty: whatever it knows when it is next looked at."""
    price: PriceChange | None = None


@dataclass(frozen=True, slots=True)
class Undone:
    """A change that was made and that a person takes back. See ``undo``."""

    id: str
    """Of the undo: the sides of a plan change, which is undone as a whole, share it."""
    entry: str
    """The entry of the journal that is undone."""
    day: date
    """From which day on the line is wanted without the change."""
    delta: int
    """The opposite of the change: what is adjusted on that day."""
    instead_of: int
    """What the line should have by Timus and the terms."""
    units: int
    """What it is wanted with instead."""
    by: str
    at: datetime
    reason: str
    versions: Mapping[str, int] = field(default_factory=dict)
    """By subscription: the newest version that was known."""
    linked: tuple[LineKey, ...] = ()
    """The other sides of the plan change."""
    opposite: str = ""
    """The entry of the journal that made the opposite adjustment; empty: it is still to be made, or was never needed."""
    until: date | None = None
    """The first day on which it does not hold any more, as it was last looked at; None: nothing ends it yet."""
    customer: str = ""
    """Whose change it was, of a line that others may share: only this customer's news end the undo, and the others' units go their way.
    Empty: nobody can tell, and any news of the line end it."""
    part: int = 0
    """What of ``instead_of`` is that customer's."""
    taken_back: date | None = None
    """The day from which on somebody made by hand in Autotask again what was undone: that ends it."""

    def is_still_to_be_made(self, today: date) -> bool:
        """Whether its opposite is still to come: it is not made yet, and nothing ends it before."""
        return not self.opposite and (self.until is None or self.until > max(self.day, today))


@dataclass(frozen=True, slots=True)
class Line:
    """One service on one contract.

    ``baseline`` is what Autotask had when we last looked and had nothing open: the known state. A read that differs from it means
    that somebody else was there.
    """

    contract_id: int
    service_id: int
    baseline: Timeline | None = None
    intent: Intent | None = None
    adjusted: tuple[date, ...] = ()
    """Days that carry an adjustment of ours."""
    taken: tuple[date, ...] = ()
    """Days of which Autotask says that they carry an adjustment already, whoever's it is."""
    offset: Timeline = NOTHING
    """Units that a person put on top and that we keep."""
    by_hand: Timeline = NOTHING
    """The same on days of the past, of an edit that was over before anybody had decided on it: nothing is kept of it from then on."""
    left_billed: Timeline = NOTHING
    """What of ``by_hand`` were seats that an edit took off only later than Timus: until then no other plan is billed in their place."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """By subscription: the newest version that this line has followed."""
    refusal: Refusal | None = None
    choice: Choice | None = None
    approved: tuple[Approved, ...] = ()
    contract_service_id: int | None = None
    price: str | None = None
    """The unit price that we sent last, by the partner's terms; a price that differs was set by hand and stays."""
    baseline_until: date | None = None
    """The contract's last day when the baseline was read. Later days, which a longer contract has gained since, are nobody's edit; None:
    it was read by an earlier version, which did not note the day."""
    empty_from: date | None = None
    """The first day that the contract has gained since we look after the line, where Autotask left its new periods without units."""
    awaiting: HeldChange | None = None
    """What ``approve`` lets go: what the terms hold back, or what was rejected: then its ``rejection`` says so, and nobody is asked. What
    a day's limit holds stays held by it."""
    rejections: tuple[Rejection, ...] = ()
    awaiting_causes: tuple[Cause, ...] = ()
    """What Timus has reported that ``awaiting`` follows from; see ``MOST_CAUSES``."""
    observed: Timeline | None = None
    """What Autotask had when it was last read, where that is not the baseline: somebody else changed it, or nobody knows, or the line
    observes and has no baseline."""
    last_change: datetime | None = None
    """When an adjustment of ours last landed; a read that disagrees soon after it may be stale."""
    enforcing: bool = False
    """Units that somebody else changed are being brought back, and something of it is still to be made: it takes more than one adjustment, a day
    has to be free for it, or the edit is of a day to come."""
    enforced_by: str = ""
    """Who decided that they are; empty: the terms did, or nothing is being brought back."""
    head: Head | None = None
    """The newest entry of the journal about this line; None: there is none that is chained."""
    found: Timeline | None = None
    """What Autotask had when somebody else had changed units, until the next entry of the journal says it."""
    undone: tuple[Undone, ...] = ()
    """What people took back, in the order in which they did."""
    # What people see, made anew by each look. Some of it is read again by the next one: ``since`` says how soon a parked line is looked at,
    # ``parked`` whether a person was asked to make room for a decrease, ``scheduled`` which rises and sides of a plan change another line
    # waits for; ``desired`` whether something else is wanted by now; ``state`` and ``set_aside`` whether a change can be undone.
    state: State = State.PENDING
    parked: Parked | None = None
    set_aside: tuple[HeldChange, ...] = ()
    """What was rejected and is still lacking."""
    since: datetime | None = None
    """When it came into this state for this reason."""
    desired: Timeline = NOTHING
    scheduled: tuple[tuple[date, int], ...] = ()
    """(day, delta) that are not made yet, without what is set aside."""
    scheduled_price: PriceChange | None = None
    """The unit price that goes out with the first of them, if one does; the others find it on the line."""
    linked: tuple[tuple[date, LineKey], ...] = ()
    """(day, other line): the adjustment of that day is one side of a plan change."""
    sources: tuple[tuple[str, str], ...] = ()
    waits_for_more: datetime | None = None
    """Until when its decrease waits by the term ``decrease_wait``, for what may replace the subscription."""
    past_days: tuple[PastDays, ...] = ()
    """In order: days that stay billed otherwise; see ``still_shown``."""
    seen_at: datetime | None = None

    @property
    def key(self) -> LineKey:
        """Contract and service."""
        return LineKey(self.contract_id, self.service_id)

    @property
    def is_ours(self) -> bool:
        """Whether it was looked at after go-live, so that its units are, or may be, as we left them."""
        return bool(self.intent or self.adjusted or (self.baseline and self.baseline.steps))

    @property
    def on_top(self) -> Timeline:
        """What people's edits add to what Timus says."""
        return self.offset.plus(self.by_hand)

    @property
    def tries_again(self) -> bool:
        """Whether its open adjustment is one that Autotask has refused before."""
        return self.intent is not None and self.refusal is not None and self.refusal.is_of(self.intent)

    def news_in(self, day: date, delta: int, units: Timeline) -> int:
        """What of a change is more or less than on the day before, where it fills a new period; else all of it. ``units`` are those before it.

        On some tenants the periods that an extension adds have no units. To go on with those of the day before is nothing that anybody
        ordered. An example: 25 are billed until the 31st, and 28 are wanted from the 1st on. The change is +28, and +3 of it is news.
        """
        fills = day == self.empty_from and not units.at(day) and day not in (*self.adjusted, *self.taken)
        return delta - units.at(day - ONE_DAY) if fills else delta

    @property
    def unsaid(self) -> Timeline | None:
        """What the next entry of the journal has to say of Autotask's units before it; see ``JournalEntry.found``."""
        if self.head or self.known_units is None:
            return self.found
        return self.known_units.until(self.baseline_until) if self.baseline_until else self.known_units

    @property
    def known_units(self) -> Timeline | None:
        """The units as we know them: the baseline; of a line that has none, what was read last."""
        return self.observed if self.baseline is None else self.baseline


class Verdict(StrEnum):
    """What a read says about an open intent."""

    WAIT = "wait"
    LANDED = "landed"
    NOT_LANDED = "not-landed"
    REFUSED = "refused"
    UNCLEAR = "unclear"


def settle(intent: Intent, observed: Timeline, first: date, last: date, now: datetime) -> Verdict:
    """What became of an intent, given what Autotask has now (compared within the contract's days).

    An answer of Autotask can be believed at once when the read agrees with it. Without one, and whenever the read disagrees, no
    decision is taken before ``settles_at``. An accepted adjustment that is not to be seen is never taken for lost.
    """
    landed = observed.same(intent.after, first, last)
    untouched = observed.same(intent.before, first, last)
    if intent.answer is Answer.ACCEPTED:
        if landed:
            return Verdict.LANDED
        return Verdict.UNCLEAR if now >= intent.settles_at else Verdict.WAIT
    if intent.answer is Answer.REFUSED and untouched:
        return Verdict.REFUSED
    if intent.answer is Answer.NOT_APPLIED:
        return Verdict.NOT_LANDED
    if now < intent.settles_at:
        return Verdict.WAIT
    if landed:
        return Verdict.LANDED
    return Verdict.NOT_LANDED if untouched else Verdict.UNCLEAR


def with_state(line: Line, state: State, parked: Parked | None, now: datetime) -> Line:
    """The line as people see it; ``since`` only moves when state or reason do, and not when what was refused is tried again."""
    same = line.state is state and (line.parked.code if line.parked else None) == (
        parked.code if parked else None
    )
    since = line.since if same else None
    if parked is not None and parked.code == REFUSED and line.refusal:
        since = line.refusal.since or since
    return replace(line, state=state, parked=parked, since=since or now)
