"""Measurements on a seeded synthetic estate: `make bench` prints one table."""
