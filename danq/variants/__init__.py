"""Variants of a genome: read, placed, and put into the windows that a model sees."""
