"""One call to an API of AWS → its answer, or a SourceError that says which call, where, and the remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
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
REFUSED: Final = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "AuthFailure", "InvalidClientTokenId", "OptInRequired"),
        *("SubscriptionRequiredException", "UnauthorizedOperation", "UnrecognizedClientException"),
        *("ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch"),
    }
)
"""They come again until somebody changes a permission or a setting; a region that is not enabled is one."""
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
            return call(**arguments)
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            said = f"{self._where}: {name}: {code}: {error.response['Error'].get('Message', '')[:300]}"
            if cursor and code in INVALID:
                raise CursorExpired(said) from error
            refused = code in REFUSED
            raise SourceError(f"{said}{_REMEDY if refused else ''}", refused=refused) from error
        except EndpointConnectionError as error:
            raise SourceError(f"{self._where}: {name}: there is no such endpoint: {error}") from error
        except BotoCoreError as error:
            raise SourceError(f"{self._where}: {name}: {error}") from error


_REMEDY: Final = "; grant the call to the role that reads there, or enable the region"


def text_of(finding: object) -> str:
    """Write an answer as JSON text, moments as ISO 8601."""
    return json.dumps(finding, ensure_ascii=False, default=_iso)


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")
