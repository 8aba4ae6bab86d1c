"""Whose certificates a function believes when it talks to AWS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

AMAZON_ROOTS = Path(__file__).with_name("amazon_roots.pem")
"""The roots of https://www.amazontrust.com/repository/, which AWS asks its customers to trust:
https://aws.amazon.com/blogs/security/how-to-prepare-for-aws-move-to-its-own-certificate-authority/
"""

_OTHER_PARTITIONS = ("cn-", "us-iso", "eu-iso")
"""Regions whose services may be signed by others: nothing that we could read says who."""


def trusted(environment: Mapping[str, str]) -> str | None:
    """The file of authorities for AWS's services; None: those that the SDK brings.

    ``AWS_CA_BUNDLE`` goes first, as for the SDK itself.
    """
    if environment.get("AWS_CA_BUNDLE") or environment.get("AWS_REGION", "").startswith(_OTHER_PARTITIONS):
        return None
    return str(AMAZON_ROOTS)
