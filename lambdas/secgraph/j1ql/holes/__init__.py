"""Holes: a saved query with {{names}} → its text with values in their place (j1ql.md section 15)."""
