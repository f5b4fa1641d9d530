"""AWS on loopback: ministack in a session of its own on a free port, gone at the end with all it began."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config

from tests.local_program import LocalProgram, LocalProgramError

LAUNCHER: Final = Path(__file__).parent / "launch_emulator.py"
REGION: Final = "eu-west-1"
ACCOUNT: Final = "000000000000"
# A key of 12 digits is the root of that account there.
SPOKE_REGION: Final = "us-east-1"
SPOKE_ACCOUNT: Final = "222233334444"
OUTSIDER: Final = "444455556666"
ORGANIZATION: Final = "o-emulated001"
MEMBERS: Final = (ACCOUNT, SPOKE_ACCOUNT)
START_SECONDS: Final = 30.0


class Emulator:
    """A context manager; inside it `client` gives clients and `environment` what an AWS tool needs."""

    def __init__(self, folder: Path, *, enforce_iam: bool) -> None:
        self.folder = folder
        self.enforce_iam = enforce_iam
        self._program = LocalProgram("emulator", folder, own_session=True)
        self.endpoint = f"{'https' if enforce_iam else 'http'}://localhost:{self._program.port}"

    def __enter__(self) -> Self:
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True)
        environment = {
            "TMPDIR": str(temporary),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "GATEWAY_PORT": str(self._program.port),
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "ORGANIZATION": f"{ORGANIZATION}={','.join(MEMBERS)}",
        }
        if self.enforce_iam:
            if shutil.which("openssl") is None:
                raise LocalProgramError("ministack makes its certificate with `openssl`: install it.")
            environment |= {"AUTH": "true", "USE_SSL": "1"}
        self._program.start(
            [sys.executable, str(LAUNCHER)], environment, is_ready=self._is_healthy, seconds=START_SECONDS
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._program.stop()

    @property
    def session(self) -> int:
        """The id of the session that everything it starts belongs to."""
        return self._program.pid

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

    def environment_in(self, account: str, region: str) -> dict[str, str]:
        """The same with the credentials of another account's root, and another region."""
        other = {"AWS_ACCESS_KEY_ID": account, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        return {**self.environment, **other}

    def client(self, service: str, key: str = "test", secret: str = "test", region: str = REGION) -> Any:
        """A boto3 client with the credentials of the account's root, or with other ones: an account's id is
        the key of its root."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            verify=str(self.certificate) if self.enforce_iam else None,
            config=Config(retries={"max_attempts": 1}, read_timeout=120),
        )

    def tail(self, lines: int = 60) -> str:
        """The end of its log, in which the output of functions that a queue started stands too."""
        return self._program.tail(lines)

    def _is_healthy(self) -> bool:
        try:
            context = ssl.create_default_context(cafile=self.certificate) if self.enforce_iam else None
            with urlopen(f"{self.endpoint}/_ministack/health", timeout=2, context=context) as answer:
                json.load(answer)
        except (URLError, OSError, ValueError):
            return False
        return True
