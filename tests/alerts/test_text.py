"""Text from outside: whatever it holds, what comes out is one clean, bounded line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secgraph.alerts.text import ascii_line, line, paragraph

ANY = st.text(st.characters(codec=None), max_size=300)


@given(ANY, st.integers(4, 120))
def test_a_line_is_bounded_and_has_no_control_characters(text: str, limit: int):
    clean = line(text, limit)
    assert len(clean) <= limit
    assert not [char for char in clean if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert clean == clean.strip()
    assert clean.encode().decode() == clean


@given(ANY, st.integers(4, 120))
def test_a_subject_is_printable_ascii(text: str, limit: int):
    clean = ascii_line(text, limit)
    assert len(clean) <= limit
    assert all(" " <= char <= "~" for char in clean)


@given(ANY, st.integers(4, 120))
def test_a_paragraph_is_bounded_and_ends_lines_only_with_a_line_feed(text: str, limit: int):
    clean = paragraph(text, limit)
    assert len(clean) <= limit
    assert not [char for char in clean if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\r\nSubject: b", "a Subject: b"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("in\u202eversed", "in versed"),
        ("  many \t blanks ", "many blanks"),
        ("half \ud800 char", "half char"),
        ("0123456789abc", "012345678…"),
        (7, "7"),
        ("", ""),
    ],
)
def test_lines(text: object, expected: str):
    assert line(text, 10 if text == "0123456789abc" else 40) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zürich façade", "Zurich facade"),
        ("日本 rule", "?? rule"),
        ("a – b", "a ? b"),
        ("cut at some place", "cut at so..."),
        ("line\nbreak", "line break"),
    ],
)
def test_subjects(text: str, expected: str):
    assert ascii_line(text, 12 if text.startswith("cut") else 40) == expected


def test_a_paragraph_keeps_its_lines():
    assert paragraph("FIND a\r\n  THAT HAS b\x07\n", 40) == "FIND a\n  THAT HAS b"
