"""Escaping: what a template wrote and what its expressions gave in, text as it may stand in one place out.

Text of the template's own stays as it is, also that of templates inside templates. Text from the graph can
neither end what it stands in nor begin anything: it is text, whatever it says. Secrets keep their place.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from secgraph.rules.effects import AS_JSON, AS_URL
from secgraph.rules.expressions.budget import Budget, EvaluationError
from secgraph.rules.expressions.values import Foreign, Own, Sealed, pieces_of, plain

Written = Sequence[tuple[bool, object]]
"""Parts of a text in order: a text that the template itself has (True), or the value of an expression."""
Place = Callable[[Written, Budget], "list[str | Sealed]"]

_CONTROL: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control and format characters (they reorder or hide text), lone surrogates, line and paragraph ends."""


_DOTS: Final = re.compile(r"(\.|%2e){1,2}", re.IGNORECASE)
"""A part of a path that stands for the one that it is in, or for the one above."""


def one_line(text: str) -> str:
    """Give text of the graph as one line: no control characters, blanks collapsed."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = "".join(" " if unicodedata.category(char) in _CONTROL else char for char in text)
    return " ".join(kept.split())


def verbatim(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write where what carries the text escapes it itself: a string inside JSON, a value."""
    return _pieces(written, budget, lambda text: text)


def plain_text(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write text for people or programs that take it as it is."""
    return _pieces(written, budget, one_line)


def url(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write a URL: text of the graph is one component of it, percent-encoded, and never leads elsewhere."""
    found: list[str | Sealed] = []
    address, foreign = "", []
    for is_own, value in written:
        for piece in (Own(str(value)),) if is_own else pieces_of(value, budget):
            if isinstance(piece, Foreign):
                foreign.append(len(address))
            part = _component(piece.text) if isinstance(piece, Foreign) else _kept(piece)
            part = replace(part, form=AS_URL) if isinstance(part, Sealed) and found else part
            # A secret at the beginning may be an address of any form, also one that ends with a slash.
            address += part if isinstance(part, str) else "" if found else "/"
            found.append(part)
    _check_segments(address, foreign)
    return found


def _component(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe="")


def _check_segments(address: str, foreign: Sequence[int]) -> None:
    """Refuse text of the graph, which begins at these offsets, that takes away parts of the path. Servers
    read `%2e` as a dot, and some of them leave out what follows a semicolon."""
    path = re.split(r"[?#]", address, maxsplit=1)[0]
    for segment in re.finditer(r"[^/]+", path):
        begun = any(segment.start() <= offset < segment.end() for offset in foreign)
        if begun and _DOTS.fullmatch(segment[0].partition(";")[0]):
            raise EvaluationError(
                f"makes a part of the path of a URL {segment[0][:20]!r}, which leads to another address; put "
                "the value behind `?`, or a text of your own before it"
            )


def form(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write the body of a form: text of the graph is part of one value, percent-encoded."""
    found = _pieces(written, budget, _component)
    return [replace(piece, form=AS_URL) if isinstance(piece, Sealed) else piece for piece in found]


def header(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write the value of an HTTP header: one line of printable ASCII."""
    found = _pieces(written, budget, lambda text: re.sub(r"[^ -~]", "?", one_line(text)))
    if any(isinstance(piece, str) and re.search(r"[^\t -~]", piece) for piece in found):
        raise EvaluationError("puts a line end or a character outside ASCII into a header; take it out")
    return found


def _pieces(written: Written, budget: Budget, escape: Callable[[str], str]) -> list[str | Sealed]:
    found: list[str | Sealed] = []
    for is_own, value in written:
        if is_own:
            found.append(str(value))
            continue
        for piece in pieces_of(value, budget):
            found.append(escape(piece.text) if isinstance(piece, Foreign) else _kept(piece))
    return found


def _kept(piece: Own | Sealed) -> str | Sealed:
    return piece if isinstance(piece, Sealed) else piece.text


# ── Slack ─────────────────────────────────────────────────────────────────────────────────────────────

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKALIKES: Final = {"*": "∗", "~": "∼", "`": "‵", "_": "＿"}
"""Slack has no escape for its formatting characters; these look like them and format nothing."""
_FORMATTING: Final = re.compile(r"[&<>*~`]|(?<![^\W_])_|_(?![^\W_])")
"""An underscore between letters or digits formats nothing, and stands in most names of AWS."""
_EMOJI: Final = re.compile(r":(?=[\w+'-]+:)")
_LINKED: Final = re.compile(r"<[^<>|]*\Z")
_ADDRESS: Final = "-._~:/?#[]@!$&'()*+,;=%"


def slack_text(text: str) -> str:
    """Escape text of the graph for Slack's markup: no mention, link, emphasis, code, emoji or quotation."""
    line = _EMOJI.sub("∶", one_line(text))
    quoted = f"›{line[1:]}" if line.startswith(">") else line
    return _FORMATTING.sub(lambda found: _ENTITIES.get(found[0]) or _LOOKALIKES[found[0]], quoted)


def slack(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write Slack's markup. Inside `<…` of the template's own, text of the graph is part of an address."""
    found: list[str | Sealed] = []
    link = ""
    for is_own, value in written:
        for piece in (Own(str(value)),) if is_own else pieces_of(value, budget):
            if isinstance(piece, Sealed):
                found.append(piece)
                continue
            text = piece.text
            if isinstance(piece, Foreign):
                text = _slack_address(text, link) if link else slack_text(text)
            found.append(text)
            opened = _LINKED.search(link + text)
            link = opened[0] if opened else ""
    return found


def _slack_address(text: str, link: str) -> str:
    """Escape an address. One that begins the link must be of the web: `<!channel>` would call everybody."""
    web = link != "<" or re.match(r"https?://", text, re.IGNORECASE)
    coded = quote(text.encode("utf-8", "replace"), safe=_ADDRESS if web else "")
    return coded.replace("&", "&amp;")


# ── a text that is JSON ───────────────────────────────────────────────────────────────────────────────

_TO_QUOTE: Final = re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL)


def json_text(written: Written, budget: Budget) -> list[str | Sealed]:
    """Write a JSON document that a template spells out: inside quotes a value is escaped text, elsewhere it
    is JSON of its own type."""
    found: list[str | Sealed] = []
    quoted = False
    for is_own, value in written:
        if is_own:
            found.append(str(value))
            quoted = _in_quotes(str(value), quoted)
        elif quoted:
            found += [_inner(piece) for piece in pieces_of(value, budget)]
        elif isinstance(value, Sealed):
            raise EvaluationError("puts a secret into JSON outside quotes; write quotes around it")
        else:
            found.append(_json(value, budget))
    return found


def _inner(piece: Own | Foreign | Sealed) -> str | Sealed:
    if isinstance(piece, Sealed):
        return replace(piece, form=AS_JSON)
    return json.dumps(piece.text)[1:-1]


def _json(value: object, budget: Budget) -> str:
    made = json.dumps(plain(value, budget))
    budget.write(len(made))
    return made


def _in_quotes(text: str, quoted: bool) -> bool:
    """Whether a string is open behind a text, if one is or is not before it."""
    offset = 0
    while True:
        found = _TO_QUOTE.match(text, offset)
        offset = found.end() if found else offset
        if offset >= len(text) or text[offset] != '"':
            return quoted
        quoted = not quoted
        offset += 1
