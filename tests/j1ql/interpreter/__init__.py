"""A slow, obvious reading of j1ql.md: a parsed query over plain Python objects → every answer it may have.

graph        what is visible
moments      date.now, date(…) and offsets → epoch milliseconds
regexes      the RE2 subset, by Python's re
values       the types, and one value against another
filters      comparisons with one value, a list, a subquery; AND, OR
selectors    which entities a selector and its WITH take
paths        steps, negations and optional blocks → paths, and the records that they name
expressions  arithmetic and functions
aggregates   count, sum, avg, min, max over a group of paths
order        sorting, SKIP and LIMIT, and what they leave open
shapes       records as the response shows them
results      list, table, tree
agreement    does a response say what the interpreter says?

It is written from the specification and knows nothing of the compiler, so that a mistake made there is not
made here: of `secgraph.j1ql` it imports the nodes only (test_interpreter.py holds it to that). Nothing here
is meant to be fast.
"""
