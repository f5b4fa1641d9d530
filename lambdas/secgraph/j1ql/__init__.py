"""J1QL, the query language: text → Query → checked Query → SQL → result (j1ql.md).

saved text holes ← insertions ← placeholders → text with its holes filled
text       lexer         → tokens
parser     values ← expressions ← operators ← filters ← clauses ← parser, over cursor; moments, regexes;
           → nodes
server     parameters, smart_classes: what an administrator has set for every query
names      scopes, grouping, types, signatures: what each name means, or the error that says so
compiler   selectors, predicates; frames ← sets ← paths, trees, projections; functions, scalars, aggregates,
           columns, typed; query_sql over compilation → plan, which describe puts into words
growth     after a limit was hit: the beginnings of the query to count, and the step where it grew
warnings   names and types that nothing in the graph has: holders; absences, misfits over fits
result     rows → response; render → table, tree, CSV or JSON
messages   strays, nofind, notarget, noproperty, novalue, leftovers and strangers say what was meant where
           something else was due, out of advice and lists; caret says where, terminal keeps them harmless
nodes      print themselves (printing); walk and steps iterate over them
"""

from __future__ import annotations

from secgraph.j1ql.parser import parse

__all__ = ["parse"]
