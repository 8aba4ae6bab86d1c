"""Sign a Timus event as Timus would, as an event that API Gateway hands to the webhook function.

    python -m local.sign events/timus/subscription.updated.json > /tmp/event.json
    sam local invoke ReceiveWebhook --event /tmp/event.json

signs for now. The timestamp of an attempt is part of its signature, so a signed file is good for the five minutes of
the tolerance; ``events/api-gateway`` holds each sample signed at the time that is written in it, which a test checks.
``--samples`` writes those files again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from timus_autotask.timus.signatures import sign

SAMPLE_SECRET = "whsec_c2FtcGxlIHNlY3JldCBvZiBub2JvZHkgYXQgYWxsISE="  # noqa: S105 - it says "sample secret of nobody at all!!"
SAMPLES = Path(__file__).parent.parent / "events"


def api_gateway_event(name: str, body: str, timestamp: int, secret: str) -> dict[str, Any]:
    """A genuine delivery of ``body`` at ``timestamp`` (unix seconds), as an event of an HTTP API.

    Payload format 2.0:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    host = "api.execute-api.us-east-1.amazonaws.com"
    event_id = f"evt_sample_{name.replace('.', '_')}"
    at = time.gmtime(timestamp)
    return {
        "version": "2.0",
        "routeKey": "POST /webhooks/timus",
        "rawPath": "/webhooks/timus",
        "rawQueryString": "",
        "headers": {
            "content-length": str(len(body.encode())),
            "content-type": "application/json",
            "host": host,
            "user-agent": "Timus-Webhooks/1.0",
            **sign(event_id, timestamp, body.encode(), secret),
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": host,
            "domainPrefix": "api",
            "http": {
                "method": "POST",
                "path": "/webhooks/timus",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.10",
                "userAgent": "Timus-Webhooks/1.0",
            },
            "requestId": event_id,
            "routeKey": "POST /webhooks/timus",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", at),
            "timeEpoch": timestamp * 1000,
        },
        "body": body,
        "isBase64Encoded": False,
    }


def signed_sample(path: Path) -> str:
    """The text of the API Gateway event for one sample, signed with the sample secret when the event happened."""
    body = path.read_text(encoding="utf-8")
    timestamp = int(datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp())
    return _text(api_gateway_event(path.stem, body, timestamp, SAMPLE_SECRET))


def main() -> None:
    """Print one event signed for now, or write the signed samples."""
    parser = argparse.ArgumentParser(prog="python -m local.sign", description="Sign Timus events.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("event", nargs="?", type=Path, help="a file with the body of a Timus event")
    which.add_argument("--samples", action="store_true", help="write events/api-gateway/*.json again")
    arguments = parser.parse_args()
    if arguments.samples:
        for path in sorted(SAMPLES.glob("timus/*.json")):
            (SAMPLES / "api-gateway" / path.name).write_text(signed_sample(path), encoding="utf-8")
    else:
        secret = os.environ.get("TIMUS_WEBHOOK_SECRET", SAMPLE_SECRET)
        try:
            body = arguments.event.read_text(encoding="utf-8")
        except OSError as error:
            parser.error(f"{arguments.event} cannot be read: {error.strerror}")
        print(_text(api_gateway_event(arguments.event.stem, body, int(time.time()), secret)), end="")


def _text(event: dict[str, Any]) -> str:
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
