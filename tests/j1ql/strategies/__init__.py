"""Random graphs and random queries over the whole grammar, valid by construction and mostly with an answer.

choices   the only thing that draws: numbers, from which all else is chosen; they shrink to the plainest
graphs    small graphs whose properties differ in type, with loops, parallels, deleted and missing ends
literals  values as a query writes them, and the parameters
filters   comparisons with AND and OR
steps     entities, hops, negations and optional blocks, and the names that they give
columns   expressions, aggregates and the items of RETURN
queries   whole queries
"""
