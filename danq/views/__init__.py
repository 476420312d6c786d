"""Regions that are looked at closely: predictions along them, peaks of the tracks, variants and effects."""
