"""Who may read the parameters of rules and queries in SSM Parameter Store, and which of them."""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam

from infra.function import Function
from infra.settings import Settings
from secgraph import contract

# It is authorised against the path in the request, and not against what it gives.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html
READ: Final = ("ssm:GetParametersByPath",)


class Parameters:
    """The path under which they lie, and how functions get at them."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.alerts.parameters or f"/secgraph/{Aws.STACK_NAME}/param"
        self._keys = settings.alerts.keys

    @property
    def environment(self) -> dict[str, str]:
        """The variable that names the path."""
        return {contract.PARAMETERS: self.path}

    def let_read(self, function: Function, *, secrets: bool) -> None:
        """Let a function read the parameters; without `secrets` none that is encrypted."""
        arn = Stack.of(function).format_arn(service="ssm", resource="parameter", resource_name=self.path[1:])
        function.allow(READ, arn)
        if not secrets:
            # The AWS-managed key lets everybody of the account decrypt through Parameter Store.
            function.role.add_to_policy(
                iam.PolicyStatement(
                    sid="NoSecretParameters",
                    effect=iam.Effect.DENY,
                    actions=["kms:Decrypt"],
                    resources=["*"],
                    conditions={"StringLike": {"kms:ViaService": f"ssm.{Aws.REGION}.*"}},
                )
            )
        elif self._keys:
            function.allow(["kms:Decrypt"], *self._keys, conditions=via("ssm"))


def via(*services: str) -> dict[str, dict[str, list[str]]]:
    """The condition that a key is used for a service's data, and for nothing else that lies under it.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service"""
    return {"StringLike": {"kms:ViaService": [f"{service}.*.amazonaws.com*" for service in services]}}
