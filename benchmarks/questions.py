"""The questions that are measured: J1QL, by name.

Q1 to Q7 are of a kind that people ask every day. Q8, everything within two hops of one finding, starts from a
finding of a typical instance. Trees come whole: the bound of a page (250 entities) would refuse most of them.
Lists and tables come as the first page, as people get them.
"""

from __future__ import annotations

from typing import Final

TITLES: Final = {
    "Q1": "threatened and vulnerable, tree",
    "Q1 list": "threatened and vulnerable, list",
    "Q2": "production with severe findings",
    "Q3": "severe findings of the last day",
    "Q4": "production without findings",
    "Q5": "findings by type and severity",
    "Q6": "from the Internet to roles, tree",
    "Q7": "full text",
    "Q8": "two hops around a finding, tree",
}
QUESTIONS: Final = {
    "Q1": "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7 return tree",
    "Q1 list": "Find aws_guardduty_finding that relates to aws_instance "
    "that has aws_inspector_finding with numericSeverity > 7",
    "Q2": "Find (Host|DataStore|Application|CodeRepo|Account|Service|Network) with tag.Production=true "
    "that has Finding with severity='High' or numericSeverity>7",
    "Q3": "Find Finding with (severity='high' or numericSeverity>=7) and _createdOn > date.now-24hours",
    "Q4": "Find aws_instance with tag.Production=true that !has Finding",
    "Q5": "Find Finding as f return f._type, f.severity, count(f)",
    "Q6": "Find Internet that allows aws_security_group that protects aws_instance that uses aws_iam_role "
    "return tree",
    "Q7": 'Find "10.0.12.7"',
}
AROUND: Final = "Find * with _id = '{start}' that relates to * that relates to * return tree"
"""Q8: `start` is the `_id` of a finding."""


def texts(start: str) -> dict[str, str]:
    """Give all questions, Q8 around this finding."""
    return {**QUESTIONS, "Q8": AROUND.format(start=start)}
