"""A file of mappings: checked as a whole, shown as a whole, written in few calls and safe to give again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests import tenant
from tests.deployment import deployment_of
from tests.world import ADV, CONTRACT, CUSTOMER, ESS, GATEWAY, SCENARIO, World
from timus_autotask.cli.failure import problem_words
from timus_autotask.domain.mapping import Route, Routing
from timus_autotask.operate.files.tables import FileRefused
from timus_autotask.operate.mapping.choose import route_customer
from timus_autotask.operate.mapping.importing import Imported, import_mappings
from timus_autotask.operate.mapping.late import BillFrom
from timus_autotask.operate.mapping.suggest import suggest
from timus_autotask.operate.proposal import Proposal
from timus_autotask.operate.refusal import NotDone
from timus_autotask.ports.errors import TableUnavailable
from timus_autotask.ports.psa import ContractService

TODAY = date(2026, 3, 15)
HEAD = "customer_id,company_id,contract_id"


def proposed(world: World, data: str, **more: Any) -> Proposal[Imported]:
    """A file that Kim gives."""
    return import_mappings(deployment_of(world), "clients.csv", data.encode(), "kim", **more)


def problems(world: World, data: str, **more: Any) -> list[str]:
    """Why it is refused; nothing is written then."""
    before = world.table.documents()
    with pytest.raises(FileRefused) as refused:
        proposed(world, data, **more)
    assert world.table.documents() == before
    return [*map(problem_words, refused.value.problems)]


def routings(world: World, customer: str = CUSTOMER) -> tuple[Routing, ...]:
    """Where a customer's units go."""
    stored = world.ports.store.customer(customer).mapping
    return stored.value.routings if stored else ()


def forty(**more: int) -> str:
    """A file with forty clients, each with its own contract."""
    rows = [
        f"{tenant.customer(n)},{tenant.company(n)},{more.get(tenant.customer(n)) or tenant.contract(n)}"
        for n in range(tenant.CLIENTS)
    ]
    return "\n".join([HEAD, *rows])


def _scenario() -> dict[str, Any]:
    """Two thousand companies; each of the forty clients has ten seats on one line."""
    found = tenant.scenario()
    contracts = [{**one, "lines": one["lines"][:1]} for one in found["contracts"]]
    return {**found, "contracts": contracts}


def tenant_world() -> World:
    """Two thousand companies; Timus has reported forty customers with 12 seats each."""
    world = World(scenario=_scenario())
    for number in range(tenant.CLIENTS):
        world.tell(1, {ADV: 12}, customer=tenant.customer(number), subscription=f"sub_{number}")
    world.work()
    return world


def test_forty_clients_are_mapped_by_one_file_in_few_calls() -> None:
    """One proposal shows all of them, and is what is posted then."""
    world = tenant_world()
    world.ports.autotask().sign_in()
    before = world.ports.autotask().calls
    proposal = proposed(world, forty())
    assert world.ports.autotask().calls - before <= 8
    assert (proposal.preview.totals.contracts, proposal.preview.totals.units_up) == (40, 80)
    proposal.commit()
    assert world.ports.autotask().calls - before <= 8
    world.work()
    assert world.posted() == [(45, 2, "2026-03-15")] * 40
    again = proposed(world, forty())
    assert (again.result.changed, again.result.unchanged) == ((), 40)


def test_forty_late_clients_cost_a_few_calls_more() -> None:
    """Each choice of each of them is rehearsed on one read of Autotask."""
    world = World(scenario=_scenario())
    for number in range(tenant.CLIENTS):
        since = datetime(2026, 2, 1 + number % 28, tzinfo=UTC)
        world.tell(
            1, {ADV: 12}, customer=tenant.customer(number), subscription=f"sub_{number}", effective=since
        )
    world.work()
    world.ports.autotask().sign_in()
    before = world.ports.autotask().calls
    proposal = proposed(world, forty(), bill_from=BillFrom.TODAY)
    assert len(proposal.result.late) == tenant.CLIENTS
    proposal.commit()
    assert world.ports.autotask().calls - before <= 12
    world.work()
    assert world.posted() == [(45, 2, "2026-03-15")] * 40


def test_suggestions_and_the_file_that_follows_from_them_stay_within_thirty_calls() -> None:
    """The likeliest company of each client goes into a file, with every service that was found."""
    world = tenant.told(World(scenario=tenant.scenario()))
    world.ports.autotask().sign_in()
    before = world.ports.autotask().calls
    found = suggest(deployment_of(world))
    rows = [
        f"{one.customer},{one.offers[0].company_id},{one.offers[0].contract.id},,"
        for one in found.customers
        if one.offers and one.offers[0].contract
    ]
    rows += [f",,,{one.sku},{one.offers[0].service_id}" for one in found.skus if one.offers]
    assert len(rows) >= tenant.CLIENTS
    proposal = proposed(world, "\n".join([f"{HEAD},sku,service_id", *rows]))
    assert len(proposal.result.changed) + proposal.result.unchanged == len(rows)
    proposal.commit()
    assert world.ports.autotask().calls - before <= 30


def test_a_file_that_somebody_wrote_stays_within_thirty_calls_with_the_suggestions() -> None:
    """With clients, plans and what is ignored, all of them late: each service is asked for once, not once for each choice."""
    world = tenant.told(World(scenario=tenant.scenario(), live=False))
    rows = [
        f"{tenant.customer(number)},{tenant.company(number)},{tenant.contract(number)},,,"
        for number in range(tenant.CLIENTS)
        if number != tenant.NOBODY
    ]
    rows += [f",,,{sku},{45 + at}," for at, sku in enumerate((ADV, ESS, GATEWAY, tenant.FIREWALL))]
    rows += [
        f",,,{tenant.BACKUP},49,",
        f",,,{tenant.TRIAL},,free",
        f"{tenant.customer(tenant.NOBODY)},,,,,ours",
    ]
    world.ports.autotask().sign_in()
    before = world.ports.autotask().calls
    suggest(deployment_of(world))
    suggested = world.ports.autotask().calls - before
    assert suggested <= 9
    proposal = proposed(world, "\n".join([f"{HEAD},sku,service_id,ignored", *rows]))
    assert len(proposal.result.late) >= tenant.CLIENTS - 3
    proposal.commit()
    asked = Counter(one["path"].rpartition("v1.0/")[2] for one in world.control.requests())
    assert asked["Services/query"] <= 3
    assert world.ports.autotask().calls - before <= 21


def test_a_stack_that_observes_takes_a_file_and_writes_nothing_to_autotask() -> None:
    """The mappings are there; what they would post is for go-live."""
    world = tenant.told(World(scenario=_scenario(), live=False))
    proposed(world, forty(), bill_from=BillFrom.TODAY).commit()
    world.work()
    world.pass_time(minutes=1)
    assert routings(world, tenant.customer(0))
    assert world.transport.writes == []


def test_what_is_cut_off_is_taken_up_by_the_same_file() -> None:
    """Each transaction is whole, so the same file writes what is missing and nothing twice."""
    world = tenant_world()
    proposal = proposed(world, forty())
    write, writes = world.table.write, 0

    def fails(changes: Any) -> None:
        nonlocal writes
        writes += 1
        if writes > 1:
            raise TableUnavailable("cut off")
        write(changes)

    world.table.write = fails  # type: ignore[method-assign]
    with pytest.raises(TableUnavailable):
        proposal.commit()
    world.table.write = write  # type: ignore[method-assign]
    done = sum(bool(routings(world, tenant.customer(n))) for n in range(tenant.CLIENTS))
    assert 0 < done < tenant.CLIENTS
    again = proposed(world, forty())
    assert (len(again.result.changed), again.result.unchanged) == (tenant.CLIENTS - done, done)
    again.commit()
    world.pass_time(minutes=1)
    world.work()
    assert world.posted() == [(45, 2, "2026-03-15")] * 40


def test_every_problem_is_listed_and_nothing_is_written() -> None:
    """With what is right instead, if that can be seen."""
    world = World()
    world.control.person_edits_contract(29683950, {"status": 0})
    found = problems(
        world,
        "customer_id,customer_name,company_id,contract_id,sku,service_id\n"
        f"a,,600,29683950,,\nb,,601,29683950,,\nc,,600,1,,\nd,fabrikam,777,,,\n,,,,{ADV},9\n,,,,SASE-ADV-USR,45\n",
        share=True,
    )
    inactive = "Contract 29683950 Fabrikam SASE is inactive in Autotask; activate it there first"
    other = "Contract 29683950 Fabrikam SASE belongs to company 601, not to 600."
    strange = "is not known: Timus has not reported it, and no service in Autotask carries it"
    ours = f"company 600 has contract {CONTRACT} Contoso SASE (until 2026-12-31)"
    assert found == [
        f"row 2: contract_id cannot be used: {other} {inactive}; {ours}",
        f"row 3: contract_id cannot be used: {inactive}; company 601 has no other that can be used",
        f"row 4: contract_id is no contract of Autotask that the API user may see; {ours}",
        "row 5: company_id is no company of Autotask that the API user may see; by its name it is 601 Fabrikam",
        f"row 6: service_id is no service of Autotask that the API user may see; the SKU is carried by service 45 {ADV}",
        f"row 7: sku {strange}; did you mean SASE-ADV-USER or SASE-ESS-USER? If it is meant, and still to come: --unknown.",
    ]


def test_a_contract_that_ended_is_refused() -> None:
    """The preview would be empty, and the client would never be billed."""
    world = World()
    world.control.person_edits_contract(CONTRACT, {"endDate": "2026-02-28T00:00:00Z"})
    [found] = problems(world, f"{HEAD}\nc,600,{CONTRACT}\n")
    assert "has ended on 2026-02-28" in found


def test_what_is_right_is_taken_in_without_the_rest() -> None:
    """``--partial`` leaves out whole customers: a part of a customer's rows would send units elsewhere."""
    world = World()
    world.tell(1, {ADV: 28, GATEWAY: 1})
    world.work()
    data = f"{HEAD},sku\n{CUSTOMER},600,{CONTRACT},\nb,601,29683950,\nb,601,1,{GATEWAY}\n"
    assert len(problems(world, data)) == 1
    proposal = proposed(world, data, partial=True)
    assert proposal.result.customers == (CUSTOMER,)
    assert proposal.result.left_out == (("customer", "b"),)
    assert [(one.row, one.column) for one in proposal.result.problems] == [(4, "contract_id")]
    proposal.commit()
    assert routings(world)
    assert not routings(world, "b")


def test_nothing_right_is_refused_also_in_part() -> None:
    """There is nothing to show."""
    assert len(problems(World(), f"{HEAD}\nc,600,1\n", partial=True)) == 1


SHARED = f"{HEAD},share\n{CUSTOMER},600,{CONTRACT},{{}}\nother,600,{CONTRACT},{{}}\n"


def test_two_customers_on_one_contract_need_a_word_in_each_row() -> None:
    """Whether the other is in the file or in the table; ``--share`` says it for all."""
    world = World()
    found = problems(world, SHARED.format("", ""))
    assert [one[:46] for one in found] == [
        "row 2: contract_id is the contract of customer",
        "row 3: contract_id is the contract of customer",
    ]
    assert len(problems(world, SHARED.format("yes", ""))) == 1
    proposed(world, SHARED.format("yes", "yes")).commit()
    [third] = problems(world, f"{HEAD}\nthird,600,{CONTRACT}\n")
    assert f"customer {CUSTOMER}, customer other as well" in third
    assert len(proposed(world, f"{HEAD}\nthird,600,{CONTRACT}\n", share=True).result.changed) == 1
    assert proposed(world, SHARED.format("", "")).result.unchanged == 2


def test_a_contract_that_changes_hands_within_the_file_is_not_shared() -> None:
    """The one who leaves it and the one who comes are both in it."""
    world = World()
    proposed(world, f"{HEAD}\nold,600,{CONTRACT}\n").commit()
    swapped = f"{HEAD}\nold,601,29683950\nnew,600,{CONTRACT}\n"
    assert proposed(world, swapped).result.customers == ("old", "new")


def test_the_days_before_a_contract_changes_hands_are_the_other_ones() -> None:
    """The one who comes would be billed on them as well, unless a row says from which day."""
    world = World()
    world.tell(1, {ADV: 28}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n").commit()
    world.work()
    moved = f"{HEAD},first_day,bill_from\n{CUSTOMER},601,29683950,,\nnew,600,{CONTRACT},{{}}\n"
    words = (
        f"row 3: contract_id is the contract of customer {CUSTOMER} (Contoso Dental) until 2026-03-14 as well; if new is to be billed on it "
        "too, write yes into share; if only from a day on, write it into first_day. For all rows at once: --share."
    )
    for earlier in ("always,", ",", "2026-03-14,"):
        assert problems(world, moved.format(earlier)) == [words]
    for free in ("2026-03-15,", ",today"):
        assert proposed(world, moved.format(free)).result.customers == (CUSTOMER, "new")
    proposed(world, moved.format("2026-03-15,")).commit()
    gone = f"{HEAD},first_day\nb,600,{CONTRACT},always\nb,601,29683950,2026-03-01\n"
    assert "customer new" not in problems(world, gone)[0]
    assert len(problems(world, gone)) == 2


def test_an_id_that_is_a_known_one_but_for_a_slip_is_asked_about() -> None:
    """A customer may be mapped ahead; a slip of the pen would leave the right one unmapped."""
    world = World()
    world.tell(1, {ADV: 28}, customer="cus_B")
    world.work()
    rows = f"{HEAD}\ncus_b,601,29683950\nzzz,600,{CONTRACT}\n"
    assert problems(world, rows) == [
        "row 2: customer_id is not known: Timus has not reported it; did you mean cus_B? If it is meant, and still to come: --unknown."
    ]
    assert proposed(world, rows, unknown=True).result.customers == ("cus_b", "zzz")
    assert proposed(world, f"{HEAD}\nzzz,600,{CONTRACT}\n").result.customers == ("zzz",)


def test_names_that_do_not_match_are_one_question() -> None:
    """Timus's against Autotask's, and what the file calls them."""
    world = World()
    world.tell(1, {ADV: 28})
    world.work()
    rows = f"{CUSTOMER},601,29683950,,\nb,600,{CONTRACT},Contoso Dental GmbH,Fabrikam SASE\n"
    assert tuple(map(str, proposed(world, f"{HEAD},customer_name,contract_name\n{rows}").doubts)) == (
        "Timus calls customer cus_41d0 “Contoso Dental”, Autotask calls company 601 “Fabrikam”.",
        "Row 3 calls contract 29683949 “Fabrikam SASE”, Autotask calls it “Contoso SASE”.",
    )


def test_another_currency_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it is seen: prices of a line in the client's currency and in the partner's own."""
    contracts = [
        {**SCENARIO["contracts"][0], "lines": [{"id": 1, "serviceID": 45, "units": 1}]},
        {**SCENARIO["contracts"][0], "id": 7, "lines": [{"id": 2, "serviceID": 46, "units": 1}]},
    ]
    world = World(scenario={**SCENARIO, "contracts": contracts})
    assert proposed(world, f"{HEAD}\nc,600,7\n").result.customers == ("c",)
    autotask = world.ports.autotask()
    read = autotask.contract_services_of

    def foreign(ids: Iterable[int]) -> list[ContractService]:
        return [
            replace(line, internal_price=Decimal(9)) if line.contract_id == 7 else line for line in read(ids)
        ]

    monkeypatch.setattr(autotask, "contract_services_of", foreign)
    [found] = problems(world, f"{HEAD}\nc,600,7\n")
    assert "another currency" in found
    with pytest.raises(NotDone, match="another currency"):
        route_customer(deployment_of(world), "c", Route(600, 7), "kim")


def test_a_row_without_a_first_day_moves_what_is_billed_today() -> None:
    """As `map customer` does: the days before stay on the old contract."""
    world = World()
    world.tell(1, {ADV: 28}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n").commit()
    world.work()
    moved = proposed(world, f"{HEAD}\n{CUSTOMER},601,29683950\n")
    moved.commit()
    assert routings(world) == (
        Routing((Route(600, CONTRACT),)),
        Routing((Route(601, 29683950),), TODAY),
    )
    assert proposed(world, f"{HEAD}\n{CUSTOMER},601,29683950\n").result.unchanged == 1


def test_units_cannot_leave_before_they_came() -> None:
    """Nothing would take them off again, so the row is refused with the first day that can be."""
    world = World()
    world.tell(1, {ADV: 28}, effective=datetime(2026, 3, 10, tzinfo=UTC))
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n").commit()
    world.work()
    for day in ("always", "2026-03-09"):
        [found] = problems(world, f"{HEAD},first_day\n{CUSTOMER},601,29683950,{day}\n")
        assert found.startswith(
            "row 2: first_day is too early. Units are billed elsewhere already, so they can move from 2026-03-10"
        )
    assert proposed(world, f"{HEAD},first_day\n{CUSTOMER},601,29683950,2026-03-10\n").result.customers


def test_a_service_is_changed_as_map_plan_does() -> None:
    """From the next free day where units are billed, for everybody or for one; a SKU that was matched becomes a choice."""
    world = World()
    world.tell(1, {ADV: 28})
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n").commit()
    world.work()  # so today is taken
    assert proposed(world, f"sku,service_id\n{ADV},45\n").result.unchanged == 1
    proposed(world, f"sku,service_id,family\n{ADV},46,sase\n").commit()
    plan = world.ports.store.partner().plans[ADV].value
    assert [(one.service_id, one.first_day) for one in plan.choices] == [
        (45, None),
        (46, TODAY + timedelta(days=1)),
    ]
    assert (plan.matched, plan.family) == (False, "sase")
    proposed(world, f"customer_id,sku,service_id\n{CUSTOMER},{ADV},47\n").commit()
    stored = world.ports.store.customer(CUSTOMER).mapping
    assert stored is not None
    assert [(one.service_id, one.first_day) for one in stored.value.services[ADV]] == [
        (47, TODAY + timedelta(days=1))
    ]


def test_a_choice_of_another_service_keeps_the_family() -> None:
    """`map plan` says nothing of families, so it changes none."""
    world = World()
    proposed(world, f"sku,service_id,family\n{ESS},46,sase\n").commit()
    proposed(world, f"sku,service_id,first_day\n{ESS},47,2026-04-01\n").commit()
    assert world.ports.store.partner().plans[ESS].value.family == "sase"


def test_a_family_wakes_whom_it_concerns() -> None:
    """Also while nobody knows which service the SKU is: seats of another plan may move to it."""
    world = World()
    world.map_customer()
    world.tell(1, {"POC": 3, GATEWAY: 1})
    world.work()
    before = world.ports.store.contract_state(CONTRACT).value.generation
    proposed(world, "sku,family\nPOC,plans\n").commit()
    assert world.ports.store.contract_state(CONTRACT).value.generation > before


def test_each_customer_has_a_decision_of_its_own() -> None:
    """`changes --customer` says who has mapped it, to what, and from which file."""
    world = World()
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\nb,601,29683950\n").commit()
    found = [(one.kind, one.by, one.customers, one.detail) for one in world.ports.store.decisions()]
    assert sorted(found) == [
        (
            "map import",
            "kim",
            (customer,),
            f"to contract {contract} of company {company} from the beginning (clients.csv)",
        )
        for customer, company, contract in (("b", 601, 29683950), (CUSTOMER, 600, CONTRACT))
    ]


def test_a_planned_move_survives_the_same_file_given_again() -> None:
    """A row without a first day says what holds today; it takes nothing back that is to come."""
    world = World()
    file = f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n"
    proposed(world, file).commit()
    proposed(world, f"{HEAD},first_day\n{CUSTOMER},601,29683950,2026-04-01\n").commit()
    assert proposed(world, file).result.unchanged == 1
    assert [one.first_day for one in routings(world)] == [None, date(2026, 4, 1)]


def test_it_can_be_written_without_asking_autotask() -> None:
    """Only on purpose; nothing of it can be shown then."""
    world = World()
    world.secrets.replace_credentials(None)
    proposal = proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n", unchecked=True)
    assert proposal.not_shown
    proposal.commit()
    assert routings(world)


def test_a_file_that_changes_nothing_asks_nobody() -> None:
    """Not Autotask either."""
    world = World()
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n").commit()
    deployment = deployment_of(world)

    def never() -> Any:
        raise AssertionError("Autotask was asked")

    deployment = replace(deployment, ports=replace(deployment.ports, autotask=never))
    data = f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n".encode()
    assert import_mappings(deployment, "m", data, "kim").result.unchanged == 1


def test_what_is_not_billed_says_why() -> None:
    """With who said so and when; a contract ends it, and what is billed cannot be set aside."""
    world = World()
    file = "customer_id,ignored\nlab,our own\n"
    proposed(world, file).commit()
    stored = world.ports.store.customer("lab").mapping
    assert stored is not None
    assert stored.value.ignored is not None
    assert (stored.value.ignored.reason, stored.value.ignored.by) == ("our own", "kim")
    world.pass_time(days=1)
    assert proposed(world, file).result.unchanged == 1
    proposed(world, f"{HEAD}\nlab,600,{CONTRACT}\n").commit()
    assert problems(world, file) == ["row 2: ignored is only for what has no contract and no service"]
    proposed(world, "sku,ignored\nNFR,not for resale\n", unknown=True).commit()
    assert world.ports.store.partner().plans["NFR"].value.ignored is not None
    proposed(world, "sku,service_id\nNFR,46\n", unknown=True).commit()
    assert world.ports.store.partner().plans["NFR"].value.ignored is None


def test_a_company_alone_does_not_move_a_customer_who_has_a_contract() -> None:
    """It would change nothing, so the row is refused; the company of the contract itself is nothing new."""
    world = World()
    proposed(world, f"{HEAD}\n{CUSTOMER},600,{CONTRACT}\n").commit()
    [found] = problems(world, f"customer_id,company_id\n{CUSTOMER},601\n")
    assert found.startswith(
        f"row 2: company_id changes nothing: the customer is mapped to contract {CONTRACT} already."
    )
    assert proposed(world, f"customer_id,company_id\n{CUSTOMER},600\n").result.unchanged == 1
