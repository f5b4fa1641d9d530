"""Remedies: what stands where something else was due → the error that says what was meant (section 17)."""
