"""The names that the runtime and the infrastructure must agree on; the only module that infra imports.

In: nothing. Out: constants. Changing one changes both sides.
"""

from __future__ import annotations

from typing import Final

SERVICE: Final = "secgraph"

# Handlers: one Lambda each, `module.function` inside the asset.
INGEST_HANDLER: Final = "secgraph.handlers.ingest.handler"
QUERY_HANDLER: Final = "secgraph.handlers.query.handler"
EVALUATE_HANDLER: Final = "secgraph.handlers.evaluate.handler"
PROJECT_HANDLER: Final = "secgraph.handlers.project.handler"
COMPACT_HANDLER: Final = "secgraph.handlers.compact.handler"
REBUILD_HANDLER: Final = "secgraph.handlers.rebuild.handler"
NOTIFY_HANDLER: Final = "secgraph.handlers.notify.handler"
TRIAGE_HANDLER: Final = "secgraph.handlers.triage.handler"
RECONCILE_HANDLER: Final = "secgraph.handlers.reconcile.handler"
STATUS_HANDLER: Final = "secgraph.handlers.status.handler"
REPLAY_HANDLER: Final = "secgraph.handlers.replay.handler"

# Environment variables of the functions.
GRAPH_TABLE: Final = "SECGRAPH_GRAPH_TABLE"
GRAPH_STREAM: Final = "SECGRAPH_GRAPH_STREAM"
"""ARN of the graph table's stream: another one when a deployment has taken it away and made it again."""
ALERT_TABLE: Final = "SECGRAPH_ALERT_TABLE"
BUCKET: Final = "SECGRAPH_BUCKET"
ALERT_TOPIC: Final = "SECGRAPH_ALERT_TOPIC"
REBUILD_QUEUE: Final = "SECGRAPH_REBUILD_QUEUE"
CHANNELS: Final = "SECGRAPH_CHANNELS"
"""The kinds of channels that there are, by commas: topic, chat, slack, webhook. For who writes messages."""
CHAT_TOPIC: Final = "SECGRAPH_CHAT_TOPIC"
"""Of the channels only the alert topic is always there; the names of the others are set where they are."""
SLACK_SECRET: Final = "SECGRAPH_SLACK_SECRET"  # noqa: S105 (a variable's name)
"""ARN of the secret that holds the URL of a Slack webhook."""
WEBHOOK: Final = "SECGRAPH_WEBHOOK"
WEBHOOK_SECRET: Final = "SECGRAPH_WEBHOOK_SECRET"  # noqa: S105
"""ARN of the secret whose text signs what goes to WEBHOOK."""
PARAMETERS: Final = "SECGRAPH_PARAMETERS"
"""Path in SSM Parameter Store under which the parameters of rules and queries lie."""
INTERVALS: Final = "SECGRAPH_INTERVALS"
"""JSON: {"*": "ONE_HOUR", "aws-threats": "FIFTEEN_MINUTES"}; how often rules are evaluated, by pack."""
LEDGER_TABLE: Final = "SECGRAPH_LEDGER_TABLE"
REPLAY_TABLE: Final = "SECGRAPH_REPLAY_TABLE"
SOURCES: Final = "SECGRAPH_SOURCES"
"""JSON: {"regions": ["eu-west-1"], "readers": [{"account": "…", "role": "arn:…", "externalId": "…"}],
"hours": 24}; which sources are read by their APIs, and how often. The deployment's own account is a reader by
itself, and without regions its own is read. Not set, nothing is reconciled; see SOURCES_FILE."""
ADMINISTRATORS: Final = "SECGRAPH_ADMINISTRATORS"
"""The accounts, by commas, whose events may speak of findings of other accounts."""
ALERT_LINK: Final = "SECGRAPH_ALERT_LINK"
"""Address of a page about an alert, with `{rule}` where the rule's name goes."""
ACCOUNTS: Final = "SECGRAPH_ACCOUNTS"
"""JSON: {"123456789012": {"name": "shop-prod", "production": true}}; see ACCOUNTS_FILE."""
TEST_SOURCE_ENABLED: Final = "SECGRAPH_TEST_SOURCE"
"""`true` lets events of TEST_SOURCE in."""

# Folders inside the asset, beside the package.
PACKS_FOLDER: Final = "rule_packs"
ACCOUNTS_FILE: Final = "accounts.json"
"""The accounts map when it is too large for an environment variable; absent if none was configured."""
SOURCES_FILE: Final = "sources.json"
"""What SOURCES says if it is too large for an environment variable; absent if it is not."""
SMART_CLASSES_FILE: Final = "smart-classes.json"
"""The smart classes of the installation; absent if none were configured."""
REACH_FILE: Final = "reach.json"
"""Where the actions of rules may go; absent if none was configured, and then they may go nowhere."""

# Events.
GUARDDUTY_SOURCE: Final = "aws.guardduty"
GUARDDUTY_DETAIL_TYPE: Final = "GuardDuty Finding"
API_CALL_DETAIL_TYPE: Final = "AWS API Call via CloudTrail"
GUARDDUTY_CALLS: Final = ("ArchiveFindings", "UnarchiveFindings")
"""The calls that change a finding's state and send no finding event."""
INSPECTOR_SOURCE: Final = "aws.inspector2"
INSPECTOR_DETAIL_TYPE: Final = "Inspector2 Finding"
INSPECTOR_COVERAGE: Final = "Inspector2 Coverage"
INSPECTOR_SCAN: Final = "Inspector2 Scan"
ON_DEMAND_SOURCE: Final = "inspector2.ami.ondemand"
ON_DEMAND_DETAIL_TYPE: Final = "OnDemand AMI Scan Findings"
OWN_SOURCE: Final = "secgraph"
"""Of what the reconcile observes itself. No pattern of a bus lets it in."""
FINDING_STATE: Final = "Finding State Observed"
SOURCE_STATE: Final = "Source State Observed"
TEST_SOURCE: Final = "secgraph.test"
RECEIVED_ON_ATTRIBUTE: Final = "receivedOn"
"""Message attribute of a replayed event: when it was received for the first time, in epoch milliseconds."""

# Tables and bucket.
GRAPH_TABLE_KEY: Final = "id"
ALERT_TABLE_KEY: Final = "id"
LEDGER_TABLE_KEY: Final = "id"
OPEN_INDEX: Final = "open"
"""The sparse index of the graph table: open findings only, their keys only."""
OPEN_INDEX_KEY: Final = "openIn"
"""`source#account#region#bucket` of an open finding; no other item has it."""
LOCATOR: Final = "locator"
"""The `type` of those items of the graph table that nobody sees; the stream's reader is spared them."""
OUTBOX_PREFIX: Final = "outbox/"
"""How the ids of those items of the alert table begin that are messages on their way out."""
CHANGE_ITEM: Final = "change"
"""The item of the alert table that says which version of the image is to be evaluated. The projector writes
nothing else there."""
QUARANTINE_PREFIX: Final = "quarantine/"
RAW_PREFIX: Final = "raw/"
IMAGE_PREFIX: Final = "image/"
ASIDE_PREFIX: Final = "image-aside/"
RECONCILE_PREFIX: Final = "reconcile/"
"""What runs of the reconcile have seen until they end."""

# Metrics: one namespace, no account or region as a dimension.
METRICS_NAMESPACE: Final = "secgraph"
METRICS_DIMENSIONS: Final = {"service": SERVICE}
"""What Powertools adds by itself with POWERTOOLS_SERVICE_NAME=secgraph; the alarms ask for exactly these."""
METRIC_QUARANTINED: Final = "EventsQuarantined"
METRIC_RULES_FAILED: Final = "RulesFailed"
METRIC_MESSAGES_FAILED: Final = "MessagesFailed"
METRIC_RULE_RUNS: Final = "RuleRuns"
"""Runs of the rules by the schedule; those on change would hide that it has stopped."""
METRIC_SET_ASIDE: Final = "ItemsSetAside"
METRIC_SOURCES_FAILED: Final = "SourcesFailed"
"""Scopes that could not be read several times in a row."""
METRIC_FINDINGS_REPAIRED: Final = "FindingsRepaired"
"""Findings whose stored state was not their source's, which no event had told."""

# Times and sizes.
INGEST_TIMEOUT_SECONDS: Final = 60
QUERY_TIMEOUT_SECONDS: Final = 60
EVALUATE_TIMEOUT_SECONDS: Final = 600
EVALUATE_EVERY_MINUTES: Final = 15
CHANGE_WINDOW_SECONDS: Final = 30
"""What changes within it is evaluated together, by the rules that ask for evaluation on change."""
NOTIFY_TIMEOUT_SECONDS: Final = 120
NOTIFY_EVERY_MINUTES: Final = 5
TRIAGE_TIMEOUT_SECONDS: Final = 60
PROJECT_TIMEOUT_SECONDS: Final = 120
COMPACT_TIMEOUT_SECONDS: Final = 900
COMPACT_EVERY_MINUTES: Final = 5
REBUILD_TIMEOUT_SECONDS: Final = 900
RECONCILE_TIMEOUT_SECONDS: Final = 900
RECONCILE_EVERY_MINUTES: Final = 15
STATUS_TIMEOUT_SECONDS: Final = 60
REPLAY_TIMEOUT_SECONDS: Final = 900
