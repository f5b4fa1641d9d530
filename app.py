"""The CDK app: context in, one CloudFormation template and one Lambda asset out. No look-ups, no Docker."""

from __future__ import annotations

import sys
from pathlib import Path

import infra  # first: it points the CDK at its Node

# isort: split
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra import packaging
from infra.context import SettingsError
from infra.settings import Settings, from_context
from infra.stack import SecgraphStack


def main() -> int:
    """Synthesise; 2 and one message on stderr for a context value that cannot be used."""
    app = App()
    context = app.node.get_all_context()
    try:
        settings = from_context(context)
        # The CLI names no stack to bundle for commands that need no code, `cdk bootstrap` for one.
        wanted = context.get("aws:cdk:bundling-stacks") != []
        asset = _asset(settings) if wanted else infra.SOURCE
    except (SettingsError, packaging.PackagingError) as error:
        print(error, file=sys.stderr)  # noqa: T201 (the CLI shows it as it stands)
        return 2
    SecgraphStack(app, "secgraph", asset=asset, settings=settings)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return 0


def _asset(settings: Settings) -> Path:
    if settings.asset is not None:
        return packaging.check_ready_made(settings)
    built = packaging.build(
        packaging.LAMBDA,
        packs=settings.packs,
        accounts=settings.accounts_file,
        smart_classes=settings.smart_classes,
        reach=settings.alerts.reach.text,
    )
    if built.note:
        print(built.note, file=sys.stderr)  # noqa: T201
    return built.path


if __name__ == "__main__":
    sys.exit(main())
