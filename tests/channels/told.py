"""Notifications of every kind, as files of tests/channels/golden/ show them in each channel."""

from __future__ import annotations

from dataclasses import replace

from secgraph.alerts.digest import Digest
from secgraph.alerts.notification import Event, Notification
from secgraph.rules.rule import Level

HOUR = 3_600_000
NOON = 1_777_636_800_000  # 2026-05-01T12:00:00Z

HOST = Digest(
    hash=0x6C5808A8,
    since=NOON,
    title="i-0abc is querying a domain of a mining pool",
    type="CryptoCurrency:EC2/BitcoinTool.B!DNS",
    target="i-0abc",
    account="111122223333",
    account_name="shop-prod",
    region="eu-west-1",
    severity="high",
    score=8.0,
    owner="team-shop",
    link="https://eu-west-1.console.aws.amazon.com/guardduty/home?region=eu-west-1#/findings?fId=6c58&x=1",
    found=NOON - HOUR,
    path="Internet → sg-1 → shop-web-1 → role web → shop-data",
)
PACKAGE = Digest(
    hash=2,
    since=NOON,
    title="CVE-2026-1234 - openssl",
    type="aws_inspector_finding",
    target="i-0def",
    account="444455556666",
    region="us-east-1",
    severity="critical",
    score=9.8,
    fix="openssl 3.0.1 -> 3.0.2",
)
OPENED = Notification(
    id="mining-on-production#3",
    thread="mining-on-production/00000000000000aa",
    event=Event.OPENED,
    level=Level.HIGH,
    earlier=Level.HIGH,
    rule="mining-on-production",
    pack="aws-threats.json",
    description="A production host talks to a mining pool & has a severe vulnerability.",
    remediation="Isolate the instance, then rotate the keys of its role.",
    queries=(
        "FIND aws_guardduty_finding WITH open = true\n  THAT HAS aws_instance WITH tag.Production = true",
    ),
    on=NOON,
    opened_on=NOON,
    total=1,
    counted=1,
    group="i-0abc",
    rows=(HOST,),
    link="https://wiki.example.com/alerts?rule=mining-on-production&from=secgraph",
)
HOSTILE = replace(
    HOST,
    title="<!channel> *clear* :white_check_mark: <https://evil.example|click> & `x` _y_ [go](https://e.example)",
    type="> quoted\nsecond line\x1b[31m",
    target="`<@U123>`",
    account_name="\u202eprod</b>",
    owner="@here #general <!here|x>",
    fix="https://evil.example/fix",
    path="<!date^0^{date}|now> → javascript:alert(1)",
    link="https://console.aws.amazon.com@evil.example/",
)

TOLD: dict[str, Notification] = {
    "opened": OPENED,
    "opened-10000-rows": replace(
        OPENED,
        level=Level.LOW,
        thread=OPENED.rule,
        group="",
        total=10_000,
        counted=10_000,
        rows=tuple(replace(PACKAGE, hash=n, title=f"CVE-2026-{n} - openssl") for n in range(1, 6)),
    ),
    "opened-in-12-groups": replace(
        OPENED, thread=OPENED.rule, group="", groups=12, total=340, counted=40, rows=(HOST, PACKAGE)
    ),
    "new-rows": replace(
        OPENED, event=Event.NEW_ROWS, on=NOON + HOUR, total=12, counted=1, gone=2, rows=(PACKAGE,)
    ),
    "level-raised": replace(OPENED, event=Event.LEVEL_RAISED, level=Level.CRITICAL, earlier=Level.LOW),
    "resolved": replace(OPENED, event=Event.RESOLVED, on=NOON + HOUR, total=0),
    "retired": replace(
        OPENED, event=Event.RETIRED, on=NOON + HOUR, group="", note="No pack holds this rule any more."
    ),
    "failed": replace(
        OPENED,
        event=Event.FAILED,
        rows=(),
        counted=0,
        group="",
        note="line 1, column 6: no such class, Fnding",
    ),
    "without-rows": replace(OPENED, total=0, counted=0, rows=(), group="", queries=(), remediation=""),
    "summary": Notification(
        id="summary",
        thread="summary",
        event=Event.SUMMARY,
        level=Level.CRITICAL,
        earlier=Level.CRITICAL,
        rule="summary",
        pack="",
        description="2 alerts open: 1 critical, 1 high",
        remediation="",
        queries=(),
        on=NOON,
        opened_on=NOON,
        total=8,
        counted=7,
        groups=2,
        rows=(PACKAGE, HOST),
        note="The first summary.\n\n  CRITICAL · exposed · 7 rows\n  HIGH · mining · 1 row",
    ),
    "hostile": replace(
        OPENED,
        rule="<!everyone> *rule*",
        pack="`pack`",
        description="> R&D <https://evil.example|docs> *bold*",
        remediation="run `rm` & <!subteam^S1>",
        queries=("FIND * WITH name = '```<!channel>'",),
        group=HOSTILE.title,
        link="https://wiki.example.com/alerts?rule=<!everyone>",
        rows=(HOSTILE,),
    ),
}
