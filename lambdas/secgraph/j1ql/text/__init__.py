"""Text: characters → tokens, and what every message about a text needs: where, and what was meant."""
