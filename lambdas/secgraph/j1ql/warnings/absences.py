"""Absences: a name that nothing in the graph has → a sentence with the names that were probably meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from secgraph.graph.relations import Kind
from secgraph.j1ql.nodes import Selector
from secgraph.j1ql.text.advice import distance, joined, near, short
from secgraph.j1ql.warnings.holders import Holders, Holdings

PROPOSED = 3
"""Most names that a sentence proposes."""

_ENOUGH = 4
"""From this many letters on, a word is looked for at the edges of longer names too."""

_PART = re.compile(r"(?<=[._])(?=.)|(?<=[a-z0-9])(?=[A-Z])", re.ASCII)
"""Where a part of a name begins that is written as_this, asThis or as.this."""


def no_names(names: Iterable[str], holdings: Holdings, what: str = "") -> Iterator[str]:
    """Classes and types that nobody has: a sentence for each that was probably meant to be another, one for
    the rest. `what` is `class` or `type` where the first letter does not decide."""
    sorts = holdings.catalogue.sorts
    held = {sort.type for sort in sorts} | {name for sort in sorts for name in sort.classes}
    sought = {f"{what or _what(name)} {short(name)}": name for name in names}
    meant = {shown: [f"{_what(it)} {it}" for it in _alike(name, held)] for shown, name in sought.items()}
    return _absent("entity", meant)


def no_verbs(verbs: Iterable[str], holdings: Holdings) -> Iterator[str]:
    """Verbs of a step that no relationship has."""
    held = holdings.catalogue.verbs
    return _absent("relationship", {f"class {short(verb)}": _alike(verb, held) for verb in verbs})


def _what(name: str) -> str:
    return "class" if name[:1].isupper() else "type"


def _absent(record: str, meant: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from (f"No {record} has {shown}{_exist(alike)}." for shown, alike in meant.items() if alike)
    others = [shown for shown, alike in meant.items() if not alike]
    if others:
        yield f"No {record} has {joined(others, 'or')}."


def no_smart(selector: Selector, holdings: Holdings) -> str:
    """A smart class in which nobody is, or nobody with the names beside it."""
    name = selector.smart or ""
    shown = short(str(Selector(smart=name)))
    named = Selector(selector.names)
    subject = holdings.of_selector(named).subject
    if holdings.smart_classes.needed(name):
        return f"No {short(subject)} can be {shown}: none has what the smart class asks for."
    tagged = {sort.type for sort in holdings.catalogue.sorts if sort.number in holdings.tagged(name)}
    if tagged:
        return f"No {short(subject)} has tag.{short(name)} = true{_have(sorted(tagged))}."
    known = holdings.catalogue.entity_sorts
    flags = [it[4:] for it, kind in known if it.startswith("tag.") and kind is Kind.BOOLEAN]
    alike = _alike(name, {*flags, *holdings.smart_classes.defined})
    meant = _exist([str(Selector(smart=it)) for it in alike])
    return f"There is no smart class {shown}, and no entity has tag.{short(name)} = true{meant}."


def no_property(name: str, holders: Holders, *, is_guard: bool = False) -> Iterator[str]:
    """A property that none of the holders has. A guard (`sample != true`) is meant to hold where nothing has
    the mark: of that only a look-alike is told."""
    meant = _exist(_alike(name, holders.properties())) or _have(holders.others(name))
    if meant or not is_guard:
        yield f"No {short(holders.subject, 60)} has a property {short(name)}{meant}."


def _alike(word: str, candidates: Collection[str]) -> list[str]:
    """The names that were probably meant: the same but for letter case; else the fewest slips away; else
    longer ones that begin with the word, or end with it where a part of the name begins."""
    found = near(word, candidates)
    same = [it for it in found if _folded(it) == _folded(word)]
    slips = [distance(word.lower(), it.lower(), len(word)) for it in found]
    nearest = [it for it, count in zip(found, slips, strict=True) if count == slips[0]]
    return (same or nearest or _longer(word, candidates))[:PROPOSED]


def _longer(word: str, candidates: Iterable[str]) -> list[str]:
    sought = _folded(word)
    if len(sought) < _ENOUGH:
        return []
    found = [it for it in candidates if _folded(it).startswith(sought) or sought in _endings(it)]
    return sorted(found, key=lambda it: (len(it), it))


def _endings(name: str) -> set[str]:
    """`aws_s3_bucket` → s3bucket, bucket; `tag.AccountName` → accountname, name."""
    return {_folded(name[part.start() :]) for part in _PART.finditer(name)}


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


def _exist(names: Sequence[str]) -> str:
    shown = [short(name, 60) for name in names]
    return f"; {joined(shown)} {'exists' if len(names) == 1 else 'exist'}" if names else ""


def _have(names: Sequence[str]) -> str:
    if not names:
        return ""
    rest = len(names) - PROPOSED
    shown = [*(short(name, 60) for name in names[:PROPOSED]), *([f"{rest} more"] if rest > 0 else [])]
    return f"; {joined(shown)} {'has' if len(names) == 1 else 'have'} it"
