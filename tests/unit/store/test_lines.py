"""What is stored of a line: all that it says, and not a byte more than that takes."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.memory_table import MemoryTable
from timus_autotask.domain.history import Cause
from timus_autotask.domain.line import (
    Answer,
    Approved,
    Choice,
    Head,
    HeldChange,
    Intent,
    Line,
    Refusal,
    Rejection,
    State,
    Undone,
    Why,
)
from timus_autotask.domain.mapping import LineKey
from timus_autotask.domain.past_days import PastDays, Postponed, WhyPast
from timus_autotask.domain.price import PriceChange
from timus_autotask.domain.reasons import Parked
from timus_autotask.domain.timeline import Timeline
from timus_autotask.store.codec import Codec
from timus_autotask.store.contracts import ContractState, put_contract_state
from timus_autotask.store.lines import line_in, put_line
from timus_autotask.store.records import Store
from timus_autotask.store.sizes import size_of_write

NOON, DAY = datetime(2026, 7, 14, 12, tzinfo=UTC), date(2026, 7, 14)
SUBSCRIPTION = "5f2b6d0e-8c1f-4e0f-9d3a-0b6c7a1d2e3f"
UNITS = Timeline.of([(date(2026, 1, 1), 25), (date(2026, 3, 15), 28)])
FEWER = Timeline.of([(date(2026, 1, 1), 25)])
OTHER = LineKey(7, 8)
PRICE = PriceChange("12.50", None)
CAUSE = Cause(
    SUBSCRIPTION, 7, DAY, "evt_2KWPBgLlAfxdpJ2AI54pPJ85f4W", NOON, NOON, "jane.doe@contoso.com", "cus_41d0", "SASE-ADV-USER", 28, 31
)  # fmt: skip
REJECTION = Rejection(DAY, 3, "pat", NOON, "no", {SUBSCRIPTION: 7}, PRICE)
HELD = HeldChange(DAY, 3, PRICE, 4, {SUBSCRIPTION: 7}, REJECTION)
POSTPONED = Postponed(DAY, WhyPast.EDITED)

INTENT = Intent(
    "i", DAY, 3, UNITS, NOON, NOON, Answer.REFUSED, "words", day_taken=True, events=(CAUSE.event_id,), versions={SUBSCRIPTION: 7},
    price="12.50", price_before="11.00", linked=(OTHER,), until=DAY, postponed=POSTPONED, why=Why.TERMS, by="pat", terms=("drift=park",),
    causes=(CAUSE,), undoes="c1",
)  # fmt: skip
LINE = Line(
    1, 45, baseline=UNITS, intent=INTENT, adjusted=(DAY,), taken=(DAY,), offset=FEWER, by_hand=FEWER, left_billed=FEWER, versions={SUBSCRIPTION: 6},
    refusal=Refusal(DAY, 3, "words", NOON, 2, NOON), choice=Choice.ADOPT, approved=(Approved(DAY, 3, "pat", PRICE, {SUBSCRIPTION: 7}),),
    contract_service_id=1201, price="12.50", baseline_until=DAY, awaiting=HELD, rejections=(REJECTION,), awaiting_causes=(CAUSE,),
    observed=FEWER, last_change=NOON, enforcing=True, head=Head(4, "f" * 64), found=FEWER,
    undone=(Undone("u", "c1", DAY, -3, 31, 28, "pat", NOON, "no", {SUBSCRIPTION: 7}, (OTHER,), "c2", DAY),), state=State.PARKED,
    parked=Parked("refused", {"held": 3}), set_aside=(HELD,), since=NOON, desired=UNITS, scheduled=((DAY, 3),), scheduled_price=PRICE,
    linked=((DAY, OTHER),), sources=(("cus_41d0", "SASE-ADV-USER"),), waits_for_more=NOON,
    past_days=(PastDays(DAY, DAY, 1, 2, WhyPast.EDITED),), seen_at=NOON,
)  # fmt: skip


def some_of(record: Any) -> st.SearchStrategy[Any]:
    """The record with its default in any of the fields that have one."""
    defaults: dict[str, Any] = {}
    for each in fields(record):
        if each.default_factory is not MISSING:
            defaults[each.name] = each.default_factory()
        elif each.default is not MISSING:
            defaults[each.name] = each.default
    names = st.sets(st.sampled_from(sorted(defaults)))
    return names.map(lambda chosen: replace(record, **{name: defaults[name] for name in chosen}))


@given(line=some_of(LINE), intent=some_of(INTENT), before=st.sampled_from([UNITS, FEWER]))
def test_every_line_comes_back_as_it_was_stored(line: Line, intent: Intent, before: Timeline) -> None:
    """Whatever of it is empty, has its default, or says again what stands beside it."""
    for one in (line, replace(line, intent=replace(intent, before=before))):
        table = MemoryTable()
        table.write([put_line(one, 0)])
        [listed] = Store(table).lines()
        assert listed == one == Store(table).contract(one.contract_id).lines[one.service_id].value


class CountedReads(dict[str, Any]):
    """Stored data that counts how often its number is read."""

    reads = 0

    def __getitem__(self, name: str) -> Any:
        self.reads += name == "number"
        return super().__getitem__(name)


def test_the_causes_of_an_intent_are_read_once() -> None:
    """There may be fifty of them; what the intent leaves out follows from what was read."""
    data = {**put_line(usual_line(), 0).data}
    causes = [CountedReads(one) for one in data["intent"]["causes"]]
    assert line_in({**data, "intent": {**data["intent"], "causes": causes}}) == usual_line()
    assert [one.reads for one in causes] == [1]


def test_an_earlier_versions_whole_record_is_read_as_before() -> None:
    """It stored each field, also those with their defaults."""
    line = usual_line()
    assert line.intent is not None
    table = MemoryTable()
    put = put_line(line, 0)
    whole = Codec(
        Line,
        {
            "baseline": "left",
            "awaiting_causes": "news",
            "intent.message": "words",
            "refusal.message": "words",
        },
        whole=True,
    ).dump(line)
    assert {"contract_id", "linked", "choice"} <= set(whole)
    table.write([replace(put, data=whole)])
    assert Store(table).contract(line.contract_id).lines[line.service_id].value == line


def usual_line() -> Line:
    """A line whose seats were changed before, and are being changed, with ids as long as those of most senders."""
    intent = Intent(
        "753a1e58f648fdf4",
        DAY,
        3,
        UNITS,
        NOON,
        NOON,
        events=(CAUSE.event_id,),
        versions={SUBSCRIPTION: 7},
        until=date(2026, 12, 31),
        causes=(CAUSE,),
    )
    return Line(
        29683949, 45, baseline=UNITS, intent=intent, adjusted=(date(2026, 3, 15),), versions={SUBSCRIPTION: 6}, contract_service_id=1201,
        baseline_until=date(2026, 12, 31), last_change=NOON, head=Head(4, "f" * 64), since=NOON,
        desired=Timeline.of([(date(2026, 3, 15), 28), (DAY, 31)]), scheduled=((DAY, 3),), sources=(("cus_41d0", "SASE-ADV-USER"),),
        seen_at=NOON,
    )  # fmt: skip


def test_a_line_under_way_takes_a_kilobyte() -> None:
    """A write of it is one unit, and two in a transaction."""
    assert size_of_write(put_line(usual_line(), 1)) <= 1024


def test_a_contracts_state_takes_less_than_half_of_one() -> None:
    """It is written at each step of a worker."""
    state = ContractState(29683949, 9, 8, NOON, "f71e21a7b8582603", NOON, ("cus_41d0",), since=NOON)
    assert size_of_write(put_contract_state(state, 1, NOON)) <= 400
