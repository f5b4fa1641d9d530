"""A far end: an HTTPS server on loopback, its certificate made for this run, that answers as it is asked."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "hooks.example.com"
HUGE = 50_000_000
BAD_SIZE = "Transfer-Encoding: chunked\r\n\r\nnone\r\nok"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FarEnd:
    """What arrived. `over` ends answers that wait for ever; `poured` counts bytes of a huge answer."""

    port: int = 0
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    poured: int = 0

    def url(self, path: str, name: str = NAME) -> str:
        return f"https://{name}:{self.port}{path}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    far_end: FarEnd

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.far_end.requests.append(Request(self.command, self.path, dict(self.headers.items()), body))
        match self.path.strip("/").partition("?")[0].split("/"):
            case ["silence"]:
                self.far_end.over.wait(20)
            case ["drip"]:
                self._drip()
            case ["broken", how]:
                self._break_off(how)
            case ["huge"]:
                self._pour()
            case ["nonsense"]:
                self.wfile.write(b"hello, this is no HTTP\r\n\r\n")
            case ["redirect"]:
                self._plain(302, {"Location": "/elsewhere"})
            case [status, "after", moment]:
                self._plain(int(status), {"Retry-After": moment.replace("_", " ")})
            case [status, *word] if status.isdecimal():
                self._plain(int(status), {}, word[0] if word else "")
            case _:
                self._plain(200, {}, "ok")

    do_POST = do_GET = do_PUT = do_DELETE = answer  # noqa: N815 (named by http.server)

    def _plain(self, status: int, headers: dict[str, str], text: str = "") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _drip(self) -> None:
        """Answer well, but a byte each twentieth of a second: each read of the client goes on, for 8 s."""
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 120 + b"\r\nContent-Length: 0\r\n\r\n":
            self.wfile.write(bytes([byte]))
            if self.far_end.over.wait(0.05):
                return

    def _break_off(self, how: str) -> None:
        """Take the message, and never end the body that says so."""
        lengths = {"chunk": "Transfer-Encoding: chunked\r\n\r\n5\r\nok", "size": BAD_SIZE}
        told = lengths.get(how, "Content-Length: 50\r\n\r\nok")
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{told}".encode())
        if how == "stall":
            self.far_end.over.wait(20)
        self.close_connection = True

    def _pour(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(HUGE))
        self.end_headers()
        while self.far_end.poured < HUGE:
            self.far_end.poured += self.wfile.write(b"x" * 100_000)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what some tests are about."""


@contextmanager
def serving(folder: Path) -> Iterator[FarEnd]:
    """Serve for as long as a `with` lasts."""
    far_end = FarEnd()
    handler = type("Handler", (_Handler,), {"far_end": far_end})
    server = _Server(("127.0.0.1", 0), handler)
    certificate = _certificate(folder)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate)
    server.socket = served.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    far_end.port = server.server_address[1]
    far_end.context = ssl.create_default_context(cafile=str(certificate))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield far_end
    finally:
        far_end.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _certificate(folder: Path) -> Path:
    """Make a key and a certificate for NAME that signs itself; one file holds both."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "far-end.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file
