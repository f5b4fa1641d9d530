"""Smoke."""

import pytest
from deployment import Deployment

pytestmark = pytest.mark.e2e


def test_smoke(deployment: Deployment) -> None:
    print(dict(deployment.outputs))
    print(deployment.invoke("QueryFunction", {"query": "FIND aws_instance"}))
