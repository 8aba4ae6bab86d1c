"""Two names of one company, and of two."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.domain.names import LEGAL_FORMS, same_company


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Contoso Dental", "CONTOSO DENTAL, Inc."),
        ("Contoso Dental", "Contoso-Dental LLC"),
        ("Müller & Söhne GmbH", "Mueller und Soehne".replace("und", "&")),
        ("Müller", "Muller AG"),
        ("O'Neill Ltd.", "ONeill Limited"),
        ("Société Générale S.A.", "Societe Generale"),
        ("Łódź Sp. z o.o.", "LODZ"),
        ("Straße KG", "Strasse"),
        ("Rossi S.p.A.", "Rossi"),
        ("Jansen B.V.", "Jansen"),
        ("Smith and Sons", "Smith & Sons"),
        ("Acme GmbH & Co. KG", "ACME"),
        ("3M Company", "3M"),
        ("Limited", "limited"),
    ],
)
def test_the_same_company(one: str, other: str) -> None:
    """Capitals, accents, punctuation and legal forms tell nothing."""
    assert same_company(one, other)
    assert same_company(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Contoso Dental", "Fabrikam"),
        ("Contoso Dental", "Contoso"),
        ("Contoso East", "Contoso West"),
        ("", "Contoso"),
        ("", ""),
        ("GmbH", "AG"),
        ("…", "…"),
    ],
)
def test_another_company(one: str, other: str) -> None:
    """Nor has nobody a name."""
    assert not same_company(one, other)


NAME = st.text(st.characters(whitelist_categories=("Lu", "Ll", "Nd"), max_codepoint=0xFF), min_size=2)


@given(NAME, st.sampled_from(sorted(LEGAL_FORMS)))
def test_a_legal_form_makes_no_other_company(name: str, form: str) -> None:
    """Whatever the name, and however it is written."""
    assert same_company(f"Q7{name}", f"Q7{name}")
    assert same_company(f"q7{name.upper()}", f"Q7{name}, {form.upper()}.")
