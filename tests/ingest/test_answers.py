"""Answers of list calls taken apart: every text that comes in is still there."""

from __future__ import annotations

import sys

import pytest

from secgraph.ingest.answers import is_empty, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            '{"Findings": [{"a": 1}, 7], "NextToken": ""}',
            [(".Findings[0]", '{"a": 1}'), (".Findings[1]", "7")],
        ),
        ('\ufeff{"findings": ["x"], "findingArn": null}', [(".findings[0]", '"x"')]),
        ('{"Findings": []}', None),
        ('{"findingArn": "arn", "findings": []}', None),
        ('{"findingArn": "arn", "findings": [{}]}', None),
        ('{"Arn": "arn", "Findings": [{}]}', None),
        ('{"detail": {}, "findings": [{}]}', None),
        ('{"Records": [], "Findings": [{}]}', None),
        ('{"findings": {}}', None),
        ('[{"findings": []}]', None),
        ('{"findings": [', None),
    ],
)
def test_an_answer_is_taken_apart_and_any_other_text_stays_whole(text, parts):
    assert split(text) == (parts or [("", text)])
    assert is_empty(text) == (text == '{"Findings": []}')


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ('{"a":', "}")])
def test_no_depth_of_nesting_is_too_much(begin, end):
    limit = sys.getrecursionlimit()
    for depth in (*range(limit - 300, limit), 200_000):
        text = f'{{"Findings": [{begin * depth}1{end * depth}]}}'
        assert split(text) in ([("", text)], [(".Findings[0]", text[14:-2].replace(":", ": "))])


def test_what_can_be_read_and_not_be_written_again_stays_whole(monkeypatch):
    """How deep Python reads and how deep it writes are two limits, which differ from version to version."""

    def too_deep(value: object) -> str:
        raise RecursionError

    monkeypatch.setattr("secgraph.ingest.answers.json.dumps", too_deep)
    assert split('{"Findings": [[[]]]}') == [("", '{"Findings": [[[]]]}')]
