"""A proxy on loopback between the SDK and DynamoDB Local that loses answers, and throttles."""

from __future__ import annotations

import http.client
import json
from collections import deque
from collections.abc import Iterable
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self


class Fault(Enum):
    """What befalls a request."""

    LOST_ANSWER = "it is carried out, and the connection breaks before the answer"
    THROTTLED = "it is refused as throttled"
    PASSED = "nothing"


class Proxy(ThreadingHTTPServer):
    """A context manager. The faults befall the requests of one operation in their order; later ones pass."""

    daemon_threads = True

    def __init__(self, endpoint: str, operation: str, faults: Iterable[Fault]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = endpoint.removeprefix("http://")
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen = 0
        self.faults = deque(faults)
        self._operation = operation

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def fault(self, target: str) -> Fault:
        """Say what befalls the next request, by its header."""
        if not target.endswith(f".{self._operation}"):
            return Fault.PASSED
        self.seen += 1
        return self.faults.popleft() if self.faults else Fault.PASSED


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.server.fault(self.headers["X-Amz-Target"])
        if fault is Fault.THROTTLED:
            self._answer(400, json.dumps({"__type": "x#ThrottlingException", "message": "slower"}).encode())
            return
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            upstream.request("POST", self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if fault is Fault.LOST_ANSWER:
            self.close_connection = True
            return
        self._answer(answer.status, content)

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing: the faults are meant."""
