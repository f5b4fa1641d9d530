"""J1QL, the query language: text → Query → checked Query → SQL → result (j1ql.md).

In the order the data flows; each folder knows only those before it, and the nodes:

text      lexer → tokens, a cursor over them; advice, caret and terminal for all that is told to people
holes     template ← insertions ← placeholders: a saved query → text with its holes filled
remedies  nofind, notarget, noproperty, novalue, operators, leftovers and strangers: what was meant where
          something else was due
grammar   values ← expressions ← filters ← clauses ← parser → nodes
meaning   scopes, grouping, types ← names → what each name stands for, or the error that says so
server    parameters, smart_classes, settings: what an administrator has set for every query
sql       selectors and predicates; frames ← sets ← paths, trees; functions, scalars, aggregates ← columns,
          projections; query_sql ← compiler → plan, which describe puts into words; growth, where a query
          that hit a limit grew
warnings  holders ← absences, misfits ← checks → what the graph cannot answer
results   response ← rows; render → table, tree, CSV or JSON
          nodes print themselves (printing); moments, regexes and signatures are part of them; walk and
          steps iterate over them
"""

from __future__ import annotations

from secgraph.j1ql.grammar.parser import parse

__all__ = ["parse"]
