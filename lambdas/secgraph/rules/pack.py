"""Rule packs: JSON texts in, rules out, and beside them every problem with file, rule, field and remedy.

The format is JupiterOne's (rules.md section 1), in its short and its full form, alone or in an array. One
bad rule never stops the others; what is unknown is kept and warned about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from secgraph.errors import PackError
from secgraph.rules.actions_read import MAX_NAME
from secgraph.rules.fields import Fields, Json, Repeated, kind, shown
from secgraph.rules.operations_read import asked_by, operations
from secgraph.rules.rule import (
    Interval,
    Level,
    Rule,
    RuleQuery,
)
from secgraph.rules.texts_read import MAX_TEXT, Known, templates

MAX_PACK: Final = 2_000_000
"""Characters of one file."""
MAX_RULES: Final = 2_000
MAX_QUERIES: Final = 20
MAX_OUTPUTS: Final = 50

DEFAULT_OUTPUTS: Final = ("queries.query0.total", "alertLevel")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rule, or with index None a whole file, that cannot be used, and everything that is wrong with it."""

    rule: str
    index: int | None
    problems: tuple[PackError, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """What a file holds: the rules that can be used, in order, and those that cannot."""

    name: str
    rules: tuple[Rule, ...] = ()
    rejected: tuple[Rejected, ...] = ()

    @property
    def problems(self) -> tuple[PackError, ...]:
        """List every problem of the file."""
        return tuple(problem for rejected in self.rejected for problem in rejected.problems)


def load_all(texts: Iterable[tuple[str, str]]) -> tuple[Pack, ...]:
    """Load packs from (name, text) pairs. A rule name is the rule's identity, so of two rules with one
    name, in one pack or in two, the later is rejected."""
    owners: dict[str, str] = {}
    packs = []
    for name, text in texts:
        pack = load(text, name)
        packs.append(_without_doubles(pack, owners))
    return tuple(packs)


def load(text: str, name: str) -> Pack:
    """Load one pack; `name` is how problems call the file. Doubles inside it are `load_all`'s to find."""
    raw, problem = _json(text, name)
    if problem is not None:
        return Pack(name, rejected=(Rejected("", None, (problem,)),))
    entries = raw if isinstance(raw, list) else [raw]
    if isinstance(raw, dict) and isinstance(raw.get("rules"), list):
        hint = "is an object with `rules`; put the array of rules itself into the file"
        return Pack(name, rejected=(Rejected("", None, (PackError(hint, name),)),))
    if len(entries) > MAX_RULES:
        hint = f"holds {len(entries)} rules; split it into files of at most {MAX_RULES}"
        return Pack(name, rejected=(Rejected("", None, (PackError(hint, name),)),))
    rules: list[Rule] = []
    rejected: list[Rejected] = []
    for index, entry in enumerate(entries):
        outcome = _rule(entry, name, index)
        if isinstance(outcome, Rule):
            rules.append(outcome)
        else:
            rejected.append(outcome)
    return Pack(name, tuple(rules), tuple(rejected))


def _without_doubles(pack: Pack, owners: dict[str, str]) -> Pack:
    """Reject the rules whose name an earlier one has; `owners` maps names to where they stand."""
    kept, doubles = [], []
    for rule in pack.rules:
        where = f"{pack.name}, rule {rule.index + 1} {rule.name!r}"
        if rule.name in owners:
            reason = f"is the name of {owners[rule.name]} too; rename one, a name stands for one alert"
            problem = PackError(reason, f"{where}, name")
            doubles.append(Rejected(rule.name, rule.index, (problem,)))
        else:
            owners[rule.name] = where
            kept.append(rule)
    return replace(pack, rules=tuple(kept), rejected=(*pack.rejected, *doubles))


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────


def _json(text: str, name: str) -> tuple[Json, PackError | None]:
    if len(text) > MAX_PACK:
        return None, PackError(f"has {len(text)} characters; split it into files of at most {MAX_PACK}", name)
    strange = next((place for place, char in enumerate(text) if "\ud800" <= char <= "\udfff"), None)
    if strange is not None:
        line = text.count("\n", 0, strange) + 1
        return None, PackError("is not UTF-8 text; save the file as UTF-8", f"{name}, line {line}")
    try:
        return (
            json.loads(
                text.removeprefix("\ufeff"), object_pairs_hook=Repeated.of, parse_constant=_no_constant
            ),
            None,
        )
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg}; look for a missing or extra comma, quote or bracket just before"
        return None, PackError(reason, f"{name}, line {error.lineno}, column {error.colno}")
    except RecursionError:
        return None, PackError("is nested too deeply to be read; flatten it", name)
    except ValueError as error:
        return None, PackError(f"holds a number that cannot be read: {error}", name)


def _no_constant(text: str) -> Json:
    raise ValueError(f"{text} is not a number of JSON; write a plain number")


# ── one rule ──────────────────────────────────────────────────────────────────────────────────────────


def _rule(raw: Json, pack: str, index: int) -> Rule | Rejected:
    place = f"{pack}, rule {index + 1}"
    if not isinstance(raw, dict):
        problem = PackError(f"is {kind(raw)}; write an object with name, description and queries", place)
        return Rejected("", index, (problem,))
    name = raw.get("name")
    problems: list[PackError] = []
    fields = Fields(raw, f"{place} {name!r}" if isinstance(name, str) and name else place, problems)
    rule = _read_rule(fields, pack, index)
    if problems:
        return Rejected(name if isinstance(name, str) else "", index, tuple(problems))
    return replace(rule, warnings=(*rule.warnings, *_unknown(fields)))


def _read_rule(fields: Fields, pack: str, index: int) -> Rule:
    """Read every field; where one is wrong a problem is noted and the rule is not used."""
    name = fields.text("name", limit=MAX_NAME, required="give the rule a short name of its own")
    level = Level[fields.choice("alertLevel", [level.name for level in reversed(Level)], Level.HIGH.name)]
    interval = fields.choice("pollingInterval", [each.name for each in Interval], Interval.ONE_DAY.name)
    queries, warnings = _queries(fields)
    texts = fields.pairs("templates")
    known = Known([query.name for query in queries], texts, warnings)
    acts = operations(fields, level, known)
    _versions(fields)
    fields.value("integrationInstanceId")
    return Rule(
        pack=pack,
        index=index,
        name=name or "",
        description=_description(fields),
        queries=queries,
        level=level,
        interval=Interval[interval],
        operations=acts,
        outputs=fields.texts("outputs", limit=MAX_OUTPUTS) or DEFAULT_OUTPUTS,
        templates=templates(texts, fields, known.with_queries(asked_by(acts))),
        tags=fields.texts("tags", limit=MAX_OUTPUTS),
        labels=fields.value("labels"),
        notify_on_failure=fields.flag("notifyOnFailure"),
        trigger_actions_on_new_entities_only=fields.flag("triggerActionsOnNewEntitiesOnly"),
        ignore_previous_results=fields.flag("ignorePreviousResults"),
        evaluate_on_change=fields.choice("evaluateOn", ("schedule", "change"), "schedule") == "change",
        remediation=fields.text("remediationSteps", limit=MAX_TEXT) or "",
        id=fields.text("id", limit=MAX_NAME) or "",
        version=fields.number("version"),
        rest=MappingProxyType(fields.rest()),
        warnings=tuple(warnings),
    )


def _description(fields: Fields) -> str:
    return (
        fields.text("description", limit=MAX_TEXT, required="say in one paragraph what the rule finds") or ""
    )


def _versions(fields: Fields) -> None:
    spec = fields.number("specVersion")
    if spec is not None and spec != 1:
        fields.problem("specVersion", f"is {spec}; this version reads rules of specVersion 1")


def _unknown(fields: Fields) -> list[str]:
    unused = [f"{fields.at(name)}: is not known to this version; kept and not used" for name in fields.rest()]
    if fields.raw.get("ignorePreviousResults") is True:
        unused.append(f"{fields.at('ignorePreviousResults')}: is kept and not used in this version")
    return unused


def _queries(fields: Fields) -> tuple[tuple[RuleQuery, ...], list[str]]:
    """Read the queries of either form; a missing name is `query0`, `query1`, … by position."""
    question = fields.object("question")
    if question is not None and fields.has("queries"):
        fields.problem("question", "stands beside queries; keep one of the two")
    holder = fields if question is None else question
    found = holder.objects("queries", limit=MAX_QUERIES)
    fields.value("queries")
    if not holder.raw.get("queries"):
        holder.problem("queries", 'holds no query; write [{"query": "FIND …"}]')
    queries, warnings, names = [], [], set()
    for position, each in enumerate(found):
        query = _query(each, position)
        if query.name in names:
            each.problem("name", f"is {query.name!r} like that of a query before; rename one")
        names.add(query.name)
        queries.append(query)
        warnings += _unknown(each)
    if question is not None:
        warnings += _unknown(question)
    return tuple(queries), warnings


def _query(fields: Fields, position: int) -> RuleQuery:
    version = fields.text("version", limit=MAX_NAME)
    if version not in (None, "v1"):
        fields.problem("version", f"is {shown(version)}; this version runs queries of version 'v1'")
    return RuleQuery(
        name=fields.text("name", limit=MAX_NAME) or f"query{position}",
        text=fields.text("query", limit=MAX_TEXT, required="write a J1QL query") or "",
        include_deleted=fields.flag("includeDeleted"),
    )
