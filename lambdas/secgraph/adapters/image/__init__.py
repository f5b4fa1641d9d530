"""The files of the graph image: how they are written, kept at hand and read. In: rows. Out: files, SQL."""
