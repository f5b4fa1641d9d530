"""A function of a deployment, invoked and waited for. In: a JSON object. Out: the JSON object it answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from secgraph.errors import InputError, StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=910,
    tcp_keepalive=True,
)
"""An invocation is waited for as long as a function may run, and never sent a second time by itself."""


class DeployedFunction:
    """One function by its name; `client` was made with CONFIG."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def call(self, event: Mapping[str, object]) -> dict[str, Any]:
        """Invoke it and give its answer.

        Raises InputError with what the answer says of the event, StoreUnavailable for an answer that tells of
        anything else, for a function that failed, and for one that cannot be reached.
        """
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps(event).encode())
            told: Any = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:
            raise StoreUnavailable(f"the function {self._name} cannot be invoked: {error}") from error
        if "FunctionError" in answer or not isinstance(told, dict):
            said = told.get("errorMessage") if isinstance(told, dict) else told
            raise StoreUnavailable(f"the function {self._name} failed, its log says why: {said}")
        error = told.get("error")
        if error is None:
            return told
        message = str(error.get("message")) if isinstance(error, dict) else str(error)
        if isinstance(error, dict) and error.get("code") == "INPUT":
            raise InputError(message)
        raise StoreUnavailable(message)
