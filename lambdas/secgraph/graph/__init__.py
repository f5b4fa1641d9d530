"""The graph: what was observed, how observations become one entity, and what queries may read."""
