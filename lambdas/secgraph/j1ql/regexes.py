"""Regexes: a pattern → nothing, or what in it is outside the RE2 subset of J1QL (j1ql.md section 5).

Taken: classes, `\\d \\w \\s \\b` and their opposites, quantifiers, groups, alternation, anchors. Refused:
back-references and look-around, which RE2 lacks, and everything that RE2 would refuse as the query runs.
"""

from __future__ import annotations

import re

MAX_PATTERN = 1000
"""Longest pattern in code points."""

MAX_REPEAT = 1000
"""Most repetitions, nested counts multiplied: RE2's own limit."""

_ESCAPE = re.compile(r"\\(?:[dDsSwWbBAzafnrtv]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9\u0080-\U0010ffff])")
_IN_CLASS = re.compile(
    r"\\(?:[dDsSwWafnrtv]|x[0-9A-Fa-f]{2}|[^A-Za-z0-9\u0080-\U0010ffff])|\[:\^?[a-z]+:\]|[^\\\]]"
)
_CLASSES = "alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit"
_POSIX = frozenset(_CLASSES.split())
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_GROUP = re.compile(r"\((?:\?(?:[ims]+(?:-[ims]+)?|-[ims]+)?:|(?!\?))")
_FLAGS = re.compile(r"\(\?(?:[ims]+(?:-[ims]+)?|-[ims]+)\)")
_REPEAT = re.compile(r"(?:[*+?]|\{(\d+)(?:,(\d*))?\})\??", re.ASCII)


class RegexError(Exception):
    """What is wrong, and at which code point of the pattern."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def check_pattern(pattern: str) -> None:
    """Raises RegexError at the first thing that RE2 or J1QL does not take."""
    if len(pattern) > MAX_PATTERN:
        raise RegexError(f"This regular expression is longer than {MAX_PATTERN} characters.", 0)
    _Scan(pattern).run()


class _Scan:
    """One pass from left to right. `weight` is how often the last atom repeats at most, 0 if there is none;
    `open` keeps, for each open group, where it began and the heaviest atom before it."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.weight = 0
        self.heaviest = 1
        self.open: list[tuple[int, int]] = []

    def run(self) -> None:
        while self.at < len(self.pattern):
            self._step()
        if self.open:
            raise RegexError("This group has no closing bracket.", self.open[-1][0])

    def _step(self) -> None:
        match self.pattern[self.at]:
            case "(":
                self._group()
            case ")":
                self._close()
            case "[":
                self._atom(self._class())
            case "\\":
                self._atom(self._escape())
            case "|":
                self.at, self.weight = self.at + 1, 0
            case "*" | "+" | "?" | "{":
                self._repeat()
            case _:
                self._atom(self.at + 1)

    def _atom(self, end: int) -> None:
        self.at, self.weight = end, 1

    def _group(self) -> None:
        if flags := _FLAGS.match(self.pattern, self.at):
            self.at, self.weight = flags.end(), 0
            return
        found = _GROUP.match(self.pattern, self.at)
        if not found:
            reason = "Look-around, names and other (?…) groups are not taken; (?:…) and (?i) are."
            raise RegexError(reason, self.at)
        self.open.append((self.at, self.heaviest))
        self.at, self.weight, self.heaviest = found.end(), 0, 1

    def _close(self) -> None:
        if not self.open:
            raise RegexError("This closing bracket has no group; write \\).", self.at)
        _, before = self.open.pop()
        self.at, self.weight = self.at + 1, self.heaviest
        self.heaviest = max(before, self.heaviest)

    def _escape(self) -> int:
        found = _ESCAPE.match(self.pattern, self.at)
        if found:
            return found.end()
        escape = self.pattern[self.at : self.at + 2]
        if escape[1:].isdigit():
            raise RegexError(f"Back-references such as {escape} are not taken.", self.at)
        raise RegexError(f"{escape} means nothing in a regular expression.", self.at)

    def _repeat(self) -> None:
        found = _REPEAT.match(self.pattern, self.at)
        if not found:
            self._atom(self.at + 1)
            return
        if not self.weight:
            raise RegexError(f"Nothing stands before {found[0]} that it could repeat.", self.at)
        counts = [int(count) for count in found.groups() if count]
        most = self.weight * max([1, *counts])
        if most > MAX_REPEAT or counts != sorted(counts):
            raise RegexError(f"{found[0]} counts wrongly: from few to many, {MAX_REPEAT} at most.", self.at)
        self.heaviest = max(self.heaviest, most)
        self.at, self.weight = found.end(), 0

    def _class(self) -> int:
        """The end of `[…]`; a closing bracket in first place is a member."""
        begin = self.at + 1 + (self.pattern[self.at + 1 : self.at + 2] == "^")
        at, first = begin, True
        while first or self.pattern[at : at + 1] != "]":
            at, first = self._member(at, first), False
        return at + 1

    def _member(self, at: int, first: bool) -> int:
        """The end of one member, `a` or `a-z`."""
        low, end = self._single(at, first)
        dash = self.pattern[end : end + 1] == "-" and self.pattern[end + 1 : end + 2] not in ("", "]")
        if not dash:
            return end
        high, last = self._single(end + 1, False)
        ends = _character(low), _character(high)
        if "" in ends:
            raise RegexError(f"{low}-{high} is no range of characters.", at)
        if ends[0] > ends[1]:
            raise RegexError(f"{low}-{high} runs backwards.", at)
        return last

    def _single(self, at: int, first: bool) -> tuple[str, int]:
        if first and self.pattern[at : at + 1] == "]":
            return "]", at + 1
        found = _IN_CLASS.match(self.pattern, at)
        if not found:
            reason = (
                "This class has no closing ]."
                if at >= len(self.pattern)
                else "This means nothing in a class."
            )
            raise RegexError(reason, self.at if at >= len(self.pattern) else at)
        if len(found[0]) > 2 and found[0][0] == "[" and found[0].strip("[:^]") not in _POSIX:
            raise RegexError(f"{found[0]} is no class.", at)
        return found[0], found.end()


def _character(member: str) -> str:
    """The one character that a class member stands for, or empty if it stands for several."""
    if len(member) == 1:
        return member
    if member.startswith("\\x"):
        return chr(int(member[2:], 16))
    letter = member[1:]
    return _CONTROLS.get(letter, "" if len(letter) > 1 or letter.isalpha() else letter)
