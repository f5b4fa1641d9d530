"""Meaning: nodes → what each name stands for and which types meet, or the error that says so."""
