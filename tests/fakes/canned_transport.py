"""A transport that answers from a list and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from timus_autotask.autotask.http import Request, Response

SAMPLES = Path(__file__).parent.parent / "samples" / "autotask"


@dataclass
class CannedTransport:
    """Gives its answers one by one: responses are returned, exceptions raised. Asked once too often, it fails."""

    answers: list[Response | Exception]
    requests: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        assert self.answers, f"not expected: {request}"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def bodies(self) -> Iterator[Any]:
        """The JSON of each request that had any."""
        return (json.loads(request.body) for request in self.requests if request.body)


def canned(*answers: Response | Exception) -> CannedTransport:
    """A transport with these answers."""
    return CannedTransport(list(answers))


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """An answer with a JSON body; underscores in header names are hyphens."""
    return Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, json.dumps(body).encode())


def page(*rows: dict[str, Any], following: str | None = None) -> Response:
    """A page of a query."""
    details = {"count": len(rows), "requestCount": 500, "prevPageUrl": None, "nextPageUrl": following}
    return answer({"items": list(rows), "pageDetails": details})


def sample(case: str) -> Response:
    """A recorded answer: ``tests/samples/autotask/<case>/{status,body}``."""
    folder = SAMPLES / case
    return Response(int((folder / "status").read_text()), {}, (folder / "body").read_bytes())
