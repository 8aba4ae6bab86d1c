"""Entry point of Sweep: a tick of the schedule in, what was done out."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer until the use case takes its place here."""
    import timus_autotask

    return {"statusCode": 202, "body": timus_autotask.__version__}
