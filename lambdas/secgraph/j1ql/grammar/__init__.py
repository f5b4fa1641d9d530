"""Grammar: tokens → nodes, one file for each part of a query (j1ql.md section 3)."""
