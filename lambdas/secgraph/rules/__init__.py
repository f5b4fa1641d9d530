"""Alert rules: packs and their conditions."""
