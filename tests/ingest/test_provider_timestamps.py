"""Every form of a moment gives the same milliseconds."""

from __future__ import annotations

import pytest

from secgraph.ingest.timestamps import milliseconds

SECOND = 1_701_540_150_000  # 2023-12-02T18:02:30Z


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-12-02T18:02:30Z", SECOND),
        ("2023-12-02T18:02:30", SECOND),
        ("2023-12-02T18:02:30.4567Z", SECOND + 456),
        ("2023-12-02T18:02:30.4Z", SECOND + 400),
        ("2023-12-02T20:02:30.045000+02:00", SECOND + 45),
        ("2023-12-02T13:32:30-0430", SECOND),
        ("2023-12-02 18:02:30.999999999", SECOND + 999),
        ("Sat Dec 02 18:02:30.045 UTC 2023", SECOND + 45),
        ("Sat Dec  2 18:02:30 UTC 2023", SECOND),
        ("Dec 2, 2023, 6:02:30 PM", SECOND),
        ("Dec 2, 2023, 6:02:30\u202fPM", SECOND),
        ("Dec 2, 2023, 12:02:30 AM", SECOND - 18 * 3_600_000),
        ("Dec 2, 2023, 12:02:30 PM", SECOND - 6 * 3_600_000),
        (SECOND // 1000, SECOND),
        (SECOND / 1000 + 0.25, SECOND + 250),
        (SECOND / 1000 + 0.2509, SECOND + 250),
        (SECOND, SECOND),
        (float(SECOND), SECOND),
        ("1970-01-01T00:00:00Z", 0),
        (str(SECOND // 1000), SECOND // 1000 * 1000),
        (str(SECOND), SECOND),
        ("1728014790.377", 1_728_014_790_377),
    ],
)
def test_forms(value, expected):
    assert milliseconds(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "17280147900000000",
        "-1",
        "2023-13-02T18:02:30Z",
        "2023-02-30T18:02:30Z",
        "Dez 2, 2023, 6:02:30 PM",
        "Dec 2, 2023, 13:02:30 PM",
        "Dec 2, 2023, 0:02:30 PM",
        "1969-12-31T23:59:59Z",
        "２０２３-12-02T18:02:30Z",
        -1,
        10**400,
        float("inf"),
        float("nan"),
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_moment(value):
    with pytest.raises(ValueError, match=r"not a|month"):
        milliseconds(value)
