"""Readers → clients: the deployment's own credentials, or those of a role in another account."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError

from secgraph.adapters.sources.calls import CONFIG, Calls
from secgraph.adapters.sources.guardduty import GuardDuty
from secgraph.adapters.sources.inspector import Inspector
from secgraph.errors import SourceError
from secgraph.sources.ports import SourceApi
from secgraph.sources.scope import GUARDDUTY, Reader

SESSION_NAME: Final = "secgraph-reconcile"
"""What CloudTrail of the other account shows beside the role."""
RENEWED_SECONDS: Final = 20 * 60
"""Before they expire, credentials are renewed: a function that begins with them may run for 15 minutes."""


class AwsSources:
    """The Sources. `clock` gives seconds since 1970."""

    def __init__(self, session: boto3.Session, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._clock = clock
        self._assumed: dict[Reader, tuple[float, boto3.Session]] = {}

    def api(self, source: str, reader: Reader, region: str) -> SourceApi:
        """Give the API of a source. Raises SourceError where the reader's role cannot be taken on, and for a
        region that cannot be one."""
        try:
            return self._api(source, reader, region)
        except BotoCoreError as error:
            raise SourceError(f"{source} in {reader.account}, {region}: {error}", refused=True) from error

    def _api(self, source: str, reader: Reader, region: str) -> SourceApi:
        session = self._assume(reader) if reader.role else self._session
        if source == GUARDDUTY:
            client = session.client("guardduty", region_name=region, config=CONFIG)
            return GuardDuty(client, reader.account, region)
        return Inspector(
            session.client("inspector2", region_name=region, config=CONFIG), reader.account, region
        )

    def _assume(self, reader: Reader) -> boto3.Session:
        expires, session = self._assumed.get(reader, (0.0, self._session))
        if expires - self._clock() > RENEWED_SECONDS:
            return session
        sts = self._session.client("sts", config=CONFIG)
        more = {"ExternalId": reader.external_id} if reader.external_id else {}
        assume = partial(sts.assume_role, RoleArn=reader.role, RoleSessionName=SESSION_NAME, **more)
        assume.__name__ = "assume_role"  # type: ignore[attr-defined]
        given = Calls(f"the role {reader.role}")(assume)["Credentials"]
        session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        self._assumed[reader] = given["Expiration"].timestamp(), session
        return session
