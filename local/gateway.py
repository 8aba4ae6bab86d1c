"""The front door of the local stack: one address for the webhook, as API Gateway would serve it.

The emulator serves an API under a path of its own and with a name that only it resolves. This proxy gives it the plain URL
that Timus would get, and the behaviour of an HTTP API where the emulator's differs: the headers that AWS adds, the
limit of 10 MB, and one constant body when the function fails.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
"""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LARGEST_BODY = 10 * 1024 * 1024
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    }
)


class Gateway:
    """Serves ``http://127.0.0.1:port`` from the API ``api_id`` of the emulator at ``upstream`` until stopped.

    Port 0 picks a free one. Raises OSError when the port is taken.
    """

    def __init__(self, port: int, upstream: str, api_id: str) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.upstream = urlsplit(upstream).netloc
        self._server.prefix = f"/_aws/execute-api/{api_id}"
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    upstream: str
    prefix: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet

    def parse_request(self) -> bool:
        """Route every method here: which ones are allowed is for the route, not for this server, to say."""
        if not super().parse_request():
            return False
        setattr(self, f"do_{self.command}", self._forward)
        return True

    def _forward(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self._answer(413, {"Content-Type": "application/json"}, _message("Request Entity Too Large"))
            return
        headers = {
            name.lower(): value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP
        }
        client, _ = self.client_address
        forwarded = headers.get("x-forwarded-for")
        headers["x-forwarded-for"] = f"{forwarded}, {client}" if forwarded else client
        headers["x-forwarded-proto"] = "http"
        headers["x-forwarded-port"] = str(self.server.server_port)
        headers.setdefault("x-amzn-trace-id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}")
        headers["content-length"] = str(len(body))
        # The function may take 10 s; an HTTP API waits 30 s.
        connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
        try:
            connection.request(self.command, self.server.prefix + self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._answer(503, {"Content-Type": "application/json"}, _message("Service Unavailable"))
            return
        finally:
            connection.close()
        if (
            answer.status == 502
        ):  # what the emulator answers for a function that failed; it adds the error's text
            self._answer(500, {"Content-Type": "application/json"}, _message("Internal Server Error"))
            return
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        self._answer(answer.status, kept, content)

    def _body(self) -> bytes | None:
        """The request's body whole; None if it is larger than API Gateway takes."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = bytearray()
            while size := int(self.rfile.readline().split(b";")[0], 16):
                if len(body) + size > LARGEST_BODY:
                    return None
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return bytes(body)
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(length) if length <= LARGEST_BODY else None

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the emulator keeps the logs."""


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
