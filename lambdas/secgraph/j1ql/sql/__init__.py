"""SQL: a checked query and a catalogue → one statement, the shape of its rows, and a readable plan."""
