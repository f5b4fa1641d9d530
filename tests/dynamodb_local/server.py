"""DynamoDB Local on a free port of this machine, in memory, gone at the end.

It cannot be told to listen on loopback alone; nothing but made-up items is ever put into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config

from tests.dynamodb_local.download import PROGRAM
from tests.dynamodb_local.java import OLDEST, java
from tests.local_program import LocalProgram, LocalProgramError

QUICK: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Half the processor time to start, and slower afterwards: for tests."""
START_SECONDS: Final = 120.0


class DynamoDBLocal:
    """A context manager; inside it `client` gives clients. `options` are those of Java."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._options = options
        self._program = LocalProgram("dynamodb-local", folder)
        self.endpoint = f"http://127.0.0.1:{self._program.port}"

    def __enter__(self) -> Self:
        command = _command(*self._options, f"-Djava.io.tmpdir={self._folder}")
        command += ["-inMemory", "-disableTelemetry", "-port", str(self._program.port)]
        self._program.start(command, {}, is_ready=self._answers, seconds=START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._program.stop()

    def client(self, config: Config | None = None, endpoint: str = "") -> Any:
        """Give a client; of an endpoint in front of it, if one is named."""
        return boto3.client(
            "dynamodb",
            endpoint_url=endpoint or self.endpoint,
            region_name="eu-west-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=config,
        )

    def _answers(self) -> bool:
        try:
            urlopen(self.endpoint, timeout=2).close()
        except HTTPError as answer:  # it is there, and refuses what is not signed
            answer.close()
            return True
        except (URLError, OSError):
            return False
        return True


def _command(*options: str) -> list[str]:
    path = java()
    if path is None:
        raise LocalProgramError(f"DynamoDB Local needs Java {OLDEST} or newer: install it.")
    if not PROGRAM.exists():
        raise LocalProgramError("DynamoDB Local is not there: run it with `make test-dynamodb-local`.")
    library = f"-Djava.library.path={PROGRAM.parent / 'DynamoDBLocal_lib'}"
    return [path, *options, library, "-jar", str(PROGRAM)]
