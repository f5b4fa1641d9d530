"""Server: what an administrator has set for every query: stored parameters, smart classes."""
