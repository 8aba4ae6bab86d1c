"""What forty unmapped customers and six SKUs may be, in how few calls; and what may be taken in without a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import tenant
from tests.deployment import deployment_of
from tests.tenant import BACKUP, FIREWALL, TRIAL
from tests.world import ADV, COMPANY, CONTRACT, CUSTOMER, ESS, GATEWAY, World
from timus_autotask.domain.mapping import CustomerMapping
from timus_autotask.operate.mapping.accept import Chosen, accept, exact
from timus_autotask.operate.mapping.catalogue import Catalogue
from timus_autotask.operate.mapping.ignoring import ignore
from timus_autotask.operate.mapping.matching import Basis
from timus_autotask.operate.mapping.suggest import CustomerSuggested, Suggestions, suggest
from timus_autotask.operate.refusal import NotDone
from timus_autotask.store.customers import put_mapping
from timus_autotask.store.keys import mapping_key
from timus_autotask.store.terms import put_terms


@pytest.fixture(scope="module")
def seen() -> tuple[Suggestions, int]:
    """The suggestions of a whole tenant, with the calls that they took."""
    world = tenant.told(World(scenario=tenant.scenario()))
    before = world.ports.autotask().calls
    found = suggest(deployment_of(world))
    return found, world.ports.autotask().calls - before


def of(found: Suggestions, number: int) -> CustomerSuggested:
    """The suggestion for a client."""
    return next(one for one in found.customers if one.customer == tenant.customer(number))


def test_it_takes_few_calls(seen: tuple[Suggestions, int]) -> None:
    """Four pages of companies, and one read each of services, contracts, lines and units, with the zone."""
    found, calls = seen
    assert (len(found.customers), len(found.skus)) == (tenant.CLIENTS, len(tenant.SKUS))
    assert calls <= 10


@pytest.mark.parametrize(
    ("numbers", "basis"),
    [
        (tenant.BY_FIELD, Basis.USER_DEFINED_FIELD),
        (tenant.BY_NUMBER, Basis.NUMBER),
        (tenant.BY_DOMAIN, Basis.DOMAIN),
        (tenant.BY_NAME, Basis.NAME),
        (tenant.MISSPELT, Basis.NEAR_NAME),
    ],
)
def test_each_client_is_found_with_its_contract(
    seen: tuple[Suggestions, int], numbers: range, basis: Basis
) -> None:
    """The right company stands first, for the right reason, with its contract and why it may be that."""
    for number in numbers:
        first = of(seen[0], number).offers[0]
        assert (first.company_id, first.match.basis) == (tenant.company(number), basis)
        assert first.contract is not None
        assert first.contract.id == tenant.contract(number)
        assert "recurring, active, until 2026-12-31" in first.reasons
        assert any(reason.startswith("already has 45") for reason in first.reasons)


def test_terms_of_one_client_that_cannot_be_read_hide_no_other_one() -> None:
    """Which company a client is does not depend on its terms."""
    world = tenant.told(World(scenario=tenant.scenario()))
    whole = suggest(deployment_of(world))
    world.ports.store.commit(put_terms(tenant.customer(1), {"decrease_wait": "nonsense"}, 0))
    assert suggest(deployment_of(world)) == whole


def test_only_unique_keys_are_exact(seen: tuple[Suggestions, int]) -> None:
    """Neither a domain nor a name is a key, however equal."""
    chosen = exact(seen[0])
    keyed = [*tenant.BY_FIELD, *tenant.BY_NUMBER]
    assert chosen.customers == {
        tenant.customer(number): (tenant.company(number), tenant.contract(number)) for number in keyed
    }
    assert chosen.skus == {ADV: 45, ESS: 46, GATEWAY: 47, FIREWALL: 48}


def test_two_companies_of_one_name_are_both_offered(seen: tuple[Suggestions, int]) -> None:
    """The one with a contract, and the other with what is missing."""
    for number in tenant.AMBIGUOUS:
        first, second = of(seen[0], number).offers
        assert {first.company_id, second.company_id} == {tenant.company(number), 9000 + number}
        assert first.contract is not None
        assert second.against == ("it has no recurring contract",)


def test_nobody_is_offered_for_a_client_whom_autotask_does_not_know(seen: tuple[Suggestions, int]) -> None:
    """It is a person's to ignore."""
    assert of(seen[0], tenant.NOBODY).offers == ()


def test_a_service_that_stands_on_a_contract_twice_is_shown_with_units_and_prices(
    seen: tuple[Suggestions, int],
) -> None:
    """A full-price line and a discount line look alike without them."""
    [offer] = of(seen[0], tenant.TWICE).offers
    assert [str(line) for line in offer.twice] == ["9039: 10 units at 12.50", "9900: 2 units at 12.50"]


def test_skus_are_services_that_carry_them_or_are_called_alike(seen: tuple[Suggestions, int]) -> None:
    """With how many customers and units wait for it."""
    by_sku = {one.sku: one for one in seen[0].skus}
    assert [offer.service_id for offer in by_sku[ADV].offers] == [45]
    assert (by_sku[ADV].customers, by_sku[ADV].units) == (40, sum(10 + number for number in range(40)))
    assert [(offer.service_id, offer.match.basis) for offer in by_sku[BACKUP].offers] == [
        (49, Basis.NEAR_NAME)
    ]
    assert by_sku[TRIAL].exact is None


def test_what_is_exact_is_taken_in_by_one_proposal() -> None:
    """With one preview of all of it, in at most thirty calls together with the suggestions; afterwards it is suggested no more."""
    world = tenant.told(World(scenario=tenant.scenario()))
    deployment = deployment_of(world)
    catalogue = Catalogue(deployment)
    before = world.ports.autotask().calls
    proposal = accept(deployment, exact(suggest(deployment, catalogue)), "map suggest", "Ada", catalogue)
    assert proposal.preview.totals.contracts == 15
    proposal.commit()
    assert world.ports.autotask().calls - before <= 30
    shown = proposal.preview.totals.units_up
    world.work()
    assert sum(units for _, units, _ in world.posted()) == shown
    left = suggest(deployment)
    assert (len(left.customers), [one.sku for one in left.skus]) == (25, [TRIAL, BACKUP])
    names = [one.by for one in world.ports.store.decisions()]
    assert names == ["Ada"] * 19


def test_every_client_can_be_taken_in_within_thirty_calls() -> None:
    """Forty clients on a tenant of two thousand companies: suggesting, the preview and the write together."""
    world = tenant.told(World(scenario=tenant.scenario()))
    deployment = deployment_of(world)
    catalogue = Catalogue(deployment)
    before = world.ports.autotask().calls
    found = suggest(deployment, catalogue)
    firsts = {one.customer: next((o for o in one.offers if o.contract), None) for one in found.customers}
    chosen = Chosen(
        {id_: (one.company_id, one.contract.id) for id_, one in firsts.items() if one and one.contract},
        {one.sku: one.offers[0].service_id for one in found.skus if one.offers},
        {tenant.customer(tenant.NOBODY): "our own company"},
        {TRIAL: "free of charge"},
    )
    accept(deployment, chosen, "map review", "Ada", catalogue, seen=True).commit()
    assert world.ports.autotask().calls - before <= 30
    found = suggest(deployment)
    assert (len(found), found.ignored) == (0, 2)


def test_two_customers_on_one_contract_are_a_doubt_also_for_who_has_seen_both() -> None:
    """Whether both are chosen, or one is there already: it is done only where somebody says that it is meant."""
    world = World()
    world.map_customer()
    catalogue = Catalogue(deployment_of(world))
    chosen = Chosen({"one": (COMPANY, CONTRACT), "other": (COMPANY, CONTRACT)})
    proposal = accept(deployment_of(world), chosen, "map review", "Ada", catalogue, seen=True)
    assert tuple(map(str, proposal.doubts)) == (
        f"Contract {CONTRACT} is the contract of customer {CUSTOMER} as well.",
        f"Contract {CONTRACT} is chosen for 2 customers.",
    )


def test_a_key_that_two_customers_share_is_nobodys() -> None:
    """Two customers of Timus whose keys are at one company: a person says whose contract it is."""
    scenario = tenant.scenario(3, 10)
    scenario["companies"][1]["companyNumber"] = tenant.customer(0)
    world = tenant.told(World(scenario=scenario), 3)
    chosen = exact(suggest(deployment_of(world)))
    assert tenant.customer(0) not in chosen.customers
    assert tenant.customer(2) in chosen.customers


def test_a_contract_that_somebody_has_already_is_not_exact() -> None:
    """It is offered, with who has it."""
    world = tenant.told(World(scenario=tenant.scenario(3, 10)), 3)
    world.map_customer("cus_other", tenant.company(0), tenant.contract(0))
    found = suggest(deployment_of(world))
    first = of(found, 0).offers[0]
    assert first.against == ("it is the contract of cus_other already",)
    assert not first.exact


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endDate": "2026-02-28"}, "has ended on 2026-02-28"),
        ({"status": 0}, "is inactive"),
        ({"startDate": "2026-04-01"}, "it does not begin before 2026-04-01"),
    ],
)
def test_what_speaks_against_a_contract_is_said(change: dict[str, object], words: str) -> None:
    """A contract that covers no day, or not today, is not exact."""
    scenario = tenant.scenario(3, 10)
    scenario["contracts"][0] = {**scenario["contracts"][0], **change}
    if "status" in change:
        scenario["contracts"][0]["lines"] = []
    world = tenant.told(World(scenario=scenario), 3)
    found = suggest(deployment_of(world))
    assert words in "; ".join(of(found, 0).offers[0].against)
    assert of(found, 0).exact is None


def test_what_is_ignored_is_not_suggested() -> None:
    """It is counted."""
    world = tenant.told(World(scenario=tenant.scenario(3, 10)), 3)
    deployment = deployment_of(world)
    ignore(deployment, [tenant.customer(0)], [ESS], "ours", "Ada").commit()
    found = suggest(deployment)
    assert found.ignored == 2
    assert tenant.customer(0) not in {one.customer for one in found.customers}
    assert ESS not in {one.sku for one in found.skus}


def test_a_customer_with_a_company_needs_a_contract_of_that_company() -> None:
    """Whose it is has been said already."""
    world = tenant.told(World(scenario=tenant.scenario(3, 10)), 3)
    records = world.ports.store
    records.commit(put_mapping(CustomerMapping(tenant.customer(0), (), company_id=tenant.company(1)), 0))
    [offer] = of(suggest(deployment_of(world)), 0).offers
    assert (offer.company_id, offer.match.basis) == (tenant.company(1), Basis.CHOSEN)
    assert world.table.get(mapping_key(tenant.customer(0)))


def test_the_suggestions_say_whether_the_terms_open_contracts() -> None:
    """Whoever reviews them needs no terms of his own reading to know whether a company without a contract may be chosen."""
    world = tenant.told(World(scenario=tenant.scenario(3, 10)), 3)
    assert not suggest(deployment_of(world)).opens_contracts
    world.ports.store.commit(put_terms(None, {"open_contracts": True}, 0))
    assert suggest(deployment_of(world)).opens_contracts


def test_what_was_mapped_meanwhile_is_not_mapped_again() -> None:
    """Nothing of the whole is written then."""
    world = tenant.told(World(scenario=tenant.scenario(3, 10)), 3)
    deployment = deployment_of(world)
    catalogue = Catalogue(deployment)
    chosen = exact(suggest(deployment, catalogue))
    world.map_customer(tenant.customer(1), tenant.company(1), tenant.contract(1))
    with pytest.raises(NotDone, match="mapped meanwhile"):
        accept(deployment, chosen, "map suggest", "", catalogue)
    gone = replace(chosen, customers={tenant.customer(0): (tenant.company(0), 1)})
    with pytest.raises(NotDone, match="no contract 1 any more"):
        accept(deployment, gone, "map suggest", "", catalogue)
    assert world.ports.store.customer(tenant.customer(0)).mapping is None
