"""Alerts: their state over evaluations, and the messages about them."""
