"""Entry point of ReceiveWebhook: an API Gateway event in, an HTTP answer out."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer until the use case takes its place here."""
    import timus_autotask

    return {"statusCode": 202, "body": timus_autotask.__version__}
