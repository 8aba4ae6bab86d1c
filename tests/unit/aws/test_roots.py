"""Whose certificates a function believes when it talks to AWS."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import certifi

from timus_autotask.aws.roots import AMAZON_ROOTS, trusted

CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str) -> set[bytes]:
    """Each in its binary form."""
    return {ssl.PEM_cert_to_DER_cert(found) for found in CERTIFICATE.findall(text)}


def names(path: Path) -> set[str]:
    """Whom a file of authorities names, as OpenSSL reads it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    roots: list[Any] = context.get_ca_certs()
    return {value for root in roots for ((name, value),) in root["subject"] if name == "commonName"}


def test_the_roots_are_amazons_own_and_each_is_one_that_browsers_trust() -> None:
    """An authority that Mozilla withdrew, or that nobody knows, must not come in by this file."""
    assert names(AMAZON_ROOTS) == {
        "Amazon Root CA 1",
        "Amazon Root CA 2",
        "Amazon Root CA 3",
        "Amazon Root CA 4",
        "Starfield Services Root Certificate Authority - G2",
    }
    browsers = certificates(Path(certifi.where()).read_text(encoding="utf-8"))
    assert certificates(AMAZON_ROOTS.read_text(encoding="utf-8")) <= browsers


def test_a_bundle_that_the_environment_names_goes_first() -> None:
    """As for the SDK itself: who inspects the traffic signs it too."""
    assert trusted({"AWS_REGION": "eu-central-1"}) == str(AMAZON_ROOTS)
    assert trusted({"AWS_REGION": "eu-central-1", "AWS_CA_BUNDLE": "/opt/own.pem"}) is None


def test_regions_of_other_partitions_are_believed_as_the_sdk_does() -> None:
    """Nothing that we could read says whose certificates they show."""
    assert trusted({"AWS_REGION": "cn-north-1"}) is None
    assert trusted({"AWS_REGION": "us-gov-west-1"}) == str(AMAZON_ROOTS)
