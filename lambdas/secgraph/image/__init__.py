"""The graph image: a read copy of the graph in columns. In: items. Out: rows, files and a manifest of
them."""
