"""The stories, one short function each, over ports."""
