"""The biology that needs no learning: sequences, intervals, contig names."""
