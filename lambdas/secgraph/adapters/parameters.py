"""SSM Parameter Store under one path → stored parameters by name.

`PATH/Name` is the parameter `Name`; what lies deeper is none. A String is a text or what follows `json:`, a
StringList a list of texts, a SecureString a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from secgraph.errors import StoreUnavailable
from secgraph.j1ql.server.parameters import ParameterValue
from secgraph.j1ql.server.stored import Found, Unusable, secret_of, value_of

AT_ONCE: Final = 10
"""As many as a request of GetParametersByPath gives at most."""


class ParameterStore:
    """The parameters of a deployment. Without `secrets` their values are never asked for."""

    def __init__(self, client: Any, path: str, *, secrets: bool) -> None:
        self._client = client
        self._path = path
        self._secrets = secrets

    def read(self) -> Found:
        """Read all of them. Raises StoreUnavailable."""
        # The path as it was granted: with a slash at its end it would be another resource to IAM.
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html
        pages = self._client.get_paginator("get_parameters_by_path").paginate(
            Path=self._path,
            Recursive=False,
            WithDecryption=self._secrets,
            PaginationConfig={"PageSize": AT_ONCE},
        )
        try:
            listed = [one for page in pages for one in page["Parameters"]]
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(
                f"the parameters under {self._path} cannot be read: {error}; those under a key of your own "
                "need `-c kmsKeys=` at the deployment"
            ) from error
        return {one["Name"].rpartition("/")[2]: self._value(one) for one in listed}

    def _value(self, parameter: Mapping[str, str]) -> ParameterValue | Unusable:
        text = parameter["Value"]
        if parameter["Type"] == "StringList":
            return text.split(",")
        if parameter["Type"] != "SecureString":
            return value_of(text)
        if self._secrets:
            return secret_of(text)
        return Unusable("this is a secret, which rules may use and questions may not")
