"""Requests by https to hosts of others. In: a request. Out: the answer's status and its first characters.

The host's name is looked up once, each of its addresses must be public, and the connection goes to one of
these very addresses while TLS asks for the name: a name that leads elsewhere the next moment gains nothing.
Redirects are not followed. All of it, from the first byte sent to the last one read, must be over by a
deadline, however slowly an answer drips. No error holds more of the request than its host.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from socket import create_connection
from typing import Any, Final
from urllib.parse import urlsplit

from secgraph.adapters.channels.addresses import is_public, resolve
from secgraph.alerts.reach import HTTPS, host_of
from secgraph.errors import ChannelError

READ: Final = 1_000
"""Bytes of an answer that are looked at."""
CONNECT_SECONDS: Final = 5.0
SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `text` is untrusted, and may hold what was sent: it is compared, never shown."""

    host: str
    status: int
    retry_after: str
    text: str


class Https:
    """The way to hosts of others.

    `allowed` says of an address whether it may be reached, `resolver` looks names up, `context` says which
    certificates are trusted; tests give their own.
    """

    def __init__(
        self,
        *,
        resolver: Callable[[str, int], Sequence[str]] = resolve,
        allowed: Callable[[str], bool] = is_public,
        context: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        seconds: float = SECONDS,
    ) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._context = context or ssl.create_default_context()
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.sslsocket_class = _Timed
        self._connect_seconds = connect_seconds
        self._seconds = seconds

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send a request and give the answer, whatever its status. Raises ChannelError: final if the URL is
        not one to go to."""
        host = host_of(url)
        if host is None:
            raise ChannelError("the address is not https://HOST/… in plain ASCII", final=True)
        parts = urlsplit(url)
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        name, port = str(parts.hostname), parts.port or HTTPS
        connection = HTTPSConnection(name, port, context=self._context)
        try:
            connection.sock = self._connected(name, port)
            connection.request(method, target, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            return Answer(host, response.status, response.headers.get("Retry-After", ""), _text(response))
        except TimeoutError:
            raise ChannelError(f"{host} did not answer in time, and may have taken the message") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ChannelError(f"{host} could not be reached: {reason}") from None
        except (HTTPException, ValueError) as error:
            raise ChannelError(f"{host} did not answer as HTTP asks: {type(error).__name__}") from None
        finally:
            connection.close()

    def _connected(self, name: str, port: int) -> ssl.SSLSocket:
        """Open a connection to the first of the host's addresses that takes one."""
        deadline = time.monotonic() + self._seconds
        failed = OSError(0, "it has no address")
        for address in self._addresses(name, port):
            try:
                plain = create_connection((address, port), self._left(deadline))
            except OSError as error:
                failed = OSError(0, error.strerror or "connecting took too long")
                continue
            try:
                plain.settimeout(self._left(deadline))
                secured = self._context.wrap_socket(plain, server_hostname=name)
            except BaseException:
                plain.close()
                raise
            secured.deadline = deadline  # type: ignore[attr-defined]  # it is a _Timed
            return secured
        raise failed

    def _left(self, deadline: float) -> float:
        """Give how long connecting may take."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        return min(self._connect_seconds, left)

    def _addresses(self, name: str, port: int) -> Sequence[str]:
        addresses = self._resolver(name, port)
        if not all(self._allowed(address) for address in addresses):
            # Not for good: one wrong answer of DNS, as of a resolver that blocks, would lose the message.
            raise ChannelError(f"{name} leads to an address that is not public")
        return addresses


def _text(response: HTTPResponse) -> str:
    """Read the first characters of an answer's body, "" if it does not come: the status alone says whether
    the message was taken, and one that was must not be sent again for a body that stalls or breaks off."""
    try:
        return response.read(READ).decode("utf-8", "replace")
    except (OSError, HTTPException, ValueError):
        return ""


class _Timed(ssl.SSLSocket):
    """A connection that is over at its deadline, in seconds of time.monotonic: a timeout alone would start
    anew with each byte that arrives."""

    deadline: float = float("inf")

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self._hurry()
        return super().recv_into(*arguments, **named)

    def send(self, *arguments: Any, **named: Any) -> int:
        self._hurry()
        return super().send(*arguments, **named)

    def _hurry(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        if left != float("inf"):
            self.settimeout(left)
