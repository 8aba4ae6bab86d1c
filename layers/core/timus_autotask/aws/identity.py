"""Who uses AWS here, by its own account. It needs no permission.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError


class TokenService(Protocol):
    """boto3's client of STS."""

    def get_caller_identity(self) -> Any: ...


def caller(client: TokenService) -> str:
    """The last part of the caller's ARN: ``user/anna``, ``assumed-role/Billing/anna@msp.example``; empty where AWS does not say."""
    try:
        arn = str(client.get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError, KeyError):
        return ""
    return arn.split(":", 5)[-1]
