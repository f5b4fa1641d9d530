"""One call to an API of AWS → its answer, or a SourceError that says which call, where, and the remedy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from secgraph.errors import CursorExpired, SourceError

CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 6}, connect_timeout=3, read_timeout=20
)
"""Throttled requests are repeated with growing pauses, half a minute in all; a tick of the reconcile has two
minutes for what is under way when its time is up. ListFindings of an account with very many takes long."""
_GRANT: Final = "grant the call to the role that reads there"
_REGION: Final = "enable the region for the account, or do not read it"
_CREDENTIALS: Final = "renew the credentials that it is asked with"
REFUSED: Final = {
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"), _GRANT),
    **dict.fromkeys(
        ("AuthFailure", "InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException"), _REGION
    ),
    "SubscriptionRequiredException": "sign the account up for the service",
    "SignatureDoesNotMatch": _CREDENTIALS,
}
"""What comes again until somebody changes a permission or a setting, with the remedy. In a region
that is not enabled credentials that are good elsewhere are those of an unknown client.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
"""The next attempt comes with other credentials."""
_ORGANIZATION: Final = "service control policy"
INVALID: Final = frozenset({"BadRequestException", "ValidationException"})
"""Also what is answered to a token of a listing that is too old."""


class Calls:
    """Makes the calls of one client. `where` names the source, the account and the region for errors."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __call__(self, call: Callable[..., Any], cursor: str = "", **arguments: Any) -> Any:
        """Make a call; `cursor` is the token in it, if it goes on with a listing. Raises SourceError, and
        CursorExpired where such a call is refused as invalid."""
        name = getattr(call, "__name__", "call")
        try:
            with self.reading(name):  # the SDK's parser trusts the form of an answer
                return call(**arguments)
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            said = f"{self._where}: {name}: {code}: {error.response['Error'].get('Message', '')[:300]}"
            if cursor and code in INVALID:
                raise CursorExpired(said) from error
            remedy = _remedy(code, said)
            raise SourceError(f"{said}{remedy and '; '}{remedy}", refused=code in REFUSED) from error
        except EndpointConnectionError as error:
            raise SourceError(
                f"{self._where}: {name}: {error}; is there such a region, and is the service in it?"
            ) from error
        except BotoCoreError as error:
            raise SourceError(f"{self._where}: {name}: {error}") from error

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Read what a call answered. Raises SourceError where a part of it is missing or of another form: an
        answer that was cut off says nothing, least of all that something is not there."""
        try:
            yield
        except (KeyError, TypeError) as error:
            raise SourceError(
                f"{self._where}: {name}: the answer is cut off or of an unknown form: {error!r}"
            ) from error

    def error(self, reason: str) -> SourceError:
        """Say where something is the matter that no call refused."""
        return SourceError(f"{self._where}: {reason}")

    def went_on(self, name: str, before: str, after: str) -> str:
        """Give the token that continues a listing. Raises SourceError for the one that was just sent: the
        listing would have no end."""
        if after and after == before:
            raise SourceError(f"{self._where}: {name}: the listing does not go on")
        return after


def _remedy(code: str, said: str) -> str:
    if code in EXPIRED:
        return _CREDENTIALS
    if code in REFUSED and _ORGANIZATION in said:
        return "a service control policy of the organization has to allow it"
    return REFUSED.get(code, "")


def account_of(arn: str) -> str:
    """Give the account in an ARN, empty for a text that is none."""
    return "".join(arn.split(":")[4:5])


def text_of(finding: object) -> str:
    """Write an answer as JSON text, moments as ISO 8601."""
    return json.dumps(finding, ensure_ascii=False, default=_iso)


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")
