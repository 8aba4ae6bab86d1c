"""The SDK with less of its data is the same SDK."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from timus_autotask.aws.sdk import SERVICES, session

REGIONS = (
    *("us-east-1", "eu-central-1", "ap-southeast-5", "il-central-1", "us-gov-west-1", "cn-north-1"),
    *("us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1", "eusc-de-east-1", "us-east-99"),
)
"""One of each partition, some more, and one that the SDK does not know yet."""


@pytest.fixture(scope="module")
def whole() -> Session:
    """With all of its data."""
    return Session()


def address(made: Session, service: str, region: str) -> tuple[Any, ...]:
    """Where a client sends its requests, and how it signs them."""
    client: Any = made.create_client(
        service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
    )
    signer = client._request_signer
    return (
        client.meta.endpoint_url,
        client.meta.region_name,
        client.meta.partition,
        client.meta.service_model.api_version,
        signer.region_name,
        signer.signing_name,
        signer.signature_version,
    )


@pytest.mark.parametrize("region", REGIONS)
def test_requests_go_where_they_would_go_with_all_of_its_data(whole: Session, region: str) -> None:
    """In every partition: the same address, signed in the same way."""
    for service in SERVICES:
        assert address(session(), service, region) == address(whole, service, region)


def test_all_clients_come_from_one_session() -> None:
    """What one of them has loaded, the next one has."""
    assert session() is session()
