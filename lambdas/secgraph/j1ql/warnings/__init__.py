"""Warnings: a checked query and a catalogue → what runs and was probably not meant (section 17)."""
