"""Boundaries: read, stored, published, and asked where a point belongs. Knows nothing of the web or of work orders."""
