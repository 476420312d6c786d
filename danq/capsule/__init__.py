"""A run of the workflow frozen as a capsule, and made again from it."""
