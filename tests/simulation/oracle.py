"""The oracle: says whether the promises of the product hold, from what Autotask and Timus really have.

It computes what every line should have on every day, from the history of the simulated Timus and the mapping that a person
made. It reads the product's records only where a promise concerns them: events are kept (I3), an intent is durable before its
POST (I8), the journal explains every unit (I10), and what is parked or stays wrong on past days is reported (I1).

Exceptions, each with its reason:

* A line that carries an adjustment (ours or a person's) on a day takes the next change on the next free day, because Autotask
  may refuse a second one. So may the other side of a plan change. The line must be right on that next day.
* Nothing is owed outside the contract's own days, nor before the first day that Timus reported.
* Whose terms ask for approval is judged only of customers who have had units on the line all along. Of others it is not known here
  whether the line still has some.
* A line that a person edited in Autotask may stay parked until somebody decides. If the decision is to adopt, the edit stays on
  top of what Timus says.
* An adjustment that a person took back before it could be read back looks as if it never landed. It is made again, and the
  journal has only the second one. So does one that a person's of the same day replaced, where Autotask does so.
* A line gets the first day of a subscription only when an event has said that the subscription has its SKU.
* A customer whose events cannot be merged is owed what was merged. People are told of the trouble.
* An edit that nobody had a reason to look at since is found by the daily reconcile, which is not run here.
* A version that arrives after a newer one was billed is superseded: days in the past may be billed without it.
* What Autotask billed of a plan before its first event counts for I7 only at rest, and when a plan goes up after that event; nor does it for
  the part of a rise that waits for another plan. A plan
  that a newer version brings back while it is still billed from before stays. The other one, adjusted on that day already, comes
  down on the next.
* A line is parked for all of its customers while one of them is mapped to the contract as another company's. Its past days stay
  as they are, and what waits for the old plan on it goes on waiting.
* What a person undid counts again from the day on which somebody made it by hand, if the line had just what Timus says then: the product's own
  record names the day, and there is such an edit.
* What a person undid is made again without news of its day, where the terms date such a change back to the start of its period and
  Timus has news of a later day of that period.
* What came and went again before its customer was mapped is not billed afterwards on another contract than what came after it.
* Credentials that were replaced may be in use for five minutes. Only then does the time until rest begin.
* Autotask's own rules may refuse a decrease (below zero on a later day, for example). It stays parked for a person. They never refuse an
  increase: a line with too few units is no such case.
* A decrease that would leave fewer than 0 units in the empty periods of a renewed term waits for their first day. Before a decrease that
  would leave a later day below 0, that day is raised first, and for a moment it has the units of the decrease, too. It keeps what a person
  put on that very day, if the terms or a decision keep such edits.
* Where nobody named the plans, one that never had half the seats of another is taken for an add-on if the gateway has as many. One that
  took less than half of the seats of another is no plan beside it.
* Where the terms keep seats of a named family billed in one subscription until a later day, as many that come in another one wait.
* Seats that left a line on another contract may still be billed there on a day that takes no more adjustments. As many of those that came
  instead wait, and the others go up: for that day the new line has a part of what Timus says, and with the seats over there just that.
* Where a subscription leaves a plan for this one, and another one comes to that plan from a third, as many wait as the third has too many.
  No more wait than the plan between has of Timus's seats. The third may be on another contract.
* Where a line between which and this one seats may move is billed to a contract of another company, this one waits for a person, and the days
  until then may pass.
* Where the third was changed by hand, both wait until somebody decides. A subscription that changed its plan as a whole waits while the former
  one is billed, and those of others on the line go.
  The others go up: all plans together then have as many seats as Timus.
* A contract is extended to the end of a renewed term for what Timus says on the terms, and for what an undo has put back. It is not for what
  only a person's edit has left there.
* What a line lacks while it waits for a decrease is at most what other lines have too many, and the seats of subscriptions that changed their plan
  as a whole. This is not told where the terms choose other days or units than Timus, where somebody edited or undid something, where one of the lines
  is parked because nobody knows what Autotask has there or whose it is, where one is on another contract (it is looked at again an hour
  later), and on a day that was adjusted already.
* Of a rise that ends on a later day, on which other plans of the family have its seats already, only what stays after that day is billed.
* A rise may give a day back what a decrease of an earlier day took from it just before: the seats that lack then wait for another line.
* A SKU without a service, and a customer without a mapping, have no line. So it is while the service cannot be looked up. A plan of which Timus only ever listed 0 needs no service.
* A customer who is moved to another contract is judged on each of the two for itself: a move does not wait for what is held on the line
  that it leaves, and no plan on the one contract waits for a plan on the other.
* What says another customer than the one whose the subscription is counts from when a person has accepted that; what was said of the new
  customer before that event counts for nobody. Whose a subscription is that events of two customers name at once, is told by the product's
  own record: the one of whom it heard first.
* What was said since Timus's counter began again counts from when a person has accepted that. Until then its events are parked, unless
  they say what a version before says.
* What a preview showed is compared with what was posted only where nothing came in between: no fault, no event, nothing that a person
  did, no new day, no refusal by Autotask's own rules; and no limit of a day, of which another contract may have taken its part first. Nor
  does a service come in between that was to be looked for again only after the preview, and was found; nor what was refused before, and is
  tried again when its time comes.
"""

from __future__ import annotations

import json
import re
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from itertools import accumulate, combinations, permutations, product
from typing import TYPE_CHECKING, Any

from tests.simulation.owners import Owners
from tests.simulation.scheduler import SECOND, Actor, micros
from tests.simulation.story import GATEWAY, PLANS, SERVICES, Said, local_day
from timus_autotask.store.journal import Journal, first_broken, journalled
from timus_autotask.watch.remedy import remedy_of

if TYPE_CHECKING:
    from tests.simulation.world import World

Line = tuple[int, int]
"""Contract and service."""

BOUND = 120
"""Promise L: after the faults have stopped, rest within the settling time and so many seconds."""
HEARD_SECONDS = 600
"""How long what arrived may wait in the inbox for its merge, whatever fails."""
SESSION_SECONDS = 65
"""How long a worker may still act on a mapping or a company that it read before it was changed: its own deadline."""
PARKED_FOR_GOOD = frozenset({"drift", "outcome-unclear"})
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Violation:
    """A broken promise."""

    promise: str
    words: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.promise} at {self.at:%m-%d %H:%M:%S}: {self.words}"


@dataclass
class Post:
    """A POST that a worker is about to make, or is making."""

    line: Line
    actor: Actor | None
    day: date
    delta: int
    began: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Undone:
    """What a person took back of a line."""

    id: str
    line: Line
    day: date
    delta: int
    instead_of: int
    units: int
    known: Mapping[str, int]
    """By subscription: the newest version that was known."""
    others: tuple[Line, ...]
    customer: str = ""
    """Whose change it was, on a line of several; empty: the whole line is meant."""
    part: int = 0
    """What of ``instead_of`` is that customer's."""
    again: str = ""
    """The undo whose opposite it takes back in turn."""

    @property
    def left(self) -> int:
        """What stays of that which is meant."""
        return self.part + self.delta if self.customer else self.units

    @property
    def was(self) -> int:
        """What Timus wanted of that which is meant, when it was undone."""
        return self.part if self.customer else self.instead_of


class Oracle:
    """Watches one world."""

    def __init__(self, world: World, *, own_promises: bool = True) -> None:
        self.w = world
        self.own = own_promises
        self.violations: list[Violation] = []
        self.owners = Owners()
        self.history: dict[str, list[Said]] = {}
        """By subscription, or by what a customer has of one that went to somebody else: every version that counts."""
        self._forward = True
        """Whether news count from an earlier day if a later version says the same from there."""
        self._went: dict[str, int] = {}
        """By what a customer has of a subscription: when a person said last that it goes to, or from, this customer."""
        self._restarted: dict[str, list[Said]] = {}
        """By subscription whose counter began again: what was said since, in order."""
        self._believed: dict[str, int] = {}
        """By subscription: when a person accepted that its counter began again."""
        self._terms: list[tuple[date, Mapping[str, Any]]] = [(date.min, world.story.terms)]
        """The partner's terms, each from a day on."""
        self._sent: dict[tuple[str, int], int] = {}
        self._arrived: list[tuple[str, int]] = []
        self._arrived_at: dict[tuple[str, int], int] = {}
        self._accepted: dict[tuple[str, int], Said] = {}
        self._routes: dict[str, list[tuple[date | None, dict[str | None, tuple[int, int]]]]] = {}
        self._mapped_at: dict[str, int] = {}
        """By customer: when it was mapped first."""
        self._remapped_at: dict[str, int] = {}
        """By customer: when it was mapped last."""
        self._route_log: list[tuple[int, int, int]] = []
        """(until when it counted, company, contract) of mappings that were replaced."""
        self._companies: dict[int, int] = {c.id: c.company for c in world.story.contracts}
        self._company_log: list[tuple[int, int, int]] = []
        self._hidden = set(world.story.hidden_skus)
        self._edits: dict[Line, list[tuple[date, int]]] = defaultdict(list)
        self._edited_at: dict[int, int] = {}
        self._looked_at: dict[int, int] = {}
        self._edited_live: set[Line] = set()
        """Lines that a person changed after go-live."""
        self._unsettled: dict[Line, int] = {}
        """Lines that we had posted on when a person edited them, with when: nobody has chosen, nor does Timus want it so."""
        self._adopted: dict[Line, set[int]] = defaultdict(set)
        self._rejected: dict[Line, list[tuple[date, int, Mapping[str, int]]]] = defaultdict(list)
        """By line, what was rejected: day, units, and the newest version that was known then, by subscription."""
        self._maybe_rejected: dict[Line, list[int]] = defaultdict(list)
        """Rejected changes of lines that a person edited since: they may still be set aside."""
        self._unclear: dict[Line, set[date]] = defaultdict(set)
        """The days of adjustments of ours whose outcome was unclear when a person decided on their line."""
        self._rests: dict[Line, set[int]] = defaultdict(set)
        """What people's edits add beside a change that they made instead of us."""
        self._unseen: dict[Line, list[tuple[int, int]]] = defaultdict(list)
        """Edits that no worker has seen yet: (units before, units)."""
        self._replaced: dict[Line, set[tuple[date, int]]] = defaultdict(set)
        """Adjustments of ours, (day, units), in whose place a person's of the same day came, where Autotask does so."""
        self._undos: dict[Line, list[Undone]] = defaultdict(list)
        self._asked: dict[tuple[object, ...], tuple[object, ...]] = {}
        """What was approved: line, day, units, price and versions; with what had happened by then."""
        self._done = 0
        """How much people and Autotask's rules have done, beside approving."""
        self._approved: dict[Line, set[tuple[date, int]]] = defaultdict(set)
        """By line: (day, units) of what people have let go, or took back."""
        self._posts: list[Post] = []
        self._uncommitted: list[Any] = []
        self._seen = 0
        self._committed: dict[Line, list[tuple[date, int]]] = defaultdict(list)
        self._when: dict[Line, list[tuple[date, int]]] = defaultdict(list)
        """(day, when the POST came in) of every adjustment that took effect."""
        self._evident: dict[Line, set[tuple[frozenset[int], ...]]] = {}
        """By line: for each subscription the versions that its adjustments show to be known; every reading that fits."""
        self._parts: dict[Line, set[int]] = defaultdict(set)
        """By line: quantities of a part of a rise, whose other seats waited for the plan that they leave."""
        self._skus = {service: sku for sku, service in SERVICES.items()}
        self._company_changed: set[int] = set()
        terms = world.story.terms
        own_days = terms.get("increases") or terms.get("decreases")
        self._dated = bool(own_days or any(c.posted_through for c in world.story.contracts))
        """Whether changes are billed on other days than their own, by the terms or since a period was posted: by the day after the
        next period has begun, everything must be right."""

    # -- what the world reports

    def said(self, said: Said) -> None:
        """Timus has a new version. Of a counter that began again it counts only once a person has said so."""
        sub = said.subscription
        if said.anew and sub in self.history:
            self._restarted.setdefault(sub, []).append(said)
            if sub not in self._believed:
                return
        self.owners.said(said)
        if self.owners.is_disputed(sub):
            self._count_again(sub)
        else:
            self.history.setdefault(sub, []).append(said)

    def _count_again(self, sub: str) -> None:
        """Of a subscription of which Timus named several customers, each has what is known to be theirs."""
        self.history = {part: v for part, v in self.history.items() if part not in self._parts_of(sub)}
        self.history |= self.owners.histories(sub)

    def _parts_of(self, sub: str) -> set[str]:
        """What all customers may have of a subscription."""
        return {self.owners.part(sub, client.id) for client in self.w.story.clients}

    def first_seen(self, sub: str, customer: str) -> None:
        """The product has noted under whom it sees a subscription first."""
        if self.owners.is_disputed(sub):
            self.owners.first_seen(sub, customer)
            self._count_again(sub)

    def goes(self, sub: str, number: int) -> None:
        """A person confirms that a subscription is another customer's from an event's day on: now it ends there, and what waited counts here."""
        self._done += 1
        now, before = self.w.scheduler.now, {part: list(v) for part, v in self.history.items()}
        self.owners.goes(sub, number)
        self._count_again(sub)
        for part, versions in self.owners.histories(sub).items():
            known = {one.number for one in before.get(part, ())}
            for one in versions:
                if one.number not in known and (
                    one.number == number or (part, one.number) in self._arrived_at
                ):
                    self._went[part] = self._arrived_at[part, one.number] = now
                    self._sent.setdefault((part, one.number), now)
                    if (part, one.number) not in self._arrived:
                        self._arrived.append((part, one.number))

    def restarted(self, sub: str) -> Sequence[Said]:
        """What was said of a subscription since its counter began again."""
        return self._restarted.get(sub, ())

    def believed(self, sub: str) -> None:
        """A person accepts that the counter began again: from now on it counts what was said since."""
        self._done += 1
        now = self.w.scheduler.now
        self._believed[sub] = now
        self.history[sub] += self._restarted[sub]
        for said in self._restarted[sub]:
            if (sub, said.number) in self._arrived_at:
                self._arrived_at[sub, said.number] = now

    def terms_changed(self, first: date, terms: Mapping[str, Any]) -> None:
        """A person has set other terms for everybody."""
        self._done += 1
        self._terms.append((first, dict(terms)))

    def posted_after(self, number: int, contract: int) -> list[Any]:
        """What was posted on a contract after so many postings of all contracts."""
        return [p for p in self.w.api.postings[number:] if p.contract_id == contract]

    def posted_as_shown(self, contract: int, after: int, shown: Counter[tuple[int, int, int]]) -> None:
        """A contract has come to rest after a preview of it: what was posted is what was shown."""
        if self._terms_limit_days or contract in self._sick():
            return  # who comes first gets what a day's limit leaves, who waits for whom is not told here, and what fails for good is not foreseen
        posted = self.posted_after(after, contract)
        if any(p.outcome == "refused" for p in posted):
            return  # what Autotask's own rules refuse cannot be foreseen
        made = Counter((self._line_of(p)[1], p.day, p.unit_change) for p in posted)
        if made != shown:
            self._broken("shown", f"contract {contract}: shown was {dict(shown)}, posted is {dict(made)}")
        elif shown:
            self.w.watch.states["preview, then posted as shown"] += 1

    @property
    def _terms_limit_days(self) -> bool:
        return any(
            terms.get(limit) is not None
            for terms in (*(each for _, each in self._terms), *(c.terms for c in self.w.story.clients))
            for limit in ("customer_day_limit", "partner_day_limit")
        )

    def sent(self, said: Said) -> None:
        """Timus tries to deliver it."""
        part = self.owners.part(said.subscription, said.customer)
        self._sent.setdefault((part, said.number), self.w.scheduler.now)

    def answered(self, said: Said, body: bytes, status: int | None) -> None:
        """A delivery was answered; None: it was not.

        It has arrived if it was stored, whatever the answer. One that failed before that comes again, maybe after a newer version.
        """
        key = self.owners.part(said.subscription, said.customer), said.number
        stored = status == 202 or not self.own or self._is_stored(said)
        if stored and key not in self._arrived:
            self._arrived.append(key)
            self._arrived_at[key] = self.w.scheduler.now
        if status == 202:
            self._accepted[key] = said
            self.kept(said.customer)

    def forged(self, invoke: Callable[[Callable[[dict[str, Any] | None], None]], None]) -> None:
        """A delivery that nobody signed: it must change nothing anywhere."""

        def done(answer: dict[str, Any] | None) -> None:
            if answer is not None and answer["statusCode"] not in (401, 503):
                self._broken("I6", f"a forged delivery was answered {answer['statusCode']}")
            if any("forged" in d.key.sk for d in self.w.memory.documents()):
                self._broken("I6", "a forged delivery was written")

        invoke(done)

    def edited(self, contract: int, service: int, day: date, delta: int) -> None:
        """A person changes units in Autotask."""
        self._done += 1
        self._edited_live.add((contract, service))
        before = self.has((contract, service), self._today()) - delta
        self._rests[contract, service] |= self._beside_what_was_due((contract, service), before, delta)
        self._unseen[contract, service].append((before, delta))
        self._edits[contract, service].append((day, delta))
        if self.w.story.switches.get("same_day") == "override":
            ours = self._committed[contract, service]
            self._replaced[contract, service] |= {post for post in ours if post[0] == day}
        # It may be just what Timus says, and then the rejection is over; or else it holds.
        over = self._rejected.pop((contract, service), [])
        self._maybe_rejected[contract, service] += [delta for _, delta, _ in over]
        self._edited_at[contract] = self.w.scheduler.now
        record = self._record((contract, service))
        if self._committed[contract, service] and record is not None and record.choice is None:
            self._unsettled[contract, service] = self.w.scheduler.now

    def _beside_what_was_due(self, line: Line, before: int, delta: int) -> set[int]:
        """What an edit of a line adds to what Timus says by now: what it made of a change that was still to be made is no addition."""
        want = self.wants(line, self._today()) or 0
        still_due = {want + offset - before for offset in self._offsets(line)}
        made = {min(max(delta, min(0, due)), max(0, due)) for due in still_due}
        return {delta - one for one in made if one}

    def edited_before(self, contract: int, service: int, day: date, delta: int) -> None:
        """A person changes units while the stack observes: nobody's drift, and nothing that anybody has to decide about.

        But their adjustment is there: it takes its day, or ours takes its place, and one of a day to come stays until that day.
        """
        self._edits[contract, service].append((day, delta))

    def looked(self, contract: int) -> None:
        """A worker has read the units of a contract, as they are."""
        self._looked_at[contract] = self.w.scheduler.now
        today = self._today()
        for line in [line for line in self._unseen if line[0] == contract]:
            for before, delta in self._unseen.pop(line):  # Timus may have said something since
                self._rests[line] |= self._beside_what_was_due(line, before, delta)
        for line in [line for line in self._unsettled if line[0] == contract]:
            subs = self._feeding(line)
            picks = product(*(self._candidates(line, sub, today) for sub in subs))
            kept = self._adopted[line] or {0}
            sums = {units for pick in picks for units in self._sums(line, subs, pick)}
            undone = [one for one in self._undos.get(line, ()) if one.day <= today]
            sums |= {
                max(0, units + one.delta) if one.customer else one.units for units in sums for one in undone
            }
            right = {units + o for units in sums for o in kept}
            if (
                self.has(line, today) in right
                or self._undone(line, *self._committed[line][-1])
                or self._as_before_an_unclear_one(line)
            ):
                del self._unsettled[line]

    def _as_before_an_unclear_one(self, line: Line) -> bool:
        """Whether a line has what it had before an adjustment of which nobody knows what came: that one was not made, and is made now."""
        record = self._record(line)
        intent = record.intent if record else None
        return intent is not None and self.has(line, intent.day) == intent.before.at(intent.day)

    def _differences(self, line: Line, day: date) -> set[int]:
        """What a line has more on a day than any of what Timus may have said by then."""
        subs = self._feeding(line)
        picks = product(*(self._candidates(line, sub, day) for sub in subs))
        return {self.has(line, day) - units for pick in picks for units in self._sums(line, subs, pick)}

    def _undone(self, line: Line, day: date, delta: int) -> bool:
        """Whether people's edits of a day take back what was posted for it."""
        return -delta in self._edits_of(line, day)

    def _edited_by(self, line: Line, day: date, delta: int) -> bool:
        """Whether people's edits of a day come to just what is told of as ours."""
        return delta in self._edits_of(line, day)

    def _edits_of(self, line: Line, day: date) -> set[int]:
        """What people's edits of a day come to: any of them."""
        sums = {0}
        for on, units in self._edits[line]:
            sums |= {one + units for one in sums if on == day}
        return sums

    def chose(self, contract: int, service: int, choice: str) -> None:
        """A person says what becomes of a parked line."""
        self._done += 1
        decided = self._record((contract, service))
        if decided is not None and decided.intent is not None:
            self._unclear[contract, service].add(decided.intent.day)
        self._unsettled.pop((contract, service), None)
        if choice == "adopt":
            # It stays on top of what was known by then, which may be less than what Timus has said. Of a change whose outcome is unclear
            # nobody knows what landed: what its own day has is kept, too.
            line = contract, service
            record, today = self._record(line), self._today()
            edits = sum(delta for day, delta in self._edits[line] if day <= today)
            self._adopted[line] |= {0, edits, *self._differences(line, today)}
            if record is not None and record.intent is not None:
                self._adopted[line] |= self._differences(line, record.intent.day)

    def rejected(self, contract: int, service: int, rejection: Any) -> None:
        """A person has set a held change aside."""
        self._done += 1
        known = self._all_known(rejection.versions)
        self._rejected[contract, service].append((rejection.day, rejection.delta, known))

    def approved(self, contract: int, service: int, change: Any) -> None:
        """A person has let a held or rejected change go: nobody asks for the same one again while nothing else has happened."""
        asked = contract, service, change.day, change.delta, change.price, *sorted(change.versions.items())
        approved = [(one.day, one.delta) for one in self._record((contract, service)).approved]
        waits = approved.count((change.day, change.delta)) > 1  # approved again before anybody has looked
        if self._happened() == self._asked.get(asked) and change.rejection is None and not waits:
            self._broken(
                "asked", f"{change.delta:+d} on {(contract, service)} was approved, and is asked for again"
            )
        self._asked[asked] = self._happened()
        self._approved[contract, service].add((change.day, change.delta))
        rejected = self._rejected[contract, service]
        rejected[:] = [one for one in rejected if one[1] != change.delta or one[0] > change.day]

    def _happened(self) -> tuple[object, ...]:
        """What may change what is asked for: a new day, news of Timus, an adjustment, or whatever a person does beside approving."""
        return self._today(), len(self._arrived), len(self.w.api.postings), self._done

    def undone(self, contract: int, lines: Iterable[Any]) -> None:
        """A person has taken back what was made on a line, or on the lines of a plan change."""
        self._done += 1
        for line in lines:
            one, key = line.undone[-1], (contract, line.service_id)
            others = tuple((other.contract_id, other.service_id) for other in one.linked)
            subs = (sub for each in (key, *others) for sub in self._feeding(each))
            known = self._heard_of(dict.fromkeys(subs, 0) | self._all_known(one.versions))
            if one.units < 0:
                self._broken("undo", f"{key} is undone to {one.units} instead of {one.instead_of}")
            if one.customer and one.customer not in {
                self.history[sub][0].customer for sub in self._feeding(key)
            }:
                self._broken("undo", f"{key} is undone for {one.customer}, who has nothing there")
            self._approved[key] |= {(by_now.day, by_now.delta) for by_now in line.approved}
            self._undos[key].append(
                Undone(
                    one.id,
                    key,
                    one.day,
                    one.delta,
                    one.instead_of,
                    one.units,
                    known,
                    others,
                    one.customer,
                    one.part,
                    next(
                        (each.id for each in line.undone if each.opposite and each.opposite == one.entry), ""
                    ),
                )
            )

    def _all_known(self, versions: Mapping[str, int]) -> dict[str, int]:
        """The newest versions that the product knows by then, as it names them, by our names and numbers."""
        parts = ((part, number) for sub, number in versions.items() for part in self.owners.parts(sub))
        return {part: self._known(part, number) for part, number in parts}

    def _heard_of(self, known: Mapping[str, int]) -> dict[str, int]:
        """The same, with newer ones that had come by then: they say the same, or say of no day what holds, so that the product names none.

        What is parked, because Timus's counter began again, nobody goes by yet.
        """
        before = self.w.scheduler.now - HEARD_SECONDS * SECOND
        parked = {(sub, v.number) for sub in known if sub not in self._believed for v in self.restarted(sub)}
        heard = [one for one in self._arrived if self._arrived_at[one] < before and one not in parked]
        return {sub: max([number, *(v for one, v in heard if one == sub)]) for sub, number in known.items()}

    def _known(self, sub: str, number: int) -> int:
        """The newest version that the product knows by then, by our numbers: Timus may have counted on from other ones, or anew."""
        counted = {v.number: v.counted or v.number for v in self.history[sub] if not v.anew}
        before = max(counted.values(), default=0)
        again = self.restarted(sub)
        counted |= {v.number: before + (v.counted or v.number) for v in again}
        known = (ours for ours, theirs in counted.items() if theirs <= number)
        # What begins a new count and says what holds anyway is merged as an older version.
        said = [_says(v) for v in again if (v.counted or v.number) == number]
        same = (v.number for v in self.history[sub] if not v.anew and _says(v) in said)
        return max((*known, *same), default=0)

    def mapped(self, mapping: Any) -> None:
        """A person has stored a mapping."""
        self._done += 1
        now = self.w.scheduler.now
        self._mapped_at.setdefault(mapping.customer_id, now)
        self._remapped_at[mapping.customer_id] = now
        for routing in self._routes.get(mapping.customer_id, ()):
            for company, contract in routing[1].values():
                self._route_log.append((now, company, contract))
        self._routes[mapping.customer_id] = [
            (routing.first_day, {r.sku: (r.company_id, r.contract_id) for r in routing.routes})
            for routing in mapping.routings
        ]

    def service_known(self, sku: str) -> None:
        """The service of a SKU can be found from now on."""
        self._done += 1
        self._hidden.discard(sku)

    def company_changed(self, contract: int, company: int) -> None:
        """A contract belongs to another company now."""
        self._done += 1
        self._company_log.append((self.w.scheduler.now, self._companies[contract], contract))
        self._companies[contract] = company
        self._company_changed.add(contract)

    def heard(self, name: str, **fields: Any) -> None:
        """What the product logs; a bug shows here."""
        if name == "failed":
            self._bug("apply", str(fields.get("error")))

    def failed(self, function: str, error: Exception) -> None:
        """An invocation raised."""
        self._bug(function, repr(error))

    def _bug(self, function: str, error: str) -> None:
        if error.startswith(("TableUnavailable", "QueueUnavailable", "CutOff")) or "cursed" in error:
            return
        if self.w.poison is not None and self.w.poison[1] == "terms":
            return
        if self.own:
            self._broken("bug", f"{function} failed: {error}")

    # -- what is wanted, from Timus's own history

    def wants(
        self, line: Line, day: date, without: frozenset[tuple[str, int]] = frozenset(), *, joined: bool = True
    ) -> int | None:
        """What a line should have on a day by all that Timus has said, without what a person has undone; None: nothing is owed.

        ``joined``: what is said of another line that the same subscriptions feed ends an undo, too. Which lines are joined is not told here.
        """
        want = self._by_timus(line, day, without)
        for one in self._undos.get(line, ()):
            if want is not None and self._holds(one, day, without, joined=joined):
                want = max(0, want + one.delta) if one.customer else one.units
        return want

    def _holds(
        self,
        one: Undone,
        day: date,
        without: frozenset[tuple[str, int]],
        *,
        joined: bool,
        asking: frozenset[str] = frozenset(),
    ) -> bool:
        """Whether nothing has ended an undo by a day: Timus wants the same ever since, and has said no quantity anew.

        Where it was one customer's change, of this customer: two clients may share a line, and each has orders of their own. ``asking``:
        undos that hold unless something else ends this one.
        """
        taken_back = self._taken_back(one)
        if day < one.day or (taken_back is not None and day >= taken_back):
            return False
        undone = (each for each in self._undos[one.line] if each.id == one.again)
        if not all(self._holds(each, day, without, joined=joined, asking=asking) for each in undone):
            return False  # by then Timus itself wants what is made again
        sides = [each for other in one.others for each in self._undos[other] if each.id == one.id]
        for side in (one, *sides):
            days = ((side.day + n * DAY) for n in range((day - side.day).days + 1))
            if any(self._by_timus(side.line, each, without, side.customer) != side.was for each in days):
                return False
            if (
                joined
                and side.units > side.instead_of
                and self._is_on_another_plan(side, day, without, asking | {one.id})
            ):
                return False
            about = self._related(side.line) if joined else [side.line]
            if any(v.day <= day for line in about for v in self._news(side, line, without)):
                return False
        return True

    def _taken_back(self, one: Undone) -> date | None:
        """From which day on somebody made by hand what was undone, by the product's own record: only where an edit made just what Timus says."""
        record = self._record(one.line) if self._edits.get(one.line) and not one.others else None
        undone = record.undone if record is not None else ()
        day = next((each.taken_back for each in undone if each.id == one.id), None)
        return day if day and self.has(one.line, day) == self._by_timus(one.line, day) else None

    def _is_on_another_plan(
        self, one: Undone, day: date, without: frozenset[tuple[str, int]], asking: frozenset[str]
    ) -> bool:
        """Whether the same subscriptions have seats on another plan by then, which nobody has undone, or no longer."""
        for other in self._related(one.line):
            days = [one.day + n * DAY for n in range((day - one.day).days + 1)]
            fewer = [u for u in self._undos.get(other, ()) if u.units <= u.instead_of]
            if other in (one.line, *one.others) or self._skus[other[1]] not in PLANS:
                continue
            if any(
                self._by_timus(other, d, only=one.customer)
                and not any(
                    u.day <= d
                    and not u.left
                    and (u.id in asking or self._holds(u, d, without, joined=True, asking=asking))
                    for u in fewer
                )
                for d in days
            ):
                return True
        return False

    def _news(self, one: Undone, line: Line, without: frozenset[tuple[str, int]]) -> list[Said]:
        """The versions of a line that say a quantity anew, since something was undone."""
        sku, found = self._skus[line[1]], []
        for sub in self._feeding(line):
            customer = self.history[sub][0].customer
            if customer not in self._routes or one.customer not in ("", customer):
                continue
            before, anew = 0, False
            for version in self.history[sub]:
                if (sub, version.number) in without:
                    continue
                units = version.units(sku, version.day)
                if units != before:
                    anew = version.number > one.known.get(sub, 0)
                if anew and (self._forward or units != before):
                    found.append(version)  # those that say the same once more may bring it forward
                before = units
        return found

    def _by_timus(
        self, line: Line, day: date, without: frozenset[tuple[str, int]] = frozenset(), only: str = ""
    ) -> int | None:
        """What a line should have on a day by all that Timus has said, of one customer only if told so.

        None: nothing is owed or known for that day.
        """
        contract, service = line
        sku = self._skus[service]
        if sku in self._hidden:
            return None
        total, known = 0, False
        for customer in self._routes if not only else [only]:
            subs = self._subs(customer, sku)
            first = min(
                (v.day for sub in subs for v in self.history[sub] if (sub, v.number) not in without),
                default=None,
            )
            if first is None or day < first:
                continue
            if contract not in self._routed(customer, sku, first):
                continue
            route = self._route(customer, sku, day)
            known = True
            if route is None or route[1] != contract:
                continue
            units = sum(self._units(sub, sku, day, without) for sub in subs)
            total += self._billable(customer, sku, units, self._terms_on(day))
        return total if known else None

    def _subs(self, customer: str, sku: str) -> list[str]:
        """In an order that stays, also when it is counted again whose a subscription is."""
        return sorted(
            sub
            for sub, versions in self.history.items()
            if versions[0].customer == customer and any(sku in v.items for v in versions)
        )

    def _units(self, sub: str, sku: str, day: date, without: frozenset[tuple[str, int]] = frozenset()) -> int:
        governing = self._governing(sub, day, without)
        return governing.units(sku, day) if governing else 0

    def _governing(
        self, sub: str, day: date, without: frozenset[tuple[str, int]] = frozenset()
    ) -> Said | None:
        """Of the versions that hold on a day, the newest."""
        found = None
        for version in self.history[sub]:
            if version.day <= day and (sub, version.number) not in without:
                found = version
        return found

    def _route(self, customer: str, sku: str, day: date) -> tuple[int, int] | None:
        routes: dict[str | None, tuple[int, int]] = {}
        for first, given in self._routes[customer]:
            if first is None or first <= day:
                routes = given
        return routes.get(sku, routes.get(None))

    def _routed(self, customer: str, sku: str, first: date) -> set[int]:
        """The contracts that a SKU has gone to since ``first``."""
        routings = self._routes[customer]
        ends = [until for until, _ in routings[1:]] + [None]
        return {
            routes.get(sku, routes.get(None, (0, 0)))[1]
            for (_, routes), until in zip(routings, ends, strict=True)
            if until is None or until > first
        }

    def _terms_on(self, day: date) -> Mapping[str, Any]:
        return next(terms for first, terms in reversed(self._terms) if first <= day)

    def _billable(self, customer: str, sku: str, units: int, terms: Mapping[str, Any]) -> int:
        client = next(c for c in self.w.story.clients if c.id == customer)
        terms = {**terms, **client.terms}
        if units <= 0 or sku in terms.get("excluded", ()):
            return 0
        included, minimum = terms.get("included", {}), terms.get("minimum", {})
        return max(units - int(included.get(sku, 0)), int(minimum.get(sku, 0)), 0)

    # -- what Autotask has

    def has(self, line: Line, day: date) -> int:
        """What Autotask bills on a line on a day."""
        found = self.w.api.model.find_line(*line)
        return found.units_on(day.toordinal()) if found else 0

    def _within(self, contract: int, day: date) -> bool:
        found = self.w.api.model.contracts[contract]
        return found.start <= day.toordinal() <= found.end

    # -- at every step

    def post_begins(self, request: Any) -> Post:
        """A worker is about to post."""
        sent = json.loads(request.body)
        service = sent.get("serviceID")
        if service is None:
            service = self.w.api.model.lines[sent["contractServiceID"]].service["id"]
        day = date.fromisoformat(sent["effectiveDate"][:10])
        post = Post((sent["contractID"], service), self.w.scheduler.actor, day, sent["unitChange"])
        self._posts.append(post)
        return post

    def first_byte(self, post: Post) -> None:
        """The request is on its way: promises I4 and I8."""
        post.began = True
        if not self.w.live:
            self._broken("live", f"a post on {post.line} while the stack observes")
        contract = post.line[0]
        self._check_companies(post.line)
        if self._drifts(post.line) == {"park"} and (
            self._unsettled.get(post.line, self.w.scheduler.now) < self._looked_at.get(contract, 0)
        ):
            self._broken(
                "drift",
                f"a post on {post.line} although a person's edit of it was seen and nobody has chosen",
            )
        for day, delta, known in self._rejected[post.line]:
            if (day, delta) == (post.day, post.delta) and not any(
                number > known.get(sub, 0) for sub, number in self._arrived if sub in self._feeding(post.line)
            ):
                self._broken(
                    "rejected", f"a post on {post.line}, whose change was rejected, without newer news"
                )
        if self.own and (post.day, post.delta) not in self._approved[post.line]:
            for customer in self._surely_on(post.line):
                asks = self._asks(customer, post)
                if asks:
                    self._broken(
                        "approval", f"a post of {post.delta:+d} on {post.line} without approval: {asks}"
                    )
        for one in self._undos[post.line]:
            self._stays_undone(one, post)
        if self.w.api.model.contracts[contract].values["contractType"] != 7:
            self._broken("I4", f"a post to contract {contract}, which is not recurring")
        self._posts = [p for p in self._posts if not p.ended and not (p.actor and p.actor.dead)]
        for other in self._posts:
            if other is not post and other.began and other.line == post.line:
                self._broken("I8", f"two posts in flight on {post.line}")
        if any(p.outcome == "pending" and self._line_of(p) == post.line for p in self._uncommitted):
            self._broken("I8", f"a post on {post.line} while an earlier one has yet to land")
        if self.own:
            document = next(
                (
                    d
                    for d in self.w.memory.range(
                        f"CONTRACT#{contract}", f"LINE#{post.line[1]}", f"LINE#{post.line[1]}"
                    )
                ),
                None,
            )
            intent = document.data.get("intent") if document else None
            if intent is None or intent["delta"] != post.delta:
                self._broken(
                    "I8", f"a post of {post.delta:+d} on {post.line} without its intent in the table"
                )

    def _asks(self, customer: str, post: Post) -> str | None:
        """Which term of a customer asks for approval of a change, if one surely does."""
        terms = self._terms_of(customer)
        news, units = post.delta, self.has(post.line, post.day)
        on_that_day = (*self._committed[post.line], *self._edits[post.line])
        empty_periods = self.w.story.switches.get("extended_periods") == "empty"
        if empty_periods and not units and all(day != post.day for day, _ in on_that_day):
            # An empty new period goes on with the units of the day before, unasked.
            units = self.has(post.line, post.day - DAY)
            news -= units
        size = abs(news)
        approval = terms.get("approve_increases" if news > 0 else "approve_decreases", {})
        units_limit, percent = approval.get("above_units"), approval.get("above_percent")
        if units_limit is not None and size > units_limit:
            return f"{customer} asks for more than {units_limit}"
        if percent is not None and size * 100 > percent * units and not self._edited(post.line):
            return f"{customer} asks for more than {percent} % of {units}"
        limit = terms.get("line_limit")
        return f"{customer} has a limit of {limit}" if limit is not None and size > limit else None

    def _terms_of(self, customer: str) -> Mapping[str, Any]:
        """What no story changes of the terms of a customer: approvals, limits, drift."""
        client = next(c for c in self.w.story.clients if c.id == customer)
        return {**self.w.story.terms, **client.terms}

    def _surely_on(self, line: Line) -> list[str]:
        """Customers who have had units on a line all along, by whatever is known of them and under any terms: theirs count on it."""
        if line[0] in self._sick():
            return []
        sku, since = self._skus[line[1]], self.w.scheduler.now - SESSION_SECONDS * SECOND

        def has_units(sub: str) -> bool:
            versions = self.history[sub]
            return sub not in self._restarted and all(
                v.cancel_at is None and v.units(sku, v.day) for v in versions
            )

        return [
            customer
            for customer in self._customers_of(line)
            if self._remapped_at[customer] < since
            and all(self._billable(customer, sku, 1, terms) for _, terms in self._terms)
            and any(map(has_units, self._subs(customer, sku)))
        ]

    def _drifts(self, line: Line) -> set[str]:
        """What the terms of those who may be on a line say of drift. Where they differ, a person is asked, as long as they share it."""
        customers = {self.history[sub][0].customer for sub in self._feeding(line)}
        return {self._terms_of(one).get("drift", "park") for one in customers} or {
            self.w.story.terms.get("drift", "park")
        }

    def _stays_undone(self, one: Undone, post: Post) -> None:
        """What a person has undone is not made again before there is news, or a person has said something else of it."""
        line = post.line
        newest = self._undos[line][-1]
        if one is not newest or post.delta != -one.delta or not one.delta:
            return
        if one.customer and any(
            number > one.known.get(sub, 0)
            for sub, number in self._arrived
            if sub in self._feeding(line) and self.history[sub][0].customer != one.customer
        ):
            return  # it may be what another customer has more
        if one.customer and self.has(line, post.day) + post.delta == self.wants(line, post.day):
            return  # it is what another customer has from that day on
        if self.has(line, post.day) + post.delta == one.units:
            return  # it makes a new period level, which is empty, and leaves undone what was undone
        made = [delta for day, delta in self._committed[line] if day >= one.day]
        holds = self._holds(one, self._last_told_by(post), frozenset(), joined=True)
        if made[-1:] == [one.delta] and holds and not self._edits[line]:
            self._broken("undo", f"a post of {post.delta:+d} on {line}, which was undone, without newer news")

    def _last_told_by(self, post: Post) -> date:
        """The last day whose news a post may follow: its own, or the end of its period where the terms date such a change back to the start."""
        rule = "increases" if post.delta > 0 else "decreases"
        customers = {self.history[sub][0].customer for sub in self._feeding(post.line)}
        if all(self._terms_of(one).get(rule) != "start-of-period" for one in customers):
            return post.day
        start = next(plan.start for plan in self.w.story.contracts if plan.id == post.line[0])
        return next_period(start, post.day) - DAY

    def post_ends(self, post: Post | None) -> None:
        """The worker knows, or has given up."""
        if post is not None:
            post.ended = True

    def _check_companies(self, line: Line) -> None:
        """Promise I4: the contract is the company's of somebody who is mapped to it, and of every customer of the line.

        What was changed within ``SESSION_SECONDS``, or is not merged yet, may not be known to who posts.
        """
        contract, service = line
        since = self.w.scheduler.now - SESSION_SECONDS * SECOND
        mapped = self._mapped_companies(contract)
        mapped |= {company for until, company, to in self._route_log if to == contract and until >= since}
        actual = {self._companies[contract]}
        actual |= {company for until, company, of in self._company_log if of == contract and until >= since}
        if not mapped & actual:
            self._broken(
                "I4", f"a post to contract {contract} of company {actual}, mapped is {mapped or 'nothing'}"
            )
        for customer in self._customers_of(line):
            theirs = self._companies_of(customer, contract, self._skus[service])
            if self._remapped_at[customer] < since and theirs - actual:
                self._broken(
                    "I4", f"a post on {line} of company {actual}; {customer} is mapped to it as {theirs}'s"
                )

    def _customers_of(self, line: Line) -> list[str]:
        """The customers whose seats are in a line, as far as everybody must know."""
        contract, service = line
        sku, heard = self._skus[service], self.w.scheduler.now - HEARD_SECONDS * SECOND
        today = self._today()
        return [
            customer
            for customer in self._routes
            if self._companies_of(customer, contract, sku)
            and any(
                self._units(sub, sku, today)
                and all(
                    self._arrived_at.get((sub, v.number), heard) < heard
                    for v in self.history[sub]
                    if v.day <= today
                )
                for sub in self._subs(customer, sku)
            )
        ]

    def _companies_of(self, customer: str, contract: int, sku: str) -> set[int]:
        """As whose a customer's mapping routes a SKU to a contract."""
        routes = (routes.get(sku, routes.get(None, (0, 0))) for _, routes in self._routes[customer])
        return {company for company, to in routes if to == contract}

    def autotask_changed(self) -> None:
        """Something took effect in Autotask: promises I2, I5 and I7."""
        postings = self.w.api.postings
        self._uncommitted += postings[self._seen :]
        self._seen = len(postings)
        still = []
        risen: dict[int, Any] = {}
        for posting in self._uncommitted:
            if posting.committed:
                self._landed(posting)
                line, day = self._line_of(posting), date.fromordinal(posting.day)
                of_a_plan = posting.unit_change > 0 and self._skus[line[1]] in PLANS
                if of_a_plan and not self._decrease_follows(line, day):
                    risen[posting.contract_id] = posting
            elif posting.outcome == "pending":
                still.append(posting)
        self._uncommitted = still
        for contract, posting in risen.items():
            self._one_plan(contract, date.fromordinal(posting.day), micros_of(posting.received_ms))

    def _line_of(self, posting: Any) -> Line:
        service = posting.service_id
        if service is None and posting.line_id is not None:
            service = self.w.api.model.lines[posting.line_id].service["id"]
        return posting.contract_id, service

    def _landed(self, posting: Any) -> None:
        line = self._line_of(posting)
        day = date.fromordinal(posting.day)
        self._committed[line].append((day, posting.unit_change))
        self._when[line].append((day, micros_of(posting.received_ms)))
        if self.w.calls.told:
            self.w.say(
                f"    Autotask: {posting.unit_change:+d} on {line} from {day}, now {self.has(line, day)}"
            )
        latest = local_day(self.w.scheduler.now + 3 * SECOND, self.w.zone)
        if day > latest:
            self._broken("I5", f"an adjustment of {line} was posted for {day} on {latest}")
        self._really_had(line, day, micros_of(posting.received_ms))

    def _really_had(self, line: Line, day: date, asked_at: int | None = None) -> None:
        """Promise I2: the quantity that the post made is one that Timus really had for that day, and in order."""
        if self._edits[line] and self.w.story.switches.get("same_day") == "override":
            return  # it may have replaced a person's change of the same day
        has = self.has(line, day)
        offsets = self._offsets(line)
        if any(
            one.day <= day and has in {max(0, one.units + o) for o in offsets} for one in self._undos[line]
        ):
            return  # a person wanted that
        subs = self._feeding(line)
        choices = [self._candidates(line, sub, day) for sub in subs]
        nothing = tuple(frozenset[int]() for _ in subs)
        before = self._evident.get(line, {nothing})
        if any(len(state) != len(subs) for state in before):
            before = {nothing}
        fitting = [
            p
            for p in product(*choices)
            if any(has == max(0, units + o) for units in self._sums(line, subs, p) for o in offsets)
        ]
        after = {
            tuple(
                known | {number} if number else known for known, (number, _) in zip(state, pick, strict=True)
            )
            for pick in fitting
            for state in before
            if all(
                self._in_order(s, known, number, day)
                for s, known, (number, _) in zip(subs, state, pick, strict=True)
            )
        }
        if after:
            self._evident[line] = after
            return
        whole = max(
            units + o for p in product(*choices) for units in self._sums(line, subs, p) for o in offsets
        )
        if has < whole and (
            self._seats_of_all_plans(line, day)
            or (asked_at is not None and self._came_down_meanwhile(line, day, asked_at))
        ):
            return
        if self._decrease_follows(line, day) or self._makes_up(line, day) or self._goes_on(line, day):
            return
        if fitting:
            self._broken(
                "I2",
                f"{line} was brought to {has} for {day}: Timus had that, but before what is already posted",
            )
            return
        for later in range(1, 8):
            choices = [self._candidates(line, sub, day + later * DAY) for sub in subs]
            sums = {units for pick in product(*choices) for units in self._sums(line, subs, pick)}
            if any(has == units + o for units in sums for o in offsets):
                self._broken("I5", f"{line} was brought to {has} for {day}: Timus has that only later")
                return
        self._broken("I2", f"{line} was brought to {has} for {day}: Timus never had that")

    def _makes_up(self, line: Line, day: date) -> bool:
        """Whether a rise only gives a day back what a decrease of an earlier day took from it just before, and the day is owed no less."""
        made, days = self._committed[line], self._when[line]
        if len(made) < 2 or made[-2][1] >= 0 or made[-1][1] > -made[-2][1] or days[-2][0] >= day:
            return False
        return self.has(line, day) <= (self.wants(line, day) or 0)

    def _goes_on(self, line: Line, day: date) -> bool:
        """Whether a line got of its seats of a day only those that stay: the others leave on a later day, on which other plans have them already."""
        subs, has = self._feeding(line), self.has(line, day)
        if self._committed[line][-1][1] < 0:
            return False
        later = sorted(
            {d for sub in subs for v in self.history[sub] for d in (v.day, v.cancel_at) if d and d > day}
        )
        owed = [(d, self._may_be_owed(line, d)) for d in (day, *later)]
        stays = next((d for d, units in owed[1:] if has in units), None)
        return stays is not None and all(
            max(one or 0 for one in units) >= has for d, units in owed if d <= stays
        )

    def _decrease_follows(self, line: Line, day: date) -> bool:
        """Whether a decrease is still to come, which would have left a day below 0: that day was raised first.

        It differs from the day before by as much as it should, and by what a person put on it that is kept, or from what it should have by
        just what a day before it has too many; and it, or a later day, had fewer units than that. Where it waits for another plan, it was
        raised by just what that decrease needs.
        """
        has, eve, subs = self.has(line, day), day - DAY, self._feeding(line)
        service = self.w.api.model.find_line(*line)
        later = [date.fromordinal(one) for one in service.steps()[0]] if service else []
        least = min(self.has(line, one) for one in (day, *(one for one in later if one > day)))
        made = self._committed[line][-1][1]
        before = least - made
        changes = {
            d for sub in subs for v in self.history[sub] for d in (v.day, v.cancel_at) if d and d < day
        }
        too_many = max(
            self.has(line, d) - (units or 0) for d in {eve, *changes} for units in self._may_be_owed(line, d)
        )
        owed = [
            units or 0 for units in self._may_be_owed(line, day)
        ]  # where nothing is owed, it may have moved away
        steps = {units - (then or 0) for units in owed for then in self._may_be_owed(line, eve)}
        kept = self._edits_of(line, day) if self._keeps_edits(line) else {0}
        right = {self.has(line, eve) + step for step in steps} | {units + too_many for units in owed}
        needed = too_many - before
        return needed > 0 and (made == needed or has in {units + more for units in right for more in kept})

    def _may_be_owed(self, line: Line, day: date) -> set[int | None]:
        """What a line should have on a day: what Timus says; or what some version says, where one has yet to come or came late, or the terms choose their days."""
        owed, subs = {self.wants(line, day)}, self._feeding(line)
        to_come = any((sub, v.number) not in self._arrived_at for sub in subs for v in self.history[sub])
        too_late = any(self._came_late(*one) for one in self._arrived if one[0] in subs)
        if self._dated or to_come or too_late:
            picks = product(*(self._candidates(line, sub, day) for sub in subs))
            owed |= {units for pick in picks for units in self._sums(line, subs, pick)}
        return owed

    def _below_zero_later(self, line: Line) -> bool:
        """Whether a day of today or before has more units too many than some later day has units."""
        found = self.w.api.model.contracts[line[0]]
        today, end = self._today(), date.fromordinal(found.end)
        service = self.w.api.model.find_line(*line)
        later = [date.fromordinal(day) for day in service.steps()[0]] if service else []
        least = min((self.has(line, day) for day in later if today < day <= end), default=None)
        days = {v.day for sub in self._feeding(line) for v in self.history[sub]} | {today}
        days |= {v.cancel_at for sub in self._feeding(line) for v in self.history[sub] if v.cancel_at}
        days |= {first for first, _ in self._terms if first > date.min}
        kept = min(self._offsets(line)) if self._keeps_edits(line) else 0
        return least is not None and any(
            self.has(line, day) - max(0, (self.wants(line, day) or 0) + kept) > least
            for day in days
            if day <= today
        )

    def _seats_of_all_plans(self, line: Line, day: date) -> bool:
        """Whether a part of a rise was posted while the seats that move with it are still billed on a plan that they leave.

        Then that plan has too many, and all plans together have on that day no more seats than some versions had, or than the terms bill.
        Whether numbers make a gateway a plan depends on which versions were known. A plan that had but a few of the seats of another is none by
        its numbers, so it may not be counted where nobody named the family.
        """
        subs = self._feeding(line)
        few = [] if self.w.story.families else [{self._skus[line[1]], other} for other in PLANS]
        return (
            any(self._moves_in_part(line, day, plans) for plans in (self._plans(subs), {*PLANS}, *few))
            or self._waits_for_another_contract(line, day)
            or self._waits_for_a_third(line, day)
            or self._waits_for_what_stays(line, day)
            or self._waits_as_a_whole(line, day)
        )

    def _came_down_meanwhile(self, line: Line, day: date, asked_at: int) -> bool:
        """Whether a part of a rise, asked for while seats were still billed on another line of its contract, landed after these had come down."""
        others = (one for one in self._committed if one[0] == line[0] and one != line)
        found = any(
            delta < 0 and on <= day and at > asked_at
            for other in others
            for (on, delta), (_, at) in zip(self._committed[other], self._when[other], strict=True)
        )
        if found:
            self._note_part(line, day)
        return found

    def _waits_as_a_whole(self, line: Line, day: date) -> bool:
        """Whether a line has what others have there, and lacks just the subscriptions that changed their plan while the former one is still billed.

        A plan whose service nobody knows may be billed anywhere.
        """
        sku, subs = self._skus[line[1]], self._feeding(line)
        waiting = {
            sub
            for sub in subs
            if self._changed_as_a_whole(sub, sku)
            and any(
                self._skus[old[1]] in self._hidden or self.has(old, day) > (self.wants(old, day) or 0)
                for old in self.lines()
                if old[0] == line[0] and old != line and self._skus[old[1]] in self._subs_skus(sub)
            )
        }
        choices = [
            self._came_later(sub, sku) if sub in waiting else self._candidates(line, sub, day) for sub in subs
        ]
        sums = {units for pick in product(*choices) for units in self._sums(line, subs, pick)}
        if not waiting or not any(
            self.has(line, day) == max(0, units + offset) for units in sums for offset in self._offsets(line)
        ):
            return False
        self._note_part(line, day)
        return True

    def _came_later(self, sub: str, sku: str) -> list[tuple[int, int]]:
        """What of a subscription may go while its plan change waits: nothing, or what it got of the new plan since."""
        said = [version for version in self.history[sub] if version.items.get(sku, 0)]
        more = [
            (late.number, late.items[sku] - early.items[sku])
            for early, late in combinations(said, 2)
            if late.items[sku] > early.items[sku]
        ]
        return [(0, 0), *more]

    def _waits_for_what_stays(self, line: Line, day: date) -> bool:
        """Whether a line lacks no more than other lines of its contract have too many, a gateway among them that numbers make a plan.

        Without such a gateway it lacks just as many: all plans together have what Timus says, and what is kept of people's edits.
        """
        gateway = line[0], SERVICES[GATEWAY]
        by_numbers = not self.w.story.families and self._too_many(gateway, day, frozenset()) > 0
        lacks = (self.wants(line, day) or 0) - self.has(line, day)
        others = [other for other in self.lines() if other != line and other[0] == line[0]]
        if by_numbers:
            waits = 0 < lacks <= sum(self._too_many(other, day, frozenset()) for other in others)
        else:
            plans = others if line == gateway else [one for one in others if self._skus[one[1]] in PLANS]
            too_many = [
                {self._too_many(one, day, frozenset(), max(0, -offset)) for offset in self._offsets(one)}
                for one in plans
            ]
            waits = lacks > 0 and any(lacks == sum(each) for each in product(*too_many))
        if waits:
            self._note_part(line, day)
        return waits

    def _moves_in_part(self, line: Line, day: date, plans: Collection[str]) -> bool:
        lines = [one for sku in plans if self._was_sent(one := (line[0], SERVICES[sku]))]
        lines = [one for one in lines if self.wants(one, day) is not None]
        subs = {sub for one in lines for sub in self._feeding(one)}
        too_late = frozenset(one for one in self._arrived if one[0] in subs and self._came_late(*one))
        leaves = any(
            one != line and self.has(one, day) > (self.wants(one, day, without) or 0)
            for one in lines
            for without in (*self._unknown_by_then(subs), too_late)
        )
        leaves |= self._dated and self._named_across(subs)  # by the terms they stay billed in another one
        in_part = self._named_across(subs) or any(_has_two(plans, v) for s in subs for v in self.history[s])
        if line not in lines or not leaves or not in_part:
            return False
        most = 0
        for sub in subs:
            said = [v for v in self.history[sub] if v.day <= day and (sub, v.number) in self._sent]
            most += max((sum(v.units(sku, day) for sku in plans) for v in said), default=0)
        billed = sum(self.wants(one, day) or 0 for one in lines)
        told = [one for one in lines if self._was_heard_of(one, day)]
        if sum(self._has_of_plans(one, day) for one in told) > max(most, billed):
            return False
        self._note_part(line, day)
        return True

    def _note_part(self, line: Line, day: date) -> None:
        """A part of a rise is right for the moment; what it makes of later days that carry an adjustment is, too."""
        service = self.w.api.model.find_line(*line)
        days = {day, *(date.fromordinal(one) for one in service.steps()[0])} if service else {day}
        self._parts[line] |= {self.has(line, one) for one in days if one >= day}

    def _waits_for_a_third(self, line: Line, day: date, *, whole: bool = False) -> bool:
        """Whether a line lacks just the seats that are still billed on a third plan, whose seats come to the plan that this line's come from.

        That plan hides at most as many as it has and keeps. The line may also lack those that other plans of its contract have too many.
        ``whole``: nothing of it is billed, so there may be fewer of them.
        """
        plans = self._plans(self._feeding(line))
        lines = [one for sku in plans if (one := (line[0], SERVICES[sku])) in self.lines()]
        subs = {sub for one in lines for sub in self._feeding(one)}
        had = {sku for sub in subs for sku in self._subs_skus(sub)}
        chains = [
            (third, (line[0], SERVICES[between]))
            for sku, between in self._chains_to(self._skus[line[1]], had, subs)
            for third in self.lines()
            if self._skus[third[1]] == sku
        ]
        others = {*lines, *(third for third, _ in chains)} - {line}
        has, offsets = self.has(line, day), self._offsets(line)
        for without in self._unknown_by_then(subs):
            want = self.wants(line, day, without) or 0
            hidden = [
                min(
                    self._too_many(third, day, without),
                    self._most_that_come(third, between, day),
                    self._has_of_plans(between, day),
                    self.wants(between, day, without) or 0,
                )
                for third, between in chains
            ]
            most = sum(self._too_many(one, day, without) for one in others)
            least = min((number for number in hidden if number), default=0)
            lacks = [want + offset - has for offset in offsets]
            if least and any((1 if whole else least) <= number <= most for number in lacks):
                self._note_part(line, day)
                return True
        return False

    def _most_that_come(self, third: Line, between: Line, day: date) -> int:
        """The most seats that subscriptions with both plans have on the second one: no more can have come from the first."""
        subs = {*self._feeding(third)} & {*self._feeding(between)}
        sku = self._skus[between[1]]
        return sum(max(v.units(sku, day) for v in self.history[sub]) for sub in subs)

    def _chains_to(
        self, new: str, plans: Collection[str], subs: Collection[str]
    ) -> Iterator[tuple[str, str]]:
        """(third plan, plan between) where one subscription's seats went from the one to the other, and another's from that to ``new``."""
        moves = {
            sub: {
                pair
                for before, after in combinations(
                    [v for v in self.history[sub] if (sub, v.number) in self._sent], 2
                )
                for pair in permutations(plans, 2)
                if after.items.get(pair[0], 0) < before.items.get(pair[0], 0)
                and after.items.get(pair[1], 0) > before.items.get(pair[1], 0)
            }
            for sub in subs
        }
        for one, other in permutations(moves, 2):
            for third, between in moves[one]:
                if third != new and (between, new) in moves[other]:
                    yield third, between

    def _waits_for_another_contract(self, line: Line, day: date) -> bool:
        """Whether a line lacks just the seats that are still billed on other contracts, on plans that its subscriptions have left.

        It may also lack those that other lines of its own contract have too many.
        """
        there = self._left_elsewhere(line, day)
        plans = self._plans(self._feeding(line))
        here = [o for o in self.lines() if o[0] == line[0] and o != line and self._skus[o[1]] in plans]
        subs = {sub for one in (line, *there, *here) for sub in self._feeding(one)}
        has, offsets = self.has(line, day), self._offsets(line)
        for without in self._unknown_by_then(subs):
            want = self.wants(line, day, without) or 0
            least = sum(self._too_many(one, day, without) for one in there)
            most = least + sum(self._too_many(one, day, without) for one in here)
            if least and any(least <= want + offset - has <= most for offset in offsets):
                self._note_part(line, day)
                return True
        return False

    def _left_elsewhere(self, line: Line, day: date) -> set[Line]:
        """The lines of other contracts that some subscription of this line has left by a day, after it once had both: two of its plans."""
        found: set[Line] = set()
        for sub in self._feeding(line):
            plans = self._plans([sub])
            said = [v for v in self.history[sub] if v.day <= day and (sub, v.number) in self._sent]
            if self._skus[line[1]] not in plans or not any(_has_two(plans, v) for v in said):
                continue
            customer, pairs = said[0].customer, [*combinations(said, 2)]
            for sku in plans:
                route = self._route(customer, sku, day) if customer in self._routes else None
                fell = any(after.units(sku, day) < before.items.get(sku, 0) for before, after in pairs)
                if fell and route is not None and route[1] != line[0]:
                    found.add((route[1], SERVICES[sku]))
        return found

    def _too_many(
        self, line: Line, day: date, without: frozenset[tuple[str, int]], taken_off: int = 0
    ) -> int:
        """How many units a line has on a day that Timus does not want there. What a person put there is not of Timus, and holds nothing up.

        ``taken_off``: as many more by a person, whose edit is kept.
        """
        want = self.wants(line, day, without)
        return 0 if want is None else max(0, self._has_of_plans(line, day) - max(0, want - taken_off))

    def _has_of_plans(self, line: Line, day: date) -> int:
        """What a line has on a day, but for what a person added; that is one of the seats that leave where the terms bring edits back."""
        if "enforce" in self._drifts(line):
            return self.has(line, day)
        by_hand = sum(delta for on, delta in self._edits.get(line, ()) if on <= day)
        return self.has(line, day) - max(0, by_hand)

    def _unknown_by_then(self, subs: Collection[str]) -> tuple[frozenset[tuple[str, int]], ...]:
        """Which versions may not have been known when what lands now was sent."""
        told = {
            (sub, v.number): self._arrived_at.get((sub, v.number)) for sub in subs for v in self.history[sub]
        }
        to_come = frozenset(one for one, at in told.items() if at is None)
        # What lands now may have been sent a settling time ago, when nobody knew what has arrived since.
        sent = self.w.scheduler.now - (self.w.story.settle + SESSION_SECONDS) * SECOND
        moments = sorted({sent, *(at for at in told.values() if at is not None and at > sent)})
        known_until = [
            frozenset(one for one, at in told.items() if at is None or at > moment) for moment in moments
        ]
        return tuple(dict.fromkeys((frozenset[tuple[str, int]](), to_come, *known_until)))

    def _named_across(self, subs: Collection[str]) -> bool:
        """Whether seats may move between several subscriptions: people have said what is a family."""
        return self.w.story.families and len(subs) > 1

    def _plans(self, subs: Iterable[str]) -> set[str]:
        """The SKUs between which seats of these subscriptions move.

        Where nobody has said what a family is, numbers count: a gateway is a plan, too, if about as many came when seats of a plan went.
        """
        found = {*PLANS}
        if self.w.story.families:
            return found
        for sub in subs:
            for before, after in combinations(self.history[sub], 2):
                deltas = {
                    sku: after.items.get(sku, 0) - before.items.get(sku, 0)
                    for sku in (*before.items, *after.items)
                }
                found |= {
                    one
                    for one, delta in deltas.items()
                    for other in deltas.values()
                    if _exchanged(delta, other)
                }
        return found

    def _was_sent(self, line: Line) -> bool:
        """Whether Timus has told anything of a line; what it has before that is not ours to count."""
        sku = self._skus[line[1]]
        return any(
            sku in v.items and (sub, v.number) in self._sent
            for sub in self._feeding(line)
            for v in self.history[sub]
        )

    def _was_heard_of(self, line: Line, day: date) -> bool:
        """Whether an event of a line has arrived that counts by a day; what it has before that nobody can put down to Timus."""
        sku = self._skus[line[1]]
        return any(
            sku in v.items and v.day <= day and (sub, v.number) in self._arrived_at
            for sub in self._feeding(line)
            for v in self.history[sub]
        )

    def _in_order(self, sub: str, known: frozenset[int], number: int, day: date) -> bool:
        """Whether a version can govern a day, given the versions that are known to have been known (0: none governs)."""
        return self._dated or not any(
            v.number in known and v.number > number and v.day <= day for v in self.history[sub]
        )

    def _feeding(self, line: Line) -> list[str]:
        contract, service = line
        sku = self._skus[service]
        customers = [
            customer
            for customer, routings in sorted(self._routes.items())
            if any(to == contract for _, routes in routings for _, to in routes.values())
        ]
        customers += [
            c.id
            for c in self.w.story.clients
            if c.id not in customers and contract in (c.contract, c.gateway_contract)
        ]
        return [sub for customer in customers for sub in self._subs(customer, sku)]

    def _candidates(self, line: Line, sub: str, day: date) -> list[tuple[int, int]]:
        """(version, units): what the line may have on a day of this subscription, by some version that was sent."""
        contract, service = line
        sku = self._skus[service]
        found = [(0, 0)]
        customer = self.history[sub][0].customer
        routed = self._route(customer, sku, day) if customer in self._routes else None
        for version in self.history[sub]:
            if (sub, version.number) not in self._sent or (version.day > day and not self._dated):
                continue
            if routed is not None and routed[1] == contract:
                found.append((version.number, version.units(sku, day)))
                if self._dated and version.status != "trial":  # its end may be dated later
                    found.append((version.number, version.items.get(sku, 0)))
            if routed is None or routed[1] != contract:
                found += [(version.number, 0), (version.number, version.units(sku, day))]
        return list(dict.fromkeys(found))

    def _sums(self, line: Line, subs: list[str], pick: Iterable[tuple[int, int]]) -> set[int]:
        """What all subscriptions together come to, under each of the terms that have held."""
        sku = self._skus[line[1]]
        totals: dict[str, int] = defaultdict(int)
        for sub, (_, units) in zip(subs, pick, strict=True):
            totals[self.history[sub][0].customer] += units
        return {
            sum(self._billable(customer, sku, units, terms) for customer, units in totals.items())
            for _, terms in self._terms
        }

    def _offsets(self, line: Line) -> set[int]:
        """What people's edits may add to a line: any of them, kept, brought back or replaced by ours of the same day."""
        sums = {0}
        signs = (1, -1) if self.w.story.switches.get("same_day") == "override" else (1,)
        for _, delta in self._edits[line]:
            sums |= {one + sign * delta for one in sums for sign in signs}
        sums |= {one + rest for one in sums for rest in self._rests[line]}
        if self._adopted[line]:
            sums |= {a + s for a in self._adopted[line] for s in sums}
        # A later change goes its way although an earlier one was rejected: what is set aside, or what is left of it, is not billed.
        for delta in (*(delta for _, delta, _ in self._rejected[line]), *self._maybe_rejected[line]):
            sums |= {s - part for s in sums for part in self._set_aside(line, delta)}
        for one in self._undos.get(line, ()):
            sums |= {s + one.delta for s in sums if one.customer}
        return sums

    def _set_aside(self, line: Line, delta: int) -> set[int]:
        """What of a rejected change may be set aside: all of it, or what a later change of Timus's the other way leaves of it."""
        subs = self._feeding(line)
        sku = self._skus[line[1]]
        said = [{(0, 0), *((v.number, v.items.get(sku, 0)) for v in self.history[sub])} for sub in subs]
        units = set().union(*(self._sums(line, subs, pick) for pick in product(*said)))
        later = {after - before for before, after in permutations(units, 2)}
        return {delta, *(delta + back for back in later if back * delta < 0 and abs(back) < abs(delta))}

    def _one_plan(self, contract_id: int, since: date, risen_at: int | None = None) -> None:
        """Promise I7: two plans of one subscription are never billed on one day, once one of them went up on ``since``.

        Where seats moved in part, or people named the family and there are several subscriptions, both may be billed; then there are no
        more seats on that day than Timus had, if a plan went up that was asked for at ``risen_at``. Two customers have no family together:
        what the one has too many holds up no seat of the other.
        """
        contract = self.w.api.model.contracts[contract_id]
        heard = (self.w.scheduler.now if risen_at is None else risen_at) - HEARD_SECONDS * SECOND
        plans = [line for line in contract.lines.values() if self._skus[line.service["id"]] in PLANS]
        if len(plans) < 2:
            return
        subs = {sub for line in plans for sub in self._feeding((contract.id, line.service["id"]))}
        lines = [(contract.id, line.service["id"]) for line in plans]
        edits = [delta for one in lines for _, delta in self._edits[one]]
        replaced = bool(edits) and self.w.story.switches.get("same_day") == "override"
        if replaced or any(delta > 0 for delta in edits) or any(self._adopted[one] for one in lines):
            return  # the units that people put there are no seats of Timus's
        customers = {self.history[sub][0].customer for sub in subs}
        if len(customers) == 1 and self._named_across(subs) and risen_at is not None:
            self._no_more_seats(subs, contract, plans, since, heard)
        if len(subs) != 1:
            return
        sub = next(iter(subs))
        first = next((number for one, number in self._arrived if one == sub), 0)
        if any(_has_two(PLANS, v) for v in self.history[sub]):
            if risen_at is not None:
                self._no_more_seats({sub}, contract, plans, since, heard)
            return
        mine = {
            sku
            for v in self.history[sub]
            if v.number >= first and self._arrived_at.get((sub, v.number), heard) < heard
            for sku, units in v.items.items()
            if (units or sku not in self._hidden) and not self._is_nobodys(sku)
        }
        days = {since.toordinal(), *(day for line in plans for day in line.steps()[0])}
        for day in sorted(day for day in days if day >= since.toordinal()):
            billed = [line for line in plans if line.units_on(day) > 0]
            if len(billed) > 1 and all(self._skus[line.service["id"]] in mine for line in billed):
                if self._came_back(sub, contract.id, billed, date.fromordinal(day)):
                    continue
                if not self.w.story.families and self._looks_like_an_add_on(sub, billed):
                    continue
                names = ", ".join(
                    f"{line.units_on(day)} × {self._skus[line.service['id']]}" for line in billed
                )
                self._broken("I7", f"contract {contract.id} bills {names} on {date.fromordinal(day)}")
                return

    def _is_nobodys(self, sku: str) -> bool:
        """Whether a person has said that a SKU is not billed whose service nobody can find: what Autotask has of it is theirs."""
        excluded = any(sku in terms.get("excluded", ()) for _, terms in self._terms)
        return excluded and sku in self._hidden

    def _no_more_seats(
        self, subs: Collection[str], contract: Any, plans: Sequence[Any], since: date, heard: int
    ) -> None:
        """No more seats of all plans are billed on the day of a rise than Timus had, by versions that may be the newest known of."""
        if self._dated or contract.id in self._sick() or any("minimum" in terms for _, terms in self._terms):
            return
        if any(self._undos.get((contract.id, line.service["id"])) for line in plans):
            return  # a person may have wanted more of them
        if not self.w.story.families and not all(self._numbers_tell_plans(sub, heard) for sub in subs):
            return  # numbers only suggest which SKUs are plans, and may mislead for as many units as they are wrong by
        told = [line for line in plans if self._is_known((contract.id, line.service["id"]), since, heard)]
        billed = sum(line.units_on(since.toordinal()) for line in told)
        had = sum(self._most_seats(sub, since, heard) for sub in subs)
        if billed > had:
            names = ", ".join(
                f"{line.units_on(since.toordinal())} × {self._skus[line.service['id']]}" for line in told
            )
            self._broken("I7", f"contract {contract.id} bills {names} on {since}, Timus had {had} seats")

    def _is_known(self, line: Line, day: date, heard: int) -> bool:
        """Whether Timus's news of a line were followed or arrived, and reach back to a day: what it has else is not ours to count.

        News that came a moment ago may not be known of yet. They count only where a line was adjusted and nobody had heard of other ones.
        What came after newer news does not reach back.
        """
        sku = self._skus[line[1]]
        versions = [(s, v) for s in self._feeding(line) for v in self.history[s]]
        asked_at = heard + HEARD_SECONDS * SECOND  # what landed late was asked for before
        came = {
            (s, v.number) for s, v in versions if self._arrived_at.get((s, v.number), asked_at) < asked_at
        }
        heard_of = {one for one in came if self._arrived_at[one] < heard}
        naming = {(s, v.number) for s, v in versions if sku in v.items}
        known = bool(self._committed[line]) or (bool(heard_of & naming) and self._has_service(sku))
        told = heard_of if heard_of & naming else came
        in_time = {(s, v) for s, v in told & naming if not self._came_late(s, v)}
        return known and any(v.day <= day for s, v in versions if (s, v.number) in in_time)

    def _has_service(self, sku: str) -> bool:
        """Whether it is known which line a SKU has: one that was to be looked up while Autotask or the table was away may have none yet."""
        if sku in self._hidden:
            return False
        plan = self.w.store.partner().plans.get(sku) if self.own else None
        return plan is None or bool(plan.value.choices)

    def _came_late(self, sub: str, number: int) -> bool:
        """Whether a version came after a newer one: what it says of the days before that one is told, and not billed."""
        before = self._arrived[: self._arrived.index((sub, number))]
        return any(one == sub and newer > number for one, newer in before)

    def _most_seats(self, sub: str, day: date, heard: int) -> int:
        """The most seats of all plans that a subscription has on a day, by a version that may be the newest known of."""
        versions = [v for v in self.history[sub] if v.day <= day]
        heard_of = [v.number for v in versions if self._arrived_at.get((sub, v.number), heard) < heard]
        newest = max((number for number in heard_of if not self._came_late(sub, number)), default=0)
        had = (sum(v.units(sku, day) for sku in PLANS) for v in versions if v.number >= newest)
        return max(had, default=0)

    def _numbers_tell_plans(self, sub: str, heard: int) -> bool:
        """Whether plans have fallen and others risen, by all that is known, and of any two versions about as many went as came."""
        told = False
        known = [v for v in self.history[sub] if self._arrived_at.get((sub, v.number), heard) < heard]
        for before, after in combinations(self.history[sub], 2):
            deltas = [after.items.get(sku, 0) - before.items.get(sku, 0) for sku in PLANS]
            pairs = [_exchanged(one, other) for one in deltas for other in deltas if one < 0 < other]
            if not all(pairs):
                return False
            told = told or (bool(pairs) and before in known and after in known)
        return told

    def _looks_like_an_add_on(self, sub: str, billed: Iterable[Any]) -> bool:
        """Whether numbers mislead: the one plan never had half of what the other comes to, and the gateway, which had, was beside both.

        What came after a newer version may not be known of.
        """
        everything = self.history[sub]
        in_time = [
            v for v in everything if (sub, v.number) in self._arrived and not self._came_late(sub, v.number)
        ]
        skus = {self._skus[line.service["id"]] for line in billed}
        return any(self._is_beside_gateways(skus, versions) for versions in (everything, in_time) if versions)

    @staticmethod
    def _is_beside_gateways(skus: Collection[str], versions: Sequence[Said]) -> bool:
        most = {sku: max(v.items.get(sku, 0) for v in versions) for sku in (*skus, GATEWAY)}
        half = max(most[sku] for sku in skus) / 2
        beside = all(any(v.items.get(sku) and v.items.get(GATEWAY) for v in versions) for sku in skus)
        return beside and min(most[sku] for sku in skus) < half <= most[GATEWAY]

    def _came_back(self, sub: str, contract: int, billed: Iterable[Any], day: date) -> bool:
        """Whether a later version brought back a plan that was still billed from before, while the other's day was taken."""
        arrived = [v for v in self.history[sub] if (sub, v.number) in self._arrived_at and v.day <= day]
        if not arrived:
            return False
        newest = arrived[-1]
        since = self._arrived_at[sub, newest.number]
        for line in billed:
            when = self._when[contract, line.service["id"]]
            if newest.units(self._skus[line.service["id"]], day):
                rises = [d > 0 for _, d in self._committed[contract, line.service["id"]]]
                if any(up and at >= since and on <= day for up, (on, at) in zip(rises, when, strict=True)):
                    return False
            elif not any(on == day and at < since for on, at in when):
                return False
        return True

    def _subs_skus(self, sub: str) -> set[str]:
        return {sku for version in self.history[sub] for sku in version.items}

    def kept(self, customer: str | None = None) -> None:
        """Promise I3: every event that was answered 202 is in the table."""
        if not self.own:
            return
        for said in self._accepted.values():
            if customer not in (None, said.customer):
                continue
            if not self._is_stored(said):
                self._broken(
                    "I3", f"version {said.number} of {said.subscription} was accepted and is not in the table"
                )

    def _is_stored(self, said: Said) -> bool:
        """Whether the table has the event of a version, in the inbox or merged."""
        key = _kept_as(said.event_id)
        start = (f"INBOX#{key}~", f"EVENT#{key}~")
        names = self.w.memory._sort_keys.get(f"CUSTOMER#{said.customer}", ())
        return any(name.startswith(start) for name in names)

    # -- at rest

    def lines(self) -> list[Line]:
        """Every line that Timus and the mapping ask for."""
        found: set[Line] = set()
        for customer, routings in self._routes.items():
            for sub, versions in self.history.items():
                if versions[0].customer != customer:
                    continue
                for sku in self._subs_skus(sub):
                    found |= {
                        (routes.get(sku, routes.get(None, (0, 0)))[1], SERVICES[sku])
                        for _, routes in routings
                    }
        return sorted(line for line in found if line[0])

    def at_rest(self, *, strict: bool, since: int | None = None) -> None:
        """Promise I1, at rest; with ``since``, promises L and I9 too: that rest has come in time, whatever one contract does.

        ``strict``: a line may be parked only if there is a reason in the world for it that is still there.
        """
        today = self._today()
        promise = "I1" if since is None else "L"
        sick = self._sick()
        if self.own:
            self._all_events_are_merged(promise, sick)
        for line in self.lines():
            contract, _service = line
            if contract in sick or not self._within(contract, today):
                continue
            want, has = self.wants(line, today), self.has(line, today)
            record = self._record(line)
            settles = record is not None and record.state.value == "settling"
            if (self._edited(line) and since is not None) or (
                settles and any(self._edited(other) for other in self.lines() if other[0] == contract)
            ):
                continue  # somebody's change in the middle of ours may take a second settling time to be found
            decided = (max(self._believed.get(sub, 0), self._went.get(sub, 0)) for sub in self._feeding(line))
            if since is not None and any(at > since for at in decided):
                continue  # a person has decided while the world was to come to rest
            if since is not None and record is not None and record.state.value == "settling":
                self._broken(promise, f"{line} is still settling")
            if want is None or self._fits(line, want, has) or self._fits_an_undo(line, today, has):
                continue
            if self._dated and today < self._settled_day():
                continue
            if record is not None and record.parked is not None and record.parked.code == "drift":
                self._is_drift(line)
            if (
                record is not None
                and record.parked is not None
                and self._excused(line, record, strict=strict, want=want, has=has)
            ):
                continue
            if self._edited_at.get(contract, 0) > self._looked_at.get(contract, 0):
                continue
            if self._taken(line, today) and (
                self._was_wanted(line, today, has) or _is_told(record, today, has, want)
            ):
                continue
            if (
                record is not None
                and record.scheduled
                and self._waits_for_a_third(line, today, whole=has == 0)
            ):
                continue
            if self._is_a_persons_day(line, today, want, has):
                continue
            if self._just_begun(today) and self._was_right(line, today - DAY, has):
                continue
            state = (
                f"{record.state.value} {record.parked.code if record.parked else ''}" if record else "unknown"
            )
            self._broken(promise, f"{line} has {has} on {today}, Timus says {want}; the line is {state}")

        if strict:
            lines = list(self.w.store.lines()) if self.own else []
            waiting = {line.contract_id for line in lines if line.state.value != "applied"}
            for contract in {contract for contract, _ in self.lines()} - sick - waiting:
                self._one_plan(contract, today)

    def _fits_an_undo(self, line: Line, day: date, has: int) -> bool:
        """Whether a line with an undo has what it should by some reading: which versions came too late, and which lines are joined."""
        if not self._undos.get(line):
            return False
        wants = self._by_any_reading(line, day, self._variants(self._feeding(line)))
        if self._dated:
            # Which days it is in place of is not told here.
            undone = [one for one in self._undos[line] if one.day <= day]
            wants |= {one.units for one in undone}
            wants |= {
                want + one.delta for want in wants if want is not None for one in undone if one.customer
            }
            # What comes and goes on one day may be billed for a while by the terms, which ends an undo.
            record = self._record(line)
            if record is not None and any(one.until and one.until <= day for one in record.undone):
                wants.add(self._by_timus(line, day))
        return any(want is not None and self._fits(line, want, has) for want in wants)

    def _by_any_reading(
        self, line: Line, day: date, variants: Sequence[frozenset[tuple[str, int]]]
    ) -> set[int | None]:
        """What a line with an undo should have: by each of the versions that may count, of the lines that may be joined, and of what is news.

        What a version brings forward is its own news once the one before it is dropped.
        """
        wants: set[int | None] = set()
        for self._forward in (False, True):
            wants |= {
                self.wants(line, day, variant, joined=joined)
                for variant in variants
                for joined in (True, False)
            }
        return wants

    def _is_drift(self, line: Line) -> None:
        """What people did before go-live only is no drift; unless ours took the place of theirs on one day."""
        only_before = self._edits[line] and line not in self._edited_live
        if only_before and self.w.story.switches.get("same_day") != "override":
            self._broken("live", f"{line} is parked as drift, and was changed by hand only before go-live")

    def _just_begun(self, day: date) -> bool:
        """Whether a day began so recently that what is dated to it need not be posted yet."""
        return self.w.scheduler.now < self.midnight(day) + (self.w.story.settle + BOUND) * SECOND

    def _is_a_persons_day(self, line: Line, day: date, want: int, has: int) -> bool:
        """Whether a day has an adjustment of a person's, which takes it: what ran over from ours of a day before stays there for that day.

        So does a day of which nobody knew whose adjustment is on it when a person decided on the line. Where ours may take the place of theirs,
        it did if it is of that day; what the day has then, nobody wanted.
        """
        if day in self._unclear[line] and self._taken(line, day):
            return True
        if not self._edits_of(line, day) - {0}:
            return False
        if self._taken(line, day) and self.w.story.switches.get("same_day") == "override":
            return True
        ran_over = [delta for on, delta in self._committed[line] if on < day]
        return any(self._fits(line, want, has - delta) for delta in ran_over)

    def _was_right(self, line: Line, day: date, has: int) -> bool:
        want = self.wants(line, day) or 0
        return self._fits(line, want, has) or (self._taken(line, day) and self._was_wanted(line, day, has))

    def _settled_day(self) -> date:
        """The day from which on everything that Timus reported is billed, on any contract and under any terms."""
        days = [v.day for versions in self.history.values() for v in versions]
        days += [v.cancel_at for versions in self.history.values() for v in versions if v.cancel_at]
        days += [plan.posted_through for plan in self.w.story.contracts if plan.posted_through]
        return (
            max(next_period(plan.start, max(days, default=self._today())) for plan in self.w.story.contracts)
            + DAY
        )

    def _sick(self) -> set[int]:
        return self._poisoned() | self._cursed()

    def _cursed(self) -> set[int]:
        """The contracts of the customer whose events cannot be merged."""
        plan = next((c for c in self.w.story.clients if c.id == self.w.curse), None)
        if plan is None:
            return set()
        mine = {to for _, routes in self._routes.get(plan.id, ()) for _, to in routes.values()}
        return mine | {contract for contract in (plan.contract, plan.gateway_contract) if contract}

    def _poisoned(self) -> set[int]:
        if self.w.poison is None:
            return set()
        contract = self.w.poison[0]
        client = next(c for c in self.w.story.clients if c.contract == contract)
        return {
            contract,
            *(to for _, routes in self._routes.get(client.id, ()) for _, to in routes.values()),
        }

    def _fits(self, line: Line, want: int, has: int) -> bool:
        if has == want:
            return True
        offsets = self._offsets(line) if self._keeps_edits(line) else ()
        return any(max(0, want + offset) == has for offset in offsets)

    def _keeps_edits(self, line: Line) -> bool:
        """Whether what people put on a line may stay on top of what Timus says: by a decision, or by somebody's terms."""
        return bool(self._adopted[line] or "adopt" in self._drifts(line))

    def _taken(self, line: Line, day: date) -> bool:
        """Whether the next free day is a later one: the line, or another half of a plan change, was adjusted on this day."""
        customers = {self.history[sub][0].customer for sub in self._feeding(line)}
        related = {
            other
            for other in {*self._committed, *self._edits}
            if other == line or customers & {self.history[sub][0].customer for sub in self._feeding(other)}
        }
        related.add(line)
        return any(
            on == day
            for other in related
            for on, _ in (*self._committed.get(other, ()), *self._edits.get(other, ()))
        )

    def _was_wanted(self, line: Line, today: date, has: int) -> bool:
        """Whether what a line has is what Timus had on some day, a part of it, or what it had when we first saw it."""
        subs = self._feeding(line)
        values = [
            {0, *(v.units(self._skus[line[1]], d) for v in self.history[s] for d in (v.day, today))}
            for s in subs
        ]
        first = next(c.units.get(self._skus[line[1]], 0) for c in self.w.story.contracts if c.id == line[0])
        picks = product(*[[(1, units) for units in sorted(one)] for one in values])
        sums = {first, *self._parts[line]}.union(*(self._sums(line, subs, pick) for pick in picks))
        # What a person had rejected, and approved after all, comes on the next day that is free: until then the rest of it is there.
        later = {0, *(delta for _, delta in self._approved[line])}
        return any(has - offset + more in sums for offset in self._offsets(line) for more in later)

    def _record(self, line: Line) -> Any:
        if not self.own:
            return None
        stored = self.w.store.contract(line[0]).lines.get(line[1])
        return stored.value if stored else None

    def _excused(self, line: Line, record: Any, *, strict: bool, want: int, has: int) -> bool:
        """Whether a parked line shows the truth, and when ``strict`` whether there is a lasting cause for parking it."""
        parked = record.parked
        facts = parked.facts
        edited = self._edited(line)
        contract = line[0]
        if not parked.message or not remedy_of(parked):
            self._broken("I1", f"{line} is parked without words")
        if "held" not in facts or "desired" not in facts:
            self._broken("I1", f"{line} is parked as {parked.code} without both numbers")
        elif not edited and contract not in self._company_changed:
            # Autotask's own term may have begun since somebody looked last.
            looked = local_day(self._looked_at.get(contract, 0), self.w.zone)
            held = {has, self.has(line, looked)} if looked < self._today() else {has}
            true = facts["held"] in held and facts["desired"] == want
            if not true and parked.code != "contract-of-another-company":
                self._broken(
                    "I1",
                    f"{line} is parked with {facts['held']} and {facts['desired']}, the truth is {has} and {want}",
                )
        if not strict:
            return True
        if parked.code == "contract-of-another-company":
            return self._anothers(line)
        if parked.code == "drift" and self._drifts(line) in ({"adopt"}, {"enforce"}):
            return False
        if parked.code == "below-zero-later":
            return self._below_zero_later(line)
        if parked.code == "refused" and want > has and not edited:
            return False
        if parked.code == "waits-for-decrease":
            self._waits_for_no_more(line, want - has)
        if parked.code in ("refused", "waits-for-decrease") and self._truly_refused(line):
            return True
        if parked.code == "waits-for-decrease" and self.w.story.terms:
            return True  # the old plan's line has its own reason
        if parked.code == "waits-for-decrease" and any(map(self._anothers, self._related(line))):
            return True
        if parked.code == "waits-for-decrease" and any(map(self._edited, self._related(line))):
            return True  # seats of a third plan, which somebody changed, come to the one that these have left
        if parked.code == "old-plan-unmapped":
            return facts["sku"] in self._hidden
        return edited

    def _waits_for_no_more(self, line: Line, lacking: int) -> None:
        """A decrease that a person has to decide on keeps back as many seats as it leaves billed, whosever the others are."""
        today = self._today()
        own_days = any(term in t for t in self._all_terms() for term in ("increases", "decreases", "minimum"))
        others = [o for o in self.lines() if o != line and (o[0] == line[0] or self._moves_with(line, o))]
        # By way of these, seats may come from a third on another contract.
        near = [*others]
        others += [
            o for o in self.lines() if o not in (line, *near) and any(self._moves_with(n, o) for n in near)
        ]
        unsure = any(self._is_unsure(other) for other in (line, *others))
        elsewhere = any(other[0] != line[0] and self._comes_down_elsewhere(other) for other in others)
        if (
            self._dated
            or own_days
            or unsure
            or elsewhere
            or any(day == today for day, _ in self._committed[line])
        ):
            return
        too_many = sum(max(0, self.has(other, today) - (self.wants(other, today) or 0)) for other in others)
        sku = self._skus[line[1]]
        whole = sum(
            max(v.units(sku, today) for v in self.history[sub])
            for sub in self._feeding(line)
            if any(sku in v.items for v in self.history[sub]) and self._changed_as_a_whole(sub, sku)
        )
        if lacking > too_many + whole:
            self._broken(
                "held",
                f"{line} lacks {lacking} that wait for a decrease, and only {too_many} and {whole} have to",
            )

    def _comes_down_elsewhere(self, line: Line) -> bool:
        """Whether a line of another contract that we adjusted has too many, or came down within the last hour: it is looked at again by then."""
        an_hour_ago = self.w.scheduler.now - 3600 * SECOND
        too_many = self._too_many(line, self._today(), frozenset())
        return any(too_many or at > an_hour_ago for _, at in self._when[line])

    def _all_terms(self) -> list[Mapping[str, Any]]:
        return [*(each for _, each in self._terms), *(client.terms for client in self.w.story.clients)]

    def _is_unsure(self, line: Line) -> bool:
        """Whether it is not known here what a line has to do with others."""
        record = self._record(line)
        code = record.parked.code if record is not None and record.parked is not None else ""
        return bool(
            self._edits.get(line)
            or self._undos.get(line)
            or code in ("outcome-unclear", "line-duplicated", "line-missing", "old-plan-unmapped")
            or self._anothers(line)
        )

    def _changed_as_a_whole(self, sub: str, sku: str) -> bool:
        """Whether a subscription had another SKU that it never had together with this one, by what did not come too late to count."""
        others = {*self._subs_skus(sub)} - {sku}
        late = {number for one, number in self._arrived if one == sub and self._came_late(sub, number)}
        beside = {
            one
            for v in self.history[sub]
            if v.units(sku, v.day) and v.number not in late
            for one in v.items
            if v.units(one, v.day)
        }
        return bool(others - beside)

    def _was_overtaken(self, line: Line, day: date) -> bool:
        """Whether seats for some days came too late, and the plan that has them since went up meanwhile: then they would be beside it.

        They were asked for in vain, or they waited until it was clear what had become of an adjustment of the plan before them.
        """
        related = self._related(line)
        late = [
            posting.received_ms
            for posting in self.w.api.postings
            if posting.day is not None
            and date.fromordinal(posting.day) <= day
            and (
                (
                    self._line_of(posting) == line
                    and posting.outcome in ("refused", "lost")
                    and posting.unit_change > 0
                )
                or (posting.fault is not None and self._line_of(posting) in related)
            )
        ]
        return any(
            delta > 0 and on > day and at >= micros_of(first) and not self.wants(line, on)
            for other in related
            if other != line
            for (on, delta), (_, at) in zip(self._committed[other], self._when[other], strict=True)
            for first in late
        )

    def _truly_refused(self, line: Line) -> bool:
        """Whether Autotask's own rules refuse what the line, or another half of its plan change, needs: it is for a person."""
        return any(
            posting.outcome == "refused"
            and posting.fault is None
            and self._moves_with(line, self._line_of(posting))
            for posting in self.w.api.postings[-20:]
            if self.w.scheduler.now // 1000 - posting.received_ms < 12 * 3_600_000
        )

    def _anothers(self, line: Line) -> bool:
        """Whether some customer of a line is mapped to its contract as another company's."""
        contract, service = line
        sku = self._skus[service]
        companies = [self._companies_of(c, contract, sku) for c in self._routes if self._subs(c, sku)]
        return any(theirs - {self._companies[contract]} for theirs in companies)

    def _mapped_companies(self, contract: int) -> set[int]:
        return {
            company
            for routings in self._routes.values()
            for _, routes in routings
            for company, to in routes.values()
            if to == contract
        }

    def _edited(self, line: Line) -> bool:
        """Whether a person touched the line, or one that feeds on the same subscriptions or moves with it (the other half of a plan change)."""
        return any(
            edits and (other == line or self._moves_with(line, other))
            for other, edits in list(self._edits.items())
        )

    def _all_events_are_merged(self, promise: str, sick: set[int]) -> None:
        for client in self.w.story.clients:
            waiting = self.w.memory.range(f"CUSTOMER#{client.id}", "INBOX#", "INBOX#~")
            if client.id == self.w.curse:
                if waiting and client.id not in {trouble.id for trouble in self.w.store.troubles()}:
                    self._broken("I9", f"events of {client.id} cannot be merged, and nobody is told")
                continue
            if client.contract in sick:
                continue
            if waiting:
                self._broken(promise, f"{len(waiting)} events of {client.id} are not merged")
            for document in self.w.memory.range(f"CUSTOMER#{client.id}", "EVENT#", "EVENT#~"):
                self._outcome(client.id, document.data)

    def _outcome(self, customer: str, event: Mapping[str, Any]) -> None:
        """An event is merged, or has no effect; one of a counter that began again waits for a person, and is never quietly dropped.

        So does one that says another customer; once a newer one is believed, it is superseded.
        """
        sub, outcome = event["subscription_id"], event["outcome"]
        if any(one.event_id == event["event_id"] for one in self.owners.waiting(sub)):
            if outcome not in ("parked", "dismissed", "superseded"):
                self._broken(
                    "I3", f"an event of {customer}, of somebody else's subscription, became {outcome}"
                )
            return
        said = next((one for one in self.restarted(sub) if one.event_id == event["event_id"]), None)
        if said is None or sub in self._believed:
            if outcome not in ("merged", "duplicate", "superseded", "noted"):
                self._broken("I3", f"an event of {customer} became {outcome}")
        elif outcome not in ("parked", "dismissed") and not any(
            _says(said) == _says(v) for v in self.history[sub]
        ):
            self._broken(
                "I3", f"version {said.counted} of {sub}, whose counter began again, became {outcome}"
            )

    def days_to_come(self) -> list[date]:
        """Days on which something is still to change, and the days after them."""
        today = self._today()
        turns = {today + DAY}
        for versions in self.history.values():
            for version in versions:
                turns |= {day for day in (version.day, version.cancel_at) if day is not None and day > today}
        turns |= {
            first for routings in self._routes.values() for first, _ in routings if first and first > today
        }
        turns |= {one.day for undone in self._undos.values() for one in undone if one.day > today}
        turns = set(sorted(turns | {turn + DAY for turn in turns})[:6])
        if self.w.story.switches.get("extended_periods") == "empty":
            soon = today + 30 * DAY
            turns |= {plan.end + DAY for plan in self.w.story.contracts if today <= plan.end < soon}
        if self._dated:
            turns.add(self._settled_day() + DAY)
        return sorted(turns)

    def midnight(self, day: date) -> int:
        """The first instant of a local day."""
        return micros(datetime.combine(day, time(), self.w.zone))

    def at_the_end(self) -> None:
        """What only the whole shows: each past day (I5), and the journal (I10)."""
        for line in self.lines():
            self._past_days(line)
        if self.own:
            self._journal()
            self._chains()
            self._terms_of_contracts()

    def _terms_of_contracts(self) -> None:
        """A contract is never shortened, and one that bills a renewed subscription lasts to the end of its term."""
        not_owed = self._sick()
        for plan in self.w.story.contracts:
            end = date.fromordinal(self.w.api.model.contracts[plan.id].end)
            if end < plan.end:
                self._broken("term", f"contract {plan.id} was shortened from {plan.end} to {end}")
            renewed = [
                until
                for line in self.lines()
                if line[0] == plan.id
                and self.has(line, self._today())
                and self.wants(line, self._today())
                and (record := self._record(line)) is not None
                and record.parked is None
                for sub in self._feeding(line)
                if (until := self._renewed(sub)) and self._units(sub, self._skus[line[1]], self._today())
            ]
            if renewed and plan.end >= self._today() and end < max(renewed) and plan.id not in not_owed:
                self._broken(
                    "term", f"contract {plan.id} ends on {end}, its subscription is renewed to {max(renewed)}"
                )

    def _renewed(self, sub: str) -> date | None:
        """The last day of a renewed term, if its event came before anything newer, and it still holds."""
        versions = self.history[sub]
        first = next((v for v in versions if v.renews), None)
        if first is None or versions[-1].cancel_at is not None:
            return None
        newer = [number for one, number in self._arrived if one == sub and number >= first.number]
        return first.term_end if newer[:1] == [first.number] else None

    def _past_days(self, line: Line) -> None:
        """Each change was billed from its own day on, or the next free one."""
        contract, _ = line
        related = self._related(line)
        subs = self._feeding(line)
        if contract in self._company_changed or not subs:
            return
        if any(self._edits[other] for other in self.lines()):
            return
        record = self._record(line)
        if record is not None:
            self._told_as_it_is(line, record)
        if self.w.story.terms or contract in self._sick():
            return
        mapped = local_day(self._mapped_at.get(self.history[subs[0]][0].customer, 0), self.w.zone)
        if len({to for to, _ in related}) > 1 and not self.wants(line, mapped) and not self.has(line, mapped):
            return
        if record is not None and record.parked is not None and self._stays_parked(line):
            return
        variants = self._variants(subs)
        adjusted = {on for other in related for on, _ in self._committed[other]}
        today = self._today()
        day = min(v.day for sub in subs for v in self.history[sub])
        while day <= today:
            if self._within(contract, day):
                has = self.has(line, day)
                wants = {self.wants(line, day, variant) for variant in variants}
                if self._undos.get(line):
                    wants |= self._by_any_reading(line, day, variants)
                by_now = {self._without_cancelled(line, day, v, want) for v in variants for want in wants}
                if self.own and None not in wants and not self._told(record, day, has, by_now):
                    self._broken("I1", f"{line} had {has} on {day}, Timus said {by_now}; nobody is told that")
                    return
                if (
                    has not in wants
                    and None not in wants
                    and not self._netted(line, subs, day, adjusted, variants)
                    and not self._waits_for_a_third(line, day, whole=has == 0)
                    and not self._was_overtaken(line, day)
                    and not any(map(self._anothers, related))
                ):
                    self._broken("I5", f"{line} had {has} on {day}, Timus said {wants}, and its day was free")
                    return
            day += DAY

    def _without_cancelled(
        self, line: Line, day: date, without: frozenset[tuple[str, int]], want: int | None
    ) -> int | None:
        """What a line should have had on a day by all that Timus says now: without what it says was over by then.

        A cancellation that is dated back ends on its own version's day. Of the days before that people are told.
        """
        if want is None:
            return None
        sku = self._skus[line[1]]
        for sub in self._feeding(line):
            newest = max(self.history[sub], key=lambda one: one.number)
            over = newest.cancel_at is not None and newest.cancel_at <= day < newest.day
            want -= self._units(sub, sku, day, without) if over and newest.status != "trial" else 0
        return max(0, want)

    def _stays_parked(self, line: Line) -> bool:
        """Whether a parked line, or an old plan for which it waits, is for a person: nobody makes its days right before."""
        return self._truly_refused(line) or any(map(self._anothers, self._related(line)))

    def _variants(self, subs: Sequence[str]) -> list[frozenset[tuple[str, int]]]:
        """What may have been left out of these subscriptions: any of the first versions that came after newer ones."""
        late = [
            key
            for i, key in enumerate(self._arrived)
            if any(s == key[0] and n > key[1] for s, n in self._arrived[:i])
        ]
        late = [key for key in late if key[0] in subs][:8]
        return [
            frozenset(k for k, out in zip(late, mask, strict=True) if out)
            for mask in product((False, True), repeat=len(late))
        ]

    def _told_as_it_is(self, line: Line, record: Any) -> None:
        """Under any terms: past days that are reported are billed as the report says."""
        if record.state.value not in ("applied", "scheduled"):
            return
        today = self._today()
        for one in record.past_days:
            if one.first <= today and {
                self.has(line, day) for day in (one.first, min(one.until - DAY, today))
            } != {one.autotask}:
                self._broken("I1", f"{line}: people are told of {one}, Autotask has something else")

    @staticmethod
    def _told(record: Any, day: date, has: int, wants: set[int | None]) -> bool:
        """True if exactly those past days are reported that are billed otherwise, with both numbers."""
        if record is None or record.state.value not in ("applied", "scheduled"):
            return True
        told = next((one for one in record.past_days if one.first <= day < one.until), None)
        if told is None:
            return has in wants
        return told.autotask == has and told.wanted != has and told.wanted in wants

    def _related(self, line: Line) -> list[Line]:
        """The lines between which and this one seats may move, and itself."""
        return [other for other in self.lines() if other == line or self._moves_with(line, other)]

    def _moves_with(self, line: Line, other: Line) -> bool:
        """Whether some subscription feeds both lines, or both are plans of a contract and people have named the family."""
        named = self.w.story.families and {self._skus[line[1]], self._skus[other[1]]} <= {*PLANS}
        return (named and line[0] == other[0]) or bool(self._named_on(line) & self._named_on(other))

    def _named_on(self, line: Line) -> set[str]:
        """Whose units are on a line, or were by a version from before the subscription was this customer's: that tells of plan changes too."""
        sku, here = self._skus[line[1]], {*self._feeding(line)}
        on_contract = {sub for other in self.lines() if other[0] == line[0] for sub in self._feeding(other)}
        return here | {
            sub
            for sub in on_contract - here
            for early in self.owners.waiting(self.history[sub][0].subscription)
            if early.customer == self.history[sub][0].customer and sku in early.items
        }

    def _moved_by(self, sub: str, day: date) -> date:
        """The last day until then on which the mapping sends a subscription's seats to other contracts; else the first day of all."""
        routings = self._routes.get(self.history[sub][0].customer, ())
        return max((first for first, _ in routings if first and first <= day), default=date.min)

    def _netted(
        self,
        line: Line,
        subs: list[str],
        day: date,
        adjusted: set[date],
        variants: list[frozenset[tuple[str, int]]],
    ) -> bool:
        """Whether the day could not be made right.

        Every day from its change up to it was taken, or a later one was already, or the old half of its plan change is
        still billed on it.

        A change that is dated before a day on which the line was adjusted, and that comes only after that adjustment, would
        run over into that day. A customer's changes come no earlier than its mapping, and no earlier than its contract can be billed.
        """
        related = self._related(line)
        slack = (7 * 3600 if self.w.calls.taken else 150) * SECOND
        for variant in variants:
            for sub in subs:
                governing = self._governing(sub, day, variant)
                if governing is None:
                    continue
                since = governing.day
                if governing.cancel_at is not None and since < governing.cancel_at <= day:
                    since = governing.cancel_at
                since = max(since, self._moved_by(sub, day))
                if all(since + n * DAY in adjusted for n in range((day - since).days + 1)):
                    return True
                others = [
                    other
                    for other in related
                    if other != line and self.has(other, day) > (self.wants(other, day) or 0)
                ]
                if others and self.has(line, day) < (self.wants(line, day, variant) or 0):
                    return True
                sku = self._skus[line[1]]
                first = next((v.number for v in self.history[sub] if sku in v.items), 0)
                arrived = max(self._arrived_at.get((sub, number), 0) for number in (governing.number, first))
                arrived = max(arrived, self._mapped_at.get(governing.customer, 0), self.w.healed_at)
                if any(
                    on >= day and at < arrived + slack for other in related for on, at in self._when[other]
                ):
                    return True
        return False

    def _journal(self) -> None:
        """Promise I10: what the journal says landed is what landed."""
        told: dict[Line, Counter[tuple[date, int]]] = defaultdict(Counter)
        unclear: set[Line] = set()
        for change in self.w.store.changes():
            line = change.line.contract_id, change.line.service_id
            if change.outcome.value == "landed" and change.delta:
                told[line][change.day, change.delta] += 1
            elif change.outcome.value == "unclear":
                unclear.add(line)
        for line in {*told, *self._committed}:
            record = self._record(line)
            if line in unclear or (record is not None and record.intent is not None):
                continue
            truth, edits = Counter(self._committed[line]), Counter(self._edits[line])
            # An edit that equals our own adjustment cannot be distinguished from it, nor can several that come to as much. An adjustment that
            # a person took back or replaced before we could read it back, or that replaced an equal one of theirs, looks like one that never
            # landed.
            replaces = self.w.story.switches.get("same_day") == "override"
            unseen = {post for post in truth if self._undone(line, *post) or (replaces and post in edits)}
            unseen |= self._replaced[line]
            unknown = Counter({post: times for post, times in truth.items() if post not in unseen})
            too_many = [post for post in told[line] - truth - edits if not self._edited_by(line, *post)]
            if unknown - told[line] or too_many:
                self._broken(
                    "I10", f"the journal of {line} says {dict(told[line])}, Autotask has {dict(truth)}"
                )

    def _chains(self) -> None:
        """Promise I10: no entry of the journal is missing, and none has two successors."""
        for plan in self.w.story.contracts:
            found = journalled(self.w.store, plan.id)
            heads = {service_id: line.head for service_id, line in found.lines.items()} | {0: found.head}
            for service_id in {*heads, *found.journals}:
                broken = first_broken(found.journals.get(service_id, Journal()), heads.get(service_id))
                if broken is not None:
                    line = plan.id, service_id
                    self._broken("I10", f"the journal of {line} does not follow from its entry {broken - 1}")

    # --

    def _today(self) -> date:
        return local_day(self.w.scheduler.now, self.w.zone)

    def _broken(self, promise: str, words: str) -> None:
        self.violations.append(Violation(promise, words, self.w.clock.now()))
        if self.w.calls.told:
            self.w.say(f"!!! {promise}: {words}")


def _says(version: Said) -> tuple[Any, ...]:
    """All that bills, but for the day."""
    return sorted(version.items.items()), version.status, version.cancel_at, version.term_end


def _kept_as(event_id: str) -> str:
    """How the key of an event begins: its id, or a hash of one that has other than plain characters."""
    if re.fullmatch("[A-Za-z0-9_-]{1,100}", event_id):
        return event_id
    return sha256(event_id.encode()).hexdigest()


def _has_two(plans: Iterable[str], version: Said) -> bool:
    """Whether some seats have moved to another of these plans, and not all of them."""
    return sum(version.items.get(sku, 0) > 0 for sku in plans) > 1


def _is_told(record: Any, day: date, has: int, want: int) -> bool:
    """Whether people are told that a day which is taken stays as it is, and what it lacks is scheduled for the days after.

    What comes after that may fill an empty term.
    """
    if record is None:
        return False
    comes_to = accumulate((delta for on, delta in sorted(record.scheduled) if on > day), initial=has)
    return want in comes_to and any(
        one.first <= day < one.until and (one.autotask, one.wanted) == (has, want) for one in record.past_days
    )


def _exchanged(one: int, other: int) -> bool:
    """Whether about as many units went as came: the smaller number is at least half of the larger."""
    return one * other < 0 and max(abs(one), abs(other)) <= 2 * min(abs(one), abs(other))


def next_period(start: date, day: date) -> date:
    """The first day of the monthly period after the one that holds ``day``, for a contract from ``start``."""
    months = (day.year - start.year) * 12 + day.month - start.month
    while (first := _month_later(start, months)) <= day:
        months += 1
    return first


def _month_later(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def micros_of(milliseconds: int) -> int:
    """Autotask's instants as virtual time."""
    return milliseconds * 1000


Truth = Mapping[str, Any]
