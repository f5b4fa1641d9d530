"""No target: a step without its THAT, its verb or its class → what was meant (section 17)."""

from __future__ import annotations

from secgraph.errors import QueryError
from secgraph.j1ql.text.advice import nearest
from secgraph.j1ql.text.cursor import Cursor, is_name, last_step
from secgraph.j1ql.text.lexer import Kind, Token

EXPECTED_ENTITY = "a class, a type, `*`, `(`, `#` or a quoted text"

_ARROWS = {">": ">>", "<": "<<"}


def no_entity(cursor: Cursor) -> QueryError:
    """The error at the next token, which begins no class or type."""
    token, follows = cursor.token, cursor.ahead()
    if token.kind is Kind.BRACKET:
        names = token.value.replace(",", "|").replace(" ", "")
        message = "Several classes or types are written (A|B)."
        return cursor.error(EXPECTED_ENTITY, message, suggestion=f"({names})")
    verb = cursor.tokens[cursor.index - 1]
    if token.keyword in ("WITH", "THAT", "AS") and (verb.keyword in ("FIND", "UNIQUE") or last_step(cursor)):
        message = f"Before {token.text} a class or type is missing, or * for any"
        message += "; a relationship itself is filtered in WHERE." if last_step(cursor) else "."
        return cursor.error(EXPECTED_ENTITY, message, suggestion=f"* {token.text}")
    if not last_step(cursor) or not (is_name(verb) or verb.text == ")"):
        return cursor.error(EXPECTED_ENTITY)
    if token.text == "|" and is_name(follows):
        message = "Several verbs are written (A|B)."
        at = cursor.stretch(verb, follows)
        return cursor.error(EXPECTED_ENTITY, message, suggestion=f"({verb.text}|{follows.text})", at=at)
    if token.text == "!" and is_name(follows):
        at = cursor.stretch(verb, follows)
        suggestion = f"!{verb.text} {follows.text}"
        return cursor.error(EXPECTED_ENTITY, "The ! stands before the verb.", suggestion=suggestion, at=at)
    return _arrow(cursor) or _no_verb(cursor, verb)


def _arrow(cursor: Cursor) -> QueryError | None:
    """`->`, `<-`, `>`: the arrows of other languages."""
    token, follows = cursor.token, cursor.ahead()
    last: Token = follows if {token.text, follows.text} & {"-"} else token
    signs = {token.text, last.text} - {"-"}
    if len(signs) != 1 or not signs <= _ARROWS.keys():
        return None
    arrow = _ARROWS[signs.pop()]
    at = cursor.stretch(token, last)
    return cursor.error(EXPECTED_ENTITY, "The arrows are >> and <<.", suggestion=arrow, at=at)


def _no_verb(cursor: Cursor, verb: Token) -> QueryError:
    """`THAT Finding`, `THAT ! aws_instance`: what was read as the verb is written like a class or a type."""
    named = verb.text.istitle() or (verb.text.islower() and "_" in verb.text)
    leader = cursor.tokens[cursor.index - 2]
    if not named or not (leader.keyword == "THAT" or leader.text == "!"):
        return cursor.error(EXPECTED_ENTITY)
    message = f"{verb.text} is read as the verb; between THAT and a class stands a relationship."
    suggestion = f"RELATES TO {verb.text}"
    return cursor.error("a verb", message, suggestion=suggestion, token=verb)


def headless(cursor: Cursor, opening: Token) -> QueryError:
    """`(HAS|USES) X` and `(HAS X)?`: a THAT is missing before the bracket, or in it."""
    if not cursor.at_name():
        return cursor.error("THAT")
    message = "A step begins with THAT."
    if nearest(cursor.token.text, ["THAT"]):
        return cursor.error("THAT", message, suggestion="THAT")
    if cursor.ahead().text == "|":
        return cursor.error("THAT", message, suggestion="THAT (", token=opening)
    return cursor.error("THAT", message, suggestion=f"THAT {cursor.token.text}")


def refuse_question(cursor: Cursor, start: int) -> None:
    """`THAT IS? Person`: the whole hop is optional, not its verb."""
    if not cursor.at_symbol("?"):
        return
    hop = " ".join(token.text for token in cursor.tokens[: cursor.index] if token.start >= start)
    target = cursor.ahead().text
    message = "A hop is made optional by brackets around all of it and ? after them."
    raise cursor.error(EXPECTED_ENTITY, message, suggestion=f"({hop} {target})?".replace(" )", ")"))
