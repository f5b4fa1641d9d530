"""J1QL, the query language: text → Query → checked Query → SQL → result (j1ql.md)."""

from __future__ import annotations

from secgraph.j1ql.parser import parse

__all__ = ["parse"]
