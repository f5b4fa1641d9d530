"""The graph image beside its peers: the same data, the same questions, one process for each measurement."""
