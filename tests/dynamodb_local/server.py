"""DynamoDB Local on a free port of this machine, in memory, gone at the end.

It cannot be told to listen on loopback alone; nothing but made-up items is ever put into it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config

from tests.dynamodb_local.download import PROGRAM
from tests.dynamodb_local.java import OLDEST, java

QUICK: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Half the processor time to start, and slower afterwards: for tests."""
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 5.0


class DynamoDBLocalError(RuntimeError):
    """DynamoDB Local cannot run here, or did not start; says what to do, or holds the end of its log."""


class DynamoDBLocal:
    """A context manager; inside it `client` gives clients. `options` are those of Java."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self._folder = folder
        self._options = options
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        command = [*_program(), "-inMemory", "-disableTelemetry", "-port", str(self._port)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [command[0], *self._options, f"-Djava.io.tmpdir={self._folder}", *command[1:]],
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, by its process id."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

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

    @property
    def _log(self) -> Path:
        return self._folder / "dynamodb-local.log"

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DynamoDBLocalError(f"it ended with {process.returncode}:\n{self._tail()}")
            try:
                urlopen(self.endpoint, timeout=2).close()
            except HTTPError as answer:  # it is there, and refuses what is not signed
                answer.close()
                return
            except (URLError, OSError):
                time.sleep(0.05)
        raise DynamoDBLocalError(f"it was not ready after {START_SECONDS:.0f} s:\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])


def _program() -> list[str]:
    path = java()
    if path is None:
        raise DynamoDBLocalError(f"DynamoDB Local needs Java {OLDEST} or newer: install it.")
    if not PROGRAM.exists():
        raise DynamoDBLocalError("DynamoDB Local is not there: run it with `make test-dynamodb-local`.")
    return [path, f"-Djava.library.path={PROGRAM.parent / 'DynamoDBLocal_lib'}", "-jar", str(PROGRAM)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
