"""The CDK app: context in, one CloudFormation template and one Lambda asset out. No look-ups, no Docker.

With the context key `hubBus` the template is that of a spoke, which has no asset.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import infra  # first: it points the CDK at its Node

# isort: split
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra import packaging
from infra.context import SettingsError
from infra.hub_settings import spoke_settings
from infra.settings import Settings, check_names, from_context
from infra.spoke import SpokeStack
from infra.stack import SecgraphStack


def main() -> int:
    """Synthesise; 2 and one message on stderr for a context value that cannot be used."""
    app = App()
    context = app.node.get_all_context()
    try:
        check_names(context)
        spoke = spoke_settings(context)
        if spoke is not None:
            SpokeStack(app, "secgraph-spoke", settings=spoke)
        else:
            _hub(app, context)
    except (SettingsError, packaging.PackagingError) as error:
        print(error, file=sys.stderr)  # noqa: T201 (the CLI shows it as it stands)
        return 2
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return 0


def _hub(app: App, context: Mapping[str, Any]) -> None:
    settings = from_context(context)
    # The CLI names no stack to bundle for commands that need no code, `cdk bootstrap` for one.
    wanted = context.get("aws:cdk:bundling-stacks") != []
    asset = _asset(settings) if wanted else infra.SOURCE
    SecgraphStack(app, "secgraph", asset=asset, settings=settings)


def _asset(settings: Settings) -> Path:
    if settings.asset is not None:
        return packaging.check_ready_made(settings)
    built = packaging.build(
        packaging.LAMBDA,
        packs=settings.packs,
        accounts=settings.accounts_file,
        smart_classes=settings.smart_classes,
        reach=settings.alerts.reach.text,
        sources=settings.sources.file,
    )
    if built.note:
        print(built.note, file=sys.stderr)  # noqa: T201
    return built.path


if __name__ == "__main__":
    sys.exit(main())
