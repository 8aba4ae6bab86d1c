"""Which company a customer may be, and which service a SKU: keys, then names, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.names import domain_of
from timus_autotask.operate.mapping.matching import Basis, Companies, Services
from timus_autotask.ports.psa import Company, Service

CONTOSO = Company(600, "Contoso Dental Ltd.", True)


def found(
    companies: list[Company], customer: str = "cus_1", name: str = "", domain: str = ""
) -> list[tuple[int, Basis]]:
    """(company, why) of what is offered."""
    return [(one.id, one.basis) for one in Companies(companies).matches(customer, name, domain)]


@pytest.mark.parametrize(
    ("company", "name", "domain", "basis"),
    [
        (replace(CONTOSO, user_defined={"Timus": "CUS_1 "}), "", "", Basis.USER_DEFINED_FIELD),
        (replace(CONTOSO, number="cus_1"), "", "", Basis.NUMBER),
        (
            replace(CONTOSO, web_address="https://www.Contoso.example/about"),
            "",
            "contoso.example",
            Basis.DOMAIN,
        ),
        (CONTOSO, "CONTOSO, Dental GmbH", "", Basis.NAME),
        (
            replace(CONTOSO, name="Müller & Söhne GmbH"),
            "Mueller & Soehne",
            "",
            Basis.NAME,
        ),
        (replace(CONTOSO, name="Crédit Agricole S.A."), "Credit Agricole", "", Basis.NAME),
        (CONTOSO, "Contosso Dental", "", Basis.NEAR_NAME),
        (CONTOSO, "Dental Contoso", "", Basis.NEAR_NAME),
    ],
)
def test_a_company_is_found_with_the_reason(company: Company, name: str, domain: str, basis: Basis) -> None:
    """By a key, its domain, an equal name or a near one; others are not offered."""
    other = Company(601, "Fabrikam Inc.", True, "cus_2", "fabrikam.example", {"Timus": "cus_3"})
    assert found([other, company], name=name, domain=domain) == [(600, basis)]


def test_the_strongest_reason_counts_and_stands_first() -> None:
    """A key before a domain, a domain before a name; each company once."""
    by_name = Company(1, "Contoso Dental", True)
    by_key = Company(2, "Something Else", True, user_defined={"ref": "cus_1"})
    by_domain = Company(3, "Contoso Dental Practice", True, web_address="contoso.example")
    offers = found([by_name, by_domain, by_key], name="Contoso Dental", domain="contoso.example")
    assert offers == [(2, Basis.USER_DEFINED_FIELD), (3, Basis.DOMAIN), (1, Basis.NAME)]


@pytest.mark.parametrize(
    "company",
    [
        Company(1, "", True, number="cus_1"),
        Company(1, "", True, web_address="contoso.example"),
        Company(1, "Contoso Dental", True),
    ],
)
def test_what_two_companies_share_is_not_unique(company: Company) -> None:
    """Both are offered, and a person has to choose."""
    offers = Companies([company, replace(company, id=2)]).matches(
        "cus_1", "Contoso Dental", "contoso.example"
    )
    assert [(one.id, one.unique) for one in offers] == [(1, False), (2, False)]


def test_a_name_is_never_a_key() -> None:
    """However equal: people call two companies the same."""
    assert [basis for basis in Basis if basis.is_key] == [Basis.USER_DEFINED_FIELD, Basis.NUMBER, Basis.SKU]


def test_what_says_nothing_matches_nothing() -> None:
    """An empty name, number, domain or field is nobody's."""
    empty = Company(1, "", True, user_defined={"Timus": ""})
    assert found([empty], customer="cus_1") == []
    assert found([empty], customer="cus_1", name="Ltd", domain="localhost") == []


def test_a_near_name_has_a_score() -> None:
    """In percent, in the reason too."""
    [match] = Companies([CONTOSO]).matches("cus_1", "Contosso Dental", "")
    assert 90 <= match.score < 100
    assert match.reason == f"it is called Contoso Dental Ltd., {match.score} % alike"


def service(id_: int, name: str, sku: str) -> Service:
    """A monthly service."""
    return Service(id_, name, sku, True, 1, Decimal(10))


def test_a_sku_is_a_service_that_carries_it() -> None:
    """As written, then by a name that is alike."""
    services = Services(
        [service(1, "Timus", "SASE-ADV"), service(2, "SASE ADV", ""), service(3, "Backup", "sase-adv")]
    )
    assert [(one.id, one.basis, one.unique) for one in services.matches("SASE-ADV")] == [
        (1, Basis.SKU, True),
        (2, Basis.NAME, True),
    ]


def test_near_names_say_nothing_beside_an_equal_one() -> None:
    """A chain of practices is called alike; the one of exactly that name is meant, or the one with the key."""
    other = Company(601, "Contoso Dental 2", True)
    assert found([CONTOSO, other], name="Contoso Dental") == [(600, Basis.NAME)]
    keyed = replace(CONTOSO, name="C. D.", number="cus_1")
    assert found([keyed, other], name="Contoso Dental") == [(600, Basis.NUMBER)]


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("https://www.contoso.example/about?x=1", "contoso.example"),
        ("Contoso.Example:8080", "contoso.example"),
        ("http://user@contoso.example", "contoso.example"),
        ("contoso.example.", "contoso.example"),
        ("www.contoso.example and more", "contoso.example"),
        ("localhost", ""),
        ("", ""),
        ("n/a", ""),
    ],
)
def test_domains_as_people_type_them(address: str, domain: str) -> None:
    """With a scheme, a path, a port, capitals, or none at all."""
    assert domain_of(address) == domain


@given(st.lists(st.text(max_size=12), max_size=6), st.text(max_size=12), st.text(max_size=12))
def test_nothing_that_comes_in_breaks_it(names: list[str], name: str, domain: str) -> None:
    """Whatever people type; each company is offered once, and keys stand before names."""
    companies = [Company(number, one, True, one, one, {"f": one}) for number, one in enumerate(names)]
    offers = Companies(companies).matches(name, name, domain)
    assert len({one.id for one in offers}) == len(offers)
    order = [list(Basis).index(one.basis) for one in offers]
    assert order == sorted(order)
