"""The relations that statements are asked of: tables in memory, over a base, under rows laid over it."""
