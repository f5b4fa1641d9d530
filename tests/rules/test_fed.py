"""What `check` believes to be fed is what ingest writes: held to the events of tests/ingest."""

from __future__ import annotations

from secgraph.rules.fed import FED, FED_VERBS
from tests.docs.brought import changes

SEEN = [change for change in changes() if "_class" in change.observation.properties]
"""What states a class; a locator, which passes on what was said under another name, is never seen."""


def test_whatever_ingest_writes_is_declared_with_its_classes():
    written = {change.thing.type: change.observation.properties["_class"] for change in SEEN}
    assert written
    assert {type_: FED[type_] for type_ in written} == written


def test_whatever_is_declared_is_written():
    written = {change.thing.type for change in SEEN}
    assert FED.keys() - written <= SELDOM


SELDOM = {
    "vulnerability",
    "kube_cron_job",
    "kube_daemon_set",
    "kube_job",
    "kube_replica_set",
    "kube_replication_controller",
    "kube_stateful_set",
}
"""Vulnerabilities that are neither CVE nor GitHub advisory, and workloads that are read by the same line as
pods and deployments; no fixture has one."""


def test_the_verbs_are_those_that_ingest_writes():
    assert {edge.verb for change in SEEN for edge in change.observation.edges} == FED_VERBS
