"""Starter configurations for one's own data: what `danq init` looks at, chooses and writes."""
