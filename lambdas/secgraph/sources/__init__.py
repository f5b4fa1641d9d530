"""What the sources of findings hold, and how complete the graph is: scopes, runs, the ledger."""
