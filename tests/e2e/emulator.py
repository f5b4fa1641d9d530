"""AWS on loopback: ministack in a session of its own on a free port, gone at the end with all it began."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config

LAUNCHER: Final = Path(__file__).parent / "launch_emulator.py"
REGION: Final = "eu-west-1"
ACCOUNT: Final = "000000000000"
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 3.0


class EmulatorError(RuntimeError):
    """The emulator did not start; holds the end of its log."""


class Emulator:
    """A context manager; inside it `client` gives clients and `environment` what an AWS tool needs."""

    def __init__(self, folder: Path, *, enforce_iam: bool) -> None:
        self.folder = folder
        self.enforce_iam = enforce_iam
        self.port = _free_port()
        self.endpoint = f"{'https' if enforce_iam else 'http'}://localhost:{self.port}"
        self.log = folder / "emulator.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True)
        # A clean environment: whatever begins with AWS_ here would leak into the functions.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(temporary),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
        }
        if self.enforce_iam:
            if shutil.which("openssl") is None:
                raise EmulatorError("ministack makes its certificate with `openssl`: install it.")
            environment |= {"AUTH": "true", "USE_SSL": "1"}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(LAUNCHER)],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end, then end it and every process of its session."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        deadline = time.monotonic() + STOP_SECONDS
        while (members := session_members(process.pid)) and time.monotonic() < deadline:
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)

    @property
    def session(self) -> int:
        """The id of the session that everything it starts belongs to."""
        assert self._process is not None
        return self._process.pid

    @property
    def certificate(self) -> Path:
        """The certificate it serves with when IAM is enforced."""
        return self.folder / "tmp" / "ministack-tls" / "server.crt"

    @property
    def environment(self) -> dict[str, str]:
        """What the CDK CLI or any AWS tool needs to speak to it, and nothing of this machine's own set-up."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CDK_HOME": str(self.folder / "cdk"),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
        }
        if self.enforce_iam:
            environment["NODE_EXTRA_CA_CERTS"] = str(self.certificate)
        return environment

    def client(self, service: str, key: str = "test", secret: str = "test") -> Any:
        """A boto3 client with the credentials of the account's root, or with other ones."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=str(self.certificate) if self.enforce_iam else None,
            config=Config(retries={"max_attempts": 1}, read_timeout=120),
        )

    def tail(self, lines: int = 60) -> str:
        """The end of its log, in which the output of functions that a queue started stands too."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmulatorError(f"ministack ended with {process.returncode}:\n{self.tail()}")
            try:
                context = ssl.create_default_context(cafile=self.certificate) if self.enforce_iam else None
                with urlopen(f"{self.endpoint}/_ministack/health", timeout=2, context=context) as answer:
                    json.load(answer)
                return
            except (URLError, OSError, ValueError):
                time.sleep(0.1)
        raise EmulatorError(f"ministack was not ready after {START_SECONDS:.0f} s:\n{self.tail()}")


def session_members(session: int) -> list[int]:
    """The processes of a session, from /proc; the sixth field of `stat` is the session's id."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            members.append(int(stat.parent.name))
    return members


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
