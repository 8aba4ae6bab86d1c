"""The state of alignment, in the fixed form that programs rely on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.autotask.faults import Fault
from tests.unit.cli.desk import Desk
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY
from timus_autotask.ports.table import Key, Put

FIXED = (
    "customer",
    "sku",
    "contract_id",
    "service_id",
    "timus_quantity",
    "autotask_units",
    "state",
    "reason",
)


def lines(desk: Desk, *words: str) -> list[dict[str, Any]]:
    """The lines, with the keys that are fixed."""
    return [{key: line[key] for key in FIXED} for line in desk.ask("status", *words)["lines"]]


def states(desk: Desk) -> dict[str, str]:
    """State by SKU."""
    return {line["sku"]: line["state"] for line in lines(desk)}


def test_an_applied_line_in_the_fixed_form(desk: Desk) -> None:
    """The keys and types that others rely on."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    assert lines(desk) == [
        {
            "customer": CUSTOMER,
            "sku": ADV,
            "contract_id": CONTRACT,
            "service_id": 45,
            "timus_quantity": 28,
            "autotask_units": 28,
            "state": "applied",
            "reason": None,
        }
    ]
    assert desk.ask("status")["at_rest"] is True


def test_nothing_yet(desk: Desk) -> None:
    """Before Timus told anything there are no lines, and everything is at rest."""
    assert desk.ask("status") == {
        "lines": [],
        "unmapped": {"customers": [], "skus": []},
        "ignored": {"customers": [], "skus": []},
        "at_rest": True,
        "waits_for_person": False,
        "outstanding": [],
        "troubles": [],
        "unreadable": [],
        "stage": {"live": True, "since": None, "by": None, "customers": {}},
        "paused": [],
        "events": [],
        "openings": [],
        "autotask_away": None,
        "dead_letters": 0,
        "compared": {"finished": None, "stopped": None, "found": {}},
    }
    assert "No lines" in desk.told("status")


def test_no_line_that_was_asked_for(desk: Desk) -> None:
    """A customer or a contract that has no line is not taken for a Timus that says nothing."""
    desk.world.tell(7, {ADV: 28})
    desk.world.map_customer("cus_2", 601, 29683950)
    desk.world.work()
    for filters in (("--customer", "cus_2"), ("--contract", "29683950")):
        assert "No such lines; all of them: timus-autotask status" in desk.told("status", *filters)


def test_an_unmapped_quantity_is_a_parked_line_and_at_rest(desk: Desk) -> None:
    """It has no contract and no service, a reason in words, and the command that mends it."""
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    said = desk.ask("status")
    assert said["at_rest"] is True
    assert lines(desk) == [
        {
            "customer": CUSTOMER,
            "sku": ADV,
            "contract_id": None,
            "service_id": None,
            "timus_quantity": 28,
            "autotask_units": None,
            "state": "parked",
            "reason": "Customer cus_41d0 has no Autotask company and contract yet.",
        }
    ]
    said = desk.told("status")
    assert CUSTOMER in said
    assert "→ timus-autotask map review" in said, "one command for all of them"


def test_a_delivery_that_nobody_has_looked_at_is_not_at_rest(desk: Desk) -> None:
    """Neither while its wake-up is queued nor when that was lost."""
    desk.world.map_customer()
    desk.world.work()
    desk.world.tell(7, {ADV: 28})
    assert desk.ask("status")["at_rest"] is False
    for message in desk.world.queue.receive(10):
        assert desk.ask("status")["at_rest"] is False, "a wake-up in flight is under way"
        desk.world.queue.delete(message.receipt)
    said = desk.ask("status")
    assert said["at_rest"] is False
    assert said["outstanding"] == ["1 event not merged yet"]


def test_a_change_of_a_later_day_is_scheduled_and_at_rest(desk: Desk) -> None:
    """Timus's quantity of today is the old one until then."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25})
    desk.world.work()
    desk.world.tell(8, {ADV: 25}, cancel_at=date(2026, 4, 1))
    desk.world.work()
    said = desk.ask("status")
    assert said["at_rest"] is True
    [line] = said["lines"]
    assert (line["state"], line["timus_quantity"], line["autotask_units"]) == ("scheduled", 25, 25)
    assert line["scheduled"] == [{"day": "2026-04-01", "unit_change": -25}]
    assert "-25 on 2026-04-01" in desk.told("status")
    desk.world.clock.advance_to(desk.world.start.replace(month=4, day=1))
    assert states(desk) == {ADV: "pending"}
    assert desk.ask("status")["at_rest"] is False


def test_an_unknown_outcome_is_settling(desk: Desk) -> None:
    """Its units are those before it until a read has settled it."""
    desk.world.map_customer()
    desk.world.api.faults.add(Fault("timeout_after", entity="ContractServiceAdjustments"))
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    said = desk.ask("status")
    [line] = said["lines"]
    assert (line["state"], line["autotask_units"]) == ("settling", 25)
    assert "outcome is not known yet" in line["reason"]
    assert said["at_rest"] is False
    desk.world.pass_time(minutes=20)
    assert lines(desk)[0]["autotask_units"] == 28
    assert desk.ask("status")["at_rest"] is True


def test_autotask_out_of_reach_is_shown_on_top_and_as_the_reason(desk: Desk) -> None:
    """What waits for it is pending, and not at rest."""
    desk.world.map_customer()
    desk.world.api.faults.add(Fault("not_sent", times=None))
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    said = desk.ask("status")
    assert said["at_rest"] is False
    [line] = said["lines"]
    assert line["state"] == "pending"
    assert "no answer from Autotask" in line["reason"]
    assert said["autotask_away"]["credentials_refused"] is False
    assert desk.told("status").startswith("Autotask is not asked before")
    desk.world.api.faults.clear()
    desk.world.pass_time(minutes=2)
    assert desk.ask("status")["at_rest"] is True


def test_refused_credentials_name_the_remedy(desk: Desk) -> None:
    """Autotask is not asked any more, and the command that mends it is on top."""
    desk.world.map_customer()
    desk.world.api.faults.add(Fault("unauthorized", times=None))
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    assert desk.ask("status")["autotask_away"]["credentials_refused"] is True
    assert "→ timus-autotask credentials set" in desk.told("status")


def test_other_credentials_that_were_stored_end_the_advice(desk: Desk) -> None:
    """Whoever reads the refusal for five minutes more would set them again, and again. Then nothing is left of it."""
    desk.world.map_customer()
    desk.world.api.faults.add(Fault("unauthorized", times=None))
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    desk.world.api.faults.clear()
    desk.world.pass_time(minutes=1)
    given = ("--username", "new@msp.example", "--secret", "hush", "--integration-code", "CODE")
    desk.told("credentials", "set", *given)
    for _ in range(2):
        said = desk.ask("status")
        away = said["autotask_away"]
        assert away["credentials_refused"] is False
        assert away["reason"] == (
            "Other credentials were stored at 09:13 UTC. They are tried from 09:17 UTC on, automatically."
        )
        assert [line["reason"] for line in said["lines"]] == [away["reason"]]
        words = desk.told("status")
        assert words.startswith("Autotask is not asked before 2026-03-15 09:17:")
        assert "credentials set" not in words
        assert "accept the API user" not in words
        found = {one["name"]: one for one in desk.run("doctor", "--json").json["checks"]}
        assert found["API user"]["verdict"] == "ok"
        assert (
            "workers go on at 09:17 UTC: Other credentials were stored at 09:13 UTC"
            in found["API user"]["found"]
        )
        assert desk.ask("credentials", "set", *given)["resumes_at"] == away["until"], (
            "stored twice, and told twice"
        )
    desk.world.pass_time(minutes=5)
    assert desk.ask("status")["autotask_away"] is None
    assert desk.ask("status")["at_rest"] is True


def test_an_api_user_who_is_let_in_again_ends_the_refusal(desk: Desk) -> None:
    """Somebody unlocked it in Autotask: no line names the refusal from then on."""
    desk.world.map_customer()
    desk.world.api.faults.add(Fault("unauthorized", times=None))
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    desk.world.api.faults.clear()
    desk.run("setup", "--try-again", "--yes", "--no-test-event")
    said = desk.ask("status")
    assert said["autotask_away"] is None
    assert [line["reason"] for line in said["lines"]] == [
        "Autotask lets the API user in again since 09:12 UTC. What waited goes on within a minute, automatically."
    ]


def test_drift_shows_what_autotask_really_holds(desk: Desk) -> None:
    """Not what we left there."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    desk.world.clock.advance(900)  # so soon after our own change, a read may be stale
    desk.world.control.person_adjusts(1201, date(2026, 3, 14).toordinal(), 2)
    desk.world.tell(8, {ADV: 29})
    desk.world.work()
    [line] = desk.ask("status")["lines"]
    assert (line["state"], line["reason_code"], line["autotask_units"]) == ("parked", "drift", 30)
    assert (
        line["remedy"]
        == "To have what Timus says from its own day on (units that are changed back by hand have it only from that day on): "
        f"timus-autotask drift {CONTRACT} 45 --enforce, or: timus-autotask drift {CONTRACT} 45 --adopt"
    )


def test_an_event_that_is_not_understood_is_listed(desk: Desk) -> None:
    """Parked events stand below the lines, and do not prevent rest."""
    desk.world.tell(7, {ADV: -1})
    desk.world.work()
    said = desk.ask("status")
    assert [event["reason_code"] for event in said["events"]] == ["not-understood"]
    assert said["at_rest"] is True
    assert "Events that a person has to look at" in desk.told("status")


def test_lines_can_be_chosen(desk: Desk) -> None:
    """By customer and by contract; whether everything is at rest is told of everything."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25})
    desk.world.tell(1, {ESS: 3}, customer="cus_2", subscription="sub_2")
    desk.world.work()
    assert {line["customer"] for line in lines(desk)} == {CUSTOMER, "cus_2"}
    assert [line["customer"] for line in lines(desk, "--customer", "cus_2")] == ["cus_2"]
    assert [line["customer"] for line in lines(desk, "--contract", str(CONTRACT))] == [CUSTOMER]


def test_two_subscriptions_of_one_customer_are_one_line(desk: Desk) -> None:
    """Their quantities are added."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 20})
    desk.world.tell(1, {ADV: 9}, subscription="sub_2")
    desk.world.work()
    [line] = lines(desk)
    assert (line["timus_quantity"], line["autotask_units"], line["state"]) == (29, 29, "applied")


def test_a_line_that_was_left_has_no_quantity(desk: Desk) -> None:
    """After a move, Timus's quantity stands with the new line only."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25})
    desk.world.work()
    desk.ask("map", "customer", CUSTOMER, "--company", "601", "--contract", "29683950", "--yes")
    desk.world.work()
    assert {
        line["contract_id"]: (line["timus_quantity"], line["autotask_units"]) for line in lines(desk)
    } == {
        CONTRACT: (0, 0),
        29683950: (25, 25),
    }


def test_a_contract_that_is_over_bills_nothing(desk: Desk) -> None:
    """What was on its line until its last day needs no explanation for ever; both are level at nothing."""
    world = desk.world
    world.map_customer()
    world.tell(8, {ADV: 28, GATEWAY: 1}, status="canceled", cancel_at=date(2027, 1, 1))
    world.work()
    assert [(line["timus_quantity"], line["autotask_units"]) for line in lines(desk)] == [(28, 28), (1, 1)]
    world.pass_time(days=292)
    found = desk.ask("status")["lines"]
    assert {(line["timus_quantity"], line["autotask_units"], line["explanation"]) for line in found} == {
        (0, 0, None)
    }
    assert "with something to know" not in desk.told("status")


def ends_early(desk: Desk, observing: bool) -> None:
    """A contract with 25 seats, live or observed, whose end somebody moves to 20 March; a worker has seen it."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25})
    desk.world.work()
    if observing:
        desk.ask("observe", "--yes")
    desk.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    desk.ask("retry", str(CONTRACT))
    desk.world.work()


@pytest.mark.parametrize("observing", [False, True])
def test_a_contract_that_ended_early_has_nothing(desk: Desk, observing: bool) -> None:
    """Neither once a worker has looked, nor while it only observes; what a preview sets beside it is the same."""
    ends_early(desk, observing)
    assert [line["autotask_units"] for line in lines(desk)] == [25]
    desk.world.pass_time(days=10)
    assert [line["autotask_units"] for line in lines(desk)] == [0]
    [contract] = desk.ask("retry", str(CONTRACT), "--dry-run")["preview"]
    assert [line["autotask_units"] for line in contract["lines"]] == [0]


@pytest.mark.parametrize(("observing", "state"), [(False, "parked"), (True, "observing")])
def test_a_contract_that_has_ended_with_seats_is_said_before_a_worker_comes(
    desk: Desk, observing: bool, state: str
) -> None:
    """Its last day is known, so status says the day after it what the worker will say."""
    ends_early(desk, observing)
    assert not any(line["reason_code"] for line in desk.ask("status")["lines"])
    desk.world.clock.advance(6 * 86400)

    def said() -> list[tuple[str, str, str, str]]:
        return [
            (one["state"], one["reason_code"], one["reason"], one["remedy"])
            for one in desk.ask("status")["lines"]
        ]

    before = said()
    assert [one[:2] for one in before] == [(state, "contract-ended")]
    assert "ends on 2026-03-20, with 25 units to be billed after it" in before[0][2]
    desk.world.sweep()
    desk.world.work()
    assert said() == before


def test_a_contract_that_has_ended_without_seats_says_nothing(desk: Desk) -> None:
    """Neither does one whose seats are gone from that day on, nor one on whose last day it is."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 25}, status="canceled", cancel_at=date(2026, 3, 21))
    desk.world.control.person_edits_contract(CONTRACT, {"endDate": "2026-03-20"})
    desk.world.work()
    for days in (5, 1):
        desk.world.clock.advance(days * 86400)
        assert [line["reason_code"] for line in desk.ask("status")["lines"]] == [None]


def test_dead_letters_are_shown(desk: Desk) -> None:
    """Wake-ups that failed for good stand on top."""
    desk.dead_letters.send(CUSTOMER, "dead")
    assert desk.ask("status")["dead_letters"] == 1
    assert "1 wake-ups failed for good" in desk.told("status")


def test_a_pause_is_shown_with_who_began_it(desk: Desk) -> None:
    """For everybody and for one customer, with the command that ends it, also when nothing waits."""
    desk.world.map_customer()
    desk.world.tell(7, {ADV: 28})
    desk.world.work()
    desk.ask("pause", "--customer", CUSTOMER, "--by", "kim")
    desk.ask("pause", "--by", "pat")
    desk.world.work()
    at = "2026-03-15T09:12:44+00:00"
    assert desk.ask("status")["paused"] == [
        {"customer": None, "by": "pat", "at": at},
        {"customer": CUSTOMER, "by": "kim", "at": at},
    ]
    words = desk.told("status")
    assert f"Changes are paused for {CUSTOMER} since 2026-03-15 09:12:44 UTC by kim." in words
    assert f"→ timus-autotask resume --customer {CUSTOMER}" in words
    assert "Changes are paused for everybody since 2026-03-15 09:12:44 UTC by pat." in words
    desk.ask("resume")
    desk.ask("resume", "--customer", CUSTOMER)
    assert desk.ask("status")["paused"] == []


@pytest.mark.parametrize(
    ("key", "data"),
    [
        (Key(f"CUSTOMER#{CUSTOMER}", "MAPPING"), {"customer_id": CUSTOMER, "routings": "soon"}),
        (Key("CUSTOMER#cus_2", "SUBSCRIPTION#sub_2"), {"id": "sub_2"}),
        (Key("CUSTOMER#cus_2", "POLICY"), {"values": {"of_a_newer_version": 1}}),
        (Key("PARTNER", "POLICY"), {"values": {"of_a_newer_version": 1}}),
        (Key(f"CONTRACT#{CONTRACT}", "LINE#46"), {"contract_id": "many"}),
        (Key("OPENING#timus-x", "OPENING"), {}),
        (Key("CUSTOMER#cus_2", "EVENT#evt"), {"key": "evt"}),
    ],
    ids=lambda value: "/".join(value) if isinstance(value, Key) else "",
)
def test_a_record_that_cannot_be_read_is_shown(desk: Desk, key: Key, data: dict[str, Any]) -> None:
    """Everything else is shown too. Other commands that need it say which it is, without a traceback."""
    kinds = {"MAPPING": "mapping", "POLICY": "policy", "OPENING": "opening"}
    kind = kinds.get(key.sk) or {"S": "subscription", "L": "line", "E": "parked-event"}[key.sk[0]]
    desk.world.map_customer()
    desk.world.map_customer("cus_b", company=601, contract=29683950)
    desk.world.tell(1, {ADV: 3}, customer="cus_b", subscription="sub_b")
    desk.world.work()
    known = desk.world.table.get(key)
    due = (
        int(desk.world.clock.now().timestamp()) + 60 if kind == "opening" else None
    )  # as long as it is there
    desk.world.table.write([Put(key, data, known.rev if known else 0, due_at=due, kind=kind, sort="x")])
    said = desk.ask("status")
    assert [one["record"] for one in said["unreadable"]] == ["/".join(key)]
    assert ("cus_b", 3) in [(line["customer"], line["autotask_units"]) for line in said["lines"]]
    assert f"The record {'/'.join(key)} cannot be read" in desk.told("status")
    for words in (("map", "list"), ("events",), ("minimum",), ("policy", "set", "drift=adopt", "--yes")):
        assert "Traceback" not in desk.run(*words).err


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(0, 6), st.integers(-3, 40)),
        st.tuples(st.just("late"), st.integers(0, 6), st.integers(1, 40)),
        st.tuples(
            st.sampled_from(["map", "work", "sweep", "hour", "lose", "person", "pause", "resume"]),
            st.just(0),
            st.just(0),
        ),
        st.tuples(
            st.sampled_from(["not_sent", "timeout_after", "timeout_before", "json_500", "throttle_429"]),
            st.integers(0, 1),
            st.just(0),
        ),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_at_rest_means_that_nothing_more_happens_by_itself(acts: list[tuple[str, int, int]]) -> None:
    """At rest: delivering what is queued and doing what is due changes no line and posts nothing.

    And whatever was done, with Autotask in reach everything comes to rest.
    """
    desk = Desk()
    for act, first, second in acts:
        _do(desk, act, first, second)
        _rest_means_rest(desk)
    desk.world.api.faults.clear()
    for _ in range(6):
        desk.world.work()
        desk.world.pass_time(minutes=20)
    desk.world.work()
    said = desk.ask("status")
    assert said["at_rest"] is True, said["outstanding"]
    for line in said["lines"]:
        assert line["state"] in ("applied", "scheduled", "parked")
        if line["state"] == "applied":
            assert line["autotask_units"] == line["wanted_units"]


def _do(desk: Desk, act: str, first: int, second: int) -> None:
    world = desk.world
    match act:
        case "tell":
            world.tell(first + 1, {ADV: second, GATEWAY: 1}, event_id=f"evt-{first}-{second}")
        case "late":
            day = world.clock.now().replace(month=5, day=second % 28 + 1)
            world.tell(first + 1, {ADV: second, "POC": 1}, effective=day, event_id=f"late-{first}-{second}")
        case "map":
            desk.run(
                "map", "customer", CUSTOMER, "--company", "600", "--contract", str(CONTRACT), "--unchecked"
            )
        case "work":
            world.work()
        case "sweep":
            world.sweep()
        case "hour":
            world.clock.advance(3600)
        case "lose":
            for message in world.queue.receive(10):
                world.queue.delete(message.receipt)
        case "person":
            world.control.person_adjusts(1201, date(2026, 3, 14).toordinal(), 1)
        case "pause" | "resume":
            desk.run(act)
        case kind:
            entity = "*" if first else "ContractServiceAdjustments"
            world.api.faults.add(Fault(kind, entity=entity, times=1))


def _rest_means_rest(desk: Desk) -> None:
    before = desk.ask("status")
    if not before["at_rest"]:
        return
    posted = desk.world.posted()
    desk.world.work()
    desk.world.sweep()
    after = desk.ask("status")
    assert desk.world.posted() == posted
    assert after == before
