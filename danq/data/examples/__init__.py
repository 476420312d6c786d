"""Labelled rows that bring their own sequence, text or image."""
